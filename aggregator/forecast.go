package aggregator

import (
	"math"
	"slices"

	"awase/entrustment"
	"awase/matcher"
)

// Forecast says how much of an answer is likely to be withheld. It is made of
// public shares and of a number that the asker states or knows, before anything
// is charged or counted (PRIVACY rules 6, 11).
type Forecast struct {
	People   int64   // expected to be counted
	Cells    int     // of the table
	Withheld float64 // expected number of cells withheld
	// Missing names the attributes of the base that the question reads and no share
	// is declared of; then there is no forecast.
	Missing []string
	// Unknown names what else it reads that no share can be declared of: the
	// Unknown constants, or a dimension that is no attribute of the base.
	Unknown []string
}

// What keeps a forecast from being made beside attributes without shares.
const (
	UnknownList         = "list in the condition"
	UnknownEvents       = "events in the condition"
	UnknownCombinations = "combinations of values"
	UnknownReached      = "who is reached"
)

// lacks notes what keeps a forecast from being made, once.
func (f *Forecast) lacks(source matcher.DimSource, name string) {
	to := &f.Unknown
	if source == matcher.BaseColumn {
		to = &f.Missing
	}
	if !slices.Contains(*to, name) {
		*to = append(*to, name)
	}
}

// notAColumn marks what is lacking and no column at all.
const notAColumn = matcher.MatchedBy

// Shares are the public shares of attributes: by name, of each value.
type Shares map[string]map[string]float64

// maxForecast bounds the combinations of values that a forecast looks at.
const maxForecast = 1 << 20

// Forecast gives what is likely to be withheld if people are counted by the
// answer, or, where people is 0, if everybody of a list of all people matches
// and the condition keeps the share of them that it keeps of the public.
// Attributes are taken as independent of one another.
func (pl *Plan) Forecast(people, all int64, shares Shares, p *Policy) Forecast {
	s := &pl.Tables[0].Spec
	dims, cells := s.Dims, s.cells()
	if s.Kind == kindSize || pl.selection != nil {
		dims, cells = nil, 1
	}
	f := Forecast{People: people, Cells: cells}
	w := &weights{shares: shares, columns: pl.columns}
	for _, d := range dims {
		w.add(d, &f)
	}
	if pl.where != nil {
		w.condition(pl.where, &f, people > 0)
	}
	if w.combinations > maxForecast {
		f.lacks(notAColumn, UnknownCombinations)
	}
	if pl.Question.Report == entrustment.ReportDelivery && people <= 0 {
		f.lacks(notAColumn, UnknownReached)
	}
	if len(f.Missing)+len(f.Unknown) > 0 {
		return f
	}
	of := w.joint(len(dims), cells, pl.where)
	var sum float64
	for _, v := range of {
		sum += v
	}
	scale := float64(all)
	if people > 0 && sum > 0 {
		scale = float64(people) / sum
	}
	f.People = int64(math.Round(scale * sum))
	variance, tau := pl.Noise(p)
	for _, v := range of {
		f.Withheld += 1 - shown(scale*v, float64(p.K), float64(tau), math.Sqrt(float64(variance)), s.Kind == kindTable)
	}
	return f
}

// shown is the chance that a cell of n people is released: the noisy lock, and
// for a table the exact one.
func shown(n, k, tau, sd float64, exact bool) float64 {
	if exact && n < k || sd == 0 {
		return 0
	}
	return math.Erfc((tau-0.5-n)/(sd*math.Sqrt2)) / 2
}

// weights are the columns that a forecast goes over: the dimensions first, then
// what the condition reads beside them.
type weights struct {
	shares       Shares
	columns      []matcher.Column
	dims         []Dim
	parts        [][]float64
	combinations int
	blind        bool // the condition reads something else: it is left out
}

func (w *weights) add(d Dim, f *Forecast) {
	part, ok := w.of(d)
	if !ok {
		f.lacks(d.Source, d.Name)
		return
	}
	if w.combinations == 0 {
		w.combinations = 1
	}
	if w.combinations <= maxForecast {
		w.combinations *= len(part)
	}
	w.dims, w.parts = append(w.dims, d), append(w.parts, part)
}

// of gives the shares of a column's values in the order of its domain. What is
// declared may add up to less than 1; the rest is spread over the others. Who is held
// out is known by the campaign.
func (w *weights) of(d Dim) ([]float64, bool) {
	if d.Source == matcher.Assigned {
		held := float64(d.Share.To-d.Share.From) / matcher.Shares
		return []float64{1 - held, held}, true
	}
	declared, ok := w.shares[d.Name]
	if !ok || d.Source != matcher.BaseColumn {
		return nil, false
	}
	out := make([]float64, len(d.Domain))
	rest, others := 1.0, 0
	for i, v := range d.Domain {
		if share, ok := declared[v]; ok {
			out[i] = share
			rest -= share
		} else {
			others++
		}
	}
	for i, v := range d.Domain {
		if _, ok := declared[v]; !ok {
			out[i] = max(0, rest) / float64(others)
		}
	}
	return out, true
}

// condition adds the columns that a condition reads. Where the asker states how
// many are counted, a condition that can't be forecast is left out.
func (w *weights) condition(c *matcher.Where, f *Forecast, stated bool) {
	var missing Forecast
	var columns []*matcher.InCodes
	var walk func(*matcher.Where)
	walk = func(c *matcher.Where) {
		switch {
		case c.In != nil:
			columns = append(columns, c.In)
		case c.Not != nil:
			walk(c.Not)
		case c.List != nil:
			missing.lacks(notAColumn, UnknownList)
		case c.Event != nil:
			missing.lacks(notAColumn, UnknownEvents)
		}
		for _, part := range [][]matcher.Where{c.All, c.Any} {
			for i := range part {
				walk(&part[i])
			}
		}
	}
	walk(c)
	for _, in := range columns {
		if dimOf(w.dims, in) >= 0 {
			continue
		}
		at := slices.IndexFunc(w.columns, func(c matcher.Column) bool { return c.Name == in.Column })
		if _, ok := w.shares[in.Column]; !ok || at < 0 || in.Source != matcher.BaseColumn {
			missing.lacks(in.Source, in.Column)
			continue
		}
		w.add(Dim{Source: in.Source, Name: in.Column, Domain: w.columns[at].Domain}, f)
	}
	if len(missing.Missing)+len(missing.Unknown) == 0 {
		return
	}
	w.blind = true
	if stated {
		return
	}
	for _, name := range missing.Missing {
		f.lacks(matcher.BaseColumn, name)
	}
	for _, name := range missing.Unknown {
		f.lacks(notAColumn, name)
	}
}

// joint gives the share of each cell of the first n columns among all people,
// those whom the condition leaves out left out.
func (w *weights) joint(n, cells int, where *matcher.Where) []float64 {
	out := make([]float64, cells)
	codes := make([]uint8, len(w.dims))
	for i := range max(1, w.combinations) {
		rest, share := i, 1.0
		for j := len(w.dims) - 1; j >= 0; j-- {
			codes[j] = uint8(rest % len(w.parts[j]))
			rest /= len(w.parts[j])
			share *= w.parts[j][codes[j]]
		}
		if where != nil && !w.blind && !matches(w.dims, codes, where) {
			continue
		}
		cell := 0
		for j := range n {
			cell = cell*len(w.parts[j]) + int(codes[j])
		}
		out[cell] += share
	}
	return out
}
