package matcher

import "context"

// chunkLen is how many values a full chunk holds.
const chunkLen = 1 << 16

// chunked is an append-only column. It grows by chunks, so nothing is copied
// and at most one chunk is spare, unlike append, which holds old and new at
// once.
type chunked[T any] struct {
	chunks [][]T
	n      int
}

func (c *chunked[T]) add(v T) {
	last := len(c.chunks) - 1
	if last < 0 || len(c.chunks[last]) == cap(c.chunks[last]) {
		// A small file must not pay for a large chunk: begin at 64, double.
		size := min(max(64, c.n), chunkLen)
		c.chunks = append(c.chunks, make([]T, 0, size))
		last++
	}
	c.chunks[last] = append(c.chunks[last], v)
	c.n++
}

// all gives the values in one slice of their own, and empties the column.
func (c *chunked[T]) all() []T {
	if len(c.chunks) == 1 {
		out := c.chunks[0]
		*c = chunked[T]{}
		return out
	}
	out := make([]T, 0, c.n)
	for i, chunk := range c.chunks {
		out = append(out, chunk...)
		c.chunks[i] = nil
	}
	*c = chunked[T]{}
	return out
}

// eachParallel calls f with the values, chunk by chunk and each with where it
// begins, on several goroutines.
func (c *chunked[T]) eachParallel(workers int, f func(begin int, values []T)) {
	begins := make([]int, len(c.chunks)+1)
	for k, chunk := range c.chunks {
		begins[k+1] = begins[k] + len(chunk)
	}
	// No part can fail and no context ends it.
	_ = parallel(context.Background(), workers, len(c.chunks), func(_, k int) error {
		f(begins[k], c.chunks[k])
		return nil
	})
}
