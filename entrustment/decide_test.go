package entrustment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A fixture is a world in which every act of a flow is allowed that the flow
// has.
type fixture struct {
	facts   Facts
	load    Load
	match   Match
	asker   string
	ask     Ask
	deliver Deliver
}

// today is a day inside every fixture's contract.
var today = time.Date(2026, 6, 15, 12, 0, 0, 0, JST)

func party(id string, class PartyClass, group, country string) *Party {
	return &Party{SchemaParty, id, class, group, country, "", "", "", nil}
}

// worldOf gives the fixture of a flow; runs is for 5-outsourcing.
func worldOf(flow, runs Flow) *fixture {
	effective := flow
	if runs != "" {
		effective = runs
	}
	rule := flowRules[effective]
	c := &Contract{
		Schema: SchemaEntrustment, ID: "e", Flow: flow, Runs: runs, Purpose: rule.purposes[0],
		Identifiers: []string{KindEmail, KindPhone}, Attributes: []string{"age_band", "gender"}, ListColumns: []string{"tier"}, Events: []string{"page_view"},
		Outputs: Reports(), HostTrustAccepted: effective == FlowAnalysis26,
		SubTrustees: []SubTrustee{
			{Party: "sub", Work: []Work{WorkAsk, WorkOperate}, Consent: aHash, From: Date{2026, 4, 1}, Until: Date{2026, 9, 30}},
			{Party: "host", Work: []Work{WorkOperate}, Consent: aHash},
		},
		Countries: map[string]Country{"acme": {Country: "JP"}, "adco": {"US", "consent", aHash}, "sub": {"SG", "equivalent-measures", aHash}},
		Retention: Retention{Lists: 90, Reports: 365}, From: Date{2026, 4, 1}, Until: Date{2026, 9, 30},
	}
	byClass := map[PartyClass]string{ClassOperator: "operator", ClassClient: "acme", ClassAdPlatform: "adco"}
	other := byClass[rule.joined[1]]
	c.Principal, c.Trustee = byClass[rule.principal], byClass[rule.trustee]
	if flow == FlowOutsourcing5 {
		c.Principal, c.Trustee = "operator", "worker"
	}
	c.Basis = []Basis{
		{Party: "operator", Code: BasisConsentPolicy, Policy: "2024-01-29", Clauses: []string{"all"}, Evidence: aHash},
		{Party: other, Code: BasisConsent27, Scope: "s", Evidence: aHash},
	}
	c.Recipients = []string{byClass[rule.reads]}
	receiver := ""
	if rule.receives != nil {
		receiver = "adco"
		if !slices.Contains(c.Recipients, receiver) {
			c.Recipients = append(c.Recipients, receiver)
		}
		c.DeliverAttributes, c.DeliverIdentifiers = []string{"gender", "tier", "page_view"}, []string{KindEmail}
	}
	w := &fixture{
		facts: Facts{
			Now: today, Contract: c, Version: 3,
			Parties: map[string]*Party{
				"operator": party("operator", ClassOperator, "operator", "JP"), "acme": party("acme", ClassClient, "acme", "JP"),
				"adco": party("adco", ClassAdPlatform, "adco", "US"), "worker": party("worker", ClassTrustee, "worker", "JP"),
				"bystander": party("bystander", ClassClient, "bystander", "JP"),
				"sub":       party("sub", ClassTrustee, "sub", "SG"), "host": party("host", ClassTrustee, "host", "JP"),
			},
			Policies: &Policies{SchemaPolicies, []PolicyVersion{
				{"2025-06-01", Date{2025, 6, 1}, map[string][]Flow{"all": Flows()[:5]}},
				{"2024-01-29", Date{2024, 1, 29}, map[string][]Flow{"all": Flows()[:5]}},
				{"2023-01-01", Date{2023, 1, 1}, map[string][]Flow{"other": Flows()[:5]}},
				{"2019-04-01", Date{2019, 4, 1}, map[string][]Flow{}},
			}},
			Base: &BaseSchema{Attributes: []Attribute{
				{Column: "birth_date", Name: "age_band", Generalise: &Generaliser{BirthDate: &Band{5, 20, 70}}},
				{Column: "sex", Name: "gender", Values: []string{"female", "male"}},
				{Column: "salary", Name: "salary_band", Generalise: &Generaliser{Amount: []int64{1, 2}}},
				{Column: "d", Name: "benefit_code", Class: AttributeSensitive},
			}},
		},
		load:  Load{Kinds: []string{KindEmail}, Columns: []string{"tier"}},
		match: Match{ListEntrustment: "e"},
		asker: "sub",
		ask: Ask{
			Question: &Question{Schema: SchemaReport, Report: ReportProfile, Entrustment: "e", List: "l", Dims: []string{"age_band", "gender", "tier"}, Index: true, Recipient: byClass[rule.reads],
				Measures: []string{"users"},
				Where: &Condition{All: []Condition{
					{In: map[string][]string{"gender": {"female", Unknown}}}, {Between: map[string][]string{"age_band": {"25-29", ">=70"}}},
					{Not: &Condition{List: "other"}}, {Event: &EventCondition{"page_view", 2, 30}}, {Any: []Condition{{In: map[string][]string{"tier": {"gold"}}}}}}}},
			ListColumns: []string{"tier"},
		},
		deliver: Deliver{Receiver: receiver, Kinds: []string{KindEmail}, Where: &Condition{All: []Condition{
			{In: map[string][]string{"gender": {"female"}}}, {In: map[string][]string{"tier": {"gold"}}}, {Event: &EventCondition{"page_view", 1, 7}}}}},
	}
	return w
}

// sides of the fixture: who is not the operator, and the side's basis.
func (w *fixture) other() *Basis  { return &w.facts.Contract.Basis[1] }
func (w *fixture) own() *Basis    { return &w.facts.Contract.Basis[0] }
func (w *fixture) c() *Contract   { return w.facts.Contract }
func (w *fixture) q() *Question   { return w.ask.Question }
func (w *fixture) delivers() bool { return flowRules[w.c().Effective()].receives != nil }

const (
	actEntrust = "entrust"
	actLoad    = "load"
	actMatch   = "match"
	actAsk     = "ask"
	actDeliver = "deliver"
)

var acts = []string{actEntrust, actLoad, actMatch, actAsk, actDeliver}

func (w *fixture) decide(act string) error {
	switch act {
	case actEntrust:
		return DecideEntrust(w.facts)
	case actLoad:
		return DecideLoad(w.facts, w.load)
	case actMatch:
		return DecideMatch(w.facts, w.match)
	case actAsk:
		if err := DecideAsker(w.facts, w.asker); err != nil {
			return err
		}
		return DecideAsk(w.facts, w.ask)
	}
	return DecideDeliver(w.facts, w.deliver)
}

// The rules of DESIGN §2 and of PRIVACY that decisions hold.
const (
	ruleFlow    = "flow: parties and classes"
	rulePurpose = "purpose"
	ruleBasis   = "PRIVACY rule 1: basis"
	ruleReceive = "who receives what"
	ruleOwn     = "rule 1: own list alone"
	ruleNamed   = "rule 2: named attributes alone"
	ruleCare    = "rule 3: sensitive data"
	ruleAbroad  = "rule 6: abroad"
	ruleHost    = "§4: host trust"
	ruleTerm    = "term of the contract"
	ruleSub     = "policy §5: sub-entrustment, and who asks"
)

// A breach is one change that makes some acts forbidden.
type breach struct {
	name, rule string
	acts       []string
	only       func(*fixture) bool // nil: every flow
	change     func(*fixture)
	code       Code
	clause     string // "" where it differs by flow
}

func in(acts ...string) []string { return acts }

var everyAct = acts

func delivering(w *fixture) bool    { return w.delivers() }
func notDelivering(w *fixture) bool { return !w.delivers() }
func outsourced(w *fixture) bool    { return w.c().Flow == FlowOutsourcing5 }
func direct(w *fixture) bool        { return !outsourced(w) }
func withPartner(w *fixture) bool   { return flowRules[w.c().Effective()].joined[1] == ClassAdPlatform }

// sub changes the entry of a sub-trustee.
func sub(i int, change func(*SubTrustee)) func(*fixture) {
	return func(w *fixture) { change(&w.c().SubTrustees[i]) }
}

var breaches = []breach{
	{"no contract", ruleFlow, everyAct, nil, func(w *fixture) { w.facts.Contract = nil }, CodeNotFound, ""},
	{"unknown flow", ruleFlow, everyAct, direct, func(w *fixture) { w.c().Flow = "6-other" }, CodeDocument, clauseFlows},
	{"principal is gone", ruleFlow, everyAct, nil, func(w *fixture) { delete(w.facts.Parties, w.c().Principal) }, CodeNotFound, clauseFlows},
	{"trustee is gone", ruleFlow, everyAct, nil, func(w *fixture) { delete(w.facts.Parties, w.c().Trustee) }, CodeNotFound, clauseFlows},
	{"principal of another class", ruleFlow, everyAct, nil, func(w *fixture) { w.c().Principal = "bystander"; w.facts.Parties["bystander"].Class = ClassTrustee }, CodeForbidden, clauseFlows},
	{"trustee of another class", ruleFlow, everyAct, nil, func(w *fixture) { w.c().Trustee = "bystander" }, CodeForbidden, clauseFlows},
	{"basis of nobody", ruleFlow, everyAct, nil, func(w *fixture) { w.c().Basis = append(w.c().Basis, Basis{Party: "nobody"}) }, CodeNotFound, clauseFlows},
	{"partner in the principal's group", ruleFlow, everyAct, withPartner, func(w *fixture) { w.facts.Parties["adco"].Group = "operator" }, CodeForbidden, clauseWords},
	{"runs without outsourcing", ruleFlow, everyAct, direct, func(w *fixture) { w.c().Runs = FlowAnalysis5 }, CodeDocument, clauseDoc},
	{"outsourcing of nothing", ruleFlow, everyAct, outsourced, func(w *fixture) { w.c().Runs = "" }, CodeDocument, clauseDoc},
	{"outsourcing of outsourcing", ruleFlow, everyAct, outsourced, func(w *fixture) { w.c().Runs = FlowOutsourcing5 }, CodeDocument, clauseFlows},

	{"ended", ruleTerm, everyAct, nil, func(w *fixture) { w.facts.Now = w.c().Until.End() }, CodeNoBasis, clauseBasis},
	{"not begun", ruleTerm, in(actLoad, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.facts.Now = w.c().From.Start().Add(-1) }, CodeNoBasis, clauseBasis},

	{"a purpose of another flow", rulePurpose, everyAct, nil, func(w *fixture) {
		w.c().Purpose = PurposeAdvertising
		if w.delivers() {
			w.c().Purpose = PurposeStatistics
		}
	}, CodeNoBasis, ""},
	{"a question for another purpose", rulePurpose, in(actAsk), nil, func(w *fixture) {
		w.q().Purpose = PurposeAdvertising
		if w.delivers() {
			w.q().Purpose = PurposeStatistics
		}
	}, CodeNoBasis, clausePurpose},
	{"an advertising report without that purpose", rulePurpose, in(actAsk), notDelivering, func(w *fixture) { w.q().Report = ReportLift }, CodeNoBasis, clausePurpose},

	{"no basis for the base", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.c().Basis = w.c().Basis[1:] }, CodeNoBasis, clauseBasis},
	{"no basis for the list", ruleBasis, everyAct, nil, func(w *fixture) { w.c().Basis = w.c().Basis[:1] }, CodeNoBasis, clauseBasis},
	{"no evidence", ruleBasis, in(actEntrust), nil, func(w *fixture) { w.other().Evidence = "" }, CodeNoBasis, clauseBasis},
	{"unknown code", ruleBasis, everyAct, nil, func(w *fixture) { w.other().Code = "TRUST_ME" }, CodeNoBasis, clauseBasis},
	{"basis ended", ruleBasis, everyAct, nil, func(w *fixture) { w.other().Until = Date{2026, 6, 14} }, CodeNoBasis, clauseBasis},
	{"basis not begun", ruleBasis, in(actLoad, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.other().From = Date{2026, 6, 16} }, CodeNoBasis, clauseBasis},
	{"basis after the contract", ruleBasis, everyAct, nil, func(w *fixture) { w.other().From = Date{2026, 10, 1} }, CodeNoBasis, clauseBasis},
	{"base's basis ended", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.own().Until = Date{2026, 6, 14} }, CodeNoBasis, clauseBasis},
	{"entrustment alone for the list", ruleBasis, in(actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.other().Code = BasisEntrust }, CodeNoBasis, clauseEntrust},
	{"entrustment alone for the base", ruleBasis, in(actMatch, actAsk, actDeliver), nil, func(w *fixture) { *w.own() = Basis{Party: "operator", Code: BasisEntrust, Evidence: aHash} }, CodeNoBasis, clauseEntrust},
	{"entrustment alone, and nothing but joins", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) {
		w.other().Code = BasisEntrust
	}, CodeNoBasis, clauseEntrust},
	{"STAT_2026 is off", ruleBasis, everyAct, nil, func(w *fixture) { w.other().Code = BasisStat2026 }, CodeNoBasis, clauseStat},
	{"STAT_2026 is to come", ruleBasis, everyAct, nil, func(w *fixture) { w.other().Code = BasisStat2026; w.facts.StatEffective = Date{2026, 6, 16} }, CodeNoBasis, clauseStat},
	{"no policies", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.facts.Policies = nil }, CodeNoBasis, clauseBasis},
	{"unknown policy version", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.own().Policy = "2022-01-01" }, CodeNoBasis, clauseBasis},
	{"version without clauses", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.own().Policy = "2019-04-01" }, CodeNoBasis, clauseBasis},
	{"clause not relied on", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) { w.own().Clauses = []string{"other"} }, CodeNoBasis, clauseBasis},
	{"clause of another flow", ruleBasis, in(actEntrust, actMatch, actAsk, actDeliver), nil, func(w *fixture) {
		for _, v := range w.facts.Policies.Policies {
			for clause, flows := range v.Clauses {
				v.Clauses[clause] = slices.DeleteFunc(slices.Clone(flows), func(f Flow) bool { return f == w.c().Effective() })
			}
		}
	}, CodeNoBasis, clauseBasis},

	{"recipient that the flow has not", ruleReceive, in(actEntrust), nil, func(w *fixture) { w.c().Recipients = append(w.c().Recipients, "bystander") }, CodeForbidden, clauseFlows},
	{"recipient that is nobody", ruleReceive, in(actEntrust), nil, func(w *fixture) { w.c().Recipients = append(w.c().Recipients, "nobody") }, CodeNotFound, clauseFlows},
	{"the worker as recipient", ruleReceive, in(actEntrust), outsourced, func(w *fixture) { w.c().Recipients = append(w.c().Recipients, "worker") }, CodeForbidden, clauseFlows},
	{"a reader that is no recipient", ruleReceive, in(actAsk), nil, func(w *fixture) { w.q().Recipient = "bystander" }, CodeForbidden, clauseFlows},
	{"aggregates for who only receives deliveries", ruleReceive, in(actAsk), delivering, func(w *fixture) { w.q().Recipient = "adco" }, CodeForbidden, clauseFlows},
	{"several recipients, none named", ruleReceive, in(actAsk), nil, func(w *fixture) { w.q().Recipient = ""; w.c().Recipients = []string{"x", "y"} }, CodeSpec, clauseDoc},
	{"a report that is no output", ruleReceive, in(actAsk), nil, func(w *fixture) { w.c().Outputs = []string{ReportOverlap} }, CodeForbidden, clauseFlows},
	{"an unknown report", ruleReceive, in(actAsk), nil, func(w *fixture) { w.q().Report = "rows" }, CodeSpec, clauseDoc},
	{"an overlap of nothing", ruleReceive, in(actAsk), nil, func(w *fixture) { w.q().Report = ReportOverlap; w.q().List = "" }, CodeSpec, clauseDoc},
	{"an index of an overlap", ruleReceive, in(actAsk), nil, func(w *fixture) { w.q().Report = ReportOverlap }, CodeSpec, clauseDoc},
	{"a delivery in a flow without", ruleReceive, in(actDeliver), notDelivering, func(*fixture) {}, CodeForbidden, clauseFlows},
	{"a receiver that is no recipient", ruleReceive, in(actDeliver), delivering, func(w *fixture) { w.deliver.Receiver = "bystander" }, CodeForbidden, clauseFlows},
	{"a delivery to the client", ruleReceive, in(actDeliver), delivering, func(w *fixture) { w.c().Recipients = append(w.c().Recipients, "acme"); w.deliver.Receiver = "acme" }, CodeForbidden, clauseFlows},
	{"identifiers that may not be sent", ruleReceive, in(actDeliver), delivering, func(w *fixture) { w.deliver.Kinds = []string{KindPhone} }, CodeForbidden, clauseDeliver},
	{"identifiers to send, and no delivery", ruleReceive, in(actEntrust), notDelivering, func(w *fixture) { w.c().DeliverIdentifiers = []string{KindEmail} }, CodeForbidden, clauseFlows},
	{"attributes to send, and no delivery", ruleReceive, in(actEntrust), notDelivering, func(w *fixture) { w.c().DeliverAttributes = []string{"gender"} }, CodeForbidden, clauseFlows},

	{"another's list", ruleOwn, in(actMatch), nil, func(w *fixture) { w.match.ListEntrustment = "other" }, CodeForbidden, clauseOwnList},
	{"another's question", ruleOwn, in(actAsk), nil, func(w *fixture) { w.q().Entrustment = "other" }, CodeForbidden, clauseOwnList},

	{"an identifier that is not named", ruleNamed, in(actLoad), nil, func(w *fixture) { w.load.Kinds = []string{KindEmail, KindMAID} }, CodeForbidden, clauseNamed},
	{"a list column that is not named", ruleNamed, in(actLoad), nil, func(w *fixture) { w.load.Columns = []string{"shoe_size"} }, CodeDimForbidden, clauseNamed},
	{"a dimension that is not named", ruleNamed, in(actAsk), nil, func(w *fixture) { w.q().Dims = []string{"salary_band"} }, CodeDimForbidden, clauseNamed},
	{"a dimension that the base has not", ruleNamed, in(actAsk), nil, func(w *fixture) { w.c().Attributes = []string{"shoe_size"}; w.q().Dims = w.c().Attributes }, CodeDimForbidden, clauseNamed},
	{"a dimension that the list has not", ruleNamed, in(actAsk), nil, func(w *fixture) { w.ask.ListColumns = nil }, CodeDimForbidden, clauseNamed},
	{"a list's dimension without a list", ruleNamed, in(actAsk), nil, func(w *fixture) { w.q().List = "" }, CodeSpec, clauseDoc},
	{"a dimension twice", ruleNamed, in(actAsk), nil, func(w *fixture) { w.q().Dims = []string{"gender", "gender"} }, CodeSpec, clauseDoc},
	{"matched_by in a profile", ruleNamed, in(actAsk), nil, func(w *fixture) { w.q().Dims = []string{DimMatchedBy} }, CodeDimForbidden, clauseDoc},
	{"a condition on what is not named", ruleNamed, in(actAsk, actDeliver), nil, where(Condition{Not: &Condition{In: map[string][]string{"salary_band": {"<1"}}}}), CodeDimForbidden, clauseNamed},
	{"between on what is not named", ruleNamed, in(actAsk, actDeliver), nil, where(Condition{Between: map[string][]string{"salary_band": {"<1", ">=2"}}}), CodeDimForbidden, clauseNamed},
	{"a condition on matched_by", ruleNamed, in(actAsk, actDeliver), nil, where(Condition{In: map[string][]string{DimMatchedBy: {"email"}}}), CodeDimForbidden, clauseNamed},
	{"an event that is not named", ruleNamed, in(actAsk, actDeliver), nil, where(Condition{Event: &EventCondition{"purchase", 1, 1}}), CodeDimForbidden, clauseNamed},
	{"events, and none is named", ruleNamed, in(actAsk), nil, func(w *fixture) {
		w.c().Events, w.q().Where, w.q().Report, w.q().Dims, w.q().Index = nil, nil, ReportBehaviour, nil, false
	}, CodeDimForbidden, clauseNamed},
	{"a value outside the domain", ruleNamed, in(actAsk, actDeliver), nil, where(Condition{In: map[string][]string{"gender": {"f"}}}), CodeDomain, clauseDoc},
	{"between without an order", ruleNamed, in(actAsk, actDeliver), nil, where(Condition{Between: map[string][]string{"gender": {"female", "male"}}}), CodeSpec, clauseDoc},
	{"between the wrong way", ruleNamed, in(actAsk), nil, where(Condition{Between: map[string][]string{"age_band": {"30-34", "20-24"}}}), CodeDomain, clauseDoc},
	{"between up to unknown", ruleNamed, in(actAsk), nil, where(Condition{Between: map[string][]string{"age_band": {"30-34", Unknown}}}), CodeDomain, clauseDoc},
	{"an empty condition", ruleNamed, in(actAsk, actDeliver), nil, where(Condition{}), CodeSpec, clauseDoc},
	{"a delivery by what it may not tell", ruleNamed, in(actDeliver), delivering, where(Condition{In: map[string][]string{"age_band": {"20-24"}}}), CodeDimForbidden, clauseDeliver},
	{"a delivery by an event it may not tell", ruleNamed, in(actDeliver), delivering, func(w *fixture) { w.c().DeliverAttributes = []string{"gender", "tier"} }, CodeDimForbidden, clauseDeliver},
	{"a delivery attribute that is not read", ruleNamed, in(actEntrust), delivering, func(w *fixture) { w.c().DeliverAttributes = []string{"salary_band"} }, CodeDimForbidden, clauseNamed},

	{"a contract that names what is sensitive", ruleCare, in(actEntrust), nil, func(w *fixture) { w.c().Attributes = append(w.c().Attributes, "病歴") }, CodeDimForbidden, clauseCare},
	{"a contract that names what was declared sensitive", ruleCare, in(actEntrust), nil, func(w *fixture) { w.c().Attributes = append(w.c().Attributes, "benefit_code") }, CodeDimForbidden, clauseCare},
	{"a list column that is sensitive", ruleCare, in(actLoad), nil, func(w *fixture) { w.c().ListColumns = []string{"religion"}; w.load.Columns = w.c().ListColumns }, CodeDimForbidden, clauseCare},
	{"a sensitive dimension", ruleCare, in(actAsk), nil, func(w *fixture) { w.c().Attributes = []string{"benefit_code"}; w.q().Dims = w.c().Attributes }, CodeDimForbidden, clauseCare},
	{"a sensitive measure", ruleCare, in(actAsk), nil, func(w *fixture) { w.q().Measures = []string{"diagnoses"} }, CodeDimForbidden, clauseCare},
	{"a sensitive condition", ruleCare, in(actAsk, actDeliver), nil, func(w *fixture) {
		w.c().Attributes = append(w.c().Attributes, "benefit_code")
		w.c().DeliverAttributes = append(w.c().DeliverAttributes, "benefit_code")
		where(Condition{In: map[string][]string{"benefit_code": {Unknown}}})(w)
	}, CodeDimForbidden, clauseCare},
	{"a sensitive event", ruleCare, in(actAsk, actDeliver), nil, func(w *fixture) {
		w.c().Events = []string{"medical_inquiry"}
		where(Condition{Event: &EventCondition{"medical_inquiry", 1, 1}})(w)
	}, CodeDimForbidden, clauseCare},

	{"a reader abroad without ground", ruleAbroad, in(actEntrust, actAsk), nil, abroad(func(w *fixture) string { return w.q().Recipient }, Country{Country: "SG"}), CodeForbidden, clauseAbroad},
	{"a reader abroad that is not on record", ruleAbroad, in(actEntrust, actAsk), nil, abroad(func(w *fixture) string { return w.q().Recipient }, Country{}), CodeForbidden, clauseAbroad},
	{"a reader of two countries", ruleAbroad, in(actEntrust, actAsk), nil, abroad(func(w *fixture) string { return w.q().Recipient }, Country{"US", "consent", ""}), CodeForbidden, clauseAbroad},
	{"a trustee abroad without ground", ruleAbroad, in(actEntrust), nil, abroad(func(w *fixture) string { return w.c().Trustee }, Country{Country: "SG"}), CodeForbidden, clauseAbroad},
	{"a receiver abroad without ground", ruleAbroad, in(actEntrust, actDeliver), delivering, abroad(func(w *fixture) string { return "adco" }, Country{Country: "SG"}), CodeForbidden, clauseAbroad},

	{"a reader abroad without evidence", ruleAbroad, in(actEntrust), nil, abroad(func(w *fixture) string { return w.q().Recipient }, Country{"SG", GroundConsent, ""}), CodeForbidden, clauseAbroad},
	{"a trustee abroad without evidence", ruleAbroad, in(actEntrust), nil, abroad(func(w *fixture) string { return w.c().Trustee }, Country{"SG", GroundMeasures, ""}), CodeForbidden, clauseAbroad},
	{"a sub-trustee abroad without evidence", ruleAbroad, in(actEntrust), nil, abroad(func(w *fixture) string { return "sub" }, Country{"SG", GroundConsent, ""}), CodeForbidden, clauseAbroad},
	{"a sub-trustee abroad without ground", ruleAbroad, in(actEntrust, actAsk), nil, abroad(func(w *fixture) string { return "sub" }, Country{Country: "SG"}), CodeForbidden, clauseAbroad},
	{"a sub-trustee that operates abroad", ruleAbroad, in(actEntrust), nil, abroad(func(w *fixture) string { return "host" }, Country{}), CodeForbidden, clauseAbroad},

	{"a sub-trustee that is nobody", ruleSub, in(actEntrust), nil, sub(1, func(s *SubTrustee) { s.Party = "nobody" }), CodeNotFound, clauseFlows},
	{"a sub-trustee of another class", ruleSub, in(actEntrust), nil, sub(1, func(s *SubTrustee) { s.Party = "bystander" }), CodeForbidden, clauseSub},
	{"the worker as its own sub-trustee", ruleSub, in(actEntrust), outsourced, sub(1, func(s *SubTrustee) { s.Party = "worker" }), CodeForbidden, clauseSub},
	{"the principal as a sub-trustee", ruleSub, in(actEntrust), nil, func(w *fixture) { w.c().SubTrustees[1].Party = w.c().Principal }, CodeForbidden, clauseSub},
	{"a sub-trustee as recipient", ruleSub, in(actEntrust), nil, func(w *fixture) { w.c().Recipients = append(w.c().Recipients, "host") }, CodeForbidden, clauseSub},
	{"a sub-trustee twice", ruleSub, in(actEntrust), nil, sub(1, func(s *SubTrustee) { s.Party = "sub" }), CodeForbidden, clauseSub},
	{"a sub-trustee without work", ruleSub, in(actEntrust), nil, sub(1, func(s *SubTrustee) { s.Work = nil }), CodeForbidden, clauseSub},
	{"a sub-trustee without consent", ruleSub, in(actEntrust), nil, sub(1, func(s *SubTrustee) { s.Consent = "" }), CodeForbidden, clauseSub},
	{"a sub-trustee whose work is another", ruleSub, in(actAsk), nil, func(w *fixture) { w.asker = "host" }, CodeForbidden, clauseSub},
	{"a sub-trustee before its first day", ruleSub, in(actAsk), nil, sub(0, func(s *SubTrustee) { s.From = Date{2026, 6, 16} }), CodeForbidden, clauseSub},
	{"a sub-trustee after its last day", ruleSub, in(actAsk), nil, sub(0, func(s *SubTrustee) { s.Until = Date{2026, 6, 14} }), CodeForbidden, clauseSub},
	{"a sub-trustee that was taken out", ruleSub, in(actAsk), nil, func(w *fixture) { w.c().SubTrustees = w.c().SubTrustees[1:] }, CodeForbidden, clauseFlows},
	{"a question of a bystander", ruleSub, in(actAsk), nil, func(w *fixture) { w.asker = "bystander" }, CodeForbidden, clauseFlows},
	{"a question of the client whose users the operator studies", ruleSub, in(actAsk), func(w *fixture) bool { return w.c().Effective() == FlowImprovement5 }, func(w *fixture) { w.asker = "acme" }, CodeForbidden, clauseFlows},

	{"no trust in the host", ruleHost, everyAct, func(w *fixture) bool { return w.c().Effective() == FlowAnalysis26 }, func(w *fixture) { w.c().HostTrustAccepted = false }, CodeForbidden, clauseHost},
}

func where(c Condition) func(*fixture) {
	return func(w *fixture) {
		w.q().Where = &Condition{Any: []Condition{{All: []Condition{c}}}}
		w.deliver.Where = w.q().Where
	}
}

func abroad(who func(*fixture) string, on Country) func(*fixture) {
	return func(w *fixture) {
		id := who(w)
		w.facts.Parties[id].Country = "SG"
		delete(w.c().Countries, id)
		if on.Country != "" {
			w.c().Countries[id] = on
		}
	}
}

// worlds are the six flows; 5-outsourcing is there once for each flow it runs.
func worlds() map[string]func() *fixture {
	out := map[string]func() *fixture{}
	for _, f := range Flows() {
		if f != FlowOutsourcing5 {
			out[string(f)] = func() *fixture { return worldOf(f, "") }
			out["5-outsourcing of "+string(f)] = func() *fixture { return worldOf(FlowOutsourcing5, f) }
		}
	}
	return out
}

func TestEveryActOfEveryFlow(t *testing.T) {
	for name, world := range worlds() {
		for _, act := range acts {
			w := world()
			err := w.decide(act)
			if act == actDeliver && !w.delivers() {
				wantRefusal(t, name+", "+act, err, CodeForbidden, clauseFlows)
			} else if err != nil {
				t.Errorf("%s, %s: refused: %v", name, act, err)
			}
		}
	}
}

func wantRefusal(t *testing.T, what string, err error, code Code, clause string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != code || clause != "" && e.Clause != clause || e.Field == "" || e.Detail == "" || e.Mend == "" {
		t.Errorf("%s: got %v\nwant %s (%s) with a field, a detail and a mend", what, err, code, clause)
	}
}

// The law as a table: every flow × act × rule. Each breach, alone, forbids each
// act that it names.
func TestEveryBreachIsRefused(t *testing.T) {
	covered := map[string]bool{} // flow, act and rule
	for name, world := range worlds() {
		for _, b := range breaches {
			for _, act := range b.acts {
				w := world()
				if b.only != nil && !b.only(w) {
					continue
				}
				covered[key3(string(w.c().Flow), act, b.rule)] = true
				if act == actDeliver && !w.delivers() && b.rule != ruleFlow {
					b := b
					b.change(w)
					if w.decide(act) == nil {
						t.Errorf("%s, %s: allowed in a flow that delivers nothing", name, b.name)
					}
					continue
				}
				b.change(w)
				wantRefusal(t, fmt.Sprintf("%s, %s, %s", name, act, b.name), w.decide(act), b.code, b.clause)
			}
		}
	}
	for _, f := range Flows() {
		for _, act := range acts {
			for _, rule := range []string{ruleFlow, ruleTerm, rulePurpose, ruleBasis, ruleReceive, ruleOwn, ruleNamed, ruleCare, ruleAbroad, ruleHost, ruleSub} {
				if !covered[key3(string(f), act, rule)] && !notHere(f, act, rule) {
					t.Errorf("no case of %s, %s, %s", f, act, rule)
				}
			}
		}
	}
}

func key3(flow, act, rule string) string { return strings.Join([]string{flow, act, rule}, " | ") }

// notHere lists the combinations that a decision has nothing to say about.
// Rules 4 and 5 of DESIGN §2 are of single users and are held by the matcher
// (see TestServesEnquiry for the flow's part), 7 by the record log, 8 by the
// gate, 9 by signatures.
func notHere(f Flow, act, rule string) bool {
	switch rule {
	case ruleHost: // the partner's rows on the operator's machine
		return f != FlowAnalysis26 && f != FlowOutsourcing5
	case ruleReceive: // nothing is received by loading or matching
		return act == actLoad || act == actMatch
	case ruleOwn: // a contract, an upload and a delivery have no other entrustment's list
		return act == actEntrust || act == actLoad || act == actDeliver
	case ruleNamed: // what is named is named by the contract; a match reads no attribute
		return act == actMatch || act == actEntrust && flowRules[f].receives == nil
	case ruleSub: // only a contract names sub-trustees, and only a question has an asker
		return act != actEntrust && act != actAsk
	case ruleCare:
		return act == actMatch
	case ruleAbroad: // nothing is received by loading or matching, or in flows without delivery
		return act == actLoad || act == actMatch || act == actDeliver && flowRules[f].receives == nil
	}
	return false
}

func TestServesEnquiry(t *testing.T) {
	for name, world := range worlds() {
		c := world().c()
		if c.ServesEnquiry() != (c.Effective() == FlowImprovement5) {
			t.Errorf("%s: %v", name, c.ServesEnquiry())
		}
	}
}

func TestCovered(t *testing.T) {
	for name, world := range worlds() {
		w := world()
		if by, versions := w.facts.Covered(); !by || !slices.Equal(versions, []string{"2024-01-29", "2025-06-01"}) {
			t.Errorf("%s: %v %v", name, by, versions)
		}
		w.own().Clauses = []string{"other", "all"}
		if _, versions := w.facts.Covered(); len(versions) != 3 || !slices.IsSorted(versions) {
			t.Errorf("%s: two clauses cover %v", name, versions)
		}
		w.own().Code = BasisConsent27
		if by, versions := w.facts.Covered(); by || versions != nil {
			t.Errorf("%s: under a consent of its own %v %v", name, by, versions)
		}
		// It fails closed.
		w = world()
		w.c().Basis = w.c().Basis[1:]
		if by, versions := w.facts.Covered(); !by || versions != nil {
			t.Errorf("%s: without a basis %v %v", name, by, versions)
		}
		w.facts.Contract = nil
		if by, versions := w.facts.Covered(); !by || versions != nil {
			t.Errorf("%s: without a contract %v %v", name, by, versions)
		}
	}
}

func TestRecipient(t *testing.T) {
	w := worldOf(FlowDelivery5, "") // recipients acme, who reads, and adco, who receives
	for _, c := range []struct {
		asked      string
		recipients []string
		want       string
	}{
		{"", []string{"acme"}, "acme"}, {"", []string{"acme", "adco"}, "acme"}, {"adco", []string{"acme", "adco"}, "adco"}, {"", []string{"bystander"}, "bystander"},
		{"", []string{"bystander", "adco"}, ""},
	} {
		w.c().Recipients, w.q().Recipient = c.recipients, c.asked
		got, err := w.facts.Recipient(w.q())
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
}

func TestAllowedAsksAndDeliveries(t *testing.T) {
	allowed := func(name string, w *fixture, act string) {
		t.Helper()
		if err := w.decide(act); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := worldOf(FlowAnalysis5, "")
	w.q().Report, w.q().Dims, w.q().Index = ReportOverlap, []string{DimMatchedBy}, false
	allowed("matched_by in an overlap", w, actAsk)

	// A table of one party alone may rest on entrustment.
	w = worldOf(FlowAnalysis5, "")
	w.own().Code, w.own().Policy, w.own().Clauses = BasisEntrust, "", nil
	w.q().List, w.q().Dims, w.q().Where, w.q().Index = "", []string{"gender"}, nil, false
	allowed("the base alone under ENTRUST", w, actAsk)
	w.q().Where = &Condition{Not: &Condition{List: "l"}}
	wantRefusal(t, "a list in the condition joins", w.decide(actAsk), CodeNoBasis, clauseEntrust)

	w = worldOf(FlowAnalysis5, "")
	w.other().Code, w.facts.StatEffective = BasisStat2026, Date{2026, 6, 15}
	for _, act := range []string{actEntrust, actLoad, actMatch, actAsk} {
		allowed("STAT_2026 in force, "+act, w, act)
	}

	// Entrustment alone holds a list; it does not join it.
	w = worldOf(FlowAnalysis5, "")
	w.other().Code = BasisEntrust
	allowed("loading under ENTRUST", w, actLoad)
	wantRefusal(t, "entrusting under ENTRUST, whose every report joins", w.decide(actEntrust), CodeNoBasis, clauseEntrust)

	w = worldOf(FlowDelivery5, "")
	w.c().Recipients = append(w.c().Recipients, "operator")
	w.deliver.Receiver = "operator"
	allowed("the operator's own channel", w, actDeliver)
	w.facts.Parties["adco"].Group = "acme"
	w.deliver.Receiver = "adco"
	wantRefusal(t, "a platform of the client's group", w.decide(actDeliver), CodeForbidden, clauseFlows)

	// A contract of days to come is activated today.
	w = worldOf(FlowAnalysis5, "")
	w.facts.Now = time.Date(2026, 3, 1, 0, 0, 0, 0, JST)
	w.other().From = Date{2026, 4, 15}
	allowed("a contract to come", w, actEntrust)

	// The last day counts whole, in Japan.
	w = worldOf(FlowAnalysis5, "")
	w.facts.Now = time.Date(2026, 9, 30, 14, 59, 59, 0, time.UTC)
	allowed("the last second", w, actAsk)

	// No base yet: the contract can be made, and names are checked later.
	w = worldOf(FlowAnalysis5, "")
	w.facts.Base = nil
	allowed("entrusting before the base", w, actEntrust)
	allowed("asking before the base", w, actAsk)
}

// The contract of DESIGN §8 can be activated and asked, as its example spec does.
func TestExampleOfTheDesign(t *testing.T) {
	f := Facts{
		Now: today, Contract: mustParse(t, ParseContract, "contract.yaml"), Policies: mustParse(t, ParsePolicies, "policies.yaml"), Base: mustParse(t, ParseBaseSchema, "base.yaml"),
		Parties: map[string]*Party{"acme": mustParse(t, ParseParty, "party.yaml"), "operator": party("operator", ClassOperator, "operator", "JP")},
	}
	q := mustParse(t, ParseQuestion, "spec.yaml")
	for name, err := range map[string]error{
		"entrust": DecideEntrust(f), "load": DecideLoad(f, Load{Kinds: []string{KindEmail, KindPhone}, Columns: []string{"tier"}}),
		"match": DecideMatch(f, Match{f.Contract.ID}), "ask": DecideAsk(f, Ask{Question: q, ListColumns: []string{"tier"}}),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := DecideAsk(f, Ask{}); err == nil {
		t.Error("no question was allowed")
	}
}

func TestWalk(t *testing.T) {
	q := mustParse(t, ParseQuestion, "spec.yaml")
	var seen []string
	err := q.Where.Walk(func(c *Condition) error {
		switch {
		case c.All != nil:
			seen = append(seen, "all")
		case c.Not != nil:
			seen = append(seen, "not")
		case c.List != "":
			seen = append(seen, c.List)
			return errors.New("stop")
		case c.In != nil:
			seen = append(seen, "in")
		}
		return nil
	})
	if got := strings.Join(seen, " "); got != "all in not existing-customers" || err == nil {
		t.Errorf("%s, %v", got, err)
	}
	if (*Condition)(nil).Walk(func(*Condition) error { return errors.New("called") }) != nil {
		t.Error("nothing was visited")
	}
}

// aHash names an evidence document.
const aHash = "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"
