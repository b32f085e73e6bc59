package enclave

import (
	"context"

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
	if s := out.Delivery.Short; s != nil {
		out.Short = append(out.Short, wire.ShortOf{What: "delivery", Short: *s})
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
