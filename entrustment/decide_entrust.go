package entrustment

import (
	"errors"
	"fmt"
	"slices"
)

// DecideEntrust decides whether the contract may be activated. Days that are
// still to come are no obstacle; what can never be used is refused now.
func DecideEntrust(f Facts) error {
	err := first(f.shape, f.notEnded, f.purpose, f.allBases, f.allSubTrustees, f.allRecipients, f.allAbroad, f.hostTrust, f.noSensitive, f.deliverTerms)
	if refused, ok := errors.AsType[*Error](err); ok && f.Contract != nil {
		return f.by(refused.Field, refused) // what is refused here is a clause
	}
	return err
}

// allBases: each party joined has a basis that can hold during the contract.
func (f *Facts) allBases() *Error {
	c := f.Contract
	for i, b := range c.Basis {
		if !f.joinsUsersOf(b.Party) {
			return refusal(CodeForbidden, clauseBasis, join(item("basis", i), "party"), fmt.Sprintf("the flow joins no users of %q", b.Party), "name the parties whose users are joined, each once")
		}
	}
	for _, class := range f.rule().joined {
		b, path, err := f.basisOf(class)
		if err != nil {
			return err
		}
		if err := f.canHold(b, path); err != nil {
			return err
		}
		// Each report reads a list or an event log next to the base, so nothing but joined
		// tables can come out of the contract.
		if err := f.entrustAlone(b, path); err != nil {
			return err
		}
	}
	for _, id := range f.loggers() {
		b, path, err := f.basisFor(id)
		if err != nil {
			return err
		}
		if err := f.canHold(b, path); err != nil {
			return err
		}
		if err := f.entrustAlone(b, path); err != nil { // its log serves nothing but joins
			return err
		}
	}
	return nil
}

// canHold: a basis has evidence and can hold on a day of the contract.
func (f *Facts) canHold(b *Basis, path string) *Error {
	c := f.Contract
	if !namesEvidence(b.Evidence) {
		return refusal(CodeNoBasis, clauseBasis, join(path, "evidence"), fmt.Sprintf("the basis of %q has no evidence", b.Party), mendEvidence)
	}
	if !b.Until.IsZero() && (b.Until.Before(c.From) || !f.Now.Before(b.Until.End())) || !b.From.IsZero() && c.Until.Before(b.From) {
		return refusal(CodeNoBasis, clauseBasis, path, fmt.Sprintf("the basis of %q holds on no day of the entrustment", b.Party), "correct its from and until")
	}
	return f.grounds(b, path)
}

// joinsUsersOf tells whether the flow joins the users of a party: by its base, its
// lists, or the log of what was delivered to it.
func (f *Facts) joinsUsersOf(id string) bool {
	for _, class := range f.rule().joined {
		if side, ok := f.side(class); ok && side == id {
			return true
		}
	}
	return f.receiverLogs(id)
}

// ListOwner gives the party whose lists the contract joins with the base, ""
// where the contract names none.
func (f *Facts) ListOwner() string {
	if f.shape() != nil {
		return ""
	}
	id, _ := f.side(f.rule().joined[1])
	return id
}

// allRecipients: each is a party of the contract that the flow lets receive.
func (f *Facts) allRecipients() *Error {
	for i, id := range f.Contract.Recipients {
		path := item("recipients", i)
		if _, err := f.party(path, id); err != nil {
			return err
		}
		if !f.mayRead(id) && !f.mayReceive(id) {
			return refusal(CodeForbidden, clauseFlows, path, fmt.Sprintf("%s gives nothing to %q", f.Contract.Effective(), id), allowed(f.receivers(), "recipients:"))
		}
	}
	return nil
}

// mayRead tells whether a party reads aggregates in the flow.
func (f *Facts) mayRead(id string) bool {
	reader, ok := f.side(f.rule().reads)
	return ok && reader == id
}

// mayReceive tells whether a party receives deliveries in the flow: the partner
// of the contract, in 5-delivery any platform that is not of the principal's
// group, and the operator for its own channels.
func (f *Facts) mayReceive(id string) bool {
	p, rule := f.Parties[id], f.rule()
	if p == nil || !slices.Contains(rule.receives, p.Class) {
		return false
	}
	if p.Class == ClassAdPlatform && rule.joined[1] != ClassAdPlatform {
		return !f.ofPrincipal(id)
	}
	side, ok := f.side(p.Class)
	return ok && side == id
}

// receivers gives every party that the flow lets receive, sorted.
func (f *Facts) receivers() []string {
	var out []string
	for _, id := range sorted(f.Parties) {
		if f.mayRead(id) || f.mayReceive(id) {
			out = append(out, id)
		}
	}
	return out
}

// allAbroad: who is to receive anything, the trustee and its sub-trustees with their
// work included, is in Japan or has its country and ground on record, with evidence.
func (f *Facts) allAbroad() *Error {
	receive := []struct{ field, id string }{{"trustee", f.Contract.Trustee}}
	for i, id := range f.Contract.Recipients {
		receive = append(receive, struct{ field, id string }{item("recipients", i), id})
	}
	for i, s := range f.Contract.SubTrustees {
		receive = append(receive, struct{ field, id string }{join(item("sub_trustees", i), "party"), s.Party})
	}
	for _, r := range receive {
		if err := f.abroad(r.field, r.id); err != nil {
			return err
		}
		if err := f.abroadEvidence(r.id); err != nil {
			return err
		}
	}
	return nil
}

// abroadEvidence: a consent (Art. 28(1)) and the confirmed measures of a party (Art.
// 28(3)) are somebody's word, and the document that holds it is named. That a country
// is designated is public, and needs none.
func (f *Facts) abroadEvidence(id string) *Error {
	where := f.Contract.Countries[id]
	if f.Parties[id].Country == Home || where.Ground == GroundAdequate || namesEvidence(where.Evidence) {
		return nil
	}
	return refusal(CodeForbidden, clauseAbroad, join(join("countries", id), "evidence"), fmt.Sprintf("%q is abroad on the ground of %s, and no evidence of it is on record", id, where.Ground),
		"under evidence: "+mendEvidence)
}

// noSensitive refuses a contract that names 要配慮個人情報.
func (f *Facts) noSensitive() *Error {
	for _, l := range []struct {
		field string
		names []string
	}{{"attributes", f.Contract.Attributes}, {"list_columns", f.Contract.ListColumns}, {"events", f.Contract.Events}, {"deliver_attributes", f.Contract.DeliverAttributes}} {
		for i, name := range l.names {
			if err := f.sensitive(item(l.field, i), name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sensitive refuses a name that means 要配慮個人情報 or that the base declares so.
func (f *Facts) sensitive(field, name string) *Error {
	a := f.Base.Attribute(name)
	if !SensitiveName(name) && (a == nil || !a.Sensitive()) {
		return nil
	}
	return refusal(CodeDimForbidden, clauseCare, field, named(name)+" is sensitive (要配慮個人情報): it is no dimension, condition or measure", "leave it out")
}

// deliverTerms: only a flow that delivers may name what deliveries hold, and
// only of what may be read.
func (f *Facts) deliverTerms() *Error {
	c := f.Contract
	if f.rule().receives == nil {
		if len(c.DeliverAttributes) > 0 {
			return refusal(CodeForbidden, clauseFlows, "deliver_attributes", fmt.Sprintf("%s delivers nothing", c.Effective()), "empty it")
		}
		if len(c.DeliverIdentifiers) > 0 {
			return refusal(CodeForbidden, clauseFlows, "deliver_identifiers", fmt.Sprintf("%s delivers nothing", c.Effective()), "empty it")
		}
		return nil
	}
	read := slices.Concat(c.Attributes, c.ListColumns, c.Events)
	for i, name := range c.DeliverAttributes {
		if !slices.Contains(read, name) {
			return refusal(CodeDimForbidden, clauseNamed, item("deliver_attributes", i), named(name)+" is not among the attributes, list columns and events that may be read", allowed(read, "attributes:, list_columns: or events:"))
		}
	}
	return nil
}
