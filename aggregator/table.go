package aggregator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Digest is a keyed hash of exact cells.
type Digest [32]byte

// MarshalText gives the digest in hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads the digest from hex.
func (d *Digest) UnmarshalText(b []byte) error { return unhex(d[:], b) }

// Table is what passed the gate. Only this package fills one; it holds no
// value of a withheld cell, exact or noisy.
type Table struct {
	Spec     SpecID    `json:"spec"`
	Policy   PolicyV   `json:"policy"`
	K        int64     `json:"k"`
	Tau      int64     `json:"tau"`
	Sigma    int64     `json:"sigma"`
	RhoNano  int64     `json:"rho_nano"`
	DeltaE15 int64     `json:"delta_e15"`
	Cells    []Cell    `json:"cells"` // row-major over the spec's sorted dimensions
	Other    *Cell     `json:"other,omitempty"`
	Total    *Cell     `json:"total,omitempty"` // the separately charged one
	Digest   Digest    `json:"digest"`
	At       time.Time `json:"-"` // of its record
}

// Cell is one number of a Table. The zero Cell is withheld.
type Cell struct {
	Released bool  `json:"r,omitempty"`
	Users    int64 `json:"n,omitempty"` // noisy, at least 0
	Terms    int   `json:"m,omitempty"` // cells summed: its variance is Terms·σ²
}

// noiseFunc draws one noise number; lockFunc applies the two locks. They are
// variables of a Gate so that a test can take a control away and see the
// attack succeed (PRIVACY rule 15).
type (
	noiseFunc func(sigma int64, src source) (int64, error)
	lockFunc  func(exact, noisy, k, tau int64) bool
)

// keyedNoise draws from N_Z(0, σ²).
func keyedNoise(sigma int64, src source) (int64, error) {
	return sampler{src}.gaussian(uint64(sigma * sigma))
}

// bothLocks releases a cell iff it holds at least k and shows at least tau
// (PRIVACY §4.3-8). For n > k both neighbours pass the first lock and the
// second is post-processing; at n = k the first costs P[z ≥ τ−k] ≤ δ.
func bothLocks(exact, noisy, k, tau int64) bool { return exact >= k && noisy >= tau }

// noiseStream gives the ChaCha8 stream of one number, keyed by what it answers
// and nothing else: not by the data, and not by who asks.
func noiseStream(key *[32]byte, id SpecID, policy PolicyV, measure string, cell int) source {
	mac := hmac.New(sha256.New, key[:])
	var e encoder
	e.text("awase noise v1")
	e.bytes(id[:])
	e.bytes(policy[:])
	e.text(measure)
	e.number(int64(cell))
	mac.Write(e)
	var seed [32]byte
	mac.Sum(seed[:0])
	return rand.NewChaCha8(seed)
}

// totalMeasure names the stream of the separate total.
const (
	usersMeasure = "users"
	totalMeasure = "users total"
)

// lockCells noises and locks exact counts. It runs over every declared cell,
// whatever the data.
func (g *Gate) lockCells(exact []int64, s *Spec, p *Policy, stream func(measure string, cell int) source) (*Table, error) {
	t := &Table{K: p.K, Tau: p.Tau(s.Sigma), Sigma: s.Sigma, Cells: make([]Cell, len(exact))}
	t.RhoNano, t.DeltaE15 = s.price(p)
	var all, union, noisyOther int64
	var withheld int
	for i, n := range exact {
		if n < 0 || n > math.MaxUint32 {
			return nil, fmt.Errorf("counting the cells: a count outside [0, 2^32)")
		}
		z, err := g.noise(s.Sigma, stream(usersMeasure, i))
		if err != nil {
			return nil, err
		}
		noisy := n + z
		all += n
		if g.locks(n, noisy, t.K, t.Tau) {
			t.Cells[i] = Cell{true, max(0, noisy), 1}
			continue
		}
		withheld++
		union += n
		noisyOther += noisy
	}
	// Cells are disjoint (every dimension partitions the clusters), so the sum
	// of the withheld cells' exact counts is their union, and L0 = 1 (rule 8).
	if withheld >= 2 {
		other := Cell{}
		tau := t.K + tailBound(float64(s.Sigma*s.Sigma)*float64(withheld), p.DeltaThrE15)
		if g.locks(union, noisyOther, t.K, tau) {
			other = Cell{true, max(0, noisyOther), withheld}
		}
		t.Other = &other
	}
	if s.WithTotal {
		z, err := g.noise(s.Sigma, stream(totalMeasure, 0))
		if err != nil {
			return nil, err
		}
		total := Cell{}
		if noisy := all + z; noisy >= t.Tau { // the noisy lock alone: δ = 0
			total = Cell{true, max(0, noisy), 1}
		}
		t.Total = &total
	}
	return t, nil
}
