package aggregator

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// Rule 15: each control is taken away, and the attack on it seen to succeed.

// TestBoundaryOracle is A1: k−1 accounts of the attacker's own and one target.
// Against the exact lock alone the status tells membership every time; with
// noise and both locks it tells next to nothing (δ).
func TestBoundaryOracle(t *testing.T) {
	const lists = 2000
	advantage := func(change func(*Gate)) float64 {
		shown := map[int64]int{}
		for _, n := range []int64{49, 50} {
			r := newRoom(n)
			change(r.gate)
			for list := range uint64(lists) {
				r.gate.ledger = newLedger()
				if release(t, r.gate, planOf(1, list, "acme", "op")).Cells[0].Released {
					shown[n]++
				}
			}
		}
		return float64(shown[50]-shown[49]) / lists
	}
	if a := advantage(func(*Gate) {}); a != 0 { // P[z ≥ 57] is 1e-8 a list
		t.Errorf("the gate's advantage is %g", a)
	}
	exactAlone := func(exact, _, k, _ int64) bool { return exact >= k }
	if a := advantage(func(g *Gate) { g.locks = exactAlone }); a != 1 {
		t.Errorf("the exact lock alone gives advantage %g: the attack should succeed", a)
	}
}

// TestAveraging is A6: noise drawn anew for each ask averages out; keyed noise
// is one number however often it is asked for.
func TestAveraging(t *testing.T) {
	const asks = 5000
	mean := func(g *Gate, r *room) (m float64, distinct int) {
		seen := map[int64]bool{}
		for range asks {
			clear(g.tables) // no cache: the noise alone has to hold
			g.ledger = newLedger()
			n := release(t, g, planOf(1, 1, "acme", "op")).Cells[0].Users
			seen[n] = true
			m += float64(n) / asks
		}
		return m, len(seen)
	}
	r := newRoom(1234)
	if m, distinct := mean(r.gate, r); distinct != 1 || m == 1234 {
		t.Errorf("keyed noise: %d different answers, mean %g", distinct, m)
	}
	fresh := rand.NewChaCha8([32]byte{7})
	r = newRoom(1234)
	r.gate.noise = func(variance int64, _ source) (int64, error) { return keyedNoise(variance, fresh) }
	// The mean's standard error is 0.14: beyond 0.7 once in two million runs.
	if m, distinct := mean(r.gate, r); distinct < 20 || math.Abs(m-1234) > 0.7 {
		t.Errorf("fresh noise: %d different answers, mean %g: the attack should find 1234", distinct, m)
	}
}

// TestMutableSnapshot is A12: without the digest, data that changed under one
// name shows the exact difference; with it, nothing is released.
func TestMutableSnapshot(t *testing.T) {
	for _, kept := range []bool{true, false} {
		r := newRoom(1000)
		before := release(t, r.gate, planOf(1, 1, "acme")).Cells[0].Users
		r.engine.cells = func(matcher.Query) []int64 { return []int64{1001} }
		clear(r.gate.tables)
		if !kept {
			clear(r.gate.digests)
		}
		tables, err := r.gate.Release(t.Context(), planOf(1, 1, "acme"))
		switch {
		case kept && err == nil:
			t.Error("changed data was released")
		case !kept && (err != nil || tables[0].Cells[0].Users-before != 1):
			t.Errorf("without the digest the difference should be exactly 1: %v", err)
		}
	}
}

// TestOtherRowNeedsItsExactLock: without it, noise lifts a row of 20 people out.
func TestOtherRowNeedsItsExactLock(t *testing.T) {
	for _, kept := range []bool{true, false} {
		r := newRoom(append([]int64{500}, ones(20)...)...)
		r.gate.noise = func(int64, source) (int64, error) { return 60, nil }
		if !kept {
			r.gate.locks = func(_, noisy, _, tau int64) bool { return noisy >= tau }
		}
		if got := release(t, r.gate, planOf(21, 1, "acme")).Other.Released; got == kept {
			t.Errorf("exact lock %v: released %v", kept, got)
		}
	}
}

// TestBudgetNeedsItsRecord is A16 and A17: charges that are forgotten over a
// restart, as charging after the release would, let the budget be spent twice;
// a ledger that starts anew with the month lets it be spent twice within 30
// days.
func TestBudgetNeedsItsRecord(t *testing.T) {
	answered := func(g *Gate, from uint64) (n int) {
		for list := from; list < from+60; list++ {
			if _, err := g.Release(t.Context(), planOf(1, list, "acme", "op")); err == nil {
				n++
			}
		}
		return n
	}
	r := newRoom(500)
	first := answered(r.gate, 0)
	kept := answered(r.book.reopen(t, r.engine, r.clock), 100)
	if first != 50 || kept != 0 {
		t.Errorf("%d, then %d after a restart; want 50 and 0", first, kept)
	}
	r.book.charges, r.book.acts = nil, nil
	if lost := answered(r.book.reopen(t, r.engine, r.clock), 200); lost != 50 {
		t.Errorf("charges forgotten: %d more; the attack should get 50", lost)
	}
	r = newRoom(500)
	first = answered(r.gate, 0)
	r.clock.forward(8 * 24 * time.Hour) // the month turns
	r.gate.ledger = newLedger()
	if again := answered(r.gate, 100); first+again != 100 {
		t.Errorf("a calendar reset: %d in 30 days; the attack should get 100", first+again)
	}
}

// TestFloorHoldsTinyLists: without the floor a list of one person can be asked
// about, and put into a condition to difference two answers.
func TestFloorHoldsTinyLists(t *testing.T) {
	src := testSources()
	src.Lists["one"] = ListSource{ID: matcher.ListID{9}, Version: 1, Tokens: 1}
	q := profileOf(&entrustment.Condition{Not: &entrustment.Condition{List: "one"}}, "age")
	p := DefaultPolicy()
	if _, err := Compile(q, src, &p); codeOf(err) != entrustment.CodeListSmall {
		t.Errorf("a list of one person in a condition: %v", err)
	}
	p.ListFloor = 0
	if _, err := Compile(q, src, &p); err != nil {
		t.Errorf("without the floor it should be taken: %v", err)
	}
}
