package entrustment

import (
	"errors"
	"slices"
	"testing"
)

// joined is a flow's fixture in which the platform adco has a basis of its own.
func joined(flow, runs Flow) *fixture {
	w := worldOf(flow, runs)
	w.c().Events = append(w.c().Events, "spring")
	w.c().Basis = append(w.c().Basis, Basis{Party: "adco", Code: BasisConsent31, Evidence: aHash})
	return w
}

func itsLog(party string) EventsLoad {
	return EventsLoad{Party: party, Kinds: []string{KindEmail}, Types: []EventType{{EventImpression, "spring"}}}
}

// TestReceiversLog: of what was delivered under 5-delivery, run for another too, the
// platform's log is taken where it has a basis, and its officers sign such a contract.
func TestReceiversLog(t *testing.T) {
	for _, runs := range []Flow{"", FlowDelivery5} {
		flow := FlowDelivery5
		if runs != "" {
			flow = FlowOutsourcing5
		}
		w := joined(flow, runs)
		if err := DecideEntrust(w.facts); err != nil {
			t.Fatalf("%s: %v", flow, err)
		}
		if got := w.facts.Loggers(); !slices.Equal(got, []string{"acme", "adco"}) || !slices.Contains(w.c().Signers(), "adco") {
			t.Errorf("%s: logs are of %v, signed by %v", flow, got, w.c().Signers())
		}
		for _, party := range w.facts.Loggers() {
			if err := errors.Join(DecideLogger(w.facts, party), DecideEvents(w.facts, itsLog(party))); err != nil {
				t.Errorf("%s, of %s: %v", flow, party, err)
			}
		}
		if err := DecideLogs(w.facts, []string{"adco"}); err != nil {
			t.Errorf("%s: %v", flow, err)
		}
	}
	for _, flow := range []Flow{FlowAnalysis5, FlowImprovement5} { // that deliver nothing
		w := joined(flow, "")
		wantRefusal(t, string(flow), DecideEntrust(w.facts), CodeForbidden, clauseBasis)
		wantRefusal(t, string(flow), DecideEvents(w.facts, itsLog("adco")), CodeForbidden, clauseFlows)
	}
	if got := worldOf(FlowDelivery24, "").facts; !slices.Equal(got.Loggers(), []string{"adco"}) {
		t.Errorf("under 2-4-delivery logs are of %v", got.Loggers())
	}
}

// TestReceiversLogRefused: each breach, and the clause of the contract that decides.
func TestReceiversLogRefused(t *testing.T) {
	for name, b := range map[string]struct {
		breach func(*fixture)
		code   Code
		clause string
		signed bool // a contract of these words can be activated
	}{
		"no recipient":             {func(w *fixture) { w.c().Recipients = []string{"acme"} }, CodeForbidden, "basis", false},
		"no basis":                 {func(w *fixture) { w.c().Basis = w.c().Basis[:2] }, CodeNoBasis, "basis", true},
		"of the principal's group": {func(w *fixture) { w.facts.Parties["adco"].Group = "acme" }, CodeForbidden, "recipients", false},
		"a recipient that is none": {func(w *fixture) { w.facts.Parties["adco"].Class = ClassTrustee }, CodeForbidden, "recipients", false},
		"entrusted alone":          {func(w *fixture) { w.c().Basis[2].Code = BasisEntrust }, CodeNoBasis, "basis[2].code", false},
		"no evidence":              {func(w *fixture) { w.c().Basis[2].Evidence = "" }, "", "", false},
		"a basis to come":          {func(w *fixture) { w.c().Basis[2].From = DateOf(today).Add(1) }, CodeNoBasis, "basis[2].from", true},
		"a basis that is over":     {func(w *fixture) { w.c().Basis[2].Until = DateOf(today).Add(-1) }, CodeNoBasis, "basis[2].until", false},
		"STAT_2026":                {func(w *fixture) { w.c().Basis[2].Code = BasisStat2026 }, CodeNoBasis, "basis[2].code", false},
	} {
		w := joined(FlowDelivery5, "")
		b.breach(w)
		if err := DecideEntrust(w.facts); (err == nil) != b.signed {
			t.Errorf("%s: activated: %v", name, err)
		}
		if b.code == "" {
			continue
		}
		err := DecideLogs(w.facts, []string{"adco"})
		wantRefusal(t, name, err, b.code, "")
		if got := Public(err); got.Contract != (ContractClause{"e", 3, b.clause}) {
			t.Errorf("%s: by %+v", name, got.Contract)
		}
		if name == "entrusted alone" { // enough to hold it, not to join it
			continue
		}
		err = DecideEvents(w.facts, itsLog("adco"))
		wantRefusal(t, name, err, b.code, "")
		if got := Public(err); got.Contract != (ContractClause{"e", 3, b.clause}) {
			t.Errorf("%s: a load, by %+v", name, got.Contract)
		}
	}
	// The client's basis does not stand for the platform's, and is no less needed.
	w := joined(FlowDelivery5, "")
	w.c().Basis[1].Until = DateOf(today).Add(-1)
	if err := DecideEvents(w.facts, itsLog("adco")); err != nil {
		t.Errorf("the platform's log, while the client's basis is over: %v", err)
	}
	wantRefusal(t, "the client's", DecideEvents(w.facts, itsLog("acme")), CodeNoBasis, clauseBasis)

	w = joined(FlowDelivery5, "")
	for name, l := range map[string]EventsLoad{
		"by a list's keys":         {Party: "adco", List: "l", Types: itsLog("adco").Types},
		"by user keys":             {Party: "adco", UserKey: true, Types: itsLog("adco").Types},
		"a kind that is not named": {Party: "adco", Kinds: []string{KindCookie}, Types: itsLog("adco").Types},
		"of the operator":          itsLog("operator"),
		"of a bystander":           itsLog("bystander"),
	} {
		wantRefusal(t, name, DecideEvents(w.facts, l), CodeForbidden, "")
	}
	// A question that was charged is not released once a basis that it rests on is over.
	w.ask.Question = &Question{Report: ReportDelivery, Entrustment: "e", Campaign: "c"}
	w.ask.Receivers = []string{"adco"}
	if err := DecideRelease(w.facts, w.ask, w.c().Until); err != nil {
		t.Errorf("a release: %v", err)
	}
	w.c().Basis[2].Until = DateOf(today).Add(-1)
	wantRefusal(t, "a release after the basis", DecideRelease(w.facts, w.ask, w.c().Until), CodeNoBasis, clauseBasis)
}
