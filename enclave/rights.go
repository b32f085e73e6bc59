package enclave

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// Requests of data subjects (§7). Who asks comes sealed to the enclave. The log has a
// request's number, its kind, how the desk checked who asks and a salted commitment;
// who is to be out of use stands as tokens in a segment of its own, under a data key
// of its own, which no load sweeps away. Whoever has the log alone learns that there
// was a request.

// rightsKey names the data key of the requests.
const rightsKey = "rights"

// requestRecord is a request as the log has it.
type requestRecord struct {
	Number int64              `json:"number"` // from 1
	Kind   seal.RequestKind   `json:"kind"`
	ID     uploadID           `json:"id"` // of the sealed request: again, it is the same one
	Check  wire.IdentityCheck `json:"check"`
	// Commitment is SHA-256 of what its segment holds, salt included; of one for which
	// nothing is kept of who asks, it is zero.
	Commitment hexID                      `json:"commitment,omitzero"`
	Told       *entrustment.PolicyVersion `json:"told,omitempty"` // of a notice of purposes: what is told

	seq int64
	at  time.Time
}

// suppresses tells whether requests of a kind take who asks out of use.
func suppresses(k seal.RequestKind) bool { return k == seal.Deletion || k == seal.Stop }

// keepsAskers tells whether it is kept who asks: while they are out of use, or are not
// told yet what is held of them.
func (s *state) keepsAskers(r *requestRecord) bool {
	return suppresses(r.Kind) || r.Kind == seal.Disclosure && s.disclosureOf(r.Number).made == nil
}

func (r *requestRecord) segment() vault.SegmentRef {
	return vault.SegmentRef{ID: fmt.Sprintf("request-%d", r.Number), Key: rightsKey}
}

// day is the JST day of a request, which only a consent of a later day lifts: the day
// that the room knows, not one that it was told.
func (r *requestRecord) day() int32 { return entrustment.DateOf(r.at).Number() }

const requestColumn = "request"

// Request takes a sealed request, and gives its receipt. A deletion or stop of use
// takes the person out of every match, count and release that is charged after it
// returns. A key of nobody is no error: who there is, is not told.
func (e *Enclave) Request(ctx context.Context, req wire.RightsRequest) ([]byte, error) {
	raw, err := e.request(ctx, &req)
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		return nil, e.refuse(kindRequest, "", err)
	}
	return raw, nil
}

func (e *Enclave) request(ctx context.Context, req *wire.RightsRequest) ([]byte, error) {
	if _, err := locked(e, func() (struct{}, error) {
		if err := e.initialised(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, req.Check.Fault(entrustment.DateOf(e.vault.Log().Now()))
	}); err != nil {
		return nil, err
	}
	if len(req.Sealed) > wire.MaxSealedRequest {
		return nil, &entrustment.Error{Code: entrustment.CodeLimit, Clause: "§7", Field: "sealed", Detail: "no sealed request is that long", Mend: "seal it with awase request"}
	}
	f, err := e.open(seal.BaseEntrustment, seal.RequestName, bytes.NewReader(req.Sealed))
	if err != nil {
		return nil, err
	}
	users, err := e.askers(f)
	if err != nil {
		return nil, err
	}
	raw, err := e.takeRequest(ctx, f.header.Asks, f.upload, req.Check, users)
	if err != nil || f.header.Asks != seal.Disclosure || e.signs {
		return raw, err
	}
	return e.discloseUnsigned(ctx, f.upload)
}

// askers gives the tokens of who asks.
func (e *Enclave) askers(f *opened) (users []token.Token, err error) {
	maker, err := token.NewMaker(e.tokens, userKind, 0, "")
	if err != nil {
		return nil, err
	}
	var rows seal.Memory
	n := 0
	for b, err := range f.rows {
		if err != nil {
			return nil, err
		}
		for _, r := range b.Rows(&rows) {
			n++
			if len(r.User) > 0 {
				h := sha256.Sum256(r.User)
				users = append(users, maker.Make(&h))
			}
		}
	}
	if n != seal.RequestRows || len(users) == 0 {
		return nil, &entrustment.Error{Code: entrustment.CodeFile, Clause: "docs/format.md", Field: "sealed", Detail: "the request has not the rows that every request has", Mend: "seal it with awase request"}
	}
	return users, nil
}

// takeRequest takes a request of some users, or finds the one of this id, and gives
// its receipt once nothing that was asked before it is still to be charged.
func (e *Enclave) takeRequest(ctx context.Context, kind seal.RequestKind, id uploadID, check wire.IdentityCheck, users []token.Token) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, used := e.state.uploads[id]; used {
		return nil, errUpload
	}
	n, ok := e.state.asked[id]
	if !ok {
		if err := e.mayAsk(kind); err != nil {
			return nil, err
		}
		rec, err := e.newRequest(kind, id, check, users)
		if err != nil {
			return nil, err
		}
		before := e.populationNow()
		if _, err := e.append(kindRequest, rec); err != nil {
			return nil, err
		}
		if n = rec.Number; suppresses(kind) {
			e.bury(before, &e.state.requests[n-1], users)
		}
	}
	r := &e.state.requests[n-1]
	if err := e.draftOnce(r); err != nil {
		return nil, err
	}
	if err := e.settled(ctx, r); err != nil {
		return nil, err
	}
	return e.requestReceipt(r)
}

// settled waits until what was pinned before a request is charged.
func (e *Enclave) settled(ctx context.Context, r *requestRecord) error {
	for suppresses(r.Kind) && e.pending(r.Number) {
		letGo := e.letGo
		e.mu.Unlock()
		select {
		case <-letGo:
			e.mu.Lock()
		case <-ctx.Done():
			e.mu.Lock()
			return fmt.Errorf("waiting for the questions under way: %w", ctx.Err())
		}
	}
	return nil
}

func (e *Enclave) pinnedBefore(number int64) bool {
	for _, p := range e.inUse {
		if p.base != nil && p.requests < number {
			return true
		}
	}
	return false
}

// newRequest makes the record of a request, and writes down who is to be out of use.
func (e *Enclave) newRequest(kind seal.RequestKind, id uploadID, check wire.IdentityCheck, users []token.Token) (*requestRecord, error) {
	rec := &requestRecord{Number: int64(len(e.state.requests)) + 1, Kind: kind, ID: id, Check: check}
	if kind == seal.PurposeNotice {
		var err error
		rec.Told, err = e.policyInForce()
		return rec, err
	}
	if !suppresses(kind) && kind != seal.Disclosure {
		return rec, nil
	}
	raw := requestContent(users)
	rec.Commitment = sha256.Sum256(raw)
	if err := e.vault.MakeDataKey(rightsKey); err != nil {
		return nil, err
	}
	w, err := e.vault.ReplaceSegment(rec.segment())
	if err != nil {
		return nil, err
	}
	if err := w.Put(requestColumn, raw); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	_, err = w.Commit()
	return rec, err
}

// policyInForce gives the newest version of the privacy policy whose day has come.
func (e *Enclave) policyInForce() (*entrustment.PolicyVersion, error) {
	today := entrustment.DateOf(e.vault.Log().Now()).Number()
	var now *entrustment.PolicyVersion
	if e.state.policies != nil {
		for i := range e.state.policies.Policies {
			if p := &e.state.policies.Policies[i]; p.Date.Number() <= today && (now == nil || p.Date.Number() > now.Date.Number()) {
				now = p
			}
		}
	}
	if now == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "§7", Field: "policies", Detail: "no version of the privacy policy is in force that could be told", Mend: "write policies.yaml and set it (awase policy add)"}
	}
	return now, nil
}

// requestContent is what the segment of a request holds: 32 bytes of salt, u32 how
// many users, their tokens, and zeros up to a multiple of what one request may name,
// so that its size tells nothing of who asks.
func requestContent(users []token.Token) []byte {
	slots := (len(users) + seal.RequestRows - 1) / seal.RequestRows * seal.RequestRows
	raw := make([]byte, 32, 36+slots*token.Size)
	rand.Read(raw)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(users)))
	for _, u := range users {
		raw = append(raw, u[:]...)
	}
	return raw[:cap(raw)][:36+slots*token.Size]
}

func parseRequest(raw []byte) ([]token.Token, bool) {
	if len(raw) < 36 {
		return nil, false
	}
	n := int(binary.BigEndian.Uint32(raw[32:]))
	if n > (len(raw)-36)/token.Size {
		return nil, false
	}
	users := make([]token.Token, n)
	for i := range users {
		copy(users[i][:], raw[36+i*token.Size:])
	}
	return users, true
}

// foldRequest folds a request in.
func (s *state) foldRequest(r *requestRecord, seq int64, at time.Time) error {
	if r.Number != int64(len(s.requests))+1 {
		return errors.New("a request's number is out of order")
	}
	r.seq, r.at = seq, at
	s.requests = append(s.requests, *r)
	s.asked[r.ID] = r.Number
	if suppresses(r.Kind) { // the others change nothing that is counted
		s.requested = sha256.Sum256(append(s.requested[:], r.Commitment[:]...))
	}
	return nil
}

// readRequests reads who asked, at an opening. Requests that can't be read back
// are missing: nothing is released until somebody answers for them.
func (e *Enclave) readRequests() {
	for i := range e.state.requests {
		r := &e.state.requests[i]
		if !e.state.keepsAskers(r) {
			continue
		}
		users, err := e.readRequest(r)
		if err != nil {
			e.log.Warn("the request of a data subject can't be read back", "number", r.Number, "error", err)
		}
		switch {
		case err == nil && suppresses(r.Kind):
			e.suppress(r, users)
		case err != nil && suppresses(r.Kind):
			e.missing = append(e.missing, r.Number)
		case err != nil:
			e.unread = append(e.unread, r.Number)
		}
	}
	e.readLifted()
}

func (e *Enclave) readRequest(r *requestRecord) ([]token.Token, error) {
	cols, err := e.vault.ReadSegment(r.segment())
	if err != nil {
		return nil, err
	}
	users, ok := parseRequest(cols[requestColumn])
	if sha256.Sum256(cols[requestColumn]) != r.Commitment || !ok {
		return nil, vault.ErrSegment
	}
	return users, nil
}

// Requests lists the requests.
func (e *Enclave) Requests(context.Context) ([]wire.RequestInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]wire.RequestInfo, len(e.state.requests))
	for i := range out {
		r := &e.state.requests[i]
		out[i] = wire.RequestInfo{Number: r.Number, Kind: r.Kind, State: e.state.stateOfRequest(r), At: utc(r.at), Check: r.Check, Seq: r.seq}
		if r.Kind == seal.Disclosure {
			out[i].State, out[i].Draft = e.stateOfDisclosure(r)
		}
	}
	return out, nil
}

// stateOfRequest tells how a request stands, from acts alone: what came of it for
// the person is nobody's to see.
func (s *state) stateOfRequest(r *requestRecord) string {
	switch {
	case suppresses(r.Kind):
		return wire.RequestInForce
	case r.Kind == seal.PurposeNotice:
		return wire.RequestTold
	case len(s.bases) > 0 && s.bases[len(s.bases)-1].seq > r.seq:
		return wire.RequestBaseAnew
	}
	return wire.RequestRecorded
}

// RequestReceipt gives the receipt of a request again.
func (e *Enclave) RequestReceipt(_ context.Context, number int64) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if number < 1 || number > int64(len(e.state.requests)) {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "§7", Field: "request", Detail: "there is no request of this number", Mend: "awase requests lists them"}
	}
	return e.requestReceipt(&e.state.requests[number-1])
}

func (e *Enclave) requestReceipt(r *requestRecord) ([]byte, error) {
	out := receipt.Request{Dev: e.vault.Dev(), Number: r.Number, Kind: string(r.Kind), At: utc(r.at)}
	var err error
	if r.Told != nil {
		out.Told = &receipt.Policy{Version: r.Told.Version, Date: r.Told.Date.String(), Clauses: map[string][]string{}}
		for clause, flows := range r.Told.Clauses {
			uses := make([]string, len(flows))
			for i, f := range flows {
				uses[i] = string(f)
			}
			out.Told.Clauses[clause] = uses
		}
	}
	if out.Log, err = e.vault.Log().Proof(r.seq); err != nil {
		return nil, err
	}
	if out.Disclosed, err = e.disclosedIn(r); err != nil {
		return nil, err
	}
	raw, err := e.vault.Signer().SignRequest(out)
	if err != nil {
		return nil, fmt.Errorf("signing the receipt of a request: %w", err)
	}
	return raw, nil
}
