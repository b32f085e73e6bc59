package matcher

import (
	"context"
	"math/bits"
)

// needs says what of a match is looked at beyond the clusters.
type needs struct{ rows, kinds bool }

// hits are the clusters that hold a token of a list.
type hits struct {
	any   bitmap
	kinds [Kinds]bitmap // if needed: by which kinds
	ranks ranks         // if rows are needed: of any
	rows  []uint32      // by rank: the first canonical row that holds a token
}

// hit is a cluster and the first row of the token it was found by.
type hit struct{ cluster, row uint32 }

// matchParts are the ranges of the leading byte that workers share out.
const matchParts = 256

// match finds the clusters of b that hold a token of l: token by token, then
// the union (PRIVACY rule 2). It works on ranges of leading bits; each worker
// marks clusters in bitmaps of its own, which are ORed at the end, so the
// result does not depend on who did what.
//
// Memory: a bit a cluster for each worker (for each kind if kinds are
// needed); if rows are needed, 8 bytes a hit and 4 a matched cluster.
func match(ctx context.Context, workers int, b *Base, l *List, need needs) (hits, error) {
	finders := make([]finder, workers)
	err := parallel(ctx, workers, int(Kinds)*matchParts, func(worker, part int) error {
		k := part / matchParts
		base, list := &b.index[k], &l.index[k]
		f := &finders[worker]
		f.begin(b.clusters(), k, need)
		f.find(base, list, part%matchParts)
		return nil
	})
	if err != nil {
		return hits{}, err
	}
	var h hits
	sets := 1
	if need.kinds {
		sets = int(Kinds)
	}
	for k := range sets {
		h.kinds[k] = newBitmap(b.clusters())
		for w := range finders {
			or(h.kinds[k], finders[w].found[k])
		}
	}
	h.any = h.kinds[0]
	if need.kinds {
		h.any = newBitmap(b.clusters())
		for k := range h.kinds {
			or(h.any, h.kinds[k])
		}
	}
	if need.rows {
		err = h.firstRows(ctx, workers, finders)
	}
	return h, err
}

func or(to, from bitmap) {
	for w := range from {
		to[w] |= from[w]
	}
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
			for _, one := range finders[w].hits {
				if word := one.cluster >> 6; word >= begin && word < end {
					r := h.ranks.of(one.cluster)
					h.rows[r] = min(h.rows[r], one.row)
				}
			}
		}
		return ctx.Err()
	})
}

// finder is one worker's findings.
type finder struct {
	found [Kinds]bitmap // [0] alone unless kinds are needed
	into  bitmap        // the one of the part at hand
	rows  bool
	hits  []hit
}

func (f *finder) begin(clusters, kind int, need needs) {
	if !need.kinds {
		kind = 0
	}
	if f.found[kind] == nil {
		f.found[kind] = newBitmap(clusters)
	}
	f.into, f.rows = f.found[kind], need.rows
}

func (f *finder) add(cluster, row uint32) {
	f.into.set(cluster)
	if f.rows {
		f.hits = append(f.hits, hit{cluster, row})
	}
}

// probeShare is how many tokens of the base there are for one of the list
// before looking each up beats reading both.
const probeShare = 100

// find marks the clusters whose token, of leading byte part, is in the list.
func (f *finder) find(base, list *tokenIndex, part int) {
	b0, b1 := base.part(part)
	l0, l1 := list.part(part)
	if (l1-l0)*probeShare < b1-b0 {
		f.probe(base, list, l0, l1)
		return
	}
	f.merge(base, list, b0, b1, l0, l1)
}

// merge reads both ranges once, in step.
func (f *finder) merge(base, list *tokenIndex, b0, b1, l0, l1 int) {
	bw, lw := base.words[:2*b1], list.words
	i := b0
	for j := l0; j < l1; j++ {
		hi := bits.ReverseBytes64(lw[2*j])
		for ; 2*i < len(bw) && bits.ReverseBytes64(bw[2*i]) < hi; i++ {
		}
		f.equal(bw, base, list, i, j)
	}
}

// equal looks for token j of the list among the tokens of the base that share
// its first 8 bytes, of which i is the first. There is rarely a second.
func (f *finder) equal(bw []uint64, base, list *tokenIndex, i, j int) {
	hi, lo := list.words[2*j], list.words[2*j+1]
	for ; 2*i+1 < len(bw) && bw[2*i] == hi; i++ {
		if bw[2*i+1] == lo {
			f.add(base.vals[i], list.vals[j])
			return
		}
	}
}

// probe looks each token of the list up in the directory of the base. The
// list is sorted, so the lookups go through memory in one direction.
func (f *finder) probe(base, list *tokenIndex, l0, l1 int) {
	for j := l0; j < l1; j++ {
		hi := list.hi(j)
		d := hi >> base.shift
		i, end := int(base.dir[d]), int(base.dir[d+1])
		for i < end && base.hi(i) < hi {
			i++
		}
		f.equal(base.words[:2*end], base, list, i, j)
	}
}
