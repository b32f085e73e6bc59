package entrustment

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSubTrusteesOpenNothingElse: whatever sub-trustees a contract has, it is
// activated, and on each day exactly those ask whose work and day it is; nobody else
// signs, sees, asks or reads who did not without them.
func TestSubTrusteesOpenNothingElse(t *testing.T) {
	t.Parallel()
	asked, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		all := worlds()
		name := rapid.SampledFrom(sorted(all)).Draw(t, "world")
		w := all[name]()
		c := w.c()
		c.SubTrustees = nil
		bare := *c
		day := rapid.Custom(func(t *rapid.T) Date {
			if rapid.Bool().Draw(t, "given") {
				return c.From.Add(rapid.IntRange(0, 150).Draw(t, "day"))
			}
			return Date{}
		})
		for i := range rapid.IntRange(0, 4).Draw(t, "sub-trustees") {
			id := fmt.Sprint("sub", i)
			w.facts.Parties[id] = party(id, ClassTrustee, id, "JP")
			s := SubTrustee{Party: id, Work: distinctOf(rapid.SampledFrom([]Work{WorkAsk, WorkOperate}), 1, 2).Draw(t, "work"), Consent: "sha256:0", From: day.Draw(t, "from"), Until: day.Draw(t, "until")}
			if !s.From.IsZero() && !s.Until.IsZero() && s.Until.Before(s.From) {
				s.From, s.Until = s.Until, s.From
			}
			c.SubTrustees = append(c.SubTrustees, s)
		}
		if err := DecideEntrust(w.facts); err != nil {
			t.Fatal(err)
		}
		today := c.From.Add(rapid.IntRange(0, 170).Draw(t, "today"))
		w.facts.Now = today.Start()
		if rapid.Bool().Draw(t, "its last moment") {
			w.facts.Now = today.End().Add(-1)
		}
		for _, id := range sorted(w.facts.Parties) {
			i := slices.IndexFunc(c.SubTrustees, func(s SubTrustee) bool { return s.Party == id })
			err := DecideAsker(w.facts, id)
			if i < 0 {
				if (err == nil) != bare.MayAsk(id) || c.MayAsk(id) != bare.MayAsk(id) || slices.Contains(c.Parties(), id) != slices.Contains(bare.Parties(), id) ||
					slices.Contains(c.Signers(), id) != slices.Contains(bare.Signers(), id) || slices.Contains(c.Sides(), id) != slices.Contains(bare.Sides(), id) {
					t.Errorf("%s: %s gains something by sub-trustees: %v", name, id, err)
				}
				continue
			}
			s := c.SubTrustees[i]
			may := slices.Contains(s.Work, WorkAsk) && !(!s.From.IsZero() && today.Before(s.From)) && !(!s.Until.IsZero() && s.Until.Before(today))
			if (err == nil) != may {
				t.Errorf("%s: %+v asks on %s: %v", name, s, today, err)
			}
			if may {
				asked++
			} else {
				refused++
			}
			w.q().Recipient = id
			if DecideAsk(w.facts, w.ask) == nil || slices.Contains(c.Sides(), id) || !slices.Contains(c.Parties(), id) {
				t.Errorf("%s: %s reads a table, or sees what others do", name, id)
			}
		}
	})
	if asked == 0 || refused == 0 {
		t.Errorf("%d asked, %d were refused", asked, refused)
	}
}
