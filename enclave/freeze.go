package enclave

import (
	"context"
	"slices"
	"time"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// A freeze is there from the moment its record is: what was not issued before
// is not issued until the record of its lifting. A question that was charged
// keeps its charge and its tables, so asked again it is the same numbers, and
// uncharged. Each party stops them for itself, by an entry of its own, and a lifting
// ends all of these: so an officer of each signs it.

// freezeRecord stops all releases. In a dev vault nobody signed for it.
type freezeRecord struct {
	byOfficer

	seq int64
	at  time.Time
}

// liftRecord ends all that stop releases: the newest is the record of this number.
type liftRecord struct {
	Freeze int64 `json:"freeze"`
}

// frozen refuses while releases are stopped. Whose officer did is not for every
// party to learn.
func (e *Enclave) frozen() error {
	if len(e.state.frozen) == 0 {
		return nil
	}
	return wire.Stopped(e.state.frozen[0].at)
}

// Frozen tells whether releases are stopped.
func (e *Enclave) Frozen(context.Context) (wire.Freeze, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.freezeState(), nil
}

func (e *Enclave) freezeState() wire.Freeze {
	out := wire.Freeze{Signed: e.signs, Now: utc(e.vault.Log().Now()), Statement: e.freezeStatement()}
	for _, f := range e.state.frozen {
		out.Stops = append(out.Stops, wire.Stop{At: utc(f.at), Party: f.Party, Officer: f.Officer, Seq: f.seq})
	}
	if len(out.Stops) > 0 {
		first := out.Stops[0]
		out.Frozen, out.At, out.Party, out.Officer, out.Seq = true, first.At, first.Party, first.Officer, first.Seq
	}
	return out
}

// freezeStatement is what an officer signs to stop releases, less nonce and day.
// It names how often that was done and undone, so it is good once.
func (e *Enclave) freezeStatement() *approval.Statement {
	return &approval.Statement{Schema: approval.Schema, Vault: e.vault.ID(), Act: kindFreeze, Version: e.state.freezes + 1}
}

// stopOf gives the freeze of a party that stands, nil where it did not stop releases.
func (s *state) stopOf(party string) *freezeRecord {
	for _, f := range s.frozen {
		if f.Party == party {
			return f
		}
	}
	return nil
}

// handedIn tells whether a signature is of a freeze that stands: its answer was lost,
// and it is sent again.
func (s *state) handedIn(r wire.FreezeRequest) bool {
	return r.Statement != nil && slices.ContainsFunc(s.frozen, func(f *freezeRecord) bool {
		return f.Statement != nil && *f.Statement == *r.Statement && f.Key == r.Key
	})
}

// newestStop gives the number of the newest freeze that stands, 0 where none does.
func (s *state) newestStop() int64 {
	if n := len(s.frozen); n > 0 {
		return s.frozen[n-1].seq
	}
	return 0
}

// Freeze stops all releases at once, for one party.
func (e *Enclave) Freeze(_ context.Context, r wire.FreezeRequest) (wire.Freeze, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var rec freezeRecord
	if e.signs && !e.state.handedIn(r) {
		by, err := e.signed(e.freezeStatement(), nil, r, "awase freeze --key KEYFILE")
		if err != nil {
			return wire.Freeze{}, e.refuse(kindFreeze, "", err)
		}
		rec.byOfficer = *by
	}
	if e.state.handedIn(r) || e.stopOf(rec.Party) != nil {
		return e.freezeState(), nil
	}
	if _, err := e.append(kindFreeze, rec); err != nil {
		return wire.Freeze{}, err
	}
	return e.freezeState(), nil
}

// Lift lets releases out again, or drafts that.
func (e *Enclave) Lift(context.Context) (wire.Ack, error) {
	e.mu.Lock()
	newest := e.state.newestStop()
	e.mu.Unlock()
	if newest == 0 {
		return wire.Ack{}, notFrozen()
	}
	return e.document(kindLift, "", liftRecord{newest})
}

func (e *Enclave) decideLift(l *liftRecord) (decided, error) {
	switch newest := e.state.newestStop(); {
	case newest == 0:
		return decided{}, notFrozen()
	case newest != l.Freeze: // another party stopped them since
		return decided{}, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "freeze", Detail: "releases were stopped by others since", Mend: "draft the lifting again: awase freeze --lift"}
	}
	return decided{body: l}, nil
}

func notFrozen() error {
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "freeze", Detail: "releases are not stopped", Mend: "there is nothing to lift"}
}
