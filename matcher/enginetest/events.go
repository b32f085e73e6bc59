package enginetest

import (
	"context"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/entrustment"
	"awase/matcher"
)

// oracleLog is an event log as the oracle reads it.
type oracleLog struct {
	types []matcher.EventType
	unit  string
	rows  []matcher.EventRow
}

var eventTypes = []matcher.EventType{{Kind: "impression", Category: "spring"}, {Kind: "click", Category: "spring"},
	{Kind: "impression", Category: "summer"}, {Kind: "conversion", Category: "shop"}}

// owned says whether the event is p's: by its key, or by one of its own
// unambiguous tokens.
func (b *oracleBase) owned(p matcher.Person, r matcher.EventRow) bool {
	if r.User != nil {
		return *r.User == p.User
	}
	return slices.ContainsFunc(r.Tokens, func(t matcher.KindToken) bool {
		return slices.Contains(p.Tokens, t) && !b.ambiguous[tokenName(t)]
	})
}

// contribution is what one person adds to each cell of an event query, by the
// words of EventQuery.
func (f *fixture) contribution(p matcher.Person, list *oracleList, q matcher.Query, logs []oracleLog) (users map[int]bool, sums []map[int]int64) {
	users = map[int]bool{}
	raw := make([]map[int]int64, len(q.Events.Sums))
	for s := range raw {
		raw[s] = map[int]int64{}
	}
	often := func(kind string) (n int64) {
		for _, l := range logs {
			for _, r := range l.rows {
				t := l.types[r.Type]
				if f.base.owned(p, r) && t.Kind == kind && r.Day >= q.Events.From && r.Day <= q.Events.To && slices.Contains(q.Events.Categories, t.Category) {
					n++
				}
			}
		}
		return n
	}
	for _, l := range logs {
		for _, r := range l.rows {
			t := l.types[r.Type]
			if !f.base.owned(p, r) || r.Day < q.Events.From || r.Day > q.Events.To || !slices.Contains(q.Events.Categories, t.Category) {
				continue
			}
			cell, out := 0, false
			for _, d := range q.Dims {
				v := 0
				switch d.Source {
				case matcher.EventCategory:
					v = slices.Index(q.Events.Categories, t.Category)
				case matcher.EventDay:
					v = int(r.Day-q.Events.From) / d.Step
				case matcher.Frequency:
					v = -1
					for i, b := range d.Bounds {
						if often(d.Name) >= b {
							v = i
						}
					}
				default:
					v, _ = f.value(p, list, d.Source, d.Name)
				}
				out = out || v < 0
				cell = cell*d.Size + v
			}
			if out {
				continue
			}
			if q.Events.Presence == "" || q.Events.Presence == t.Kind {
				users[cell] = true
			}
			for s, sum := range q.Events.Sums {
				switch {
				case len(sum.Kinds) > 0 && !slices.Contains(sum.Kinds, t.Kind):
				case sum.Unit == "":
					raw[s][cell]++
				case sum.Unit == l.unit:
					raw[s][cell] += r.Value
				}
			}
		}
	}
	sums = make([]map[int]int64, len(raw))
	for s, sum := range q.Events.Sums {
		sums[s] = map[int]int64{}
		for cell := range raw[s] {
			if !users[cell] && (!q.Events.Spread || len(users) == 0) {
				continue
			}
			sums[s][cell] = min(max(0, raw[s][cell]), sum.Cap*sum.Granule) / sum.Granule
		}
	}
	return users, sums
}

// checkEvents asks the engine, compares with the oracle and gives the answer.
func (f *fixture) checkEvents(q matcher.Query, logs []oracleLog) matcher.Exact {
	f.tb.Helper()
	q.Population = f.pop
	got, err := f.engine.Cells(context.Background(), q)
	if err != nil {
		f.tb.Fatalf("Cells(%+v %+v): %v", q, q.Events, err)
	}
	n := 1
	for _, d := range q.Dims {
		n *= d.Size
	}
	want := matcher.Exact{Users: make([]int64, n)}
	for range q.Events.Sums {
		want.Sums = append(want.Sums, make([]int64, n))
	}
	list := f.lists[q.List]
	for _, p := range f.base.people {
		if f.base.isGone(p) || !eligible(p, q.Eligible) || list != nil && f.base.firstRow(p, list) == nil || q.Where != nil && !f.holds(q.Where, p, list) {
			continue
		}
		users, sums := f.contribution(p, list, q, logs)
		for cell := range users {
			want.Users[cell]++
		}
		for s := range sums {
			for cell, n := range sums[s] {
				want.Sums[s][cell] += n
			}
		}
	}
	if !slices.Equal(got.Users, want.Users) || !slices.EqualFunc(got.Sums, want.Sums, slices.Equal[[]int64]) {
		f.tb.Fatalf("Cells(%+v %+v)\n got %v\nwant %v", q, q.Events, got, want)
	}
	return got
}

func (f *fixture) log(l oracleLog) matcher.EventsID {
	f.tb.Helper()
	id, err := f.engine.LoadEvents(context.Background(), f.pop, l.types, l.unit, l.rows)
	if err != nil {
		f.tb.Fatalf("LoadEvents: %v", err)
	}
	f.logs[id] = l
	return id
}

func eventRows(t *rapid.T, people []matcher.Person) []matcher.EventRow {
	out := make([]matcher.EventRow, rapid.IntRange(0, 40).Draw(t, "events"))
	for i := range out {
		r := &out[i]
		r.Day, r.Type = int32(rapid.IntRange(100, 110).Draw(t, "day")), uint8(rapid.IntRange(0, len(eventTypes)-1).Draw(t, "type"))
		r.Value = rapid.Int64Range(-500, 2000).Draw(t, "value")
		if len(people) > 0 && rapid.Bool().Draw(t, "by key") {
			who := rapid.SampledFrom(people).Draw(t, "who").User
			r.User = &who
		} else {
			r.Tokens = anyTokens(t, 3)
		}
	}
	return out
}

// eventQuery draws events and dimensions over them for q.
func eventQuery(t *rapid.T, q *matcher.Query, logs []matcher.EventsID) {
	q.Events = &matcher.EventQuery{Logs: logs, From: 102, To: int32(rapid.IntRange(102, 105).Draw(t, "to")),
		Categories: []string{"spring", "shop"}[:rapid.IntRange(1, 2).Draw(t, "categories")],
		Presence:   rapid.SampledFrom([]string{"", "impression"}).Draw(t, "presence"),
		Spread:     rapid.Bool().Draw(t, "spread"),
		Sums: []matcher.EventSum{{Cap: 3, Granule: 1}, {Kinds: []string{"impression"}, Cap: 2, Granule: 1},
			{Kinds: []string{"conversion"}, Unit: "yen", Cap: 20, Granule: 100}, {Kinds: []string{"impression", "click"}, Unit: "yen", Cap: 300, Granule: 1}}}
	q.Dims = q.Dims[:min(1, len(q.Dims))]
	if rapid.Bool().Draw(t, "by category") {
		q.Dims = append(q.Dims, matcher.Dim{Source: matcher.EventCategory, Size: len(q.Events.Categories)})
	}
	switch rapid.IntRange(0, 2).Draw(t, "by day") {
	case 1:
		step := rapid.IntRange(1, 3).Draw(t, "step")
		q.Dims = append(q.Dims, matcher.Dim{Source: matcher.EventDay, Step: step, Size: int(q.Events.To-q.Events.From)/step + 1})
	case 2:
		q.Dims = append(q.Dims, matcher.Dim{Source: matcher.Frequency, Name: "impression", Bounds: []int64{1, 2, 4}, Size: 3})
	}
}

func testEvents(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		who := people(rt, "people")
		f := newFixture(rt, engine, baseColumns, who)
		lists := []matcher.ListID{f.list(listColumns, listRows(rt, "rows"))}
		logs := []oracleLog{{eventTypes, "yen", eventRows(rt, who)}, {eventTypes, "", eventRows(rt, who)}}
		ids := []matcher.EventsID{f.log(logs[0]), f.log(logs[1])}
		q := query(rt, lists)
		eventQuery(rt, &q, ids)
		f.checkEvents(q, logs)

		// One person less moves each cell by what that person contributes, and
		// that by no more than its cap (the sensitivity that the gate claims).
		if len(f.base.people) > 0 && q.Where == nil {
			full := f.checkEvents(q, logs)
			for c := range full.Users {
				for s, sum := range q.Events.Sums {
					people := full.Users[c]
					if q.Events.Spread {
						people = int64(len(f.base.people))
					}
					if n := full.Sums[s][c]; n < 0 || n > people*sum.Cap {
						rt.Fatalf("a sum is %d over %d people of cap %d", n, people, sum.Cap)
					}
				}
			}
		}

		// A condition on events is a count of events.
		least := int64(rapid.IntRange(1, 3).Draw(rt, "at least"))
		cond := matcher.AtLeast{Logs: ids, Category: "spring", From: 101, To: 106, N: least}
		plain := matcher.Query{Population: f.pop, Eligible: q.Eligible, Where: &matcher.Where{Event: &cond}}
		f.check(plain)
	})
}

// times is how often p did what a condition on events counts.
func (f *fixture) times(p matcher.Person, c *matcher.AtLeast) (n int64) {
	for _, id := range c.Logs {
		l := f.logs[id]
		for _, r := range l.rows {
			if f.base.owned(p, r) && l.types[r.Type].Category == c.Category && r.Day >= c.From && r.Day <= c.To {
				n++
			}
		}
	}
	return n
}

// testEventOfTwo: an event that names two people is an event of both, so that
// one of them leaving moves nothing of the other (attack A29). Given to the
// first alone, m events of {target, account i} would tell whether the target is
// in the base: by 1 user, or by m others who come to have an event.
func testEventOfTwo(t *testing.T, engine Loader) {
	a, b := person("a", email("a")), person("b", phone("b"))
	shared := []matcher.EventRow{{Tokens: []matcher.KindToken{email("a"), phone("b")}, Day: 100}}
	q := matcher.Query{Events: &matcher.EventQuery{From: 100, To: 100, Categories: []string{"spring"}, Sums: []matcher.EventSum{{Cap: 5, Granule: 1}}}}
	for _, c := range []struct {
		who  []matcher.Person
		want int64
	}{{[]matcher.Person{a, b}, 2}, {[]matcher.Person{b}, 1}, {[]matcher.Person{a}, 1}} {
		f := newFixture(t, engine, nil, c.who)
		l := oracleLog{eventTypes, "", shared}
		q.Events.Logs = []matcher.EventsID{f.log(l)}
		if got := f.checkEvents(q, []oracleLog{l}); got.Users[0] != c.want || got.Sums[0][0] != c.want {
			t.Errorf("%d people: %v, want %d", len(c.who), got, c.want)
		}
	}

	const m = 40
	target := person("target", email("target"))
	var accounts []matcher.Person
	var rows []matcher.EventRow
	for i := range m {
		phone := phone(string(rune('A' + i)))
		accounts = append(accounts, person("account"+string(rune('A'+i)), phone))
		rows = append(rows, matcher.EventRow{Tokens: []matcher.KindToken{email("target"), phone}, Day: 100})
	}
	l := oracleLog{eventTypes, "", rows}
	with := newFixture(t, engine, nil, append(slices.Clone(accounts), target))
	without := with.refresh(nil, accounts)
	ask := func(f *fixture) int64 {
		q.Events.Logs = []matcher.EventsID{f.log(l)}
		return f.checkEvents(q, []oracleLog{l}).Users[0]
	}
	if d := ask(with) - ask(without); d != 1 {
		t.Errorf("the target moves the count by %d, want 1", d)
	}
	if d := firstOfEvent(without.base, rows) - firstOfEvent(with.base, rows); d != m-1 {
		t.Errorf("the mutant moves by %d, want %d: these events don't mount the attack", d, m-1)
	}
}

// firstOfEvent is how many people have an event where each is given to the first
// alone of those whom its identifiers name: the rule that rule 2 forbids.
func firstOfEvent(b *oracleBase, rows []matcher.EventRow) int64 {
	had := map[string]bool{}
	for _, r := range rows {
		for _, t := range r.Tokens {
			if users := b.holders[tokenName(t)]; len(users) == 1 && !b.ambiguous[tokenName(t)] {
				had[users[0]] = true
				break
			}
		}
	}
	return int64(len(had))
}

// testClamp: whatever one person did, it adds at most the cap; refunds never
// make it negative, and sums at the ends of the range do not wrap (attacks A5,
// A15, A25).
func testClamp(t *testing.T, engine Loader) {
	f := newFixture(t, engine, nil, []matcher.Person{person("a", email("a")), person("b", email("b"))})
	shop := func(name string, value int64) matcher.EventRow {
		return matcher.EventRow{Tokens: []matcher.KindToken{email(name)}, Day: 100, Type: 3, Value: value}
	}
	for _, c := range []struct {
		name string
		rows []matcher.EventRow
		want int64
	}{
		{"one whale", []matcher.EventRow{shop("a", 1<<60), shop("b", 250)}, 300 + 2},
		{"past the range", []matcher.EventRow{shop("a", math.MaxInt64), shop("a", math.MaxInt64)}, 300},
		{"refunds", []matcher.EventRow{shop("a", -5000), shop("b", 199)}, 1},
		// Exact whatever comes first: these add up to 250 and 150, and no sum on the
		// way there may stop at an end of the range.
		{"past the range and back", []matcher.EventRow{shop("a", math.MaxInt64), shop("a", math.MaxInt64), shop("a", -math.MaxInt64), shop("a", 250), shop("a", -math.MaxInt64),
			shop("b", math.MinInt64), shop("b", math.MinInt64), shop("b", math.MaxInt64), shop("b", math.MaxInt64), shop("b", 152)}, 2 + 1},
		{"below the range", []matcher.EventRow{shop("a", math.MinInt64), shop("a", math.MinInt64), shop("a", math.MaxInt64), shop("b", 199)}, 1},
	} {
		l := oracleLog{eventTypes, "yen", c.rows}
		id := f.log(l)
		got, err := engine.Cells(context.Background(), matcher.Query{Population: f.pop, Events: &matcher.EventQuery{Logs: []matcher.EventsID{id}, From: 100, To: 100,
			Categories: []string{"shop"}, Sums: []matcher.EventSum{{Kinds: []string{"conversion"}, Unit: "yen", Cap: 300, Granule: 100}}}})
		if err != nil || got.Sums[0][0] != c.want {
			t.Errorf("%s: %v, %v, want %d", c.name, got.Sums, err, c.want)
		}
	}
}

// testEventLimits: limits hold before any arithmetic.
func testEventLimits(t *testing.T, engine Loader) {
	f := newFixture(t, engine, nil, []matcher.Person{person("a", email("a"))})
	ok := matcher.EventQuery{From: 1, To: 1, Categories: []string{"x"}}
	with := func(change func(*matcher.Query)) error {
		e := ok
		q := matcher.Query{Population: f.pop, Events: &e}
		change(&q)
		_, err := engine.Cells(context.Background(), q)
		return err
	}
	sum := func(s matcher.EventSum) func(*matcher.Query) {
		return func(q *matcher.Query) { q.Events.Sums = []matcher.EventSum{s} }
	}
	if err := with(func(*matcher.Query) {}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []matcher.EventSum{{Cap: 0, Granule: 1}, {Cap: 1, Granule: 0}, {Cap: 1<<16 + 1, Granule: 1}, {Cap: math.MaxInt64, Granule: math.MaxInt64}, {Cap: 1 << 16, Granule: 1 << 22}} {
		wantCode(t, with(sum(s)), entrustment.CodeLimit)
	}
	wantCode(t, with(func(q *matcher.Query) { q.Events.To = 0 }), entrustment.CodeSpec)
	wantCode(t, with(func(q *matcher.Query) { q.Events.From = math.MinInt32; q.Events.To = math.MaxInt32 }), entrustment.CodeSpec)
	wantCode(t, with(func(q *matcher.Query) { q.Events.Logs = []matcher.EventsID{{9}} }), entrustment.CodeGone)
	wantCode(t, with(func(q *matcher.Query) {
		q.Events.To = 9
		q.Dims = []matcher.Dim{{Source: matcher.EventDay, Step: 1, Size: 9}}
	}), entrustment.CodeLimit)
	wantCode(t, with(func(q *matcher.Query) {
		q.Events = nil
		q.Dims = []matcher.Dim{{Source: matcher.EventCategory, Size: 1}}
	}), entrustment.CodeSpec)
}
