package aggregator

import (
	"fmt"
	"slices"
	"strings"

	"awase/entrustment"
	"awase/matcher"
)

// MeasureUsers is the measure that every table has: the lock on the noised
// number needs it (PRIVACY §4.3-5).
const MeasureUsers = "users"

// Measure is a sum of a table, beside its users: each cluster adds its total in
// a cell, clamped to [0, Cap·Granule] and cut to whole granules.
type Measure struct {
	Name    string
	Kinds   []string // of the events summed; none: any
	Unit    string   // "": the number of events; else their values in this unit
	Cap     int64    // granules
	Granule int64
	// Across: Cap is of all cells together, not of each, so the noise of a cell does not
	// grow with the cells that somebody may be in (docs/proofs/attribution.md).
	Across bool
}

// measures are those that there are, in their fixed order: what each sums, and
// its granule.
var measures = []Measure{
	{Name: "events", Granule: 1},
	{Name: "impressions", Kinds: []string{impression}, Granule: 1},
	{Name: "clicks", Kinds: []string{click}, Granule: 1},
	{Name: "conversions", Kinds: []string{conversion}, Granule: 1},
	{Name: "spend", Kinds: []string{conversion}, Unit: string(entrustment.UnitYen), Granule: 100},
	// What showing advertisements cost: yen of a person, not hundreds.
	{Name: "cost", Kinds: []string{impression, click}, Unit: string(entrustment.UnitYen), Granule: 1},
}

const (
	impression = string(entrustment.EventImpression)
	click      = string(entrustment.EventClick)
	conversion = string(entrustment.EventConversion)
)

// maxCapUnits is the most granules of a cap (PRIVACY §4.2).
const maxCapUnits = 1 << 16

// granuleOf gives the granule of a cap.
func granuleOf(name string) int64 {
	for _, m := range measures {
		if m.Name == name {
			return m.Granule
		}
	}
	return 1
}

// Frequency is the reserved dimension of a reach-frequency report: how many
// impressions somebody had.
const Frequency = "frequency"

// The values of Frequency, and the least number of impressions of each.
var (
	frequencyDomain = []string{"1", "2", "3", "4", "5", "6-9", "10-19", ">=20"}
	frequencyBounds = []int64{1, 2, 3, 4, 5, 6, 10, 20}
)

// EventSource is what the gate knows of an event log before counting: nothing
// that depends on its rows. A last day that occurs would be one person's, where
// nobody else was there on that day (attack A13).
type EventSource struct {
	ID       matcher.EventsID
	Types    []matcher.EventType // those that its document declares; nil: it is still to come
	From, To entrustment.Date    // the days that it was declared to be of; zero: any
	Last     entrustment.Date    // the last whole day before it was loaded
	Owner    Owner
}

// reads tells whether a log may hold events of a window, by what was declared.
func (s *EventSource) reads(w entrustment.Window) bool {
	return s.From.IsZero() || !s.From.Start().After(w.To.Start()) && !s.To.Start().Before(w.From.Start())
}

// last gives the last day that the log is of.
func (s *EventSource) last() entrustment.Date {
	if !s.To.IsZero() && s.To.Start().Before(s.Last.Start()) {
		return s.To
	}
	return s.Last
}

// EventSpec says which events a canonical question reads.
type EventSpec struct {
	Logs       []matcher.EventsID // sorted
	From, To   entrustment.Date   // both included
	Categories []string           // sorted
	Presence   string             // kind of event that puts a cluster into a cell; "": any
	Spread     bool               // as matcher.EventQuery's

	Credits *CreditSpec // of an attribution; nil: events are counted
}

// defaultSpan is how many days a question without a window reads, maxSpan how many
// one may read.
const (
	defaultSpan = 30
	maxSpan     = 3 * 366
)

// events compiles what a report reads of the event logs.
func (c *compiler) events(spec *Spec, p *Policy) error {
	if !entrustment.ReadsEvents(c.q.Report) {
		return nil
	}
	if len(c.src.Events) == 0 {
		return c.noEvents("report")
	}
	ev := &EventSpec{Categories: slices.Sorted(slices.Values(c.q.Categories))}
	if len(ev.Categories) == 0 {
		ev.Categories = slices.Sorted(slices.Values(c.src.Categories))
	}
	ev.Categories = slices.Compact(ev.Categories)
	if len(ev.Categories) == 0 {
		return specError("categories", "the entrustment names no category of events", "name them under events: in contract.yaml")
	}
	w := c.window()
	ev.From, ev.To = w.From, w.To
	spec.Events = ev
	if c.q.Report == entrustment.ReportAttribution {
		return c.credits(spec, p)
	}
	ev.Logs = c.logs(w)
	switch c.q.Report {
	case entrustment.ReportReachFrequency:
		ev.Presence = impression
	case entrustment.ReportDelivery:
		// Who converts in a week may have been reached in the week before.
		ev.Presence, ev.Spread = impression, true
	case entrustment.ReportLift:
		ev.Presence, c.named = conversion, []string{MeasureUsers}
		return nil
	}
	return c.measures(spec, p)
}

func (c *compiler) noEvents(field string) error {
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: field, Detail: "there is no event log that this question may read",
		Mend: "load one with awase events load, and name its categories under events: in contract.yaml"}
}

// logs gives the ids of the logs that may hold events of a window, sorted, and
// notes their owners as read. A log of other days does not make it another
// question, and what comes late for its days does.
func (c *compiler) logs(w entrustment.Window) []matcher.EventsID {
	var out []matcher.EventsID
	for i := range c.src.Events {
		if l := &c.src.Events[i]; l.reads(w) {
			out = append(out, l.ID)
			c.eventOwners = append(c.eventOwners, l.Owner)
		}
	}
	c.readsEvents = true
	if len(out) == 0 && c.err == nil {
		c.err = c.noDays(w)
	}
	// One log may stand under the operator and under the contract.
	return slices.Compact(slices.SortedFunc(slices.Values(out), func(a, b matcher.EventsID) int { return slices.Compare(a[:], b[:]) }))
}

// noDays: no log is declared to be of the days that a question reads.
func (c *compiler) noDays(w entrustment.Window) error {
	var have []string
	for i := range c.src.Events {
		l := &c.src.Events[i]
		have = append(have, fmt.Sprintf("%s to %s", l.From, l.To))
	}
	slices.Sort(have)
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "window", Detail: fmt.Sprintf("no event log is of the days from %s to %s", w.From, w.To),
		Mend: "the logs are of " + strings.Join(slices.Compact(have), ", ")}
}

// window gives the days that a question reads: its own, or the last 30 up to
// the last whole day of the newest log (PRIVACY rule 5).
func (c *compiler) window() entrustment.Window {
	if c.q.Window != nil {
		return *c.q.Window
	}
	var last entrustment.Date
	for i := range c.src.Events {
		if day := c.src.Events[i].last(); day.Start().After(last.Start()) {
			last = day
		}
	}
	return entrustment.Window{From: last.Add(1 - defaultSpan), To: last}
}

// measures compiles the sums.
func (c *compiler) measures(spec *Spec, p *Policy) error {
	asked := c.q.Measures
	if len(asked) == 0 {
		switch c.q.Report {
		case entrustment.ReportReachFrequency:
			asked = []string{MeasureUsers, "impressions"}
		case entrustment.ReportDelivery:
			asked = []string{MeasureUsers, "impressions", "clicks", "conversions", "cost"}
		default:
			asked = []string{MeasureUsers, "events"}
		}
	}
	c.named = []string{MeasureUsers}
	for _, m := range measures {
		if !slices.Contains(asked, m.Name) {
			continue
		}
		m.Cap = max(1, p.Caps[m.Name]/m.Granule)
		spec.Measures = append(spec.Measures, m)
		c.named = append(c.named, m.Name)
	}
	for i, name := range asked {
		if !slices.Contains(c.named, name) {
			return specError(fmt.Sprintf("measures[%d]", i), fmt.Sprintf("there is no measure %q", name), "there are users, "+strings.Join(measureNames(), ", "))
		}
	}
	return spec.bounded()
}

// bounded holds the noise of a spec's sums against what the sampler takes, variances up
// to 2^52: limits come before arithmetic.
func (spec *Spec) bounded() error {
	for _, m := range spec.Measures {
		if m.Cap > maxCapUnits || spec.Sigma*m.Cap > 1<<24 {
			return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY §4.2", Field: "measures", Detail: "the cap of " + m.Name + " is too large for this sigma",
				Mend: "ask with a smaller sigma, or have the cap lowered in gate.yaml"}
		}
	}
	return nil
}

func measureNames() (out []string) {
	for _, m := range measures {
		out = append(out, m.Name)
	}
	return out
}

// eventDim gives a reserved dimension of events.
func (c *compiler) eventDim(name string, spec *EventSpec) (Dim, bool) {
	switch {
	case c.q.Report == entrustment.ReportAttribution && name == entrustment.DimTouch:
		return Dim{Source: matcher.Touch, Name: name, Domain: spec.Credits.domain()}, true
	case c.q.Report != entrustment.ReportBehaviour && c.q.Report != entrustment.ReportDelivery:
		return Dim{}, false
	case name == entrustment.DimCategory && c.q.Report == entrustment.ReportBehaviour:
		return Dim{Source: matcher.EventCategory, Name: name, Domain: spec.Categories}, true
	case name == entrustment.DimDay:
		return spans(name, spec, 1), true
	case name == entrustment.DimWeek:
		return spans(name, spec, 7), true
	}
	return Dim{}, false
}

// spans gives a dimension over the days of a window, each value named by its
// first day.
func spans(name string, spec *EventSpec, step int) Dim {
	d := Dim{Source: matcher.EventDay, Name: name, Step: step}
	for day := spec.From; !day.Start().After(spec.To.Start()) && len(d.Domain) <= MaxCells; day = day.Add(step) {
		d.Domain = append(d.Domain, day.String())
	}
	return d
}

// cellsOfOne is L0: in how many cells one cluster may be.
func (s *Spec) cellsOfOne() int64 {
	n := int64(1)
	for _, d := range s.Dims {
		if d.Source == matcher.EventCategory || d.Source == matcher.EventDay {
			n *= int64(len(d.Domain))
		}
	}
	if s.Events != nil && s.Events.Credits != nil {
		n = s.Events.Credits.cells()
	}
	return n
}

// Variance gives that of the noise on the users measure: σ²·L0 (PRIVACY §4.3-7).
func (s *Spec) Variance() int64 { return s.Sigma * s.Sigma * s.cellsOfOne() }

// sumVariance gives that of a sum, in granules: σ²·cap²·L0, or, where the cap is of all
// cells together, σ²·cap².
func (s *Spec) sumVariance(m *Measure) int64 {
	if m.Across {
		return s.Sigma * s.Sigma * m.Cap * m.Cap
	}
	return s.Variance() * m.Cap * m.Cap
}

func (s *Spec) encodeEvents(e *encoder) {
	e.flag(s.Events != nil)
	if s.Events == nil {
		return
	}
	e.number(int64(len(s.Events.Logs)))
	for _, l := range s.Events.Logs {
		e.bytes(l[:])
	}
	e.text(s.Events.From.String())
	e.text(s.Events.To.String())
	e.texts(s.Events.Categories)
	if s.Events.Spread { // no kind has a space in it
		e.text(s.Events.Presence + " spread")
	} else {
		e.text(s.Events.Presence)
	}
	e.number(int64(len(s.Measures)))
	for _, m := range s.Measures {
		e.text(m.Name)
		e.text(strings.Join(m.Kinds, " ")) // likewise
		e.text(m.Unit)
		e.number(m.Cap)
		e.number(m.Granule)
	}
	if s.Events.Credits != nil {
		s.Events.Credits.encode(e)
	}
}

// eventQuery gives what the engine is asked of the events.
func (s *Spec) eventQuery() *matcher.EventQuery {
	if s.Events == nil || s.Events.Credits != nil {
		return nil
	}
	q := &matcher.EventQuery{Logs: s.Events.Logs, From: s.Events.From.Number(), To: s.Events.To.Number(),
		Categories: s.Events.Categories, Presence: s.Events.Presence, Spread: s.Events.Spread}
	for _, m := range s.Measures {
		q.Sums = append(q.Sums, matcher.EventSum{Kinds: m.Kinds, Unit: m.Unit, Cap: m.Cap, Granule: m.Granule})
	}
	return q
}

// Tau gives the noisy lock of the spec's cells under a policy.
func (s *Spec) Tau(p *Policy) int64 { return p.tau(s) }
