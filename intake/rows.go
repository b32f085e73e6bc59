package intake

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"awase/crypto/seal"
	"awase/intake/table"
)

// job is a chunk on its way through a worker.
type job struct {
	chunk *table.Chunk
	done  chan batch // of room for one, so that a worker never waits
}

// Rows gives the rows in file order. One goroutine cuts the file into chunks,
// as many as there are processors convert them, and the caller gets them in
// order; no more than a few chunks a processor are in memory. All of it has
// ended when the loop has, however it ends.
//
// A fault of the file ends the rows with an *entrustment.Error of CodeFile that
// names the place; nothing of the file may then be kept.
func (f *File) Rows() seal.Rows {
	return func(yield func([]seal.Row, error) bool) {
		if f.read.Swap(true) {
			yield(nil, errReadTwice)
			return
		}
		ctx, cancel := context.WithCancel(f.ctx)
		var wg, workers sync.WaitGroup
		defer func() {
			cancel()
			wg.Wait()
			workers.Wait()
			f.report.describe(f.source.Describe())
		}()
		n := runtime.GOMAXPROCS(0)
		jobs, order := make(chan job, n), make(chan job, 3*n)
		free, slabs := make(chan *table.Chunk, 4*n), make(chan *slab, 4*n)
		for range n {
			w, err := newWorker(f.plan, f.distinct, slabs)
			if err != nil {
				close(jobs)
				yield(nil, err)
				return
			}
			workers.Go(func() {
				for j := range jobs {
					j.done <- w.convert(j.chunk)
					free <- j.chunk
				}
				if f.distinct != nil {
					f.distinct.flush(&w.late)
				}
			})
		}
		for range cap(free) {
			free <- &table.Chunk{}
		}
		wg.Go(func() { f.cut(ctx, free, jobs, order) })
		f.deliver(ctx, order, slabs, &workers, yield)
	}
}

// cut reads chunks and hands them to the workers, and to the caller in order.
// What ends the file, io.EOF too, is the last of the order.
func (f *File) cut(ctx context.Context, free chan *table.Chunk, jobs, order chan job) {
	defer close(jobs)
	defer close(order)
	first := true
	for {
		var c *table.Chunk
		select {
		case c = <-free:
		case <-ctx.Done():
			return
		}
		err := f.source.Next(c)
		if first && err == nil && f.distinct != nil {
			// Of what was read, a block may be waiting in the scanner.
			used := max(c.Read-scanBlock, int64(len(c.Data)), 1)
			f.distinct.reserve(int64(float64(c.Rows()) * float64(f.size) / float64(used)))
		}
		first = false
		j := job{c, make(chan batch, 1)}
		if err != nil {
			j.done <- batch{err: err}
		}
		select {
		case order <- j:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		select {
		case jobs <- j:
		case <-ctx.Done():
			j.done <- batch{err: ctx.Err()}
			return
		}
	}
}

// deliver yields the batches in order, keeps the report, and gives the memory of
// what was yielded back.
func (f *File) deliver(ctx context.Context, order chan job, slabs chan *slab, workers *sync.WaitGroup, yield func([]seal.Row, error) bool) {
	for {
		var b batch
		select {
		case j, ok := <-order:
			if !ok {
				yield(nil, ctx.Err())
				return
			}
			b = <-j.done
		case <-ctx.Done():
			yield(nil, ctx.Err())
			return
		}
		switch {
		case errors.Is(b.err, io.EOF):
			if f.report.Rows == 0 {
				yield(nil, fault(table.SortNoRows, f.report.File, "the file has a header and no rows", "export it again with its rows"))
				return
			}
			if f.distinct != nil {
				workers.Wait() // they have no chunk left, and add what they keep back
				f.report.Duplicates = f.distinct.duplicates()
			}
			return
		case b.err != nil:
			yield(nil, b.err)
			return
		}
		f.report.merge(b.tally)
		if f.progress != nil {
			f.progress(f.report.Rows, b.bytes)
		}
		if len(b.rows) > 0 && !yield(b.rows, nil) {
			return
		}
		select {
		case slabs <- b.slab:
		default:
		}
	}
}
