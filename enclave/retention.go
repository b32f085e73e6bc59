package enclave

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"awase/enclave/vault"
	"awase/entrustment"
)

// Retention (DESIGN §8): what is loaded or released under an entrustment is there for
// as long as the version of its contract in force says, counted on the vault's time,
// and what was entrusted not beyond the contract's last day. What is due goes before
// anything is decided under its entrustment, so nobody has a moment to use it; a
// look each minute and at each opening takes what nobody asks for. One entry of the
// record log says that it went: from there on it is not there, whatever becomes of
// the process, and an opening unlinks what is left.

// The clauses by which a thing expires.
const (
	clauseLists      = "retention.lists"
	clauseEvents     = "retention.events"
	clauseReports    = "retention.reports"
	clauseUntil      = "until"
	clauseDeliveries = "retention.deliveries"
)

// expiredRecord says that things of one party under an entrustment expired.
type expiredRecord struct {
	Entrustment string    `json:"entrustment"` // "": what is the operator's own
	Version     int       `json:"version"`     // of the contract by which they did; 0: by none
	What        string    `json:"what"`        // kind of the entries by which they were there
	Party       string    `json:"party"`       // who loaded them, or to whom they were released
	Things      []expired `json:"things"`
	// Backups is the last day of the backups that hold them, "" where there is none.
	Backups string `json:"backups,omitempty"`
	// Engine is the engine outside that may hold them, "" where there is none.
	Engine string `json:"engine,omitempty"`
	// Servers are digests of the names of all its shards that may.
	Servers []hexID `json:"servers,omitempty"`
}

// expired is one thing that did.
type expired struct {
	Entry   int64            `json:"entry"`             // by which it was there: it expires once
	Name    string           `json:"name,omitempty"`    // of a list
	Version int              `json:"version,omitempty"` // of a list, or an event log
	Clause  string           `json:"clause"`
	Days    entrustment.Days `json:"days,omitzero"` // that the clause gives; of until none
	Since   time.Time        `json:"since"`
	Due     time.Time        `json:"due"`
}

// lapsed is an expiry as later refusals tell of it.
type lapsed struct {
	expired
	entrustment string
	contract    int // version
}

// lasting is a thing that will expire.
type lasting struct {
	expired
	entrustment, what, party string
	segments                 []vault.SegmentRef
	content                  hexID // zero: nothing in memory
	first                    int64 // entry of the oldest rows that may be in it
}

// retentionState is what the record log says of expiries.
type retentionState struct {
	whole       map[listKey]time.Time // when a list was last uploaded whole
	lapsedLists map[listKey]*lapsed   // that nobody uploaded since
	lapsedLogs  map[string]*lapsed    // by entrustment: the last event log that did
	expiries    []*expiry             // oldest first
	next        time.Time             // when the next thing is due, or entrustment; zero: never
	looked      bool                  // next is known
}

func newRetention() retentionState {
	return retentionState{whole: map[listKey]time.Time{}, lapsedLists: map[listKey]*lapsed{}, lapsedLogs: map[string]*lapsed{}}
}

// retention is what a room keeps for expiries beside the record log.
type retention struct {
	clock  func() (now time.Time, stands bool) // stands: nothing expires by it; tests take it out, as the next
	before func() error                        // what is due goes, before anything is decided
	named  func() []string                     // kinds of the base's identifiers that contracts name to be delivered
	unlink map[string]bool                     // segments of what expired, while they are there

	ends    map[string]bool      // entrustments that ended by their own terms, until they are destroyed
	loading map[string]int       // by entrustment: loads under way
	idle    func(id string) bool // whether nobody uses an entrustment that has run out; tests take it out
}

func (e *Enclave) newRetention() retention {
	return retention{clock: e.settledTime, before: e.expire, named: e.namedKinds, unlink: map[string]bool{}, ends: map[string]bool{}, loading: map[string]int{}, idle: e.quiet}
}

// settledTime is the vault's time. While a jump of the machine's clock waits for
// officers nothing expires: what it destroys nobody brings back.
func (e *Enclave) settledTime() (time.Time, bool) {
	log := e.vault.Log()
	return log.Now(), log.Stopped() != nil
}

// lasts gives when a thing expires that is there since a moment.
func (x *expired) lasts(until entrustment.Date, entrusted bool) {
	if x.Days > 0 {
		x.Due = x.Since.AddDate(0, 0, int(x.Days))
	}
	// A report is its recipient's, who may keep it longer than the contract runs.
	if end := until.End().UTC(); entrusted && (x.Days == 0 || end.Before(x.Due)) {
		x.Due, x.Clause, x.Days = end, clauseUntil, 0
	}
}

// lasting gives what expires under an entrustment, "" under all, soonest first. The
// operator's own data is under none.
func (s *state) lasting(id string) (out []lasting) {
	of := func(of string) *entrustment.Contract {
		if c := s.contracts[of]; c != nil && (id == "" || of == id) {
			return c.Contract
		}
		return nil
	}
	add := func(c *entrustment.Contract, x lasting, entrusted bool) {
		x.entrustment = c.ID
		x.lasts(c.Until, entrusted)
		out = append(out, x)
	}
	for key, l := range s.lists {
		if c := of(key.entrustment); c != nil {
			versions := s.listed[key]
			add(c, lasting{what: kindList, party: l.Party, segments: l.refs(), content: l.ID, first: versions[0].seq,
				expired: expired{Entry: versions[len(versions)-1].seq, Name: l.Name, Version: l.Version, Clause: clauseLists, Days: c.Retention.Lists, Since: s.whole[key]}}, true)
		}
	}
	for id, logs := range s.events {
		if c := of(id); c != nil {
			for _, l := range logs {
				add(c, lasting{what: kindEvents, party: l.Party, segments: []vault.SegmentRef{l.Segment}, content: l.Digest, first: l.seq,
					expired: expired{Entry: l.seq, Version: l.Version, Clause: clauseEvents, Days: c.Retention.Events, Since: l.since}}, true)
			}
		}
	}
	for seq, r := range s.reportTable {
		if c := of(r.Entrustment); c != nil {
			add(c, lasting{what: kindReport, party: r.Recipient, segments: []vault.SegmentRef{r.Segment},
				expired: expired{Entry: seq, Clause: clauseReports, Days: c.Retention.Reports, Since: r.at}}, false)
		}
	}
	out = append(out, s.lastingDeliveries(of)...)
	if id == "" {
		out = append(out, s.lastingDisclosures()...)
	}
	slices.SortFunc(out, func(a, b lasting) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Entry, b.Entry)) })
	return out
}

// anyDue tells whether something is due.
func (s *state) anyDue(now time.Time) bool {
	if !s.looked {
		s.next, s.looked = time.Time{}, true
		if all := s.lasting(""); len(all) > 0 {
			s.next = all[0].Due
		}
		for id, c := range s.contracts {
			if end := runsOutAt(c.Contract); s.ended[id] == nil && (s.next.IsZero() || end.Before(s.next)) {
				s.next = end
			}
		}
	}
	return !s.next.IsZero() && !now.Before(s.next)
}

// maxExpired bounds one record.
const maxExpired = 1000

// expire lets go of what is due. The room's lock is held.
func (e *Enclave) expire() error {
	if err := e.forget(); err != nil {
		return err
	}
	now, stopped := e.retention.clock()
	if stopped || !e.state.anyDue(now) {
		return nil
	}
	type group struct{ entrustment, what, party string }
	due := map[group][]lasting{}
	for _, x := range e.state.lasting("") {
		if now.Before(x.Due) {
			break
		}
		g := group{x.entrustment, x.what, x.party}
		due[g] = append(due[g], x)
	}
	groups := slices.SortedFunc(maps.Keys(due), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.entrustment, b.entrustment), cmp.Compare(a.what, b.what), cmp.Compare(a.party, b.party))
	})
	for _, g := range groups {
		for part := range slices.Chunk(due[g], maxExpired) {
			rec := expiredRecord{Entrustment: g.entrustment, What: g.what, Party: g.party,
				Backups: e.state.backupsOf(g.entrustment, entrustment.DateOf(now))}
			if c := e.state.contracts[g.entrustment]; c != nil {
				rec.Version = c.Version
			}
			for _, x := range part {
				rec.Things = append(rec.Things, x.expired)
			}
			rec.Engine, rec.Servers = e.state.outsideOfThese(g.entrustment, part)
			if _, err := e.append(kindExpired, rec); err != nil {
				return fmt.Errorf("writing down what expired: %w", err)
			}
			e.letExpiredGo(part)
			e.outer.kick() // an entry says once it is dropped there
		}
	}
	if err := e.endsByTerms(now); err != nil {
		return err
	}
	if err := e.unlinkExpired(); err != nil { // the entries stand, and the next look tries again
		e.log.Error("unlinking what expired failed; it is tried again", "error", err)
	}
	return nil
}

// letExpiredGo has the engines hold no more of what expired than others need, and
// questions under way.
func (e *Enclave) letExpiredGo(gone []lasting) {
	for _, x := range gone {
		if x.content != (hexID{}) && !e.state.uses(x.content) && !e.state.keepsLog(x.content) {
			e.retire(x.content)
		}
		for _, ref := range x.segments {
			e.retention.unlink[ref.ID] = true
		}
	}
}

// unlinkExpired removes the segments of what expired, but for those that a question
// or a backup still reads. It names them one by one: a load may have written others
// whose record does not stand yet. The room's lock is held.
func (e *Enclave) unlinkExpired() error {
	keep := e.segments()
	maps.DeleteFunc(e.retention.unlink, func(id string, _ bool) bool { return e.state.refers(id) }) // a report that was asked for again
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(e.retention.unlink)), func(id string) bool { return keep[id] })
	if len(ids) == 0 {
		return nil
	}
	if err := e.vault.RemoveSegments(ids); err != nil {
		return err
	}
	for _, id := range ids {
		delete(e.retention.unlink, id)
	}
	return nil
}

// refers tells whether a segment is of something that stands.
func (s *state) refers(segment string) bool {
	return slices.ContainsFunc(s.refs(), func(r vault.SegmentRef) bool { return r.ID == segment })
}

// retentionLook is how often a room looks for what is due.
const retentionLook = time.Minute

// keepTo holds the room to its contracts' retention, until ctx ends.
func (e *Enclave) keepTo(ctx context.Context) {
	look := time.NewTicker(retentionLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if _, err := locked(e, func() (struct{}, error) { return struct{}{}, e.look() }); err != nil {
			e.log.Error("what is due could not expire; it is tried again", "error", err)
		}
	}
}

// look takes what is due, and finishes what an earlier one could not. The room's lock
// is held.
func (e *Enclave) look() error {
	if err := e.expire(); err != nil {
		return err
	}
	e.destroyEnded(context.WithoutCancel(e.work.life))
	if err := e.sweepOutbox(); err != nil {
		return err
	}
	return e.unlinkExpired()
}

// expire folds in that things expired; one that is not there any more is no matter.
func (s *state) expire(r *expiredRecord, seq int64, at time.Time) {
	of := &expiry{expiredRecord: *r, seq: seq, at: at}
	s.expiries = append(s.expiries, of)
	if len(r.Servers) > 0 && s.lost && !slices.ContainsFunc(r.Servers, func(one hexID) bool { return !slices.Contains(s.left[r.Entrustment], one) }) {
		of.lost = s.gone[r.Entrustment]
	}
	for _, x := range r.Things {
		was := &lapsed{x, r.Entrustment, r.Version}
		switch r.What {
		case kindList:
			key := listKey{r.Entrustment, x.Name}
			if versions := s.listed[key]; len(versions) > 0 && versions[len(versions)-1].seq == x.Entry {
				for _, v := range versions {
					of.contents = append(of.contents, v.record.ID)
				}
				delete(s.lists, key)
				delete(s.listed, key)
				s.lapsedLists[key] = was
			}
		case kindEvents:
			s.events[r.Entrustment] = slices.DeleteFunc(s.events[r.Entrustment], func(l *eventsRecord) bool {
				if l.seq == x.Entry {
					of.contents = append(of.contents, l.Digest)
				}
				return l.seq == x.Entry
			})
			s.lapsedLogs[r.Entrustment] = was
		case kindReport:
			s.dropReport(x.Entry)
		case kindDelivery:
			s.dropDelivery(x.Entry)
		case kindDisclosure, kindRequest:
			s.dropDisclosure(x.Entry)
		}
	}
}

// dropReport forgets a release that was issued. What it was charged stays, and so do
// the tables that the gate released: they are entries of the record log.
func (s *state) dropReport(seq int64) {
	r := s.reportTable[seq]
	if r == nil {
		return
	}
	delete(s.reportTable, seq)
	if s.reports[r.Key] == seq {
		delete(s.reports, r.Key)
	}
	if r.Cube != nil {
		key := listKey{r.Entrustment, r.Cube.List}
		s.cubes[key] = slices.DeleteFunc(s.cubes[key], func(q *entrustment.Question) bool { return q == r.Cube })
	}
}

// renew has the clock of a list, or of an event log, begin again: its owner uploaded
// the same content whole in a new file.
func (s *state) renew(u *upload, at time.Time) {
	for key, l := range s.lists {
		if key.what() == u.Became && l.ID == u.Content {
			s.whole[key] = at
		}
	}
	for _, logs := range s.events {
		for _, l := range logs {
			if l.what() == u.Became && l.Digest == u.Content {
				l.since = at
			}
		}
	}
}

// gone is the refusal of what is asked of a thing that expired.
func (x *lapsed) gone(what, mend string) error {
	why := ""
	if x.Clause != clauseUntil {
		why = fmt.Sprintf(": %s since %s", x.Days, japan(x.Since))
	}
	refusal := &entrustment.Error{Code: entrustment.CodeGone, Clause: "docs/retention.md", Field: what, Detail: fmt.Sprintf("%s expired at %s%s", x.subject(what), japan(x.Due), why), Mend: mend}
	return refusal.By(entrustment.ContractClause{ID: x.entrustment, Version: x.contract, Clause: x.Clause})
}

func (x *lapsed) subject(what string) string {
	if what == "list" {
		return "the list " + entrustment.Quote(x.Name)
	}
	return fmt.Sprintf("the event log, version %d,", x.Version)
}

// lapsedList refuses what is asked of a list that expired; nil: it did not.
func (e *Enclave) lapsedList(id, name string) error {
	if x := e.state.lapsedLists[listKey{id, name}]; x != nil {
		return x.gone("list", "upload it again, whole: awase list load; awase retention shows what expires when")
	}
	return nil
}

// lapsedEvents refuses a question that reads events where the logs expired that it
// could read.
func (e *Enclave) lapsedEvents(c *entrustRecord, q *entrustment.Question) error {
	x := e.state.lapsedLogs[c.Contract.ID]
	if x == nil || len(e.logsOf(c)) > 0 {
		return nil
	}
	if _, reads, err := readsFrom(q, entrustment.Date{}); err != nil || !reads {
		return err
	}
	return x.gone("events", "load a newer one: awase events load; awase retention shows what expires when")
}

// expiresAt gives when each thing under an entrustment expires, by its entry.
func (s *state) expiresAt(id string) map[int64]string {
	out := map[int64]string{}
	for _, x := range s.lasting(id) {
		out[x.Entry] = utc(x.Due)
	}
	return out
}
