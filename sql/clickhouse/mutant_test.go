package clickhouse

import (
	"maps"
	"strings"
	"testing"

	"awase/entrustment"
	"awase/matcher"
	"awase/matcher/enginetest"
)

// TestMutants breaks the statements, and what they read, one at a time: the
// questions of TestWorld must see each.
func TestMutants(t *testing.T) {
	const people, questions = 2_000, 150
	engines := []*Engine{open(t, options(t, 1)), open(t, options(t, 2))}
	want, others := loadWorld(t, people, newRemote(engines[0]), newRemote(engines[1]))
	answers := map[int]enginetest.Answer{}
	answer := func(n int) enginetest.Answer {
		if _, ok := answers[n]; !ok {
			a, err := want.Ask(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			answers[n] = a
		}
		return answers[n]
	}
	// seen asks until an answer is not what it should be, or can't be one.
	seen := func(t *testing.T, shards int) bool {
		for n := range questions {
			got, err := others[shards-1].Ask(t.Context(), n)
			if err != nil && strings.Contains(err.Error(), engines[0].nonsense(0).(*entrustment.Error).Detail) {
				return true
			}
			if err != nil {
				t.Fatal(err)
			}
			if !enginetest.Same(got, answer(n)) {
				return true
			}
		}
		return false
	}
	for n := range 40 { // nothing is broken yet
		for shards := 1; shards <= 2; shards++ {
			got, err := others[shards-1].Ask(t.Context(), n)
			if err != nil || !enginetest.Same(got, answer(n)) {
				t.Fatalf("question %d differs: %v", n, err)
			}
		}
	}
	_, build, err := engines[0].population(others[0].Population)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct{ name, fragment, old, new string }{
		{"a user counts for each hit", "matched", "WHERE p.id IN (SELECT id FROM ({hits}))", "INNER JOIN ({hits}) AS h ON p.id = h.id"},
		{"no list is looked at", "matched", "WHERE p.id IN (SELECT id FROM ({hits}))", ""},
		{"tokens of anybody's are hits", "hit", "ON b.token = l.token", "ON substring(b.token, 1, 1) = substring(l.token, 1, 1)"},
		{"who asked to be left out is counted", "gone", "id NOT IN (SELECT id FROM gone)", "1"},
		{"a user counts for each row", "rows", "GROUP BY id", "GROUP BY id, `row`"},
		{"the last row", "rows", "min(`row`)", "max(`row`)"},
		{"the last kind", "first", "min(kind)", "max(kind)"},
		{"the last kind beside rows", "rows", "min(kind)", "max(kind)"},
		{"conditions are not looked at", "cells", "WHERE {where}", ""},
		{"conditions are not looked at before events", "events", "WHERE {where}", ""},
		{"a user without the event is in the cell", "events", "HAVING max(here) = 1", ""},
		{"a user counts for each event", "events", "GROUP BY id, place", "GROUP BY id, place, here, often"},
		{"the window ends before its last day", "event", "{to}", "{to} - 1"},
		{"the window begins after its first day", "event", "{from}", "{from} + 1"},
		{"a condition's window ends before its last day", "times", "{to}", "{to} - 1"},
		{"more than at least", "atleast", ">=", ">"},
		{"any event is often", "often", "WHERE often", ""},
		{"more than the least often", "often", ">=", ">"},
		{"refunds below nothing", "sum", "greatest(t.t{i}, toInt128(0))", "t.t{i}"},
		{"no cap", "sum", "toInt128({cap})", "toInt128({cap}) * 1000000"},
		{"everybody of a list is a member", "members", "WHERE h.id IN (SELECT id FROM ({people}) AS q WHERE {where})", ""},
		{"conditions are not looked at of members", "members", "WHERE {where}", ""},
		{"conditions are not looked at of members without a list", "audience", "WHERE {where}", ""},
		{"a share is another", "share", "{k1}", "{k0}"},
		{"a share begins later", "share", ">= {from}", "> {from} + 50"},
		{"no granule", "sum", "toInt128({granule})", "toInt128(1)"},
	} {
		t.Run(m.name, func(t *testing.T) {
			e := engines[0]
			whole := e.queries
			defer func() { e.queries = whole }()
			e.queries = maps.Clone(whole)
			text := whole[m.fragment]
			if !strings.Contains(text, m.old) {
				t.Fatalf("%s has no %q", m.fragment, m.old)
			}
			e.queries[m.fragment] = strings.ReplaceAll(text, m.old, m.new)
			if !seen(t, 1) {
				t.Error("no question saw it")
			}
		})
	}
	t.Run("one shard is not asked", func(t *testing.T) {
		e := engines[1]
		whole := e.shards
		defer func() { e.shards = whole }()
		e.shards = whole[:1]
		if !seen(t, 2) {
			t.Error("no question saw it")
		}
	})
	t.Run("a list is cut too short", func(t *testing.T) {
		e := engines[1]
		_, b, err := e.population(others[1].Population)
		if err != nil {
			t.Fatal(err)
		}
		cuts, longest := b.cuts, cutOf{}
		defer func() { b.cuts = cuts }()
		for of, c := range cuts {
			if longest == (cutOf{}) || c.rows[0] > cuts[longest].rows[0] {
				longest = of
			}
		}
		b.cuts = maps.Clone(cuts)
		none := b.cuts[longest]
		onShard(t, e, 0, "CREATE TABLE short_0of2 AS "+e.at(none.name, 0))
		onShard(t, e, 1, "CREATE TABLE short_1of2 AS "+e.at(none.name, 1))
		b.cuts[longest] = table{name: "short", rows: []uint64{0, 0}}
		if !seen(t, 2) {
			t.Error("no question saw it")
		}
	})
	t.Run("consent is not looked at", func(t *testing.T) {
		b := build
		whole := maps.Clone(b.eligible)
		defer func() { b.eligible = whole }()
		if len(whole) == 0 {
			t.Fatal("nobody was asked about")
		}
		b.eligible = map[string]*eligible{}
		for by, was := range whole {
			more := *was
			more.people = b.people
			b.eligible[by] = &more
		}
		if !seen(t, 1) {
			t.Error("no question saw it")
		}
	})
	t.Run("tokens of one kind are not looked at", func(t *testing.T) {
		b := build
		whole := b.tokens[matcher.MAID]
		defer func() { b.tokens[matcher.MAID] = whole }()
		b.tokens[matcher.MAID] = table{}
		if !seen(t, 1) {
			t.Error("no question saw it")
		}
	})
	// What the embedded engine's index leaves out: a token that two clusters hold.
	t.Run("an ambiguous token leads to both", func(t *testing.T) {
		e := engines[0]
		tokens := &build.tokens[matcher.Email]
		if err := e.shards[0].Exec(t.Context(), "INSERT INTO "+e.at(tokens.name, 0)+" SELECT token, toUInt32(id + 1) AS id FROM "+e.at(tokens.name, 0)); err != nil {
			t.Fatal(err)
		}
		tokens.rows[0] *= 2
		if !seen(t, 1) {
			t.Error("no question saw it")
		}
	})
}
