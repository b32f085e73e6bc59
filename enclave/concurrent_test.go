package enclave

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// slow gives the first half of data, tells that it is read, and waits to be let
// on with the rest.
type slow struct {
	data         []byte
	at           int
	half, letOn  chan struct{}
	halfIsCalled sync.Once
}

func newSlow(data []byte) *slow {
	return &slow{data: data, half: make(chan struct{}), letOn: make(chan struct{})}
}

func (s *slow) Read(p []byte) (int, error) {
	if s.at == len(s.data) {
		return 0, io.EOF
	}
	end := len(s.data) / 2
	if s.at >= end {
		s.halfIsCalled.Do(func() { close(s.half) })
		<-s.letOn
		end = len(s.data)
	}
	n := copy(p, s.data[s.at:end])
	s.at += n
	return n, nil
}

// TestNobodyWaitsForALoad: while a sender dawdles, whatever else is asked of the
// room is answered, from what stood before.
func TestNobodyWaitsForALoad(t *testing.T) {
	e := openCrowd(t)
	ctx := t.Context()
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	list := func(r io.Reader) error {
		_, err := e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, r)
		return err
	}
	loads := map[string]func(r io.Reader) error{
		"base": func(r io.Reader) error { _, err := e.LoadBase(ctx, schema, r); return err },
		"add":  list,
		"list": list,
	}
	files := map[string][]byte{"base": sealedBase(t, e, 1700), "add": sealedChange(t, e, "l", seal.Add, crowdRows(900, 1500)), "list": sealedList(t, e, 1600)}
	for i, kind := range []string{"base", "add", "list"} {
		sender := newSlow(files[kind])
		done := make(chan error, 1)
		go func() { done <- loads[kind](sender) }()
		<-sender.half
		q := question(func(q *entrustment.Question) { q.Sigma = []int{10, 20, 50}[i] })
		if _, err := e.Price(ctx, q, 0); err != nil { // would hang here
			t.Error(err)
		}
		r, err := e.Report(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if r.ListRows != 1500 {
			t.Errorf("a list of %d rows while another is loaded, want the 1,500 before", r.ListRows)
		}
		if _, err := e.Ledger(ctx, wire.LedgerRequest{Group: "acme"}); err != nil {
			t.Error(err)
		}
		if _, err := e.Terms(ctx, "e"); err != nil {
			t.Error(err)
		}
		readAll(t, e)
		close(sender.letOn)
		if err := <-done; err != nil {
			t.Errorf("loading the %s: %v", kind, err)
		}
	}
	r, err := e.Report(ctx, question())
	if err != nil || r.ListRows != 1600 {
		t.Errorf("after the loads: %v", err)
	}
}

// TestContractAmendedDuringALoad: what a list may be is decided about again when
// it takes its place.
func TestContractAmendedDuringALoad(t *testing.T) {
	e := openCrowd(t)
	sender := newSlow(sealedList(t, e, 1600))
	done := make(chan error, 1)
	go func() {
		_, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, sender)
		done <- err
	}()
	<-sender.half
	c := parse(t, entrustment.ParseContract, oracleContract)
	c.MaxListRows = 5_000
	if _, err := e.Entrust(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	close(sender.letOn)
	wantCode(t, "a list sealed under the version before", <-done, entrustment.CodeForbidden)
	if l := e.state.lists[listKey{"e", "l"}]; l.Version != 1 {
		t.Errorf("list version %d stands", l.Version)
	}
}

// paused counts once it is let on.
type paused struct {
	matcher.Engine
	counting, letOn chan struct{}
}

func (p paused) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	p.counting <- struct{}{}
	<-p.letOn
	return p.Engine.Cells(ctx, q)
}

// askedAndCounting gives a filled room in which a question is charged and being
// counted, until letOn has it go on; what it ends with goes to asked.
func askedAndCounting(t *testing.T) (e *Enclave, counting, letOn chan struct{}, asked chan error) {
	t.Helper()
	counting, letOn, asked = make(chan struct{}), make(chan struct{}), make(chan error, 1)
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "V"), Options{counts: func(e matcher.Engine) matcher.Engine { return paused{e, counting, letOn} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	fill(t, e, "")
	go func() { _, err := e.Report(t.Context(), question()); asked <- err }()
	<-counting
	return e, counting, letOn, asked
}

// TestPinnedQuestions: a question that was charged is answered from the base and
// the list that it was pinned to, though others have taken their places
// meanwhile, and they are let go after it. Without the pin its budget is lost.
func TestPinnedQuestions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pinned, reopened bool }{{true, false}, {true, true}, {false, false}} {
		pinned := c.pinned
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			counting, letOn := make(chan struct{}), make(chan struct{})
			dir := filepath.Join(t.TempDir(), "V")
			o := Options{counts: func(e matcher.Engine) matcher.Engine { return paused{e, counting, letOn} }}
			e, err := Open(t.Context(), dir, o)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, e, "")
			if c.reopened { // nothing is in memory yet: it is opened when it is counted
				e.Close()
				if e, err = Open(t.Context(), dir, o); err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(func() { e.Close() })
			before := e.state.base.Population
			list := e.state.lists[listKey{"e", "l"}].ID
			type answer struct {
				r   *wire.Release
				err error
			}
			done := make(chan answer, 1)
			go func() {
				r, err := e.Report(t.Context(), question())
				done <- answer{r, err}
			}()
			<-counting
			schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
			if _, err := e.LoadBase(t.Context(), schema, bytes.NewReader(sealedBase(t, e, 1700))); err != nil {
				t.Fatal(err)
			}
			if _, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(sealedList(t, e, 1600))); err != nil {
				t.Fatal(err)
			}
			if !pinned {
				e.mu.Lock()
				e.drop(before)
				err := e.vault.Sweep(e.state.segments())
				e.mu.Unlock()
				if err != nil {
					t.Fatal(err)
				}
			}
			close(letOn)
			got := <-done
			if !pinned {
				if got.err == nil || count(e, kindCharge) != 1 {
					t.Errorf("a question whose base is gone: %v, %d charges", got.err, count(e, kindCharge))
				}
				return
			}
			if got.err != nil || got.r.ListRows != 1500 {
				t.Errorf("a question about the list before: %v", got.err)
			}
			q := matcher.Query{Population: matcher.PopulationID(before), Dims: nil}
			if _, err := e.engine.Cells(t.Context(), q); entrustment.Public(err).Code != entrustment.CodeGone {
				t.Errorf("the base before is still held: %v", err)
			}
			if len(e.inUse) != 0 || len(e.retired) != 0 || e.loaded[before] || e.loaded[list] {
				t.Errorf("in use %d, retired %d", len(e.inUse), len(e.retired))
			}
		})
	}
}

// looking looks before it counts.
type looking struct {
	matcher.Engine
	look func()
}

func (l looking) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	l.look()
	return l.Engine.Cells(ctx, q)
}

// TestChargedBeforeOpened is A14: how long a log takes to be bound to the base
// depends on who of it is there, so it is bound after the charge, whose time its
// recipient sees.
func TestChargedBeforeOpened(t *testing.T) {
	t.Parallel()
	var e *Enclave
	looked := 0
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "V"), Options{counts: func(under matcher.Engine) matcher.Engine {
		return looking{under, func() {
			looked++
			e.mu.Lock()
			defer e.mu.Unlock()
			if len(e.bound) != 0 || count(e, kindCharge) != 1 {
				t.Errorf("%d logs are bound and %d charges written when the counting begins", len(e.bound), count(e, kindCharge))
			}
		}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	fill(t, e, "")
	loadCrowdEvents(t, e)
	if _, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportBehaviour, nil })); err != nil {
		t.Fatal(err)
	}
	if looked != 1 || len(e.bound) != 1 {
		t.Errorf("looked %d times, %d logs bound", looked, len(e.bound))
	}
}

// TestLoadsAndReports: loads, refreshes and questions at once, under the race
// detector in CI; no question is refused for what others do, and each is about
// data that stood together.
func TestLoadsAndReports(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	loadCrowdEvents(t, e)
	ctx := t.Context()
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	var bases, lists [][]byte
	for i := range 4 {
		bases = append(bases, sealedBase(t, e, 1500+50*i))
		lists = append(lists, sealedList(t, e, 1500+50*i))
	}
	lists[1], lists[2] = sealedChange(t, e, "l", seal.Add, crowdRows(1500, 1600)), sealedChange(t, e, "l", seal.Remove, crowdRows(0, 50))
	var all sync.WaitGroup
	failed := make(chan error, 100)
	run := func(n int, f func(i int) error) {
		all.Go(func() {
			for i := range n {
				if err := f(i); err != nil {
					failed <- err
				}
			}
		})
	}
	run(len(bases), func(i int) error { _, err := e.LoadBase(ctx, schema, bytes.NewReader(bases[i])); return err })
	run(len(lists), func(i int) error {
		_, err := e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(lists[i]))
		return err
	})
	for worker := range 3 {
		run(3, func(i int) error {
			q := question(func(q *entrustment.Question) {
				q.Sigma = 20
				if worker == 2 {
					q.Report, q.Dims = entrustment.ReportBehaviour, nil
				}
			})
			r, err := e.Report(ctx, q)
			if err != nil {
				return fmt.Errorf("worker %d, question %d: %w", worker, i, err)
			}
			if r.ListRows < 1500 || r.ListRows > 1650 || r.ListRows%50 != 0 {
				return errors.New("a list that never stood")
			}
			return nil
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
}
