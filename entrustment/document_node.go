package entrustment

import "fmt"

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
