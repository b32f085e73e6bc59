package entrustment

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Facts is all that a decision depends on besides the act itself.
type Facts struct {
	Now      time.Time
	Contract *Contract
	Version  int // of the contract; of one that is to be activated, the version that it would be
	Parties  map[string]*Party
	Policies *Policies   // nil: none added yet
	Base     *BaseSchema // nil: no base loaded yet
	// StatEffective is the configured day on which STAT_2026 is in force; zero:
	// off.
	StatEffective Date
}

// Load is the act of uploading a list under an entrustment.
type Load struct {
	Kinds   []string // identifier kinds of the list's columns
	Columns []string // declared value columns
	Keyed   bool     // rows have the party's own keys
}

// Match is the act of joining a list with the base.
type Match struct {
	ListEntrustment string // the entrustment that the list was uploaded under
}

// Ask is the act of asking for a report.
type Ask struct {
	Question    *Question
	ListColumns []string // declared value columns of the list asked about
	// Unloaded: there is no list of the name asked about, which who compiles the
	// question tells.
	Unloaded     bool
	EventColumns []string // declared value columns of the event logs that the entrustment may read
	Receivers    []string // of deliveries, whose event logs the question reads
}

// Deliver is the act of handing an audience over.
type Deliver struct {
	Receiver string
	Where    *Condition
	Kinds    []string // base identifiers to be sent
}

// What a refusal cites.
const (
	clauseWords   = "DESIGN §1"
	clauseFlows   = "DESIGN §2"
	clauseOwnList = "DESIGN §2 rule 1"
	clauseNamed   = "DESIGN §2 rule 2"
	clauseAbroad  = "DESIGN §2 rule 6"
	clauseHost    = "DESIGN §4"
	clauseDoc     = "DESIGN §8"
	clauseBasis   = "PRIVACY rule 1"
	clauseDeliver = "PRIVACY rule 12"
	clausePurpose = "PRIVACY §8, APPI Art. 17, 18"
	clauseEntrust = "PRIVACY §8, APPI Art. 27(5)(i)"
	clauseStat    = "PRIVACY §8, 令和8年改正"
	clauseCare    = "policy §11(1)"
)

// first gives the first refusal of checks, run in order. A nil *Error inside an
// error is not nil, so every decision ends here.
func first(checks ...func() *Error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func refusal(code Code, clause, field, detail, mend string) *Error {
	return &Error{Code: code, Clause: clause, Field: field, Detail: detail, Mend: mend}
}

// by gives a refusal that a clause of the contract decides.
func (f *Facts) by(clause string, err *Error) *Error {
	return err.By(ContractClause{f.Contract.ID, f.Version, clause})
}

// term is a refusal of what the contract's clause itself says: field.
func (f *Facts) term(code Code, clause, field, detail, mend string) *Error {
	return f.by(field, refusal(code, clause, field, detail, mend))
}

// flow names the clause that says which flow's rules apply.
func (f *Facts) flow() string {
	if f.Contract.Flow == FlowOutsourcing5 {
		return "runs"
	}
	return "flow"
}

// unlisted words what a list of the contract lacks.
func unlisted(quoted string) string { return quoted + " is not listed" }

// allowed words the values that a field may have. Where there are none it names
// the key of the contract that would have to name them.
func allowed(values []string, key string) string {
	if len(values) == 0 {
		return "the entrustment names none: have them agreed, name them under " + key + " in contract.yaml, and activate it again"
	}
	return "allowed: " + strings.Join(values, ", ")
}

// shape checks what every decision relies on: a contract of a known flow whose
// parties exist and have the classes that the flow asks for.
func (f *Facts) shape() *Error {
	c := f.Contract
	if c == nil {
		return refusal(CodeNotFound, "", "entrustment", "there is no such entrustment", NoEntrustment("").Mend)
	}
	outsourced := c.Flow == FlowOutsourcing5
	switch {
	case outsourced && c.Runs == "":
		return f.term(CodeDocument, clauseDoc, "runs", "5-outsourcing names the flow that is run", "add runs: and the flow")
	case !outsourced && c.Runs != "":
		return f.term(CodeDocument, clauseDoc, "runs", "only 5-outsourcing runs another flow", "take runs: out")
	case c.Runs == FlowOutsourcing5:
		return f.term(CodeDocument, clauseFlows, "runs", "what was outsourced can't be outsourced again", "name the flow that is run")
	}
	if _, ok := flowRules[c.Effective()]; !ok {
		return f.term(CodeDocument, clauseFlows, f.flow(), "there is no such flow", allowed(words(Flows()...), "flow:"))
	}
	return f.roles()
}

// roles holds the parties against the flow's.
func (f *Facts) roles() *Error {
	c, rule := f.Contract, f.rule()
	principal, trustee := rule.principal, rule.trustee
	if c.Flow == FlowOutsourcing5 {
		principal, trustee = ClassOperator, ClassTrustee
	}
	for _, r := range []struct {
		field, id string
		class     PartyClass
	}{{"principal", c.Principal, principal}, {"trustee", c.Trustee, trustee}} {
		p, err := f.party(r.field, r.id)
		if err != nil {
			return f.by(r.field, err)
		}
		if p.Class != r.class {
			return f.term(CodeForbidden, clauseFlows, r.field,
				fmt.Sprintf("the %s of %s is of class %s, and %q is of class %s", r.field, c.Flow, r.class, p.ID, p.Class), "name another party or another flow")
		}
	}
	for i, b := range c.Basis {
		path := join(item("basis", i), "party")
		if _, err := f.party(path, b.Party); err != nil {
			return f.by(path, err)
		}
	}
	// A platform of the principal's own group is no third party with a user
	// list of its own.
	if id, ok := f.side(rule.joined[1]); ok && f.Parties[id].Class == ClassAdPlatform && f.ofPrincipal(id) {
		return f.term(CodeForbidden, clauseWords, "trustee", fmt.Sprintf("%q is in its principal's group, so it is no partner", id), "name a platform of another group")
	}
	return nil
}

func (f *Facts) party(field, id string) (*Party, *Error) {
	if p := f.Parties[id]; p != nil {
		return p, nil
	}
	return nil, refusal(CodeNotFound, clauseFlows, field, fmt.Sprintf("there is no party %q", id), "add its document with awase party add")
}

// notEnded refuses a contract whose last day is over.
func (f *Facts) notEnded() *Error {
	if c := f.Contract; !f.Now.Before(c.Until.End()) {
		return f.term(CodeNoBasis, clauseBasis, "until", "the entrustment ended on "+c.Until.String(), "agree on a new one")
	}
	return nil
}

// running refuses a contract outside its days.
func (f *Facts) running() *Error {
	if c := f.Contract; f.Now.Before(c.From.Start()) {
		return f.term(CodeNoBasis, clauseBasis, "from", "the entrustment begins on "+c.From.String(), "wait, or amend it")
	}
	return f.notEnded()
}

// purpose refuses one that the flow's section of the policy does not have.
func (f *Facts) purpose() *Error {
	rule := f.rule()
	if slices.Contains(rule.purposes, f.Contract.Purpose) {
		return nil
	}
	return f.term(CodeNoBasis, rule.policy, "purpose", fmt.Sprintf("%s does not serve the purpose %s", f.Contract.Effective(), f.Contract.Purpose), allowed(words(rule.purposes...), "purpose:"))
}

// hostTrust: the partner's rows lie on the operator's machine in 2-6-analysis.
func (f *Facts) hostTrust() *Error {
	if f.Contract.Effective() == FlowAnalysis26 && !f.Contract.HostTrustAccepted {
		return f.term(CodeForbidden, clauseHost, "host_trust_accepted", "the partner's rows would lie on the operator's machine without its consent", "have it agreed and write host_trust_accepted: true")
	}
	return nil
}

// abroad checks that a party that is to receive something sits in Japan, or has
// its country and ground on record.
func (f *Facts) abroad(field, id string) *Error {
	p, err := f.party(field, id)
	if err != nil {
		return err
	}
	path := join("countries", id)
	where, given := f.Contract.Countries[id]
	switch {
	case given && where.Country != p.Country:
		return f.term(CodeForbidden, clauseAbroad, path, fmt.Sprintf("the contract says %s and the party's document says %s", where.Country, p.Country), "correct the one that is wrong")
	case p.Country == Home:
		return nil
	case !given:
		return f.term(CodeForbidden, clauseAbroad, path, fmt.Sprintf("%q is abroad and its country is not on record", id), "add its country, ground ("+strings.Join(Ground("").Allowed(), ", ")+") and evidence to countries:")
	case where.Ground == "":
		return f.term(CodeForbidden, clauseAbroad, path, fmt.Sprintf("%q is abroad and the ground for it is not on record", id), "add ground: ("+strings.Join(Ground("").Allowed(), ", ")+") and evidence:")
	}
	return nil
}
