package clickhouse

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/internal/chtest"
	"awase/matcher"
)

// questions are some that read all that is held.
func (a *all) questions() []matcher.Query {
	list := a.list.ID()
	sex := matcher.Dim{Source: matcher.BaseColumn, Name: "sex", Size: 3}
	views := func() *matcher.EventQuery {
		return &matcher.EventQuery{Logs: []matcher.EventsID{allLog}, From: 0, To: 6, Categories: []string{""},
			Sums: []matcher.EventSum{{Unit: "yen", Cap: 50, Granule: 100}, {Cap: 9, Granule: 1}}}
	}
	return []matcher.Query{
		{Population: allPop, Dims: []matcher.Dim{sex}},
		{Population: allPop, List: list, Dims: []matcher.Dim{sex, {Source: matcher.ListColumn, Name: "age", Size: 5}, {Source: matcher.MatchedBy, Size: int(matcher.Kinds)}}},
		{Population: allPop, Where: &matcher.Where{Not: &matcher.Where{List: &list}}, Dims: []matcher.Dim{sex}},
		{Population: allPop, List: list, Dims: []matcher.Dim{sex}, Events: views()},
	}
}

// answers are those of the engine in memory.
func (a *all) answers(t testing.TB) []matcher.Exact {
	t.Helper()
	e := matcher.NewEmbedded()
	e.PutBase(allPop, a.base.WithTombstones([]token.Token{person(7).User}))
	e.PutList(a.list)
	rows := func(yield func(matcher.EventRow) bool) {
		a.events(func(r matcher.EventRow, _ error) bool { return yield(r) })
	}
	if err := e.BindEvents(allPop, allLog, make([]matcher.EventType, 1), "yen", rows); err != nil {
		t.Fatal(err)
	}
	var out []matcher.Exact
	for _, q := range a.questions() {
		x, err := e.Cells(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// same asks the questions and compares the answers.
func (a *all) same(t *testing.T, e *Engine) {
	t.Helper()
	want := a.answers(t)
	for i, q := range a.questions() {
		got, err := e.Cells(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("question %d\n got %v\nwant %v", i, got, want[i])
		}
	}
}

// A shard killed in the middle of a count: an error that says so, or the right
// numbers; and when it is back, the right numbers.
func TestKilledInCount(t *testing.T) {
	a := makeAll(t)
	servers := chtest.Start(t, 2, chtest.Options{})
	o, proxies := behind(t, database(t, servers))
	e := open(t, o)
	must(t, a.put(t.Context(), e))
	a.same(t, e)
	want, questions := a.answers(t), a.questions()
	for i, at := range []int64{3_000, 9_000, 12_000, 15_000} {
		e.patience = 100 * time.Millisecond
		if i == 3 {
			e.patience, e.hurry = time.Minute, time.Minute // it comes back within it
		}
		failed := 0
		killed := make(chan error, 1)
		proxies[1].after(at, func() {
			err := servers[1].Kill()
			proxies[1].cut()
			if i == 3 && err == nil {
				err = servers[1].Restart()
			}
			killed <- err
		})
		for asked := 0; ; asked++ {
			got, err := e.Cells(t.Context(), questions[asked%len(questions)])
			if err != nil {
				refused(t, err, 2)
				failed++
			} else if !reflect.DeepEqual(got, want[asked%len(questions)]) {
				t.Fatalf("a wrong number: %v, not %v", got, want[asked%len(questions)])
			}
			if len(killed) > 0 {
				break
			}
		}
		must(t, <-killed)
		if i < 3 {
			must(t, servers[1].Restart())
		} else if failed > 0 {
			t.Fatal("a shard that came back in time was not waited for")
		}
		e.patience = time.Minute
		a.same(t, e)
	}
}

// Connections cut in the middle of counts: the right numbers.
func TestCutInCount(t *testing.T) {
	a := makeAll(t)
	o, proxies := behind(t, options(t, 2))
	e := open(t, o)
	must(t, a.put(t.Context(), e))
	e.hurry = time.Minute // a server of the tests may end of a cut, and start again
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	cuts := 0
	for range 15 {
		p := proxies[random.IntN(2)]
		cut := make(chan bool, 1)
		p.after(1+random.Int64N(20_000), func() {
			p.cut()
			cut <- true
		})
		a.same(t, e)
		cuts += len(cut)
		p.left.Store(-1e12)
	}
	if cuts == 0 {
		t.Fatal("nothing was cut")
	}
}

// A shard that does not answer a count: the time that is given ends it.
func TestSlowCount(t *testing.T) {
	t.Parallel()
	a := makeAll(t)
	o, proxies := behind(t, options(t, 2))
	e := open(t, o)
	must(t, a.put(t.Context(), e))
	e.o.Time, e.patience = 5*time.Second, 100*time.Millisecond
	proxies[0].pause(true)
	_, err := e.Cells(t.Context(), a.questions()[1])
	proxies[0].pause(false)
	refused(t, err, 1)
	e.o.Time = time.Minute
	a.same(t, e)
}

// Cancelled, a count ends on the server too.
func TestCancelCount(t *testing.T) {
	e := open(t, options(t, 1))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- e.again(ctx, e.counts(), 0, "counting", func(ctx context.Context) error {
			out := (&matcher.Query{}).NewExact(1)
			return e.ask(ctx, 0, "SELECT toUInt16(0) AS cell, sum(toUInt64(1) + sleepEachRow(1)) AS users FROM numbers(100) SETTINGS max_block_size = 1",
				nil, nil, &matcher.Query{}, &out)
		})
	}()
	for {
		var n uint64
		must(t, e.shards[0].QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%system.processes%'").Scan(&n))
		if n > 0 {
			break
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal("not cancelled:", err)
	}
	idle(t, e, 0)
}
