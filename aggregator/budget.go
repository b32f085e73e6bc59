package aggregator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"awase/entrustment"
)

// AccountState is one account as its statement shows it.
type AccountState struct {
	Account
	Now                                   time.Time
	Rho30, Rho365, Delta30                int64 // spent in the windows that end now; ρ in nano, δ in 1e-15
	RhoLimit30, RhoLimit365, DeltaLimit30 int64
	Charges                               []Posting // of the last 365 days, oldest first
}

// Posting is one charge on an account.
type Posting struct {
	At                time.Time
	Back30, Back365   time.Time // when it slides out of each window
	Spec              SpecID
	For               Purpose
	RhoNano, DeltaE15 int64
}

// Statement gives the state of every account that was ever charged, by owner and
// recipient. Global accounts are for officers alone (PRIVACY rule 9).
func (g *Gate) Statement(officer bool) []AccountState {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	var out []AccountState
	for a, entries := range g.ledger.entries {
		if a.Recipient == Everybody && !officer {
			continue
		}
		s := AccountState{Account: a, Now: now, RhoLimit30: g.policy.Rho30Nano, RhoLimit365: g.policy.Rho365Nano, DeltaLimit30: g.policy.Delta30E15}
		if a.Recipient == Everybody {
			s.RhoLimit30, s.RhoLimit365, s.DeltaLimit30 = globalStopNano, 0, 0
		}
		s.Rho30, s.Delta30 = g.ledger.spent(a, now, window30)
		s.Rho365, _ = g.ledger.spent(a, now, window365)
		for _, e := range entries {
			if e.at.After(now.Add(-window365)) {
				s.Charges = append(s.Charges, Posting{At: e.at, Back30: e.at.Add(window30), Back365: e.at.Add(window365),
					Spec: e.Spec, For: e.For, RhoNano: e.RhoNano, DeltaE15: e.DeltaE15})
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b AccountState) int {
		if c := strings.Compare(a.Owner, b.Owner); c != 0 {
			return c
		}
		return strings.Compare(a.Recipient, b.Recipient)
	})
	return out
}

func (l *ledger) budgetError(a Account, rho, delta int64, p *Policy, now time.Time) error {
	rho30, _ := l.spent(a, now, window30)
	rho365, _ := l.spent(a, now, window365)
	mend := "this question costs more than a whole window holds: ask it with a coarser sigma, or without total or index"
	if at, ok := l.fits(a, rho, delta, p, now); ok {
		mend = "this question fits again after " + at.In(entrustment.JST).Format("2006-01-02 15:04 JST")
		if cheaper := l.cheaper(a, rho, delta, p, now); cheaper > 0 {
			mend = fmt.Sprintf("what is left is enough for a question of a %d times coarser sigma; ", cheaper) + mend
		}
	}
	return &entrustment.Error{Code: entrustment.CodeBudget, Clause: "PRIVACY rule 9", Field: "sigma",
		Detail: fmt.Sprintf("the question costs %s, left are %s in 30 days and %s in 365 days", rhoText(rho),
			rhoText(p.Rho30Nano-rho30), rhoText(p.Rho365Nano-rho365)), Mend: mend}
}

// cheaper gives by what whole factor the noise has to grow for the price to fit
// now, 0 if none up to the coarsest that the policy could offer does.
func (l *ledger) cheaper(a Account, rho, delta int64, p *Policy, now time.Time) int64 {
	for factor := int64(2); factor <= maxSigma/minSigma; factor++ {
		part := (rho + factor*factor - 1) / (factor * factor)
		if at, ok := l.fits(a, part, delta, p, now); ok && at.Equal(now) {
			return factor
		}
	}
	return 0
}

// fits gives the earliest moment at which the price fits the account, if
// nothing else is charged until then.
func (l *ledger) fits(a Account, rho, delta int64, p *Policy, now time.Time) (time.Time, bool) {
	if rho > p.Rho30Nano || rho > p.Rho365Nano || delta > p.Delta30E15 {
		return time.Time{}, false
	}
	moments := []time.Time{now}
	for _, e := range l.entries[a] {
		moments = append(moments, e.at.Add(window30), e.at.Add(window365))
	}
	slices.SortFunc(moments, time.Time.Compare)
	for _, at := range moments {
		if at.Before(now) {
			continue
		}
		r30, d30 := l.spent(a, at, window30)
		r365, _ := l.spent(a, at, window365)
		if r30+rho <= p.Rho30Nano && d30+delta <= p.Delta30E15 && r365+rho <= p.Rho365Nano {
			return at, true
		}
	}
	return time.Time{}, false
}

// rhoText writes ρ in nano as a decimal number, never below zero.
func rhoText(n int64) string { return fmt.Sprintf("%.4f", float64(max(n, 0))/nano) }
