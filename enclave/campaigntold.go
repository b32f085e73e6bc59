package enclave

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"awase/aggregator"
	"awase/enclave/wire"
	"awase/entrustment"
)

// draftedCampaign is a campaign that waits for signatures.
type draftedCampaign struct {
	document *entrustment.Campaign
	draft    *draft
}

// draftedCampaigns gives those that wait, in the order drafted. The room's lock is held.
func (e *Enclave) draftedCampaigns() (out []draftedCampaign) {
	for _, d := range e.waiting() {
		if d.Statement.Act != kindCampaign {
			continue
		}
		m := new(entrustment.Campaign)
		if json.Unmarshal(d.Document, m) == nil {
			out = append(out, draftedCampaign{m, d})
		}
	}
	return out
}

// Campaigns gives the campaigns under an entrustment.
func (e *Enclave) Campaigns(_ context.Context, id string) ([]wire.Campaign, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.known(id); err != nil {
		return nil, err
	}
	if err := e.retention.before(); err != nil {
		return nil, err
	}
	keys := map[campaignKey]bool{}
	for _, c := range e.state.campaignsOf(id) {
		keys[keyOf(c.Campaign)] = true
	}
	for _, m := range e.draftedCampaigns() {
		if m.document.Entrustment == id {
			keys[keyOf(m.document)] = true
		}
	}
	out := []wire.Campaign{}
	for key := range keys {
		c, err := e.campaignTold(key)
		if err != nil {
			return nil, err
		}
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b wire.Campaign) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// campaignTold says how a campaign stands. The room's lock is held.
func (e *Enclave) campaignTold(key campaignKey) (*wire.Campaign, error) {
	c := e.state.campaigns[key]
	out := &wire.Campaign{Entrustment: key.entrustment, ID: key.id, State: wire.CampaignWaits, Deliveries: []wire.Delivery{}, Held: []string{}}
	for _, m := range e.draftedCampaigns() {
		if keyOf(m.document) == key {
			var err error
			if out.Draft, err = e.shown(m.draft); err != nil {
				return nil, err
			}
			out.Document = m.document
		}
	}
	now := e.vault.Log().Now()
	if c != nil {
		out.Document, out.Version = c.Campaign, c.Version
		out.State = e.campaignState(c, now)
		if _, next := e.due(key, false); !next.IsZero() && c.closed == nil {
			out.Next = utc(next)
		}
		for _, d := range c.deliveries {
			out.Deliveries = append(out.Deliveries, d.told())
		}
		if why := e.refusalOf(key); why != nil {
			out.Stopped = &wire.Short{Detail: why.Detail, Mend: why.Mend}
		}
	}
	for _, report := range out.Document.Results {
		if name := reservationOf(out.Document, report); len(e.gate.Held(name)) > 0 {
			out.Held = append(out.Held, name)
		}
	}
	var err error
	out.Steps, err = e.campaignSteps(out.Document, c)
	return out, err
}

func (e *Enclave) campaignState(c *campaign, now time.Time) string {
	switch {
	case c.closed != nil:
		return wire.CampaignClosed
	case !now.Before(c.Campaign.Until.End()):
		return wire.CampaignOver
	case c.small != nil && c.audience() == nil:
		return wire.CampaignSmall
	case c.counted() != nil:
		return wire.CampaignLive
	}
	return wire.CampaignApproved
}

// campaignSteps gives a campaign's life: each step is an entry of the record log that
// everybody of the contract may see.
func (e *Enclave) campaignSteps(m *entrustment.Campaign, c *campaign) ([]wire.CampaignStep, error) {
	at := map[string]wire.CampaignStep{}
	step := func(name string, t time.Time, entry int64) {
		if old, ok := at[name]; !ok || old.Entry == 0 {
			at[name] = wire.CampaignStep{Step: name, At: utc(t), Entry: entry}
		}
	}
	if versions := e.state.listed[listKey{m.Entrustment, m.List}]; len(versions) > 0 {
		l := versions[len(versions)-1]
		step(wire.StepReceived, l.at, l.seq)
		step(wire.StepChecked, l.at, l.seq)
		if n := len(e.state.bases); n > 0 {
			if b := e.state.bases[n-1]; b.seq > l.seq {
				step(wire.StepMatched, b.at, b.seq)
			} else {
				step(wire.StepMatched, l.at, l.seq)
			}
		}
	}
	if r, err := e.sizeOf(m); err != nil {
		return nil, err
	} else if r != nil {
		step(wire.StepSized, r.at, e.seqOf(r))
	}
	if c != nil {
		step(wire.StepApproved, c.first.at, c.first.seq)
		for _, d := range c.deliveries {
			if d.Spec != (aggregator.SpecID{}) {
				step(wire.StepDelivered, d.at, d.seq)
				// The count of a delivery is a size: nobody is told it, and it passed.
				step(wire.StepSized, d.at, d.seq)
				break
			}
		}
		if r := e.resultsOf(m); r != nil {
			step(wire.StepResults, r.at, e.seqOf(r))
		}
	}
	out := []wire.CampaignStep{}
	for _, name := range wire.Steps() {
		s := at[name]
		s.Step = name
		out = append(out, s)
	}
	return out, nil
}

func (e *Enclave) seqOf(r *reportRecord) int64 { return e.state.reports[r.Key] }

// sizeOf gives the newest release that told the size of a campaign's audience, nil:
// none did. Whoever asks for it asks for a size of the campaign's list and condition.
func (e *Enclave) sizeOf(m *entrustment.Campaign) (newest *reportRecord, err error) {
	c := e.state.contracts[m.Entrustment]
	if c == nil {
		return nil, nil
	}
	for _, sigma := range append([]int{0}, e.sigmas()...) {
		for _, recipient := range c.Contract.Recipients {
			for _, named := range []string{"", recipient} {
				q := m.Sizing()
				q.Sigma, q.Recipient = sigma, named
				name, err := answers(q, recipient)
				if err != nil {
					return nil, err
				}
				if r := e.state.reportTable[e.state.newestOf[name]]; r != nil && (newest == nil || r.at.After(newest.at)) {
					newest = r
				}
			}
		}
	}
	return newest, nil
}

// sigmas gives what the gate's policy offers.
func (e *Enclave) sigmas() (out []int) {
	p := e.gate.Policy()
	for _, s := range p.Sigma {
		out = append(out, int(s))
	}
	return out
}

// resultsOf gives the newest release of a campaign's results, nil: there is none.
func (e *Enclave) resultsOf(m *entrustment.Campaign) (newest *reportRecord) {
	for _, r := range e.state.reportTable {
		if r.Entrustment == m.Entrustment && r.Campaign == m.ID && (newest == nil || r.at.After(newest.at)) {
			newest = r
		}
	}
	return newest
}

// Deliveries gives the deliveries that can be fetched.
func (e *Enclave) Deliveries(_ context.Context, req wire.DeliveriesRequest) ([]wire.Delivery, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if req.Entrustment == "" && req.Receiver == "" {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/wire.md", Field: "receiver", Detail: "it says neither of which entrustment nor made out to whom", Mend: "name one"}
	}
	if req.Entrustment != "" {
		if err := e.known(req.Entrustment); err != nil {
			return nil, err
		}
	}
	if err := e.retention.before(); err != nil {
		return nil, err
	}
	stopped := e.stopped() != nil
	out := []wire.Delivery{}
	for key, c := range e.state.campaigns {
		if req.Entrustment != "" && key.entrustment != req.Entrustment || e.state.ended[key.entrustment] != nil {
			continue
		}
		for _, d := range c.deliveries {
			if !d.fetchable() || req.Receiver != "" && d.Receiver != req.Receiver {
				continue
			}
			one := d.told()
			if !stopped && e.thereInOutbox(d) {
				one = d.withFile(one)
			}
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b wire.Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, nil
}

func (d *delivered) withFile(out wire.Delivery) wire.Delivery {
	out.File, out.Bytes, out.SHA256 = outName(d.ID), d.Bytes, fmt.Sprintf("%x", d.Sealed[:])
	return out
}

// findDelivery gives a delivery by its name. The room's lock is held.
func (e *Enclave) findDelivery(ref *wire.DeliveryRef) (*delivered, error) {
	if err := e.over(ref.Entrustment); err != nil {
		return nil, err
	}
	if c := e.state.campaigns[campaignKey{ref.Entrustment, ref.Campaign}]; c != nil {
		if d := c.number(ref.Number); d != nil && (ref.Receiver == "" || d.Receiver == ref.Receiver) {
			return d, nil
		}
	}
	return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "FORMATS §7", Field: "delivery", Detail: "there is no such delivery that is made out to the party", Mend: "list those that there are: awase courier fetch"}
}

// Delivery gives one that can be fetched now.
func (e *Enclave) Delivery(_ context.Context, ref wire.DeliveryRef) (*wire.Delivery, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, first := range []func() error{e.retention.before, e.stopped} {
		if err := first(); err != nil {
			return nil, err
		}
	}
	d, err := e.findDelivery(&ref)
	if err != nil {
		return nil, err
	}
	if !d.fetchable() || !e.thereInOutbox(d) {
		return nil, &entrustment.Error{Code: entrustment.CodeGone, Clause: "FORMATS §7", Field: "delivery", Detail: "the delivery can't be fetched any more: it expired, or a newer one takes its place", Mend: "fetch the newest: awase courier fetch"}
	}
	out := d.withFile(d.told())
	return &out, nil
}

// reasons are the codes that a receiver may give (docs/deliveries.md).
var reasons = []string{"not-opened", "not-signed", "expired", "not-written", "nothing-accepted", "rejected-credentials", "rejected-body", "rate-limited", "busy", "unreachable", "unexpected-answer", "session-ended", "unfinished", "interrupted"}

// ReportDelivery says what became of a delivery.
func (e *Enclave) ReportDelivery(_ context.Context, req wire.DeliveryReport) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.initialised(); err != nil {
		return wire.Ack{}, err
	}
	d, err := e.findDelivery(&req.DeliveryRef)
	if err != nil {
		return wire.Ack{}, err
	}
	failed := req.Status == wire.DeliveryFailed
	if !failed && req.Status != wire.DeliveryDone || failed != slices.Contains(reasons, req.Reason) {
		return wire.Ack{}, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/deliveries.md", Field: "status", Detail: "a delivery is delivered, or failed with one of the reason codes", Mend: "say delivered, or failed and a code of docs/deliveries.md"}
	}
	rec := handedRecord{d.Entrustment, d.Campaign, d.Number, d.Receiver, req.Status, req.Reason}
	key := campaignKey{d.Entrustment, d.Campaign}
	if d.handed != nil && *d.handed.record == rec {
		return wire.Ack{ID: key.String(), Version: d.Number, Seq: d.handed.seq}, nil
	}
	r, err := e.append(kindHanded, rec)
	if err != nil {
		return wire.Ack{}, err
	}
	return wire.Ack{ID: key.String(), Version: d.Number, Changed: true, Seq: r.Seq}, nil
}
