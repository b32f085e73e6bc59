package render

import (
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

// amounts gives the measures and rates of a row; what is not there is left
// empty. Intervals are in the file.
func amounts(r *wire.Release, a *wire.Amounts) []line {
	var out []line
	for _, name := range r.Measures {
		l := line{}
		if n := a.Sums[name]; n != nil {
			l = of(thousands(n.Value))
		}
		out = append(out, l)
	}
	for _, name := range r.Rates {
		l := line{}
		if x := a.Rates[name]; x != nil {
			l = of(rate(name, x.Value))
		}
		out = append(out, l)
	}
	return out
}

// rate writes a share as a percentage and an average as a number.
func rate(name string, v float64) string {
	switch name {
	case "click_rate", "conversion_rate":
		return strconv.FormatFloat(100*v, 'f', 2, 64) + "%"
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
