package entrustment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a document. Each is far above what a person writes and low enough
// that reading one can't take the room down.
const (
	maxDocument = 1 << 20 // bytes
	maxDepth    = 32      // mappings and sequences inside one another
	maxNodes    = 20_000  // values in one document
	maxTokens   = 30_000  // YAML tokens; the parser's time grows with their square
)

// Decode reads one strict document into a new T: YAML, or JSON as the subset
// of YAML that it is. It refuses unknown and duplicate keys, a second document,
// anchors, aliases, tags and directives, a value of the wrong type, and a
// `schema:` other than schema. Numbers are decimal and never rounded; null is
// "not given".
//
// Fields are matched by their yaml tag. A field tagged need:"key" must be
// given and may be empty; need:"value" must be given and not be empty. A string
// type with a method Allowed() []string takes those values alone. Beside the
// plain kinds, encoding.TextUnmarshaler and time.Duration are understood.
//
// Every failure is an *Error of CodeDocument whose Field is
// "file:line:column (path)". It repeats key names and short words of the
// document at most, never a value that could be somebody's identifier.
func Decode[T any](file string, data []byte, schema string) (*T, error) {
	v, _, err := decode[T](file, data, schema)
	return v, err
}

// decode is Decode that also tells where each path stood, for the checks that
// come after it.
func decode[T any](file string, data []byte, schema string) (out *T, at *places, err error) {
	at = &places{file: file, at: map[string]place{}}
	// The YAML library has panicked on broken input before; a document is
	// foreign bytes, so nothing it holds may end the process.
	defer func() {
		if recover() != nil {
			out, err = nil, at.refuse("", "can't be read as YAML or JSON", "check the indentation, quotes and brackets")
		}
	}()
	root, err := parseNode(at, data)
	if err != nil {
		return nil, at, err
	}
	if root.kind != mapNode {
		return nil, at, at.refuse("", "a document is a mapping of keys to values", "begin with schema: "+schema)
	}
	if got := root.get("schema"); got == nil || got.kind != scalarNode {
		return nil, at, at.refuse("schema", `required key "schema" is missing`, "write schema: "+schema)
	} else if got.text != schema {
		at.set("schema", got.place)
		if is, ok := documents[got.text]; ok && documents[schema].file != "" {
			return nil, at, at.refuse("schema", "this is "+is.what+" ("+got.text+")", "give "+documents[schema].file+" (schema: "+schema+")")
		}
		return nil, at, at.refuse("schema", "the schema is "+echo(got.text)+", not "+schema, "write schema: "+schema)
	}
	v := new(T)
	if e := (&binder{at}).bind(reflect.ValueOf(v).Elem(), root, ""); e != nil {
		return nil, at, e
	}
	return v, at, nil
}

// parseNode gives the neutral tree of data. Bytes that are JSON are read by
// encoding/json: they mean the same as YAML, and API clients indent with tabs,
// which YAML forbids.
func parseNode(at *places, data []byte) (*node, error) {
	if len(data) > maxDocument {
		return nil, at.refuse("", fmt.Sprintf("the document is larger than %d bytes", maxDocument), "a document is a page or two: check that this is the right file")
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return nil, at.refuse("", "the document is not UTF-8 text", "save it as UTF-8")
	}
	if json.Valid(data) {
		return parseJSON(at, data)
	}
	return parseYAML(at, data)
}

// documents are the documents that people mix up, by their schema.
var documents = map[string]struct{ what, file string }{
	SchemaParty:          {"a party", "a party.yaml"},
	SchemaPolicies:       {"a list of policy versions", "a policies.yaml"},
	SchemaBase:           {"the description of a base", "a base.yaml"},
	SchemaList:           {"the description of a list", "a list.yaml"},
	SchemaEvents:         {"the description of an event log", "an events.yaml"},
	SchemaEntrustment:    {"a contract", "a contract.yaml"},
	SchemaReport:         {"a question", "a spec.yaml"},
	SchemaCampaign:       {"a campaign", "a campaign.yaml"},
	"awase.gate/v1":      {"the gate's parameters", "a gate.yaml"},
	"awase.terms/v1":     {"what awase terms printed", ""},
	"awase.release/v1":   {"a report", ""},
	"awase.log-proof/v1": {"a proof of the record log", ""},
}

// place is a position in a document, both from 1.
type place struct{ line, col int }

// places remembers where each path of a document stood.
type places struct {
	file string
	at   map[string]place
}

func (p *places) set(path string, at place) { p.at[path] = at }

// refuse gives the error for path. Where the path itself is not in the
// document its nearest parent's position is given.
func (p *places) refuse(path, detail, mend string) *Error {
	return p.refuseAs(CodeDocument, path, detail, mend)
}

func (p *places) refuseAs(code Code, path, detail, mend string) *Error {
	field := p.file
	if field == "" {
		field = "document"
	}
	for up := path; ; up = parent(up) {
		if at, ok := p.at[up]; ok {
			field += fmt.Sprintf(":%d:%d", at.line, at.col)
			break
		}
		if up == "" {
			break
		}
	}
	if path != "" {
		field += " (" + path + ")"
	}
	return &Error{Code: code, Field: field, Detail: detail, Mend: mend}
}

// parent cuts the last step off a path: a.b[0] → a.b → a → "".
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// join adds a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// item adds an index to a path.
func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

var (
	word     = regexp.MustCompile(`^[A-Za-z_<>=][A-Za-z0-9_./()<>=-]{0,39}$`)
	nameLike = regexp.MustCompile(`^[\pL_][\pL\pN_ .()-]{0,39}$`)
	// Seven digits or more may be a phone number, a postcode or a member number.
	manyDigits = regexp.MustCompile(`(\pN(ー|[^\pL\pN])*){7}`)
	dayLike    = regexp.MustCompile(`\b20[0-9]{2}(-(0[1-9]|1[0-2])-|(0[1-9]|1[0-2]))(0[1-9]|[12][0-9]|3[01])\b`)
)

// hashLike tells a text that may be a hash or an advertising id of somebody,
// however it is spelled: 16 hex digits in a row, whatever stands between them,
// not all of them letters; or Base64 of 32 bytes.
func hashLike(s string) bool {
	if base64Run.MatchString(s) {
		return true
	}
	run, digit := 0, false
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'f':
			run, digit = run+1, digit || r <= '9'
			if run >= 16 && digit {
				return true
			}
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			run, digit = 0, false
		}
	}
	return false
}

// withoutDays takes days out of a text, one or the two of a span, unless more
// digits stand beside them than belong to a name: a telephone number may have a
// day in it, as 090-20121225 has.
func withoutDays(s string) string {
	days := 0
	rest := dayLike.ReplaceAllStringFunc(s, func(string) string { days++; return "day" })
	if days > 2 || digitRuns.MatchString(rest) {
		return s
	}
	return rest
}

var (
	base64Run = regexp.MustCompile(`^[0-9A-Za-z+/_=-]{43,}$`)
	digitRuns = regexp.MustCompile(`[0-9]{3,}`)
)

const hidden = "(not shown)"

// echo quotes a word of a document for an error, or hides it where it could be
// more than a key or an enum value: somebody will feed a data file where a
// document belongs.
func echo(s string) string {
	if !word.MatchString(s) || manyDigits.MatchString(s) || hashLike(s) {
		return hidden
	}
	return `"` + s + `"`
}

// named quotes the name of an attribute, column or event for a refusal, which
// may be Japanese.
func named(s string) string {
	if !nameLike.MatchString(s) || manyDigits.MatchString(s) || hashLike(s) {
		return hidden
	}
	return `"` + s + `"`
}

// Quote quotes the name of a document or of something in one for a refusal, or
// hides it where it could be more than that.
func Quote(s string) string {
	if e := echo(s); e != hidden {
		return e
	}
	// Names of lists and logs are often days.
	if rest := withoutDays(s); idPattern.MatchString(s) && !manyDigits.MatchString(rest) && !hashLike(rest) { // 2026-spring
		return `"` + s + `"`
	}
	return named(s)
}

// member adds to a path a key that the document's writer chose.
func member(path, key string) string {
	if echo(key) == hidden {
		return path + "[key]"
	}
	return join(path, key)
}
