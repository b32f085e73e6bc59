package aggregator

import (
	"math"
	"slices"

	"awase/matcher"
)

// A rate is the quotient of two measures, both of which were released. Rates
// cost nothing: they are post-processing.
type rate struct {
	name       string
	num, den   string // measures; den may be users
	percentage bool   // num ≤ den is expected; else num ≤ cap·den
	free       bool   // den bounds num in no way
}

// rates are those that there are, each where both its measures were asked.
var rates = []rate{
	{"events_per_user", "events", MeasureUsers, false, false},
	{"average_frequency", "impressions", MeasureUsers, false, false},
	{"click_rate", "clicks", "impressions", true, false},
	{"conversion_rate", "conversions", "clicks", true, false},
	{"spend_per_user", "spend", MeasureUsers, false, false},
	{"cost_per_click", "cost", "clicks", false, true},
	{"cost_per_result", "cost", "conversions", false, true},
}

// amount is a noisy number with its standard deviation, in the unit shown.
type amount struct{ value, sd, most float64 } // most: what one user adds at most

// compose fills what the sums of a table say beside its cells.
func (a *Answer) compose(t *Table, sum Cell) {
	for i := range t.Sums {
		a.Measures = append(a.Measures, t.Sums[i].Name)
		a.Caps = append(a.Caps, Cap{t.Sums[i].Name, t.Sums[i].Cap * t.Sums[i].Granule, t.Sums[i].Across > 0})
	}
	for _, r := range a.present() {
		a.Rates = append(a.Rates, r.name)
	}
	if t.Other != nil {
		a.OtherSums, _ = a.amounts(t, *t.Other, func(s *Sum) int64 { return s.Other })
	}
	if t.Total != nil {
		a.TotalSums, a.TotalRate = a.amounts(t, *t.Total, func(s *Sum) int64 { return s.Total })
		return
	}
	a.TotalSums, a.TotalRate = a.amounts(t, sum, func(s *Sum) int64 {
		n := s.Other
		for _, v := range s.Cells {
			n += v
		}
		return n
	})
}

// present gives the rates both of whose measures were asked.
func (a *Answer) present() (out []rate) {
	has := map[string]bool{MeasureUsers: true}
	for _, m := range a.Measures {
		has[m] = true
	}
	for _, r := range rates {
		if has[r.num] && has[r.den] {
			out = append(out, r)
		}
	}
	return out
}

// amounts gives the intervals and rates of one row; of gives a sum's number of
// that row. All are nil where the row is withheld.
func (a *Answer) amounts(t *Table, c Cell, of func(*Sum) int64) ([]*Interval, []*Ratio) {
	sums, ratios := make([]*Interval, len(t.Sums)), make([]*Ratio, len(a.Rates))
	if !c.Released {
		return sums, ratios
	}
	known := map[string]amount{MeasureUsers: {float64(c.Users), deviation(c, t.Sigma), 1}}
	for i := range t.Sums {
		s := &t.Sums[i]
		sd := float64(t.Sigma) * math.Sqrt(float64(c.Terms)/float64(max(1, s.Across))) * float64(s.Cap) * float64(s.Granule)
		value, half := of(s)*s.Granule, int64(math.Ceil(z95*sd))
		sums[i] = &Interval{value, max(0, value-half), value + half}
		known[s.Name] = amount{float64(value), sd, float64(s.Cap * s.Granule)}
	}
	for i, r := range a.present() {
		num, den := known[r.num], known[r.den]
		scale := 1.0
		switch {
		case r.percentage:
		case r.free:
			scale = math.Inf(1)
		default:
			scale = num.most
		}
		ratios[i] = quotient(num, den, scale)
	}
	return sums, ratios
}

// counted gives the names of the measures that sum the events by whose number a
// table's cells are made: what such a cell holds of them is its own definition,
// with noise for up to the cap of each person. They stand in the total alone.
func (s *Spec) counted() []string {
	var out []string
	if !slices.ContainsFunc(s.Dims, func(d Dim) bool { return d.Source == matcher.Frequency }) {
		return nil
	}
	for _, m := range s.Measures {
		if len(m.Kinds) == 0 || slices.Contains(m.Kinds, s.Events.Presence) {
			out = append(out, m.Name)
		}
	}
	return out
}

// drop takes measures, and the rates that are made of one, out of a row.
func (a *Answer) drop(names []string, sums []*Interval, ratios []*Ratio) {
	for i, name := range a.Measures {
		if i < len(sums) && slices.Contains(names, name) {
			sums[i] = nil
		}
	}
	for i, r := range a.present() {
		if i < len(ratios) && (slices.Contains(names, r.num) || slices.Contains(names, r.den)) {
			ratios[i] = nil
		}
	}
}

// quotient gives num/den with Fieller's 95 % interval, or nil where the guard of
// §4.3-10 forbids it: the numerator, and how far it stays below the most it
// could be (scale·den), are each at least two of their own standard deviations,
// so that nobody is told that all or none in a cell did something. Where den
// bounds num in no way (scale is infinite), den is, in place of the latter. The two
// noises are independent.
func quotient(num, den amount, scale float64) *Ratio {
	rest, sd := den.value, den.sd
	if !math.IsInf(scale, 1) {
		rest, sd = scale*den.value-num.value, math.Hypot(num.sd, scale*den.sd)
	}
	if num.value < 2*num.sd || rest < 2*sd {
		return nil
	}
	a := den.value*den.value - z95*z95*den.sd*den.sd
	b := num.value * den.value
	c := num.value*num.value - z95*z95*num.sd*num.sd
	if a <= 0 || b*b < a*c {
		return nil // the denominator is not told apart from 0
	}
	root := math.Sqrt(b*b - a*c)
	return &Ratio{num.value / den.value, max(0, (b-root)/a), (b + root) / a}
}
