package aggregator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"awase/entrustment"
)

func under(pl *Plan, name string) *Plan {
	pl.Under(name)
	return pl
}

// TestReservation: what is held is not there for other questions, is there for
// its own, and comes back when it is given up or runs out; over a restart too.
func TestReservation(t *testing.T) {
	r := newRoom(500)
	g := r.gate
	until := r.clock.Now().Add(10 * 24 * time.Hour)
	ask := func(g *Gate, pl *Plan) error {
		_, err := g.Release(t.Context(), pl)
		return err
	}
	for i := range uint64(47) { // of 50 that fit
		if err := ask(g, planOf(1, i, "acme")); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"results", "more"} {
		held, err := g.Reserve(t.Context(), name, planOf(1, 100+uint64(i), "acme"), until)
		if err != nil || len(held.Held) != 1 || held.Held[0] != (Held{Account{"acme", "op"}, 5_000_000, 20_000_000}) {
			t.Fatalf("held %+v, %v", held, err)
		}
	}
	entries := len(r.book.acts)
	if _, err := g.Reserve(t.Context(), "more", planOf(1, 101, "acme"), until); err != nil || len(r.book.acts) != entries {
		t.Errorf("the same again: %v", err)
	}
	if _, err := g.Reserve(t.Context(), "more", planOf(1, 102, "acme"), until.Add(time.Hour)); codeOf(err) != entrustment.CodeSpec {
		t.Errorf("another of the same name: %v", err)
	}
	if err := ask(g, planOf(1, 200, "acme")); err != nil {
		t.Errorf("what is left: %v", err)
	}
	for _, g := range []*Gate{g, r.book.reopen(t, r.engine, r.clock)} {
		if err := ask(g, planOf(1, 201, "acme")); codeOf(err) != entrustment.CodeBudget {
			t.Errorf("what is held: %v", err)
		}
		if _, err := g.Reserve(t.Context(), "third", planOf(1, 203, "acme"), until); codeOf(err) != entrustment.CodeBudget {
			t.Errorf("held twice: %v", err)
		}
		s := g.Statement(false)
		if len(s) != 1 || len(s[0].Held) != 2 || s[0].Held[1].Name != "results" || s[0].Rho30 != 240_000_000 {
			t.Errorf("the statement: %+v", s)
		}
	}
	if err := ask(g, under(planOf(1, 100, "acme"), "results")); err != nil {
		t.Errorf("the question that it is held for: %v", err)
	}
	if err := ask(g, under(planOf(1, 300, "acme"), "results")); codeOf(err) != entrustment.CodeBudget {
		t.Errorf("a used reservation pays for another question: %v", err)
	}
	again := r.book.reopen(t, r.engine, r.clock)
	if err := ask(again, under(planOf(1, 300, "acme"), "results")); codeOf(err) != entrustment.CodeBudget {
		t.Errorf("…after a restart: %v", err)
	}
	if ok, err := g.Free(t.Context(), "more"); !ok || err != nil {
		t.Errorf("giving up: %v %v", ok, err)
	}
	if ok, err := g.Free(t.Context(), "more"); ok || err != nil {
		t.Errorf("giving up twice: %v %v", ok, err)
	}
	if err := ask(g, planOf(1, 201, "acme")); err != nil {
		t.Errorf("after it was given up: %v", err)
	}
	for _, at := range []time.Time{r.clock.Now(), r.clock.Now().Add(366 * 24 * time.Hour)} {
		if _, err := g.Reserve(t.Context(), "x", planOf(1, 400, "acme"), at); codeOf(err) != entrustment.CodeLimit {
			t.Errorf("until %s: %v", at, err)
		}
	}
}

// TestReservationRunsOut: with its day, held budget is free again.
func TestReservationRunsOut(t *testing.T) {
	r := newRoom(500)
	p := r.gate.Policy()
	p.Rho30Nano = 5_000_000
	r.gate.SetPolicy(p)
	if _, err := r.gate.Reserve(t.Context(), "results", planOf(1, 1, "acme"), r.clock.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, err := r.gate.Release(t.Context(), planOf(1, 2, "acme"))
	if codeOf(err) != entrustment.CodeBudget {
		t.Fatal(err)
	}
	r.clock.forward(24 * time.Hour)
	release(t, r.gate, planOf(1, 2, "acme"))
}

// TestReservationHolds: whatever is charged, held, given up and waited for in
// between, a question that budget is held for is never refused for budget, and
// no window holds more than the budget. Not counting what is held breaks the
// promise.
func TestReservationHolds(t *testing.T) {
	broken := false
	run := func(t *rapid.T, counted bool) {
		r := newRoom(500)
		p := r.gate.Policy()
		p.Rho30Nano, p.Rho365Nano, p.Delta30E15 = 25_000_000, 60_000_000, 10*20_000_000
		r.gate.SetPolicy(p)
		type promise struct {
			list  uint64
			until time.Time
		}
		held := map[string]promise{}
		var names []string
		for i := range uint64(40) {
			switch rapid.IntRange(0, 5).Draw(t, "act") {
			case 0, 1:
				book := r.gate.ledger.held
				if !counted {
					r.gate.ledger.held = map[string]*Reservation{}
				}
				_, err := r.gate.Release(t.Context(), planOf(1, i, "acme"))
				r.gate.ledger.held = book
				if err != nil && codeOf(err) != entrustment.CodeBudget {
					t.Fatal(err)
				}
			case 2:
				name, until := fmt.Sprint("r", i), r.clock.Now().Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "days"))*24*time.Hour)
				if len(names) > 0 && rapid.Bool().Draw(t, "replace") {
					name = rapid.SampledFrom(names).Draw(t, "replaced")
					if _, err := r.gate.Replace(t.Context(), name, planOf(1, i, "acme"), until); err == nil {
						held[name] = promise{i, until}
					}
				} else if _, err := r.gate.Reserve(t.Context(), name, planOf(1, i, "acme"), until); err == nil {
					held[name] = promise{i, until}
					names = append(names, name)
				}
			case 3:
				r.clock.forward(time.Duration(rapid.IntRange(1, 200).Draw(t, "hours")) * time.Hour)
			case 4, 5:
				if len(names) == 0 {
					continue
				}
				at := rapid.IntRange(0, len(names)-1).Draw(t, "which")
				name := names[at]
				names = slices.Delete(names, at, at+1)
				if rapid.IntRange(0, 3).Draw(t, "free") == 0 {
					if _, err := r.gate.Free(t.Context(), name); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if !held[name].until.After(r.clock.Now()) {
					continue
				}
				if _, err := r.gate.Release(t.Context(), under(planOf(1, held[name].list, "acme"), name)); err != nil {
					broken = true
					if counted {
						t.Fatalf("a promise is broken: %v", err)
					}
				}
			}
			for j := range r.book.times {
				sum := int64(0)
				for k := range j + 1 {
					if r.book.times[k].After(r.book.times[j].Add(-window30)) {
						sum += r.book.charges[k].RhoNano
					}
				}
				if sum > p.Rho30Nano {
					t.Fatalf("%d spent within 30 days", sum)
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) { run(t, true) })
	broken = false
	rapid.Check(t, func(t *rapid.T) { run(t, false) })
	if !broken {
		t.Error("without counting what is held no promise was ever broken: the test shows nothing")
	}
}
