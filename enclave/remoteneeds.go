package enclave

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// needs are what a question, a load or a move has the engine outside hold.
type needs struct {
	population hexID
	base       *baseRecord // nil: none
	gone       []token.Token
	lists      []*listRecord
	logs       []*eventsRecord

	built *matcher.Base // base, where a load has just built it
	list  *matcher.List // the one list, likewise
}

// thing is one thing that the engine outside holds: of a build of the base, a
// population or a log bound to it; of a list alone. The other ids are zero.
type thing struct {
	build      matcher.BuildID
	population matcher.PopulationID
	list       matcher.ListID
	log        matcher.EventsID
}

// buildOf names the clusters of a base by the segment that has them: another
// segment of the same content may number them otherwise.
func buildOf(b *baseRecord) matcher.BuildID {
	return sha256.Sum256([]byte("awase build v1\n" + b.Segment.ID))
}

// things names what n needs, and of each whose it is: the entrustment, "" of the
// operator's.
func (n *needs) things() map[thing]string {
	out := map[thing]string{}
	for _, l := range n.lists {
		out[thing{list: matcher.ListID(l.ID)}] = l.Entrustment
	}
	if n.base == nil {
		return out
	}
	build := buildOf(n.base)
	out[thing{build: build}] = ""
	out[thing{build: build, population: matcher.PopulationID(n.population)}] = ""
	for _, l := range n.logs {
		out[thing{build: build, log: matcher.EventsID(l.Digest)}] = outside(l.Entrustment)
	}
	return out
}

// needsOf gives what a query reads of what is pinned. The room's lock is held.
func (e *Enclave) needsOf(r matcher.Reads) (*needs, error) {
	n := &needs{population: hexID(r.Population)}
	p := e.inUse[n.population]
	if p == nil || p.base == nil {
		return nil, errRetired
	}
	n.base, n.gone = p.base, p.gone
	for id := range r.Lists {
		p := e.inUse[hexID(id)]
		if p == nil || p.list == nil {
			return nil, errRetired
		}
		n.lists = append(n.lists, p.list)
	}
	for id := range r.Logs {
		p := e.inUse[hexID(id)]
		if p == nil || p.log == nil {
			return nil, errRetired
		}
		n.logs = append(n.logs, p.log)
	}
	return n, nil
}

var errRetired = &entrustment.Error{Code: entrustment.CodeGone, Field: "population", Detail: "this version is not there any more", Mend: "ask again on the present one"}

// everything gives what any question now may read. The room's lock is held.
func (e *Enclave) everything() *needs {
	n := &needs{population: e.populationNow(), base: e.state.base, gone: e.gone[:len(e.gone):len(e.gone)]}
	for _, l := range e.state.lists {
		if e.mayBeAsked(l.Entrustment) {
			n.lists = append(n.lists, l)
		}
	}
	for id, logs := range e.state.events {
		if e.mayBeAsked(id) {
			n.logs = append(n.logs, logs...)
		}
	}
	return n
}

// mayBeAsked tells whether questions may come under an entrustment, now or later.
func (e *Enclave) mayBeAsked(id string) bool {
	c := e.state.contracts[id]
	return id == seal.BaseEntrustment || c != nil && !wire.Over(e.stateOf(c.Contract)) && e.stateOf(c.Contract) != wire.StateExpired
}

// forever is when what is the operator's goes by itself, were it forgotten, and the
// last moment that anything is held until: servers count seconds in 32 bits.
var forever = time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)

// leastLife is how long anything is held that is needed now.
const leastLife = 48 * time.Hour

// lifeOf tells until when the content of an entrustment is to be held: to the end of
// the contract under which it is. The room's lock is held.
func (e *Enclave) lifeOf(id string) time.Time {
	now := e.vault.Log().Now()
	until := forever
	if c := e.state.contracts[id]; c != nil {
		if end := c.Contract.Until.End(); end.Before(until) {
			until = end
		}
	}
	if least := now.Add(leastLife); until.Before(least) {
		return least
	}
	return until
}

// puts gives what is to be done to have all of n held.
func (e *Enclave) puts(n *needs) []put {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []put
	for _, l := range n.lists {
		until, built := e.lifeOf(l.Entrustment), n.list
		out = append(out, put{thing{list: matcher.ListID(l.ID)}, until, func(ctx context.Context, r Remote) error {
			return r.PutList(ctx, matcher.ListID(l.ID), l.Columns, func() (*matcher.List, error) {
				if built != nil {
					return built, nil
				}
				return e.openList(l)
			}, until)
		}})
	}
	if n.base == nil {
		return out
	}
	build, base, built := buildOf(n.base), n.base, n.built
	out = append(out, put{thing{build: build}, forever, func(ctx context.Context, r Remote) error {
		return r.PutBase(ctx, build, base.engineColumns(), func() (*matcher.Base, error) {
			if built != nil {
				return built, nil
			}
			return e.openBase(base)
		})
	}}, put{thing{build: build, population: matcher.PopulationID(n.population)}, forever, func(ctx context.Context, r Remote) error {
		return r.PutPopulation(ctx, matcher.PopulationID(n.population), build, func() (*matcher.Standings, error) {
			if built != nil {
				return built.Standings(), nil
			}
			return e.openStandings(base)
		}, n.gone)
	}})
	for _, l := range n.logs {
		until := e.lifeOf(l.Entrustment)
		out = append(out, put{thing{build: build, log: matcher.EventsID(l.Digest)}, until, func(ctx context.Context, r Remote) error {
			return r.PutEvents(ctx, build, matcher.EventsID(l.Digest), matcher.Log{Types: typesOf(l), Unit: l.Unit}, e.rowsOf(l), until)
		}})
	}
	return out
}

// openStandings gives what of a base decides who is eligible.
func (e *Enclave) openStandings(rec *baseRecord) (*matcher.Standings, error) {
	read, err := e.reader(rec.Segment)
	if err != nil {
		return nil, fmt.Errorf("opening the base: %w", err)
	}
	s, err := matcher.OpenStandings(read)
	if err != nil {
		return nil, fmt.Errorf("opening the base: %w", err)
	}
	return s, nil
}

// rowsOf gives the rows of a stored log; the last may be the error that ended them.
func (e *Enclave) rowsOf(l *eventsRecord) iter.Seq2[matcher.EventRow, error] {
	return func(yield func(matcher.EventRow, error) bool) {
		days, err := e.vault.ReadSegment(l.Segment)
		rows := logReader{days: days, codes: len(l.Columns)}
		if err == nil {
			for r := range rows.all() {
				if !yield(r, nil) {
					return
				}
			}
		}
		if err = cmp.Or(err, rows.err); err != nil {
			yield(matcher.EventRow{}, fmt.Errorf("opening an event log: %w", err))
		}
	}
}

// commonOf gives what a comparison of two engines asks about an entrustment, and the
// records of what it reads. The room's lock is held.
func (e *Enclave) commonOf(id string, n *needs) (*matcher.Common, *needs) {
	c := e.state.contracts[id]
	facts := e.facts(c)
	of := &needs{population: n.population, base: n.base, gone: n.gone}
	out := &matcher.Common{Population: matcher.PopulationID(n.population), Columns: n.base.engineColumns(), Eligible: []matcher.Eligibility{eligibility(c, &facts)}}
	for _, l := range n.lists {
		if l.Entrustment == id {
			of.lists = append(of.lists, l)
			out.Lists = append(out.Lists, matcher.CommonList{ID: matcher.ListID(l.ID), Columns: l.Columns})
		}
	}
	for _, l := range n.logs {
		if l.Entrustment == id || l.Entrustment == seal.BaseEntrustment {
			of.logs = append(of.logs, l)
			out.Logs = append(out.Logs, matcher.CommonLog{Events: matcher.EventsID(l.Digest), Log: matcher.Log{Types: typesOf(l), Unit: l.Unit}, From: l.From.Number(), To: l.To.Number()})
		}
	}
	return out, of
}

// fill has an engine in memory hold a base and what of n is read with it.
func (e *Enclave) fill(ctx context.Context, in *matcher.Embedded, base *matcher.Base, n *needs) error {
	in.PutBase(matcher.PopulationID(n.population), base)
	for _, l := range n.lists {
		if err := ctx.Err(); err != nil {
			return err
		}
		list, err := e.openList(l)
		if err != nil {
			return err
		}
		in.PutList(list)
	}
	for _, l := range n.logs {
		if err := ctx.Err(); err != nil {
			return err
		}
		var failed error
		err := in.BindEvents(matcher.PopulationID(n.population), matcher.EventsID(l.Digest), typesOf(l), l.Unit, func(yield func(matcher.EventRow) bool) {
			for r, err := range e.rowsOf(l) {
				if failed = err; err != nil || !yield(r) {
					return
				}
			}
		})
		if err = errors.Join(err, failed); err != nil {
			return err
		}
	}
	return nil
}
