package matcher

import "math/bits"

// hit is a cluster and the first row of the token it was found by.
type hit struct{ cluster, row uint32 }

const (
	// window is how many tokens a lookup compares without asking whether it
	// needs to. One in fifty entries of a directory covers more.
	window = 8
	// lookups is how many lookups go through each step together.
	lookups = 256
)

// finder is one worker's findings.
type finder struct {
	found [Kinds]bitmap // [0] alone unless kinds are needed
	into  bitmap        // the one of the part at hand
	rows  bool
	hits  chunked[hit]

	begins    [lookups]uint32 // where the entry of each token begins
	spans     [lookups]uint32 // and how many tokens it covers
	few, many [lookups]uint32 // positions of tokens that agree
}

func (f *finder) begin(spare *spare, clusters, kind int, need needs) {
	if !need.kinds {
		kind = 0
	}
	if f.found[kind] == nil {
		f.found[kind] = spare.bitmap(clusters)
	}
	f.into, f.rows = f.found[kind], need.rows
}

// find marks the clusters whose token, of leading byte part, is in the list.
//
// It looks each token of the shorter side up in the directory of the longer.
// Both are sorted, so all columns are gone through in one direction, and what
// a merge would cost in branches that can't be foretold is not paid.
func (f *finder) find(base, list *tokenIndex, part int) {
	b0, b1 := base.part(part)
	l0, l1 := list.part(part)
	if b1-b0 < l1-l0 {
		for ; b0 < b1; b0 += lookups {
			n := f.look(base, list, b0, min(b0+lookups, b1))
			f.note(base, list, f.few[:n], f.many[:n])
		}
		return
	}
	for ; l0 < l1; l0 += lookups {
		n := f.look(list, base, l0, min(l0+lookups, l1))
		f.note(base, list, f.many[:n], f.few[:n])
	}
}

// look fills f.few and f.many with the positions of the tokens [j0, j1) of few,
// at most lookups, that are in many as far as their first 8 bytes go, and
// gives their number. Where an entry covers more than the window all 16 bytes
// are compared.
func (f *finder) look(few, many *tokenIndex, j0, j1 int) int {
	n := 0
	words := few.words[2*j0 : 2*j1]
	if many.len() < window {
		for j := j0; j < j1; j++ {
			if i, ok := many.search(words[2*(j-j0)], words[2*(j-j0)+1], 0, many.len()); ok {
				f.few[n], f.many[n] = uint32(j), uint32(i)
				n++
			}
		}
		return n
	}
	// The reads of a step do not wait for one another: in a sparse list each
	// goes to memory.
	for k := range j1 - j0 {
		d := bits.ReverseBytes64(words[2*k]) >> many.shift
		begin := many.dir[d]
		f.begins[k&(lookups-1)], f.spans[k&(lookups-1)] = begin, many.dir[d+1]-begin
	}
	last := many.len() - window
	for k := range j1 - j0 {
		hi, begin, span := words[2*k], int(f.begins[k&(lookups-1)]), int(f.spans[k&(lookups-1)])
		if span > window {
			if i, ok := many.search(hi, words[2*k+1], begin, begin+span); ok {
				f.few[n&(lookups-1)], f.many[n&(lookups-1)] = uint32(j0+k), uint32(i)
				n++
			}
			continue
		}
		begin = min(begin, last) // the window may begin before the entry: what it finds there differs
		w := (*[2 * window]uint64)(many.words[2*begin:])
		at := -1
		if w[0] == hi {
			at = 0
		}
		if w[2] == hi {
			at = 1
		}
		if w[4] == hi {
			at = 2
		}
		if w[6] == hi {
			at = 3
		}
		if w[8] == hi {
			at = 4
		}
		if w[10] == hi {
			at = 5
		}
		if w[12] == hi {
			at = 6
		}
		if w[14] == hi {
			at = 7
		}
		// Written whether found or not: whether is a coin.
		f.few[n&(lookups-1)], f.many[n&(lookups-1)] = uint32(j0+k), uint32(begin+at)
		if at >= 0 {
			n++
		}
	}
	return n
}

// note marks the clusters of tokens of the base at positions b that agree with
// those of the list at positions l as far as their first 8 bytes go.
func (f *finder) note(base, list *tokenIndex, b, l []uint32) {
	l = l[:len(b)]
	for k, i := range b {
		j := l[k]
		if lo := list.words[2*j+1]; base.words[2*i+1] != lo {
			// The window shows one token of those that share 8 bytes.
			hi := list.words[2*j]
			d := bits.ReverseBytes64(hi) >> base.shift
			at, ok := base.search(hi, lo, int(base.dir[d]), int(base.dir[d+1]))
			if !ok {
				continue
			}
			i = uint32(at)
		}
		cluster := base.vals[i]
		f.into.set(cluster)
		if f.rows {
			f.hits.add(hit{cluster, list.vals[j]})
		}
	}
}
