package matcher

import (
	"context"
	"math/bits"
)

// blockWords is how many words of a bitmap are worked on at once: 32,768
// clusters, so that a block's scratch stays in the caches.
const (
	blockShift = 15
	blockWords = 1 << blockShift / 64
)

// counter is one worker's share of a count.
type counter struct {
	*plan
	cells []int64
	sums  [][]int64
	room  []uint32 // for the clusters of a block
	ids   []uint32 // clusters of the block that are left
	at    []uint32 // their cells
	stack []uint64 // scratch bitmaps
	tally eventTally
	given creditTally

	touched uint64 // nobody reads it: it keeps the reads alive
}

// count gives the number of eligible, matched clusters that satisfy the
// conditions, for each cell, and the sums. All clusters are passed over,
// whatever is found.
func (p *plan) count(ctx context.Context, workers int) (Exact, error) {
	sums := p.sums
	words := len(p.users)
	counters := make([]counter, workers)
	blocks := (words + blockWords - 1) / blockWords
	err := parallel(ctx, workers, blocks, func(worker, block int) error {
		c := &counters[worker]
		if c.plan == nil {
			c.plan, c.cells = p, make([]int64, p.cells)
			c.room, c.at = make([]uint32, 1<<blockShift+atOnce), make([]uint32, 1<<blockShift)
			for range sums {
				c.sums = append(c.sums, make([]int64, p.cells))
			}
		}
		c.block(block*blockWords, min((block+1)*blockWords, words))
		return nil
	})
	if err != nil {
		return Exact{}, err
	}
	total := Exact{Users: make([]int64, p.cells)}
	for range sums {
		total.Sums = append(total.Sums, make([]int64, p.cells))
	}
	for w := range counters {
		plus(total.Users, counters[w].cells)
		for s := range counters[w].sums {
			plus(total.Sums[s], counters[w].sums[s])
		}
	}
	return total, nil
}

func plus(to, from []int64) {
	for i, n := range from {
		to[i] += n
	}
}

// block counts the clusters of the words [w0, w1).
func (c *counter) block(w0, w1 int) {
	var buf [blockWords]uint64
	set := buf[:w1-w0]
	c.left(set, w0)
	c.add(set, w0)
}

// left fills set, which begins with word w0, with the clusters that count.
func (c *counter) left(set []uint64, w0 int) {
	copy(set, c.users[w0:])
	if c.list != nil {
		for i := range set {
			set[i] &= c.hits.any[w0+i]
		}
	}
	if c.where != nil {
		c.narrow(c.where, set, w0)
	}
}

// keep clears the bits of set whose code is not in the table: in[code] is 0 or
// 1. codes begins at the first bit of set.
func keep(set []uint64, codes, in []uint8) {
	const dense = 24 // bits from which reading all 64 codes in order is faster
	for i, word := range set {
		if bits.OnesCount64(word) < dense {
			kept := word
			for ; word != 0; word &= word - 1 {
				bit := bits.TrailingZeros64(word)
				kept &^= uint64(in[codes[i*64+bit]]^1) << bit
			}
			set[i] = kept
			continue
		}
		var mask uint64
		for bit, code := range codes[i*64 : min(i*64+64, len(codes))] {
			mask |= uint64(in[code]) << (bit & 63)
		}
		set[i] = word & mask
	}
}

// scratch gives a copy of set that lasts until release.
func (c *counter) scratch(set []uint64) []uint64 {
	begin := len(c.stack)
	c.stack = append(c.stack, set...)
	return c.stack[begin:len(c.stack):len(c.stack)]
}

func (c *counter) release(set []uint64) { c.stack = c.stack[:len(c.stack)-len(set)] }

// narrow clears the bits of set whose cluster does not satisfy n. Bits that are
// clear stay so: "not" is the complement among the clusters still in question.
func (c *counter) narrow(n *node, set []uint64, w0 int) {
	switch n.op {
	case opAll:
		for k := range n.kids {
			c.narrow(&n.kids[k], set, w0)
		}
	case opAny:
		rest := c.scratch(set) // those no condition holds for
		for k := range n.kids {
			held := c.scratch(rest)
			c.narrow(&n.kids[k], held, w0)
			for i := range rest {
				rest[i] &^= held[i]
			}
			c.release(held)
		}
		for i := range set {
			set[i] &^= rest[i]
		}
		c.release(rest)
	case opNot:
		held := c.scratch(set)
		c.narrow(&n.kids[0], held, w0)
		for i := range set {
			set[i] &^= held[i]
		}
		c.release(held)
	case opBaseIn:
		keep(set, n.codes[w0*64:], n.in)
	case opListIn:
		for i, word := range set { // every cluster left is matched, so has a row
			kept := word
			for ; word != 0; word &= word - 1 {
				bit := bits.TrailingZeros64(word)
				code := n.codes[c.firstRow(uint32((w0+i)*64+bit))]
				kept &^= uint64(n.in[code]^1) << bit
			}
			set[i] = kept
		}
	case opEvent:
		c.keepOften(n.event, set, w0)
	case opShare:
		for i, word := range set {
			kept := word
			for ; word != 0; word &= word - 1 {
				if bit := bits.TrailingZeros64(word); !n.share.Holds(uint32((w0+i)*64 + bit)) {
					kept &^= 1 << bit
				}
			}
			set[i] = kept
		}
	case opList:
		for i := range set {
			set[i] &= (*n.set)[w0+i]
		}
	}
}

func (c *counter) firstRow(cluster uint32) uint32 { return c.hits.rows[c.hits.ranks.of(cluster)] }

// atOnce is how many ids are written at once.
const atOnce = 4

// idsOf gives the bits of set as ids, which begin at first, in room: at least as
// long as there are bits, and atOnce more. Four at a time: that a word has five
// bits is foretold more often than how many it has.
func idsOf(room []uint32, set []uint64, first uint32) []uint32 {
	n := 0
	for _, word := range set {
		many := bits.OnesCount64(word)
		for j := 0; j < many; j += atOnce {
			four := (*[atOnce]uint32)(room[n+j:])
			for k := range four { // past the last bit what is written is written over
				four[k] = first + uint32(bits.TrailingZeros64(word))
				word &= word - 1
			}
		}
		n += many
		first += 64
	}
	return room[:n]
}

// ahead reads a block of a column in order, before ids of it are read in their
// places, unless they are few.
func (c *counter) ahead(column []uint8, w0, words int) {
	const line = 64
	block := column[w0*64 : min((w0+words)*64, len(column))]
	if len(c.ids)*4*line < len(block) {
		return
	}
	sum := uint8(0)
	for i := 0; i < len(block); i += line {
		sum += block[i]
	}
	c.touched += uint64(sum)
}

// add counts the clusters of set.
func (c *counter) add(set []uint64, w0 int) {
	c.ids = idsOf(c.room, set, uint32(w0*64))
	for k := range c.dims {
		if d := &c.dims[k]; d.source == BaseColumn {
			c.ahead(d.codes, w0, len(set))
		}
	}
	if d := c.dims; c.events == nil && c.credits == nil && len(d) == 3 && d[0].source == BaseColumn && d[1].source == BaseColumn && d[2].source == BaseColumn {
		countThree(c.cells, c.ids, &d[0], &d[1], &d[2])
		return
	}
	c.place()
	if c.events != nil {
		c.addEvents(len(set), w0)
		return
	}
	if c.credits != nil {
		c.addCredits(len(set), w0)
		return
	}
	for _, cell := range c.at {
		c.cells[cell]++
	}
}

// place fills c.at with the cells of c.ids, one dimension after the other.
func (c *counter) place() {
	c.at = c.at[:len(c.ids)]
	clear(c.at)
	for k := range c.dims {
		d := &c.dims[k]
		switch d.source {
		case BaseColumn:
			for i, id := range c.ids {
				c.at[i] += d.stride * uint32(d.codes[id])
			}
		case ListColumn:
			for i, id := range c.ids {
				c.at[i] += d.stride * uint32(d.codes[c.firstRow(id)])
			}
		case MatchedBy:
			for i, id := range c.ids {
				c.at[i] += d.stride * c.firstKind(id)
			}
		case Assigned:
			for i, id := range c.ids {
				if d.share.Holds(id) {
					c.at[i] += d.stride
				}
			}
		}
	}
}

// countThree counts ids over three dimensions of the base, what most reports ask
// for, in one pass: cells in between would go through memory three times.
func countThree(cells []int64, ids []uint32, a, b, c *dim) {
	x, y, z := a.codes, b.codes[:len(a.codes)], c.codes[:len(a.codes)]
	xs, ys, zs := a.stride, b.stride, c.stride
	for _, id := range ids {
		cells[xs*uint32(x[id])+ys*uint32(y[id])+zs*uint32(z[id])]++
	}
}

// firstKind is the first kind, in fixed order, that matched a cluster.
func (c *counter) firstKind(cluster uint32) uint32 {
	k := uint32(0)
	for k < uint32(Kinds)-1 && !c.hits.kinds[k].has(cluster) {
		k++
	}
	return k
}
