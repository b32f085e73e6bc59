package enclave

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

const (
	manyClients = 64
	// manyTime is far more than the acts below take: who is not answered by then
	// waits for somebody who waits for it.
	manyTime = 2 * time.Minute
	// manyMemory is what so many clients may make the process hold at once beyond
	// what one of them does: 2 MiB each for connections, buffers, a short list and
	// what the collector has not seen yet.
	manyMemory = manyClients * 2 << 20
)

// peakHeld gives the most that the process held while f ran, beyond what it held
// before.
func peakHeld(f func()) int64 {
	debug.FreeOSMemory()
	before := held()
	peak, stop, stopped := before, make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				peak = max(peak, held())
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return max(peak, held()) - before
}

// atOnce runs f for each of the clients of a room, which all begin together and
// have manyTime.
func atOnce(t *testing.T, e *Enclave, f func(ctx context.Context, i int, who *wire.Client) error) {
	t.Helper()
	inner, end, err := overSocket(t)(e)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := inner.(*wire.Client)
	if !ok {
		t.Fatal("no client")
	}
	ctx, cancel := context.WithTimeout(t.Context(), manyTime)
	defer cancel()
	begin := make(chan bool)
	var all sync.WaitGroup
	for i := range manyClients {
		all.Go(func() {
			<-begin
			if err := f(ctx, i, c.As(wire.Caller(fmt.Sprint("client ", i)))); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	close(begin)
	all.Wait()
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestManyClients: 64 clients at once load a list of their own each, get a release
// of it and one of a list that all have, and read; then, after a restart, 64 more
// releases at once for which each list is opened from the vault. Nobody waits for
// ever, what the process holds is bounded, the same question has one answer, and
// what was spent is what was released.
func TestManyClients(t *testing.T) {
	e := openCrowd(t)
	dir := e.vault.Dir()
	if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nlist_versions: 200\n")); err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return fmt.Sprint("l", i) }
	var files [manyClients][]byte
	for i := range files {
		files[i] = crowdList(t, e, name(i), 1200+i)
	}
	of := func(list string, sigma int) *entrustment.Question {
		return question(func(q *entrustment.Question) { q.List, q.Sigma = list, sigma })
	}
	var first sync.Map
	peak := peakHeld(func() {
		atOnce(t, e, func(ctx context.Context, i int, who *wire.Client) error {
			load := func() (wire.ListLoaded, error) {
				return who.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: name(i)}, bytes.NewReader(files[i]))
			}
			loaded, err := load()
			if err == nil && (!loaded.Changed || loaded.Rows < 1200) {
				err = fmt.Errorf("the list came to %+v", loaded)
			}
			_, rerr := who.Report(ctx, of(name(i), 50))
			sigma := []int{10, 20, 50}[i%3]
			common, cerr := who.Report(ctx, of("l", sigma))
			raw, jerr := json.Marshal(common)
			if was, _ := first.LoadOrStore(sigma, string(raw)); was != string(raw) {
				jerr = errors.Join(jerr, errors.New("another answer to the same question"))
			}
			again, aerr := load()
			if aerr == nil && again.Changed {
				aerr = errors.New("the same file was taken twice")
			}
			_, lerr := who.Ledger(ctx, wire.LedgerRequest{Officer: true})
			_, perr := who.Price(ctx, of(name((i+1)%manyClients), 20), 0) // perhaps not there yet
			if entrustment.Public(perr).Code == entrustment.CodeNotFound {
				perr = nil
			}
			return errors.Join(err, rerr, cerr, jerr, aerr, lerr, perr)
		})
	})
	t.Logf("loads and releases: %d MiB at the most", peak>>20)
	if peak > manyMemory {
		t.Errorf("%d clients make the process hold %d MiB more", manyClients, peak>>20)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if len(e.loaded) != 0 {
		t.Fatalf("%d segments are open before anybody asks", len(e.loaded))
	}
	peak = peakHeld(func() {
		atOnce(t, e, func(ctx context.Context, i int, who *wire.Client) error {
			_, err := who.Report(ctx, of(name(i), 20))
			return err
		})
	})
	t.Logf("releases of lists that are opened: %d MiB at the most", peak>>20)
	if peak > manyMemory {
		t.Errorf("%d clients make the process hold %d MiB more", manyClients, peak>>20)
	}
	if len(e.loaded) != 1+manyClients {
		t.Errorf("%d segments were opened", len(e.loaded))
	}
	if charges, releases := count(e, kindCharge), count(e, kindReport); charges != 3+2*manyClients || releases != charges {
		t.Errorf("%d charges and %d releases", charges, releases)
	}
}

// crowdList is a sealed list of the first people of the crowd.
func crowdList(t *testing.T, e *Enclave, name string, n int) []byte {
	t.Helper()
	_, rows := crowd(n)
	data := rowsCSV(rows)
	f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(sealed(t, e, "e", name, f.Header(), f.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// noTurns lets everybody in at once.
type noTurns struct{}

func (noTurns) take(context.Context) error { return nil }
func (noTurns) give()                      {}

// TestManyUploads: 64 clients that each send most of a large list at once make the
// process hold what one of them does, for loads take turns. Without the turns they
// make it hold all of it.
func TestManyUploads(t *testing.T) {
	const rows = 200_000
	e := openCrowd(t)
	file := largeList(t, e, rows)
	file = file[:len(file)-1]
	// A sender breaks off when all have sent as much, or after patience: while
	// loads take turns the others don't get on.
	send := func(clients int, patience time.Duration) int64 {
		var sent atomic.Int64
		return peakHeld(func() {
			atOnce(t, e, func(ctx context.Context, i int, who *wire.Client) error {
				if i >= clients {
					return nil
				}
				rest := breaksOff(func() {
					sent.Add(1)
					for end := time.Now().Add(patience); time.Now().Before(end) && sent.Load() < int64(clients); {
						time.Sleep(time.Millisecond)
					}
				})
				if _, err := who.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "large"}, io.MultiReader(bytes.NewReader(file), rest)); err == nil {
					return errors.New("half a list was taken")
				}
				return nil
			})
		})
	}
	one := send(1, 0)
	all := send(manyClients, 20*time.Millisecond)
	e.loads = noTurns{}
	without := send(manyClients, 30*time.Second)
	t.Logf("one: %d MiB; %d: %d MiB, without turns %d MiB", one>>20, manyClients, all>>20, without>>20)
	if all > one+manyMemory {
		t.Errorf("%d senders make the process hold %d MiB, one %d", manyClients, all>>20, one>>20)
	}
	if without <= one+manyMemory {
		t.Errorf("without turns it is %d MiB: the test proves nothing", without>>20)
	}
}

// breaksOff is the rest of a file that does not come.
type breaksOff func()

func (f breaksOff) Read([]byte) (int, error) {
	f()
	return 0, io.ErrUnexpectedEOF
}

// largeList is a sealed list of strangers.
func largeList(t *testing.T, e *Enclave, n int) []byte {
	t.Helper()
	raw, err := io.ReadAll(sealed(t, e, "e", "large", seal.Header{Purpose: seal.List, Identifiers: versionIDs[:1]}, func(yield func([]seal.Row, error) bool) {
		batch := make([]seal.Row, 1000)
		for at := 0; at < n; at += len(batch) {
			for i := range batch {
				id := seal.Identifier{}
				copy(id.Hash[:], fmt.Sprintf("%032d", at+i))
				batch[i] = seal.Row{Identifiers: []seal.Identifier{id}}
			}
			if !yield(batch, nil) {
				return
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
