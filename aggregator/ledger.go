package aggregator

import (
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
	For      Purpose   `json:"for"`
	// Reservation is the one that the charge is drawn from, "": none.
	Reservation string `json:"reservation,omitempty"`
}

// Purpose says what a charge is for, in the words of the question. It names
// documents, dimensions and values of closed domains, and nobody.
type Purpose struct {
	Entrustment string   `json:"entrustment"`
	Report      string   `json:"report"`
	Campaign    string   `json:"campaign,omitempty"`
	List        string   `json:"list,omitempty"`
	Table       string   `json:"table"`
	Dims        []string `json:"dims,omitempty"`
	// Where is the condition as JSON; "" where there is none, or it is longer than
	// maxWhere: the SpecID tells it apart.
	Where    string              `json:"where,omitempty"`
	Long     bool                `json:"long,omitempty"` // there is a condition, too long for Where
	Window   *entrustment.Window `json:"window,omitempty"`
	Measures []string            `json:"measures,omitempty"` // beside users
	Total    bool                `json:"total,omitempty"`    // with a separate total
	AskedBy  string              `json:"asked_by,omitempty"` // party; "": of none that asked over the service
}

// maxWhere is the longest condition that a charge repeats, in bytes.
const maxWhere = 400

// The two windows of a budget.
const (
	window30  = 30 * 24 * time.Hour
	window365 = 365 * 24 * time.Hour
)

type entry struct {
	at time.Time
	*Charge
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
	paid    map[paidKey]time.Time
	held    map[string]*Reservation // by name, what is left of them
	lost    []lostTime
}

func newLedger() *ledger {
	return &ledger{entries: map[Account][]entry{}, paid: map[paidKey]time.Time{}, held: map[string]*Reservation{}}
}

// add folds a charge in, and keeps it.
func (l *ledger) add(c *Charge, at time.Time) {
	global := map[Account]bool{}
	for _, a := range c.Accounts {
		l.entries[a] = append(l.entries[a], entry{at, c})
		l.paid[paidKey{c.Spec, c.Policy, a}] = at
		global[Account{Everybody, a.Owner}] = true
	}
	for g := range global {
		l.entries[g] = append(l.entries[g], entry{at, c})
	}
	l.draw(c)
}

// unpaid gives the accounts that have not paid for a table yet.
func (l *ledger) unpaid(spec SpecID, policy PolicyV, accounts []Account) []Account {
	return slices.DeleteFunc(slices.Clone(accounts), func(a Account) bool { return !l.paid[paidKey{spec, policy, a}].IsZero() })
}

// paidAt gives when the last of the accounts paid for a table.
func (l *ledger) paidAt(spec SpecID, policy PolicyV, accounts []Account) (last time.Time) {
	for _, a := range accounts {
		if at := l.paid[paidKey{spec, policy, a}]; at.After(last) {
			last = at
		}
	}
	return last
}

// spent sums an account over a window that ends now. The sums saturate.
func (l *ledger) spent(a Account, now time.Time, window time.Duration) (rhoNano, deltaE15 int64) {
	rhoNano, deltaE15 = l.most(a, now, window)
	from := now.Add(-window)
	list := l.entries[a]
	for i := len(list) - 1; i >= 0 && list[i].at.After(from); i-- {
		rhoNano = addSaturated(rhoNano, list[i].RhoNano)
		deltaE15 = addSaturated(deltaE15, list[i].DeltaE15)
	}
	return rhoNano, deltaE15
}

func addSaturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// dueAccount is an account and what it is asked to pay.
type dueAccount struct {
	Account
	rho, delta int64
}

// check tells whether the charges fit every account. It gives an E_BUDGET that
// speaks of the asker's own accounts, or errGlobal.
func (l *ledger) check(charges []Charge, p *Policy, now time.Time) error {
	under := ""
	var due []dueAccount
	add := func(a Account, c *Charge) {
		i := slices.IndexFunc(due, func(d dueAccount) bool { return d.Account == a })
		if i < 0 {
			i = len(due)
			due = append(due, dueAccount{Account: a})
		}
		due[i].rho, due[i].delta = addSaturated(due[i].rho, c.RhoNano), addSaturated(due[i].delta, c.DeltaE15)
	}
	for i := range charges {
		under = charges[i].Reservation
		global := map[Account]bool{}
		for _, a := range charges[i].Accounts {
			add(a, &charges[i])
			global[Account{Everybody, a.Owner}] = true
		}
		for _, a := range keys(global) {
			add(a, &charges[i])
		}
	}
	var failing []dueAccount
	stopped := false
	for _, d := range due {
		if d.Recipient == Everybody {
			rho30, _ := l.taken(d.Account, now, window30, under)
			stopped = stopped || addSaturated(rho30, d.rho) > globalStopNano
			continue
		}
		rho30, delta30 := l.taken(d.Account, now, window30, under)
		rho365, _ := l.taken(d.Account, now, window365, under)
		if addSaturated(rho30, d.rho) > p.Rho30Nano || addSaturated(delta30, d.delta) > p.Delta30E15 ||
			addSaturated(rho365, d.rho) > p.Rho365Nano {
			failing = append(failing, d)
		}
	}
	if len(failing) > 0 {
		return l.budgetError(failing, under, p, now)
	}
	if stopped {
		return errGlobal
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
