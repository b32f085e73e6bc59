package matcher

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

	events  *eventPlan  // nil: no event is counted
	credits *creditPlan // nil: no conversion is credited
	sums    int         // of the answer
}

type dim struct {
	source DimSource
	codes  []uint8 // BaseColumn: by cluster; ListColumn: by canonical row
	stride uint32
	share  *Share // Assigned
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
	opShare
)

// node is a Where bound to columns.
type node struct {
	op    nodeOp
	kids  []node
	codes []uint8 // of the column
	in    []uint8 // 256 of 0 or 1, by code
	set   *bitmap // clusters matched by a list
	event *boundCondition
	share *Share
}

// snapshot is what a query names, each looked up once: what is dropped between the
// check and the count is there for both.
type snapshot struct {
	engine     *Embedded
	population PopulationID
	base       *Base
	lists      map[ListID]*List
	logs       map[EventsID]*Events
}

func (s *snapshot) Base() []Column { return s.base.columns }

func (s *snapshot) List(id ListID) ([]Column, bool) {
	l := s.lists[id]
	if l == nil {
		if l = s.engine.list(id); l == nil {
			return nil, false
		}
		s.lists[id] = l
	}
	return l.columns, true
}

func (s *snapshot) Log(id EventsID) (Log, bool) {
	l := s.logs[id]
	if l == nil {
		if l = s.engine.log(s.population, id); l == nil {
			return Log{}, false
		}
		s.logs[id] = l
	}
	return Log{Types: l.types, Unit: l.unit}, true
}

// plan checks q and binds it.
func (e *Embedded) plan(q *Query) (*plan, error) {
	s := &snapshot{engine: e, population: q.Population, base: e.Base(q.Population), lists: map[ListID]*List{}, logs: map[EventsID]*Events{}}
	if s.base == nil {
		return nil, Gone("population")
	}
	cells, err := Check(q, s)
	if err != nil {
		return nil, err
	}
	p := &plan{base: s.base, list: s.lists[q.List], cells: cells, sets: make(map[*List]*bitmap)}
	p.eligible = make([]uint8, max(len(p.base.standings), 1))
	for i, s := range p.base.standings {
		if s.allows(&q.Eligible) {
			p.eligible[i] = 1
		}
	}
	p.bindDims(q.Dims)
	if q.Events != nil {
		p.bindEvents(q, s)
	}
	if q.Attribution != nil {
		p.bindCredits(q, s)
	}
	p.sums = len(q.sumCaps())
	if q.Where != nil {
		n := p.bind(q.Where, s)
		p.where = &n
	}
	return p, nil
}

func (p *plan) bindDims(dims []Dim) {
	p.dims = make([]dim, len(dims))
	stride := uint32(1)
	for i := len(dims) - 1; i >= 0; i-- {
		d := &dims[i]
		p.dims[i] = dim{source: d.Source, stride: stride, share: d.Share}
		stride *= uint32(d.Size)
		switch d.Source {
		case BaseColumn, ListColumn:
			p.dims[i].codes = p.column(d.Source, d.Name)
		case MatchedBy:
			p.needKinds = true
		}
	}
}

// column gives the codes of a column of the base or of the query's list.
func (p *plan) column(source DimSource, name string) []uint8 {
	if source == BaseColumn {
		return p.base.codes[columnNamed(p.base.columns, name)].Uint8Values()
	}
	p.needRows = true
	return p.list.codes[columnNamed(p.list.columns, name)].Uint8Values()
}

// bind turns a Where into nodes.
func (p *plan) bind(w *Where, s *snapshot) node {
	switch {
	case w.All != nil:
		return node{op: opAll, kids: p.bindAll(w.All, s)}
	case w.Any != nil:
		return node{op: opAny, kids: p.bindAll(w.Any, s)}
	case w.Not != nil:
		return node{op: opNot, kids: []node{p.bind(w.Not, s)}}
	case w.In != nil:
		return p.bindIn(w.In)
	case w.Share != nil:
		return node{op: opShare, share: w.Share}
	case w.Event != nil:
		return node{op: opEvent, event: &boundCondition{*w.Event, s.bound(w.Event.Logs)}}
	}
	l := s.lists[*w.List]
	if p.sets[l] == nil {
		p.sets[l] = new(bitmap)
	}
	return node{op: opList, set: p.sets[l]}
}

func (p *plan) bindAll(kids []Where, s *snapshot) []node {
	out := make([]node, len(kids))
	for i := range kids {
		out[i] = p.bind(&kids[i], s)
	}
	return out
}

func (p *plan) bindIn(in *InCodes) node {
	n := node{op: opBaseIn, in: make([]uint8, maxCodes), codes: p.column(in.Source, in.Column)}
	if in.Source == ListColumn {
		n.op = opListIn
	}
	for _, code := range in.Codes {
		n.in[code] = 1
	}
	return n
}
