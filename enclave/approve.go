package enclave

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"awase/crypto/approval"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// Kinds of the officers' records.
const (
	kindCeremony = "ceremony"
	kindDraft    = "draft"
	kindApproval = "approval"
	kindWithdraw = "withdraw"
	kindFreeze   = "freeze"
	kindLift     = "lift"
)

const (
	draftLife = 7 * 24 * time.Hour // for two companies to sign in
	maxDrafts = 100                // that wait: who asks may be anybody
)

// draftRecord is an act that waits for signatures.
type draftRecord struct {
	Statement approval.Statement `json:"statement"`
	Document  json.RawMessage    `json:"document"`
}

// approvalRecord is an officer's signature of a draft. The last that was needed
// carries the act, so that both stand or neither.
type approvalRecord struct {
	Draft     string             `json:"draft"`
	Party     string             `json:"party"`
	Officer   string             `json:"officer"`
	Key       string             `json:"key"`
	Signature approval.Signature `json:"signature"`
	Act       *actRecord         `json:"act,omitempty"`
}

// withdrawRecord takes a draft back.
type withdrawRecord struct {
	Draft string `json:"draft"`
}

// actRecord is what an approved draft became: the body of a record of its kind.
type actRecord struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

// draft is an act that waits for signatures, or that had them.
type draft struct {
	draftRecord
	hash    string
	seq     int64
	at      time.Time
	expires time.Time
	signed  []signature
	done    bool
	void    bool // drafted before a restore that does not know what became of it
}

type signature struct {
	by officer
	at time.Time
}

func (e *Enclave) expired(d *draft) bool { return !e.vault.Log().Now().Before(d.expires) }

// replaces tells whether what a draft replaces is what stands now.
func (e *Enclave) replaces(d *draft) bool {
	before, version, err := e.inForce(d.Statement.Act, d.Statement.ID)
	return err == nil && !e.otherDesk(d) && d.Statement.Version == version+1 && d.Statement.Replaces == documentHash(before)
}

// counted gives the signatures of a draft whose keys still stand: one that was
// replaced may have been lost, so what it signed counts no more.
func (e *Enclave) counted(d *draft) (out []signature) {
	for _, s := range d.signed {
		if e.valid(s.by) {
			out = append(out, s)
		}
	}
	return out
}

// needs gives the parties whose officer has to sign yet.
func (e *Enclave) needs(parties []string, signed []signature) (out []string) {
	for _, p := range parties {
		if !slices.ContainsFunc(signed, func(s signature) bool { return s.by.party == p }) {
			out = append(out, p)
		}
	}
	if len(out) == 0 && len(signed) < 2 {
		out = parties // a second officer, of the only one there is
	}
	return out
}

// concerned gives the parties of each of which an officer signs an act: those
// whose people or whose money it is about, and that stand in the room already.
func (e *Enclave) concerned(act string, document json.RawMessage) (parties []string, err error) {
	op, err := e.operator()
	if err != nil {
		return nil, err
	}
	switch act {
	case kindEntrust:
		var c entrustment.Contract
		if err := json.Unmarshal(document, &c); err != nil {
			return nil, fmt.Errorf("reading a document: %w", err)
		}
		parties = c.Signers()
	case kindCampaign:
		var m entrustment.Campaign
		if err := json.Unmarshal(document, &m); err != nil {
			return nil, fmt.Errorf("reading a document: %w", err)
		}
		c, err := e.contract(m.Entrustment)
		if err != nil {
			return nil, err
		}
		parties = c.Contract.Signers()
	case kindParty:
		var p entrustment.Party
		if err := json.Unmarshal(document, &p); err != nil {
			return nil, fmt.Errorf("reading a document: %w", err)
		}
		parties = []string{op.ID}
		if e.state.hasOfficers(p.ID) { // a new party has nobody yet
			parties = append(parties, p.ID)
		}
		// Who joins a group spends its budgets and counts as its own.
		if before := e.state.parties[p.ID]; before == nil || before.Group != p.Group {
			for id, other := range e.state.parties {
				if other.Group == p.Group && e.state.hasOfficers(id) {
					parties = append(parties, id)
				}
			}
		}
	case kindLift:
		parties = []string{op.ID}
		for _, f := range e.state.frozen {
			if e.state.hasOfficers(f.Party) {
				parties = append(parties, f.Party)
			}
		}
	case kindConfirm:
		parties = []string{op.ID}
		// What officers of any party did in the lost time is undone.
		if r := e.state.unconfirmed; r != nil && r.Lost {
			for id := range e.state.parties {
				if e.state.hasOfficers(id) {
					parties = append(parties, id)
				}
			}
		}
	default:
		parties = []string{op.ID}
	}
	slices.Sort(parties)
	parties = slices.Compact(parties)
	for _, p := range parties {
		if !e.state.hasOfficers(p) {
			return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "officers",
				Detail: "nobody can sign for " + entrustment.Quote(p), Mend: "name its officers in its party.yaml, and add that first: awase party add"}
		}
	}
	return parties, nil
}

// inForce gives the document that stands, nil of none, and its version.
func (e *Enclave) inForce(act, id string) (json.RawMessage, int, error) {
	var doc any
	version := e.state.versions[act+" "+id]
	switch act {
	case kindParty:
		if p, ok := e.state.parties[id]; ok {
			doc = p
		}
	case kindPolicies:
		if e.state.policies != nil {
			doc = e.state.policies
		}
	case kindGate:
		if e.state.gate != "" {
			doc = gateRecord{e.state.gate}
		}
	case kindEntrust:
		if c, ok := e.state.contracts[id]; ok {
			doc = c.Contract
		}
	case kindCampaign:
		of, name, _ := strings.Cut(id, "/")
		if c := e.state.campaigns[campaignKey{of, name}]; c != nil {
			doc = c.Campaign
		}
		version = e.campaignVersion(id)
	case kindLift:
		version = e.state.freezes
		if newest := e.state.newestStop(); newest != 0 {
			doc = liftRecord{newest}
		}
	case kindAccept:
		version = e.state.clocks
	case kindDeskKey:
		if e.state.desk != nil {
			doc = e.state.desk
		}
	}
	if doc == nil {
		return nil, version, nil
	}
	raw, err := json.Marshal(doc)
	return raw, version, err
}

// documentHash names a document; "" of none.
func documentHash(doc json.RawMessage) string {
	if doc == nil {
		return ""
	}
	h := sha256.Sum256(doc)
	return hex.EncodeToString(h[:])
}

// draft makes an act wait for signatures. The same act, drafted again while it
// waits, is the same draft. The room's lock is held.
func (e *Enclave) draft(act, id string, document json.RawMessage) (wire.Ack, error) {
	if _, err := e.concerns(act, document); err != nil {
		return wire.Ack{}, err
	}
	before, version, err := e.inForce(act, id)
	if err != nil {
		return wire.Ack{}, err
	}
	s := approval.Statement{Schema: approval.Schema, Vault: e.vault.ID(), Act: act, ID: id,
		Document: documentHash(document), Replaces: documentHash(before), Version: version + 1}
	waiting := e.waiting()
	for _, d := range waiting {
		same := d.Statement
		same.Nonce, same.Expires = "", ""
		if same == s {
			return e.waits(d, false)
		}
	}
	if err := e.mayDraft(act); err != nil {
		return wire.Ack{}, err
	}
	nonce := make([]byte, 16)
	rand.Read(nonce)
	s.Nonce, s.Expires = hex.EncodeToString(nonce), utc(e.vault.Log().Now().Add(draftLife))
	message, err := s.Message()
	if err != nil {
		return wire.Ack{}, err
	}
	if _, err := e.append(kindDraft, draftRecord{s, document}); err != nil {
		return wire.Ack{}, err
	}
	return e.waits(e.state.drafts[approval.Hash(message)], true)
}

// mayDraft refuses one draft more than may wait.
func (e *Enclave) mayDraft(act string) error {
	waiting := len(e.waiting())
	if waiting < maxDrafts || slices.Contains([]string{kindLift, kindConfirm, kindAccept}, act) { // of these there is one at a time
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "DESIGN §2 rule 9", Field: "draft",
		Detail: fmt.Sprintf("%d drafts wait for signatures", waiting), Mend: "approve those that are meant, or wait until they lapse: awase drafts"}
}

// waits says how a draft stands.
func (e *Enclave) waits(d *draft, changed bool) (wire.Ack, error) {
	w, err := e.shown(d)
	return wire.Ack{ID: d.Statement.ID, Version: d.Statement.Version, Changed: changed, Seq: d.seq, Waits: w}, err
}

// waiting gives the drafts that can still be signed, in the order drafted.
func (e *Enclave) waiting() (out []*draft) {
	for _, d := range e.state.drafts {
		if !d.done && !d.void && !e.expired(d) && e.replaces(d) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b *draft) int { return int(a.seq - b.seq) })
	return out
}

// shown writes a draft for those who sign it.
func (e *Enclave) shown(d *draft) (*wire.Draft, error) {
	before, _, err := e.inForce(d.Statement.Act, d.Statement.ID)
	if err != nil {
		return nil, err
	}
	parties, err := e.concerns(d.Statement.Act, d.Document)
	if err != nil {
		return nil, err
	}
	signed := e.counted(d)
	w := &wire.Draft{State: wire.DraftNew, Hash: d.hash, Statement: d.Statement, Document: d.Document, Before: before, Parties: parties, Needs: e.needed(parties, signed), At: utc(d.at)}
	for _, s := range signed {
		w.State = wire.DraftApproved
		w.Signed = append(w.Signed, wire.Signed{Party: s.by.party, Officer: s.by.Name, At: utc(s.at)})
	}
	return w, nil
}

// Drafts gives the acts that wait for signatures.
func (e *Enclave) Drafts(context.Context) ([]wire.Draft, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []wire.Draft{}
	for _, d := range e.waiting() {
		w, err := e.shown(d)
		if err != nil {
			return nil, err
		}
		out = append(out, *w)
	}
	return out, nil
}

// Approve takes one officer's signature of a draft.
func (e *Enclave) Approve(ctx context.Context, a wire.Approval) (wire.Approved, error) {
	var found *found // of a disclosure: looked up between two attempts, without the room's lock
	for {
		out, src, err := e.approve(a, found)
		if src == nil {
			return out, err
		}
		if found, err = e.find(ctx, src); err != nil {
			return wire.Approved{}, err
		}
	}
}

// approve takes a signature or, where it is the last of a disclosure that was not
// looked up yet, gives where to look.
func (e *Enclave) approve(a wire.Approval, found *found) (wire.Approved, *source, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	refused := func(err error) (wire.Approved, *source, error) {
		return wire.Approved{}, nil, e.refuse("approve", "", err)
	}
	d, ok := e.state.drafts[a.Draft]
	if !ok {
		return wire.Approved{}, nil, noDraft()
	}
	try := &attempt{draft: d, signature: a.Signature}
	try.by, try.known = e.state.pinned[a.Key]
	for _, c := range e.controls {
		if err := c.refuse(e, try); err != nil {
			return refused(err)
		}
	}
	parties, err := e.concerns(d.Statement.Act, d.Document)
	if err != nil {
		return refused(err)
	}
	rec := approvalRecord{Draft: d.hash, Party: try.by.party, Officer: try.by.Name, Key: a.Key, Signature: a.Signature}
	var disclosed *disclosureRecord
	out := wire.Approved{Needs: e.needed(parties, append(e.counted(d), signature{by: try.by}))}
	if len(out.Needs) == 0 {
		// What it rests on may have changed since it was drafted.
		act, err := e.decide(d.Statement.Act, d.Document)
		if err != nil {
			return refused(err)
		}
		if doc, ok := act.body.(*disclosureDraft); ok {
			made, src, err := e.made(doc, found)
			if err != nil {
				return refused(err)
			}
			if made == nil {
				return wire.Approved{}, src, nil
			}
			act.body, disclosed = made, made
		}
		body, err := json.Marshal(act.body)
		if err != nil {
			return wire.Approved{}, nil, fmt.Errorf("encoding an act: %w", err)
		}
		if err := e.ready(d.Statement.Act, act.id); err != nil {
			return wire.Approved{}, nil, err
		}
		rec.Act, out.Effective = &actRecord{d.Statement.Act, body}, true
	}
	r, err := e.append(kindApproval, rec)
	if err != nil {
		return wire.Approved{}, nil, err
	}
	out.Ack = wire.Ack{ID: d.Statement.ID, Version: d.Statement.Version, Changed: true, Seq: r.Seq}
	if !out.Effective {
		return out, nil, nil
	}
	if disclosed != nil {
		e.letAskerGo(disclosed.Number)
	}
	return out, nil, e.acceptApproved()
}

func noDraft() error {
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "draft", Detail: "there is no draft of this hash", Mend: "awase drafts shows what waits; give the whole hash"}
}

// Withdraw takes back a draft that waits. It is as if it had never been drafted: who
// signed it signed nothing.
func (e *Enclave) Withdraw(_ context.Context, hash string) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.waiting() {
		if d.hash != hash {
			continue
		}
		r, err := e.append(kindWithdraw, withdrawRecord{hash})
		if err != nil {
			return wire.Ack{}, err
		}
		return wire.Ack{ID: d.Statement.ID, Version: d.Statement.Version, Changed: true, Seq: r.Seq}, nil
	}
	return wire.Ack{}, noDraft()
}

// foldOfficers takes a record of the officers in.
func (s *state) foldOfficers(r *vault.Record, fold func(*vault.Record) error) error {
	switch r.Kind {
	case kindCeremony:
		s.ceremony = true
		return fold(&vault.Record{Seq: r.Seq, Time: r.Time, Kind: kindParty, Body: r.Body})
	case kindDraft:
		rec, err := body[draftRecord](r)
		if err != nil {
			return err
		}
		message, err := rec.Statement.Message()
		if err != nil {
			return err
		}
		d := &draft{draftRecord: *rec, hash: approval.Hash(message), at: r.Time, seq: r.Seq}
		if d.expires, err = time.Parse(time.RFC3339, rec.Statement.Expires); err != nil {
			return fmt.Errorf("its day does not decode: %w", err)
		}
		// No later entry signs for one that has lapsed by now: time only goes on.
		maps.DeleteFunc(s.drafts, func(_ string, old *draft) bool { return !r.Time.Before(old.expires) })
		s.drafts[d.hash] = d
		return s.draftedDisclosure(d)
	case kindApproval:
		rec, err := body[approvalRecord](r)
		if err != nil {
			return err
		}
		d, ok := s.drafts[rec.Draft]
		if !ok {
			return fmt.Errorf("it approves what was not drafted")
		}
		by := s.pinned[rec.Key]
		d.signed = append(d.signed, signature{by, r.Time})
		if rec.Act == nil {
			return nil
		}
		d.done = true
		return fold(&vault.Record{Seq: r.Seq, Time: r.Time, Kind: rec.Act.Kind, Body: rec.Act.Body})
	case kindWithdraw:
		rec, err := body[withdrawRecord](r)
		if err != nil {
			return err
		}
		delete(s.drafts, rec.Draft)
		s.withdrawnDisclosure(rec.Draft)
	case kindFreeze:
		f, err := body[freezeRecord](r)
		if err != nil {
			return err
		}
		f.seq, f.at = r.Seq, r.Time
		s.frozen = append(s.frozen, f)
		s.freezes++
	case kindLift:
		s.frozen = nil
		s.freezes++
		s.mark(r, "")
	case kindAccept:
		c, err := body[clockRecord](r)
		if err != nil {
			return err
		}
		s.clocks++
		s.approvedClock = c
	}
	return nil
}
