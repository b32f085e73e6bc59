package enginetest

import (
	"context"
	"math"
	"math/big"
	"slices"

	"awase/matcher"
)

// oneTouch is one click or impression of a person.
type oneTouch struct {
	day int
	at  int // among the touches of the question
}

// credits is what one person's conversions are credited to, by the words of
// Attribution: each event for itself, fractions as fractions.
func (f *fixture) credits(p matcher.Person, a *matcher.Attribution, logs []oracleLog) map[int]int64 {
	var conversions []int
	var clicks, views []oneTouch
	for _, l := range logs {
		for _, r := range l.rows {
			t := l.types[r.Type]
			if !f.base.owned(p, r) {
				continue
			}
			at := slices.Index(a.Touches, t)
			switch {
			case t.Kind == "conversion" && slices.Contains(a.Categories, t.Category) && r.Day >= a.From && r.Day <= a.To:
				conversions = append(conversions, int(r.Day))
			case at >= 0 && t.Kind == "click":
				clicks = append(clicks, oneTouch{int(r.Day), at})
			case at >= 0:
				views = append(views, oneTouch{int(r.Day), at})
			}
		}
	}
	slices.Sort(conversions)
	out := map[int]int64{}
	for i, day := range conversions {
		if int64(i) >= a.Most {
			break
		}
		used := within(clicks, day-a.Click+1, day)
		if len(used) == 0 {
			used = within(views, day-a.View+1, day)
		}
		for at, n := range oracleShare(a, used) {
			out[at] += n
		}
	}
	return out
}

func within(touches []oneTouch, from, to int) (out []oneTouch) {
	for _, t := range touches {
		if t.day >= from && t.day <= to {
			out = append(out, t)
		}
	}
	return out
}

// oracleShare is what one conversion gives to each of the touches that it takes.
func oracleShare(a *matcher.Attribution, used []oneTouch) map[int]int64 {
	if len(used) == 0 {
		return map[int]int64{len(a.Touches): 1000}
	}
	first, last := math.MaxInt, math.MinInt
	for _, t := range used {
		first, last = min(first, t.day), max(last, t.day)
	}
	many := func(day, at int) (n int) { // of one sort on one day, of which 1,000 are the most
		for _, t := range used {
			if t.day == day && t.at == at && n < 1000 {
				n++
			}
		}
		return n
	}
	// The sorts of a day, those with the most touches, in the order of the question.
	most := func(day int) (out []int) {
		best := 0
		for at := range a.Touches {
			if n := many(day, at); n > best {
				best, out = n, []int{at}
			} else if n == best && n > 0 {
				out = append(out, at)
			}
		}
		return out
	}
	even := func(day int) bool { return day%2 == 0 }
	atLast, atFirst := most(last), most(first)
	lastOf, firstOf := atLast[len(atLast)-1], atFirst[0]
	if even(last) {
		lastOf = atLast[0]
	}
	if even(first) {
		firstOf = atFirst[len(atFirst)-1]
	}
	weights := map[int]*big.Rat{}
	switch a.Model {
	case "last-touch":
		return map[int]int64{lastOf: 1000}
	case "first-last":
		if firstOf == lastOf {
			return map[int]int64{lastOf: 1000}
		}
		return map[int]int64{firstOf: 500, lastOf: 500}
	}
	all := new(big.Rat)
	for day := first; day <= last; day++ {
		weight := big.NewRat(1, 1)
		if a.Model == "time-decay" {
			weight.SetInt64(decay(last-day, a.HalfLife))
		}
		for at := range a.Touches {
			if n := many(day, at); n > 0 {
				if weights[at] == nil {
					weights[at] = new(big.Rat)
				}
				w := new(big.Rat).Mul(weight, big.NewRat(int64(n), 1))
				weights[at].Add(weights[at], w)
				all.Add(all, w)
			}
		}
	}
	out, rest, left := map[int]int64{}, map[int]*big.Rat{}, int64(1000)
	for at, w := range weights {
		share := new(big.Rat).Quo(new(big.Rat).Mul(w, big.NewRat(1000, 1)), all)
		whole := new(big.Int).Quo(share.Num(), share.Denom())
		out[at], rest[at] = whole.Int64(), share.Sub(share, new(big.Rat).SetInt(whole))
		left -= out[at]
	}
	var order []int
	for at := range rest {
		order = append(order, at)
	}
	slices.SortFunc(order, func(x, y int) int {
		if c := rest[y].Cmp(rest[x]); c != 0 {
			return c
		}
		return x - y
	})
	for _, at := range order[:left] {
		out[at]++
	}
	return out
}

// decay is 2^30 halved for each half-life, cut to a whole number: as a float, which is
// exact enough to tell the whole number but where it is one itself.
func decay(days, half int) int64 {
	if days%half == 0 {
		return 1 << 30 >> min(days/half, 31)
	}
	return int64(math.Exp2(30 - float64(days)/float64(half)))
}

// checkCredits asks the engine, compares with the oracle and gives the answer.
func (f *fixture) checkCredits(q matcher.Query, logs []oracleLog) matcher.Exact {
	f.tb.Helper()
	q.Population = f.pop
	got, err := f.engine.Cells(context.Background(), q)
	if err != nil {
		f.tb.Fatalf("Cells(%+v %+v): %v", q, q.Attribution, err)
	}
	n := 1
	for _, d := range q.Dims {
		n *= d.Size
	}
	want := matcher.Exact{Users: make([]int64, n)}
	if q.Attribution.Credits {
		want.Sums = [][]int64{make([]int64, n)}
	}
	list := f.lists[q.List]
	for _, p := range f.base.people {
		if f.base.isGone(p) || !eligible(p, q.Eligible) || list != nil && f.base.firstRow(p, list) == nil || q.Where != nil && !f.holds(q.Where, p, list) {
			continue
		}
		for at, credit := range f.credits(p, q.Attribution, logs) {
			if credit == 0 {
				continue
			}
			cell := 0
			for _, d := range q.Dims {
				v := at
				if d.Source != matcher.Touch {
					v, _ = f.value(p, list, d.Source, d.Name)
				}
				cell = cell*d.Size + v
			}
			want.Users[cell]++
			if q.Attribution.Credits {
				want.Sums[0][cell] += credit
			}
		}
	}
	if !slices.Equal(got.Users, want.Users) || !slices.EqualFunc(got.Sums, want.Sums, slices.Equal[[]int64]) {
		f.tb.Fatalf("Cells(%+v %+v)\n got %v\nwant %v", q, q.Attribution, got, want)
	}
	return got
}
