package aggregator

import (
	"awase/matcher"
)

// Reach is how much of an index's table a condition leaves people in, as far as
// the question alone tells.
type Reach uint8

// The reaches.
const (
	ReachAll  Reach = iota // every cell, or the question has no index
	ReachPart              // some cells are empty by the condition
	ReachOne               // one cell at most: its share of the audience is 1, and no index can be shown
)

// IndexReach tells what a condition leaves of the cells that an index compares.
// It is a function of the question and of declared domains alone.
func (pl *Plan) IndexReach() Reach {
	s := &pl.Tables[0].Spec
	if !pl.Question.Index || s.Where == nil {
		return ReachAll
	}
	codes := make([]uint8, len(s.Dims))
	possible, cells := 0, s.cells()
	for i := range cells {
		rest := i
		for j := len(s.Dims) - 1; j >= 0; j-- {
			n := len(s.Dims[j].Domain)
			codes[j] = uint8(rest % n)
			rest /= n
		}
		if can, _ := satisfiable(s.Dims, codes, s.Where); can {
			possible++
		}
	}
	switch {
	case possible <= 1 && cells > 1:
		return ReachOne
	case possible < cells:
		return ReachPart
	}
	return ReachAll
}

// satisfiable tells whether a condition can hold, and whether it can fail, for
// somebody in a cell. What it reads beside the dimensions may be either.
func satisfiable(dims []Dim, codes []uint8, w *matcher.Where) (holds, fails bool) {
	switch {
	case w.In != nil:
		if dimOf(dims, w.In) < 0 {
			return true, true
		}
		holds = matches(dims, codes, w)
		return holds, !holds
	case w.List != nil, w.Event != nil, w.Share != nil:
		return true, true
	case w.Not != nil:
		holds, fails = satisfiable(dims, codes, w.Not)
		return fails, holds
	case w.Any != nil:
		fails = true
		for i := range w.Any {
			h, f := satisfiable(dims, codes, &w.Any[i])
			holds, fails = holds || h, fails && f
		}
		return holds, fails
	}
	holds = true
	for i := range w.All {
		h, f := satisfiable(dims, codes, &w.All[i])
		holds, fails = holds && h, fails || f
	}
	return holds, fails
}

// LeastPeople gives the exact lock of the plan's numbers of people; 0 where the
// noisy lock stands alone, in a size and a planning cube.
func (pl *Plan) LeastPeople(p *Policy) int64 {
	if pl.selection != nil || pl.Tables[0].Spec.Kind != kindTable {
		return 0
	}
	return p.K
}
