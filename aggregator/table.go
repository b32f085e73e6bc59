package aggregator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"awase/matcher"
)

// Digest is a keyed hash of exact cells.
type Digest [32]byte

// MarshalText gives the digest in hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads the digest from hex.
func (d *Digest) UnmarshalText(b []byte) error { return unhex(d[:], b) }

// Table is what passed the gate. Only this package fills one; it holds no exact
// value, and no noisy one of a withheld cell but in a planning cube, which
// stays inside.
type Table struct {
	Spec     SpecID    `json:"spec"`
	Policy   PolicyV   `json:"policy"`
	K        int64     `json:"k"`
	Tau      int64     `json:"tau"`
	Sigma    int64     `json:"sigma"`
	RhoNano  int64     `json:"rho_nano"`
	DeltaE15 int64     `json:"delta_e15"`
	Cells    []Cell    `json:"cells"`          // row-major over the spec's sorted dimensions
	Sums     []Sum     `json:"sums,omitempty"` // of the spec's measures, in their order
	Other    *Cell     `json:"other,omitempty"`
	Total    *Cell     `json:"total,omitempty"`    // the separately charged one
	Cube     []int64   `json:"cube,omitempty"`     // of a planning cube: every cell, noisy; never shown cell by cell
	LockE15  int64     `json:"lock_e15,omitempty"` // of a planning cube: δ of the rule by which sums are shown
	Digest   Digest    `json:"digest"`
	At       time.Time `json:"-"` // of its record

	begun   time.Time // when counting was asked for; zero after a restart
	counted time.Time // when that ended; likewise
}

// Sum is one measure of a Table beside users. Amounts are in granules, noisy, at
// least 0, and 0 where the cell is withheld. The standard deviation of one is
// Sigma·Cap·√Terms of its cell; where Cap is of the Across cells together that somebody
// may be in, it is Sigma·Cap·√(Terms/Across).
type Sum struct {
	Name    string  `json:"name"`
	Cap     int64   `json:"cap"`
	Granule int64   `json:"granule"`
	Across  int64   `json:"across,omitempty"`
	Cells   []int64 `json:"cells"`
	Other   int64   `json:"other,omitempty"`
	Total   int64   `json:"total,omitempty"`
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
	noiseFunc func(variance int64, src source) (int64, error)
	lockFunc  func(exact, noisy, k, tau int64) bool
)

// keyedNoise draws from N_Z(0, variance).
func keyedNoise(variance int64, src source) (int64, error) {
	return sampler{src}.gaussian(uint64(variance))
}

// bothLocks releases a cell iff it holds at least k and shows at least tau
// (PRIVACY §4.3-8). For n > k both neighbours pass the first lock and the
// second is post-processing; at n = k the first costs P[z ≥ τ−k] ≤ δ.
func bothLocks(exact, noisy, k, tau int64) bool { return exact >= k && noisy >= tau }

// A streamFunc gives the streams of a measure's cells. A stream ends with the
// next call.
type streamFunc func(measure string) func(cell int) source

// noiseStreams gives ChaCha8 streams, each keyed by what its number answers and
// nothing else: not by the data, and not by who asks. A measure's key is
// HMAC-SHA256 under the noise key, a cell's seed HMAC-SHA256 under the
// measure's.
func noiseStreams(key *[32]byte, id SpecID, policy PolicyV) streamFunc {
	return func(measure string) func(cell int) source {
		var e encoder
		e.text("awase noise v1")
		e.bytes(id[:])
		e.bytes(policy[:])
		e.text(measure)
		mac := hmac.New(sha256.New, key[:])
		mac.Write(e)
		cells := hmac.New(sha256.New, mac.Sum(nil))
		stream := new(rand.ChaCha8)
		return func(cell int) source {
			var number [8]byte
			var seed [32]byte
			binary.BigEndian.PutUint64(number[:], uint64(cell))
			cells.Reset()
			cells.Write(number[:])
			cells.Sum(seed[:0])
			stream.Seed(seed)
			return stream
		}
	}
}

// totalMeasure names the stream of the separate total.
const (
	usersMeasure = "users"
	totalMeasure = "users total"
)

// errTotal: a total over cells that overlap would move by L0, not by √L0, when
// one person leaves. Compile refuses it; so does the gate.
var errTotal = errors.New("aggregator: a total of cells that one person may be in several of")

// lockCells noises and locks exact counts and sums. It runs over every declared
// cell and every measure, whatever the data.
func (g *Gate) lockCells(exact matcher.Exact, s *Spec, p *Policy, streams streamFunc) (*Table, error) {
	t := &Table{K: p.K, Tau: p.tau(s), Sigma: s.Sigma, Cells: make([]Cell, len(exact.Users))}
	t.RhoNano, t.DeltaE15 = s.price(p)
	l0, variance := s.cellsOfOne(), s.Variance()
	if l0 > 1 && s.WithTotal {
		return nil, errTotal
	}
	z, err := g.drawAll(s, len(exact.Users), streams)
	if err != nil {
		return nil, err
	}
	noisy := z[0]
	var all, union, noisyOther int64
	var withheld int
	for i, n := range exact.Users {
		if n < 0 || n > math.MaxUint32 {
			return nil, fmt.Errorf("counting the cells: a count outside [0, 2^32)")
		}
		noisy[i] += n
		all += n
		if s.Kind != kindTable && noisy[i] >= t.Tau || s.Kind == kindTable && g.locks(n, noisy[i], t.K, t.Tau) {
			t.Cells[i] = Cell{true, max(0, noisy[i]), int(l0)}
			continue
		}
		withheld++
		union += n
		noisyOther += noisy[i]
	}
	// Where nobody is in two cells, the sum of the withheld cells' exact counts
	// is their union; elsewhere there is no other row (rule 8).
	if withheld >= 2 && l0 == 1 && s.Kind == kindTable {
		other := Cell{}
		tau := t.K + tailBound(float64(variance)*float64(withheld), p.DeltaThrE15)
		if g.locks(union, noisyOther, t.K, tau) {
			other = Cell{true, max(0, noisyOther), withheld}
		}
		t.Other = &other
	}
	if s.Kind == kindCube {
		t.Cube, t.LockE15 = noisy, p.DeltaThrE15
	}
	if s.WithTotal {
		z, err := g.noise(variance, streams(totalMeasure)(0))
		if err != nil {
			return nil, err
		}
		total := Cell{}
		if n := all + z; n >= t.Tau { // the noisy lock alone: δ = 0
			total = Cell{true, max(0, n), 1}
		}
		t.Total = &total
	}
	for m := range s.Measures {
		sum, err := g.noiseSum(exact.Sums[m], z[m+1], &s.Measures[m], s, t, streams)
		if err != nil {
			return nil, err
		}
		t.Sums = append(t.Sums, sum)
	}
	return t, nil
}

// drawAll draws the noise of every cell of the users, then of each measure, the
// measures side by side: each has a stream of its own.
func (g *Gate) drawAll(s *Spec, cells int, streams streamFunc) ([][]int64, error) {
	z, errs := make([][]int64, len(s.Measures)+1), make([]error, len(s.Measures)+1)
	var all sync.WaitGroup
	for m := range z {
		name, variance := usersMeasure, s.Variance()
		if m > 0 {
			name, variance = s.Measures[m-1].Name, s.sumVariance(&s.Measures[m-1])
		}
		stream := streams(name)
		z[m] = make([]int64, cells)
		all.Go(func() {
			for i := range z[m] {
				if z[m][i], errs[m] = g.noise(variance, stream(i)); errs[m] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return z, errors.Join(errs...)
}

// noiseSum noises the exact sums of one measure. What is shown follows the
// users: a cell that is withheld is withheld for all measures (PRIVACY §4.3-8).
func (g *Gate) noiseSum(exact, z []int64, m *Measure, s *Spec, t *Table, streams streamFunc) (Sum, error) {
	sum := Sum{Name: m.Name, Cap: m.Cap, Granule: m.Granule, Cells: make([]int64, len(exact))}
	variance := s.sumVariance(m)
	if m.Across {
		sum.Across = s.cellsOfOne()
	}
	var all, other int64
	for i, n := range exact {
		if n < 0 || n > m.Cap*math.MaxUint32 {
			return Sum{}, fmt.Errorf("summing the cells: a sum outside its bounds")
		}
		all += n
		if t.Cells[i].Released {
			sum.Cells[i] = max(0, n+z[i])
		} else {
			other += n + z[i]
		}
	}
	if t.Other != nil && t.Other.Released {
		sum.Other = max(0, other)
	}
	if t.Total != nil {
		z, err := g.noise(variance, streams(m.Name+" total")(0))
		if err != nil {
			return Sum{}, err
		}
		if t.Total.Released {
			sum.Total = max(0, all+z)
		}
	}
	return sum, nil
}
