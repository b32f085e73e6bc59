package matcher

import (
	"context"
	"math/bits"
	"sort"
)

// bucketGoal is how many pairs a bucket is made to hold, if the bits suffice: so
// few that they are sorted in a core's nearest cache.
const bucketGoal = 1 << 12

// sortPairs empties the spreads and gives their pairs sorted by token, then
// value, as the column of an index. change, where not nil, gives the value that
// a pair of spread i stands for.
//
// Sorting is an MSD radix sort (McIlroy, Bostic & McIlroy, "Engineering Radix
// Sort", 1993) that adding began: the pairs of a leading byte are put into
// buckets of the next bits, in the column itself, and each bucket is sorted in
// a worker's memory. Tokens are outputs of a PRF, so buckets come out even;
// equal tokens and skewed keys only cost time.
//
// Memory: the column beside the spreads, and a bucket for each worker.
func sortPairs(ctx context.Context, workers int, from []*spread, change func(i int, value uint32) uint32, work func() settling) (column []byte, err error) {
	n, begins := 0, [1<<spreadBits + 1]int{}
	for d := range 1 << spreadBits {
		for _, s := range from {
			n += s.size(d)
		}
		begins[d+1] = n
	}
	column = newColumn(n * pairSize)
	to := pairsOf(column)
	kept := [1 << spreadBits]int{}
	scratch := make([]*pairSorter, workers)
	err = parallel(ctx, workers, 1<<spreadBits, func(worker, d int) error {
		if scratch[worker] == nil {
			scratch[worker] = &pairSorter{from: from, change: change, settling: work()}
		}
		kept[d] = scratch[worker].sortByte(d, to[begins[d]:begins[d+1]])
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range from {
		*s = spread{}
	}
	at := 0
	for d, n := range kept { // close the gaps, if any
		if at < begins[d] {
			copy(to[at:], to[begins[d]:begins[d]+n])
		}
		at += n
	}
	return fitted(column[:at*pairSize]), nil
}

// fitted gives the bytes of a column in memory of their own, where what they lie
// in is large and mostly unused: an index of a million equal rows is one token.
func fitted(column []byte) []byte {
	if cap(column) < 1<<20 || len(column) > cap(column)/2 {
		return column
	}
	own := newColumn(len(column))
	copy(own, column)
	return own
}

// settling is what a worker does with what is sorted.
type settling struct {
	// settle gets the sorted pairs of each bucket, those of a leading byte in
	// order; equal tokens are in one bucket. It gives those to keep, in the memory
	// it was given. lead and shift name the bucket: tokens whose hi >> shift is
	// lead.
	settle func(sorted []pair, lead uint64, shift int) []pair
	// done, where not nil, is called after the buckets of leading byte d.
	done func(d int)
}

// settleBy is what every worker does with function settle alone.
func settleBy(settle func(sorted []pair, lead uint64, shift int) []pair) func() settling {
	return func() settling { return settling{settle: settle} }
}

// pairSorter is one worker's part of sortPairs.
type pairSorter struct {
	settling
	from   []*spread
	change func(i int, value uint32) uint32
	bucket bucketSorter
	next   [1 << byteBits]int
}

const byteBits = 9 // buckets of a leading byte at most: 512 × 4,096 × 256 pairs

// sortByte sorts the pairs of leading byte d into to, as long as they are many, and
// tells how many were kept, at its beginning.
func (s *pairSorter) sortByte(d int, to []pair) int {
	digits := min(bits.Len(uint(len(to)/bucketGoal)), byteBits)
	shift, mask := 64-spreadBits-digits, uint64(1)<<digits-1
	next := s.next[:1<<digits]
	clear(next)
	for _, f := range s.from {
		f.each(d, func(pairs []pair) {
			for i := range pairs {
				next[pairs[i].hi>>shift&mask]++
			}
		})
	}
	sum := 0
	for b, n := range next {
		next[b] = sum
		sum += n
	}
	for i, f := range s.from {
		f.each(d, func(pairs []pair) {
			for _, p := range pairs {
				if s.change != nil {
					p = p.with(s.change(i, p.value()))
				}
				at := &next[p.hi>>shift&mask]
				to[*at] = p
				*at++
			}
		})
	}
	begin, kept := 0, 0
	for b, end := range next {
		sorted := s.bucket.sort(to[begin:end], spreadBits+digits)
		kept += copy(to[kept:], s.settle(sorted, uint64(d)<<digits|uint64(b), shift))
		begin = end
	}
	if s.done != nil {
		s.done(d)
	}
	return kept
}

// within gives the tokens of s whose hi >> shift is lead.
func (s *tokenSet) within(lead uint64, shift int) []pair {
	first := func(l uint64) int {
		return sort.Search(s.len(), func(i int) bool { return s.pairs[i].hi>>shift >= l })
	}
	return s.pairs[first(lead):first(lead+1)]
}
