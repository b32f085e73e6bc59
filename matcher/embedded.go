package matcher

import (
	"context"
	"iter"
	"sync"
)

// Embedded is the engine that counts in memory, over Base and List. It is safe
// for concurrent use: what Cells has begun on stays whole while it is dropped
// or replaced.
type Embedded struct {
	options
	mu    sync.RWMutex
	bases map[PopulationID]*Base
	lists map[ListID]*List

	events    map[eventsKey]*Events
	eligibles map[*Base][]eligible // of bases that are a population

	spare spare
}

type eventsKey struct {
	population PopulationID
	log        EventsID
}

var _ Engine = (*Embedded)(nil)

// NewEmbedded gives an engine that holds nothing yet.
func NewEmbedded(opts ...Option) *Embedded {
	return &Embedded{options: newOptions(opts), bases: make(map[PopulationID]*Base), lists: make(map[ListID]*List), events: make(map[eventsKey]*Events), eligibles: make(map[*Base][]eligible)}
}

// PutBase makes b the population id. Logs bound to another base of that id are
// forgotten: the content of both is one, their cluster ids need not be.
func (e *Embedded) PutBase(id PopulationID, b *Base) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bases[id] != b {
		for k := range e.events {
			if k.population == id {
				delete(e.events, k)
			}
		}
	}
	e.bases[id] = b
	e.dropEligible()
}

// PutList makes l known under its ID, and gives that.
func (e *Embedded) PutList(l *List) ListID {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lists[l.id] = l
	return l.id
}

// PutEvents makes a log, bound to the base of a population, known there.
func (e *Embedded) PutEvents(pop PopulationID, id EventsID, log *Events) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events[eventsKey{pop, id}] = log
}

// BindEvents binds a log to the base of a population, as NewEvents does, and
// makes it known there. It fails with CodeGone where the population is not there.
func (e *Embedded) BindEvents(pop PopulationID, id EventsID, types []EventType, unit string, rows iter.Seq[EventRow]) error {
	b := e.Base(pop)
	if b == nil {
		return Gone("population")
	}
	log, err := NewEvents(b, types, unit, rows)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bases[pop] != b { // dropped meanwhile
		return Gone("population")
	}
	e.events[eventsKey{pop, id}] = log
	return nil
}

// DropBase forgets a population and the logs bound to it; an unknown one is no
// error.
func (e *Embedded) DropBase(id PopulationID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.bases, id)
	e.dropEligible()
	for k := range e.events {
		if k.population == id {
			delete(e.events, k)
		}
	}
}

// DropEvents forgets a log, whatever base it is bound to; an unknown one is no
// error.
func (e *Embedded) DropEvents(id EventsID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for k := range e.events {
		if k.log == id {
			delete(e.events, k)
		}
	}
}

// DropList forgets a list; an unknown one is no error.
func (e *Embedded) DropList(id ListID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.lists, id)
}

// Base gives the base of a population, nil of an unknown one.
func (e *Embedded) Base(id PopulationID) *Base {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.bases[id]
}

func (e *Embedded) list(id ListID) *List {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.lists[id]
}

// Cells gives the exact counts of q. Errors are *entrustment.Error: CodeGone
// for an unknown population or list, CodeSpec for a column, size or tree that
// does not fit the data, CodeDomain for a code outside its domain, CodeLimit
// for over 16,384 cells or 4,096 conditions; or the context's.
func (e *Embedded) Cells(ctx context.Context, q Query) (Exact, error) {
	p, err := e.matched(ctx, &q)
	if err != nil {
		return Exact{}, err
	}
	defer p.release(&e.spare)
	return p.count(ctx, e.workers)
}

// matched plans q, and finds who is eligible and on its lists.
func (e *Embedded) matched(ctx context.Context, q *Query) (_ *plan, err error) {
	p, err := e.plan(q)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.release(&e.spare)
		}
	}()
	if p.users, err = e.eligible(ctx, p.base, p.eligible); err != nil {
		return nil, err
	}
	if p.list != nil {
		need := needs{rows: p.needRows, kinds: p.needKinds}
		if p.hits, err = match(ctx, e.workers, &e.spare, p.base, p.list, need); err != nil {
			return nil, err
		}
	}
	for l, set := range p.sets {
		h, err := match(ctx, e.workers, &e.spare, p.base, l, needs{})
		if err != nil {
			return nil, err
		}
		*set = h.any
	}
	return p, nil
}

// release gives back what was found: nothing reads p afterwards.
func (p *plan) release(spare *spare) {
	p.hits.release(spare)
	for _, set := range p.sets {
		spare.give(*set)
		*set = nil
	}
}
