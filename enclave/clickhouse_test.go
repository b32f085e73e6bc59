package enclave

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/chtest"
	"awase/matcher"
	"awase/sql/clickhouse"
)

// twoServers gives the two ClickHouse servers that the tests of this package share.
// afterAll ends them.
var twoServers = sync.OnceValues(func() (out []*chtest.Server, err error) {
	for range 2 {
		dir, err := os.MkdirTemp("", "awase-clickhouse-")
		if err != nil {
			return nil, err
		}
		afterAll = append(afterAll, func() { _ = os.RemoveAll(dir) })
		s, err := chtest.New(dir, chtest.Options{})
		if err != nil {
			return nil, err
		}
		afterAll = append(afterAll, func() { _ = s.Kill() })
		out = append(out, s)
	}
	return out, nil
})

var (
	afterAll  []func() // done last first
	databases atomic.Int64
)

func endAll() {
	for _, end := range slices.Backward(afterAll) {
		end()
	}
}

// servers are a database of a test's own on some servers.
type servers struct {
	of       []*chtest.Server
	database string
}

// killing is held by a test that kills a server, and shared by those that need them
// all.
var killing sync.RWMutex

// clickHouse gives a database on n of the shared servers, which nobody kills meanwhile.
func clickHouse(t *testing.T, n int) *servers {
	t.Helper()
	killing.RLock()
	t.Cleanup(killing.RUnlock)
	return onServers(t, n)
}

func onServers(t *testing.T, n int) *servers {
	t.Helper()
	if !chtest.There() {
		chtest.Start(t, 1, chtest.Options{}) // skips, or fails with CI=true
	}
	of, err := twoServers()
	if err != nil {
		t.Fatal(err)
	}
	s := &servers{of[:n], fmt.Sprintf("room%d", databases.Add(1))}
	s.exec(t, "CREATE DATABASE "+s.database)
	t.Cleanup(func() { s.exec(t, "DROP DATABASE "+s.database+" SYNC") })
	return s
}

// exec does a statement on every server.
func (s *servers) exec(t *testing.T, statement string) {
	t.Helper()
	for _, one := range s.of {
		c, err := driver.Open(&driver.Options{Addr: []string{one.Addr}})
		if err == nil {
			err = c.Exec(context.Background(), statement)
			_ = c.Close() // it was asked
		}
		if err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// tables are the names of what a database holds, of all servers.
func (s *servers) tables(t *testing.T) (out []string) {
	t.Helper()
	for _, one := range s.of {
		c, err := driver.Open(&driver.Options{Addr: []string{one.Addr}})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := c.Query(t.Context(), "SELECT name FROM system.tables WHERE database = '"+s.database+"'")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			out = append(out, name)
		}
		_ = rows.Close() // they were read
		_ = c.Close()
	}
	return out
}

// options are those of a room whose configuration names the servers.
func (s *servers) options() Options {
	var names []string
	for _, one := range s.of {
		names = append(names, one.Addr+"/"+s.database)
	}
	return Options{Engine: RemoteEngine{wire.EngineClickHouse, len(s.of)}, RemoteShards: names, Remote: func(ctx context.Context, owner string) (Remote, error) {
		o := clickhouse.Options{Database: s.database, Username: "default", Owner: owner}
		for _, one := range s.of {
			o.Shards = append(o.Shards, one.Addr)
		}
		return clickhouse.Open(ctx, o)
	}}
}

// onShards runs a test on one shard and on two.
func onShards(t *testing.T, run func(t *testing.T, s *servers)) {
	for n := 1; n <= 2; n++ {
		t.Run(fmt.Sprintf("%d shards", n), func(t *testing.T) { run(t, clickHouse(t, n)) })
	}
}

// TestClickHouseReleases: every kind of report of a room that counts in ClickHouse is,
// to the byte, that of a copy that counts in memory, and what was released before is
// as it was; so it is after a restart, after the tables were wiped, and moved back.
func TestClickHouseReleases(t *testing.T) {
	t.Parallel()
	onShards(t, func(t *testing.T, s *servers) {
		root := t.TempDir()
		e := openWith(t, filepath.Join(root, "V"), s.options())
		fill(t, e, "")
		loadCrowdEvents(t, e)
		dir := e.vault.Dir()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		want := askThem(t, openWith(t, copyOf(t, root), Options{}))
		same := func(e *Enclave, names ...string) {
			t.Helper()
			for name, got := range askThem(t, e, names...) {
				if got != want[name] {
					t.Errorf("%s: in ClickHouse\n%s\nand in memory\n%s", name, got, want[name])
				}
			}
		}
		e = openWith(t, dir, s.options())
		moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		same(e, "profile", "matched by", "behaviour")
		charges := count(e, kindCharge)
		same(e, "profile")
		if count(e, kindCharge) != charges {
			t.Error("asked again it was charged")
		}
		for _, name := range s.tables(t) {
			s.exec(t, "DROP TABLE IF EXISTS "+s.database+"."+name+" SYNC")
		}
		same(e, "overlap", "frequency")
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		e = openWith(t, dir, s.options())
		same(e, "size", "event")
		back := moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded})
		if left := s.tables(t); back.Remains || len(left) != 0 {
			t.Errorf("%+v, %v are left", back, left)
		}
		same(e)
	})
}

// TestClickHouseOracle: from messy files ClickHouse finds the people that the oracle
// finds, and counts random questions as memory does.
func TestClickHouseOracle(t *testing.T) {
	t.Parallel()
	onShards(t, func(t *testing.T, s *servers) {
		seed := len(s.of) // another room on each
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		users, rows := drawRoom(r)
		e := openWith(t, filepath.Join(t.TempDir(), "V"), s.options())
		furnish(t, e)
		loadBaseFile(t, e, usersCSV(r, users))
		loadListFile(t, e, "l", rowsCSV(rows))
		loadListFile(t, e, "other", rowsCSV(rows[60:]))
		loadCrowdEvents(t, e)
		moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		e.mu.Lock()
		n := e.everything()
		over, of := e.commonOf("e", n)
		e.mu.Unlock()
		remote, err := e.heldOutside(t.Context(), n, func() {})
		if err != nil {
			t.Fatal(err)
		}
		list := matcher.ListID(e.state.lists[listKey{"e", "l"}].ID)
		for _, el := range []matcher.Eligibility{
			{ByPolicy: true, Versions: []string{"v2"}},
			{ByPolicy: true, Versions: []string{"v1", "v2"}, Service: "jobs", Enquiry: true},
		} {
			exact, err := remote.Cells(t.Context(), matcher.Query{Population: over.Population, Eligible: el, List: list,
				Dims: []matcher.Dim{{Source: matcher.BaseColumn, Name: "gender", Size: 3}, {Source: matcher.MatchedBy, Name: "matched_by", Size: int(matcher.Kinds)}}})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for i, n := range exact.Users {
				if n > 0 {
					got[[]string{"f", "m", "unknown"}[i/4]+" "+oracleKinds[i%4]] = n
				}
			}
			if want := oracleCount(users, rows, el); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d: got %v, want %v", seed, got, want)
			}
		}
		memory := matcher.NewEmbedded()
		base, err := e.baseOf(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.fill(t.Context(), memory, base, of); err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			q := randomQuery(r, over)
			want, err := memory.Cells(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := remote.Cells(t.Context(), q); err != nil || !reflect.DeepEqual(got.Users, want.Users) || len(want.Sums) > 0 && !reflect.DeepEqual(got.Sums, want.Sums) {
				t.Errorf("seed %d, question %d, %+v: ClickHouse %v, memory %v, %v", seed, i, q, got, want, err)
			}
		}
	})
}

// randomQuery draws a question over what a room holds.
func randomQuery(r *rand.Rand, over *matcher.Common) matcher.Query {
	q := matcher.Query{Population: over.Population, Eligible: over.Eligible[0]}
	q.Eligible.Enquiry = r.IntN(2) == 0
	if r.IntN(4) > 0 {
		q.List = over.Lists[r.IntN(len(over.Lists))].ID
		if r.IntN(2) == 0 {
			q.Dims = append(q.Dims, matcher.Dim{Source: matcher.MatchedBy, Name: "matched_by", Size: int(matcher.Kinds)})
		}
	}
	if r.IntN(2) == 0 {
		q.Dims = append(q.Dims, matcher.Dim{Source: matcher.BaseColumn, Name: "gender", Size: 3})
	}
	if r.IntN(3) > 0 {
		w := randomWhere(r, over, 3)
		q.Where = &w
	}
	if log := &over.Logs[r.IntN(len(over.Logs))]; r.IntN(2) == 0 {
		from := log.From + r.Int32N(log.To-log.From+1)
		q.Events = &matcher.EventQuery{Logs: []matcher.EventsID{log.Events}, From: from, To: from + r.Int32N(40), Categories: []string{"shop", "spring"}[r.IntN(2):],
			Presence: []string{"", "click", "impression"}[r.IntN(3)], Spread: r.IntN(2) == 0, Sums: []matcher.EventSum{{Cap: 1 + r.Int64N(3), Granule: 1}, {Kinds: []string{"conversion"}, Unit: "yen", Cap: 1 + r.Int64N(20), Granule: 100}}}
		if r.IntN(2) == 0 {
			q.Dims = append(q.Dims, matcher.Dim{Source: matcher.EventCategory, Name: "category", Size: len(q.Events.Categories)})
		}
	}
	return q
}

func randomWhere(r *rand.Rand, over *matcher.Common, depth int) matcher.Where {
	some := func() (out []matcher.Where) {
		for range r.IntN(4) {
			out = append(out, randomWhere(r, over, depth-1))
		}
		return append(out, randomWhere(r, over, 0))
	}
	kind := r.IntN(6)
	if depth == 0 {
		kind = 3 + r.IntN(3)
	}
	switch kind {
	case 0:
		return matcher.Where{All: some()}
	case 1:
		return matcher.Where{Any: some()}
	case 2:
		w := randomWhere(r, over, depth-1)
		return matcher.Where{Not: &w}
	case 3:
		return matcher.Where{In: &matcher.InCodes{Source: matcher.BaseColumn, Column: "gender", Codes: []uint8{0, 1, 2}[r.IntN(3):]}}
	case 4:
		return matcher.Where{List: &over.Lists[r.IntN(len(over.Lists))].ID}
	}
	log := &over.Logs[r.IntN(len(over.Logs))]
	from := log.From + r.Int32N(log.To-log.From+1)
	return matcher.Where{Event: &matcher.AtLeast{Logs: []matcher.EventsID{log.Events}, Category: []string{"shop", "spring", "unnamed", "none"}[r.IntN(4)], From: from, To: from + r.Int32N(40), N: 1 + r.Int64N(3)}}
}

// TestClickHouseShardKilled: a shard that is killed and comes back while a question is
// asked makes it wait, and not wrong, nor charged twice; the end of an entrustment
// leaves no table of it, and requests nobody.
func TestClickHouseShardKilled(t *testing.T) {
	t.Parallel()
	killing.Lock()
	t.Cleanup(killing.Unlock)
	s := onServers(t, 2)
	e := openWith(t, filepath.Join(t.TempDir(), "V"), s.options())
	fill(t, e, "")
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	if err := s.of[1].Kill(); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		r   *wire.Release
		err error
	}
	got := make(chan answer, 1)
	go func() {
		r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = "overlap", nil }))
		got <- answer{r, err}
	}()
	time.Sleep(500 * time.Millisecond)
	if err := s.of[1].Restart(); err != nil {
		t.Fatal(err)
	}
	if a := <-got; a.err != nil || !near(a.r.Cells[0].Users, 1350) || count(e, kindCharge) != 1 {
		t.Errorf("%+v, %v, %d charges", a.r, a.err, count(e, kindCharge))
	}
	var keys [][]byte
	for i := range 600 {
		keys = append(keys, fmt.Appendf(nil, "user-%d", i))
	}
	if err := rights(t, e, seal.Deletion, keys); err != nil {
		t.Fatal(err)
	}
	if r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = "overlap", nil })); err != nil || !near(r.Cells[0].Users, 810) {
		t.Errorf("%+v, %v", r, err)
	}
	c := verified(t, e, must(e.EndEntrustment(t.Context(), "e", wire.ByOfficer{})))
	if c.Status != receipt.Dropped {
		t.Errorf("%+v", c.Destruction)
	}
	for _, name := range s.tables(t) {
		if name[:4] == "list" {
			t.Errorf("%s is left", name)
		}
	}
}
