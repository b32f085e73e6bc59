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

// plan is a query checked against the data and bound to its columns.
type plan struct {
	base     *Base
	list     *List   // nil: no list
	eligible []uint8 // 0 or 1, by standing
	users    bitmap  // who is eligible
	where    *node   // nil: everyone
	dims     []dim
	cells    int

	needRows, needKinds bool
	sets                map[*List]*bitmap // lists in conditions
	hits                hits              // of list, once matched

	events *eventPlan // nil: no event is read
}

type dim struct {
	source DimSource
	codes  []uint8 // BaseColumn: by cluster; ListColumn: by canonical row
	stride uint32
}

type nodeOp uint8

const (
	opAll nodeOp = iota
	opAny
	opNot
	opBaseIn
	opListIn
	opList
	opEvent
)

// node is a Where bound to columns.
type node struct {
	op    nodeOp
	kids  []node
	codes []uint8 // of the column
	in    []uint8 // 256 of 0 or 1, by code
	set   *bitmap // clusters matched by a list
	event *boundCondition
}

// plan checks q and binds it.
func (e *Embedded) plan(q *Query) (*plan, error) {
	p := &plan{base: e.Base(q.Population), cells: 1, sets: make(map[*List]*bitmap)}
	if p.base == nil {
		return nil, gone("population")
	}
	if q.List != (ListID{}) {
		if p.list = e.list(q.List); p.list == nil {
			return nil, gone("list")
		}
	}
	p.eligible = make([]uint8, max(len(p.base.standings), 1))
	for i, s := range p.base.standings {
		if s.allows(&q.Eligible) {
			p.eligible[i] = 1
		}
	}
	if err := p.bindDims(q.Dims, q.Events); err != nil {
		return nil, err
	}
	if q.Events != nil {
		if err := e.bindEvents(p, q); err != nil {
			return nil, err
		}
	}
	if q.Where != nil {
		b := binder{plan: p, engine: e, population: q.Population}
		n, err := b.bind(q.Where, "where", 0)
		if err != nil {
			return nil, err
		}
		p.where = &n
	}
	return p, nil
}

func (p *plan) bindDims(dims []Dim, events *EventQuery) error {
	for i, d := range dims {
		field := fmt.Sprintf("dims[%d]", i)
		bound := dim{source: d.Source}
		size := int(Kinds)
		switch d.Source {
		case BaseColumn, ListColumn:
			column, codes, err := p.column(d.Source, d.Name, field)
			if err != nil {
				return err
			}
			size, bound.codes = len(column.Domain), codes
		case MatchedBy:
			if p.list == nil {
				return badSpec(field, "matched_by needs a list")
			}
			p.needKinds = true
		case EventCategory, EventDay, Frequency:
			if events == nil {
				return badSpec(field, "this dimension needs events")
			}
			if slices.ContainsFunc(dims[:i], func(b Dim) bool { return b.Source == d.Source }) {
				return badSpec(field, "a dimension of events is named twice")
			}
			var err error
			if size, err = d.eventSize(events, field); err != nil {
				return err
			}
		default:
			return badSpec(field, "unknown source of a dimension")
		}
		if d.Size != size {
			return badSpec(field, fmt.Sprintf("size is %d but the domain has %d values", d.Size, size))
		}
		if p.cells *= size; p.cells > maxCells { // both ≤ 2¹⁴: no overflow
			return overLimit(field, fmt.Sprintf("dimensions make more than %d cells", maxCells))
		}
		p.dims = append(p.dims, bound)
	}
	stride := uint32(1)
	for i := len(p.dims) - 1; i >= 0; i-- {
		p.dims[i].stride = stride
		stride *= uint32(dims[i].Size)
	}
	return nil
}

// eventSize gives the number of values of a dimension of events.
func (d *Dim) eventSize(events *EventQuery, field string) (int, error) {
	switch d.Source {
	case EventDay:
		if d.Step < 1 || d.Step > 1<<16 {
			return 0, badSpec(field, "a span is 1 to 65,536 days")
		}
		return int(events.To-events.From)/d.Step + 1, nil
	case Frequency:
		for i, b := range d.Bounds {
			if b < 1 || i > 0 && b <= d.Bounds[i-1] {
				return 0, badSpec(field, "bounds are ascending, from 1")
			}
		}
		return len(d.Bounds), nil
	}
	return len(events.Categories), nil
}

// column finds a column of the base or of the query's list.
func (p *plan) column(source DimSource, name, field string) (Column, []uint8, error) {
	if source == BaseColumn {
		if i := columnNamed(p.base.columns, name); i >= 0 {
			return p.base.columns[i], p.base.codes[i].Uint8Values(), nil
		}
		return Column{}, nil, badSpec(field, fmt.Sprintf("the base has no column %q", name))
	}
	if p.list == nil {
		return Column{}, nil, badSpec(field, fmt.Sprintf("list column %q needs a list", name))
	}
	if i := columnNamed(p.list.columns, name); i >= 0 {
		p.needRows = true
		return p.list.columns[i], p.list.codes[i].Uint8Values(), nil
	}
	return Column{}, nil, badSpec(field, fmt.Sprintf("the list has no column %q", name))
}

// binder turns a Where into nodes.
type binder struct {
	*plan
	engine *Embedded
	nodes  int

	population PopulationID
}

func (b *binder) bind(w *Where, field string, depth int) (node, error) {
	if b.nodes++; b.nodes > maxConditions {
		return node{}, overLimit(field, fmt.Sprintf("more than %d conditions", maxConditions))
	}
	if depth == maxDepth {
		return node{}, overLimit(field, fmt.Sprintf("conditions are nested more than %d deep", maxDepth))
	}
	set := 0
	for _, is := range []bool{w.All != nil, w.Any != nil, w.Not != nil, w.In != nil, w.List != nil, w.Event != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return node{}, badSpec(field, "a condition has exactly one of all, any, not, in, list, event")
	}
	switch {
	case w.All != nil:
		return b.bindAll(opAll, w.All, field+".all", depth)
	case w.Any != nil:
		return b.bindAll(opAny, w.Any, field+".any", depth)
	case w.Not != nil:
		kid, err := b.bind(w.Not, field+".not", depth+1)
		return node{op: opNot, kids: []node{kid}}, err
	case w.In != nil:
		return b.bindIn(w.In, field+".in")
	case w.Event != nil:
		logs, err := b.engine.bindLogs(b.population, w.Event.Logs, field+".event")
		return node{op: opEvent, event: &boundCondition{*w.Event, logs}}, err
	}
	l := b.engine.list(*w.List)
	if l == nil {
		return node{}, gone(field + ".list")
	}
	if b.sets[l] == nil {
		b.sets[l] = new(bitmap)
	}
	return node{op: opList, set: b.sets[l]}, nil
}

func (b *binder) bindAll(op nodeOp, kids []Where, field string, depth int) (node, error) {
	n := node{op: op, kids: make([]node, 0, min(len(kids), maxConditions))}
	for i := range kids {
		kid, err := b.bind(&kids[i], fmt.Sprintf("%s[%d]", field, i), depth+1)
		if err != nil {
			return node{}, err
		}
		n.kids = append(n.kids, kid)
	}
	return n, nil
}

func (b *binder) bindIn(in *InCodes, field string) (node, error) {
	n := node{op: opBaseIn, in: make([]uint8, maxCodes)}
	switch in.Source {
	case BaseColumn:
	case ListColumn:
		n.op = opListIn
	default:
		return node{}, badSpec(field, "a condition is on a column of the base or of the list")
	}
	column, codes, err := b.column(in.Source, in.Column, field)
	if err != nil {
		return node{}, err
	}
	n.codes = codes
	if !slices.IsSorted(in.Codes) || len(slices.Compact(slices.Clone(in.Codes))) != len(in.Codes) {
		return node{}, badSpec(field, "codes are not distinct and sorted")
	}
	for _, code := range in.Codes {
		if int(code) >= len(column.Domain) {
			return node{}, &entrustment.Error{Code: entrustment.CodeDomain, Field: field,
				Detail: fmt.Sprintf("code %d is outside the domain of %q", code, column.Name)}
		}
		n.in[code] = 1
	}
	return n, nil
}
