package matcher

import (
	"context"
	"encoding/binary"
	"math/bits"
	"slices"

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
	column := newColumn(src.n * pairSize)
	pairs := pairsOf(column)
	err = lay.scatter(ctx, b.workers, func(c int, next []int) {
		chunk := src.chunks[c]
		for i := range chunk {
			p := newPair(chunk[i], 0)
			at := &next[p.hi>>lay.shift]
			pairs[*at] = p
			*at++
		}
	})
	if err != nil {
		return err
	}
	src = chunked[token.Token]{}
	sums, kept, err := b.sortPlain(ctx, lay, pairs)
	if err != nil {
		return err
	}
	l.rows = lay.close(pairs, kept)
	pairs = pairs[:l.rows]
	l.id = sums.id(b.key, b.columns, l.rows)
	if err := b.handPlain(pairs); err != nil {
		return err
	}
	everywhere(l.rows, func(begin, end int) bool { // row i holds token i
		for i := begin; i < end; i++ {
			pairs[i] = pairs[i].with(uint32(i))
		}
		return true
	})
	for k := range Kinds {
		var of []byte
		if k == b.kind {
			of = column[:l.rows*pairSize]
		}
		if l.index[k], err = openIndex(of, l.rows); err != nil {
			return err
		}
	}
	return nil
}

// sortPlain sorts each bucket and hashes the rows of each range. kept says how
// many distinct tokens each bucket begins with.
func (b *ListBuilder) sortPlain(ctx context.Context, lay *layout, pairs []pair) (sums *listSums, kept []int, err error) {
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
			sorted := slices.Compact(w.sort.sort(pairs[begin:end], 64-lay.shift))
			kept[d] = copy(pairs[begin:], sorted)
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
func appendPlain(rows []byte, pairs []pair, kind Kind) []byte {
	for _, p := range pairs {
		t := p.token()
		rows = append(append(append(rows, 1, 0), t[:]...), byte(kind))
	}
	return rows
}

// handPlain hands out the rows.
func (b *ListBuilder) handPlain(pairs []pair) error {
	if b.parts == nil {
		return nil
	}
	row := make([]byte, 0, 2+pairLen)
	for i := range pairs {
		row = appendPlain(row[:0], pairs[i:i+1], b.kind)
		if err := b.parts.row(row); err != nil {
			return err
		}
	}
	return b.parts.flush()
}
