package matcher

// spread takes pairs in any order and keeps them by their leading byte, so that
// each of its lists can be sorted where caches hold it and no pass over all
// pairs is needed between adding and that. It is not safe for concurrent use.
type spread struct {
	// What add touches is kept apart from what it seldom does: of four spreads it
	// should lie in the nearest cache.
	used  [1 << spreadBits]uint32 // of each leading byte: pairs in its last block
	block [1 << spreadBits][]pair // of each leading byte: its last block
	full  [1 << spreadBits][][]pair
	slab  []pair // memory for the next blocks
	taken int    // pairs of all blocks
}

const (
	spreadBits = 8
	// A list's first block is small, for a small file must not pay for 256 large
	// ones; a full-sized block is an eighth of an average list of a million pairs.
	firstBlock  = 8
	spreadBlock = 1 << 9
	// What a large file takes comes in large pieces: the less of them is at their
	// ends, the more of it lies in huge pages, and a page of 4 KiB costs as much to
	// get as 256 pairs cost to add.
	mostSlab = 1 << 20 // 16 MiB
)

func (s *spread) add(p pair) {
	d := p.hi >> (64 - spreadBits)
	n, block := s.used[d], s.block[d]
	if int(n) == len(block) {
		n, block = 0, s.grow(d)
	}
	block[n] = p
	s.used[d] = n + 1
}

// grow begins another block, twice as long as the last.
func (s *spread) grow(d uint64) []pair {
	size := firstBlock
	if last := s.block[d]; last != nil {
		s.full[d] = append(s.full[d], last)
		size = min(2*len(last), spreadBlock)
	}
	if len(s.slab) < size {
		s.slab = pairsOf(newColumn(pairSize * max(1<<10, min(mostSlab, s.taken))))
	}
	s.block[d], s.slab = s.slab[:size:size], s.slab[size:]
	s.taken += size
	return s.block[d]
}

// each calls f with the pairs of leading byte d, in some slices.
func (s *spread) each(d int, f func([]pair)) {
	for _, block := range s.full[d] {
		f(block)
	}
	f(s.block[d][:s.used[d]])
}

// size is how many pairs have the leading byte d.
func (s *spread) size(d int) int {
	n := int(s.used[d])
	for _, block := range s.full[d] {
		n += len(block)
	}
	return n
}
