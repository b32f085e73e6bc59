package matcher

import "context"

// needs says what of a match is looked at beyond the clusters.
type needs struct{ rows, kinds bool }

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
// the union (PRIVACY rule 2). It works on ranges of leading bits; each worker
// marks clusters in bitmaps of its own, which are ORed at the end, so the
// result does not depend on who did what.
//
// Memory: a bit a cluster for each worker (for each kind if kinds are needed),
// from spare; if rows are needed, 8 bytes a hit and 4 a matched cluster.
func match(ctx context.Context, workers int, spare *spare, b *Base, l *List, need needs) (hits, error) {
	finders := make([]finder, workers)
	err := parallel(ctx, workers, int(Kinds)*matchParts, func(worker, part int) error {
		k := part / matchParts
		f := &finders[worker]
		f.begin(spare, b.clusters(), k, need)
		f.find(&b.index[k], &l.index[k], part%matchParts)
		return nil
	})
	if err != nil {
		return hits{}, err
	}
	h, err := union(ctx, workers, spare, b.clusters(), finders, need)
	if err == nil && need.rows {
		err = h.firstRows(ctx, workers, finders)
	}
	return h, err
}

// union ORs the bitmaps of the finders, and gives back to spare those that h
// does not keep.
func union(ctx context.Context, workers int, spare *spare, clusters int, finders []finder, need needs) (h hits, err error) {
	sets := 1
	if need.kinds {
		sets = int(Kinds)
	}
	var others [Kinds][]bitmap
	for k := range sets {
		for w := range finders {
			switch set := finders[w].found[k]; {
			case set == nil: // the worker came to no part of the kind
			case h.kinds[k] == nil:
				h.kinds[k] = set
			default:
				others[k] = append(others[k], set)
			}
		}
	}
	if h.any = h.kinds[0]; need.kinds {
		h.any = spare.bitmap(clusters)
	}
	words := len(h.any)
	blocks := (words + blockWords - 1) / blockWords
	err = parallel(ctx, workers, blocks, func(_, block int) error {
		begin, end := block*blockWords, min((block+1)*blockWords, words)
		for k := range sets {
			for _, set := range others[k] {
				or(h.kinds[k][begin:end], set[begin:end])
			}
			if need.kinds {
				or(h.any[begin:end], h.kinds[k][begin:end])
			}
		}
		return nil
	})
	for k := range sets {
		for _, set := range others[k] {
			spare.give(set)
		}
	}
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

// firstRows gives each matched cluster the smallest row of its hits. Workers
// own ranges of clusters, so they share no memory they write.
func (h *hits) firstRows(ctx context.Context, workers int, finders []finder) error {
	h.ranks = newRanks(h.any)
	h.rows = make([]uint32, h.ranks.total)
	for i := range h.rows {
		h.rows[i] = ^uint32(0)
	}
	words := len(h.any)
	return parallel(ctx, workers, workers, func(_, part int) error {
		begin, end := uint32(part*words/workers), uint32((part+1)*words/workers)
		for w := range finders {
			for _, chunk := range finders[w].hits.chunks {
				for _, one := range chunk {
					if word := one.cluster >> 6; word >= begin && word < end {
						r := h.ranks.of(one.cluster)
						h.rows[r] = min(h.rows[r], one.row)
					}
				}
			}
		}
		return ctx.Err()
	})
}
