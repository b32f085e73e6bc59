package entrustment

import "slices"

// Purpose is what the data may be used for (Art. 17, 18, 21).
type Purpose string

// The purposes a contract may name.
const (
	PurposeStatistics  Purpose = "statistics"
	PurposeAdvertising Purpose = "advertising"
	PurposeImprovement Purpose = "improvement"
)

// BasisCode is a legal basis of PRIVACY rule 1.
type BasisCode string

// The bases.
const (
	BasisConsentPolicy BasisCode = "CONSENT_POLICY" // users accepted a policy version whose clauses name the flow
	BasisConsent27     BasisCode = "CONSENT_27_1"   // consent to third-party provision
	BasisConsent31     BasisCode = "CONSENT_31"     // consent confirmed for informative data
	BasisEntrust       BasisCode = "ENTRUST"        // entrustment alone: single-party tables only
	BasisStat2026      BasisCode = "STAT_2026"      // off until its effective date is configured
)

// Basis is the ground on which one party's users are joined. A zero From or
// Until means the contract's own.
type Basis struct {
	Party    string    `yaml:"party" json:"party" need:"value"`
	Code     BasisCode `yaml:"code" json:"code" need:"value"`
	Policy   string    `yaml:"policy,omitempty" json:"policy,omitempty"`   // CONSENT_POLICY: the version agreed
	Clauses  []string  `yaml:"clauses,omitempty" json:"clauses,omitempty"` // CONSENT_POLICY: the clauses relied on
	Scope    string    `yaml:"scope,omitempty" json:"scope,omitempty"`
	Evidence string    `yaml:"evidence" json:"evidence" need:"value"` // "sha256:…" of the evidence document
	From     Date      `yaml:"from,omitempty" json:"from,omitzero"`
	Until    Date      `yaml:"until,omitempty" json:"until,omitzero"`

	// STAT_2026 alone (PRIVACY §8).
	Notice      string `yaml:"notice,omitempty" json:"notice,omitempty"`           // address of the public notice
	NoticeHash  string `yaml:"notice_hash,omitempty" json:"notice_hash,omitempty"` // "sha256:…" of the notice
	Agreement   string `yaml:"agreement,omitempty" json:"agreement,omitempty"`     // id of the written agreement
	NoOnwardUse bool   `yaml:"no_onward_use,omitempty" json:"no_onward_use,omitempty"`
}

// Ground is what lets a party abroad receive personal data (policy §6, APPI Art. 28).
type Ground string

// The grounds.
const (
	GroundConsent  Ground = "consent"             // the people consented, told of the country (Art. 28(1), (2))
	GroundAdequate Ground = "adequate-country"    // the country is one that the Commission designated
	GroundMeasures Ground = "equivalent-measures" // the party keeps up measures (相当措置) by contract, or under APEC CBPR
)

// Country is where a party sits and, abroad, the ground.
type Country struct {
	Country  string `yaml:"country" json:"country" need:"value"`
	Ground   Ground `yaml:"ground,omitempty" json:"ground,omitempty"`
	Evidence string `yaml:"evidence,omitempty" json:"evidence,omitempty"`
}

// Retention is how many days each kind of thing is kept ("90d").
type Retention struct {
	Lists      Days `yaml:"lists" json:"lists" need:"value"`
	Events     Days `yaml:"events,omitempty" json:"events,omitempty"`
	Reports    Days `yaml:"reports" json:"reports" need:"value"`
	Deliveries Days `yaml:"deliveries,omitempty" json:"deliveries,omitempty"`
}

// Work is what a sub-trustee does of the trustee's work.
type Work string

// The kinds of work.
const (
	WorkAsk     Work = "ask"     // its people ask questions under the contract, as the trustee's do
	WorkOperate Work = "operate" // it hosts or maintains what the work is done with, and does nothing in the room
)

// SubTrustee is a party to which the trustee entrusts a part of its work (再委託). A
// zero From or Until means the contract's own.
type SubTrustee struct {
	Party   string `yaml:"party" json:"party" need:"value"`
	Work    []Work `yaml:"work" json:"work" need:"value"`
	Consent string `yaml:"consent" json:"consent" need:"value"` // "sha256:…" of the principal's consent to it
	From    Date   `yaml:"from,omitempty" json:"from,omitzero"`
	Until   Date   `yaml:"until,omitempty" json:"until,omitzero"`
}

// Contract is contract.yaml: one entrustment (委託).
type Contract struct {
	Schema             string             `yaml:"schema" json:"schema" need:"value"`
	ID                 string             `yaml:"id" json:"id" need:"value"`
	Flow               Flow               `yaml:"flow" json:"flow" need:"value"`
	Principal          string             `yaml:"principal" json:"principal" need:"value"`
	Trustee            string             `yaml:"trustee" json:"trustee" need:"value"`
	Purpose            Purpose            `yaml:"purpose" json:"purpose" need:"value"`
	Basis              []Basis            `yaml:"basis" json:"basis" need:"value"`
	Identifiers        []string           `yaml:"identifiers" json:"identifiers" need:"key"` // kinds that may be matched
	Attributes         []string           `yaml:"attributes" json:"attributes" need:"key"`   // base attributes that may be read
	ListColumns        []string           `yaml:"list_columns,omitempty" json:"list_columns,omitempty"`
	Events             []string           `yaml:"events,omitempty" json:"events,omitempty"`
	Outputs            []string           `yaml:"outputs" json:"outputs" need:"value"` // reports that may be asked
	Recipients         []string           `yaml:"recipients" json:"recipients" need:"value"`
	SubTrustees        []SubTrustee       `yaml:"sub_trustees,omitempty" json:"sub_trustees,omitempty"`
	DeliverAttributes  []string           `yaml:"deliver_attributes,omitempty" json:"deliver_attributes,omitempty"`
	DeliverIdentifiers []string           `yaml:"deliver_identifiers,omitempty" json:"deliver_identifiers,omitempty"`
	Service            string             `yaml:"service,omitempty" json:"service,omitempty"`
	Runs               Flow               `yaml:"runs,omitempty" json:"runs,omitempty"` // 5-outsourcing only: the flow run
	HostTrustAccepted  bool               `yaml:"host_trust_accepted,omitempty" json:"host_trust_accepted,omitempty"`
	MaxListRows        int64              `yaml:"max_list_rows,omitempty" json:"max_list_rows,omitempty"`
	Countries          map[string]Country `yaml:"countries" json:"countries" need:"key"`
	Retention          Retention          `yaml:"retention" json:"retention" need:"value"`
	From               Date               `yaml:"from" json:"from" need:"value"`
	Until              Date               `yaml:"until" json:"until" need:"value"`
}

// Effective gives the flow whose basis, clauses and rules apply: Runs in
// 5-outsourcing, else Flow.
func (c *Contract) Effective() Flow {
	if c.Flow == FlowOutsourcing5 {
		return c.Runs
	}
	return c.Flow
}

// Delivers tells whether the flow hands audiences over.
func (c *Contract) Delivers() bool { return flowRules[c.Effective()].receives != nil }

// Signers gives the parties of each of which an officer signs the contract, sorted,
// each once: the principal, the trustee, those whose users are joined, and the
// sub-trustees whose people may ask. One that only operates does nothing in the room
// that a signature would bind it to; its bond is its contract with the trustee.
func (c *Contract) Signers() []string {
	of := []string{c.Principal, c.Trustee}
	for _, b := range c.Basis {
		of = append(of, b.Party)
	}
	for _, s := range c.SubTrustees {
		if slices.Contains(s.Work, WorkAsk) {
			of = append(of, s.Party)
		}
	}
	slices.Sort(of)
	return slices.Compact(of)
}

// Parties gives the parties of the contract, sorted, each once: its signers, its
// recipients and its sub-trustees. It is theirs to see, and nobody else's. What is
// done under it is for its Sides.
func (c *Contract) Parties() []string {
	of := append(c.Signers(), c.Recipients...)
	for _, s := range c.SubTrustees {
		of = append(of, s.Party)
	}
	slices.Sort(of)
	return slices.Compact(of)
}

// Sides gives the parties of the contract but for its sub-trustees: they see what is
// uploaded, asked and released under it. A sub-trustee sees what it did itself.
func (c *Contract) Sides() []string {
	return slices.DeleteFunc(c.Parties(), func(party string) bool {
		return slices.ContainsFunc(c.SubTrustees, func(s SubTrustee) bool { return s.Party == party })
	})
}

// MayAsk tells whether people of a party may ask questions under the contract, which
// its recipients pay for: of the trustee, who does the work, of the sub-trustees whose
// work that is, of the recipients, and of the principal. Of a 5-improvement the
// client's may not: the analysis, and the budget that it spends, are the operator's
// own. A party whose users are joined, and that is none of these, only sees what was
// asked. On which days a sub-trustee may is DecideAsker's.
func (c *Contract) MayAsk(party string) bool {
	return party == c.Trustee || slices.Contains(c.Recipients, party) || party == c.Principal && c.Effective() != FlowImprovement5 ||
		slices.ContainsFunc(c.SubTrustees, func(s SubTrustee) bool { return s.Party == party && slices.Contains(s.Work, WorkAsk) })
}
