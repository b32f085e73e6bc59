package entrustment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	seqNode
	mapNode
)

func (k nodeKind) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[k]
}

// node is a value of a document, whichever syntax it was written in. The
// library's own decoder is not used: it rounds 10.7 into an int, gives up on a
// whole mapping where one key is a number, and has no notion of a required key.
type node struct {
	kind   nodeKind
	place  place
	text   string // scalarNode: as written, unquoted
	quoted bool   // scalarNode: it was a quoted string
	keys   []key  // mapNode: one for each item
	items  []*node
}

type key struct {
	text  string
	place place
}

func (n *node) get(name string) *node {
	for i, k := range n.keys {
		if k.text == name && n.kind == mapNode {
			return n.items[i]
		}
	}
	return nil
}

// grower builds nodes under the document's limits.
type grower struct {
	at    *places
	nodes int
}

func (g *grower) grow(kind nodeKind, at place, depth int) (*node, error) {
	if g.nodes++; g.nodes > maxNodes {
		return nil, g.refuse(at, fmt.Sprintf("the document holds more than %d values", maxNodes), "check that this is the right file")
	}
	if depth > maxDepth {
		return nil, g.refuse(at, fmt.Sprintf("values are nested more than %d deep", maxDepth), "flatten them")
	}
	return &node{kind: kind, place: at}, nil
}

func (g *grower) refuse(at place, detail, mend string) *Error {
	g.at.set("", at)
	return g.at.refuse("", detail, mend)
}

// checkKeys refuses a key that is given twice: which of the two holds would be
// a matter of the parser.
func (g *grower) checkKeys(n *node) error {
	seen := make(map[string]bool, len(n.keys))
	for _, k := range n.keys {
		if seen[k.text] {
			return g.refuse(k.place, "the key "+echo(k.text)+" is given twice", "keep one")
		}
		seen[k.text] = true
	}
	return nil
}

const yamlMend = "check the indentation, quotes and brackets"

// parseYAML reads exactly one YAML document. Tokens are looked at before the
// library's recursive parser runs, so that ten thousand brackets can't exhaust
// the stack and an alias can't stand for a bomb.
func parseYAML(at *places, data []byte) (*node, error) {
	g := &grower{at: at}
	if err := g.checkLines(data); err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(string(data))
	if err := g.checkTokens(tokens); err != nil {
		return nil, err
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		// The library's message may quote the source: only the place is kept.
		var ye yaml.Error
		p := place{1, 1}
		if errors.As(err, &ye) {
			p = placeOf(ye.GetToken())
		}
		var dup *yaml.DuplicateKeyError
		if errors.As(err, &dup) {
			return nil, g.refuse(p, "a key is given twice", "keep one")
		}
		if strings.Contains(err.Error(), "already defined") {
			return nil, g.refuse(p, "a key is given twice", "keep one")
		}
		return nil, g.refuse(p, "can't be read as YAML or JSON", yamlMend)
	}
	var body ast.Node
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			return nil, g.refuse(placeOf(d.Body.GetToken()), "the file holds more than one document", "write each document into a file of its own")
		}
		body = d.Body
	}
	if body == nil {
		return nil, g.refuse(place{1, 1}, "the document is empty", "write it as DESIGN §8 shows")
	}
	return g.yaml(body, 0)
}

// blockHeader is | or > at the end of a line and at the head of a word.
var blockHeader = regexp.MustCompile(`(^|[^\w<=>|\x{80}-\x{10FFFF}-])[|>]$`)

// checkLines refuses block scalars (a line that ends in | or >) before the
// library's scanner sees them: its time grows with the square of their length,
// and no document needs one.
func (g *grower) checkLines(data []byte) error {
	line := 0
	for l := range bytes.FieldsFuncSeq(bytes.ReplaceAll(data, []byte("\n"), []byte("\n\r")), func(r rune) bool { return r == '\r' }) {
		line += bytes.Count(l, []byte("\n"))
		code, _, _ := bytes.Cut(l, []byte(" #"))
		code = bytes.TrimRight(code, "+-0123456789 \t\n")
		if n := len(code); blockHeader.Match(code) && bytes.TrimLeft(code, " \t")[0] != '#' {
			return g.refuse(place{max(line, 1), n}, "blocks of text are not taken", "write the text on one line, in quotes")
		}
	}
	return nil
}

// checkTokens refuses what documents have no use for and bounds the nesting
// that the parser will recurse into.
func (g *grower) checkTokens(tokens token.Tokens) error {
	if len(tokens) > maxTokens {
		return g.refuse(place{1, 1}, "the document is too large", "check that this is the right file")
	}
	flow, line, inLine, headers := 0, 0, 0, 0
	for i, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return g.refuse(placeOf(t), "anchors, aliases and merge keys are not taken", "write the value out, or quote it")
		case token.TagType, token.DirectiveType:
			return g.refuse(placeOf(t), "tags and directives are not taken", "write the plain value, or quote it")
		case token.MappingKeyType:
			return g.refuse(placeOf(t), "keys are written key: value", "take the ? away, or quote it")
		case token.InvalidType:
			return g.refuse(placeOf(t), "can't be read as YAML or JSON", yamlMend)
		case token.DocumentHeaderType:
			if headers++; headers > 1 || i > 0 && tokens[i-1].Type != token.CommentType {
				return g.refuse(placeOf(t), "the file holds more than one document", "write each document into a file of its own")
			}
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			// "- - - -" nests once for each dash of a line.
			if t.Position != nil && t.Position.Line != line {
				line, inLine = t.Position.Line, 0
			}
			inLine++
		}
		if flow+inLine > maxDepth {
			return g.refuse(placeOf(t), fmt.Sprintf("values are nested more than %d deep", maxDepth), "flatten them")
		}
	}
	return nil
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

func (g *grower) yaml(a ast.Node, depth int) (*node, error) {
	at := placeOf(a.GetToken())
	switch a := a.(type) {
	case *ast.NullNode:
		return g.grow(nullNode, at, depth)
	case *ast.StringNode:
		n, err := g.grow(scalarNode, at, depth)
		if err == nil {
			n.text = a.Value
			n.quoted = a.Token.Type == token.SingleQuoteType || a.Token.Type == token.DoubleQuoteType
		}
		return n, err
	case *ast.LiteralNode:
		n, err := g.grow(scalarNode, at, depth)
		if err == nil {
			n.text, n.quoted = a.Value.Value, true
		}
		return n, err
	case *ast.SequenceNode:
		n, err := g.grow(seqNode, at, depth)
		if err != nil {
			return nil, err
		}
		for _, v := range a.Values {
			kid, err := g.yaml(v, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, kid)
		}
		return n, nil
	case *ast.MappingNode:
		return g.yamlMap(at, a.Values, depth)
	case *ast.MappingValueNode:
		return g.yamlMap(at, []*ast.MappingValueNode{a}, depth)
	case ast.ScalarNode: // numbers, booleans, infinities: the text as written
		n, err := g.grow(scalarNode, at, depth)
		if err == nil {
			n.text = a.GetToken().Value
		}
		return n, err
	}
	return nil, g.refuse(at, "can't be read as YAML or JSON", yamlMend)
}

func (g *grower) yamlMap(at place, values []*ast.MappingValueNode, depth int) (*node, error) {
	n, err := g.grow(mapNode, at, depth)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		k, err := g.yaml(v.Key, depth+1)
		if err != nil {
			return nil, err
		}
		if k.kind != scalarNode {
			return nil, g.refuse(k.place, "a key is a single word", "write key: value")
		}
		if i == 0 {
			n.place = k.place // the library gives the colon's
		}
		kid, err := g.yaml(v.Value, depth+1)
		if err != nil {
			return nil, err
		}
		n.keys, n.items = append(n.keys, key{k.text, k.place}), append(n.items, kid)
	}
	return n, g.checkKeys(n)
}

// parseJSON reads data, which json.Valid holds for.
func parseJSON(at *places, data []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	j := &jsonReader{grower: grower{at: at}, data: data, d: d, at: place{1, 1}}
	t, err := j.next()
	if err != nil {
		return nil, err
	}
	return j.value(t, 0)
}

type jsonReader struct {
	grower
	data []byte
	d    *json.Decoder
	seen int64
	at   place // of the byte at seen
}

// next gives the next token and leaves at on its first byte.
func (j *jsonReader) next() (json.Token, error) {
	j.advance(j.d.InputOffset())
	for j.seen < int64(len(j.data)) && strings.IndexByte(" \t\r\n,:", j.data[j.seen]) >= 0 {
		j.advance(j.seen + 1)
	}
	t, err := j.d.Token()
	if err != nil {
		return nil, j.refuse(j.at, "can't be read as YAML or JSON", yamlMend)
	}
	return t, nil
}

func (j *jsonReader) advance(to int64) {
	for ; j.seen < to; j.seen++ {
		switch b := j.data[j.seen]; {
		case b == '\n':
			j.at = place{j.at.line + 1, 1}
		case b&0xC0 != 0x80: // columns count characters
			j.at.col++
		}
	}
}

func (j *jsonReader) value(t json.Token, depth int) (*node, error) {
	kind := scalarNode
	switch t {
	case nil:
		kind = nullNode
	case json.Delim('['):
		kind = seqNode
	case json.Delim('{'):
		kind = mapNode
	}
	n, err := j.grow(kind, j.at, depth)
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case string:
		n.text, n.quoted = v, true
	case json.Number:
		n.text = v.String()
	case bool:
		n.text = fmt.Sprint(v)
	case json.Delim:
		for {
			t, err := j.next()
			if err != nil {
				return nil, err
			}
			if t == json.Delim(']') || t == json.Delim('}') {
				return n, j.checkKeys(n)
			}
			if kind == mapNode {
				n.keys = append(n.keys, key{t.(string), j.at})
				if t, err = j.next(); err != nil {
					return nil, err
				}
			}
			kid, err := j.value(t, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, kid)
		}
	}
	return n, nil
}
