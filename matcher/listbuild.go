package matcher

import (
	"context"
	"fmt"

	"awase/crypto/token"

	"awase/entrustment"
)

// A row's encoding is its distinct (kind, token) pairs, sorted, each as token ‖
// kind, then its codes. A list has a fixed number of columns, so the length
// tells the number of pairs and no two rows have one encoding. The token goes
// first because it is uniform: the first 12 bytes nearly decide the order.
const (
	pairLen      = token.Size + 1
	maxRowTokens = 1<<16 - 1
	arenaLen     = 1 << 20
)

// ListBuilder takes the rows of a list and builds it. Its parts keep the encoding
// of each row after its number of pairs: 13 bytes an identifier, 1 an attribute
// and 2 a row; or, of a list of one kind without columns, whose rows have one
// identifier each, the tokens alone, 16 bytes each. Build needs about 45 bytes an
// identifier in all for a moment. It is not safe for concurrent use; its parts
// are filled beside one another.
type ListBuilder struct {
	options
	columns []Column
	key     [32]byte
	err     error
	parts   []*ListPart
	own     *ListPart // what Add fills: one of them
	handed  *rowParts // nil: nobody is handed the rows
}

// NewListBuilder begins a list with the given columns; its ListID is made
// under key. Columns that can't be are refused by the first Add or Build.
func NewListBuilder(columns []Column, key [32]byte, opts ...Option) *ListBuilder {
	b := &ListBuilder{options: newOptions(opts), columns: cloneColumns(columns), key: key}
	if b.err = checkMachine(); b.err == nil {
		b.err = checkColumns(columns)
	}
	return b
}

// Part gives a part for a goroutine of its own to fill. Build joins all parts;
// nobody may add to one then.
func (b *ListBuilder) Part() (*ListPart, error) {
	if b.err != nil {
		return nil, b.err
	}
	p := &ListPart{columns: b.columns}
	b.parts = append(b.parts, p)
	return p, nil
}

// Add takes one row into a part of the builder's own, whose rows an error counts.
// A row that is refused (*entrustment.Error) leaves no trace; the builder goes on.
// A row without identifiers counts as a row and matches nobody.
func (b *ListBuilder) Add(r *ListRow) error {
	if b.err != nil {
		return b.err
	}
	if b.own == nil {
		b.own, _ = b.Part()
	}
	if err := b.own.Add(r); err != nil {
		return entrustment.AtRow(err, int64(b.own.n)+1)
	}
	return nil
}

// Build gives the list of the rows added and uses the builder up. The same
// rows in another order, or some of them twice, give the same list.
func (b *ListBuilder) Build(ctx context.Context) (*List, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.err = errBuilt
	l := &List{columns: b.columns}
	build := b.buildRows
	if b.join() {
		build = b.buildPlain
	}
	if err := build(ctx, l); err != nil {
		return nil, fmt.Errorf("sorting the rows of a list: %w", err)
	}
	return l, nil
}

// join makes the parts one of a kind: whether all have tokens of one kind alone.
func (b *ListBuilder) join() (plain bool) {
	filled := b.parts[:0]
	for _, p := range b.parts {
		if p.n > 0 {
			filled = append(filled, p)
		}
	}
	b.parts = filled
	plain = len(filled) > 0
	for _, p := range filled {
		plain = plain && p.plain && p.kind == filled[0].kind
	}
	for _, p := range filled {
		if p.plain && !plain {
			p.spill()
		}
	}
	return plain
}
