package enclave

import (
	"context"
	"errors"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/entrustment"
)

// TestHangingEngine: where the engine outside takes connections and says nothing, a
// request of a data subject is acknowledged once the count that runs was broken off,
// and those that wait for their turn are told without trying. Where nobody asks
// whether it is there, the request waits as long as the count.
func TestHangingEngine(t *testing.T) {
	for name, within := range map[string]time.Duration{"asked": 10 * time.Millisecond, "not asked": time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := newCluster()
			e := movedRoom(t, c)
			settled(t, e)
			e.outer.reach = within
			resume := make(chan struct{})
			c.set(func() { c.resume, c.hangs = resume, map[string]bool{"cells": true} })
			told := make(chan error, 4)
			before := c.count("cells")
			for _, sigma := range []int{5, 10, 20, 50} {
				go func() {
					_, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma = sigma }))
					told <- err
				}()
			}
			for c.count("cells") == before { // it is pinned then
				if len(told) > 0 {
					t.Fatalf("nothing is counted: %v", <-told)
				}
				time.Sleep(time.Millisecond)
			}
			// From here on it says nothing at all: earlier, a question that stood still for a
			// moment would be told so before it counts.
			c.set(func() { c.hangs = map[string]bool{"cells": true, "holds": true, "keep": true, "open": true} })
			done := make(chan error, 1)
			go func() {
				done <- rights(t, e, seal.Deletion, userKeys(1, 2))
			}()
			if within == time.Hour {
				select {
				case <-done:
					t.Error("the request did not wait: the test shows nothing")
				case <-time.After(time.Second):
				}
				close(resume)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			for range 4 {
				wantCode(t, "a question", <-told, entrustment.CodeEngine)
			}
			if n := c.count("cells") - before; within != time.Hour && n > 2 {
				t.Errorf("%d counts were tried one after the other", n)
			}
		})
	}
}

// TestSlowEngine: a count that takes long is not broken off while the engine says that
// it is there.
func TestSlowEngine(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	settled(t, e)
	e.outer.reach = 10 * time.Millisecond
	holds := c.count("holds")
	slow := func(context.Context) error {
		for c.count("holds") < holds+5 {
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	r, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.there(t.Context(), r, slow); err != nil {
		t.Error(err)
	}
}

// TestWaitForDropping: who puts something while it is being dropped elsewhere can go
// away.
func TestWaitForDropping(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	settled(t, e)
	r, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	n := e.everything()
	e.mu.Unlock()
	e.outer.calm.Lock()
	defer e.outer.calm.Unlock()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if err := e.putWanted(ctx, r, e.puts(n)[0]); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestTendPutsWhatIsMissing: what is held is not put again, and what is not held any
// more is; what hangs on a build goes with it.
func TestTendPutsWhatIsMissing(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	secondRoom(t, e)
	settled(t, e)
	puts := func() int { return c.count("base") + c.count("list") + c.count("events") + c.count("population") }
	before := puts()
	settled(t, e)
	if n := puts(); n != before {
		t.Errorf("%d things were put that were held", n-before)
	}
	c.set(func() { clear(c.lists) })
	settled(t, e)
	if n := puts(); n != before+len(c.lists) || len(c.lists) != 2 {
		t.Errorf("%d things were put for %d lists", n-before, len(c.lists))
	}
	before = puts()
	c.set(func() { clear(c.bases) })
	settled(t, e)
	if n := puts(); n != before+2+len(c.logs) || len(c.bases) != 1 {
		t.Errorf("%d things were put for a base", n-before)
	}
}

// TestLifeOf: a contract that ends later than servers can count is held until they can.
func TestLifeOf(t *testing.T) {
	e := openCrowd(t)
	e.mu.Lock()
	defer e.mu.Unlock()
	end := e.state.contracts["e"].Contract.Until
	if until := e.lifeOf("e"); !until.Equal(end.End()) {
		t.Errorf("%v, want the contract's end", until)
	}
	changed := *e.state.contracts["e"].Contract
	changed.Until = entrustment.DateOf(time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC))
	e.state.contracts["e"].Contract = &changed
	if until := e.lifeOf("e"); !until.Equal(forever) || until.Unix() >= 1<<32 {
		t.Errorf("%v", until)
	}
}

// TestComparable: what a move compares is named the same each time, also where two
// entrustments have one content; and otherwise where one of them has it no more.
func TestComparable(t *testing.T) {
	e := openCrowd(t)
	secondRoom(t, e)
	e.mu.Lock()
	defer e.mu.Unlock()
	first := e.comparable()
	for range 100 {
		if e.comparable() != first {
			t.Fatal("the same room is named otherwise")
		}
	}
	for key, l := range e.state.lists {
		if key.entrustment == "e" {
			other := *l
			other.Entrustment = "f"
			e.state.lists[key] = &other
			if e.comparable() == first {
				t.Error("whose list it is makes no difference")
			}
			e.state.lists[key] = l
		}
	}
}
