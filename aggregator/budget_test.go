package aggregator

import (
	"errors"
	"strings"
	"testing"
	"time"

	"awase/entrustment"
)

// TestCheaperQuestions: a question that does not fit is told what does: without
// index or total, with a measure less, at a coarser sigma; and when it fits
// again. What is told is charged as told.
func TestCheaperQuestions(t *testing.T) {
	behaviour := func() *entrustment.Question {
		return &entrustment.Question{Schema: "awase.report/v1", Report: "behaviour", Entrustment: "e", List: "spring", Dims: []string{"category", "age"},
			Categories: []string{"shop"}, Measures: []string{"users", "events", "clicks"}}
	}
	for _, c := range []struct {
		name string
		q    *entrustment.Question
		left int64 // of 30 days, in nano
		want []string
		not  []string
	}{
		{"index and total", func() *entrustment.Question { q := profileOf(nil, "age"); q.Index, q.Total = true, true; return q }(), 10_000_000,
			[]string{"fits now: index: false (0.01); total: false (0.01); sigma: 20 (0.00375)", "fits again after"}, []string{"users alone"}},
		{"measures", behaviour(), 12_000_000, []string{"without the measure events (0.01); without the measure clicks (0.01); sigma: 20 (0.00375)"}, nil},
		{"little is left", behaviour(), 250_000, []string{"fits now: sigma: 50, users alone (0.0002)"}, []string{"without the measure", "index"}},
		{"nothing is left", behaviour(), 0, []string{"fits again after"}, []string{"fits now"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom()
			r.gate.ledger.add(&Charge{Accounts: []Account{{"acme", "op"}}, RhoNano: 250_000_000 - c.left}, r.clock.Now().Add(-10*24*time.Hour))
			p := DefaultPolicy()
			plan, err := Compile(c.q, eventSources(), &p)
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.gate.Release(t.Context(), plan)
			refusal, ok := errors.AsType[*entrustment.Error](err)
			if !ok || refusal.Code != entrustment.CodeBudget {
				t.Fatalf("not refused: %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(refusal.Mend, w) {
					t.Errorf("%q does not say %q", refusal.Mend, w)
				}
			}
			for _, w := range c.not {
				if strings.Contains(refusal.Mend, w) {
					t.Errorf("%q says %q", refusal.Mend, w)
				}
			}
			if len(r.book.charges) != 0 {
				t.Error("a refusal was charged")
			}
		})
	}
}

// TestBudgetNamesTheLatest: where two owners' accounts are short the date is
// that of the later one.
func TestBudgetNamesTheLatest(t *testing.T) {
	r := newRoom(500)
	full := func(owner string, ago time.Duration) {
		r.gate.ledger.add(&Charge{Accounts: []Account{{"acme", owner}}, RhoNano: 250_000_000}, r.clock.Now().Add(-ago))
	}
	full("op", 20*24*time.Hour)
	full("other", 5*24*time.Hour)
	_, err := r.gate.Release(t.Context(), planOf(1, 1, "acme", "op", "other"))
	if codeOf(err) != entrustment.CodeBudget || !strings.Contains(err.Error(), "18 Dec 2026, 09:00 JST") {
		t.Errorf("%v", err)
	}
}
