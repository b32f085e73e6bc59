package entrustment

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// decides names, by breach, the key of the contract that decides. What is not here
// is decided by no clause: the question or the base is at fault, or the policy's
// word on sensitive data.
var decides = map[string]string{
	"unknown flow": "flow", "principal is gone": "principal", "trustee is gone": "trustee",
	"principal of another class": "principal", "trustee of another class": "trustee", "basis of nobody": "basis[2].party", "partner in the principal's group": "trustee",
	"runs without outsourcing": "runs", "outsourcing of nothing": "runs", "outsourcing of outsourcing": "runs",
	"ended": "until", "not begun": "from",
	"a purpose of another flow": "purpose", "a question for another purpose": "purpose", "an advertising report without that purpose": "purpose",
	"no basis for the base": "basis", "no basis for the list": "basis", "no evidence": "basis[1].evidence", "unknown code": "basis[1].code",
	"basis ended": "basis[1].until", "basis not begun": "basis[1].from", "basis after the contract": "basis[1].from", "base's basis ended": "basis[0].until",
	"entrustment alone for the list": "basis[1].code", "entrustment alone for the base": "basis[0].code", "entrustment alone, and nothing but joins": "basis[1].code",
	"STAT_2026 is off": "basis[1].code", "STAT_2026 is to come": "basis[1].code", "no policies": "basis[0].clauses", "unknown policy version": "basis[0].clauses",
	"version without clauses": "basis[0].clauses", "clause not relied on": "basis[0].clauses", "clause of another flow": "basis[0].clauses",
	"recipient that the flow has not": "recipients", "recipient that is nobody": "recipients", "the worker as recipient": "recipients",
	"a reader that is no recipient": "recipients", "aggregates for who only receives deliveries": "flow or runs", "several recipients, none named": "recipients",
	"a report that is no output": "outputs", "a delivery in a flow without": "flow or runs", "a receiver that is no recipient": "recipients", "a delivery to the client": "flow or runs",
	"identifiers that may not be sent": "deliver_identifiers", "identifiers to send, and no delivery": "deliver_identifiers", "attributes to send, and no delivery": "deliver_attributes",
	"an identifier that is not named": "identifiers", "a list column that is not named": "list_columns", "a dimension that is not named": "attributes",
	"a condition on what is not named": "attributes", "between on what is not named": "attributes", "a condition on matched_by": "attributes", "an event that is not named": "events", "events, and none is named": "events",
	"a delivery by what it may not tell": "deliver_attributes", "a delivery by an event it may not tell": "deliver_attributes", "a delivery attribute that is not read": "deliver_attributes",
	"a contract that names what is sensitive": "attributes", "a contract that names what was declared sensitive": "attributes",
	"a reader abroad without ground": "countries", "a reader abroad that is not on record": "countries", "a reader of two countries": "countries",
	"a trustee abroad without ground": "countries", "a receiver abroad without ground": "countries",
	"a reader abroad without evidence": "countries", "a trustee abroad without evidence": "countries",
	"a sub-trustee abroad without evidence": "countries", "a sub-trustee abroad without ground": "countries", "a sub-trustee that operates abroad": "countries",
	"a sub-trustee that is nobody": "sub_trustees[1].party", "a sub-trustee of another class": "sub_trustees[1].party", "the worker as its own sub-trustee": "sub_trustees[1].party",
	"the principal as a sub-trustee": "sub_trustees[1].party", "a sub-trustee as recipient": "sub_trustees[1].party", "a sub-trustee twice": "sub_trustees[1].party",
	"a sub-trustee without work": "sub_trustees[1].work", "a sub-trustee without consent": "sub_trustees[1].consent", "a sub-trustee whose work is another": "sub_trustees[1].work",
	"a sub-trustee before its first day": "sub_trustees[0].from", "a sub-trustee after its last day": "sub_trustees[0].until",
	"a sub-trustee that was taken out": "recipients", "a question of a bystander": "recipients", "a question of the client whose users the operator studies": "recipients",
	"no trust in the host": "host_trust_accepted",
}

// Of every flow, act and breach: a refusal that a clause decides names the contract,
// its version and the clause, first in what people read and as fields; any other names
// none. Every key of a contract is among the clauses, but those that decide nothing
// here.
func TestRefusalsNameTheClause(t *testing.T) {
	found := map[string]bool{}
	for name, world := range worlds() {
		for _, b := range breaches {
			for _, act := range b.acts {
				w := world()
				if b.only != nil && !b.only(w) {
					continue
				}
				b.change(w)
				e, ok := errors.AsType[*Error](w.decide(act))
				if !ok {
					t.Errorf("%s, %s, %s: allowed", name, act, b.name)
					continue
				}
				want := decides[b.name]
				if act == actDeliver && flowRules[w.facts.effective()].receives == nil && e.Contract.Clause != want {
					want = "flow or runs" // before all else
				}
				if want == "flow or runs" {
					want = w.facts.flow()
				}
				got := e.Contract
				if want == "" {
					if got != (ContractClause{}) {
						t.Errorf("%s, %s, %s: %v names %v", name, act, b.name, e, got)
					}
					continue
				}
				key, _, _ := strings.Cut(got.Clause, "[")
				key, _, _ = strings.Cut(key, ".")
				// A contract is refused by the whole entry.
				if got.Clause != want && key != want && (act != actEntrust || !strings.HasPrefix(want, got.Clause)) {
					t.Errorf("%s, %s, %s: it names %q, want %q", name, act, b.name, got.Clause, want)
				}
				found[key] = true
				if text := fmt.Sprintf("e v3, %s: ", got.Clause); got.ID != "e" || got.Version != 3 || !strings.HasPrefix(e.Detail, text) || !strings.Contains(e.Error(), text) || strings.Count(e.Error(), "e v3") != 1 {
					t.Errorf("%s, %s, %s: %v does not begin with %q", name, act, b.name, e, text)
				}
			}
		}
	}
	// max_list_rows is held where rows are counted; service and retention refuse nothing.
	elsewhere := []string{"schema", "id", "max_list_rows", "service", "retention"}
	for f := range reflect.TypeFor[Contract]().Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if found[key] == slices.Contains(elsewhere, key) {
			t.Errorf("%s: refused by it: %v", key, found[key])
		}
	}
	for name := range decides {
		if !slices.ContainsFunc(breaches, func(b breach) bool { return b.name == name }) {
			t.Errorf("there is no breach %q", name)
		}
	}
}

// effective is the flow, also where there is no contract.
func (f *Facts) effective() Flow {
	if f.Contract == nil {
		return ""
	}
	return f.Contract.Effective()
}

// What the paper says in one line.
func TestRefusalReads(t *testing.T) {
	w := worldOf(FlowAnalysis5, "")
	w.c().ID, w.q().Entrustment, w.q().Dims = "acme-2026-spring", "acme-2026-spring", []string{"年収"}
	const want = `E_DIM_FORBIDDEN at dims[0]: acme-2026-spring v3, attributes: "年収" is not listed (DESIGN §2 rule 2); allowed: age_band, gender, tier`
	if err := w.decide(actAsk); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// Named once, whoever names it again.
	e, _ := errors.AsType[*Error](w.decide(actAsk))
	if again := e.By(ContractClause{"other", 1, "basis"}); again.Error() != want {
		t.Error(again)
	}
}

// The parties of a contract, and who may ask under it, of every flow.
func TestPartiesOfAContract(t *testing.T) {
	for name, world := range worlds() {
		w := world()
		c := w.c()
		for _, id := range []string{"operator", "acme", "adco", "worker", "bystander", "sub", "host"} {
			sides := id == c.Principal || id == c.Trustee
			joined := slices.ContainsFunc(c.Basis, func(b Basis) bool { return b.Party == id })
			receives := slices.Contains(c.Recipients, id)
			if got := slices.Contains(c.Signers(), id); got != (sides || joined || id == "sub") {
				t.Errorf("%s: %s signs: %v", name, id, got)
			}
			if got := slices.Contains(c.Parties(), id); got != (sides || joined || receives || id == "sub" || id == "host") {
				t.Errorf("%s: %s is a party: %v", name, id, got)
			}
			if got := slices.Contains(c.Sides(), id); got != (sides || joined || receives) {
				t.Errorf("%s: %s sees what is done: %v", name, id, got)
			}
			asks := sides && (id == c.Trustee || c.Effective() != FlowImprovement5) // an improvement is the operator's own
			if got := c.MayAsk(id); got != (asks || receives || id == "sub") {
				t.Errorf("%s: %s may ask: %v", name, id, got)
			}
			if err := DecideAsker(w.facts, id); (err == nil) != c.MayAsk(id) {
				t.Errorf("%s: %s may ask today: %v", name, id, err)
			}
		}
	}
	// Where another runs the flow, the owner of the lists is neither side.
	c := worldOf(FlowOutsourcing5, FlowImprovement5).c()
	if !slices.Equal(c.Parties(), []string{"acme", "host", "operator", "sub", "worker"}) || c.MayAsk("acme") {
		t.Errorf("%v, acme may ask: %v", c.Parties(), c.MayAsk("acme"))
	}
}
