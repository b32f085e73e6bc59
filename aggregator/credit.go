package aggregator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"awase/entrustment"
	"awase/matcher"
)

// MeasureCredits is the measure of an attribution report, in thousandths of a conversion.
const MeasureCredits = "credits"

// CreditSpec says how a canonical question credits conversions: see matcher.Attribution.
type CreditSpec struct {
	entrustment.Attribution                     // every default written out
	Touches                 []matcher.EventType // clicks, then impressions, by category
	Most                    int64               // conversions of one cluster that count: the policy's cap
}

// credits compiles an attribution: its touches are those that the logs declare of the
// categories asked about.
func (c *compiler) credits(spec *Spec, p *Policy) error {
	ev := spec.Events
	cs := &CreditSpec{Attribution: c.q.Attribution.Filled(), Most: p.Caps["conversions"]}
	ev.Credits = cs
	w := c.window()
	w.From = w.From.Add(1 - int(max(cs.Click, cs.View)))
	ev.Logs = c.logs(w)
	converts := false
	for i := range c.src.Events {
		l := &c.src.Events[i]
		if !l.reads(w) {
			continue
		}
		if l.Types == nil { // of a campaign that was not delivered yet: what it costs is known before
			converts, cs.Touches = true, append(cs.Touches, matcher.EventType{Kind: click, Category: ev.Categories[0]}, matcher.EventType{Kind: impression, Category: ev.Categories[0]})
		}
		for _, t := range l.Types {
			if !slices.Contains(ev.Categories, t.Category) {
				continue
			}
			switch t.Kind {
			case conversion:
				converts = true
			case click, impression:
				cs.Touches = append(cs.Touches, t)
			}
		}
	}
	if c.err != nil {
		return c.err
	}
	if !converts || cs.Touches == nil {
		what := "conversions"
		if converts {
			what = "clicks and impressions"
		}
		return specError("categories", fmt.Sprintf("no event log declares %s of %s", what, strings.Join(ev.Categories, ", ")),
			"name the categories of the advertisement and of what it is to bring about, or load the log that has them")
	}
	slices.SortFunc(cs.Touches, func(a, b matcher.EventType) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Category, b.Category))
	})
	cs.Touches = slices.Compact(cs.Touches)
	c.named = []string{MeasureUsers}
	for i, name := range c.q.Measures {
		if name != MeasureUsers && name != MeasureCredits {
			return specError(fmt.Sprintf("measures[%d]", i), fmt.Sprintf("an attribution report has no measure %q", name), "there are users, credits")
		}
	}
	if c.q.Measures == nil || slices.Contains(c.q.Measures, MeasureCredits) {
		c.named = append(c.named, MeasureCredits)
		spec.Measures = []Measure{{Name: MeasureCredits, Kinds: []string{conversion}, Cap: cs.Most * matcher.Credit, Granule: 1, Across: true}}
	}
	if cs.Most > matcher.MaxConversions {
		return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY §4.2", Field: "measures", Detail: "the cap of conversions is too large to credit them in thousandths",
			Mend: fmt.Sprintf("have it lowered in gate.yaml, to %d at most", matcher.MaxConversions)}
	}
	if len(cs.Touches) >= entrustment.MaxDomain {
		return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY §4.1", Field: "categories",
			Detail: fmt.Sprintf("there are %d sorts of touches, the most is %d", len(cs.Touches), entrustment.MaxDomain-1), Mend: "name fewer categories:"}
	}
	return spec.bounded()
}

// domain gives the values of the dimension touch.
func (cs *CreditSpec) domain() []string {
	out := make([]string, 0, len(cs.Touches)+1)
	for _, t := range cs.Touches {
		out = append(out, t.Kind+"/"+t.Category) // no category has a slash
	}
	return append(out, entrustment.Unattributed)
}

// cells is L0: in how many cells one cluster may have credit. A conversion has it in one
// with last-touch and in two with first-last; in one for each sort of click, or, where
// there is none, for each of impression, with the others; and in one without touches.
func (cs *CreditSpec) cells() int64 {
	each := int64(1)
	switch cs.Model {
	case entrustment.LastTouch:
	case entrustment.FirstLast:
		each = 2
	default:
		clicks := int64(0)
		for _, t := range cs.Touches {
			if t.Kind == click {
				clicks++
			}
		}
		each = max(clicks, int64(len(cs.Touches))-clicks)
	}
	return min(int64(len(cs.Touches))+1, cs.Most*each)
}

func (cs *CreditSpec) encode(e *encoder) {
	e.text("credits")
	e.text(string(cs.Model))
	for _, n := range []entrustment.Days{cs.Click, cs.View, cs.HalfLife} {
		e.number(int64(n))
	}
	e.number(int64(len(cs.Touches)))
	for _, t := range cs.Touches {
		e.text(t.Kind)
		e.text(t.Category)
	}
	e.number(cs.Most)
}

// creditQuery gives what the engine is asked of the conversions.
func (s *Spec) creditQuery() *matcher.Attribution {
	if s.Events == nil || s.Events.Credits == nil {
		return nil
	}
	cs := s.Events.Credits
	return &matcher.Attribution{Logs: s.Events.Logs, From: s.Events.From.Number(), To: s.Events.To.Number(), Categories: s.Events.Categories,
		Touches: cs.Touches, Model: cs.Model, Click: int(cs.Click), View: int(cs.View), HalfLife: int(cs.HalfLife), Most: cs.Most, Credits: len(s.Measures) > 0}
}
