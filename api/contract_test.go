package api

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"
)

// everyServer has the operations of a server; nothing can be asked of it.
func everyServer(t *testing.T) *Server {
	t.Helper()
	s, err := New(Options{Inbox: t.TempDir(), Reports: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// templated writes a path of gin's as the contract does.
func templated(path string) string {
	return regexp.MustCompile(`[:*]([a-zA-Z]+)`).ReplaceAllString(path, "{$1}")
}

// The operations are the same in the code, in the contract and in access.yaml.
func TestContractIsTheCode(t *testing.T) {
	s := everyServer(t)
	doc, err := openapi3.NewLoader().LoadFromData(Contract())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("it is OpenAPI %s", doc.OpenAPI)
	}
	type where struct{ method, path string }
	inCode, inContract := map[string]where{}, map[string]where{}
	for _, e := range s.endpoints() {
		if was, twice := inCode[e.op]; twice {
			t.Errorf("%s is %v and %s %s", e.op, was, e.method, e.path)
		}
		inCode[e.op] = where{e.method, templated(e.path)}
	}
	if len(inCode) < 20 {
		t.Fatalf("%d operations: they moved", len(inCode))
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if was, twice := inContract[op.OperationID]; twice {
				t.Errorf("%s is %v and %s %s", op.OperationID, was, method, path)
			}
			inContract[op.OperationID] = where{method, path}
			checkOperation(t, s, doc, method, op)
		}
	}
	for op, w := range inCode {
		if inContract[op] != w {
			t.Errorf("%s is %v in the code and %v in openapi.yaml", op, w, inContract[op])
		}
	}
	for op := range inContract {
		if _, ok := inCode[op]; !ok {
			t.Errorf("the code has no operation %s", op)
		}
	}
	for op := range s.access {
		if _, ok := inCode[op]; !ok {
			t.Errorf("access.yaml has a row for %s, which the code has not", op)
		}
	}
}

// checkOperation holds what every operation says of itself.
func checkOperation(t *testing.T, s *Server, doc *openapi3.T, method string, op *openapi3.Operation) {
	t.Helper()
	row := s.access[op.OperationID]
	if op.Summary == "" || len(op.Tags) != 1 || doc.Tags.Get(op.Tags[0]) == nil {
		t.Errorf("%s has the summary %q and the tags %v", op.OperationID, op.Summary, op.Tags)
	}
	if d := op.Responses.Default(); d == nil || d.Ref != "#/components/responses/Problem" && method != http.MethodHead { // whose answers have no body
		t.Errorf("%s does not say how it refuses", op.OperationID)
	}
	good := 0
	for status := range op.Responses.Map() {
		if status[0] == '2' || status[0] == '3' || status == "101" {
			good++
		}
	}
	if good == 0 {
		t.Errorf("%s has no answer but refusals", op.OperationID)
	}
	if op.Security == nil {
		t.Fatalf("%s does not say who may ask", op.OperationID)
	}
	var scope []string
	for _, one := range *op.Security {
		scope = append(scope, one["token"]...)
	}
	if want := []string{row.Scope}; row.Open && len(*op.Security) > 0 || row.Scope != "" && !slices.Equal(scope, want) || row.Session && (len(*op.Security) != 1 || scope != nil) {
		t.Errorf("%s asks for %v, and access.yaml says %+v", op.OperationID, *op.Security, row)
	}
}

// What the files say is refused where it contradicts itself.
func TestContractBites(t *testing.T) {
	rows, err := readAccess()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := readTree(bytes.Replace(contract, []byte("operationId: room\n"), []byte("operationId: noSuch\n"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := complete(doc, rows); err == nil || !strings.Contains(err.Error(), "noSuch") {
		t.Errorf("an operation without a row: %v", err)
	}
}

// The contract as JSON says what it says as YAML, and both say what the file does.
func TestContractForms(t *testing.T) {
	p, err := makePages()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var a, b, c map[string]any
	if err := yaml.Unmarshal(p.yaml, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(p.json, &b); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(file, &c); err != nil {
		t.Fatal(err)
	}
	same := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if same(a) != same(b) {
		t.Error("JSON and YAML differ")
	}
	for _, key := range []string{"info", "tags"} {
		if same(a[key]) != same(c[key]) {
			t.Errorf("%s is not that of the file", key)
		}
	}
	// The documents' own schemas are where the file names them alone.
	whole, stub := readTreeOf(t, p.yaml).at("#/components/schemas"), readTreeOf(t, file).at("#/components/schemas")
	for _, name := range stub.keys() {
		document := slices.ContainsFunc(documentSchemas, func(d [2]string) bool { return d[0] == name })
		if (same(whole.get(name).value) == same(stub.get(name).value)) == document {
			t.Errorf("the schema %s is that of the file: %v", name, !document)
		}
	}
	if whole.get("Contract").get("properties").get("basis").value == nil || whole.get("Party").get("properties").get("officers").value == nil {
		t.Error("the documents' schemas have no properties")
	}
}

// The page holds everything that the contract does, and nothing that would run.
func TestDocsPage(t *testing.T) {
	p, err := makePages()
	if err != nil {
		t.Fatal(err)
	}
	page := string(p.docs)
	text := html.UnescapeString(page)
	prose := strings.NewReplacer("<code>", "", "</code>", "").Replace(text)
	s := everyServer(t)
	doc, err := openapi3.NewLoader().LoadFromData(Contract())
	if err != nil {
		t.Fatal(err)
	}
	has := func(what string) {
		t.Helper()
		if !strings.Contains(text, what) && !strings.Contains(prose, strings.ReplaceAll(what, "`", "")) {
			t.Errorf("the page has no %q", what)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			has(`id="` + op.OperationID + `"`)
			has(`<a href="#` + op.OperationID + `"`)
			has(method + "</span> " + path + "</code>")
			has(op.Summary)
			for _, line := range paragraphs(op.Description) {
				has(line)
			}
			for _, param := range op.Parameters {
				has(param.Value.Description)
			}
			for status, r := range op.Responses.Map() {
				has(`<td class="name">` + status)
				has(*r.Value.Description)
			}
			if row := s.access[op.OperationID]; row.Scope != "" {
				has("<code>" + row.Scope + "</code>")
			}
			if method != http.MethodGet && method != http.MethodHead {
				has("curl -sS -X " + method + ` "$AWASE/`)
			}
		}
	}
	for name, schema := range doc.Components.Schemas {
		has(`id="schema-` + name + `"`)
		for property, v := range schema.Value.Properties {
			has(`<td class="name">` + property)
			has(v.Value.Description)
		}
	}
	for _, never := range []string{"<script", "javascript:", "onload", "http://", "ZgotmplZ", "components/schemas", "%!"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+m[1]+`"`) {
			t.Errorf("the link to %s leads nowhere", m[1])
		}
	}
	style := page[strings.Index(page, "<style>")+len("<style>") : strings.Index(page, "</style>")]
	if style != docsStyle {
		t.Error("the style is not the one whose hash the policy names")
	}
}

// Every operation that takes JSON shows a body that can be sent as it is, which the
// contract's own check holds against its schema; sign-in keeps the cookie that the
// examples of a session send.
func TestDocsExamples(t *testing.T) {
	p, err := makePages()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(Contract())
	if err != nil {
		t.Fatal(err)
	}
	text, rows := html.UnescapeString(string(p.docs)), everyServer(t).access
	shown := func(op string) string {
		_, after, _ := strings.Cut(text, `<h3 id="`+op+`">`)
		_, after, _ = strings.Cut(after, "<pre>")
		out, _, _ := strings.Cut(after, "</pre>")
		return out
	}
	bodies := 0
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			curl := shown(op.OperationID)
			if session := strings.Contains(curl, "-b awase.cookies"); session != rows[op.OperationID].Session {
				t.Errorf("%s sends a session: %v", op.OperationID, session)
			}
			if op.RequestBody == nil || op.RequestBody.Value.Content["application/json"] == nil {
				continue
			}
			bodies++
			media := op.RequestBody.Value.Content["application/json"]
			raw, err := json.Marshal(media.Example)
			if err != nil || media.Example == nil {
				t.Errorf("%s has no example: %v", op.OperationID, err)
				continue
			}
			_, body, _ := strings.Cut(curl, "--data-binary '")
			if !strings.Contains(curl, `"Content-Type: application/json"`) || !sameJSON([]byte(strings.TrimSuffix(body, "'")), raw) {
				t.Errorf("%s shows %q, not %s", op.OperationID, curl, raw)
			}
		}
	}
	if bodies < 30 {
		t.Errorf("%d operations take JSON: they moved", bodies)
	}
	if curl := shown("signIn"); !strings.Contains(curl, "-c awase.cookies") {
		t.Errorf("sign-in keeps no cookie: %q", curl)
	}
	media := doc.Paths.Find("/v1/reports").Post.RequestBody.Value.Content["application/json"]
	for _, bad := range []any{map[string]any{"question": map[string]any{"schema": "awase.report/v1"}}, map[string]any{"question": map[string]any{"schema": "awase.report/v1", "report": "profile", "entrustment": "a", "dimms": []any{}}}} {
		if media.Schema.Value.VisitJSON(bad) == nil {
			t.Errorf("the contract lets %v ask for a report", bad)
		}
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func readTreeOf(t *testing.T, raw []byte) tree {
	t.Helper()
	out, err := readTree(raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
