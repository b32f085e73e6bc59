package matcher

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"awase/crypto/token"
)

// bucketSorter sorts buckets of the first pass of a sort: one scatter by the
// next bits into memory of its own, so many that a slot gets one or two, then
// insertion sort, whose moves are all within a slot. Equal tokens and crafted
// keys fill a slot: it is sorted by comparing.
type bucketSorter struct {
	keys  []sortKey
	pairs []pair
	next  [1 << slotBits]uint32
}

const (
	slotBits = 13
	slotMost = 32 // longer slots are sorted by comparing
)

// sortKey is a token as two numbers that compare as its bytes do.
type sortKey struct{ hi, lo uint64 }

func (k sortKey) compare(o sortKey) int {
	return cmp.Or(cmp.Compare(k.hi, o.hi), cmp.Compare(k.lo, o.lo))
}

// slots gives the range of bits that decides the slot of one of n.
func slots(n, used int) (shift int, mask uint64) {
	digits := min(max(bits.Len(uint(n))-1, 1), slotBits)
	return 64 - used - digits, 1<<digits - 1
}

// begin makes next the place where each slot begins, of the numbers it holds,
// and tells the largest number.
func (s *bucketSorter) begin(mask uint64) (most uint32) {
	sum := uint32(0)
	for d := range s.next[:mask+1] {
		n := s.next[d]
		most = max(most, n)
		s.next[d] = sum
		sum += n
	}
	return most
}

// sortTokens sorts tokens, which agree in their leading used bits, in place and
// gives the distinct ones, at their beginning.
func (s *bucketSorter) sortTokens(tokens []byte, used int) []byte {
	n := len(tokens) / token.Size
	if n == 0 {
		return tokens
	}
	shift, mask := slots(n, used)
	clear(s.next[:mask+1])
	for i := 0; i+token.Size <= len(tokens); i += token.Size {
		s.next[binary.BigEndian.Uint64(tokens[i:])>>shift&mask]++
	}
	most := s.begin(mask)
	s.keys = slices.Grow(s.keys[:0], n)[:n]
	keys := s.keys
	for i := 0; i+token.Size <= len(tokens); i += token.Size {
		t := tokens[i : i+token.Size]
		k := sortKey{binary.BigEndian.Uint64(t), binary.BigEndian.Uint64(t[8:])}
		at := &s.next[k.hi>>shift&mask]
		keys[*at] = k
		*at++
	}
	if most <= slotMost {
		insertKeys(keys)
	} else {
		begin := uint32(0)
		for _, end := range s.next[:mask+1] {
			if slot := keys[begin:end]; len(slot) <= slotMost {
				insertKeys(slot)
			} else {
				slices.SortFunc(slot, sortKey.compare)
			}
			begin = end
		}
	}
	at := 0
	for i := range keys {
		if i > 0 && keys[i] == keys[i-1] {
			continue
		}
		t := tokens[at : at+token.Size]
		binary.BigEndian.PutUint64(t, keys[i].hi)
		binary.BigEndian.PutUint64(t[8:], keys[i].lo)
		at += token.Size
	}
	return tokens[:at]
}

func insertKeys(k []sortKey) {
	for i := 1; i < len(k); i++ {
		v := k[i]
		j := i
		for ; j > 0; j-- {
			if b := k[j-1]; b.hi < v.hi || b.hi == v.hi && b.lo <= v.lo {
				break
			}
			k[j] = k[j-1]
		}
		k[j] = v
	}
}

// sortPairs gives the pairs of two columns, whose tokens agree in their leading
// used bits, sorted by token, then value, until the next call.
func (s *bucketSorter) sortPairs(tokens []byte, values []uint32, used int) []pair {
	n := len(values)
	if n == 0 {
		return nil
	}
	shift, mask := slots(n, used)
	clear(s.next[:mask+1])
	for i := 0; i+token.Size <= len(tokens); i += token.Size {
		s.next[binary.BigEndian.Uint64(tokens[i:])>>shift&mask]++
	}
	most := s.begin(mask)
	s.pairs = slices.Grow(s.pairs[:0], n)[:n]
	pairs := s.pairs
	for i, v := range values {
		p := pair{token.Token(tokens[i*token.Size:]), v}
		at := &s.next[p.hi()>>shift&mask]
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
