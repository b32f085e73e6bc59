package enclave

import (
	"context"
	"encoding/json"

	"awase/aggregator"
	"awase/enclave/wire"
	"awase/entrustment"
)

// ack tells how a document stands in the log: by a new record, or the one that
// holds the same document already.
func (e *Enclave) ack(kind, id string, same bool, body any) (wire.Ack, error) {
	key := kind + " " + id
	if !same {
		if _, err := e.append(kind, body); err != nil {
			return wire.Ack{}, err
		}
	}
	return wire.Ack{ID: id, Version: e.state.versions[key], Changed: !same, Seq: e.state.acts[key]}, nil
}

// sameJSON compares documents by what they say.
func sameJSON(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}

// AddParty adds a party, or replaces the one of the same id.
func (e *Enclave) AddParty(_ context.Context, p *entrustment.Party) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.Class == entrustment.ClassOperator {
		if op, err := e.operator(); err == nil && op.ID != p.ID {
			return wire.Ack{}, e.refuse("party", "", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §1", Field: "class",
				Detail: "the room has an operator already", Mend: "a room has one operator; give this party another class"})
		}
	}
	old, ok := e.state.parties[p.ID]
	if ok && old.UploadKey != "" && p.UploadKey == "" {
		return wire.Ack{}, e.refuse("party", "", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "upload_key",
			Detail: "the party's files are signed, and this would end it", Mend: "name its upload key, or its next one"})
	}
	if ok && e.state.owners[p.ID] && (old.Group != p.Group || old.Class != p.Class) {
		return wire.Ack{}, e.refuse("party", "", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 9", Field: "group",
			Detail: "group and class are fixed once a party stands in an entrustment or owns the base: budgets are held by them",
			Mend:   "leave group and class as they are"})
	}
	return e.ack(kindParty, p.ID, ok && sameJSON(old, p), p)
}

// SetPolicies sets which policy versions let which flow use a user's data.
func (e *Enclave) SetPolicies(_ context.Context, p *entrustment.Policies) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ack(kindPolicies, "", e.state.policies != nil && sameJSON(e.state.policies, p), p)
}

// SetGate sets the release gate's parameters.
func (e *Enclave) SetGate(_ context.Context, file string, doc []byte) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := aggregator.ParsePolicy(file, doc); err != nil {
		return wire.Ack{}, e.refuse("gate", "", err)
	}
	return e.ack(kindGate, "", e.state.gate == string(doc), gateRecord{string(doc)})
}

// Entrust activates an entrustment, or its next version.
func (e *Enclave) Entrust(_ context.Context, c *entrustment.Contract) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	facts := e.facts(c)
	if err := e.over(c.ID); err != nil {
		return wire.Ack{}, e.refuse("entrust", c.ID, err)
	}
	if err := entrustment.DecideEntrust(facts); err != nil {
		return wire.Ack{}, e.refuse("entrust", c.ID, err)
	}
	next := entrustRecord{c, 1}
	old, ok := e.state.contracts[c.ID]
	if ok {
		if old.Contract.Principal != c.Principal || old.Contract.Trustee != c.Trustee || old.Contract.Flow != c.Flow {
			return wire.Ack{}, e.refuse("entrust", c.ID, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "id",
				Detail: "an entrustment of this id has other parties or another flow", Mend: "give the new contract an id of its own"})
		}
		was := e.facts(old.Contract)
		if facts.ListOwner() != was.ListOwner() || old.Contract.Runs != c.Runs {
			return wire.Ack{}, e.refuse("entrust", c.ID, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "basis",
				Detail: "an entrustment of this id joins another party's lists, or runs another flow", Mend: "give the new contract an id of its own"})
		}
		next.Version = old.Version + 1
	}
	// The data key stands before the record that needs it.
	if err := e.vault.MakeDataKey(dataKey(c.ID)); err != nil {
		return wire.Ack{}, err
	}
	return e.ack(kindEntrust, c.ID, ok && sameJSON(old.Contract, c), next)
}

// dataKey names the key that an entrustment's segments are under; the base has
// one of its own.
func dataKey(entrustmentID string) string { return "entrustment " + entrustmentID }

const baseKey = "base"
