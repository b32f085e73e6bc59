package api

import (
	"context"
	"fmt"
	"math"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// backOff says how long who failed has to wait. It grows to at most a limit and
// is forgotten after a while: nobody is locked out for good.
type backOff struct {
	free   int           // failures that cost nothing
	first  time.Duration // wait after the one more; doubled by each further one
	most   time.Duration
	forget time.Duration // after that long without a failure
}

var (
	// Of an account, or of a program that its person has signed in with. Four
	// guesses an hour, from anywhere.
	accountWait = backOff{free: 5, first: 30 * time.Second, most: 15 * time.Minute, forget: 24 * time.Hour}
	// Of an address; many people may share one.
	addressWait = backOff{free: 50, first: 30 * time.Second, most: 15 * time.Minute, forget: time.Hour}
)

// fail counts one failure. wait is how long none is answered yet: then nothing is
// counted, so that who keeps trying doesn't make it longer.
func (b backOff) fail(a store.SignIns, now time.Time) (_ store.SignIns, wait time.Duration) {
	if now.Sub(a.At) > b.forget {
		a = store.SignIns{}
	}
	if wait = a.Until.Sub(now); wait > 0 {
		return a, wait
	}
	a.Failures++
	a.At = now
	if over := a.Failures - b.free; over > 0 {
		a.Until = now.Add(min(b.most, b.first<<min(over-1, 10)))
	}
	return a, 0
}

// reserve counts an attempt as failed before it is looked at: however many are
// sent at once, no more are looked at than one by one. freed takes it back.
func (s *Server) reserve(ctx context.Context, what string, b backOff) error {
	var wait time.Duration
	now := s.Now()
	err := s.Store.ChangeSignIns(ctx, what, func(a store.SignIns) store.SignIns {
		is, w := b.fail(a, now)
		if wait = w; w > 0 {
			return a
		}
		return is
	})
	if err == nil && wait > 0 {
		err = errWait(wait)
	}
	return err
}

// freed forgets the failures of who got in.
func (s *Server) freed(ctx context.Context, what string) error {
	return s.Store.ChangeSignIns(ctx, what, func(store.SignIns) store.SignIns { return store.SignIns{} })
}

// unreserve takes one attempt back that was neither right nor wrong.
func (s *Server) unreserve(ctx context.Context, what string) error {
	return s.Store.ChangeSignIns(ctx, what, func(a store.SignIns) store.SignIns {
		a.Failures = max(0, a.Failures-1)
		a.Until = time.Time{}
		return a
	})
}

// waits tells whether attempts are answered yet, and counts none.
func (s *Server) waits(ctx context.Context, what string) error {
	var wait time.Duration
	now := s.Now()
	err := s.Store.ChangeSignIns(ctx, what, func(a store.SignIns) store.SignIns {
		wait = a.Until.Sub(now)
		return a
	})
	if err == nil && wait > 0 {
		err = errWait(wait)
	}
	return err
}

func errWait(wait time.Duration) error {
	seconds := int(math.Ceil(wait.Seconds()))
	return &retryError{&entrustment.Error{Code: entrustment.CodeRate, Field: "request", Detail: "too many attempts failed",
		Mend: fmt.Sprintf("try again in %d s; who forgot the password asks an admin of their party for a new link", seconds)}, seconds}
}
