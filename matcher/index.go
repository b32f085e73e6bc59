package matcher

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"sort"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/array"

	"awase/crypto/token"
)

// pair is a token and the row or cluster that holds it, as two numbers that
// compare as token, then value do: what a lookup reads lies together.
type pair struct {
	hi uint64 // the first 8 bytes of the token, big-endian
	lo uint64 // the last 4, then the value
}

const pairSize = 16

func newPair(t *token.Token, value uint32) pair {
	return pair{binary.BigEndian.Uint64(t[:8]), uint64(binary.BigEndian.Uint32(t[8:]))<<32 | uint64(value)}
}

func (p pair) value() uint32 { return uint32(p.lo) }

func (p pair) with(value uint32) pair { return pair{p.hi, p.lo>>32<<32 | uint64(value)} }

func (p pair) token() (t token.Token) {
	binary.BigEndian.PutUint64(t[:8], p.hi)
	binary.BigEndian.PutUint32(t[8:], uint32(p.lo>>32))
	return t
}

// same says whether p and q have one token.
func (p pair) same(q pair) bool { return p.hi == q.hi && p.lo>>32 == q.lo>>32 }

// before says whether the token of p comes before that of q.
func (p pair) before(q pair) bool { return p.hi < q.hi || p.hi == q.hi && p.lo>>32 < q.lo>>32 }

// tokenSet is a column of distinct tokens, ascending.
type tokenSet struct {
	column *array.FixedSizeBinary
	pairs  []pair // the same memory; of a set alone the values are 0
}

var (
	errOrder = errors.New("tokens are not distinct and ascending")
	errValue = errors.New("a value is out of range")
)

// tokenSetOf wraps b, tokens in order with their values.
func tokenSetOf(b []byte) (tokenSet, error) {
	a, err := newPairs(b)
	if err != nil {
		return tokenSet{}, err
	}
	if int64(a.Len()) > maxRows {
		return tokenSet{}, overLimit("identifiers", fmt.Sprintf("at most %d of a kind", maxRows))
	}
	return tokenSet{column: a, pairs: pairsOf(bytesOf(a))}, nil
}

// openTokenSet wraps b, whose values are below limit, and which nobody here has
// made. It reads every token: an index out of order would not fail later, it
// would count wrongly.
func openTokenSet(b []byte, limit int) (tokenSet, error) {
	s, err := tokenSetOf(b)
	if err != nil {
		return tokenSet{}, err
	}
	ascending := everywhere(s.len(), func(begin, end int) bool {
		begin = max(begin, 1)
		for i := begin; i < end; i++ {
			if !s.pairs[i-1].before(s.pairs[i]) {
				return false
			}
		}
		return true
	})
	if !ascending {
		return tokenSet{}, errOrder
	}
	within := everywhere(s.len(), func(begin, end int) bool {
		top := uint32(0)
		for i := range s.pairs[begin:end] {
			top = max(top, s.pairs[begin+i].value())
		}
		return int64(top) < int64(limit)
	})
	if !within {
		return tokenSet{}, errValue
	}
	return s, nil
}

func (s *tokenSet) len() int { return len(s.pairs) }

func (s *tokenSet) bytes() []byte { return bytesOf(s.column) }

const (
	minDirBits = 8  // the parts of a match are ranges of the leading 8 bits
	maxDirBits = 28 // 1 GiB; past 2³⁰ tokens entries just grow longer
	dirEntry   = 4  // tokens an entry covers at most, on average; 1 to 2 bytes a token
)

// tokenIndex maps tokens to values (clusters of a base, rows of a list), with
// a directory on the leading bits.
type tokenIndex struct {
	tokenSet
	dir *directory
}

// directory is made when it is first asked for: of two indexes that are matched
// the shorter needs none.
type directory struct {
	once  sync.Once
	at    []uint32 // tokens whose leading bits are d lie in [at[d], at[d+1])
	shift uint     // leading bits of a token: hi >> shift
}

// indexOf wraps the column of an index.
func indexOf(b []byte) (tokenIndex, error) {
	set, err := tokenSetOf(b)
	return tokenIndex{set, new(directory)}, err
}

// openIndex wraps the column of an index that nobody here has made and whose
// values are below limit.
func openIndex(b []byte, limit int) (tokenIndex, error) {
	set, err := openTokenSet(b, limit)
	return tokenIndex{set, new(directory)}, err
}

// directory gives the directory, which is made at the first call.
func (x *tokenIndex) directory() *directory {
	x.dir.once.Do(func() { x.dir.of(x.pairs) })
	return x.dir
}

// of makes the directory of tokens in order. What begins at or before token i
// and after the token before it is i's to write: no entry is written twice.
func (d *directory) of(pairs []pair) {
	n := len(pairs)
	dirBits := min(max(bits.Len(uint(n/dirEntry)), minDirBits), maxDirBits)
	d.shift = uint(64 - dirBits)
	d.at = newUint32Column(1<<dirBits + 1)
	after := func(i int) int { // the first entry that begins after token i
		if i < 0 {
			return 0
		}
		return int(pairs[i].hi>>d.shift) + 1
	}
	everywhere(n, func(begin, end int) bool {
		next := after(begin - 1)
		for i := begin; i < end; i++ {
			for lead := int(pairs[i].hi >> d.shift); next <= lead; next++ {
				d.at[next] = uint32(i)
			}
		}
		return true
	})
	for next := after(n - 1); next < len(d.at); next++ {
		d.at[next] = uint32(n)
	}
}

// search gives the position in [begin, end) of the token of p.
func (s *tokenSet) search(p pair, begin, end int) (int, bool) {
	for begin < end {
		mid := int(uint(begin+end) >> 1)
		if s.pairs[mid].before(p) {
			begin = mid + 1
		} else {
			end = mid
		}
	}
	return begin, begin < s.len() && s.pairs[begin].same(p)
}

// at gives the position of the token of p.
func (x *tokenIndex) at(p pair) (int, bool) {
	d := x.directory()
	lead := p.hi >> d.shift
	return x.search(p, int(d.at[lead]), int(d.at[lead+1]))
}

// find gives the value of a token.
func (x *tokenIndex) find(t token.Token) (uint32, bool) {
	i, ok := x.at(newPair(&t, 0))
	if !ok {
		return 0, false
	}
	return x.pairs[i].value(), true
}

// part is the range of tokens whose leading byte is p.
func (s *tokenSet) part(p int) (begin, end int) {
	first := func(p uint64) int {
		return sort.Search(s.len(), func(i int) bool { return s.pairs[i].hi>>56 >= p })
	}
	return first(uint64(p)), first(uint64(p + 1))
}
