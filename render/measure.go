package render

import (
	"fmt"
	"math"
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
	"credits":     {"貢献した成果数", "credited conversions"},
	"cost":        {"広告費（円）", "cost (yen)"},
	"converters":  {"成果のあった人数", "converters"},

	"events_per_user":   {"一人あたり行動数", "events per user"},
	"average_frequency": {"平均接触回数", "average frequency"},
	"click_rate":        {"クリック率", "click rate"},
	"conversion_rate":   {"成果率", "conversion rate"},
	"spend_per_user":    {"一人あたり購入額（円）", "spend per user (yen)"},
	"cost_per_click":    {"クリック単価（円）", "cost per click (yen)"},
	"cost_per_result":   {"成果単価（円）", "cost per result (yen)"},
}

// measureLabel gives the name of a measure or rate in words.
func measureLabel(name string) text {
	if t, ok := measureNames[name]; ok {
		return t
	}
	return text{name, name}
}

// inThousandths tells whether a measure is in thousandths, shown with three decimals.
func inThousandths(name string) bool { return name == "credits" }

// amount writes a number of a measure.
func amount(name string, n int64) string {
	if inThousandths(name) {
		return fmt.Sprintf("%s.%03d", thousands(n/1000), n%1000) // none is below 0
	}
	return thousands(n)
}

// amountInterval is interval of a measure.
func amountInterval(name string, n *wire.Number) string {
	return spread(n, func(v int64) string { return amount(name, v) })
}

// amounts writes the measures and rates of the cells shown, in tables of their
// own of as many columns as there is room for. One that no cell carries (the
// total may) has no column; what is not there is left empty.
func (s *screen) amounts(r *wire.Release, cells []wire.Cell) {
	names := slices.DeleteFunc(slices.Concat(r.Measures, r.Rates), func(name string) bool {
		return !slices.ContainsFunc(cells, func(c wire.Cell) bool { return c.Sums[name] != nil || c.Rates[name] != nil })
	})
	for len(names) > 0 {
		g, n := s.amountsOf(r, cells, names[:1]), 1
		for n < len(names) {
			wider := s.amountsOf(r, cells, names[:n+1])
			if wider.outer() > s.o.width() {
				break
			}
			g, n = wider, n+1
		}
		s.grid(g)
		names = names[n:]
	}
}

func (s *screen) amountsOf(r *wire.Release, cells []wire.Cell, names []string) *grid {
	g := &grid{}
	s.keyHeads(g, r)
	for _, name := range names {
		s.head(g, measureLabel(name), true)
	}
	for i := range cells {
		if cells[i].Status != wire.Released {
			continue
		}
		row := s.row(r, &cells[i], false)[:max(1, len(r.Dims))]
		for _, name := range names {
			row = append(row, amountOf(name, &cells[i].Amounts))
		}
		g.add(row...)
	}
	return g
}

func amountOf(name string, a *wire.Amounts) line {
	if n := a.Sums[name]; n != nil {
		return of(amount(name, n.Value) + " ").and(span{amountInterval(name, n), dim})
	}
	if x := a.Rates[name]; x != nil {
		return of(rate(name, x.Value) + " ").and(span{rate(name, x.Low) + "–" + rate(name, x.High), dim})
	}
	return line{}
}

// rateKind says how a rate is written.
type rateKind uint8

const (
	average rateKind = iota // with two places
	share                   // as a percentage
	money                   // in whole yen
)

func kindOf(name string) rateKind {
	switch name {
	case "click_rate", "conversion_rate":
		return share
	case "spend_per_user", "cost_per_click", "cost_per_result":
		return money
	}
	return average
}

// rate writes a share as a percentage, money in whole yen, and an average as a
// number.
func rate(name string, v float64) string {
	switch kindOf(name) {
	case share:
		return strconv.FormatFloat(100*v, 'f', 2, 64) + "%"
	case money:
		return thousands(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
