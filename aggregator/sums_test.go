package aggregator

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// sumsEngine answers with constant cells and sums.
type sumsEngine struct {
	matcher.Engine
	users []int64
	sums  [][]int64
}

func (e sumsEngine) Cells(context.Context, matcher.Query) (matcher.Exact, error) {
	return matcher.Exact{Users: e.users, Sums: e.sums}, nil
}

func eventSources() Sources {
	src := testSources()
	src.Categories = []string{"shop", "spring", "summer"}
	src.Events = []EventSource{{ID: matcher.EventsID{7}, Last: entrustment.Date{Year: 2026, Month: 10, Day: 31}, Owner: src.BaseOwner}}
	return src
}

func compileEvents(t *testing.T, change func(*entrustment.Question)) (*Plan, error) {
	t.Helper()
	q := &entrustment.Question{Schema: "awase.report/v1", Report: "behaviour", Entrustment: "e", List: "spring"}
	change(q)
	p := DefaultPolicy()
	return Compile(q, eventSources(), &p)
}

// TestSumsCompile: the days, the categories and the caps of a question are in
// its identity, and its price has every measure in it.
func TestSumsCompile(t *testing.T) {
	plan, err := compileEvents(t, func(q *entrustment.Question) { q.Measures = []string{"spend", "users", "impressions"} })
	if err != nil {
		t.Fatal(err)
	}
	spec := plan.Tables[0].Spec
	if got := plan.Question.Measures; !slices.Equal(got, []string{"users", "impressions", "spend"}) {
		t.Errorf("measures %v", got)
	}
	if w := plan.Question.Window; w == nil || w.From.String() != "2026-10-02" || w.To.String() != "2026-10-31" {
		t.Errorf("window %v, want the 30 days up to the last of the logs", w)
	}
	if spec.cellsOfOne() != 3 || len(spec.Measures) != 2 || spec.Measures[1].Cap != 300 {
		t.Errorf("L0 %d, measures %+v", spec.cellsOfOne(), spec.Measures)
	}
	p := DefaultPolicy()
	if rho, delta := spec.price(&p); rho != 3*gaussianRho(10) || delta != p.DeltaThrE15 {
		t.Errorf("price %d, %d", rho, delta)
	}
	ids := map[SpecID]string{plan.Tables[0].ID: "as it is"}
	for name, change := range map[string]func(*entrustment.Question){
		"measure": func(q *entrustment.Question) { q.Measures = []string{"spend"} },
		"window": func(q *entrustment.Question) {
			q.Measures = []string{"spend", "impressions"}
			q.Window = &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 10, Day: 1}, To: entrustment.Date{Year: 2026, Month: 10, Day: 31}}
		},
		"categories": func(q *entrustment.Question) {
			q.Measures = []string{"spend", "impressions"}
			q.Categories = []string{"shop"}
		},
		"where": func(q *entrustment.Question) {
			q.Measures = []string{"spend", "impressions"}
			q.Where = &entrustment.Condition{Event: &entrustment.EventCondition{Category: "shop", AtLeast: 2, Within: 30}}
		},
	} {
		other, err := compileEvents(t, change)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if was, ok := ids[other.Tables[0].ID]; ok {
			t.Errorf("%s has the id of %s", name, was)
		}
		ids[other.Tables[0].ID] = name
	}
	same, err := compileEvents(t, func(q *entrustment.Question) {
		q.Measures, q.Dims = []string{"impressions", "spend"}, []string{"category"}
		q.Categories = []string{"summer", "spring", "shop"}
	})
	if err != nil || same.Tables[0].ID != plan.Tables[0].ID {
		t.Errorf("the same question in other words has another id: %v", err)
	}
}

// TestSumsRefused: what can't be asked is refused before anything is read.
func TestSumsRefused(t *testing.T) {
	long := &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 10, Day: 1}, To: entrustment.Date{Year: 2026, Month: 10, Day: 9}}
	for name, c := range map[string]struct {
		change func(*entrustment.Question)
		code   entrustment.Code
	}{
		"measure":                {func(q *entrustment.Question) { q.Measures = []string{"salary"} }, entrustment.CodeSpec},
		"nine days":              {func(q *entrustment.Question) { q.Dims, q.Window = []string{"day"}, long }, entrustment.CodeLimit},
		"days by category":       {func(q *entrustment.Question) { q.Dims = []string{"day", "category"}; q.Window = long }, entrustment.CodeLimit},
		"total of overlapping":   {func(q *entrustment.Question) { q.Total = true }, entrustment.CodeSpec},
		"noise past the sampler": {func(q *entrustment.Question) { q.Measures = []string{"spend"}; q.Sigma = 7 }, entrustment.CodeLimit},
	} {
		if _, err := compileEvents(t, c.change); codeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// TestSumsNoise: the noise of each measure is that of its own cap and of the
// cells that one person may be in, and it is drawn anew for each measure.
func TestSumsNoise(t *testing.T) {
	plan, err := compileEvents(t, func(q *entrustment.Question) { q.Dims, q.Measures = []string{"age"}, []string{"events", "spend"} })
	if err != nil {
		t.Fatal(err)
	}
	spec := plan.Tables[0].Spec
	n := spec.cells()
	exact := matcher.Exact{Users: make([]int64, n), Sums: [][]int64{make([]int64, n), make([]int64, n)}}
	for i := range n {
		exact.Users[i], exact.Sums[0][i], exact.Sums[1][i] = 1_000_000, 10_000_000, 100_000_000
	}
	r := newRoom()
	var draws [3][]float64 // users, events, spend
	for trial := range 400 {
		id := spec.ID()
		id[0], id[1] = byte(trial), byte(trial>>8)
		table, err := r.gate.lockCells(exact, &spec, &r.gate.policy, noiseStreams(&testKeys.Noise, id, PolicyV{}))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			draws[0] = append(draws[0], float64(table.Cells[i].Users-1_000_000))
			draws[1] = append(draws[1], float64(table.Sums[0].Cells[i]-10_000_000))
			draws[2] = append(draws[2], float64(table.Sums[1].Cells[i]-100_000_000))
		}
	}
	sd := 10 * math.Sqrt(3) // three categories
	for i, want := range []float64{sd, sd * 30, sd * 300} {
		// S1's bound: five standard errors of a variance, wrong once in 2·10⁶.
		v, count := 0.0, float64(len(draws[i]))
		for _, z := range draws[i] {
			v += z * z / count
		}
		if math.Abs(v/(want*want)-1) > 5*math.Sqrt(2/count) {
			t.Errorf("measure %d: standard deviation %.1f, want %.1f", i, math.Sqrt(v), want)
		}
		for j := range i {
			c := 0.0
			for k := range draws[i] {
				c += draws[i][k] * draws[j][k] / count
			}
			if c /= want * sd * []float64{1, 30, 300}[j]; math.Abs(c) > 5/math.Sqrt(count) {
				t.Errorf("the noise of measures %d and %d goes together: %.3f", i, j, c)
			}
		}
	}
}

// TestSumsFollowTheLocks: a cell that is withheld shows no measure.
func TestSumsFollowTheLocks(t *testing.T) {
	plan, err := compileEvents(t, func(q *entrustment.Question) { q.Categories = []string{"shop"} })
	if err != nil {
		t.Fatal(err)
	}
	clock := newRoom().clock
	book := &memoryBook{now: clock.Now}
	for _, users := range []int64{0, 49, 50, 500} {
		plan.Tables[0].Spec.List[5]++
		plan.Tables[0].ID = plan.Tables[0].Spec.ID()
		g := New(sumsEngine{users: []int64{users}, sums: [][]int64{{30 * users}}}, book, clock, testKeys)
		table := release(t, g, plan)
		if shown := table.Cells[0].Released; shown != (users == 500) || !shown && table.Sums[0].Cells[0] != 0 {
			t.Errorf("%d users: released %v, sum %d", users, shown, table.Sums[0].Cells[0])
		}
	}
}

// crowd is an engine over 600 users who each bought for 1,000 yen, but for the
// last, who bought for as much as target says.
func crowd(t *testing.T, target int64) *matcher.Embedded {
	t.Helper()
	e := matcher.NewEmbedded()
	b := matcher.NewBaseBuilder(nil)
	var rows []matcher.EventRow
	for i := range 600 {
		var p matcher.Person
		p.User[0], p.User[1], p.User[2] = 1, byte(i), byte(i>>8)
		who := p.User
		if err := b.Add(&p); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, matcher.EventRow{User: &who, Day: 100, Value: 1000})
	}
	rows[599].Value = target
	base, err := b.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := matcher.NewEvents(base, []matcher.EventType{{Kind: "conversion", Category: "shop"}}, "yen", slices.Values(rows))
	if err != nil {
		t.Fatal(err)
	}
	e.PutBase(matcher.PopulationID{1}, base)
	e.PutEvents(matcher.PopulationID{1}, matcher.EventsID{7}, log)
	return e
}

// unclamped takes the clamp away: a person adds up to 65,536 granules.
type unclamped struct{ matcher.Engine }

func (u unclamped) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	e := *q.Events
	e.Sums = slices.Clone(e.Sums)
	for i := range e.Sums {
		e.Sums[i].Cap = 1 << 16
	}
	q.Events = &e
	return u.Engine.Cells(ctx, q)
}

// TestSumsDigitCoding is attack A5: one row is given a value so large that it
// shows in the sum whether its person is there. The clamp leaves no more than
// the noise covers; without it the guess is right at least 95 times in 100.
func TestSumsDigitCoding(t *testing.T) {
	spec := Spec{Population: matcher.PopulationID{1}, Sigma: 10, Measures: []Measure{{Name: "spend", Kinds: []string{"conversion"}, Unit: "yen", Cap: 300, Granule: 100}},
		Events: &EventSpec{Logs: []matcher.EventsID{{7}}, From: entrustment.Date{Year: 1970, Month: 4, Day: 11}, To: entrustment.Date{Year: 1970, Month: 4, Day: 11}, Categories: []string{"shop"}}}
	const trials = 4000
	accuracy := func(take func(matcher.Engine) matcher.Engine) float64 {
		right := 0
		var exact [2]matcher.Exact
		for bit, value := range []int64{0, 1 << 40} {
			var err error
			if exact[bit], err = take(crowd(t, value)).Cells(t.Context(), spec.query()); err != nil {
				t.Fatal(err)
			}
		}
		middle := (exact[0].Sums[0][0] + exact[1].Sums[0][0]) / 2
		r := newRoom()
		for i := range trials {
			id := SpecID{byte(i), byte(i >> 8)}
			table, err := r.gate.lockCells(exact[i%2], &spec, &r.gate.policy, noiseStreams(&testKeys.Noise, id, PolicyV{}))
			if err != nil {
				t.Fatal(err)
			}
			if guess := table.Sums[0].Cells[0] > middle; guess == (i%2 == 1) {
				right++
			}
		}
		return float64(right) / trials
	}
	clamped := accuracy(func(e matcher.Engine) matcher.Engine { return e })
	open := accuracy(func(e matcher.Engine) matcher.Engine { return unclamped{e} })
	// 0.52 is claimed for one measure; five standard errors are 0.04.
	if clamped > 0.52+0.04 || open < 0.95 {
		t.Errorf("guesses are right with probability %.3f with the clamp, %.3f without it", clamped, open)
	}
}

// TestRates: the interval of a quotient holds the true one in 95 of 100, and
// the guard leaves out what says that all or nobody did it.
func TestRates(t *testing.T) {
	table := &Table{Sigma: 10, Cells: []Cell{{true, 5000, 1}}, Sums: []Sum{
		{Name: "impressions", Cap: 30, Granule: 1, Cells: []int64{40000}}, {Name: "clicks", Cap: 5, Granule: 1, Cells: []int64{2000}}}}
	r := newRoom()
	held := 0
	const trials = 2000
	for i := range trials {
		noisy := *table
		noisy.Sums = slices.Clone(table.Sums)
		for m := range noisy.Sums {
			s := &noisy.Sums[m]
			z, err := r.gate.noise(100*s.Cap*s.Cap, noiseStreams(&testKeys.Noise, SpecID{byte(i), byte(i >> 8)}, PolicyV{})(s.Name)(0))
			if err != nil {
				t.Fatal(err)
			}
			s.Cells = []int64{s.Cells[0] + z}
		}
		a := &Answer{}
		a.compose(&noisy, noisy.Cells[0])
		_, rates := a.amounts(&noisy, noisy.Cells[0], func(s *Sum) int64 { return s.Cells[0] })
		if !slices.Equal(a.Rates, []string{"average_frequency", "click_rate"}) {
			t.Fatalf("rates %v", a.Rates)
		}
		if c := rates[1]; c != nil && c.Low <= 0.05 && 0.05 <= c.High {
			held++
		}
	}
	// Five standard errors below 0.95.
	if got := float64(held) / trials; got < 0.95-5*math.Sqrt(0.95*0.05/trials) {
		t.Errorf("the interval holds the true rate in %.3f of the cases", got)
	}
	for _, c := range []struct{ num, den, scale float64 }{{5000, 5000, 1}, {30, 5000, 1}, {149_900, 5000, 30}} {
		if q := quotient(amount{c.num, 50, 5}, amount{c.den, 10, 1}, c.scale); q != nil {
			t.Error(fmt.Sprint("shown: ", c, " as ", *q))
		}
	}
}
