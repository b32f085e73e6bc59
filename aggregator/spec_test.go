package aggregator

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/entrustment"
	"awase/matcher"
)

var (
	columnA = matcher.Column{Name: "age", Domain: []string{"<20", "20-29", "30-39", ">=40", "unknown"}}
	columnG = matcher.Column{Name: "gender", Domain: []string{"f", "m", "unknown"}}
	columnT = matcher.Column{Name: "tier", Domain: []string{"gold", "silver", "unknown"}}
)

func testSources() Sources {
	return Sources{
		Population: matcher.PopulationID{1}, Columns: []matcher.Column{columnA, columnG}, Recipient: "acme", BaseOwner: Owner{"op", "op"}, ListOwner: Owner{"acme", "acme"},
		Lists: map[string]ListSource{
			"spring": {ID: matcher.ListID{1}, Version: 1, Columns: []matcher.Column{columnT}, Tokens: 5000},
			"old":    {ID: matcher.ListID{2}, Version: 1, Tokens: 5000},
			"small":  {ID: matcher.ListID{3}, Version: 1, Tokens: 999},
		},
	}
}

func profileOf(where *entrustment.Condition, dims ...string) *entrustment.Question {
	return &entrustment.Question{Schema: "awase.report/v1", Report: "profile", Entrustment: "e", List: "spring", Dims: dims, Where: where}
}

func compile(t interface {
	Helper()
	Fatal(...any)
}, q *entrustment.Question) *Plan {
	t.Helper()
	p := DefaultPolicy()
	plan, err := Compile(q, testSources(), &p)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func in(name string, values ...string) entrustment.Condition {
	return entrustment.Condition{In: map[string][]string{name: values}}
}

func all(c ...entrustment.Condition) entrustment.Condition { return entrustment.Condition{All: c} }
func anyOf(c ...entrustment.Condition) entrustment.Condition {
	return entrustment.Condition{Any: c}
}
func not(c entrustment.Condition) entrustment.Condition { return entrustment.Condition{Not: &c} }

// TestSameQuestion is A6 and rule 5: rewrites that mean the same have one
// SpecID.
func TestSameQuestion(t *testing.T) {
	young, women := in("age", "<20", "20-29"), in("gender", "f")
	base := all(young, women)
	want := compile(t, profileOf(&base, "age", "gender")).Tables[0].ID
	for name, q := range map[string]*entrustment.Question{
		"dims reordered":       profileOf(&base, "gender", "age"),
		"conditions reordered": profileOf(ptr(all(women, young)), "age", "gender"),
		"repeated":             profileOf(ptr(all(women, young, women)), "age", "gender"),
		"nested":               profileOf(ptr(all(all(women), all(young))), "age", "gender"),
		"double negation":      profileOf(ptr(not(not(base))), "age", "gender"),
		"values reordered":     profileOf(ptr(all(in("age", "20-29", "<20", "20-29"), women)), "age", "gender"),
		"between":              profileOf(ptr(all(entrustment.Condition{Between: map[string][]string{"age": {"<20", "20-29"}}}, women)), "age", "gender"),
		"complement":           profileOf(ptr(all(not(in("age", "30-39", ">=40", "unknown")), women)), "age", "gender"),
		"no-op filter":         profileOf(ptr(all(base, in("gender", "f", "m", "unknown"))), "age", "gender"),
		"absorbed":             profileOf(ptr(all(base, anyOf(not(women), women, in("gender", "f", "m", "unknown")))), "age", "gender"),
	} {
		if got := compile(t, q).Tables[0].ID; got != want {
			t.Errorf("%s: another SpecID", name)
		}
	}
	written := profileOf(&base, "age", "gender")
	written.Sigma, written.Measures = 10, []string{"users"}
	if compile(t, written).Tables[0].ID != want {
		t.Error("defaults written out: another SpecID")
	}
	for name, q := range map[string]*entrustment.Question{
		"another condition": profileOf(ptr(all(young)), "age", "gender"),
		"fewer dims":        profileOf(&base, "age"),
		"another list":      func() *entrustment.Question { q := profileOf(&base, "age", "gender"); q.List = "old"; return q }(),
		"sigma":             func() *entrustment.Question { q := profileOf(&base, "age", "gender"); q.Sigma = 20; return q }(),
		"total":             func() *entrustment.Question { q := profileOf(&base, "age", "gender"); q.Total = true; return q }(),
	} {
		if compile(t, q).Tables[0].ID == want {
			t.Errorf("%s: the same SpecID", name)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// TestEligibilityIsInTheSpec: whose data may be used is part of the question
// (rule 4).
func TestEligibilityIsInTheSpec(t *testing.T) {
	seen := map[SpecID]string{}
	for name, change := range map[string]func(*Spec){
		"as it is": func(*Spec) {}, "population": func(s *Spec) { s.Population[0]++ }, "list": func(s *Spec) { s.List[0]++ },
		"flow": func(s *Spec) { s.Eligible.Flow = "5-analysis" }, "purpose": func(s *Spec) { s.Eligible.Purpose = "statistics" },
		"by policy": func(s *Spec) { s.Eligible.ByPolicy = true }, "versions": func(s *Spec) { s.Eligible.Versions = []string{"v"} },
		"service": func(s *Spec) { s.Eligible.Service = "jobs" }, "enquiry": func(s *Spec) { s.Eligible.Enquiry = true },
		"domain": func(s *Spec) { s.Dims = []Dim{{Source: matcher.BaseColumn, Name: "age", Domain: []string{"a", "b"}}} },
		"source": func(s *Spec) { s.Dims = []Dim{{Source: matcher.ListColumn, Name: "age", Domain: columnA.Domain}} },
	} {
		s := compile(t, profileOf(nil, "age")).Tables[0].Spec
		change(&s)
		if other, ok := seen[s.ID()]; ok {
			t.Errorf("%s and %s have one SpecID", name, other)
		}
		seen[s.ID()] = name
	}
}

// drawWhere draws a condition of some depth.
func drawWhere(t *rapid.T, depth int) entrustment.Condition {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind = rapid.IntRange(3, 5).Draw(t, "leaf")
	}
	group := func() (out []entrustment.Condition) {
		for range rapid.IntRange(1, 3).Draw(t, "n") {
			out = append(out, drawWhere(t, depth-1))
		}
		return out
	}
	switch kind {
	case 0:
		return all(group()...)
	case 1:
		return anyOf(group()...)
	case 2:
		return not(drawWhere(t, depth-1))
	case 3:
		return in("age", rapid.SliceOfNDistinct(rapid.SampledFrom(columnA.Domain), 1, 5, rapid.ID).Draw(t, "age")...)
	case 4:
		return in("tier", rapid.SliceOfNDistinct(rapid.SampledFrom(columnT.Domain), 1, 3, rapid.ID).Draw(t, "tier")...)
	}
	return entrustment.Condition{List: rapid.SampledFrom([]string{"spring", "old"}).Draw(t, "list")}
}

// person is one cluster as a condition sees it.
type person struct {
	age, tier   uint8
	spring, old bool
}

func everyPerson(yield func(person) bool) {
	for age := range uint8(5) {
		for tier := range uint8(3) {
			for bits := range 4 {
				if !yield(person{age, tier, bits&1 != 0, bits&2 != 0}) {
					return
				}
			}
		}
	}
}

// holds is the plain meaning of a document's condition.
func holds(c *entrustment.Condition, p person) bool {
	switch {
	case c.All != nil:
		return !slices.ContainsFunc(c.All, func(s entrustment.Condition) bool { return !holds(&s, p) })
	case c.Any != nil:
		return slices.ContainsFunc(c.Any, func(s entrustment.Condition) bool { return holds(&s, p) })
	case c.Not != nil:
		return !holds(c.Not, p)
	case c.List == "spring":
		return p.spring
	case c.List == "old":
		return p.old
	}
	if v, ok := c.In["age"]; ok {
		return slices.Contains(v, columnA.Domain[p.age])
	}
	return slices.Contains(c.In["tier"], columnT.Domain[p.tier])
}

// holdsWhere is the meaning of a compiled condition.
func holdsWhere(w *matcher.Where, p person) bool {
	switch {
	case w == nil:
		return true
	case w.In != nil:
		v := p.age
		if w.In.Column == "tier" {
			v = p.tier
		}
		return slices.Contains(w.In.Codes, v)
	case w.List != nil:
		return *w.List == matcher.ListID{1} && p.spring || *w.List == matcher.ListID{2} && p.old
	case w.Not != nil:
		return !holdsWhere(w.Not, p)
	case w.Any != nil:
		return slices.ContainsFunc(w.Any, func(s matcher.Where) bool { return holdsWhere(&s, p) })
	}
	return !slices.ContainsFunc(w.All, func(s matcher.Where) bool { return !holdsWhere(&s, p) })
}

// TestCanonicalMeansTheSame: the canonical form holds for exactly the people
// the document's condition holds for, and is its own canonical form.
func TestCanonicalMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawWhere(t, 3)
		spec := compile(t, profileOf(&c, "age")).Tables[0].Spec
		for p := range everyPerson {
			if holds(&c, p) != holdsWhere(spec.Where, p) {
				t.Fatalf("%+v: the canonical form differs for %+v", c, p)
			}
		}
		if spec.Where == nil {
			return
		}
		again := canonical(*spec.Where, func(in *matcher.InCodes) int {
			if in.Column == "tier" {
				return 3
			}
			return 5
		})
		if !bytes.Equal(encodeWhere(&again), encodeWhere(spec.Where)) {
			t.Fatal("the canonical form is not its own")
		}
	})
}

// TestEncodingIsInjective: two specs with one encoding are one spec.
func TestEncodingIsInjective(t *testing.T) {
	draw := func(t *rapid.T, name string) Spec {
		c := drawWhere(t, 2)
		q := profileOf(&c, rapid.SampledFrom([][]string{{"age"}, {"gender"}, {"age", "gender"}, {"tier"}}).Draw(t, name)...)
		q.Total = rapid.Bool().Draw(t, name)
		q.Sigma = rapid.SampledFrom([]int{5, 10}).Draw(t, name)
		return compile(t, q).Tables[0].Spec
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		same := a.Sigma == b.Sigma && a.WithTotal == b.WithTotal && slices.EqualFunc(a.Dims, b.Dims, func(x, y Dim) bool { return x.Name == y.Name }) &&
			sameMeaning(a.Where, b.Where)
		if a.ID() == b.ID() && !same {
			t.Fatal("two questions have one SpecID")
		}
	})
	texts := func(list ...string) string { var e encoder; e.texts(list); return string(e) }
	if texts("ab", "c") == texts("a", "bc") || texts() == texts("") {
		t.Error("lists run into one another")
	}
}

func sameMeaning(a, b *matcher.Where) bool {
	for p := range everyPerson {
		if holdsWhere(a, p) != holdsWhere(b, p) {
			return false
		}
	}
	return true
}

// TestCompileRefuses: each fault of a question has its code and place.
func TestCompileRefuses(t *testing.T) {
	change := func(f func(*entrustment.Question)) *entrustment.Question {
		q := profileOf(nil, "age")
		f(q)
		return q
	}
	for name, c := range map[string]struct {
		q     *entrustment.Question
		code  entrustment.Code
		field string
	}{
		"window of no event": {change(func(q *entrustment.Question) {
			q.Window = &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 4, Day: 1}, To: entrustment.Date{Year: 2026, Month: 4, Day: 30}}
		}), entrustment.CodeSpec, "window"},
		"no report":           {change(func(q *entrustment.Question) { q.Report = "guess" }), entrustment.CodeSpec, "report"},
		"event condition":     {profileOf(&entrustment.Condition{Event: &entrustment.EventCondition{}}, "age"), entrustment.CodeNotFound, "where.event"},
		"another measure":     {change(func(q *entrustment.Question) { q.Measures = []string{"clicks"} }), entrustment.CodeSpec, "measures[0]"},
		"sigma not offered":   {change(func(q *entrustment.Question) { q.Sigma = 6 }), entrustment.CodeLimit, "sigma"},
		"sigma below limit":   {change(func(q *entrustment.Question) { q.Sigma = 1 }), entrustment.CodeLimit, "sigma"},
		"small list":          {change(func(q *entrustment.Question) { q.List = "small" }), entrustment.CodeListSmall, "list"},
		"no list":             {change(func(q *entrustment.Question) { q.List = "none" }), entrustment.CodeNotFound, "list"},
		"no dims":             {profileOf(nil), entrustment.CodeSpec, "dims"},
		"unknown dim":         {profileOf(nil, "salary"), entrustment.CodeDomain, "dims[0]"},
		"dim twice":           {profileOf(nil, "age", "age"), entrustment.CodeSpec, "dims[1]"},
		"unknown value":       {profileOf(ptr(in("age", "99")), "age"), entrustment.CodeDomain, "where.in.age[0]"},
		"small list in where": {profileOf(&entrustment.Condition{Not: &entrustment.Condition{List: "small"}}, "age"), entrustment.CodeListSmall, "where.not.list"},
		"unknown list":        {profileOf(&entrustment.Condition{List: "x"}, "age"), entrustment.CodeNotFound, "where.list"},
		"empty values":        {profileOf(ptr(in("age")), "age"), entrustment.CodeSpec, "where.in.age"},
		"empty group":         {profileOf(&entrustment.Condition{All: []entrustment.Condition{}}, "age"), entrustment.CodeSpec, "where.all"},
		"between unordered":   {profileOf(&entrustment.Condition{Between: map[string][]string{"age": {">=40", "<20"}}}, "age"), entrustment.CodeDomain, "where.between.age"},
		"between unknown":     {profileOf(&entrustment.Condition{Between: map[string][]string{"age": {"<20", "unknown"}}}, "age"), entrustment.CodeDomain, "where.between.age"},
		"index of list dim":   {change(func(q *entrustment.Question) { q.Dims, q.Index = []string{"tier"}, true }), entrustment.CodeSpec, "index"},
		"overlap with dims":   {change(func(q *entrustment.Question) { q.Report = "overlap" }), entrustment.CodeSpec, "dims"},
		"overlap with index":  {change(func(q *entrustment.Question) { q.Report, q.Dims, q.Index = "overlap", nil, true }), entrustment.CodeSpec, "index"},
		"window backwards": {change(func(q *entrustment.Question) {
			q.Window = &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 2, Day: 1}, To: entrustment.Date{Year: 2026, Month: 1, Day: 1}}
		}), entrustment.CodeSpec, "window"},
	} {
		p := DefaultPolicy()
		_, err := Compile(c.q, testSources(), &p)
		public := entrustment.Public(err)
		if public.Code != c.code || public.Field != c.field {
			t.Errorf("%s: %s at %q, want %s at %q", name, public.Code, public.Field, c.code, c.field)
		}
		if public.Mend == "" {
			t.Errorf("%s: no mend", name)
		}
	}
	src := testSources()
	src.Columns = []matcher.Column{{Name: "a", Domain: values(64)}, {Name: "b", Domain: values(64)}, {Name: "c", Domain: values(2)}}
	p := DefaultPolicy()
	if _, err := Compile(profileOf(nil, "a", "b", "c"), src, &p); codeOf(err) != entrustment.CodeLimit {
		t.Errorf("8,192 cells: %v", err)
	}
	if _, err := Compile(profileOf(nil, "a", "b"), src, &p); err != nil {
		t.Errorf("4,096 cells: %v", err)
	}
}

// TestIndexIsShared: the base's own table does not depend on list or
// condition, so it is charged once.
func TestIndexIsShared(t *testing.T) {
	a, b := profileOf(ptr(in("gender", "f")), "age"), profileOf(nil, "age")
	a.Index, b.Index, b.List = true, true, "old"
	pa, pb := compile(t, a), compile(t, b)
	if pa.Tables[1].ID != pb.Tables[1].ID {
		t.Error("two index tables over the same dimensions")
	}
	if !slices.Equal(pa.Tables[1].Owners, []Owner{{"op", "op"}}) || !slices.Equal(pa.Tables[0].Owners, []Owner{{"acme", "acme"}, {"op", "op"}}) {
		t.Errorf("owners %v, %v", pa.Tables[0].Owners, pa.Tables[1].Owners)
	}
}
