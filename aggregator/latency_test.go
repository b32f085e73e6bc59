package aggregator

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// TestTickHidesTheWork is A14: work that depends on the data ends at different
// moments; what the tick lets appear does not, whenever in a tick it is asked
// for. Without the tick the work shows; with the first multiple after the work
// alone it shows to whoever asks just before one. Nor does the record log show it,
// which grows when the table is stored.
func TestTickHidesTheWork(t *testing.T) {
	const tick = 5 * time.Second
	type rule func(g *Gate, pl *Plan) (time.Time, error)
	asBuilt := func(g *Gate, pl *Plan) (time.Time, error) {
		_, err := g.Release(t.Context(), pl)
		return g.clock.Now(), err
	}
	noTick := func(g *Gate, pl *Plan) (time.Time, error) {
		tables, err := g.draw(t.Context(), g.Pay(t.Context(), pl))
		if err != nil {
			return time.Time{}, err
		}
		return tables[0].counted, nil
	}
	// The record log, which everybody in the room sees grow.
	logged := func(g *Gate, pl *Plan) (time.Time, error) {
		tables, err := g.Release(t.Context(), pl)
		if err != nil {
			return time.Time{}, err
		}
		return tables[0].At, nil
	}
	afterWork := func(g *Gate, pl *Plan) (time.Time, error) {
		at, err := noTick(g, pl)
		return at.Truncate(tick).Add(tick), err
	}
	moment := func(work, phase time.Duration, ask rule) time.Time {
		r := newRoom(500)
		r.clock.t = r.clock.t.Truncate(tick).Add(phase)
		r.engine.cells = func(matcher.Query) []int64 {
			r.clock.forward(work)
			return []int64{500}
		}
		at, err := ask(r.gate, planOf(1, 1, "acme", "op"))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	const short, long = 30 * time.Millisecond, 90 * time.Millisecond
	for name, c := range map[string]struct {
		ask   rule
		shows int
	}{"as built": {asBuilt, 0}, "the log": {logged, 0}, "no tick": {noTick, 100}, "first multiple after the work": {afterWork, 1}} {
		shows := 0
		for phase := time.Duration(0); phase < tick; phase += tick / 100 {
			if !moment(short, phase, c.ask).Equal(moment(long, phase, c.ask)) {
				shows++
			}
		}
		if shows != c.shows {
			t.Errorf("%s: the work shows at %d of 100 phases of the tick, want %d", name, shows, c.shows)
		}
	}
}

// TestTurnsDontShow: who waits for another's counting does not see how long it
// took; were the charge written in turn, it would tell.
func TestTurnsDontShow(t *testing.T) {
	r := newRoom(500)
	counting, goOn, queued := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	first := true
	r.engine.cells = func(matcher.Query) []int64 {
		if first {
			first = false
			close(counting)
			<-goOn
		}
		return []int64{500}
	}
	ask := func(recipient string, list uint64) {
		_, err := r.gate.Release(t.Context(), planOf(1, list, recipient, "acme", "op"))
		queued <- err
	}
	go ask("one", 1)
	<-counting
	go ask("two", 2)
	deadline := time.Now().Add(time.Minute)
	for charged := 0; charged < 2; { // the second is charged while the first counts
		if time.Now().After(deadline) {
			t.Fatal("the second waits with its charge until the first has counted")
		}
		r.book.mu.Lock()
		charged = len(r.book.charges)
		r.book.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	for range 2 {
		if err := <-queued; err != nil {
			t.Fatal(err)
		}
	}
}

// TestStoredTablesDontWait: a stored table is shown while another question is
// counted. Were it to wait for its turn, it would be shown, without a tick, when
// that counting ends.
func TestStoredTablesDontWait(t *testing.T) {
	r := newRoom(500)
	ask := func(list uint64) error {
		_, err := r.gate.Release(t.Context(), planOf(1, list, "spy", "acme", "op"))
		return err
	}
	if err := ask(1); err != nil {
		t.Fatal(err)
	}
	counting, goOn := make(chan struct{}), make(chan struct{})
	r.engine.cells = func(matcher.Query) []int64 {
		close(counting)
		<-goOn
		return []int64{500}
	}
	victim := make(chan error, 1)
	go func() {
		_, err := r.gate.Release(t.Context(), planOf(1, 2, "victim", "acme", "op"))
		victim <- err
	}()
	<-counting
	spy := make(chan error, 1)
	go func() { spy <- ask(1) }()
	select {
	case err := <-spy:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("a stored table waits until another question is counted")
	}
	close(goOn)
	if err := <-victim; err != nil {
		t.Error(err)
	}
}

// timed is an engine that takes longer, by a twentieth of a millisecond, where the
// target is in.
type timed struct {
	matcher.Engine
	target bool
}

func (e timed) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	if e.target {
		for start := time.Now(); time.Since(start) < 50*time.Microsecond; {
		}
	}
	return e.Engine.Cells(ctx, q)
}

// realClock runs with the machine's but for its sleeps, which take no time.
type realClock struct{ skipped time.Duration }

var clockStart = time.Now()

func (c *realClock) Now() time.Time {
	return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).Add(time.Since(clockStart) + c.skipped)
}

const tickOfTest = 5 * time.Second

// skipTo goes on to a phase of the next tick.
func (c *realClock) skipTo(phase time.Duration) time.Time {
	now := c.Now()
	at := now.Truncate(tickOfTest).Add(tickOfTest + phase)
	c.skipped += at.Sub(now)
	return at
}

func (c *realClock) SleepUntil(_ context.Context, t time.Time) error {
	c.skipped += max(0, t.Sub(c.Now()))
	return nil
}

// TestLatency is A14 on real latencies of the embedded engine over two
// neighbours: Kolmogorov and Smirnov's test finds no difference, and there is no
// correlation with the noise. Latencies are as a network shows them, to a
// millisecond. Without the tick the same work, where it depends on the data by
// a twentieth of a millisecond, is seen.
func TestLatency(t *testing.T) {
	n := sized(1_000, 10_000)
	latencies := func(in, tick bool) (took, noise []float64) {
		clock := &realClock{}
		r := newRoom()
		r.book.now = clock.Now
		g := New(timed{spenders(t, 600, !in), in}, r.book, clock, testKeys)
		rng := rand.New(rand.NewPCG(14, 14)) // the same phases of the tick for both
		var z int64
		g.noise = func(v int64, src source) (int64, error) {
			var err error
			z, err = keyedNoise(v, src)
			return z, err
		}
		for i := range n {
			pl := planOf(1, uint64(i), "acme", "op")
			spec := &pl.Tables[0].Spec
			spec.Population, spec.List = matcher.PopulationID{1}, matcher.ListID{} // the list stays in the question's id
			g.ledger = newLedger()
			begun := clock.skipTo(time.Duration(rng.Int64N(int64(tickOfTest))))
			var err error
			latency := func() time.Duration { return clock.Now().Sub(begun) }
			if tick {
				_, err = g.Release(t.Context(), pl)
				latency = func() time.Duration { return clock.Now().Sub(begun).Round(time.Millisecond) }
			} else {
				_, err = g.draw(t.Context(), g.Pay(t.Context(), pl))
			}
			if took = append(took, float64(latency())); err != nil {
				t.Fatal(err)
			}
			noise = append(noise, math.Abs(float64(z)))
		}
		return took, noise
	}
	with, noise := latencies(true, true)
	without, _ := latencies(false, true)
	if p := kolmogorovSmirnov(with, without); p <= 0.001 {
		t.Errorf("latencies of two neighbours differ: p = %g", p)
	}
	if c := correlation(with, noise); math.Abs(c) >= 4/math.Sqrt(float64(n)) {
		t.Errorf("latency and noise correlate: %.3f", c)
	}
	with, _ = latencies(true, false)
	without, _ = latencies(false, false)
	if p := kolmogorovSmirnov(with, without); p > 1e-6 {
		t.Errorf("without the tick p = %g: the test shows nothing", p)
	}
}

// kolmogorovSmirnov gives the p-value of the two-sample test, by its asymptotic
// distribution.
func kolmogorovSmirnov(a, b []float64) float64 {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	d := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && cmp.Compare(a[i], x) == 0 {
			i++
		}
		for j < len(b) && cmp.Compare(b[j], x) == 0 {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	n := float64(len(a)) * float64(len(b)) / float64(len(a)+len(b))
	l := (math.Sqrt(n) + 0.12 + 0.11/math.Sqrt(n)) * d
	if l < 0.2 {
		return 1
	}
	p := 0.0
	for k := 1.0; k <= 100; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*l*l)
	}
	return min(1, max(0, p))
}

func correlation(x, y []float64) float64 {
	mean := func(v []float64) (m float64) {
		for _, a := range v {
			m += a / float64(len(v))
		}
		return m
	}
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}

// TestFailedCountsDontShow: whether a count fails, and after how much work, may hang on
// the data; that it failed is said when its answer would have been. Where it is said at
// once, the work shows.
func TestFailedCountsDontShow(t *testing.T) {
	const tick = 5 * time.Second
	moment := func(work, phase time.Duration, code entrustment.Code) time.Time {
		r := newRoom(500)
		r.clock.t = r.clock.t.Truncate(tick).Add(phase)
		r.gate.engine = failing{nil, func() error {
			r.clock.forward(work)
			if code == "" {
				return nil
			}
			return &entrustment.Error{Code: code}
		}}
		if _, err := r.gate.Release(t.Context(), planOf(1, 1, "acme", "op")); (err == nil) != (code == "") {
			t.Fatal(err)
		}
		return r.clock.Now()
	}
	const short, long = 30 * time.Millisecond, 90 * time.Millisecond
	for code, shows := range map[entrustment.Code]int{entrustment.CodeEngine: 0, entrustment.CodeFile: 100} {
		shown := 0
		for phase := time.Duration(0); phase < tick; phase += tick / 100 {
			first := moment(short, phase, code)
			if !first.Equal(moment(long, phase, code)) || !first.Equal(moment(short, phase, "")) {
				shown++
			}
		}
		if shown != shows {
			t.Errorf("%s: the work shows at %d of 100 phases of the tick, want %d", code, shown, shows)
		}
	}
}

// failing is an engine whose counts fail, or find nobody.
type failing struct {
	matcher.Engine
	fails func() error
}

func (f failing) Cells(context.Context, matcher.Query) (matcher.Exact, error) {
	return matcher.Exact{Users: []int64{0}}, f.fails()
}
