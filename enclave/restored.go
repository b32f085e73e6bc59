package enclave

import (
	"context"
	"fmt"
	"slices"
	"time"

	"awase/aggregator"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// A vault that was restored from a backup may lack what was written after it. With
// its newest log it knows what that was: charges stand, ended entrustments end
// again, requests are read from their segments. Without it, it counts the budgets
// as spent, and releases nothing until somebody answers for the requests of the
// lost time.

// lostRecord says which segments a restored vault doesn't have: lists, logs, bases
// and stored reports of them are not there any more.
type lostRecord struct {
	Segments []string `json:"segments"`
}

// confirmRecord says that the requests which the vault can't know were made again.
type confirmRecord struct {
	Restore int64   `json:"restore"` // entry of the restore that is answered for, 0: none
	Missing []int64 `json:"missing"` // numbers of requests that can't be read
	// Stands is, where the newest log was lost, what stands again and officers may
	// have changed since: they sign for that too.
	Stands *standing `json:"stands,omitempty"`
	// Counts is, likewise, where the room counts again. Who confirms says that no other
	// engine had its data in the lost time, or that it was declared lost since.
	Counts *countsAt `json:"counts,omitempty"`
}

// countsAt is where a room counts, and the servers that may have data of it.
type countsAt struct {
	Engine  string  `json:"engine"`
	Servers []hexID `json:"servers,omitempty"`
}

// standing is what officers decided, as the vault knows it.
type standing struct {
	Known        string            `json:"known"`        // the last entry's time
	Frozen       bool              `json:"frozen"`       // releases are stopped by officers
	Officers     map[string]string `json:"officers"`     // their keys, by "party/name"
	Entrustments map[string]int    `json:"entrustments"` // version of each that is in force
	Policies     int               `json:"policies"`     // version
	Gate         string            `json:"gate"`         // gate.yaml in force, "": the defaults
}

func (s *state) standing(known time.Time) *standing {
	out := &standing{Known: utc(known), Frozen: len(s.frozen) > 0, Officers: map[string]string{}, Entrustments: map[string]int{}, Policies: s.versions[kindPolicies+" "], Gate: s.gate}
	for id, p := range s.parties {
		for _, o := range p.Officers {
			out.Officers[id+"/"+o.Name] = o.Key
		}
	}
	for id, c := range s.contracts {
		if s.ended[id] == nil {
			out.Entrustments[id] = c.Version
		}
	}
	return out
}

// restored is the last restore as the log has it.
type restored struct {
	vault.RestoreRecord
	seq int64
	at  time.Time
}

// restore folds a restore in.
func (s *state) restore(r *restored, gate *aggregator.Gate) {
	s.restored = r
	if r.Confirm {
		s.unconfirmed = r
	}
	if r.Lost {
		gate.ReplayLost(r.Known, r.at)
		s.blind = r.seq
		for _, d := range s.drafts { // whoever kept their approvals could hand them in again
			d.void = true
		}
	}
}

// lose folds in that segments are gone.
func (s *state) lose(ids []string) {
	gone := func(refs ...vault.SegmentRef) bool {
		return slices.ContainsFunc(refs, func(r vault.SegmentRef) bool { return slices.Contains(ids, r.ID) })
	}
	if s.base != nil && gone(s.base.refs()...) {
		s.base, s.bases = nil, nil
	}
	for key, l := range s.lists {
		if gone(l.refs()...) {
			delete(s.lists, key)
			delete(s.listed, key)
		}
	}
	for id := range s.events {
		s.events[id] = slices.DeleteFunc(s.events[id], func(l *eventsRecord) bool { return gone(l.Segment) })
	}
	for seq, r := range s.reportTable {
		if gone(r.Segment) {
			delete(s.reportTable, seq)
			delete(s.reports, r.Key)
		}
	}
	s.loseDeliveries(gone)
	for _, d := range s.disclosed {
		d.lost = d.lost || d.made != nil && gone(d.made.Segment)
	}
}

// confirm folds in that somebody answered for what is missing.
func (s *state) confirm(c *confirmRecord, seq int64) {
	if s.unconfirmed != nil && s.unconfirmed.seq <= c.Restore {
		s.unconfirmed = nil
		if c.Counts != nil {
			s.blind, s.sighted = 0, seq
		}
	}
	for _, n := range c.Missing {
		s.answered[n] = true
	}
}

// refs gives every segment that the state names but those of requests.
func (s *state) refs() (out []vault.SegmentRef) {
	if s.base != nil {
		out = append(out, s.base.refs()...)
	}
	for _, l := range s.lists {
		out = append(out, l.refs()...)
	}
	for _, logs := range s.events {
		for _, l := range logs {
			out = append(out, l.Segment)
		}
	}
	for _, r := range s.reportTable {
		out = append(out, r.Segment)
	}
	out = append(out, s.deliveryRefs()...)
	for _, d := range s.disclosed {
		if d.kept() {
			out = append(out, d.made.Segment)
		}
	}
	return out
}

// takeStock does, at an opening, what a restored vault needs: it lets go of what
// it lacks, and makes the data keys that it has lost.
func (e *Enclave) takeStock() error {
	if e.state.restored == nil {
		return nil
	}
	var lost lostRecord
	for _, ref := range e.state.refs() {
		if !e.vault.Has(ref) {
			lost.Segments = append(lost.Segments, ref.ID)
		}
	}
	if len(lost.Segments) > 0 {
		slices.Sort(lost.Segments)
		if _, err := e.append(kindLost, lost); err != nil {
			return err
		}
		e.log.Warn("the restored vault lacks data that was loaded after the backup; load it again", "segments", len(lost.Segments))
	}
	for id := range e.state.contracts {
		if e.state.ended[id] == nil {
			if err := e.vault.MakeDataKey(dataKey(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// unanswered gives the numbers of the requests that nobody answered for.
func (e *Enclave) unanswered() []int64 {
	return slices.DeleteFunc(slices.Clone(e.missing), func(n int64) bool { return e.state.answered[n] })
}

// whole refuses while the vault can't know of requests that were made.
func (e *Enclave) whole() error {
	r, missing := e.state.unconfirmed, e.unanswered()
	detail := ""
	switch {
	case r != nil && !r.Lost:
		detail = "the vault was restored, and that is not confirmed yet"
	case r != nil:
		detail = fmt.Sprintf("the vault was restored without its newest log: what was asked for between %s and %s is not known to it", japan(r.Known), japan(r.at))
	case len(missing) > 0:
		detail = fmt.Sprintf("%s of data subjects can't be read back, the first of number %d", entrustment.Count(len(missing), "request", "requests"), missing[0])
	case e.unlifted:
		return errUnlifted
	default:
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeFrozen, Clause: "DESIGN §5", Field: "vault", Detail: detail + "; nothing new is released until that is settled",
		Mend: "make the requests and end the entrustments of that time again, then confirm it with awase vault confirm"}
}

// ConfirmRestore answers for what a restored vault can't know, or drafts that: the
// requests and ends of the lost time were made again, and nothing counted elsewhere then.
func (e *Enclave) ConfirmRestore(context.Context) (wire.Ack, error) {
	e.mu.Lock()
	c, err := e.toConfirm(), e.initialised()
	e.mu.Unlock()
	if err != nil {
		return wire.Ack{}, err
	}
	if c.Restore == 0 && len(c.Missing) == 0 {
		return wire.Ack{ID: "vault"}, nil
	}
	return e.document(kindConfirm, "", c)
}

// toConfirm is what somebody has to answer for. The room's lock is held.
func (e *Enclave) toConfirm() confirmRecord {
	c := confirmRecord{Missing: e.unanswered()}
	if r := e.state.unconfirmed; r != nil {
		c.Restore = r.seq
		if r.Lost && e.signs {
			c.Stands = e.state.standing(r.Known)
		}
		if e.state.blind != 0 {
			c.Counts = &countsAt{wire.EngineEmbedded, e.state.at}
			if e.countsOutside() {
				c.Counts.Engine = e.state.engine.Engine
			}
		}
	}
	return c
}

// decideConfirm holds a confirmation to what is open now.
func (e *Enclave) decideConfirm(c *confirmRecord) (decided, error) {
	if now := e.toConfirm(); !sameJSON(now, *c) {
		return decided{}, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "vault",
			Detail: "what a restore left open is not what was to be confirmed", Mend: "draft it again: awase vault confirm"}
	}
	return decided{body: c}, nil
}
