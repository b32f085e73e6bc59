package enclave

import (
	"context"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// TestCutOffShowsNothing is A14, by who stops what they asked: one that waits behind
// another's counting is over at once, not when that ends, and one that is counted
// is counted to its end, so that asked again it is shown as if it had not been cut
// off. The twin cuts off the work itself.
func TestCutOffShowsNothing(t *testing.T) {
	t.Parallel()
	for name, detached := range map[string]bool{"as built": true, "cut off with who asked": false} {
		t.Run(name, func(t *testing.T) {
			counting, letOn := make(chan struct{}, 20), make(chan struct{})
			r := newWorkRoom(t, Options{counts: func(e matcher.Engine) matcher.Engine { return paused{e, counting, letOn} }})
			if !detached {
				r.work.detach = func(ctx context.Context, run func(context.Context)) error { run(ctx); return nil }
			}
			ctx := t.Context()
			r.put("file", sealedList(t, r.Enclave, 1500))
			outcome(t, r.Enclave, listJob("l"))
			first, second := question(), question(func(q *entrustment.Question) { q.Sigma = 20 })
			for _, req := range []wire.WorkRequest{reportJob("first", first), reportJob("second", second)} {
				if _, err := r.StartWork(ctx, req); err != nil {
					t.Fatal(err)
				}
				if req.Job == "first" {
					<-counting
				}
			}
			for charges := 0; charges < 2; { // then the second waits for its turn
				r.mu.Lock()
				charges = count(r.Enclave, kindCharge)
				r.mu.Unlock()
			}
			wait, want := maxPoll, wire.WorkStopped
			if !detached {
				wait, want = 1, wire.WorkRuns
			}
			for _, id := range []string{"second", "first"} {
				if s, err := r.await(ctx, id, wait, func(j *job) { j.stop(errJobStopped) }); err != nil || s.Status != want {
					t.Errorf("%s, stopped while the first is counted: %+v, %v", id, s, err)
				}
			}
			close(letOn)
			for id, q := range map[string]*entrustment.Question{"first-2": first, "second-2": second} {
				if s := outcome(t, r.Enclave, reportJob(id, q)); s.Status != wire.WorkDone {
					t.Errorf("%s: %+v", id, s)
				}
			}
			again := len(counting) - 1 // less the second's own
			if (again > 0) == detached || count(r.Enclave, kindCharge) != 2 {
				t.Errorf("counted %d times more, %d charges", again, count(r.Enclave, kindCharge))
			}
		})
	}
}
