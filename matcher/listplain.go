package matcher

import (
	"context"
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"

	"awase/crypto/token"
)

// listDigits is how many leading bits the first pass of a sort of a list takes,
// for so many buckets of their usual size: a range of the ListID is some of
// them.
func listDigits(buckets int) int { return min(max(bits.Len(uint(buckets)), 8), scatterBits) }

// buildPlain builds a list whose rows are one token of one kind: sorted, the
// tokens are the canonical rows and the index.
func (b *ListBuilder) buildPlain(ctx context.Context, l *List) error {
	src := b.tokens
	b.tokens = chunked[token.Token]{}
	digits := listDigits(src.n / bucketGoal)
	lay, err := layOut(ctx, b.workers, len(src.chunks), digits, func(c, shift int, into []int) {
		for i := range src.chunks[c] {
			into[binary.BigEndian.Uint64(src.chunks[c][i][:])>>shift]++
		}
	})
	if err != nil {
		return err
	}
	tokens := newColumn(src.n * token.Size)
	err = lay.scatter(ctx, b.workers, func(c int, next []int) {
		chunk := src.chunks[c]
		for i := range chunk {
			d := binary.BigEndian.Uint64(chunk[i][:]) >> lay.shift
			*(*token.Token)(tokens[next[d]*token.Size:]) = chunk[i]
			next[d]++
		}
	})
	if err != nil {
		return err
	}
	src = chunked[token.Token]{}
	sums, kept, err := b.sortPlain(ctx, lay, tokens)
	if err != nil {
		return err
	}
	at := 0
	for d, n := range kept { // close the gaps, if any
		begin, _ := lay.bucket(d)
		if begin *= token.Size; at < begin {
			copy(tokens[at:], tokens[begin:begin+n])
		}
		at += n
	}
	tokens = tokens[:at]
	l.rows = at / token.Size
	l.id = sums.id(b.key, b.columns, l.rows)
	if err := b.handPlain(tokens); err != nil {
		return err
	}
	return b.indexPlain(l, tokens)
}

// sortPlain sorts each bucket and hashes the rows of each range. kept says how
// many bytes of distinct tokens each bucket begins with.
func (b *ListBuilder) sortPlain(ctx context.Context, lay *layout, tokens []byte) (sums *listSums, kept []int, err error) {
	kept, sums = make([]int, len(lay.ends)), new(listSums)
	work := make([]plainWork, b.workers)
	step := len(lay.ends) / listRanges
	err = parallel(ctx, b.workers, listRanges, func(worker, r int) error {
		w := &work[worker]
		if w.hash == nil {
			w.hash = newRangeHash(b.key)
		}
		for d := r * step; d < (r+1)*step; d++ {
			begin, end := lay.bucket(d)
			sorted := w.sort.sortTokens(tokens[begin*token.Size:end*token.Size], 64-lay.shift)
			kept[d] = len(sorted)
			w.rows = appendPlain(w.rows[:0], sorted, b.kind)
			w.hash.add(w.rows)
		}
		w.hash.sum(&sums[r])
		return nil
	})
	return sums, kept, err
}

// plainWork is a worker's memory.
type plainWork struct {
	sort bucketSorter
	hash *rangeHash
	rows []byte
}

// appendPlain appends the rows of one token of a kind each, after their number
// of pairs.
func appendPlain(rows, tokens []byte, kind Kind) []byte {
	for ; len(tokens) > 0; tokens = tokens[token.Size:] {
		rows = append(append(append(rows, 1, 0), tokens[:token.Size]...), byte(kind))
	}
	return rows
}

// handPlain hands out the rows.
func (b *ListBuilder) handPlain(tokens []byte) error {
	if b.parts == nil {
		return nil
	}
	row := make([]byte, 0, 2+pairLen)
	for at := 0; at < len(tokens); at += token.Size {
		row = appendPlain(row[:0], tokens[at:at+token.Size], b.kind)
		if err := b.parts.row(row); err != nil {
			return err
		}
	}
	return b.parts.flush()
}

// indexPlain makes the indexes: row i holds token i.
func (b *ListBuilder) indexPlain(l *List, tokens []byte) (err error) {
	values := newColumn(l.rows * arrow.Uint32SizeBytes)
	rows := arrow.Uint32Traits.CastFromBytes(values)
	everywhere(l.rows, func(begin, end int) bool {
		for i := begin; i < end; i++ {
			rows[i] = uint32(i)
		}
		return true
	})
	for k := range Kinds {
		if k == b.kind {
			l.index[k], err = openIndex(tokens, values, l.rows)
		} else {
			l.index[k], err = openIndex(nil, nil, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
