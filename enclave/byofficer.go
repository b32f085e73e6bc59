package enclave

import (
	"context"
	"slices"
	"strings"
	"time"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// What takes one officer's signature: a freeze, which any officer may want, and
// what destroys or sends data out of the process, which whoever only reaches the
// service may not do: to end an entrustment, to replace the vault key, and to move to
// another engine. It is signed for on the spot, and
// names what it changes, so it is good once.

// signLife is how far ahead such an act may be signed.
const signLife = time.Hour

// kindRotate is the act of replacing the vault key.
const kindRotate = "rotate"

// byOfficer is one officer's signature, as the log keeps it; nil in a dev vault.
type byOfficer struct {
	Statement *approval.Statement `json:"statement"`
	Party     string              `json:"party"`
	Officer   string              `json:"officer"`
	Key       string              `json:"key"`
	Signature *approval.Signature `json:"signature"`
}

// signed tells which officer, of these parties or, nil, of any, signed a
// statement. The room's lock is held.
func (e *Enclave) signed(want *approval.Statement, parties []string, by wire.ByOfficer, how string) (*byOfficer, error) {
	if by.Statement == nil {
		return nil, approvalError("an officer"+of(parties)+" signs for it", how)
	}
	signed := *by.Statement // nobody changes it meanwhile
	want.Nonce, want.Expires = signed.Nonce, signed.Expires
	now := e.vault.Log().Now()
	expires, err := time.Parse(time.RFC3339, signed.Expires)
	if signed != *want || err != nil || !now.Before(expires) || expires.After(now.Add(signLife)) {
		return nil, approvalError("it was signed for another act, in another vault or at another time", "sign it again: "+how)
	}
	officer, known := e.state.pinned[by.Key]
	if !known || !e.state.stands(officer) || parties != nil && !slices.Contains(parties, officer.party) {
		return nil, approvalError("the key is no officer's"+of(parties), "sign with the key that the party's party.yaml names")
	}
	message, err := e.message(&signed)
	if err != nil {
		return nil, err
	}
	if err := verify(officer, message, by.Signature); err != nil {
		return nil, err
	}
	return &byOfficer{Statement: &signed, Party: officer.party, Officer: officer.Name, Key: by.Key, Signature: &by.Signature}, nil
}

func of(parties []string) string {
	if parties == nil {
		return ""
	}
	return " of " + strings.Join(parties, " or ")
}

// oneSigns tells whether an act takes an officer's signature. Before the ceremony
// there is none, and nothing to destroy.
func (e *Enclave) oneSigns() bool { return e.signs && e.state.ceremony }

// ToSign gives what one officer signs to end an entrustment, to replace the vault key
// or to move to another engine.
func (e *Enclave) ToSign(_ context.Context, act, id string) (wire.ToSign, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := wire.ToSign{Now: utc(e.vault.Log().Now())}
	var err error
	switch {
	case act == kindEnd && e.state.contracts[id] == nil:
		_, err = e.contract(id)
	case act == kindEnd && e.oneSigns() && e.state.ended[id] == nil:
		out.Statement, out.Parties, err = e.endStatement(id)
	case act == kindRotate && e.oneSigns():
		if now, newest := e.vault.Generation(); newest == now {
			out.Statement, out.Parties, err = e.rotateStatement()
		}
	case act == kindEngine && e.oneSigns():
		out.Statement, out.Parties, err = e.engineStatement(id)
	case act != kindEnd && act != kindRotate && act != kindEngine:
		err = &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/officers.md", Field: "act", Detail: "no one officer signs for it", Mend: "name end, rotate or engine"}
	}
	if err != nil {
		return wire.ToSign{}, err
	}
	return out, nil
}

// endStatement is what an officer signs to end an entrustment, less nonce and day:
// of its principal or its trustee.
func (e *Enclave) endStatement(id string) (*approval.Statement, []string, error) {
	before, version, err := e.inForce(kindEntrust, id)
	c := e.state.contracts[id].Contract
	return &approval.Statement{Schema: approval.Schema, Vault: e.vault.ID(), Act: kindEnd, ID: id, Replaces: documentHash(before), Version: version}, []string{c.Principal, c.Trustee}, err
}

// rotateStatement is likewise for the vault key: of the operator.
func (e *Enclave) rotateStatement() (*approval.Statement, []string, error) {
	op, err := e.operator()
	if err != nil {
		return nil, nil, err
	}
	_, newest := e.vault.Generation()
	return &approval.Statement{Schema: approval.Schema, Vault: e.vault.ID(), Act: kindRotate, Version: int(newest) + 1}, []string{op.ID}, nil
}

// mayEnd tells which officer ends an entrustment, nil where none is asked. The
// room's lock is held.
func (e *Enclave) mayEnd(id string, by wire.ByOfficer) (*byOfficer, error) {
	if !e.oneSigns() {
		return nil, nil
	}
	want, parties, err := e.endStatement(id)
	if err != nil {
		return nil, err
	}
	return e.signed(want, parties, by, "awase entrustment end --key KEYFILE "+id)
}

// mayRotate is likewise for the vault key. A rotation that was begun is finished
// without.
func (e *Enclave) mayRotate(by wire.ByOfficer) (*byOfficer, error) {
	if now, newest := e.vault.Generation(); !e.oneSigns() || newest > now {
		return nil, nil
	}
	want, parties, err := e.rotateStatement()
	if err != nil {
		return nil, err
	}
	return e.signed(want, parties, by, "awase vault rotate --key KEYFILE")
}
