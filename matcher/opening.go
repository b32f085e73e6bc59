package matcher

import "context"

// Reads names what a query reads.
type Reads struct {
	Population PopulationID
	Lists      map[ListID]bool // joined, or in a condition
	Logs       map[EventsID]bool
}

// Opening gives an engine that has what a query reads opened by open just before it
// counts, with the engine that open gives. failed is told of each count that did not
// succeed: it says what the error is to be, and whether to open and count once more.
func Opening(open func(ctx context.Context, r Reads) (Engine, error), failed func(by Engine, err error) (again bool, out error)) Engine {
	return opening{open, failed}
}

type opening struct {
	open   func(ctx context.Context, r Reads) (Engine, error)
	failed func(by Engine, err error) (bool, error)
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
	if q.Attribution != nil {
		r.logs(q.Attribution.Logs)
	}
	if q.Where != nil {
		r.condition(q.Where)
	}
	return r
}

// Cells opens, and counts.
func (o opening) Cells(ctx context.Context, q Query) (Exact, error) {
	return answered(ctx, o, &q, func(by Engine) (Exact, error) { return by.Cells(ctx, q) })
}

// Members opens, and gives the audience.
func (o opening) Members(ctx context.Context, q Query) ([]Hit, error) {
	return answered(ctx, o, &q, func(by Engine) ([]Hit, error) { return by.Members(ctx, q) })
}

func answered[T any](ctx context.Context, o opening, q *Query, ask func(by Engine) (T, error)) (none T, err error) {
	for first := true; ; first = false {
		by, err := o.open(ctx, q.Reads())
		if err != nil {
			return none, err
		}
		out, err := ask(by)
		if err == nil {
			return out, nil
		}
		again, err := o.failed(by, err)
		if !first || !again {
			return none, err
		}
	}
}

// Within gives an engine whose counts are made by within, which may break them off.
func Within(by Engine, within func(ctx context.Context, count func(ctx context.Context) error) error) Engine {
	return &inside{by, within}
}

type inside struct {
	by     Engine
	within func(context.Context, func(context.Context) error) error
}

// Members gives the audience inside.
func (i *inside) Members(ctx context.Context, q Query) (out []Hit, err error) {
	err = i.within(ctx, func(ctx context.Context) error {
		var err error
		out, err = i.by.Members(ctx, q)
		return err
	})
	return out, err
}

// Cells counts inside.
func (i *inside) Cells(ctx context.Context, q Query) (out Exact, err error) {
	err = i.within(ctx, func(ctx context.Context) error {
		var err error
		out, err = i.by.Cells(ctx, q)
		return err
	})
	return out, err
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
