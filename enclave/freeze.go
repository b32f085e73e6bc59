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

// freezeRecord stops all releases. In a dev vault nobody signed for it.
type freezeRecord struct {
	byOfficer

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
		by, err := e.signed(e.freezeStatement(), nil, r, "awase freeze --key KEYFILE")
		if err != nil {
			return wire.Freeze{}, e.refuse(kindFreeze, "", err)
		}
		rec.byOfficer = *by
	}
	if _, err := e.append(kindFreeze, rec); err != nil {
		return wire.Freeze{}, err
	}
	return e.freezeState(), nil
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
