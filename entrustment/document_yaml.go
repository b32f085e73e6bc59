package entrustment

import (
	"bytes"
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
		p := place{1, 1}
		if e, ok := errors.AsType[yaml.Error](err); ok {
			p = placeOf(e.GetToken())
			if strings.Contains(e.GetMessage(), "already defined") {
				return nil, g.refuse(p, "a key is given twice", "keep one")
			}
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
