package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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

// proxy stands between an engine and a server, and does to their bytes what the
// world does.
type proxy struct {
	l    net.Listener
	to   atomic.Pointer[string]
	left atomic.Int64 // bytes until then is called, once
	then func()

	mu    sync.Mutex
	still bool // nothing passes
	wake  *sync.Cond
	conns []net.Conn // of both sides
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l}
	p.wake = sync.NewCond(&p.mu)
	p.to.Store(&to)
	t.Cleanup(func() {
		_ = l.Close()
		p.pause(false)
		p.cut()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) serve(c net.Conn) {
	s, err := net.Dial("tcp", *p.to.Load())
	if err != nil {
		_ = c.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, c, s)
	p.mu.Unlock()
	go p.copy(c, s)
	p.copy(s, c)
}

func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		for p.still {
			p.wake.Wait()
		}
		p.mu.Unlock()
		if left := p.left.Add(-int64(n)); left <= 0 && left > -int64(n) {
			_, _ = to.Write(buf[:max(0, n+int(left))])
			p.then() // where it cuts, in the middle of this
			_, _ = to.Write(buf[max(0, n+int(left)):n])
		} else if _, err := to.Write(buf[:n]); err != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// after calls then once, when so many bytes have passed.
func (p *proxy) after(bytes int64, then func()) {
	p.then = then
	p.left.Store(bytes)
}

// cut ends all connections, those that greet each other too.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close() // it may have ended
	}
	p.conns = nil
}

func (p *proxy) pause(still bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.still = still
	p.wake.Broadcast()
}

// behind puts a proxy in front of each shard.
func behind(t testing.TB, o Options) (Options, []*proxy) {
	t.Helper()
	var out []*proxy
	for i, s := range o.Shards {
		p := newProxy(t, s)
		o.Shards[i] = p.l.Addr().String()
		out = append(out, p)
	}
	return o, out
}

// all is a build, a population, a list and a log, and what puts them.
type all struct {
	base  *matcher.Base
	list  *matcher.List
	until time.Time
}

var (
	allBuild = matcher.BuildID{1}
	allPop   = matcher.PopulationID{2}
	allLog   = matcher.EventsID{3}
)

func makeAll(t testing.TB) *all {
	return &all{makeBase(t, 4000), makeList(t, 3000), time.Now().Add(time.Hour)}
}

func (a *all) events(yield func(matcher.EventRow, error) bool) {
	for i := range 5000 {
		if !yield(matcher.EventRow{Tokens: person(i).Tokens, Day: int32(i % 10), Value: int64(i)}, nil) {
			return
		}
	}
}

func (a *all) put(ctx context.Context, e *Engine) error {
	err := e.PutBase(ctx, allBuild, columns, func() (*matcher.Base, error) { return a.base, nil })
	if err == nil {
		err = e.PutPopulation(ctx, allPop, allBuild, func() (*matcher.Standings, error) { return a.base.Standings(), nil }, []token.Token{person(7).User})
	}
	if err == nil {
		err = e.PutList(ctx, a.list.ID(), columns, func() (*matcher.List, error) { return a.list, nil }, a.until)
	}
	if err == nil {
		err = e.PutEvents(ctx, allBuild, allLog, matcher.Log{Types: make([]matcher.EventType, 1), Unit: "yen"}, a.events, a.until)
	}
	if err == nil {
		_, err = e.peopleOf(ctx, allPop, &matcher.Eligibility{})
	}
	return err
}

// right tells whether the engine holds all of it, each row once, and nothing else.
func (a *all) right(t *testing.T, e *Engine) {
	t.Helper()
	b, l, g := e.builds[allBuild], e.lists[a.list.ID()], e.logs[matcher.BoundEvents{Build: allBuild, Events: allLog}]
	for k := range matcher.Kinds {
		sameTokens(t, e, b.tokens[k], a.base.KindTokens(k, 100), false)
		sameTokens(t, e, l.tokens[k], a.list.KindTokens(k, 100), true)
	}
	sameTokens(t, e, b.user, a.base.UserKeys(100), false)
	people, err := e.peopleOf(t.Context(), allPop, &matcher.Eligibility{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   string
		tab  table
		want int
	}{{"people", b.people, 4000}, {"eligible", people, 4000}, {"events", g.table, 4000}, {"rows", l.row, a.list.Rows() * len(e.shards)}} {
		n, distinct := uint64(0), uint64(0)
		for shard, conn := range e.shards {
			var rows, different uint64
			if err := conn.QueryRow(t.Context(), "SELECT count(), uniqExact(*) FROM "+e.at(c.tab.name, shard)).Scan(&rows, &different); err != nil {
				t.Fatal(err)
			}
			n, distinct = n+rows, distinct+different
		}
		if n != uint64(c.want) || distinct != n {
			t.Fatalf("%d rows of %s, %d different, of %d", n, c.of, distinct, c.want)
		}
	}
	a.same(t, e)
	all, err := e.allTables(t.Context(), e.puts())
	if err != nil {
		t.Fatal(err)
	}
	for shard := range all {
		for name := range all[shard] {
			if strings.Contains(name, loading) {
				t.Fatalf("shard %d has a table of a load", shard+1)
			}
		}
	}
}

// refused tells whether an error is one that may be shown: of the engine, with
// the shard, and nothing that a server said.
func refused(t *testing.T, err error, shard int) *entrustment.Error {
	t.Helper()
	var shown *entrustment.Error
	if !errors.As(err, &shown) || shown.Code != entrustment.CodeEngine || shown.Field != fmt.Sprintf("shard %d", shard) || shown.Mend == "" {
		t.Fatalf("not a clear error: %v", err)
	}
	if strings.ContainsAny(err.Error(), "`{}") || strings.Contains(err.Error(), "SELECT") || strings.Contains(err.Error(), "INSERT") {
		t.Fatalf("an error quotes: %v", err)
	}
	return shown
}

// Connections cut in the middle, wherever: the load succeeds, every row once.
func TestCut(t *testing.T) {
	a := makeAll(t)
	o, proxies := behind(t, options(t, 2))
	tries := 4
	if testing.Short() {
		tries = 1
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range tries {
		e := open(t, o)
		e.block = 300
		if err := e.Keep(t.Context(), matcher.Holding{}); err != nil {
			t.Fatal(err)
		}
		for _, p := range proxies {
			var again func()
			again = func() {
				p.cut()
				if p.left.Load() > -1e9 {
					p.after(1+random.Int64N(600_000), again)
				}
			}
			p.after(1+random.Int64N(600_000), again)
		}
		if err := a.put(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		for _, p := range proxies {
			p.left.Store(-1e12)
		}
		if err := e.Keep(t.Context(), a.holding()); err != nil { // loads that could not drop what they left
			t.Fatal(err)
		}
		a.right(t, e)
	}
}

func (a *all) holding() matcher.Holding {
	return matcher.Holding{Builds: map[matcher.BuildID]bool{allBuild: true}, Populations: map[matcher.PopulationID]bool{allPop: true},
		Lists: map[matcher.ListID]bool{a.list.ID(): true}, Logs: map[matcher.BoundEvents]bool{{Build: allBuild, Events: allLog}: true}}
}

// A shard killed in the middle of a load: where it comes back in time the load
// succeeds; where not it fails clearly, holds nothing of what was under way, and can
// be done again.
func TestKilledInLoad(t *testing.T) {
	a := makeAll(t)
	servers := chtest.Start(t, 2, chtest.Options{})
	o, proxies := behind(t, database(t, servers))
	points := []int64{20_000, 300_000}
	if testing.Short() {
		points = points[1:]
	}
	for _, back := range []bool{true, false} {
		for _, at := range points {
			e := open(t, o)
			e.block = 300
			if err := e.Keep(t.Context(), matcher.Holding{}); err != nil {
				t.Fatal(err)
			}
			killed := make(chan error, 1)
			if !back {
				e.patience = 200 * time.Millisecond
			}
			proxies[1].after(at, func() {
				err := servers[1].Kill()
				proxies[1].cut()
				if back && err == nil {
					err = servers[1].Restart()
				}
				killed <- err
			})
			err := a.put(t.Context(), e)
			if k := <-killed; k != nil {
				t.Fatal(k)
			}
			if !back {
				refused(t, err, 2)
				if err := servers[1].Restart(); err != nil {
					t.Fatal(err)
				}
				held, other := e.Holds(t.Context())
				if other != nil || held.Logs[matcher.BoundEvents{Build: allBuild, Events: allLog}] {
					t.Fatal("a log is held that was never whole", other)
				}
				e.patience = time.Minute
				err = a.put(t.Context(), e)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Keep(t.Context(), a.holding()); err != nil {
				t.Fatal(err)
			}
			a.right(t, e)
		}
	}
}

// A shard that does not answer: the time that is given ends the load, clearly.
func TestSlow(t *testing.T) {
	t.Parallel()
	a := makeAll(t)
	o, proxies := behind(t, options(t, 2))
	o.Time = 5 * time.Second // the other shard is never as slow twice
	e := open(t, o)
	e.block, e.patience, e.long = 300, time.Second, o.Time
	proxies[1].after(100_000, func() {
		go proxies[1].pause(true)
	})
	err := a.put(t.Context(), e)
	refused(t, err, 2)
	proxies[1].pause(false)
	e = open(t, func() Options { o.Time = time.Minute; return o }())
	if err := a.put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := e.Keep(t.Context(), a.holding()); err != nil {
		t.Fatal(err)
	}
	a.right(t, e)
}

// A disk without room: a clear error, nothing half held; with room it succeeds.
func TestFull(t *testing.T) {
	a := makeAll(t)
	ample := chtest.Start(t, 1, chtest.Options{})[0]
	dir := t.TempDir()
	config := func(keep string) chtest.Options {
		return chtest.Options{Config: "<clickhouse><storage_configuration><disks><default><keep_free_space_bytes>" + keep +
			"</keep_free_space_bytes></default></disks></storage_configuration></clickhouse>"}
	}
	full, err := chtest.New(dir, config("1000000000000000"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Kill() }()
	o, proxies := behind(t, database(t, []*chtest.Server{ample, full}))
	e := open(t, o)
	e.block, e.patience = 300, time.Second
	err = a.put(t.Context(), e)
	if shown := refused(t, err, 2); !strings.Contains(shown.Detail, "NOT_ENOUGH_SPACE") {
		t.Fatal(err)
	}
	held, err := e.Holds(t.Context())
	if err != nil || len(held.Builds)+len(held.Lists)+len(held.Logs)+len(held.Populations) > 0 {
		t.Fatal("something is held that never was whole", err)
	}
	all, err := e.allTables(t.Context(), e.puts())
	if err != nil || len(all[0])+len(all[1]) > 0 {
		t.Fatal("tables of a load that failed are there", err)
	}
	if err := full.Kill(); err != nil {
		t.Fatal(err)
	}
	if full, err = chtest.New(dir, config("0")); err != nil {
		t.Fatal(err)
	}
	proxies[1].to.Store(&full.Addr)
	proxies[1].cut()
	if err := a.put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	a.right(t, e)
}

// Cancelled, a load ends, and so does what the servers do for it.
func TestCancelLoad(t *testing.T) {
	a := makeAll(t)
	o, proxies := behind(t, options(t, 2))
	e := open(t, o)
	e.block = 300
	ctx, cancel := context.WithCancel(t.Context())
	proxies[0].after(150_000, cancel)
	if err := a.put(ctx, e); !errors.Is(err, context.Canceled) {
		t.Fatal("not cancelled:", err)
	}
	for shard := range e.shards {
		idle(t, e, shard)
	}
	if err := a.put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	a.right(t, e)
}

// idle waits until a shard does nothing in the engine's database.
func idle(t *testing.T, e *Engine, shard int) {
	t.Helper()
	for range 1000 {
		var n uint64
		err := e.shards[shard].QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND query NOT LIKE '%system.processes%'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the server goes on after a cancel")
}

// Who gives so much time is told which shard did not answer until then, one that hangs
// and one that is gone.
func TestOverdue(t *testing.T) {
	t.Parallel()
	o, proxies := behind(t, options(t, 2))
	e := open(t, o)
	overdue := func(says string) {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		_, err := e.Holds(ctx)
		if shown := refused(t, err, 2); !strings.Contains(shown.Detail, says) || shown.Mend != unreached {
			t.Error(err)
		}
		gone, stop := context.WithCancel(t.Context())
		stop()
		if _, err := e.Holds(gone); !errors.Is(err, context.Canceled) {
			t.Error("who went away is told", err)
		}
	}
	proxies[1].pause(true)
	overdue("no answer")
	proxies[1].pause(false)
	_, err := e.Holds(t.Context())
	must(t, err)
	_ = proxies[1].l.Close()
	proxies[1].cut()
	overdue("no connection")
}
