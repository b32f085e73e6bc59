package enclave

import (
	"cmp"
	"context"
	"errors"
	"math"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Price says what a question costs.
func (e *Enclave) Price(_ context.Context, q *entrustment.Question, expect int64) (wire.Price, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.price(q, "", expect)
}

// PriceReserved says what the question of a reservation costs, and which it is.
func (e *Enclave) PriceReserved(_ context.Context, name string, expect int64) (wire.Price, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.state.reserved[name]
	if q == nil {
		return wire.Price{}, noReservation()
	}
	p, err := e.price(q, name, expect)
	p.Question, p.HeldBy = q, e.state.reservedBy[name]
	return p, err
}

// price is Price, of what is drawn from a reservation where one is named. The
// room's lock is held.
func (e *Enclave) price(q *entrustment.Question, reservation string, expect int64) (wire.Price, error) {
	a, err := e.ask(q, "")
	if err != nil {
		return wire.Price{}, err
	}
	a.plan.Under(cmp.Or(reservation, e.heldFor(a)))
	return e.priceOf(a, expect)
}

// priceOf gives the price of what was decided and compiled. The room's lock is held.
func (e *Enclave) priceOf(a *asked, expect int64) (wire.Price, error) {
	q := &a.plan.Question
	quote := e.gate.Price(a.plan)
	policy := e.gate.Policy()
	sigma := int64(a.plan.Question.Sigma)
	variance, tau := a.plan.Noise(&policy)
	p := wire.Price{
		Rho: unnano(quote.RhoNano), Delta: float64(quote.DeltaE15) / 1e15, Charged: unnano(quote.DueNano), Sigma: int(sigma),
		Tau: tau, K: a.plan.LeastPeople(&policy), Terms: int(variance / (sigma * sigma)), Precision: int64(math.Ceil(1.96 * math.Sqrt(float64(variance)))), Cells: 1,
	}
	if q.Report != entrustment.ReportSize {
		for _, d := range a.plan.Tables[0].Spec.Dims {
			p.Cells *= len(d.Domain)
		}
	}
	p.Forecast = e.forecast(a, expect, &policy)
	p.Notes = notes(a.plan, e.expected(a, expect), &policy)
	reads := q
	if a.reads != nil {
		reads = a.reads
	}
	if lacks, err := e.state.expiredFor(a.contract, reads, entrustment.DateOf(e.vault.Log().Now())); err != nil {
		return wire.Price{}, err
	} else if lacks {
		p.Notes = append(p.Notes, wire.NoteEventsExpired)
	}
	for _, t := range quote.Tables {
		if a.plan.Selection() {
			t.Name = "cube"
		}
		p.Tables = append(p.Tables, wire.TablePrice{Name: t.Name, Rho: unnano(t.RhoNano), Paid: t.Paid})
	}
	for _, ac := range quote.Accounts {
		p.Accounts = append(p.Accounts,
			wire.AccountStatus{Recipient: ac.Recipient, Owner: ac.Owner, Window: "30d", Spent: unnano(ac.Spent30), Limit: unnano(ac.Limit30), Due: unnano(ac.Due)},
			wire.AccountStatus{Recipient: ac.Recipient, Owner: ac.Owner, Window: "365d", Spent: unnano(ac.Spent365), Limit: unnano(ac.Limit365), Due: unnano(ac.Due)})
	}
	if r := quote.Refusal; r != nil {
		p.Short = &wire.Short{Detail: r.Detail, Mend: r.Mend}
	}
	if refusal, ok := errors.AsType[*entrustment.Error](e.asks(a)); ok {
		p.Stopped = &wire.Short{Detail: refusal.Detail, Mend: refusal.Mend}
	}
	return p, nil
}

// asks refuses what prepare would, of a question that was decided about: releases
// are stopped, or new ones are. The room's lock is held.
func (e *Enclave) asks(a *asked) error {
	if err := e.stopped(); err != nil {
		return err
	}
	if _, kept := e.state.reports[a.id]; kept {
		return nil
	}
	return e.running()
}
