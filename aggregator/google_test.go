package aggregator

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/differential-privacy/go/v3/dpagg"
	"github.com/google/differential-privacy/go/v3/noise"
	"gonum.org/v1/gonum/stat/distuv"
)

// Google's library is an oracle here, never our noise (PRIVACY §3): every call
// has a small l0 and lInf = 1, since their product is not checked for overflow,
// and nothing reads GetHardThreshold, which ignores the pre-threshold.

// googleDelta is the δ that their noise is calibrated at; their locks take a δ
// of their own.
const googleDelta = 1e-6

// gdpDelta is δ(ε) of a Gaussian mechanism with sensitivity/σ = mu, in closed
// form (Balle and Wang 2018, theorem 8; Dong, Roth, Su 2019, corollary 2.13).
func gdpDelta(mu, eps float64) float64 {
	phi := distuv.UnitNormal.CDF
	return phi(mu/2-eps/mu) - math.Exp(eps)*phi(-mu/2-eps/mu)
}

// gdpEpsilon is the inverse of gdpDelta in ε, by bisection.
func gdpEpsilon(mu, delta float64) float64 {
	lo, hi := 0.0, 100.0
	for range 200 {
		if mid := (lo + hi) / 2; gdpDelta(mu, mid) > delta {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// googleSigma gives the ε at which their noise of l0 cells has the deviation
// sigma·√l0, and the deviation they use. Theirs is never below the exact one and
// at most 0.1 % above it.
func googleSigma(t *testing.T, sigma float64, l0 int64) (eps, used float64) {
	t.Helper()
	eps = gdpEpsilon(1/sigma, googleDelta)
	used = noise.SigmaForGaussian(l0, 1, eps, googleDelta)
	want := sigma * math.Sqrt(float64(l0))
	if used < want*(1-1e-6) || used > want*1.0011 {
		t.Fatalf("σ = %g over %d cells: their deviation is %g", sigma, l0, used)
	}
	return eps, used
}

// TestThresholdAgainstGoogle holds t = τ−k against their threshold, which is for
// a count of one: T = 1 + σΦ⁻¹((1−δ)^(1/l0)), of a continuous normal. An integer
// that rounds a normal number reaches t where the number reaches t−½, and t is
// rounded up, so t lies between T−1+½ and T−1+1½. Two errors are allowed for:
// their σ is up to 0.1 % large, and the tail of N_Z is the midpoint sum of the
// normal one, smaller by at most (t/σ²)²/24, which is 0.06 of a step at σ = 5.
func TestThresholdAgainstGoogle(t *testing.T) {
	agrees := func(bound int64, threshold float64) bool {
		return float64(bound) > (threshold-1)/1.0011+0.5-0.06 && float64(bound) < threshold-1+1.5+1e-6
	}
	for _, c := range []struct {
		sigma float64
		l0    int64
	}{
		{5, 1}, {10, 1}, {20, 1}, {50, 1}, {200, 1}, {1000, 1},
		{10 * math.Sqrt(2), 1}, {10 * math.Sqrt(17), 1}, {5 * math.Sqrt(4096), 1}, // other rows of 2, 17, 4,096 cells
		{10, 2}, {10, 8}, {50, 8}, // a cluster in several cells: σ√L0, δ/L0 each
	} {
		for _, deltaE15 := range []int64{e15 / 1_000_000, e15 / 100_000_000, e15 / 10_000_000_000} {
			eps, _ := googleSigma(t, c.sigma, c.l0)
			threshold, err := noise.Gaussian().Threshold(c.l0, 1, eps, googleDelta, float64(deltaE15)*1e-15)
			if err != nil {
				t.Fatal(err)
			}
			sigma2 := c.sigma * c.sigma * float64(c.l0)
			if b := tailBound(sigma2, deltaE15/c.l0); !agrees(b, threshold) {
				t.Errorf("σ = %g, L0 = %d, δ = %de-15: t = %d, their threshold %.3f", c.sigma, c.l0, deltaE15, b, threshold)
			}
			if b := tailBound(sigma2, 10*deltaE15); agrees(b, threshold) {
				t.Errorf("σ = %g, L0 = %d: t at ten times δ agrees too: the comparison sees nothing", c.sigma, c.l0)
			}
		}
	}
}

// TestLocksAgainstGoogle runs our gate beside their pre-thresholded count, which
// has the same two locks: release rates around k and τ. Each rate has a
// Clopper–Pearson interval at 1e-7 a side, and intervals that don't meet fail:
// over eight of them once in 6·10⁵ runs. A gate whose locks' δ is a hundred times
// larger is told apart.
func TestLocksAgainstGoogle(t *testing.T) {
	const n, alpha = 20_000, 1e-7
	p := DefaultPolicy()
	wide := p
	wide.DeltaThrE15 *= 100
	eps, _ := googleSigma(t, 10, 1)
	opt := &dpagg.CountOptions{Epsilon: eps, Delta: googleDelta, MaxPartitionsContributed: 1, Noise: noise.Gaussian()}
	theirs := func(users int64) (shown int) {
		for range n {
			c, err := dpagg.NewCount(opt)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.IncrementBy(users); err != nil {
				t.Fatal(err)
			}
			result, err := c.PreThresholdedResult(p.K, float64(p.DeltaThrE15)*1e-15)
			if err != nil {
				t.Fatal(err)
			}
			if result != nil {
				shown++
			}
		}
		return shown
	}
	ours := func(p Policy, users int64) (shown int) {
		r := newRoom(users)
		r.gate.SetPolicy(p)
		for list := range uint64(n) {
			r.gate.ledger = newLedger() // the test's own budget, as rule 14 allows
			if release(t, r.gate, planOf(1, list, "acme", "op")).Cells[0].Released {
				shown++
			}
		}
		return shown
	}
	meet := func(a, b int) bool {
		al, ah := clopperPearson(a, n, alpha)
		bl, bh := clopperPearson(b, n, alpha)
		return al <= bh && bl <= ah
	}
	for _, users := range []int64{49, 100, 107, 120} {
		a, b := ours(p, users), theirs(users)
		if !meet(a, b) {
			t.Errorf("%d users: released %d of %d, by their library %d", users, a, n, b)
		}
		if users == 49 && a+b != 0 {
			t.Errorf("below k: released %d and %d", a, b)
		}
		if users == 107 && meet(ours(wide, users), b) {
			t.Error("a lock of another δ passes: the comparison sees nothing")
		}
	}
}

// tailBins is how many bins a tail is cut into, at 2, 2.5, 3, 3.5 and 4 deviations.
const tailBins = 5

// countTails counts the draws of each tail bin, the lower tail first; what lies
// between is not counted.
func countTails(t *testing.T, n int, sigma float64, draw func() (int64, error)) (bins [2 * tailBins]int) {
	t.Helper()
	for range n {
		z, err := draw()
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(float64(z))/sigma - 2; d >= 0 {
			bin := min(int(2*d), tailBins-1)
			if z > 0 {
				bin += tailBins
			}
			bins[bin]++
		}
	}
	return bins
}

// tailsDiffer compares two samples of equal size bin by bin: of the draws that
// fall into a bin, each is from either sample with probability ½, so the test is
// exact, also where few fall in. alpha is over all bins.
func tailsDiffer(a, b [2 * tailBins]int, alpha float64) bool {
	for i := range a {
		half := distuv.Binomial{N: float64(a[i] + b[i]), P: 0.5}
		if half.N > 0 && 2*half.CDF(float64(min(a[i], b[i]))) < alpha/float64(len(a)) {
			return true
		}
	}
	return false
}

// TestTailsAgainstGoogle compares the tails of our sampler with those of Google's,
// where the locks' δ lives: 200,000 draws each, and a correct pair fails once in
// a million runs. (Rounding and their 0.1 % move a bin's expectation by less than
// a fifth of its standard deviation.) Noise that is 6 % small, that is cut at 3 σ
// or that is Laplace of equal variance is told apart at that size.
func TestTailsAgainstGoogle(t *testing.T) {
	const n, alpha, sigma = 200_000, 1e-6, 50
	eps, used := googleSigma(t, sigma, 1)
	google := noise.Gaussian()
	theirs := countTails(t, n, sigma, func() (int64, error) { return google.AddNoiseInt64(0, 1, 1, eps, googleDelta) })
	sigma2 := uint64(math.Round(used * used))
	for _, c := range []struct {
		name    string
		draw    func(s sampler) (int64, error)
		differs bool
	}{
		{"as built", func(s sampler) (int64, error) { return s.gaussian(sigma2) }, false},
		{"6 % small", func(s sampler) (int64, error) { return s.gaussian(47 * 47) }, true},
		{"cut at 3 σ", func(s sampler) (int64, error) {
			for {
				if z, err := s.gaussian(sigma2); err != nil || max(z, -z) < 150 {
					return z, err
				}
			}
		}, true},
		{"Laplace", func(s sampler) (int64, error) { return s.laplace(35), nil }, true},
	} {
		s := sampler{rand.NewChaCha8([32]byte{4})}
		ours := countTails(t, n, sigma, func() (int64, error) { return c.draw(s) })
		if got := tailsDiffer(ours, theirs, alpha); got != c.differs {
			t.Errorf("%s: tails %v, theirs %v: differ %v", c.name, ours, theirs, got)
		}
	}
}
