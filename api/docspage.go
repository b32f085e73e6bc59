package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

//go:embed docspage.html
var docsTemplate string

//go:embed docspage.css
var docsStyle string

// styleHash is the page's style as its Content-Security-Policy names it: no other
// runs, should anything of the page ever come from outside.
func styleHash() string {
	h := sha256.Sum256([]byte(docsStyle))
	return "sha256-" + base64.StdEncoding.EncodeToString(h[:])
}

// What the page shows.
type (
	docsView struct {
		Style       template.CSS
		Title       string
		Summary     string
		Description []string // paragraphs
		Tags        []docsTag
		Schemas     []docsSchema
		Roles       []Role
	}
	docsTag struct {
		Name, Text string
		Ops        []docsOp
	}
	docsOp struct {
		ID, Method, Path, Summary string
		Description               []string
		Open, Operator, Session   bool
		Roles                     []Role
		Scope                     string
		Params                    []docsRow
		Body                      *docsBody
		Answers                   []docsAnswer
		Curl                      string
	}
	docsBody struct {
		Media []string
		Type  []docsWord
		Rows  []docsRow
	}
	docsAnswer struct {
		Status, Text string
		Media        []string
		Type         []docsWord
		Headers      []string
	}
	docsSchema struct {
		Name, Text string
		Type       []docsWord
		Rows       []docsRow
	}
	docsRow struct {
		Name, In string
		Required bool
		Type     []docsWord
		Text     string
	}
	docsWord struct{ Text, Ref string } // Ref: the schema that it names
)

// docsPage writes the page of the contract.
func docsPage(doc tree, rows map[string]access) ([]byte, error) {
	v := docsView{Style: template.CSS(docsStyle), Title: doc.get("info").get("title").text(), Summary: doc.get("info").get("summary").text(),
		Description: paragraphs(doc.get("info").get("description").text()), Roles: Roles()}
	d := &docs{doc, rows}
	for _, tag := range doc.get("tags").list() {
		t := docsTag{Name: tag.get("name").text(), Text: tag.get("description").text()}
		t.Ops = d.ops(t.Name)
		if len(t.Ops) > 0 {
			v.Tags = append(v.Tags, t)
		}
	}
	schemas := doc.at("#/components/schemas")
	for _, name := range schemas.keys() {
		s := schemas.get(name)
		v.Schemas = append(v.Schemas, docsSchema{Name: name, Text: s.get("description").text(), Type: d.typeOf(s), Rows: d.rows(s)})
	}
	t, err := template.New("docs").Funcs(template.FuncMap{"spans": spans}).Parse(docsTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading the template of /docs: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("writing /docs: %w", err)
	}
	return b.Bytes(), nil
}

// docs reads the contract for the page.
type docs struct {
	tree
	access map[string]access
}

// resolve follows a reference to what it names.
func (d *docs) resolve(t tree) tree {
	if ref := t.get("$ref").text(); ref != "" {
		return d.at(ref)
	}
	return t
}

func (d *docs) ops(tag string) (out []docsOp) {
	paths := d.get("paths")
	for _, path := range paths.keys() {
		for _, method := range paths.get(path).keys() {
			op := paths.get(path).get(method)
			if !slices.Contains(methods, method) || !slices.Contains(op.get("tags").texts(), tag) {
				continue
			}
			out = append(out, d.op(path, method, paths.get(path), op))
		}
	}
	return out
}

func (d *docs) op(path, method string, item, op tree) docsOp {
	o := docsOp{ID: op.get("operationId").text(), Method: strings.ToUpper(method), Path: path, Summary: op.get("summary").text(), Description: paragraphs(op.get("description").text())}
	row := d.access[o.ID]
	o.Open, o.Operator, o.Session, o.Roles, o.Scope = row.Open, row.Operator, row.Session, row.Roles, row.Scope
	for _, p := range append(item.get("parameters").list(), op.get("parameters").list()...) {
		p = d.resolve(p)
		o.Params = append(o.Params, docsRow{Name: p.get("name").text(), In: p.get("in").text(), Required: p.get("required").text() == "true",
			Type: d.typeOf(p.get("schema")), Text: p.get("description").text()})
	}
	if body := d.resolve(op.get("requestBody")); body.value != nil {
		content := body.get("content")
		o.Body = &docsBody{Media: content.keys()}
		if len(o.Body.Media) > 0 {
			s := content.get(o.Body.Media[0]).get("schema")
			if as := content.get("application/json").get("schema"); as.value != nil { // a document as YAML is the same
				s = as
			}
			o.Body.Type, o.Body.Rows = d.typeOf(s), d.rows(d.resolve(s))
		}
	}
	for _, status := range op.get("responses").keys() {
		r := d.resolve(op.get("responses").get(status))
		a := docsAnswer{Status: status, Text: r.get("description").text(), Media: r.get("content").keys(), Headers: r.get("headers").keys()}
		if len(a.Media) > 0 {
			a.Type = d.typeOf(r.get("content").get(a.Media[0]).get("schema"))
		}
		o.Answers = append(o.Answers, a)
	}
	o.Curl = d.curl(&o, item, op)
	return o
}

// curl writes an example. What stands in capitals the reader puts in.
func (d *docs) curl(o *docsOp, item, op tree) string {
	path, query := o.Path, ""
	for _, p := range append(item.get("parameters").list(), op.get("parameters").list()...) {
		p = d.resolve(p)
		name, value := p.get("name").text(), p.get("example").text()
		if value == "" {
			value = strings.ToUpper(name)
		}
		switch {
		case p.get("in").text() == "path":
			path = strings.ReplaceAll(path, "{"+name+"}", value)
		case p.get("in").text() == "query" && p.get("required").text() == "true":
			query += "&" + name + "=" + value
		}
	}
	if query != "" {
		path += "?" + query[1:]
	}
	var b strings.Builder
	b.WriteString("curl -sS")
	if o.Method == "HEAD" {
		b.WriteString(" -I")
	} else if o.Method != "GET" {
		b.WriteString(" -X " + o.Method)
	}
	b.WriteString(` "$AWASE` + path + `"`)
	line := func(flags string) { b.WriteString(" \\\n  " + flags) } // none so long that it is read half
	switch {
	case o.Session && renews(op):
		line("-b awase.cookies -c awase.cookies")
	case o.Session:
		line("-b awase.cookies")
	case !o.Open:
		line(`-H "Authorization: Bearer $TOKEN"`)
	case renews(op):
		line("-c awase.cookies")
	}
	if o.Method == "POST" && slices.ContainsFunc(o.Params, func(p docsRow) bool { return p.Name == "Idempotency-Key" }) {
		line(`-H "Idempotency-Key: $(uuidgen)"`)
	}
	if o.Body == nil || len(o.Body.Media) == 0 {
		return b.String()
	}
	media, body := o.Body.Media[0], "@FILE"
	for _, m := range o.Body.Media {
		example := d.resolve(op.get("requestBody")).get("content").get(m).get("example")
		if raw, err := example.json(); example.value != nil && err == nil {
			media, body = m, "'"+strings.ReplaceAll(strings.TrimSpace(string(raw)), "'", `'\''`)+"'"
			break
		}
	}
	line("-H \"Content-Type: " + media + "\"")
	line("--data-binary " + body)
	return b.String()
}

// renews tells whether an answer of an operation sets a cookie.
func renews(op tree) bool {
	answers := op.get("responses")
	return slices.ContainsFunc(answers.keys(), func(status string) bool {
		return answers.get(status).get("headers").get("Set-Cookie").value != nil
	})
}

// rows gives the properties of a schema, those of what it is all of too.
func (d *docs) rows(s tree) (out []docsRow) {
	s = d.resolve(s)
	for _, part := range s.get("allOf").list() {
		out = append(out, d.rows(part)...)
	}
	if items := s.get("items"); items.value != nil && items.get("$ref").value == nil {
		return append(out, d.rows(items)...)
	}
	required := s.get("required").texts()
	for _, name := range s.get("properties").keys() {
		p := s.get("properties").get(name)
		text := p.get("description").text()
		if text == "" && p.get("items").value != nil {
			text = p.get("items").get("description").text()
		}
		out = append(out, docsRow{Name: name, Required: slices.Contains(required, name), Type: d.typeOf(p), Text: text})
		for _, sub := range d.below(p) {
			sub.Name = name + sub.Name
			out = append(out, sub)
		}
	}
	return out
}

// below gives the properties of an object that has no name of its own.
func (d *docs) below(p tree) (out []docsRow) {
	step := "."
	if items := p.get("items"); items.value != nil {
		p, step = items, "[]."
	}
	if p.get("$ref").value != nil || p.get("properties").value == nil {
		return nil
	}
	for _, row := range d.rows(p) {
		row.Name = step + row.Name
		out = append(out, row)
	}
	return out
}

// typeOf says in a few words what a schema takes.
func (d *docs) typeOf(s tree) []docsWord {
	word := func(text string) []docsWord { return []docsWord{{Text: text}} }
	if ref := s.get("$ref").text(); ref != "" {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		return []docsWord{{Text: name, Ref: name}}
	}
	for _, of := range [][2]string{{"allOf", " and "}, {"oneOf", " or "}, {"anyOf", " or "}} {
		if parts := s.get(of[0]).list(); len(parts) > 0 {
			var out []docsWord
			for i, p := range parts {
				if i > 0 {
					out = append(out, docsWord{Text: of[1]})
				}
				out = append(out, d.typeOf(p)...)
			}
			return out
		}
	}
	if c := s.get("const"); c.value != nil {
		return word("always " + c.text())
	}
	if enum := s.get("enum").texts(); len(enum) > 0 {
		return word("one of " + strings.Join(enum, ", "))
	}
	kind := s.get("type").text()
	if kinds := s.get("type").texts(); len(kinds) > 0 {
		kind = strings.Join(kinds, " or ")
	}
	switch {
	case s.get("items").value != nil:
		return append(word("list of "), d.typeOf(s.get("items"))...)
	case s.get("additionalProperties").get("type").value != nil || s.get("additionalProperties").get("$ref").value != nil:
		return append(word("object of "), d.typeOf(s.get("additionalProperties"))...)
	}
	for _, key := range []string{"format", "pattern"} {
		if t := s.get(key).text(); t != "" {
			kind += ", " + t
		}
	}
	for _, bound := range [][2]string{{"minimum", " from "}, {"maximum", " to "}, {"minLength", " of at least "}, {"maxLength", " of at most "}} {
		if t := s.get(bound[0]).text(); t != "" {
			kind += bound[1] + t
		}
	}
	if t := s.get("default").text(); t != "" {
		kind += ", else " + t
	}
	if kind == "" {
		kind = "any"
	}
	return word(kind)
}

// docsSpan is a part of a text: in backticks it is code.
type docsSpan struct {
	Text string
	Code bool
}

func spans(text string) (out []docsSpan) {
	for i, part := range strings.Split(text, "`") {
		if part != "" {
			out = append(out, docsSpan{part, i%2 == 1})
		}
	}
	return out
}

// paragraphs splits a text at its line ends.
func paragraphs(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
