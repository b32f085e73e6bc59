package matcher_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"awase/crypto/token"
	"awase/matcher"
)

// TestRefreshWhileCounting, under the race detector in CI: while the next
// versions of a base are built of it, lists are built, logs are bound, users go
// under tombstones and old versions are dropped, what is counted over the version
// that a question is pinned to is what it was.
func TestRefreshWhileCounting(t *testing.T) {
	const users = 6_000
	ctx := context.Background()
	people := func(version int) (out []matcher.Person) {
		for i := range users {
			if (i+version)%10 == 0 && version > 0 {
				continue
			}
			codes := benchCodes(i)
			p := matcher.Person{User: crowdUser(i), Codes: codes[:]}
			for k := range matcher.Kind(2) {
				p.Tokens = append(p.Tokens, matcher.KindToken{Kind: k, Token: benchToken(k, i)})
			}
			if i%100 == 1 { // shares with the one before
				p.Tokens[0].Token = benchToken(0, i-1)
			}
			out = append(out, p)
		}
		return out
	}
	events := func(yield func(matcher.EventRow) bool) {
		for i := range users {
			r := matcher.EventRow{Tokens: []matcher.KindToken{{Kind: 1, Token: benchToken(1, i)}}, Day: int32(100 + i%3), Value: int64(i)}
			if !yield(r) {
				return
			}
		}
	}
	e := matcher.NewEmbedded(matcher.Workers(2))
	first := mustBase(t, people(0), nil)
	pop := matcher.PopulationID{1}
	e.PutBase(pop, first)
	log := matcher.EventsID{1}
	if err := e.BindEvents(pop, log, crowdTypes, "yen", events); err != nil {
		t.Fatal(err)
	}
	list := e.PutList(benchList(t, users, 1_000))
	queries := []matcher.Query{
		{List: list, Dims: []matcher.Dim{benchDims[0], {Source: matcher.MatchedBy, Size: int(matcher.Kinds)}}},
		{Where: &matcher.Where{Not: &matcher.Where{List: &list}}, Dims: benchDims[:1]},
		{List: list, Where: &matcher.Where{Event: &matcher.AtLeast{Logs: []matcher.EventsID{log}, Category: "spring", From: 100, To: 101, N: 1}}},
		{Events: &matcher.EventQuery{Logs: []matcher.EventsID{log}, From: 100, To: 102, Categories: []string{"spring"}, Sums: []matcher.EventSum{{Unit: "yen", Cap: 50, Granule: 100}}},
			Dims: []matcher.Dim{{Source: matcher.EventDay, Step: 1, Size: 3}}},
	}
	var want []matcher.Exact
	for i := range queries {
		queries[i].Population = pop
		got, err := e.Cells(ctx, queries[i])
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, got)
	}
	done := make(chan struct{})
	var loads, counts sync.WaitGroup
	loads.Go(func() { // the base's life
		prev := first
		for v := 1; v <= 4; v++ {
			next, err := buildBase(ctx, benchColumns, people(v), prev, matcher.Workers(2))
			if err != nil {
				t.Error(err)
				return
			}
			next = next.WithTombstones([]token.Token{crowdUser(v), crowdUser(v + 1)})
			id := matcher.PopulationID{byte(v + 1)}
			e.PutBase(id, next)
			if err := e.BindEvents(id, log, crowdTypes, "yen", events); err != nil {
				t.Error(err)
			}
			got, err := e.Cells(ctx, matcher.Query{Population: id})
			if err != nil || got.Users[0] < users*9/10-2 || got.Users[0] > users*9/10-1 {
				t.Errorf("version %d: %v, %v", v, got.Users, err)
			}
			if v > 1 {
				e.DropBase(matcher.PopulationID{byte(v)})
			}
			prev = next
		}
	})
	loads.Go(func() {
		for i := range 6 {
			l := e.PutList(benchList(t, users, 900+i))
			if _, err := e.Cells(ctx, matcher.Query{Population: pop, List: l}); err != nil {
				t.Error(err)
			}
			e.DropList(l)
		}
	})
	for worker := range 3 {
		counts.Go(func() {
			for i := worker; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				n := i % len(queries)
				got, err := e.Cells(ctx, queries[n])
				if err != nil || !slices.Equal(got.Users, want[n].Users) || !slices.EqualFunc(got.Sums, want[n].Sums, slices.Equal[[]int64]) {
					t.Errorf("question %d: %v, %v, want %v", n, got, err, want[n])
					return
				}
			}
		})
	}
	loads.Wait()
	close(done)
	counts.Wait()
}
