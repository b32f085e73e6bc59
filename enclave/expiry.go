package enclave

import (
	"context"
	"slices"
	"time"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// What expired is dropped outside, too, as soon as every shard that may hold it can be
// reached. As of what was destroyed, one entry of the record log says so for each
// expiry, once every one of them said that it holds nothing of it; a server that was
// declared lost said nothing.

// expiry is an entry of what expired, and how it stands outside.
type expiry struct {
	expiredRecord
	seq      int64
	at       time.Time
	contents []hexID // that it named, of lists with the versions before
	dropped  int64   // the entry that says that no shard holds them, 0: none
	when     time.Time
	lost     int64 // the entry that declares the servers lost that may hold them, 0: none
}

// outside says how what expired stands outside: "" where it never can have been there.
func (x *expiry) outside() string {
	switch {
	case x.Engine == "":
		return ""
	case x.dropped != 0:
		return receipt.Dropped
	case x.lost != 0:
		return receipt.ClusterLost
	}
	return receipt.DropPending
}

// waits tells whether it is to be confirmed still.
func (x *expiry) waits() bool { return x.outside() == receipt.DropPending }

// outsideOfThese gives where things of an entrustment may be, as outsideOf: not where
// servers were declared lost before they were loaded.
func (s *state) outsideOfThese(id string, things []lasting) (string, []hexID) {
	if slices.ContainsFunc(things, func(x lasting) bool { return x.content == (hexID{}) }) { // reports, which no engine holds
		return "", nil
	}
	first := slices.MinFunc(things, func(a, b lasting) int { return int(a.first - b.first) }).first
	var at []hexID
	if first < s.gone[id] {
		at = s.left[id]
	}
	if !s.lost {
		at = together(at, s.at)
	}
	if first < s.blind {
		at = together(at, []hexID{unknownServer})
	}
	if len(at) == 0 && (s.there == "" || s.lost) {
		return "", nil
	}
	return wire.EngineClickHouse, at
}

// droppable gives the expiries that can be written down as dropped once the engine
// outside holds what is wanted and nothing else: those that every shard was asked of
// that may hold something of them, and of which no question under way and no load is
// in need. What others have of the same content is theirs. The locks of outer and of
// the room are held.
func (e *Enclave) droppable(want map[thing]bool) (out []int64) {
	held := map[hexID]bool{}
	for t := range want {
		switch {
		case t.list != (matcher.ListID{}):
			held[hexID(t.list)] = true
		case t.log != (matcher.EventsID{}):
			held[hexID(t.log)] = true
		}
	}
	for _, x := range e.state.expiries {
		if x.waits() && sameServers(e.state.known(x.seq, x.Servers), e.outer.at) &&
			!slices.ContainsFunc(x.contents, func(c hexID) bool { return held[c] && !e.state.uses(c) && !e.state.keepsLog(c) }) {
			out = append(out, x.seq)
		}
	}
	return out
}

// expiryAt gives the expiry of an entry, nil: it is none.
func (s *state) expiryAt(seq int64) *expiry {
	i, ok := slices.BinarySearchFunc(s.expiries, seq, func(x *expiry, seq int64) int { return int(x.seq - seq) })
	if !ok {
		return nil
	}
	return s.expiries[i]
}

// noteExpiryDropped writes down which expiries nothing is outside of any more, an entry
// for each: it is its parties', and another's is not theirs to know. The locks of outer
// and of the room are held.
func (e *Enclave) noteExpiryDropped(engine string, entries []int64) error {
	for _, seq := range entries {
		x := e.state.expiryAt(seq)
		if x == nil || !x.waits() { // by who dropped meanwhile
			continue
		}
		if _, err := e.append(kindDropped, droppedRecord{Engine: engine, Expired: seq, Entrustment: x.Entrustment}); err != nil {
			return err
		}
	}
	return nil
}

// foldExpiryDropped folds in that nothing of an expiry is outside.
func (s *state) foldExpiryDropped(seq, entry int64, at time.Time) {
	if x := s.expiryAt(seq); x != nil {
		x.dropped, x.when = entry, at
	}
}

// loseExpiries folds in that servers are lost that may hold what expired.
func (s *state) loseExpiries(entry int64) {
	for _, x := range s.expiries {
		if x.waits() {
			x.lost = entry
		}
	}
}

// findExpiries folds in that they are there again.
func (s *state) findExpiries() {
	for _, x := range s.expiries {
		if x.lost != 0 && sameServers(s.known(x.seq, x.Servers), s.at) {
			x.lost = 0
		}
	}
}

// expiredFor tells whether an event log expired under a contract that q could have
// read: one of days that q asks of, and that nobody uploaded again. Which days a log has
// is for its owner; that it has none after its upload everybody of the contract can tell.
func (s *state) expiredFor(c *entrustRecord, q *entrustment.Question, today entrustment.Date) (bool, error) {
	from, reads, err := readsFrom(q, today)
	if !reads || err != nil {
		return false, err
	}
	return slices.ContainsFunc(s.expiries, func(x *expiry) bool {
		if x.Entrustment != c.Contract.ID || x.What != kindEvents {
			return false
		}
		for i, t := range x.Things {
			again := i < len(x.contents) && s.keepsLog(x.contents[i])
			if !again && from.Number() <= entrustment.DateOf(t.Since).Number() {
				return true
			}
		}
		return false
	}), nil
}

// readsFrom tells whether a question reads events, and from which day on at the earliest.
func readsFrom(q *entrustment.Question, today entrustment.Date) (from entrustment.Date, reads bool, err error) {
	reads, from = entrustment.ReadsEvents(q.Report), today
	if q.Window != nil {
		from = q.Window.From
	}
	most := entrustment.Days(0)
	if q.Report == entrustment.ReportAttribution {
		a := q.Attribution.Filled()
		most = max(a.Click, a.View)
	}
	err = q.Where.Walk(func(c *entrustment.Condition) error {
		if c.Event != nil {
			reads, most = true, max(most, c.Event.Within)
		}
		return nil
	})
	return from.Add(-int(most)), reads, err
}

// maxLapsed is how many things that expired a room tells of, the last first.
const maxLapsed = 100

// Retention gives what expires under an entrustment, soonest first, and after it what
// did expire, the last first.
func (e *Enclave) Retention(_ context.Context, id string) ([]wire.Expiry, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.known(id); err != nil {
		return nil, err
	}
	out := []wire.Expiry{}
	for _, x := range e.state.lasting(id) {
		out = append(out, x.told(x.what, x.party))
	}
	lapsed := 0
	for _, of := range slices.Backward(e.state.expiries) {
		if of.Entrustment != id {
			continue
		}
		for _, x := range of.Things {
			if lapsed++; lapsed > maxLapsed {
				return out, nil
			}
			one := x.told(of.What, of.Party)
			one.ExpiredAt, one.ExpiryEntry, one.Outside = utc(of.at), of.seq, of.outside()
			if of.dropped != 0 {
				one.DroppedAt = utc(of.when)
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// told gives a thing as people are told of it.
func (x *expired) told(what, party string) wire.Expiry {
	one := wire.Expiry{What: what, Name: x.Name, Version: x.Version, Party: party, Seq: x.Entry, Clause: x.Clause, Since: utc(x.Since), ExpiresAt: utc(x.Due)}
	if x.Days > 0 {
		one.Days = x.Days.String()
	}
	return one
}
