package aggregator

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"awase/entrustment"
)

func TestParsePolicy(t *testing.T) {
	full := `schema: awase.gate/v1
k: 50
sigma: [5, 10, 20, 50]
delta_thr: 1e-8
caps: {impressions: 30, clicks: 5, conversions: 3, spend: 30000}
budget: {30d: 0.25, 365d: 2.0, delta_30d: 4e-6}
list_floor: 1000
list_versions: 50
tick: 5s
`
	p, err := ParsePolicy("gate.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, DefaultPolicy()) {
		t.Errorf("the document of DESIGN §8 is not the default: %+v", p)
	}
	empty, err := ParsePolicy("gate.yaml", []byte("schema: awase.gate/v1\n"))
	if err != nil || !reflect.DeepEqual(empty, DefaultPolicy()) {
		t.Errorf("absent keys: %+v, %v", empty, err)
	}
}

// TestPolicyLimits: every compiled-in limit holds on both sides.
func TestPolicyLimits(t *testing.T) {
	for line, ok := range map[string]bool{
		"k: 20": true, "k: 19": false, "k: -1": false, "k: 9223372036854775807": false,
		"sigma: [5]": true, "sigma: [4]": false, "sigma: []": false, "sigma: [10, 1]": false, "sigma: [1001]": false,
		"delta_thr: 1e-6": true, "delta_thr: 1.1e-6": false, "delta_thr: 0": false, "delta_thr: -1": false, "delta_thr: .nan": false,
		"budget: {30d: 0.5}": true, "budget: {30d: 0.51}": false, "budget: {365d: 3}": true, "budget: {365d: 3.1}": false,
		"budget: {delta_30d: 1e-5}": true, "budget: {delta_30d: 1.1e-5}": false, "budget: {7d: 1}": false, "budget: {30d: .inf}": false,
		"list_floor: 500": true, "list_floor: 499": false, "list_versions: 1": true, "list_versions: 200": true, "list_versions: 0": false, "list_versions: 201": false, "list_versions: -1": false,
		"tick: 1s": true, "tick: 60s": true, "tick: 61s": false, "tick: 500ms": false, "tick: soon": false,
		"caps: {clicks: 5}": true, "caps: {clicks: 0}": false, "caps: {likes: 5}": false, "caps: {spend: 9223372036854775807}": false,
		"nonsense: 1": false,
	} {
		_, err := ParsePolicy("gate.yaml", []byte("schema: awase.gate/v1\n"+line+"\n"))
		if (err == nil) != ok {
			t.Errorf("%s: %v", line, err)
		}
		if err != nil {
			public := entrustment.Public(err)
			if public.Code == entrustment.CodeInternal || !strings.Contains(public.Field, "gate.yaml") || public.Mend == "" {
				t.Errorf("%s: %v names no place or mend", line, err)
			}
		}
	}
}

// TestPolicyVersion: what a released number depends on is in the version;
// budgets and tick are not, so changing them redraws no noise.
func TestPolicyVersion(t *testing.T) {
	base := DefaultPolicy()
	for name, c := range map[string]struct {
		change func(*Policy)
		other  bool
	}{
		"k":      {func(p *Policy) { p.K = 40 }, true},
		"delta":  {func(p *Policy) { p.DeltaThrE15 = 1 }, true},
		"caps":   {func(p *Policy) { p.Caps["clicks"] = 4 }, false},
		"budget": {func(p *Policy) { p.Rho30Nano = 1 }, false},
		"tick":   {func(p *Policy) { p.Tick = time.Minute }, false},
		"floor":  {func(p *Policy) { p.ListFloor = 500 }, false},
		"rate":   {func(p *Policy) { p.ListVersions = 60 }, false},
	} {
		p := DefaultPolicy()
		c.change(&p)
		if (p.Version() != base.Version()) != c.other {
			t.Errorf("%s: other version %v, want %v", name, !c.other, c.other)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte("schema: awase.gate/v1\nk: 50\n"))
	f.Add([]byte("schema: awase.gate/v1\nbudget: {30d: 1e300}\ntick: 5s\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := ParsePolicy("gate.yaml", doc)
		if err != nil {
			return
		}
		if p.K < minK || p.Sigma[0] < minSigma || p.DeltaThrE15 > maxDeltaThrE15 || p.Rho30Nano > maxRho30Nano || p.Rho365Nano > maxRho365Nano ||
			p.Delta30E15 > maxDelta30E15 || p.ListFloor < minListFloor || p.ListVersions < 1 || p.ListVersions > maxVersions || p.Tick < minTick || p.Tick > maxTick {
			t.Errorf("a policy past the limits: %+v", p)
		}
	})
}
