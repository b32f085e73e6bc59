package matcher

import (
	"errors"
	"iter"
	"math"
	"slices"

	"awase/crypto/token"
)

// EventsID names the content of an event log.
type EventsID [32]byte

// EventType is one sort of event of a log: what happened, and on what.
type EventType struct {
	Kind     string `json:"kind"`
	Category string `json:"category"`
}

// EventRow is one event, tokenised. Tokens is only read during the call it is
// given to.
type EventRow struct {
	User   *token.Token // of the operator's user key; nil: Tokens name the user
	Tokens []KindToken
	Day    int32 // JST day, counted from 1970-01-01
	Type   uint8 // position in the log's types
	Value  int64 // in the log's unit
}

// Events is an event log bound to one Base: the events of each cluster. It is
// immutable and safe for concurrent use.
type Events struct {
	types []EventType
	unit  string
	start []uint32 // events of cluster c are start[c] … start[c+1]
	days  []int32
	kinds []uint8 // positions in types
	value []int64
}

// errEventType says that a log is not what its record says.
var errEventType = errors.New("an event is of a type that its log does not have")

// NewEvents binds a log to b. An event counts for every cluster that holds one
// of its unambiguous tokens: were it given to the first alone, taking that
// cluster away would hand it to the next, and move the counts of two people
// (PRIVACY rule 2 and attack A29, for events). Events of nobody in b are left
// out. rows is passed over twice and must give the same rows both times.
func NewEvents(b *Base, types []EventType, unit string, rows iter.Seq[EventRow]) (*Events, error) {
	e := &Events{types: slices.Clone(types), unit: unit, start: make([]uint32, b.clusters()+1)}
	var found []uint32
	total := 0
	for r := range rows {
		if int(r.Type) >= len(types) {
			return nil, errEventType
		}
		found = b.clustersOf(&r, found[:0])
		total += len(found)
		if int64(total) > maxRows {
			return nil, overLimit("events", "the log has too many events")
		}
		for _, c := range found {
			e.start[c+1]++
		}
	}
	for c := range b.clusters() {
		e.start[c+1] += e.start[c]
	}
	e.days, e.kinds, e.value = make([]int32, total), make([]uint8, total), make([]int64, total)
	next := slices.Clone(e.start)
	for r := range rows {
		found = b.clustersOf(&r, found[:0])
		for _, c := range found {
			i := next[c]
			if i == e.start[c+1] {
				return nil, errors.New("the rows of an event log changed between two readings")
			}
			e.days[i], e.kinds[i], e.value[i] = r.Day, r.Type, r.Value
			next[c]++
		}
	}
	return e, nil
}

// clustersOf appends the distinct clusters that an event names.
func (b *Base) clustersOf(r *EventRow, out []uint32) []uint32 {
	if r.User != nil {
		if c, ok := b.users.find(*r.User); ok {
			out = append(out, c)
		}
		return out
	}
	for _, t := range r.Tokens {
		if t.Kind >= Kinds {
			continue
		}
		if c, ok := b.index[t.Kind].find(t.Token); ok && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Public limits of a query that reads events.
const (
	// MaxCellsOfOne is the most cells of a table that one cluster may be in.
	MaxCellsOfOne = 8
	maxEventSums  = 8
	maxCapUnits   = 1 << 16
	maxEventCap   = 1 << 40
)

// EventQuery says which events a query reads, and what it sums of them.
//
// A cluster is counted in the cells in which it has an event: with a dimension
// over categories or days it may be in several, at most MaxCellsOfOne.
type EventQuery struct {
	Logs       []EventsID
	From, To   int32    // days, both included
	Categories []string // those read; their order is that of the dimension EventCategory
	Presence   string   // the kind of event that puts a cluster into a cell; "": any
	Sums       []EventSum
}

// EventSum is a sum over a cell of what its clusters each contribute there:
// their total, clamped to [0, Cap·Granule], in whole granules.
type EventSum struct {
	Kind    string // of the events summed; "": any
	Unit    string // "": the number of events; else their values, of the logs of this unit
	Cap     int64  // granules
	Granule int64
}

// AtLeast holds for clusters that have at least N events of a category from
// one day to another, both included.
type AtLeast struct {
	Logs     []EventsID
	Category string
	From, To int32
	N        int64
}

// boundLog is a log as a query reads it.
type boundLog struct {
	*Events
	slot     []int16 // by type: position in Categories, −1: not read
	presence []bool
	sums     []uint8 // by type: bit s: counted in sum s
	values   uint8   // bit s: sum s adds values, not events
}

// eventPlan is an EventQuery bound to its logs.
type eventPlan struct {
	EventQuery
	logs  []boundLog
	slots int      // cells that one cluster may be in
	cells []uint32 // by slot: how far from the cell of the other dimensions
	step  int32    // days of one slot; 0: days make no difference
	spans int      // slots by day
	byCat bool
	// Where there is a Frequency dimension: the least number of events of kind
	// in each of its values.
	bounds []int64
	stride uint32
	kind   string
}

// bindLogs finds the logs of a population.
func (e *Embedded) bindLogs(pop PopulationID, ids []EventsID, field string) ([]*Events, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var out []*Events
	for _, id := range ids {
		l := e.events[eventsKey{pop, id}]
		if l == nil {
			return nil, gone(field)
		}
		out = append(out, l)
	}
	return out, nil
}

// bindEvents binds the events of q; p.dims are bound already.
func (e *Embedded) bindEvents(p *plan, q *Query) error {
	ep := &eventPlan{EventQuery: *q.Events, slots: 1, spans: 1}
	if ep.From > ep.To || int64(ep.To)-int64(ep.From) > 1<<16 {
		return badSpec("events.window", "the days of a window are from the first to the last, fewer than 65,536")
	}
	if len(ep.Sums) > maxEventSums {
		return overLimit("events.sums", "more than 8 sums")
	}
	for _, s := range ep.Sums {
		if s.Granule < 1 || s.Cap < 1 || s.Cap > maxCapUnits || s.Granule > maxEventCap/s.Cap/MaxCellsOfOne {
			return overLimit("events.sums", "a cap is 1 to 65,536 granules, and at most 2^40 with 8 cells")
		}
	}
	if len(ep.Categories) > 1<<14 {
		return overLimit("events.categories", "more than 16,384 categories")
	}
	catStride, dayStride := uint32(0), uint32(0)
	for i, d := range q.Dims {
		switch d.Source {
		case EventCategory:
			ep.byCat, catStride = true, p.dims[i].stride
		case EventDay:
			ep.step, dayStride, ep.spans = int32(d.Step), p.dims[i].stride, d.Size
		case Frequency:
			ep.bounds, ep.stride, ep.kind = d.Bounds, p.dims[i].stride, d.Name
		}
	}
	cats := 1
	if ep.byCat {
		cats = len(ep.Categories)
	}
	if ep.slots = cats * ep.spans; ep.slots > MaxCellsOfOne {
		return overLimit("dims", "one cluster may be in at most 8 cells of a table")
	}
	for c := range cats {
		for d := range ep.spans {
			ep.cells = append(ep.cells, uint32(c)*catStride+uint32(d)*dayStride)
		}
	}
	logs, err := e.bindLogs(q.Population, ep.Logs, "events")
	if err != nil {
		return err
	}
	for _, l := range logs {
		b := boundLog{Events: l}
		for s, sum := range ep.Sums {
			if sum.Unit != "" {
				b.values |= 1 << s
			}
		}
		for _, t := range l.types {
			b.slot = append(b.slot, int16(slices.Index(ep.Categories, t.Category)))
			b.presence = append(b.presence, ep.Presence == "" || ep.Presence == t.Kind)
			mask := uint8(0)
			for s, sum := range ep.Sums {
				if (sum.Kind == "" || sum.Kind == t.Kind) && (sum.Unit == "" || sum.Unit == l.unit) {
					mask |= 1 << s
				}
			}
			b.sums = append(b.sums, mask)
		}
		ep.logs = append(ep.logs, b)
	}
	p.events = ep
	return nil
}

// tally is one cluster's contribution to each slot.
type tally struct {
	here [MaxCellsOfOne]bool
	sums [MaxCellsOfOne][maxEventSums]int64
}

// addEvents counts one cluster into the cells in which it has an event. at is
// its cell of the other dimensions.
func (c *counter) addEvents(cluster, at uint32) {
	ep := c.events
	var t tally
	often := int64(0)
	for i := range ep.logs {
		l := &ep.logs[i]
		for j := l.start[cluster]; j < l.start[cluster+1]; j++ {
			day, typ := l.days[j], l.kinds[j]
			cat := l.slot[typ]
			if cat < 0 || day < ep.From || day > ep.To {
				continue
			}
			if l.types[typ].Kind == ep.kind {
				often++
			}
			slot := 0
			if ep.byCat {
				slot = int(cat) * ep.spans
			}
			if ep.step > 0 {
				slot += int((day - ep.From) / ep.step)
			}
			t.here[slot] = t.here[slot] || l.presence[typ]
			for s := range ep.Sums {
				if l.sums[typ]>>s&1 == 0 {
					continue
				}
				add := int64(1)
				if l.values>>s&1 != 0 {
					add = l.value[j]
				}
				t.sums[slot][s] = addSaturated(t.sums[slot][s], add)
			}
		}
	}
	if ep.bounds != nil {
		if often < ep.bounds[0] {
			return
		}
		i, found := slices.BinarySearch(ep.bounds, often)
		if !found {
			i--
		}
		at += ep.stride * uint32(i)
	}
	for slot := range ep.slots {
		if !t.here[slot] {
			continue
		}
		cell := at + ep.cells[slot]
		c.cells[cell]++
		for s, sum := range ep.Sums {
			c.sums[s][cell] += min(max(0, t.sums[slot][s])/sum.Granule, sum.Cap)
		}
	}
}

// addSaturated adds and stays at the ends of the range instead of wrapping.
func addSaturated(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// boundCondition is an AtLeast bound to its logs.
type boundCondition struct {
	AtLeast
	logs []*Events
}

func (b *boundCondition) holds(cluster uint32) bool {
	n := int64(0)
	for _, l := range b.logs {
		for j := l.start[cluster]; j < l.start[cluster+1]; j++ {
			if d := l.days[j]; d >= b.From && d <= b.To && l.types[l.kinds[j]].Category == b.Category {
				n++
			}
		}
	}
	return n >= b.N
}
