package matcher

import (
	"cmp"
	"slices"

	"awase/entrustment"
)

// creditPlan is an Attribution bound to its logs.
type creditPlan struct {
	Attribution
	days    []creditDay // that may hold what is read, ascending
	none    int16       // value of the dimension for no touch; of an event it marks a conversion
	stride  uint32      // of the dimension
	click   []bool      // by touch
	weights []int64     // by the days that a touch is before the last
}

// creditDay is a day of a log as an Attribution reads it.
type creditDay struct {
	*eventDay
	slot []int16 // by type of its log: touch, creditPlan.none for a conversion, −1: not read
}

// bindCredits binds the attribution of q; p.dims are bound already.
func (p *plan) bindCredits(q *Query, s *snapshot) {
	cp := &creditPlan{Attribution: *q.Attribution, none: int16(len(q.Attribution.Touches)), weights: q.Attribution.Weights()}
	for i, d := range q.Dims {
		if d.Source == Touch {
			cp.stride = p.dims[i].stride
		}
	}
	for i := range cp.Touches {
		cp.click = append(cp.click, cp.IsClick(i))
	}
	first := int64(cp.From) - int64(cp.Reach())
	for _, l := range s.bound(cp.Logs) {
		slot := make([]int16, len(l.types))
		for i, t := range l.types {
			if slot[i] = int16(cp.TouchOf(t)); cp.Converts(t) {
				slot[i] = cp.none
			}
		}
		for i := range l.days {
			if d := &l.days[i]; int64(d.day) >= first && d.day <= cp.To {
				cp.days = append(cp.days, creditDay{d, slot})
			}
		}
	}
	slices.SortStableFunc(cp.days, func(a, b creditDay) int { return cmp.Compare(a.day, b.day) })
	p.credits = cp
}

// contact is how many touches of one sort a cluster has on a day; or conversions.
type contact struct {
	day  int32
	slot int16
	n    int64 // at most maxSame
}

// creditTally is a worker's scratch for the touches of a block of clusters.
type creditTally struct {
	place     []int32   // of a cluster of the block among those left; −1: it is not
	who       []int32   // of each event read
	events    []contact // likewise, by day
	begin     []int     // of the events of a cluster in sorted
	sorted    []contact // by cluster, then by day
	merged    []contact // of one cluster: one of a sort and day
	converted []contact // its conversions
	used      []contact // those touches that one of them takes
	weights   []int64   // by touch
	share     []int64   // by touch, of one conversion
	credit    []int64   // by touch and none, of one cluster
}

// addCredits is addEvents for an attribution.
func (c *counter) addCredits(words, w0 int) {
	ids, at := c.ids, c.at
	for first := w0 * 64; first < (w0+words)*64; first += eventBlock {
		n := 0
		for n < len(ids) && int(ids[n]) < first+eventBlock {
			n++
		}
		c.addCreditBlock(ids[:n], at[:n], uint32(first))
		ids, at = ids[n:], at[n:]
	}
}

func (c *counter) addCreditBlock(ids, cells []uint32, first uint32) {
	p, t := c.credits, &c.given
	t.place = resize(t.place, eventBlock)
	for i := range t.place {
		t.place[i] = -1
	}
	for i, id := range ids {
		t.place[id-first] = int32(i)
	}
	t.who, t.events = t.who[:0], t.events[:0]
	for i := range p.days {
		t.readDay(p, &p.days[i], first)
	}
	t.sort(len(ids))
	t.credit = resize(t.credit, int(p.none)+1)
	for i, at := range cells {
		events := t.sorted[t.begin[i]:t.begin[i+1]]
		if len(events) == 0 {
			continue
		}
		clear(t.credit)
		t.give(p, events)
		for slot, credit := range t.credit {
			if credit == 0 {
				continue
			}
			cell := at + p.stride*uint32(slot)
			c.cells[cell]++
			if p.Credits {
				c.sums[0][cell] += credit
			}
		}
	}
}

// readDay notes one day's events of the block. Those of a cluster are beside one
// another, so that many of a sort are soon one.
func (t *creditTally) readDay(p *creditPlan, d *creditDay, first uint32) {
	begin, end := d.block(int(first), int(first)+eventBlock)
	own := len(t.events) // where those of this cluster begin
	for j := begin; j < end; j++ {
		who, slot := t.place[d.clusters[j]-first], d.slot[d.kinds[j]]
		if who < 0 || slot < 0 || slot == p.none && d.day < p.From {
			continue
		}
		if len(t.events) > own && t.who[len(t.who)-1] != who {
			own = len(t.events)
		}
		t.events = plusContact(t.events, own, contact{d.day, slot, 1})
		for len(t.who) < len(t.events) {
			t.who = append(t.who, who)
		}
	}
}

// plusContact adds a touch to those from own on, of its day.
func plusContact(all []contact, own int, one contact) []contact {
	for i := len(all) - 1; i >= own && all[i].day == one.day; i-- {
		if all[i].slot == one.slot {
			all[i].n = min(all[i].n+one.n, maxSame)
			return all
		}
	}
	return append(all, one)
}

// sort puts the events that were read by cluster; those of one stay by day.
func (t *creditTally) sort(clusters int) {
	t.begin, t.sorted = resize(t.begin, clusters+1), resize(t.sorted, len(t.events))
	clear(t.begin)
	for _, who := range t.who {
		t.begin[who+1]++
	}
	for i := range clusters {
		t.begin[i+1] += t.begin[i]
	}
	for i, who := range t.who {
		t.sorted[t.begin[who]] = t.events[i]
		t.begin[who]++
	}
	copy(t.begin[1:], t.begin[:clusters]) // each is now where the next begins
	t.begin[0] = 0
}

// give credits the conversions of one cluster.
func (t *creditTally) give(p *creditPlan, events []contact) {
	t.merged, t.converted = t.merged[:0], t.converted[:0]
	for _, e := range events {
		if e.slot == p.none {
			t.converted = append(t.converted, e)
		} else {
			t.merged = plusContact(t.merged, 0, e)
		}
	}
	left := p.Most
	for _, c := range t.converted {
		times := min(c.n, left)
		if left -= times; times == 0 {
			break
		}
		t.take(p, c.day)
		switch {
		case len(t.used) == 0:
			t.credit[p.none] += times * Credit
		case p.Model == entrustment.LastTouch:
			t.credit[t.last()] += times * Credit
		case p.Model == entrustment.FirstLast:
			t.credit[t.first()] += times * (Credit / 2)
			t.credit[t.last()] += times * (Credit - Credit/2)
		default:
			t.weigh(p)
			for i, n := range t.share {
				t.credit[i] += times * n
			}
		}
	}
}

// take fills t.used with the touches that a conversion of a day takes: clicks, or
// where there is none, impressions.
func (t *creditTally) take(p *creditPlan, day int32) {
	t.used = t.used[:0]
	for _, of := range []struct {
		click bool
		days  int
	}{{true, p.Click}, {false, p.View}} {
		for _, e := range t.merged {
			if p.click[e.slot] == of.click && e.day <= day && int(day)-int(e.day) < of.days {
				t.used = append(t.used, e)
			}
		}
		if len(t.used) > 0 {
			return
		}
	}
}

// last gives the sort of the last touch used: see Attribution for those of one day.
func (t *creditTally) last() int16 {
	return slices.MinFunc(t.used, func(a, b contact) int {
		return cmp.Or(cmp.Compare(b.day, a.day), cmp.Compare(b.n, a.n), a.turn(b))
	}).slot
}

func (t *creditTally) first() int16 {
	return slices.MinFunc(t.used, func(a, b contact) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(b.n, a.n), b.turn(a))
	}).slot
}

// turn orders the sorts of one day, the other way round the next, so that none is
// favoured for its name.
func (e contact) turn(o contact) int {
	if e.day&1 == 0 {
		return cmp.Compare(e.slot, o.slot)
	}
	return cmp.Compare(o.slot, e.slot)
}

// weigh fills t.share with the thousandths of a conversion by the weights of the
// touches used.
func (t *creditTally) weigh(p *creditPlan) {
	t.weights, t.share = resize(t.weights, int(p.none)), resize(t.share, int(p.none))
	clear(t.weights)
	last := t.used[len(t.used)-1].day // they are by day
	for _, e := range t.used {
		t.weights[e.slot] += e.n * p.weights[last-e.day]
	}
	divide(t.weights, t.share)
}
