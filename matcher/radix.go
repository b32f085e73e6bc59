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
	n := src.n
	chunks := src.chunks
	digits := min(max(bits.Len(uint(n/bucketGoal)), 1), scatterBits)
	shift := 64 - digits
	groups := min(workers, max(len(chunks), 1))
	group := func(g int) [][]pair { return chunks[g*len(chunks)/groups : (g+1)*len(chunks)/groups] }

	// Where each group's pairs of each digit begin.
	at := make([][]int, groups)
	err := parallel(ctx, workers, groups, func(_, g int) error {
		count := make([]int, 1<<digits)
		for _, chunk := range group(g) {
			for i := range chunk {
				count[chunk[i].hi()>>shift]++
			}
		}
		at[g] = count
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	ends := make([]int, 1<<digits)
	sum := 0
	for d := range ends {
		for g := range groups {
			at[g][d], sum = sum, sum+at[g][d]
		}
		ends[d] = sum
	}

	dst := make([]pair, n)
	err = parallel(ctx, workers, groups, func(_, g int) error {
		next := at[g]
		for _, chunk := range group(g) {
			if err := ctx.Err(); err != nil {
				return err
			}
			for i := range chunk {
				d := chunk[i].hi() >> shift
				dst[next[d]] = chunk[i]
				next[d]++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	*src, chunks = chunked[pair]{}, nil // let go before the buckets are sorted

	err = parallel(ctx, workers, len(ends), func(_, d int) error {
		begin := 0
		if d > 0 {
			begin = ends[d-1]
		}
		sortBucket(dst[begin:ends[d]], digits)
		return nil
	})
	return dst, err
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
