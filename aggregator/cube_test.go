package aggregator

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/entrustment"
	"awase/matcher"
)

func cubeOf(dims ...string) *entrustment.Question {
	return &entrustment.Question{Schema: "awase.report/v1", Report: "cube", Entrustment: "e", List: "spring", Dims: dims}
}

func sizeOf(where *entrustment.Condition) *entrustment.Question {
	return &entrustment.Question{Schema: "awase.report/v1", Report: "size", Entrustment: "e", List: "spring", Where: where}
}

// TestCubeIsChargedOnce is rule 7: a cube costs one table, ρ and no δ; sizes over
// its dimensions cost nothing and count nothing, before and after a restart.
func TestCubeIsChargedOnce(t *testing.T) {
	cells := make([]int64, 15) // age × gender
	for i := range cells {
		cells[i] = int64(400 + 10*i)
	}
	r := newRoom(cells...)
	cube := compile(t, cubeOf("age", "gender"))
	if r.gate.Holds(cube) {
		t.Error("a cube is held before it was bought")
	}
	table := release(t, r.gate, cube)
	if table.RhoNano != 5_000_000 || table.DeltaE15 != 0 || len(r.book.charges) != 1 || r.book.charges[0].DeltaE15 != 0 {
		t.Errorf("it cost ρ %d, δ %d in %d charges", table.RhoNano, table.DeltaE15, len(r.book.charges))
	}
	for _, gate := range []*Gate{r.gate, r.book.reopen(t, r.engine, r.clock)} {
		if !gate.Holds(cube) {
			t.Fatal("a cube that was bought is not held")
		}
		calls := r.engine.calls
		for i, where := range []entrustment.Condition{in("gender", "f"), not(in("age", "<20")), anyOf(in("gender", "m"), in("age", ">=40")), in("gender", "f", "m", "unknown")} {
			q := sizeOf(&where)
			plan := compile(t, q).FromCubes(q, []*Plan{cube})
			if !plan.Selection() {
				t.Fatalf("condition %d is not answered from the cube", i)
			}
			if got := gate.Price(plan); got.DueNano != 0 {
				t.Errorf("condition %d costs %d", i, got.DueNano)
			}
			tables, err := gate.Release(t.Context(), plan)
			if err != nil {
				t.Fatal(err)
			}
			a := Compose(plan, tables)
			var want int64
			for _, c := range plan.selection.cells {
				want += table.Cube[c]
			}
			if u := a.Rows[0].Users; u == nil || u.Value != want || a.Summed != len(plan.selection.cells) {
				t.Errorf("condition %d: %+v of %d cells, want %d", i, u, a.Summed, want)
			}
		}
		if r.engine.calls != calls || len(r.book.charges) != 1 {
			t.Errorf("selections counted %d times and left %d charges", r.engine.calls-calls, len(r.book.charges))
		}
	}
}

// TestCubeShowsSums: what is shown of a cube, its single cells and its total
// too, is what the noisy lock shows of sums of stored numbers.
func TestCubeShowsSums(t *testing.T) {
	r := newRoom(49, 0, 5000)
	r.gate.noise = func(int64, source) (int64, error) { return 60, nil }
	cube := compile(t, cubeOf("gender"))
	table := release(t, r.gate, cube)
	a := Compose(cube, []*Table{table})
	if !slices.Equal(table.Cube, []int64{109, 60, 5060}) || table.Other != nil {
		t.Errorf("kept %v, other %v", table.Cube, table.Other)
	}
	// 49 people are shown with noise enough: the exact lock takes no part.
	if a.Rows[0].Users == nil || a.Rows[0].Users.Value != 109 || a.Rows[1].Users != nil || a.Rows[2].Users == nil {
		t.Errorf("rows: %+v", a.Rows)
	}
	if a.Total == nil || a.Total.Value != 5229 || a.Total.High-a.Total.Value != 34 { // 1.96·10·√3
		t.Errorf("total: %+v", a.Total)
	}
	if a.HasOther || a.DeltaE15 != 0 {
		t.Errorf("other %v, δ %d", a.HasOther, a.DeltaE15)
	}
	for name, c := range map[string]struct {
		where entrustment.Condition
		shown bool
	}{
		"one cell above τ":        {in("gender", "f"), true},      // 109 ≥ 107
		"one cell below":          {in("gender", "m"), false},     // 60 < 107
		"two cells, √2 the noise": {in("gender", "f", "m"), true}, // 169 ≥ 50+80
		"nobody":                  {entrustment.Condition{Any: []entrustment.Condition{}}, false},
	} {
		q := sizeOf(&c.where)
		if name == "nobody" {
			q.Where = &entrustment.Condition{Not: &entrustment.Condition{All: []entrustment.Condition{in("gender", "f", "m", "unknown")}}}
		}
		plan := compile(t, q).FromCubes(q, []*Plan{cube})
		tables, err := r.gate.Release(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		variance, tau := plan.Noise(&r.gate.policy)
		got := Compose(plan, tables)
		if shown := got.Rows[0].Users != nil; shown != c.shown || got.Tau != tau || variance != 100*int64(got.Summed) {
			t.Errorf("%s: shown %v, τ %d and %d, variance %d", name, shown, got.Tau, tau, variance)
		}
	}
}

// TestCubeSelections: a size is the sum of exactly the cells whose people the
// document's condition holds for, or it is not answered from the cube.
func TestCubeSelections(t *testing.T) {
	cube := compile(t, cubeOf("age", "tier"))
	rapid.Check(t, func(t *rapid.T) {
		c := drawWhere(t, 3)
		q := sizeOf(&c)
		plan := compile(t, q)
		from := plan.FromCubes(q, []*Plan{cube})
		if !from.Selection() {
			if !readsList(plan.Tables[0].Spec.Where) {
				t.Fatalf("%+v is not answered from the cube", c)
			}
			return
		}
		var want []int
		for age := range uint8(5) {
			for tier := range uint8(3) {
				if holds(&c, person{age: age, tier: tier}) {
					want = append(want, int(age)*3+int(tier))
				}
			}
		}
		if !slices.Equal(from.selection.cells, want) {
			t.Fatalf("%+v: cells %v, want %v", c, from.selection.cells, want)
		}
	})
}

func readsList(w *matcher.Where) bool {
	if w == nil {
		return false
	}
	if w.Not != nil {
		return readsList(w.Not)
	}
	return w.List != nil || slices.ContainsFunc(slices.Concat(w.All, w.Any), func(p matcher.Where) bool { return readsList(&p) })
}

// TestCubeOfOthers: a cube answers no size of another list, population or
// eligibility, none that reads what is no dimension of it, and none that names
// a precision of its own. Of two the more precise answers.
func TestCubeOfOthers(t *testing.T) {
	p := DefaultPolicy()
	where := in("gender", "f")
	cubeWith := func(q *entrustment.Question, change func(*Sources)) *Plan {
		src := testSources()
		change(&src)
		plan, err := Compile(q, src, &p)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	q := sizeOf(&where)
	size := compile(t, q)
	other := cubeOf("gender")
	other.List = "old"
	for name, cube := range map[string]*Plan{
		"another list":        compile(t, other),
		"another population":  cubeWith(cubeOf("gender"), func(s *Sources) { s.Population[0] = 9 }),
		"another eligibility": cubeWith(cubeOf("gender"), func(s *Sources) { s.Eligible.Service = "x" }),
		"other dimensions":    compile(t, cubeOf("age")),
		"no cube":             compile(t, profileOf(nil, "gender")),
	} {
		if size.FromCubes(q, []*Plan{cube}).Selection() {
			t.Errorf("%s answers", name)
		}
	}
	own := *q
	own.Sigma = 50
	if compile(t, &own).FromCubes(&own, []*Plan{compile(t, cubeOf("gender"))}).Selection() {
		t.Error("a size at a sigma of its own is answered from the cube")
	}
	fine, coarse := cubeOf("gender", "age"), cubeOf("gender")
	coarse.Sigma = 20
	if got := size.FromCubes(q, []*Plan{compile(t, coarse), compile(t, fine)}); got.Tables[0].Spec.Sigma != 20 { // 20·√1 < 10·√5
		t.Error("the less precise cube answers")
	}
	for name, change := range map[string]func(*entrustment.Question){
		"no dimension": func(q *entrustment.Question) { q.Dims = nil },
		"a condition":  func(q *entrustment.Question) { q.Where = &where },
		"a total":      func(q *entrustment.Question) { q.Total = true },
		"an index":     func(q *entrustment.Question) { q.Index = true },
		"no list":      func(q *entrustment.Question) { q.List = "" },
	} {
		q := cubeOf("gender")
		change(q)
		if _, err := Compile(q, testSources(), &p); codeOf(err) != entrustment.CodeSpec {
			t.Errorf("a cube with %s: %v", name, err)
		}
	}
}

// TestCubeOracle is A30. The attacker knows every count but one: 49 or 50 in the
// target's cell, nobody in the others but one of 5,000 accounts of their own.
// From sums with that cell they learn each cell's noise, then select the
// target's cell with cells whose noise is high. Against an exact lock on
// selections what decides is then the target alone; the cube's answers are worth
// their noise and no more.
func TestCubeOracle(t *testing.T) {
	const (
		games  = 3000
		empty  = 200
		target = 0
		known  = 1
	)
	plan := planOf(empty, 0, "acme", "op")
	spec := &plan.Tables[0].Spec
	spec.Kind = kindCube
	play := func(exactLock bool, game uint64) bool {
		there := game%2 == 1 // the coin
		exact := make([]int64, empty)
		exact[known], exact[target] = 5000, 49
		if there {
			exact[target] = 50
		}
		spec.List[0], spec.List[1] = byte(game), byte(game>>8)
		plan.Tables[0].ID = spec.ID()
		r := newRoom(exact...)
		table := release(t, r.gate, plan)
		shown := func(cells ...int) (int64, bool) {
			s := selection{cells: cells}
			c, _ := s.sum(table)
			if exactLock {
				var n int64
				for _, i := range cells {
					n += exact[i]
				}
				return c.Users, c.Released && n >= table.K
			}
			return c.Users, c.Released
		}
		base, _ := shown(known)
		noise := func(i int) int64 {
			n, ok := shown(known, i)
			if !ok {
				t.Fatal("a sum with the attacker's own cell is withheld")
			}
			return n - base
		}
		high := []int{target}
		for i := known + 1; i < empty; i++ {
			if noise(i) > 8 {
				high = append(high, i)
			}
		}
		_, ok := shown(high...)
		if exactLock {
			return ok == there
		}
		if !ok {
			t.Fatal("the attacker's selection is withheld whatever it holds: the attack is badly played")
		}
		return (2*noise(target) > 49+50) == there // the best guess from the number itself
	}
	right := func(exactLock bool, games int) float64 {
		n := 0
		for game := range uint64(games) {
			if play(exactLock, game) {
				n++
			}
		}
		return float64(n) / float64(games)
	}
	// Φ(1/2σ) = 0.520 and five standard errors of 3,000 games.
	if got, bound := right(false, games), 0.520+5*math.Sqrt(0.25/games); got > bound {
		t.Errorf("the cube is guessed right %g of the time, the bound is %g", got, bound)
	}
	if got := right(true, 300); got < 0.95 {
		t.Errorf("with the exact lock on selections the attack is right %g of the time only", got)
	}
}
