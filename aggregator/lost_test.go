package aggregator

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLost: whatever was charged in a lost time within the hard limits, the ledger
// counts at least that much, for every account and window, as long as it counts;
// and nothing of it afterwards.
func TestLost(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		hours := rapid.IntRange(0, 24*500).Draw(rt, "hours")
		to := start.Add(time.Duration(hours) * time.Hour)
		real, l := newLedger(), newLedger()
		l.lost = []lostTime{{start, to}}
		a := Account{"acme", "operator"}
		hard := &Policy{Rho30Nano: maxRho30Nano, Rho365Nano: maxRho365Nano, Delta30E15: maxDelta30E15}
		for range rapid.IntRange(0, 60).Draw(rt, "charges") {
			at := start
			if hours > 0 {
				at = start.Add(time.Duration(rapid.IntRange(1, hours).Draw(rt, "at")) * time.Hour)
			}
			if n := len(real.entries[a]); n > 0 && at.Before(real.entries[a][n-1].at) {
				at = real.entries[a][n-1].at // in their order
			}
			c := Charge{Accounts: []Account{a}, RhoNano: rapid.Int64Range(1, maxRho30Nano).Draw(rt, "rho"), DeltaE15: rapid.Int64Range(0, maxDelta30E15).Draw(rt, "delta")}
			if real.check([]Charge{c}, hard, at) == nil {
				real.add(&c, at)
			}
		}
		for range 20 {
			now := to.Add(time.Duration(rapid.IntRange(0, 24*400).Draw(rt, "later")) * time.Hour)
			for _, account := range []Account{a, {Everybody, a.Owner}} {
				for _, window := range []time.Duration{window30, window365} {
					rho, delta := real.spent(account, now, window)
					countedRho, countedDelta := l.spent(account, now, window)
					if rho > countedRho || delta > countedDelta {
						rt.Fatalf("%v, window %v, %v after: %d and %d spent, %d and %d counted", account, window, now.Sub(to), rho, delta, countedRho, countedDelta)
					}
					if over := !to.After(now.Add(-window)); over && countedRho+countedDelta > 0 {
						rt.Fatalf("%v after, %d are still counted", now.Sub(to), countedRho)
					}
				}
			}
		}
	})
	// At once nothing fits, whatever the policy; 30 days later something does.
	l := newLedger()
	l.lost = []lostTime{{start, start.Add(time.Hour)}}
	for _, p := range []Policy{DefaultPolicy(), {Rho30Nano: maxRho30Nano, Rho365Nano: maxRho365Nano, Delta30E15: maxDelta30E15}} {
		c := []Charge{{Accounts: []Account{{"new", "operator"}}, RhoNano: 1}}
		if l.check(c, &p, start.Add(time.Hour)) == nil {
			t.Error("a charge fits just after a lost time")
		}
		if err := l.check(c, &p, start.Add(window30+2*time.Hour)); err != nil {
			t.Errorf("30 days later: %v", err)
		}
	}
}
