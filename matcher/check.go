package matcher

import (
	"fmt"
	"slices"

	"awase/entrustment"
)

// Public limits of one query.
const (
	maxCells      = 1 << 14
	maxConditions = 1 << 12 // nodes of a Where tree
	maxDepth      = 64
)

// Schema is what a query is checked against: what an engine holds of its population.
type Schema interface {
	// Base gives the columns of the population.
	Base() []Column
	// List gives the columns of a list; false: it is not there.
	List(id ListID) ([]Column, bool)
	// Log gives what the rows of a log of the population are; false: it is not there.
	Log(id EventsID) (Log, bool)
}

// Check gives the number of cells of q, or the error with which every engine
// refuses it: see Embedded.Cells. It looks at declarations alone, never at a row.
func Check(q *Query, s Schema) (cells int, err error) {
	c := checker{query: q, schema: s}
	if q.List != (ListID{}) {
		var there bool
		if c.list, there = s.List(q.List); !there {
			return 0, Gone("list")
		}
	}
	if cells, err = c.dims(); err != nil {
		return 0, err
	}
	if q.Events != nil {
		if err := c.events(q.Events); err != nil {
			return 0, err
		}
	}
	if q.Attribution != nil {
		if err := c.attribution(q.Attribution); err != nil {
			return 0, err
		}
	}
	if q.Where != nil {
		if err := c.where(q.Where, "where", 0); err != nil {
			return 0, err
		}
	}
	return cells, nil
}

type checker struct {
	query  *Query
	schema Schema
	list   []Column // of the query's list
	nodes  int
}

func (c *checker) dims() (cells int, err error) {
	dims, cells := c.query.Dims, 1
	for i, d := range dims {
		field := fmt.Sprintf("dims[%d]", i)
		size := int(Kinds)
		switch d.Source {
		case BaseColumn, ListColumn:
			column, err := c.column(d.Source, d.Name, field)
			if err != nil {
				return 0, err
			}
			size = len(column.Domain)
		case MatchedBy:
			if c.query.List == (ListID{}) {
				return 0, badSpec(field, "matched_by needs a list")
			}
		case Touch:
			if c.query.Attribution == nil {
				return 0, badSpec(field, "this dimension needs an attribution")
			}
			if slices.ContainsFunc(dims[:i], func(b Dim) bool { return b.Source == Touch }) {
				return 0, badSpec(field, "a dimension of touches is named twice")
			}
			size = len(c.query.Attribution.Touches) + 1
		case EventCategory, EventDay, Frequency:
			if c.query.Events == nil {
				return 0, badSpec(field, "this dimension needs events")
			}
			if slices.ContainsFunc(dims[:i], func(b Dim) bool { return b.Source == d.Source }) {
				return 0, badSpec(field, "a dimension of events is named twice")
			}
			if size, err = d.eventSize(c.query.Events, field); err != nil {
				return 0, err
			}
		case Assigned:
			if d.Share == nil {
				return 0, badSpec(field, "this dimension needs a share")
			}
			if fault := d.Share.fault(); fault != "" {
				return 0, badSpec(field, fault)
			}
			size = 2
		default:
			return 0, badSpec(field, "unknown source of a dimension")
		}
		if d.Size != size {
			return 0, badSpec(field, fmt.Sprintf("size is %d but the domain has %d values", d.Size, size))
		}
		if cells *= size; cells > maxCells { // both ≤ 2¹⁴ or a size: no overflow
			return 0, overLimit(field, fmt.Sprintf("dimensions make more than %d cells", maxCells))
		}
	}
	return cells, nil
}

// eventSize gives the number of values of a dimension of events.
func (d *Dim) eventSize(events *EventQuery, field string) (int, error) {
	switch d.Source {
	case EventDay:
		if d.Step < 1 || d.Step > 1<<16 {
			return 0, badSpec(field, "a span is 1 to 65,536 days")
		}
		return int(int64(events.To)-int64(events.From))/d.Step + 1, nil
	case Frequency:
		for i, b := range d.Bounds {
			if b < 1 || i > 0 && b <= d.Bounds[i-1] {
				return 0, badSpec(field, "bounds are ascending, from 1")
			}
		}
		if len(d.Bounds) == 0 {
			return 0, badSpec(field, "bounds are ascending, from 1")
		}
		return len(d.Bounds), nil
	}
	return len(events.Categories), nil
}

// column finds a column of the base or of the query's list.
func (c *checker) column(source DimSource, name, field string) (*Column, error) {
	if source == BaseColumn {
		base := c.schema.Base()
		if i := columnNamed(base, name); i >= 0 {
			return &base[i], nil
		}
		return nil, badSpec(field, fmt.Sprintf("the base has no column %q", name))
	}
	if c.query.List == (ListID{}) {
		return nil, badSpec(field, fmt.Sprintf("list column %q needs a list", name))
	}
	if i := columnNamed(c.list, name); i >= 0 {
		return &c.list[i], nil
	}
	return nil, badSpec(field, fmt.Sprintf("the list has no column %q", name))
}

func (c *checker) events(e *EventQuery) error {
	if e.From > e.To || int64(e.To)-int64(e.From) > 1<<16 {
		return badSpec("events.window", "the days of a window are from the first to the last, fewer than 65,536")
	}
	if len(e.Sums) > maxEventSums {
		return overLimit("events.sums", "more than 8 sums")
	}
	for _, s := range e.Sums {
		if s.Granule < 1 || s.Cap < 1 || s.Cap > maxCapUnits || s.Granule > maxEventCap/s.Cap/MaxCellsOfOne {
			return overLimit("events.sums", "a cap is 1 to 65,536 granules, and at most 2^40 with 8 cells")
		}
	}
	if len(e.Categories) > 1<<14 {
		return overLimit("events.categories", "more than 16,384 categories")
	}
	slots := 1
	for _, d := range c.query.Dims {
		if d.Source == EventCategory || d.Source == EventDay {
			slots *= d.Size
		}
	}
	if slots > MaxCellsOfOne {
		return overLimit("dims", "one cluster may be in at most 8 cells of a table")
	}
	return c.logs(e.Logs, "events")
}

func (c *checker) logs(ids []EventsID, field string) error {
	for _, id := range ids {
		if _, there := c.schema.Log(id); !there {
			return Gone(field)
		}
	}
	return nil
}

func (c *checker) where(w *Where, field string, depth int) error {
	if c.nodes++; c.nodes > maxConditions {
		return overLimit(field, fmt.Sprintf("more than %d conditions", maxConditions))
	}
	if depth == maxDepth {
		return overLimit(field, fmt.Sprintf("conditions are nested more than %d deep", maxDepth))
	}
	set := 0
	for _, is := range []bool{w.All != nil, w.Any != nil, w.Not != nil, w.In != nil, w.List != nil, w.Event != nil, w.Share != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return badSpec(field, "a condition has exactly one of all, any, not, in, list, event, share")
	}
	switch {
	case w.All != nil:
		return c.all(w.All, field+".all", depth)
	case w.Any != nil:
		return c.all(w.Any, field+".any", depth)
	case w.Not != nil:
		return c.where(w.Not, field+".not", depth+1)
	case w.In != nil:
		return c.in(w.In, field+".in")
	case w.Event != nil:
		return c.logs(w.Event.Logs, field+".event")
	case w.Share != nil:
		if fault := w.Share.fault(); fault != "" {
			return badSpec(field+".share", fault)
		}
		return nil
	}
	if _, there := c.schema.List(*w.List); !there {
		return Gone(field + ".list")
	}
	return nil
}

func (c *checker) all(kids []Where, field string, depth int) error {
	for i := range kids {
		if err := c.where(&kids[i], fmt.Sprintf("%s[%d]", field, i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) in(in *InCodes, field string) error {
	if in.Source != BaseColumn && in.Source != ListColumn {
		return badSpec(field, "a condition is on a column of the base or of the list")
	}
	column, err := c.column(in.Source, in.Column, field)
	if err != nil {
		return err
	}
	if !slices.IsSorted(in.Codes) || len(slices.Compact(slices.Clone(in.Codes))) != len(in.Codes) {
		return badSpec(field, "codes are not distinct and sorted")
	}
	for _, code := range in.Codes {
		if int(code) >= len(column.Domain) {
			return &entrustment.Error{Code: entrustment.CodeDomain, Field: field,
				Detail: fmt.Sprintf("code %d is outside the domain of %q", code, column.Name)}
		}
	}
	return nil
}
