package matcher

import (
	"context"
	"math/bits"
)

// needs says what of a match is looked at beyond the clusters.
type needs struct{ rows, kinds bool }

// sets is how many sets of clusters a match makes: one, or one a kind.
func (n needs) sets() int {
	if n.kinds {
		return int(Kinds)
	}
	return 1
}

// hits are the clusters that hold a token of a list.
type hits struct {
	any   bitmap
	kinds [Kinds]bitmap // if needed: by which kinds
	ranks ranks         // if rows are needed: of any
	rows  []uint32      // by rank: the first canonical row that holds a token
}

// matchParts are the ranges of the leading byte that workers share out.
const matchParts = 256

// match finds the clusters of b that hold a token of l: token by token, then
// the union (PRIVACY rule 2). It works on ranges of leading bits. What a
// worker finds it lays down by ranges of clusters; each range is then marked by
// one worker, in a part of the bitmap that its caches hold. The result does not
// depend on who did what.
//
// Memory, from spare: 4 bytes a hit, 8 if rows are needed, and 4 KiB for each
// range and worker; a bit a cluster (for each kind if kinds are needed); 4
// bytes a matched cluster if rows are needed.
func match(ctx context.Context, workers int, spare *spare, b *Base, l *List, need needs) (hits, error) {
	found := make([]*finder, workers)
	for w := range found {
		found[w] = spare.finder(b.clusters(), need)
	}
	err := parallel(ctx, workers, int(Kinds)*matchParts, func(worker, part int) error {
		k := part / matchParts
		f := found[worker]
		f.into = &f.sets[0]
		if need.kinds {
			f.into = &f.sets[k]
		}
		f.find(&b.index[k], &l.index[k], part%matchParts)
		return nil
	})
	if err != nil {
		return hits{}, err
	}
	h, err := union(ctx, workers, spare, b.clusters(), found, need)
	if err != nil {
		return hits{}, err
	}
	if need.rows {
		err = h.firstRows(ctx, workers, b.clusters(), found)
	}
	for _, f := range found {
		spare.finders.Put(f)
	}
	return h, err
}

// rangeShift gives the ranges of clusters: those of one range agree in id >>
// shift. There are at most maxRanges, and a range is some blocks of a count.
func rangeShift(clusters int) uint {
	return uint(max(bits.Len(uint(max(clusters, 1)-1))-rangeBits, blockShift))
}

const (
	rangeBits = 8
	maxRanges = 1 << rangeBits
)

// union marks what was found.
func union(ctx context.Context, workers int, spare *spare, clusters int, found []*finder, need needs) (h hits, err error) {
	for k := range need.sets() {
		h.kinds[k] = spare.bitmap(clusters)
	}
	if h.any = h.kinds[0]; need.kinds {
		h.any = spare.bitmap(clusters)
	}
	shift, words := rangeShift(clusters), len(h.any)
	ranges := clusters>>shift + 1
	err = parallel(ctx, workers, ranges, func(_, r int) error {
		begin, end := min(r<<shift>>6, words), min((r+1)<<shift>>6, words)
		if need.kinds {
			clear(h.any[begin:end])
		}
		for k := range need.sets() {
			set := h.kinds[k]
			clear(set[begin:end])
			for _, f := range found {
				f.each(k, r, func(clusters, _ []uint32) {
					for _, c := range clusters {
						set.set(c)
					}
				})
			}
			if need.kinds {
				or(h.any[begin:end], set[begin:end])
			}
		}
		return nil
	})
	return h, err
}

func or(to, from bitmap) {
	for w := range from {
		to[w] |= from[w]
	}
}

// release gives the bitmaps of h back: nothing reads h afterwards.
func (h *hits) release(spare *spare) {
	spare.give(h.any)
	for k := range h.kinds {
		if k > 0 || h.kinds[1] != nil { // of kind 0 alone, it is any
			spare.give(h.kinds[k])
		}
	}
	*h = hits{}
}

// firstRows gives each matched cluster the smallest row of its hits. A range of
// clusters is a range of ranks, so workers share no memory they write.
func (h *hits) firstRows(ctx context.Context, workers, clusters int, found []*finder) error {
	h.ranks = newRanks(h.any)
	h.rows = make([]uint32, h.ranks.total)
	for i := range h.rows {
		h.rows[i] = ^uint32(0)
	}
	return parallel(ctx, workers, clusters>>rangeShift(clusters)+1, func(_, r int) error {
		for _, f := range found {
			for k := range f.need.sets() {
				f.each(k, r, func(clusters, rows []uint32) {
					for i, c := range clusters {
						rank := h.ranks.of(c)
						h.rows[rank] = min(h.rows[rank], rows[i])
					}
				})
			}
		}
		return nil
	})
}
