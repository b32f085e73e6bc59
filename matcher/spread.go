package matcher

// spread takes pairs in any order and keeps them by their leading byte, so that
// each of its lists can be sorted where caches hold it and no pass over all
// pairs is needed between adding and that. It is not safe for concurrent use.
type spread struct {
	n     int
	bytes [1 << spreadBits]byteList
	slab  []pair // memory for the next blocks
}

// byteList is the pairs of one leading byte: full blocks, then block[:n].
type byteList struct {
	block []pair
	n     int
	full  [][]pair
}

const (
	spreadBits = 8
	// A list's first block is small, for a small file must not pay for 256 large
	// ones; a full-sized block is an eighth of an average list of a million pairs.
	firstBlock  = 8
	spreadBlock = 1 << 9
	spreadSlab  = 1 << 16 // 1 MiB
)

func (s *spread) add(p pair) {
	l := &s.bytes[p.hi>>(64-spreadBits)]
	if l.n == len(l.block) {
		s.grow(l)
	}
	l.block[l.n] = p
	l.n++
	s.n++
}

// grow begins another block, twice as long as the last.
func (s *spread) grow(l *byteList) {
	size := firstBlock
	if l.block != nil {
		l.full = append(l.full, l.block)
		size = min(2*len(l.block), spreadBlock)
	}
	if len(s.slab) < size {
		s.slab = make([]pair, max(size, min(spreadSlab, max(1<<10, s.n))))
	}
	l.block, s.slab = s.slab[:size:size], s.slab[size:]
	l.n = 0
}

// each calls f with the pairs of leading byte d, in some slices.
func (s *spread) each(d int, f func([]pair)) {
	l := &s.bytes[d]
	for _, block := range l.full {
		f(block)
	}
	f(l.block[:l.n])
}

// size is how many pairs have the leading byte d.
func (s *spread) size(d int) int {
	n := s.bytes[d].n
	for _, block := range s.bytes[d].full {
		n += len(block)
	}
	return n
}
