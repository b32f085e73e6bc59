package enclave

import (
	"context"
	"time"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// A freeze is there from the moment its record is: what was not issued before
// is not issued until the record of its lifting. A question that was charged
// keeps its charge and its tables, so asked again it is the same numbers, and
// uncharged.

// freezeLife is how far ahead a freeze may be signed: it is signed on the spot.
const freezeLife = time.Hour

// freezeRecord stops all releases.
type freezeRecord struct {
	Statement *approval.Statement `json:"statement,omitempty"` // nil in a dev vault, whose officers nobody is
	Party     string              `json:"party,omitempty"`
	Officer   string              `json:"officer,omitempty"`
	Key       string              `json:"key,omitempty"`
	Signature *approval.Signature `json:"signature,omitempty"`

	seq int64
	at  time.Time
}

// liftRecord ends a freeze: that of the record of this number.
type liftRecord struct {
	Freeze int64 `json:"freeze"`
}

// frozen refuses while releases are stopped. Whose officer did is not for every
// party to learn.
func (e *Enclave) frozen() error {
	f := e.state.frozen
	if f == nil {
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeFrozen, Clause: "DESIGN §7", Field: "release",
		Detail: "all releases were stopped on " + japan(f.at),
		Mend:   "ask the officers; once two of them let releases out again (awase freeze --lift) ask again: what was charged is not charged twice"}
}

// Frozen tells whether releases are stopped.
func (e *Enclave) Frozen(context.Context) (wire.Freeze, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.freezeState(), nil
}

func (e *Enclave) freezeState() wire.Freeze {
	out := wire.Freeze{Signed: e.signs, Now: utc(e.vault.Log().Now())}
	if f := e.state.frozen; f != nil {
		out.Frozen, out.At, out.Party, out.Officer, out.Seq = true, utc(f.at), f.Party, f.Officer, f.seq
		return out
	}
	out.Statement = e.freezeStatement()
	return out
}

// freezeStatement is what an officer signs to stop releases, less nonce and day.
// It names how often that was done and undone, so it is good once.
func (e *Enclave) freezeStatement() *approval.Statement {
	return &approval.Statement{Schema: approval.Schema, Vault: e.vault.ID(), Act: kindFreeze, Version: e.state.freezes + 1}
}

// Freeze stops all releases at once.
func (e *Enclave) Freeze(_ context.Context, r wire.FreezeRequest) (wire.Freeze, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.frozen != nil {
		return e.freezeState(), nil
	}
	var rec freezeRecord
	if e.signs {
		by, err := e.mayFreeze(r)
		if err != nil {
			return wire.Freeze{}, e.refuse(kindFreeze, "", err)
		}
		rec = freezeRecord{Statement: r.Statement, Party: by.party, Officer: by.Name, Key: r.Key, Signature: &r.Signature}
	}
	if _, err := e.append(kindFreeze, rec); err != nil {
		return wire.Freeze{}, err
	}
	return e.freezeState(), nil
}

// mayFreeze tells which officer signed for it.
func (e *Enclave) mayFreeze(r wire.FreezeRequest) (officer, error) {
	if r.Statement == nil {
		return officer{}, approvalError("an officer signs for it", "awase freeze --key KEYFILE")
	}
	want := e.freezeStatement()
	want.Nonce, want.Expires = r.Statement.Nonce, r.Statement.Expires
	now := e.vault.Log().Now()
	expires, err := time.Parse(time.RFC3339, r.Statement.Expires)
	if *r.Statement != *want || err != nil || !now.Before(expires) || expires.After(now.Add(freezeLife)) {
		return officer{}, approvalError("it was signed for another freeze, in another vault or at another time", "sign it again: awase freeze --key KEYFILE")
	}
	by, known := e.state.pinned[r.Key]
	if !known || !e.state.stands(by) {
		return officer{}, approvalError("the key is no officer's", "sign with the key that the party's party.yaml names")
	}
	message, err := e.message(r.Statement)
	if err != nil {
		return officer{}, err
	}
	if err := verify(by, message, r.Signature); err != nil {
		return officer{}, err
	}
	return by, nil
}

// Lift lets releases out again, or drafts that.
func (e *Enclave) Lift(context.Context) (wire.Ack, error) {
	e.mu.Lock()
	f := e.state.frozen
	e.mu.Unlock()
	if f == nil {
		return wire.Ack{}, notFrozen()
	}
	return e.document(kindLift, "", liftRecord{f.seq})
}

func (e *Enclave) decideLift(l *liftRecord) (decided, error) {
	if f := e.state.frozen; f == nil || f.seq != l.Freeze {
		return decided{}, notFrozen()
	}
	return decided{body: l}, nil
}

func notFrozen() error {
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "freeze", Detail: "releases are not stopped", Mend: "there is nothing to lift"}
}
