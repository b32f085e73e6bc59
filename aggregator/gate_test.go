package aggregator

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// TestBoundary: a cell of k−1 is never released, whatever the noise; at k and
// k+1 the noisy lock decides. The noise is made huge, so only the exact lock
// can hold k−1 back; the mutant without it lets k−1 through.
func TestBoundary(t *testing.T) {
	huge := func(int64, source) (int64, error) { return 1000, nil }
	for n, want := range map[int64]bool{0: false, 48: false, 49: false, 50: true, 51: true} {
		r := newRoom(n)
		r.gate.noise = huge
		if got := release(t, r.gate, planOf(1, 1, "acme")).Cells[0].Released; got != want {
			t.Errorf("n = %d: released %v, want %v", n, got, want)
		}
	}
	r := newRoom(49)
	r.gate.noise = huge
	r.gate.locks = func(_, noisy, _, tau int64) bool { return noisy >= tau }
	if !release(t, r.gate, planOf(1, 1, "acme")).Cells[0].Released {
		t.Error("without the exact lock 49 would have been released: the test proves nothing")
	}
}

// TestRandomTables is S7: 10⁶ random tables through the kernel; no released
// cell holds fewer than k, the other row stands for at least two cells and k
// people, and no withheld cell keeps a number.
func TestRandomTables(t *testing.T) {
	tables := sized(100_000, 1_000_000)
	r := newRoom()
	rng := rand.New(rand.NewPCG(7, 7))
	var released, others int
	for i := range tables {
		n := 1 + rng.IntN(6)
		exact := make([]int64, n)
		for j := range exact {
			switch rng.IntN(3) {
			case 0:
				exact[j] = int64(45 + rng.IntN(12)) // around k
			case 1:
				exact[j] = int64(rng.IntN(200))
			default:
				exact[j] = int64(rng.IntN(5)) // singletons (A24)
			}
		}
		s := Spec{Sigma: 5, WithTotal: i%2 == 0}
		src := rand.NewPCG(uint64(i), 1)
		got, err := r.gate.lockCells(matcher.Exact{Users: exact}, &s, &r.gate.policy, func(string) func(int) source { return func(int) source { return src } })
		if err != nil {
			t.Fatal(err)
		}
		var union int64
		withheld := 0
		for j, c := range got.Cells {
			if c.Released {
				released++
				if exact[j] < got.K {
					t.Fatalf("table %d: a cell of %d was released", i, exact[j])
				}
				continue
			}
			withheld++
			union += exact[j]
			if c != (Cell{}) {
				t.Fatalf("table %d: a withheld cell keeps a number", i)
			}
		}
		if (got.Other != nil) != (withheld >= 2) {
			t.Fatalf("table %d: other row with %d cells withheld", i, withheld)
		}
		if got.Other != nil && got.Other.Released {
			others++
			if union < got.K || got.Other.Terms != withheld {
				t.Fatalf("table %d: other row over %d people, %d cells", i, union, withheld)
			}
		}
		checkSums(t, got, &s)
	}
	if released < tables/20 || others < tables/1000 {
		t.Errorf("only %d cells and %d other rows were released: the test proves little", released, others)
	}
}

// checkSums: the free total is the sum of the released rows.
func checkSums(t *testing.T, table *Table, s *Spec) {
	t.Helper()
	pl := &Plan{Tables: []Planned{{Name: TableMain, Spec: *s}}}
	table2 := *table
	table2.Total = nil
	a := Compose(pl, []*Table{&table2})
	var sum int64
	any := false
	for _, c := range table.Cells {
		if c.Released {
			sum += c.Users
			any = true
		}
	}
	if table.Other != nil && table.Other.Released {
		sum += table.Other.Users
		any = true
	}
	if (a.Total != nil) != any || any && a.Total.Value != sum {
		t.Fatalf("total %v, rows sum to %d", a.Total, sum)
	}
}

// TestSameSpecSameBytes: the same question again gives the same table, charged
// once, for a colluding group too, and after a restart with the table lost.
func TestSameSpecSameBytes(t *testing.T) {
	r := newRoom(500, 80, 20, 300)
	first := release(t, r.gate, planOf(4, 1, "acme"))
	if again := release(t, r.gate, planOf(4, 1, "acme")); again != first {
		t.Error("asked again: another table")
	}
	if n := len(r.book.charges); n != 1 {
		t.Errorf("%d charges for one question", n)
	}
	if other := release(t, r.gate, planOf(4, 1, "agency")); other != first {
		t.Error("another group: other bytes for the same question")
	}
	if n := len(r.book.charges); n != 2 || r.engine.calls != 1 {
		t.Errorf("another group: %d charges, counted %d times; want 2 and 1", n, r.engine.calls)
	}
	r.book.tables = nil // a crash between the charge and the table
	back := r.book.reopen(t, r.engine, r.clock)
	redone := release(t, back, planOf(4, 1, "acme"))
	a, _ := json.Marshal(first)
	b, _ := json.Marshal(redone)
	if string(a) != string(b) {
		t.Error("completed after a crash: other bytes")
	}
	if n := len(r.book.charges); n != 2 {
		t.Errorf("completed after a crash: %d charges, want 2", n)
	}
}

// TestNoiseIsKeyedByQuestion: another list, cell, measure or policy draws other
// noise; without the key nothing can be recomputed.
func TestNoiseIsKeyedByQuestion(t *testing.T) {
	id, policy := SpecID{1}, PolicyV{1}
	key, other := [32]byte{1}, [32]byte{2}
	streams := []source{
		noiseStreams(&key, id, policy)("users")(0), noiseStreams(&other, id, policy)("users")(0), noiseStreams(&key, SpecID{2}, policy)("users")(0),
		noiseStreams(&key, id, PolicyV{2})("users")(0), noiseStreams(&key, id, policy)("users total")(0), noiseStreams(&key, id, policy)("users")(1),
	}
	seen := map[uint64]bool{}
	for _, s := range streams {
		seen[s.Uint64()] = true
	}
	if len(seen) != len(streams) {
		t.Errorf("%d streams, %d different", len(streams), len(seen))
	}
	if again := noiseStreams(&key, id, policy)("users")(0); !seen[again.Uint64()] {
		t.Error("the same question draws other noise")
	}
}

// TestChargeBeforeCount: nothing is counted before the charge is durable, and a
// failed charge releases nothing.
func TestChargeBeforeCount(t *testing.T) {
	r := newRoom(500)
	down := errors.New("disk full")
	r.book.fail = func(string) error { return down }
	if _, err := r.gate.Release(t.Context(), planOf(1, 1, "acme")); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	if r.engine.calls != 0 {
		t.Error("counted before the charge stood")
	}
	// The table's record fails: the charge stands, and is not made twice.
	r.book.fail = func(kind string) error {
		if kind == "table" {
			return down
		}
		return nil
	}
	if _, err := r.gate.Release(t.Context(), planOf(1, 1, "acme")); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	r.book.fail = nil
	release(t, r.gate, planOf(1, 1, "acme"))
	if n := len(r.book.charges); n != 1 {
		t.Errorf("%d charges, want 1", n)
	}
}

// TestThousandGoroutines is A17: however many ask at once, exactly ⌊B/ρ⌋
// questions are answered.
func TestThousandGoroutines(t *testing.T) {
	r := newRoom(500)
	var ok, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			switch _, err := r.gate.Release(t.Context(), planOf(1, uint64(i), "acme", "op")); {
			case err == nil:
				ok.Add(1)
			case codeOf(err) == entrustment.CodeBudget:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if ok.Load() != 50 || refused.Load() != 950 {
		t.Errorf("%d answered, %d refused; want 50 and 950", ok.Load(), refused.Load())
	}
	var spent int64
	for _, c := range r.book.charges {
		spent += c.RhoNano
	}
	if limit := DefaultPolicy().Rho30Nano; spent > limit {
		t.Errorf("spent %d of %d", spent, limit)
	}
}

// TestWindowsSlide: budget comes back 30 days after it was spent, not at a
// calendar boundary, and 365 days hold their own limit. The calendar-reset
// mutant would spend double around a boundary.
func TestWindowsSlide(t *testing.T) {
	r := newRoom(500)
	list := uint64(0)
	spend := func(n int) (done int) {
		for range n {
			list++
			if _, err := r.gate.Release(t.Context(), planOf(1, list, "acme", "op")); err == nil {
				done++
			}
		}
		return done
	}
	if n := spend(60); n != 50 {
		t.Fatalf("day 0: %d answered, want 50", n)
	}
	r.clock.forward(8 * 24 * time.Hour) // 1 December: a calendar reset would refill
	if n := spend(1); n != 0 {
		t.Error("the budget came back at the turn of the month")
	}
	r.clock.forward(22*24*time.Hour + time.Hour)
	if n := spend(60); n != 50 {
		t.Errorf("after 30 days: %d answered, want 50", n)
	}
	for range 6 {
		r.clock.forward(30*24*time.Hour + time.Hour)
		spend(60)
	}
	r.clock.forward(30*24*time.Hour + time.Hour) // 8 × 0.25 = 2.0 are spent within 365 days
	_, err := r.gate.Release(t.Context(), planOf(1, 1_000_000, "acme", "op"))
	if codeOf(err) != entrustment.CodeBudget {
		t.Errorf("over the year's budget: %v", err)
	}
}

// TestAccounts is rule 9: an account for each owner but the recipient's group;
// the owner's global account alarms and stops.
func TestAccounts(t *testing.T) {
	r := newRoom(500)
	release(t, r.gate, planOf(1, 1, "acme"))
	if want := []Account{{"acme", "op"}}; !reflect.DeepEqual(r.book.charges[0].Accounts, want) {
		t.Errorf("charged %v, want %v", r.book.charges[0].Accounts, want)
	}
	release(t, r.gate, planOf(1, 2, "op"))
	if want := []Account{{"op", "acme"}}; !reflect.DeepEqual(r.book.charges[1].Accounts, want) {
		t.Errorf("charged %v, want %v", r.book.charges[1].Accounts, want)
	}
	// Many groups, each within its own budget: ρ 2 alarms once, ρ 8 stops.
	list := uint64(10)
	answered := 0
	for group := range 40 {
		for range 50 {
			list++
			_, err := r.gate.Release(t.Context(), planOf(1, list, string(rune('A'+group)), "op"))
			if err == nil {
				answered++
			} else if !errors.Is(err, errGlobal) {
				t.Fatal(err)
			}
		}
	}
	if len(r.book.alarms) != 1 || r.book.alarms[0].Kind != AlarmGlobal {
		t.Errorf("alarms %v", r.book.alarms)
	}
	if answered != 1599 { // ⌊8/0.005⌋ less the one that acme asked
		t.Errorf("%d answered before the global stop, want 1599", answered)
	}
	if text := errGlobal.Error(); text != "E_INTERNAL: internal error" {
		t.Errorf("the global account shows as %s", text)
	}
}

// TestChangedInputAlarms is A12: data that changes under a name that pins it
// releases nothing, freezes its owners, and stays frozen after a restart.
func TestChangedInputAlarms(t *testing.T) {
	r := newRoom(500)
	release(t, r.gate, planOf(1, 1, "acme"))
	r.engine.cells = func(matcher.Query) []int64 { return []int64{501} }
	p := DefaultPolicy()
	p.K = 40 // another PolicyV: the same question is counted again
	r.gate.SetPolicy(p)
	if _, err := r.gate.Release(t.Context(), planOf(1, 1, "acme")); !errors.Is(err, errDigest) {
		t.Fatalf("changed input: %v", err)
	}
	if len(r.book.tables) != 1 || len(r.book.alarms) != 1 {
		t.Errorf("%d tables, %d alarms; want 1 and 1", len(r.book.tables), len(r.book.alarms))
	}
	for _, g := range []*Gate{r.gate, r.book.reopen(t, r.engine, r.clock)} {
		if _, err := g.Release(t.Context(), planOf(1, 2, "acme")); !errors.Is(err, errFrozen) {
			t.Errorf("frozen data: %v", err)
		}
	}
}

// TestTick: results appear at the first multiple of the tick that is half a
// tick after the charge; a stored table at once, but for whoever has yet to pay.
func TestTick(t *testing.T) {
	start := newRoom().clock.t.Truncate(5 * time.Second)
	for since, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 2400 * time.Millisecond: 5 * time.Second, 2500 * time.Millisecond: 10 * time.Second, 4999 * time.Millisecond: 10 * time.Second,
	} {
		r := newRoom(500)
		ask := func(recipient string, at, moment time.Duration) {
			t.Helper()
			r.clock.t, r.clock.slept = start.Add(at), nil
			release(t, r.gate, planOf(1, 1, recipient, "acme", "op"))
			if got := r.clock.slept[len(r.clock.slept)-1].Sub(start); got != moment {
				t.Errorf("asked by %s at %v, after a first time at %v: appears at %v, want %v", recipient, at, since, got, moment)
			}
		}
		ask("acme", since, want)
		ask("acme", since+time.Millisecond, want) // cut off while it waits, then asked again: no earlier
		ask("acme", 3*time.Hour, want)            // which has long passed
		ask("agency", time.Hour, time.Hour+5*time.Second)
	}
}

// TestSilenceTakesItsTime: an error whose reason is for officers alone appears
// when an answer would.
func TestSilenceTakesItsTime(t *testing.T) {
	r := newRoom(500)
	r.gate.ReplayAlarm(Alarm{AlarmDigest, []string{"op"}})
	if _, err := r.gate.Release(t.Context(), planOf(1, 1, "acme", "op")); !errors.Is(err, errFrozen) || len(r.clock.slept) != 1 {
		t.Errorf("%v after %d waits", err, len(r.clock.slept))
	}
}

// TestRefusalsArePublic is A13 in small: neighbours differ in one person, and
// price, refusals and cell list stay equal.
func TestRefusalsArePublic(t *testing.T) {
	a, b := newRoom(49, 50, 0), newRoom(50, 50, 0)
	for list := range uint64(60) {
		pa, pb := planOf(3, list, "acme"), planOf(3, list, "acme")
		if qa, qb := a.gate.Price(pa), b.gate.Price(pb); !reflect.DeepEqual(qa, qb) {
			t.Fatalf("prices differ: %v, %v", qa, qb)
		}
		ta, ea := a.gate.Release(t.Context(), pa)
		tb, eb := b.gate.Release(t.Context(), pb)
		if codeOf(ea) != codeOf(eb) || (ea == nil) != (eb == nil) {
			t.Fatalf("refusals differ: %v, %v", ea, eb)
		}
		if ea == nil && len(ta[0].Cells) != len(tb[0].Cells) {
			t.Fatal("cell lists differ")
		}
	}
}

// TestTotalHasItsOwnNoise: were the total's stream that of a cell, their
// difference would be exact.
func TestTotalHasItsOwnNoise(t *testing.T) {
	equal := 0
	for list := range uint64(40) {
		r := newRoom(500, 300)
		pl := planOf(2, list, "acme", "op")
		pl.Tables[0].Spec.WithTotal = true
		pl.Tables[0].ID = pl.Tables[0].Spec.ID()
		table := release(t, r.gate, pl)
		for i, n := range []int64{500, 300} {
			if table.Total.Users-800 == table.Cells[i].Users-n {
				equal++
			}
		}
	}
	if equal > 20 { // 80 comparisons of independent noise are equal about twice
		t.Errorf("the total's noise is a cell's in %d of 80 comparisons", equal)
	}
}

// TestDeltaBudget: the δ of the locks is a budget of its own.
func TestDeltaBudget(t *testing.T) {
	r := newRoom(500)
	p := DefaultPolicy()
	p.Delta30E15 = 5 * p.DeltaThrE15 // two questions of 2δ
	r.gate.SetPolicy(p)
	for list := range uint64(3) {
		_, err := r.gate.Release(t.Context(), planOf(1, list, "acme", "op"))
		if want := map[bool]entrustment.Code{true: "", false: entrustment.CodeBudget}[list < 2]; codeOf(err) != want {
			t.Errorf("question %d: %v", list, err)
		}
	}
}

// TestBystandersDontWait is A14 for others: while one question is counted, its
// price, the policy and another reader's price are answered; only the next draw
// waits.
func TestBystandersDontWait(t *testing.T) {
	r := newRoom(500)
	counting, goOn := make(chan struct{}), make(chan struct{})
	r.engine.cells = func(matcher.Query) []int64 {
		close(counting)
		<-goOn
		return []int64{500}
	}
	done := make(chan error, 1)
	go func() {
		_, err := r.gate.draw(t.Context(), r.gate.Pay(t.Context(), planOf(1, 1, "acme")))
		done <- err
	}()
	<-counting
	r.gate.Price(planOf(1, 2, "other")) // would hang here
	r.gate.Policy()
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
