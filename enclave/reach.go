package enclave

import (
	"context"
	"errors"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// A question waits for what it counts as long as that takes, and for an engine that
// hangs a short time alone: requests of data subjects and ends of entrustments wait
// for questions. So while the engine outside does something for a question it is asked
// every few seconds whether it is there.

// reachTime is how long the engine outside may take to say that it is there, and how
// often it is asked.
const reachTime = 10 * time.Second

// awhile is how long after a question found the engine away others are told so
// without trying: those that waited for their turn meanwhile.
const awhile = 5 * time.Second

var errAway = &entrustment.Error{Code: entrustment.CodeEngine, Field: "engine.shards", Detail: "it does not say that it is there"}

// reaching has the engine outside hold what a question needs, and gives it so that it
// does not count longer than it is there.
func (e *Enclave) reaching(ctx context.Context, n *needs) (matcher.Engine, error) {
	o := e.outer
	o.mu.Lock()
	lately := time.Since(o.found) < awhile
	o.mu.Unlock()
	if lately {
		return nil, errAway
	}
	short, stop := context.WithTimeout(ctx, e.outer.reach)
	r, err := e.connect(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		err = errAway
	}
	stop()
	if err == nil {
		err = e.there(ctx, r, func(ctx context.Context) error {
			_, err := e.heldOutside(ctx, n, func() {})
			return err
		})
	}
	if errors.Is(err, errAway) {
		e.foundAway()
	}
	if err != nil {
		return nil, err
	}
	return matcher.Within(r, func(ctx context.Context, count func(context.Context) error) error {
		err := e.there(ctx, r, count)
		if errors.Is(err, errAway) {
			e.foundAway()
		}
		return err
	}), nil
}

func (e *Enclave) foundAway() {
	e.outer.mu.Lock()
	defer e.outer.mu.Unlock()
	e.outer.found = time.Now()
}

// there does what may take long, and breaks it off where the engine does not say
// meanwhile that it is there.
func (e *Enclave) there(ctx context.Context, r Remote, do func(ctx context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(e.outer.reach / 2):
			}
			asked, done := context.WithTimeout(ctx, e.outer.reach)
			_, err := r.Holds(asked)
			done()
			if err != nil && ctx.Err() == nil {
				e.log.Warn("the engine outside does not say that it is there", "error", err)
				stop(errAway)
				return
			}
		}
	}()
	err := do(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errAway) {
		err = errAway
	}
	stop(nil)
	<-over
	return err
}
