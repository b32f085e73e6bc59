package render

import (
	"slices"
	"strconv"

	"awase/enclave/wire"
)

var measureNames = map[string]text{
	"events":      {"行動数", "events"},
	"impressions": {"表示回数", "impressions"},
	"clicks":      {"クリック数", "clicks"},
	"conversions": {"成果数", "conversions"},
	"spend":       {"購入額（円）", "spend (yen)"},

	"events_per_user":   {"一人あたり行動数", "events per user"},
	"average_frequency": {"平均表示回数", "average frequency"},
	"click_rate":        {"クリック率", "click rate"},
	"conversion_rate":   {"成果率", "conversion rate"},
	"spend_per_user":    {"一人あたり購入額", "spend per user"},
}

// measureLabel gives the name of a measure or rate in words.
func measureLabel(name string) text {
	if t, ok := measureNames[name]; ok {
		return t
	}
	return text{name, name}
}

// amounts writes the measures and rates of the cells shown, in tables of their
// own of as many columns as there is room for. What is not there is left empty.
func (s *screen) amounts(r *wire.Release, cells []wire.Cell) {
	perTable := 3
	if s.o.width() < 100 {
		perTable = 2
	}
	for group := range slices.Chunk(slices.Concat(r.Measures, r.Rates), perTable) {
		g := &grid{}
		for _, d := range r.Dims {
			g.head(in(bold, plain(dimLabel(d.Name).short(s.o.Lang))), false)
		}
		if len(r.Dims) == 0 {
			g.head(in(bold, text{"区分", "cell"}.short(s.o.Lang)), false)
		}
		for _, name := range group {
			g.head(in(bold, measureLabel(name).short(s.o.Lang)), true)
		}
		for i := range cells {
			if cells[i].Status != wire.Released {
				continue
			}
			row := s.row(r, &cells[i], false)[:max(1, len(r.Dims))]
			for _, name := range group {
				row = append(row, amountOf(name, &cells[i].Amounts))
			}
			g.add(row...)
		}
		if len(g.rows) > 0 {
			s.grid(g)
		}
	}
}

func amountOf(name string, a *wire.Amounts) line {
	if n := a.Sums[name]; n != nil {
		return of(thousands(n.Value) + " ").and(span{interval(n), dim})
	}
	if x := a.Rates[name]; x != nil {
		return of(rate(name, x.Value) + " ").and(span{rate(name, x.Low) + "–" + rate(name, x.High), dim})
	}
	return line{}
}

// rate writes a share as a percentage and an average as a number.
func rate(name string, v float64) string {
	switch name {
	case "click_rate", "conversion_rate":
		return strconv.FormatFloat(100*v, 'f', 2, 64) + "%"
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
