package matcher

import (
	"math/bits"
	"slices"
)

// bucketSorter sorts buckets of the first pass of a sort: one scatter by the
// next bits into memory of its own, so many that a slot gets one or two, then
// insertion sort, whose moves are all within a slot. Equal tokens and crafted
// keys fill a slot: it is sorted by comparing.
type bucketSorter struct {
	pairs []pair
	next  [1 << slotBits]uint32
}

const (
	slotBits = 13
	slotMost = 32 // longer slots are sorted by comparing
)

// slots gives the range of bits that decides the slot of one of n.
func slots(n, used int) (shift int, mask uint64) {
	digits := min(max(bits.Len(uint(n))-1, 1), slotBits)
	return 64 - used - digits, 1<<digits - 1
}

// sort gives the pairs of src, whose tokens agree in their leading used bits,
// sorted by token, then value, until the next call.
func (s *bucketSorter) sort(src []pair, used int) []pair {
	n := len(src)
	if n == 0 {
		return nil
	}
	shift, mask := slots(n, used)
	clear(s.next[:mask+1])
	for i := range src {
		s.next[src[i].hi>>shift&mask]++
	}
	sum, most := uint32(0), uint32(0)
	for d := range s.next[:mask+1] { // of numbers, where each slot begins
		n := s.next[d]
		most = max(most, n)
		s.next[d] = sum
		sum += n
	}
	s.pairs = slices.Grow(s.pairs[:0], n)[:n]
	pairs := s.pairs
	for _, p := range src {
		at := &s.next[p.hi>>shift&mask]
		pairs[*at] = p
		*at++
	}
	if most <= slotMost {
		insertionSort(pairs)
		return pairs
	}
	begin := uint32(0)
	for _, end := range s.next[:mask+1] {
		if slot := pairs[begin:end]; len(slot) <= slotMost {
			insertionSort(slot)
		} else {
			slices.SortFunc(slot, comparePairs)
		}
		begin = end
	}
	return pairs
}
