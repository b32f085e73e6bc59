package aggregator

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"awase/entrustment"
)

// TestEpsilonAgainstGDP is S9: ε(ρ) at 20 points from a size question to ten years'
// budget. It never undercuts the exact ε of the Gaussian mechanism of the same ρ
// (μ = √(2ρ)), exceeds it by at most 10 %, and is the minimum that it claims to be.
func TestEpsilonAgainstGDP(t *testing.T) {
	points := 0
	for i := range 10 {
		rho := 0.0002 * math.Pow(20/0.0002, float64(i)/9)
		for _, delta := range []float64{reportDelta, 1e-9} {
			points++
			got, exact := Epsilon(rho, delta), gdpEpsilon(math.Sqrt(2*rho), delta)
			if got < exact || got > 1.10*exact {
				t.Errorf("ε(%.4g, %g) = %.5f, the exact one is %.5f", rho, delta, got, exact)
			}
			if dense := denseEpsilon(rho, delta); math.Abs(got/dense-1) > 1e-5 {
				t.Errorf("ε(%.4g, %g) = %.7f, over a grid of α the least is %.7f", rho, delta, got, dense)
			}
		}
	}
	if points != 20 {
		t.Fatalf("%d points", points)
	}
}

// denseEpsilon is the conversion of PRIVACY §4.5 by plain search over ln(α−1).
func denseEpsilon(rho, delta float64) float64 {
	least := math.Inf(1)
	for x := -8.0; x < 12; x += 1e-4 {
		alpha := 1 + math.Exp(x)
		least = min(least, rho*alpha+math.Log((alpha-1)/alpha)-(math.Log(delta)+math.Log(alpha))/(alpha-1))
	}
	return least
}

// TestEpsilonTable holds both rows of the table of PRIVACY §4.2 to 1 %, or to the
// half unit that two decimals leave.
func TestEpsilonTable(t *testing.T) {
	for _, c := range []struct{ rho, zcdp, gdp float64 }{
		{0.005, 0.43, 0.40}, {0.02, 0.90, 0.83}, {0.05, 1.47, 1.37}, {0.1, 2.14, 2.00},
		{0.25, 3.54, 3.31}, {0.5, 5.22, 4.89}, {1, 7.77, 7.29}, {2, 11.69, 11.00},
	} {
		near := func(got, want float64) bool { return math.Abs(got-want) <= max(0.01*want, 0.005) }
		if got := Epsilon(c.rho, reportDelta); !near(got, c.zcdp) {
			t.Errorf("ε(%g) = %.4f, want %.2f", c.rho, got, c.zcdp)
		}
		if got := gdpEpsilon(math.Sqrt(2*c.rho), reportDelta); !near(got, c.gdp) {
			t.Errorf("exact ε(%g) = %.4f, want %.2f", c.rho, got, c.gdp)
		}
	}
}

// TestEpsilonCoversTheNoise sums δ(ε) of the discrete Gaussian itself, over all
// integers, for a cell of n and of n+1: at the ε that is reported for the price
// that is charged it is at most δ′, for one question and for noise of twelve times
// the price. At two thirds of that ε it is more.
func TestEpsilonCoversTheNoise(t *testing.T) {
	for _, sigma := range []int64{5, 10, 20, 50} {
		for _, questions := range []float64{1, 12} {
			sigma2 := float64(sigma*sigma) / questions
			rho := questions * float64(gaussianRho(sigma)) / nano
			eps := Epsilon(rho, reportDelta)
			if d := discreteDelta(sigma2, eps); d > reportDelta {
				t.Errorf("σ = %d, %g questions: δ(%.4f) = %g", sigma, questions, eps, d)
			}
			if d := discreteDelta(sigma2, eps*2/3); d <= reportDelta {
				t.Errorf("σ = %d, %g questions: δ(%.4f) = %g: the bound says nothing", sigma, questions, eps*2/3, d)
			}
		}
	}
}

// discreteDelta is Σ max(0, P[z = x] − e^ε·P[z+1 = x]) over the integers.
func discreteDelta(sigma2, eps float64) (delta float64) {
	reach := math.Ceil(40 * math.Sqrt(sigma2))
	mass := func(x float64) float64 { return math.Exp(-x * x / (2 * sigma2)) }
	var norm float64
	for x := -reach; x <= reach; x++ {
		norm += mass(x)
		delta += max(0, mass(x)-math.Exp(eps)*mass(x-1))
	}
	return delta / norm
}

// A step of an adaptive asker: when it asks, whom, and for how much, as a function
// of what the ledger left it.
type step struct {
	wait      int // see when
	amount    int // see price
	recipient string
	owners    int // bit i: owner i
	deltaE15  int64
}

var filterOwners = []string{"op", "acme"}

var stepGen = rapid.Custom(func(t *rapid.T) step {
	return step{
		wait: rapid.IntRange(0, 7).Draw(t, "wait"), amount: rapid.IntRange(0, 6).Draw(t, "amount"),
		recipient: rapid.SampledFrom([]string{"agency", "acme-group", "third"}).Draw(t, "recipient"),
		owners:    rapid.IntRange(1, 3).Draw(t, "owners"),
		deltaE15:  rapid.SampledFrom([]int64{0, 20_000_000, 500_000_000, 3_000_000_000}).Draw(t, "delta"),
	}
})

var stepsGen = rapid.SliceOfN(stepGen, 1, 60)

// when gives the moment of a step. The edges of both windows and of the month are
// hit exactly, and one nanosecond to either side.
func (s step) when(now, first, last time.Time) time.Time {
	at := now
	switch s.wait {
	case 1:
		at = now.Add(time.Nanosecond)
	case 2:
		at = now.Add(3 * 24 * time.Hour)
	case 3: // the turn of the month
		at = monthStart(now).AddDate(0, 1, 0)
	case 4:
		at = monthStart(now).AddDate(0, 1, 0).Add(-time.Nanosecond)
	case 5:
		at = last.Add(window30)
	case 6:
		at = last.Add(window30 - time.Nanosecond)
	case 7:
		at = first.Add(window365)
	}
	if at.Before(now) {
		return now // time never goes back
	}
	return at
}

// price gives what a step asks for: a fixed price, or one chosen by what is left.
func (s step) price(left int64) int64 {
	switch s.amount {
	case 0:
		return gaussianRho(5)
	case 1:
		return gaussianRho(10)
	case 2:
		return 10 * gaussianRho(5)
	case 3:
		return max(1, left) // all of it
	case 4:
		return max(1, left+1) // one unit too much
	case 5:
		return max(1, left/2)
	}
	return max(1, left-1)
}

func monthStart(at time.Time) time.Time {
	at = at.In(entrustment.JST)
	return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, entrustment.JST)
}

// A filter decides whether a charge fits.
type filter func(l *ledger, c []Charge, p *Policy, now time.Time) error

func asBuilt(l *ledger, c []Charge, p *Policy, now time.Time) error { return l.check(c, p, now) }

// calendarReset is the mutant whose 30 days begin anew with each month.
func calendarReset(l *ledger, c []Charge, p *Policy, now time.Time) error {
	return forgetful(l, c, p, now, monthStart(now))
}

// halfWindow is the mutant that forgets after 15 days.
func halfWindow(l *ledger, c []Charge, p *Policy, now time.Time) error {
	return forgetful(l, c, p, now, now.Add(-window30/2))
}

func forgetful(l *ledger, c []Charge, p *Policy, now, from time.Time) error {
	kept := newLedger()
	for a, list := range l.entries {
		kept.entries[a] = slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.at.Before(from) })
	}
	return kept.check(c, p, now)
}

// spree runs an adaptive sequence of charges against a filter and gives what is
// wrong with what it let through, "" if nothing. The sums over windows are its
// own: from the list of accepted charges, not from the ledger.
func spree(steps []step, p *Policy, allow filter) (fault string, accepted int) {
	type spend struct {
		at         time.Time
		rho, delta int64
	}
	spends := map[Account][]spend{}
	l := newLedger()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, entrustment.JST)
	first, last := now, now
	for i, s := range steps {
		now = s.when(now, first, last)
		c := Charge{DeltaE15: s.deltaE15}
		c.Spec[0], c.Spec[1] = byte(i), byte(i>>8)
		left := int64(math.MaxInt64)
		for o, owner := range filterOwners {
			if s.owners>>o&1 == 0 {
				continue
			}
			a := Account{s.recipient, owner}
			c.Accounts = append(c.Accounts, a)
			month, _ := l.spent(a, now, window30)
			year, _ := l.spent(a, now, window365)
			left = min(left, p.Rho30Nano-month, p.Rho365Nano-year)
		}
		c.RhoNano = s.price(left)
		if allow(l, []Charge{c}, p, now) != nil {
			continue
		}
		l.add(&c, now)
		accepted++
		last = now
		for _, a := range c.Accounts {
			spends[a] = append(spends[a], spend{now, c.RhoNano, c.DeltaE15})
			all := Account{Everybody, a.Owner}
			spends[all] = append(spends[all], spend{now, c.RhoNano, c.DeltaE15})
		}
	}
	// The fullest windows end at a charge: it is enough to look at those.
	for a, list := range spends {
		for i, end := range list {
			var rho30, delta30, rho365 int64
			for _, e := range list[:i+1] {
				age := end.at.Sub(e.at)
				if age < window30 {
					rho30, delta30 = rho30+e.rho, delta30+e.delta
				}
				if age < window365 {
					rho365 += e.rho
				}
			}
			switch {
			case a.Recipient == Everybody && rho30 > globalStopNano:
				return fmt.Sprintf("owner %s: %d nano in 30 days over all recipients", a.Owner, rho30), accepted
			case a.Recipient != Everybody && (rho30 > p.Rho30Nano || delta30 > p.Delta30E15 || rho365 > p.Rho365Nano):
				return fmt.Sprintf("account %v: %d nano and %de-15 in 30 days, %d nano in 365 days", a, rho30, delta30, rho365), accepted
			}
		}
	}
	return "", accepted
}

// TestFilterNeverPasses is S9: whatever an adaptive asker does, no account spends
// more than its budget in any window of 30 or 365 days that ends anywhere.
func TestFilterNeverPasses(t *testing.T) {
	p := DefaultPolicy()
	tight := p
	tight.Rho365Nano = p.Rho30Nano * 3 / 2 // so that the year binds within a sequence
	total := 0
	rapid.Check(t, func(t *rapid.T) {
		steps := stepsGen.Draw(t, "steps")
		for _, p := range []*Policy{&p, &tight} {
			fault, accepted := spree(steps, p, asBuilt)
			if fault != "" {
				t.Fatal(fault)
			}
			total += accepted
		}
	})
	if total == 0 {
		t.Error("nothing was accepted: a filter that refuses everything would pass")
	}
}

// TestFilterMutants: a ledger that starts anew with the month, and one whose
// window is half as long, are caught by the same check over the same sequences.
func TestFilterMutants(t *testing.T) {
	p := DefaultPolicy()
	for name, mutant := range map[string]filter{"calendar reset": calendarReset, "half a window": halfWindow} {
		caught := 0
		for seed := range 200 {
			steps := stepsGen.Example(seed)
			if fault, _ := spree(steps, &p, asBuilt); fault != "" {
				t.Fatalf("seed %d, as built: %s", seed, fault)
			}
			if fault, _ := spree(steps, &p, mutant); fault != "" {
				caught++
			}
		}
		if caught == 0 {
			t.Errorf("%s: not seen in 200 sequences", name)
		}
		t.Logf("%s: seen in %d of 200 sequences", name, caught)
	}
}

// TestFilterGlobal: many recipients, each within its own budget, stay within the
// owner's global account; without it they would not.
func TestFilterGlobal(t *testing.T) {
	p := DefaultPolicy()
	var steps []step
	for i := range 40 {
		steps = append(steps, step{amount: 3, recipient: fmt.Sprintf("group-%d", i), owners: 1})
	}
	if fault, accepted := spree(steps, &p, asBuilt); fault != "" || accepted != 32 { // ⌊8/0.25⌋
		t.Errorf("%d accepted, want 32: %s", accepted, fault)
	}
	ownOnly := func(l *ledger, c []Charge, p *Policy, now time.Time) error {
		own := newLedger()
		for a, list := range l.entries {
			if a.Recipient != Everybody {
				own.entries[a] = list
			}
		}
		return own.check(c, p, now)
	}
	if fault, _ := spree(steps, &p, ownOnly); fault == "" {
		t.Error("without the global account 40 recipients should pass it")
	}
}
