package matcher

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"awase/crypto/token"
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

// ListBuilder takes the rows of a list and builds it. It keeps the encoding of
// each row after its number of pairs: 13 bytes an identifier, 1 an attribute and
// 2 a row; or, of a list of one kind without columns, whose rows have one
// identifier each, the tokens alone. Build needs about 50 bytes an identifier in
// all for a moment. It is not safe for concurrent use.
type ListBuilder struct {
	options
	columns []Column
	key     [32]byte
	err     error

	n      int  // rows added
	plain  bool // the rows are tokens of kind
	kind   Kind
	tokens chunked[token.Token]

	arena [][]byte // rows end to end, none across two blocks
	buf   []KindToken
	parts *rowParts // nil: nobody is handed the rows
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

// Add takes one row. A row that is refused (*entrustment.Error) leaves no
// trace; the builder goes on. A row without identifiers counts as a row and
// matches nobody.
func (b *ListBuilder) Add(r *ListRow) error {
	if b.plain && len(r.Tokens) == 1 && r.Tokens[0].Kind == b.kind && len(r.Codes) == 0 && b.n < maxRows {
		b.n++
		b.tokens.add(r.Tokens[0].Token)
		return nil
	}
	return b.addRow(r)
}

// addRow is Add of a row of any shape.
func (b *ListBuilder) addRow(r *ListRow) error {
	if b.err != nil {
		return b.err
	}
	field := func() string { return fmt.Sprintf("row %d", b.n+1) }
	if int64(b.n) >= maxRows {
		return overLimit(field(), fmt.Sprintf("a list holds at most %d rows", maxRows))
	}
	if err := checkRow(b.n, b.columns, r.Codes, r.Tokens); err != nil {
		return err
	}
	if b.n == 0 && len(b.columns) == 0 && len(r.Tokens) == 1 {
		b.plain, b.kind = true, r.Tokens[0].Kind
		return b.Add(r)
	}
	b.buf = append(b.buf[:0], r.Tokens...)
	for i := 1; i < len(b.buf); i++ {
		// Few rows are not in order: most have one identifier of a kind.
		if b.buf[i].Kind <= b.buf[i-1].Kind {
			slices.SortFunc(b.buf, compareKindTokens)
			break
		}
	}
	pairs := slices.Compact(b.buf)
	if len(pairs) > maxRowTokens {
		return overLimit(field(), fmt.Sprintf("a row holds at most %d identifiers", maxRowTokens))
	}
	if b.plain {
		b.spill()
	}
	b.n++
	b.keep(pairs, r.Codes)
	return nil
}

func compareKindTokens(a, b KindToken) int {
	if a.Kind != b.Kind {
		return cmp.Compare(a.Kind, b.Kind)
	}
	return bytes.Compare(a.Token[:], b.Token[:])
}

// spill keeps the tokens as rows of any shape are kept.
func (b *ListBuilder) spill() {
	b.plain = false
	for i, chunk := range b.tokens.chunks {
		for t := range chunk {
			b.keep([]KindToken{{b.kind, chunk[t]}}, nil)
		}
		b.tokens.chunks[i] = nil
	}
	b.tokens = chunked[token.Token]{}
}

// keep writes a row into the arena.
func (b *ListBuilder) keep(pairs []KindToken, codes []uint8) {
	size := 2 + len(pairs)*pairLen + len(codes)
	last := len(b.arena) - 1
	if last < 0 || len(b.arena[last])+size > cap(b.arena[last]) {
		room := arenaLen
		if last < 3 { // a small list must not pay for a large block
			room = 4096 << (4 * (last + 1) / 2)
		}
		b.arena = append(b.arena, make([]byte, 0, max(room, size)))
		last++
	}
	enc := binary.LittleEndian.AppendUint16(b.arena[last], uint16(len(pairs)))
	for i := range pairs {
		enc = append(append(enc, pairs[i].Token[:]...), byte(pairs[i].Kind))
	}
	b.arena[last] = append(enc, codes...)
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
	if b.plain {
		b.plain = false // Add refuses
		build = b.buildPlain
	}
	if err := build(ctx, l); err != nil {
		return nil, fmt.Errorf("sorting the rows of a list: %w", err)
	}
	return l, nil
}
