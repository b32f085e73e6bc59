package aggregator

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// The test kit of PRIVACY §6. A check holds one property of the gate; it is run
// against the gate as built, and against gates with a bug put in (S8), where it
// has to fail. In make test each check has the smallest size at which its bugs
// still fail; make attacks runs them at full size.
var full = flag.Bool("attacks", false, "statistical checks and attacks at their full size")

// sized gives how many trials a check makes.
func sized(small, large int) int {
	if *full {
		return large
	}
	return small
}

// A rig builds gates, with a bug where a field is set.
type rig struct {
	noise   noiseFunc
	locks   lockFunc
	streams func(p *Planned, v PolicyV) streamFunc
	engine  func(matcher.Engine) matcher.Engine
	book    func(*memoryBook) Book
	compile func(*testing.T, *entrustment.Question) *Plan
	allow   filter
}

// rigged is a gate of a rig.
type rigged struct {
	*Gate
	book  *memoryBook
	clock *fakeClock
}

func (m rig) gate(engine matcher.Engine) rigged {
	clock := newRoom().clock
	book := &memoryBook{now: clock.Now}
	if m.engine != nil {
		engine = m.engine(engine)
	}
	var b Book = book
	if m.book != nil {
		b = m.book(book)
	}
	g := New(engine, b, clock, testKeys)
	if m.noise != nil {
		g.noise = m.noise
	}
	if m.locks != nil {
		g.locks = m.locks
	}
	if m.streams != nil {
		g.streams = m.streams
	}
	return rigged{g, book, clock}
}

// forget makes room for the next of many releases: the budget and the memory are
// the test's (PRIVACY rule 14).
func (g rigged) forget() {
	g.ledger = newLedger()
	clear(g.tables)
	clear(g.drawn)
	clear(g.digests)
	g.book.charges, g.book.times, g.book.acts, g.book.tables, g.clock.slept = nil, nil, nil, nil, nil
}

// checks are the kit's, by name.
var checks = map[string]func(*testing.T, rig) error{
	"S2-mu":                checkMu,
	"S7-cells-hold-k":      checkLocks,
	"A19-sums-move-by-one": checkSumsMove,
	"A11-own-noise":        checkOwnNoise,
	"A11-secret-noise":     checkSecretNoise,
	"A5-noise-per-measure": checkMeasures,
	"A6-one-answer":        checkOneAnswer,
	"A16-charged-first":    checkChargedFirst,
	"S9-filter":            checkFilter,
}

// TestKit: the gate as built passes every check.
func TestKit(t *testing.T) {
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := check(t, rig{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// bugs are the ten of PRIVACY §6 S8, and the check that catches each.
var bugs = []struct {
	name, check string
	with        rig
}{
	{"half the noise", "S2-mu", rig{noise: func(v int64, src source) (int64, error) { return keyedNoise(v/4, src) }}},
	{"a person counts twice", "S2-mu", rig{engine: func(e matcher.Engine) matcher.Engine { return twice{e} }}},
	{"the exact lock is off by one", "S7-cells-hold-k", rig{locks: func(exact, noisy, k, tau int64) bool { return exact >= k-1 && noisy >= tau }}},
	{"sums in floating point", "A19-sums-move-by-one", rig{engine: func(e matcher.Engine) matcher.Engine { return inFloat{e} }}},
	{"the population is not in the seed", "A11-own-noise", rig{streams: func(p *Planned, v PolicyV) streamFunc {
		s := p.Spec
		s.Population = matcher.PopulationID{}
		return noiseStreams(&testKeys.Noise, s.ID(), v)
	}}},
	{"the seed has no key", "A11-secret-noise", rig{streams: func(p *Planned, v PolicyV) streamFunc { return noiseStreams(new([32]byte), p.ID, v) }}},
	{"measures share their noise", "A5-noise-per-measure", rig{streams: func(p *Planned, v PolicyV) streamFunc {
		one := noiseStreams(&testKeys.Noise, p.ID, v)
		return func(string) func(int) source { return one("all") }
	}}},
	{"the cache goes by the text", "A6-one-answer", rig{compile: func(t *testing.T, q *entrustment.Question) *Plan {
		plan := compile(t, q)
		raw, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		plan.Tables[0].ID = sha256.Sum256(raw)
		return plan
	}}},
	{"charged after the release", "A16-charged-first", rig{book: func(b *memoryBook) Book { return &lateBook{memoryBook: b} }}},
	{"the budget begins anew each month", "S9-filter", rig{allow: calendarReset}},
}

// TestSeededBugs is S8: each bug is caught by its check.
func TestSeededBugs(t *testing.T) {
	if len(bugs) != 10 {
		t.Errorf("%d bugs, want 10", len(bugs))
	}
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			err := checks[b.check](t, b.with)
			if err == nil {
				t.Errorf("not caught by %s", b.check)
			}
			t.Logf("%s: %v", b.check, err)
		})
	}
}

// twice counts everybody double.
type twice struct{ matcher.Engine }

func (e twice) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	exact, err := e.Engine.Cells(ctx, q)
	exact.Users = slices.Clone(exact.Users)
	for i := range exact.Users {
		exact.Users[i] *= 2
	}
	return exact, err
}

// inFloat adds each person's share up in a float32, as they come.
type inFloat struct{ matcher.Engine }

func (e inFloat) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	exact, err := e.Engine.Cells(ctx, q)
	for _, s := range exact.Sums {
		for i := range s {
			var sum float32
			for rest := s[i]; rest > 0; rest -= spendersCap {
				sum += float32(min(rest, spendersCap))
			}
			s[i] = int64(sum)
		}
	}
	return exact, err
}

// lateBook writes a charge once the table is stored.
type lateBook struct {
	*memoryBook
	owed []Charge
}

func (b *lateBook) Charge(_ context.Context, c []Charge) (time.Time, error) {
	b.owed = append(b.owed, c...)
	return b.now(), nil
}

func (b *lateBook) Store(ctx context.Context, t *Table) (time.Time, error) {
	at, err := b.memoryBook.Store(ctx, t)
	if err == nil && len(b.owed) > 0 {
		_, err = b.memoryBook.Charge(ctx, b.owed)
		b.owed = nil
	}
	return at, err
}

// checkMu is S2: the μ that releases show is within the claim, and above half
// of it.
func checkMu(t *testing.T, m rig) error {
	claimed := math.Sqrt(2 * float64(gaussianRho(10)) / nano)
	n := sized(40_000, 200_000)
	lo, hi := muAudit(t, m, 200, n)
	t.Logf("claimed μ %.4f, measured [%.4f, %.4f], 2 × %d releases under fixed keys", claimed, lo, hi, n)
	switch {
	case lo > claimed:
		return fmt.Errorf("μ is at least %.4f, %.4f is claimed", lo, claimed)
	case hi < 0.5*claimed:
		return fmt.Errorf("μ is at most %.4f of %.4f claimed: far more noise than the price says", hi, claimed)
	}
	return nil
}

// checkLocks is S7 and A24: no cell of fewer than k is released, and at k one is
// iff its noisy number reaches τ.
func checkLocks(t *testing.T, m rig) error {
	g := m.gate(sumsEngine{})
	rng := rand.New(rand.NewPCG(3, 3))
	s := Spec{Sigma: 5}
	tau := g.policy.tau(&s)
	for i := range sized(20_000, 1_000_000) {
		exact := []int64{int64(rng.IntN(60)), 48, 49, 50, 51}
		// Noise as high as it gets: nothing but the exact lock is in the way.
		z := tau - 50 + int64(rng.IntN(3)) - 1
		if m.noise == nil {
			g.noise = func(int64, source) (int64, error) { return z, nil }
		}
		table, err := g.lockCells(matcher.Exact{Users: exact}, &s, &g.policy, noiseStreams(&testKeys.Noise, SpecID{byte(i)}, PolicyV{}))
		if err != nil {
			t.Fatal(err)
		}
		for j, c := range table.Cells {
			if want := exact[j] >= 50 && exact[j]+z >= tau; c.Released != want {
				return fmt.Errorf("a cell of %d people with noise %d at τ %d: released %v", exact[j], z, tau, c.Released)
			}
		}
	}
	return nil
}

// spendersCap is what a table counts of one of the spenders, in granules.
const spendersCap = 65_535

// spenders is an engine over n people who spend as much as a table counts of one
// person, but the last, who spends more by the hundred.
func spenders(t *testing.T, n int, leaves bool) *matcher.Embedded {
	t.Helper()
	b := matcher.NewBaseBuilder(nil)
	var rows []matcher.EventRow
	for i := range n {
		var p matcher.Person
		p.User[0], p.User[1], p.User[2] = 1, byte(i), byte(i>>8)
		who := p.User
		if err := b.Add(&p); err != nil {
			t.Fatal(err)
		}
		if i == n-1 && leaves {
			continue
		}
		rows = append(rows, matcher.EventRow{User: &who, Day: 100, Value: 6_553_500})
	}
	if !leaves {
		rows[n-1].Value = 12_345_600 + 77
	}
	base, err := b.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := matcher.NewEvents(base, []matcher.EventType{{Kind: "conversion", Category: "shop"}}, "yen", slices.Values(rows))
	if err != nil {
		t.Fatal(err)
	}
	e := matcher.NewEmbedded()
	e.PutBase(matcher.PopulationID{1}, base)
	e.PutEvents(matcher.PopulationID{1}, matcher.EventsID{7}, log)
	return e
}

// checkSumsMove is A15, A19 and A25: where one person leaves, a sum moves by
// exactly what the cap lets that person count for, however large the sum.
func checkSumsMove(t *testing.T, m rig) error {
	const people, limit = 600, spendersCap
	day := entrustment.Date{Year: 1970, Month: 4, Day: 11}
	spec := Spec{Population: matcher.PopulationID{1}, Sigma: 10, Measures: []Measure{{Name: "spend", Kinds: []string{"conversion"}, Unit: "yen", Cap: limit, Granule: 100}},
		Events: &EventSpec{Logs: []matcher.EventsID{{7}}, From: day, To: day, Categories: []string{"shop"}}}
	var sums [2]int64
	for i, leaves := range []bool{false, true} {
		g := m.gate(spenders(t, people, leaves))
		g.noise = func(int64, source) (int64, error) { return 0, nil }
		pl := &Plan{Recipient: "acme"}
		pl.add(TableMain, spec, Owner{"op", "op"})
		sums[i] = release(t, g.Gate, pl).Sums[0].Cells[0]
	}
	if sums[0] != people*limit || sums[0]-sums[1] != limit {
		return fmt.Errorf("the sum is %d, without one person %d: want %d, and %d less", sums[0], sums[1], int64(people*limit), int64(limit))
	}
	return nil
}

// checkOwnNoise is A11: the same question about a population and about the one
// without somebody is answered with noise of each its own.
func checkOwnNoise(t *testing.T, m rig) error {
	const lists = 400
	same := 0
	for i := range uint64(lists) {
		var n [2]int64
		for pop := range n {
			g := m.gate(sumsEngine{users: []int64{1000 + int64(pop)}})
			pl := planOf(1, i, "acme", "op")
			pl.Tables[0].Spec.Population = matcher.PopulationID{byte(pop + 1)}
			pl.Tables[0].ID = pl.Tables[0].Spec.ID()
			n[pop] = release(t, g.Gate, pl).Cells[0].Users
		}
		if n[1]-n[0] == 1 {
			same++
		}
	}
	// Two draws at σ 10 differ by nothing once in 35; 40 of 400 once in 10^10.
	if same > 40 {
		return fmt.Errorf("in %d of %d questions the difference of two populations is exactly that of their people", same, lists)
	}
	return nil
}

// checkSecretNoise is A11 without the key: who knows the question and the code
// draws the same noise only by chance.
func checkSecretNoise(t *testing.T, m rig) error {
	const lists = 400
	right := 0
	for i := range uint64(lists) {
		g := m.gate(sumsEngine{users: []int64{1000}})
		pl := planOf(1, i, "acme", "op")
		table := release(t, g.Gate, pl)
		z, err := keyedNoise(100, noiseStreams(new([32]byte), table.Spec, table.Policy)("users")(0))
		if err != nil {
			t.Fatal(err)
		}
		if table.Cells[0].Users-z == 1000 {
			right++
		}
	}
	if right > 45 { // expected 16
		return fmt.Errorf("%d of %d counts were recovered without the key", right, lists)
	}
	return nil
}

// checkMeasures: the noise of one measure says nothing of another's.
func checkMeasures(t *testing.T, m rig) error {
	const cells = 2000
	exact := sumsEngine{users: make([]int64, cells), sums: [][]int64{make([]int64, cells)}}
	for i := range cells {
		exact.users[i], exact.sums[0][i] = 1_000_000, 10_000_000
	}
	g := m.gate(exact)
	s := Spec{Sigma: 10, Measures: []Measure{{Name: "events", Cap: 30, Granule: 1}}}
	pl := &Planned{Spec: s, ID: SpecID{9}}
	table, err := g.lockCells(matcher.Exact{Users: exact.users, Sums: exact.sums}, &s, &g.policy, g.streams(pl, PolicyV{}))
	if err != nil {
		t.Fatal(err)
	}
	c := 0.0
	for i := range cells {
		c += float64(table.Cells[i].Users-1_000_000) / 10 * float64(table.Sums[0].Cells[i]-10_000_000) / 300 / cells
	}
	if math.Abs(c) > 4/math.Sqrt(cells) {
		return fmt.Errorf("users and events share noise: correlation %.3f", c)
	}
	return nil
}

// checkOneAnswer is A6: one question in many words is one answer and one charge.
func checkOneAnswer(t *testing.T, m rig) error {
	g := m.gate(sumsEngine{users: []int64{900, 800, 700, 600, 500}})
	make := m.compile
	if make == nil {
		make = func(t *testing.T, q *entrustment.Question) *Plan { return compile(t, q) }
	}
	f, man := in("gender", "f"), in("gender", "m", "unknown")
	seen := map[string]bool{}
	for _, where := range []entrustment.Condition{f, not(man), not(not(f)), all(f), anyOf(f, f), all(f, anyOf(f, in("age", "<20"))), anyOf(f, all(f, in("age", "<20"))), in("gender", "f", "f")} {
		table := release(t, g.Gate, make(t, profileOf(&where, "age")))
		seen[fmt.Sprint(table.Cells)] = true
	}
	// The absorption laws are not recognised (rule 5): charged again, not under.
	if len(seen) > 3 || len(g.book.charges) > 3 {
		return fmt.Errorf("one question in eight wordings: %d answers, %d charges", len(seen), len(g.book.charges))
	}
	return nil
}

// checkChargedFirst is A16: when anything is counted or stored, its charge is
// written.
func checkChargedFirst(t *testing.T, m rig) error {
	var g rigged
	counted := false
	engine := &fakeEngine{}
	engine.cells = func(matcher.Query) []int64 {
		counted = len(g.book.charges) == 0
		return []int64{500}
	}
	g = m.gate(engine)
	release(t, g.Gate, planOf(1, 1, "acme", "op"))
	if counted {
		return errors.New("people were counted before the charge was written")
	}
	return nil
}

// checkFilter is S9 over sequences of adaptive askers.
func checkFilter(_ *testing.T, m rig) error {
	allow := m.allow
	if allow == nil {
		allow = asBuilt
	}
	p := DefaultPolicy()
	for seed := range sized(200, 20_000) {
		if fault, _ := spree(stepsGen.Example(seed), &p, allow); fault != "" {
			return fmt.Errorf("sequence %d: %s", seed, fault)
		}
	}
	return nil
}
