package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/matcher"
)

// World is a base, lists and logs that are large beside those of Run: for engines
// whose loading is dear and whose answers are compared with each other's.
type World struct {
	people []matcher.Person
	gone   []token.Token // of users who asked to be left out
	lists  [][]matcher.ListRow
	logs   []oracleLog
}

// NewWorld makes one of so many people. Tokens collide at a rate at which every
// rule matters and none is all.
func NewWorld(people int, seed uint64) *World {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &World{}
	some := func(columns []matcher.Column) (out []uint8) {
		for _, c := range columns {
			out = append(out, uint8(r.IntN(len(c.Domain))))
		}
		return out
	}
	// Of a user's tokens one in twenty is shared with somebody.
	of := func(user int) matcher.KindToken {
		if r.IntN(20) == 0 {
			user = -r.IntN(people)
		}
		kind := matcher.Kind(r.IntN(int(matcher.Kinds)))
		return tok(kind, fmt.Sprint("of ", user))
	}
	tokens := func(n, user int) (out []matcher.KindToken) {
		for range n {
			out = append(out, of(user))
		}
		return out
	}
	for i := range people {
		w.people = append(w.people, matcher.Person{User: user(fmt.Sprint(i)), Tokens: tokens(r.IntN(5), i), Codes: some(baseColumns),
			PolicyVersion: []string{"", "v1", "v2"}[r.IntN(3)], Service: []string{"", "", "", "mail", "shop"}[r.IntN(5)], EnquiryOnly: r.IntN(4) == 0})
		if i%50 == 0 {
			w.gone = append(w.gone, user(fmt.Sprint(i)))
		}
	}
	for range 3 {
		rows := make([]matcher.ListRow, people/4)
		for i := range rows {
			who := r.IntN(people + people/4)
			rows[i] = matcher.ListRow{Tokens: append(tokens(r.IntN(3), who), of(r.IntN(people))), Codes: some(listColumns)}
		}
		w.lists = append(w.lists, rows)
	}
	for _, unit := range []string{"yen", ""} {
		rows := make([]matcher.EventRow, people)
		for i := range rows {
			who := r.IntN(people)
			e := matcher.EventRow{Day: int32(100 + r.IntN(11)), Type: uint8(r.IntN(len(eventTypes))), Value: int64(r.IntN(2500) - 500)}
			if who = min(who, r.IntN(people)); r.IntN(2) == 0 {
				key := user(fmt.Sprint(who))
				e.User = &key
			} else {
				e.Tokens = append(tokens(2, who), of(r.IntN(people)))
			}
			rows[i] = e
		}
		w.logs = append(w.logs, oracleLog{eventTypes, unit, rows})
	}
	return w
}

// Loaded is a world that an engine holds.
type Loaded struct {
	Engine     Loader
	Population matcher.PopulationID
	lists      []matcher.ListID
	logs       []matcher.EventsID
}

// Load gives w to an engine.
func (w *World) Load(ctx context.Context, engine Loader) (*Loaded, error) {
	l := &Loaded{Engine: engine}
	whole, err := engine.LoadBase(ctx, baseColumns, w.people, matcher.PopulationID{})
	if err != nil {
		return nil, err
	}
	if l.Population, err = engine.Tombstone(ctx, whole, w.gone); err != nil {
		return nil, err
	}
	for _, rows := range w.lists {
		id, err := engine.LoadList(ctx, listColumns, rows)
		if err != nil {
			return nil, err
		}
		l.lists = append(l.lists, id)
	}
	for _, log := range w.logs {
		id, err := engine.LoadEvents(ctx, l.Population, log.types, log.unit, log.rows)
		if err != nil {
			return nil, err
		}
		l.logs = append(l.logs, id)
	}
	return l, nil
}

// Query gives the question of a number: of one number each engine is asked the same
// in the names that it has.
func (l *Loaded) Query(n int) matcher.Query {
	return rapid.Custom(func(t *rapid.T) matcher.Query {
		q := query(t, l.lists)
		q.Population = l.Population
		// Few: each is made once by an engine that makes them.
		q.Eligible = rapid.SampledFrom([]matcher.Eligibility{everybody, {ByPolicy: true, Versions: []string{"v1"}, Service: "mail"}}).Draw(t, "eligible")
		if rapid.IntRange(0, 3).Draw(t, "often") == 0 {
			often(t, &q, l.logs)
		}
		if rapid.Bool().Draw(t, "of events") {
			eventQuery(t, &q, l.logs)
		}
		if q.Events == nil && rapid.IntRange(0, 4).Draw(t, "of credits") == 0 {
			creditQuery(t, &q, eventTypes[:3], l.logs)
		}
		if rapid.IntRange(0, 3).Draw(t, "share") == 0 {
			share(t, &q)
		}
		return q
	}).Example(n)
}

// Ask asks the question of a number.
func (l *Loaded) Ask(ctx context.Context, n int) (out Answer, err error) {
	q := l.Query(n)
	if out.Exact, err = l.Engine.Cells(ctx, q); err != nil || n%3 > 0 {
		return out, err
	}
	q.Dims, q.Events, q.Attribution = nil, nil, nil
	out.Members, err = l.Engine.Members(ctx, q)
	return out, err
}

// Answer is what an engine counts, and of every third question whom it names.
type Answer struct {
	matcher.Exact
	Members []matcher.Hit
}

// Same tells whether two answers are one.
func Same(a, b Answer) bool {
	return slices.Equal(a.Users, b.Users) && slices.Equal(a.Members, b.Members) && slices.EqualFunc(a.Sums, b.Sums, slices.Equal[[]int64])
}
