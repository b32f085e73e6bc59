package matcher_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

// ids gives the cluster of each user, read from the columns.
func ids(b *matcher.Base) map[token.Token]uint32 {
	m := columns(b.Columns())
	out := map[token.Token]uint32{}
	for p := range slices.Chunk(m["user"], 16) {
		var t token.Token
		binary.BigEndian.PutUint64(t[:], binary.LittleEndian.Uint64(p))
		binary.BigEndian.PutUint32(t[8:], binary.LittleEndian.Uint32(p[12:]))
		out[t] = binary.LittleEndian.Uint32(p[8:])
	}
	return out
}

func anyPeople(t *rapid.T) []matcher.Person {
	users := rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 0, 40, rapid.ID[int]).Draw(t, "users")
	var out []matcher.Person
	for _, u := range users {
		p := matcher.Person{User: benchToken(matcher.Kinds, u), Codes: []uint8{uint8(u % 12), uint8(u % 3), uint8(u % 47)},
			PolicyVersion: []string{"", "v1", "v2"}[u%3], Service: []string{"", "mail"}[u%2], EnquiryOnly: u%7 == 0}
		for range rapid.IntRange(0, 3).Draw(t, "tokens") {
			k := matcher.Kind(rapid.IntRange(0, 3).Draw(t, "kind"))
			p.Tokens = append(p.Tokens, matcher.KindToken{Kind: k, Token: benchToken(k, rapid.IntRange(0, 30).Draw(t, "token"))})
		}
		out = append(out, p)
	}
	return out
}

func mustBase(t interface {
	Helper()
	Fatal(...any)
}, people []matcher.Person, prev *matcher.Base, opts ...matcher.Option) *matcher.Base {
	t.Helper()
	b, err := buildBase(context.Background(), benchColumns, people, prev, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestStableIDs: over versions a user who stays keeps the id, and nobody is given
// an id that another user ever had. The order of rows plays no part in what a
// base holds, nor, after the first version, in ids.
func TestStableIDs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var base *matcher.Base
		owner := map[uint32]token.Token{} // every id ever given
		before := map[token.Token]uint32{}
		for range 4 {
			people := anyPeople(rt)
			next := mustBase(rt, people, base)
			other := mustBase(rt, rapid.Permutation(people).Draw(rt, "order"), base, matcher.Workers(1))
			now := ids(next)
			if len(now) != len(people) {
				rt.Fatalf("%d users of %d", len(now), len(people))
			}
			for u, id := range ids(other) {
				if base != nil && now[u] != id {
					rt.Fatal("ids depend on the order of rows")
				}
			}
			if next.Digest(testKey) != other.Digest(testKey) {
				rt.Fatal("the content depends on the order of rows")
			}
			for u, id := range now {
				if old, ok := before[u]; ok && old != id {
					rt.Fatalf("a user's id went from %d to %d", old, id)
				}
				if _, stays := before[u]; !stays {
					if _, used := owner[id]; used {
						rt.Fatalf("id %d is given a second time", id)
					}
				}
				owner[id] = u
			}
			base, before = next, now
		}
	})
}

// TestDigest: equal for one content whatever the order and the ids, different
// for any change.
func TestDigest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		people := anyPeople(rt)
		// A first version without ambiguity gives other ids and nothing else.
		var firsts []matcher.Person
		for _, p := range anyPeople(rt) {
			p.Tokens = nil
			firsts = append(firsts, p)
		}
		want := mustBase(rt, people, nil).Digest(testKey)
		again := mustBase(rt, rapid.Permutation(people).Draw(rt, "order"), mustBase(rt, firsts, nil)).Digest(testKey)
		if want != again {
			rt.Fatal("order or ids change the digest")
		}
	})

	base := func() []matcher.Person {
		return []matcher.Person{
			{User: benchToken(matcher.Kinds, 1), Tokens: []matcher.KindToken{{Token: benchToken(0, 1)}}, Codes: []uint8{0, 0, 0}, PolicyVersion: "v1"},
			{User: benchToken(matcher.Kinds, 2), Tokens: []matcher.KindToken{{Token: benchToken(0, 2)}}, Codes: []uint8{1, 1, 1}, Service: "mail"},
		}
	}
	seen := map[[32]byte]string{}
	note := func(name string, d [32]byte) {
		t.Helper()
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
	}
	note("itself", mustBase(t, base(), nil).Digest(testKey))
	note("another key", mustBase(t, base(), nil).Digest([32]byte{9}))
	for name, change := range map[string]func(p []matcher.Person) []matcher.Person{
		"a code":           func(p []matcher.Person) []matcher.Person { p[0].Codes[1] = 2; return p },
		"a policy version": func(p []matcher.Person) []matcher.Person { p[0].PolicyVersion = "v2"; return p },
		"a service":        func(p []matcher.Person) []matcher.Person { p[0].Service = "mail"; return p },
		"an enquiry":       func(p []matcher.Person) []matcher.Person { p[0].EnquiryOnly = true; return p },
		"a token":          func(p []matcher.Person) []matcher.Person { p[0].Tokens[0].Token[11]++; return p },
		"a kind":           func(p []matcher.Person) []matcher.Person { p[0].Tokens[0].Kind = 1; return p },
		"a user":           func(p []matcher.Person) []matcher.Person { p[0].User[11]++; return p },
		"no second user":   func(p []matcher.Person) []matcher.Person { return p[:1] },
		"tokens swapped": func(p []matcher.Person) []matcher.Person {
			p[0].Tokens, p[1].Tokens = p[1].Tokens, p[0].Tokens
			return p
		},
		"a shared token": func(p []matcher.Person) []matcher.Person { p[1].Tokens = p[0].Tokens; return p },
		"no tokens":      func(p []matcher.Person) []matcher.Person { p[0].Tokens = nil; return p },
		"standings swapped": func(p []matcher.Person) []matcher.Person { // the dictionary stays as it is
			p[0].PolicyVersion, p[1].PolicyVersion = p[1].PolicyVersion, p[0].PolicyVersion
			p[0].Service, p[1].Service = p[1].Service, p[0].Service
			return p
		},
		"codes swapped":       func(p []matcher.Person) []matcher.Person { p[0].Codes, p[1].Codes = p[1].Codes, p[0].Codes; return p },
		"versions for others": func(p []matcher.Person) []matcher.Person { p[0].PolicyVersion, p[1].PolicyVersion = "", "v1"; return p },
	} {
		note(name, mustBase(t, change(base()), nil).Digest(testKey))
	}
	sticky := base()
	sticky[1].Tokens = append(sticky[1].Tokens, sticky[0].Tokens...)
	plain := base()
	plain[0].Tokens = nil
	note("a token ambiguous from before", mustBase(t, plain, mustBase(t, sticky, nil)).Digest(testKey))
	columns := slices.Clone(benchColumns)
	columns[0].Name = "years"
	b, err := buildBase(context.Background(), columns, base(), nil)
	if err != nil {
		t.Fatal(err)
	}
	note("a column's name", b.Digest(testKey))
}

func TestDuplicateUsers(t *testing.T) {
	people := make([]matcher.Person, 0, 9)
	for _, u := range []int{1, 2, 3, 1, 4, 2, 1, 5, 1} { // 1 four times, 2 twice
		people = append(people, matcher.Person{User: benchToken(matcher.Kinds, u), Codes: []uint8{0, 0, 0}})
	}
	_, err := buildBase(context.Background(), benchColumns, people, nil)
	if e, ok := errors.AsType[*matcher.DuplicateUsersError](err); !ok || e.N != 2 {
		t.Errorf("got %v, want 2 repeated keys", err)
	}
}

// TestListID: the ListID names the content of a list, and nothing else.
func TestListID(t *testing.T) {
	tier := []matcher.Column{{Name: "tier", Domain: []string{"gold", "unknown"}}}
	a, b := matcher.KindToken{Token: benchToken(0, 1)}, matcher.KindToken{Kind: 1, Token: benchToken(1, 2)}
	row := func(code uint8, tokens ...matcher.KindToken) matcher.ListRow {
		return matcher.ListRow{Tokens: tokens, Codes: []uint8{code}}
	}
	build := func(columns []matcher.Column, rows ...matcher.ListRow) *matcher.List {
		t.Helper()
		l, err := buildList(context.Background(), columns, rows)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	same := build(tier, row(0, a, b), row(1, a))
	for name, l := range map[string]*matcher.List{
		"order of rows":   build(tier, row(1, a), row(0, a, b)),
		"order of tokens": build(tier, row(0, b, a), row(1, a)),
		"rows twice":      build(tier, row(1, a), row(0, b, a), row(1, a), row(0, a, b)),
		"tokens twice":    build(tier, row(0, b, a, b), row(1, a, a)),
	} {
		if l.ID() != same.ID() {
			t.Errorf("%s changes the ID", name)
		}
		if l.Rows() != 2 || l.Tokens() != 2 {
			t.Errorf("%s: %d rows and %d tokens, want 2 and 2", name, l.Rows(), l.Tokens())
		}
	}
	kind := a
	kind.Kind = 2
	renamed := []matcher.Column{{Name: "rank", Domain: tier[0].Domain}}
	wider := []matcher.Column{{Name: "tier", Domain: []string{"gold", "silver", "unknown"}}}
	seen := map[matcher.ListID]string{same.ID(): "itself"}
	for name, l := range map[string]*matcher.List{
		"no rows":          build(tier),
		"a row less":       build(tier, row(0, a, b)),
		"a row more":       build(tier, row(0, a, b), row(1, a), row(1)),
		"another code":     build(tier, row(0, a, b), row(0, a)),
		"codes swapped":    build(tier, row(1, a, b), row(0, a)),
		"rows joined":      build(tier, row(0, a, b)),
		"rows split":       build(tier, row(0, a), row(0, b), row(1, a)),
		"another kind":     build(tier, row(0, kind, b), row(1, a)),
		"a column's name":  build(renamed, row(0, a, b), row(1, a)),
		"a column's value": build(wider, row(0, a, b), row(1, a)),
	} {
		if other, ok := seen[l.ID()]; ok && !(name == "rows joined" || other == "rows joined") {
			t.Errorf("%s has the ID of %s", name, other)
		}
		seen[l.ID()] = name
	}
	builder := matcher.NewListBuilder(tier, [32]byte{8})
	r := row(1, a)
	if err := builder.Add(&r); err != nil {
		t.Fatal(err)
	}
	l, err := builder.Build(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if l.ID() == build(tier, r).ID() {
		t.Error("the key does not change the ID")
	}
}

func TestBuildersRefuse(t *testing.T) {
	ctx := context.Background()
	sex := []matcher.Column{{Name: "sex", Domain: []string{"f", "unknown"}}}
	for name, columns := range map[string][]matcher.Column{
		"no name":       {{Domain: []string{"a"}}},
		"no domain":     {{Name: "a"}},
		"name twice":    {{Name: "a", Domain: []string{"x"}}, {Name: "a", Domain: []string{"x"}}},
		"value twice":   {{Name: "a", Domain: []string{"x", "x"}}},
		"a long domain": {{Name: "a", Domain: domain(257)}},
	} {
		_, err := buildBase(ctx, columns, nil, nil)
		wantCode(t, name, err, entrustment.CodeSpec)
		_, err = buildList(ctx, columns, nil)
		wantCode(t, name, err, entrustment.CodeSpec)
	}
	for name, c := range map[string]struct {
		codes  []uint8
		tokens []matcher.KindToken
	}{
		"code outside the domain": {codes: []uint8{2}},
		"too few codes":           {},
		"too many codes":          {codes: []uint8{0, 0}},
		"unknown kind":            {codes: []uint8{0}, tokens: []matcher.KindToken{{Kind: matcher.Kinds}}},
	} {
		base := matcher.NewBaseBuilder(sex)
		wantCode(t, name, base.Add(&matcher.Person{Codes: c.codes, Tokens: c.tokens}), entrustment.CodeDomain)
		if err := base.Add(&matcher.Person{Codes: []uint8{1}}); err != nil {
			t.Errorf("%s: the next row is refused: %v", name, err)
		}
		b, err := base.Build(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(ids(b)); n != 1 {
			t.Errorf("%s: %d users, want 1: the refused row left a trace", name, n)
		}
		list := matcher.NewListBuilder(sex, testKey)
		wantCode(t, name, list.Add(&matcher.ListRow{Codes: c.codes, Tokens: c.tokens}), entrustment.CodeDomain)
		l, err := list.Build(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if l.Rows() != 0 || l.Tokens() != 0 {
			t.Errorf("%s: the refused row left a trace", name)
		}
		if _, err := base.Build(ctx, nil); err == nil {
			t.Error("a builder builds twice")
		}
		if err := list.Add(&matcher.ListRow{Codes: []uint8{0}}); err == nil {
			t.Error("a built builder takes rows")
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	one := []matcher.Person{{User: token.Token{1}}}
	if _, err := buildBase(cancelled, nil, one, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := buildList(cancelled, nil, []matcher.ListRow{{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func wantCode(t *testing.T, name string, err error, code entrustment.Code) {
	t.Helper()
	if e, ok := errors.AsType[*entrustment.Error](err); !ok || e.Code != code {
		t.Errorf("%s: got %v, want %s", name, err, code)
	}
}

// TestLarge compares with maps at a size where there are many blocks, words
// and directory entries: lists that are merged, probed, larger than the base.
func TestLarge(t *testing.T) {
	const users = 150_000
	base := world{users, 1, 1}.base(t, nil)
	e := matcher.NewEmbedded(matcher.Workers(3))
	e.PutBase(matcher.PopulationID{}, base)
	cell := make(map[token.Token]int, users)
	for i := range users {
		c := benchCodes(i)
		cell[benchToken(0, i)] = (int(c[0])*3+int(c[1]))*47 + int(c[2])
	}
	for _, rows := range []int{0, 1, 100, users / 150, users / 20, users * 2} {
		list := benchList(t, users, rows)
		distinct := map[token.Token]bool{}
		want := make([]int64, 12*3*47)
		for i := range rows {
			tok := benchListToken(users, i)
			if c, ok := cell[tok]; ok && !distinct[tok] {
				want[c]++
			}
			distinct[tok] = true
		}
		if list.Tokens() != len(distinct) || list.Rows() != len(distinct) {
			t.Fatalf("%d rows and %d tokens, want %d", list.Rows(), list.Tokens(), len(distinct))
		}
		got, err := e.Cells(context.Background(), matcher.Query{List: e.PutList(list), Dims: benchDims})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Users, want) {
			t.Errorf("a list of %d rows is counted wrongly", rows)
		}
	}
}

// TestConcurrent counts while lists and bases come and go: each answer is
// either right or E_GONE.
func TestConcurrent(t *testing.T) {
	const users = 5_000
	e := matcher.NewEmbedded(matcher.Workers(2))
	base, list := world{users, 1, 1}.base(t, nil), benchList(t, users, 500)
	e.PutBase(matcher.PopulationID{}, base)
	q := matcher.Query{List: e.PutList(list), Dims: []matcher.Dim{benchDims[0], {Source: matcher.MatchedBy, Size: int(matcher.Kinds)}}}
	want, err := e.Cells(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				got, err := e.Cells(context.Background(), q)
				if err != nil {
					wantCode(t, "dropped", err, entrustment.CodeGone)
				} else if !slices.Equal(got.Users, want.Users) {
					t.Error("a concurrent count is wrong")
				}
			}
		})
	}
	wg.Go(func() {
		for range 200 {
			e.DropList(list.ID())
			e.PutList(list)
			e.DropBase(matcher.PopulationID{})
			e.PutBase(matcher.PopulationID{}, base)
		}
	})
	wg.Wait()
}

// benchList has rows of one email, half of them users of a base of that many.
func benchList(tb testing.TB, users, rows int) *matcher.List {
	tb.Helper()
	b := matcher.NewListBuilder(nil, testKey)
	for i := range rows {
		if err := b.Add(&matcher.ListRow{Tokens: []matcher.KindToken{{Token: benchListToken(users, i)}}}); err != nil {
			tb.Fatal(err)
		}
	}
	list, err := b.Build(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func benchListToken(users, i int) token.Token {
	if i%2 == 0 {
		return benchToken(matcher.Email, i*(users/max(1, users/10))%users)
	}
	return benchToken(matcher.Email, users+i)
}
