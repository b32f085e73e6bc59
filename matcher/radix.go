package matcher

import (
	"cmp"
	"context"
	"math/bits"
	"slices"
)

func comparePairs(a, b pair) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

const (
	scatterBits = 11 // at most 2,048 write streams: more outrun the TLB
	leafLen     = 24 // below, insertion sort wins
)

// layout says where the first pass of a sort puts what it sorts.
type layout struct {
	shift  int     // leading bits: hi >> shift
	chunks int     // of the source
	at     [][]int // by group of chunks and leading bits: where the group's begin
	ends   []int   // by leading bits: where all end
}

// layOut counts what is in chunks by its leading bits: count adds to into what
// a chunk holds, on several goroutines.
func layOut(ctx context.Context, workers, chunks, digits int, count func(chunk, shift int, into []int)) (*layout, error) {
	l := &layout{shift: 64 - digits, chunks: chunks, at: make([][]int, min(workers, max(chunks, 1))), ends: make([]int, 1<<digits)}
	err := parallel(ctx, workers, len(l.at), func(_, g int) error {
		l.at[g] = make([]int, 1<<digits)
		from, to := l.group(g)
		for c := from; c < to; c++ {
			count(c, l.shift, l.at[g])
		}
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

// group is the range of chunks that one worker goes through.
func (l *layout) group(g int) (from, to int) {
	return g * l.chunks / len(l.at), (g + 1) * l.chunks / len(l.at)
}

// scatter calls move with every chunk and where the next of each leading bits
// goes, which move keeps up.
func (l *layout) scatter(ctx context.Context, workers int, move func(chunk int, next []int)) error {
	return parallel(ctx, workers, len(l.at), func(_, g int) error {
		from, to := l.group(g)
		for c := from; c < to; c++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			move(c, l.at[g])
		}
		return nil
	})
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
		end[p[i].hi>>shift&mask]++
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
			home := v.hi >> shift & mask
			for home != uint64(d) {
				v, p[next[home]] = p[next[home]], v
				next[home]++
				home = v.hi >> shift & mask
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
		j := i
		for ; j > 0; j-- {
			if b := p[j-1]; b.hi < v.hi || b.hi == v.hi && b.lo <= v.lo {
				break
			}
			p[j] = p[j-1]
		}
		p[j] = v
	}
}
