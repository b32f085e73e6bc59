package aggregator

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"awase/entrustment"
	"awase/matcher"
)

// creditTypes are those of a log of an advertisement's results.
var creditTypes = []matcher.EventType{{Kind: "click", Category: "spring"}, {Kind: "click", Category: "summer"},
	{Kind: "impression", Category: "spring"}, {Kind: "impression", Category: "summer"}, {Kind: "impression", Category: "winter"}, {Kind: "conversion", Category: "shop"}}

func creditSources() Sources {
	src := eventSources()
	src.Categories = []string{"shop", "spring", "summer", "winter"}
	src.Events[0].Types = creditTypes
	src.Campaign = &CampaignSource{Document: &entrustment.Campaign{ID: "c", Entrustment: "e", List: "spring",
		From: entrustment.Date{Year: 2026, Month: 10, Day: 1}, Until: entrustment.Date{Year: 2026, Month: 10, Day: 31}}}
	return src
}

func compileCredits(change func(*entrustment.Question), policy func(*Policy)) (*Plan, error) {
	q := &entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportAttribution, Entrustment: "e", Campaign: "c"}
	if change != nil {
		change(q)
	}
	p := DefaultPolicy()
	if policy != nil {
		p.Caps = map[string]int64{"conversions": p.Caps["conversions"]}
		policy(&p)
	}
	return Compile(q, creditSources(), &p)
}

func modelled(a entrustment.Attribution) func(*entrustment.Question) {
	return func(q *entrustment.Question) { q.Attribution = &a }
}

// TestCreditsCompile: the defaults are written out, and what credits depend on is in the
// identity of the question.
func TestCreditsCompile(t *testing.T) {
	plan, err := compileCredits(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec := plan.Tables[0].Spec
	if a := plan.Question.Attribution; a == nil || *a != (entrustment.Attribution{Model: entrustment.LastTouch, Click: 30, View: 7}) {
		t.Errorf("the canonical question says %+v", a)
	}
	if want := []string{"click/spring", "click/summer", "impression/spring", "impression/summer", "impression/winter", "unattributed"}; !slices.Equal(spec.Dims[0].Domain, want) {
		t.Errorf("touches %v", spec.Dims[0].Domain)
	}
	if !slices.Equal(plan.Question.Measures, []string{"users", "credits"}) || spec.Measures[0].Cap != 3000 {
		t.Errorf("measures %v, %+v", plan.Question.Measures, spec.Measures)
	}
	p := DefaultPolicy()
	if rho, delta := spec.price(&p); rho != 2*gaussianRho(10) || delta != p.DeltaThrE15 {
		t.Errorf("price %d, %d", rho, delta)
	}
	ids := map[SpecID]string{plan.Tables[0].ID: "as it is"}
	for name, change := range map[string]func(*entrustment.Question){
		"model":     modelled(entrustment.Attribution{Model: entrustment.FirstLast}),
		"click":     modelled(entrustment.Attribution{Click: 29}),
		"view":      modelled(entrustment.Attribution{View: 6}),
		"decay":     modelled(entrustment.Attribution{Model: entrustment.TimeDecay}),
		"half-life": modelled(entrustment.Attribution{Model: entrustment.TimeDecay, HalfLife: 8}),
		"touches":   func(q *entrustment.Question) { q.Categories = []string{"shop", "spring", "summer"} },
		"by age":    func(q *entrustment.Question) { q.Dims = []string{"age"} },
		"users":     func(q *entrustment.Question) { q.Measures = []string{"users"} },
	} {
		other, err := compileCredits(change, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if was, ok := ids[other.Tables[0].ID]; ok {
			t.Errorf("%s has the id of %s", name, was)
		}
		ids[other.Tables[0].ID] = name
		again := other.Question
		q := DefaultPolicy()
		if same, err := Compile(&again, creditSources(), &q); err != nil || same.Tables[0].ID != other.Tables[0].ID {
			t.Errorf("%s: the canonical question is another one: %v", name, err)
		}
	}
	// Of users alone the cap makes no sum, and counts all the same.
	few, err := compileCredits(func(q *entrustment.Question) { q.Measures = []string{"users"} }, func(p *Policy) { p.Caps["conversions"] = 2 })
	if err != nil || ids[few.Tables[0].ID] != "" {
		t.Errorf("another cap is the same question: %v", err)
	}
	same, err := compileCredits(func(q *entrustment.Question) {
		q.Attribution, q.Dims, q.Measures = &entrustment.Attribution{Model: entrustment.LastTouch, View: 7}, []string{"touch"}, []string{"credits", "users"}
		q.Categories = []string{"winter", "summer", "spring", "shop"}
	}, nil)
	if err != nil || same.Tables[0].ID != plan.Tables[0].ID {
		t.Errorf("the same question in other words has another id: %v", err)
	}
}

// TestCreditsOfCampaign: of a campaign those are counted to whom it was delivered, and
// what it costs is known before it has an event.
func TestCreditsOfCampaign(t *testing.T) {
	src := creditSources()
	src.Campaign.Holdout = &matcher.Share{Key: [16]byte{1}, To: 100}
	src.Campaign.Document.Categories = []string{"shop", "spring"}
	p := DefaultPolicy()
	q := &entrustment.Question{Report: entrustment.ReportAttribution, Campaign: "c"}
	pl, err := Compile(q, src, &p)
	if err != nil {
		t.Fatal(err)
	}
	s := pl.Tables[0].Spec
	if s.Where == nil || s.Where.Not == nil || s.Where.Not.Share != src.Campaign.Holdout || s.List != (matcher.ListID{1}) || s.Events.From != src.Campaign.Document.From {
		t.Errorf("it asks about %+v on list %v from %v", s.Where, s.List, s.Events.From)
	}
	if want := []string{"click/spring", "impression/spring", "unattributed"}; !slices.Equal(s.Dims[0].Domain, want) {
		t.Errorf("touches %v", s.Dims[0].Domain)
	}
	src.Events[0].Types = nil // still to come
	before, err := Compile(q, src, &p)
	if err != nil {
		t.Fatal(err)
	}
	rho, delta := s.price(&p)
	if r, d := before.Tables[0].Spec.price(&p); r < rho || d < delta {
		t.Errorf("put aside were %d, %d of %d, %d", r, d, rho, delta)
	}
}

// TestCreditsCells: in how many cells one person may be follows from the model and from
// how many conversions count.
func TestCreditsCells(t *testing.T) {
	for _, c := range []struct {
		model entrustment.AttributionModel
		most  int64
		want  int64
	}{
		{entrustment.LastTouch, 1, 1}, {entrustment.LastTouch, 3, 3}, {entrustment.LastTouch, 60, 6},
		{entrustment.FirstLast, 1, 2}, {entrustment.FirstLast, 3, 6}, {entrustment.EvenTouch, 1, 3}, {entrustment.TimeDecay, 3, 6},
	} {
		plan, err := compileCredits(modelled(entrustment.Attribution{Model: c.model}), func(p *Policy) { p.Caps["conversions"] = c.most })
		if err != nil {
			t.Fatal(err)
		}
		if n := plan.Tables[0].Spec.cellsOfOne(); n != c.want {
			t.Errorf("%s of %d conversions: %d cells, want %d", c.model, c.most, n, c.want)
		}
	}
}

func TestCreditsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*entrustment.Question)
		policy func(*Policy)
		code   entrustment.Code
		says   string
	}{
		"measure":        {func(q *entrustment.Question) { q.Measures = []string{"users", "spend"} }, nil, entrustment.CodeSpec, "no measure"},
		"no conversions": {func(q *entrustment.Question) { q.Categories = []string{"spring"} }, nil, entrustment.CodeSpec, "declares conversions of spring"},
		"no touches":     {func(q *entrustment.Question) { q.Categories = []string{"shop"} }, nil, entrustment.CodeSpec, "declares clicks and impressions of shop"},
		"total":          {func(q *entrustment.Question) { q.Total = true }, nil, entrustment.CodeSpec, "several cells"},
		"day":            {func(q *entrustment.Question) { q.Dims = []string{"day"} }, nil, entrustment.CodeDomain, "has a column"},
		"cap":            {nil, func(p *Policy) { p.Caps["conversions"] = 66 }, entrustment.CodeLimit, "cap of conversions"},
	} {
		if _, err := compileCredits(c.change, c.policy); codeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s that says %q", name, err, c.code, c.says)
		}
	}
	src := creditSources()
	for i := range 5 {
		name := string(rune('a' + i))
		src.Categories = append(src.Categories, name)
		src.Events[0].Types = append(slices.Clone(src.Events[0].Types), matcher.EventType{Kind: "click", Category: name})
	}
	p := DefaultPolicy()
	for model, code := range map[entrustment.AttributionModel]entrustment.Code{entrustment.LastTouch: "", entrustment.FirstLast: "", entrustment.EvenTouch: entrustment.CodeLimit} {
		_, err := Compile(&entrustment.Question{Report: entrustment.ReportAttribution, Campaign: "c", Attribution: &entrustment.Attribution{Model: model}}, src, &p)
		if codeOf(err) != code || err != nil && !strings.Contains(err.Error(), "last-touch") {
			t.Errorf("eleven cells with %s: %v", model, err)
		}
	}
}

// TestCreditsLogs: a log of days before the window, as far as a look-back goes, is read.
func TestCreditsLogs(t *testing.T) {
	src := creditSources()
	day := func(n int) entrustment.Date { return entrustment.Date{Year: 2026, Month: 10, Day: 1}.Add(n) }
	src.Events = nil
	for i, at := range []int{0, 1, 20, 30} {
		src.Events = append(src.Events, EventSource{ID: matcher.EventsID{byte(i + 1)}, Types: creditTypes, From: day(at), To: day(at), Last: day(60), Owner: src.BaseOwner})
	}
	p := DefaultPolicy()
	ask := func(a *entrustment.Attribution) (out []byte) {
		pl, err := Compile(&entrustment.Question{Report: entrustment.ReportAttribution, Campaign: "c", Attribution: a, Window: &entrustment.Window{From: day(30), To: day(31)}}, src, &p)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range pl.Logs() {
			out = append(out, l[0])
		}
		return out
	}
	if got := ask(nil); !slices.Equal(got, []byte{2, 3, 4}) {
		t.Errorf("thirty days back read logs %v", got)
	}
	if got := ask(&entrustment.Attribution{Click: 7, View: 11}); !slices.Equal(got, []byte{3, 4}) {
		t.Errorf("eleven days back read logs %v", got)
	}
}

// deed is one event of somebody.
type deed struct {
	who  int
	day  int32
	what uint8
}

// creditEngine holds people and what they did.
func creditEngine(tb interface{ Fatal(...any) }, people []int, deeds []deed) *matcher.Embedded {
	e := matcher.NewEmbedded()
	user := func(n int) (p matcher.Person) {
		p.User[0], p.User[1], p.User[2] = 1, byte(n), byte(n>>8)
		return p
	}
	b := matcher.NewBaseBuilder(nil)
	for _, n := range people {
		p := user(n)
		if err := b.Add(&p); err != nil {
			tb.Fatal(err)
		}
	}
	base, err := b.Build(context.Background(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	var rows []matcher.EventRow
	for _, d := range deeds {
		who := user(d.who).User
		rows = append(rows, matcher.EventRow{User: &who, Day: d.day, Type: d.what})
	}
	log, err := matcher.NewEvents(base, creditTypes, "", slices.Values(rows))
	if err != nil {
		tb.Fatal(err)
	}
	e.PutBase(matcher.PopulationID{1}, base)
	e.PutEvents(matcher.PopulationID{1}, matcher.EventsID{7}, log)
	return e
}

// unclampedCredits takes the clamp away: as many conversions of one person count as can.
type unclampedCredits struct{ matcher.Engine }

func (u unclampedCredits) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	a := *q.Attribution
	a.Most = matcher.MaxConversions
	q.Attribution = &a
	return u.Engine.Cells(ctx, q)
}

func creditSpec(t interface{ Fatal(...any) }, model entrustment.AttributionModel, most int64) Spec {
	plan, err := compileCredits(func(q *entrustment.Question) {
		q.Attribution = &entrustment.Attribution{Model: model}
		q.Window = &entrustment.Window{From: entrustment.DateOfNumber(100), To: entrustment.DateOfNumber(130)}
	}, func(p *Policy) { p.Caps["conversions"] = most })
	if err != nil {
		t.Fatal(err)
	}
	s := plan.Tables[0].Spec
	s.List = matcher.ListID{} // of everybody
	return s
}

// moves is by how much one person moves the credits, all cells together, and in how many
// cells the users.
func moves(t interface{ Fatal(...any) }, s *Spec, with, without matcher.Engine) (credits, cells int64) {
	var exact [2]matcher.Exact
	for i, e := range []matcher.Engine{with, without} {
		var err error
		if exact[i], err = e.Cells(context.Background(), s.query()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range exact[0].Users {
		d := exact[0].Users[i] - exact[1].Users[i]
		if d < 0 || d > 1 || exact[0].Sums[0][i] < exact[1].Sums[0][i] {
			t.Fatal("one person less raised a cell, or moved a number of users by more than one")
		}
		cells += d
		credits += exact[0].Sums[0][i] - exact[1].Sums[0][i]
	}
	return credits, cells
}

// TestCreditsSensitivity: whatever anybody did, one person moves the credits of all cells
// together by what the noise is made for, and the users in no more cells; without the
// clamp somebody moves them by more. Each conversion is credited as a whole.
func TestCreditsSensitivity(t *testing.T) {
	broken := false
	rapid.Check(t, func(rt *rapid.T) {
		model := entrustment.AttributionModel(rapid.SampledFrom(entrustment.AttributionModel("").Allowed()).Draw(rt, "model"))
		most := int64(rapid.IntRange(1, 3).Draw(rt, "most"))
		s := creditSpec(t, model, most)
		var deeds []deed
		bought := map[int]int64{}
		for range rapid.IntRange(0, 60).Draw(rt, "deeds") {
			d := deed{rapid.IntRange(0, 3).Draw(rt, "who"), int32(rapid.IntRange(90, 135).Draw(rt, "day")), uint8(rapid.IntRange(0, len(creditTypes)-1).Draw(rt, "what"))}
			if deeds = append(deeds, d); d.what == 5 && d.day >= 100 && d.day <= 130 {
				bought[d.who]++
			}
		}
		if rapid.Bool().Draw(rt, "buys much") { // what is drawn otherwise seldom reaches the clamp
			for i := range most + 1 {
				deeds = append(deeds, deed{0, int32(101 + 9*i), 5})
			}
			bought[0] += most + 1
		}
		with, without := creditEngine(t, []int{0, 1, 2, 3}, deeds), creditEngine(t, []int{1, 2, 3}, deeds)
		credits, cells := moves(rt, &s, with, without)
		if want := min(bought[0], most) * matcher.Credit; credits != want || credits > s.Measures[0].Cap {
			rt.Fatalf("one person moves the credits by %d, want %d, the noise is for %d", credits, want, s.Measures[0].Cap)
		}
		if cells > s.cellsOfOne() {
			rt.Fatalf("one person is in %d cells, the noise is for %d", cells, s.cellsOfOne())
		}
		credits, _ = moves(rt, &s, unclampedCredits{with}, unclampedCredits{without})
		if bought[0] > most && credits <= s.Measures[0].Cap {
			rt.Fatalf("without the clamp one of %d conversions moves the credits by %d alone", bought[0], credits)
		}
		broken = broken || credits > s.Measures[0].Cap
	})
	if !broken {
		t.Error("without the clamp nobody moved the credits by more: the deeds don't mount the attack")
	}
}

// TestCreditsCellsAreReached: somebody is in as many cells as the noise is made for, with
// each model, so a smaller L0 would be wrong.
func TestCreditsCellsAreReached(t *testing.T) {
	shop := func(day int32) deed { return deed{0, day, 5} }
	// A click of each sort before the first; impressions of each before the second, when
	// the clicks are too long ago; nothing before the third.
	deeds := []deed{{0, 71, 0}, {0, 72, 1}, shop(100), {0, 116, 2}, {0, 117, 3}, {0, 118, 4}, shop(120), shop(130)}
	for model, c := range map[entrustment.AttributionModel]struct{ most, want int64 }{
		entrustment.LastTouch: {3, 3}, entrustment.FirstLast: {1, 2}, entrustment.EvenTouch: {3, 6}, entrustment.TimeDecay: {3, 6},
	} {
		s := creditSpec(t, model, c.most)
		_, cells := moves(t, &s, creditEngine(t, []int{0, 1}, deeds), creditEngine(t, []int{1}, deeds))
		if cells != c.want || s.cellsOfOne() != c.want {
			t.Errorf("%s: in %d cells, the noise is for %d, want %d", model, cells, s.cellsOfOne(), c.want)
		}
	}
}

// TestCreditsNoise: users have the noise of all cells that one person may be in, credits
// that of the cap alone, which is of all cells together; what is shown says so.
func TestCreditsNoise(t *testing.T) {
	s := creditSpec(t, entrustment.EvenTouch, 3)
	n := s.cells()
	exact := matcher.Exact{Users: make([]int64, n), Sums: [][]int64{make([]int64, n)}}
	for i := range n {
		exact.Users[i], exact.Sums[0][i] = 1_000_000, 1_000_000_000
	}
	r := newRoom()
	var users, credits []float64
	for trial := range 1000 {
		table, err := r.gate.lockCells(exact, &s, &r.gate.policy, noiseStreams(&testKeys.Noise, SpecID{byte(trial), byte(trial >> 8)}, PolicyV{}))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			users, credits = append(users, float64(table.Cells[i].Users-1_000_000)), append(credits, float64(table.Sums[0].Cells[i]-1_000_000_000))
		}
		a := &Answer{}
		a.compose(table, table.Cells[0])
		sums, _ := a.amounts(table, table.Cells[0], func(s *Sum) int64 { return s.Cells[0] })
		if half := sums[0].High - sums[0].Value; half != int64(math.Ceil(1.96*10*3000)) {
			t.Fatalf("the interval of a cell is ±%d", half)
		}
		if all, half := a.TotalSums[0], int64(math.Ceil(1.96*10*3000)); trial == 0 && all.High-all.Value != half {
			t.Fatalf("the interval of one cell summed is ±%d", all.High-all.Value)
		}
	}
	for _, c := range []struct {
		name  string
		draws []float64
		want  float64
	}{{"users", users, 10 * math.Sqrt(6)}, {"credits", credits, 10 * 3000}} {
		v := 0.0
		for _, z := range c.draws {
			v += z * z / float64(len(c.draws))
		}
		// S1's bound: five standard errors of a variance, wrong once in 2·10⁶.
		if math.Abs(v/(c.want*c.want)-1) > 5*math.Sqrt(2/float64(len(c.draws))) {
			t.Errorf("%s: standard deviation %.1f, want %.1f", c.name, math.Sqrt(v), c.want)
		}
	}
}

// TestCreditsDigitCoding is attack A5 on credits: somebody converts so often that it shows
// whether they are there. The clamp leaves no more than the noise covers; without it the
// guess is right at least 95 times in 100.
func TestCreditsDigitCoding(t *testing.T) {
	s := creditSpec(t, entrustment.LastTouch, 1)
	var people []int
	var deeds []deed
	for i := range 200 {
		people = append(people, i)
		deeds = append(deeds, deed{i, 110, 0}, deed{i, 111, 5})
	}
	for range 64 {
		deeds = append(deeds, deed{0, 112, 5})
	}
	const trials = 4000
	accuracy := func(take func(matcher.Engine) matcher.Engine) float64 {
		var exact [2]matcher.Exact
		for bit, who := range [][]int{people[1:], people} {
			var err error
			if exact[bit], err = take(creditEngine(t, who, deeds)).Cells(t.Context(), s.query()); err != nil {
				t.Fatal(err)
			}
		}
		middle := (exact[0].Sums[0][0] + exact[1].Sums[0][0]) / 2
		r := newRoom()
		right := 0
		for i := range trials {
			table, err := r.gate.lockCells(exact[i%2], &s, &r.gate.policy, noiseStreams(&testKeys.Noise, SpecID{byte(i), byte(i >> 8)}, PolicyV{}))
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
	open := accuracy(func(e matcher.Engine) matcher.Engine { return unclampedCredits{e} })
	// 0.52 is claimed for one measure; five standard errors are 0.04.
	if clamped > 0.52+0.04 || open < 0.95 {
		t.Errorf("guesses are right with probability %.3f with the clamp, %.3f without it", clamped, open)
	}
}
