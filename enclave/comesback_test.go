package enclave

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// TestPopulationComesBack: where a load brings a population back that a question
// still holds, with other cluster ids, logs stay with the ids they are bound to.
func TestPopulationComesBack(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	day := entrustment.DateOf(e.vault.Log().Now()).Number() - 1
	users, _ := crowd(1500)
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	raw, _ := logAfter(t, e, "", "", day, 0, 1000)
	if _, err := e.LoadEvents(t.Context(), wire.EventsRequest{}, bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	reach := func(want int64, sigma int) {
		t.Helper()
		r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims, q.Sigma = "reach-frequency", nil, sigma }))
		if err != nil {
			t.Fatal(err)
		}
		once := slices.IndexFunc(r.Cells, func(c wire.Cell) bool { return c.Key["frequency"] == "1" })
		if once < 0 || !near(r.Cells[once].Users, want) {
			t.Errorf("%+v, want %d who saw it once", r.Cells, want)
		}
	}
	reach(900, 10)
	first := e.state.base.Population
	a, err := e.pinned(question()) // a question that waits for its turn
	if err != nil {
		t.Fatal(err)
	}
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users[:700]))
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	if e.state.base.Population != first {
		t.Fatal("another population: the test shows nothing")
	}
	a.release()
	reach(900, 20)
	// Under another policy the first question is drawn anew, of the same data.
	if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nk: 51\n")); err != nil {
		t.Fatal(err)
	}
	reach(900, 10)
}

// TestOpenedLate: a base opened for a question after a load brought the same
// population does not take its place, and the next base is built on the record's
// ids.
func TestOpenedLate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	e, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, e, "")
	users, _ := crowd(1500)
	load := func(n int) { t.Helper(); loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users[:n])) }
	load(1500)
	first := e.state.base
	e.Close()
	if e, err = Open(t.Context(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	a, err := e.pinned(question())
	if err != nil {
		t.Fatal(err)
	}
	// openRead has looked at what is loaded (nothing), and opens the record's base.
	opened, err := e.openBase(first)
	if err != nil {
		t.Fatal(err)
	}
	load(700)
	load(1500)
	if e.state.base.Population != first.Population {
		t.Fatal("another population")
	}
	// openRead goes on.
	e.mu.Lock()
	e.bring(hexID(a.population), opened, first.Segment)
	e.mu.Unlock()
	a.release()
	memory, err := e.standing(e.state.base)
	if err != nil {
		t.Fatal(err)
	}
	disk, err := e.openBase(e.state.base)
	if err != nil {
		t.Fatal(err)
	}
	if m, d := columnOf(memory, "present"), columnOf(disk, "present"); !bytes.Equal(m, d) {
		t.Errorf("the next base is built on one of %d words of ids, the record's has %d", len(m)/8, len(d)/8)
	}
}

func columnOf(b *matcher.Base, want string) (out []byte) {
	for name, data := range b.Columns() {
		if name == want {
			out = data
		}
	}
	return out
}
