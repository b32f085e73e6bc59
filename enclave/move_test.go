package enclave

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// questions are one of every kind of report, over the crowd.
func questions() map[string]*entrustment.Question {
	return map[string]*entrustment.Question{
		"profile":    question(func(q *entrustment.Question) { q.Index, q.Total = true, true }),
		"overlap":    question(func(q *entrustment.Question) { q.Report, q.Dims = "overlap", nil }),
		"matched by": question(func(q *entrustment.Question) { q.Report, q.Dims = "overlap", []string{"matched_by"} }),
		"size": question(func(q *entrustment.Question) {
			q.Report, q.Dims = "size", nil
			q.Where = &entrustment.Condition{Event: &entrustment.EventCondition{Category: "spring", AtLeast: 2, Within: 30}}
		}),
		"cube": question(func(q *entrustment.Question) { q.Report, q.Dims = "cube", []string{"gender"} }),
		"behaviour": question(func(q *entrustment.Question) {
			q.Report, q.Measures = "behaviour", []string{"users", "impressions", "clicks", "spend"}
		}),
		"frequency": question(func(q *entrustment.Question) {
			q.Report, q.Dims, q.Total, q.Categories = "reach-frequency", nil, true, []string{"spring"}
		}),
		"event": question(func(q *entrustment.Question) {
			q.Where = &entrustment.Condition{Event: &entrustment.EventCondition{Category: "spring", AtLeast: 4, Within: 30}}
		}),
		"not": question(func(q *entrustment.Question) {
			q.Where = &entrustment.Condition{Not: &entrustment.Condition{In: map[string][]string{"gender": {"f"}}}}
		}),
	}
}

// says gives what a release says, without what has its moment in it.
func says(t *testing.T, r *wire.Release) string {
	t.Helper()
	out := *r
	out.Receipt, out.ReleasedAt = nil, ""
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// askThem asks questions at once, so that they wait for one tick.
func askThem(t *testing.T, e wire.Enclave, names ...string) map[string]string {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	out := map[string]string{}
	for name, q := range questions() {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		all.Go(func() {
			r, err := e.Report(t.Context(), q)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			said := says(t, r)
			mu.Lock()
			defer mu.Unlock()
			out[name] = said
		})
	}
	all.Wait()
	return out
}

// copyOf copies a room that is closed, and gives the vault of the copy.
func copyOf(t *testing.T, root string) string {
	t.Helper()
	copied := t.TempDir()
	if err := copyRoom(copied, root); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{"V": 0o700, "V/segments": 0o700} {
		if err := os.Chmod(filepath.Join(copied, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(copied, "V")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestMove: a room that was moved gives what was released before to the byte,
// uncharged, and to new questions what a copy of it that was not moved gives; so it
// does when it is opened again, and when it is moved back.
func TestMove(t *testing.T) {
	t.Parallel()
	c := newCluster()
	root := t.TempDir()
	e := openWith(t, filepath.Join(root, "V"), c.options())
	fill(t, e, "")
	loadCrowdEvents(t, e)
	first, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	charges := count(e, kindCharge)
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	want := askThem(t, openWith(t, copyOf(t, root), Options{}))

	e = openWith(t, dir, c.options())
	state := moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	if state.Shards != 2 || state.Reachable == nil || !*state.Reachable || state.Holds == nil || state.Holds.Bases != 1 || state.Holds.Lists != 1 || state.Holds.EventLogs != 1 || state.Holds.Populations != 1 {
		t.Errorf("%+v, %+v", state, state.Holds)
	}
	if e.engine.Base(matcher.PopulationID(e.populationNow())) != nil || len(e.loaded) != 0 || len(e.bound) != 0 {
		t.Error("the engine in memory still holds something")
	}
	again, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	if a, b := must(json.Marshal(first)), must(json.Marshal(again)); string(a) != string(b) || count(e, kindCharge) != charges {
		t.Error("what was released before is other bytes, or was charged")
	}
	names := slices.Sorted(maps.Keys(want))
	ask := func(e *Enclave, names ...string) {
		t.Helper()
		for name, got := range askThem(t, e, names...) {
			if got != want[name] {
				t.Errorf("%s: moved\n%s\nand not\n%s", name, got, want[name])
			}
		}
	}
	before := c.count("cells")
	ask(e, names[:3]...)
	if c.count("cells") == before {
		t.Error("the cluster was not asked")
	}
	a, err := receipt.VerifyAttestation(must(e.Attestation(t.Context(), "n")), "n", nil)
	if err != nil || a.Engine == nil || a.Engine.Name != "clickhouse" || a.Engine.Shards != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openWith(t, dir, c.options())
	ask(e, names[3:6]...)
	back := moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded})
	if back.Remains || c.things() != 0 {
		t.Errorf("%+v, and the cluster holds %d things", back, c.things())
	}
	before = c.count("cells")
	ask(e)
	if c.count("cells") != before {
		t.Error("the cluster was asked by a room that counts itself")
	}
	if s := moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded}); s.Seq != back.Seq {
		t.Error("moved where it was, it wrote something")
	}
}

// TestMoveCompares: where the other engine counts one person more anywhere, the move
// fails, nothing is changed, and nothing of what was put there stays; without the
// comparison the room would be moved.
func TestMoveCompares(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(matcher.Query, *matcher.Exact){
		"by column": func(q matcher.Query, x *matcher.Exact) {
			if len(q.Dims) == 1 && q.Dims[0].Name == "gender" && q.List != (matcher.ListID{}) && q.Where == nil {
				x.Users[1]++
			}
		},
		"matched by": func(q matcher.Query, x *matcher.Exact) {
			if len(q.Dims) == 1 && q.Dims[0].Source == matcher.MatchedBy {
				x.Users[0]--
			}
		},
		"a condition on the list": func(q matcher.Query, x *matcher.Exact) {
			if q.Where != nil && q.Where.List != nil {
				x.Users[0]++
			}
		},
		"a condition on events": func(q matcher.Query, x *matcher.Exact) {
			if q.Where != nil && q.Where.Event != nil {
				x.Users[0]++
			}
		},
		"days": func(q matcher.Query, x *matcher.Exact) {
			if len(q.Dims) > 0 && q.Dims[len(q.Dims)-1].Source == matcher.EventDay {
				x.Users[0]++
			}
		},
		"a sum": func(q matcher.Query, x *matcher.Exact) {
			if len(x.Sums) > 2 {
				x.Sums[2][0]++
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster()
			e := openWith(t, filepath.Join(t.TempDir(), "V"), c.options())
			fill(t, e, "")
			loadCrowdEvents(t, e)
			c.set(func() { c.wrong = wrong })
			s := tryMove(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
			if s.Status != wire.WorkFailed || s.Refusal.Code != entrustment.CodeForbidden {
				t.Fatalf("%+v, %v", s, s.Refusal)
			}
			if e.countsOutside() || c.things() != 0 || e.state.there != "" {
				t.Errorf("counts with %q, the cluster holds %d things, %q", e.state.engine.Engine, c.things(), e.state.there)
			}
			if _, err := e.Report(t.Context(), question()); err != nil {
				t.Error(err)
			}
			c.set(func() { c.wrong = nil })
			moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		})
	}
}

// TestMoveFails: a cluster that fails at any call of a move leaves the room as it
// was, and a move afterwards succeeds; so does a process that ends there.
func TestMoveFails(t *testing.T) {
	t.Parallel()
	c := newCluster()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), c.options())
	fill(t, e, "")
	loadCrowdEvents(t, e)
	broken := errors.New("a shard is gone")
	for n := 0; ; n++ {
		left := n
		c.set(func() {
			c.fails = func(string) error {
				if left--; left == -1 {
					return broken
				}
				return nil
			}
		})
		s := tryMove(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		over := false
		c.set(func() { over, c.fails = left >= 0, nil })
		if over {
			if s.Status != wire.WorkDone || n < 20 {
				t.Errorf("only %d calls failed: %+v", n, s)
			}
			break
		}
		if s.Status == wire.WorkDone { // what failed was asked of beside the move, or after it
			moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded})
			settled(t, e)
			continue
		}
		if s.Status != wire.WorkBroken || s.Refusal.Code != entrustment.CodeEngine || s.Refusal.Mend == "" {
			t.Fatalf("call %d: %+v, %v", n, s, s.Refusal)
		}
		settled(t, e)
		if e.countsOutside() || c.things() != 0 || e.state.there != "" {
			t.Fatalf("call %d: counts with %q, the cluster holds %d things, %q", n, e.state.engine.Engine, c.things(), e.state.there)
		}
	}
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Error(err)
	}
}

// TestMoveBegunAndKilled: what a process that died in a move put there is dropped by
// the next one, which says so in the log, and the move can be made again.
func TestMoveBegunAndKilled(t *testing.T) {
	c := newCluster()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), c.options())
	fill(t, e, "")
	// What a killed process leaves: the record of the beginning, and what was put.
	e.mu.Lock()
	_, err := e.append(kindEngine, engineRecord{Engine: wire.EngineClickHouse, Shards: 2, Servers: e.outer.at, Begun: true})
	n := e.everything()
	e.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	claim := e.outer.claimed(n)
	if _, err := e.heldOutside(t.Context(), n, func() {}); err != nil || c.things() < 3 {
		t.Fatal(c.things(), err)
	}
	dir := e.vault.Dir()
	e.outer.claims[claim] = true
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openWith(t, dir, c.options())
	settled(t, e)
	if c.things() != 0 || e.state.there != "" || count(e, kindDropped) != 1 {
		t.Errorf("it holds %d things, %q, %d records say that it dropped them", c.things(), e.state.there, count(e, kindDropped))
	}
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
}

// TestMoveWithoutCluster: what is to be configured is said; a room whose cluster is
// lost opens, refuses what is to be counted, and counts in memory again.
func TestMoveWithoutCluster(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	s := tryMove(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	if s.Status != wire.WorkFailed || s.Refusal.Code != entrustment.CodeNotFound {
		t.Errorf("%+v, %v", s, s.Refusal)
	}
	for _, req := range []wire.MoveRequest{{}, {To: "oracle"}, {To: wire.EngineClickHouse, Lost: true}} {
		_, err := e.StartWork(t.Context(), wire.WorkRequest{Job: newJob(), Kind: wire.WorkMove, Move: &req})
		wantCode(t, req.To, err, entrustment.CodeSpec)
	}

	c := newCluster()
	e = movedRoom(t, c)
	dir := e.vault.Dir()
	released, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openWith(t, dir, Options{})
	if again, err := e.Report(t.Context(), question()); err != nil || says(t, again) != says(t, released) {
		t.Errorf("what was released: %v", err)
	}
	q := question(func(q *entrustment.Question) { q.Sigma = 20 })
	_, err = e.Report(t.Context(), q)
	wantCode(t, "a count", err, entrustment.CodeEngine)
	if _, err := e.Price(t.Context(), q, 0); err != nil {
		t.Error(err)
	}
	if s := tryMove(t, e, wire.MoveRequest{To: wire.EngineEmbedded}); s.Status != wire.WorkBroken || s.Refusal.Code != entrustment.CodeEngine {
		t.Errorf("without anything to compare with: %+v, %v", s, s.Refusal)
	}
	if s := moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true}); !s.Remains {
		t.Errorf("%+v", s)
	}
	charges := count(e, kindCharge)
	if _, err := e.Report(t.Context(), q); err != nil || count(e, kindCharge) != charges {
		t.Errorf("%v, %d charges", err, count(e, kindCharge))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openWith(t, dir, c.options()) // it comes back, with what it had
	settled(t, e)
	if c.things() != 0 || e.state.there != "" {
		t.Errorf("it holds %d things", c.things())
	}
}

// TestEngineFault: a room whose engine gives no answer says why, with what it is told by
// it, and a move back names what is done where it never comes back; what is configured
// otherwise, or not, is said too. Names of servers don't cross the border.
func TestEngineFault(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	c.set(func() {
		c.away = &entrustment.Error{Code: entrustment.CodeEngine, Field: "shard 2", Detail: "no connection", Mend: "look there"}
	})
	s, err := e.Engine(t.Context())
	if err != nil || s.Fault == nil || *s.Fault != (wire.EngineFault{Where: "shard 2", Detail: "no connection", Mend: "look there"}) || len(s.Configured.Order) != 2 || s.Configured.Order[1].Name != e.outer.order[1].Name {
		t.Errorf("%+v, %+v, %v", s, s.Fault, err)
	}
	if w := tryMove(t, e, wire.MoveRequest{To: wire.EngineEmbedded}); w.Refusal == nil || w.Refusal.Field != "shard 2" || !strings.HasPrefix(w.Refusal.Mend, "look there; or, ") || !strings.Contains(w.Refusal.Mend, "--cluster-lost") {
		t.Errorf("%+v, %v", w, w.Refusal)
	}
	c.set(func() { c.away = nil })
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded})
	c.set(func() { c.away = errors.New("away") })
	if w := tryMove(t, e, wire.MoveRequest{To: wire.EngineClickHouse}); w.Refusal == nil || strings.Contains(w.Refusal.Mend, "--cluster-lost") {
		t.Errorf("%+v, %v", w, w.Refusal)
	}
	c.set(func() { c.away = nil })
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	settled(t, e)
	for want, o := range map[*entrustment.Error]Options{errNoEngine: {}, errOthers: newCluster().options()} {
		e = elsewhere(t, e, o)
		if s, err := e.Engine(t.Context()); err != nil || s.Fault == nil || s.Fault.Mend != want.Mend || s.Reachable != nil {
			t.Errorf("%+v, %+v, %v", s, s.Fault, err)
		}
	}
}

// TestDeclaredLostOnce: that what is outside is lost is written down where something may
// be there, and once.
func TestDeclaredLostOnce(t *testing.T) {
	c := newCluster()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), c.options())
	fill(t, e, "")
	lost := func(want int) {
		t.Helper()
		before := count(e, kindEngine)
		state := must(e.Engine(t.Context()))
		if state.Declarable != (want > 0) {
			t.Errorf("it may be declared: %v", state.Declarable)
		}
		moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
		if n := count(e, kindEngine) - before; n != want {
			t.Errorf("%d records, want %d", n, want)
		}
	}
	lost(0)
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	c.set(func() { c.away = errors.New("away") })
	lost(1)
	lost(0)
}

// TestMoveSaysSteps: what the last step of a move did is told.
func TestMoveSaysSteps(t *testing.T) {
	c := newCluster()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), c.options())
	fill(t, e, "")
	if w := tryMove(t, e, wire.MoveRequest{To: wire.EngineClickHouse}); w.Step != wire.StepCompared || w.Read == 0 {
		t.Errorf("%+v", w)
	}
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded})
	before := c.count("cells")
	c.set(func() { c.hangs, c.resume = map[string]bool{"cells": true}, make(chan struct{}) })
	s := must(e.StartWork(t.Context(), wire.WorkRequest{Job: "steps", Kind: wire.WorkMove, Move: &wire.MoveRequest{To: wire.EngineClickHouse}}))
	for s.Status == wire.WorkRuns && c.count("cells") == before {
		s = must(e.PollWork(t.Context(), "steps", 0))
	}
	if s = must(e.PollWork(t.Context(), "steps", 0)); s.Step != wire.StepPut || s.Read == 0 {
		t.Errorf("%+v", s)
	}
	c.set(func() { c.hangs = nil; close(c.resume) })
	must(e.PollWork(t.Context(), "steps", maxPoll))
}
