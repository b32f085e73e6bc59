package matcher

import (
	"errors"
	"math/bits"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// bitmap has one bit a cluster, lowest bit first, in whole words; bits past
// the last cluster are zero. It is the layout of an Arrow Boolean array.
type bitmap []uint64

func wordsFor(n int) int { return (n + 63) / 64 }

func newBitmap(n int) bitmap { return newUint64Column(wordsFor(n)) }

func (b bitmap) set(i uint32)      { b[i>>6] |= 1 << (i & 63) }
func (b bitmap) has(i uint32) bool { return b[i>>6]>>(i&63)&1 != 0 }

// spare keeps the memory of queries that are done for the next ones: memory
// that is new each time costs more than a match, above all where the pages
// are new to the machine too. The collector takes what stays unused.
type spare struct{ bitmaps, finders sync.Pool }

// bitmap gives a bitmap over n clusters; what its bits are is not said.
func (s *spare) bitmap(n int) bitmap {
	if b, ok := s.bitmaps.Get().(*bitmap); ok && cap(*b) >= wordsFor(n) {
		return (*b)[:wordsFor(n)]
	}
	return newBitmap(n)
}

// finder gives a finder that has found nothing.
func (s *spare) finder(clusters int, need needs) *finder {
	f, ok := s.finders.Get().(*finder)
	if !ok {
		f = new(finder)
	}
	f.reset(clusters, need)
	return f
}

// give takes a bitmap that nobody reads any more; nil is none.
func (s *spare) give(b bitmap) {
	if b != nil {
		s.bitmaps.Put(&b)
	}
}

// openBitmap wraps the bytes of a bitmap over n clusters.
func openBitmap(b []byte, n int) (*array.Boolean, bitmap, error) {
	if len(b) != 8*wordsFor(n) {
		return nil, nil, errors.New("length is not one bit a cluster in whole 8-byte words")
	}
	b = aligned(b)
	words := bitmap(arrow.Uint64Traits.CastFromBytes(b))
	if n%64 != 0 && words[len(words)-1]>>(n%64) != 0 {
		return nil, nil, errors.New("bits are set past the last cluster")
	}
	return array.NewBooleanData(arrayData(arrow.FixedWidthTypes.Boolean, n, b)), words, nil
}

// ranks counts the bits set before each word of b: rank numbers the set bits
// of b from 0, so a column over matched clusters is as long as they are many.
type ranks struct {
	bits   bitmap
	before []uint32
	total  int
}

func newRanks(b bitmap) ranks {
	r := ranks{bits: b, before: make([]uint32, len(b))}
	for w, word := range b {
		r.before[w] = uint32(r.total)
		r.total += bits.OnesCount64(word)
	}
	return r
}

// of is the number of the set bit i.
func (r *ranks) of(i uint32) uint32 {
	below := r.bits[i>>6] & (1<<(i&63) - 1)
	return r.before[i>>6] + uint32(bits.OnesCount64(below))
}
