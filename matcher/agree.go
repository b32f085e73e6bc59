package matcher

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"awase/entrustment"
)

// Common is what two engines both hold of one room, to be compared by what they
// count over it.
type Common struct {
	Population PopulationID
	Columns    []Column // of the base
	Eligible   []Eligibility
	Lists      []CommonList
	Logs       []CommonLog
}

// CommonList is a list of them, and its columns.
type CommonList struct {
	ID      ListID
	Columns []Column
}

// CommonLog is an event log of them, what its rows are, and the days that occur.
type CommonLog struct {
	Events EventsID
	Log
	From, To int32
}

// ErrDisagree is that two engines count differently over the same. It says nothing
// of what they counted.
var ErrDisagree = errors.New("the two engines do not count the same")

// Agree asks both engines the same and gives nil where every exact cell of every
// answer is the same, ErrDisagree where one is not, or the error of one that could
// not answer. Nothing of the counts is in what it gives; asked is called after each
// question that both answered alike.
func Agree(ctx context.Context, one, other Engine, over *Common, asked func()) error {
	for q := range over.queries() {
		a, err := one.Cells(ctx, q)
		if err != nil {
			return fmt.Errorf("counting with the engine that stands: %w", err)
		}
		b, err := other.Cells(ctx, q)
		if err != nil {
			return fmt.Errorf("counting with the other engine: %w", err)
		}
		if !slices.Equal(a.Users, b.Users) || len(a.Sums) != len(b.Sums) || len(a.Sums) > 0 && !reflect.DeepEqual(a.Sums, b.Sums) {
			return ErrDisagree
		}
		asked()
	}
	return nil
}

// Questions is how many questions Agree asks.
func (c *Common) Questions() (n int) {
	for range c.queries() {
		n++
	}
	return n
}

// queries asks, for each eligibility, of the base alone and of each list: by every
// column of either, by the kind that matched, by each column with the next, under
// conditions on columns and lists; and of each log by category, day, frequency, with
// sums, and in conditions; and of all logs what their conversions are credited to.
func (c *Common) queries() iter.Seq[Query] {
	return func(yield func(Query) bool) {
		lists := append([]CommonList{{}}, c.Lists...)
		for _, e := range c.Eligible {
			for i := range lists {
				q := Query{Population: c.Population, Eligible: e, List: lists[i].ID}
				for _, q := range slices.Concat(c.byColumns(q, &lists[i]), c.byConditions(q, &lists[i]), c.byEvents(q, &lists[i]), c.byCredits(q, &lists[i])) {
					if !yield(q) {
						return
					}
				}
			}
		}
	}
}

// dims are the dimensions of a question about a list.
func (c *Common) dims(l *CommonList) (out []Dim) {
	for _, col := range c.Columns {
		out = append(out, Dim{Source: BaseColumn, Name: col.Name, Size: len(col.Domain)})
	}
	if l.ID != (ListID{}) {
		for _, col := range l.Columns {
			out = append(out, Dim{Source: ListColumn, Name: col.Name, Size: len(col.Domain)})
		}
		out = append(out, Dim{Source: MatchedBy, Name: "matched_by", Size: int(Kinds)})
	}
	return out
}

func (c *Common) byColumns(q Query, l *CommonList) []Query {
	out := []Query{q}
	dims := c.dims(l)
	for i, d := range dims {
		q.Dims = []Dim{d}
		out = append(out, q)
		if i > 0 && dims[i-1].Size*d.Size <= maxCells {
			q.Dims = []Dim{dims[i-1], d}
			out = append(out, q)
		}
	}
	return out
}

func (c *Common) byConditions(q Query, l *CommonList) (out []Query) {
	if dims := c.dims(l); len(dims) > 0 {
		q.Dims = dims[len(dims)-1:]
	}
	ask := func(w Where) {
		q.Where = &w
		out = append(out, q)
	}
	var first []Where
	in := func(source DimSource, columns []Column) {
		for _, col := range columns {
			half := InCodes{Source: source, Column: col.Name}
			for code := 0; code < len(col.Domain); code += 2 {
				half.Codes = append(half.Codes, uint8(code))
			}
			w := Where{In: &half}
			first = append(first, w)
			ask(Where{Not: &w})
		}
	}
	in(BaseColumn, c.Columns)
	if l.ID != (ListID{}) {
		in(ListColumn, l.Columns)
	}
	for i := range c.Lists {
		w := Where{List: &c.Lists[i].ID}
		ask(w)
		if len(first) > 0 {
			ask(Where{All: []Where{first[0], {Not: &w}}})
			ask(Where{Any: []Where{first[len(first)-1], w}})
		}
	}
	for i := range c.Logs {
		for _, category := range c.Logs[i].categories() {
			w := Where{Event: &AtLeast{Logs: []EventsID{c.Logs[i].Events}, Category: category, From: c.Logs[i].From, To: c.Logs[i].To, N: 2}}
			ask(w)
			w.Event = &AtLeast{Logs: w.Event.Logs, Category: category, From: c.Logs[i].From, To: (c.Logs[i].From + c.Logs[i].To) / 2, N: 1}
			ask(Where{Not: &w})
		}
	}
	return out
}

func (l *CommonLog) categories() []string {
	return l.named(func(t EventType) string { return t.Category })
}

func (l *CommonLog) named(of func(EventType) string) (out []string) {
	for _, t := range l.Types {
		out = append(out, of(t))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *Common) byEvents(q Query, l *CommonList) (out []Query) {
	others := c.dims(l)
	for i := range c.Logs {
		log := &c.Logs[i]
		categories := log.categories()
		ask := func(e EventQuery, dims ...Dim) {
			e.Logs, e.From, e.To = []EventsID{log.Events}, log.From, log.To
			e.Sums = []EventSum{{Cap: maxCapUnits, Granule: 1}, {Cap: 3, Granule: 1}}
			if log.Unit != "" {
				e.Sums = append(e.Sums, EventSum{Unit: log.Unit, Cap: maxCapUnits, Granule: 1}, EventSum{Unit: log.Unit, Cap: 50, Granule: 100})
			}
			q.Events, q.Dims = &e, dims
			out = append(out, q)
			if n := len(others); n > 0 { // with a dimension of the people too
				q.Dims = append([]Dim{others[n-1]}, dims...)
				out = append(out, q)
			}
		}
		for some := range slices.Chunk(categories, MaxCellsOfOne) {
			ask(EventQuery{Categories: some}, Dim{Source: EventCategory, Name: "category", Size: len(some)})
		}
		days := int(log.To-log.From) + 1
		step := (days + MaxCellsOfOne - 1) / MaxCellsOfOne
		ask(EventQuery{Categories: categories}, Dim{Source: EventDay, Name: "day", Step: step, Size: (days-1)/step + 1})
		for _, kind := range log.named(func(t EventType) string { return t.Kind }) {
			ask(EventQuery{Categories: categories, Presence: kind, Spread: true}, Dim{Source: EventDay, Name: "day", Step: step, Size: (days-1)/step + 1})
			bounds := []int64{1, 2, 3, 5, 10}
			ask(EventQuery{Categories: categories, Presence: kind}, Dim{Source: Frequency, Name: kind, Bounds: bounds, Size: len(bounds)})
		}
	}
	return out
}

func (c *Common) byCredits(q Query, l *CommonList) (out []Query) {
	a := Attribution{Click: 30, View: 7, HalfLife: 7, Most: 3, Credits: true}
	for i := range c.Logs {
		log := &c.Logs[i]
		if i == 0 {
			a.From, a.To = log.From, log.To
		}
		a.Logs, a.From, a.To = append(a.Logs, log.Events), min(a.From, log.From), max(a.To, log.To)
		a.Categories = append(a.Categories, log.categories()...)
		for _, t := range log.Types {
			if t.touches() && a.TouchOf(t) < 0 && len(a.Touches) < maxTouches {
				a.Touches = append(a.Touches, t)
			}
		}
	}
	if a.Touches == nil {
		return nil
	}
	q.Dims = []Dim{{Source: Touch, Name: "touch", Size: len(a.Touches) + 1}}
	if others := c.dims(l); len(others) > 0 && others[len(others)-1].Size*(len(a.Touches)+1) <= maxCells {
		q.Dims = append(q.Dims, others[len(others)-1])
	}
	for _, model := range entrustment.AttributionModel("").Allowed() {
		by := a
		by.Model, q.Attribution = entrustment.AttributionModel(model), &by
		out = append(out, q)
	}
	return out
}
