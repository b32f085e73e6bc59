package enginetest

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

// creditTypes are the types of a log of an advertisement's results.
var creditTypes = []matcher.EventType{
	{Kind: "click", Category: "spring"}, {Kind: "click", Category: "summer"}, {Kind: "click", Category: "winter"},
	{Kind: "impression", Category: "spring"}, {Kind: "impression", Category: "summer"},
	{Kind: "conversion", Category: "shop"}, {Kind: "conversion", Category: "signup"}, {Kind: "page_view", Category: "spring"},
}

// Places in creditTypes, which are those of the dimension too.
const (
	clickSpring = iota
	clickSummer
	clickWinter
	viewSpring
	viewSummer
	shop
	unattributed = shop // none of the touches before it
)

// attribution is a question over them.
func attribution(model entrustment.AttributionModel, logs ...matcher.EventsID) matcher.Query {
	return matcher.Query{Eligible: everybody, Dims: []matcher.Dim{{Source: matcher.Touch, Name: "touch", Size: unattributed + 1}},
		Attribution: &matcher.Attribution{Logs: logs, From: 100, To: 130, Categories: []string{"shop"}, Touches: creditTypes[:unattributed],
			Model: model, Click: 30, View: 7, HalfLife: 7, Most: 3, Credits: true}}
}

// did is so many events of one person.
type did struct {
	day  int32
	what uint8
	n    int
}

func rowsOf(who token.Token, all []did) (out []matcher.EventRow) {
	for _, d := range all {
		for range d.n {
			out = append(out, matcher.EventRow{User: &who, Day: d.day, Type: d.what})
		}
	}
	return out
}

// testAttribution: what each model makes of what one person did, by hand.
func testAttribution(t *testing.T, engine Loader) {
	a := person("a", email("a"))
	f := newFixture(t, engine, nil, []matcher.Person{a})
	const last, ends, even, decay = entrustment.LastTouch, entrustment.FirstLast, entrustment.EvenTouch, entrustment.TimeDecay
	for _, c := range []struct {
		name  string
		model entrustment.AttributionModel
		did   []did
		want  map[int]int64
	}{
		{"nothing before", last, []did{{110, shop, 1}}, map[int]int64{unattributed: 1000}},
		{"nothing bought", last, []did{{110, clickSpring, 3}}, nil},
		{"last", last, []did{{104, clickSummer, 5}, {108, clickSpring, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 1000}},
		{"after it", last, []did{{110, shop, 1}, {111, clickSpring, 1}}, map[int]int64{unattributed: 1000}},
		{"the same day", last, []did{{110, shop, 1}, {110, clickSpring, 1}}, map[int]int64{clickSpring: 1000}},
		{"click before view", last, []did{{85, clickSpring, 1}, {109, viewSummer, 9}, {110, shop, 1}}, map[int]int64{clickSpring: 1000}},
		{"a click of long ago", last, []did{{80, clickSpring, 1}, {109, viewSummer, 9}, {110, shop, 1}}, map[int]int64{viewSummer: 1000}},
		{"the first day of clicks", last, []did{{81, clickSpring, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 1000}},
		{"the day before it", last, []did{{80, clickSpring, 1}, {110, shop, 1}}, map[int]int64{unattributed: 1000}},
		{"the first day of views", last, []did{{104, viewSpring, 1}, {110, shop, 1}}, map[int]int64{viewSpring: 1000}},
		{"the day before that", last, []did{{103, viewSpring, 1}, {110, shop, 1}}, map[int]int64{unattributed: 1000}},
		{"before the window", last, []did{{99, shop, 1}, {100, shop, 1}, {90, clickWinter, 1}}, map[int]int64{clickWinter: 1000}},
		{"after the window", last, []did{{131, shop, 1}, {90, clickWinter, 1}}, nil},
		{"another category", last, []did{{110, 6, 1}, {110, 7, 1}, {110, clickSpring, 1}}, nil},
		{"most of a day", last, []did{{108, clickSpring, 1}, {108, clickSummer, 2}, {110, shop, 1}}, map[int]int64{clickSummer: 1000}},
		{"an even day", last, []did{{108, clickSummer, 1}, {108, clickWinter, 1}, {110, shop, 1}}, map[int]int64{clickSummer: 1000}},
		{"an odd day", last, []did{{109, clickSummer, 1}, {109, clickWinter, 1}, {110, shop, 1}}, map[int]int64{clickWinter: 1000}},
		{"first and last", ends, []did{{101, clickSpring, 1}, {104, clickSummer, 9}, {109, clickWinter, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 500, clickWinter: 500}},
		{"first and last of a sort", ends, []did{{101, clickSpring, 1}, {104, clickSummer, 9}, {109, clickSpring, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 1000}},
		{"two of one day", ends, []did{{108, clickSpring, 1}, {108, clickWinter, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 500, clickWinter: 500}},
		{"three of one day", ends, []did{{109, clickSpring, 1}, {109, clickSummer, 1}, {109, clickWinter, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 500, clickWinter: 500}},
		{"even", even, []did{{101, clickSpring, 1}, {104, clickSummer, 2}, {109, clickWinter, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 250, clickSummer: 500, clickWinter: 250}},
		{"thirds", even, []did{{101, clickSpring, 1}, {104, clickSummer, 1}, {109, clickWinter, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 334, clickSummer: 333, clickWinter: 333}},
		{"sixths", even, []did{{101, clickSpring, 1}, {104, clickSummer, 1}, {109, clickWinter, 4}, {110, shop, 1}}, map[int]int64{clickSpring: 167, clickSummer: 167, clickWinter: 666}},
		{"sevenths", even, []did{{101, viewSpring, 3}, {104, viewSpring, 1}, {109, viewSummer, 6}, {110, shop, 1}}, map[int]int64{viewSpring: 143, viewSummer: 857}},
		{"more than count", even, []did{{109, viewSpring, 1100}, {110, viewSummer, 1000}, {110, shop, 1}}, map[int]int64{viewSpring: 500, viewSummer: 500}},
		{"too few to have any", even, []did{{107, viewSpring, 1000}, {108, viewSpring, 1000}, {109, viewSpring, 1000}, {110, viewSummer, 1}, {110, shop, 1}}, map[int]int64{viewSpring: 1000}},
		{"a half-life", decay, []did{{103, clickSpring, 1}, {110, clickSummer, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 333, clickSummer: 667}},
		{"from the last on", decay, []did{{96, clickSpring, 1}, {103, clickSummer, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 333, clickSummer: 667}},
		{"a day of a half-life", decay, []did{{109, clickSpring, 1}, {110, clickSummer, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 475, clickSummer: 525}},
		{"two half-lives, four times", decay, []did{{96, clickSpring, 4}, {110, clickSummer, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 500, clickSummer: 500}},
		{"two bought", last, []did{{104, clickSpring, 1}, {105, shop, 1}, {108, clickSummer, 1}, {110, shop, 1}}, map[int]int64{clickSpring: 1000, clickSummer: 1000}},
		{"the earliest count", last, []did{{105, shop, 2}, {104, clickSpring, 1}, {110, shop, 5}, {110, clickSummer, 1}}, map[int]int64{clickSpring: 2000, clickSummer: 1000}},
		{"many bought", even, []did{{104, clickSpring, 1}, {104, clickSummer, 1}, {104, clickWinter, 1}, {110, shop, 2000}}, map[int]int64{clickSpring: 1002, clickSummer: 999, clickWinter: 999}},
		{"views, then clicks", even, []did{{104, viewSpring, 2}, {105, shop, 1}, {106, clickWinter, 1}, {107, shop, 1}, {140, clickSpring, 4}}, map[int]int64{viewSpring: 1000, clickWinter: 1000}},
	} {
		// The order of rows makes no difference, nor that they are of two logs.
		rows := rowsOf(a.User, c.did)
		slices.Reverse(rows)
		half := len(rows) / 2
		logs := []oracleLog{{creditTypes, "", rows[:half]}, {creditTypes, "yen", rows[half:]}}
		got := f.checkCredits(attribution(c.model, f.log(logs[0]), f.log(logs[1])), logs)
		for at, credit := range got.Sums[0] {
			if credit != c.want[at] || (credit > 0) != (got.Users[at] == 1) {
				t.Errorf("%s: credits %v, want %v, of people %v", c.name, got.Sums[0], c.want, got.Users)
				break
			}
		}
	}
}

func creditRows(t *rapid.T, people []matcher.Person, from, to int) []matcher.EventRow {
	out := make([]matcher.EventRow, rapid.IntRange(0, 60).Draw(t, "events"))
	for i := range out {
		r := &out[i]
		r.Day, r.Type = int32(rapid.IntRange(from, to).Draw(t, "day")), uint8(rapid.IntRange(0, len(creditTypes)-1).Draw(t, "type"))
		if len(people) > 0 && rapid.Bool().Draw(t, "by key") {
			who := rapid.SampledFrom(people[:min(3, len(people))]).Draw(t, "who").User
			r.User = &who
		} else {
			r.Tokens = anyTokens(t, 3)
		}
	}
	return out
}

// creditQuery makes of q a question of attribution to some of the touches.
func creditQuery(t *rapid.T, q *matcher.Query, touches []matcher.EventType, logs []matcher.EventsID) {
	model := rapid.SampledFrom(entrustment.AttributionModel("").Allowed()).Draw(t, "model")
	a := attribution(entrustment.AttributionModel(model), logs...).Attribution
	a.From = int32(rapid.IntRange(95, 105).Draw(t, "from"))
	a.To = a.From + int32(rapid.IntRange(0, 8).Draw(t, "days"))
	days := rapid.IntRange(1, 12)
	a.Click, a.View, a.HalfLife = days.Draw(t, "click"), days.Draw(t, "view"), days.Draw(t, "half-life")
	a.Most = int64(rapid.IntRange(1, 4).Draw(t, "most"))
	a.Categories = [][]string{{"shop"}, {"signup", "shop"}, {}}[rapid.IntRange(0, 2).Draw(t, "categories")]
	a.Touches = rapid.SliceOfNDistinct(rapid.SampledFrom(touches), 0, len(touches), rapid.ID[matcher.EventType]).Draw(t, "touches")
	a.Credits = rapid.IntRange(0, 3).Draw(t, "credits") > 0
	q.Events, q.Attribution, q.Dims = nil, a, q.Dims[:min(1, len(q.Dims))]
	at := rapid.IntRange(0, len(q.Dims)).Draw(t, "place")
	q.Dims = slices.Insert(slices.Clone(q.Dims), at, matcher.Dim{Source: matcher.Touch, Size: len(a.Touches) + 1})
}

// testAttributions: random people, logs and questions; and one person less moves the
// credits by no more than that person's conversions, all cells together.
func testAttributions(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		who := people(rt, "people")
		f := newFixture(rt, engine, baseColumns, who)
		lists := []matcher.ListID{f.list(listColumns, listRows(rt, "rows"))}
		logs := []oracleLog{{creditTypes, "yen", creditRows(rt, who, 88, 112)}, {creditTypes, "", creditRows(rt, who, 98, 106)}}
		ids := []matcher.EventsID{f.log(logs[0]), f.log(logs[1])}
		var asked []matcher.Query
		var full []matcher.Exact
		for range 8 { // loading is dear, asking is not
			q := query(rt, lists)
			creditQuery(rt, &q, creditTypes[:unattributed], ids)
			asked, full = append(asked, q), append(full, f.checkCredits(q, logs))
		}
		if len(who) == 0 {
			return
		}
		out := rapid.IntRange(0, len(who)-1).Draw(rt, "removed")
		without := f.refresh(baseColumns, slices.Delete(slices.Clone(who), out, out+1)) // keeps the ambiguity index
		ids = []matcher.EventsID{without.log(logs[0]), without.log(logs[1])}
		for i, q := range asked {
			q.Attribution.Logs = ids
			less := without.checkCredits(q, logs)
			for _, sums := range full[i].Sums {
				moved := int64(0)
				for cell := range sums {
					if sums[cell] < less.Sums[0][cell] {
						rt.Fatalf("removing a person raised the credit of cell %d", cell)
					}
					moved += sums[cell] - less.Sums[0][cell]
				}
				if moved > q.Attribution.Most*matcher.Credit {
					rt.Fatalf("removing a person moved the credits by %d of %d conversions", moved, q.Attribution.Most)
				}
			}
		}
	})
}

// testAttributionLimits: what can't be credited is refused before any row is read.
func testAttributionLimits(t *testing.T, engine Loader) {
	f := newFixture(t, engine, nil, []matcher.Person{person("a", email("a"))})
	id := f.log(oracleLog{creditTypes, "", nil})
	for _, c := range []struct {
		name   string
		change func(q *matcher.Query, a *matcher.Attribution)
		code   entrustment.Code
	}{
		{"nothing", func(*matcher.Query, *matcher.Attribution) {}, ""},
		{"no log", func(_ *matcher.Query, a *matcher.Attribution) { a.Logs = nil }, ""},
		{"a log that is not there", func(_ *matcher.Query, a *matcher.Attribution) { a.Logs = []matcher.EventsID{{9}} }, entrustment.CodeGone},
		{"events too", func(q *matcher.Query, _ *matcher.Attribution) { q.Events = &matcher.EventQuery{} }, entrustment.CodeSpec},
		{"no dimension", func(q *matcher.Query, _ *matcher.Attribution) { q.Dims = nil }, entrustment.CodeSpec},
		{"two dimensions", func(q *matcher.Query, _ *matcher.Attribution) { q.Dims = append(q.Dims, q.Dims[0]) }, entrustment.CodeSpec},
		{"another size", func(q *matcher.Query, _ *matcher.Attribution) { q.Dims[0].Size-- }, entrustment.CodeSpec},
		{"a dimension alone", func(q *matcher.Query, _ *matcher.Attribution) { q.Attribution = nil }, entrustment.CodeSpec},
		{"backwards", func(_ *matcher.Query, a *matcher.Attribution) { a.To = a.From - 1 }, entrustment.CodeSpec},
		{"no model", func(_ *matcher.Query, a *matcher.Attribution) { a.Model = "" }, entrustment.CodeSpec},
		{"no click", func(_ *matcher.Query, a *matcher.Attribution) { a.Click = 0 }, entrustment.CodeLimit},
		{"long views", func(_ *matcher.Query, a *matcher.Attribution) { a.View = 91 }, entrustment.CodeLimit},
		{"no half-life", func(_ *matcher.Query, a *matcher.Attribution) { a.Model, a.HalfLife = entrustment.TimeDecay, 0 }, entrustment.CodeLimit},
		{"no conversion", func(_ *matcher.Query, a *matcher.Attribution) { a.Most = 0 }, entrustment.CodeLimit},
		{"more than a sum holds", func(_ *matcher.Query, a *matcher.Attribution) { a.Most = matcher.MaxConversions + 1 }, entrustment.CodeLimit},
		{"a conversion as a touch", func(_ *matcher.Query, a *matcher.Attribution) { a.Touches = creditTypes[1 : shop+1] }, entrustment.CodeSpec},
		{"a touch twice", func(_ *matcher.Query, a *matcher.Attribution) {
			a.Touches = append(slices.Clone(a.Touches[1:]), a.Touches[1])
		}, entrustment.CodeSpec},
	} {
		q := attribution(entrustment.LastTouch, id)
		q.Population = f.pop
		c.change(&q, q.Attribution)
		got, err := engine.Cells(context.Background(), q)
		if c.code == "" {
			if err != nil || len(got.Sums) != 1 || len(got.Users) != unattributed+1 {
				t.Errorf("%s: %v %v", c.name, got, err)
			}
			continue
		}
		t.Run(c.name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	if _, err := engine.Members(context.Background(), matcher.Query{Population: f.pop, Attribution: attribution(entrustment.LastTouch, id).Attribution}); err == nil {
		t.Error("an attribution has members")
	}
}
