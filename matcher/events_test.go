package matcher_test

import (
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"awase/crypto/token"
	"awase/matcher"
)

// crowdUser is the user key of one of a large crowd.
func crowdUser(i int) token.Token { return benchToken(matcher.Kinds, i) }

// crowdBase has n users with one attribute of three values.
func crowdBase(tb testing.TB, n int) *matcher.Base {
	tb.Helper()
	b := matcher.NewBaseBuilder([]matcher.Column{{Name: "gender", Domain: domain(3)}})
	for i := range n {
		if err := b.Add(&matcher.Person{User: crowdUser(i), Codes: []uint8{uint8(i % 3)}}); err != nil {
			tb.Fatal(err)
		}
	}
	base, err := b.Build(tb.Context(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return base
}

// crowdEvent is one event of a large log.
type crowdEvent struct {
	user  int
	day   int32
	typ   uint8
	value int64
}

func crowdRows(events []crowdEvent) iter.Seq[matcher.EventRow] {
	return func(yield func(matcher.EventRow) bool) {
		for _, e := range events {
			user := crowdUser(e.user)
			if !yield(matcher.EventRow{User: &user, Day: e.day, Type: e.typ, Value: e.value}) {
				return
			}
		}
	}
}

var crowdTypes = []matcher.EventType{{Kind: "impression", Category: "spring"}, {Kind: "click", Category: "spring"}, {Kind: "conversion", Category: "shop"}}

// TestManyBlocksOfEvents: over more clusters than a count works on at once, days
// of more events than are sorted in one go, some of them of nobody, and clusters
// in the last, partial block, counts are those of plain maps.
func TestManyBlocksOfEvents(t *testing.T) {
	const users = 100_003
	rng := rand.New(rand.NewPCG(9, 1))
	var events []crowdEvent
	for range 60_000 {
		events = append(events, crowdEvent{rng.IntN(users + 1000), 100 + int32(rng.IntN(6)), uint8(rng.IntN(3)), rng.Int64N(4000) - 500})
	}
	events = append(events, crowdEvent{users - 1, 103, 2, 700}, crowdEvent{0, 103, 0, 0})
	for i := range 3_000 { // one user's
		events = append(events, crowdEvent{32_768, 101, uint8(i % 3), 1})
	}
	base := crowdBase(t, users)
	log, err := matcher.NewEvents(base, crowdTypes, "yen", crowdRows(events))
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2, 5} {
		e := matcher.NewEmbedded(matcher.Workers(workers))
		pop, id := matcher.PopulationID{1}, matcher.EventsID{1}
		e.PutBase(pop, base)
		e.PutEvents(pop, id, log)

		// By category, gender and span of two days, users and two sums.
		q := matcher.Query{Population: pop,
			Dims: []matcher.Dim{{Source: matcher.EventCategory, Size: 2}, {Name: "gender", Size: 3}, {Source: matcher.EventDay, Size: 2, Step: 2}},
			Events: &matcher.EventQuery{Logs: []matcher.EventsID{id}, From: 101, To: 104, Categories: []string{"spring", "shop"},
				Sums: []matcher.EventSum{{Cap: 5, Granule: 1}, {Kinds: []string{"conversion"}, Unit: "yen", Cap: 20, Granule: 100}}}}
		got, err := e.Cells(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		type at struct{ user, cell int }
		times, yen := map[at]int64{}, map[at]int64{}
		for _, ev := range events {
			if ev.user >= users || ev.day < 101 || ev.day > 104 {
				continue
			}
			category := 0
			if ev.typ == 2 {
				category = 1
			}
			k := at{ev.user, (category*3+ev.user%3)*2 + int(ev.day-101)/2}
			times[k]++
			if ev.typ == 2 {
				yen[k] += ev.value
			}
		}
		want := matcher.Exact{Users: make([]int64, 12), Sums: [][]int64{make([]int64, 12), make([]int64, 12)}}
		for k, n := range times {
			want.Users[k.cell]++
			want.Sums[0][k.cell] += min(n, 5)
			want.Sums[1][k.cell] += min(max(0, yen[k])/100, 20)
		}
		if !slices.Equal(got.Users, want.Users) || !slices.EqualFunc(got.Sums, want.Sums, slices.Equal[[]int64]) {
			t.Errorf("%d workers:\n got %v\nwant %v", workers, got, want)
		}

		// How often, and a condition on how often.
		least := &matcher.AtLeast{Logs: []matcher.EventsID{id}, Category: "shop", From: 100, To: 102, N: 2}
		q = matcher.Query{Population: pop, Where: &matcher.Where{Any: []matcher.Where{{Not: &matcher.Where{Event: least}}, {In: &matcher.InCodes{Column: "gender", Codes: []uint8{1}}}}},
			Dims:   []matcher.Dim{{Source: matcher.Frequency, Name: "impression", Size: 3, Bounds: []int64{1, 2, 4}}},
			Events: &matcher.EventQuery{Logs: []matcher.EventsID{id}, From: 100, To: 105, Categories: []string{"spring"}, Presence: "impression"}}
		if got, err = e.Cells(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		often, shop := map[int]int64{}, map[int]int64{}
		for _, ev := range events {
			switch {
			case ev.typ == 0:
				often[ev.user]++
			case ev.typ == 2 && ev.day <= 102:
				shop[ev.user]++
			}
		}
		wantUsers := make([]int64, 3)
		for user, n := range often {
			if user >= users || shop[user] >= 2 && user%3 != 1 {
				continue
			}
			for i := 2; i >= 0; i-- {
				if n >= []int64{1, 2, 4}[i] {
					wantUsers[i]++
					break
				}
			}
		}
		if !slices.Equal(got.Users, wantUsers) {
			t.Errorf("%d workers: %v by frequency, want %v", workers, got.Users, wantUsers)
		}
	}
}

// BenchmarkEvents counts users and two sums by category and gender over 30 days
// of events, a tenth of the users each day; its peer reads the same columns once.
func BenchmarkEvents(b *testing.B) {
	users := benchUsers()
	base := crowdBase(b, users)
	rng := rand.New(rand.NewPCG(1, 1))
	pop := matcher.PopulationID{1}
	e := matcher.NewEmbedded()
	e.PutBase(pop, base)
	var logs []matcher.EventsID
	n := 0
	for day := range int32(60) {
		events := make([]crowdEvent, users/10)
		for i := range events {
			events[i] = crowdEvent{rng.IntN(users), day, uint8(rng.IntN(3)), rng.Int64N(4000)}
		}
		log, err := matcher.NewEvents(base, crowdTypes, "yen", crowdRows(events))
		if err != nil {
			b.Fatal(err)
		}
		id := matcher.EventsID{byte(day), 1}
		e.PutEvents(pop, id, log)
		logs = append(logs, id)
		if day >= 30 {
			n += len(events)
		}
	}
	need := make([]byte, 13*n+4*users) // cluster, type and value of an event; attribute and standing of a user
	for i := range need {
		need[i] = byte(i)
	}
	q := matcher.Query{Population: pop, Dims: []matcher.Dim{{Source: matcher.EventCategory, Size: 2}, {Name: "gender", Size: 3}},
		Events: &matcher.EventQuery{Logs: logs, From: 30, To: 59, Categories: []string{"spring", "shop"},
			Sums: []matcher.EventSum{{Cap: 30, Granule: 1}, {Kinds: []string{"conversion"}, Unit: "yen", Cap: 300, Granule: 100}}}}
	stream := best(5, func() { streamAll([][]byte{need}) })
	var got matcher.Exact
	for b.Loop() {
		var err error
		if got, err = e.Cells(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
	if len(got.Users) != 6 {
		b.Fatal("cells are missing")
	}
	engine := best(5, func() {
		if _, err := e.Cells(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportMetric(float64(n)/engine.Seconds()/1e6, "M-events/s")
	b.ReportMetric(float64(engine)/float64(stream), "x-stream")
}
