package enclave

import (
	"context"
	"encoding/json"
	"fmt"

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

// decided is a document that may take its place.
type decided struct {
	id   string
	same bool // it stands already
	body any  // of the record that makes it effective
}

// document decides about a document and makes it effective or, where officers
// sign for it, a draft.
func (e *Enclave) document(kind, entrustmentID string, doc any) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	raw, err := json.Marshal(doc)
	if err != nil {
		return wire.Ack{}, fmt.Errorf("encoding a document: %w", err)
	}
	if err := e.initialised(); err != nil {
		return wire.Ack{}, e.refuse(kind, entrustmentID, err)
	}
	d, err := e.decide(kind, raw)
	if err != nil {
		return wire.Ack{}, e.refuse(kind, entrustmentID, err)
	}
	ack, err := e.standsOrWaits(kind, d, raw)
	if err != nil {
		return wire.Ack{}, e.refuse(kind, entrustmentID, err)
	}
	return ack, nil
}

// standsOrWaits makes what was decided effective or, where officers sign for it, a
// draft. The room's lock is held.
func (e *Enclave) standsOrWaits(kind string, d decided, raw json.RawMessage) (wire.Ack, error) {
	if !d.same && e.signs {
		return e.draft(kind, d.id, raw)
	}
	if err := e.ready(kind, d.id); err != nil {
		return wire.Ack{}, err
	}
	return e.ack(kind, d.id, d.same, d.body)
}

// ready makes what has to stand before the record that needs it.
func (e *Enclave) ready(kind, id string) error {
	if kind != kindEntrust {
		return nil
	}
	return e.vault.MakeDataKey(dataKey(id))
}

// decide decides about a document as the room is now.
func (e *Enclave) decide(kind string, raw json.RawMessage) (decided, error) {
	switch kind {
	case kindParty:
		return about(raw, e.decideParty)
	case kindPolicies:
		return about(raw, func(p *entrustment.Policies) (decided, error) {
			return decided{same: e.state.policies != nil && sameJSON(e.state.policies, p), body: p}, nil
		})
	case kindGate:
		return about(raw, func(g *gateRecord) (decided, error) {
			_, err := aggregator.ParsePolicy("gate.yaml", []byte(g.Document))
			return decided{same: e.state.gate == g.Document, body: g}, err
		})
	case kindEntrust:
		return about(raw, e.decideEntrust)
	case kindCampaign:
		return about(raw, e.decideCampaign)
	case kindLift:
		return about(raw, e.decideLift)
	case kindAccept:
		return about(raw, e.decideClock)
	case kindConfirm:
		return about(raw, e.decideConfirm)
	case kindDeskKey:
		return about(raw, e.decideDeskKey)
	case kindDisclosure:
		return about(raw, e.decideDisclosure)
	}
	return decided{}, fmt.Errorf("deciding about a document of kind %q", kind)
}

// about decides about a document of one type.
func about[T any](raw json.RawMessage, decide func(*T) (decided, error)) (decided, error) {
	doc := new(T)
	if err := json.Unmarshal(raw, doc); err != nil {
		return decided{}, fmt.Errorf("reading a document: %w", err)
	}
	return decide(doc)
}

// AddParty adds a party, or replaces the one of the same id.
func (e *Enclave) AddParty(_ context.Context, p *entrustment.Party) (wire.Ack, error) {
	return e.document(kindParty, "", p)
}

// SetPolicies sets which policy versions let which flow use a user's data.
func (e *Enclave) SetPolicies(_ context.Context, p *entrustment.Policies) (wire.Ack, error) {
	return e.document(kindPolicies, "", p)
}

// SetGate sets the release gate's parameters.
func (e *Enclave) SetGate(_ context.Context, file string, doc []byte) (wire.Ack, error) {
	if _, err := aggregator.ParsePolicy(file, doc); err != nil { // whose places are of this file
		e.mu.Lock()
		defer e.mu.Unlock()
		return wire.Ack{}, e.refuse(kindGate, "", err)
	}
	return e.document(kindGate, "", gateRecord{string(doc)})
}

// Entrust activates an entrustment, or its next version.
func (e *Enclave) Entrust(_ context.Context, c *entrustment.Contract) (wire.Ack, error) {
	return e.document(kindEntrust, c.ID, c)
}

func (e *Enclave) decideEntrust(c *entrustment.Contract) (decided, error) {
	next := entrustRecord{c, 1}
	old, ok := e.state.contracts[c.ID]
	if ok {
		next.Version = old.Version + 1
	}
	facts := e.facts(&next)
	if err := e.over(c.ID); err != nil {
		return decided{}, err
	}
	if err := entrustment.DecideEntrust(facts); err != nil {
		return decided{}, err
	}
	if ok {
		if err := e.amends(old, &facts); err != nil {
			return decided{}, err
		}
	}
	return decided{c.ID, ok && sameJSON(old.Contract, c), next}, nil
}

// amends refuses the next version of a contract that would be of other parties, or run
// another flow: what was loaded and paid for is theirs.
func (e *Enclave) amends(old *entrustRecord, next *entrustment.Facts) error {
	is, to, was := old.Contract, next.Contract, e.facts(old)
	for _, of := range []struct {
		clause string
		stays  bool
	}{
		{"principal", is.Principal == to.Principal}, {"trustee", is.Trustee == to.Trustee}, {"flow", is.Flow == to.Flow}, {"runs", is.Runs == to.Runs},
		{"basis", was.ListOwner() == next.ListOwner()}, // whose lists are joined
	} {
		if !of.stays {
			refused := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "id",
				Detail: "it stays as it is in every version of a contract", Mend: "give the new contract an id of its own"}
			return refused.By(old.clause(of.clause))
		}
	}
	return nil
}

// dataKey names the key that an entrustment's segments are under; the base has
// one of its own.
func dataKey(entrustmentID string) string { return "entrustment " + entrustmentID }

const baseKey = "base"
