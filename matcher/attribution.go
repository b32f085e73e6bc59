package matcher

import (
	"fmt"
	"math/big"
	"slices"

	"awase/entrustment"
)

// Credit is what one conversion is divided into (PRIVACY rule 13): integer thousandths.
const Credit = 1000

// Public limits of an attribution.
const (
	// MaxConversions is the most conversions of one cluster that count.
	MaxConversions = maxCapUnits / Credit
	maxTouches     = 64
	// maxSame is how many touches of one sort on one day count: more are as many.
	maxSame = 1000
	// fullWeight is what a touch on the day of the last weighs with time-decay.
	fullWeight = 1 << 30
)

// Attribution credits the conversions of each cluster to its touches.
//
// Of a cluster the first Conversions conversions by day count. Each takes the clicks
// on its day and on the Click−1 days before, or, where there is none, the impressions
// on its day and on the View−1 days before. Events have no time of day, so touches of
// one day come in this order: where one is to be the last of them, the sort with the
// most touches on that day, of equal ones the first of Touches on a day of even number
// and the last on an odd one; where one is to be the first, likewise, but the other
// way round. The thousandths of a conversion are then those of the model:
//
//	last-touch  all to the last
//	first-last  half to the first, half to the last
//	even        by the number of touches
//	time-decay  by their weights: half for each HalfLife days before the last
//
// and where these are no whole numbers, each sort has what is below it, and what is
// left goes, one each, to those whose rest is the greatest, the first of Touches first.
// A conversion without touches is credited to none. A cluster is counted in the cells
// in which it has credit.
type Attribution struct {
	Logs       []EventsID
	From, To   int32       // days of the conversions, both included
	Categories []string    // of the conversions
	Touches    []EventType // clicks and impressions; their order is that of the dimension Touch, whose last value is none of them
	Model      entrustment.AttributionModel
	Click      int // days, that of the conversion included
	View       int
	HalfLife   int   // TimeDecay
	Most       int64 // conversions of one cluster that count, the earliest
	Credits    bool  // the credits are summed, in thousandths
}

// sumCaps gives, for each sum of q, the most that one cluster adds to a cell.
func (q *Query) sumCaps() (out []int64) {
	if q.Attribution != nil && q.Attribution.Credits {
		out = append(out, q.Attribution.Most*Credit)
	}
	if q.Events != nil {
		for _, s := range q.Events.Sums {
			out = append(out, s.Cap)
		}
	}
	return out
}

// NewExact gives an answer of q with no one in its cells.
func (q *Query) NewExact(cells int) Exact {
	out := Exact{Users: make([]int64, cells)}
	for range q.sumCaps() {
		out.Sums = append(out.Sums, make([]int64, cells))
	}
	return out
}

// MostOf gives the most that so many clusters together add to a sum of a cell.
func (q *Query) MostOf(sum int, clusters int64) int64 { return clusters * q.sumCaps()[sum] }

// Reach gives how many days before the first of the conversions a touch may be.
func (a *Attribution) Reach() int { return max(a.Click, a.View) - 1 }

// TouchOf gives the place of a type among the touches, −1 where it is none.
func (a *Attribution) TouchOf(t EventType) int { return slices.Index(a.Touches, t) }

// Converts tells whether events of a type are conversions that are credited.
func (a *Attribution) Converts(t EventType) bool {
	return t.Kind == string(entrustment.EventConversion) && slices.Contains(a.Categories, t.Category)
}

// touches tells whether events of a type are touches.
func (t EventType) touches() bool {
	return t.Kind == string(entrustment.EventClick) || t.Kind == string(entrustment.EventImpression)
}

// IsClick tells whether a touch is a click.
func (a *Attribution) IsClick(touch int) bool {
	return a.Touches[touch].Kind == string(entrustment.EventClick)
}

// MostSame is how many touches of one sort on one day count.
func (a *Attribution) MostSame() int64 { return maxSame }

// Weights gives what a touch weighs by the days that it is before the last, for the
// models even and time-decay.
func (a *Attribution) Weights() []int64 {
	out := make([]int64, a.Reach()+1)
	for days := range out {
		out[days] = 1
		if a.Model == entrustment.TimeDecay {
			out[days] = decayed(days, a.HalfLife)
		}
	}
	return out
}

// decayed gives ⌊fullWeight·2^(−days/half)⌋, exactly: the greatest w with
// w^half ≤ fullWeight^half ÷ 2^days. A float would be another number on another machine.
func decayed(days, half int) int64 {
	bound := new(big.Int).Exp(big.NewInt(fullWeight), big.NewInt(int64(half)), nil)
	bound.Rsh(bound, uint(days))
	low, high := int64(0), int64(fullWeight) // low is no more than w, high no less
	for low < high {
		middle := (low + high + 1) / 2
		if new(big.Int).Exp(big.NewInt(middle), big.NewInt(int64(half)), nil).Cmp(bound) <= 0 {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// divide gives Credit divided by weights, by the largest remainders.
func divide(weights, out []int64) {
	total, left := int64(0), int64(Credit)
	for _, w := range weights {
		total += w
	}
	for i, w := range weights {
		out[i] = w * Credit / total
		left -= out[i]
	}
	rest := func(i int) int64 { return weights[i] * Credit % total }
	for ; left > 0; left-- {
		best := -1
		for i := range weights {
			// Whoever has got one already is past its share.
			if out[i] == weights[i]*Credit/total && rest(i) > 0 && (best < 0 || rest(i) > rest(best)) {
				best = i
			}
		}
		out[best]++
	}
}

func (c *checker) attribution(a *Attribution) error {
	if c.query.Events != nil {
		return badSpec("attribution", "a query credits conversions or counts events, not both")
	}
	if a.From > a.To || int64(a.To)-int64(a.From) > 1<<16 {
		return badSpec("attribution.window", "the days of a window are from the first to the last, fewer than 65,536")
	}
	for _, days := range []int{a.Click, a.View} {
		if days < 1 || days > entrustment.MaxLookBack {
			return overLimit("attribution", fmt.Sprintf("a look-back is 1 to %d days", entrustment.MaxLookBack))
		}
	}
	if !slices.Contains(entrustment.AttributionModel("").Allowed(), string(a.Model)) {
		return badSpec("attribution.model", "there is no such model")
	}
	if a.Model == entrustment.TimeDecay && (a.HalfLife < 1 || a.HalfLife > entrustment.MaxLookBack) {
		return overLimit("attribution.half_life", fmt.Sprintf("a half-life is 1 to %d days", entrustment.MaxLookBack))
	}
	if a.Most < 1 || a.Most > MaxConversions {
		return overLimit("attribution.most", fmt.Sprintf("1 to %d conversions of one cluster count", MaxConversions))
	}
	if len(a.Touches) > maxTouches || len(a.Categories) > 1<<14 {
		return overLimit("attribution.touches", fmt.Sprintf("more than %d touches, or 16,384 categories", maxTouches))
	}
	for i, t := range a.Touches {
		if !t.touches() || a.TouchOf(t) != i {
			return badSpec("attribution.touches", "a touch is a click or an impression, each named once")
		}
	}
	if !slices.ContainsFunc(c.query.Dims, func(d Dim) bool { return d.Source == Touch }) {
		return badSpec("attribution", "credits are by touch: the dimension is missing")
	}
	return c.logs(a.Logs, "attribution")
}
