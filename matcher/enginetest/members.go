package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

// members asks the engine who is in an audience: the tokens of each member, by cluster.
func (f *fixture) members(q matcher.Query) (hits []matcher.Hit, tokens map[uint32][]string) {
	f.tb.Helper()
	q.Population = f.pop
	hits, err := f.engine.Members(context.Background(), q)
	if err != nil {
		f.tb.Fatalf("Members(%+v): %v", q, err)
	}
	sorted := slices.Clone(hits)
	matcher.SortHits(sorted)
	if !slices.Equal(sorted, hits) || len(slices.Compact(sorted)) != len(hits) {
		f.tb.Fatalf("Members(%+v): hits are not sorted and distinct", q)
	}
	tokens = map[uint32][]string{}
	for _, h := range hits {
		name := ""
		if q.List != (matcher.ListID{}) {
			name = tokenName(matcher.KindToken{Kind: h.Kind, Token: h.Token})
		} else if h.Kind != matcher.Kinds || h.Token != (token.Token{}) {
			f.tb.Fatalf("Members(%+v): a token where no list was asked for", q)
		}
		tokens[h.Cluster] = append(tokens[h.Cluster], name)
	}
	return hits, tokens
}

// audience is what the oracle has: the tokens of the list that each member holds.
func (f *fixture) audience(q matcher.Query) (out []string) {
	list := f.lists[q.List]
	for _, p := range f.base.people {
		if f.base.isGone(p) || !eligible(p, q.Eligible) || list != nil && f.base.firstRow(p, list) == nil ||
			q.Where != nil && !f.holds(q.Where, p, list) {
			continue
		}
		names := []string{""}
		if list != nil {
			names = nil
			for _, t := range p.Tokens {
				if !f.base.ambiguous[tokenName(t)] && slices.ContainsFunc(list.rows, func(r matcher.ListRow) bool { return slices.Contains(r.Tokens, t) }) {
					names = append(names, tokenName(t))
				}
			}
		}
		slices.Sort(names)
		out = append(out, strings.Join(slices.Compact(names), " "))
	}
	slices.Sort(out)
	return out
}

// named asks who a question counts, and compares with the oracle.
func (f *fixture) named(q matcher.Query) {
	f.tb.Helper()
	q.Dims, q.Events = nil, nil
	_, got := f.members(q)
	var each []string
	for _, names := range got {
		slices.Sort(names)
		each = append(each, strings.Join(names, " "))
	}
	slices.Sort(each)
	if want := f.audience(q); !slices.Equal(each, want) {
		f.tb.Fatalf("Members(%+v)\n got %q\nwant %q", q, each, want)
	}
}

// testShares: a share is who SipHash says, in counts and audiences, as a condition and
// as a dimension; shares of one key divide everybody; a newer base moves nobody.
func testShares(t *testing.T, engine Loader) {
	var all []matcher.Person
	var rows []matcher.ListRow
	for i := range 400 {
		all = append(all, person(fmt.Sprint("u", i), email(fmt.Sprint("e", i))))
		if i%4 > 0 {
			rows = append(rows, row(email(fmt.Sprint("e", i))))
		}
	}
	f := newFixture(t, engine, nil, all)
	list := f.list(nil, rows)
	key := [16]byte{7, 15: 9}
	first, rest := &matcher.Share{Key: key, To: 300}, &matcher.Share{Key: key, From: 300, To: matcher.Shares}
	held := func(f *fixture, q matcher.Query, s *matcher.Share) map[token.Token]bool {
		q.Where = nil
		whole, _ := f.members(q)
		q.Where = &matcher.Where{Share: s}
		some, _ := f.members(q)
		var want []matcher.Hit
		names := map[token.Token]bool{}
		for _, h := range whole {
			if s.Holds(h.Cluster) {
				want = append(want, h)
				names[h.Token] = true
			}
		}
		if !slices.Equal(some, want) || len(want) == 0 || len(want) == len(whole) {
			f.tb.Fatalf("a share has %d of %d, want %d", len(some), len(whole), len(want))
		}
		if n := f.asked(q); int(n) != len(want) {
			f.tb.Fatalf("a share counts %d, want %d", n, len(want))
		}
		q.Where = nil
		q.Dims = []matcher.Dim{{Source: matcher.Assigned, Name: "assignment", Size: 2, Share: s}}
		q.Population = f.pop
		got, err := f.engine.Cells(context.Background(), q)
		if err != nil || !slices.Equal(got.Users, []int64{int64(len(whole) - len(want)), int64(len(want))}) {
			f.tb.Fatalf("by assignment %v, %v; %d of %d are in the share", got.Users, err, len(want), len(whole))
		}
		return names
	}
	for _, q := range []matcher.Query{{Eligible: everybody}, {Eligible: everybody, List: list}} {
		a, b := held(f, q, first), held(f, q, rest)
		if q.List != (matcher.ListID{}) && len(a)+len(b) != len(rows) {
			t.Errorf("shares of %d and %d do not divide %d", len(a), len(b), len(rows))
		}
	}
	before := held(f, matcher.Query{Eligible: everybody, List: list}, first)
	next := f.refresh(nil, all[:350])
	for name := range held(next, matcher.Query{Eligible: everybody, List: list}, first) {
		if !before[name] {
			t.Error("a newer base moved somebody into the share")
		}
	}
	// A condition of two keys is of both.
	other := &matcher.Share{Key: [16]byte{1}, From: 500, To: matcher.Shares}
	both := f.asked(matcher.Query{Eligible: everybody, List: list, Where: &matcher.Where{All: []matcher.Where{{Share: first}, {Not: &matcher.Where{Share: other}}}}})
	if both < 20 || both > 80 { // 45 of 300, ±5 sd
		t.Errorf("%d of 300 in a share of 30 %% and another of 50 %%", both)
	}
}

// asked counts without the oracle, which knows no ids.
func (f *fixture) asked(q matcher.Query) int64 {
	f.tb.Helper()
	q.Population = f.pop
	got, err := f.engine.Cells(context.Background(), q)
	if err != nil {
		f.tb.Fatalf("Cells(%+v): %v", q, err)
	}
	return got.Users[0]
}

func testMembersRefused(t *testing.T, engine Loader) {
	f := newFixture(t, engine, baseColumns, []matcher.Person{{User: user("a"), Codes: []uint8{0, 0}}})
	key := [16]byte{1}
	for name, q := range map[string]matcher.Query{
		"dims":           {Dims: []matcher.Dim{{Name: "sex", Size: 3}}},
		"events":         {Events: &matcher.EventQuery{}},
		"no column":      {Where: &matcher.Where{In: &matcher.InCodes{Column: "none"}}},
		"share past all": {Where: &matcher.Where{Share: &matcher.Share{Key: key, To: matcher.Shares + 1}}},
		"share backward": {Where: &matcher.Where{Share: &matcher.Share{Key: key, From: 2, To: 1}}},
		"share keyless":  {Where: &matcher.Where{Share: &matcher.Share{To: 1}}},
	} {
		q.Population = f.pop
		var refusal *entrustment.Error
		if got, err := engine.Members(context.Background(), q); !errors.As(err, &refusal) || refusal.Code != entrustment.CodeSpec || got != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	var refusal *entrustment.Error
	if _, err := engine.Members(context.Background(), matcher.Query{Population: matcher.PopulationID{9}}); !errors.As(err, &refusal) || refusal.Code != entrustment.CodeGone {
		t.Errorf("another population: %v", err)
	}
	for name, d := range map[string]matcher.Dim{
		"without a share": {Source: matcher.Assigned, Size: 2},
		"of another size": {Source: matcher.Assigned, Size: 3, Share: &matcher.Share{Key: key, To: 1}},
		"keyless":         {Source: matcher.Assigned, Size: 2, Share: &matcher.Share{To: 1}},
	} {
		if _, err := engine.Cells(context.Background(), matcher.Query{Population: f.pop, Dims: []matcher.Dim{d}}); !errors.As(err, &refusal) || refusal.Code != entrustment.CodeSpec {
			t.Errorf("assignment %s: %v", name, err)
		}
	}
}
