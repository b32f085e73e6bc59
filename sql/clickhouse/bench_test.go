package clickhouse

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/internal/chtest"
	"awase/matcher"
)

// The 1,692 cells of the benchmarks.
var (
	benchColumns = []matcher.Column{{Name: "age", Domain: domain(12)}, {Name: "gender", Domain: domain(3)}, {Name: "prefecture", Domain: domain(47)}}
	benchDims    = []matcher.Dim{{Name: "age", Size: 12}, {Name: "gender", Size: 3}, {Name: "prefecture", Size: 47}}
)

const benchCells = 12 * 3 * 47

func domain(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// benchWorld has so many users and a list of so many rows, of which kind k finds
// the users of rows k·R/8 … k·R/8 + R/2, as matcher's benchmark does. One user in
// ten is not eligible.
type benchWorld struct{ users, rows, kinds int }

func (w benchWorld) user(row int) int { return row * 7919 % w.users } // a prime that divides no number of users here

func (w benchWorld) hit(row, kind int) bool {
	row -= kind * w.rows / 8
	return row >= 0 && row < w.rows/2
}

// benchEligible leaves out as many on either of two shards, which have users by turns.
func benchEligible(i int) bool { return i/2%10 != 9 }

func benchCodes(i int) []uint8 {
	r := mix(uint64(i) + 1<<50)
	return []uint8{uint8(r % 12), uint8(r >> 16 % 3), uint8(r >> 32 % 47)}
}

func (w benchWorld) want() []int64 {
	out := make([]int64, benchCells)
	for r := range w.rows {
		for k := range w.kinds {
			if w.hit(r, k) {
				if u := w.user(r); benchEligible(u) {
					c := benchCodes(u)
					out[(int(c[0])*3+int(c[1]))*47+int(c[2])]++
				}
				break
			}
		}
	}
	return out
}

func (w benchWorld) base(b *testing.B) *matcher.Base {
	build := matcher.NewBaseBuilder(benchColumns)
	var wg sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for c := range cores {
		part, err := build.Part()
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			tokens := make([]matcher.KindToken, w.kinds)
			for i := w.users * c / cores; i < w.users*(c+1)/cores; i++ {
				for k := range tokens {
					tokens[k] = matcher.KindToken{Kind: matcher.Kind(k), Token: tok(byte(k), i)}
				}
				version := "v1"
				if !benchEligible(i) {
					version = "v0"
				}
				if err := part.Add(&matcher.Person{User: tok(100, i), Tokens: tokens, Codes: benchCodes(i), PolicyVersion: version}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	base, err := build.Build(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	return base
}

func (w benchWorld) list(b *testing.B) *matcher.List {
	build := matcher.NewListBuilder(nil, [32]byte{1})
	tokens := make([]matcher.KindToken, w.kinds)
	for r := range w.rows {
		for k := range tokens {
			i := w.users + r // nobody's
			if w.hit(r, k) {
				i = w.user(r)
			}
			tokens[k] = matcher.KindToken{Kind: matcher.Kind(k), Token: tok(byte(k), i)}
		}
		if err := build.Add(&matcher.ListRow{Tokens: tokens}); err != nil {
			b.Fatal(err)
		}
	}
	list, err := build.Build(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// BenchmarkCells counts a list of a tenth of the users (1 M; 10 M with
// AWASE_BENCH_FULL=1) over 1,692 cells, on one shard and on two on this machine.
// x-hand is how many times as long it takes as the fastest query that we could
// write by hand for the same data (bench/peers), where one table has eligible users'
// tokens alone, with their cells beside them: the middle one of the ratios of
// neighbours, by turns. x-flag is the same where that table has everybody, and
// whether each is eligible. x-one is to one shard.
func BenchmarkCells(b *testing.B) {
	if !chtest.There() {
		b.Skip("NOT RUN without ClickHouse's library: make deps installs it")
	}
	users := 1_000_000
	if os.Getenv("AWASE_BENCH_FULL") == "1" {
		users = 10_000_000
	}
	for kinds := 1; kinds <= 3; kinds += 2 {
		w := benchWorld{users, users / 10, kinds}
		base, list, want := w.base(b), w.list(b), w.want()
		ours := map[int]*benchRoom{}
		for shards := 1; shards <= 2; shards++ {
			ours[shards] = w.load(b, shards, base, list)
		}
		for shards := 1; shards <= 2; shards++ {
			b.Run(fmt.Sprintf("kinds=%d/shards=%d", kinds, shards), func(b *testing.B) {
				r := ours[shards]
				for _, ask := range []func(*testing.B) []int64{r.cells, ours[1].hand, ours[1].flag, ours[1].cells} {
					if !slices.Equal(ask(b), want) {
						b.Fatal("the counts are not those of the known overlap")
					}
				}
				for b.Loop() {
					r.cells(b)
				}
				var own, hand, xHand, xFlag, xOne []float64
				for range 11 {
					mine := timed(b, r.cells)
					byHand, flag, one := timed(b, ours[1].hand), timed(b, ours[1].flag), timed(b, ours[1].cells)
					own, hand = append(own, mine), append(hand, byHand)
					xHand, xFlag, xOne = append(xHand, mine/byHand), append(xFlag, mine/flag), append(xOne, mine/one)
				}
				b.ReportMetric(slices.Min(own)*1e3, "best-ms")
				b.ReportMetric(slices.Min(hand)*1e3, "hand-best-ms")
				b.ReportMetric(middle(xHand), "x-hand")
				b.ReportMetric(middle(xFlag), "x-flag")
				b.ReportMetric(middle(xOne), "x-one")
			})
		}
	}
}

// timed is the better of two, after one by which the caches have what is read: what
// was asked before makes no difference.
func timed(b *testing.B, ask func(*testing.B) []int64) float64 {
	ask(b)
	best := math.Inf(1)
	for range 2 {
		start := time.Now()
		ask(b)
		best = min(best, time.Since(start).Seconds())
	}
	return best
}

func middle(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// benchRoom is a world that shards hold.
type benchRoom struct {
	e     *Engine
	q     matcher.Query
	kinds int
}

// servers gives so many shards of this machine, which share its cores, as
// docs/clickhouse.md has it.
func (w benchWorld) servers(b *testing.B, shards int) Options {
	if shards == 1 {
		return options(b, 1)
	}
	return database(b, chtest.Start(b, shards, chtest.Options{Profile: fmt.Sprintf("<max_threads>%d</max_threads>", max(1, runtime.NumCPU()/shards))}))
}

func (w benchWorld) load(b *testing.B, shards int, base *matcher.Base, list *matcher.List) *benchRoom {
	ctx := b.Context()
	e := open(b, w.servers(b, shards))
	build, pop := matcher.BuildID{1}, matcher.PopulationID{1}
	r := &benchRoom{e, matcher.Query{Population: pop, List: list.ID(), Dims: benchDims, Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v1"}}}, w.kinds}
	if err := e.PutBase(ctx, build, benchColumns, func() (*matcher.Base, error) { return base, nil }); err != nil {
		b.Fatal(err)
	}
	if err := e.PutPopulation(ctx, pop, build, func() (*matcher.Standings, error) { return base.Standings(), nil }, nil); err != nil {
		b.Fatal(err)
	}
	if err := e.PutList(ctx, list.ID(), nil, func() (*matcher.List, error) { return list, nil }, time.Now().Add(time.Hour)); err != nil {
		b.Fatal(err)
	}
	r.cells(b) // makes who is eligible
	if shards > 1 {
		return r
	}
	people, err := e.peopleOf(ctx, pop, &r.q.Eligible)
	if err != nil {
		b.Fatal(err)
	}
	var of, on []string
	for k := range w.kinds {
		of = append(of, fmt.Sprintf("SELECT token, id FROM %s", e.at(e.builds[build].tokens[k].name, 0)))
		on = append(on, fmt.Sprintf("SELECT token FROM %s", e.at(e.lists[list.ID()].tokens[k].name, 0)))
	}
	for _, text := range []string{
		"CREATE TABLE by_flag (token FixedString(12) CODEC(NONE), cluster UInt32, cell UInt16, eligible UInt8) ENGINE = MergeTree ORDER BY token",
		"INSERT INTO by_flag SELECT t.token, t.id, (p.c0 * 3 + p.c1) * 47 + p.c2, t.id IN (SELECT id FROM " + e.at(people.name, 0) + ") FROM (" + strings.Join(of, " UNION ALL ") +
			") AS t INNER JOIN " + e.at(e.builds[build].people.name, 0) + " AS p ON t.id = p.id",
		"OPTIMIZE TABLE by_flag FINAL",
		"CREATE TABLE by_hand (token FixedString(12) CODEC(NONE), cluster UInt32, cell UInt16) ENGINE = MergeTree ORDER BY token",
		"INSERT INTO by_hand SELECT token, cluster, cell FROM by_flag WHERE eligible",
		"OPTIMIZE TABLE by_hand FINAL",
		"CREATE TABLE on_list (token FixedString(12) CODEC(NONE)) ENGINE = MergeTree ORDER BY token",
		"INSERT INTO on_list " + strings.Join(on, " UNION ALL "),
		"OPTIMIZE TABLE on_list FINAL",
	} {
		if err := e.shards[0].Exec(ctx, text); err != nil {
			b.Fatal(err)
		}
	}
	return r
}

func (r *benchRoom) cells(b *testing.B) []int64 {
	got, err := r.e.Cells(b.Context(), r.q)
	if err != nil {
		b.Fatal(err)
	}
	return got.Users
}

func (r *benchRoom) hand(b *testing.B) []int64 { return r.ask(b, "by_hand", "") }
func (r *benchRoom) flag(b *testing.B) []int64 { return r.ask(b, "by_flag", "WHERE b.eligible") }

// ask asks by hand, on one shard.
func (r *benchRoom) ask(b *testing.B, table, where string) []int64 {
	count := "count()"
	if r.kinds > 1 { // a user counts once
		count = "uniqExact(b.cluster)"
	}
	ctx := clickhouse.Context(context.WithoutCancel(b.Context()), clickhouse.WithSettings(clickhouse.Settings{"join_algorithm": "full_sorting_merge", "query_plan_join_shard_by_pk_ranges": 1}))
	rows, err := r.e.shards[0].Query(ctx, "SELECT b.cell, "+count+" FROM "+table+" AS b INNER JOIN on_list AS l ON b.token = l.token "+where+" GROUP BY b.cell")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	out := make([]int64, benchCells)
	for rows.Next() {
		var cell uint16
		var n uint64
		if err := rows.Scan(&cell, &n); err != nil {
			b.Fatal(err)
		}
		out[cell] = int64(n)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return out
}
