package aggregator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"awase/entrustment"
)

// PolicyV names the parameters that a released number depends on. It is a hash
// of them, so setting an earlier policy again brings its stored tables back
// instead of drawing new noise. Budgets and the tick are not in it: changing
// them redraws nothing. Caps are in the spec of the tables that they bound.
type PolicyV [32]byte

// String gives the version in hex.
func (v PolicyV) String() string { return hex.EncodeToString(v[:]) }

// MarshalText gives the version in hex.
func (v PolicyV) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the version from hex.
func (v *PolicyV) UnmarshalText(b []byte) error { return unhex(v[:], b) }

// Policy holds the parameters of the gate (PRIVACY §4.2).
type Policy struct {
	K           int64            // exact lock: distinct clusters of a cell
	Sigma       []int64          // noise offered, in clusters; ascending
	DeltaThrE15 int64            // each lock's δ
	Caps        map[string]int64 // most one cluster adds to a sum, by measure
	Rho30Nano   int64            // budgets, each account
	Rho365Nano  int64
	Delta30E15  int64
	ListFloor   int64 // fewest distinct identifiers of a list that is asked about
	// ListVersions is how many new versions the lists of one entrustment may have
	// in 30 days.
	ListVersions int64
	Tick         time.Duration
}

// Limits compiled in: a policy outside them is refused, whoever signs it.
const (
	minK           = 20
	maxK           = 1_000_000
	minSigma       = 5
	maxSigma       = 1000
	maxDeltaThrE15 = e15 / 1_000_000
	maxRho30Nano   = nano / 2
	maxRho365Nano  = 3 * nano
	maxDelta30E15  = e15 / 100_000
	minListFloor   = 500
	maxVersions    = 200
	minTick        = time.Second
	maxTick        = time.Minute
	// MaxCells is the most cells of one table.
	MaxCells = 4096
	// DefaultSigma is the noise of a question that names none, where the policy
	// offers it.
	DefaultSigma = 10
	// SizeSigma is the noise of a size that names none: its price is a 25th of a
	// table's (PRIVACY rule 6).
	SizeSigma = 50
	// globalAlarmNano and globalStopNano are rule 9's limits over all recipients
	// of one owner's data in 30 days.
	globalAlarmNano = 2 * nano
	globalStopNano  = 8 * nano
)

// DefaultPolicy gives the defaults of PRIVACY §4.2.
func DefaultPolicy() Policy {
	return Policy{
		K: 50, Sigma: []int64{5, 10, 20, 50}, DeltaThrE15: e15 / 100_000_000,
		Caps:      map[string]int64{"events": 30, "impressions": 30, "clicks": 5, "conversions": 3, "spend": 30000, "cost": 300},
		Rho30Nano: nano / 4, Rho365Nano: 2 * nano, Delta30E15: 4 * e15 / 1_000_000,
		ListFloor: 1000, ListVersions: 50, Tick: 5 * time.Second,
	}
}

// gateDoc is gate.yaml. Absent keys keep the defaults.
type gateDoc struct {
	Schema    string             `yaml:"schema" json:"schema"`
	K         *int64             `yaml:"k" json:"k,omitempty"`
	Sigma     []int64            `yaml:"sigma" json:"sigma,omitempty"`
	DeltaThr  *float64           `yaml:"delta_thr" json:"delta_thr,omitempty"`
	Caps      map[string]int64   `yaml:"caps" json:"caps,omitempty"`
	Budget    map[string]float64 `yaml:"budget" json:"budget,omitempty"`
	ListFloor *int64             `yaml:"list_floor" json:"list_floor,omitempty"`
	Versions  *int64             `yaml:"list_versions" json:"list_versions,omitempty"`
	Tick      string             `yaml:"tick" json:"tick,omitempty"`
}

// ParsePolicy reads gate.yaml. A value outside the compiled-in limits is an
// *entrustment.Error that names the key and the limit.
func ParsePolicy(file string, data []byte) (Policy, error) {
	doc, err := entrustment.Decode[gateDoc](file, data, "awase.gate/v1")
	if err != nil {
		return Policy{}, err
	}
	p := DefaultPolicy()
	c := &limitChecker{file: file}
	if doc.K != nil {
		p.K = c.between("k", *doc.K, minK, maxK)
	}
	if doc.Sigma != nil {
		p.Sigma = slices.Compact(slices.Sorted(slices.Values(doc.Sigma)))
		if len(p.Sigma) == 0 {
			c.fail("sigma", "at least one value is offered")
		}
		for _, s := range p.Sigma {
			c.between("sigma", s, minSigma, maxSigma)
		}
	}
	if doc.DeltaThr != nil {
		p.DeltaThrE15 = c.scaled("delta_thr", *doc.DeltaThr, e15, 1, maxDeltaThrE15)
	}
	for name, v := range doc.Caps {
		if _, ok := p.Caps[name]; !ok {
			c.fail("caps."+name, "no such cap; there are events, impressions, clicks, conversions, spend, cost")
			continue
		}
		p.Caps[name] = c.between("caps."+name, v, granuleOf(name), maxCapUnits*granuleOf(name))
	}
	for name, v := range doc.Budget {
		switch name {
		case "30d":
			p.Rho30Nano = c.scaled("budget.30d", v, nano, 1, maxRho30Nano)
		case "365d":
			p.Rho365Nano = c.scaled("budget.365d", v, nano, 1, maxRho365Nano)
		case "delta_30d":
			p.Delta30E15 = c.scaled("budget.delta_30d", v, e15, 1, maxDelta30E15)
		default:
			c.fail("budget."+name, "no such budget; there are 30d, 365d, delta_30d")
		}
	}
	if doc.ListFloor != nil {
		p.ListFloor = c.between("list_floor", *doc.ListFloor, minListFloor, math.MaxInt32)
	}
	if doc.Versions != nil {
		p.ListVersions = c.between("list_versions", *doc.Versions, 1, maxVersions)
	}
	if doc.Tick != "" {
		d, err := time.ParseDuration(doc.Tick)
		if err != nil || d < minTick || d > maxTick || d%time.Second != 0 {
			c.fail("tick", "whole seconds from 1s to 60s")
		}
		p.Tick = d
	}
	return p, c.err
}

// limitChecker keeps the first fault of a gate document.
type limitChecker struct {
	file string
	err  error
}

func (c *limitChecker) fail(key, allowed string) {
	if c.err == nil {
		c.err = &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY §4.2", Field: c.file + " (" + key + ")",
			Detail: "the value is outside what the gate allows", Mend: allowed}
	}
}

func (c *limitChecker) between(key string, v, lo, hi int64) int64 {
	if v < lo || v > hi {
		c.fail(key, fmt.Sprintf("write a value from %d to %d", lo, hi))
	}
	return v
}

func (c *limitChecker) scaled(key string, v, unit float64, lo, hi int64) int64 {
	n := math.Round(v * unit)
	if !(n >= float64(lo) && n <= float64(hi)) { // also catches NaN
		c.fail(key, fmt.Sprintf("write a value above 0, at most %g", float64(hi)/unit))
		return lo
	}
	return int64(n)
}

// Version gives the policy's PolicyV.
func (p Policy) Version() PolicyV {
	raw, err := json.Marshal(struct {
		K, DeltaThrE15 int64
	}{p.K, p.DeltaThrE15})
	if err != nil {
		return PolicyV{} // integers and strings always encode
	}
	return sha256.Sum256(append([]byte("awase.gate/v1\n"), raw...))
}

// Tau gives the noisy lock of a single count: k + t(σ).
func (p Policy) Tau(sigma int64) int64 {
	return p.K + tailBound(float64(sigma)*float64(sigma), p.DeltaThrE15)
}

// tau gives the noisy lock of a cell of a spec: k + min{t : P[N_Z(0, L0·σ²) ≥ t]
// ≤ δ/L0} (PRIVACY §4.2). Of a delivery k is its least size (rule 12).
func (p *Policy) tau(s *Spec) int64 {
	least := p.K
	if s.Kind == kindDelivery {
		least = max(least, entrustment.LeastAudience)
	}
	return least + tailBound(float64(s.Variance()), max(1, p.DeltaThrE15/s.cellsOfOne()))
}

// sigma gives the noise of a question.
func (p *Policy) sigma(asked int) (int64, error) {
	s := int64(asked)
	if asked == 0 {
		s = DefaultSigma
		if !slices.Contains(p.Sigma, s) {
			s = p.Sigma[0]
		}
	}
	if !slices.Contains(p.Sigma, s) {
		return 0, &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY §4.2", Field: "sigma",
			Detail: "this precision is not offered", Mend: fmt.Sprintf("choose one of %v", p.Sigma)}
	}
	return s, nil
}

func unhex(dst, src []byte) error {
	if len(src) != 2*len(dst) {
		return fmt.Errorf("want %d hex digits", 2*len(dst))
	}
	_, err := hex.Decode(dst, src)
	return err
}
