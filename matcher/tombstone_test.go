package matcher_test

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/matcher"
)

// TestWithTombstones: a base with users under tombstones counts as the next
// version without those users does, which keeps the ambiguous tokens of the
// one before. The oracle tests cover that one; the base itself is unchanged.
func TestWithTombstones(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		people := anyPeople(rt)
		base := mustBase(rt, people, nil)
		if rapid.Bool().Draw(rt, "refreshed") {
			people = anyPeople(rt)
			base = mustBase(rt, people, base)
		}
		gone := map[token.Token]bool{benchToken(matcher.Kinds, 1000): true} // of nobody
		var stay []matcher.Person
		for _, p := range people {
			if rapid.IntRange(0, 2).Draw(rt, "gone") == 0 {
				gone[p.User] = true
			} else {
				stay = append(stay, p)
			}
		}
		marked, before := base, columns(base.Columns())
		for u := range gone { // one after the other: they add up
			marked = marked.WithTombstones([]token.Token{u, u})
		}
		without := mustBase(rt, stay, base)

		var rows []matcher.ListRow
		for range rapid.IntRange(0, 20).Draw(rt, "rows") {
			k := matcher.Kind(rapid.IntRange(0, 3).Draw(rt, "kind"))
			rows = append(rows, matcher.ListRow{Tokens: []matcher.KindToken{{Kind: k, Token: benchToken(k, rapid.IntRange(0, 30).Draw(rt, "token"))}}})
		}
		list, err := buildList(context.Background(), nil, rows)
		if err != nil {
			rt.Fatal(err)
		}
		e := matcher.NewEmbedded(matcher.Workers(2))
		id := e.PutList(list)
		byKind := matcher.Dim{Source: matcher.MatchedBy, Size: int(matcher.Kinds)}
		for name, q := range map[string]matcher.Query{
			"everyone":    {Dims: benchDims},
			"matched":     {List: id, Dims: []matcher.Dim{benchDims[0], byKind}},
			"not on it":   {Where: &matcher.Where{Not: &matcher.Where{List: &id}}, Dims: benchDims[:1]},
			"by policy":   {List: id, Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v1"}, Service: "mail"}},
			"any or none": {Where: &matcher.Where{Any: []matcher.Where{{List: &id}, {Not: &matcher.Where{All: []matcher.Where{}}}}}},
		} {
			ask := func(b *matcher.Base) []int64 {
				e.PutBase(matcher.PopulationID{1}, b)
				q.Population = matcher.PopulationID{1}
				q.Eligible.Enquiry = true
				got, err := e.Cells(context.Background(), q)
				if err != nil {
					rt.Fatal(err)
				}
				return got.Users
			}
			if got, want := ask(marked), ask(without); !slices.Equal(got, want) {
				rt.Fatalf("%s: %v with tombstones, %v without the users", name, got, want)
			}
		}
		for name, buf := range base.Columns() {
			if !slices.Equal(buf, before[name]) {
				rt.Fatalf("column %s of the base changed", name)
			}
		}
		if marked.Digest(testKey) != base.Digest(testKey) {
			rt.Fatal("tombstones are in the digest")
		}
	})
}

// TestTombstonesRepeal: taking the tombstones away is asking the base before,
// and it counts as ever: the test above would see tombstones that do nothing.
func TestTombstonesRepeal(t *testing.T) {
	people := []matcher.Person{{User: benchToken(matcher.Kinds, 1), Codes: []uint8{0, 0, 0}}, {User: benchToken(matcher.Kinds, 2), Codes: []uint8{0, 0, 0}}}
	base := mustBase(t, people, nil)
	e := matcher.NewEmbedded()
	for want, b := range []*matcher.Base{base.WithTombstones([]token.Token{people[0].User, people[1].User}), base.WithTombstones([]token.Token{people[1].User}), base} {
		e.PutBase(matcher.PopulationID{}, b)
		got, err := e.Cells(context.Background(), matcher.Query{})
		if err != nil || got.Users[0] != int64(want) {
			t.Errorf("%v users, %v, want %d", got.Users, err, want)
		}
	}
}
