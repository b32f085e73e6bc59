package clickhouse

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/entrustment"
	"awase/internal/chtest"
	"awase/matcher"
)

// Who stands between leads a shard's connections to another: that one has no table of
// the name, and nothing is counted. With names that are the same on every shard the
// numbers were wrong.
func TestLedElsewhere(t *testing.T) {
	a := makeAll(t)
	o := options(t, 2)
	var astray atomic.Bool
	var mu sync.Mutex
	var conns []net.Conn
	one, other := o.Shards[0], o.Shards[1]
	o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
		if addr == one && astray.Load() {
			addr = other
		}
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
		return c, err
	}
	e := open(t, o)
	lead := func(away bool) {
		astray.Store(away)
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			_ = c.Close() // it may be closed already
		}
		conns = nil
	}
	must(t, a.put(t.Context(), e))
	want := a.answers(t)
	for i, q := range a.questions() {
		lead(false)
		must(t, a.put(t.Context(), e))
		got, err := e.Cells(t.Context(), q)
		must(t, err)
		if !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("question %d: %v, not %v", i, got, want[i])
		}
		lead(true)
		if got, err := e.Cells(t.Context(), q); !errors.Is(err, ErrLost) {
			t.Errorf("question %d, led elsewhere: %v, %v", i, got.Users, err)
		}
	}
	lead(false)
	must(t, a.put(t.Context(), e))
	if _, err := e.Cells(t.Context(), a.questions()[0]); err != nil { // who may be counted is there
		t.Fatal(err)
	}
	// The names taken away: what is on one shard is given the names of the other's, and
	// is counted for it.
	tables, err := e.tables(t.Context(), e.puts(), 1)
	must(t, err)
	for name := range tables {
		onShard(t, e, 1, "CREATE TABLE "+strings.TrimSuffix(name, e.place(1))+e.place(0)+" AS "+name)
		onShard(t, e, 1, "INSERT INTO "+strings.TrimSuffix(name, e.place(1))+e.place(0)+" SELECT * FROM "+name)
	}
	lead(true)
	s, _, err := e.check(&a.questions()[0])
	must(t, err)
	may, err := e.mayCount(t.Context(), s, &a.questions()[0])
	must(t, err)
	for i := range may.people.rows { // what intact looks at
		may.people.rows[i] = may.people.rows[1]
	}
	out := a.questions()[0].NewExact(len(want[0].Users))
	must(t, e.count(t.Context(), s, may, &a.questions()[0], &out))
	if reflect.DeepEqual(out, want[0]) {
		t.Error("one shard counted twice gives the right number: the test proves nothing")
	}
}

// Rows that went between what put them and what reads them: who is under a request
// would be looked up among nobody and counted, and events would lead to nobody.
func TestLostBefore(t *testing.T) {
	a := makeAll(t)
	e := open(t, options(t, 2))
	ctx := t.Context()
	base := func() {
		must(t, e.PutBase(ctx, allBuild, columns, func() (*matcher.Base, error) { return a.base, nil }))
	}
	standings := func() (*matcher.Standings, error) { return a.base.Standings(), nil }
	gone := []token.Token{person(7).User}
	types := matcher.Log{Types: make([]matcher.EventType, 1), Unit: "yen"}
	base()
	onShard(t, e, 0, "TRUNCATE TABLE "+e.at(baseName(allBuild, "user"), 0))
	onShard(t, e, 1, "TRUNCATE TABLE "+e.at(baseName(allBuild, "user"), 1))
	if err := e.PutPopulation(ctx, allPop, allBuild, standings, gone); !errors.Is(err, ErrLost) {
		t.Fatal("who is under a request is looked up among nobody:", err)
	}
	for _, part := range []string{"token0", "user"} {
		base()
		must(t, e.PutPopulation(ctx, allPop, allBuild, standings, gone))
		onShard(t, e, 1, "TRUNCATE TABLE "+e.at(baseName(allBuild, part), 1))
		if err := e.PutEvents(ctx, allBuild, allLog, types, a.events, a.until); !errors.Is(err, ErrLost) {
			t.Fatal("events are bound to what is lost:", part, err)
		}
		held, err := e.Holds(ctx)
		must(t, err)
		if len(held.Logs) > 0 {
			t.Fatal("a log is held that leads to nobody")
		}
	}
	for _, part := range []string{"people", "token0"} {
		base()
		must(t, e.PutPopulation(ctx, allPop, allBuild, standings, gone))
		must(t, e.PutList(ctx, a.list.ID(), columns, func() (*matcher.List, error) { return a.list, nil }, a.until))
		onShard(t, e, 0, "TRUNCATE TABLE "+e.at(baseName(allBuild, part), 0))
		if _, err := e.Cells(ctx, a.questions()[1]); !errors.Is(err, ErrLost) {
			t.Fatal("who may be counted is made of what is lost:", part, err)
		}
	}
	must(t, a.put(ctx, e))
	must(t, e.Keep(ctx, a.holding())) // a shard that was told to stop may make a table after it was dropped
	a.right(t, e)
}

// A population of the same id and another build is that of the other build.
func TestAnotherBuild(t *testing.T) {
	one, two := makeBase(t, 4000), makeBase(t, 2500)
	e := open(t, options(t, 1))
	first, second, pop := matcher.BuildID{1}, matcher.BuildID{2}, matcher.PopulationID{9}
	q := matcher.Query{Population: pop, Dims: []matcher.Dim{{Name: "age", Size: 5}}}
	for _, c := range []struct {
		id   matcher.BuildID
		base *matcher.Base
	}{{first, one}, {second, two}, {first, one}} {
		must(t, e.PutBase(t.Context(), c.id, columns, func() (*matcher.Base, error) { return c.base, nil }))
		must(t, e.PutPopulation(t.Context(), pop, c.id, func() (*matcher.Standings, error) { return c.base.Standings(), nil }, nil))
		in := matcher.NewEmbedded()
		in.PutBase(pop, c.base)
		want, err := in.Cells(t.Context(), q)
		must(t, err)
		if got, err := e.Cells(t.Context(), q); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, %v, not %v", got.Users, err, want.Users)
		}
	}
}

// Tables that are larger than the server lets go by itself go all the same.
func TestDropLarge(t *testing.T) {
	s := chtest.Start(t, 1, chtest.Options{Config: "<clickhouse><max_table_size_to_drop>10000</max_table_size_to_drop></clickhouse>"})
	e := open(t, database(t, s))
	base := makeBase(t, 4000)
	must(t, e.PutBase(t.Context(), allBuild, columns, func() (*matcher.Base, error) { return base, nil }))
	if err := e.shards[0].Exec(t.Context(), "DROP TABLE "+e.at(baseName(allBuild, "token0"), 0)+" SYNC"); err == nil {
		t.Fatal("the server lets it go: the test proves nothing")
	} else if shown := refused(t, e.fault(0, "dropping a table", err), 1); shown.Mend == "" || !strings.Contains(shown.Detail, "359") {
		t.Errorf("%q, %q", shown.Detail, shown.Mend)
	}
	must(t, e.Keep(t.Context(), matcher.Holding{}))
	if tables, err := e.tables(t.Context(), e.puts(), 0); err != nil || len(tables) > 0 {
		t.Fatal(len(tables), err)
	}
}

// A time beyond what the server's clock can tell is none that is over.
func TestUntilTheEnd(t *testing.T) {
	list := makeList(t, 300)
	e := open(t, options(t, 1))
	for _, year := range []int{2105, 2107, 2300} {
		until := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		must(t, e.PutList(t.Context(), list.ID(), columns, func() (*matcher.List, error) { return list, nil }, until))
		name := e.at(listName(list.ID(), "row"), 0)
		onShard(t, e, 0, "ALTER TABLE "+name+" MATERIALIZE TTL SETTINGS mutations_sync = 2")
		onShard(t, e, 0, "OPTIMIZE TABLE "+name+" FINAL")
		var n uint64
		must(t, e.shards[0].QueryRow(t.Context(), "SELECT count() FROM "+name).Scan(&n))
		if n != uint64(list.Rows()) {
			t.Errorf("until %d: %d rows are left of %d", year, n, list.Rows())
		}
		must(t, e.PutList(t.Context(), list.ID(), columns, noList, until))
		must(t, e.Keep(t.Context(), matcher.Holding{}))
	}
}

// Two rooms don't share a database: the second is refused, and where both are there
// neither drops what the other has, nor what it is loading.
func TestOwner(t *testing.T) {
	a := makeAll(t)
	o := options(t, 2)
	p := o
	o.Owner, p.Owner = "aa", "bb"
	one, two := open(t, o), open(t, p) // both before there is anything
	must(t, a.put(t.Context(), one))
	under := one.newLoad(listName(matcher.ListID{8}, "row"))
	must(t, one.create(t.Context(), 1, under, withCodes(statement("create_row"), 0, ""), a.until.Unix()))
	must(t, two.Keep(t.Context(), matcher.Holding{}))
	held, err := two.Holds(t.Context())
	must(t, err)
	if len(held.Builds)+len(held.Lists)+len(held.Logs) > 0 {
		t.Error("what is another's is held")
	}
	if there, err := one.tables(t.Context(), one.puts(), 1); err != nil || len(there) == 0 || there[one.at(under, 1)].note.Owner != "aa" {
		t.Error("a load of another's is dropped", err)
	}
	a.same(t, one)
	whose := func(owner, says string) {
		t.Helper()
		other := Options{Owner: owner, Shards: o.Shards[:1], Database: o.Database, Username: o.Username}
		e, err := Open(t.Context(), other)
		if e != nil {
			t.Fatal("another's database is opened")
		}
		if shown := refused(t, err, 1); shown.Code != entrustment.CodeEngine || !strings.Contains(shown.Detail, says) {
			t.Error(err)
		}
	}
	whose("bb", "tables of another room")
	whose("", "tables of another room")
	whose(Measurement, "a measurement drops all")
	must(t, open(t, o).Keep(t.Context(), matcher.Holding{})) // its own
	o.Owner = Measurement
	must(t, a.put(t.Context(), open(t, o)))
	whose("bb", "tables of a measurement")
	must(t, open(t, o).Keep(t.Context(), matcher.Holding{}))
}

// A load may take longer than a count.
func TestLoadOutlastsCount(t *testing.T) {
	e := open(t, options(t, 1))
	onShard(t, e, 0, "CREATE TABLE slow"+e.place(0)+" (id UInt32) ENGINE = MergeTree ORDER BY id")
	e.o.Time = time.Nanosecond
	must(t, e.merge(t.Context(), 0, "slow"))
	e.o.Time, e.long = time.Minute, time.Nanosecond
	refused(t, e.merge(t.Context(), 0, "slow"), 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.long = loadTime
	if err := e.merge(ctx, 0, "slow"); !errors.Is(err, context.Canceled) {
		t.Error("not cancelled:", err)
	}
}

// A disk that gives back other bytes than were written is no wrong number: who runs it
// is told what to do, and that is enough.
func TestRottenDisk(t *testing.T) {
	a := makeAll(t)
	e := open(t, options(t, 1))
	must(t, a.put(t.Context(), e))
	var part string
	must(t, e.shards[0].QueryRow(t.Context(), "SELECT path FROM system.parts WHERE database = currentDatabase() AND active AND table = '"+e.at(e.lists[a.list.ID()].tokens[0].name, 0)+"'").Scan(&part))
	file := filepath.Join(part, "data.bin")
	b, err := os.ReadFile(file)
	must(t, err)
	b[len(b)/2] ^= 1
	must(t, os.Chmod(file, 0o600))
	must(t, os.WriteFile(file, b, 0o600))
	for range 2 { // put again it is held: it has its rows
		_, err = e.Cells(t.Context(), a.questions()[1])
		if shown := refused(t, err, 1); !strings.Contains(shown.Detail, "40 CHECKSUM_DOESNT_MATCH") || shown.Mend != rotten {
			t.Error(err)
		}
		must(t, a.put(t.Context(), e))
	}
	tables, err := e.tables(t.Context(), e.puts(), 0)
	must(t, err)
	for name := range tables {
		onShard(t, e, 0, "DROP TABLE "+name+" SYNC")
	}
	if _, err := e.Cells(t.Context(), a.questions()[1]); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	must(t, a.put(t.Context(), e))
	a.same(t, e)
}
