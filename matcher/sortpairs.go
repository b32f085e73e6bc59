package matcher

import (
	"context"
	"sort"
)

// sortPairs empties src and gives its pairs sorted by token, then value, as the
// column of an index. Where rename is not nil, a value v stands for rename[v].
//
// settle is called with the sorted pairs of each range of leading bits, on
// several goroutines, each range once; equal tokens are in one range. It gives
// those to keep, in the memory it was given. lead and shift name the range:
// tokens whose hi >> shift is lead.
//
// The scatter goes into the column itself and each range is sorted in a
// worker's memory. letGo is called when src is let go.
//
// Memory: the column beside src until the scatter is done, then the column and
// a range for each worker.
func sortPairs(ctx context.Context, workers int, src *chunked[pair], rename []uint32, letGo func(),
	settle func(sorted []pair, lead uint64, shift int) []pair) (column []byte, err error) {
	lay, err := layOutPairs(ctx, workers, src)
	if err != nil {
		return nil, err
	}
	column = newColumn(src.n * pairSize)
	to := pairsOf(column)
	err = lay.scatter(ctx, workers, func(c int, next []int) {
		for _, p := range src.chunks[c] {
			at := &next[p.hi>>lay.shift]
			if rename != nil {
				p = p.with(rename[p.value()])
			}
			to[*at] = p
			*at++
		}
	})
	if err != nil {
		return nil, err
	}
	*src = chunked[pair]{}
	letGo()

	kept := make([]int, len(lay.ends))
	scratch := make([]bucketSorter, workers)
	err = parallel(ctx, workers, len(lay.ends), func(worker, d int) error {
		begin, end := lay.bucket(d)
		sorted := scratch[worker].sort(to[begin:end], 64-lay.shift)
		kept[d] = copy(to[begin:], settle(sorted, uint64(d), lay.shift))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return column[:lay.close(to, kept)*pairSize], nil
}

// close moves what each bucket of p keeps, its first kept[d], so that nothing
// is between, and tells how many they are.
func (l *layout) close(p []pair, kept []int) int {
	at := 0
	for d, n := range kept {
		if begin, _ := l.bucket(d); at < begin {
			copy(p[at:], p[begin:begin+n])
		}
		at += n
	}
	return at
}

// within gives the tokens of s whose hi >> shift is lead.
func (s *tokenSet) within(lead uint64, shift int) []pair {
	first := func(l uint64) int {
		return sort.Search(s.len(), func(i int) bool { return s.pairs[i].hi>>shift >= l })
	}
	return s.pairs[first(lead):first(lead+1)]
}
