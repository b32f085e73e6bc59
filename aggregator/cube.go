package aggregator

import (
	"math"

	"awase/entrustment"
	"awase/matcher"
)

// A planning cube is one charged table whose noisy cells are all kept and whose
// exact counts are not (PRIVACY rule 7). Sizes of audiences over its dimensions
// are sums of kept cells: they cost nothing, however many are asked.

// selection is a set of cells of a cube that answers a size.
type selection struct {
	cells []int
}

// Selects gives the plan that answers pl, a size, from a cube's plan; ok is
// false where the cube can't: it is of other people, or the condition reads
// something that is no dimension of it.
func (pl *Plan) Selects(cube *Plan) (from *Plan, ok bool) {
	asked, of := &pl.Tables[0].Spec, &cube.Tables[0].Spec
	if asked.Kind != kindSize || of.Kind != kindCube || asked.Population != of.Population || asked.List != of.List || !asked.Eligible.Equal(&of.Eligible) {
		return nil, false
	}
	if asked.Where != nil && !answers(of.Dims, asked.Where) {
		return nil, false
	}
	s := &selection{}
	codes := make([]uint8, len(of.Dims))
	for i := range of.cells() {
		rest := i
		for j := len(of.Dims) - 1; j >= 0; j-- {
			n := len(of.Dims[j].Domain)
			codes[j] = uint8(rest % n)
			rest /= n
		}
		if asked.Where == nil || matches(of.Dims, codes, asked.Where) {
			s.cells = append(s.cells, i)
		}
	}
	q := pl.Question
	q.Sigma = cube.Question.Sigma
	return &Plan{Question: q, Recipient: pl.Recipient, Tables: cube.Tables, list: pl.list, columns: pl.columns, where: pl.where, selection: s}, true
}

// answers tells whether a condition reads dimensions alone.
func answers(dims []Dim, w *matcher.Where) bool {
	switch {
	case w.In != nil:
		return dimOf(dims, w.In) >= 0
	case w.Not != nil:
		return answers(dims, w.Not)
	case w.List != nil, w.Event != nil, w.Share != nil:
		return false
	}
	for _, part := range [][]matcher.Where{w.All, w.Any} {
		for i := range part {
			if !answers(dims, &part[i]) {
				return false
			}
		}
	}
	return true
}

func dimOf(dims []Dim, in *matcher.InCodes) int {
	for i := range dims {
		if dims[i].Source == in.Source && dims[i].Name == in.Column {
			return i
		}
	}
	return -1
}

// matches evaluates a condition that answers allowed on one cell.
func matches(dims []Dim, codes []uint8, w *matcher.Where) bool {
	switch {
	case w.In != nil:
		code := codes[dimOf(dims, w.In)]
		for _, c := range w.In.Codes {
			if c == code {
				return true
			}
		}
		return false
	case w.Not != nil:
		return !matches(dims, codes, w.Not)
	case w.Any != nil:
		for i := range w.Any {
			if matches(dims, codes, &w.Any[i]) {
				return true
			}
		}
		return false
	}
	for i := range w.All {
		if !matches(dims, codes, &w.All[i]) {
			return false
		}
	}
	return true
}

// Selection tells whether the plan is answered from a cube.
func (pl *Plan) Selection() bool { return pl.selection != nil }

// Noise gives the variance of the noise on a number of people of the plan's
// main table, and the noisy lock that it is held against.
func (pl *Plan) Noise(p *Policy) (variance, tau int64) {
	s := &pl.Tables[0].Spec
	if pl.selection == nil {
		return s.Variance(), p.tau(s)
	}
	variance = s.Variance() * int64(len(pl.selection.cells))
	return variance, selectionTau(p.K, variance, p.DeltaThrE15)
}

// selectionTau is k + t(σ√m).
func selectionTau(k, variance, deltaE15 int64) int64 {
	if variance == 0 {
		return k // of no cell: the sum is 0 and below it
	}
	return k + tailBound(float64(variance), deltaE15)
}

// sum answers a selection from a stored cube: the noisy cells' sum, shown iff it
// reaches the noisy lock. The exact lock takes no part, for the noise is known
// by now: it would be an oracle (docs/proofs/cube.md).
func (s *selection) sum(t *Table) (c Cell, tau int64) {
	var n int64
	for _, i := range s.cells {
		n += t.Cube[i]
	}
	m := int64(len(s.cells))
	tau = selectionTau(t.K, t.Sigma*t.Sigma*m, t.LockE15)
	if n < tau {
		return Cell{}, tau
	}
	return Cell{Released: true, Users: n, Terms: int(m)}, tau
}

// Holds tells whether the plan's tables are all stored and paid for by its
// accounts: asking it costs nothing.
func (g *Gate) Holds(pl *Plan) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	version := g.policy.Version()
	for _, t := range pl.Tables {
		if g.tables[tableKey{t.ID, version}] == nil || len(g.ledger.unpaid(t.ID, version, pl.accounts(&t))) > 0 {
			return false
		}
	}
	return true
}

// cube checks what goes with a planning cube.
func (c *compiler) cube() error {
	switch {
	case len(c.q.Dims) == 0:
		return specError("dims", "a planning cube needs dimensions", "name those that sizes will be asked over")
	case c.q.Where != nil:
		return specError("where", "a planning cube has no condition", "leave it out; ask for a size with a condition, which then costs nothing")
	case c.q.Total, c.q.Index:
		return specError("total", "a planning cube has its total already, and no index", "leave total and index out")
	}
	return nil
}

// whole is the selection of every cell.
func whole(t *Table) *selection {
	s := &selection{cells: make([]int, len(t.Cube))}
	for i := range s.cells {
		s.cells[i] = i
	}
	return s
}

// composeSelection writes the answer of a selection.
func (a *Answer) composeSelection(pl *Plan, t *Table) {
	c, tau := pl.selection.sum(t)
	a.Tau, a.Summed = tau, len(pl.selection.cells)
	row := Row{Users: interval(c, t.Sigma)}
	a.Total = row.Users
	if row.Users == nil {
		a.Withheld = 1
	}
	a.Rows = []Row{row}
}

// best gives the more precise of two plans that answer the same size.
func best(a, b *Plan) *Plan {
	spread := func(p *Plan) float64 {
		return float64(p.Tables[0].Spec.Sigma) * math.Sqrt(float64(len(p.selection.cells)))
	}
	if a == nil || spread(b) < spread(a) {
		return b
	}
	return a
}

// FromCubes gives the plan that answers a size from the most precise of the
// cubes, or pl itself where none can, or where it asks for a precision of its own.
func (pl *Plan) FromCubes(asked *entrustment.Question, cubes []*Plan) *Plan {
	if asked.Report != entrustment.ReportSize || asked.Sigma != 0 {
		return pl
	}
	var from *Plan
	for _, cube := range cubes {
		if s, ok := pl.Selects(cube); ok {
			from = best(from, s)
		}
	}
	if from == nil {
		return pl
	}
	return from
}
