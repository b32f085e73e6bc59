package aggregator

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"awase/matcher"
)

// The μ-audit S2 of PRIVACY §6, in the manner of Nasr et al. 2023: many
// releases on D and on D' = D ∪ {t}; the first half of each picks an event, the
// second half bounds its rates by Clopper–Pearson, and the bounds give an
// interval for μ. The gate claims μ = √(2ρ).
const (
	auditReleases = 200_000 // S2 is never run with fewer
	auditAlpha    = 0.0125  // per bound
)

// muAudit gives the lower and upper bound of μ that releases show where one
// person moves the count n by per. Keys and lists are fixed, so a run is the
// same every time.
func muAudit(t *testing.T, r *room, n, per int64) (lo, hi float64) {
	t.Helper()
	without := auditDraws(t, r, n, 0)
	with := auditDraws(t, r, n+per, 1<<32)
	half := auditReleases / 2
	// The first half picks the threshold; among equal ones the middle has the
	// most power, so candidates are quantiles of the pooled draws.
	pooled := slices.Sorted(slices.Values(slices.Concat(without[:half], with[:half])))
	best, at := math.Inf(-1), int64(0)
	for q := 0.05; q < 0.96; q += 0.05 {
		c := pooled[int(q*float64(len(pooled)))]
		l, _ := muBounds(atLeast(with[:half], c), atLeast(without[:half], c), half)
		if l > best {
			best, at = l, c
		}
	}
	return muBounds(atLeast(with[half:], at), atLeast(without[half:], at), half)
}

// auditDraws runs whole in-process releases, each of a question of its own; the
// budget is the test's, as rule 14 allows.
func auditDraws(t *testing.T, r *room, n int64, firstList uint64) []int64 {
	t.Helper()
	out := make([]int64, auditReleases)
	for i := range out {
		// A fresh ledger each time stands for the test's own budget.
		r.gate.ledger = newLedger()
		r.engine.cells = func(matcher.Query) []int64 { return []int64{n} }
		table := release(t, r.gate, planOf(1, firstList+uint64(i), "acme", "op"))
		out[i] = -1
		if table.Cells[0].Released {
			out[i] = table.Cells[0].Users
		}
		clear(r.gate.tables)
		clear(r.gate.digests)
		r.book.charges, r.book.times, r.book.acts, r.book.tables, r.clock.slept = nil, nil, nil, nil, nil
	}
	return out
}

func atLeast(draws []int64, c int64) (x int) {
	for _, d := range draws {
		if d >= c {
			x++
		}
	}
	return x
}

// muBounds: μ_LB = Φ⁻¹(TPR_L) − Φ⁻¹(FPR_U), and the other way round.
func muBounds(hits, falseHits, n int) (lo, hi float64) {
	tl, tu := clopperPearson(hits, n, auditAlpha)
	fl, fu := clopperPearson(falseHits, n, auditAlpha)
	q := distuv.UnitNormal.Quantile
	return q(tl) - q(fu), q(tu) - q(fl)
}

// clopperPearson bounds a rate, each side at level alpha.
func clopperPearson(x, n int, alpha float64) (lo, hi float64) {
	hi = 1
	if x > 0 {
		lo = mathext.InvRegIncBeta(float64(x), float64(n-x+1), alpha)
	}
	if x < n {
		hi = mathext.InvRegIncBeta(float64(x+1), float64(n-x), 1-alpha)
	}
	return lo, hi
}

// TestMuAudit: the gate stays within its claim and above half of it; each
// mutant is caught by the same audit at the same size.
func TestMuAudit(t *testing.T) {
	claimed := math.Sqrt(2 * float64(gaussianRho(10)) / nano)
	mutants := []struct {
		name   string
		noise  noiseFunc
		per    int64 // how much one person moves the count
		caught bool
	}{
		{"as built", keyedNoise, 1, false},
		{"σ/2", func(s int64, src source) (int64, error) { return keyedNoise(s/4, src) }, 1, true},
		{"sensitivity 2", keyedNoise, 2, true},
		{"no noise", func(int64, source) (int64, error) { return 0, nil }, 1, true},
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			r := newRoom()
			r.gate.noise = m.noise
			lo, hi := muAudit(t, r, 200, m.per)
			t.Logf("claimed μ %.4f, measured [%.4f, %.4f], 2 × %d releases", claimed, lo, hi, auditReleases)
			if caught := lo > claimed; caught != m.caught {
				t.Errorf("μ_LB %.4f against the claim %.4f: caught %v, want %v", lo, claimed, caught, m.caught)
			}
			if !m.caught && hi < 0.5*claimed {
				t.Errorf("μ_UB %.4f: far more noise than the price says", hi)
			}
		})
	}
}
