package enclave

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"awase/aggregator"
	"awase/crypto/approval"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// journal is the record log as people read it. It is a fold of its own, with a lock
// of its own, so that who reads waits for no act; it takes in what was written
// since somebody read last.
type journal struct {
	mu      sync.Mutex
	places  []place            // of each entry taken in
	of      map[string][]int64 // by party: the entries that may concern it, oldest first
	now     standingNow
	visible func(viewer, *vault.Record, *place) (any, bool) // shown; tests put a mutant here
}

// place is what an entry is about, as the room was when it was written: a later
// amendment opens and closes no entry of before.
type place struct {
	entrustment string
	owner       string   // the party whose act or data it is
	asker       string   // the party whose people asked
	roles       []string // the entrustment's sides, or those that sign
	subs        []string // its sub-trustees
	spenders    []string // parties of the group whose budget it is about
}

// standingNow is what of the room a place is found by.
type standingNow struct {
	operator  string
	parties   map[string]*entrustment.Party
	contracts map[string]*entrustment.Contract
	lists     map[listKey]string // whose each is
	held      map[string]place   // by reservation
	drafts    map[string]drafted // by hash
}

// drafted is the place of a draft, while it can be signed.
type drafted struct {
	place
	expires time.Time
}

func newJournal() *journal {
	return &journal{of: map[string][]int64{}, visible: shown, now: standingNow{
		parties: map[string]*entrustment.Party{}, contracts: map[string]*entrustment.Contract{}, lists: map[listKey]string{}, held: map[string]place{}, drafts: map[string]drafted{}}}
}

// viewer is how the party that reads stands to an entry.
type viewer struct {
	officer bool // of the operator, who sees that every act was done
	owner   bool // it is the viewer's own act, or about its own data
	asker   bool // people of the viewer asked
	role    bool // it is of an entrustment that the viewer is a side of
	sub     bool // it is of an entrustment that the viewer is a sub-trustee of
	spender bool // it is about the budget of the viewer's group
}

func (p *place) viewer(party, operator string) viewer {
	if party == "" {
		return viewer{officer: true, owner: p.owner == operator, spender: slices.Contains(p.spenders, operator)}
	}
	return viewer{owner: p.owner == party, asker: p.asker == party, role: slices.Contains(p.roles, party), sub: slices.Contains(p.subs, party), spender: slices.Contains(p.spenders, party)}
}

const maxEntries = 500 // of a page

// Log gives entries of the record log that a party may read.
func (e *Enclave) Log(_ context.Context, req wire.LogRequest) (wire.LogPage, error) {
	if req.From < 0 || req.Limit < 0 || req.Limit > maxEntries {
		return wire.LogPage{}, &entrustment.Error{Code: entrustment.CodeLimit, Field: "log", Detail: fmt.Sprintf("entries are counted from 0, and a page has at most %d", maxEntries), Mend: "ask for another page"}
	}
	if req.Limit == 0 {
		req.Limit = maxEntries
	}
	return e.journal.page(e.vault.Log().Records(), req)
}

func (j *journal) page(records []vault.Record, req wire.LogRequest) (wire.LogPage, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.takeIn(records); err != nil {
		return wire.LogPage{}, err
	}
	out := wire.LogPage{Entries: []wire.LogEntry{}, Size: int64(len(records))}
	for seq := range j.from(req, int64(len(records))) {
		r, p := &records[seq], &j.places[seq]
		detail, ok := j.visible(p.viewer(req.Party, j.now.operator), r, p)
		if !ok {
			continue
		}
		if len(out.Entries) == req.Limit {
			out.Next = seq
			return out, nil
		}
		entry, err := p.entry(r, detail)
		if err != nil {
			return wire.LogPage{}, err
		}
		out.Entries = append(out.Entries, entry)
	}
	return out, nil
}

// entry writes an entry with what its reader is told of it.
func (p *place) entry(r *vault.Record, detail any) (wire.LogEntry, error) {
	out := wire.LogEntry{Seq: r.Seq, At: utc(r.Time), Kind: r.Kind, Party: p.owner, Entrustment: p.entrustment, Leaf: r.Leaf()}
	if detail == nil {
		return out, nil
	}
	var err error
	if out.Detail, err = json.Marshal(detail); err != nil {
		return out, fmt.Errorf("writing entry %d of the record log: %w", r.Seq, err)
	}
	return out, nil
}

// takeIn takes in what was written since somebody read last. The journal's lock is
// held.
func (j *journal) takeIn(records []vault.Record) error {
	for i := len(j.places); i < len(records); i++ {
		p, err := j.now.take(&records[i])
		if err != nil {
			return fmt.Errorf("reading entry %d of the record log: %w", i, err)
		}
		j.places = append(j.places, p)
		for _, party := range p.concerned() {
			j.of[party] = append(j.of[party], int64(i))
		}
	}
	return nil
}

// from gives the numbers of the entries to look at: all for officers of the
// operator, of a party those that may concern it.
func (j *journal) from(req wire.LogRequest, n int64) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		if req.Party == "" {
			for seq := req.From; seq < min(n, int64(len(j.places))); seq++ {
				if !yield(seq) {
					return
				}
			}
			return
		}
		of := j.of[req.Party]
		at, _ := slices.BinarySearch(of, req.From)
		for _, seq := range of[at:] {
			if seq >= n || !yield(seq) { // a read that began later took in more
				return
			}
		}
	}
}

// concerned gives the parties that a place names.
func (p *place) concerned() []string {
	all := slices.Concat([]string{p.owner, p.asker}, p.roles, p.subs, p.spenders)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(id string) bool { return id == "" })
}

// of gives the place of what is done under an entrustment.
func (s *standingNow) of(id, owner string) place {
	p := place{entrustment: id, owner: owner}
	if c := s.contracts[id]; c != nil {
		p.roles = c.Sides()
		for _, sub := range c.SubTrustees {
			p.subs = append(p.subs, sub.Party)
		}
	}
	return p
}

// listOwner gives the party whose lists an entrustment joins.
func (s *standingNow) listOwner(id string) string {
	f := entrustment.Facts{Contract: s.contracts[id], Parties: s.parties}
	if f.Contract == nil {
		return ""
	}
	return f.ListOwner()
}

// group gives the parties of a group.
func (s *standingNow) group(name string) (out []string) {
	for id, p := range s.parties {
		if p.Group == name {
			out = append(out, id)
		}
	}
	return out
}

// own is the place of an act of the operator's.
func (s *standingNow) own() place { return place{owner: s.operator} }

// take finds the place of the next entry, and follows the room. What it does not
// know is nobody's.
func (s *standingNow) take(r *vault.Record) (place, error) {
	switch r.Kind {
	case kindParty, kindCeremony:
		p, err := body[entrustment.Party](r)
		if err != nil {
			return place{}, err
		}
		s.parties[p.ID] = p
		if p.Class == entrustment.ClassOperator {
			s.operator = p.ID
		}
		return place{owner: p.ID}, nil
	case kindEntrust:
		c, err := body[entrustRecord](r)
		if err != nil {
			return place{}, err
		}
		s.contracts[c.Contract.ID] = c.Contract
		return s.of(c.Contract.ID, ""), nil
	case kindList:
		l, err := body[listRecord](r)
		if err != nil {
			return place{}, err
		}
		s.lists[listKey{l.Entrustment, l.Name}] = l.Party
		return s.of(l.Entrustment, l.Party), nil
	case kindEvents:
		l, err := body[eventsRecord](r)
		if err != nil {
			return place{}, err
		}
		return s.of(outside(l.Entrustment), l.Party), nil
	case kindUpload:
		return s.takeUpload(r)
	case kindCharge:
		return s.takeCharge(r)
	case kindReserve:
		held, err := body[aggregator.Reservation](r)
		if err != nil {
			return place{}, err
		}
		p := s.of(held.Question.Entrustment, "")
		for _, h := range held.Held {
			p.spenders = s.group(h.Recipient)
		}
		s.held[held.Name] = p
		return p, nil
	case kindFree:
		free, err := body[freeRecord](r)
		if err != nil {
			return place{}, err
		}
		return s.held[free.Name], nil
	case kindRefusal:
		return s.takeRefusal(r)
	case kindEnd:
		end, err := body[endRecord](r)
		if err != nil {
			return place{}, err
		}
		p := s.of(end.Entrustment, "")
		if end.By != nil {
			p.owner = end.By.Party
		}
		return p, nil
	case kindExpired:
		x, err := body[expiredRecord](r)
		if err != nil {
			return place{}, err
		}
		if x.Entrustment == "" {
			return s.own(), nil
		}
		return s.of(x.Entrustment, x.Party), nil
	case kindDropped:
		d, err := body[droppedRecord](r)
		if err != nil || d.Expired == 0 {
			return s.own(), err
		}
		return s.of(d.Entrustment, ""), nil
	case kindReport:
		rep, err := body[reportRecord](r)
		if err != nil {
			return place{}, err
		}
		p := s.of(rep.Entrustment, rep.Recipient)
		p.asker = rep.AskedBy
		return p, nil
	case kindCampaign:
		c, err := body[campaignRecord](r)
		if err != nil {
			return place{}, err
		}
		return s.of(c.Campaign.Entrustment, ""), nil
	case kindDelivery:
		d, err := body[deliveryRecord](r)
		if err != nil {
			return place{}, err
		}
		return s.of(d.Entrustment, d.Receiver), nil
	case kindHanded:
		h, err := body[handedRecord](r)
		if err != nil {
			return place{}, err
		}
		return s.of(h.Entrustment, h.Receiver), nil
	case kindClosed:
		c, err := body[closedRecord](r)
		if err != nil {
			return place{}, err
		}
		p := s.of(c.Entrustment, "")
		p.asker = c.AskedBy
		return p, nil
	case kindDraft, kindApproval, kindWithdraw, kindFreeze:
		return s.takeOfficers(r)
	case kindTable, kindAlarm: // of no party
		return place{}, nil
	}
	return s.own(), nil
}

// outside is the name of an entrustment that people know: of the operator's own
// data there is none.
func outside(id string) string {
	if id == seal.BaseEntrustment {
		return ""
	}
	return id
}

func (s *standingNow) takeUpload(r *vault.Record) (place, error) {
	u, err := body[upload](r)
	if err != nil {
		return place{}, err
	}
	kind, of, _ := strings.Cut(u.Became, " ")
	switch kind {
	case kindList:
		id, name, _ := strings.Cut(of, "/")
		return s.of(id, s.lists[listKey{id, name}]), nil
	case kindEvents:
		id, party, _ := strings.Cut(of, " ")
		if id != seal.BaseEntrustment {
			return s.of(id, cmp.Or(party, s.listOwner(id))), nil
		}
	}
	return s.own(), nil
}

// takeCharge: the tables of one question are charged together.
func (s *standingNow) takeCharge(r *vault.Record) (place, error) {
	c, err := body[chargeRecord](r)
	if err != nil || len(c.Charges) == 0 {
		return place{}, err
	}
	id, asker := c.Charges[0].For.Entrustment, c.Charges[0].For.AskedBy
	p := s.of(id, "")
	p.asker = asker
	for i := range c.Charges {
		if c.Charges[i].For.Entrustment != id || c.Charges[i].For.AskedBy != asker {
			return place{}, nil // of more than one: nobody's
		}
		for _, a := range c.Charges[i].Accounts { // of a delivery every group pays that is told of it
			for _, party := range s.group(a.Recipient) {
				if !slices.Contains(p.spenders, party) {
					p.spenders = append(p.spenders, party)
				}
			}
		}
	}
	return p, nil
}

// takeRefusal: where a refusal does not name who was refused, it is shown to a party
// only where nobody else can have been. A question's is its asker's, and shown to its
// only reader.
func (s *standingNow) takeRefusal(r *vault.Record) (place, error) {
	ref, err := body[refusalRecord](r)
	if err != nil || ref.Code == entrustment.CodeInternal { // whose reason is for officers
		return place{}, err
	}
	c := s.contracts[ref.Entrustment]
	switch {
	case c == nil:
		return s.own(), nil
	case ref.Of != "" && !slices.Contains(c.Sides(), ref.Of): // of a party that has no part in it
		return s.own(), nil
	case ref.Act == kindList || ref.Act == kindEvents:
		return place{entrustment: c.ID, owner: cmp.Or(ref.Of, s.listOwner(c.ID))}, nil
	case ref.Act == "report" || ref.Act == "reserve":
		p := place{entrustment: c.ID, owner: ref.AskedBy, asker: ref.AskedBy}
		switch {
		case len(c.Recipients) != 1:
		case p.owner == "":
			p.owner = c.Recipients[0]
		default:
			p.roles = c.Recipients
		}
		return p, nil
	}
	return place{entrustment: c.ID, roles: []string{c.Principal, c.Trustee}}, nil
}

// takeOfficers finds the place of what officers do. The last approval of a draft is
// the act.
func (s *standingNow) takeOfficers(r *vault.Record) (place, error) {
	switch r.Kind {
	case kindFreeze:
		f, err := body[freezeRecord](r)
		if err != nil {
			return place{}, err
		}
		if f.Party == "" {
			return s.own(), nil
		}
		return place{owner: f.Party}, nil
	case kindDraft:
		d, err := body[draftRecord](r)
		if err != nil {
			return place{}, err
		}
		message, err := d.Statement.Message()
		if err != nil {
			return place{}, err
		}
		p := place{roles: []string{s.operator}}
		switch d.Statement.Act {
		case kindEntrust:
			var c entrustment.Contract
			if err := json.Unmarshal(d.Document, &c); err != nil {
				return place{}, err
			}
			p = place{entrustment: c.ID, roles: c.Signers()}
		case kindCampaign:
			id, _, _ := strings.Cut(d.Statement.ID, "/")
			p = place{entrustment: id}
			if c := s.contracts[id]; c != nil {
				p.roles = c.Signers()
			}
		case kindParty:
			p.roles = append(p.roles, d.Statement.ID)
		}
		expires, err := time.Parse(time.RFC3339, d.Statement.Expires)
		if err != nil {
			return place{}, err
		}
		maps.DeleteFunc(s.drafts, func(_ string, old drafted) bool { return !r.Time.Before(old.expires) })
		s.drafts[approval.Hash(message)] = drafted{p, expires}
		return p, nil
	}
	if r.Kind == kindWithdraw {
		w, err := body[withdrawRecord](r)
		if err != nil {
			return place{}, err
		}
		p := s.drafts[w.Draft].place
		delete(s.drafts, w.Draft)
		return p, nil
	}
	a, err := body[approvalRecord](r)
	if err != nil {
		return place{}, err
	}
	p := s.drafts[a.Draft].place
	p.owner = a.Party
	if a.Act != nil {
		act, err := s.take(&vault.Record{Seq: r.Seq, Time: r.Time, Kind: a.Act.Kind, Body: a.Act.Body})
		if err != nil {
			return place{}, err
		}
		p.roles, p.subs = slices.Concat(p.roles, act.roles), act.subs
		delete(s.drafts, a.Draft)
	}
	return p, nil
}
