package matcher

import "math/bits"

const (
	// window is among how many tokens a lookup looks. One in fifty entries of a
	// directory covers more.
	window = 8
	// lookups is how many lookups go through each step together at most: so many
	// reads may be under way.
	lookups = 256
	// nearby is how many tokens of the longer side those of a step may be among
	// where all are read: 5 KiB, which the next steps find in the nearest cache.
	nearby = 320
	// dense is how many tokens of the longer side there are at most for one of
	// the shorter where reading all is no more than reading those looked at.
	dense = 32
)

// finder is one worker's findings, by ranges of clusters.
type finder struct {
	need  needs
	shift uint
	sets  [Kinds]findings // [0] alone unless kinds are needed
	into  *findings       // of the part at hand

	slabs [][]uint32 // memory of the findings
	slab  int        // the one in use
	used  int        // of it

	begins    [lookups]uint32 // where the entry of each token begins
	few, many [lookups]uint32 // positions of tokens that agree
	beyond    [lookups]uint32 // numbers of those that the window may not reach

	clusters, rows [2 * lookups]uint32 // of hits, not laid down yet
	found          int                 // how many
	touched        uint64              // nobody reads it: it keeps the reads alive
}

// findings are hits by ranges of clusters: blocks of clusters and, beside them,
// if needed, of the rows of the tokens they were found by. What a hit changes of
// all ranges lies together.
type findings struct {
	n        [maxRanges]uint32 // in the last block
	clusters [maxRanges]*[findBlock]uint32
	rows     [maxRanges]*[findBlock]uint32
	full     [maxRanges][]findBlocks
}

type findBlocks struct{ clusters, rows *[findBlock]uint32 }

const (
	findBlock = 1 << 9
	slabLen   = 1 << 18 // 1 MiB
)

// reset makes f ready for a match and keeps its memory.
func (f *finder) reset(clusters int, need needs) {
	f.need, f.shift, f.slab, f.used = need, rangeShift(clusters), 0, 0
	for k := range f.sets {
		one := &f.sets[k]
		for r := range one.n {
			one.n[r], one.clusters[r], one.rows[r], one.full[r] = findBlock, nil, nil, one.full[r][:0]
		}
	}
}

// grow begins another block of range r.
func (f *finder) grow(to *findings, r uint32) {
	if to.clusters[r] != nil {
		to.full[r] = append(to.full[r], findBlocks{to.clusters[r], to.rows[r]})
	}
	to.n[r], to.clusters[r] = 0, f.block()
	if f.need.rows {
		to.rows[r] = f.block()
	}
}

func (f *finder) block() *[findBlock]uint32 {
	if f.used == slabLen {
		f.slab, f.used = f.slab+1, 0
	}
	if f.slab == len(f.slabs) {
		f.slabs = append(f.slabs, make([]uint32, slabLen))
	}
	f.used += findBlock
	b := (*[findBlock]uint32)(f.slabs[f.slab][f.used-findBlock:])
	// Its lines come into the cache together: one by one, each would keep the
	// writes behind it waiting.
	for i := 0; i < findBlock; i += 64 / 4 {
		f.touched += uint64(b[i])
	}
	return b
}

// each calls do with the hits of range r; rows is empty unless rows are needed.
func (f *finder) each(set, r int, do func(clusters, rows []uint32)) {
	one := &f.sets[set]
	rows := func(b *[findBlock]uint32, n uint32) []uint32 {
		if b == nil {
			return nil
		}
		return b[:n]
	}
	for _, b := range one.full[r] {
		do(b.clusters[:], rows(b.rows, findBlock))
	}
	if b := one.clusters[r]; b != nil {
		do(b[:one.n[r]], rows(one.rows[r], one.n[r]))
	}
}

// find finds the clusters whose token, of leading byte part, is in the list.
//
// It looks each token of the shorter side up in the directory of the longer.
// Both are sorted, so all columns are gone through in one direction, and what
// a merge would cost in branches that can't be foretold is not paid.
func (f *finder) find(base, list *tokenIndex, part int) {
	b0, b1 := base.part(part)
	l0, l1 := list.part(part)
	few, many, begin, end := list, base, l0, l1
	if b1-b0 < l1-l0 {
		few, many, begin, end = base, list, b0, b1
	}
	batch := lookups
	if apart := max(b1-b0, l1-l0) / max(end-begin, 1); apart < dense {
		batch = min(nearby/max(apart, 1), lookups)
	}
	for ; begin < end; begin += batch {
		n := f.look(few, many, begin, min(begin+batch, end))
		f.gather(few, many, n, few == base)
		if f.found > lookups {
			f.layDown()
		}
	}
	f.layDown()
}

// look fills f.few and f.many with the positions of the tokens [j0, j1) of few,
// at most lookups, that are in many as far as their first 8 bytes go, and
// gives their number.
func (f *finder) look(few, many *tokenIndex, j0, j1 int) int {
	wanted := few.pairs[j0:j1]
	if many.len() < window {
		n := 0
		for k := range wanted {
			if i, ok := many.search(wanted[k], 0, many.len()); ok {
				f.few[n], f.many[n] = uint32(j0+k), uint32(i)
				n++
			}
		}
		return n
	}
	dir := many.directory()
	last := f.begin(dir.at, dir.shift, wanted)
	// Where nearly every line is wanted, they are read in order first: a core
	// has far more reads under way then than lookups in their places give it.
	if b, e := int(f.begins[0]), int(f.begins[j1-j0-1]); e-b < dense*len(wanted) {
		f.touched += touch(many.pairs[b:e])
	}
	n, beyond := 0, 0
	if wide && int(last)+window <= many.len() {
		n, beyond = compareWide(&many.pairs[0], &wanted[0], len(wanted), &f.begins[0], uint32(j0), &f.few[0], &f.many[0], &f.beyond[0])
		for k := range f.beyond[:beyond] {
			f.beyond[k] -= uint32(j0)
		}
	} else {
		n, beyond = f.compare(many.pairs, wanted, uint32(j0))
	}
	for _, k := range f.beyond[:beyond] {
		if i, ok := many.at(wanted[k]); ok {
			f.few[n&(lookups-1)], f.many[n&(lookups-1)] = uint32(j0)+k, uint32(i)
			n++
		}
	}
	return n
}

// begin fills f.begins with where the entry of each of wanted begins. The reads
// do not wait for one another: in a sparse list each goes to memory. It gives the
// largest.
func (f *finder) begin(at []uint32, shift uint, wanted []pair) (last uint32) {
	shift &= 63
	for k := range wanted {
		begin := at[wanted[k].hi>>shift]
		f.begins[k&(lookups-1)] = begin
		last = max(last, begin)
	}
	return last
}

// compare looks at the window of each of wanted, the first of which is at j0. It
// fills f.few and f.many with the positions of those n found as far as their
// first 8 bytes go, and f.beyond with the numbers of those that may come after
// their windows.
func (f *finder) compare(pairs, wanted []pair, j0 uint32) (n, beyond int) {
	last := len(pairs) - window
	for k := range wanted {
		hi := wanted[k].hi
		begin := min(int(f.begins[k&(lookups-1)]), last) // what the window finds before the entry differs
		w := (*[window]pair)(pairs[begin : begin+window])
		if w[window-1].hi < hi {
			f.beyond[beyond&(lookups-1)] = uint32(k)
			beyond++
			continue
		}
		// Halving, for the last of the eight is not below. A borrow is 1 where the
		// first is less than the second, and no branch.
		_, below := bits.Sub64(w[window/2-1].hi, hi, 0)
		at := below << 2
		_, below = bits.Sub64(w[(at+1)&(window-1)].hi, hi, 0)
		at += below << 1
		_, below = bits.Sub64(w[at&(window-1)].hi, hi, 0)
		at += below
		// Written whether found or not: whether is a coin.
		f.few[n&(lookups-1)], f.many[n&(lookups-1)] = j0+uint32(k), uint32(begin+int(at))
		if w[at&(window-1)].hi == hi {
			n++
		}
	}
	return n, beyond
}

// touch reads a word of every cache line of p.
func touch(p []pair) (sum uint64) {
	for i := 0; i < len(p); i += 64 / pairSize {
		sum += p[i].hi
	}
	return sum
}

// gather notes what the first n positions of f.few and f.many, whose tokens agree
// as far as their first 8 bytes go, lead to.
func (f *finder) gather(few, many *tokenIndex, n int, inFew bool) {
	clusters, rows := (*[lookups]uint32)(f.clusters[f.found:]), (*[lookups]uint32)(f.rows[f.found:])
	if inFew {
		clusters, rows = rows, clusters
	}
	differ := uint64(0)
	for k := range n {
		a, b := few.pairs[f.few[k&(lookups-1)]].lo, many.pairs[f.many[k&(lookups-1)]].lo
		differ |= a ^ b
		clusters[k&(lookups-1)], rows[k&(lookups-1)] = uint32(b), uint32(a)
	}
	if differ>>32 == 0 {
		f.found += n
		return
	}
	// The window shows one token of those that share 8 bytes.
	at := 0
	for k := range n {
		a, b := few.pairs[f.few[k]], many.pairs[f.many[k]]
		if !a.same(b) {
			i, ok := many.at(a)
			if !ok {
				continue
			}
			b = many.pairs[i]
		}
		clusters[at], rows[at] = b.value(), a.value()
		at++
	}
	f.found += at
}

// layDown lays what was gathered down by ranges of clusters.
func (f *finder) layDown() {
	to := f.into
	for k, cluster := range f.clusters[:f.found] {
		r := cluster >> f.shift & (maxRanges - 1)
		n := to.n[r]
		if n == findBlock {
			f.grow(to, r)
			n = 0
		}
		to.clusters[r][n&(findBlock-1)] = cluster
		if f.need.rows {
			to.rows[r][n&(findBlock-1)] = f.rows[k]
		}
		to.n[r] = n + 1
	}
	f.found = 0
}
