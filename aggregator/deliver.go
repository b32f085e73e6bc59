package aggregator

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/dchest/siphash"

	"awase/entrustment"
	"awase/matcher"
)

// Delivery is an audience that passed the gate (PRIVACY rule 12): who is in it, for
// its receiver alone.
type Delivery struct {
	// Slots is how many records the file has: the next power of two that is at least
	// the noised size and the reach of its noise. It follows from the released size.
	Slots int64
	// Members has the hits of each member, in a keyed order, at most Slots of them.
	Members [][]matcher.Hit
}

// CompileDelivery turns a campaign into the plan of one delivery: the size of its
// audience, at σ 50 where the policy offers that. The audience are the users of the
// campaign's list who satisfy its condition and are not held out. also is a condition
// that comes with the destination, as the opt-in of a channel; nil: none. Charged are
// the accounts of src.Recipient, the receiver's group, and of src.Told: whoever learns
// whether the audience passed has asked (PRIVACY rule 9, attack A27).
func CompileDelivery(m *entrustment.Campaign, src Sources, p *Policy, holdout *matcher.Share, also *matcher.Where) (*Plan, error) {
	q := &entrustment.Question{Schema: entrustment.SchemaReport, Report: entrustment.ReportSize, Entrustment: m.Entrustment,
		List: m.List, Where: m.Where, Purpose: entrustment.PurposeAdvertising}
	pl, err := Compile(q, src, p)
	if err != nil {
		return nil, err
	}
	pl.told = src.Told
	t := &pl.Tables[0]
	t.Spec.Kind = kindDelivery
	var all []matcher.Where
	if t.Spec.Where != nil {
		all = append(all, *t.Spec.Where)
	}
	if also != nil {
		all = append(all, *also)
	}
	if holdout != nil && holdout.To > holdout.From {
		all = append(all, matcher.Where{Not: &matcher.Where{Share: holdout}})
	}
	if all != nil {
		w := canonical(matcher.Where{All: all}, pl.sizeOf)
		t.Spec.Where, pl.where = &w, &w
	}
	t.ID = t.Spec.ID()
	return pl, nil
}

// sizeOf gives how many values a column of a condition has; of an unknown one more than
// any has, so that its condition stays as it is.
func (pl *Plan) sizeOf(in *matcher.InCodes) int {
	columns := pl.columns
	if in.Source == matcher.ListColumn {
		columns = pl.list.Columns
	}
	for _, c := range columns {
		if c.Name == in.Column {
			return len(c.Domain)
		}
	}
	return 1 << 8
}

// IsDelivery tells whether a plan is one of CompileDelivery's.
func (pl *Plan) IsDelivery() bool {
	return len(pl.Tables) == 1 && pl.Tables[0].Spec.Kind == kindDelivery
}

// errDelivery: a size or report is no delivery, however it was paid for.
var errDelivery = errors.New("aggregator: no plan of a delivery")

// Deliver gives the audience of a plan that was charged, or nil where its noised size
// does not pass the gate. Which it is was charged as a size is; the members are those
// that were counted, or it is an alarm as of Tables. How long naming them takes depends
// on who they are: who waits for it is to be answered at a moment of its own (attack A14).
func (g *Gate) Deliver(ctx context.Context, p *Paid) (*Delivery, error) {
	if !p.plan.IsDelivery() {
		return nil, errDelivery
	}
	tables, err := g.Tables(ctx, p)
	if err != nil {
		return nil, err
	}
	size, planned := tables[0], &p.plan.Tables[0]
	if !size.Cells[0].Released {
		return nil, nil
	}
	hits, err := g.engine.Members(ctx, planned.Spec.query())
	if err != nil {
		return nil, fmt.Errorf("naming the audience: %w", err)
	}
	members := byCluster(hits)
	// The table has the digest of the exact count: an audience of another size is not
	// what was decided on (attack A12).
	if g.digest(planned.ID, matcher.Exact{Users: []int64{int64(len(members))}}) != size.Digest {
		return nil, errors.Join(errDigest, g.unchanged(ctx, planned, Digest{}))
	}
	d := &Delivery{Slots: slots(size.Cells[0].Users + p.policy.reach(&planned.Spec))}
	g.order(planned.ID, members)
	d.Members = members[:min(int64(len(members)), d.Slots)] // what does not fit has probability ≤ δ
	return d, nil
}

// reach is how far noise goes with a probability of at most δ.
func (p *Policy) reach(s *Spec) int64 { return tailBound(float64(s.Variance()), p.DeltaThrE15) }

// slots gives the least power of two that is at least n.
func slots(n int64) int64 { return 1 << bits.Len64(uint64(max(n, 1)-1)) }

// byCluster divides hits, which are sorted, by member.
func byCluster(hits []matcher.Hit) (out [][]matcher.Hit) {
	for begin := 0; begin < len(hits); {
		end := begin + 1
		for end < len(hits) && hits[end].Cluster == hits[begin].Cluster {
			end++
		}
		out = append(out, hits[begin:end:end])
		begin = end
	}
	return out
}

// order puts members into an order that depends on a key and the question alone, and
// tells nothing of who is who.
func (g *Gate) order(id SpecID, members [][]matcher.Hit) {
	mac := hmac.New(sha256.New, g.keys.Noise[:])
	mac.Write([]byte("awase delivery order v1"))
	mac.Write(id[:])
	key := mac.Sum(nil)
	k0, k1 := binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[8:])
	at := func(cluster uint32) uint64 {
		return siphash.Hash(k0, k1, binary.LittleEndian.AppendUint32(nil, cluster))
	}
	slices.SortFunc(members, func(a, b []matcher.Hit) int {
		return cmp.Or(cmp.Compare(at(a[0].Cluster), at(b[0].Cluster)), cmp.Compare(a[0].Cluster, b[0].Cluster))
	})
}
