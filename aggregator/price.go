package aggregator

import (
	"errors"
	"slices"

	"awase/entrustment"
)

// Quote is what a plan costs its accounts now; a function of public facts.
type Quote struct {
	Tables   []QuotedTable
	RhoNano  int64 // all tables
	DeltaE15 int64
	DueNano  int64 // what is not paid yet, of the account that owes most
	Accounts []AccountQuote
	// Refusal is the E_BUDGET that asking now would meet, with the cheaper
	// questions that fit; nil: it fits.
	Refusal *entrustment.Error
}

// QuotedTable is one table's price.
type QuotedTable struct {
	Name     string
	RhoNano  int64
	DeltaE15 int64
	Paid     bool
}

// AccountQuote is the state of one account.
type AccountQuote struct {
	Account
	Spent30, Limit30, Spent365, Limit365, Due int64 // nano; spent or held
}

// Price gives what a plan costs. It charges nothing.
func (g *Gate) Price(pl *Plan) Quote {
	g.mu.Lock()
	defer g.mu.Unlock()
	var q Quote
	now := g.clock.Now()
	version := g.policy.Version()
	due := map[Account]int64{}
	var accounts []Account
	for _, t := range pl.Tables {
		rho, delta := t.Spec.price(&g.policy)
		all := pl.accounts(&t)
		unpaid := g.ledger.unpaid(t.ID, version, all)
		for _, a := range all {
			if !slices.Contains(accounts, a) {
				accounts = append(accounts, a)
			}
		}
		for _, a := range unpaid {
			due[a] += rho
		}
		q.Tables = append(q.Tables, QuotedTable{t.Name, rho, delta, len(unpaid) == 0})
		q.RhoNano += rho
		q.DeltaE15 += delta
	}
	for _, a := range accounts {
		rho30, _ := g.ledger.taken(a, now, window30, pl.reservation)
		rho365, _ := g.ledger.taken(a, now, window365, pl.reservation)
		q.Accounts = append(q.Accounts, AccountQuote{a, rho30, g.policy.Rho30Nano, rho365, g.policy.Rho365Nano, due[a]})
		q.DueNano = max(q.DueNano, due[a])
	}
	charges, _ := g.owed(pl, nil)
	// A stop of a global account is not for the asker to know.
	if err := g.ledger.check(charges, &g.policy, now); err != nil && !errors.Is(err, errGlobal) {
		q.Refusal = entrustment.Public(g.cheaper(pl, err, now))
	}
	return q
}
