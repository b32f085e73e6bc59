package matcher_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"awase/crypto/token"
	"awase/matcher"
	"awase/matcher/matchbench"
)

// benchUsers is 1 M users, or 10 M with AWASE_BENCH_FULL=1.
func benchUsers() int {
	if os.Getenv("AWASE_BENCH_FULL") == "1" {
		return 10_000_000
	}
	return 1_000_000
}

// The 1,692 cells of PERFORMANCE.md.
var (
	ages, genders, prefectures = domain(12), domain(3), domain(47)
	benchColumns               = []matcher.Column{{Name: "age", Domain: ages}, {Name: "gender", Domain: genders}, {Name: "prefecture", Domain: prefectures}}
	benchDims                  = []matcher.Dim{{Name: "age", Size: 12}, {Name: "gender", Size: 3}, {Name: "prefecture", Size: 47}}
)

func domain(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

// benchToken is the token of identifier i: uniform, as a PRF's, and distinct.
func benchToken(kind matcher.Kind, i int) (t token.Token) {
	x := uint64(i)<<3 | uint64(kind)
	mix := func(z uint64) uint64 { // SplitMix64, a bijection
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	binary.BigEndian.PutUint64(t[:], mix(x+0x9e3779b97f4a7c15))
	binary.BigEndian.PutUint32(t[8:], uint32(mix(x+0x3c6ef372fe94f82a)))
	return t
}

func benchCodes(i int) [3]uint8 {
	t := benchToken(matcher.Kinds+1, i)
	r := binary.BigEndian.Uint64(t[:])
	return [3]uint8{uint8(r % 12), uint8(r >> 16 % 3), uint8(r >> 32 % 47)}
}

// world is a base and a list whose overlap is known by construction: of the R
// rows of the list, kind k finds the users of the rows k·R/8 … k·R/8 + R/2, so
// with three kinds 3R/4 users are matched, some of them three times. One user
// in ten has accepted another policy version and is not eligible.
type world struct{ users, rows, kinds int }

func (w world) String() string {
	return fmt.Sprintf("users=%d/list=%d/kinds=%d", w.users, w.rows, w.kinds)
}

// user is the user of row r: distinct for distinct rows, and anywhere in the base.
func (w world) user(r int) int { return matchbench.Shuffled(r, w.users, 1) }

func (w world) hit(r, kind int) bool { r -= kind * w.rows / 8; return r >= 0 && r < w.rows/2 }

func (w world) eligible(user int) bool { return user%10 != 9 }

func (w world) listToken(r, kind int) matcher.KindToken {
	i := w.users + r // nobody's
	if w.hit(r, kind) {
		i = w.user(r)
	}
	return matcher.KindToken{Kind: matcher.Kind(kind), Token: benchToken(matcher.Kind(kind), i)}
}

func cellOf(user int) int {
	codes := benchCodes(user)
	return (int(codes[0])*3+int(codes[1]))*47 + int(codes[2])
}

// want gives the counts that the overlap makes.
func (w world) want() []int64 {
	cells := make([]int64, 12*3*47)
	for r := range w.rows {
		for k := range w.kinds {
			if w.hit(r, k) {
				if u := w.user(r); w.eligible(u) {
					cells[cellOf(u)]++
				}
				break
			}
		}
	}
	return cells
}

// everyCore calls one of the functions that part gives, one a core, with every
// number below n.
func everyCore(tb testing.TB, n int, part func() (func(i int) error, error)) {
	tb.Helper()
	cores := runtime.GOMAXPROCS(0)
	var g errgroup.Group
	for c := range cores {
		add, err := part()
		if err != nil {
			tb.Fatal(err)
		}
		g.Go(func() error {
			for i := n * c / cores; i < n*(c+1)/cores; i++ {
				if err := add(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		tb.Fatal(err)
	}
}

func (w world) base(tb testing.TB, prev *matcher.Base) *matcher.Base {
	tb.Helper()
	b := matcher.NewBaseBuilder(benchColumns)
	everyCore(tb, w.users, func() (func(i int) error, error) {
		part, err := b.Part()
		tokens := make([]matcher.KindToken, w.kinds)
		return func(i int) error {
			codes := benchCodes(i)
			for k := range tokens {
				tokens[k] = matcher.KindToken{Kind: matcher.Kind(k), Token: benchToken(matcher.Kind(k), i)}
			}
			version := "v1"
			if !w.eligible(i) {
				version = "v0"
			}
			return part.Add(&matcher.Person{User: benchToken(matcher.Kinds, i), Tokens: tokens, Codes: codes[:], PolicyVersion: version})
		}, err
	})
	base, err := b.Build(context.Background(), prev)
	if err != nil {
		tb.Fatal(err)
	}
	return base
}

func (w world) list(tb testing.TB) *matcher.List {
	tb.Helper()
	b := matcher.NewListBuilder(nil, testKey)
	everyCore(tb, w.rows, func() (func(r int) error, error) {
		part, err := b.Part()
		tokens := make([]matcher.KindToken, w.kinds)
		return func(r int) error {
			for k := range tokens {
				tokens[k] = w.listToken(r, k)
			}
			return part.Add(&matcher.ListRow{Tokens: tokens})
		}, err
	})
	list, err := b.Build(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// worlds are those of PERFORMANCE.md: the smallest with AWASE_BENCH_FULL=1, all
// with AWASE_BENCH_HUGE=1 besides, a smaller one without. 100 M users with three
// kinds take minutes and 12 GB.
func worlds(kinds int) []world {
	ws := []world{{benchUsers(), benchUsers() / 10, kinds}}
	if os.Getenv("AWASE_BENCH_HUGE") == "1" {
		ws = append(ws, world{50_000_000, 5_000_000, kinds}, world{100_000_000, 10_000_000, kinds})
	}
	return ws
}

// BenchmarkMatchCount builds a base, then counts a list of a tenth of it, and
// one of a thousandth, over 1,692 cells. x-stream is how many times as long a
// count takes as reading the bytes it reads once on all cores, x-target the same
// of the bytes that the targets of docs/performance.md were set by (16 a token of
// either side, 2 a user), x-map how many times as fast it is as looking the list
// up in a ready Go map (one kind, 10 M users at most), B/list-token the memory that the first count allocates in
// all; later ones use it again.
//
// Memory is warm: what the build used is used again.
func BenchmarkMatchCount(b *testing.B) {
	for kinds := 1; kinds <= 3; kinds += 2 {
		for _, w := range worlds(kinds) {
			b.Run(fmt.Sprintf("users=%d/kinds=%d", w.users, kinds), func(b *testing.B) {
				e, pop := matcher.NewEmbedded(), matcher.PopulationID{1}
				base := w.base(b, nil)
				e.PutBase(pop, base)
				for _, rows := range []int{w.rows, w.rows / 100} {
					w.rows = rows
					b.Run(fmt.Sprintf("list=%d", rows), func(b *testing.B) { benchCells(b, e, pop, base, w) })
				}
			})
		}
	}
}

func benchCells(b *testing.B, e *matcher.Embedded, pop matcher.PopulationID, base *matcher.Base, w world) {
	list, want := w.list(b), w.want()
	q := matcher.Query{Population: pop, List: e.PutList(list), Dims: benchDims,
		Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v1"}}}
	defer e.DropList(q.List)
	// What ours reads; and what the target of PERFORMANCE.md was set by: tokens of
	// 16 bytes, cells of two.
	var reads, target [][]byte
	for name, buf := range base.Columns() {
		switch {
		case strings.HasPrefix(name, "index."):
			reads, target = append(reads, buf), append(target, buf)
		case name == "present": // as long as what is kept of who is eligible
			reads = append(reads, buf)
		case strings.HasPrefix(name, "code"):
			if reads = append(reads, buf); len(reads) <= 3 { // eligible, two codes
				target = append(target, buf)
			}
		}
	}
	for name, buf := range list.Columns() {
		if strings.HasPrefix(name, "index.") {
			reads, target = append(reads, buf), append(target, buf)
		}
	}
	bytes := 0
	for _, buf := range reads {
		bytes += len(buf)
	}
	ask := func() matcher.Exact {
		got, err := e.Cells(context.Background(), q)
		if err != nil {
			b.Fatal(err)
		}
		return got
	}
	runtime.GC() // twice: the engine keeps memory of the last query over one
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := ask()
	runtime.ReadMemStats(&after)
	if !slices.Equal(got.Users, want) {
		b.Fatal("the counts are not those of the known overlap")
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		ask()
	}
	// By turns, for the machine's memory is not always as fast: the middle one of
	// the ratios of neighbours.
	var engines, streams []time.Duration
	var ofReads, ofTarget []float64
	for range 11 {
		engine, stream, targets := best(1, func() { ask() }), best(1, func() { streamAll(reads) }), best(1, func() { streamAll(target) })
		engines, streams = append(engines, engine), append(streams, stream)
		ofReads, ofTarget = append(ofReads, float64(engine)/float64(stream)), append(ofTarget, float64(engine)/float64(targets))
	}
	slices.Sort(ofReads)
	slices.Sort(ofTarget)
	engine, stream := slices.Min(engines), slices.Min(streams)
	b.ReportMetric(engine.Seconds()*1e3, "best-ms")
	b.ReportMetric(ofReads[len(ofReads)/2], "x-stream")
	b.ReportMetric(ofTarget[len(ofTarget)/2], "x-target")
	b.ReportMetric(float64(bytes)/stream.Seconds()/1e9, "stream-GB/s")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(list.Tokens()), "B/list-token")
	if w.kinds == 1 && w.users <= 10_000_000 {
		b.ReportMetric(float64(w.byMap())/float64(engine), "x-map")
	}
}

// byMap is how long a Go map from token to cell takes for the same list.
func (w world) byMap() time.Duration {
	cells := make(map[token.Token]uint16, w.users)
	for i := range w.users {
		cells[benchToken(matcher.Email, i)] = uint16(cellOf(i))
	}
	tokens := make([]token.Token, w.rows)
	for r := range tokens {
		tokens[r] = w.listToken(r, 0).Token
	}
	got := make([]int64, 12*3*47)
	return best(5, func() {
		for i := range tokens {
			if cell, ok := cells[tokens[i]]; ok {
				got[cell]++
			}
		}
	})
}

// best is the shortest of some runs.
func best(runs int, f func()) time.Duration {
	least := time.Duration(1 << 62)
	for range runs {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	return least
}

var streamed uint64 // keeps the sum alive

// streamAll reads every byte once, 8 at a time, on all cores.
func streamAll(buffers [][]byte) {
	workers := runtime.GOMAXPROCS(0)
	sums := make([]uint64, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var a, b, c, d uint64
			for _, buf := range buffers {
				buf = buf[len(buf)*w/workers : len(buf)*(w+1)/workers]
				for ; len(buf) >= 32; buf = buf[32:] {
					a += binary.LittleEndian.Uint64(buf)
					b += binary.LittleEndian.Uint64(buf[8:])
					c += binary.LittleEndian.Uint64(buf[16:])
					d += binary.LittleEndian.Uint64(buf[24:])
				}
			}
			sums[w] = a + b + c + d
		})
	}
	wg.Wait()
	for _, s := range sums {
		streamed += s
	}
}

// watch samples the memory that the process holds from the system while f runs
// and gives its highest point over what it was before, in bytes.
func watch(f func()) int64 {
	debug.FreeOSMemory()
	held := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
	}
	before, peak := held(), int64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			peak = max(peak, held()-before)
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-done
	return peak
}

// BenchmarkBaseBuild adds the rows and builds. B/token is the peak of the
// memory held over the identifiers of the users; it is taken in a run of its
// own, which begins cold.
func BenchmarkBaseBuild(b *testing.B) {
	for kinds := 1; kinds <= 3; kinds += 2 {
		for _, w := range worlds(kinds) {
			b.Run(fmt.Sprintf("users=%d/kinds=%d", w.users, kinds), func(b *testing.B) {
				peak := watch(func() { w.base(b, nil) })
				runtime.GC()
				for b.Loop() {
					w.base(b, nil)
				}
				tokens := float64(w.users * w.kinds)
				b.ReportMetric(float64(peak)/tokens, "B/token")
				b.ReportMetric(tokens*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}

// BenchmarkRefresh builds the next version of a base beside the one before it,
// which questions still read: most memory held, in bytes and over the identifiers,
// both bases included.
func BenchmarkRefresh(b *testing.B) {
	for kinds := 1; kinds <= 3; kinds += 2 {
		for _, w := range worlds(kinds) {
			b.Run(fmt.Sprintf("users=%d/kinds=%d", w.users, kinds), func(b *testing.B) {
				base := w.base(b, nil)
				debug.FreeOSMemory()
				before, more := held(), int64(0)
				for b.Loop() {
					more = max(more, watch(func() { base = w.base(b, base) }))
				}
				b.ReportMetric(float64(before+more)/1e9, "GB")
				b.ReportMetric(float64(before+more)/float64(w.users*w.kinds), "B/token")
			})
		}
	}
}

// BenchmarkRawList goes from unsorted tokens to the counts: the rows are added,
// the list is built and counted.
func BenchmarkRawList(b *testing.B) {
	for kinds := 1; kinds <= 3; kinds += 2 {
		for _, w := range worlds(kinds) {
			b.Run(fmt.Sprintf("users=%d/kinds=%d/list=%d", w.users, kinds, w.rows), func(b *testing.B) {
				e, pop := matcher.NewEmbedded(), matcher.PopulationID{1}
				e.PutBase(pop, w.base(b, nil))
				runtime.GC()
				w.list(b) // warm
				peak := watch(func() { w.list(b) })
				for b.Loop() {
					q := matcher.Query{Population: pop, List: e.PutList(w.list(b)), Dims: benchDims}
					if _, err := e.Cells(context.Background(), q); err != nil {
						b.Fatal(err)
					}
					e.DropList(q.List)
				}
				tokens := float64(w.rows * w.kinds)
				b.ReportMetric(float64(peak)/tokens, "B/token")
				b.ReportMetric(tokens*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}

// BenchmarkListBuild adds the rows of a list, tokens made before, and builds it.
func BenchmarkListBuild(b *testing.B) {
	for kinds := 1; kinds <= 3; kinds += 2 {
		w := world{10 * benchUsers(), benchUsers(), kinds}
		b.Run(fmt.Sprintf("list=%d/kinds=%d", w.rows, kinds), func(b *testing.B) {
			tokens := make([]matcher.KindToken, 0, w.rows*kinds)
			for r := range w.rows {
				for k := range kinds {
					tokens = append(tokens, w.listToken(r, k))
				}
			}
			build := func() {
				l := matcher.NewListBuilder(nil, testKey)
				everyCore(b, w.rows, func() (func(i int) error, error) {
					part, err := l.Part()
					return func(i int) error { return part.Add(&matcher.ListRow{Tokens: tokens[i*kinds : (i+1)*kinds]}) }, err
				})
				if _, err := l.Build(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			peak := watch(build)
			for b.Loop() {
				build()
			}
			b.ReportMetric(float64(peak)/float64(len(tokens)), "B/token")
			b.ReportMetric(float64(len(tokens)*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	base := world{benchUsers(), 1, 1}.base(b, nil)
	for b.Loop() {
		base.Digest(testKey)
	}
}

// BenchmarkOpenBase checks the columns of a base, without decrypting them.
func BenchmarkOpenBase(b *testing.B) {
	for kinds := 1; kinds <= 3; kinds += 2 {
		w := worlds(kinds)[0]
		b.Run(fmt.Sprintf("users=%d/kinds=%d", w.users, kinds), func(b *testing.B) {
			m := columns(w.base(b, nil).Columns())
			size := 0
			for _, buf := range m {
				size += len(buf)
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := matcher.OpenBase(readColumns(m)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
