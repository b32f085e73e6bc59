package matcher

import (
	"math"
	"math/bits"
	"slices"
)

// eventTally is a worker's scratch for the events of a block of clusters. What
// it holds is of the clusters that are left, in their order.
type eventTally struct {
	place []int32       // of a cluster of the block among those left; −1: it is not
	here  []uint8       // bit s: it has an event of slot s
	fell  []uint8       // of a query that spreads: bit s: any of its events, whatever its kind
	sums  []int64       // by cluster, slot and sum
	over  map[int]int64 // by place in sums: how many times 2^64 it is more than what is there
	often []int64       // events of the kind that a Frequency dimension counts
	times []uint32
}

// addEvents counts the clusters of c.ids, whose cells of the other dimensions
// are c.at, into the cells in which they have events. They are of the words
// clusters from word w0 on. It goes by eventBlock clusters, so that what they
// add up to stays in the caches.
func (c *counter) addEvents(words, w0 int) {
	ids, at := c.ids, c.at
	for first := w0 * 64; first < (w0+words)*64; first += eventBlock {
		n := 0
		for n < len(ids) && int(ids[n]) < first+eventBlock {
			n++
		}
		c.addEventBlock(ids[:n], at[:n], uint32(first))
		ids, at = ids[n:], at[n:]
	}
}

func (c *counter) addEventBlock(ids, cells []uint32, first uint32) {
	ep, t := c.events, &c.tally
	sums := len(ep.Sums)
	t.place = resize(t.place, eventBlock)
	for i := range t.place {
		t.place[i] = -1
	}
	for i, id := range ids {
		t.place[id-first] = int32(i)
	}
	t.here, t.sums = resize(t.here, len(ids)), resize(t.sums, len(ids)*ep.slots*sums)
	clear(t.here)
	clear(t.sums)
	clear(t.over)
	if ep.Spread {
		t.fell = resize(t.fell, len(ids))
		clear(t.fell)
	}
	if ep.bounds != nil {
		t.often = resize(t.often, len(ids))
		clear(t.often)
	}
	for i := range ep.logs {
		for j := range ep.logs[i].days {
			c.tallyDay(&ep.logs[i], &ep.logs[i].days[j], first)
		}
	}
	for i, at := range cells {
		if ep.bounds != nil {
			if t.often[i] < ep.bounds[0] {
				continue
			}
			k, found := slices.BinarySearch(ep.bounds, t.often[i])
			if !found {
				k--
			}
			at += ep.stride * uint32(k)
		}
		here := t.here[i]
		in := here
		if ep.Spread && here != 0 {
			in |= t.fell[i]
		}
		for ; in != 0; in &= in - 1 {
			slot := bits.TrailingZeros8(in)
			cell := at + ep.cells[slot]
			c.cells[cell] += int64(here >> slot & 1)
			for s, sum := range ep.Sums {
				c.sums[s][cell] += min(max(0, t.clamped((i*ep.slots+slot)*sums+s))/sum.Granule, sum.Cap)
			}
		}
	}
}

// tallyDay adds one day's events of the block.
func (c *counter) tallyDay(l *boundLog, d *eventDay, first uint32) {
	ep, t := c.events, &c.tally
	if d.day < ep.From || d.day > ep.To {
		return
	}
	span := 0
	if ep.step > 0 {
		span = int((d.day - ep.From) / ep.step)
	}
	sums := len(ep.Sums)
	begin, end := d.block(int(first), int(first)+eventBlock)
	for j := begin; j < end; j++ {
		p := t.place[d.clusters[j]-first]
		typ := d.kinds[j]
		cat := l.slot[typ]
		if p < 0 || cat < 0 {
			continue
		}
		if ep.bounds != nil && l.types[typ].Kind == ep.kind {
			t.often[p]++
		}
		slot := span
		if ep.byCat {
			slot += int(cat) * ep.spans
		}
		if l.presence[typ] {
			t.here[p] |= 1 << slot
		}
		if ep.Spread {
			t.fell[p] |= 1 << slot
		}
		own := (int(p)*ep.slots + slot) * sums
		for mask := l.sums[typ]; mask != 0; mask &= mask - 1 {
			s := bits.TrailingZeros8(mask)
			add := int64(1)
			if l.values>>s&1 != 0 {
				add = 0
				if d.values != nil {
					add = d.values[j]
				}
			}
			t.add(own+s, add)
		}
	}
}

// add adds to a sum, exactly: the order of events makes no difference. What no
// longer fits goes around, and that is noted.
func (t *eventTally) add(i int, value int64) {
	old := t.sums[i]
	sum := old + value
	t.sums[i] = sum
	if (old^sum)&(value^sum) >= 0 {
		return
	}
	if t.over == nil {
		t.over = map[int]int64{}
	}
	if value > 0 {
		t.over[i]++
	} else {
		t.over[i]--
	}
}

// clamped gives a sum, or the end of the range that it is past.
func (t *eventTally) clamped(i int) int64 {
	if len(t.over) > 0 {
		switch over := t.over[i]; {
		case over > 0:
			return math.MaxInt64
		case over < 0:
			return math.MinInt64
		}
	}
	return t.sums[i]
}

// boundCondition is an AtLeast bound to its logs.
type boundCondition struct {
	AtLeast
	logs []*Events
}

// keepOften clears the bits of set whose cluster has not events enough.
func (c *counter) keepOften(b *boundCondition, set []uint64, w0 int) {
	t := &c.tally
	t.times = resize(t.times, len(set)*64)
	clear(t.times)
	first := uint32(w0 * 64)
	for _, l := range b.logs {
		var counts [256]bool
		for i, typ := range l.types {
			counts[i] = typ.Category == b.Category
		}
		for i := range l.days {
			d := &l.days[i]
			if d.day < b.From || d.day > b.To {
				continue
			}
			begin, end := d.block(int(first), int(first)+len(set)*64)
			for j := begin; j < end; j++ {
				if counts[d.kinds[j]] {
					t.times[d.clusters[j]-first]++
				}
			}
		}
	}
	for i, word := range set {
		kept := word
		for ; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			if int64(t.times[i*64+bit]) < b.N {
				kept &^= 1 << bit
			}
		}
		set[i] = kept
	}
}

// resize gives n values, in the memory of s where it is large enough; they hold
// what they held.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
