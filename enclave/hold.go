package enclave

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"awase/enclave/vault"
	"awase/entrustment"
	"awase/matcher"
)

// What the engine holds in memory: the newest base and the lists that questions
// read, and older ones for as long as a question that was pinned to them runs.
// A question is charged before it is counted, so what it reads may not go away
// in between.

// needed is what a question reads and the engine does not hold yet.
type needed struct {
	base  *baseRecord
	lists []*listRecord
	logs  []*eventsRecord

	population hexID // that the logs are bound to
}

func (n needed) none() bool { return n.base == nil && len(n.lists) == 0 && len(n.logs) == 0 }

// needs tells what a question still needs. The room's lock is held.
func (e *Enclave) needs(a *asked) needed {
	n := needed{population: hexID(a.population)}
	if b := e.state.base; !e.loaded[b.Population] {
		n.base = b
	}
	for key, l := range e.state.lists {
		if key.entrustment == a.contract.Contract.ID && !e.loaded[l.ID] {
			n.lists = append(n.lists, l)
		}
	}
	if read := a.plan.Logs(); len(read) > 0 {
		for _, l := range e.logsOf(a.contract) {
			if slices.Contains(read, matcher.EventsID(l.Digest)) && !e.bound[boundLog{n.population, l.Digest}] {
				n.logs = append(n.logs, l)
			}
		}
	}
	return n
}

// fetch opens what is needed, one question's at a time.
func (e *Enclave) fetch(ctx context.Context, n needed) error {
	e.opens.Lock()
	defer e.opens.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.base != nil && !e.holds(n.base.Population) {
		base, err := e.openBase(n.base)
		if err != nil {
			return e.unlessReplaced(err)
		}
		e.mu.Lock()
		if e.state.base.Population == n.base.Population { // else a load replaced it
			e.engine.PutBase(matcher.PopulationID(n.base.Population), base)
			e.have(n.base.Population)
		}
		e.mu.Unlock()
	}
	for _, l := range n.lists {
		if err := e.fetchList(l); err != nil {
			return e.unlessReplaced(err)
		}
	}
	for _, l := range n.logs {
		if err := e.fetchLog(n.population, l); err != nil {
			return e.unlessReplaced(err)
		}
	}
	return nil
}

func (e *Enclave) holds(id hexID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.loaded[id]
}

// unlessReplaced forgets that a segment was not there: a load replaced it, and
// the question is pinned to what stands now. Otherwise the vault lacks a file.
func (e *Enclave) unlessReplaced(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if lost := e.vault.Lost(e.state.segments()); lost != nil {
		return errors.Join(err, lost)
	}
	return nil
}

func (e *Enclave) fetchList(l *listRecord) error {
	if e.holds(l.ID) {
		return nil
	}
	read, err := e.reader(l.Segment)
	if err != nil {
		return fmt.Errorf("opening a list: %w", err)
	}
	list, err := matcher.OpenList(read)
	if err != nil {
		return fmt.Errorf("opening a list: %w", err)
	}
	if hexID(list.ID()) != l.ID {
		return fmt.Errorf("opening a list: %w", vault.ErrSegment)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.uses(l.ID) {
		e.engine.PutList(list)
		e.have(l.ID)
	}
	return nil
}

// fetchLog binds an event log to the base of a population.
func (e *Enclave) fetchLog(population hexID, l *eventsRecord) error {
	key := boundLog{population, l.Digest}
	e.mu.Lock()
	done := e.bound[key] || !e.loaded[population]
	e.mu.Unlock()
	if done {
		return nil
	}
	days, err := e.vault.ReadSegment(l.Segment)
	if err != nil {
		return fmt.Errorf("opening an event log: %w", err)
	}
	rows := logReader{days: days, codes: len(l.Columns)}
	err = e.engine.BindEvents(matcher.PopulationID(population), matcher.EventsID(l.Digest), typesOf(l), l.Unit, rows.all())
	if entrustment.Public(err).Code == entrustment.CodeGone { // a load replaced the base
		return nil
	}
	if err = errors.Join(err, rows.err); err != nil {
		return fmt.Errorf("opening an event log: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loaded[population] && e.state.keepsLog(l.Digest) {
		e.bound[key] = true
	}
	return nil
}

// have notes that the engine holds a population or a list.
func (e *Enclave) have(id hexID) {
	e.loaded[id] = true
	delete(e.retired, id)
}

// pin keeps what a question reads until release. The room's lock is held.
func (e *Enclave) pin(a *asked) (release func()) {
	ids := []hexID{hexID(a.population)}
	for key, l := range e.state.lists {
		if key.entrustment == a.contract.Contract.ID {
			ids = append(ids, l.ID)
		}
	}
	for _, id := range a.plan.Logs() {
		ids = append(ids, hexID(id))
	}
	for _, id := range ids {
		e.inUse[id]++
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, id := range ids {
			if e.inUse[id]--; e.inUse[id] == 0 {
				delete(e.inUse, id)
				if e.retired[id] {
					e.drop(id)
				}
			}
		}
	}
}

// retire lets a population or a list go, once nothing reads it any more.
func (e *Enclave) retire(id hexID) {
	if e.inUse[id] > 0 {
		e.retired[id] = true
		return
	}
	e.drop(id)
}

func (e *Enclave) drop(id hexID) {
	e.engine.DropBase(matcher.PopulationID(id)) // ids are hashes: of one of the three
	e.engine.DropList(matcher.ListID(id))
	e.engine.DropEvents(matcher.EventsID(id))
	delete(e.loaded, id)
	delete(e.retired, id)
	for key := range e.bound {
		if key.population == id || key.log == id {
			delete(e.bound, key)
		}
	}
}
