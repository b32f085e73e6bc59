package enginetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/matcher"
)

// life is a base, its lists and its logs as they go through versions.
type life struct {
	*fixture
	rows [2][]matcher.ListRow // of each list's newest version
	ids  [2]matcher.ListID
	kept []oracleLog // the logs that stand
	logs []matcher.EventsID
}

// bind gives the logs that stand to the population.
func (l *life) bind() {
	l.logs = nil
	for _, log := range l.kept {
		l.logs = append(l.logs, l.log(log))
	}
}

// tombstone puts users under tombstones, beside those who are.
func (f *fixture) tombstone(users map[string]bool) *fixture {
	f.tb.Helper()
	next := &fixture{tb: f.tb, engine: f.engine, lists: f.lists, logs: make(map[matcher.EventsID]oracleLog)}
	base := *f.base
	base.gone = maps.Clone(f.base.gone)
	if base.gone == nil {
		base.gone = map[string]bool{}
	}
	var tokens []token.Token
	for u := range users {
		tokens = append(tokens, user(u))
		base.gone[fmt.Sprintf("%x", user(u))] = true
	}
	pop, err := f.engine.Tombstone(context.Background(), f.pop, tokens)
	if err != nil {
		f.tb.Fatalf("Tombstone: %v", err)
	}
	next.base, next.pop = &base, pop
	return next
}

// own gives most tokens of a draw to one user each, so that a life of many
// versions does not end with everything ambiguous. who is nil: whoever.
func own(t *rapid.T, tokens []matcher.KindToken, who *token.Token) {
	for i := range tokens {
		if n := rapid.IntRange(0, 24).Draw(t, "shared"); n < 5 { // few, so that they are: one of any, four of some
			if n > 0 {
				tokens[i] = email(fmt.Sprint("family ", n))
			}
			continue
		}
		of := user(string(rune('a' + rapid.IntRange(0, 23).Draw(t, "of"))))
		if who != nil {
			of = *who
		}
		tokens[i] = tok(tokens[i].Kind, string(of[:]))
	}
}

func (l *life) people(t *rapid.T) []matcher.Person {
	out := people(t, "people")
	for i := range out {
		own(t, out[i].Tokens, &out[i].User)
		if rapid.IntRange(0, 2).Draw(t, "free") > 0 {
			out[i].Service, out[i].EnquiryOnly = "", false
		}
	}
	return out
}

func (l *life) listRows(t *rapid.T) []matcher.ListRow {
	out := listRows(t, "rows")
	for i := range out {
		out[i].Tokens = slices.Clone(out[i].Tokens) // of a row that is there twice
		own(t, out[i].Tokens, nil)
	}
	return out
}

func (l *life) eventRows(t *rapid.T) []matcher.EventRow {
	out := eventRows(t, l.table())
	for i := range out {
		own(t, out[i].Tokens, nil)
	}
	return out
}

// act does one of the things that happen to a base, a list or a log.
func (l *life) act(t *rapid.T, gone map[string]bool) {
	switch rapid.IntRange(0, 6).Draw(t, "act") {
	case 0, 1: // a refresh: whoever asked to be left out stays out
		l.fixture = l.refresh(baseColumns, l.people(t)).tombstone(gone)
		l.bind()
	case 2:
		more := map[string]bool{}
		for range rapid.IntRange(1, 4).Draw(t, "requests") {
			u := string(rune('a' + rapid.IntRange(0, 25).Draw(t, "request"))) // two of them are of nobody
			gone[u], more[u] = true, true
		}
		l.fixture = l.tombstone(more)
		l.bind()
	case 3, 4: // a list's next version
		i := rapid.IntRange(0, 1).Draw(t, "list")
		rows := l.listRows(t)
		switch rapid.IntRange(0, 2).Draw(t, "change") {
		case 0:
			l.rows[i] = rows
		case 1:
			l.rows[i] = slices.Concat(l.rows[i], rows)
		case 2:
			l.rows[i] = slices.DeleteFunc(slices.Clone(l.rows[i]), func(r matcher.ListRow) bool {
				return slices.ContainsFunc(rows, func(out matcher.ListRow) bool {
					return slices.ContainsFunc(out.Tokens, func(id matcher.KindToken) bool { return slices.Contains(r.Tokens, id) })
				})
			})
		}
		l.ids[i] = l.list(listColumns, l.rows[i])
	case 5: // what came late
		l.kept = append(slices.Clone(l.kept), oracleLog{eventTypes, rapid.SampledFrom([]string{"", "yen"}).Draw(t, "unit"), l.eventRows(t)})
		l.logs = append(slices.Clone(l.logs), l.log(l.kept[len(l.kept)-1]))
	case 6: // a log in place of another
		if n := len(l.kept); n > 0 {
			l.kept, l.logs = slices.Clone(l.kept), slices.Clone(l.logs)
			i := rapid.IntRange(0, n-1).Draw(t, "instead of")
			l.kept[i] = oracleLog{eventTypes, "yen", l.eventRows(t)}
			l.logs[i] = l.log(l.kept[i])
		}
	}
}

// table is the base's people in an order of their own.
func (f *fixture) table() (out []matcher.Person) {
	for _, u := range slices.Sorted(maps.Keys(f.base.people)) {
		out = append(out, f.base.people[u])
	}
	return out
}

// ask draws a question of all that there are, and compares the answer.
func (l *life) ask(t *rapid.T) {
	q := query(t, l.ids[:])
	if rapid.Bool().Draw(t, "of everybody") {
		q.Eligible = everybody
	}
	if len(l.logs) > 0 && rapid.Bool().Draw(t, "often") {
		often(t, &q, l.logs)
	}
	if len(l.logs) > 0 && rapid.Bool().Draw(t, "of events") {
		eventQuery(t, &q, l.logs)
		l.checkEvents(q, l.kept)
		return
	}
	l.check(q)
}

// often puts a condition on events beside those of q.
func often(t *rapid.T, q *matcher.Query, logs []matcher.EventsID) {
	often := matcher.Where{Event: &matcher.AtLeast{Logs: logs, Category: rapid.SampledFrom([]string{"spring", "shop", "none"}).Draw(t, "category"),
		From: int32(rapid.IntRange(99, 105).Draw(t, "since")), To: int32(rapid.IntRange(105, 111).Draw(t, "until")), N: int64(rapid.IntRange(0, 3).Draw(t, "at least"))}}
	if rapid.Bool().Draw(t, "seldom") {
		seldom := often
		often = matcher.Where{Not: &seldom}
	}
	parts := []matcher.Where{often}
	if q.Where != nil {
		parts = append(parts, *q.Where)
	}
	q.Where = &matcher.Where{All: parts}
	if rapid.Bool().Draw(t, "any of") {
		q.Where = &matcher.Where{Any: parts}
	}
}

// testLife: whatever happens to base, lists and logs, one after another in any
// order, each answer is the oracle's, of the newest of all and of those before.
func testLife(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		gone := map[string]bool{}
		var l life
		l.fixture = newFixture(rt, engine, baseColumns, l.people(rt))
		for i := range l.rows {
			l.rows[i] = l.listRows(rt)
			l.ids[i] = l.list(listColumns, l.rows[i])
		}
		before := []life{l}
		for range rapid.IntRange(2, 8).Draw(rt, "acts") {
			l.act(rt, gone)
			for range 3 {
				l.ask(rt)
			}
			before = append(before, l)
		}
		// What a running question is pinned to is there as it was.
		old := before[rapid.IntRange(0, len(before)-1).Draw(rt, "pinned")]
		old.ask(rt)
	})
}

// testOneClusterOfEvents is A19 for events, and for bases with tombstones:
// removing any one cluster lowers each cell of users by at most 1, at most
// MaxCellsOfOne of them, and each sum by at most its cap in as many.
func testOneClusterOfEvents(t *testing.T, engine Loader) {
	rapid.Check(t, func(rt *rapid.T) {
		all := people(rt, "people")
		if len(all) == 0 {
			return
		}
		gone := map[string]bool{}
		for range rapid.IntRange(0, 3).Draw(rt, "requests") {
			gone[string(rune('a'+rapid.IntRange(0, 23).Draw(rt, "request")))] = true
		}
		with := newFixture(rt, engine, baseColumns, all).tombstone(gone)
		out := rapid.IntRange(0, len(all)-1).Draw(rt, "removed")
		without := with.refresh(baseColumns, slices.Delete(slices.Clone(all), out, out+1)).tombstone(gone)
		lists := []matcher.ListID{with.list(listColumns, listRows(rt, "list"))}
		logs := []oracleLog{{eventTypes, "yen", eventRows(rt, all)}}
		q := query(rt, lists)
		least := int64(rapid.IntRange(1, 3).Draw(rt, "at least"))
		conditioned := rapid.Bool().Draw(rt, "often")
		eventQuery(rt, &q, nil)
		where := q.Where
		answer := func(f *fixture) matcher.Exact {
			q.Events.Logs, q.Where = []matcher.EventsID{f.log(logs[0])}, where
			if conditioned {
				q.Where = &matcher.Where{Event: &matcher.AtLeast{Logs: q.Events.Logs, Category: "spring", From: 100, To: 110, N: least}}
			}
			return f.checkEvents(q, logs)
		}
		before, after := answer(with), answer(without)
		cells, moved := 0, make([]int, len(q.Events.Sums))
		for c := range before.Users {
			d := before.Users[c] - after.Users[c]
			if d < 0 || d > 1 {
				rt.Fatalf("removing one cluster moved cell %d by %d", c, d)
			}
			cells += int(d)
			most := d
			if q.Events.Spread { // a sum is also of cells in which the cluster is not counted
				most = 1
			}
			for s, sum := range q.Events.Sums {
				m := before.Sums[s][c] - after.Sums[s][c]
				if m < 0 || m > most*sum.Cap {
					rt.Fatalf("removing one cluster moved sum %d of cell %d by %d, its cap is %d", s, c, m, sum.Cap)
				}
				if m != 0 {
					moved[s]++
				}
			}
		}
		for s, n := range moved {
			if n > matcher.MaxCellsOfOne || n > 0 && cells == 0 {
				rt.Fatalf("removing one cluster, who was counted in %d cells, moved sum %d in %d", cells, s, n)
			}
		}
		if cells > matcher.MaxCellsOfOne {
			rt.Fatalf("one cluster was in %d cells", cells)
		}
	})
}

// testAmplified is A19 by hand, with its mutants: one person under many rows and
// many identifiers, who shares one with each of m accounts. It moves the count
// by 1. Counted by rows it would be many, and by an ambiguity index that forgets
// whoever left it would be the accounts.
func testAmplified(t *testing.T, engine Loader) {
	const m = 40
	target := person("target", email("target"))
	var accounts []matcher.Person
	rows := []matcher.ListRow{row(email("target")), row(email("target"), phone("of nobody"))}
	for i := range m {
		name := string(rune('A' + i))
		shared, own := phone(name), email(name)
		target.Tokens = append(target.Tokens, shared, own)
		accounts = append(accounts, person("account"+name, shared))
		rows = append(rows, row(shared), row(own), row(own, email("target")))
	}
	all := append(slices.Clone(accounts), target)
	with := newFixture(t, engine, nil, all)
	without := with.refresh(nil, accounts)
	q := matcher.Query{List: with.list(nil, rows), Eligible: everybody}
	if d := with.count(q) - without.count(q); d != 1 || without.count(q) != 0 {
		t.Errorf("the target moves the count by %d, from %d, want 1, from 0", d, without.count(q))
	}
	// The same under a tombstone, and with a row twice.
	if n := with.tombstone(map[string]bool{"target": true}).count(q); n != 0 {
		t.Errorf("under a tombstone the target is counted %d times", n)
	}
	list := with.lists[q.List]
	if d := matchedRows(with.base, list) - matchedRows(without.base, list); d != 2+2*m {
		t.Errorf("the mutant that counts rows moves by %d, want %d: these rows don't mount the attack", d, 2+2*m)
	}
	forgetful := newFixture(t, engine, nil, accounts) // of no version before
	if d := forgetful.count(q) - with.count(q); d != m-1 {
		t.Errorf("the mutant that forgets who shared moves by %d, want %d: these rows don't mount the attack", d, m-1)
	}
}

// matchedRows counts what may not be counted: rows that hold somebody's token.
func matchedRows(b *oracleBase, l *oracleList) (n int64) {
	for _, r := range l.rows {
		for _, p := range b.people {
			if b.hit(p, r, -1) {
				n++
				break
			}
		}
	}
	return n
}
