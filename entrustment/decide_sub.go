package entrustment

import (
	"fmt"
	"slices"
	"strings"
)

const clauseSub = "policy §5, APPI Art. 25"

// allSubTrustees: each is a trustee of the room that the trustee may pass work to,
// with the principal's consent. A principal has to know who works with what it
// entrusted, so one without is not taken, wherever the contract came from.
func (f *Facts) allSubTrustees() *Error {
	c, seen := f.Contract, map[string]bool{}
	for i, s := range c.SubTrustees {
		path := item("sub_trustees", i)
		p, err := f.party(join(path, "party"), s.Party)
		if err != nil {
			return err
		}
		refuse := func(field, detail, mend string) *Error {
			return refusal(CodeForbidden, clauseSub, join(path, field), detail, mend)
		}
		switch {
		case p.Class != ClassTrustee:
			return refuse("party", fmt.Sprintf("a sub-trustee is of class %s, and %q is of class %s", ClassTrustee, p.ID, p.Class), "name another party")
		case slices.Contains([]string{c.Principal, c.Trustee}, s.Party) || slices.ContainsFunc(c.Basis, func(b Basis) bool { return b.Party == s.Party }):
			return refuse("party", fmt.Sprintf("%q is a side of the entrustment already", p.ID), "name a party that the trustee passes work to")
		case slices.Contains(c.Recipients, s.Party):
			return refuse("party", fmt.Sprintf("a sub-trustee reads no table, and %q is a recipient", p.ID), "take it out of recipients: or of sub_trustees:")
		case seen[s.Party]:
			return refuse("party", fmt.Sprintf("%q has two entries", p.ID), "give one entry for each sub-trustee")
		case len(s.Work) == 0:
			return refuse("work", fmt.Sprintf("%q has no work", p.ID), allowed(Work("").Allowed(), "work:"))
		case !strings.HasPrefix(s.Consent, "sha256:"):
			return refuse("consent", fmt.Sprintf("the principal's consent to %q is not on record", p.ID), "name the document in which it consents by its hash")
		}
		seen[s.Party] = true
	}
	return nil
}

// DecideAsker decides whether people of a party may ask a question under the
// entrustment today. What they may ask is DecideAsk's.
func DecideAsker(f Facts, party string) error {
	return first(f.shape, f.running, func() *Error { return f.asker(party) })
}

func (f *Facts) asker(party string) *Error {
	c := f.Contract
	i := slices.IndexFunc(c.SubTrustees, func(s SubTrustee) bool { return s.Party == party })
	if i < 0 {
		if c.MayAsk(party) {
			return nil
		}
		return f.by("recipients", refusal(CodeForbidden, clauseFlows, "party", "the party does not ask under the entrustment",
			"people of its trustee, of sub-trustees whose work it is, of its recipients and, but for 5-improvement, of its principal ask"))
	}
	s, path := &c.SubTrustees[i], item("sub_trustees", i)
	switch {
	case !c.MayAsk(party):
		return f.term(CodeForbidden, clauseSub, join(path, "work"), fmt.Sprintf("asking is not the work of %q", party), "have people ask whose work it is, or amend the entrustment")
	case !s.From.IsZero() && f.Now.Before(s.From.Start()):
		return f.term(CodeForbidden, clauseSub, join(path, "from"), fmt.Sprintf("the sub-entrustment to %q begins on %s", party, s.From), "wait, or amend the entrustment")
	case !s.Until.IsZero() && !f.Now.Before(s.Until.End()):
		return f.term(CodeForbidden, clauseSub, join(path, "until"), fmt.Sprintf("the sub-entrustment to %q ended on %s", party, s.Until), "amend the entrustment with a day to come")
	}
	return f.abroad(join(path, "party"), party)
}
