package matcher

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// ListPart takes some of the rows of a list. Each goroutine that adds has a part
// of its own; which row is in which part changes nothing. It is not safe for
// concurrent use.
type ListPart struct {
	columns []Column

	n      int  // rows added
	plain  bool // the rows are tokens of kind
	kind   Kind
	tokens spread

	arena [][]byte // rows end to end, none across two blocks
	buf   []KindToken
}

// Add takes one row. A row that is refused (*entrustment.Error, whose Field is
// of the row) leaves no trace; the part goes on. A row without identifiers counts
// as a row and matches nobody.
func (b *ListPart) Add(r *ListRow) error {
	if b.plain && len(r.Tokens) == 1 && r.Tokens[0].Kind == b.kind && len(r.Codes) == 0 && b.n < maxRows {
		b.n++
		b.tokens.add(newPair(&r.Tokens[0].Token, 0))
		return nil
	}
	return b.addRow(r)
}

// addRow is Add of a row of any shape.
func (b *ListPart) addRow(r *ListRow) error {
	if int64(b.n) >= maxRows {
		return errListLimit
	}
	if err := checkRow(b.columns, r.Codes, r.Tokens); err != nil {
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
		return overLimit("identifiers", fmt.Sprintf("a row holds at most %d identifiers", maxRowTokens))
	}
	if b.plain {
		b.spill()
	}
	b.n++
	b.keep(pairs, r.Codes)
	return nil
}

var errListLimit = overLimit("rows", fmt.Sprintf("a list holds at most %d rows", maxRows))

func compareKindTokens(a, b KindToken) int {
	if a.Kind != b.Kind {
		return cmp.Compare(a.Kind, b.Kind)
	}
	return bytes.Compare(a.Token[:], b.Token[:])
}

// spill keeps the tokens as rows of any shape are kept.
func (b *ListPart) spill() {
	b.plain = false
	for d := range 1 << spreadBits {
		b.tokens.each(d, func(pairs []pair) {
			for _, p := range pairs {
				b.keep([]KindToken{{p.token(), b.kind}}, nil)
			}
		})
	}
	b.tokens = spread{}
}

// keep writes a row into the arena.
func (b *ListPart) keep(pairs []KindToken, codes []uint8) {
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
