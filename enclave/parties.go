package enclave

import (
	"fmt"
	"slices"

	"awase/crypto/approval"
	"awase/crypto/seal"
	"awase/entrustment"
)

// leastOperators is how many officers the operator keeps: with fewer nothing
// could be signed in the room any more.
const leastOperators = 2

// partyRule is one reason to refuse a party's document; old is nil of a new
// party. Tests take one out, to see the attack that it stops succeed.
type partyRule struct {
	name   string
	refuse func(e *Enclave, p, old *entrustment.Party) *entrustment.Error
}

var partyRules = []partyRule{
	{"one operator", func(e *Enclave, p, _ *entrustment.Party) *entrustment.Error {
		if op, err := e.operator(); p.Class != entrustment.ClassOperator || err != nil || op.ID == p.ID {
			return nil
		}
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §1", Field: "class",
			Detail: "the room has an operator already", Mend: "a room has one operator; give this party another class"}
	}},
	{"upload key", func(_ *Enclave, p, old *entrustment.Party) *entrustment.Error {
		if old == nil || old.UploadKey == "" || p.UploadKey != "" {
			return nil
		}
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "upload_key",
			Detail: "the party's files are signed, and this would end it", Mend: "name its upload key, or its next one"}
	}},
	{"group", func(e *Enclave, p, old *entrustment.Party) *entrustment.Error {
		if old == nil || !e.state.owners[p.ID] || old.Group == p.Group && old.Class == p.Class {
			return nil
		}
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 9", Field: "group",
			Detail: "group and class are fixed once a party stands in an entrustment or owns the base: budgets are held by them",
			Mend:   "leave group and class as they are"}
	}},
	{"officers stay", func(e *Enclave, p, old *entrustment.Party) *entrustment.Error {
		if e.signs && p.Class == entrustment.ClassOperator && len(p.Officers) < leastOperators {
			return officersError("the operator has fewer than two officers, and nothing could be signed any more", "name the operator's officers in its party.yaml: two at least")
		}
		if old != nil && len(old.Officers) > 0 && len(p.Officers) == 0 {
			return officersError("the party has officers, and this would leave it without", "name its officers, or its next ones")
		}
		return nil
	}},
	{"keys are keys", func(_ *Enclave, p, _ *entrustment.Party) *entrustment.Error {
		for _, o := range p.Officers {
			if err := checkKey(&o); err != nil {
				return err
			}
		}
		return nil
	}},
	{"sealing keys are keys", func(_ *Enclave, p, _ *entrustment.Party) *entrustment.Error { return checkSealingKeys(p) }},
	{"serving key", func(_ *Enclave, p, _ *entrustment.Party) *entrustment.Error { return checkServingKey(p) }},
	// One key of two officers would be two signatures of one person.
	{"a key is one officer's", func(e *Enclave, p, _ *entrustment.Party) *entrustment.Error {
		for _, o := range p.Officers {
			if was, ok := e.state.pinned[o.Key]; ok && (was.party != p.ID || was.Name != o.Name) {
				return officersError("a key is, or was, another officer's", "each officer makes a key of their own with awase officer key")
			}
		}
		return nil
	}},
}

func officersError(detail, mend string) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "officers", Detail: detail, Mend: mend}
}

func sealingKeyError(field, detail, mend string) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: field, Detail: detail, Mend: mend}
}

// checkSealingKeys refuses a key that can't be sealed to: at the delivery it would be
// too late.
func checkSealingKeys(p *entrustment.Party) *entrustment.Error {
	for _, k := range []struct{ field, key, made string }{
		{"delivery_key", p.DeliveryKey, "awase courier key"}, {"serving_key", p.ServingKey, "awase courier key --serving"},
	} {
		if k.key == "" {
			continue
		}
		if _, err := seal.ParsePublicKey(k.key); err != nil {
			return sealingKeyError(k.field, "it is no key that can be sealed to: "+err.Error(), "write the line of the .pub file that "+k.made+" made, the whole of it")
		}
	}
	return nil
}

// checkServingKey refuses one of a party that serves no ads, and one that opens the
// deliveries too.
func checkServingKey(p *entrustment.Party) *entrustment.Error {
	switch {
	case p.ServingKey == "":
	case p.Class != entrustment.ClassAdPlatform:
		return sealingKeyError("serving_key", "only an ad platform serves ads by labels", "take it out, or write class: ad-platform")
	case p.ServingKey == p.DeliveryKey:
		return sealingKeyError("serving_key", "it is the delivery key: who carries deliveries could open the labels", "the partner makes another with awase courier key --serving")
	}
	return nil
}

// deliveryKey gives the key that deliveries to a party are sealed to.
func (e *Enclave) deliveryKey(party string) (seal.PublicKey, error) {
	return e.sealingKey(party, "delivery_key", func(p *entrustment.Party) string { return p.DeliveryKey },
		"it makes one with awase courier key; write the line of its .pub as delivery_key into the party's document, have that signed (awase party add, awase approve) and deliver again")
}

// servingKey gives the key that opens the labels of an ad platform.
func (e *Enclave) servingKey(party string) (seal.PublicKey, error) {
	return e.sealingKey(party, "serving_key", func(p *entrustment.Party) string { return p.ServingKey },
		"it makes one with awase courier key --serving; write the line of its .pub as serving_key into the party's document, have that signed (awase party add, awase approve) and deliver again")
}

// sealingKey gives a key that is pinned for a party. The room's lock is held.
func (e *Enclave) sealingKey(party, field string, of func(*entrustment.Party) string, mend string) (seal.PublicKey, error) {
	p := e.state.parties[party]
	if p == nil {
		return seal.PublicKey{}, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §1", Field: "party",
			Detail: "no party " + entrustment.Quote(party) + " is in the room", Mend: "add it first: awase party add"}
	}
	text := of(p)
	if text == "" {
		return seal.PublicKey{}, sealingKeyError(field, "no "+field+" of "+entrustment.Quote(party)+" is pinned", mend)
	}
	key, err := seal.ParsePublicKey(text)
	if err != nil {
		return seal.PublicKey{}, fmt.Errorf("reading the %s of a party: %w", field, err)
	}
	return key, nil
}

// keyPrint gives the fingerprint of a key that is pinned, "" of none.
func keyPrint(text string) string {
	key, err := seal.ParsePublicKey(text)
	if err != nil {
		return ""
	}
	return key.Fingerprint()
}

// checkKey refuses what is no key, and an origin that is none.
func checkKey(o *entrustment.Officer) *entrustment.Error {
	_, err := approval.ParseKey(o.Key, o.Origin)
	if err == nil && o.Origin != "" {
		err = approval.CheckOrigin(o.Origin)
	}
	if err != nil {
		return officersError("of "+o.Name+": "+err.Error(), "write the key as awase officer key or the page showed it")
	}
	return nil
}

func (e *Enclave) decideParty(p *entrustment.Party) (decided, error) {
	old := e.state.parties[p.ID]
	for _, rule := range e.partyRules {
		if err := rule.refuse(e, p, old); err != nil {
			return decided{}, err
		}
	}
	return decided{p.ID, old != nil && sameJSON(old, p), p}, nil
}

// officerState is the officers' part of the fold over the record log.
type officerState struct {
	pinned        map[string]officer // by their key, those whose key was replaced too
	drafts        map[string]*draft  // acts that officers sign for, by hash
	ceremony      bool               // the first keys are pinned
	frozen        []*freezeRecord    // by which releases are stopped, one of a party, oldest first
	freezes       int                // how often they were stopped, by whom ever, and let go
	clocks        int                // how often officers accepted the machine's clock
	approvedClock *clockRecord       // a jump that they accepted, and that the clock is still to follow
}

// officer is somebody who signs for a party.
type officer struct {
	party string
	entrustment.Officer
}

// pin keeps the keys of a party's officers. Those that were replaced stay known
// as theirs.
func (s *state) pin(p *entrustment.Party) {
	for _, o := range p.Officers {
		s.pinned[o.Key] = officer{p.ID, o}
	}
}

// stands tells whether an officer's key is the one that their party names now.
func (s *state) stands(o officer) bool {
	p, ok := s.parties[o.party]
	return ok && slices.Contains(p.Officers, o.Officer)
}

// hasOfficers tells whether somebody can sign for a party.
func (s *state) hasOfficers(party string) bool {
	p, ok := s.parties[party]
	return ok && len(p.Officers) > 0
}
