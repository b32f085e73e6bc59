package render

import (
	"bytes"
	"strings"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

func ledgerSample() *wire.Ledger {
	many := make([]entrustment.Condition, 40)
	for i := range many {
		many[i] = entrustment.Condition{In: map[string][]string{"gender": {"female"}}}
	}
	april := &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 4, Day: 1}, To: entrustment.Date{Year: 2026, Month: 4, Day: 30}}
	spec := strings.Repeat("1a2b3c4d", 8)
	charges := []wire.LedgerCharge{
		{At: "2026-11-01T01:00:00Z", Entrustment: "acme-2026-spring", Report: "profile", List: "spring", Table: "table", Rho: 0.005, Delta: 2e-8, Back30: "2026-12-01T01:00:00Z", Back365: "2027-11-01T01:00:00Z"},
		{At: "2026-11-20T01:00:00Z", Entrustment: "acme-2026-spring", Report: "behaviour", Table: "table", Rho: 0.025, Delta: 1e-8, Back30: "2026-12-20T01:00:00Z", Back365: "2027-11-20T01:00:00Z",
			Spec: spec, Dims: []string{"category", "gender"}, Measures: []string{"events", "clicks"}, Window: april},
		{At: "2026-11-20T01:07:00Z", Entrustment: "acme-2026-spring", Report: "profile", List: "spring", Table: "table", Rho: 0.01, Delta: 2e-8, Back30: "2026-12-20T01:07:00Z", Back365: "2027-11-20T01:07:00Z",
			Spec: spec, Dims: []string{"age_band", "gender"}, Total: true, Where: &entrustment.Condition{In: map[string][]string{"prefecture": {"東京都", "神奈川県"}}}},
		{At: "2026-11-20T01:07:00Z", Entrustment: "acme-2026-spring", Report: "profile", Table: "index", Rho: 0.005, Delta: 2e-8, Back30: "2026-12-20T01:07:00Z", Back365: "2027-11-20T01:07:00Z",
			Spec: spec, Dims: []string{"age_band", "gender"}},
		{At: "2026-11-20T15:30:00Z", Entrustment: "acme-2026-spring", Report: "size", List: "spring", Table: "table", Rho: 0.0002, Back30: "2026-12-20T15:30:00Z", Back365: "2027-11-20T15:30:00Z",
			Spec: spec, Where: &entrustment.Condition{Any: many}},
	}
	return &wire.Ledger{
		At: "2026-11-24T05:00:00Z", Clock: &wire.ClockJump{From: "2026-11-24T05:00:00Z", To: "2027-11-24T05:00:00Z"},
		Alarms: []wire.LedgerAlarm{{At: "2026-11-23T05:00:00Z", Kind: "global-budget", Owners: []string{"operator"}}},
		Accounts: []wire.LedgerAccount{
			{Recipient: "*", Owner: "operator", Charges: charges, Windows: []wire.LedgerWindow{{Window: "30d", Unit: "rho", Spent: 2.03, Limit: 8, Left: 5.97, Back: "2026-12-01T01:00:00Z"}}},
			{Recipient: "acme", Owner: "operator", Charges: charges, Held: []wire.LedgerHold{{Name: "results", Entrustment: "acme-2026-spring", Report: "profile", Rho: 0.02, Until: "2026-12-31T15:00:00Z"}}, Windows: []wire.LedgerWindow{
				{Window: "30d", Unit: "rho", Spent: 0.03, Held: 0.02, Limit: 0.25, Left: 0.2, Back: "2026-12-01T01:00:00Z"},
				{Window: "365d", Unit: "rho", Spent: 0.03, Limit: 2, Left: 1.97, Back: "2027-11-01T01:00:00Z"},
				{Window: "30d", Unit: "delta", Spent: 3e-8, Limit: 4e-6, Left: 3.97e-6, Back: "2026-12-01T01:00:00Z"},
			}},
		},
	}
}

// Each charge says what it was for, when, and when it comes back to both windows;
// and no two charges of different questions read alike.
func TestLedgerTellsChargesApart(t *testing.T) {
	l := ledgerSample()
	for _, width := range []int{60, 80, 100, 120} {
		var b bytes.Buffer
		if err := Ledger(&b, l, TerminalOptions{Lang: English, Width: width}); err != nil {
			t.Fatal(err)
		}
		// Wrapped lines are one again; Japanese is broken without a blank.
		flat := func(s string) string { return strings.Join(strings.Fields(s), "") }
		said := flat(b.String())
		for _, want := range []string{
			"2026-11-01 10:00 0.005", "2026-12-01 2027-11-01 Profile of list \"spring\" (acme-2026-spring)",
			"Behaviour by category × gender from 2026-04-01 to 2026-04-30 with events, clicks (acme-2026-spring, spec 1a2b3c4d)",
			"Profile of list \"spring\" by age × gender where prefecture is Tokyo or Kanagawa with a separate total (acme-2026-spring, spec 1a2b3c4d)",
			"Index base of Profile by age × gender (acme",
			"Audience size of list \"spring\" under a long condition",
			"2026-11-21 00:30", // in Japan
			"until the end of 2026-12-31",
		} {
			if !strings.Contains(said, flat(want)) {
				t.Errorf("at %d columns: no %q in\n%s", width, want, b.String())
			}
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if strings.HasPrefix(line, "      ") && narrow.StringWidth(line) > width {
				t.Errorf("at %d columns: %q is wider", width, line)
			}
		}
	}
}

// An account that owes nothing for a question is not short of it, however much of
// it was spent: its limit may have been lowered since.
func TestOnlyWhoOwesIsShort(t *testing.T) {
	p := priceSample()
	p.Accounts[0].Spent, p.Accounts[0].Due = 0.4, 0
	p.Accounts[1].Spent, p.Accounts[1].Due = 1.995, 0.01
	var b bytes.Buffer
	if err := Price(&b, p, TerminalOptions{Lang: English, Width: 100}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "short."); n != 1 || !strings.Contains(b.String(), "0.005 short.") {
		t.Errorf("%d accounts are short:\n%s", n, b.String())
	}
}
