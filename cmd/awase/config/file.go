package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxFile   = 64 << 10 // bytes
	maxTokens = 4000     // the parser's time grows with their square
	maxDepth  = 8
)

// reading is the file on its way into values.
type reading struct {
	*problems
	name   string
	values map[string]Value
	schema bool
}

// file reads the file. What is wrong in it is told; what is right is given all the
// same, so that one look shows everything.
func (p *problems) file(name string, data []byte) (out map[string]Value) {
	if name == "" {
		return nil
	}
	r := &reading{problems: p, name: name, values: map[string]Value{}}
	// The YAML library has panicked on broken input before.
	defer func() {
		if recover() != nil {
			r.add(name, "", "it can't be read as YAML", yamlMend)
			out = r.values
		}
	}()
	root := r.parse(data)
	if root == nil {
		return r.values
	}
	m, ok := root.(ast.MapNode)
	if !ok {
		r.wrong(root.GetToken(), "", "a configuration is a mapping of keys to values", "begin with schema: "+Schema)
		return r.values
	}
	r.mapping("", m)
	if !r.schema {
		r.add(name+":1:1", "schema", `required key "schema" is missing`, "write schema: "+Schema)
	}
	return r.values
}

const yamlMend = "check the indentation, quotes and brackets"

func (r *reading) place(t *token.Token) string {
	if t == nil || t.Position == nil {
		return r.name + ":1:1"
	}
	return fmt.Sprintf("%s:%d:%d", r.name, t.Position.Line, t.Position.Column)
}

func (r *reading) wrong(t *token.Token, name, detail, mend string) {
	r.add(r.place(t), name, detail, mend)
}

// parse reads exactly one document.
func (r *reading) parse(data []byte) ast.Node {
	switch {
	case len(data) > maxFile:
		r.add(r.name, "", fmt.Sprintf("it is larger than %d bytes", maxFile), "check that this is the right file")
		return nil
	case !utf8.Valid(data) || slices.Contains(data, 0):
		r.add(r.name, "", "it is not UTF-8 text", "save it as UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(data), "\ufeff"))
	if !r.plain(tokens) {
		return nil
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var t *token.Token // the library's message may quote the file: only the place is kept
		if e, ok := errors.AsType[yaml.Error](err); ok {
			t = e.GetToken()
		}
		r.wrong(t, "", "it can't be read as YAML", yamlMend)
		return nil
	}
	var body ast.Node
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			r.wrong(d.Body.GetToken(), "", "the file holds more than one document", "keep one")
			return nil
		}
		body = d.Body
	}
	if body == nil {
		r.add(r.name+":1:1", "", "it is empty", "begin with schema: "+Schema)
	}
	return body
}

// plain refuses what a configuration has no use for, before the parser recurses
// into it.
func (r *reading) plain(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.add(r.name, "", "it is too large", "check that this is the right file")
		return false
	}
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType, token.MappingKeyType, token.LiteralType, token.FoldedType:
			r.wrong(t, "", "anchors, aliases, tags, directives and blocks of text are not taken", "write the plain value, or quote it")
			return false
		case token.InvalidType:
			r.wrong(t, "", "it can't be read as YAML", yamlMend)
			return false
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if depth > maxDepth || t.Position != nil && t.Position.Column > 2000 {
			r.wrong(t, "", "it is nested too deep", "no key has more than two levels")
			return false
		}
	}
	return true
}

// mapping reads the keys of one level.
func (r *reading) mapping(above string, m ast.MapNode) {
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		node, value := it.Key(), it.Value()
		at := node.GetToken()
		text, ok := scalar(node)
		if !ok {
			r.wrong(at, "", "it is no key", "write a key of docs/config.md")
			continue
		}
		name := text
		if above != "" {
			name = above + "." + text
		}
		if seen[name] {
			r.wrong(at, "", "the key is given twice", "keep one")
			continue
		}
		seen[name] = true
		r.value(name, at, value)
	}
}

// value reads what one key is given.
func (r *reading) value(name string, at *token.Token, value ast.Node) {
	if name == "schema" {
		r.schema = true
		if text, ok := scalar(value); !ok || text != Schema {
			r.wrong(value.GetToken(), name, "it is not "+Schema, "write schema: "+Schema)
		}
		return
	}
	if i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name }); i >= 0 {
		r.given(&keys[i], value)
		return
	}
	group := slices.ContainsFunc(keys, func(k Key) bool { return strings.HasPrefix(k.Name, name+".") })
	switch m, isMap := value.(ast.MapNode); {
	case group && isMap:
		r.mapping(name, m)
	case group && isNull(value):
	case group:
		r.wrong(value.GetToken(), name, "it takes keys of its own", "see docs/config.md")
	default:
		// Not repeated: a file given by mistake may hold anything.
		r.wrong(at, "", "there is no such key here", "see docs/config.md for those that there are")
	}
}

// given reads the value of a key. Null is "not given".
func (r *reading) given(k *Key, value ast.Node) {
	if isNull(value) {
		return
	}
	at := r.place(value.GetToken())
	if k.List {
		seq, ok := value.(*ast.SequenceNode)
		if !ok {
			r.add(at, k.Name, "it is no list", "write it as [a, b]")
			return
		}
		v := Value{Layer: File, At: at}
		for _, item := range seq.Values {
			text, ok := scalar(item)
			if !ok {
				r.wrong(item.GetToken(), k.Name, "it is no plain value", "write a word, or quote it")
				return
			}
			v.Text = append(v.Text, text)
		}
		r.values[k.Name] = v
		return
	}
	text, ok := scalar(value)
	if _, quoted := value.(*ast.StringNode); !ok || k.Type != "string" && quoted && isQuoted(value) {
		r.add(at, k.Name, "it is no plain "+k.Type, "write it as "+k.Name[strings.LastIndexByte(k.Name, '.')+1:]+": "+k.Example)
		return
	}
	r.values[k.Name] = Value{[]string{text}, File, at}
}

// scalar gives a plain value as it is written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func isQuoted(n ast.Node) bool {
	t := n.GetToken().Type
	return t == token.SingleQuoteType || t == token.DoubleQuoteType
}

func isNull(n ast.Node) bool {
	_, ok := n.(*ast.NullNode)
	return ok
}
