package entrustment

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
	Party    string    `yaml:"party" json:"party"`
	Code     BasisCode `yaml:"code" json:"code"`
	Policy   string    `yaml:"policy,omitempty" json:"policy,omitempty"`   // CONSENT_POLICY: the version agreed
	Clauses  []string  `yaml:"clauses,omitempty" json:"clauses,omitempty"` // CONSENT_POLICY: the clauses relied on
	Scope    string    `yaml:"scope,omitempty" json:"scope,omitempty"`
	Evidence string    `yaml:"evidence" json:"evidence"` // "sha256:…" of the evidence document
	From     Date      `yaml:"from,omitempty" json:"from,omitzero"`
	Until    Date      `yaml:"until,omitempty" json:"until,omitzero"`
}

// Country is where a party sits and, abroad, the ground of §6.
type Country struct {
	Country  string `yaml:"country" json:"country"`
	Ground   string `yaml:"ground,omitempty" json:"ground,omitempty"`
	Evidence string `yaml:"evidence,omitempty" json:"evidence,omitempty"`
}

// Retention is how many days each kind of thing is kept ("90d").
type Retention struct {
	Lists      Days `yaml:"lists" json:"lists"`
	Events     Days `yaml:"events,omitempty" json:"events,omitempty"`
	Reports    Days `yaml:"reports" json:"reports"`
	Deliveries Days `yaml:"deliveries,omitempty" json:"deliveries,omitempty"`
}

// Contract is contract.yaml: one entrustment (委託).
type Contract struct {
	Schema             string             `yaml:"schema" json:"schema"`
	ID                 string             `yaml:"id" json:"id"`
	Flow               Flow               `yaml:"flow" json:"flow"`
	Principal          string             `yaml:"principal" json:"principal"`
	Trustee            string             `yaml:"trustee" json:"trustee"`
	Purpose            Purpose            `yaml:"purpose" json:"purpose"`
	Basis              []Basis            `yaml:"basis" json:"basis"`
	Identifiers        []string           `yaml:"identifiers" json:"identifiers"` // kinds that may be matched
	Attributes         []string           `yaml:"attributes" json:"attributes"`   // base attributes that may be read
	ListColumns        []string           `yaml:"list_columns,omitempty" json:"list_columns,omitempty"`
	Events             []string           `yaml:"events,omitempty" json:"events,omitempty"`
	Outputs            []string           `yaml:"outputs" json:"outputs"` // reports that may be asked
	Recipients         []string           `yaml:"recipients" json:"recipients"`
	DeliverAttributes  []string           `yaml:"deliver_attributes,omitempty" json:"deliver_attributes,omitempty"`
	DeliverIdentifiers []string           `yaml:"deliver_identifiers,omitempty" json:"deliver_identifiers,omitempty"`
	Service            string             `yaml:"service,omitempty" json:"service,omitempty"`
	Runs               Flow               `yaml:"runs,omitempty" json:"runs,omitempty"` // 5-outsourcing only: the flow run
	HostTrustAccepted  bool               `yaml:"host_trust_accepted,omitempty" json:"host_trust_accepted,omitempty"`
	MaxListRows        int64              `yaml:"max_list_rows,omitempty" json:"max_list_rows,omitempty"`
	Countries          map[string]Country `yaml:"countries" json:"countries"`
	Retention          Retention          `yaml:"retention" json:"retention"`
	From               Date               `yaml:"from" json:"from"`
	Until              Date               `yaml:"until" json:"until"`
}

// Effective gives the flow whose basis, clauses and rules apply: Runs in
// 5-outsourcing, else Flow.
func (c *Contract) Effective() Flow {
	if c.Flow == FlowOutsourcing5 {
		return c.Runs
	}
	return c.Flow
}
