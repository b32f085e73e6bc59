package aggregator

import "math"

// Arm is one side of a campaign's experiment, as the gate released it: how many people,
// and how many of them converted, each with noise of a standard deviation.
type Arm struct {
	People, Converters int64
	PeopleSD, SD       float64
}

// Estimate is a number with its 95 % interval.
type Estimate struct{ Value, Low, High float64 }

// Lift is what an advertisement did, by intention to treat: people to whom it was
// delivered are compared with those who were held out by chance, whoever saw it.
type Lift struct {
	Treated, Holdout Estimate  // share that converted, 0 to 1
	Difference       Estimate  // of the two
	Relative         *Estimate // Difference ÷ Holdout; nil: too few held out converted to tell
	P                float64   // two-sided, of no effect
}

// LiftOf compares two arms; false: an arm is empty after noise. The variance of a share
// p = c/n is that of chance, p(1−p)/n, and by the delta method that of the noise of
// either number, σc²/n² + p²σn²/n²; so the interval holds the noise (PRIVACY rule 13).
// The relative lift's is Fieller's. P is of the z-test with the pooled share.
func LiftOf(treated, holdout Arm) (*Lift, bool) {
	if treated.People < 1 || holdout.People < 1 {
		return nil, false
	}
	t, vt := treated.share()
	h, vh := holdout.share()
	out := &Lift{Treated: estimate(t, vt, 0, 1), Holdout: estimate(h, vh, 0, 1), Difference: estimate(t-h, vt+vh, -1, 1)}
	out.Relative = ratioOf(t, vt, h, vh)
	n, m := float64(treated.People), float64(holdout.People)
	pooled := min(1, max(0, float64(treated.Converters+holdout.Converters)/(n+m)))
	v := pooled*(1-pooled)*(1/n+1/m) + treated.noise(pooled) + holdout.noise(pooled)
	out.P = 1
	if v > 0 {
		out.P = math.Erfc(math.Abs(t-h) / math.Sqrt(2*v))
	}
	return out, true
}

// share gives the share that converted, and its variance.
func (a *Arm) share() (p, variance float64) {
	n := float64(a.People)
	p = min(1, max(0, float64(a.Converters)/n))
	// A share of 0 or 1 is no certainty: half a person is the least that is not known.
	at := min(1-0.5/n, max(0.5/n, p))
	return p, at*(1-at)/n + a.noise(p)
}

// noise is the variance of a share p that the noise of its two numbers makes.
func (a *Arm) noise(p float64) float64 {
	n := float64(a.People)
	return (a.SD*a.SD + p*p*a.PeopleSD*a.PeopleSD) / (n * n)
}

func estimate(value, variance, low, high float64) Estimate {
	half := z95 * math.Sqrt(variance)
	return Estimate{value, max(low, value-half), min(high, value+half)}
}

// ratioOf gives t/h − 1 with Fieller's 95 % interval for independent t and h (Fieller,
// 1954), or nil where h may be 0 and the interval has no end.
func ratioOf(t, vt, h, vh float64) *Estimate {
	a := h*h - z95*z95*vh
	if a <= 0 {
		return nil
	}
	b, c := t*h, t*t-z95*z95*vt
	root := math.Sqrt(max(0, b*b-a*c))
	return &Estimate{t/h - 1, max(-1, (b-root)/a-1), (b+root)/a - 1}
}

// EnoughHeldOut tells whether as many people held out can be expected to convert as a
// lift report needs: five times the noise of their number (PRIVACY rule 13). people is
// how many the campaign reaches, held out or not, holdout the per cent that is, and
// millionths the share that converts without it.
func EnoughHeldOut(people int64, holdout int, millionths, sigma int64) (expected float64, enough bool) {
	expected = float64(people) * float64(holdout) / 100 * float64(millionths) / 1e6
	return expected, expected >= float64(5*sigma)
}
