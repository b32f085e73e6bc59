package clickhouse

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/crypto/token"
	"awase/entrustment"
	"awase/internal/chtest"
	"awase/matcher"
)

// A count that finds something lost forgets all, while a population is put: that one is
// gone, or of the build that is there again and knows who is eligible. Without that the
// next question under an eligibility that was not asked before had none to ask.
func TestForgottenMeanwhile(t *testing.T) {
	for _, back := range []bool{false, true} {
		l := &lineage{t: t, e: open(t, options(t, 1)), base: makeBase(t, 1000)}
		pop := matcher.PopulationID{1}
		l.putBase(allBuild)
		err := l.e.PutPopulation(t.Context(), pop, allBuild, func() (*matcher.Standings, error) {
			l.e.forget()
			if back {
				l.putBase(allBuild)
			}
			return l.base.Standings(), nil
		}, usersOf([]int{6}))
		var shown *entrustment.Error
		if back && err != nil || !back && (!errors.As(err, &shown) || shown.Code != entrustment.CodeGone) {
			t.Fatalf("with the build back: %v, %v", back, err)
		}
		l.putBase(allBuild)
		l.put(pop, allBuild, 6)
		l.right(pop, 6)
	}
}

// watched calls seen before it sends a statement.
type watched struct {
	driver.Conn
	seen func(text string)
}

func (w *watched) Exec(ctx context.Context, text string, args ...any) error {
	w.seen(text)
	return w.Conn.Exec(ctx, text, args...)
}

func (w *watched) Query(ctx context.Context, text string, args ...any) (driver.Rows, error) {
	w.seen(text)
	return w.Conn.Query(ctx, text, args...)
}

// Rows that were lost when they were read and are there again when that is looked at,
// because others found them lost and put them anew: no number is given. Where tables
// are told apart by their rows alone it is a wrong one.
func TestPutAnewMeanwhile(t *testing.T) {
	a := makeAll(t)
	e := open(t, options(t, 1))
	must(t, a.put(t.Context(), e))
	q, want := a.questions()[1], a.answers(t)[1]
	name := e.at(e.lists[a.list.ID()].tokens[0].name, 0)
	whole := e.shards[0]
	const nothing, counted, over = 0, 1, 2
	state := nothing
	e.shards[0] = &watched{whole, func(text string) {
		switch {
		case state == nothing && strings.HasPrefix(text, "SELECT toUInt16("):
			state = counted
			onShard(t, e, 0, "TRUNCATE TABLE "+name)
		case state == counted && text == statement("whole"):
			state = over
			must(t, e.PutList(t.Context(), a.list.ID(), columns, func() (*matcher.List, error) { return a.list, nil }, a.until))
		}
	}}
	got, err := e.Cells(t.Context(), q)
	if !errors.Is(err, ErrLost) || got.Users != nil || state != over {
		t.Errorf("%v, %v, want %v", got, err, ErrLost)
	}
	must(t, a.put(t.Context(), e))
	if got, err := e.Cells(t.Context(), q); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("put again: %v, %v, not %v", got, err, want)
	}
}

// Who waits while another makes the tables of who may be counted can go away.
func TestWaitingForPeople(t *testing.T) {
	a := makeAll(t)
	e := open(t, options(t, 1))
	must(t, a.put(t.Context(), e))
	making := e.builds[allBuild].making
	must(t, making.take(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := e.Cells(ctx, a.questions()[0])
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		making.give()
	case <-time.After(5 * time.Second):
		t.Error("it waits on")
		making.give()
		<-done
	}
	a.same(t, e)
}

// A server that hangs takes no more of what goes with a question than fits between: who
// asks can go away, and is answered when it hangs no longer.
func TestHangsWhileGiven(t *testing.T) {
	a := makeAll(t)
	servers := chtest.Start(t, 1, chtest.Options{})
	e := open(t, database(t, servers))
	must(t, a.put(t.Context(), e))
	a.same(t, e)
	stop := func(s syscall.Signal) { must(t, syscall.Kill(servers[0].Pid(), s)) }
	stop(syscall.SIGSTOP)
	for name, ask := range map[string]func(ctx context.Context) error{
		"who is left out": func(ctx context.Context) error {
			out := (&matcher.Query{}).NewExact(1)
			return e.ask(ctx, 0, "SELECT toUInt16(0) AS cell, count() AS users FROM gone", nil, make([]uint32, 5_000_000), &matcher.Query{}, &out)
		},
		"who is looked up": func(ctx context.Context) error {
			_, err := e.usersOn(ctx, 0, e.builds[allBuild], make([]token.Token, 2_000_000))
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- ask(ctx) }()
		time.AfterFunc(2*time.Second, cancel)
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: it waits on", name)
		}
	}
	stop(syscall.SIGCONT)
	a.same(t, e)
	for range 100 {
		if e.shards[0].Stats().Open == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("connections are not given back")
}

// What a load that was given up named late, while it was dropped by the name that it had
// when tables were listed, does not stay.
func TestNamedWhileDropped(t *testing.T) {
	e := open(t, options(t, 1))
	final := listName(matcher.ListID{8}, "row")
	given := loadingName(final)
	must(t, e.create(t.Context(), 0, given, withCodes(statement("create_row"), 0, ""), time.Now().Add(time.Hour).Unix()))
	named := false
	e.shards[0] = &watched{e.shards[0], func(text string) {
		if text == statement("drop") && !named {
			named = true
			onShard(t, e, 0, "RENAME TABLE "+e.at(given, 0)+" TO "+e.at(final, 0))
		}
	}}
	must(t, e.Keep(t.Context(), matcher.Holding{}))
	tables, err := e.tables(t.Context(), e.puts(), 0)
	if must(t, err); !named || len(tables) > 0 {
		t.Errorf("%d tables stay", len(tables))
	}
}
