package aggregator

import (
	"strconv"
	"strings"
	"time"
)

// Setting is a parameter of a policy as gate.yaml writes it.
type Setting struct {
	Key   string // caps.clicks
	Value string
}

// Settings gives all parameters, in the order of gate.yaml. A gate.yaml of them
// parses to the same policy.
func (p Policy) Settings() []Setting {
	whole := func(n int64) string { return strconv.FormatInt(n, 10) }
	sigmas := make([]string, len(p.Sigma))
	for i, s := range p.Sigma {
		sigmas[i] = whole(s)
	}
	out := []Setting{{"k", whole(p.K)}, {"sigma", "[" + strings.Join(sigmas, ", ") + "]"}, {"delta_thr", scaledText(p.DeltaThrE15, e15)}}
	for _, name := range measureNames() {
		out = append(out, Setting{"caps." + name, whole(p.Caps[name])})
	}
	return append(out,
		Setting{"budget.30d", scaledText(p.Rho30Nano, nano)}, Setting{"budget.365d", scaledText(p.Rho365Nano, nano)}, Setting{"budget.delta_30d", scaledText(p.Delta30E15, e15)},
		Setting{"list_floor", whole(p.ListFloor)}, Setting{"list_versions", whole(p.ListVersions)}, Setting{"tick", whole(int64(p.Tick/time.Second)) + "s"})
}

// scaledText writes n units as the shortest decimal that reads back as n: 0.25,
// 1e-8.
func scaledText(n int64, unit float64) string {
	x := float64(n) / unit
	if x >= 1e-4 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strings.Replace(strconv.FormatFloat(x, 'e', -1, 64), "e-0", "e-", 1)
}
