package enclave

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// A disclosure to a data subject (DESIGN §2 rule 9, §7). The request is an act that two
// officers of the operator sign for, as it stands in the draft: its number and a
// commitment to who asks, and the key of the desk that may read the answer. With the
// last signature the enclave looks up what the base holds, seals it to that key, and
// writes its hash into the same entry of the log. What is seen of it on the way, its
// size too, is the same whoever asks (PRIVACY decision 11).

const (
	kindDeskKey    = "desk-key"
	kindDisclosure = receipt.DisclosureKind
)

// maxDisclosures is how many disclosures are made on one JST day.
const maxDisclosures = 50

// deskKeyRecord pins the privacy desk's key.
type deskKeyRecord struct {
	Key         seal.PublicKey `json:"key"`
	Fingerprint string         `json:"fingerprint"`
}

// disclosureDraft is what officers sign: which request, not whose.
type disclosureDraft struct {
	Number     int64            `json:"number"`
	Kind       seal.RequestKind `json:"kind"`
	Commitment hexID            `json:"commitment"` // of the request, as the log has it
	Desk       string           `json:"desk"`       // fingerprint of the key that it is sealed to
}

// disclosureRecord says that a disclosure is made. It stands in the last signature's
// entry.
type disclosureRecord struct {
	Number  int64            `json:"number"`
	Desk    string           `json:"desk"`
	Sealed  hexID            `json:"sealed"` // SHA-256 of the sealed bytes
	Segment vault.SegmentRef `json:"segment"`
}

const disclosureColumn = "disclosure"

// disclosures is their part of the fold over the record log.
type disclosures struct {
	desk      *deskKeyRecord // nil: none is pinned
	disclosed map[int64]*disclosure
	onDay     map[entrustment.Date]int // how many were made
}

func newDisclosures() disclosures {
	return disclosures{disclosed: map[int64]*disclosure{}, onDay: map[entrustment.Date]int{}}
}

// disclosure is how the disclosure of a request stands.
type disclosure struct {
	draft     string // the last, by hash; "": there was none
	withdrawn bool
	made      *disclosureRecord // nil: not yet
	seq       int64             // of the entry that it stands in
	at        time.Time
	lost      bool // a restored vault does not have it
}

func (s *state) disclosureOf(number int64) *disclosure {
	if s.disclosed[number] == nil {
		s.disclosed[number] = &disclosure{}
	}
	return s.disclosed[number]
}

func (s *state) foldDisclosure(r *vault.Record) error {
	rec, err := body[disclosureRecord](r)
	if err != nil {
		return err
	}
	d := s.disclosureOf(rec.Number)
	if d.made != nil {
		return errors.New("a request is disclosed twice")
	}
	d.made, d.seq, d.at = rec, r.Seq, r.Time
	s.onDay[entrustment.DateOf(r.Time)]++
	s.mark(r, strconv.FormatInt(rec.Number, 10))
	return nil
}

// draftedDisclosure notes the draft of a disclosure.
func (s *state) draftedDisclosure(d *draft) error {
	if d.Statement.Act != kindDisclosure {
		return nil
	}
	var doc disclosureDraft
	if err := json.Unmarshal(d.Document, &doc); err != nil {
		return fmt.Errorf("reading a document: %w", err)
	}
	of := s.disclosureOf(doc.Number)
	of.draft, of.withdrawn = d.hash, false
	return nil
}

func (s *state) withdrawnDisclosure(hash string) {
	for _, of := range s.disclosed {
		of.withdrawn = of.withdrawn || of.draft == hash && of.made == nil
	}
}

// SetDeskKey pins the key that disclosures are sealed to.
func (e *Enclave) SetDeskKey(_ context.Context, key seal.PublicKey) (wire.Ack, error) {
	return e.document(kindDeskKey, "", deskKeyRecord{key, key.Fingerprint()})
}

func (e *Enclave) decideDeskKey(k *deskKeyRecord) (decided, error) {
	if k.Key.Suite() != seal.XWing || k.Fingerprint != k.Key.Fingerprint() {
		return decided{}, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/requests.md", Field: "key", Detail: "it is not a key of awase desk key",
			Mend: "name the file that awase desk key wrote with .pub"}
	}
	return decided{same: e.state.desk != nil && e.state.desk.Key == k.Key, body: k}, nil
}

// DeskKey gives the key that disclosures are sealed to.
func (e *Enclave) DeskKey(context.Context) (*wire.DeskKey, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.state.desk
	if k == nil {
		return nil, errNoDesk
	}
	return &wire.DeskKey{Key: k.Key, Fingerprint: k.Fingerprint, Version: e.state.versions[kindDeskKey+" "], Seq: e.state.acts[kindDeskKey+" "]}, nil
}

var errNoDesk = &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "§7", Field: "desk key", Detail: "no key of the privacy desk is pinned that a disclosure could be sealed to",
	Mend: "make one at the desk (awase desk key) and have it pinned: awase desk set"}

// atDesk tells whether a draft is of the key that is pinned now.
func (e *Enclave) atDesk(d *disclosureDraft) bool {
	return e.state.desk != nil && e.state.desk.Fingerprint == d.Desk
}

// otherDesk tells whether a draft is of a disclosure to a key that is not pinned any
// more.
func (e *Enclave) otherDesk(d *draft) bool {
	var doc disclosureDraft
	return d.Statement.Act == kindDisclosure && (json.Unmarshal(d.Document, &doc) != nil || !e.fitsDesk(&doc))
}

func otherDesk() *entrustment.Error {
	return approvalError("the desk's key was replaced since the disclosure was drafted", "draft it anew, and compare the fingerprint: awase requests disclose NUMBER")
}

// toSignDisclosure gives what officers sign of the disclosure of a request. The room's
// lock is held.
func (e *Enclave) toSignDisclosure(number int64) (*disclosureDraft, error) {
	if number < 1 || number > int64(len(e.state.requests)) || e.state.requests[number-1].Kind != seal.Disclosure {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "§7", Field: "request", Detail: "there is no request for disclosure of this number", Mend: "awase requests lists them"}
	}
	if e.state.desk == nil {
		return nil, errNoDesk
	}
	return &disclosureDraft{number, seal.Disclosure, e.state.requests[number-1].Commitment, e.state.desk.Fingerprint}, nil
}

// decideDisclosure holds a draft to the request and the key as they are now. Whether
// it may be made today is decided with the last signature.
func (e *Enclave) decideDisclosure(d *disclosureDraft) (decided, error) {
	now, err := e.toSignDisclosure(d.Number)
	if err != nil {
		return decided{}, err
	}
	if !e.fitsDesk(d) {
		return decided{}, otherDesk()
	}
	if now.Desk = d.Desk; *now != *d {
		return decided{}, approvalError("it is of another request", "draft it anew: awase requests disclose NUMBER")
	}
	if e.state.disclosureOf(d.Number).made != nil {
		return decided{}, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "§7", Field: "request", Detail: "this request is disclosed already", Mend: "fetch it: awase requests disclosure NUMBER"}
	}
	return decided{id: strconv.FormatInt(d.Number, 10), body: d}, nil
}

// mayDisclose refuses what can't be made now, whoever it is of. The draft keeps the
// signatures that it has, and the last one can be given once the reason is gone.
func (e *Enclave) mayDisclose() error {
	if err := e.stopped(); err != nil {
		return err
	}
	if err := e.whole(); err != nil {
		return err
	}
	if e.disclosedOn(entrustment.DateOf(e.vault.Log().Now())) >= maxDisclosures {
		return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "§7", Field: "disclosures", Detail: fmt.Sprintf("%d disclosures were made today, and a day has no more", maxDisclosures),
			Mend: "give the last signature again tomorrow (days are JST's): awase approve; the draft waits with the one that it has"}
	}
	if b := e.state.base; b != nil && b.Particulars == nil {
		return &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "§7", Field: "base", Detail: "the base was loaded by a version that kept less of it than is to be told",
			Mend: "load the base again, sealed anew, then give the last signature again"}
	}
	return nil
}

func (s *state) madeOn(day entrustment.Date) int { return s.onDay[day] }

// Disclose drafts a disclosure anew or, where nobody signs, makes it.
func (e *Enclave) Disclose(ctx context.Context, number int64) (wire.Ack, error) {
	doc, err := locked(e, func() (*disclosureDraft, error) { return e.toSignDisclosure(number) })
	if err == nil && e.signs {
		return e.document(kindDisclosure, "", doc)
	}
	var ack wire.Ack
	if err == nil {
		ack, err = e.discloseNow(ctx, doc)
	}
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		return wire.Ack{}, e.refuse(kindDisclosure, "", err)
	}
	return ack, nil
}

// mayAsk refuses a request for disclosure that could come to nothing, before anything
// of it is kept. The room's lock is held.
func (e *Enclave) mayAsk(kind seal.RequestKind) error {
	if kind != seal.Disclosure {
		return nil
	}
	if e.state.desk == nil {
		return errNoDesk
	}
	return e.mayDraft(kindDisclosure)
}

// draftOnce drafts the disclosure of a request that was taken, unless it was drafted
// before: the sealed request again is no way to ask officers again. The room's lock is
// held.
func (e *Enclave) draftOnce(r *requestRecord) error {
	if r.Kind != seal.Disclosure || !e.signs || e.state.disclosureOf(r.Number).draft != "" {
		return nil
	}
	doc, err := e.toSignDisclosure(r.Number)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding a document: %w", err)
	}
	_, err = e.draft(kindDisclosure, strconv.FormatInt(r.Number, 10), raw)
	return err
}

// discloseUnsigned makes the disclosure of a sealed request where nobody signs for it,
// and gives its receipt. What can't be made now waits.
func (e *Enclave) discloseUnsigned(ctx context.Context, id uploadID) ([]byte, error) {
	type asked struct {
		number int64
		doc    *disclosureDraft
	}
	a, err := locked(e, func() (asked, error) {
		n := e.state.asked[id]
		if e.state.disclosureOf(n).made != nil {
			return asked{n, nil}, nil
		}
		doc, err := e.toSignDisclosure(n)
		return asked{n, doc}, err
	})
	if err != nil {
		return nil, err
	}
	if a.doc != nil {
		_, err := e.discloseNow(ctx, a.doc)
		if _, refused := errors.AsType[*entrustment.Error](err); err != nil && !refused {
			return nil, err
		}
	}
	return e.RequestReceipt(ctx, a.number)
}

// discloseNow makes a disclosure in a vault where nobody signs for it.
func (e *Enclave) discloseNow(ctx context.Context, doc *disclosureDraft) (wire.Ack, error) {
	var found *found
	for {
		var ack wire.Ack
		src, err := locked(e, func() (*source, error) {
			if err := e.initialised(); err != nil {
				return nil, err
			}
			act, err := e.decideDisclosure(doc)
			if err != nil {
				return nil, err
			}
			rec, src, err := e.made(doc, found)
			if rec != nil {
				ack, err = e.ack(kindDisclosure, act.id, false, rec)
			}
			return src, err
		})
		if src == nil {
			return ack, err
		}
		if found, err = e.find(ctx, src); err != nil {
			return wire.Ack{}, err
		}
	}
}

// made writes down a disclosure that was found, and gives its record; where what it
// was found in has changed since, or nothing was found yet, it gives where to look.
// The room's lock is held.
func (e *Enclave) made(doc *disclosureDraft, found *found) (*disclosureRecord, *source, error) {
	if err := e.mayDisclose(); err != nil {
		return nil, nil, err
	}
	if slices.Contains(e.unread, doc.Number) {
		return nil, nil, &entrustment.Error{Code: entrustment.CodeGone, Clause: "§7", Field: "request", Detail: "it can't be read back who asks", Mend: "hand the request in again"}
	}
	if found == nil || found.in != e.sourceName() {
		src, err := e.source(doc.Number)
		return nil, src, err
	}
	w, err := e.vault.NewSegment(rightsKey)
	if err != nil {
		return nil, nil, err
	}
	if err := w.Put(disclosureColumn, found.sealed); err != nil {
		return nil, nil, errors.Join(err, w.Abort())
	}
	ref, err := w.Commit()
	if err != nil {
		return nil, nil, err
	}
	return &disclosureRecord{doc.Number, doc.Desk, sha256.Sum256(found.sealed), ref}, nil, nil
}

// Disclosure gives a sealed disclosure, the same bytes each time.
func (e *Enclave) Disclosure(_ context.Context, number int64) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.toSignDisclosure(number); err != nil && err != error(errNoDesk) {
		return nil, err
	}
	d := e.state.disclosed[number]
	if d == nil || d.made == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "§7", Field: "request", Detail: "this request is not disclosed yet", Mend: "two officers of the operator sign for it: awase drafts, awase approve"}
	}
	if err := e.stopped(); err != nil {
		return nil, err
	}
	if d.lost {
		return nil, &entrustment.Error{Code: entrustment.CodeGone, Clause: "§7", Field: "request", Detail: "the restored vault does not have this disclosure any more", Mend: "hand the request in again"}
	}
	cols, err := e.vault.ReadSegment(d.made.Segment)
	if err == nil && sha256.Sum256(cols[disclosureColumn]) != d.made.Sealed {
		err = vault.ErrSegment
	}
	if err != nil {
		return nil, fmt.Errorf("reading a disclosure: %w", err)
	}
	return cols[disclosureColumn], nil
}

// stateOfDisclosure tells how the disclosure of a request stands, and which draft of
// it waits. The room's lock is held.
func (e *Enclave) stateOfDisclosure(r *requestRecord) (state, draft string) {
	of := e.state.disclosureOf(r.Number)
	d := e.state.drafts[of.draft]
	switch {
	case of.made != nil:
		return wire.RequestDisclosed, ""
	case d != nil && !d.done && !d.void && !e.expired(d) && e.replaces(d):
		return wire.RequestWaiting, of.draft
	case !e.signs:
		return wire.RequestWaiting, ""
	case of.withdrawn:
		return wire.RequestWithdrawn, ""
	}
	return wire.RequestLapsed, ""
}

// disclosedIn gives what the receipt of a request says of its disclosure, nil: it is
// not made.
func (e *Enclave) disclosedIn(r *requestRecord) (*receipt.Disclosed, error) {
	d := e.state.disclosed[r.Number]
	if d == nil || d.made == nil {
		return nil, nil
	}
	out := &receipt.Disclosed{At: utc(d.at), Desk: d.made.Desk, Sealed: hex.EncodeToString(d.made.Sealed[:])}
	var err error
	out.Log, err = e.vault.Log().Proof(d.seq)
	return out, err
}
