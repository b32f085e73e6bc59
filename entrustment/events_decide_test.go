package entrustment

import (
	"errors"
	"slices"
	"testing"
)

// placeColumn is what intake's header has of a column generalised to where
// somebody was.
var placeColumn = EventDimension{"place", (&Generaliser{Prefecture: true}).Domain()}

// eventWorld is a flow's fixture with a log that may be loaded under it.
func eventWorld(flow, runs Flow) (*fixture, *EventsLoad) {
	w := worldOf(flow, runs)
	w.c().Events = append(w.c().Events, "spring")
	w.c().ListColumns = append(w.c().ListColumns, "device", "place")
	return w, &EventsLoad{
		Party: w.other().Party, Kinds: []string{KindEmail, KindPhone},
		Types:   []EventType{{EventImpression, "spring"}, {EventPageView, "page_view"}},
		Columns: []EventDimension{{"device", []string{"pc", Unknown}}},
	}
}

// ownWorld is the operator's own log, loaded onto the base.
func ownWorld() (*fixture, *EventsLoad) {
	w := worldOf(FlowAnalysis5, "")
	w.facts.Contract = nil
	w.facts.Base.Identifiers = []IdentifierColumn{{Column: "m", Kind: KindEmail}}
	return w, &EventsLoad{
		Party: "operator", Own: true, UserKey: true,
		Types:   []EventType{{EventConversion, "応募"}, {EventLocation, "通勤"}},
		Columns: []EventDimension{placeColumn},
	}
}

func reads(f Flow) bool { return slices.Contains(located[:], f) }

func TestEventsOfEveryFlow(t *testing.T) {
	for name, world := range worlds() {
		flow, runs := world().c().Flow, world().c().Runs
		w, l := eventWorld(flow, runs)
		if err := DecideEvents(w.facts, *l); err != nil {
			t.Errorf("%s: refused: %v", name, err)
		}
		l.Columns = append(l.Columns, placeColumn)
		l.Types = append(l.Types, EventType{EventLocation, "spring"})
		err := DecideEvents(w.facts, *l)
		if reads(w.c().Effective()) {
			if err != nil {
				t.Errorf("%s: location refused: %v", name, err)
			}
		} else {
			wantRefusal(t, name+", location", err, CodeForbidden, flowRules[w.c().Effective()].policy)
		}
	}
	w, l := ownWorld()
	if err := DecideEvents(w.facts, *l); err != nil {
		t.Errorf("the operator's own log: %v", err)
	}
	l.UserKey, l.Kinds = false, []string{KindEmail}
	if err := DecideEvents(w.facts, *l); err != nil {
		t.Errorf("the operator's own log by email: %v", err)
	}
}

// A party's own keys are there under an entrustment that delivers, and nowhere else;
// they are one way to name users, and never a second one.
func TestEventsByTheKeysOfAList(t *testing.T) {
	delivers, not := 0, 0
	for name, world := range worlds() {
		w, l := eventWorld(world().c().Flow, world().c().Runs)
		l.Kinds, l.List = nil, "members"
		err := DecideEvents(w.facts, *l)
		if !w.c().Delivers() {
			not++
			wantRefusal(t, name, err, CodeForbidden, clauseNamed)
			if e, ok := errors.AsType[*Error](err); !ok || e.Contract.Clause != w.facts.flow() || e.Mend != "name users by identifiers" {
				t.Errorf("%s: %+v", name, e)
			}
			continue
		}
		delivers++
		if err != nil {
			t.Errorf("%s: refused: %v", name, err)
		}
		l.Kinds = []string{KindEmail}
		wantRefusal(t, name+", and by identifiers", DecideEvents(w.facts, *l), CodeDocument, clauseDoc)
	}
	if delivers == 0 || not == 0 {
		t.Errorf("%d flows deliver, %d don't", delivers, not)
	}
}

// What forbids a load of a list forbids that of a log: the parties, the term,
// the purpose, the bases, the host.
func TestBreachesOfLoadsForbidEvents(t *testing.T) {
	for name, world := range worlds() {
		for _, b := range breaches {
			if !slices.Contains(b.acts, actLoad) || b.rule == ruleNamed || b.rule == ruleCare || b.only != nil && !b.only(world()) {
				continue
			}
			w, l := eventWorld(world().c().Flow, world().c().Runs)
			b.change(w)
			wantRefusal(t, name+", "+b.name, DecideEvents(w.facts, *l), b.code, b.clause)
		}
	}
}

func TestEventBreaches(t *testing.T) {
	for _, b := range []struct {
		name   string
		change func(*fixture, *EventsLoad)
		code   Code
		clause string
	}{
		{"nobody's", func(_ *fixture, l *EventsLoad) { l.Party = "nobody" }, CodeNotFound, clauseFlows},
		{"no party", func(_ *fixture, l *EventsLoad) { l.Party = "" }, CodeNotFound, clauseFlows},
		{"a bystander's", func(_ *fixture, l *EventsLoad) { l.Party = "bystander" }, CodeForbidden, clauseFlows},
		{"the worker's", func(_ *fixture, l *EventsLoad) { l.Party = "worker" }, CodeForbidden, clauseFlows},
		{"the operator's", func(_ *fixture, l *EventsLoad) { l.Party = "operator" }, CodeForbidden, clauseOwnList},
		{"its own, with an entrustment", func(w *fixture, l *EventsLoad) { l.Own = true }, CodeForbidden, clauseOwnList},
		{"its own, without an entrustment", func(w *fixture, l *EventsLoad) { w.facts.Contract, l.Own = nil, true }, CodeForbidden, clauseOwnList},
		{"an entrustment that is not there", func(w *fixture, l *EventsLoad) { w.facts.Contract = nil }, CodeNotFound, ""},
		{"the operator's user keys", func(_ *fixture, l *EventsLoad) { l.UserKey, l.Kinds = true, nil }, CodeForbidden, clauseNamed},
		{"users named in two ways", func(_ *fixture, l *EventsLoad) { l.UserKey = true }, CodeForbidden, clauseNamed},
		{"the operator's user keys of a list", func(_ *fixture, l *EventsLoad) { l.UserKey, l.Kinds, l.List = true, nil, "members" }, CodeForbidden, clauseNamed},
		{"users not named", func(_ *fixture, l *EventsLoad) { l.Kinds = nil }, CodeDocument, clauseDoc},
		{"an identifier that is not named", func(_ *fixture, l *EventsLoad) { l.Kinds = []string{KindMAID} }, CodeForbidden, clauseNamed},
		{"a category that is not named", func(_ *fixture, l *EventsLoad) { l.Types[0].Category = "autumn" }, CodeDimForbidden, clauseNamed},
		{"no category named", func(w *fixture, _ *EventsLoad) { w.c().Events = nil }, CodeDimForbidden, clauseNamed},
		{"a kind as a category", func(_ *fixture, l *EventsLoad) { l.Types[0].Category = "impression" }, CodeDimForbidden, clauseNamed},
		{"a sensitive category", func(w *fixture, l *EventsLoad) {
			w.c().Events = append(w.c().Events, "病歴")
			l.Types[1].Category = "病歴"
		}, CodeDimForbidden, clauseCare},
		{"an unknown kind", func(_ *fixture, l *EventsLoad) { l.Types[0].Kind = "view" }, CodeDocument, clauseDoc},
		{"no sort of event", func(_ *fixture, l *EventsLoad) { l.Types = nil }, CodeDocument, clauseDoc},
		{"too many sorts of event", func(_ *fixture, l *EventsLoad) { l.Types = slices.Repeat(l.Types, 33) }, CodeDocument, clauseDoc},
		{"a column that is not named", func(_ *fixture, l *EventsLoad) { l.Columns[0].Name = "os" }, CodeDimForbidden, clauseNamed},
		{"an attribute as a column", func(_ *fixture, l *EventsLoad) { l.Columns[0].Name = "gender" }, CodeDimForbidden, clauseNamed},
		{"a sensitive column", func(w *fixture, l *EventsLoad) {
			w.c().ListColumns = []string{"religion"}
			l.Columns[0].Name = "religion"
		}, CodeDimForbidden, clauseCare},
		{"a column that the base declares sensitive", func(w *fixture, l *EventsLoad) {
			w.c().ListColumns = []string{"benefit_code"}
			l.Columns[0].Name = "benefit_code"
		}, CodeDimForbidden, clauseCare},
		{"a column twice", func(_ *fixture, l *EventsLoad) { l.Columns = slices.Repeat(l.Columns, 2) }, CodeDocument, clauseDoc},
		{"an open domain", func(_ *fixture, l *EventsLoad) { l.Columns[0].Domain = nil }, CodeDomain, clauseDoc},
		{"a domain without unknown", func(_ *fixture, l *EventsLoad) { l.Columns[0].Domain = []string{"pc"} }, CodeDomain, clauseDoc},
		{"a domain that is too long", func(_ *fixture, l *EventsLoad) { l.Columns[0].Domain = slices.Repeat([]string{Unknown}, 65) }, CodeDomain, clauseDoc},
		{"a location without a place", func(_ *fixture, l *EventsLoad) { l.Types[0].Kind = EventLocation }, CodeDocument, clauseNamed},
		{"a place that is not named", func(w *fixture, l *EventsLoad) {
			l.Columns = append(l.Columns, placeColumn)
			w.c().ListColumns = []string{"device"}
		}, CodeDimForbidden, clauseNamed},
	} {
		for name, world := range worlds() {
			w, l := eventWorld(world().c().Flow, world().c().Runs)
			b.change(w, l)
			wantRefusal(t, name+", "+b.name, DecideEvents(w.facts, *l), b.code, b.clause)
		}
	}
	for _, b := range []struct {
		name   string
		change func(*fixture, *EventsLoad)
		code   Code
		clause string
	}{
		{"a client's own", func(_ *fixture, l *EventsLoad) { l.Party = "acme" }, CodeForbidden, clauseOwnList},
		{"no base", func(w *fixture, _ *EventsLoad) { w.facts.Base = nil }, CodeNotFound, clauseWords},
		{"an identifier that the base has not", func(_ *fixture, l *EventsLoad) { l.UserKey, l.Kinds = false, []string{KindPhone} }, CodeForbidden, clauseNamed},
		{"users named in two ways", func(_ *fixture, l *EventsLoad) { l.Kinds = []string{KindEmail} }, CodeDocument, clauseDoc},
		{"by the keys of a list", func(_ *fixture, l *EventsLoad) { l.UserKey, l.List = false, "members" }, CodeForbidden, clauseOwnList},
		{"a sensitive category", func(_ *fixture, l *EventsLoad) { l.Types[0].Category = "medical_inquiry" }, CodeDimForbidden, clauseCare},
		{"a sensitive column", func(_ *fixture, l *EventsLoad) {
			l.Columns = append(l.Columns, EventDimension{"benefit_code", []string{Unknown}})
		}, CodeDimForbidden, clauseCare},
		{"somebody as a category", func(_ *fixture, l *EventsLoad) { l.Types[0].Category = "taro@example.jp" }, CodeDocument, clauseDoc},
		{"a category that is no name", func(_ *fixture, l *EventsLoad) { l.Types[0].Category = "a\nb" }, CodeDocument, clauseDoc},
		{"a column that is no name", func(_ *fixture, l *EventsLoad) { l.Columns[0].Name = "" }, CodeDocument, clauseDoc},
		{"a reserved name", func(_ *fixture, l *EventsLoad) { l.Columns[0].Name = DimMatchedBy }, CodeDocument, clauseDoc},
		{"somebody in a domain", func(_ *fixture, l *EventsLoad) {
			l.Columns[0] = EventDimension{"x", []string{"taro@example.jp", Unknown}}
			l.Types = l.Types[:1]
		}, CodeDomain, clauseDoc},
		{"a location without a place", func(_ *fixture, l *EventsLoad) { l.Columns = nil }, CodeDocument, clauseNamed},
	} {
		w, l := ownWorld()
		b.change(w, l)
		wantRefusal(t, "own log, "+b.name, DecideEvents(w.facts, *l), b.code, b.clause)
	}
}

// A refusal may hold no more than names that the documents' writers chose as
// such.
func TestEventRefusalsHideWhatMayBeSomebody(t *testing.T) {
	w, l := eventWorld(FlowAnalysis26, "")
	for _, change := range []func(s string){
		func(s string) { l.Types[0].Category = s }, func(s string) { l.Kinds = []string{s} }, func(s string) { l.Types[0].Kind = EventKind(s) },
		func(s string) { l.Columns[0].Name = s },
	} {
		_, l = eventWorld(FlowAnalysis26, "")
		change("09012345678")
		e, ok := errors.AsType[*Error](DecideEvents(w.facts, *l))
		if !ok || manyDigits.MatchString(e.Error()) {
			t.Errorf("%v", e)
		}
	}
}
