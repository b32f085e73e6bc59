package aggregator

import (
	"context"
	"fmt"
	"time"
)

// charge writes what the plan's accounts have not paid yet, before anything is
// counted.
func (g *Gate) charge(ctx context.Context, pl *Plan) error {
	charges, _ := g.owed(pl, nil)
	if len(charges) == 0 {
		return nil
	}
	now := g.clock.Now()
	if err := g.ledger.check(charges, &g.policy, now); err != nil {
		return g.cheaper(pl, err, now)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	at, err := g.book.Charge(ctx, charges)
	if err != nil {
		return fmt.Errorf("writing the charge: %w", err)
	}
	for i := range charges {
		g.rearm(&charges[i], at)
		g.ledger.add(&charges[i], at)
	}
	return g.watch(ctx, charges, at)
}

// owed gives what the plan's accounts have not paid yet, and how many tables
// the plan has. change, where there is one, makes another question of it: it
// changes a table, or gives false to leave it out.
func (g *Gate) owed(pl *Plan, change func(*Planned) bool) (charges []Charge, tables int) {
	version := g.policy.Version()
	for _, t := range pl.Tables {
		if change != nil {
			if !change(&t) {
				continue
			}
			t.ID = t.Spec.ID()
		}
		tables++
		unpaid := g.ledger.unpaid(t.ID, version, pl.accounts(&t))
		if len(unpaid) == 0 {
			continue
		}
		rho, delta := t.Spec.price(&g.policy)
		of := purpose(&pl.Question, t.Name)
		of.AskedBy = pl.asker
		charges = append(charges, Charge{t.ID, version, unpaid, rho, delta, of, pl.reservation})
	}
	return charges, tables
}

// rearm makes the global alarm ready for the owners of a charge whose account is
// below it just before: it is raised at every crossing.
func (g *Gate) rearm(c *Charge, at time.Time) {
	for _, a := range c.Accounts {
		if rho, _ := g.ledger.spent(Account{Everybody, a.Owner}, at, window30); rho < globalAlarmNano {
			delete(g.alarmed, a.Owner)
		}
	}
}

// watch raises the global alarm of rule 9 for an owner that has passed it, also
// where a crash came between that charge and its alarm.
func (g *Gate) watch(ctx context.Context, charges []Charge, now time.Time) error {
	for _, c := range charges {
		for _, a := range c.Accounts {
			if rho, _ := g.ledger.spent(Account{Everybody, a.Owner}, now, window30); rho < globalAlarmNano || g.alarmed[a.Owner] {
				continue
			}
			alarm := Alarm{AlarmGlobal, []string{a.Owner}}
			if err := g.book.Alarm(ctx, alarm); err != nil {
				return fmt.Errorf("writing an alarm: %w", err)
			}
			g.raise(alarm)
		}
	}
	return nil
}
