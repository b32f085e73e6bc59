package matcher

import (
	"cmp"
	"context"
	"slices"

	"awase/crypto/token"
)

// Hit is a member of an audience, with a token of the query's list that it holds.
type Hit struct {
	Cluster uint32
	Kind    Kind
	Token   token.Token
}

// SortHits puts hits in the order in which Members gives them: by cluster, kind and
// token.
func SortHits(hits []Hit) {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Kind, b.Kind), slices.Compare(a.Token[:], b.Token[:]))
	})
}

// CheckMembers refuses what Members does not answer, as Check does.
func CheckMembers(q *Query, s Schema) error {
	if len(q.Dims) > 0 {
		return badSpec("dims", "an audience has no dimensions")
	}
	if q.Events != nil || q.Attribution != nil {
		return badSpec("events", "an audience counts no events")
	}
	_, err := Check(q, s)
	return err
}

// Members gives the audience of q: see Engine. It holds 20 bytes a hit.
func (e *Embedded) Members(ctx context.Context, q Query) ([]Hit, error) {
	if len(q.Dims) > 0 || q.Events != nil || q.Attribution != nil {
		return nil, CheckMembers(&q, nil)
	}
	p, err := e.matched(ctx, &q)
	if err != nil {
		return nil, err
	}
	defer p.release(&e.spare)
	set, err := p.audience(ctx, e.workers)
	if err != nil {
		return nil, err
	}
	if p.list == nil {
		return everyone(set), nil
	}
	return p.hitsOf(ctx, e.workers, set)
}

// audience gives the clusters that Cells would count.
func (p *plan) audience(ctx context.Context, workers int) (bitmap, error) {
	set := newBitmap(p.base.clusters())
	counters := make([]counter, workers)
	blocks := (len(set) + blockWords - 1) / blockWords
	err := parallel(ctx, workers, blocks, func(worker, block int) error {
		counters[worker].plan = p
		w0 := block * blockWords
		counters[worker].left(set[w0:min(w0+blockWords, len(set))], w0)
		return nil
	})
	return set, err
}

// everyone gives the members of an audience that no list is asked for.
func everyone(set bitmap) (out []Hit) {
	ids := make([]uint32, 64+atOnce)
	for w := range set {
		for _, id := range idsOf(ids, set[w:w+1], uint32(w*64)) {
			out = append(out, Hit{Cluster: id, Kind: Kinds})
		}
	}
	return out
}

// hitsOf gives the tokens of the list that members hold.
func (p *plan) hitsOf(ctx context.Context, workers int, set bitmap) ([]Hit, error) {
	found := make([][]Hit, workers)
	err := parallel(ctx, workers, int(Kinds)*matchParts, func(worker, part int) error {
		k := Kind(part / matchParts)
		base, list := &p.base.index[k], &p.list.index[k]
		i, end := base.part(part % matchParts)
		j, last := list.part(part % matchParts)
		for i < end && j < last { // both are sorted: each pair is looked at once
			switch b, l := base.pairs[i], list.pairs[j]; {
			case b.before(l):
				i++
			case l.before(b):
				j++
			default:
				if id := b.value(); set.has(id) {
					found[worker] = append(found[worker], Hit{Cluster: id, Kind: k, Token: b.token()})
				}
				i, j = i+1, j+1
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := slices.Concat(found...)
	SortHits(out)
	return out, nil
}
