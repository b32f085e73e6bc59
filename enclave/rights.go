package enclave

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/matcher"
)

// Requests of data subjects (§7): who asked for deletion or a stop of use. The
// log has a request's number and a salted commitment to it; who asked stands as
// tokens in a segment of its own, under a data key of its own, which no load
// sweeps away. Whoever has the log alone learns that there was a request.

// What a data subject asks for.
const (
	Deletion  = "deletion"
	StopOfUse = "stop"
)

// rightsKey names the data key of the requests.
const rightsKey = "rights"

// requestRecord is a request as the log has it.
type requestRecord struct {
	Number     int64 `json:"number"`     // from 1
	Commitment hexID `json:"commitment"` // SHA-256 of what its segment holds, salt included
}

func (r *requestRecord) segment() vault.SegmentRef {
	return vault.SegmentRef{ID: fmt.Sprintf("request-%d", r.Number), Key: rightsKey}
}

// request is what the segment of a request holds.
type request struct {
	Kind  string        `json:"kind"`
	Salt  []byte        `json:"salt"`
	Users []token.Token `json:"users"`
}

const requestColumn = "request"

// Request takes the users of these keys out of every match, count and release that
// is charged after it returns. A key of nobody is no error: who there is, is not
// told.
func (e *Enclave) Request(ctx context.Context, kind string, userKeys [][]byte) (wire.Ack, error) {
	if kind != Deletion && kind != StopOfUse || len(userKeys) == 0 {
		return wire.Ack{}, errors.New("a request is for deletion or for a stop of use, of at least one user")
	}
	users, err := token.NewMaker(e.tokens, userKind, 0, "")
	if err != nil {
		return wire.Ack{}, err
	}
	req := request{Kind: kind, Salt: make([]byte, 32)}
	rand.Read(req.Salt)
	for _, key := range userKeys {
		h := sha256.Sum256(key)
		req.Users = append(req.Users, users.Make(&h))
	}
	raw, err := json.Marshal(req)
	if err != nil {
		return wire.Ack{}, fmt.Errorf("encoding a request: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.initialised(); err != nil {
		return wire.Ack{}, err
	}
	rec := requestRecord{Number: int64(len(e.state.requests)) + 1, Commitment: sha256.Sum256(raw)}
	if err := e.vault.MakeDataKey(rightsKey); err != nil {
		return wire.Ack{}, err
	}
	w, err := e.vault.ReplaceSegment(rec.segment())
	if err != nil {
		return wire.Ack{}, err
	}
	if err := w.Put(requestColumn, raw); err != nil {
		return wire.Ack{}, errors.Join(err, w.Abort())
	}
	if _, err := w.Commit(); err != nil {
		return wire.Ack{}, err
	}
	before := e.populationNow()
	logged, err := e.append(kindRequest, rec)
	if err != nil {
		return wire.Ack{}, err
	}
	e.bury(before, req.Users)
	// What was pinned before is charged before the request is acknowledged.
	for e.inUse[before] != nil {
		letGo := e.letGo
		e.mu.Unlock()
		select {
		case <-letGo:
			e.mu.Lock()
		case <-ctx.Done():
			e.mu.Lock()
			return wire.Ack{}, fmt.Errorf("waiting for the questions under way: %w", ctx.Err())
		}
	}
	return wire.Ack{ID: fmt.Sprint(rec.Number), Version: 1, Changed: true, Seq: logged.Seq}, nil
}

// bury puts users under tombstones: the population is another from here on.
func (e *Enclave) bury(before hexID, users []token.Token) {
	e.gone = append(e.gone, users...)
	if e.state.base == nil {
		return
	}
	now := e.populationNow()
	if b := e.engine.Base(matcher.PopulationID(before)); b != nil {
		e.bring(now, b.WithTombstones(users), e.state.base.Segment)
	}
	e.retire(before)
}

// buried is a base with everybody under tombstones who asked for it.
func buried(b *matcher.Base, gone []token.Token) *matcher.Base {
	if len(gone) == 0 {
		return b
	}
	return b.WithTombstones(gone)
}

// populationOf names what the exact input depends on: a base, and the requests so
// far.
func (e *Enclave) populationOf(b *baseRecord) hexID {
	if b == nil || len(e.state.requests) == 0 {
		if b == nil {
			return hexID{}
		}
		return b.Population
	}
	mac := hmac.New(sha256.New, e.bases[:])
	mac.Write([]byte("awase population with requests v1"))
	mac.Write(b.Population[:])
	mac.Write(e.state.requested[:])
	return hexID(mac.Sum(nil))
}

func (e *Enclave) populationNow() hexID { return e.populationOf(e.state.base) }

// request folds a request in.
func (s *state) request(r *requestRecord) error {
	if r.Number != int64(len(s.requests))+1 {
		return errors.New("a request's number is out of order")
	}
	s.requests = append(s.requests, *r)
	s.requested = sha256.Sum256(append(s.requested[:], r.Commitment[:]...))
	return nil
}

// readRequests reads who asked, at an opening. Requests that can't be read back
// are missing: nothing is released until somebody answers for them.
func (e *Enclave) readRequests() {
	for i := range e.state.requests {
		r := &e.state.requests[i]
		req, err := e.readRequest(r)
		if err != nil {
			e.log.Warn("the request of a data subject can't be read back", "number", r.Number, "error", err)
			e.missing = append(e.missing, r.Number)
			continue
		}
		e.gone = append(e.gone, req.Users...)
	}
}

func (e *Enclave) readRequest(r *requestRecord) (*request, error) {
	cols, err := e.vault.ReadSegment(r.segment())
	if err != nil {
		return nil, err
	}
	var req request
	if sha256.Sum256(cols[requestColumn]) != r.Commitment || json.Unmarshal(cols[requestColumn], &req) != nil {
		return nil, vault.ErrSegment
	}
	return &req, nil
}
