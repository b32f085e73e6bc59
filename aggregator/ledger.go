package aggregator

import (
	"fmt"
	"math"
	"slices"
	"time"

	"awase/entrustment"
)

// Account is what a budget belongs to: the group that reads, and the party whose
// users are counted (PRIVACY rule 9). Recipient Everybody is the global account
// of an owner.
type Account struct {
	Recipient string `json:"recipient"` // group
	Owner     string `json:"owner"`     // party
}

// Everybody is the recipient of the global account.
const Everybody = "*"

// Charge is what one table costs one set of accounts. It is written to the
// record log before anything is counted, and never taken back.
type Charge struct {
	Spec     SpecID    `json:"spec"`
	Policy   PolicyV   `json:"policy"`
	Accounts []Account `json:"accounts"` // recipient × owner; the global accounts follow from them
	RhoNano  int64     `json:"rho_nano"`
	DeltaE15 int64     `json:"delta_e15"`
}

// The two windows of a budget.
const (
	window30  = 30 * 24 * time.Hour
	window365 = 365 * 24 * time.Hour
)

type entry struct {
	at       time.Time
	rhoNano  int64
	deltaE15 int64
}

type paidKey struct {
	spec    SpecID
	policy  PolicyV
	account Account
}

// ledger is a fold over the charges of the record log. Windows slide: a charge
// counts while it is younger than the window. It is not safe for concurrent
// use; the gate holds its lock.
type ledger struct {
	entries map[Account][]entry // in time order
	paid    map[paidKey]bool
}

func newLedger() *ledger {
	return &ledger{map[Account][]entry{}, map[paidKey]bool{}}
}

// add folds a charge in.
func (l *ledger) add(c *Charge, at time.Time) {
	global := map[Account]bool{}
	for _, a := range c.Accounts {
		l.entries[a] = append(l.entries[a], entry{at, c.RhoNano, c.DeltaE15})
		l.paid[paidKey{c.Spec, c.Policy, a}] = true
		global[Account{Everybody, a.Owner}] = true
	}
	for g := range global {
		l.entries[g] = append(l.entries[g], entry{at, c.RhoNano, c.DeltaE15})
	}
}

// unpaid gives the accounts that have not paid for a table yet.
func (l *ledger) unpaid(spec SpecID, policy PolicyV, accounts []Account) []Account {
	return slices.DeleteFunc(slices.Clone(accounts), func(a Account) bool { return l.paid[paidKey{spec, policy, a}] })
}

// spent sums an account over a window that ends now. The sums saturate.
func (l *ledger) spent(a Account, now time.Time, window time.Duration) (rhoNano, deltaE15 int64) {
	from := now.Add(-window)
	list := l.entries[a]
	for i := len(list) - 1; i >= 0 && list[i].at.After(from); i-- {
		rhoNano = addSaturated(rhoNano, list[i].rhoNano)
		deltaE15 = addSaturated(deltaE15, list[i].deltaE15)
	}
	return rhoNano, deltaE15
}

func addSaturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// check tells whether the charges fit every account. It gives an E_BUDGET that
// speaks of the asker's own account, or errGlobal.
func (l *ledger) check(charges []Charge, p *Policy, now time.Time) error {
	type sum struct{ rho, delta int64 }
	asked := map[Account]sum{}
	var order []Account
	for _, c := range charges {
		global := map[Account]bool{}
		for _, a := range c.Accounts {
			global[Account{Everybody, a.Owner}] = true
		}
		for _, a := range append(slices.Clone(c.Accounts), keys(global)...) {
			s, ok := asked[a]
			if !ok {
				order = append(order, a)
			}
			asked[a] = sum{addSaturated(s.rho, c.RhoNano), addSaturated(s.delta, c.DeltaE15)}
		}
	}
	for _, a := range order {
		ask := asked[a]
		rho30, delta30 := l.spent(a, now, window30)
		if a.Recipient == Everybody {
			if addSaturated(rho30, ask.rho) > globalStopNano {
				return errGlobal
			}
			continue
		}
		rho365, _ := l.spent(a, now, window365)
		if addSaturated(rho30, ask.rho) > p.Rho30Nano || addSaturated(delta30, ask.delta) > p.Delta30E15 ||
			addSaturated(rho365, ask.rho) > p.Rho365Nano {
			return l.budgetError(a, ask.rho, ask.delta, p, now)
		}
	}
	return nil
}

func keys(m map[Account]bool) []Account {
	out := make([]Account, 0, len(m))
	for a := range m {
		out = append(out, a)
	}
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
