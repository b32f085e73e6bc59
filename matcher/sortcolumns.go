package matcher

import (
	"context"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"

	"awase/crypto/token"
)

// sortColumns empties src and gives its pairs sorted by token, then v, as the
// columns of an index. Where rename is not nil, v stands for rename[v].
//
// settle is called with the sorted pairs of each range of leading bits, on
// several goroutines, each range once; equal tokens are in one range. It gives
// those to keep, in the memory it was given. lead and shift name the range:
// tokens whose hi >> shift is lead.
//
// The scatter goes into the columns themselves and each range is sorted in a
// worker's memory. letGo is called when src is let go.
//
// Memory: the columns beside src until the scatter is done, then the columns,
// 20 bytes a pair, and a range for each worker.
func sortColumns(ctx context.Context, workers int, src *chunked[pair], rename []uint32, letGo func(),
	settle func(sorted []pair, lead uint64, shift int) []pair) (tokens, values []byte, err error) {
	n := src.n
	lay, err := layOutPairs(ctx, workers, src)
	if err != nil {
		return nil, nil, err
	}
	tokens, values = newColumn(n*token.Size), newColumn(n*arrow.Uint32SizeBytes)
	v := arrow.Uint32Traits.CastFromBytes(values)
	err = lay.scatter(ctx, workers, func(c int, next []int) {
		chunk := src.chunks[c]
		for i := range chunk {
			d := chunk[i].hi() >> lay.shift
			at := next[d]
			next[d]++
			*(*token.Token)(tokens[at*token.Size:]) = chunk[i].tok
			if v[at] = chunk[i].v; rename != nil {
				v[at] = rename[chunk[i].v]
			}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	*src = chunked[pair]{}
	letGo()

	kept := make([]int, len(lay.ends))
	scratch := make([]bucketSorter, workers)
	err = parallel(ctx, workers, len(lay.ends), func(worker, d int) error {
		begin, end := lay.bucket(d)
		p := scratch[worker].sortPairs(tokens[begin*token.Size:end*token.Size], v[begin:end], 64-lay.shift)
		p = settle(p, uint64(d), lay.shift)
		for i := range p {
			*(*token.Token)(tokens[(begin+i)*token.Size:]) = p[i].tok
			v[begin+i] = p[i].v
		}
		kept[d] = len(p)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	at := 0
	for d := range kept { // close the gaps, if any
		begin, _ := lay.bucket(d)
		if at < begin {
			copy(tokens[at*token.Size:], tokens[begin*token.Size:(begin+kept[d])*token.Size])
			copy(v[at:], v[begin:begin+kept[d]])
		}
		at += kept[d]
	}
	return tokens[:at*token.Size], values[:at*arrow.Uint32SizeBytes], nil
}

// within gives the tokens of s whose hi >> shift is lead.
func (s *tokenSet) within(lead uint64, shift int) []byte {
	first := func(l uint64) int {
		return sort.Search(s.len(), func(i int) bool { return s.hi(i)>>shift >= l })
	}
	if s.len() == 0 {
		return nil
	}
	return s.bytes()[first(lead)*token.Size : first(lead+1)*token.Size]
}
