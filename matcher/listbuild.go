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
// first because it is uniform: the first 16 bytes nearly decide the order.
const (
	pairLen      = token.Size + 1
	maxRowTokens = 1<<16 - 1
	arenaLen     = 1 << 20
)

// ListBuilder takes the rows of a list and builds it. It keeps the encoding of
// each row, 17 bytes an identifier and 1 an attribute, and 10 bytes a row;
// Build needs about 50 bytes an identifier in all for a moment. It is not safe
// for concurrent use.
type ListBuilder struct {
	options
	columns []Column
	key     [32]byte
	err     error

	arena [][]byte // rows end to end, none across two blocks
	rows  chunked[rowAt]
	buf   []KindToken
	parts *rowParts // nil: nobody is handed the rows

	touched byte // nobody reads it: it keeps the reads alive
}

// rowAt is where a row's encoding lies: a block, and an offset in it. Its
// number of pairs is written before it, in two bytes.
type rowAt struct{ block, offset uint32 }

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
	if b.err != nil {
		return b.err
	}
	field := func() string { return fmt.Sprintf("row %d", b.rows.n+1) }
	if int64(b.rows.n) >= maxRows {
		return overLimit(field(), fmt.Sprintf("a list holds at most %d rows", maxRows))
	}
	if err := checkRow(b.rows.n, b.columns, r.Codes, r.Tokens); err != nil {
		return err
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
	block := b.block(2 + len(pairs)*pairLen + len(r.Codes))
	enc := binary.LittleEndian.AppendUint16(*block, uint16(len(pairs)))
	for i := range pairs {
		enc = append(append(enc, pairs[i].Token[:]...), byte(pairs[i].Kind))
	}
	*block = append(enc, r.Codes...)
	return nil
}

func compareKindTokens(a, b KindToken) int {
	if a.Kind != b.Kind {
		return cmp.Compare(a.Kind, b.Kind)
	}
	return bytes.Compare(a.Token[:], b.Token[:])
}

// block gives the block in which a row of so many bytes goes, and notes the row's
// place.
func (b *ListBuilder) block(size int) *[]byte {
	last := len(b.arena) - 1
	if last < 0 || len(b.arena[last])+size > cap(b.arena[last]) {
		room := arenaLen
		if last < 3 { // a small list must not pay for a large block
			room = 4096 << (4 * (last + 1) / 2)
		}
		b.arena = append(b.arena, make([]byte, 0, max(room, size)))
		last++
	}
	b.rows.add(rowAt{uint32(last), uint32(len(b.arena[last]))})
	return &b.arena[last]
}

// row gives the encoding at a place and its number of pairs.
func (b *ListBuilder) row(at rowAt) (enc []byte, pairs int) {
	raw := b.arena[at.block][at.offset:]
	pairs = int(binary.LittleEndian.Uint16(raw))
	return raw[2 : 2+pairs*pairLen+len(b.columns)], pairs
}

// touch reads a byte of each row. Sorted rows lie all over memory: read one by
// one, each would be waited for; these reads are under way together.
func (b *ListBuilder) touch(at []rowAt, rows []pair) {
	for i := range rows {
		r := at[rows[i].v]
		b.touched += b.arena[r.block][r.offset]
	}
}

// each calls f with every row, in the order added: the order of memory.
func (b *ListBuilder) each(f func(i int, enc []byte, pairs int)) {
	i := 0
	for block := range b.arena {
		for at := (rowAt{block: uint32(block)}); int(at.offset) < len(b.arena[block]); i++ {
			enc, pairs := b.row(at)
			f(i, enc, pairs)
			at.offset += uint32(2 + len(enc))
		}
	}
}

// Build gives the list of the rows added and uses the builder up. The same
// rows in another order, or some of them twice, give the same list.
func (b *ListBuilder) Build(ctx context.Context) (*List, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.err = errBuilt
	l := &List{columns: b.columns}
	canonical, err := b.canonicalise(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("sorting the rows of a list: %w", err)
	}
	codes := make([][]byte, len(b.columns))
	for c := range codes {
		codes[c] = make([]byte, l.rows)
	}
	b.each(func(i int, enc []byte, pairs int) {
		for c, code := range enc[pairs*pairLen:] {
			codes[c][canonical[i]] = code
		}
	})
	for c := range codes {
		l.codes = append(l.codes, newUint8s(codes[c]))
	}
	for k := range Kinds {
		if l.index[k], err = b.buildIndex(ctx, k, canonical, l.rows); err != nil {
			return nil, fmt.Errorf("indexing a list: %w", err)
		}
	}
	b.arena = nil
	return l, nil
}

// canonicalise sorts the rows by encoding and gives each its canonical number,
// equal rows the same; it sets the number of distinct rows and the ListID of l.
func (b *ListBuilder) canonicalise(ctx context.Context, l *List) ([]uint32, error) {
	at := make([]rowAt, 0, b.rows.n)
	b.rows.each(func(_ int, r rowAt) { at = append(at, r) })
	b.rows = chunked[rowAt]{}
	var keys chunked[pair] // the first 16 bytes of a row, zeros past its end
	b.each(func(i int, enc []byte, _ int) {
		var key token.Token
		copy(key[:], enc)
		keys.add(pair{key, uint32(i)})
	})
	sorted, err := sortPairs(ctx, b.workers, &keys)
	if err != nil {
		return nil, err
	}
	encoding := func(p pair) []byte {
		enc, _ := b.row(at[p.v])
		return enc
	}
	hash := newListHash(b.key, b.columns)
	canonical := make([]uint32, len(sorted))
	warm := 0
	for begin, end := 0, 0; begin < len(sorted); begin = end {
		if begin >= warm {
			warm = min(begin+lookups, len(sorted))
			b.touch(at, sorted[begin:warm])
		}
		for end = begin + 1; end < len(sorted) && sorted[end].tok == sorted[begin].tok; end++ {
		}
		run := sorted[begin:end]
		if len(run) > 1 { // equal beginnings: what follows decides
			slices.SortFunc(run, func(x, y pair) int { return bytes.Compare(encoding(x), encoding(y)) })
		}
		if begin/chunkLen != end/chunkLen && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for i, p := range run {
			enc, pairs := b.row(at[p.v])
			if i == 0 || !bytes.Equal(encoding(run[i-1]), enc) {
				hash.row(enc, pairs)
				if err := b.parts.row(enc, pairs); err != nil {
					return nil, err
				}
				l.rows++
			}
			canonical[p.v] = uint32(l.rows - 1)
		}
	}
	hash.u64(l.rows)
	l.id = hash.sum()
	return canonical, b.parts.flush()
}

// row hashes a canonical row after its number of pairs; the number of codes is
// that of the columns.
func (s *sink) row(enc []byte, pairs int) {
	var n [2]byte
	binary.LittleEndian.PutUint16(n[:], uint16(pairs))
	s.bytes(n[:])
	s.bytes(enc)
}

// buildIndex gives the tokens of one kind, each with its first canonical row.
func (b *ListBuilder) buildIndex(ctx context.Context, k Kind, canonical []uint32, rows int) (tokenIndex, error) {
	var src chunked[pair]
	b.each(func(i int, enc []byte, pairs int) {
		for p := range pairs {
			if one := enc[p*pairLen:]; Kind(one[token.Size]) == k {
				src.add(pair{token.Token(one[:token.Size]), canonical[i]})
			}
		}
	})
	// Sorted by token, then row: the first of a run holds the smallest row.
	tokens, values, err := sortColumns(ctx, b.workers, &src, nil, func(sorted []pair, _ uint64, _ int) []pair {
		return slices.CompactFunc(sorted, func(x, y pair) bool { return x.tok == y.tok })
	})
	if err != nil {
		return tokenIndex{}, err
	}
	return openIndex(tokens, values, rows)
}
