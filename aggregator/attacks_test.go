package aggregator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"awase/matcher"
)

// asker draws tables of known exact counts, each an answer to a question of its
// own.
type asker struct {
	t *testing.T
	rigged
	n int
}

func (m rig) asker(t *testing.T) *asker { return &asker{t: t, rigged: m.gate(sumsEngine{})} }

// ask gives the numbers of a table and its table.
func (a *asker) ask(s Spec, exact ...int64) *Table {
	a.t.Helper()
	a.n++
	id := SpecID{byte(a.n), byte(a.n >> 8), byte(a.n >> 16), 77}
	table, err := a.lockCells(matcher.Exact{Users: exact}, &s, &a.policy, noiseStreams(&testKeys.Noise, id, PolicyV{}))
	if err != nil {
		a.t.Fatal(err)
	}
	return table
}

// number gives the one number of a table of one cell.
func (a *asker) number(sigma, exact int64) float64 {
	a.t.Helper()
	c := a.ask(Spec{Sigma: sigma}, exact).Cells[0]
	if !c.Released {
		a.t.Fatalf("a cell of %d people is withheld", exact)
	}
	return float64(c.Users)
}

// TestTracker is A7, after Denning and Schlörer: who may not ask for a small set
// asks for A, its complement and everybody, and subtracts. The residual is never
// less noisy than two answers; without noise it is exact.
func TestTracker(t *testing.T) {
	residuals := func(m rig, n int) (sd float64) {
		a := m.asker(t)
		for range n {
			r := a.number(10, 703) + a.number(10, 1200) - a.number(10, 1900) // 3 are what is sought
			sd += (r - 3) * (r - 3) / float64(n)
		}
		return math.Sqrt(sd)
	}
	n := sized(4_000, 200_000)
	// Four standard errors below the sd of three draws it would still be well above
	// that of two.
	if sd := residuals(rig{}, n); sd < 10*math.Sqrt2 {
		t.Errorf("the residual of a tracker has sd %.2f, less than σ√2", sd)
	}
	if sd := residuals(rig{noise: noNoise}, 100); sd != 0 {
		t.Errorf("without noise the tracker's residual has sd %.2f: the test shows nothing", sd)
	}
}

// TestWithheldIsNotTheRest is A8: a withheld cell as the total less the rest. It
// comes out exactly no more often than a draw of noise is 0.
func TestWithheldIsNotTheRest(t *testing.T) {
	recovered := func(m rig, n int) (right int) {
		a := m.asker(t)
		spec := Spec{Sigma: 10, Dims: []Dim{{Name: "x", Domain: values(4)}}, WithTotal: true}
		for i := range n {
			small := int64(1 + i%49)
			table := a.ask(spec, 400, 600, 500, small)
			if table.Cells[3].Released || table.Other != nil {
				t.Fatal("a small cell, or another row of one cell, was released")
			}
			rest := table.Total.Users
			for _, c := range table.Cells[:3] {
				rest -= c.Users
			}
			if rest == small {
				right++
			}
		}
		return right
	}
	n := sized(10_000, 200_000)
	p := distuv.UnitNormal.CDF(0.05) - distuv.UnitNormal.CDF(-0.05) // of one draw at σ 10
	limit := p + 3*math.Sqrt(p*(1-p)/float64(n))
	if got := float64(recovered(rig{}, n)) / float64(n); got > limit {
		t.Errorf("a withheld cell was recovered in %.4f of the tables, at most %.4f would be chance", got, limit)
	}
	if got := recovered(rig{noise: noNoise}, 100); got != 100 {
		t.Errorf("without noise %d of 100 were recovered: the test shows nothing", got)
	}
}

// reconstruct is the attack of Dinur and Nissim (2003) as Cohen and Nissim ran
// it on Diffix: the attacker knows n people and seeks a bit of each, asks for the
// bits' sums over random sets of them beside 600 accounts of its own, and solves
// for them by least squares. It gives how many bits come out right.
func (a *asker) reconstruct(rng *rand.Rand, n, questions int) (right int) {
	const own = 600
	secret := make([]int64, n)
	for i := range secret {
		secret[i] = rng.Int64N(2)
	}
	sets, answers := mat.NewDense(questions, n, nil), mat.NewVecDense(questions, nil)
	for q := range questions {
		sum, expected := int64(0), 0.0
		for i := range n {
			if rng.IntN(2) == 1 {
				sets.Set(q, i, 1)
				sum += secret[i]
				expected += 0.5
			}
		}
		answers.SetVec(q, a.number(10, own+sum)-own-expected)
	}
	var guess mat.VecDense
	if err := guess.SolveVec(sets, answers); err != nil { // least norm, or least squares
		a.t.Fatal(err)
	}
	for i := range n {
		if (guess.AtVec(i) > 0) == (secret[i] == 1) {
			right++
		}
	}
	return right
}

// TestReconstruction is A9: with a month's budget a bit is guessed right no more
// often than Φ(μ/2), μ of all 50 answers; 200 exact answers give every bit away.
func TestReconstruction(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	const n = 200
	worlds := sized(20, 1_000)
	right := 0
	for range worlds {
		right += rig{}.asker(t).reconstruct(rng, n, 50)
	}
	lo, hi := clopperPearson(right, worlds*n, 0.0005)
	bound := distuv.UnitNormal.CDF(0.1 * math.Sqrt(50) / 2)
	t.Logf("bits right %.3f [%.3f, %.3f], bound %.3f", float64(right)/float64(worlds*n), lo, hi, bound)
	if lo > bound {
		t.Errorf("at least %.3f of the bits are right, the bound is %.3f", lo, bound)
	}
	if right := (rig{noise: noNoise}).asker(t).reconstruct(rng, n, 2*n); right != n {
		t.Errorf("exact answers give %d of %d bits away: the test shows nothing", right, n)
	}
}

// TestConfidentGuesses is A10: an attacker that speaks only where it is sure
// (Dick et al. 2023; Liu et al. 2025) names members at a false-positive rate of
// 1e-3 no more often than Φ(Φ⁻¹(1e-3)+μ), with one table and with a month's.
func TestConfidentGuesses(t *testing.T) {
	const fpr = 1e-3
	// rate gives bounds of the true-positive rate at a false-positive rate that is
	// surely at most fpr and its own upper bound.
	rate := func(m rig, tables, n int) (tprLow, fprHigh float64) {
		a := m.asker(t)
		scores := func(in bool) []float64 {
			out := make([]float64, n)
			for i := range out {
				for range tables {
					out[i] += a.number(10, 500+one(in))
				}
			}
			return out
		}
		without, with := scores(false), scores(true)
		half := n / 2
		pick := slices.Sorted(slices.Values(without[:half]))
		at := pick[half-1-int(fpr*float64(half))]
		above := func(draws []float64) (x int) {
			for _, d := range draws {
				if d > at {
					x++
				}
			}
			return x
		}
		tprLow, _ = clopperPearson(above(with[half:]), half, 0.0005)
		_, fprHigh = clopperPearson(above(without[half:]), half, 0.0005)
		return tprLow, fprHigh
	}
	for _, tables := range []int{1, 50} {
		n := sized(20_000, 400_000) / max(1, tables/5)
		mu := 0.1 * math.Sqrt(float64(tables))
		low, high := rate(rig{}, tables, n)
		bound := distuv.UnitNormal.CDF(distuv.UnitNormal.Quantile(high) + mu)
		t.Logf("%d tables: true positives at least %.5f at a false-positive rate of at most %.5f, bound %.5f", tables, low, high, bound)
		if low > bound {
			t.Errorf("%d tables: %.5f of the members are named, the bound is %.5f", tables, low, bound)
		}
	}
	low, high := rate(rig{noise: noNoise}, 1, 20_000)
	if bound := distuv.UnitNormal.CDF(distuv.UnitNormal.Quantile(high) + 0.1); low <= bound {
		t.Errorf("without noise %.5f are named, within the bound of %.5f: the test shows nothing", low, bound)
	}
}

// TestColludersGetOneAnswer is A26: two groups that ask the same share one
// draw, byte for byte, and both pay. Were the recipient in the seed, they would
// average it out.
func TestColludersGetOneAnswer(t *testing.T) {
	answers := func(seeded bool) map[string]bool {
		g := rig{}.gate(sumsEngine{users: []int64{500, 600, 700}})
		out := map[string]bool{}
		for i := range 20 {
			recipient := fmt.Sprint("group-", i)
			if seeded {
				g.streams = func(p *Planned, v PolicyV) streamFunc {
					id := p.ID
					copy(id[:], recipient)
					return noiseStreams(&testKeys.Noise, id, v)
				}
			}
			out[fmt.Sprint(release(t, g.Gate, planOf(3, 1, recipient, "acme", "op")).Cells)] = true
			if len(g.book.charges) != i+1 {
				t.Fatalf("%d charges of %d recipients", len(g.book.charges), i+1)
			}
			clear(g.tables) // the draw alone makes it the same, not the memory
		}
		return out
	}
	if n := len(answers(false)); n != 1 {
		t.Errorf("%d answers to one question", n)
	}
	if n := len(answers(true)); n < 15 {
		t.Errorf("with the recipient in the seed %d answers: the test shows nothing", n)
	}
}
