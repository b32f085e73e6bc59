package entrustment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// schemaOf names each document's JSON Schema and the type it describes.
var schemaOf = map[string]struct {
	doc string
	typ reflect.Type
}{
	"party.json":       {"party.yaml", reflect.TypeFor[Party]()},
	"policies.json":    {"policies.yaml", reflect.TypeFor[Policies]()},
	"base.json":        {"base.yaml", reflect.TypeFor[BaseSchema]()},
	"list.json":        {"list.yaml", reflect.TypeFor[ListSchema]()},
	"entrustment.json": {"contract.yaml", reflect.TypeFor[Contract]()},
	"report.json":      {"spec.yaml", reflect.TypeFor[Question]()},
	"campaign.json":    {"campaign.yaml", reflect.TypeFor[Campaign]()},
	"gate.json":        {"gate.yaml", nil}, // its type is the aggregator's
}

func loadSchema(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := JSONSchema(strings.TrimSuffix(name, ".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func TestEveryDocumentHasASchema(t *testing.T) {
	if _, err := JSONSchema("../errors"); err == nil {
		t.Error("there is a schema of no document")
	}
	files, err := filepath.Glob("schemas/*.json")
	if err != nil || len(files) != len(schemaOf) {
		t.Fatalf("%d schemas for %d documents: %v", len(files), len(schemaOf), err)
	}
}

// The keys, the required keys and the enums of each schema are those of the
// type that reads the document.
func TestSchemasDescribeTheTypes(t *testing.T) {
	for name, s := range schemaOf {
		if s.typ != nil {
			doc := loadSchema(t, name)
			compareSchema(t, name, doc, doc, s.typ, map[reflect.Type]bool{})
		}
	}
}

func compareSchema(t *testing.T, path string, root, s map[string]any, typ reflect.Type, seen map[reflect.Type]bool) {
	t.Helper()
	s = resolve(root, s)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if e, ok := reflect.Zero(typ).Interface().(enum); ok {
		var got []string
		for _, v := range s["enum"].([]any) {
			if v != "" {
				got = append(got, v.(string))
			}
		}
		want := e.Allowed()
		if strings.HasSuffix(path, ".runs") {
			want = want[:len(want)-1] // what was outsourced can't be outsourced again
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the schema allows %v, the type %v", path, got, want)
		}
		return
	}
	switch typ {
	case reflect.TypeFor[Generaliser]():
		compareSchema(t, path, root, s["oneOf"].([]any)[1].(map[string]any), reflect.TypeFor[generaliserDoc](), seen)
		return
	case reflect.TypeFor[Country]():
		s = s["oneOf"].([]any)[1].(map[string]any)
	case reflect.TypeFor[Date](), reflect.TypeFor[Days](), reflect.TypeFor[Rate](), reflect.TypeFor[time.Duration]():
		if s["type"] != "string" {
			t.Errorf("%s: a %s is a string", path, typ)
		}
		return
	}
	wantType := ""
	switch typ.Kind() {
	case reflect.Struct:
		if seen[typ] {
			return
		}
		seen[typ] = true
		compareStruct(t, path, root, s, typ, seen)
		return
	case reflect.Slice:
		compareSchema(t, path+"[]", root, s["items"].(map[string]any), typ.Elem(), seen)
		wantType = "array"
	case reflect.Map:
		compareSchema(t, path+".*", root, s["additionalProperties"].(map[string]any), typ.Elem(), seen)
		wantType = "object"
	case reflect.String:
		if s["enum"] != nil || s["const"] != nil {
			return
		}
		wantType = "string"
	case reflect.Bool:
		wantType = "boolean"
	case reflect.Float64:
		wantType = "number"
	case reflect.Int, reflect.Int64:
		wantType = "integer"
	}
	if s["type"] != wantType {
		t.Errorf("%s: the schema says %v, the type %s", path, s["type"], wantType)
	}
}

func compareStruct(t *testing.T, path string, root, s map[string]any, typ reflect.Type, seen map[reflect.Type]bool) {
	t.Helper()
	props := s["properties"].(map[string]any)
	var keys, required []string
	for _, f := range fieldsOf(typ) {
		keys = append(keys, f.name)
		if f.need != "" {
			required = append(required, f.name)
		}
		if p, ok := props[f.name].(map[string]any); ok {
			compareSchema(t, path+"."+f.name, root, p, typ.Field(f.index).Type, seen)
		}
	}
	var listed []string
	for _, k := range asList(s["required"]) {
		listed = append(listed, k.(string))
	}
	slices.Sort(keys)
	slices.Sort(required)
	slices.Sort(listed)
	if got := slices.Sorted(maps.Keys(props)); !slices.Equal(got, keys) {
		t.Errorf("%s: the schema has the keys %v, the type %v", path, got, keys)
	}
	if !slices.Equal(listed, required) {
		t.Errorf("%s: the schema requires %v, the type %v", path, listed, required)
	}
	if s["additionalProperties"] != false {
		t.Errorf("%s: the schema lets unknown keys pass", path)
	}
}

// The required keys are those that DESIGN §8 lists.
func TestRequiredKeysOfTheDesign(t *testing.T) {
	for name, keys := range map[string]string{
		"base.json":        "schema region user_key verified consent identifiers attributes",
		"list.json":        "schema columns",
		"entrustment.json": "schema id flow principal trustee purpose basis identifiers attributes outputs recipients countries retention from until",
		"report.json":      "schema report entrustment",
	} {
		var got []string
		for _, k := range asList(loadSchema(t, name)["required"]) {
			got = append(got, k.(string))
		}
		if strings.Join(got, " ") != keys {
			t.Errorf("%s requires %v, the design %s", name, got, keys)
		}
	}
}

// Each example satisfies its schema, and no longer does once a required key is
// gone or an unknown one is there.
func TestExamplesSatisfyTheirSchemas(t *testing.T) {
	for name, s := range schemaOf {
		root := loadSchema(t, name)
		tree, err := parseNode(&places{at: map[string]place{}}, example(t, s.doc))
		if err != nil {
			t.Fatal(err)
		}
		read := func() map[string]any { return plain(tree).(map[string]any) }
		if err := satisfies(root, root, read()); err != nil {
			t.Errorf("%s does not satisfy %s: %v", s.doc, name, err)
		}
		for _, key := range asList(root["required"]) {
			v := read()
			delete(v, key.(string))
			if satisfies(root, root, v) == nil {
				t.Errorf("%s: %s without %s passes", name, s.doc, key)
			}
		}
		v := read()
		v["extra"] = 1
		if satisfies(root, root, v) == nil {
			t.Errorf("%s: an unknown key passes", name)
		}
		v = read()
		v["schema"] = "awase.other/v1"
		if satisfies(root, root, v) == nil {
			t.Errorf("%s: another schema passes", name)
		}
	}
}

// plain gives a tree as encoding/json would. (The YAML library's own
// conversion makes a string of 1e-8.)
func plain(n *node) any {
	switch n.kind {
	case nullNode:
		return nil
	case seqNode:
		out := []any{}
		for _, i := range n.items {
			out = append(out, plain(i))
		}
		return out
	case mapNode:
		out := map[string]any{}
		for i, k := range n.keys {
			out[k.text] = plain(n.items[i])
		}
		return out
	}
	var v any
	if n.quoted || json.Unmarshal([]byte(n.text), &v) != nil {
		return n.text
	}
	return v
}

func asList(v any) []any { l, _ := v.([]any); return l }

func resolve(root, s map[string]any) map[string]any {
	for {
		ref, ok := s["$ref"].(string)
		if !ok {
			return s
		}
		s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
}

// satisfies checks v against the part of JSON Schema that our files use; an
// unknown keyword is an error, so that none is passed over.
func satisfies(root, s map[string]any, v any) error {
	for _, word := range slices.Sorted(maps.Keys(s)) {
		if err := keyword(root, s, word, s[word], v); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return nil
}

func keyword(root, s map[string]any, word string, arg, v any) error {
	object, _ := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	number, isNumber := v.(float64)
	bad := func(no bool) error {
		if no {
			return fmt.Errorf("%v", v)
		}
		return nil
	}
	limit, _ := arg.(float64)
	switch word {
	case "$schema", "$defs", "title", "description":
		return nil
	case "$ref":
		return satisfies(root, resolve(root, s), v)
	case "type":
		is := map[string]bool{"object": object != nil, "array": isList, "string": isText, "number": isNumber,
			"integer": isNumber && number == math.Trunc(number), "boolean": v == true || v == false}
		return bad(!is[arg.(string)])
	case "const":
		return bad(v != arg)
	case "enum":
		return bad(!slices.Contains(arg.([]any), v))
	case "pattern":
		return bad(isText && !regexp.MustCompile(arg.(string)).MatchString(text))
	case "minLength":
		return bad(isText && utf8.RuneCountInString(text) < int(limit))
	case "maxLength":
		return bad(isText && utf8.RuneCountInString(text) > int(limit))
	case "minimum":
		return bad(isNumber && number < limit)
	case "maximum":
		return bad(isNumber && number > limit)
	case "exclusiveMinimum":
		return bad(isNumber && number <= limit)
	case "minItems":
		return bad(isList && len(list) < int(limit))
	case "maxItems":
		return bad(isList && len(list) > int(limit))
	case "uniqueItems":
		for i, x := range list {
			if slices.Contains(list[:i], x) {
				return bad(true)
			}
		}
		return nil
	case "minProperties":
		return bad(object != nil && len(object) < int(limit))
	case "maxProperties":
		return bad(object != nil && len(object) > int(limit))
	case "items":
		for _, x := range list {
			if err := satisfies(root, arg.(map[string]any), x); err != nil {
				return err
			}
		}
		return nil
	case "required":
		for _, k := range arg.([]any) {
			if _, ok := object[k.(string)]; object != nil && !ok {
				return fmt.Errorf("%s is missing", k)
			}
		}
		return nil
	case "propertyNames":
		for k := range object {
			if err := satisfies(root, arg.(map[string]any), k); err != nil {
				return err
			}
		}
		return nil
	case "properties":
		for k, sub := range arg.(map[string]any) {
			if x, ok := object[k]; ok {
				if err := satisfies(root, sub.(map[string]any), x); err != nil {
					return fmt.Errorf("%s: %w", k, err)
				}
			}
		}
		return nil
	case "additionalProperties":
		known, _ := s["properties"].(map[string]any)
		for k, x := range object {
			if _, ok := known[k]; ok {
				continue
			}
			sub, ok := arg.(map[string]any)
			if !ok {
				return fmt.Errorf("%s is unknown", k)
			}
			if err := satisfies(root, sub, x); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
		return nil
	case "oneOf":
		n := 0
		for _, sub := range arg.([]any) {
			if satisfies(root, sub.(map[string]any), v) == nil {
				n++
			}
		}
		return bad(n != 1)
	}
	return fmt.Errorf("the test does not know this keyword")
}

// TestDigestIsTheFormats: docs/format.md gives a document as it is hashed, and its
// hash. Who seals with another build, or in another language, has to find the same.
func TestDigestIsTheFormats(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "\n```document\n")
	hashed, after, _ := strings.Cut(after, "\n```\n")
	_, after, _ = strings.Cut(after, "has the hash `")
	want, _, ok := strings.Cut(after, "`")
	if sum := sha256.Sum256([]byte("awase base document v1\n" + hashed)); !ok || hex.EncodeToString(sum[:]) != want {
		t.Fatalf("the page's hash is %q, that of its document %x", want, sum)
	}
	for name, doc := range map[string]string{"as it is hashed": hashed, "as people write": `
drop: []            # empty: as if it weren't there
channels: []
restrictions: [{kind: enquiry_only, column: R&D}]
attributes:
  - {shares: {">=3000000": 0.50, "<3000000": 25e-2}, name: salary, column: 年収, generalise: {amount: [3000000]}}
identifiers: [{kind: email, column: "メール"}]
consent: {date: d, version: 規約}
verified: ok
user_key: uid
region: JP
schema: awase.base/v1
`} {
		s, err := ParseBaseSchema("base.yaml", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Digest(); err != nil || got != want {
			t.Errorf("%s: %q, %v; docs/format.md has %q", name, got, err, want)
		}
	}
}

// TestDigest: comments and the order of keys don't change it, what a document
// says does.
func TestDigest(t *testing.T) {
	const doc = `schema: awase.base/v1
region: JP
user_key: id
verified: ok
consent: {version: v, date: d}
identifiers: [{column: email, kind: email}]
attributes: []
`
	digest := func(text string) string {
		t.Helper()
		s, err := ParseBaseSchema("base.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Digest()
		if err != nil || len(d) != 64 {
			t.Fatalf("%q, %v", d, err)
		}
		return d
	}
	want := digest(doc)
	if digest("# a comment\n"+strings.Replace(doc, "region: JP\nuser_key: id\n", "user_key: id\nregion: JP\n", 1)) != want {
		t.Error("a comment and the order of keys change it")
	}
	for _, change := range [][2]string{{"ok", "all"}, {"version: v", "version: w"}, {"region: JP", "region: US"}, {"attributes: []", "attributes: []\ndrop: [name]"}} {
		if digest(strings.Replace(doc, change[0], change[1], 1)) == want {
			t.Errorf("%q for %q changes nothing", change[1], change[0])
		}
	}
}
