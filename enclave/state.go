package enclave

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"awase/aggregator"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/entrustment"
)

// state is the fold over the record log.
type state struct {
	parties     map[string]*entrustment.Party
	policies    *entrustment.Policies
	gate        string
	contracts   map[string]*entrustRecord
	base        *baseRecord
	lists       map[listKey]*listRecord
	listTimes   map[string][]time.Time // by entrustment: when versions were loaded
	reports     map[hexID]int64        // by key: the record's number
	newestOf    map[hexID]int64        // by question and reader: the newest record's number
	acts        map[string]int64       // last record of a document, by kind and id
	versions    map[string]int         // of parties and policies
	reportTable map[int64]*reportRecord
	reserved    map[string]*entrustment.Question    // by the reservation's name
	reservedBy  map[string]string                   // the party whose people did, of what is reserved
	cubes       map[listKey][]*entrustment.Question // planning cubes bought, by the list
	events      map[string][]*eventsRecord          // by entrustment, in the order loaded
	uploads     map[uploadID]upload                 // used upload ids, and what each became
	newest      map[string]uploadID                 // the last file taken, by what it became
	owners      map[string]bool                     // parties that stand in an entrustment, or own the base
	ended       map[string]*ended                   // by entrustment
	rotations   []rotated                           // of the vault key, in their order
	requests    []requestRecord                     // of data subjects, by number less one
	requested   hexID                               // a digest of those for deletion or a stop of use, zero of none
	asked       map[uploadID]int64                  // requests by the id of the sealed request
	since       map[string]int64                    // by entrustment: its first record
	backups     []backedUp
	restored    *restored      // the last restore
	unconfirmed *restored      // one that nobody answered for yet, though somebody must
	answered    map[int64]bool // requests that can't be read and that somebody answered for

	history
	officerState
	engineState
	retentionState
	disclosures
	campaignFold
}

func newState() *state {
	return &state{
		parties: map[string]*entrustment.Party{}, contracts: map[string]*entrustRecord{}, lists: map[listKey]*listRecord{},
		listTimes: map[string][]time.Time{}, reports: map[hexID]int64{}, newestOf: map[hexID]int64{}, acts: map[string]int64{}, versions: map[string]int{},
		reportTable: map[int64]*reportRecord{}, reserved: map[string]*entrustment.Question{}, reservedBy: map[string]string{}, cubes: map[listKey][]*entrustment.Question{}, owners: map[string]bool{}, uploads: map[uploadID]upload{}, newest: map[string]uploadID{}, events: map[string][]*eventsRecord{},
		ended: map[string]*ended{}, since: map[string]int64{}, answered: map[int64]bool{}, asked: map[uploadID]int64{}, history: newHistory(), engineState: engineState{dropped: map[string]int64{}, had: map[string]bool{}, left: map[string][]hexID{}, gone: map[string]int64{}},
		retentionState: newRetention(), disclosures: newDisclosures(), campaignFold: newCampaigns(), officerState: officerState{pinned: map[string]officer{}, drafts: map[string]*draft{}},
	}
}

// fold takes one record in; gate records go to the gate.
func (s *state) fold(r *vault.Record, gate *aggregator.Gate) error {
	fail := func(err error) error {
		if err != nil {
			return fmt.Errorf("reading entry %d of the record log: %w", r.Seq, err)
		}
		return nil
	}
	s.looked = s.looked && (r.Kind == kindCharge || r.Kind == kindTable || r.Kind == kindRefusal) // which change nothing of it
	switch r.Kind {
	case kindParty:
		p, err := body[entrustment.Party](r)
		if err == nil {
			s.parties[p.ID] = p
			s.pin(p)
			s.mark(r, p.ID)
		}
		return fail(err)
	case kindPolicies:
		p, err := body[entrustment.Policies](r)
		s.policies = p
		s.mark(r, "")
		return fail(err)
	case kindGate:
		g, err := body[gateRecord](r)
		if err != nil {
			return fail(err)
		}
		policy, err := aggregator.ParsePolicy("gate.yaml", []byte(g.Document))
		if err != nil {
			return fail(err)
		}
		s.gate = g.Document
		gate.SetPolicy(policy)
		s.mark(r, "")
	case kindEntrust:
		e, err := body[entrustRecord](r)
		if err == nil {
			s.contracts[e.Contract.ID] = e
			s.versionsOf[e.Contract.ID] = append(s.versionsOf[e.Contract.ID], kept[entrustRecord]{e, r.Seq, r.Time})
			if _, ok := s.since[e.Contract.ID]; !ok {
				s.since[e.Contract.ID] = r.Seq
			}
			for _, p := range e.Contract.Parties() {
				s.owners[p] = true
			}
			s.mark(r, e.Contract.ID)
		}
		return fail(err)
	case kindBase:
		b, err := body[baseRecord](r)
		s.base = b
		if err == nil {
			s.bases = append(s.bases, kept[baseRecord]{b, r.Seq, r.Time})
			s.take(upload{ID: b.Upload, Became: kindBase, Content: b.Population})
		}
		for id, p := range s.parties {
			if p.Class == entrustment.ClassOperator {
				s.owners[id] = true
			}
		}
		s.mark(r, "")
		return fail(err)
	case kindList:
		l, err := body[listRecord](r)
		if err == nil {
			key := listKey{l.Entrustment, l.Name}
			// Rows that another upload brought are as old as that one, or a row added
			// each day would keep the others for ever.
			if l.Change == seal.Replace || s.lists[key] == nil {
				s.whole[key] = r.Time
			}
			delete(s.lapsedLists, key)
			s.lists[key] = l
			s.had[l.Entrustment] = true
			s.listed[key] = append(s.listed[key], kept[listRecord]{l, r.Seq, r.Time})
			s.take(upload{l.Upload, l.what(), l.ID, l.Under})
			s.listTimes[l.Entrustment] = append(s.listTimes[l.Entrustment], r.Time)
			s.mark(r, l.Entrustment+"/"+l.Name)
		}
		return fail(err)
	case kindEvents:
		l, err := body[eventsRecord](r)
		if err == nil {
			l.at, l.since, l.seq = r.Time, r.Time, r.Seq
			delete(s.lapsedLogs, l.Entrustment)
			s.had[l.Entrustment] = true
			s.events[l.Entrustment] = slices.DeleteFunc(s.events[l.Entrustment], func(o *eventsRecord) bool { return slices.Contains(l.Instead, o.Digest) })
			s.events[l.Entrustment] = append(s.events[l.Entrustment], l)
			s.take(upload{l.Upload, l.what(), l.Digest, l.Under})
			s.mark(r, strings.TrimPrefix(l.what(), kindEvents+" "))
		}
		return fail(err)
	case kindUpload:
		u, err := body[uploadRecord](r)
		if err == nil {
			s.take(u.upload)
			if u.Renews {
				s.renew(&u.upload, r.Time)
			}
		}
		return fail(err)
	case kindCampaign:
		return fail(s.foldCampaign(r))
	case kindDelivery:
		return fail(s.foldDelivery(r))
	case kindHanded:
		return fail(s.foldHanded(r))
	case kindClosed:
		return fail(s.foldClosed(r))
	case kindExpired:
		x, err := body[expiredRecord](r)
		if err == nil {
			s.expire(x, r.Seq, r.Time)
		}
		return fail(err)
	case kindForget:
		f, err := body[forgetRecord](r)
		if err == nil {
			s.forget(f)
		}
		return fail(err)
	case kindCharge:
		c, err := body[chargeRecord](r)
		if err != nil {
			return fail(err)
		}
		for i := range c.Charges {
			gate.ReplayCharge(&c.Charges[i], r.Time)
		}
	case kindTable:
		t, err := body[aggregator.Table](r)
		if err != nil {
			return fail(err)
		}
		t.At = r.Time
		gate.ReplayTable(t)
	case kindReserve:
		held, err := body[aggregator.Reservation](r)
		if err != nil {
			return fail(err)
		}
		gate.ReplayReservation(held)
		s.reserved[held.Name], s.reservedBy[held.Name] = &held.Question, held.AskedBy
	case kindFree:
		free, err := body[freeRecord](r)
		if err != nil {
			return fail(err)
		}
		gate.ReplayFree(free.Name)
		delete(s.reserved, free.Name)
	case kindAlarm:
		a, err := body[aggregator.Alarm](r)
		if err != nil {
			return fail(err)
		}
		gate.ReplayAlarm(*a)
	case kindReport:
		rep, err := body[reportRecord](r)
		if err == nil {
			rep.at = r.Time
			s.reports[rep.Key] = r.Seq
			s.reportTable[r.Seq] = rep
			s.newestOf[rep.Asked] = r.Seq
			if rep.Cube != nil {
				key := listKey{rep.Entrustment, rep.Cube.List}
				s.cubes[key] = append(s.cubes[key], rep.Cube)
			}
		}
		return fail(err)
	case kindCeremony, kindDraft, kindApproval, kindWithdraw, kindFreeze, kindLift, kindAccept:
		return fail(s.foldOfficers(r, func(act *vault.Record) error { return s.fold(act, gate) }))
	case vault.KindClock:
		c, err := body[vault.ClockRecord](r)
		if err == nil && (c.Accepted || !c.Stopped) { // what was signed for was done, or is past
			s.approvedClock = nil
		}
		return fail(err)
	case kindEnd:
		end, err := body[endRecord](r)
		if err == nil {
			s.end(&ended{endRecord: *end, seq: r.Seq, at: r.Time}, gate)
		}
		return fail(err)
	case kindRotation:
		rot, err := body[rotationRecord](r)
		if err == nil {
			s.rotations = append(s.rotations, rotated{rot.Generation, r.Seq})
		}
		return fail(err)
	case kindRequest:
		req, err := body[requestRecord](r)
		if err == nil {
			err = s.foldRequest(req, r.Seq, r.Time)
		}
		return fail(err)
	case kindBackup:
		b, err := body[backupRecord](r)
		if err == nil {
			s.backups = append(s.backups, backedUp{*b, r.Seq})
		}
		return fail(err)
	case vault.KindRestore:
		rec, err := body[vault.RestoreRecord](r)
		if err == nil {
			s.restore(&restored{*rec, r.Seq, r.Time}, gate)
		}
		return fail(err)
	case kindLost:
		lost, err := body[lostRecord](r)
		if err == nil {
			s.lose(lost.Segments)
		}
		return fail(err)
	case kindConfirm:
		c, err := body[confirmRecord](r)
		if err == nil {
			s.confirm(c, r.Seq)
			s.mark(r, "")
		}
		return fail(err)
	case kindEngine:
		rec, err := body[engineRecord](r)
		if err == nil {
			s.foldEngine(rec, r.Seq)
		}
		return fail(err)
	case kindDropped:
		rec, err := body[droppedRecord](r)
		if err == nil {
			s.foldDropped(rec, r.Seq, r.Time)
		}
		return fail(err)
	case kindDeskKey:
		k, err := body[deskKeyRecord](r)
		if err == nil {
			s.desk = k
			s.mark(r, "")
		}
		return fail(err)
	case kindDisclosure:
		return fail(s.foldDisclosure(r))
	case kindRefusal:
	default:
		return fail(fmt.Errorf("a record of kind %q; a newer version wrote it", r.Kind))
	}
	return nil
}

// take notes that a sealed file was taken.
func (s *state) take(u upload) { s.uploads[u.ID], s.newest[u.Became] = u, u.ID }

func (s *state) mark(r *vault.Record, id string) {
	s.acts[r.Kind+" "+id] = r.Seq
	s.versions[r.Kind+" "+id]++
}

// uses tells whether a list of this content is the newest of some name.
func (s *state) uses(id hexID) bool {
	for _, l := range s.lists {
		if l.ID == id {
			return true
		}
	}
	return false
}

// keepsLog tells whether a log of this content stands.
func (s *state) keepsLog(content hexID) bool {
	for _, logs := range s.events {
		if slices.ContainsFunc(logs, func(l *eventsRecord) bool { return l.Digest == content }) {
			return true
		}
	}
	return false
}

// segments gives the segments that are in use.
func (s *state) segments() map[string]bool {
	keep := map[string]bool{}
	if s.base != nil {
		for _, ref := range s.base.refs() {
			keep[ref.ID] = true
		}
	}
	for _, l := range s.lists {
		for _, ref := range l.refs() {
			keep[ref.ID] = true
		}
	}
	for _, logs := range s.events {
		for _, l := range logs {
			keep[l.Segment.ID] = true
		}
	}
	for _, r := range s.reportTable {
		keep[r.Segment.ID] = true
	}
	for _, ref := range s.deliveryRefs() {
		keep[ref.ID] = true
	}
	for i := range s.requests {
		if s.keepsAskers(&s.requests[i]) {
			keep[s.requests[i].segment().ID] = true
		}
	}
	for _, d := range s.disclosed {
		if d.kept() {
			keep[d.made.Segment.ID] = true
		}
	}
	return keep
}

func body[T any](r *vault.Record) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(r.Body, v); err != nil {
		return nil, fmt.Errorf("its body does not decode: %w", err)
	}
	return v, nil
}
