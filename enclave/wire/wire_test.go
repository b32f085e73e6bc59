package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// fake is an enclave whose answers a test gives. The methods that it has not are
// nil, and panic.
type fake struct {
	wire.Enclave
	gate     func(context.Context) (*wire.Gate, error)
	loadList func(context.Context, wire.ListRequest, io.Reader) (wire.ListLoaded, error)
	report   func(context.Context, *entrustment.Question) (*wire.Release, error)
}

func (f *fake) Gate(ctx context.Context) (*wire.Gate, error) { return f.gate(ctx) }
func (f *fake) LoadList(ctx context.Context, r wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	return f.loadList(ctx, r, sealed)
}
func (f *fake) Report(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	return f.report(ctx, q)
}

// serve serves an enclave for a test, and gives a client of it and what ends the
// service.
func serve(t *testing.T, e wire.Enclave, o wire.Options) (*wire.Client, func() error) {
	t.Helper()
	socket := t.TempDir() + "/s/s"
	l, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- wire.Serve(ctx, l, e, o) }()
	end := sync.OnceValue(func() error {
		stop()
		return <-ended
	})
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	c, err := wire.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, end
}

// TestErrorsCrossWhole: every field of a refusal arrives, a fault arrives without
// its text, and a panic is one.
func TestErrorsCrossWhole(t *testing.T) {
	const secret = "canary@example.jp"
	whole := &entrustment.Error{Code: entrustment.CodeBudget, Clause: "PRIVACY rule 9", Field: "a.yaml:1:2 (dims[0])", Detail: "数 <&> \"q\"", Mend: "ask less"}
	var err error
	var blow bool
	var logged bytes.Buffer
	c, _ := serve(t, &fake{gate: func(context.Context) (*wire.Gate, error) {
		if blow {
			panic(secret)
		}
		return &wire.Gate{}, err
	}}, wire.Options{Logger: textLogger(&logged)})
	ask := func() error { _, err := c.Gate(t.Context()); return err }

	err = fmt.Errorf("wrapped: %w", whole)
	got, ok := errors.AsType[*entrustment.Error](ask())
	if !ok || *got != *whole {
		t.Errorf("got %+v, want %+v", got, whole)
	}
	for _, blow = range []bool{false, true} {
		err = errors.New("disk failed at row " + secret)
		got, ok := errors.AsType[*entrustment.Error](ask())
		if !ok || got.Code != entrustment.CodeInternal || strings.Contains(got.Error(), secret) {
			t.Errorf("panic %t: got %v", blow, got)
		}
	}
	if !strings.Contains(logged.String(), "a panic") || !strings.Contains(logged.String(), "wire_test.go") && !strings.Contains(logged.String(), "TestErrorsCrossWhole") {
		t.Errorf("the panic's place was not logged: %s", logged.String())
	}
	if strings.Contains(logged.String()[strings.Index(logged.String(), "a panic"):], secret) {
		t.Error("the log repeats what a panic held")
	}
	// The service goes on.
	blow, err = false, nil
	if err := ask(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(logged.String(), "caller=\"uid") {
		t.Errorf("who asked was not logged: %s", logged.String())
	}
}

// TestDisconnectCancels: who goes away cancels the work, in a question and in the
// middle of a file; the service goes on.
func TestDisconnectCancels(t *testing.T) {
	begun, cancelled := make(chan bool, 1), make(chan error, 1)
	c, _ := serve(t, &fake{
		gate: func(context.Context) (*wire.Gate, error) { return &wire.Gate{}, nil },
		report: func(ctx context.Context, _ *entrustment.Question) (*wire.Release, error) {
			begun <- true
			<-ctx.Done()
			cancelled <- ctx.Err()
			return nil, ctx.Err()
		},
		loadList: func(ctx context.Context, _ wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
			begun <- true
			_, err := io.Copy(io.Discard, sealed)
			if err == nil { // the file came whole: the work after it
				<-ctx.Done()
				err = ctx.Err()
			}
			cancelled <- err
			return wire.ListLoaded{}, err
		},
	}, wire.Options{})
	question := &entrustment.Question{Schema: entrustment.SchemaReport, Report: "overlap", Entrustment: "e"}
	endless, feed := io.Pipe()
	go func() {
		for {
			if _, err := feed.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}()
	defer endless.Close()
	for name, ask := range map[string]func(context.Context) error{
		"question": func(ctx context.Context) error { _, err := c.Report(ctx, question); return err },
		"file":     func(ctx context.Context) error { _, err := c.LoadList(ctx, wire.ListRequest{}, endless); return err },
		"whole file": func(ctx context.Context) error {
			_, err := c.LoadList(ctx, wire.ListRequest{}, strings.NewReader("x"))
			return err
		},
	} {
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			<-begun
			stop()
		}()
		if err := ask(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the asker got %v", name, err)
		}
		select {
		case err := <-cancelled:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: the work ended with %v", name, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the work goes on", name)
		}
	}
	if _, err := c.Gate(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRefusedBeforeTheEnd: a refusal of a file's first bytes arrives although the
// sender has gigabytes to go, again and again.
func TestRefusedBeforeTheEnd(t *testing.T) {
	refusal := &entrustment.Error{Code: entrustment.CodeFile, Detail: "no"}
	c, _ := serve(t, &fake{loadList: func(_ context.Context, _ wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
		_, err := io.ReadFull(sealed, make([]byte, 100))
		return wire.ListLoaded{}, errors.Join(err, refusal)
	}}, wire.Options{})
	for range 50 {
		_, err := c.LoadList(t.Context(), wire.ListRequest{}, io.LimitReader(zeros{}, 10<<30))
		if got, ok := errors.AsType[*entrustment.Error](err); !ok || *got != *refusal {
			t.Fatalf("got %v", err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestSendersFault: what a file could not be read for is what the caller is told,
// and the work is taken back, not refused.
func TestSendersFault(t *testing.T) {
	served := make(chan error, 1)
	c, _ := serve(t, &fake{loadList: func(_ context.Context, _ wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
		_, err := io.Copy(io.Discard, sealed)
		served <- err
		return wire.ListLoaded{}, err
	}}, wire.Options{})
	row := &entrustment.Error{Code: entrustment.CodeFile, Field: "row 7", Detail: "bad"}
	for _, fault := range []error{row, errors.New("disk")} {
		_, err := c.LoadList(t.Context(), wire.ListRequest{}, io.MultiReader(io.LimitReader(zeros{}, 1<<20), broken{fault}))
		if !errors.Is(err, fault) {
			t.Errorf("got %v, want %v", err, fault)
		}
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("the enclave saw %v", err)
		}
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// TestStreams: a sealed file of any size takes no more memory than its buffers.
func TestStreams(t *testing.T) {
	const size = 1 << 30
	c, _ := serve(t, &fake{loadList: func(_ context.Context, r wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
		n, err := io.Copy(io.Discard, sealed)
		return wire.ListLoaded{Rows: n, Ack: wire.Ack{ID: r.Name}}, err
	}}, wire.Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := c.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "n"}, io.LimitReader(zeros{}, size))
	runtime.ReadMemStats(&after)
	if err != nil || got.Rows != size || got.ID != "n" {
		t.Errorf("got %+v, %v", got, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("%d bytes were allocated for %d", took, size)
	}
}

// TestStops: a service that ends lets answers end, and cancels those that take
// too long, whose askers are told.
func TestStops(t *testing.T) {
	begun, release := make(chan bool, 2), make(chan bool)
	e := &fake{
		gate: func(context.Context) (*wire.Gate, error) {
			begun <- true
			<-release
			return &wire.Gate{Version: 7}, nil
		},
		report: func(ctx context.Context, _ *entrustment.Question) (*wire.Release, error) {
			begun <- true
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	c, end := serve(t, e, wire.ShortDrain(5*time.Second))
	type answer struct {
		version int
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		g, err := c.Gate(t.Context())
		if g == nil {
			g = &wire.Gate{}
		}
		answers <- answer{g.Version, err}
	}()
	refused := make(chan error, 1)
	go func() {
		_, err := c.Report(t.Context(), &entrustment.Question{Schema: entrustment.SchemaReport, Report: "overlap", Entrustment: "e"})
		refused <- err
	}()
	<-begun
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	time.Sleep(50 * time.Millisecond)
	close(release)
	if a := <-answers; a.err != nil || a.version != 7 {
		t.Errorf("the answer under way was lost: %+v", a)
	}
	if err := <-refused; entrustment.Public(err).Code != entrustment.CodeInternal || !strings.Contains(err.Error(), "stopped before it could answer") {
		t.Errorf("got %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestManyClients: 64 clients at once, files and questions mixed.
func TestManyClients(t *testing.T) {
	c, _ := serve(t, &fake{
		gate: func(context.Context) (*wire.Gate, error) { return &wire.Gate{Version: 1}, nil },
		loadList: func(_ context.Context, r wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
			n, err := io.Copy(io.Discard, sealed)
			return wire.ListLoaded{Rows: n, Ack: wire.Ack{ID: r.Name}}, err
		},
	}, wire.Options{})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			who := c.As(wire.Caller(fmt.Sprint("client ", i)))
			for range 5 {
				name := fmt.Sprint("l", i)
				got, err := who.LoadList(t.Context(), wire.ListRequest{Name: name}, io.LimitReader(zeros{}, int64(i)<<10))
				if err != nil || got.ID != name || got.Rows != int64(i)<<10 {
					t.Errorf("client %d: %+v, %v", i, got, err)
				}
				if g, err := who.Gate(t.Context()); err != nil || !reflect.DeepEqual(g, &wire.Gate{Version: 1}) {
					t.Errorf("client %d: %+v, %v", i, g, err)
				}
			}
		})
	}
	all.Wait()
}
