package enclave

import (
	"cmp"
	"crypto/rand"
	"errors"
	"time"

	"awase/entrustment"
)

// act is what is due of a campaign.
type act uint8

const (
	actNone     act = iota
	actCount        // an audience is counted and delivered
	actLeft         // where a newer audience replaces nothing: who was in the one before and is not in it
	actRemove       // a day began: those of the audience who asked for deletion or a stop of use
	actLabels       // likewise, of labels: all of them anew
	actWithdraw     // the campaign is over: everybody who is left
	actBlank        // likewise, of labels: nobody is a member
)

func randomID() (id uploadID) {
	rand.Read(id[:])
	return id
}

func compareKeys(a, b campaignKey) int {
	return cmp.Or(cmp.Compare(a.entrustment, b.entrustment), cmp.Compare(a.id, b.id))
}

func asRefusal(err error) (*entrustment.Error, bool) {
	return errors.AsType[*entrustment.Error](err)
}

// over gives when a campaign's audience is withdrawn: after its last day, and an hour
// before its contract ends, with which who was delivered to is destroyed.
func (c *campaign) over(contract *entrustment.Contract) time.Time {
	end := c.Campaign.Until.End()
	if last := contract.Until.End().Add(-time.Hour); last.Before(end) {
		return last
	}
	return end
}

// due gives what is due of a campaign now, and else when something will be, zero: never.
// One that was too small is counted again because somebody asks for it, or with the
// campaign's next refresh: each count of other data is charged. The room's lock is held.
func (e *Enclave) due(key campaignKey, asked bool) (act, time.Time) {
	c, contract := e.state.campaigns[key], e.state.contracts[key.entrustment]
	if c == nil || contract == nil || e.state.ended[key.entrustment] != nil {
		return actNone, time.Time{}
	}
	now := e.vault.Log().Now()
	labels := c.Campaign.Destination.Form == entrustment.FormLabel
	audience := c.audience()
	today, over := entrustment.DateOf(now), c.over(contract.Contract)
	switch {
	case audience != nil && (c.closed != nil || !now.Before(over) || now.Unix() >= audience.Until):
		if labels {
			return actBlank, time.Time{}
		}
		return actWithdraw, time.Time{}
	case c.closed != nil, !now.Before(over):
		return actNone, time.Time{}
	case now.Before(c.Campaign.From.Start()):
		return actNone, c.Campaign.From.Start()
	}
	newest := c.newest()
	if newest != nil && newest.Left != nil {
		return actLeft, time.Time{}
	}
	next := over
	soon := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	last := c.counted()
	if c.small != nil {
		last = c.small
	}
	refresh := int(c.Campaign.Refresh)
	daily := audience != nil && entrustment.DateOf(newest.at).Before(today)
	switch {
	case last == nil, asked && (c.small != nil || e.newerList(c) || e.lostDelivery(c)):
		return actCount, time.Time{}
	case refresh > 0:
		at := entrustment.DateOf(last.at).Add(refresh).Start()
		// A count may be refused for days, for want of budget or of a basis: people who
		// asked for deletion don't wait for it.
		if !now.Before(at) && !(daily && e.deliveryFailed[key] != nil) {
			return actCount, time.Time{}
		}
		soon(at)
	}
	switch {
	case daily && labels:
		return actLabels, time.Time{}
	case daily:
		return actRemove, time.Time{}
	case audience != nil:
		soon(time.Unix(audience.Until, 0))
		soon(today.Add(1).Start())
	}
	return actNone, next
}

// lostDelivery tells whether the audience that was delivered last can't be given out, or
// taken off, any more: a restored vault lacks who it is, or its outbox the file. The
// room's lock is held.
func (e *Enclave) lostDelivery(c *campaign) bool {
	newest, last := c.newest(), c.counted()
	if newest == nil || newest.Final {
		return false
	}
	return newest.Audience == nil || last != nil && last.fetchable() && !e.thereInOutbox(last)
}

// newerList tells whether the campaign's list has another version than the audience that
// was delivered last was counted for. The room's lock is held.
func (e *Enclave) newerList(c *campaign) bool {
	list, last := e.state.lists[listKey{c.Campaign.Entrustment, c.Campaign.List}], c.counted()
	return list != nil && last != nil && list.Version != last.List
}
