package clickhouse

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
	"awase/matcher/enginetest"
)

// asked gives an engine that holds a small world, and a question that finds people.
func asked(t *testing.T, o Options) (*Engine, matcher.Query) {
	t.Helper()
	e := open(t, o)
	l, err := enginetest.NewWorld(200, 1).Load(t.Context(), newRemote(e))
	if err != nil {
		t.Fatal(err)
	}
	q := matcher.Query{Population: l.Population, Eligible: matcher.Eligibility{Enquiry: true}, Dims: []matcher.Dim{{Name: "sex", Size: 3}}}
	got, err := e.Cells(t.Context(), q)
	if err != nil || got.Users[0] == 0 || got.Users[1] == 0 {
		t.Fatal(got, err)
	}
	return e, q
}

// instead makes the engine ask something else than how many there are in each cell.
func instead(t *testing.T, e *Engine, old, text string) {
	t.Helper()
	insteadOf(t, e, "cells", old, text)
}

// insteadOf changes a statement.
func insteadOf(t *testing.T, e *Engine, name, old, text string) {
	t.Helper()
	whole := e.queries
	t.Cleanup(func() { e.queries = whole })
	e.queries = maps.Clone(whole)
	if e.queries[name] = strings.ReplaceAll(whole[name], old, text); e.queries[name] == whole[name] {
		t.Fatalf("the statement has no %q", old)
	}
}

// endless works for hours.
const endless = "(SELECT sum(sipHash64(number)) FROM numbers(1000000000000)) != 1 AND {where}"

func wantEngine(t *testing.T, err error, says string) {
	t.Helper()
	var shown *entrustment.Error
	if !errors.As(err, &shown) || shown.Code != entrustment.CodeEngine || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %s that says %q", err, entrustment.CodeEngine, says)
	}
	if err != nil && (strings.Contains(err.Error(), "SELECT") || strings.Contains(err.Error(), "numbers") || strings.Contains(err.Error(), "pop_")) {
		t.Errorf("the error quotes the statement: %v", err)
	}
}

// What is not of the cells that were asked for is no answer.
func TestNonsense(t *testing.T) {
	e, q := asked(t, options(t, 1))
	for name, change := range map[string][2]string{
		"outside the cells": {"toUInt16({cell}) AS cell", "toUInt16({cell} + 1) AS cell"},
		"far outside":       {"toUInt16({cell}) AS cell", "toUInt16(65535) AS cell"},
		"twice":             {"GROUP BY cell", "GROUP BY cell, id"},
		"nobody":            {"count() AS users", "toUInt64(0) AS users"},
		"more than can be":  {"count() AS users", "toUInt64(5000000000) AS users"},
	} {
		t.Run(name, func(t *testing.T) {
			instead(t, e, change[0], change[1])
			got, err := e.Cells(t.Context(), q)
			wantEngine(t, err, "not of the cells")
			if got.Users != nil {
				t.Error("counts are given beside an error")
			}
		})
	}
}

// Where people add their events to cells in which they are not counted, a cell may have
// sums and nobody counted; what is not of the cells is no answer there either.
func TestSpreadNonsense(t *testing.T) {
	e := open(t, options(t, 1))
	remote := newRemote(e)
	people := []matcher.Person{{User: tok(100, 1)}, {User: tok(100, 2)}}
	base, err := remote.LoadBase(t.Context(), nil, people, matcher.PopulationID{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := remote.LoadEvents(t.Context(), base, []matcher.EventType{{Kind: "impression"}, {Kind: "click"}}, "",
		[]matcher.EventRow{{User: &people[0].User, Day: 1}, {User: &people[0].User, Day: 2, Type: 1}, {User: &people[1].User, Day: 1}})
	if err != nil {
		t.Fatal(err)
	}
	q := matcher.Query{Population: base, Dims: []matcher.Dim{{Source: matcher.EventDay, Name: "day", Size: 2, Step: 1}},
		Events: &matcher.EventQuery{Logs: []matcher.EventsID{log}, From: 1, To: 2, Categories: []string{""}, Presence: "impression", Spread: true, Sums: []matcher.EventSum{{Kinds: []string{"click"}, Cap: 5, Granule: 1}}}}
	got, err := e.Cells(t.Context(), q)
	if err != nil || !slices.Equal(got.Users, []int64{2, 0}) || !slices.Equal(got.Sums[0], []int64{0, 1}) {
		t.Fatal(got, err)
	}
	for name, change := range map[string][2]string{
		"outside the cells": {"{frequency}) AS cell", "{frequency} + 2) AS cell"},
		"twice":             {"GROUP BY cell", "GROUP BY cell, q.id"},
		"more than can be":  {"sum(t.counted) AS users", "toUInt64(5000000000) AS users"},
	} {
		t.Run(name, func(t *testing.T) {
			insteadOf(t, e, "spread", change[0], change[1])
			_, err := e.Cells(t.Context(), q)
			wantEngine(t, err, "not of the cells")
		})
	}
}

// A statement has the engine's memory and time, and its error is a number and a name.
func TestQueryLimits(t *testing.T) {
	o := options(t, 1)
	e, q := asked(t, o)
	t.Run("memory", func(t *testing.T) {
		o.Memory = 64 << 20
		small := open(t, o)
		small.builds, small.pops = e.builds, e.pops
		instead(t, small, "{where}", "length((SELECT groupArray(number) FROM numbers(100000000))) != 1 AND {where}")
		_, err := small.Cells(t.Context(), q)
		wantEngine(t, err, "241 MEMORY_LIMIT_EXCEEDED")
	})
	t.Run("time", func(t *testing.T) {
		o.Memory, o.Time = 0, time.Second
		quick := open(t, o)
		quick.builds, quick.pops = e.builds, e.pops
		instead(t, quick, "{where}", endless)
		_, err := quick.Cells(t.Context(), q)
		wantEngine(t, err, "counting: ")
		gone(t, e)
	})
}

// gone waits until the server does not work on what is endless any more.
func gone(t *testing.T, e *Engine) {
	t.Helper()
	for range 300 {
		if running(t, e) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the server works on")
}

func running(t *testing.T, e *Engine) (n uint64) {
	t.Helper()
	const text = "SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND position(query, 'sipHash64(number)') > 0 AND position(query, 'system.processes') = 0"
	if err := e.shards[0].QueryRow(t.Context(), text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A question that is given up is given up by every server.
func TestCancelReachesServer(t *testing.T) {
	e, q := asked(t, options(t, 2))
	instead(t, e, "{where}", endless)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fault := make(chan error, 1)
	go func() {
		_, err := e.Cells(ctx, q)
		fault <- err
	}()
	for running(t, e) == 0 {
		select {
		case err := <-fault:
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	cancel()
	if err := <-fault; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	gone(t, e)
}

// A list whose time ends while it is counted is gone: rows may have left it by then.
func TestEndsMeanwhile(t *testing.T) {
	e := open(t, options(t, 1))
	l, err := enginetest.NewWorld(200, 1).Load(t.Context(), newRemote(e))
	if err != nil {
		t.Fatal(err)
	}
	q := matcher.Query{Population: l.Population, Eligible: matcher.Eligibility{Enquiry: true}}
	for id := range e.lists {
		q.List = id
	}
	if got, err := e.Cells(t.Context(), q); err != nil || got.Users[0] == 0 {
		t.Fatal(got, err)
	}
	e.lists[q.List].until = time.Now().Add(1500 * time.Millisecond)
	instead(t, e, "{where}", "sleep(2) = 0 AND {where}")
	_, err = e.Cells(t.Context(), q)
	var shown *entrustment.Error
	if !errors.As(err, &shown) || shown.Code != entrustment.CodeGone {
		t.Errorf("got %v, want %s", err, entrustment.CodeGone)
	}
}

// Somebody with two addresses on a list of addresses counts once. Where nobody has
// two that is not looked at, so whether anybody has is.
func TestTwoAddresses(t *testing.T) {
	e := open(t, options(t, 1))
	r := newRemote(e)
	two := matcher.Person{User: tok(1, 1), Tokens: []matcher.KindToken{{Token: tok(2, 1)}, {Token: tok(2, 2)}}}
	one := matcher.Person{User: tok(1, 2), Tokens: []matcher.KindToken{{Token: tok(2, 3)}, {Kind: matcher.Phone, Token: tok(2, 3)}}}
	pop, err := r.LoadBase(t.Context(), nil, []matcher.Person{two, one}, matcher.PopulationID{})
	must(t, err)
	q := matcher.Query{Population: pop}
	for _, c := range []struct {
		list   []matcher.KindToken
		single bool
		want   int64
	}{{[]matcher.KindToken{{Token: tok(2, 1)}, {Token: tok(2, 2)}, {Token: tok(2, 3)}}, false, 2}, {[]matcher.KindToken{{Kind: matcher.Phone, Token: tok(2, 3)}}, true, 1}} {
		var rows []matcher.ListRow
		for _, id := range c.list {
			rows = append(rows, matcher.ListRow{Tokens: []matcher.KindToken{id}})
		}
		q.List, err = r.LoadList(t.Context(), nil, rows)
		must(t, err)
		got, err := e.Cells(t.Context(), q)
		if err != nil || got.Users[0] != c.want {
			t.Fatalf("%v, %v, not %d", got, err, c.want)
		}
		kind := c.list[0].Kind
		may, err := e.may(t.Context(), &q)
		must(t, err)
		if (may.tokens[kind] != nil) != c.single {
			t.Fatalf("nobody has two of kind %d: %v", kind, !c.single)
		}
		if c.single {
			continue
		}
		for _, b := range e.builds { // the proof taken away
			b.single[kind] = new(bool)
			*b.single[kind] = true
		}
		if got, err := e.Cells(t.Context(), q); err != nil || got.Users[0] == c.want {
			t.Errorf("without it the count is %v, %v: the test proves nothing", got, err)
		}
	}
}

// Rows that a shard lost are no smaller count: the answer is that it lost them, and
// all is to be put again.
func TestLostRows(t *testing.T) {
	e, q := asked(t, options(t, 2))
	may, err := e.may(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	lose := []table{may.people}
	for _, of := range may.tokens {
		if of != nil {
			lose = append(lose, *of)
		}
	}
	for _, of := range lose {
		if err := e.shards[1].Exec(t.Context(), "TRUNCATE TABLE "+e.at(of.name, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := e.Cells(t.Context(), q); !errors.Is(err, ErrLost) || got.Users != nil {
		t.Errorf("got %v, %v, want %v", got, err, ErrLost)
	}
	var shown *entrustment.Error
	if _, err := e.Cells(t.Context(), q); !errors.As(err, &shown) || shown.Code != entrustment.CodeGone {
		t.Errorf("got %v, want %s until it is put again", err, entrustment.CodeGone)
	}
}
