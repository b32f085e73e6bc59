package aggregator

import (
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// TestSize is rule 6: one number at σ 50 with the noisy lock alone, at its
// price and without δ.
func TestSize(t *testing.T) {
	p := DefaultPolicy()
	q := &entrustment.Question{Schema: "awase.report/v1", Report: "size", Entrustment: "e", List: "spring"}
	plan, err := Compile(q, testSources(), &p)
	if err != nil {
		t.Fatal(err)
	}
	spec := plan.Tables[0].Spec
	if rho, delta := spec.price(&p); rho != 200_000 || delta != 0 || p.tau(&spec) != 332 {
		t.Errorf("ρ %d, δ %d, τ %d", rho, delta, p.tau(&spec))
	}
	q.Report = "overlap"
	q.Sigma = 50
	overlap, err := Compile(q, testSources(), &p)
	if err != nil {
		t.Fatal(err)
	}
	if overlap.Tables[0].ID == plan.Tables[0].ID {
		t.Error("an overlap and a size have one id, and other locks")
	}
	// The exact lock takes no part: 49 people with noise enough are shown, or
	// the size would tell 49 from 50.
	r := newRoom()
	for _, c := range []struct {
		users, noise int64
		shown        bool
	}{{49, 283, true}, {50, 282, true}, {50, 281, false}, {5000, 0, true}} {
		r.gate.noise = func(int64, source) (int64, error) { return c.noise, nil }
		table, err := r.gate.lockCells(matcher.Exact{Users: []int64{c.users}}, &spec, &r.gate.policy, func(string) func(int) source { return func(int) source { return nil } })
		if err != nil || table.Cells[0].Released != c.shown {
			t.Errorf("%d people, noise %d: %+v, %v", c.users, c.noise, table.Cells, err)
		}
	}
	for name, change := range map[string]func(*entrustment.Question){
		"dims":  func(q *entrustment.Question) { q.Dims = []string{"age"} },
		"total": func(q *entrustment.Question) { q.Total = true },
	} {
		q := &entrustment.Question{Schema: "awase.report/v1", Report: "size", Entrustment: "e", List: "spring"}
		change(q)
		if _, err := Compile(q, testSources(), &p); codeOf(err) != entrustment.CodeSpec {
			t.Errorf("%s: %v", name, err)
		}
	}
}
