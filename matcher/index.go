package matcher

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"awase/crypto/token"
)

// tokenSet is a column of distinct tokens, ascending.
type tokenSet struct {
	tokens *array.FixedSizeBinary
	words  []uint64 // the same bytes: two words a token, as they lie in memory
}

// openTokenSet wraps b. It reads every token: an index out of order would not
// fail later, it would count wrongly.
func openTokenSet(b []byte) (tokenSet, error) {
	a, err := newTokens(b)
	if err != nil {
		return tokenSet{}, err
	}
	s := tokenSet{tokens: a, words: arrow.Uint64Traits.CastFromBytes(bytesOf(a))}
	ascending := everywhere(s.len(), func(begin, end int) bool {
		begin = max(begin, 1)
		if begin >= end {
			return true
		}
		hi, lo := s.hi(begin-1), s.lo(begin-1)
		for i := begin; i < end; i++ {
			h, l := s.hi(i), s.lo(i)
			if h < hi || h == hi && l <= lo {
				return false
			}
			hi, lo = h, l
		}
		return true
	})
	if !ascending {
		return tokenSet{}, errors.New("tokens are not distinct and ascending")
	}
	return s, nil
}

func (s *tokenSet) len() int { return len(s.words) / 2 }

// hi and lo are token i as two big-endian words: they compare as its bytes do.
func (s *tokenSet) hi(i int) uint64 { return bits.ReverseBytes64(s.words[2*i]) }
func (s *tokenSet) lo(i int) uint64 { return bits.ReverseBytes64(s.words[2*i+1]) }

func (s *tokenSet) bytes() []byte { return bytesOf(s.tokens) }

const (
	minDirBits = 8  // the parts of a match are ranges of the leading 8 bits
	maxDirBits = 28 // 1 GiB; past 2³⁰ tokens entries just grow longer
	dirEntry   = 4  // tokens an entry covers at most, on average; 1 to 2 bytes a token
)

// tokenIndex maps tokens to values (clusters of a base, rows of a list), with
// a directory on the leading bits.
type tokenIndex struct {
	tokenSet
	values *array.Uint32
	vals   []uint32 // the same values

	dir   []uint32 // tokens whose leading bits are d lie in [dir[d], dir[d+1])
	shift uint     // leading bits of a token: hi >> shift
}

// openIndex wraps the columns of an index whose values are below limit.
func openIndex(tokens, values []byte, limit int) (tokenIndex, error) {
	set, err := openTokenSet(tokens)
	if err != nil {
		return tokenIndex{}, err
	}
	a, err := newUint32s(values)
	if err != nil {
		return tokenIndex{}, err
	}
	x := tokenIndex{tokenSet: set, values: a, vals: a.Uint32Values()}
	if len(x.vals) != x.len() {
		return tokenIndex{}, errors.New("tokens and values differ in number")
	}
	within := everywhere(len(x.vals), func(begin, end int) bool {
		top := uint32(0)
		for _, v := range x.vals[begin:end] {
			top = max(top, v)
		}
		return int64(top) < int64(limit)
	})
	if !within {
		return tokenIndex{}, errors.New("a value is out of range")
	}
	x.makeDirectory()
	return x, nil
}

// makeDirectory makes the directory of tokens in order. What begins at or
// before token i and after the token before it is i's to write: no entry is
// written twice.
func (x *tokenIndex) makeDirectory() {
	n := x.len()
	dirBits := min(max(bits.Len(uint(n/dirEntry)), minDirBits), maxDirBits)
	x.shift = uint(64 - dirBits)
	x.dir = newUint32Column(1<<dirBits + 1)
	after := func(i int) int { // the first entry that begins after token i
		if i < 0 {
			return 0
		}
		return int(x.hi(i)>>x.shift) + 1
	}
	everywhere(n, func(begin, end int) bool {
		d := after(begin - 1)
		for i := begin; i < end; i++ {
			for lead := int(x.hi(i) >> x.shift); d <= lead; d++ {
				x.dir[d] = uint32(i)
			}
		}
		return true
	})
	for d := after(n - 1); d < len(x.dir); d++ {
		x.dir[d] = uint32(n)
	}
}

// search gives the position in [begin, end) of the token of the words hi and lo,
// as they lie in memory.
func (s *tokenSet) search(hi, lo uint64, begin, end int) (int, bool) {
	h, l := bits.ReverseBytes64(hi), bits.ReverseBytes64(lo)
	for begin < end {
		mid := int(uint(begin+end) >> 1)
		if m := s.hi(mid); m < h || m == h && s.lo(mid) < l {
			begin = mid + 1
		} else {
			end = mid
		}
	}
	return begin, begin < s.len() && s.words[2*begin] == hi && s.words[2*begin+1] == lo
}

// find gives the value of a token.
func (x *tokenIndex) find(t token.Token) (uint32, bool) {
	hi, lo := binary.BigEndian.Uint64(t[:8]), binary.BigEndian.Uint64(t[8:])
	d := hi >> x.shift
	for i := int(x.dir[d]); i < int(x.dir[d+1]); i++ {
		if x.hi(i) == hi && x.lo(i) == lo {
			return x.vals[i], true
		}
	}
	return 0, false
}

// part is the range of tokens whose leading byte is p.
func (x *tokenIndex) part(p int) (begin, end int) {
	scale := 56 - x.shift
	return int(x.dir[p<<scale]), int(x.dir[(p+1)<<scale])
}
