package enginetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// testFirstRow: a list column comes from the first canonical row that holds a
// token of the cluster, over all its kinds, in whatever order the file was.
func testFirstRow(t *testing.T, engine Loader) {
	tier := []matcher.Column{{Name: "tier", Domain: []string{"gold", "silver", "unknown"}}}
	f := newFixture(t, engine, nil, []matcher.Person{
		person("both", email("e"), phone("p")),
		person("phone", phone("q")),
		person("none", email("x")),
	})
	rows := []matcher.ListRow{
		{Tokens: []matcher.KindToken{phone("p")}, Codes: []uint8{0}},
		{Tokens: []matcher.KindToken{email("e")}, Codes: []uint8{1}},
		{Tokens: []matcher.KindToken{phone("q"), email("nobody")}, Codes: []uint8{0}},
	}
	byTier := []matcher.Dim{{Source: matcher.ListColumn, Name: "tier", Size: 3}}
	byKind := []matcher.Dim{{Source: matcher.MatchedBy, Size: int(matcher.Kinds)}}
	var first []int64
	for range 2 {
		list := f.list(tier, rows)
		got := f.check(matcher.Query{List: list, Eligible: everybody, Dims: byTier})
		if got[0]+got[1] != 2 {
			t.Errorf("tiers %v, want 2 clusters", got)
		}
		if first != nil && !slices.Equal(got, first) {
			t.Errorf("tiers %v in one order of rows, %v in the other", first, got)
		}
		first = got
		want := []int64{1, 1, 0, 0} // "both" counts under email, the first kind
		if got := f.check(matcher.Query{List: list, Eligible: everybody, Dims: byKind}); !slices.Equal(got, want) {
			t.Errorf("matched by %v, want %v", got, want)
		}
		slices.Reverse(rows)
	}
}

func testEligibility(t *testing.T, engine Loader) {
	all := []matcher.Person{
		{User: user("plain"), PolicyVersion: "v1"},
		{User: user("new"), PolicyVersion: "v2"},
		{User: user("never"), PolicyVersion: ""},
		{User: user("mail"), PolicyVersion: "v1", Service: "mail"},
		{User: user("shop"), PolicyVersion: "v1", Service: "shop"},
		{User: user("enquiry"), PolicyVersion: "v1", EnquiryOnly: true},
		{User: user("enquiry mail"), PolicyVersion: "v2", Service: "mail", EnquiryOnly: true},
	}
	f := newFixture(t, engine, nil, all)
	for _, c := range []struct {
		name string
		e    matcher.Eligibility
		want int64
	}{
		{"unrestricted only", matcher.Eligibility{}, 3},
		{"one service", matcher.Eligibility{Service: "mail"}, 4},
		{"unknown service", matcher.Eligibility{Service: "none"}, 3},
		{"enquiry", matcher.Eligibility{Enquiry: true}, 4},
		{"enquiry of a service", matcher.Eligibility{Enquiry: true, Service: "mail"}, 6},
		{"no version", matcher.Eligibility{ByPolicy: true}, 0},
		{"one version", matcher.Eligibility{ByPolicy: true, Versions: []string{"v1"}}, 1},
		{"two versions", matcher.Eligibility{ByPolicy: true, Versions: []string{"v1", "v2"}}, 2},
		{"unknown version", matcher.Eligibility{ByPolicy: true, Versions: []string{"v9"}}, 0},
		{"versions without ByPolicy", matcher.Eligibility{Versions: []string{"v1"}}, 3},
		{"all at once", matcher.Eligibility{ByPolicy: true, Versions: []string{"v2"}, Service: "mail", Enquiry: true}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := f.count(matcher.Query{Eligible: c.e}); got != c.want {
				t.Errorf("%d eligible, want %d", got, c.want)
			}
		})
	}
}

func testConditions(t *testing.T, engine Loader) {
	columns := []matcher.Column{{Name: "sex", Domain: []string{"f", "m", "unknown"}}}
	var all []matcher.Person
	for i, id := range []string{"a", "b", "c", "d"} {
		p := person(id, email(id))
		p.Codes = []uint8{uint8(i % 2)}
		all = append(all, p)
	}
	f := newFixture(t, engine, columns, all)
	ab := f.list(nil, []matcher.ListRow{row(email("a")), row(email("b"))})
	bc := f.list(nil, []matcher.ListRow{row(email("b")), row(email("c"))})
	women := matcher.Where{In: &matcher.InCodes{Column: "sex", Codes: []uint8{0}}}
	for _, c := range []struct {
		name  string
		where *matcher.Where
		want  int64 // of the base, 4
	}{
		{"none", nil, 4},
		{"empty all", &matcher.Where{All: []matcher.Where{}}, 4},
		{"empty any", &matcher.Where{Any: []matcher.Where{}}, 0},
		{"in", &women, 2},
		{"in nothing", &matcher.Where{In: &matcher.InCodes{Column: "sex", Codes: []uint8{}}}, 0},
		{"not in", &matcher.Where{Not: &women}, 2},
		{"list", &matcher.Where{List: &ab}, 2},
		{"not list", &matcher.Where{Not: &matcher.Where{List: &ab}}, 2},
		{"all", &matcher.Where{All: []matcher.Where{{List: &ab}, {List: &bc}}}, 1},
		{"any", &matcher.Where{Any: []matcher.Where{{List: &ab}, {List: &bc}}}, 3},
		{"any of all and not", &matcher.Where{Any: []matcher.Where{
			{All: []matcher.Where{women, {List: &ab}}}, {Not: &matcher.Where{Any: []matcher.Where{{List: &ab}, {List: &bc}}}}}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := f.count(matcher.Query{Eligible: everybody, Where: c.where}); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// testLargeConditions: the largest trees that are allowed are answered.
func testLargeConditions(t *testing.T, engine Loader) {
	domain := make([]string, 256)
	var all []matcher.Person
	for i := range domain {
		domain[i] = string(rune('一' + i))
		p := person(domain[i], email(domain[i]))
		p.Codes = []uint8{uint8(i)}
		all = append(all, p)
	}
	f := newFixture(t, engine, []matcher.Column{{Name: "town", Domain: domain}}, all)
	list := f.list(nil, []matcher.ListRow{row(email(domain[7])), row(email(domain[8]))})
	in := func(n int) matcher.Where { // the bits of n, 20 codes on: 4,094 sets of their own
		in := &matcher.InCodes{Column: "town", Codes: []uint8{}}
		for bit := range 12 {
			if n>>bit&1 != 0 {
				in.Codes = append(in.Codes, uint8(20*bit))
			}
		}
		return matcher.Where{In: in}
	}
	var wide []matcher.Where
	for n := range 4094 {
		wide = append(wide, in(n))
	}
	deep := matcher.Where{List: &list}
	for i := range 62 {
		kid := deep
		if deep = (matcher.Where{Not: &kid}); i%2 == 0 {
			deep = matcher.Where{Any: []matcher.Where{kid, in(1 << (i / 2 % 12))}}
		}
	}
	long := in(0) // every code but those of the list
	for code := range domain {
		if code != 7 && code != 8 {
			long.In.Codes = append(long.In.Codes, uint8(code))
		}
	}
	for _, c := range []struct {
		name  string
		where matcher.Where
		want  int64 // −1: whatever the oracle says
	}{
		{"wide any", matcher.Where{Any: append(slices.Clone(wide), matcher.Where{List: &list})}, 12 + 2},
		{"wide all", matcher.Where{All: append(slices.Clone(wide), matcher.Where{List: &list})}, 0},
		{"deep", deep, -1},
		{"long", matcher.Where{Not: &long}, 2},
		{"lists", matcher.Where{All: slices.Repeat([]matcher.Where{{List: &list}}, 4095)}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := f.count(matcher.Query{Eligible: everybody, Where: &c.where}); c.want >= 0 && got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func testGone(t *testing.T, engine Loader) {
	f := newFixture(t, engine, nil, []matcher.Person{person("a", email("a"))})
	ctx := context.Background()
	lost := matcher.ListID{1}
	for _, c := range []struct {
		name string
		q    matcher.Query
	}{
		{"population", matcher.Query{Population: matcher.PopulationID{1}}},
		{"list", matcher.Query{Population: f.pop, List: lost}},
		{"list in a condition", matcher.Query{Population: f.pop, Where: &matcher.Where{Not: &matcher.Where{List: &lost}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := engine.Cells(ctx, c.q)
			wantCode(t, err, entrustment.CodeGone)
		})
	}
}

func testRefused(t *testing.T, engine Loader) {
	columns := []matcher.Column{{Name: "sex", Domain: []string{"f", "m", "unknown"}}}
	tier := []matcher.Column{{Name: "tier", Domain: []string{"gold", "unknown"}}}
	f := newFixture(t, engine, columns, []matcher.Person{{User: user("a"), Codes: []uint8{0}}})
	list := f.list(tier, []matcher.ListRow{{Tokens: []matcher.KindToken{email("a")}, Codes: []uint8{0}}})
	dims := func(d ...matcher.Dim) matcher.Query { return matcher.Query{List: list, Dims: d} }
	where := func(w matcher.Where) matcher.Query { return matcher.Query{List: list, Where: &w} }
	in := func(source matcher.DimSource, column string, codes ...uint8) matcher.Query {
		return where(matcher.Where{In: &matcher.InCodes{Source: source, Column: column, Codes: codes}})
	}
	sex := matcher.Dim{Name: "sex", Size: 3}
	deep := matcher.Where{All: []matcher.Where{}}
	for range 10_000 {
		deep = matcher.Where{Not: &deep}
	}
	for _, c := range []struct {
		name string
		q    matcher.Query
		code entrustment.Code
	}{
		{"unknown dimension", dims(matcher.Dim{Name: "age", Size: 3}), entrustment.CodeSpec},
		{"wrong size", dims(matcher.Dim{Name: "sex", Size: 2}), entrustment.CodeSpec},
		{"unknown source", dims(matcher.Dim{Source: 9, Name: "sex", Size: 3}), entrustment.CodeSpec},
		{"list column of the base", dims(matcher.Dim{Source: matcher.ListColumn, Name: "sex", Size: 3}), entrustment.CodeSpec},
		{"matched by, wrong size", dims(matcher.Dim{Source: matcher.MatchedBy, Size: 3}), entrustment.CodeSpec},
		{"list column without list", matcher.Query{Dims: []matcher.Dim{{Source: matcher.ListColumn, Name: "tier", Size: 2}}}, entrustment.CodeSpec},
		{"matched by without list", matcher.Query{Dims: []matcher.Dim{{Source: matcher.MatchedBy, Size: int(matcher.Kinds)}}}, entrustment.CodeSpec},
		{"too many cells", dims(slices.Repeat([]matcher.Dim{sex}, 9)...), entrustment.CodeLimit},
		{"cells beyond 64 bits", dims(slices.Repeat([]matcher.Dim{sex}, 64)...), entrustment.CodeLimit},
		{"empty condition", where(matcher.Where{}), entrustment.CodeSpec},
		{"two conditions in one", where(matcher.Where{All: []matcher.Where{}, Any: []matcher.Where{}}), entrustment.CodeSpec},
		{"unknown column", in(matcher.BaseColumn, "age", 0), entrustment.CodeSpec},
		{"matched by as a column", in(matcher.MatchedBy, "sex", 0), entrustment.CodeSpec},
		{"code outside the domain", in(matcher.BaseColumn, "sex", 3), entrustment.CodeDomain},
		{"codes unsorted", in(matcher.BaseColumn, "sex", 1, 0), entrustment.CodeSpec},
		{"codes twice", in(matcher.BaseColumn, "sex", 1, 1), entrustment.CodeSpec},
		{"list column of a condition without list",
			matcher.Query{Where: &matcher.Where{In: &matcher.InCodes{Source: matcher.ListColumn, Column: "tier"}}}, entrustment.CodeSpec},
		{"too deep", where(deep), entrustment.CodeLimit},
		{"too many", where(matcher.Where{All: slices.Repeat([]matcher.Where{{All: []matcher.Where{}}}, 5000)}), entrustment.CodeLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Population = f.pop
			got, err := engine.Cells(context.Background(), c.q)
			wantCode(t, err, c.code)
			if got.Users != nil {
				t.Error("a refusal gives counts")
			}
		})
	}
}

func testCancelled(t *testing.T, engine Loader) {
	f := newFixture(t, engine, nil, []matcher.Person{person("a", email("a"))})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q := matcher.Query{Population: f.pop, List: f.list(nil, []matcher.ListRow{row(email("a"))})}
	if _, err := engine.Cells(ctx, q); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
