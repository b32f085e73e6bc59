package enclave

import (
	"errors"
	"slices"
	"time"

	"awase/aggregator"
	"awase/crypto/delivery"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// deliveryRecord says that an audience was delivered, that people were taken off it, or
// that it was too small. It has no count but the slots, which the file's size shows.
type deliveryRecord struct {
	Entrustment string            `json:"entrustment"`
	Campaign    string            `json:"campaign"`
	Version     int               `json:"version"` // of the campaign
	Under       int               `json:"under"`   // version of the entrustment
	Number      int               `json:"number"`  // in the campaign, from 1; of a small one the next's
	Receiver    string            `json:"receiver"`
	Small       bool              `json:"small,omitempty"` // the noised size did not pass: nothing was made
	Spec        aggregator.SpecID `json:"spec,omitzero"`   // of what was counted; zero of a removal
	List        int               `json:"list,omitempty"`  // version of the campaign's list, likewise

	// Of one that was made.
	ID      uploadID         `json:"id,omitzero"`
	Form    entrustment.Form `json:"form,omitempty"`
	Channel string           `json:"channel,omitempty"`
	Act     string           `json:"act,omitempty"`
	Created int64            `json:"created,omitempty"` // unix seconds, as in its header, and the next
	Expires int64            `json:"expires,omitempty"`
	Slots   int64            `json:"slots,omitempty"`
	Bytes   int64            `json:"bytes,omitempty"`
	Sealed  hexID            `json:"sealed,omitzero"` // SHA-256 of the file
	// Audience is who is delivered to from here on, for removals; nil: nobody is.
	Audience *audienceRecord `json:"audience,omitempty"`
	// Left is who was delivered to before, where a newer audience replaces nothing there:
	// who of them is not in it is still to be taken off.
	Left *audienceRecord `json:"left,omitempty"`
	// Daily: it was made because a day began, and nothing was counted for it.
	Daily bool `json:"daily,omitempty"`
	Final bool `json:"final,omitempty"` // the audience was withdrawn: whoever was left
}

// audienceRecord says where it stands who is delivered to.
type audienceRecord struct {
	Segment vault.SegmentRef `json:"segment"`
	Digest  hexID            `json:"digest"`
	Until   int64            `json:"until"` // unix seconds: the receiver keeps nobody beyond it, and whoever is left is taken off
	Slots   int64            `json:"slots"` // of the audience when it was counted
	Room    int64            `json:"room"`  // bytes of rows that its segment has room for
}

// handedRecord is what a receiver says of a delivery.
type handedRecord struct {
	Entrustment string `json:"entrustment"`
	Campaign    string `json:"campaign"`
	Number      int    `json:"number"`
	Receiver    string `json:"receiver"`
	Status      string `json:"status"`
	Reason      string `json:"reason,omitempty"`
}

// delivered is a delivery as it stands.
type delivered struct {
	deliveryRecord
	seq        int64
	at         time.Time
	superseded bool
	expired    bool
	handed     *kept[handedRecord]
}

// fetchable tells whether a delivery's file is kept.
func (d *delivered) fetchable() bool { return !d.Small && !d.superseded && !d.expired }

func (d *delivered) replaces() bool { return d.Act == delivery.Replace.String() }

func (s *state) foldDelivery(r *vault.Record) error {
	rec, err := body[deliveryRecord](r)
	if err != nil {
		return err
	}
	key := campaignKey{rec.Entrustment, rec.Campaign}
	c := s.campaigns[key]
	if c == nil {
		return errors.New("it delivers no campaign")
	}
	s.mark(r, key.String())
	d := &delivered{deliveryRecord: *rec, seq: r.Seq, at: r.Time}
	if d.Small {
		c.small = d
		return nil
	}
	if d.Spec != (aggregator.SpecID{}) { // a day's removal says nothing of what was counted
		c.small = nil
	}
	for _, old := range c.deliveries {
		// What a platform replaces whole by the new audience has no use for what came
		// before it; X replaces nothing, so people leave it by removals alone.
		old.superseded = old.superseded || d.replaces() && (old.replaces() || d.Form != entrustment.FormX) || d.Final && old.replaces()
	}
	c.deliveries = append(c.deliveries, d)
	return nil
}

func (s *state) foldHanded(r *vault.Record) error {
	rec, err := body[handedRecord](r)
	if err != nil {
		return err
	}
	key := campaignKey{rec.Entrustment, rec.Campaign}
	if c := s.campaigns[key]; c != nil {
		if d := c.number(rec.Number); d != nil {
			d.handed = &kept[handedRecord]{rec, r.Seq, r.Time}
		}
	}
	s.mark(r, key.String())
	return nil
}

// number gives the delivery of a number, nil: there is none.
func (c *campaign) number(n int) *delivered {
	if n < 1 || n > len(c.deliveries) {
		return nil
	}
	return c.deliveries[n-1]
}

// newest gives the last delivery that was made, nil: there was none.
func (c *campaign) newest() *delivered { return c.number(len(c.deliveries)) }

// audience gives who is delivered to, or was and is still to be taken off; nil: nobody.
func (c *campaign) audience() *audienceRecord {
	if d := c.newest(); d != nil && !d.expired {
		return d.Audience
	}
	return nil
}

// tookOff tells whether the receiver said of every removal since the last audience that it
// was delivered.
func (c *campaign) tookOff() bool {
	for i := len(c.deliveries); i > 0; i-- {
		d := c.deliveries[i-1]
		if d.Spec != (aggregator.SpecID{}) {
			break
		}
		if d.handed == nil || d.handed.record.Status != wire.DeliveryDone {
			return false
		}
	}
	return true
}

// before gives the audiences that the receiver may have beside the newest: those before
// it, back to the last of which it said that it was delivered. A newer audience that was
// never fetched, or failed, took nobody off.
func (c *campaign) before() (out []*audienceRecord) {
	switch c.Campaign.Destination.Form {
	case entrustment.FormLabel: // which end by themselves
		return nil
	case entrustment.FormX: // a removal of its own takes off who left (Left)
		return nil
	}
	older := false // the deliveries of an audience before the newest are reached
	for _, d := range slices.Backward(c.deliveries) {
		if d.Final {
			return out
		}
		if older && d.Audience != nil && !d.expired {
			out, older = append(out, d.Audience), false
		}
		if d.Spec == (aggregator.SpecID{}) {
			continue
		}
		if d.handed != nil && d.handed.record.Status == wire.DeliveryDone {
			return out
		}
		older = true
	}
	return out
}

// takingOff is how long after its end an audience is kept for its last removal, where the
// room is not served on that day.
const takingOff = 7 * 24 * time.Hour

// counted gives the last delivery for which an audience was counted, nil: none was.
func (c *campaign) counted() *delivered {
	for i := len(c.deliveries); i > 0; i-- {
		if d := c.deliveries[i-1]; d.Spec != (aggregator.SpecID{}) {
			return d
		}
	}
	return nil
}

// dropDelivery forgets the file of a delivery that expired, and who it was made out to.
func (s *state) dropDelivery(entry int64) {
	for _, c := range s.campaigns {
		for _, d := range c.deliveries {
			if d.seq == entry {
				d.expired = true
			}
		}
	}
}

// endDeliveries forgets the files of the deliveries under an entrustment that ended, and
// who they were made out to.
func (s *state) endDeliveries(id string) {
	for key, c := range s.campaigns {
		if key.entrustment == id {
			for _, d := range c.deliveries {
				d.expired = true
			}
		}
	}
}

// audiencesOf gives the segments of who is delivered to under an entrustment.
func (s *state) audiencesOf(id string) (out []string) {
	for _, ref := range s.deliveryRefs() {
		if ref.Key == dataKey(id) && !slices.Contains(out, ref.ID) {
			out = append(out, ref.ID)
		}
	}
	return out
}

// lastingDeliveries gives when the deliveries under an entrustment expire.
func (s *state) lastingDeliveries(of func(string) *entrustment.Contract) (out []lasting) {
	for key, m := range s.campaigns {
		c := of(key.entrustment)
		if c == nil {
			continue
		}
		for _, d := range m.deliveries {
			if d.expired {
				continue
			}
			x := lasting{entrustment: key.entrustment, what: kindDelivery, party: d.Receiver,
				expired: expired{Entry: d.seq, Name: d.Campaign, Version: d.Number, Clause: clauseDeliveries, Days: c.Retention.Deliveries, Since: d.at, Due: time.Unix(d.Expires, 0).UTC()}}
			if d.Audience != nil {
				x.segments = []vault.SegmentRef{d.Audience.Segment}
				if until := time.Unix(d.Audience.Until, 0).UTC().Add(takingOff); until.After(x.Due) {
					x.Due = until
				}
			}
			if last := c.Until.End().UTC(); last.Before(x.Due) {
				x.Due, x.Clause, x.Days = last, clauseUntil, 0
			}
			out = append(out, x)
		}
	}
	return out
}

// deliveryRefs gives the segments of who is delivered to.
func (s *state) deliveryRefs() (out []vault.SegmentRef) {
	for _, c := range s.campaigns {
		d := c.newest()
		if d == nil || d.expired {
			continue
		}
		for _, a := range append(c.before(), d.Audience, d.Left) {
			if a != nil {
				out = append(out, a.Segment)
			}
		}
	}
	return out
}

// loseDeliveries folds in that segments are gone: who was delivered to is not known any
// more, so nothing is delivered to them until an audience is counted again.
func (s *state) loseDeliveries(gone func(...vault.SegmentRef) bool) {
	for _, c := range s.campaigns {
		for _, d := range c.deliveries {
			if d.Audience != nil && gone(d.Audience.Segment) {
				d.Audience = nil
			}
			if d.Left != nil && gone(d.Left.Segment) {
				d.Left = nil
			}
		}
	}
}

// told writes a delivery for everyone of its contract.
func (d *delivered) told() wire.Delivery {
	out := wire.Delivery{Entrustment: d.Entrustment, Campaign: d.Campaign, Number: d.Number, Receiver: d.Receiver, Form: string(d.Form), Channel: d.Channel,
		Act: d.Act, Created: utc(time.Unix(d.Created, 0)), Expires: utc(time.Unix(d.Expires, 0)), Status: wire.DeliveryReady, Seq: d.seq}
	switch {
	case d.expired:
		out.Status = wire.DeliveryExpired
	case d.superseded:
		out.Status = wire.DeliverySuperseded
	}
	if h := d.handed; h != nil {
		out.StatusAt = utc(h.at)
		if out.Status == wire.DeliveryReady || h.record.Status == wire.DeliveryDone {
			out.Status, out.Reason = h.record.Status, h.record.Reason
		}
	}
	return out
}
