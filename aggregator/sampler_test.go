package aggregator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/differential-privacy/go/v3/noise"
	"gonum.org/v1/gonum/stat/distuv"
)

// TestSamplerS1 is S1 of PRIVACY §6: 10⁶ draws with fixed seeds. A correct
// sampler fails each χ² with probability 1e-6 and each moment bound (five
// standard errors) with probability 6e-7.
func TestSamplerS1(t *testing.T) {
	const n = 1_000_000
	for i, sigma2 := range []uint64{25, 100, 400, 300 * 300, (10 * 300) * (10 * 300)} {
		t.Run(fmt.Sprint(sigma2), func(t *testing.T) {
			s := sampler{rand.NewChaCha8([32]byte{1, byte(i)})}
			draws := make([]int64, n)
			var sum, sum2 float64
			for j := range draws {
				z, err := s.gaussian(sigma2)
				if err != nil {
					t.Fatal(err)
				}
				draws[j] = z
				sum += float64(z)
				sum2 += float64(z) * float64(z)
			}
			sigma := math.Sqrt(float64(sigma2))
			if mean := sum / n; math.Abs(mean) > 5*sigma/math.Sqrt(n) {
				t.Errorf("mean %g", mean)
			}
			if v := sum2 / n / float64(sigma2); math.Abs(v-1) > 5*math.Sqrt(2.0/n) {
				t.Errorf("variance is %g of σ²", v)
			}
			// Bins of a width that leaves about a hundred, expectation ≥ 5.
			width := max(1, int64(sigma/15))
			stat, df := chiSquare(draws, width, float64(sigma2))
			if p := 1 - (distuv.ChiSquared{K: df}).CDF(stat); p < 1e-6 {
				t.Errorf("χ² = %.1f on %g df, p = %g", stat, df, p)
			}
		})
	}
}

// chiSquare bins draws by floor(x/width) and compares with the exact
// probabilities; bins with expectation below 5 are pooled at the ends.
func chiSquare(draws []int64, width int64, sigma2 float64) (stat, df float64) {
	counts := map[int64]float64{}
	for _, z := range draws {
		counts[floorDiv(z, width)]++
	}
	reach := int64(math.Ceil(12 * math.Sqrt(sigma2)))
	probs := map[int64]float64{}
	var norm float64
	for x := -reach; x <= reach; x++ {
		p := math.Exp(-float64(x) * float64(x) / (2 * sigma2))
		probs[floorDiv(x, width)] += p
		norm += p
	}
	n := float64(len(draws))
	var restE, restO float64
	for b, p := range probs {
		e := n * p / norm
		if e < 5 {
			restE += e
			restO += counts[b]
			continue
		}
		stat += (counts[b] - e) * (counts[b] - e) / e
		df++
	}
	if restE >= 5 {
		stat += (restO - restE) * (restO - restE) / restE
		df++
	}
	return stat, df - 1
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// TestSamplerAgainstGoogle compares our draws with those of Google's library,
// whose Gaussian is a symmetric binomial of the same variance: a two-sample χ²
// over bins of one σ/4. A correct pair fails with probability 1e-6.
func TestSamplerAgainstGoogle(t *testing.T) {
	const n = 300_000
	const eps, delta = 0.4, 1e-6
	sigma := noise.SigmaForGaussian(1, 1, eps, delta)
	g := noise.Gaussian()
	ours := sampler{rand.NewChaCha8([32]byte{2})}
	width := int64(sigma / 4)
	a, b := map[int64]float64{}, map[int64]float64{}
	sigma2 := uint64(math.Round(sigma * sigma))
	for range n {
		z, err := ours.gaussian(sigma2)
		if err != nil {
			t.Fatal(err)
		}
		a[floorDiv(z, width)]++
		y, err := g.AddNoiseInt64(0, 1, 1, eps, delta)
		if err != nil {
			t.Fatal(err)
		}
		b[floorDiv(y, width)]++
	}
	var stat, df float64
	for bin := range a {
		if sum := a[bin] + b[bin]; sum >= 20 {
			stat += (a[bin] - b[bin]) * (a[bin] - b[bin]) / sum
			df++
		}
	}
	if p := 1 - (distuv.ChiSquared{K: df}).CDF(stat); df < 10 || p < 1e-6 {
		t.Errorf("χ² = %.1f on %g df, p = %g", stat, df, p)
	}
}

// TestBernoulliExpBig holds the big-integer path against the exact
// probability: five standard errors at 200,000 draws.
func TestBernoulliExpBig(t *testing.T) {
	s := sampler{rand.NewChaCha8([32]byte{3})}
	const n = 200_000
	for _, frac := range []float64{0, 0.1, 0.5, 1} {
		d := uint64(1) << 63 // 2d leaves 64 bits, so step 2 goes the big way
		num := uint64(frac * float64(d))
		hits := 0
		for range n {
			if s.bernoulliExp(num, d) {
				hits++
			}
		}
		p := math.Exp(-frac)
		if got := float64(hits) / n; math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/n) {
			t.Errorf("exp(-%g): got %g, want %g", frac, got, p)
		}
	}
}

func TestSamplerRefusesWildVariance(t *testing.T) {
	s := sampler{rand.NewChaCha8([32]byte{})}
	for _, v := range []uint64{0, maxSigma2 + 1, math.MaxUint64} {
		if _, err := s.gaussian(v); err == nil {
			t.Errorf("σ² = %d was taken", v)
		}
	}
	if _, err := s.gaussian(maxSigma2); err != nil {
		t.Error(err)
	}
}

func TestIsqrt(t *testing.T) {
	for n := uint64(0); n < 100_000; n++ {
		if r := isqrt(n); r*r > n || (r+1)*(r+1) <= n {
			t.Fatalf("isqrt(%d) = %d", n, r)
		}
	}
	if r := isqrt(maxSigma2); r != 1<<26 {
		t.Errorf("isqrt(2^52) = %d", r)
	}
}

// TestTailBound holds τ against the values of PRIVACY §4.2 and rule 6, and
// against the definition.
func TestTailBound(t *testing.T) {
	p := DefaultPolicy()
	for sigma, tau := range map[int64]int64{5: 79, 10: 107, 20: 163, 50: 332} {
		if got := p.Tau(sigma); got != tau {
			t.Errorf("τ(σ=%d) = %d, want %d", sigma, got, tau)
		}
	}
	for _, sigma2 := range []float64{25, 100, 400, 2500, 100 * 1692} {
		b := tailBound(sigma2, p.DeltaThrE15)
		if got := upperTail(sigma2, b); got > 1e-8 {
			t.Errorf("σ²=%g: P[z ≥ t] = %g > δ", sigma2, got)
		}
		if got := upperTail(sigma2, b-1); got <= 1e-8 {
			t.Errorf("σ²=%g: t is not the smallest", sigma2)
		}
	}
}

// upperTail is P[N_Z(0, σ²) ≥ t] by plain summation.
func upperTail(sigma2 float64, t int64) float64 {
	reach := int64(40 * math.Sqrt(sigma2))
	var tail, all float64
	for x := -reach; x <= reach; x++ {
		p := math.Exp(-float64(x) * float64(x) / (2 * sigma2))
		all += p
		if x >= t {
			tail += p
		}
	}
	return tail / all
}

// TestEpsilon holds the conversion against the table of PRIVACY §4.2 and from
// below against the exact ε of the Gaussian mechanism, which no conversion may
// undercut.
func TestEpsilon(t *testing.T) {
	for _, c := range []struct{ rho, want, exact float64 }{
		{0.005, 0.43, 0.40}, {0.02, 0.90, 0.83}, {0.05, 1.47, 1.37}, {0.1, 2.14, 2.00},
		{0.25, 3.54, 3.31}, {0.5, 5.22, 4.89}, {1, 7.77, 7.29}, {2, 11.69, 11.00},
	} {
		got := Epsilon(c.rho, reportDelta)
		if math.Abs(got-c.want) > 0.006 || got < c.exact-0.006 {
			t.Errorf("ε(%g) = %.4f, want %.2f", c.rho, got, c.want)
		}
	}
	if Epsilon(0, reportDelta) != 0 {
		t.Error("nothing spent is ε = 0")
	}
}

func TestGaussianRho(t *testing.T) {
	for sigma, want := range map[int64]int64{5: 20_000_000, 10: 5_000_000, 20: 1_250_000, 50: 200_000, 7: 10_204_082} {
		if got := gaussianRho(sigma); got != want {
			t.Errorf("ρ(σ=%d) = %d, want %d", sigma, got, want)
		}
	}
}

func BenchmarkGaussian(b *testing.B) {
	for _, sigma := range []uint64{10, 50, 3000} {
		b.Run(fmt.Sprint(sigma), func(b *testing.B) {
			s := sampler{rand.NewChaCha8([32]byte{})}
			for b.Loop() {
				if _, err := s.gaussian(sigma * sigma); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
