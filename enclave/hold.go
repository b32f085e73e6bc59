package enclave

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/matcher"
)

// What the engine holds in memory: the newest base and the lists that questions
// read, and older ones for as long as a question that was pinned to them runs.
// A question is charged before it is counted, so what it reads, in memory or in
// the vault, may not go away in between.

// pinned is what running questions read: how many do, and one of its records.
type pinned struct {
	questions int
	base      *baseRecord
	list      *listRecord
	log       *eventsRecord
	gone      []token.Token      // of a base: who is under tombstones
	requests  int64              // of a base: how many requests there were
	before    []vault.SegmentRef // of the same content, that earlier ones may read
}

func (p *pinned) segment() vault.SegmentRef {
	switch {
	case p.base != nil:
		return p.base.Segment
	case p.list != nil:
		return p.list.Segment
	}
	return p.log.Segment
}

// entrustment names the one whose segment is read, "" of the base.
func (p *pinned) entrustment() string {
	switch {
	case p.list != nil:
		return p.list.Entrustment
	case p.log != nil:
		return p.log.Entrustment
	}
	return ""
}

// pin keeps what a question reads until release. The room's lock is held.
func (e *Enclave) pin(a *asked) (release func()) {
	reads := map[hexID]pinned{hexID(a.population): {base: e.state.base, gone: e.gone[:len(e.gone):len(e.gone)], requests: int64(len(e.state.requests))}}
	for key, l := range e.state.lists {
		if key.entrustment == a.contract.Contract.ID {
			reads[l.ID] = pinned{list: l}
		}
	}
	logs := map[hexID]bool{}
	for _, id := range a.plan.Logs() {
		logs[hexID(id)] = true
	}
	for _, l := range e.logsOf(a.contract) {
		if logs[l.Digest] {
			reads[l.Digest] = pinned{log: l}
		}
	}
	of := map[string]bool{a.contract.Contract.ID: true}
	for id, p := range reads {
		switch now := e.inUse[id]; {
		case now == nil:
			e.inUse[id] = &p
		case e.ending[now.entrustment()] > 0: // the same content, from where it stays
			p.questions, p.before = now.questions, append(now.before, now.segment())
			e.inUse[id] = &p
		}
		e.inUse[id].questions++
		of[e.inUse[id].entrustment()] = true
	}
	for id := range of {
		e.asking[id]++
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for id := range of {
			if e.asking[id]--; e.asking[id] == 0 {
				delete(e.asking, id)
			}
		}
		defer func() {
			close(e.letGo)
			e.letGo = make(chan struct{})
		}()
		dropped := false
		for id := range reads {
			if e.inUse[id].questions--; e.inUse[id].questions == 0 {
				delete(e.inUse, id)
				if e.retired[id] {
					e.drop(id)
					dropped = true
				}
			}
		}
		if dropped {
			go giveBack() // the answer does not wait for it
		}
	}
}

// segments gives the segments that are in use, by the state or by a question
// that runs. The room's lock is held.
func (e *Enclave) segments() map[string]bool {
	keep := e.state.segments()
	for _, p := range e.inUse {
		keep[p.segment().ID] = true
		for _, s := range p.before {
			keep[s.ID] = true
		}
	}
	for id := range e.copying {
		keep[id], keep[vault.Unfinished(id)] = true, true
	}
	return keep
}

// openRead opens what a query reads of what is pinned. It is called when the
// query is counted, so after it was charged. How long a log takes to be bound
// depends on who of it is in the base; before the charge it would move the
// charge's time, which its recipient sees (attack A14). Counts take turns, so
// nobody else opens at the same time.
func (e *Enclave) openRead(ctx context.Context, r matcher.Reads) error {
	e.mu.Lock()
	pins, have, bound := maps.Clone(e.inUse), maps.Clone(e.loaded), maps.Clone(e.bound)
	e.mu.Unlock()
	population := hexID(r.Population)
	if p := pins[population]; p != nil && p.base != nil && !have[population] {
		base, err := e.openBase(p.base)
		if err != nil {
			return err
		}
		e.mu.Lock()
		e.bring(population, buried(base, p.gone), p.base.Segment) // or a load has brought it meanwhile
		e.mu.Unlock()
	}
	for id := range r.Lists {
		if p := pins[hexID(id)]; p != nil && p.list != nil && !have[hexID(id)] {
			if err := e.fetchList(p.list); err != nil {
				return err
			}
		}
	}
	for id := range r.Logs {
		if p := pins[hexID(id)]; p != nil && p.log != nil && !bound[boundLog{population, hexID(id)}] {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := e.fetchLog(population, p.log); err != nil {
				return err
			}
		}
	}
	return nil
}

// bring gives the engine in memory, where it counts, the base of a population, that of a segment, unless it
// holds one: logs are bound to its cluster ids, and those of another base of the
// same content may be others. The room's lock is held.
func (e *Enclave) bring(population hexID, base *matcher.Base, of vault.SegmentRef) {
	if !e.loaded[population] && !e.countsOutside() {
		e.engine.PutBase(matcher.PopulationID(population), base)
		e.loaded[population], e.from[population] = true, of.ID
	}
}

func (e *Enclave) fetchList(l *listRecord) error {
	list, err := e.openList(l)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keepList(list)
	return nil
}

// keepList has the engine in memory, where it counts, hold a list: what a question
// needed goes with the question where a load retired it meanwhile. The room's lock is
// held.
func (e *Enclave) keepList(list *matcher.List) {
	if !e.countsOutside() {
		e.loaded[hexID(e.engine.PutList(list))] = true
	}
}

// openList gives the list of a record.
func (e *Enclave) openList(l *listRecord) (*matcher.List, error) {
	read, err := e.reader(l.Segment)
	if err != nil {
		return nil, fmt.Errorf("opening a list: %w", err)
	}
	list, err := matcher.OpenList(read)
	if err != nil {
		return nil, fmt.Errorf("opening a list: %w", err)
	}
	if hexID(list.ID()) != l.ID {
		return nil, fmt.Errorf("opening a list: %w", vault.ErrSegment)
	}
	return list, nil
}

// fetchLog binds an event log to the base of a population.
func (e *Enclave) fetchLog(population hexID, l *eventsRecord) error {
	days, err := e.vault.ReadSegment(l.Segment)
	if err != nil {
		return fmt.Errorf("opening an event log: %w", err)
	}
	rows := logReader{days: days, codes: len(l.Columns)}
	err = e.engine.BindEvents(matcher.PopulationID(population), matcher.EventsID(l.Digest), typesOf(l), l.Unit, rows.all())
	if err = errors.Join(err, rows.err); err != nil {
		return fmt.Errorf("opening an event log: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bound[boundLog{population, l.Digest}] = true
	return nil
}

// stays has what a load brought stay, whoever retired the same before.
func (e *Enclave) stays(id hexID) { delete(e.retired, id) }

// letAllGo has the engine in memory hold nothing, of what is pinned too: another
// engine counts. A count that has begun on it ends with it. The room's lock is held.
func (e *Enclave) letAllGo() {
	for id := range e.loaded {
		e.drop(id)
	}
}

// retire lets a population, a list or a log go, once nothing reads it any more.
func (e *Enclave) retire(id hexID) {
	if e.inUse[id] != nil {
		e.retired[id] = true
		return
	}
	e.drop(id)
}

func (e *Enclave) drop(id hexID) {
	e.engine.DropBase(matcher.PopulationID(id)) // ids are hashes: of one of the three
	e.engine.DropList(matcher.ListID(id))
	e.engine.DropEvents(matcher.EventsID(id))
	e.outer.kick() // likewise outside, where it is held there
	delete(e.loaded, id)
	delete(e.from, id)
	delete(e.retired, id)
	for key := range e.bound {
		if key.population == id || key.log == id {
			delete(e.bound, key)
		}
	}
}
