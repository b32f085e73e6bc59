package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"awase/internal/chtest"
	"awase/matcher"
)

// Every statement says in its head who may see what comes back.
func TestStatements(t *testing.T) {
	names, err := fs.Glob(schema, "schema/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal("no statements", err)
	}
	for _, name := range names {
		text := statement(strings.TrimSuffix(strings.TrimPrefix(name, "schema/"), ".sql"))
		head, _, _ := strings.Cut(text, "\n")
		if !strings.HasPrefix(head, "-- ") {
			t.Errorf("%s has no head", name)
		}
		if lower := strings.ToLower(text); !strings.Contains(lower, "nothing comes back") && !strings.Contains(lower, "sees it") && !strings.Contains(lower, "enclave") {
			t.Errorf("%s does not say who may see its result", name)
		}
	}
}

// copies gives the shards' tables of a load to a statement.
func onShard(t *testing.T, e *Engine, shard int, text string) {
	t.Helper()
	if err := e.shards[shard].Exec(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// A block sent again is taken once, since it has its number; with another number
// its rows are there twice, which the proof of the load sees. Rows that are lost or
// changed are seen as well. Without the proof the table would be held so.
func TestVerify(t *testing.T) {
	base := makeBase(t, 1000)
	e := open(t, options(t, 1))
	e.block = 100
	loaded := func(id matcher.BuildID) *loader {
		l, err := e.load(t.Context(), baseName(id, "token0"), form{name: "token", tokens: true}, func(ctx context.Context, l *loader) error {
			return l.spread(ctx, base.KindTokens(0, 100))
		})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	one := &block{}
	tok := tok(0, 1)
	one.addToken(&tok, 1)
	for i, c := range []struct {
		name   string
		change func(l *loader)
		seen   bool
	}{
		{"nothing", func(*loader) {}, false},
		{"sent again", func(l *loader) { must(t, l.send(t.Context(), 0, numbered{one, 3})) }, false},
		{"doubled", func(l *loader) { must(t, l.send(t.Context(), 0, numbered{one, 1000})) }, true},
		{"lost", func(l *loader) {
			onShard(t, e, 0, "DELETE FROM "+e.at(l.name, 0)+" WHERE id = 17 SETTINGS lightweight_deletes_sync = 2")
		}, true},
		{"of another", func(l *loader) {
			onShard(t, e, 0, "ALTER TABLE "+e.at(l.name, 0)+" UPDATE id = 18 - (id - 17) WHERE id IN (17, 18) SETTINGS mutations_sync = 2")
		}, true},
		{"another", func(l *loader) {
			onShard(t, e, 0, "ALTER TABLE "+e.at(l.name, 0)+" UPDATE id = id + 1 WHERE id = 17 SETTINGS mutations_sync = 2")
		}, true},
	} {
		id := matcher.BuildID{byte(i)}
		l := loaded(id)
		c.change(l)
		err := l.verify(t.Context(), 0)
		if c.seen != (err != nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.seen {
			refused(t, err, 1)
			// The proof taken away: it is named, and leads elsewhere or counts twice.
			tables, err := loads{l}.publish(t.Context(), e, whole(id), "", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			var same uint64
			if err := e.shards[0].QueryRow(t.Context(), "SELECT count() FROM "+e.at(tables[0].name, 0)+" AS a FULL JOIN "+
				e.at(baseName(matcher.BuildID{}, "token0"), 0)+" AS b ON a.token = b.token AND a.id = b.id WHERE a.token = b.token").Scan(&same); err != nil {
				t.Fatal(err)
			}
			if n, _ := e.tables(t.Context(), e.puts(), 0); same == 1000 && n[e.at(tables[0].name, 0)].rows == 1000 {
				t.Errorf("%s: the change changed nothing", c.name)
			}
		} else if _, err := (loads{l}).publish(t.Context(), e, whole(id), "", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The checksum of every form is the server's own: TestPut… load each. Here a code
// that is changed, or changed with another's, is seen.
func TestVerifyCodes(t *testing.T) {
	base := makeBase(t, 100)
	e := open(t, options(t, 1))
	for i, change := range []string{"c0 = c0 + 1 WHERE id = 5", "c0 = 1 - c0 WHERE id IN (3, 4)", "c0 = c1, c1 = c0 WHERE id = 1 OR id = 4"} {
		l, err := e.load(t.Context(), baseName(matcher.BuildID{byte(i)}, "people"), form{name: "people", codes: 2}, func(ctx context.Context, l *loader) error {
			return l.people(ctx, base.People(7))
		})
		if err != nil {
			t.Fatal(err)
		}
		onShard(t, e, 0, "ALTER TABLE "+e.at(l.name, 0)+" UPDATE "+change+" SETTINGS mutations_sync = 2")
		refused(t, l.verify(t.Context(), 0), 1)
		l.unload()
	}
}

// A table that has not the rows any more that were verified is noticed before it is
// counted, forgotten, and put again.
func TestLost(t *testing.T) {
	a := makeAll(t)
	e := open(t, options(t, 2))
	must(t, a.put(t.Context(), e))
	b, l := e.builds[allBuild], e.lists[a.list.ID()]
	people, err := e.peopleOf(t.Context(), allPop, &matcher.Eligibility{})
	must(t, err)
	hows := []string{"TRUNCATE TABLE ", "DROP TABLE ", "INSERT INTO "}
	for i, tab := range []table{b.people, b.tokens[0], l.tokens[1], l.row, people} {
		for _, how := range hows[i%3 : i%3+1] {
			must(t, e.intact(t.Context(), e.puts(), 1, b.people, b.tokens[0], b.user, l.tokens[1], l.row, people))
			text := how + e.at(tab.name, 1)
			if strings.HasPrefix(how, "INSERT") {
				text += " SELECT * FROM " + e.at(tab.name, 1) + " LIMIT 1"
			}
			onShard(t, e, 1, text)
			if err := e.intact(t.Context(), e.puts(), 1, b.people, tab); !errors.Is(err, ErrLost) {
				t.Fatalf("%sa table is not noticed: %v", how, err)
			}
			if _, _, err := e.population(allPop); err == nil {
				t.Fatal("what is lost is still known")
			}
			must(t, a.put(t.Context(), e))
			a.right(t, e)
		}
	}
}

// Keep drops what is not named, of loads that died too, and nothing else: not what
// is under way, and not what is not ours.
func TestKeep(t *testing.T) {
	a := makeAll(t)
	o := options(t, 2)
	e := open(t, o)
	must(t, a.put(t.Context(), e))
	other := matcher.BuildID{9}
	must(t, e.PutBase(t.Context(), other, columns, func() (*matcher.Base, error) { return a.base, nil }))
	for _, name := range []string{"notours", e.at(baseName(other, "people")+loading+"0123456789abcdef", 1)} {
		onShard(t, e, 1, "CREATE TABLE "+name+" (id UInt32) ENGINE = MergeTree ORDER BY id")
	}
	under := e.newLoad(listName(matcher.ListID{8}, "row"))
	onShard(t, e, 1, "CREATE TABLE "+e.at(under, 1)+" (id UInt32) ENGINE = MergeTree ORDER BY id")
	must(t, e.Keep(t.Context(), a.holding()))
	a2, err := e.allTables(t.Context(), e.puts())
	must(t, err)
	if _, ok := a2[1][e.at(under, 1)]; !ok || len(a2[0])+1 != len(a2[1]) {
		t.Fatal("a load under way is dropped, or something else is not")
	}
	e.forgetLoads(under)
	must(t, e.Keep(t.Context(), a.holding()))
	a.right(t, e)
	held, err := e.Holds(t.Context())
	must(t, err)
	if len(held.Builds) != 1 || len(held.Populations) != 1 || len(held.Lists) != 1 || len(held.Logs) != 1 {
		t.Fatal(held)
	}

	// An engine of one shard holds nothing of a table that is one of two.
	o1 := o
	o1.Shards = o.Shards[:1]
	alone := open(t, o1)
	held, err = alone.Holds(t.Context())
	must(t, err)
	if len(held.Builds)+len(held.Lists)+len(held.Logs) > 0 {
		t.Fatal("a half is taken for the whole")
	}
	// Nor does one whose shards are in another order.
	o2 := o
	o2.Shards = []string{o.Shards[1], o.Shards[0]}
	held, err = open(t, o2).Holds(t.Context())
	must(t, err)
	if len(held.Builds)+len(held.Lists)+len(held.Logs) > 0 {
		t.Fatal("shards are taken for one another")
	}
	must(t, alone.Keep(t.Context(), a.holding()))
	tables, err := alone.tables(t.Context(), e.puts(), 0)
	must(t, err)
	if len(tables) > 0 {
		t.Fatal("tables of two shards are kept by one")
	}
	// One that is lost on a shard is held on none.
	held, err = e.Holds(t.Context())
	must(t, err)
	if len(held.Builds)+len(held.Lists)+len(held.Logs) > 0 {
		t.Fatal("what one shard lost is held")
	}
	must(t, e.Keep(t.Context(), matcher.Holding{}))
	var n uint64
	must(t, e.shards[1].QueryRow(t.Context(), "SELECT count() FROM system.tables WHERE database = currentDatabase()").Scan(&n))
	if n != 1 {
		t.Fatalf("%d tables are left, not the one that is not ours", n)
	}
}

// A shard that is away: Keep says which, and the others drop theirs.
func TestKeepAway(t *testing.T) {
	a := makeAll(t)
	servers := chtest.Start(t, 2, chtest.Options{})
	e := open(t, database(t, servers))
	must(t, a.put(t.Context(), e))
	e.patience = 100 * time.Millisecond
	must(t, servers[0].Kill())
	refused(t, e.Keep(t.Context(), matcher.Holding{}), 1)
	if tables, err := e.tables(t.Context(), e.puts(), 1); err != nil || len(tables) > 0 {
		t.Fatal("a shard that is there keeps its tables", err)
	}
	must(t, servers[0].Restart())
	must(t, e.Keep(t.Context(), matcher.Holding{})) // connected again by itself
	if tables, err := e.tables(t.Context(), e.puts(), 0); err != nil || len(tables) > 0 {
		t.Fatal("a shard that came back keeps its tables", err)
	}
}

// After its time a list is not held, and its rows go by themselves.
func TestUntil(t *testing.T) {
	list := makeList(t, 500)
	var e *Engine
	until := shortly(t, 1500*time.Millisecond, func() func(time.Time) error {
		e = open(t, options(t, 1))
		return func(until time.Time) error {
			return e.PutList(t.Context(), list.ID(), columns, func() (*matcher.List, error) { return list, nil }, until)
		}
	})
	l := e.lists[list.ID()]
	for time.Now().Before(until.Add(time.Second)) {
		time.Sleep(50 * time.Millisecond)
	}
	if held, err := e.Holds(t.Context()); err != nil || held.Lists[list.ID()] {
		t.Fatal("a list is held after its time", err)
	}
	if _, err := e.list(list.ID()); err == nil {
		t.Fatal("a list is given after its time")
	}
	onShard(t, e, 0, "OPTIMIZE TABLE "+e.at(l.row.name, 0)+" FINAL")
	var n uint64
	must(t, e.shards[0].QueryRow(t.Context(), "SELECT count() FROM "+e.at(l.row.name, 0)).Scan(&n))
	if n != 0 {
		t.Fatalf("%d rows are there after their time", n)
	}
}

// What a server is refused for says which shard it is and what to do.
func TestOpen(t *testing.T) {
	o := options(t, 2)
	dead := newProxy(t, "127.0.0.1:1")
	for _, c := range []struct {
		shard  int
		change func(*Options)
	}{
		{1, func(p *Options) { p.Database = "nowhere" }},
		{1, func(p *Options) { p.Username = "nobody" }},
		{2, func(p *Options) { p.Shards = append(p.Shards, dead.l.Addr().String()) }},
	} {
		// A server of its own: of a greeting that it refuses the library aborts at times.
		p := database(t, chtest.Start(t, 1, chtest.Options{}))
		c.change(&p)
		e, err := Open(t.Context(), p)
		if e != nil {
			t.Fatal("opened")
		}
		refused(t, err, c.shard)
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Fatal("opened without a shard")
	}
	var n string
	must(t, open(t, o).shards[0].QueryRow(t.Context(), "SELECT value FROM system.settings WHERE name = 'log_queries'").Scan(&n))
	if n != "0" {
		t.Fatal("statements are logged")
	}
}

// One server under two addresses would be counted twice: it is refused by what its
// database is, to the account too, and so is a third that is the first again.
func TestOneServerTwice(t *testing.T) {
	twice := func(o Options, of, other int) {
		t.Helper()
		e, err := Open(t.Context(), o)
		if e != nil {
			_ = e.Close() // nothing is under way
			t.Fatal("opened")
		}
		if shown := refused(t, err, other); !strings.Contains(shown.Detail, fmt.Sprintf("that of shard %d:", of)) {
			t.Error(err)
		}
	}
	o := options(t, 2)
	open(t, o) // two servers with a database of one name are two
	o.Shards = append(o.Shards, newProxy(t, o.Shards[0]).l.Addr().String())
	twice(o, 1, 3)
	s, _ := setUp(t, nil)
	mine := asAccount(s)
	mine.Shards = append(mine.Shards, newProxy(t, s.Addr).l.Addr().String())
	twice(mine, 1, 2)
}

// Each thing that makes a server unfit is named, alone.
func TestUnfit(t *testing.T) {
	for _, c := range []struct {
		major, minor uint64
		behind       time.Duration
		want         string
	}{
		{26, 3, 0, ""}, {26, 7, -time.Minute, ""}, {27, 0, 0, ""},
		{26, 2, 0, "its ClickHouse is 26.2"}, {25, 12, 0, "its ClickHouse is 25.12"},
		{26, 3, 61 * time.Second, "its clock is more than a minute off"}, {26, 3, -2 * time.Minute, "its clock is more than a minute off"},
	} {
		if detail, mend := unfit(c.major, c.minor, c.behind); detail != c.want || (mend == "") != (detail == "") {
			t.Errorf("%+v: %q, %q", c, detail, mend)
		}
	}
}

// TLS that the driver would leave out is refused before anything is dialled.
func TestTLSWithDial(t *testing.T) {
	dialled := false
	_, err := Open(t.Context(), Options{Shards: []string{"127.0.0.1:1"}, TLS: &tls.Config{}, Dial: func(context.Context, string) (net.Conn, error) {
		dialled = true
		return nil, errors.New("no")
	}})
	if err == nil || dialled {
		t.Errorf("dialled: %v, %v", dialled, err)
	}
}

// People who are being made when Keep forgets their build do not stay.
func TestPeopleOfForgotten(t *testing.T) {
	a := makeAll(t)
	o, proxies := behind(t, options(t, 1))
	e := open(t, o)
	must(t, a.put(t.Context(), e))
	before, err := e.tables(t.Context(), e.puts(), 0)
	must(t, err)
	proxies[0].after(500, func() { // Keep has forgotten it, and looked for its tables already
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.builds, e.pops[allPop].build)
	})
	if _, err := e.peopleOf(t.Context(), allPop, &matcher.Eligibility{ByPolicy: true, Versions: []string{"a"}}); err == nil {
		t.Fatal("people of a build that is forgotten are given")
	}
	if _, _, err := e.population(allPop); err == nil {
		t.Fatal("nothing was forgotten")
	}
	after, err := e.tables(t.Context(), e.puts(), 0)
	must(t, err)
	if len(after) != len(before) {
		t.Fatal("people of a build that is forgotten stay")
	}
}
