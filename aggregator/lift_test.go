package aggregator

import (
	"math"
	"math/rand/v2"
	"testing"
)

// simulated is a campaign with a known effect: each of n people is held out with
// probability 1/10 and converts with probability rate, or rate·(1 + lift) where
// delivered; each number has noise of σ.
func simulated(r *rand.Rand, n int, rate, lift, sigma float64) (treated, holdout Arm) {
	arms := [2]Arm{{PeopleSD: sigma, SD: sigma}, {PeopleSD: sigma, SD: sigma}}
	for range n {
		a, p := &arms[0], rate*(1+lift)
		if r.IntN(10) == 0 {
			a, p = &arms[1], rate
		}
		a.People++
		if r.Float64() < p {
			a.Converters++
		}
	}
	for i := range arms {
		arms[i].People += int64(math.Round(r.NormFloat64() * sigma))
		arms[i].Converters += int64(math.Round(r.NormFloat64() * sigma))
	}
	return arms[0], arms[1]
}

func (e *Estimate) holds(v float64) bool { return e.Low <= v && v <= e.High }

// TestLiftCovers: over 1,000 campaigns of a known effect the 95 % intervals hold it in
// 93 to 97 % of them, and where the noise is left out of the interval in fewer. Without
// effect p is below 5 % as often as it says.
func TestLiftCovers(t *testing.T) {
	const runs, n = 1000, 40_000
	for _, c := range []struct {
		name              string
		rate, lift, sigma float64
	}{
		{"a fifth more", 0.02, 0.2, 10},
		{"nothing", 0.03, 0, 10},
		{"fewer", 0.05, -0.3, 10},
		{"little noise", 0.02, 0.5, 5},
	} {
		r := rand.New(rand.NewPCG(1, 12))
		var difference, relative, without, significant int
		for range runs {
			treated, holdout := simulated(r, n, c.rate, c.lift, c.sigma)
			l, ok := LiftOf(treated, holdout)
			if !ok || l.Relative == nil {
				t.Fatalf("%s: nothing can be said of %+v, %+v", c.name, treated, holdout)
			}
			if l.Difference.holds(c.rate * c.lift) {
				difference++
			}
			if l.Relative.holds(c.lift) {
				relative++
			}
			if l.P < 0.05 {
				significant++
			}
			treated.SD, treated.PeopleSD, holdout.SD, holdout.PeopleSD = 0, 0, 0, 0
			if l, _ := LiftOf(treated, holdout); l.Difference.holds(c.rate * c.lift) {
				without++
			}
		}
		t.Logf("%s: difference %d, relative %d of %d; without the noise %d; p < 0.05 in %d", c.name, difference, relative, runs, without, significant)
		for name, covered := range map[string]int{"difference": difference, "relative lift": relative} {
			if covered < 930 || covered > 970 {
				t.Errorf("%s: the interval of the %s holds it in %d of %d runs", c.name, name, covered, runs)
			}
		}
		if c.sigma == 10 && without >= 930 {
			t.Errorf("%s: without the noise the interval holds it in %d of %d runs: the test shows nothing", c.name, without, runs)
		}
		if lo, hi := clopperPearson(significant, runs, 1e-4); c.lift == 0 && (lo > 0.05 || hi < 0.05) {
			t.Errorf("without effect p < 0.05 in %d of %d runs", significant, runs)
		}
		if c.lift == 0.5 && significant < runs/2 {
			t.Errorf("%s: seen in %d of %d runs", c.name, significant, runs)
		}
	}
}

func TestLiftAtTheEdges(t *testing.T) {
	sure := func(people, converters int64) Arm {
		return Arm{People: people, Converters: converters, PeopleSD: 10, SD: 10}
	}
	for _, c := range []struct {
		name             string
		treated, holdout Arm
		ok, relative     bool
	}{
		{"nobody was held out", sure(1000, 50), sure(0, 0), false, false},
		{"fewer than nobody after noise", sure(-5, 50), sure(1000, 10), false, false},
		{"nobody converted", sure(100_000, 0), sure(10_000, 0), true, false},
		{"fewer than nobody converted", sure(100_000, -8), sure(10_000, -3), true, false},
		{"all converted", sure(1000, 1020), sure(900, 930), true, true},
		{"plain", sure(100_000, 5000), sure(10_000, 400), true, true},
	} {
		l, ok := LiftOf(c.treated, c.holdout)
		if ok != c.ok {
			t.Errorf("%s: %v", c.name, ok)
			continue
		}
		if !ok {
			continue
		}
		if (l.Relative != nil) != c.relative {
			t.Errorf("%s: relative lift %+v", c.name, l.Relative)
		}
		for _, e := range []Estimate{l.Treated, l.Holdout, l.Difference} {
			if math.IsNaN(e.Low+e.Value+e.High) || e.Low > e.Value || e.High < e.Value {
				t.Errorf("%s: %+v", c.name, e)
			}
		}
		if math.IsNaN(l.P) || l.P < 0 || l.P > 1 || l.Treated.Low < 0 || l.Holdout.High > 1 {
			t.Errorf("%s: %+v", c.name, l)
		}
	}
	if n, enough := EnoughHeldOut(100_000, 10, 5_000, 10); n != 50 || !enough {
		t.Errorf("50 expected of 50 needed: %v, %v", n, enough)
	}
	if _, enough := EnoughHeldOut(99_999, 10, 5_000, 10); enough {
		t.Error("fewer than needed are enough")
	}
}
