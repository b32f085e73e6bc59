// Package enginetest is what every matcher.Engine must pass. Each answer is
// compared with an oracle of Go maps over strings that follows PRIVACY rules 2
// and 3 word for word and knows nothing of indexes, bitmaps or ids.
package enginetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

// Loader is an engine that takes rows.
type Loader interface {
	matcher.Engine
	// LoadBase makes a population of its own of the people. prev is the one it
	// is a new version of, zero for none.
	LoadBase(ctx context.Context, columns []matcher.Column, people []matcher.Person, prev matcher.PopulationID) (matcher.PopulationID, error)
	// LoadList makes a list.
	LoadList(ctx context.Context, columns []matcher.Column, rows []matcher.ListRow) (matcher.ListID, error)
	// Tombstone makes a population of its own of one, with more users under
	// tombstones.
	Tombstone(ctx context.Context, pop matcher.PopulationID, users []token.Token) (matcher.PopulationID, error)
	// LoadEvents adds an event log to a population.
	LoadEvents(ctx context.Context, pop matcher.PopulationID, types []matcher.EventType, unit string, rows []matcher.EventRow) (matcher.EventsID, error)
}

// Run runs the suite against what open gives. Each test opens one engine and
// loads many bases and lists into it.
func Run(t *testing.T, open func(t *testing.T) Loader) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Loader)
	}{
		{"Random", testRandom},
		{"Events", testEvents},
		{"EventOfTwo", testEventOfTwo},
		{"Clamp", testClamp},
		{"EventLimits", testEventLimits},
		{"Attribution", testAttribution},
		{"Attributions", testAttributions},
		{"AttributionLimits", testAttributionLimits},
		{"Refresh", testRefresh},
		{"Life", testLife},
		{"OneCluster", testOneCluster},
		{"OneClusterOfEvents", testOneClusterOfEvents},
		{"Amplified", testAmplified},
		{"RowCollapse", testRowCollapse},
		{"Sizes", testSizes},
		{"ListOrder", testListOrder},
		{"FirstRow", testFirstRow},
		{"Eligibility", testEligibility},
		{"Conditions", testConditions},
		{"LargeConditions", testLargeConditions},
		{"Shares", testShares},
		{"MembersRefused", testMembersRefused},
		{"Gone", testGone},
		{"Refused", testRefused},
		{"Cancelled", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// fixture is what the oracle and the engine both hold.
type fixture struct {
	tb     fataler
	engine Loader
	base   *oracleBase
	pop    matcher.PopulationID
	lists  map[matcher.ListID]*oracleList
	logs   map[matcher.EventsID]oracleLog
}

// fataler is the part of testing.T and rapid.T that fixtures need.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newFixture(tb fataler, engine Loader, columns []matcher.Column, people []matcher.Person) *fixture {
	tb.Helper()
	f := &fixture{tb: tb, engine: engine, lists: make(map[matcher.ListID]*oracleList), logs: make(map[matcher.EventsID]oracleLog)}
	f.load(columns, people, nil)
	return f
}

// load makes people the base, as a new version of before if that is not nil.
func (f *fixture) load(columns []matcher.Column, people []matcher.Person, before *fixture) {
	f.tb.Helper()
	var (
		prev   matcher.PopulationID
		sticky *oracleBase
		err    error
	)
	if before != nil {
		prev, sticky = before.pop, before.base
	}
	if f.pop, err = f.engine.LoadBase(context.Background(), columns, people, prev); err != nil {
		f.tb.Fatalf("LoadBase: %v", err)
	}
	f.base = newOracleBase(columns, people, sticky)
}

// refresh gives a fixture with a new version of the base and the same lists.
func (f *fixture) refresh(columns []matcher.Column, people []matcher.Person) *fixture {
	f.tb.Helper()
	next := &fixture{tb: f.tb, engine: f.engine, lists: f.lists, logs: make(map[matcher.EventsID]oracleLog)}
	next.load(columns, people, f)
	return next
}

func (f *fixture) list(columns []matcher.Column, rows []matcher.ListRow) matcher.ListID {
	f.tb.Helper()
	id, err := f.engine.LoadList(context.Background(), columns, rows)
	if err != nil {
		f.tb.Fatalf("LoadList: %v", err)
	}
	f.lists[id] = newOracleList(columns, rows)
	return id
}

// check asks the engine, compares with the oracle and gives the counts.
func (f *fixture) check(q matcher.Query) []int64 {
	f.tb.Helper()
	q.Population = f.pop
	got, err := f.engine.Cells(context.Background(), q)
	if err != nil {
		f.tb.Fatalf("Cells(%+v): %v", q, err)
	}
	if want := f.cells(q); !slices.Equal(got.Users, want) {
		f.tb.Fatalf("Cells(%+v)\n got %v\nwant %v", q, got.Users, want)
	}
	return got.Users
}

func (f *fixture) count(q matcher.Query) int64 {
	f.tb.Helper()
	return f.check(q)[0]
}

func testRandom(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(rt, engine, baseColumns, people(rt, "people"))
		lists := make([]matcher.ListID, 3)
		for i := range lists {
			lists[i] = f.list(listColumns, listRows(rt, "list"))
		}
		for range 4 {
			q := query(rt, lists)
			f.check(q)
			f.named(q)
		}
	})
}

// testRefresh: whatever became ambiguous stays blocked over any number of
// versions, and everything else follows the newest rows.
func testRefresh(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(rt, engine, baseColumns, people(rt, "people"))
		lists := []matcher.ListID{f.list(listColumns, listRows(rt, "list"))}
		for range 3 {
			f = f.refresh(baseColumns, people(rt, "people"))
			q := query(rt, lists)
			f.check(q)
			f.named(q)
			f.check(matcher.Query{List: lists[0], Eligible: everybody})
		}
	})
	t.Run("holder deleted", func(t *testing.T) {
		shared := email("family")
		a, b := person("a", shared), person("b", shared)
		f := newFixture(t, engine, nil, []matcher.Person{a, b})
		list := f.list(nil, []matcher.ListRow{row(shared)})
		q := matcher.Query{List: list, Eligible: everybody}
		if n := f.count(q); n != 0 {
			t.Fatalf("an ambiguous token matches %d clusters", n)
		}
		for range 2 { // the block outlives the version that knew both
			if f = f.refresh(nil, []matcher.Person{a}); f.count(q) != 0 {
				t.Fatal("a token is free again after one holder was deleted")
			}
		}
	})
}

// testOneCluster is A19: removing any one cluster, with the ambiguity index
// fixed, moves no exact count by more than 1, and no two cells.
func testOneCluster(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		all := people(rt, "people")
		if len(all) == 0 {
			return
		}
		f := newFixture(rt, engine, baseColumns, all)
		lists := []matcher.ListID{f.list(listColumns, listRows(rt, "list")), f.list(listColumns, listRows(rt, "other"))}
		out := rapid.IntRange(0, len(all)-1).Draw(rt, "removed")
		// As a new version of f, the base keeps f's ambiguity index.
		without := f.refresh(baseColumns, slices.Delete(slices.Clone(all), out, out+1))
		for range 3 {
			q := query(rt, lists)
			before, after := f.check(q), without.check(q)
			moved := int64(0)
			for i := range before {
				d := before[i] - after[i]
				if d < 0 {
					rt.Fatalf("removing a cluster raised cell %d by %d", i, -d)
				}
				moved += d
			}
			if moved > 1 {
				rt.Fatalf("removing one cluster moved the counts by %d", moved)
			}
		}
	})
}

// testRowCollapse is A29: m rows of {target's email, phone of account i}. Under
// the rule of first hit per row the count tells whether the target is in the
// base: 1 or m. The mutant shows that the rows would do it.
func testRowCollapse(t *testing.T, engine Loader) {
	const m = 40
	target := person("target", email("target"))
	var accounts []matcher.Person
	var rows []matcher.ListRow
	for i := range m {
		phone := phone(string(rune('A' + i)))
		accounts = append(accounts, person("account"+string(rune('A'+i)), phone))
		rows = append(rows, row(email("target"), phone))
	}
	with := newFixture(t, engine, nil, append(slices.Clone(accounts), target))
	without := with.refresh(nil, accounts)
	q := matcher.Query{List: with.list(nil, rows), Eligible: everybody}
	if d := with.count(q) - without.count(q); d != 1 {
		t.Errorf("the target moves the count by %d, want 1", d)
	}
	list := with.lists[q.List]
	if d := firstHitPerRow(without.base, list) - firstHitPerRow(with.base, list); d != m-1 {
		t.Errorf("the mutant moves by %d, want %d: these rows don't mount the attack", d, m-1)
	}
}

// testSizes: the counts around the gate's k are exact, alone and beside others.
func testSizes(t *testing.T, engine Loader) {
	const k = 50
	columns := []matcher.Column{{Name: "size", Domain: []string{"k-1", "k", "k+1", "unknown"}}}
	var all []matcher.Person
	var rows []matcher.ListRow
	for code, n := range []int{k - 1, k, k + 1} {
		for i := range n {
			id := email(string(rune('0'+code)) + string(rune('A'+i)))
			p := person("u"+string(rune('0'+code))+string(rune('A'+i)), id)
			p.Codes = []uint8{uint8(code)}
			all = append(all, p)
			rows = append(rows, row(id), row(id)) // twice: a row is no person
		}
	}
	f := newFixture(t, engine, columns, all)
	got := f.check(matcher.Query{List: f.list(nil, rows), Eligible: everybody,
		Dims: []matcher.Dim{{Source: matcher.BaseColumn, Name: "size", Size: 4}}})
	if want := []int64{k - 1, k, k + 1, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// testListOrder: neither order nor repetition of rows changes the list.
func testListOrder(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(rt, engine, baseColumns, people(rt, "people"))
		rows := listRows(rt, "list")
		id := f.list(listColumns, rows)
		again := rapid.Permutation(rows).Draw(rt, "again")
		if len(rows) > 0 {
			again = append(again, rapid.SampledFrom(rows).Draw(rt, "repeated"))
		}
		if other := f.list(listColumns, again); other != id {
			rt.Fatalf("the same rows in another order have another ListID")
		}
	})
}

func wantCode(t *testing.T, err error, code entrustment.Code) {
	t.Helper()
	if e, ok := errors.AsType[*entrustment.Error](err); !ok || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}
