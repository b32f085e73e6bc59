package clickhouse

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/crypto/token"
	"awase/matcher"
)

// A base on one shard and on two is what the base exports: every token and cluster
// once, on its shard.
func TestPutBase(t *testing.T) {
	base := makeBase(t, 3000)
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			e := open(t, options(t, n))
			id := matcher.BuildID{byte(n)}
			if err := e.PutBase(t.Context(), id, columns, func() (*matcher.Base, error) { return base, nil }); err != nil {
				t.Fatal(err)
			}
			b := e.builds[id]
			for k := range matcher.Kinds {
				sameTokens(t, e, b.tokens[k], base.KindTokens(k, 100), false)
			}
			sameTokens(t, e, b.user, base.UserKeys(100), false)
			want := map[uint32][]uint8{}
			for p := range base.People(100) {
				for i, id := range p.IDs {
					want[id] = []uint8{p.Codes[0][i], p.Codes[1][i]}
				}
			}
			for shard, conn := range e.shards {
				rowsOf(t, conn, "SELECT id, c0, c1 FROM "+e.at(b.people.name, shard), func(r driver.Rows) error {
					var id uint32
					codes := make([]uint8, 2)
					err := r.Scan(&id, &codes[0], &codes[1])
					if int(id)%n != shard || !slices.Equal(want[id], codes) {
						t.Fatalf("shard %d has cluster %d with codes %v, not %v", shard, id, codes, want[id])
					}
					delete(want, id)
					return err
				})
			}
			if len(want) > 0 {
				t.Fatalf("%d clusters are on no shard", len(want))
			}
			// Held, it is not opened again, not even by an engine that did not load it.
			other := open(t, e.o)
			if err := other.PutBase(t.Context(), id, columns, noBase); err != nil {
				t.Fatal(err)
			}
			held, err := other.Holds(t.Context())
			if err != nil || !held.Builds[id] || len(held.Builds) != 1 {
				t.Fatal(held, err)
			}
		})
	}
}

// sameTokens compares the tables of tokens of all shards with what was exported.
func sameTokens(t *testing.T, e *Engine, tab table, pieces iter.Seq[matcher.Held], everywhere bool) {
	t.Helper()
	all := map[token.Token]uint32{}
	for h := range pieces {
		for i, tok := range h.Tokens {
			all[tok] = h.Values[i]
		}
	}
	want := maps.Clone(all)
	for shard, conn := range e.shards {
		if everywhere {
			want = maps.Clone(all)
		}
		rows := uint64(0)
		rowsOf(t, conn, "SELECT * FROM "+e.at(tab.name, shard), func(r driver.Rows) error {
			var text string
			var value uint32
			err := r.Scan(&text, &value)
			tok := token.Token([]byte(text))
			if v, ok := want[tok]; !ok || v != value || !everywhere && int(value)%len(e.shards) != shard {
				t.Fatalf("shard %d has a token that leads to %d, not %d", shard, value, v)
			}
			delete(want, tok)
			rows++
			return err
		})
		if rows != tab.rows[shard] || everywhere && len(want) > 0 {
			t.Fatalf("shard %d has %d rows of %d, %d are missing", shard, rows, tab.rows[shard], len(want))
		}
	}
	if len(want) > 0 {
		t.Fatalf("%d tokens are on no shard", len(want))
	}
}

// A list is whole on every shard, and gone when its time is over.
func TestPutList(t *testing.T) {
	list := makeList(t, 2000)
	e := open(t, options(t, 2))
	until := time.Now().Add(time.Hour)
	if err := e.PutList(t.Context(), list.ID(), columns, func() (*matcher.List, error) { return list, nil }, until); err != nil {
		t.Fatal(err)
	}
	l, err := e.list(list.ID())
	if err != nil {
		t.Fatal(err)
	}
	for k := range matcher.Kinds {
		sameTokens(t, e, l.tokens[k], list.KindTokens(k, 100), true)
	}
	codes := list.Codes()
	for shard, conn := range e.shards {
		n := 0
		rowsOf(t, conn, "SELECT row, c0, c1 FROM "+e.at(l.row.name, shard), func(r driver.Rows) error {
			var row uint32
			var c0, c1 uint8
			err := r.Scan(&row, &c0, &c1)
			if codes[0][row] != c0 || codes[1][row] != c1 {
				t.Fatalf("row %d has other codes", row)
			}
			n++
			return err
		})
		if n != list.Rows() {
			t.Fatalf("%d rows of %d", n, list.Rows())
		}
	}
	if err := e.PutList(t.Context(), list.ID(), columns, noList, until); err != nil {
		t.Fatal(err)
	}
	e.lists[list.ID()].until = time.Now().Add(-time.Second)
	if _, err := e.list(list.ID()); err == nil {
		t.Fatal("a list is given after its time")
	}
	if err := e.PutList(t.Context(), matcher.ListID{1}, columns, noList, time.Now()); err == nil || errors.Is(err, errOpened) {
		t.Fatal("a list is put whose time is over:", err)
	}
}

// An event is of each cluster that holds one of its unambiguous tokens, once, on
// the shard of the cluster.
func TestPutEvents(t *testing.T) {
	base := makeBase(t, 1000)
	users := map[token.Token]uint32{}
	for h := range base.UserKeys(100) {
		for i, tok := range h.Tokens {
			users[tok] = h.Values[i]
		}
	}
	var rows []matcher.EventRow
	type event struct {
		id    uint32
		day   int32
		typ   uint8
		value int64
	}
	want := map[event]int{}
	for i := range 3000 {
		r := matcher.EventRow{Day: int32(i%30) - 5, Type: uint8(i % 2), Value: int64(i%7) - 3}
		a, b := person(i%1200), person((i*7+1)%1200)
		of := []matcher.Person{a}
		switch i % 4 {
		case 0:
			r.User = &a.User
		case 1:
			r.Tokens = a.Tokens // one of them may be ambiguous
		case 2:
			r.Tokens = []matcher.KindToken{a.Tokens[0], b.Tokens[1], a.Tokens[1], {Token: a.Tokens[0].Token, Kind: 200}}
			if a.User != b.User {
				of = append(of, b)
			}
		case 3:
			r.Tokens = []matcher.KindToken{{Token: a.Tokens[0].Token, Kind: matcher.MAID}} // of nobody
			of = nil
		}
		rows = append(rows, r)
		for _, p := range of {
			if id, ok := users[p.User]; ok {
				want[event{id, r.Day, r.Type, r.Value}]++
			}
		}
	}
	types := matcher.Log{Types: []matcher.EventType{{Kind: "view", Category: "x"}, {Kind: "buy", Category: "y"}}, Unit: "yen"}
	e := open(t, options(t, 2))
	b, id := matcher.BuildID{7}, matcher.EventsID{8}
	seq := func(yield func(matcher.EventRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
	until := time.Now().Add(time.Hour)
	if err := e.PutEvents(t.Context(), b, id, types, seq, until); err == nil {
		t.Fatal("events are bound to a build that is not held")
	}
	if err := e.PutBase(t.Context(), b, columns, func() (*matcher.Base, error) { return base, nil }); err != nil {
		t.Fatal(err)
	}
	if err := e.PutEvents(t.Context(), b, id, types, seq, until); err != nil {
		t.Fatal(err)
	}
	l, err := e.log(b, id, "events")
	if err != nil {
		t.Fatal(err)
	}
	for shard, conn := range e.shards {
		rowsOf(t, conn, "SELECT id, day, type, value FROM "+e.at(l.table.name, shard), func(r driver.Rows) error {
			var ev event
			err := r.Scan(&ev.id, &ev.day, &ev.typ, &ev.value)
			if want[ev]--; want[ev] < 0 || int(ev.id)%2 != shard {
				t.Fatalf("an event more than there are, or on shard %d: %+v", shard, ev)
			}
			return err
		})
	}
	for ev, n := range want {
		if n != 0 {
			t.Fatalf("%d events like %+v are missing", n, ev)
		}
	}
	none := func(func(matcher.EventRow, error) bool) { t.Error("a held log is read") }
	if err := e.PutEvents(t.Context(), b, id, types, none, until); err != nil {
		t.Fatal(err)
	}
	bad := func(yield func(matcher.EventRow, error) bool) { yield(matcher.EventRow{Type: 2}, nil) }
	if err := e.PutEvents(t.Context(), b, matcher.EventsID{9}, types, bad, until); !errors.Is(err, errEventType) {
		t.Fatal("an event of no type is taken:", err)
	}
	held, err := e.Holds(t.Context())
	if err != nil || !held.Logs[matcher.BoundEvents{Build: b, Events: id}] || len(held.Logs) != 1 {
		t.Fatal(held, err)
	}
}

// Who is eligible and under no request, on the shard of each, and nobody else.
func TestPeople(t *testing.T) {
	base := makeBase(t, 2000)
	e := open(t, options(t, 2))
	b, pop := matcher.BuildID{3}, matcher.PopulationID{4}
	standings := func() (*matcher.Standings, error) { return base.Standings(), nil }
	if err := e.PutPopulation(t.Context(), pop, b, standings, nil); err == nil {
		t.Fatal("a population of a build that is not held")
	}
	if err := e.PutBase(t.Context(), b, columns, func() (*matcher.Base, error) { return base, nil }); err != nil {
		t.Fatal(err)
	}
	gone := []token.Token{person(0).User, person(5).User, person(77).User, tok(99, 1)}
	if err := e.PutPopulation(t.Context(), pop, b, standings, gone); err != nil {
		t.Fatal(err)
	}
	eligible := matcher.Eligibility{ByPolicy: true, Versions: []string{"a", "c"}}
	codes := map[uint32][2]uint8{}
	for p := range base.People(100) {
		for i, id := range p.IDs {
			codes[id] = [2]uint8{p.Codes[0][i], p.Codes[1][i]}
		}
	}
	want := map[uint32]bool{}
	for ids := range base.WithTombstones(nil).Standings().Eligible(&eligible, 100) {
		for _, id := range ids {
			want[id] = true
		}
	}
	var left []uint32 // who is left out of each question, and is in no table as such
	for h := range base.UserKeys(100) {
		for i, tok := range h.Tokens {
			if slices.Contains(gone, tok) {
				left = append(left, h.Values[i])
			}
		}
	}
	if slices.Sort(left); len(left) != 3 || !slices.Equal(e.pops[pop].gone, left) {
		t.Fatalf("%v are left out, not %v", e.pops[pop].gone, left)
	}
	for range 2 { // made, then found in memory
		tab, err := e.peopleOf(t.Context(), pop, &eligible)
		if err != nil {
			t.Fatal(err)
		}
		got := map[uint32]bool{}
		for shard, conn := range e.shards {
			rowsOf(t, conn, "SELECT id, c0, c1 FROM "+e.at(tab.name, shard), func(r driver.Rows) error {
				var id uint32
				var c [2]uint8
				err := r.Scan(&id, &c[0], &c[1])
				if int(id)%2 != shard || got[id] || codes[id] != c {
					t.Fatalf("shard %d has cluster %d", shard, id)
				}
				got[id] = true
				return err
			})
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%d people are eligible, not %d", len(got), len(want))
		}
	}
}
