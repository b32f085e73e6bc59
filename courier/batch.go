package courier

import (
	"iter"
	"slices"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
)

// batch is what one request hands over.
type batch struct {
	n      int  // from 1
	last   bool // no other follows
	people [][]delivery.Identifier
}

// batches cuts a delivery's people into batches of at most limit units, as weigh
// says how many a person takes. The same delivery gives the same batches, so that a
// number names a batch in another run too. A delivery without anyone has none.
func batches(f *delivery.File, limit int, weigh func([]delivery.Identifier) int, c *Counts) iter.Seq2[batch, error] {
	return func(yield func(batch, error) bool) {
		full, now := batch{}, batch{n: 1} // full waits to know whether it is the last
		units := 0
		for ids, err := range accepted(f, c) {
			if err != nil {
				yield(batch{}, err)
				return
			}
			w := weigh(ids)
			if units+w > limit && len(now.people) > 0 {
				if full.n > 0 && !yield(full, nil) {
					return
				}
				full, now, units = now, batch{n: now.n + 1}, 0
			}
			now.people = append(now.people, slices.Clone(ids))
			units += w
		}
		if len(now.people) > 0 {
			if full.n > 0 && !yield(full, nil) {
				return
			}
			full = now
		}
		if full.n > 0 {
			full.last = true
			yield(full, nil)
		}
	}
}

// accepted gives the people of a delivery with the identifiers that its destination
// takes; what it gives is good until the next one.
func accepted(f *delivery.File, c *Counts) iter.Seq2[[]delivery.Identifier, error] {
	d := f.Header().Destination
	return func(yield func([]delivery.Identifier, error) bool) {
		var kept []delivery.Identifier
		for ids, err := range f.People() {
			if err != nil {
				yield(nil, &Error{Code: NotOpened, Err: err})
				return
			}
			kept = kept[:0]
			for _, id := range ids {
				if d.Takes(id) {
					kept = append(kept, id)
				}
			}
			c.Unused += int64(len(ids) - len(kept))
			if len(kept) == 0 {
				c.LeftOut++
				continue
			}
			c.People++
			if !yield(kept, nil) {
				return
			}
		}
	}
}

// noneTaken refuses an audience of which the platform takes nobody: to replace it by
// nobody is not what was meant. To remove nobody is done when nothing is done.
func noneTaken(h *delivery.Header, c *Counts) error {
	if h.Act == delivery.Replace && c.People == 0 {
		return fail(NothingAccepted, "")
	}
	return nil
}

// ofKind gives the hashes of one kind.
func ofKind(ids []delivery.Identifier, k identifier.Kind) (out []identifier.Hash) {
	for _, id := range ids {
		if id.Kind == k {
			out = append(out, id.Hash)
		}
	}
	return out
}
