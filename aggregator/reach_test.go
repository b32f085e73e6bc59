package aggregator

import (
	"slices"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// TestReachFrequencyCells: a cell of people who saw it five times has no sum of
// impressions and no average of them: it is the definition of the cell, with the
// noise of a cap. They stand in the total.
func TestReachFrequencyCells(t *testing.T) {
	for _, c := range []struct {
		measures     []string
		sums, rates  []bool // what a cell has, by Answer.Measures and Answer.Rates
		total, share int    // of the total
	}{
		{[]string{"impressions"}, []bool{false}, []bool{false}, 1, 1},
		{[]string{"events"}, []bool{false}, []bool{false}, 1, 1},
		{[]string{"impressions", "clicks", "spend"}, []bool{false, true, true}, []bool{false, false, true}, 3, 3},
	} {
		plan, err := compileEvents(t, func(q *entrustment.Question) { q.Report, q.Measures = "reach-frequency", c.measures })
		if err != nil {
			t.Fatal(err)
		}
		n := plan.Tables[0].Spec.cells()
		exact := sumsEngine{users: make([]int64, n)}
		for range plan.Tables[0].Spec.Measures {
			exact.sums = append(exact.sums, make([]int64, n))
		}
		for i := range n - 2 { // the last two are withheld: there is an other row
			exact.users[i] = 1_000_000
			for j, s := range exact.sums {
				s[i] = 2_000_000 / int64(1+j)
			}
		}
		clock := newRoom().clock
		g := New(exact, &memoryBook{now: clock.Now}, clock, testKeys)
		a := Compose(plan, []*Table{release(t, g, plan)})
		for i, row := range a.Rows[:n-2] {
			for j, want := range c.sums {
				if got := row.Sums[j] != nil; got != want {
					t.Errorf("%v: cell %d has a sum of %s: %v", c.measures, i, a.Measures[j], got)
				}
			}
			for j, want := range c.rates {
				if got := row.Rates[j] != nil; got != want {
					t.Errorf("%v: cell %d has the rate %s: %v", c.measures, i, a.Rates[j], got)
				}
			}
		}
		for j, want := range c.sums {
			if !want && (a.OtherSums[j] != nil || a.TotalSums[j] == nil) {
				t.Errorf("%v: %s stands elsewhere than in the total: other %v, total %v", c.measures, a.Measures[j], a.OtherSums[j], a.TotalSums[j])
			}
		}
		rates := 0
		for _, r := range a.TotalRate {
			if r != nil {
				rates++
			}
		}
		if len(a.TotalSums) != c.total || rates != c.share {
			t.Errorf("%v: the total has %d sums and %d rates", c.measures, len(a.TotalSums), rates)
		}
	}
}

// TestIndexReach: the condition alone tells, before anything is charged, that an
// index over its own dimension can show nothing.
func TestIndexReach(t *testing.T) {
	ask := func(where *entrustment.Condition, index bool, dims ...string) Reach {
		q := profileOf(where, dims...)
		q.Index = index
		return compile(t, q).IndexReach()
	}
	one, part := ptr(in("age", "<20")), ptr(not(in("age", "<20")))
	onOld := entrustment.Condition{List: "old"}
	for name, c := range map[string]struct {
		got, want Reach
	}{
		"its own dimension, one value":  {ask(one, true, "age"), ReachOne},
		"no index":                      {ask(one, false, "age"), ReachAll},
		"no condition":                  {ask(nil, true, "age"), ReachAll},
		"another dimension":             {ask(one, true, "gender"), ReachAll},
		"one of two dimensions":         {ask(one, true, "age", "gender"), ReachPart},
		"all but one value":             {ask(part, true, "age"), ReachPart},
		"a list as well":                {ask(ptr(all(*one, onOld)), true, "age"), ReachOne},
		"or a list":                     {ask(ptr(anyOf(*one, onOld)), true, "age"), ReachAll},
		"not the other and not on list": {ask(ptr(all(*part, not(onOld))), true, "age"), ReachPart},
		"both dimensions":               {ask(ptr(all(*one, in("gender", "f"))), true, "age", "gender"), ReachOne},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
}

// TestMatchedByHasTheContractsKinds: a cell of a kind that nobody may be matched
// by would always be withheld.
func TestMatchedByHasTheContractsKinds(t *testing.T) {
	q := &entrustment.Question{Schema: "awase.report/v1", Report: "overlap", Entrustment: "e", List: "spring", Dims: []string{entrustment.DimMatchedBy}}
	p := DefaultPolicy()
	ids := map[SpecID]bool{}
	for _, c := range []struct {
		named []string
		want  map[string]int64 // near what each cell shows
	}{
		{nil, map[string]int64{"email": 10_000, "phone": 20_000, "cookie": 30_000, "maid": 40_000}},
		{[]string{"phone", "email"}, map[string]int64{"email": 10_000, "phone": 20_000}},
		{[]string{"maid", "phone"}, map[string]int64{"phone": 20_000, "maid": 40_000}},
	} {
		src := testSources()
		src.Identifiers = c.named
		plan, err := Compile(q, src, &p)
		if err != nil {
			t.Fatal(err)
		}
		ids[plan.Tables[0].ID] = true
		clock := newRoom().clock
		engine := &fakeEngine{cells: func(q matcher.Query) []int64 {
			if q.Dims[0].Size != int(matcher.Kinds) {
				t.Errorf("the engine is asked for %d kinds", q.Dims[0].Size)
			}
			return []int64{10_000, 20_000, 30_000, 40_000}
		}}
		a := Compose(plan, []*Table{release(t, New(engine, &memoryBook{now: clock.Now}, clock, testKeys), plan)})
		if len(a.Rows) != len(c.want) || a.Withheld != 0 || a.HasOther {
			t.Errorf("%v: %d rows, %d withheld, another row %v", c.named, len(a.Rows), a.Withheld, a.HasOther)
		}
		for _, row := range a.Rows {
			if d := row.Users.Value - c.want[row.Key[0]]; max(d, -d) > 100 { // ten standard deviations
				t.Errorf("%v: %s shows %d", c.named, row.Key[0], row.Users.Value)
			}
		}
		if f := plan.Forecast(100, 0, nil, &p); f.Cells != len(c.want) {
			t.Errorf("%v: the forecast is of %d cells", c.named, f.Cells)
		}
	}
	if len(ids) != 3 {
		t.Error("questions with other cells have one identity")
	}
	// The order in which a contract names them makes no other question.
	a, b := testSources(), testSources()
	a.Identifiers, b.Identifiers = []string{"email", "phone"}, []string{"phone", "email"}
	pa, _ := Compile(q, a, &p)
	pb, _ := Compile(q, b, &p)
	if !slices.Equal(pa.Tables[0].Spec.Dims[0].Domain, pb.Tables[0].Spec.Dims[0].Domain) || pa.Tables[0].ID != pb.Tables[0].ID {
		t.Error("the order of the contract's identifiers makes another question")
	}
}

// TestLeastPeople: what has the noisy lock alone names no exact one.
func TestLeastPeople(t *testing.T) {
	p := DefaultPolicy()
	for report, want := range map[string]int64{"profile": p.K, "size": 0, "cube": 0} {
		q := profileOf(nil, "age")
		if q.Report = report; report == "size" {
			q.Dims = nil
		}
		pl := compile(t, q)
		n := pl.Tables[0].Spec.cells()
		clock := newRoom().clock
		g := New(&fakeEngine{cells: func(matcher.Query) []int64 { return make([]int64, n) }}, &memoryBook{now: clock.Now}, clock, testKeys)
		if a := Compose(pl, []*Table{release(t, g, pl)}); a.K != want || pl.LeastPeople(&p) != want {
			t.Errorf("%s: k %d and %d, want %d", report, a.K, pl.LeastPeople(&p), want)
		}
	}
}
