package matcher

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"sort"

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

// Events is an event log bound to one Base: the events of each day, by cluster.
// It is immutable and safe for concurrent use.
//
// A day is three columns sorted by cluster, with a directory over blocks of
// clusters, so that a query reads the days of its window in the order in which
// it passes over the clusters, and nothing else. Memory: 5 bytes an event, 8
// more where the log has values, and 4 bytes for every 4,096 clusters a day.
type Events struct {
	types []EventType
	unit  string
	days  []eventDay // ascending
}

// eventDay holds the events of one day.
type eventDay struct {
	day      int32
	clusters []uint32 // ascending
	kinds    []uint8  // positions in the log's types
	values   []int64  // nil: all 0
	at       []uint32 // events of clusters from i·eventBlock on begin at at[i]
}

// eventBlock is how many clusters an entry of a day's directory covers. Blocks of
// a count are multiples of it.
const eventBlock = 1 << 12

// errEventType says that a log is not what its record says.
var errEventType = errors.New("an event is of a type that its log does not have")

// NewEvents binds a log to b. An event counts for every cluster that holds one
// of its unambiguous tokens: were it given to the first alone, taking that
// cluster away would hand it to the next, and move the counts of two people
// (PRIVACY rule 2 and attack A29, for events). Events of nobody in b are left
// out. Until it returns it needs 17 bytes an event beside what Events holds.
func NewEvents(b *Base, types []EventType, unit string, rows iter.Seq[EventRow]) (*Events, error) {
	// Events of nobody are sorted with the others and then left out, so that the
	// work says little of how many there are (attack A14).
	nobody := uint32(b.clusters())
	build := map[int32]*dayBuilder{}
	var here *dayBuilder // of the row before: rows come by day
	var day int32
	var found []uint32
	total := 0
	for r := range rows {
		if int(r.Type) >= len(types) {
			return nil, errEventType
		}
		found = b.clustersOf(&r, found[:0])
		for len(found) < max(1, len(r.Tokens)) {
			found = append(found, nobody)
		}
		if total += len(found); int64(total) > maxRows {
			return nil, overLimit("events", "the log has too many events")
		}
		if here == nil || r.Day != day {
			if day, here = r.Day, build[r.Day]; here == nil {
				here = &dayBuilder{}
				build[day] = here
			}
		}
		for _, c := range found {
			here.add(c, r.Type, r.Value)
		}
	}
	e := &Events{types: slices.Clone(types), unit: unit}
	for _, day := range slices.Sorted(maps.Keys(build)) {
		e.days = append(e.days, build[day].build(day, b.clusters()))
		delete(build, day)
	}
	return e, nil
}

// dayBuilder takes the events of a day in any order.
type dayBuilder struct {
	keys   chunked[uint64] // cluster ‖ number of the event
	kinds  chunked[uint8]
	values chunked[int64]
	valued bool
}

func (d *dayBuilder) add(cluster uint32, kind uint8, value int64) {
	d.keys.add(uint64(cluster)<<32 | uint64(d.keys.n))
	d.kinds.add(kind)
	d.values.add(value)
	d.valued = d.valued || value != 0
}

// build sorts the events by cluster, and leaves out those of none; those of one
// cluster stay in their order.
func (d *dayBuilder) build(day int32, clusters int) eventDay {
	keys := sortKeys(d.keys.all())
	kinds := d.kinds.all()
	e := eventDay{day: day, clusters: make([]uint32, len(keys)), kinds: make([]uint8, len(keys)), at: make([]uint32, clusters/eventBlock+2)}
	for i, k := range keys {
		e.clusters[i], e.kinds[i] = uint32(k>>32), kinds[uint32(k)]
	}
	if d.valued {
		values := d.values.all()
		e.values = make([]int64, len(keys))
		for i, k := range keys {
			e.values[i] = values[uint32(k)]
		}
	}
	own := sort.Search(len(e.clusters), func(i int) bool { return e.clusters[i] >= uint32(clusters) })
	if e.clusters, e.kinds = e.clusters[:own], e.kinds[:own]; e.values != nil {
		e.values = e.values[:own]
	}
	block := 0
	for i, c := range e.clusters {
		for ; block <= int(c/eventBlock); block++ {
			e.at[block] = uint32(i)
		}
	}
	for ; block < len(e.at); block++ {
		e.at[block] = uint32(own)
	}
	return e
}

// sortKeys sorts by the upper half alone, stably: a radix sort from the least
// digit on. It gives keys or another slice of its length.
func sortKeys(keys []uint64) []uint64 {
	const digit = 11 // bits: 2,048 counters stay in the first cache
	if len(keys) < 1<<digit {
		slices.Sort(keys) // the lower half is ascending: it breaks ties as they came
		return keys
	}
	out := make([]uint64, len(keys))
	for shift := 32; shift < 64; shift += digit {
		var next [1 << digit]int
		for _, k := range keys {
			next[k>>shift&(1<<digit-1)]++
		}
		sum := 0
		for d, n := range next {
			next[d], sum = sum, sum+n
		}
		for _, k := range keys {
			d := k >> shift & (1<<digit - 1)
			out[next[d]] = k
			next[d]++
		}
		keys, out = out, keys
	}
	return keys
}

// block gives the range of a day's events whose clusters are in [from, to): from
// is a multiple of eventBlock, and so is to, or it is past the last cluster.
func (d *eventDay) block(from, to int) (begin, end int) {
	last := len(d.at) - 1
	return int(d.at[min(from/eventBlock, last)]), int(d.at[min((to+eventBlock-1)/eventBlock, last)])
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
// over categories or days it may be in several, at most MaxCellsOfOne. What is summed
// is what a cluster did in the cells in which it is counted (but see Spread).
type EventQuery struct {
	Logs       []EventsID
	From, To   int32    // days, both included
	Categories []string // those read; their order is that of the dimension EventCategory
	Presence   string   // the kind of event that puts a cluster into a cell; "": any
	// Spread: a cluster that is in a cell of the table adds its events to the cells that
	// they fall into, to those too in which it has none of Presence and is not counted.
	Spread bool
	Sums   []EventSum
}

// EventSum is a sum over a cell of what its clusters each contribute there:
// their total, clamped to [0, Cap·Granule], in whole granules.
type EventSum struct {
	Kinds   []string // of the events summed; none: any
	Unit    string   // "": the number of events; else their values, of the logs of this unit
	Cap     int64    // granules
	Granule int64
}

// Of tells whether events of a kind, of a log of a unit, are summed.
func (s *EventSum) Of(kind, unit string) bool {
	return (len(s.Kinds) == 0 || slices.Contains(s.Kinds, kind)) && (s.Unit == "" || s.Unit == unit)
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

// log gives a log of a population, nil of an unknown one.
func (e *Embedded) log(pop PopulationID, id EventsID) *Events {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.events[eventsKey{pop, id}]
}

// bound gives logs that were looked up.
func (s *snapshot) bound(ids []EventsID) []*Events {
	out := make([]*Events, len(ids))
	for i, id := range ids {
		out[i] = s.logs[id]
	}
	return out
}

// bindEvents binds the events of q; p.dims are bound already.
func (p *plan) bindEvents(q *Query, s *snapshot) {
	ep := &eventPlan{EventQuery: *q.Events, spans: 1}
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
	ep.slots = cats * ep.spans
	for c := range cats {
		for d := range ep.spans {
			ep.cells = append(ep.cells, uint32(c)*catStride+uint32(d)*dayStride)
		}
	}
	for _, l := range s.bound(ep.Logs) {
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
				if sum.Of(t.Kind, l.unit) {
					mask |= 1 << s
				}
			}
			b.sums = append(b.sums, mask)
		}
		ep.logs = append(ep.logs, b)
	}
	p.events = ep
}
