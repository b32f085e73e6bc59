package aggregator

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// The μ-audit S2 of PRIVACY §6, in the manner of Nasr et al. 2023: many
// releases on D and on D' = D ∪ {t}; the first half of each picks an event, the
// second half bounds its rates by Clopper–Pearson, and the bounds give an
// interval for μ. The gate claims μ = √(2ρ).
const auditAlpha = 0.0125 // per bound

// muAudit gives the lower and upper bound of μ that releases show about one
// person beside n others. Keys and lists are fixed, so a run is the same every
// time.
func muAudit(t *testing.T, m rig, n int64, releases int) (lo, hi float64) {
	t.Helper()
	without := auditDraws(t, m, n, 0, releases)
	with := auditDraws(t, m, n+1, 1<<32, releases)
	half := releases / 2
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

// auditDraws runs whole in-process releases, each of a question of its own.
func auditDraws(t *testing.T, m rig, n int64, firstList uint64, releases int) []int64 {
	t.Helper()
	g := m.gate(sumsEngine{users: []int64{n}})
	out := make([]int64, releases)
	for i := range out {
		g.forget()
		table := release(t, g.Gate, planOf(1, firstList+uint64(i), "acme", "op"))
		out[i] = -1
		if table.Cells[0].Released {
			out[i] = table.Cells[0].Users
		}
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
