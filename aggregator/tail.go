package aggregator

import "math"

// tailBound gives t = min{t : P[N_Z(0, sigma2) ≥ t] ≤ delta}, the distance that
// noise reaches with probability at most delta (PRIVACY §4.2). delta is in
// units of 1e-15.
func tailBound(sigma2 float64, deltaE15 int64) int64 {
	delta := float64(deltaE15) * 1e-15
	// Terms past 40σ are below the smallest float. They are summed from the
	// smallest up, so the relative error stays below 1e-12.
	lo, hi := int64(0), int64(math.Ceil(40*math.Sqrt(sigma2)))+1
	tail := make([]float64, hi+1)
	for x := hi; x >= 0; x-- {
		e := math.Exp(-float64(x) * float64(x) / (2 * sigma2))
		tail[x] = e
		if x < hi {
			tail[x] += tail[x+1]
		}
	}
	norm := 2*tail[0] - 1 // Σ over all integers: the zero term is 1
	for lo < hi {
		mid := (lo + hi) / 2
		if tail[mid]/norm <= delta {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
