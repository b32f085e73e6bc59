package aggregator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// audience is an engine with one audience: as many members, of two hits each.
type audience struct {
	matcher.Engine
	users int64 // that Cells counts
	named int64 // that Members names
}

func (a audience) Cells(context.Context, matcher.Query) (matcher.Exact, error) {
	return matcher.Exact{Users: []int64{a.users}}, nil
}

func (a audience) Members(context.Context, matcher.Query) (out []matcher.Hit, err error) {
	for id := range uint32(a.named) {
		out = append(out, matcher.Hit{Cluster: id, Kind: matcher.Email}, matcher.Hit{Cluster: id, Kind: matcher.Phone})
	}
	return out, nil
}

func deliveryOf(t testing.TB, change func(*entrustment.Campaign, *Sources)) *Plan {
	t.Helper()
	pl, err := planDelivery(change, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pl
}

func planDelivery(change func(*entrustment.Campaign, *Sources), holdout *matcher.Share, also *matcher.Where) (*Plan, error) {
	m := &entrustment.Campaign{ID: "m", Entrustment: "e", List: "spring"}
	src := testSources()
	src.Recipient = "adco"
	if change != nil {
		change(m, &src)
	}
	p := DefaultPolicy()
	return CompileDelivery(m, src, &p, holdout, also)
}

// anew gives the plan of a list that nobody had before: its noise is independent.
func anew(t testing.TB, n int) *Plan {
	return deliveryOf(t, func(_ *entrustment.Campaign, src *Sources) {
		l := src.Lists["spring"]
		l.ID = matcher.ListID{byte(n), byte(n >> 8), byte(n >> 16), 31: 7}
		src.Lists["spring"] = l
	})
}

func audienceGate(users int64) *Gate {
	r := newRoom()
	g := New(audience{users: users, named: users}, r.book, r.clock, testKeys)
	p := g.Policy()
	p.Rho30Nano, p.Rho365Nano = maxRho30Nano, maxRho365Nano
	g.SetPolicy(p)
	return g
}

// passes gives how many of n deliveries to an audience pass the gate.
func passes(t *testing.T, users int64, n int, locks func(t *Table, users int64) bool) (passed int) {
	t.Helper()
	g := audienceGate(users)
	for i := range n {
		spec := anew(t, i).Tables[0]
		table, err := g.lockCells(matcher.Exact{Users: []int64{users}}, &spec.Spec, &g.policy, g.streams(&spec, g.policy.Version()))
		if err != nil {
			t.Fatal(err)
		}
		if locks(table, users) {
			passed++
		}
	}
	return passed
}

// TestLeastAudience is PRIVACY rule 12 by its error analysis: an audience passes with
// the probability that noise of σ 50 lifts it to 1,282, at most δ at 1,000 and below,
// and where the exact size decides it is an oracle.
func TestLeastAudience(t *testing.T) {
	const n = 2000
	noisy := func(t *Table, _ int64) bool { return t.Cells[0].Released }
	policy := DefaultPolicy()
	spec := anew(t, 0).Tables[0].Spec
	tau := policy.tau(&spec)
	if tau != 1282 || spec.Sigma != 50 {
		t.Fatalf("τ %d at σ %d, want 1,282 at 50", tau, spec.Sigma)
	}
	for _, users := range []int64{999, 1000, 1001, tau - 100, tau - 50, tau, tau + 50, tau + 100} {
		// P[N_Z(0, 50²) ≥ τ − users], which of so wide a noise is the continuous one's to
		// 10⁻⁴ with the correction for whole numbers.
		p := 0.5 * math.Erfc((float64(tau-users)-0.5)/50/math.Sqrt2)
		lo, hi := clopperPearson(passes(t, users, n, noisy), n, 1e-6)
		if lo > p+1e-4 || hi < p-1e-4 {
			t.Errorf("%d members: passed with a probability in [%.4f, %.4f], want %.6f", users, lo, hi, p)
		}
	}
	exact := func(t *Table, users int64) bool { return users >= entrustment.LeastAudience }
	if low, high := passes(t, 999, 50, exact), passes(t, 1000, 50, exact); low != 0 || high != 50 {
		t.Errorf("decided by the exact size %d and %d of 50 pass: the test shows nothing", low, high)
	}
}

// TestDeliver: how many records a file has follows from the released
// size, and is the same for neighbours that have the same; members are in an order
// that does not follow theirs, all of them, with all of their hits.
func TestDeliver(t *testing.T) {
	seen := map[int64]bool{}
	for i, users := range []int64{1500, 1700, 2500, 5000} {
		g := audienceGate(users)
		pl := anew(t, i)
		d, err := g.Deliver(t.Context(), g.Pay(t.Context(), pl))
		if err != nil || d == nil {
			t.Fatal(d, err)
		}
		table := g.tables[tableKey{pl.Tables[0].ID, g.policy.Version()}]
		want := int64(1)
		for want < table.Cells[0].Users+282 {
			want *= 2
		}
		if d.Slots != want || int64(len(d.Members)) != users {
			t.Errorf("%d members: %d slots, %d named, want %d slots", users, d.Slots, len(d.Members), want)
		}
		seen[d.Slots] = true
		var ids []uint32
		for _, m := range d.Members {
			if len(m) != 2 || m[0].Cluster != m[1].Cluster {
				t.Fatalf("a member's hits are %v", m)
			}
			ids = append(ids, m[0].Cluster)
		}
		if slices.IsSorted(ids) {
			t.Error("members are in the order of their ids")
		}
		again, err := g.Deliver(t.Context(), g.Pay(t.Context(), pl))
		if err != nil || again.Slots != d.Slots || fmt.Sprint(again.Members) != fmt.Sprint(d.Members) {
			t.Errorf("asked again: another delivery, %v", err)
		}
		if rho, _ := g.ledger.spent(Account{"adco", "op"}, g.clock.Now(), window30); rho != 200_000 {
			t.Errorf("the receiver's group was charged ρ %d nano, want 200,000 once", rho)
		}
	}
	if len(seen) < 2 {
		t.Error("one size of file alone: the test shows little")
	}
	// What does not fit is left out, by the keyed order.
	g := audienceGate(1800)
	g.noise = func(int64, source) (int64, error) { return -1064, nil } // 736 + 282: 1,024 slots
	p := g.Policy()
	spec := anew(t, 9)
	d, err := g.Deliver(t.Context(), g.Pay(t.Context(), spec))
	if err != nil || d != nil {
		t.Errorf("736 after noise passed: %v, %v", d, err)
	}
	g = audienceGate(2500)
	g.noise = func(int64, source) (int64, error) { return -1000, nil } // 1,500 + 282: 2,048 slots
	g.SetPolicy(p)
	if d, err = g.Deliver(t.Context(), g.Pay(t.Context(), spec)); err != nil || d.Slots != 2048 || len(d.Members) != 2048 {
		t.Fatalf("2,500 members in %d slots: %d named, %v", d.Slots, len(d.Members), err)
	}
	// A size that is small is a withheld one, and asks nobody who it was.
	g = New(audience{users: 10, named: -1}, newRoom().book, newRoom().clock, testKeys)
	if d, err := g.Deliver(t.Context(), g.Pay(t.Context(), anew(t, 3))); d != nil || err != nil {
		t.Errorf("ten people: %v, %v", d, err)
	}
}

// TestDeliverOnlyWhatWasCounted: an audience of another size than was counted is an
// alarm, and freezes its owners; neither a size nor a report hands anybody over.
func TestDeliverOnlyWhatWasCounted(t *testing.T) {
	r := newRoom()
	g := New(audience{users: 3000, named: 3001}, r.book, r.clock, testKeys)
	pl := anew(t, 0)
	d, err := g.Deliver(t.Context(), g.Pay(t.Context(), pl))
	if reason, silent := Reason(err); d != nil || !silent || reason != string(errDigest) {
		t.Errorf("another audience than was counted: %v, %v", d, err)
	}
	if _, err := g.Deliver(t.Context(), g.Pay(t.Context(), anew(t, 1))); !errors.Is(err, errFrozen) {
		t.Errorf("after the alarm: %v", err)
	}
	g = audienceGate(3000)
	p := DefaultPolicy()
	size, err := Compile(&entrustment.Question{Schema: "awase.report/v1", Report: "size", Entrustment: "e", List: "spring"}, testSources(), &p)
	if err != nil {
		t.Fatal(err)
	}
	for name, pl := range map[string]*Plan{"size": size, "report": compile(t, profileOf(nil, "age"))} {
		if d, err := g.Deliver(t.Context(), g.Pay(t.Context(), pl)); d != nil || !errors.Is(err, errDelivery) {
			t.Errorf("a %s hands over %v, %v", name, d, err)
		}
	}
}

// TestDeliverySpec: a delivery is no size, a holdout and what comes with the destination
// are part of the question, and one campaign's holdout is not another's.
func TestDeliverySpec(t *testing.T) {
	share := func(key byte, per int) *matcher.Share { return &matcher.Share{Key: [16]byte{key}, To: uint16(per)} }
	optIn := &matcher.Where{In: &matcher.InCodes{Column: "gender", Codes: []uint8{0}}}
	where := func(m *entrustment.Campaign, _ *Sources) {
		c := not(all(in("age", "<20"), in("gender", "f")))
		m.Where = &c
	}
	ids := map[SpecID]string{}
	for name, made := range map[string]func() (*Plan, error){
		"plain":              func() (*Plan, error) { return planDelivery(nil, nil, nil) },
		"held out":           func() (*Plan, error) { return planDelivery(nil, share(1, 100), nil) },
		"more held out":      func() (*Plan, error) { return planDelivery(nil, share(1, 200), nil) },
		"others held out":    func() (*Plan, error) { return planDelivery(nil, share(2, 100), nil) },
		"opted in":           func() (*Plan, error) { return planDelivery(nil, nil, optIn) },
		"opted in, held out": func() (*Plan, error) { return planDelivery(nil, share(1, 100), optIn) },
		"where":              func() (*Plan, error) { return planDelivery(where, nil, nil) },
		"where, all":         func() (*Plan, error) { return planDelivery(where, share(1, 100), optIn) },
		"a size": func() (*Plan, error) {
			p := DefaultPolicy()
			return Compile(&entrustment.Question{Schema: "awase.report/v1", Report: "size", Entrustment: "e", List: "spring"}, testSources(), &p)
		},
	} {
		pl, err := made()
		if err != nil {
			t.Fatal(name, err)
		}
		if other, ok := ids[pl.Tables[0].ID]; ok {
			t.Errorf("%s and %s are one question", name, other)
		}
		ids[pl.Tables[0].ID] = name
	}
	none, err := planDelivery(nil, share(1, 0), nil)
	if err != nil || ids[none.Tables[0].ID] != "plain" {
		t.Error("a holdout of nobody is another question")
	}
	if _, err := planDelivery(func(m *entrustment.Campaign, _ *Sources) { m.List = "small" }, nil, nil); codeOf(err) != entrustment.CodeListSmall {
		t.Errorf("a list below the floor: %v", err)
	}
}

// TestShareIsNobodysSelection: neither a cube nor an index can tell who is in a share.
func TestShareIsNobodysSelection(t *testing.T) {
	w := matcher.Where{Share: &matcher.Share{Key: [16]byte{1}, To: 100}}
	dims := []Dim{{Source: matcher.BaseColumn, Name: "age", Domain: columnA.Domain}}
	for _, w := range []matcher.Where{w, {Not: &w}, {All: []matcher.Where{w}}} {
		if holds, fails := satisfiable(dims, []uint8{0}, &w); !holds || !fails {
			t.Errorf("%+v is certain of a cell: %v, %v", w, holds, fails)
		}
		if answers(dims, &w) {
			t.Errorf("a cube answers %+v", w)
		}
	}
}
