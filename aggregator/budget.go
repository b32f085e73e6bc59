package aggregator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	Held                                  []Hold    // by name
}

// Hold is what is left of a reservation on one account.
type Hold struct {
	Name              string
	For               Purpose
	RhoNano, DeltaE15 int64
	Until             time.Time
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
	for _, a := range g.ledger.accounts() {
		entries := g.ledger.entries[a]
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
		s.Held = g.ledger.holds(a, now)
		out = append(out, s)
	}
	return out
}

// left30 is what an account has left of its budget of 30 days.
func (l *ledger) left30(a dueAccount, under string, p *Policy, now time.Time) int64 {
	rho, _ := l.taken(a.Account, now, window30, under)
	return p.Rho30Nano - rho
}

// budgetError speaks of the account that the price does not fit which has the least
// left, as what fits is told by all of them, and of when it fits them all.
func (l *ledger) budgetError(failing []dueAccount, under string, p *Policy, now time.Time) error {
	var again time.Time
	for _, a := range failing {
		at, ok := l.fits(a.Account, a.rho, a.delta, under, p, now)
		if !ok {
			again = time.Time{}
			break
		}
		if at.After(again) {
			again = at
		}
	}
	mend := "this question costs more than a whole window holds"
	if !again.IsZero() {
		mend = "this question fits again after " + entrustment.Moment(again)
	}
	a := slices.MinFunc(failing, func(x, y dueAccount) int { return cmp.Compare(l.left30(x, under, p, now), l.left30(y, under, p, now)) })
	rho30, delta30 := l.taken(a.Account, now, window30, under)
	rho365, _ := l.taken(a.Account, now, window365, under)
	detail := fmt.Sprintf("the question costs %s, left are %s in 30 days and %s in 365 days", rhoText(a.rho),
		rhoText(p.Rho30Nano-rho30), rhoText(p.Rho365Nano-rho365))
	if addSaturated(delta30, a.delta) > p.Delta30E15 {
		detail += fmt.Sprintf("; its locks cost δ %.3g, left are %.3g in 30 days", float64(a.delta)/e15, float64(max(0, p.Delta30E15-delta30))/e15)
	}
	return &entrustment.Error{Code: entrustment.CodeBudget, Clause: "PRIVACY rule 9", Field: "sigma", Detail: detail, Mend: mend}
}

// cheaper adds to an E_BUDGET the questions like this one that fit now: a
// coarser sigma, without index or total, or fewer measures. It reads prices and
// the ledger alone. The gate's lock is held.
func (g *Gate) cheaper(pl *Plan, err error, now time.Time) error {
	refusal, ok := errors.AsType[*entrustment.Error](err)
	if !ok || refusal.Code != entrustment.CodeBudget {
		return err
	}
	var fit []string
	try := func(name string, change func(*Planned) bool) bool {
		charges, left := g.owed(pl, change)
		if left == 0 {
			return false
		}
		// A stop of a global account is not for the asker to know.
		if err := g.ledger.check(charges, &g.policy, now); err != nil && !errors.Is(err, errGlobal) {
			return false
		}
		var rho int64
		for _, c := range charges {
			rho += c.RhoNano
		}
		fit = append(fit, fmt.Sprintf("%s (%s)", name, rhoText(rho)))
		return true
	}
	if pl.Question.Index {
		try("index: false", func(t *Planned) bool { return t.Name != TableIndex })
	}
	if pl.Question.Total {
		try("total: false", func(t *Planned) bool { t.Spec.WithTotal = false; return true })
	}
	for i, m := range pl.Tables[0].Spec.Measures {
		try("without the measure "+m.Name, func(t *Planned) bool {
			t.Spec.Measures = slices.Delete(slices.Clone(t.Spec.Measures), i, i+1)
			return true
		})
	}
	coarser := func(sigma int64, plain bool) func(*Planned) bool {
		return func(t *Planned) bool {
			t.Spec.Sigma = sigma
			if plain {
				t.Spec.WithTotal, t.Spec.Measures = false, nil
			}
			return !plain || t.Name != TableIndex
		}
	}
	// The finest sigma that fits is enough; else one with nothing beside users.
	for _, plain := range []bool{false, true} {
		if plain && len(fit) > 0 {
			break
		}
		for _, sigma := range g.policy.Sigma {
			name := fmt.Sprintf("sigma: %d", sigma)
			if plain {
				name += ", users alone"
			}
			if (sigma > pl.Tables[0].Spec.Sigma || plain) && try(name, coarser(sigma, plain)) {
				break
			}
		}
	}
	if len(fit) == 0 {
		return err
	}
	out := *refusal
	out.Mend = "fits now: " + strings.Join(fit, "; ") + "; " + refusal.Mend
	return &out
}

// fits gives the earliest moment at which the price fits the account, if
// nothing else is charged until then.
func (l *ledger) fits(a Account, rho, delta int64, under string, p *Policy, now time.Time) (time.Time, bool) {
	if rho > p.Rho30Nano || rho > p.Rho365Nano || delta > p.Delta30E15 {
		return time.Time{}, false
	}
	moments := []time.Time{now}
	for _, e := range l.entries[a] {
		moments = append(moments, e.at.Add(window30), e.at.Add(window365))
	}
	for _, t := range l.lost {
		moments = append(moments, t.to.Add(window30), t.to.Add(window365))
	}
	for _, r := range l.held {
		moments = append(moments, r.Until)
	}
	slices.SortFunc(moments, time.Time.Compare)
	for _, at := range moments {
		if at.Before(now) {
			continue
		}
		r30, d30 := l.taken(a, at, window30, under)
		r365, _ := l.taken(a, at, window365, under)
		if r30+rho <= p.Rho30Nano && d30+delta <= p.Delta30E15 && r365+rho <= p.Rho365Nano {
			return at, true
		}
	}
	return time.Time{}, false
}

// rhoText writes ρ in nano as a decimal number, exactly, never below zero.
func rhoText(n int64) string { return strconv.FormatFloat(float64(max(n, 0))/nano, 'f', -1, 64) }
