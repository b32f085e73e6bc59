package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/internal/rss"
	"awase/matcher"
	"awase/matcher/matchbench"
	"awase/sql/clickhouse"
)

// loadedRoom is a base that was loaded, and what is measured with it.
type loadedRoom struct {
	t     *testing.T
	e     *clickhouse.Engine
	conns []driver.Conn
	build matcher.BuildID
	base  *matcher.Base
	s     *matchbench.Source
	pid   int // of the server
}

func openEngine(t *testing.T, at string) *clickhouse.Engine {
	t.Helper()
	o := clickhouse.Options{Database: "awase", Username: "default"}
	for a := range strings.SplitSeq(at, ",") {
		o.Shards = append(o.Shards, a)
	}
	e, err := clickhouse.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// loadRoom makes a base of d and loads it. It gives the seconds that loading took.
func loadRoom(t *testing.T, e *clickhouse.Engine, conns []driver.Conn, d matchbench.Data, build byte, pid int) (*loadedRoom, float64) {
	t.Helper()
	s, err := matchbench.New(d)
	if err != nil {
		t.Fatal(err)
	}
	base, err := s.Base(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &loadedRoom{t, e, conns, matcher.BuildID{build}, base, s, pid}
	start, before := time.Now(), processorTime(t, pid)
	if err := e.PutBase(t.Context(), r.build, matchbench.Columns(), func() (*matcher.Base, error) { return base, nil }); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start).Seconds()
	fmt.Printf("  a base of %d users: %.1f s, %.1f s of one core by the server\n", d.Users, took, processorTime(t, pid)-before)
	if err := e.PutPopulation(t.Context(), r.population(), r.build, func() (*matcher.Standings, error) { return base.Standings(), nil }, nil); err != nil {
		t.Fatal(err)
	}
	return r, took
}

func (r *loadedRoom) population() matcher.PopulationID { return matcher.PopulationID{r.build[0]} }

// list loads a list of so many rows. It gives its id and the seconds that took.
func (r *loadedRoom) list(rows int) (matcher.ListID, float64) {
	r.t.Helper()
	d := r.s.Data
	d.List = rows
	s, err := matchbench.New(d)
	if err != nil {
		r.t.Fatal(err)
	}
	l, err := s.BuiltList(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	start := time.Now()
	if err := r.e.PutList(r.t.Context(), l.ID(), nil, func() (*matcher.List, error) { return l, nil }, time.Now().Add(time.Hour)); err != nil {
		r.t.Fatal(err)
	}
	return l.ID(), time.Since(start).Seconds()
}

// count counts once, and gives the seconds it took by the clock.
func (r *loadedRoom) count(list matcher.ListID) float64 {
	r.t.Helper()
	start := time.Now()
	_, err := r.e.Cells(r.t.Context(), matcher.Query{Population: r.population(), List: list,
		Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{matchbench.Policy}},
		Dims:     []matcher.Dim{{Name: "age", Size: matchbench.Ages}, {Name: "gender", Size: matchbench.Genders}, {Name: "prefecture", Size: matchbench.Prefectures}}})
	if err != nil {
		r.t.Fatal(err)
	}
	return time.Since(start).Seconds()
}

// match gives what a count takes of two cores, in seconds, the mean of five after one
// that is not counted: what the clock would say of a machine where nothing else runs,
// and nearly the same where something does. It prints what the clock said.
func (r *loadedRoom) match(list matcher.ListID) float64 {
	r.t.Helper()
	r.count(list)
	const runs = 5
	before, best := processorTime(r.t, r.pid), math.Inf(1)
	for range runs {
		best = min(best, r.count(list))
	}
	took := (processorTime(r.t, r.pid) - before) / runs / measuredCores
	fmt.Printf("  a match: %.3f s of two cores; by the clock, best of %d, %.3f s\n", took, runs, best)
	return took
}

// processorTime is what a process has taken of all cores, in seconds: nearly the same
// whatever else runs. Linux counts it in hundredths.
func processorTime(t *testing.T, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	after := string(text[strings.LastIndexByte(string(text), ')')+1:])
	fields := strings.Fields(after) // the state comes first
	var user, system float64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return (user + system) / 100
}

// rowBytes gives the bytes on disk of a row of the tables of a name.
func (r *loadedRoom) rowBytes(like string) float64 {
	r.t.Helper()
	var bytes, rows uint64
	for _, c := range r.conns {
		var b, n uint64
		if err := c.QueryRow(r.t.Context(), "SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active AND database = 'awase' AND table LIKE ?", like).Scan(&b, &n); err != nil {
			r.t.Fatal(err)
		}
		bytes, rows = bytes+b, rows+n
	}
	return float64(bytes) / float64(max(rows, 1))
}

// loadOther loads what is not a measurement's.
func loadOther(t *testing.T, at string) {
	t.Helper()
	e := openEngine(t, at)
	loadRoom(t, e, nil, matchbench.Data{Users: 100, List: 10, Kinds: 1, Overlap: 0.5, Seed: 3}, 9, os.Getpid())
}

// TestPlanFigures is make plan-figures: it takes the figures of awase engine plan on
// one server, and prints them beside those of the plan and what the plan says of such
// a room. AWASE_PLAN_FIGURES has the users in millions and the kinds, as 10,3; without
// it there is little, and the figures say nothing.
func TestPlanFigures(t *testing.T) {
	users, kinds := 100_000, 1
	if text, ok := os.LookupEnv("AWASE_PLAN_FIGURES"); ok {
		if _, err := fmt.Sscanf(text, "%d,%d", &users, &kinds); err != nil {
			t.Fatal(err)
		}
		users *= 1_000_000
	}
	servers, at, conns := clickhouseServers(t, 1)
	of := measured()
	eligibleMemory, eligibleRate, perList, perToken := of.eligibleMemory, of.eligibleRate, of.matchListRow, of.matchBaseToken
	allocates := of.matchMemory.value + float64(users/10)*of.matchMemoryRow.value
	if kinds == 1 {
		eligibleMemory, eligibleRate, perList, perToken, allocates = of.eligibleMemoryOne, of.eligibleRateOne, of.matchListRowOne, of.matchBaseTokenOne, of.matchMemoryOne.value
	}
	idle := rss.Now(servers[0].Pid())
	e := openEngine(t, at)
	show := func(f figure, got float64) { fmt.Printf("%-75s %12.4g %12.4g\n", f.what, f.value, got) }
	fmt.Printf("%d users, %d kinds\n%-75s %12s %12s\n", users, kinds, "", "plan", "measured")
	show(of.serverMemory, float64(idle))

	tiny, _ := loadRoom(t, e, conns, matchbench.Data{Users: users / 100, List: 1, Kinds: kinds, Overlap: 0.5, Seed: 2}, 2, servers[0].Pid())
	tinyList, _ := tiny.list(users / 1000)
	fixed := tiny.match(tinyList)
	if err := e.Keep(t.Context(), matcher.Holding{}); err != nil {
		t.Fatal(err)
	}
	r, took := loadRoom(t, e, conns, matchbench.Data{Users: users, List: 1, Kinds: kinds, Overlap: 0.5, Seed: 1}, 1, servers[0].Pid())
	show(of.baseLoadRate, float64(users*(kinds+1))/took)
	big, listTook := r.list(users / 10)
	small, _ := r.list(users / 100)
	show(of.listLoadRate, float64(users/10*kinds)/listTook)
	r.base = nil
	_ = rss.ResetPeak(servers[0].Pid())
	first := r.count(small)
	show(eligibleMemory, float64(rss.Peak(servers[0].Pid())-idle)/float64(users))
	sparse := r.match(small)
	show(eligibleRate, float64(users)/first)
	before := rss.Now(servers[0].Pid())
	_ = rss.ResetPeak(servers[0].Pid())
	dense := r.match(big)
	show(figure{what: "bytes that this match allocates", value: allocates}, float64(rss.Peak(servers[0].Pid())-min(before, idle)))
	perRow := (dense - sparse) / float64(users/10-users/100)
	show(of.matchFixed, fixed)
	show(perList, perRow)
	show(perToken, (sparse-fixed-perRow*float64(users/100))/float64(users*kinds))
	show(of.baseTokenDisk, r.rowBytes("base%token%"))
	show(of.personDisk, r.rowBytes("base%people%"))
	show(of.eligibleDisk, r.rowBytes("pop%people%"))
	if kinds == 1 {
		show(of.eligibleTokenDisk, r.rowBytes("pop%token%"))
	}
	show(of.listTokenDisk, r.rowBytes("list%token%"))

	events := min(users, 2_000_000)
	rows := func(yield func(matcher.EventRow, error) bool) {
		for i := range events {
			user := r.s.UserToken(matchbench.Shuffled(i, users, 5))
			if !yield(matcher.EventRow{User: &user, Day: int32(20000 + i%90), Type: uint8(i % 3), Value: int64(i % 5000)}, nil) {
				return
			}
		}
	}
	start := time.Now()
	log := matcher.Log{Types: []matcher.EventType{{Kind: "impression"}, {Kind: "click"}, {Kind: "conversion"}}, Unit: "yen"}
	if err := e.PutEvents(t.Context(), r.build, matcher.EventsID{1}, log, rows, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	show(of.eventLoadRate, float64(events)/time.Since(start).Seconds())
	show(of.eventDisk, r.rowBytes("log%"))

	in := planInput{Users: int64(users), Kinds: int64(kinds), Lists: 2, ListRows: int64(users / 10), EventsPerDay: int64(events / 90), Retention: 90, Populations: 1, Groups: 1, MachineMemory: 64e9, Cores: measuredCores, MatchWithin: 3600}
	p := planEngine(in, of)
	fmt.Printf("%-40s %12s %12s\n", "", "plan", "measured")
	both := func(what string, plan, got float64) {
		fmt.Printf("%-40s %12.4g %12.4g  %+.0f %%\n", what, plan, got, 100*(plan/got-1))
	}
	both("match of a list of a tenth, s", p.Match, dense)
	in.ListRows = int64(users / 100)
	both("match of a list of a hundredth, s", planEngine(in, of).Match, sparse)
	both("loading the base, s", p.BaseLoad, took)
	both("loading a list of a tenth, s", p.ListLoad, listTook)
	both("putting together who may be counted, s", p.Eligible, first-sparse)
}
