package enclave

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"awase/aggregator"
	"awase/enclave/wire"
	"awase/entrustment"
)

// PriceCampaign says what a campaign would cost.
func (e *Enclave) PriceCampaign(_ context.Context, req wire.CampaignRequest) (*wire.CampaignPrice, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := req.Campaign
	if err := e.maySubmit(m.Entrustment, req.Party); err != nil {
		return nil, err
	}
	d, err := e.mayDeliver(m)
	if err != nil {
		return nil, err
	}
	out := &wire.CampaignPrice{Deliveries: m.Deliveries(), Results: []wire.ResultPrice{}}
	if out.Delivery, err = e.priceOf(&asked{contract: d.contract, plan: d.plan, recipient: m.Destination.Receiver}, 0); err != nil {
		return nil, err
	}
	if req.Party != "" { // what other groups spent is theirs to know
		out.Delivery.Accounts = slices.DeleteFunc(out.Delivery.Accounts, func(a wire.AccountStatus) bool { return a.Recipient != e.group(req.Party) })
	}
	if s := out.Delivery.Short; s != nil {
		out.Short = append(out.Short, wire.ShortOf{What: "delivery", Short: *s})
	}
	before := dues{}
	for _, report := range m.Results { // what is put aside for a version of before pays for this one
		before.hold(e.gate.Held(reservationOf(m, report)), -1)
	}
	for _, report := range m.Results {
		q := m.Result(report)
		a, err := e.askFor(q, req.Party, m)
		if err != nil {
			return nil, err
		}
		a.plan.Under(reservationOf(m, report))
		p, err := e.priceOf(a, req.Expect)
		if err != nil {
			return nil, err
		}
		before.hold(e.gate.Held(reservationOf(m, report)), 1) // p is priced without its own
		if p.Short == nil {
			p.Short = before.beside(p.Accounts)
		}
		before.hold(e.gate.Held(reservationOf(m, report)), -1)
		out.Results = append(out.Results, wire.ResultPrice{Report: report, Question: &a.plan.Question, Price: p})
		if p.Short != nil {
			out.Short = append(out.Short, wire.ShortOf{What: report, Short: *p.Short})
		}
		if report == entrustment.ReportLift && req.Expect > 0 {
			sigma := int64(a.plan.Question.Sigma)
			l := &wire.LiftExpected{Least: 5 * sigma}
			l.Converters, l.Enough = aggregator.EnoughHeldOut(req.Expect, m.Holdout, int64(m.ConversionRate), sigma)
			out.Lift = l
		}
	}
	return out, nil
}

// dues are what is due for the results before one, by account and window: all of them
// are put aside at once.
type dues map[[3]string]float64

// hold counts what a reservation holds.
func (d dues) hold(held []aggregator.Held, times float64) {
	for _, h := range held {
		for _, window := range []string{"30d", "365d"} {
			d[[3]string{h.Recipient, h.Owner, window}] += times * unnano(h.RhoNano)
		}
	}
}

// beside says that a result fits by itself and not beside those before it, nil: it does;
// and counts it to them.
func (d dues) beside(accounts []wire.AccountStatus) *wire.Short {
	const smallest = 5e-10 // half of what is counted
	var short *wire.Short
	for _, a := range accounts {
		key := [3]string{a.Recipient, a.Owner, a.Window}
		if left := a.Limit - a.Spent - d[key]; a.Due > left+smallest && short == nil {
			short = &wire.Short{Detail: fmt.Sprintf("beside the results before it, it costs %.4g, and %.4g are left of the budget of %s", a.Due, max(0, left), strings.TrimSuffix(a.Window, "d")+" days"),
				Mend: "name fewer results, or a larger sigma, or submit it once enough of the budget is back: awase ledger"}
		}
		d[key] += a.Due
	}
	return short
}
