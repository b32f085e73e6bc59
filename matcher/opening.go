package matcher

import "context"

// Reads names what a query reads.
type Reads struct {
	Population PopulationID
	Lists      map[ListID]bool // joined, or in a condition
	Logs       map[EventsID]bool
}

// Opening gives an engine that has what a query reads opened just before it
// counts with under.
func Opening(under Engine, open func(ctx context.Context, r Reads) error) Engine {
	return opening{under, open}
}

type opening struct {
	Engine
	open func(ctx context.Context, r Reads) error
}

// Reads gives what q reads.
func (q *Query) Reads() Reads {
	r := Reads{q.Population, map[ListID]bool{}, map[EventsID]bool{}}
	if q.List != (ListID{}) {
		r.Lists[q.List] = true
	}
	if q.Events != nil {
		r.logs(q.Events.Logs)
	}
	if q.Where != nil {
		r.condition(q.Where)
	}
	return r
}

// Cells opens, and counts.
func (o opening) Cells(ctx context.Context, q Query) (Exact, error) {
	if err := o.open(ctx, q.Reads()); err != nil {
		return Exact{}, err
	}
	return o.Engine.Cells(ctx, q)
}

func (r *Reads) logs(ids []EventsID) {
	for _, id := range ids {
		r.Logs[id] = true
	}
}

func (r *Reads) condition(w *Where) {
	if w.List != nil {
		r.Lists[*w.List] = true
	}
	if w.Event != nil {
		r.logs(w.Event.Logs)
	}
	if w.Not != nil {
		r.condition(w.Not)
	}
	for _, parts := range [][]Where{w.All, w.Any} {
		for i := range parts {
			r.condition(&parts[i])
		}
	}
}
