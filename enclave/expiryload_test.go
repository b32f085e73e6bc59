package enclave

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"awase/aggregator"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestExpiryDuringALoad: while a file is read the list of before expires. A whole file
// takes its place, and its clock is its own; rows that were to be added to what is gone,
// or taken off it, are refused, and nothing of them is kept. A room that looks only when
// a load begins keeps rows that are due for longer.
func TestExpiryDuringALoad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   seal.Change
		from, to int
		mutant   bool
		taken    bool
	}{
		"replace":       {seal.Replace, 0, 1400, false, true},
		"again":         {seal.Replace, 0, 1500, false, true},
		"add":           {seal.Add, 1500, 1510, false, false},
		"remove":        {seal.Remove, 0, 10, false, false},
		"looks no more": {seal.Add, 1500, 1510, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newAgingRoom(t, Options{})
			raw := sealedChange(t, r.Enclave, "l", c.change, crowdRows(c.from, c.to))
			half := len(raw) / 2
			got, err := r.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, io.MultiReader(bytes.NewReader(raw[:half]), breaksIn(func() {
				r.at(91)
				if c.mutant {
					r.keeping().before = func() error { return nil }
				}
			}), bytes.NewReader(raw[half:])))
			if c.mutant {
				if since := r.Enclave.state.whole[listKey{"e", "l"}]; err != nil || r.vault.Log().Now().Sub(since) < 90*day24 {
					t.Errorf("nothing that is due was kept: %+v, since %v, %v", got, since, err)
				}
				return
			}
			r.looks()
			if !c.taken {
				wantCode(t, "a part of what is gone", err, entrustment.CodeGone)
				if r.want("afterwards", ""); len(segmentFiles(t, r.Enclave)) != 2 { // the base and its particulars
					t.Errorf("%d segments", len(segmentFiles(t, r.Enclave)))
				}
				return
			}
			want := []wants{{int(got.Rows), 0}} // beside nothing: what was there is gone
			if told := changesToldOf(t, r.Enclave, "l"); !slices.Equal(told, want) || changesOf(got.Added, got.Removed) != want[0] {
				t.Errorf("%v and %+v, want %v", told, got, want)
			}
			if r.want("afterwards", "list retention.lists"); err != nil || got.Ack.Version != 2 || len(segmentFiles(t, r.Enclave)) != 4 {
				t.Errorf("%+v, %v, %d segments", got, err, len(segmentFiles(t, r.Enclave)))
			}
			r.at(180)
			r.looks()
			r.want("89 days after it", "list retention.lists")
		})
	}
	t.Run("events", func(t *testing.T) {
		t.Parallel()
		r := newAgingRoom(t, Options{})
		r.amend("{lists: 3000d, events: 90d, reports: 365d}")
		if _, err := r.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(clientLog(t, r.Enclave))); err != nil {
			t.Fatal(err)
		}
		// The same log again, and it is gone before the end of its file is there.
		raw := clientLog(t, r.Enclave)
		got, err := r.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "e"}, io.MultiReader(bytes.NewReader(raw[:len(raw)/2]), breaksIn(func() { r.at(91) }), bytes.NewReader(raw[len(raw)/2:])))
		r.looks()
		if r.want("afterwards", "events retention.events, list retention.lists"); err != nil || got.Ack.Version != 2 || !got.Ack.Changed {
			t.Errorf("%+v, %v", got, err)
		}
		r.at(180)
		r.looks()
		r.want("89 days after it", "events retention.events, list retention.lists")
	})
}

// TestExpiryGivesNothingBack: what a list that expired cost stays spent, so uploading
// anew, with other people, asks for no more than the budget. A room that gives it back
// is asked for twice as much.
func TestExpiryGivesNothingBack(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		r := newAgingRoom(t, Options{})
		if _, err := r.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nbudget: {30d: 0.045}\n")); err != nil {
			t.Fatal(err)
		}
		r.amend("{lists: 1d, reports: 365d}")
		women := &entrustment.Condition{In: map[string][]string{"gender": {"f"}}}
		released := func() (n int) {
			for _, where := range []*entrustment.Condition{nil, women, {Not: women}} {
				_, err := r.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma, q.Where = 5, where }))
				if err == nil {
					n++
					continue
				}
				wantCode(t, "beyond the budget", err, entrustment.CodeBudget)
			}
			return n
		}
		first := released()
		r.at(2)
		r.looks()
		r.want("two days after", "report retention.reports, report retention.reports")
		if mutant { // folds the log without what was charged under what is gone
			state, gate := newState(), aggregator.New(r.engine, book{r.vault.Log()}, clock{r.vault.Log()}, aggregator.Keys{})
			for _, rec := range r.vault.Log().Records() {
				if rec.Kind == kindCharge || rec.Kind == kindTable {
					continue
				}
				if err := state.fold(&rec, gate); err != nil {
					t.Fatal(err)
				}
			}
			r.gate = gate
		}
		loadCrowd(t, r.Enclave, "l", seal.Replace, crowdRows(0, 1400))
		again := released()
		if first != 2 || again != map[bool]int{true: 2}[mutant] {
			t.Errorf("mutant %v: %d releases, and %d of who was uploaded anew", mutant, first, again)
		}
	}
}
