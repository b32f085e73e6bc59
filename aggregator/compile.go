package aggregator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"awase/entrustment"
	"awase/matcher"
)

// ListSource is what the gate knows of a list before matching: facts about the
// list alone.
type ListSource struct {
	ID      matcher.ListID
	Version int
	Columns []matcher.Column
	Rows    int64 // distinct rows
	Tokens  int64 // distinct identifiers
}

// Sources is what a question is compiled against: public facts and the names
// of immutable inputs.
type Sources struct {
	Population matcher.PopulationID
	Columns    []matcher.Column // of the base: those that the entrustment names, no other
	Eligible   matcher.Eligibility
	Lists      map[string]ListSource // of the question's entrustment, newest versions
	Recipient  string                // group that reads the release
	Told       []string              // of a delivery: the groups that learn whether it passed; each pays as the recipient does
	BaseOwner  Owner                 // of the base
	ListOwner  Owner                 // of the lists
	Events     []EventSource         // the logs that the entrustment may read
	Categories []string              // of events: those that it names

	Identifiers []string // kinds that the entrustment names; none: all

	Campaign *CampaignSource // that the question names; nil: none, or there is none of that name
}

// Owner is a party whose users are counted, and its group.
type Owner struct{ Party, Group string }

// Table names within a plan.
const (
	TableMain  = "table"
	TableIndex = "index"
	// TableConverters counts those of a lift report's people who converted.
	TableConverters = "converters"
)

// Planned is one table of a plan.
type Planned struct {
	Name   string
	Spec   Spec
	ID     SpecID
	Owners []Owner // whose data is read, by party
}

// Plan is a compiled question: what will be charged and counted.
type Plan struct {
	Question  entrustment.Question // canonical: every default written out
	Recipient string               // group
	Tables    []Planned
	asked     []Dim // dimensions in the order of the question
	list      ListSource
	columns   []matcher.Column
	where     *matcher.Where
	campaign  *entrustment.Campaign // of a report on one

	reservation string
	asker       string
	told        []string   // groups beside Recipient that pay
	selection   *selection // of a size answered from a cube, whose tables these are
}

// kinds are the kinds of report that are no plain table.
var kinds = map[string]specKind{entrustment.ReportSize: kindSize, entrustment.ReportCube: kindCube}

func specError(field, detail, mend string) error {
	return &entrustment.Error{Code: entrustment.CodeSpec, Clause: "DESIGN §8", Field: field, Detail: detail, Mend: mend}
}

var errOwner = errors.New("aggregator: a question without recipient or owners")

// Compile turns a question into specs. Whether the asker may ask it is decided
// before (entrustment.DecideAsk). An error is an *entrustment.Error and a
// function of the question, the sources and the policy alone.
func Compile(q *entrustment.Question, src Sources, p *Policy) (*Plan, error) {
	if src.Recipient == "" || src.BaseOwner.Party == "" || src.ListOwner.Party == "" {
		return nil, errOwner // nobody to charge is nothing to release
	}
	c := &compiler{q: *q, own: q.Where, src: src, floor: p.ListFloor}
	if err := c.onCampaign(); err != nil {
		return nil, err
	}
	q = &c.q
	asked := q.Sigma
	if q.Report == entrustment.ReportSize && asked == 0 && slices.Contains(p.Sigma, SizeSigma) {
		asked = SizeSigma
	}
	sigma, err := p.sigma(asked)
	if err != nil {
		return nil, err
	}
	if err := c.report(); err != nil {
		return nil, err
	}
	if q.List != "" {
		list, ok := src.Lists[q.List]
		if !ok {
			return nil, c.noList("list", q.List)
		}
		if err := c.large("list", list); err != nil {
			return nil, err
		}
		c.list = list
	}
	spec := Spec{Population: src.Population, Eligible: src.Eligible, List: c.list.ID, Sigma: sigma, WithTotal: q.Total, Kind: kinds[q.Report]}
	if err := c.events(&spec, p); err != nil {
		return nil, err
	}
	ofEvents := len(c.eventOwners)
	dims, err := c.dims(spec.Events)
	if err != nil {
		return nil, err
	}
	spec.Dims = sortedDims(dims)
	if n := spec.cellsOfOne(); n > matcher.MaxCellsOfOne {
		return nil, &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY rule 8", Field: "dims",
			Detail: fmt.Sprintf("one person could be in %d cells of the table, the most is %d", n, matcher.MaxCellsOfOne),
			Mend:   c.fewerCells()}
	} else if n > 1 && q.Total {
		return nil, specError("total", "one person may be in several cells, so a total of people is another question", "leave total out, or ask without category, day and week")
	}
	if n := spec.cells(); n > MaxCells {
		return nil, &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY §4.2", Field: "dims",
			Detail: fmt.Sprintf("the table would have %d cells, the most is %d", n, MaxCells), Mend: "ask for fewer dimensions or wider bands"}
	}
	if q.Where != nil {
		if spec.Where, err = c.where(); err != nil {
			return nil, err
		}
	}
	where := spec.Where
	if c.campaign != nil {
		spec.Where = c.audience(spec.Where)
	}
	if c.err != nil {
		return nil, c.err
	}
	if q.Window != nil && !c.readsEvents {
		return nil, specError("window", "this question reads no events, so no day matters", "leave window out, or add a condition on events")
	}
	plan := &Plan{Question: c.canonical(sigma, &spec), Recipient: src.Recipient, asked: dims, list: c.list,
		columns: src.Columns, where: where, campaign: c.campaign}
	owners := append([]Owner{src.BaseOwner}, c.eventOwners...)
	if spec.List != (matcher.ListID{}) || c.listInWhere {
		owners = append(owners, src.ListOwner)
	}
	if q.Report == entrustment.ReportLift {
		// Who is in the audience, and of them who converted. The first reads no events but
		// those of a condition.
		people := spec
		people.Events = nil
		plan.add(TableMain, people, slices.Concat([]Owner{src.BaseOwner, src.ListOwner}, c.eventOwners[ofEvents:])...)
		plan.add(TableConverters, spec, owners...)
		return plan, nil
	}
	plan.add(TableMain, spec, owners...)
	if q.Index {
		// The base as a whole: no list, no condition. Every question over these
		// dimensions shares it, so it is charged once.
		plan.add(TableIndex, Spec{Population: src.Population, Eligible: src.Eligible, Dims: spec.Dims, Sigma: sigma}, src.BaseOwner)
	}
	return plan, nil
}

// Logs gives the event logs that the plan reads, each once, sorted.
func (pl *Plan) Logs() []matcher.EventsID {
	all := map[matcher.EventsID]bool{}
	for i := range pl.Tables {
		q := pl.Tables[i].Spec.query()
		maps.Copy(all, q.Reads().Logs)
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b matcher.EventsID) int { return slices.Compare(a[:], b[:]) })
}

func (pl *Plan) add(name string, s Spec, owners ...Owner) {
	owners = slices.Compact(slices.SortedFunc(slices.Values(owners), func(a, b Owner) int { return strings.Compare(a.Party, b.Party) }))
	pl.Tables = append(pl.Tables, Planned{Name: name, Spec: s, ID: s.ID(), Owners: owners})
}

type compiler struct {
	q     entrustment.Question
	src   Sources
	floor int64
	list  ListSource
	own   *entrustment.Condition // the question's, without its campaign's

	campaign *entrustment.Campaign

	named       []string // measures, users first
	eventOwners []Owner  // of the logs that are read
	listInWhere bool
	readsEvents bool
	err         error // of the logs
}

// CheckReport refuses a kind of report that this version does not have.
func CheckReport(kind string) error {
	if slices.Contains(entrustment.AnsweredReports(), kind) {
		return nil
	}
	return specError("report", "this version has no such report yet", "there are "+strings.Join(entrustment.AnsweredReports(), ", "))
}

// large holds a list against the floor: a tiny one, joined or in a condition, is
// a tool to single people out.
func (c *compiler) large(field string, l ListSource) error {
	if l.Tokens >= c.floor {
		return nil
	}
	holds := "fewer"
	if c.src.Recipient == c.src.ListOwner.Group {
		holds = fmt.Sprint(l.Tokens) // how large it is, is for those whose list it is (§4.8)
	}
	return &entrustment.Error{Code: entrustment.CodeListSmall, Clause: "PRIVACY §4.2", Field: field,
		Detail: fmt.Sprintf("reports need a list of %d distinct hashes to match by, this one holds %s", c.floor, holds),
		Mend:   "load a larger list"}
}

// report checks what goes with the kind of report.
func (c *compiler) report() error {
	ofEvents := entrustment.ReadsEvents(c.q.Report)
	if c.q.List == "" && !ofEvents {
		return specError("list", "this report joins a list", "name the list")
	}
	if !ofEvents {
		for i, m := range c.q.Measures {
			if m != MeasureUsers {
				return specError(fmt.Sprintf("measures[%d]", i), "this report measures users", "write measures: [users], or ask for a behaviour or reach-frequency report")
			}
		}
		if len(c.q.Categories) > 0 {
			return specError("categories", "this report reads no categories of events", "leave categories out, or ask for a behaviour report")
		}
	}
	if w := c.q.Window; w != nil && w.From.Start().After(w.To.Start()) {
		return specError("window", "it ends before it begins", "write from ≤ to")
	} else if w != nil && w.From.Add(maxSpan-1).Start().Before(w.To.Start()) {
		return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "DESIGN §8", Field: "window", Detail: fmt.Sprintf("it is longer than %d days", maxSpan), Mend: "ask for a shorter one"}
	}
	switch c.q.Report {
	case entrustment.ReportOverlap:
		if len(c.q.Dims) > 1 || len(c.q.Dims) == 1 && c.q.Dims[0] != entrustment.DimMatchedBy {
			return specError("dims", "an overlap report has no dimension but matched_by", "ask for a profile report")
		}
		if c.q.Index {
			return specError("index", "an overlap report has no index", "ask for a profile report")
		}
	case entrustment.ReportSize:
		if len(c.q.Dims) > 0 {
			return specError("dims", "a size is one number", "ask for a profile report")
		}
		if c.q.Total || c.q.Index {
			return specError("total", "a size is one number", "leave total and index out")
		}
	case entrustment.ReportCube:
		return c.cube()
	case entrustment.ReportLift:
		return c.lift()
	case entrustment.ReportProfile:
		if len(c.q.Dims) == 0 {
			return specError("dims", "a profile report needs a dimension", "name at least one")
		}
	}
	return nil
}

// fewerCells says how one person would be in fewer cells.
func (c *compiler) fewerCells() string {
	if c.q.Report == entrustment.ReportAttribution {
		return "name fewer categories:, or ask with model: last-touch"
	}
	return "name fewer categories:, ask by week in place of day, or for a shorter window"
}

func (c *compiler) noList(field, name string) error {
	mend := "load it with awase list load"
	if len(c.src.Lists) > 0 {
		mend = "it has " + strings.Join(slices.Sorted(maps.Keys(c.src.Lists)), ", ") + "; or " + mend
	}
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: field, Detail: "the entrustment has no list " + entrustment.Quote(name), Mend: mend}
}

// column finds a declared column: the base's first, then the list's.
func (c *compiler) column(name string) (Dim, bool) {
	for _, col := range c.src.Columns {
		if col.Name == name {
			return Dim{Source: matcher.BaseColumn, Name: name, Domain: col.Domain}, true
		}
	}
	for _, col := range c.list.Columns {
		if col.Name == name {
			return Dim{Source: matcher.ListColumn, Name: name, Domain: col.Domain}, true
		}
	}
	return Dim{}, false
}

func (c *compiler) unknownColumn(field, name string) error {
	var have []string
	for _, col := range slices.Concat(c.src.Columns, c.list.Columns) {
		have = append(have, col.Name)
	}
	return &entrustment.Error{Code: entrustment.CodeDomain, Field: field, Detail: "neither the base nor the list has a column " + entrustment.Quote(name),
		Mend: "there are " + strings.Join(have, ", ")}
}

func (c *compiler) dims(events *EventSpec) ([]Dim, error) {
	var out []Dim
	if c.q.Report == entrustment.ReportBehaviour && !slices.Contains(c.q.Dims, entrustment.DimCategory) {
		// A behaviour report is by category.
		c.q.Dims = append([]string{entrustment.DimCategory}, c.q.Dims...)
	}
	if c.q.Report == entrustment.ReportAttribution && !slices.Contains(c.q.Dims, entrustment.DimTouch) {
		c.q.Dims = append([]string{entrustment.DimTouch}, c.q.Dims...)
	}
	for i, name := range c.q.Dims {
		field := fmt.Sprintf("dims[%d]", i)
		if slices.Contains(c.q.Dims[:i], name) {
			return nil, specError(field, entrustment.Quote(name)+" is named twice", "name each dimension once")
		}
		if name == entrustment.DimMatchedBy {
			out = append(out, Dim{Source: matcher.MatchedBy, Name: name, Domain: c.src.kinds()})
			continue
		}
		if d, ok := c.eventDim(name, events); ok {
			out = append(out, d)
			continue
		}
		d, ok := c.column(name)
		if !ok {
			return nil, c.unknownColumn(field, name)
		}
		if d.Source == matcher.ListColumn && c.q.Index {
			return nil, specError("index", fmt.Sprintf("the base has no column %q to compare with", name), "leave index out, or the dimension")
		}
		out = append(out, d)
	}
	if c.q.Report == entrustment.ReportReachFrequency {
		out = append(out, Dim{Source: matcher.Frequency, Name: Frequency, Domain: frequencyDomain})
	}
	if c.q.Report == entrustment.ReportLift {
		out = append(out, Dim{Source: matcher.Assigned, Name: Assignment, Domain: assignments, Share: c.src.Campaign.Holdout})
	}
	return out, nil
}

func sortedDims(dims []Dim) []Dim {
	return slices.SortedFunc(slices.Values(dims), func(a, b Dim) int { return strings.Compare(a.Name, b.Name) })
}

// where compiles the condition and makes it canonical; nil is everyone.
func (c *compiler) where() (*matcher.Where, error) {
	w, err := c.condition("where", c.q.Where)
	if err != nil {
		return nil, err
	}
	w = canonical(w, func(in *matcher.InCodes) int {
		d, _ := c.column(in.Column)
		return len(d.Domain)
	})
	if isEveryone(&w) {
		return nil, nil
	}
	return &w, nil
}

func (c *compiler) condition(field string, n *entrustment.Condition) (matcher.Where, error) {
	switch {
	case n.All != nil:
		return c.group(field+".all", n.All, false)
	case n.Any != nil:
		return c.group(field+".any", n.Any, true)
	case n.Not != nil:
		w, err := c.condition(field+".not", n.Not)
		return matcher.Where{Not: &w}, err
	case n.List != "":
		l, ok := c.src.Lists[n.List]
		if !ok {
			return matcher.Where{}, c.noList(field+".list", n.List)
		}
		if err := c.large(field+".list", l); err != nil {
			return matcher.Where{}, err
		}
		c.listInWhere = true
		return matcher.Where{List: &l.ID}, nil
	case n.Event != nil:
		if len(c.src.Events) == 0 {
			return matcher.Where{}, c.noEvents(field + ".event")
		}
		// A span ends where the window does, and its days are part of the spec. Of a
		// campaign's audience it ends before the campaign begins: who is in it must not
		// hang on what the campaign did.
		to := c.window().To
		if c.campaign != nil {
			to = c.campaign.From.Add(-1)
		}
		span := entrustment.Window{From: to.Add(1 - int(n.Event.Within)), To: to}
		return matcher.Where{Event: &matcher.AtLeast{Logs: c.logs(span), Category: n.Event.Category, N: int64(n.Event.AtLeast),
			From: span.From.Number(), To: span.To.Number()}}, nil
	case n.Between != nil:
		return c.values(field+".between", n.Between, true)
	case n.In != nil:
		return c.values(field+".in", n.In, false)
	}
	return matcher.Where{}, specError(field, "an empty condition", "write one of all, any, not, in, between, list")
}

func (c *compiler) group(field string, parts []entrustment.Condition, any bool) (matcher.Where, error) {
	out := make([]matcher.Where, len(parts))
	for i := range parts {
		var err error
		if out[i], err = c.condition(fmt.Sprintf("%s[%d]", field, i), &parts[i]); err != nil {
			return matcher.Where{}, err
		}
	}
	if len(out) == 0 {
		return matcher.Where{}, specError(field, "an empty group", "name at least one condition")
	}
	if any {
		return matcher.Where{Any: out}, nil
	}
	return matcher.Where{All: out}, nil
}

func (c *compiler) values(field string, m map[string][]string, between bool) (matcher.Where, error) {
	if len(m) != 1 {
		return matcher.Where{}, specError(field, "it names not exactly one attribute", "write one condition for each")
	}
	for name, values := range m {
		d, ok := c.column(name)
		if !ok {
			return matcher.Where{}, c.unknownColumn(field, name)
		}
		codes := make([]uint8, 0, len(values))
		for n, v := range values {
			i := slices.Index(d.Domain, v)
			if i < 0 {
				return matcher.Where{}, entrustment.NotInDomain(fmt.Sprintf("%s.%s[%d]", field, name, n), name, v, d.Domain)
			}
			codes = append(codes, uint8(i))
		}
		if between {
			// "unknown" is the last value and lies between nothing.
			if len(codes) != 2 || codes[0] > codes[1] || int(codes[1]) == len(d.Domain)-1 {
				return matcher.Where{}, &entrustment.Error{Code: entrustment.CodeDomain, Field: field + "." + name,
					Detail: "between takes two values in their order", Mend: "the order is " + strings.Join(d.Domain[:len(d.Domain)-1], ", ")}
			}
			lo, hi := codes[0], codes[1]
			codes = codes[:0]
			for v := lo; v <= hi; v++ {
				codes = append(codes, v)
			}
		}
		if len(codes) == 0 {
			return matcher.Where{}, specError(field+"."+name, "no value", "name at least one")
		}
		return matcher.Where{In: &matcher.InCodes{Source: d.Source, Column: name, Codes: codes}}, nil
	}
	return matcher.Where{}, nil
}

// canonical gives the question with every default written out.
func (c *compiler) canonical(sigma int64, spec *Spec) entrustment.Question {
	q := c.q
	q.Where, q.Sigma = c.own, int(sigma)
	q.Measures = []string{MeasureUsers}
	q.Window = nil // where no event is read no day matters
	if spec.Events != nil {
		q.Measures, q.Categories = c.named, spec.Events.Categories
		if spec.Events.Credits != nil {
			a := spec.Events.Credits.Attribution
			q.Attribution = &a
		}
	}
	if c.readsEvents {
		w := c.window()
		q.Window = &w
	}
	return q
}
