package entrustment

import (
	"fmt"
	"slices"
)

// flowRule is a row of the table of DESIGN §2.
type flowRule struct {
	policy             string // its section of the privacy policy
	principal, trustee PartyClass
	joined             [2]PartyClass // whose users are joined: the base's owner, the list's
	reads              PartyClass    // who reads aggregates
	receives           []PartyClass  // who receives sealed deliveries
	purposes           []Purpose
}

var flowRules = map[Flow]flowRule{
	FlowDelivery24: {
		policy: "policy §2(4)", principal: ClassOperator, trustee: ClassAdPlatform,
		joined: [2]PartyClass{ClassOperator, ClassAdPlatform}, reads: ClassOperator,
		receives: []PartyClass{ClassAdPlatform, ClassOperator}, purposes: []Purpose{PurposeAdvertising},
	},
	FlowAnalysis26: {
		policy: "policy §2(6)", principal: ClassOperator, trustee: ClassAdPlatform,
		joined: [2]PartyClass{ClassOperator, ClassAdPlatform}, reads: ClassOperator,
		purposes: []Purpose{PurposeStatistics, PurposeImprovement},
	},
	FlowAnalysis5: {
		policy: "policy §5", principal: ClassClient, trustee: ClassOperator,
		joined: [2]PartyClass{ClassOperator, ClassClient}, reads: ClassClient,
		purposes: []Purpose{PurposeStatistics},
	},
	FlowDelivery5: {
		policy: "policy §5", principal: ClassClient, trustee: ClassOperator,
		joined: [2]PartyClass{ClassOperator, ClassClient}, reads: ClassClient,
		receives: []PartyClass{ClassAdPlatform, ClassOperator}, purposes: []Purpose{PurposeAdvertising},
	},
	FlowImprovement5: {
		policy: "policy §5", principal: ClassClient, trustee: ClassOperator,
		joined: [2]PartyClass{ClassOperator, ClassClient}, reads: ClassOperator,
		purposes: []Purpose{PurposeImprovement, PurposeStatistics},
	},
}

// rule gives the rules of the effective flow.
func (f *Facts) rule() flowRule { return flowRules[f.Contract.Effective()] }

// ServesEnquiry tells whether users known from an enquiry alone may be used:
// only to improve the operator's service (policy §11(1)).
func (c *Contract) ServesEnquiry() bool { return c.Effective() == FlowImprovement5 }

// side gives the contract's party of a class: its principal or trustee, or,
// where another runs the flow, the party of that class that has a basis.
func (f *Facts) side(class PartyClass) (id string, ok bool) {
	c := f.Contract
	ids := []string{c.Principal, c.Trustee}
	for _, b := range c.Basis {
		ids = append(ids, b.Party)
	}
	for _, id := range ids {
		if p := f.Parties[id]; p != nil && p.Class == class {
			return id, true
		}
	}
	return "", false
}

// ofPrincipal tells whether a party is in the group of the flow's principal, a
// flow that is run for another included.
func (f *Facts) ofPrincipal(id string) bool {
	principal, ok := f.side(f.rule().principal)
	return ok && f.Parties[principal].Group == f.Parties[id].Group
}

// basisOf gives the basis of the joined party of a class and its path.
func (f *Facts) basisOf(class PartyClass) (b *Basis, path string, err *Error) {
	id, ok := f.side(class)
	if !ok {
		return nil, "", f.term(CodeNoBasis, clauseBasis, "basis", fmt.Sprintf("%s joins the users of a party of class %s, and none has a basis", f.Contract.Effective(), class), "add its entry to basis:")
	}
	return f.basisFor(id)
}

// basisFor gives the basis of a party and its path.
func (f *Facts) basisFor(id string) (b *Basis, path string, err *Error) {
	for i := range f.Contract.Basis {
		if f.Contract.Basis[i].Party == id {
			return &f.Contract.Basis[i], item("basis", i), nil
		}
	}
	return nil, "", f.term(CodeNoBasis, clauseBasis, "basis", fmt.Sprintf("there is no basis for the users of %q", id), "add its entry to basis:")
}

// grounds checks a basis but for its days: STAT_2026 must be in force and the
// operator's policy must cover the flow.
func (f *Facts) grounds(b *Basis, path string) *Error {
	switch b.Code {
	case BasisStat2026:
		if f.StatEffective.IsZero() || f.Now.Before(f.StatEffective.Start()) {
			return f.term(CodeNoBasis, clauseStat, join(path, "code"), "STAT_2026 is not in force", "rely on a consent until its effective date is configured")
		}
	case BasisConsentPolicy:
		// policies.yaml is the operator's. Another party's policy is held by the
		// evidence document.
		if f.Parties[b.Party].Class != ClassOperator {
			return nil
		}
		if versions := f.covering(b); !slices.Contains(versions, b.Policy) {
			return f.term(CodeNoBasis, clauseBasis, join(path, "clauses"),
				fmt.Sprintf("version %q of the policy does not name %s in the clauses relied on", b.Policy, f.Contract.Effective()),
				"name a version and a clause that do, or add the version with awase policy add")
		}
	case BasisConsent27, BasisConsent31, BasisEntrust:
	default:
		return f.term(CodeNoBasis, clauseBasis, join(path, "code"), "there is no such basis", allowed(BasisCode("").Allowed(), "basis:"))
	}
	return nil
}

// active checks a basis on the day it is used.
func (f *Facts) active(b *Basis, path string) *Error {
	if !b.From.IsZero() && f.Now.Before(b.From.Start()) {
		return f.term(CodeNoBasis, clauseBasis, join(path, "from"), fmt.Sprintf("the basis of %q begins on %s", b.Party, b.From), "wait, or amend the entrustment")
	}
	if !b.Until.IsZero() && !f.Now.Before(b.Until.End()) {
		return f.term(CodeNoBasis, clauseBasis, join(path, "until"), fmt.Sprintf("the basis of %q ended on %s", b.Party, b.Until), "amend the entrustment with a basis that holds")
	}
	return f.grounds(b, path)
}

// joins checks that both parties' users may be joined today.
func (f *Facts) joins() *Error {
	for _, class := range f.rule().joined {
		b, path, err := f.basisOf(class)
		if err != nil {
			return err
		}
		if err := f.active(b, path); err != nil {
			return err
		}
		if err := f.entrustAlone(b, path); err != nil {
			return err
		}
	}
	return nil
}

// entrustAlone: a processor may not match what two entrusted to it (PPC Q&A
// 7-43).
func (f *Facts) entrustAlone(b *Basis, path string) *Error {
	if b.Code != BasisEntrust {
		return nil
	}
	return f.term(CodeNoBasis, clauseEntrust, join(path, "code"), fmt.Sprintf("entrustment alone is no ground to join the users of %q with another's", b.Party), "obtain a consent and name it, or ask about one party's data alone")
}

// Covered tells which users of the base the flow may use by the version of the
// policy they accepted. Where the operator's basis is CONSENT_POLICY, byPolicy
// is true and versions are, sorted, those that name the effective flow in a
// clause that the basis relies on. Under another basis byPolicy is false. It
// fails closed: without a basis no version is covered.
func (f *Facts) Covered() (byPolicy bool, versions []string) {
	if f.shape() != nil {
		return true, nil
	}
	b, _, err := f.basisOf(ClassOperator)
	if err != nil {
		return true, nil
	}
	if b.Code != BasisConsentPolicy {
		return false, nil
	}
	return true, f.covering(b)
}

func (f *Facts) covering(b *Basis) []string {
	var out []string
	if f.Policies == nil {
		return nil
	}
	for _, v := range f.Policies.Policies {
		if slices.ContainsFunc(b.Clauses, func(clause string) bool { return slices.Contains(v.Clauses[clause], f.Contract.Effective()) }) {
			out = append(out, v.Version)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
