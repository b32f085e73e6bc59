package matcher

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"math/bits"
	"slices"

	"awase/crypto/token"
)

// pair is a token and the row or cluster that holds it: 20 bytes.
type pair struct {
	tok token.Token
	v   uint32
}

const pairSize = token.Size + 4

func (p *pair) hi() uint64 { return binary.BigEndian.Uint64(p.tok[:8]) }

func comparePairs(a, b pair) int {
	if c := bytes.Compare(a.tok[:], b.tok[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.v, b.v)
}

const (
	scatterBits = 11      // at most 2,048 write streams: more outrun the TLB
	bucketGoal  = 1 << 12 // pairs in a bucket of the first pass, if the bits suffice
	leafLen     = 24      // below, insertion sort wins
)

// sortPairs empties src and gives its pairs sorted by token, then v.
//
// It is an MSD radix sort (McIlroy, Bostic & McIlroy, "Engineering Radix
// Sort", 1993): one pass scatters all pairs by their leading bits into the
// result, all workers at once, then each bucket is sorted where it lies.
// Tokens are outputs of a PRF, so buckets come out even; equal tokens and
// skewed keys only cost time.
//
// Memory: the result beside src until the scatter is done, then the result.
func sortPairs(ctx context.Context, workers int, src *chunked[pair]) ([]pair, error) {
	lay, err := layOut(ctx, workers, src.chunks, src.n)
	if err != nil {
		return nil, err
	}
	dst := make([]pair, src.n)
	err = parallel(ctx, workers, len(lay.at), func(_, g int) error {
		next := lay.at[g]
		for _, chunk := range lay.group(src.chunks, g) {
			if err := ctx.Err(); err != nil {
				return err
			}
			for i := range chunk {
				d := chunk[i].hi() >> lay.shift
				dst[next[d]] = chunk[i]
				next[d]++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	*src = chunked[pair]{} // let go before the buckets are sorted

	err = parallel(ctx, workers, len(lay.ends), func(_, d int) error {
		begin, end := lay.bucket(d)
		sortBucket(dst[begin:end], 64-lay.shift)
		return nil
	})
	return dst, err
}

// layout says where the first pass of a sort puts the pairs.
type layout struct {
	shift int     // leading bits of a token: hi >> shift
	at    [][]int // by group of chunks and leading bits: where its pairs begin
	ends  []int   // by leading bits: where all end
}

// layOut counts the n pairs of chunks by their leading bits.
func layOut(ctx context.Context, workers int, chunks [][]pair, n int) (*layout, error) {
	digits := min(max(bits.Len(uint(n/bucketGoal)), 1), scatterBits)
	l := &layout{shift: 64 - digits, at: make([][]int, min(workers, max(len(chunks), 1))), ends: make([]int, 1<<digits)}
	err := parallel(ctx, workers, len(l.at), func(_, g int) error {
		count := make([]int, 1<<digits)
		for _, chunk := range l.group(chunks, g) {
			for i := range chunk {
				count[chunk[i].hi()>>l.shift]++
			}
		}
		l.at[g] = count
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	sum := 0
	for d := range l.ends {
		for g := range l.at {
			l.at[g][d], sum = sum, sum+l.at[g][d]
		}
		l.ends[d] = sum
	}
	return l, nil
}

// group is the part of chunks that one worker goes through.
func (l *layout) group(chunks [][]pair, g int) [][]pair {
	return chunks[g*len(chunks)/len(l.at) : (g+1)*len(chunks)/len(l.at)]
}

func (l *layout) bucket(d int) (begin, end int) {
	if d > 0 {
		begin = l.ends[d-1]
	}
	return begin, l.ends[d]
}

// sortBucket sorts p, whose pairs agree in the leading used bits of their
// tokens, in place ("American flag": each pair goes straight to its bucket).
func sortBucket(p []pair, used int) {
	if len(p) <= leafLen {
		insertionSort(p)
		return
	}
	if used >= 64 { // 64 equal bits: one token many times, or a crafted key
		slices.SortFunc(p, comparePairs)
		return
	}
	digits := min(max(bits.Len(uint(len(p)))-3, 1), 8, 64-used)
	shift := 64 - used - digits
	mask := uint64(1)<<digits - 1

	var next, end [256]int
	for i := range p {
		end[p[i].hi()>>shift&mask]++
	}
	sum := 0
	for d := range 1 << digits {
		next[d] = sum
		sum += end[d]
		end[d] = sum
	}
	for d := range 1 << digits {
		for next[d] < end[d] {
			v := p[next[d]]
			home := v.hi() >> shift & mask
			for home != uint64(d) {
				v, p[next[home]] = p[next[home]], v
				next[home]++
				home = v.hi() >> shift & mask
			}
			p[next[d]] = v
			next[d]++
		}
	}
	begin := 0
	for d := range 1 << digits {
		if end[d]-begin > 1 {
			sortBucket(p[begin:end[d]], used+digits)
		}
		begin = end[d]
	}
}

func insertionSort(p []pair) {
	for i := 1; i < len(p); i++ {
		v := p[i]
		hi := v.hi()
		j := i
		for ; j > 0; j-- {
			before := p[j-1].hi()
			if before < hi || before == hi && comparePairs(p[j-1], v) <= 0 {
				break
			}
			p[j] = p[j-1]
		}
		p[j] = v
	}
}
