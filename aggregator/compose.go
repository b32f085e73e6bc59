package aggregator

import (
	"math"

	"awase/entrustment"
)

// z95 is the 97.5 % quantile of the normal distribution: the half-width of a
// 95 % interval in standard deviations.
const z95 = 1.96

// Interval is a noisy number and its 95 % interval, which comes from public
// parameters alone.
type Interval struct{ Value, Low, High int64 }

// Ratio is a quotient of noisy numbers and its 95 % interval.
type Ratio struct{ Value, Low, High float64 }

// Cap is the most that one person adds to a measure in a cell, in its unit.
type Cap struct {
	Measure string
	Most    int64
	Across  bool // in all cells together
}

// Row is one declared cell as a reader sees it.
type Row struct {
	Key   []string // values, in the order of Answer.Dims
	Users *Interval
	Index *Ratio
	Sums  []*Interval // of Answer.Measures; nil where withheld
	Rates []*Ratio    // of Answer.Rates; nil where not steady enough to show
}

// Answer is a released question, ready to be written down: post-processing of
// tables, free of charge.
type Answer struct {
	Dims      []Dim // in the order asked
	Rows      []Row // row-major over Dims
	Other     *Interval
	HasOther  bool // two or more cells were withheld
	Total     *Interval
	Separate  bool // Total was charged by itself; else it is the sum of what is released
	BaseTotal *Interval
	K, Tau    int64 // K is 0 where the noisy lock stands alone
	Sigma     int64
	RhoNano   int64 // all tables
	DeltaE15  int64
	Withheld  int
	List      ListSource

	Measures  []string // beside users
	Rates     []string
	OtherSums []*Interval
	TotalSums []*Interval
	TotalRate []*Ratio
	Caps      []Cap
	// CellsOfOne is L0: in how many cells one person may be.
	CellsOfOne int
	Overlap    bool                  // one person may be in several cells: there is no total of people
	Lift       *LiftAnswer           // of a lift report
	Campaign   *entrustment.Campaign // of a report on one
	Summed     int                   // cells of a planning cube that the number sums; 0: it is from no cube
}

// Epsilon gives ε at δ′ = 1e-6 of the whole answer, and the total δ.
func (a *Answer) Epsilon() (eps, delta float64) {
	return Epsilon(float64(a.RhoNano)/nano, reportDelta), reportDelta + float64(a.DeltaE15)/e15
}

// Compose turns the tables of a plan into an answer.
func Compose(pl *Plan, tables []*Table) *Answer {
	main := tables[0]
	a := &Answer{Dims: pl.asked, Tau: main.Tau, Sigma: main.Sigma, List: pl.list, Campaign: pl.campaign}
	var base *Table
	for i, t := range tables {
		a.RhoNano += t.RhoNano
		a.DeltaE15 += t.DeltaE15
		if pl.Tables[i].Name == TableIndex {
			base = t
		}
	}
	if pl.Tables[0].Spec.Kind == kindTable {
		a.K = main.K
	}
	if pl.selection != nil {
		a.composeSelection(pl, main)
		return a
	}
	sum := tableSum(main)
	a.Separate = main.Total != nil || main.Cube != nil
	if main.Cube != nil {
		total, _ := whole(main).sum(main)
		a.Total = interval(total, main.Sigma)
	} else if a.Separate {
		a.Total = interval(*main.Total, main.Sigma)
	} else {
		a.Total = interval(sum, main.Sigma)
	}

	if main.Other != nil {
		a.HasOther = true
		a.Other = interval(*main.Other, main.Sigma)
	}
	var baseSum Cell
	if base != nil {
		baseSum = tableSum(base)
		a.BaseTotal = interval(baseSum, base.Sigma)
	}
	a.compose(main, sum)
	a.CellsOfOne = int(pl.Tables[0].Spec.cellsOfOne())
	a.Overlap = a.CellsOfOne > 1
	if a.Overlap {
		// The cells' people together are more than there are, so no total of them is
		// shown and nothing is shared out over it.
		a.Total = nil
		for i, r := range a.present() {
			if r.den == MeasureUsers {
				a.TotalRate[i] = nil
			}
		}
	}
	counted := pl.Tables[0].Spec.counted()
	a.drop(counted, a.OtherSums, nil)
	order := newOrder(pl.asked, pl.Tables[0].Spec.Dims)
	a.Rows = make([]Row, len(main.Cells))
	for i := range a.Rows {
		key, at := order.cell(i)
		row := Row{Key: key, Users: interval(main.Cells[at], main.Sigma)}
		if row.Users == nil {
			a.Withheld++
		}
		if base != nil {
			row.Index = index(main.Cells[at], sum, main.Sigma, base.Cells[at], baseSum, base.Sigma)
		}
		row.Sums, row.Rates = a.amounts(main, main.Cells[at], func(s *Sum) int64 { return s.Cells[at] })
		a.drop(counted, row.Sums, row.Rates)
		a.Rows[i] = row
	}
	if len(tables) > 1 && pl.Tables[1].Name == TableConverters {
		a.composeLift(pl, main, tables[1])
	}
	return a
}

// tableSum is the total that costs nothing: the released cells and, where it is
// released, the other row. It is biased low.
func tableSum(t *Table) Cell {
	var sum Cell
	add := func(c Cell) {
		if c.Released {
			sum.Released = true
			sum.Users += c.Users
			sum.Terms += c.Terms
		}
	}
	for _, c := range t.Cells {
		add(c)
	}
	if t.Other != nil {
		add(*t.Other)
	}
	return sum
}

// interval gives nil for a withheld cell.
func interval(c Cell, sigma int64) *Interval {
	if !c.Released {
		return nil
	}
	half := int64(math.Ceil(z95 * deviation(c, sigma)))
	return &Interval{c.Users, max(0, c.Users-half), c.Users + half}
}

func deviation(c Cell, sigma int64) float64 {
	return float64(sigma) * math.Sqrt(float64(c.Terms))
}

// index compares a cell's share of the audience with its share of the base;
// 100 is equal. The interval is the delta method's on the logarithm. It is nil
// unless all four numbers are released and both shares are away from 0 and 1 by
// two of their own standard deviations (the homogeneity guard of §4.3-10).
func index(c, sum Cell, sigma int64, bc, bsum Cell, bsigma int64) *Ratio {
	if !steady(c, sum, sigma) || !steady(bc, bsum, bsigma) {
		return nil
	}
	v := 100 * (float64(c.Users) / float64(sum.Users)) / (float64(bc.Users) / float64(bsum.Users))
	sd := math.Sqrt(logShareVariance(c, sum, sigma) + logShareVariance(bc, bsum, bsigma))
	return &Ratio{v, v * math.Exp(-z95*sd), v * math.Exp(z95*sd)}
}

func steady(c, sum Cell, sigma int64) bool {
	if !c.Released || !sum.Released {
		return false
	}
	rest := Cell{true, sum.Users - c.Users, max(1, sum.Terms-c.Terms)}
	return float64(c.Users) >= 2*deviation(c, sigma) && float64(rest.Users) >= 2*deviation(rest, sigma)
}

// logShareVariance is the variance of ln(c/sum) where c is a part of sum:
// σ²·(m/c² − 2m/(c·S) + M/S²).
func logShareVariance(c, sum Cell, sigma int64) float64 {
	n, s, m, all := float64(c.Users), float64(sum.Users), float64(c.Terms), float64(sum.Terms)
	return max(0, float64(sigma*sigma)*(m/(n*n)-2*m/(n*s)+all/(s*s)))
}

// order maps cells in the order asked to cells of the canonical table.
type order struct {
	dims   []Dim
	stride []int // of each asked dimension in the canonical table
}

func newOrder(asked, canonical []Dim) order {
	o := order{asked, make([]int, len(asked))}
	stride := 1
	for i := len(canonical) - 1; i >= 0; i-- {
		for j := range asked {
			if asked[j].Name == canonical[i].Name {
				o.stride[j] = stride
			}
		}
		stride *= len(canonical[i].Domain)
	}
	return o
}

func (o order) cell(i int) (key []string, at int) {
	key = make([]string, len(o.dims))
	for j := len(o.dims) - 1; j >= 0; j-- {
		n := len(o.dims[j].Domain)
		code := i % n
		i /= n
		key[j] = o.dims[j].Domain[code]
		at += code * o.stride[j]
	}
	return key, at
}
