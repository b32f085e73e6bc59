package aggregator

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// gateYAML writes settings as a gate.yaml, as awase gate show does.
func gateYAML(settings []Setting) string {
	var b strings.Builder
	b.WriteString("schema: awase.gate/v1\n")
	group := ""
	for _, s := range settings {
		before, after, nested := strings.Cut(s.Key, ".")
		if !nested {
			b.WriteString(s.Key + ": " + s.Value + "\n")
			continue
		}
		if before != group {
			group = before
			b.WriteString(group + ":\n")
		}
		b.WriteString("  " + after + ": " + s.Value + "\n")
	}
	return b.String()
}

// What Settings writes reads back as the same policy, whatever it is.
func TestSettingsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := DefaultPolicy()
		n := func(name string, lo, hi int64) int64 { return rapid.Int64Range(lo, hi).Draw(t, name) }
		p.K, p.ListFloor, p.ListVersions = n("k", minK, maxK), n("floor", minListFloor, 1<<31-1), n("versions", 1, maxVersions)
		p.DeltaThrE15, p.Delta30E15 = n("delta", 1, maxDeltaThrE15), n("delta 30", 1, maxDelta30E15)
		p.Rho30Nano, p.Rho365Nano = n("30", 1, maxRho30Nano), n("365", 1, maxRho365Nano)
		p.Tick = time.Duration(n("tick", 1, 60)) * time.Second
		p.Sigma = []int64{n("sigma", minSigma, 99), n("sigma", 100, maxSigma)}
		for name := range p.Caps {
			p.Caps[name] = n(name, granuleOf(name), maxCapUnits*granuleOf(name))
		}
		again, err := ParsePolicy("gate.yaml", []byte(gateYAML(p.Settings())))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range again.Settings() {
			if s != p.Settings()[i] {
				t.Errorf("%s: %s read back as %s", s.Key, p.Settings()[i].Value, s.Value)
			}
		}
		if again.Version() != p.Version() || again.Rho30Nano != p.Rho30Nano || again.Delta30E15 != p.Delta30E15 {
			t.Errorf("%+v read back as %+v", p, again)
		}
	})
}

// The defaults are written as docs/documents.md writes them.
func TestSettingsAreSpelledPlainly(t *testing.T) {
	const want = `schema: awase.gate/v1
k: 50
sigma: [5, 10, 20, 50]
delta_thr: 1e-8
caps:
  events: 30
  impressions: 30
  clicks: 5
  conversions: 3
  spend: 30000
  cost: 300
budget:
  30d: 0.25
  365d: 2
  delta_30d: 4e-6
list_floor: 1000
list_versions: 50
tick: 5s
`
	if got := gateYAML(DefaultPolicy().Settings()); got != want {
		t.Error(got)
	}
}
