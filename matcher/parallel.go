package matcher

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// maxWorkers bounds what the private findings of a match cost on a large
// machine: each worker holds some KiB for every range of clusters.
const maxWorkers = 16

// Option changes how a builder or an engine works, never what it gives.
type Option func(*options)

type options struct{ workers int }

// Workers is how many goroutines may work at once: at least 1, by default one
// a core, at most 16.
func Workers(n int) Option {
	return func(o *options) { o.workers = n }
}

func newOptions(opts []Option) options {
	o := options{workers: runtime.GOMAXPROCS(0)}
	for _, set := range opts {
		set(&o)
	}
	o.workers = min(max(o.workers, 1), maxWorkers)
	return o
}

// parallel calls f for every part below parts, each once, on at most workers
// goroutines that take the next part as they come free. It gives the context's
// error or the first error of f; parts not yet begun are then left out.
func parallel(ctx context.Context, workers, parts int, f func(worker, part int) error) error {
	var (
		next  atomic.Int64
		wg    sync.WaitGroup
		once  sync.Once
		stop  atomic.Bool
		first error
	)
	fail := func(err error) {
		once.Do(func() { first = err })
		stop.Store(true)
	}
	work := func(worker int) {
		for !stop.Load() {
			part := int(next.Add(1)) - 1
			if part >= parts {
				return
			}
			if err := ctx.Err(); err != nil {
				fail(err)
				return
			}
			if err := f(worker, part); err != nil {
				fail(err)
				return
			}
		}
	}
	for w := 1; w < min(workers, parts); w++ {
		wg.Go(func() { work(w) })
	}
	work(0)
	wg.Wait()
	return first
}

// everywhere tells whether f holds for every range of the numbers below n, on
// all cores. After a range it does not hold for, others may be left out.
func everywhere(n int, f func(begin, end int) bool) bool {
	const step = 1 << 17
	err := parallel(context.Background(), newOptions(nil).workers, (n+step-1)/step, func(_, part int) error {
		if !f(part*step, min((part+1)*step, n)) {
			return errNowhere
		}
		return nil
	})
	return err == nil
}

var errNowhere = errors.New("a range is not as it should be")
