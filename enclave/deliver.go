package enclave

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"awase/aggregator"
	"awase/crypto/delivery"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// A delivery is made in three steps. It is decided on, charged and pinned with the
// room's lock, as a question is; counted at the gate, named, sealed and written to the
// outbox without it; and stands by its entry of the record log. A process that died in
// between left a charge and a file that nobody is given: the next one counts the same,
// uncharged, and sweeps the file away.

// labelLife is how long labels open. People who asked for a stop of use are in those
// that were made before, so a set does not outlive the next one by much.
const labelLife = 48 * time.Hour

// removalLife is how long a removal can be fetched.
const removalLife = 14

// underWay is a delivery that is being made.
type underWay struct {
	asDelivery
	rec    deliveryRecord
	to     seal.PublicKey
	serves seal.PublicKey // of labels: the key that opens them
	begun  time.Time

	base  *baseRecord
	gone  map[string]bool   // user tokens under tombstones
	was   *audienceRecord   // who is delivered to before it; nil: nobody
	off   bool              // its receiver took off all who removals named
	left  *audienceRecord   // of actLeft: who was before that
	older []*audienceRecord // of actWithdraw: whom the receiver may have beside was
	paid  *aggregator.Paid
	file  vault.SegmentRef // of what was made, until it is in the outbox
	stays []func()         // lets go of what is read
}

func (u *underWay) release() {
	for _, f := range u.stays {
		f()
	}
}

// deliver makes one delivery that is due. The entry that it gives is nil where the
// audience was too small, or nothing was due any more.
func (e *Enclave) deliver(ctx context.Context, key campaignKey, what act) (err error) {
	defer func() {
		if recover() != nil {
			e.log.Error("a panic", "kind", "deliver", "at", frames())
			err = errors.New("a panic")
		}
	}()
	u, err := locked(e, func() (*underWay, error) {
		u, err := e.beginDelivery(ctx, key, what)
		if err != nil {
			return nil, e.refuse("deliver", key.entrustment, err)
		}
		return u, nil
	})
	if err != nil {
		return err
	}
	defer e.afterDelivery(u, u.rec.ID)
	var d *aggregator.Delivery
	if u.paid != nil {
		if d, err = e.gate.Deliver(ctx, u.paid); err != nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.refuse("deliver", key.entrustment, err)
		}
		if d == nil {
			u.rec.Small = true
		}
	}
	if !u.rec.Small {
		if err := e.makeDelivery(ctx, u, what, d); err != nil {
			return fmt.Errorf("making a delivery: %w", err)
		}
	}
	// How long that took depends on who is in the audience (attack A14).
	if err := e.paced(ctx, u.begun); err != nil {
		return err
	}
	if !u.rec.Small {
		if err := e.putOut(ctx, u); err != nil {
			return err
		}
	}
	_, err = locked(e, func() (struct{}, error) { return struct{}{}, e.endDelivery(u) })
	return err
}

// afterDelivery lets go of what a delivery read and wrote, and removes what no entry of
// the record log names: all of it where there is none of the delivery, else the file in
// the vault and who was delivered to before.
func (e *Enclave) afterDelivery(u *underWay, id uploadID) {
	u.release()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.delivering, id)
	if err := errors.Join(e.sweepOutbox(), e.unlinkExpired()); err != nil {
		e.log.Error("what is left of a delivery could not be removed; it is tried again", "error", err)
	}
}

// atTick waits for the tick after a moment.
func (e *Enclave) atTick(ctx context.Context, begun time.Time) error {
	if err := (clock{e.vault.Log()}).SleepUntil(ctx, e.tickAfter(begun)); err != nil {
		return fmt.Errorf("waiting for the release tick: %w", err)
	}
	return nil
}

// tickAfter gives the first multiple of the gate's tick that is half a tick after a
// moment and after now.
func (e *Enclave) tickAfter(begun time.Time) time.Time {
	tick := e.gate.Policy().Tick
	at := e.vault.Log().Now()
	if half := begun.Add(tick / 2); half.After(at) {
		at = half
	}
	return at.Truncate(tick).Add(tick)
}

// beginDelivery decides about a delivery, charges and pins what it reads. The room's
// lock is held.
func (e *Enclave) beginDelivery(ctx context.Context, key campaignKey, what act) (*underWay, error) {
	c := e.state.campaigns[key]
	if c == nil {
		return nil, noCampaign(key.id)
	}
	if err := e.running(); err != nil {
		return nil, err
	}
	if e.self.outbox == "" {
		return nil, errNoOutbox
	}
	now := e.vault.Log().Now()
	m := c.Campaign
	u := &underWay{begun: now, was: c.audience(), off: c.tookOff(), gone: map[string]bool{}}
	if what == actCount {
		d, err := e.mayDeliver(m)
		if err != nil {
			return nil, err
		}
		u.asDelivery = *d
	} else {
		contract, err := e.contract(m.Entrustment)
		if err != nil {
			return nil, err
		}
		u.asDelivery = asDelivery{campaign: m, contract: contract, list: e.state.lists[listKey{m.Entrustment, m.List}]}
		// Labels say anew who is a member, so that has to be allowed anew; who is taken off
		// is taken off whatever became of the contract's grounds.
		if what == actLabels {
			if err := entrustment.DecideCampaign(e.facts(contract), m); err != nil {
				return nil, err
			}
		}
		if what == actLabels && (u.list == nil || u.list.Keys == nil) {
			return nil, noCampaignList(m)
		}
	}
	switch what {
	case actLeft:
		u.left = c.newest().Left
	case actWithdraw:
		u.older = c.before()
	}
	var err error
	if u.to, err = e.deliveryKey(m.Destination.Receiver); err != nil {
		return nil, err
	}
	if m.Destination.Form == entrustment.FormLabel {
		if u.serves, err = e.servingKey(m.Destination.Receiver); err != nil {
			return nil, err
		}
	}
	u.head(c, now, what)
	u.base = e.state.base
	for _, t := range e.gone {
		u.gone[string(t[:])] = true
	}
	refs := e.state.deliveryRefs()
	if u.base != nil {
		refs = append(refs, u.base.refs()...)
	}
	if u.list != nil {
		refs = append(refs, u.list.refs()...)
	}
	for _, ref := range refs {
		e.copying[ref.ID]++
	}
	u.stays = append(u.stays, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, ref := range refs {
			e.copied(ref.ID)
		}
	})
	e.delivering[u.rec.ID] = true
	if what == actCount {
		u.stays = append(u.stays, e.pin(&asked{contract: u.contract, plan: u.plan, population: matcher.PopulationID(e.populationNow())}))
		u.paid = e.gate.Pay(ctx, u.plan)
	}
	return u, nil
}

func noCampaignList(m *entrustment.Campaign) error {
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "list", Detail: "the list " + entrustment.Quote(m.List) + " with the partner's own keys is not there any more", Mend: "load it again: awase list load"}
}

// head writes down what the delivery is.
func (u *underWay) head(c *campaign, now time.Time, what act) {
	m := c.Campaign
	days := int(u.contract.Contract.Retention.Deliveries)
	until := min(now.AddDate(0, 0, days).Unix(), m.Until.End().Unix())
	u.rec = deliveryRecord{Entrustment: m.Entrustment, Campaign: m.ID, Version: c.Version, Under: u.contract.Version, Number: len(c.deliveries) + 1,
		Receiver: m.Destination.Receiver, ID: randomID(), Form: m.Destination.Form, Channel: m.Destination.Channel, Act: delivery.Replace.String(), Created: now.Unix(), Expires: until}
	switch what {
	case actCount:
		u.rec.Spec, u.rec.List = u.plan.Tables[0].ID, u.list.Version
	case actRemove, actLeft, actWithdraw:
		u.rec.Act, u.rec.Expires = delivery.Remove.String(), now.AddDate(0, 0, min(days, removalLife)).Unix()
	}
	u.rec.Daily, u.rec.Final = what == actRemove || what == actLabels, what == actWithdraw || what == actBlank
	if m.Destination.Form == entrustment.FormLabel {
		u.rec.Act, u.rec.Expires = delivery.Replace.String(), min(u.rec.Expires, now.Add(labelLife).Unix())
		if u.rec.Final {
			u.rec.Expires = now.Add(labelLife).Unix()
		}
	}
}

// header gives the header of the delivery's file.
func (u *underWay) header() (delivery.Header, error) {
	to, err := delivery.ParseDestination(string(u.rec.Form))
	if err != nil {
		return delivery.Header{}, err
	}
	h := delivery.Header{Delivery: u.rec.ID, Campaign: u.rec.Campaign, Number: u.rec.Number, Entrustment: u.rec.Entrustment, Version: u.rec.Under, Receiver: u.rec.Receiver,
		Destination: to, Channel: u.rec.Channel, Act: delivery.Replace, Created: u.rec.Created, Expires: u.rec.Expires, Slots: u.rec.Slots}
	if u.rec.Act == delivery.Remove.String() {
		h.Act = delivery.Remove
	}
	if f := u.campaign.Frequency; f != nil {
		h.Times, h.Days = f.Times, int(f.Within)
	}
	return h, nil
}

// endDelivery writes a delivery down, unless what it rests on is over by now. The room's
// lock is held.
func (e *Enclave) endDelivery(u *underWay) error {
	for _, meanwhile := range []func() error{e.stopped, func() error { return e.over(u.rec.Entrustment) }, e.retention.before} {
		if err := meanwhile(); err != nil {
			return e.refuse("deliver", u.rec.Entrustment, err)
		}
	}
	c := e.state.campaigns[campaignKey{u.rec.Entrustment, u.rec.Campaign}]
	takesOff := u.rec.Final || u.rec.Act == delivery.Remove.String()
	if c == nil || c.Version != u.rec.Version || c.closed != nil && !takesOff || len(c.deliveries)+1 != u.rec.Number {
		return nil // amended or closed meanwhile: what is due then is made anew
	}
	if u.rec.Small && c.small != nil && c.small.Spec == u.rec.Spec && entrustment.DateOf(c.small.at) == entrustment.DateOf(u.begun) { // the same was counted on this day: there is nothing new to say
		return nil
	}
	if u.rec.Small {
		u.rec.ID, u.rec.Act, u.rec.Form, u.rec.Channel, u.rec.Created, u.rec.Expires = uploadID{}, "", "", "", 0, 0
	}
	_, err := e.append(kindDelivery, u.rec)
	return err
}

// DeliverCampaign makes what is due of a campaign.
func (e *Enclave) DeliverCampaign(ctx context.Context, ref wire.CampaignRef) (*wire.Campaign, error) {
	key := campaignKey{ref.Entrustment, ref.Campaign}
	if _, err := locked(e, func() (struct{}, error) {
		if err := e.maySubmit(ref.Entrustment, ref.Party); err != nil {
			return struct{}{}, e.refuseTo(ref.Party, "deliver", ref.Entrustment, err)
		}
		if e.state.campaigns[key] == nil {
			return struct{}{}, e.refuseTo(ref.Party, "deliver", ref.Entrustment, noCampaign(ref.Campaign))
		}
		return struct{}{}, nil
	}); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	if err := e.work.detach(ctx, func(ctx context.Context) { done <- e.deliverDue(ctx, key, true) }); err != nil {
		return nil, err
	}
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a delivery: %w", context.Cause(ctx))
	}
	return locked(e, func() (*wire.Campaign, error) { return e.campaignTold(key) })
}

// deliverDue makes all that is due of a campaign, one delivery after another.
func (e *Enclave) deliverDue(ctx context.Context, key campaignKey, asked bool) error {
	if err := e.deliveries.take(ctx); err != nil {
		return fmt.Errorf("waiting for another delivery: %w", err)
	}
	defer e.deliveries.give()
	var failed error
	for n := 0; n < maxDue; n++ {
		what, err := locked(e, func() (act, error) {
			what, _ := e.due(key, asked && n == 0)
			return what, nil
		})
		if err != nil || what == actNone {
			return errors.Join(failed, err)
		}
		before, _ := locked(e, func() (int64, error) { return e.state.acts[kindDelivery+" "+key.String()], nil })
		err = e.deliver(ctx, key, what)
		if ctx.Err() == nil {
			e.noteDelivery(key, what, err)
		}
		if err != nil && what == actCount && ctx.Err() == nil {
			failed = err // a day's removal is due all the same
			continue
		}
		if err != nil {
			return errors.Join(failed, err)
		}
		if after, _ := locked(e, func() (int64, error) { return e.state.acts[kindDelivery+" "+key.String()], nil }); after == before {
			return failed // dropped; the next look sees what is due by then
		}
	}
	return failed
}

// maxDue bounds what one look makes of a campaign.
const maxDue = 4

// kicker wakes who waits; a kick that nobody waits for is kept, one of them.
type kicker chan struct{}

func (k kicker) kick() {
	select {
	case k <- struct{}{}:
	default:
	}
}

// keepDelivering makes what is due of all campaigns, until ctx ends.
func (e *Enclave) keepDelivering(ctx context.Context) {
	look := time.NewTicker(retentionLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-e.campaignsDue:
		}
		keys, _ := locked(e, func() ([]campaignKey, error) { return e.dueNow(), nil })
		for _, key := range keys {
			if err := e.deliverDue(ctx, key, false); err != nil && ctx.Err() == nil {
				if _, refused := asRefusal(err); !refused {
					e.log.Error("a delivery failed; it is tried again", "error", err)
				}
			}
		}
	}
}

// dueNow gives the campaigns of which something is due. The room's lock is held.
func (e *Enclave) dueNow() (out []campaignKey) {
	if e.self.outbox == "" || e.running() != nil {
		return nil
	}
	if err := e.tidyCampaigns(e.work.life); err != nil {
		e.log.Error("what was put aside for campaigns could not be freed; it is tried again", "error", err)
	}
	for _, key := range slices.SortedFunc(maps.Keys(e.state.campaigns), compareKeys) {
		if what, _ := e.due(key, false); what != actNone && e.retryAt(key, what).IsZero() {
			out = append(out, key)
		}
	}
	return out
}
