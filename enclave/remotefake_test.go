package enclave

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// cluster is an engine outside that a test can break: it holds what it is given as an
// engine in memory does, whoever opens it, and what a process gave of populations
// while that process lives.
type cluster struct {
	mu     sync.Mutex
	away   error           // every call fails
	hangs  map[string]bool // these calls give no answer until who asks goes away, or resume is closed
	resume chan struct{}
	fails  func(call string) error                                                     // likewise, of some
	wrong  func(matcher.Query, *matcher.Exact)                                         // counts wrongly
	calls  []string                                                                    // as they came
	bases  map[matcher.BuildID]*matcher.Base                                           // the tables
	lists  map[matcher.ListID]*matcher.List                                            //
	logs   map[matcher.BoundEvents]func(*matcher.Embedded, matcher.PopulationID) error //
	pops   map[matcher.PopulationID]bool
}

func newCluster() *cluster {
	return &cluster{bases: map[matcher.BuildID]*matcher.Base{}, lists: map[matcher.ListID]*matcher.List{}, logs: map[matcher.BoundEvents]func(*matcher.Embedded, matcher.PopulationID) error{}, pops: map[matcher.PopulationID]bool{}}
}

// options are those of a room whose configuration names the cluster.
func (c *cluster) options() Options {
	return Options{Engine: RemoteEngine{wire.EngineClickHouse, 2}, RemoteShards: []string{fmt.Sprintf("%p/1", c), fmt.Sprintf("%p/2", c)}, Remote: func(ctx context.Context, _ string) (Remote, error) {
		if err := c.call(ctx, "open"); err != nil {
			return nil, err
		}
		return &session{c: c, memory: matcher.NewEmbedded(), of: map[matcher.PopulationID]matcher.BuildID{}}, nil
	}}
}

func (c *cluster) call(ctx context.Context, name string) error {
	c.mu.Lock()
	if c.hangs[name] {
		c.calls = append(c.calls, name)
		resume := c.resume
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-resume:
			return errors.New("away")
		}
	}
	defer c.mu.Unlock()
	c.calls = append(c.calls, name)
	if c.fails != nil {
		if err := c.fails(name); err != nil {
			return err
		}
	}
	return c.away
}

func (c *cluster) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// count is how often a call came.
func (c *cluster) count(name string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if call == name {
			n++
		}
	}
	return n
}

// things is how many things it holds.
func (c *cluster) things() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.bases) + len(c.lists) + len(c.logs) + len(c.pops)
}

// wipe loses all that it holds.
func (c *cluster) wipe() {
	c.set(func() {
		clear(c.bases)
		clear(c.lists)
		clear(c.logs)
		clear(c.pops)
	})
}

// session is a cluster as one process opened it.
type session struct {
	c      *cluster
	memory *matcher.Embedded
	of     map[matcher.PopulationID]matcher.BuildID
}

func (s *session) PutBase(ctx context.Context, build matcher.BuildID, _ []matcher.Column, open func() (*matcher.Base, error)) error {
	if err := s.c.call(ctx, "base"); err != nil {
		return err
	}
	s.c.mu.Lock()
	held := s.c.bases[build] != nil
	s.c.mu.Unlock()
	if held {
		return nil
	}
	b, err := open()
	if err == nil {
		s.c.set(func() { s.c.bases[build], s.c.calls = b, append(s.c.calls, "opened base") })
	}
	return err
}

func (s *session) PutPopulation(ctx context.Context, pop matcher.PopulationID, build matcher.BuildID, standings func() (*matcher.Standings, error), gone []token.Token) error {
	if err := s.c.call(ctx, "population"); err != nil {
		return err
	}
	if _, err := standings(); err != nil {
		return err
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	b := s.c.bases[build]
	if b == nil {
		return errors.New("no such build")
	}
	if s.c.pops[pop] && s.of[pop] == build {
		return nil
	}
	s.memory.PutBase(pop, buried(b, gone))
	for id, bind := range s.c.logs {
		if id.Build == build {
			if err := bind(s.memory, pop); err != nil {
				return err
			}
		}
	}
	s.c.pops[pop], s.of[pop] = true, build
	return nil
}

func (s *session) PutList(ctx context.Context, id matcher.ListID, _ []matcher.Column, open func() (*matcher.List, error), until time.Time) error {
	if err := s.c.call(ctx, "list"); err != nil {
		return err
	}
	s.c.mu.Lock()
	held := s.c.lists[id] != nil
	s.c.mu.Unlock()
	if held {
		return nil
	}
	l, err := open()
	if err == nil && until.Before(time.Now()) {
		err = errors.New("it would be gone at once")
	}
	if err == nil {
		s.c.set(func() { s.c.lists[id] = l })
	}
	return err
}

func (s *session) PutEvents(ctx context.Context, build matcher.BuildID, id matcher.EventsID, log matcher.Log, rows iter.Seq2[matcher.EventRow, error], _ time.Time) error {
	if err := s.c.call(ctx, "events"); err != nil {
		return err
	}
	var all []matcher.EventRow
	for r, err := range rows {
		if err != nil {
			return err
		}
		r.Tokens = slices.Clone(r.Tokens)
		all = append(all, r)
	}
	bind := func(in *matcher.Embedded, pop matcher.PopulationID) error {
		return in.BindEvents(pop, id, log.Types, log.Unit, slices.Values(all))
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.logs[matcher.BoundEvents{Build: build, Events: id}] = bind
	for pop, of := range s.of {
		if of == build {
			if err := bind(s.memory, pop); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) Holds(ctx context.Context) (matcher.Holding, error) {
	if err := s.c.call(ctx, "holds"); err != nil {
		return matcher.Holding{}, err
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	h := matcher.Holding{Builds: map[matcher.BuildID]bool{}, Populations: maps.Clone(s.c.pops), Lists: map[matcher.ListID]bool{}, Logs: map[matcher.BoundEvents]bool{}}
	for id := range s.c.bases {
		h.Builds[id] = true
	}
	for id := range s.c.lists {
		h.Lists[id] = true
	}
	for id := range s.c.logs {
		h.Logs[id] = true
	}
	return h, nil
}

func (s *session) Keep(ctx context.Context, keep matcher.Holding) error {
	if err := s.c.call(ctx, "keep"); err != nil {
		return err
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	maps.DeleteFunc(s.c.bases, func(id matcher.BuildID, _ *matcher.Base) bool { return !keep.Builds[id] })
	maps.DeleteFunc(s.c.lists, func(id matcher.ListID, _ *matcher.List) bool { return !keep.Lists[id] })
	maps.DeleteFunc(s.c.logs, func(id matcher.BoundEvents, _ func(*matcher.Embedded, matcher.PopulationID) error) bool {
		return !keep.Logs[id]
	})
	maps.DeleteFunc(s.c.pops, func(id matcher.PopulationID, _ bool) bool { return !keep.Populations[id] })
	return nil
}

// Cells counts over what the tables hold.
func (s *session) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	if err := s.c.call(ctx, "cells"); err != nil {
		return matcher.Exact{}, err
	}
	wrong, err := s.holding(&q)
	if err != nil {
		return matcher.Exact{}, err
	}
	exact, err := s.memory.Cells(ctx, q)
	if wrong != nil && err == nil {
		wrong(q, &exact)
	}
	return exact, err
}

// Members names who of what the tables hold.
func (s *session) Members(ctx context.Context, q matcher.Query) ([]matcher.Hit, error) {
	if err := s.c.call(ctx, "members"); err != nil {
		return nil, err
	}
	if _, err := s.holding(&q); err != nil {
		return nil, err
	}
	return s.memory.Members(ctx, q)
}

// holding fails where the tables have not what q reads.
func (s *session) holding(q *matcher.Query) (wrong func(matcher.Query, *matcher.Exact), err error) {
	s.c.mu.Lock()
	held := s.c.pops[q.Population] && s.c.bases[s.of[q.Population]] != nil
	for id := range q.Reads().Lists {
		if l := s.c.lists[id]; l != nil {
			s.memory.PutList(l)
		} else {
			held = false
		}
	}
	for id := range q.Reads().Logs {
		held = held && s.c.logs[matcher.BoundEvents{Build: s.of[q.Population], Events: id}] != nil
	}
	wrong = s.c.wrong
	s.c.mu.Unlock()
	if !held {
		return nil, &entrustment.Error{Code: entrustment.CodeGone, Field: "population", Detail: "it is not there"}
	}
	return wrong, nil
}

func (s *session) Close() error { return nil }

// movedRoom is a crowd's room that counts in a cluster.
func movedRoom(t *testing.T, c *cluster) *Enclave {
	t.Helper()
	e := openWith(t, t.TempDir()+"/V", c.options())
	fill(t, e, "")
	loadCrowdEvents(t, e)
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	return e
}

func openWith(t *testing.T, dir string, o Options) *Enclave {
	t.Helper()
	e, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// tryMove moves a room as awase engine move does: as a job.
func tryMove(t *testing.T, e wire.Enclave, req wire.MoveRequest) wire.WorkState {
	t.Helper()
	s, err := e.StartWork(t.Context(), wire.WorkRequest{Job: newJob(), Kind: wire.WorkMove, Move: &req})
	for err == nil && s.Status == wire.WorkRuns {
		s, err = e.PollWork(t.Context(), s.Job, 10*time.Second)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func moveTo(t *testing.T, e wire.Enclave, req wire.MoveRequest) wire.EngineState {
	t.Helper()
	s := tryMove(t, e, req)
	if s.Status != wire.WorkDone || s.Engine == nil || s.Engine.Engine != req.To || s.Read != s.Bytes {
		t.Fatalf("%+v, %+v, %v", s, s.Engine, s.Refusal)
	}
	return *s.Engine
}

var jobs struct {
	sync.Mutex
	n int
}

func newJob() string {
	jobs.Lock()
	defer jobs.Unlock()
	jobs.n++
	return "move-" + string(rune('a'+jobs.n/676%26)) + string(rune('a'+jobs.n/26%26)) + string(rune('a'+jobs.n%26))
}

// settled waits until the cluster holds what is wanted and nothing else.
func settled(t *testing.T, e *Enclave) {
	t.Helper()
	if err := e.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
}
