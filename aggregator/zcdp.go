package aggregator

import "math"

// Budgets are counted in integers: ρ in units of 1e-9, δ in units of 1e-15.
const (
	nano = 1_000_000_000
	e15  = 1_000_000_000_000_000
)

// reportDelta is the δ′ at which ε is reported (PRIVACY §4.2).
const reportDelta = 1e-6

// gaussianRho gives the zCDP price of one sensitivity-1 query under discrete
// Gaussian noise: ρ = 1/(2σ²), in nano, rounded up (Canonne, Kamath, Steinke,
// theorem 4).
func gaussianRho(sigma int64) int64 {
	d := 2 * sigma * sigma
	return (nano + d - 1) / d
}

// Epsilon converts ρ-zCDP to the ε of (ε, δ)-differential privacy:
// min over α > 1 of ρα + ln((α−1)/α) − (ln δ + ln α)/(α−1) (Canonne, Kamath,
// Steinke, corollary 13; Bun and Steinke 2016 with the tighter conversion).
func Epsilon(rho, delta float64) float64 {
	if rho <= 0 {
		return 0
	}
	eps := func(alpha float64) float64 {
		return rho*alpha + math.Log1p(-1/alpha) - (math.Log(delta)+math.Log(alpha))/(alpha-1)
	}
	// The function is unimodal in ln(α−1); ternary search to 1e-12.
	lo, hi := math.Log(1e-6), math.Log(1e9)
	for range 200 {
		a, b := lo+(hi-lo)/3, hi-(hi-lo)/3
		if eps(1+math.Exp(a)) < eps(1+math.Exp(b)) {
			hi = b
		} else {
			lo = a
		}
	}
	return max(0, eps(1+math.Exp((lo+hi)/2)))
}
