package enclave

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"awase/aggregator"
	"awase/entrustment"
)

// What a campaign's results will cost is put aside when it is submitted, under names that
// nobody can take for a reservation of their own (PRIVACY rule 9).

// afterwards is how long after a campaign's last day its results are put aside for.
const afterwards = 30

// reservationOf names what is put aside for a result of a campaign. No reservation that
// somebody asks for has a colon in its name.
func reservationOf(m *entrustment.Campaign, report string) string {
	return m.Entrustment + "/" + m.ID + ":" + report
}

// keptForResults refuses to give up what is put aside for the results of a campaign that
// was not closed: everybody who asks under its contract could, and spend it otherwise. The
// room's lock is held.
func (e *Enclave) keptForResults(name string) error {
	of, _, result := strings.Cut(name, ":")
	id, campaign, _ := strings.Cut(of, "/")
	if c := e.state.campaigns[campaignKey{id, campaign}]; !result || c != nil && c.closed != nil {
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 9", Field: "name", Detail: "it is put aside for the results of a campaign",
		Mend: "close the campaign first, or submit it with fewer results; one that waits for signatures is taken back with its draft"}
}

// heldFor names what is held for a question on a campaign, "": nothing is. It is held for
// the result as it was submitted: other dimensions, days or readers are another question.
func (e *Enclave) heldFor(a *asked) string {
	q := &a.plan.Question
	if q.Campaign == "" {
		return ""
	}
	name := reservationOf(&entrustment.Campaign{Entrustment: q.Entrustment, ID: q.Campaign}, q.Report)
	if held := e.state.reserved[name]; held == nil || !sameJSON(held, q) {
		return ""
	}
	return name
}

// canPay puts aside what a campaign's results cost and sees that a delivery of it can be
// paid for, or says what does not fit and leaves everything as it was. The room's lock is
// held.
func (e *Enclave) canPay(ctx context.Context, m *entrustment.Campaign, party string) error {
	d, err := e.mayDeliver(m)
	if err != nil {
		return err
	}
	if short := e.gate.Price(d.plan).Refusal; short != nil {
		return short.In("destination")
	}
	var undo []func() error
	for i, report := range m.Results {
		back, err := e.putAside(ctx, m.Result(report), m, party)
		undo = append(undo, back)
		if err == nil {
			continue
		}
		for _, back := range slices.Backward(undo) {
			if back == nil {
				continue
			}
			if err := back(); err != nil {
				return err
			}
		}
		if refusal, ok := asRefusal(err); ok {
			return refusal.In(fmt.Sprintf("results[%d]", i))
		}
		return err
	}
	return nil
}

// putAside holds the price of a result, in place of what was held for it before, and
// gives what takes that back, nil: nothing was done. Nothing is held where it costs
// nothing, as where all that is read is the reader's own. The room's lock is held.
func (e *Enclave) putAside(ctx context.Context, q *entrustment.Question, m *entrustment.Campaign, party string) (back func() error, err error) {
	name := reservationOf(m, q.Report)
	a, err := e.askFor(q, party, m)
	if err != nil {
		return nil, err
	}
	was := e.state.reserved[name]
	if was != nil && sameJSON(was, &a.plan.Question) {
		return nil, nil
	}
	a.plan.Under(name) // what is held for it is there for it
	quote := e.gate.Price(a.plan)
	if quote.Refusal != nil {
		return nil, quote.Refusal
	}
	back = func() error { return e.giveUp(ctx, name) }
	if was != nil {
		back = func() error { return e.holdAgain(ctx, name, was, keyOf(m)) }
	}
	if quote.DueNano == 0 {
		return back, e.giveUp(ctx, name)
	}
	return back, e.hold(ctx, name, a, m)
}

// holdAgain puts aside what was put aside for a result before: of the version of the
// campaign that is in force, or of a draft, whose logs may not be there yet. The room's
// lock is held.
func (e *Enclave) holdAgain(ctx context.Context, name string, was *entrustment.Question, key campaignKey) error {
	for _, m := range e.versions(key) {
		a, err := e.askFor(m.Result(was.Report), "", m)
		if err == nil && sameJSON(was, &a.plan.Question) {
			return e.hold(ctx, name, a, m)
		}
	}
	return e.giveUp(ctx, name) // nobody wants it any more
}

// versions gives a campaign as it is in force and as drafts would have it. The room's lock
// is held.
func (e *Enclave) versions(key campaignKey) (of []*entrustment.Campaign) {
	if c := e.state.campaigns[key]; c != nil {
		of = append(of, c.Campaign)
	}
	for _, d := range e.draftedCampaigns() {
		if keyOf(d.document) == key {
			of = append(of, d.document)
		}
	}
	return of
}

// holdWanted puts aside for a result of a campaign what its version in force wants, where
// what is held is for a question that no version asks: one that was drafted, and was taken
// back or lapsed, or whose draft the process did not live to write. What can't be paid for
// leaves what there is, and is tried again. The room's lock is held.
func (e *Enclave) holdWanted(ctx context.Context, name string, of []*entrustment.Campaign) error {
	held := e.state.reserved[name]
	var next *asked
	var by *entrustment.Campaign
	for _, m := range of {
		if !slices.Contains(m.Results, held.Report) {
			continue
		}
		a, err := e.askFor(m.Result(held.Report), "", m)
		if err != nil {
			return nil // what it reads is not there: it may be what is held
		}
		if sameJSON(held, &a.plan.Question) {
			return nil
		}
		if next == nil {
			next, by = a, m
		}
	}
	next.plan.Under(name)
	if quote := e.gate.Price(next.plan); quote.Refusal != nil {
		return nil
	} else if quote.DueNano == 0 {
		return e.giveUp(ctx, name)
	}
	return e.hold(ctx, name, next, by)
}

// hold reserves the price of a result until a while after the campaign's last day, in place
// of what its name held. The room's lock is held.
func (e *Enclave) hold(ctx context.Context, name string, a *asked, m *entrustment.Campaign) error {
	until := m.Until.Add(afterwards)
	if last := a.contract.Contract.Until; last.Before(until) {
		until = last
	}
	end, most := until.End().UTC(), e.vault.Log().Now().Add(aggregator.MaxHold).Truncate(time.Second)
	if most.Before(end) {
		end = most
	}
	r, err := e.gate.Replace(ctx, name, a.plan, end)
	if err != nil {
		return err
	}
	e.state.reserved[name], e.state.reservedBy[name] = &r.Question, r.AskedBy
	return nil
}

// giveUp frees what is held by a name. The room's lock is held.
func (e *Enclave) giveUp(ctx context.Context, name string) error {
	if _, err := e.gate.Free(ctx, name); err != nil {
		return err
	}
	delete(e.state.reserved, name)
	return nil
}

// tidyCampaigns frees what was put aside for campaigns that are neither in force nor
// wait for signatures any more, and for results that they do not want any more: a draft
// lapsed, was taken back, or the process died before it was written. The room's lock is
// held.
func (e *Enclave) tidyCampaigns(ctx context.Context) error {
	wanted := map[string][]*entrustment.Campaign{}
	want := func(m *entrustment.Campaign) {
		for _, report := range m.Results {
			name := reservationOf(m, report)
			wanted[name] = append(wanted[name], m)
		}
	}
	for _, c := range e.state.campaigns {
		want(c.Campaign)
	}
	for _, m := range e.draftedCampaigns() {
		want(m.document)
	}
	for _, name := range slices.Sorted(maps.Keys(e.state.reserved)) {
		if !strings.Contains(name, ":") {
			continue
		}
		act := e.giveUp
		if of := wanted[name]; of != nil {
			act = func(ctx context.Context, name string) error { return e.holdWanted(ctx, name, of) }
		}
		if err := act(ctx, name); err != nil {
			return fmt.Errorf("tidying what is put aside for a campaign's results: %w", err)
		}
	}
	return nil
}
