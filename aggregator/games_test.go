package aggregator

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"awase/entrustment"
	"awase/matcher"
)

// The advantage games S4 of PRIVACY §6: a coin decides whether the target is in,
// the attacker sees what the gate shows and guesses. The gate passes where the
// guess is not surely better than its bound; the same attack on a gate without
// the control is right nearly always, or the game shows nothing.
type game struct {
	name   string
	sigma  int64
	tables int
	// differ makes the jth question of a game another than the first, beside the
	// list, which is another in each game; nil: by the list too. Questions go
	// through their ids, so one that forgets what differs draws the same noise.
	differ func(s *Spec, j int)
	// exact gives the counts of each table of a game, the target in or out.
	exact func(in bool, rng *rand.Rand) []int64
	// guess tells whether the target is in, from the counts released (-1: withheld).
	guess func(shown []int64) bool
	// mu is what the tables give away together, at most.
	mu    float64
	delta float64
	// without takes the control away, and right is how often the attack then is.
	without rig
	right   float64
}

func noNoise(int64, source) (int64, error) { return 0, nil }

var games = []game{
	{
		name: "A1 k−1 own accounts and the target: is the cell shown?", sigma: 10, tables: 1,
		exact: func(in bool, _ *rand.Rand) []int64 { return []int64{49 + one(in)} },
		guess: func(shown []int64) bool { return shown[0] >= 0 },
		mu:    0, delta: 1e-8,
		without: rig{noise: noNoise, locks: func(exact, _, k, _ int64) bool { return exact >= k }}, right: 0.95,
	},
	{
		name: "A2 500 own accounts and the target: the number", sigma: 10, tables: 1,
		exact: func(in bool, _ *rand.Rand) []int64 { return []int64{500 + one(in)} },
		guess: func(shown []int64) bool { return shown[0] > 500 },
		mu:    0.1, without: rig{noise: noNoise}, right: 1,
	},
	{
		name: "A3 a list with and without the target: the difference", sigma: 10, tables: 2,
		exact: func(in bool, _ *rand.Rand) []int64 { return []int64{700, 700 + one(in)} },
		guess: func(shown []int64) bool { return shown[1] > shown[0] },
		mu:    0.1 * math.Sqrt2, without: rig{noise: noNoise}, right: 1,
	},
	{
		name: "A4 a month's budget on one target", sigma: 10, tables: 50,
		exact: func(in bool, rng *rand.Rand) []int64 {
			out := make([]int64, 50)
			for i := range out {
				out[i] = 400 + 2*int64(i) + one(in) // a list of its own each time
			}
			return out
		},
		guess: func(shown []int64) bool {
			sum := int64(0)
			for i, n := range shown {
				sum += 2 * (n - 400 - 2*int64(i))
			}
			return sum > 50
		},
		mu: 0.1 * math.Sqrt(50), without: rig{noise: noNoise}, right: 1,
	},
	{
		name: "A22 a size at a round number", sigma: 50, tables: 1,
		exact: func(in bool, _ *rand.Rand) []int64 { return []int64{9_999 + one(in)} },
		guess: func(shown []int64) bool { return shown[0] >= 10_000 },
		mu:    0.02, without: rig{noise: noNoise}, right: 1,
	},
	{
		name: "A28 a window shifted by the day on which the target came", sigma: 10, tables: 2,
		exact: func(in bool, rng *rand.Rand) []int64 {
			came := 20 + rng.Int64N(5) // others of that day, known to the attacker
			return []int64{1000 - came, 1000 + one(in)}
		},
		guess: func(shown []int64) bool { return shown[1] > 1000 }, // what the first says is known
		mu:    0.1 * math.Sqrt2, without: rig{noise: noNoise}, right: 1,
		differ: func(s *Spec, j int) {
			day := entrustment.Date{Year: 2026, Month: 11, Day: 1}
			s.Events = &EventSpec{From: day, To: day.Add(6 + j), Categories: []string{"shop"}}
		},
	},
}

func one(in bool) int64 {
	if in {
		return 1
	}
	return 0
}

// play gives how often the attacker is right in n games.
func (g game) play(t *testing.T, m rig, n int) int {
	t.Helper()
	r := m.gate(sumsEngine{})
	rng := rand.New(rand.NewPCG(4, uint64(len(g.name))))
	right := 0
	for i := range n {
		in := rng.IntN(2) == 1
		shown := make([]int64, g.tables)
		for j, exact := range g.exact(in, rng) {
			spec := Spec{Sigma: g.sigma, List: matcher.ListID{byte(i), byte(i >> 8), byte(i >> 16), 1}}
			if g.differ != nil {
				g.differ(&spec, j)
			} else {
				spec.List[31] = byte(j)
			}
			table, err := r.lockCells(matcher.Exact{Users: []int64{exact}}, &spec, &r.policy, noiseStreams(&testKeys.Noise, spec.ID(), PolicyV{}))
			if err != nil {
				t.Fatal(err)
			}
			shown[j] = -1
			if table.Cells[0].Released {
				shown[j] = table.Cells[0].Users
			}
		}
		if g.guess(shown) == in {
			right++
		}
	}
	return right
}

// TestGames plays S4.
func TestGames(t *testing.T) {
	for _, g := range games {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			n := sized(20_000/max(1, g.tables/5), 200_000)
			right := g.play(t, rig{}, n)
			lo, hi := clopperPearson(right, n, 0.0005)
			// A guess is right with probability ≤ Φ(μ/2) + δ/2.
			bound := distuv.UnitNormal.CDF(g.mu/2) + g.delta/2
			t.Logf("right %.4f [%.4f, %.4f] of %d, bound %.4f", float64(right)/float64(n), lo, hi, n, bound)
			if lo > bound {
				t.Errorf("guessed right at least %.4f of the time, the bound is %.4f", lo, bound)
			}
			const few = 500
			if got := float64(g.play(t, g.without, few)) / few; got < g.right {
				t.Errorf("without the control the attack is right %.3f of the time, want %.3f: the game shows nothing", got, g.right)
			}
		})
	}
}

// An observation is what an auditor sees of one release, as a number.
type observation struct {
	name string
	of   func(g rigged, t *Table) float64
	n    int64 // people without the target
}

var observations = []observation{
	{"outputs", func(_ rigged, t *Table) float64 { return float64(t.Cells[0].Users) }, 500},
	{"statuses", func(_ rigged, t *Table) float64 {
		if t.Cells[0].Released {
			return 1
		}
		return 0
	}, 106},
	{"bytes", func(_ rigged, t *Table) float64 {
		raw, err := json.Marshal(struct {
			Cells []Cell
			Other *Cell
		}{t.Cells, t.Other})
		if err != nil {
			return -1
		}
		return float64(len(raw))
	}, 999},
	{"latency", func(g rigged, _ *Table) float64 { return g.clock.Now().Sub(auditStart).Seconds() }, 500},
}

var auditStart = newRoom().clock.Now()

// epsilonBound is S3: the least ε that the rates of an event allow at δ.
func epsilonBound(hits, falseHits, n int, delta float64) float64 {
	tl, tu := clopperPearson(hits, n, auditAlpha)
	fl, fu := clopperPearson(falseHits, n, auditAlpha)
	log := func(a, b float64) float64 {
		if a <= 0 {
			return math.Inf(-1)
		}
		return math.Log(a / b)
	}
	return max(log(tl-delta, fu), log(1-fu-delta, 1-tl), log(fl-delta, tu), log(1-tu-delta, 1-fl))
}

// epsilonAudit gives what releases on D and on D ∪ {t} show of ε.
func epsilonAudit(t *testing.T, m rig, o observation, releases int) float64 {
	t.Helper()
	observe := func(n int64, first uint64) []float64 {
		g := m.gate(nil)
		// The work takes longer with more people, by a millisecond each.
		g.engine = worker{sumsEngine{users: []int64{n}}, g.clock}
		if m.engine != nil {
			g.engine = m.engine(g.engine)
		}
		out := make([]float64, releases)
		for i := range out {
			g.forget()
			g.clock.t = auditStart
			table := release(t, g.Gate, planOf(1, first+uint64(i), "acme", "op"))
			out[i] = o.of(g, table)
		}
		return out
	}
	without, with := observe(o.n, 0), observe(o.n+1, 1<<40)
	half := releases / 2
	above := func(draws []float64, c float64) (x int) {
		for _, d := range draws {
			if d >= c {
				x++
			}
		}
		return x
	}
	// The first halves pick the event, the second halves bound its rates.
	best, at := math.Inf(-1), 0.0
	for i := 0; i < half; i += max(1, half/200) {
		for _, c := range []float64{without[i], with[i]} {
			if e := epsilonBound(above(with[:half], c), above(without[:half], c), half, 0); e > best {
				best, at = e, c
			}
		}
	}
	return epsilonBound(above(with[half:], at), above(without[half:], at), half, reportDelta)
}

// worker takes time for its work.
type worker struct {
	sumsEngine
	clock *fakeClock
}

func (w worker) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	w.clock.forward(time.Duration(w.users[0]) * time.Millisecond)
	return w.sumsEngine.Cells(ctx, q)
}

// TestEpsilonAudit is S3, on outputs, statuses, bytes and latency alone. Each is
// caught where its control is gone.
func TestEpsilonAudit(t *testing.T) {
	eps := Epsilon(float64(gaussianRho(10))/nano, reportDelta)
	exactOnly := func(exact, _, k, _ int64) bool { return exact >= k }
	for _, o := range observations {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			got := epsilonAudit(t, rig{}, o, sized(8_000, 200_000))
			t.Logf("ε is at least %.3f, %.3f is claimed", got, eps)
			if got > eps {
				t.Errorf("ε is at least %.3f, %.3f is claimed", got, eps)
			}
			bad, without := rig{noise: noNoise}, o
			switch o.name {
			case "statuses":
				bad.locks, without.n = exactOnly, 49
			case "latency":
				without.of = func(g rigged, table *Table) float64 { return table.counted.Sub(auditStart).Seconds() } // no tick
			}
			if got := epsilonAudit(t, bad, without, 2_000); got <= eps {
				t.Errorf("without the control ε is shown to be %.3f only: the audit shows nothing", got)
			}
		})
	}
}

// TestCanaries is S5, after Steinke, Nasr and Jagielski 2023: in one release of
// 564 cells a coin puts a canary into each; guessing them by the numbers is right
// about as often as chance has it. It sees missing noise in a single run.
func TestCanaries(t *testing.T) {
	const cells = 564
	right := func(m rig) int {
		g := m.gate(sumsEngine{})
		rng := rand.New(rand.NewPCG(5, 5))
		exact, coins := make([]int64, cells), make([]bool, cells)
		for i := range exact {
			coins[i] = rng.IntN(2) == 1
			exact[i] = 1000 + one(coins[i])
		}
		s := Spec{Sigma: 10}
		table, err := g.lockCells(matcher.Exact{Users: exact}, &s, &g.policy, noiseStreams(&testKeys.Noise, SpecID{5}, PolicyV{}))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i, c := range table.Cells {
			if (c.Users > 1000) == coins[i] {
				n++
			}
		}
		return n
	}
	p := distuv.UnitNormal.CDF(0.1 / 2)
	tail := func(v int) float64 { return 1 - (distuv.Binomial{N: cells, P: p}).CDF(float64(v-1)) }
	if v := right(rig{}); tail(v) < 1e-3 {
		t.Errorf("%d of %d canaries guessed: p = %g", v, cells, tail(v))
	}
	if v := right(rig{noise: noNoise}); tail(v) >= 1e-3 {
		t.Errorf("without noise %d of %d canaries guessed: it should show", v, cells)
	}
}

// TestHockeyStick is S6, in the manner of DP-Auditorium: over pairs of neighbours
// around the locks, at the cap and with a person in several cells, the first
// halves pick the outputs that are likelier on one side by more than e^ε, the
// second halves must not show them to be so beyond δ, in both directions.
func TestHockeyStick(t *testing.T) {
	type pair struct {
		name      string
		spec      Spec
		users     [2][]int64
		sums      [2][]int64
		rhoTables int64 // measures, users included
	}
	events := []Measure{{Name: "events", Cap: 30, Granule: 1}}
	multi := Spec{Sigma: 10, Dims: []Dim{{Source: matcher.EventCategory, Name: "category", Domain: []string{"a", "b", "c"}}}}
	pairs := []pair{
		{name: "empty", spec: Spec{Sigma: 10}, users: [2][]int64{{0}, {1}}},
		{name: "below k", spec: Spec{Sigma: 10}, users: [2][]int64{{49}, {50}}},
		{name: "at k", spec: Spec{Sigma: 10}, users: [2][]int64{{50}, {51}}},
		{name: "at τ", spec: Spec{Sigma: 10}, users: [2][]int64{{106}, {107}}},
		{name: "large", spec: Spec{Sigma: 10}, users: [2][]int64{{5000}, {5001}}},
		{name: "other row", spec: Spec{Sigma: 10}, users: [2][]int64{{60, 60, 49}, {60, 60, 50}}},
		{name: "cap", spec: Spec{Sigma: 10, Measures: events}, users: [2][]int64{{900}, {901}}, sums: [2][]int64{{9000}, {9030}}, rhoTables: 2},
		{name: "three cells", spec: multi, users: [2][]int64{{300, 300, 300}, {301, 301, 301}}},
	}
	shortfall := func(m rig, p pair, n int) float64 {
		g := m.gate(sumsEngine{})
		outputs := func(side int) []string {
			out := make([]string, n)
			for i := range out {
				exact := matcher.Exact{Users: p.users[side]}
				if p.sums[side] != nil {
					exact.Sums = [][]int64{p.sums[side]}
				}
				id := SpecID{byte(i), byte(i >> 8), byte(i >> 16), byte(side), 6}
				table, err := g.lockCells(exact, &p.spec, &g.policy, noiseStreams(&testKeys.Noise, id, PolicyV{}))
				if err != nil {
					t.Fatal(err)
				}
				out[i] = bucket(table)
			}
			return out
		}
		a, b := outputs(0), outputs(1)
		eps := Epsilon(float64(gaussianRho(10)*max(1, p.rhoTables))/nano, reportDelta)
		worst := math.Inf(-1)
		for _, d := range [][2][]string{{a, b}, {b, a}} {
			half := n / 2
			count := func(draws []string) map[string]int {
				c := map[string]int{}
				for _, o := range draws {
					c[o]++
				}
				return c
			}
			first, second := count(d[0][:half]), count(d[1][:half])
			likelier := map[string]bool{}
			for o, x := range first {
				if float64(x) > math.Exp(eps)*float64(second[o]) {
					likelier[o] = true
				}
			}
			hits := func(draws []string) (x int) {
				for _, o := range draws {
					if likelier[o] {
						x++
					}
				}
				return x
			}
			lo, _ := clopperPearson(hits(d[0][half:]), half, 0.0005)
			_, hi := clopperPearson(hits(d[1][half:]), half, 0.0005)
			worst = max(worst, lo-math.Exp(eps)*hi)
		}
		return worst
	}
	const delta = reportDelta + 2e-8
	eighth := rig{noise: func(v int64, src source) (int64, error) { return keyedNoise(max(1, v/64), src) }}
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if got := shortfall(rig{}, p, sized(10_000, 200_000)); got > delta {
				t.Errorf("P(O) − e^ε·P′(O) is at least %g, δ is %g", got, delta)
			}
			// Empty and below k nothing is shown either way, with little noise too.
			if p.users[0][0] < 107 && p.name != "at τ" {
				return
			}
			if got := shortfall(eighth, p, 10_000); got <= delta {
				t.Errorf("with an eighth of the noise %g: the check shows nothing", got)
			}
		})
	}
}

// bucket writes what a table shows, numbers to half a standard deviation.
func bucket(t *Table) string {
	var s string
	for i, c := range t.Cells {
		if !c.Released {
			s += "w "
			continue
		}
		s += fmt.Sprint(c.Users/5/int64(math.Sqrt(float64(c.Terms))), " ")
		for m := range t.Sums {
			s += fmt.Sprint(t.Sums[m].Cells[i]/150, " ")
		}
	}
	if t.Other != nil && t.Other.Released {
		s += fmt.Sprint("o", t.Other.Users/10)
	}
	return s
}
