package aggregator

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestComposeOrder: rows come in the order asked, whatever the canonical order
// of the table.
func TestComposeOrder(t *testing.T) {
	pl := compile(t, profileOf(nil, "gender", "age"))
	cells := make([]Cell, 15)
	for i := range cells {
		cells[i] = Cell{true, int64(100 + i), 1} // canonical: age varies slowest
	}
	a := Compose(pl, []*Table{{K: 50, Tau: 107, Sigma: 10, Cells: cells}})
	for i, row := range a.Rows {
		g, ag := i/5, i%5
		if row.Key[0] != columnG.Domain[g] || row.Key[1] != columnA.Domain[ag] {
			t.Fatalf("row %d is %v", i, row.Key)
		}
		if want := int64(100 + ag*3 + g); row.Users.Value != want {
			t.Errorf("row %v: %d, want %d", row.Key, row.Users.Value, want)
		}
	}
}

func TestIntervals(t *testing.T) {
	pl := compile(t, profileOf(nil, "gender"))
	table := &Table{K: 50, Tau: 107, Sigma: 10, Cells: []Cell{{true, 1234, 1}, {}, {true, 5, 1}}}
	a := Compose(pl, []*Table{table})
	if got := *a.Rows[0].Users; got != (Interval{1234, 1214, 1254}) {
		t.Errorf("interval %v", got)
	}
	if a.Rows[1].Users != nil || a.Withheld != 1 || a.HasOther {
		t.Error("one withheld cell: it has a number, or an other row")
	}
	if got := a.Rows[2].Users.Low; got != 0 {
		t.Errorf("an interval below zero: %d", got)
	}
	if got := *a.Total; got.Value != 1239 || got.High-got.Value != int64(math.Ceil(1.96*10*math.Sqrt2)) {
		t.Errorf("total %v", got)
	}
	table.Total = &Cell{} // charged by itself and withheld
	if a := Compose(pl, []*Table{table}); a.Total != nil || !a.Separate {
		t.Error("a withheld total was filled in from the rows")
	}
}

// TestIndexCoverage: the interval of an index holds the true ratio in about
// 95 % of 20,000 simulated releases; below 93.5 % or above 99 % fails. A correct
// interval fails with probability below 1e-12.
func TestIndexCoverage(t *testing.T) {
	const n = 20_000
	src := rand.NewChaCha8([32]byte{9})
	s := sampler{src}
	draw := func(users int64) Cell {
		z, err := s.gaussian(100)
		if err != nil {
			t.Fatal(err)
		}
		return Cell{true, max(0, users+z), 1}
	}
	truth := 100 * (300.0 / 1500) / (4000.0 / 10000)
	hits := 0
	for range n {
		c, rest := draw(300), draw(1200)
		bc, brest := draw(4000), draw(6000)
		sum := Cell{true, c.Users + rest.Users, 2}
		bsum := Cell{true, bc.Users + brest.Users, 2}
		r := index(c, sum, 10, bc, bsum, 10)
		if r == nil {
			t.Fatal("a steady ratio was left out")
		}
		if r.Low <= truth && truth <= r.High {
			hits++
		}
	}
	if rate := float64(hits) / n; rate < 0.935 || rate > 0.99 {
		t.Errorf("coverage %.4f", rate)
	}
}

// TestHomogeneityGuard is A23: no rate is shown where everybody, or nobody, of
// the audience is in the cell; without the guard it would be.
func TestHomogeneityGuard(t *testing.T) {
	base, bsum := Cell{true, 4000, 1}, Cell{true, 10000, 3}
	for name, c := range map[string]struct{ users, sum int64 }{
		"everybody": {110, 110}, "nearly everybody": {1000, 1015}, "nobody": {3, 1000},
	} {
		if r := index(Cell{true, c.users, 1}, Cell{true, c.sum, 2}, 10, base, bsum, 10); r != nil {
			t.Errorf("%s: an index of %.1f was shown", name, r.Value)
		}
	}
	if index(Cell{}, Cell{true, 500, 2}, 10, base, bsum, 10) != nil {
		t.Error("an index of a withheld cell was shown")
	}
	if index(Cell{true, 300, 1}, Cell{true, 1000, 2}, 10, base, bsum, 10) == nil {
		t.Error("the guard left out a steady rate: it would pass by hiding everything")
	}
}

// TestOtherRow: an other row stands for two cells at least, k people at least,
// and its noise is that of its cells.
func TestOtherRow(t *testing.T) {
	none := func(int64, source) (int64, error) { return 0, nil }
	for name, c := range map[string]struct {
		cells    []int64
		other    bool
		released bool
	}{
		"one withheld":        {[]int64{500, 40}, false, false},
		"two, below the lock": {[]int64{500, 40, 40}, true, false},
		"many, union below k": {append([]int64{500}, make([]int64, 20)...), true, false},
		"many, union high":    {[]int64{500, 49, 49, 49, 49, 49, 49}, true, true},
		"none withheld":       {[]int64{500, 600}, false, false},
	} {
		r := newRoom(c.cells...)
		r.gate.noise = none
		table := release(t, r.gate, planOf(len(c.cells), 1, "acme"))
		if (table.Other != nil) != c.other || c.other && table.Other.Released != c.released {
			t.Errorf("%s: other %+v", name, table.Other)
		}
	}
	// The exact lock: noise lifts the sum far over its τ, the people are too few.
	r := newRoom(append([]int64{500}, ones(20)...)...)
	r.gate.noise = func(int64, source) (int64, error) { return 60, nil }
	if release(t, r.gate, planOf(21, 1, "acme")).Other.Released {
		t.Error("an other row of 20 people was released")
	}
	// The noisy lock: its noise is that of ten cells, 150 is within reach of it.
	r = newRoom(500, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15)
	r.gate.noise = none
	if release(t, r.gate, planOf(11, 1, "acme")).Other.Released {
		t.Error("an other row was released below k + t(σ√10)")
	}
	r = newRoom(500, 49, 49, 49, 49, 49, 49)
	r.gate.noise = none
	pl := planOf(7, 1, "acme")
	a := Compose(pl, []*Table{release(t, r.gate, pl)})
	if half, want := a.Other.High-a.Other.Value, int64(math.Ceil(1.96*10*math.Sqrt(6))); half != want {
		t.Errorf("other ± %d, want %d", half, want)
	}
}

func ones(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}
