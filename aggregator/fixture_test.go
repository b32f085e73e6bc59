package aggregator

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// fakeEngine answers every query with cells.
type fakeEngine struct {
	matcher.Engine
	cells func(q matcher.Query) []int64
	calls int
}

func (f *fakeEngine) Cells(_ context.Context, q matcher.Query) (matcher.Exact, error) {
	f.calls++
	return matcher.Exact{Users: f.cells(q)}, nil
}

// memoryBook is a record log in memory. fail, when set, is asked before each
// write.
type memoryBook struct {
	mu      sync.Mutex
	now     func() time.Time
	charges []Charge
	times   []time.Time
	tables  []*Table
	alarms  []Alarm
	acts    []func(*Gate) // charges, reservations and alarms in their order
	fail    func(kind string) error
}

func (b *memoryBook) write(kind string) (time.Time, error) {
	if b.fail != nil {
		if err := b.fail(kind); err != nil {
			return time.Time{}, err
		}
	}
	return b.now(), nil
}

func (b *memoryBook) Charge(_ context.Context, c []Charge) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, err := b.write("charge")
	if err == nil {
		b.charges = append(b.charges, c...)
		for i := range c {
			b.times = append(b.times, at)
			b.acts = append(b.acts, func(g *Gate) { g.ReplayCharge(&c[i], at) })
		}
	}
	return at, err
}

func (b *memoryBook) Store(_ context.Context, t *Table) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, err := b.write("table")
	if err == nil {
		b.tables = append(b.tables, t)
	}
	return at, err
}

func (b *memoryBook) Alarm(_ context.Context, a Alarm) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.write("alarm")
	if err == nil {
		b.alarms = append(b.alarms, a)
		b.acts = append(b.acts, func(g *Gate) { g.ReplayAlarm(a) })
	}
	return err
}

func (b *memoryBook) Reserve(_ context.Context, r *Reservation) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.write("reserve")
	if err == nil {
		kept := *r
		kept.Held = slices.Clone(r.Held)
		b.acts = append(b.acts, func(g *Gate) { g.ReplayReservation(&kept) })
	}
	return err
}

func (b *memoryBook) Free(_ context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.write("free")
	if err == nil {
		b.acts = append(b.acts, func(g *Gate) { g.ReplayFree(name) })
	}
	return err
}

// reopen gives the gate that a restart would make of the book, its tables as
// they come back from their encoding.
func (b *memoryBook) reopen(t *testing.T, engine matcher.Engine, clock Clock) *Gate {
	t.Helper()
	g := New(engine, b, clock, testKeys)
	for _, replay := range b.acts {
		replay(g)
	}
	for _, table := range b.tables {
		raw, err := json.Marshal(table)
		if err != nil {
			t.Fatal(err)
		}
		back := new(Table)
		if err := json.Unmarshal(raw, back); err != nil {
			t.Fatal(err)
		}
		back.At = table.At
		g.ReplayTable(back)
	}
	return g
}

var testKeys = Keys{Noise: [32]byte{1}, Digest: [32]byte{2}}

// fakeClock stands where it is set; sleeping moves it.
type fakeClock struct {
	mu    sync.Mutex
	t     time.Time
	slept []time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) SleepUntil(_ context.Context, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, t)
	if t.After(c.t) {
		c.t = t
	}
	return nil
}

func (c *fakeClock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// room is a gate over constant cells.
type room struct {
	engine *fakeEngine
	book   *memoryBook
	clock  *fakeClock
	gate   *Gate
}

func newRoom(cells ...int64) *room {
	clock := &fakeClock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, entrustment.JST)}
	engine := &fakeEngine{cells: func(matcher.Query) []int64 { return cells }}
	book := &memoryBook{now: clock.Now}
	return &room{engine, book, clock, New(engine, book, clock, testKeys)}
}

// values gives a domain of n values, "unknown" last.
func values(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = string(rune('a' + i%26))
		if i >= 26 {
			out[i] += out[i-26]
		}
	}
	out[n-1] = entrustment.Unknown
	return out
}

// planOf is a plan of one table of n cells over the nth list.
func planOf(n int, list uint64, recipient string, owners ...string) *Plan {
	s := Spec{Sigma: 10, Dims: []Dim{{Source: matcher.BaseColumn, Name: "x", Domain: values(n)}}}
	if n == 1 {
		s.Dims = nil
	}
	for i := range 8 {
		s.List[i] = byte(list >> (8 * i))
	}
	s.List[31] = 1
	if owners == nil {
		owners = []string{"acme", "op"}
	}
	pl := &Plan{Recipient: recipient, asked: s.Dims}
	var who []Owner
	for _, o := range owners {
		who = append(who, Owner{o, o})
	}
	pl.add(TableMain, s, who...)
	return pl
}

func release(t testing.TB, g *Gate, pl *Plan) *Table {
	t.Helper()
	tables, err := g.Release(t.Context(), pl)
	if err != nil {
		t.Fatal(err)
	}
	return tables[0]
}

func codeOf(err error) entrustment.Code {
	if e, ok := errors.AsType[*entrustment.Error](err); ok {
		return e.Code
	}
	return ""
}
