package aggregator

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

var testShares = Shares{
	"age":    {"<20": 0.02, "20-29": 0.3, "30-39": 0.4, ">=40": 0.1},
	"gender": {"f": 0.6, "m": 0.39},
}

// TestForecastAgainstTheGate: what is forecast is, on average, what the gate
// withholds of people drawn by the same shares.
func TestForecastAgainstTheGate(t *testing.T) {
	where := anyOf(in("gender", "f"), not(in("age", "<20", "unknown")))
	for name, c := range map[string]struct {
		q      *entrustment.Question
		expect int64
		list   int64
	}{
		"two dimensions":           {profileOf(nil, "age", "gender"), 1500, 0},
		"of a list":                {profileOf(nil, "age", "gender"), 0, 1200},
		"a condition on the same":  {profileOf(&where, "age", "gender"), 1500, 0},
		"a condition on another":   {profileOf(&where, "age"), 0, 600},
		"expected, with condition": {profileOf(&where, "age"), 400, 0},
		"a cube":                   {cubeOf("age", "gender"), 1500, 0},
	} {
		t.Run(name, func(t *testing.T) {
			plan := compile(t, c.q)
			spec := &plan.Tables[0].Spec
			p := DefaultPolicy()
			f := plan.Forecast(c.expect, c.list, testShares, &p)
			if len(f.Missing) > 0 || f.Cells != spec.cells() {
				t.Fatalf("%+v", f)
			}
			// People as the forecast takes them, thrown into cells.
			rng := rand.New(rand.NewPCG(7, 7))
			w := weights{shares: testShares}
			age, _ := w.of(Dim{Source: matcher.BaseColumn, Name: "age", Domain: columnA.Domain})
			gender, _ := w.of(Dim{Source: matcher.BaseColumn, Name: "gender", Domain: columnG.Domain})
			draw := func(part []float64) int {
				x := rng.Float64()
				for i, v := range part {
					if x -= v; x < 0 {
						return i
					}
				}
				return len(part) - 1
			}
			var withheld, people float64
			const rounds = 400
			for round := range uint64(rounds) {
				exact := make([]int64, spec.cells())
				n := int64(0)
				for thrown := int64(0); ; thrown++ {
					if c.expect > 0 && n == c.expect || c.expect == 0 && thrown == c.list {
						break
					}
					a, g := draw(age), draw(gender)
					who := map[string]string{"age": columnA.Domain[a], "gender": columnG.Domain[g]}
					if c.q.Where != nil && !meets(c.q.Where, who) {
						continue
					}
					n++
					cell := a
					if len(c.q.Dims) == 2 {
						cell = a*3 + g
					}
					exact[cell]++
				}
				people += float64(n) / rounds
				r := newRoom(exact...)
				fresh := *plan
				fresh.Tables = slices.Clone(plan.Tables)
				fresh.Tables[0].Spec.Population = matcher.PopulationID{byte(round), byte(round >> 8)}
				fresh.Tables[0].ID = fresh.Tables[0].Spec.ID()
				for _, cell := range release(t, r.gate, &fresh).Cells {
					if !cell.Released {
						withheld += 1.0 / rounds
					}
				}
			}
			// A cell near the lock is decided by the draw of people too, which the
			// forecast takes at its mean: within a fifth of a cell.
			if math.Abs(f.Withheld-withheld) > 0.2 || math.Abs(float64(f.People)-people) > 0.02*people+1 {
				t.Errorf("forecast %.2f of %d people, the gate withheld %.2f of %.0f", f.Withheld, f.People, withheld, people)
			}
		})
	}
}

// meets is the plain meaning of a condition on attributes.
func meets(c *entrustment.Condition, who map[string]string) bool {
	switch {
	case c.Not != nil:
		return !meets(c.Not, who)
	case c.Any != nil:
		return slices.ContainsFunc(c.Any, func(s entrustment.Condition) bool { return meets(&s, who) })
	}
	for name, values := range c.In {
		return slices.Contains(values, who[name])
	}
	return false
}

// TestForecastMissing: without public shares there is no forecast, and it says
// of what; a stated number makes up for the condition alone.
func TestForecastMissing(t *testing.T) {
	p := DefaultPolicy()
	onOld := entrustment.Condition{List: "old"}
	for name, c := range map[string]struct {
		q                *entrustment.Question
		expect           int64
		shares           Shares
		missing, unknown []string
	}{
		"a column of the list":     {profileOf(nil, "tier", "age"), 1000, testShares, nil, []string{"tier"}},
		"a list in the condition":  {profileOf(&onOld, "age"), 0, testShares, nil, []string{UnknownList}},
		"the same, a number given": {profileOf(&onOld, "age"), 1000, testShares, nil, nil},
		"tier in the condition":    {profileOf(&entrustment.Condition{In: map[string][]string{"tier": {"gold"}}}, "age"), 0, testShares, nil, []string{"tier"}},
		// Shares can be declared of the base's attributes: they alone have a mend there.
		"no shares":                     {profileOf(nil, "age"), 1000, nil, []string{"age"}, nil},
		"no shares, list in condition":  {profileOf(&onOld, "age"), 0, nil, []string{"age"}, []string{UnknownList}},
		"no shares, attribute in where": {profileOf(ptr(in("age", "<20")), "tier"), 0, nil, []string{"age"}, []string{"tier"}},
	} {
		if f := compile(t, c.q).Forecast(c.expect, 5000, c.shares, &p); !slices.Equal(f.Missing, c.missing) || !slices.Equal(f.Unknown, c.unknown) {
			t.Errorf("%s: missing %v, unknown %v, want %v, %v", name, f.Missing, f.Unknown, c.missing, c.unknown)
		}
	}
	size := sizeOf(nil)
	if f := compile(t, size).Forecast(332, 0, nil, &p); f.Cells != 1 || math.Abs(f.Withheld-0.5) > 0.01 {
		t.Errorf("a size at its lock: %+v", f)
	}
}
