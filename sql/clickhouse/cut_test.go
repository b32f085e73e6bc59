package clickhouse

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/matcher"
)

// cutTables are the tables of cut lists, each with what tells it from another of its name.
func cutTables(t *testing.T, e *Engine) map[string]string {
	t.Helper()
	out := map[string]string{}
	for shard, conn := range e.shards {
		rowsOf(t, conn, "SELECT name, toString(uuid) FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'cut_')", func(r driver.Rows) error {
			var name, id string
			err := r.Scan(&name, &id)
			out[fmt.Sprint(shard, " ", name)] = id
			return err
		})
	}
	return out
}

// sameCuts tells whether each shard has of the list what its clusters hold, and no more.
func (a *all) sameCuts(t *testing.T, e *Engine) {
	t.Helper()
	if err := a.cuts(t, e); err != nil {
		t.Error(err)
	}
}

// cuts is what sameCuts finds wrong.
func (a *all) cuts(t *testing.T, e *Engine) (wrong error) {
	t.Helper()
	by := func(pieces iter.Seq[matcher.Held]) map[string]uint32 {
		out := map[string]uint32{}
		for p := range pieces {
			for i := range p.Tokens {
				out[string(p.Tokens[i][:])] = p.Values[i]
			}
		}
		return out
	}
	rows, kinds := 0, 0
	for k := range matcher.Kinds {
		held, listed := by(a.base.KindTokens(k, 100)), by(a.list.KindTokens(k, 100))
		if len(held) == 0 || len(listed) == 0 {
			continue
		}
		kinds++
		for shard, conn := range e.shards {
			want, got := map[string]uint32{}, map[string]uint32{}
			for at, row := range listed {
				if id, ok := held[at]; ok && int(id)%len(e.shards) == shard {
					want[at] = row
				}
			}
			rowsOf(t, conn, "SELECT token, `row` FROM "+e.at(cutName(allBuild, a.list.ID(), k), shard), func(r driver.Rows) error {
				var at string
				var row uint32
				err := r.Scan(&at, &row)
				got[at] = row
				rows++
				return err
			})
			if !maps.Equal(got, want) {
				wrong = errors.Join(wrong, fmt.Errorf("kind %d, shard %d: %d tokens, want %d", k, shard, len(got), len(want)))
			}
		}
	}
	if n := len(cutTables(t, e)); n != kinds*len(e.shards) || rows == 0 {
		wrong = errors.Join(wrong, fmt.Errorf("%d tables of %d kinds, %d rows", n, kinds, rows))
	}
	return wrong
}

// TestCutLists: what clusters on a shard hold of a list is there when the list has come,
// before any question; where the base came after it, with the first question. It goes
// with either, and is found again; one server has none.
func TestCutLists(t *testing.T) {
	a := makeAll(t)
	o := options(t, 2)
	e := open(t, o)
	putList := func() {
		must(t, e.PutList(t.Context(), a.list.ID(), columns, func() (*matcher.List, error) { return a.list, nil }, a.until))
	}
	putBase := func() {
		must(t, e.PutBase(t.Context(), allBuild, columns, func() (*matcher.Base, error) { return a.base, nil }))
	}
	keep := func(builds map[matcher.BuildID]bool, lists map[matcher.ListID]bool) {
		t.Helper()
		must(t, e.Keep(t.Context(), matcher.Holding{Builds: builds, Lists: lists, Logs: map[matcher.BoundEvents]bool{{Build: allBuild, Events: allLog}: true}, Populations: map[matcher.PopulationID]bool{allPop: true}}))
	}
	build, list := map[matcher.BuildID]bool{allBuild: true}, map[matcher.ListID]bool{a.list.ID(): true}
	putBase()
	if n := len(cutTables(t, e)); n > 0 {
		t.Fatalf("%d are there without a list", n)
	}
	putList()
	a.sameCuts(t, e)
	before := cutTables(t, e)
	must(t, a.put(t.Context(), e))
	a.same(t, e)
	keep(build, list)
	e = open(t, o) // another process finds them
	keep(build, list)
	must(t, a.put(t.Context(), e))
	a.same(t, e)
	if !maps.Equal(before, cutTables(t, e)) {
		t.Error("they were made anew")
	}
	for _, without := range []func(){func() { keep(build, nil) }, func() { keep(nil, list) }} {
		without()
		if n := len(cutTables(t, e)); n > 0 {
			t.Errorf("%d stay without the list or the build", n)
		}
		putList()
		must(t, a.put(t.Context(), e))
		a.same(t, e)
		a.sameCuts(t, e)
	}
	// One that is lost is found lost, and made again.
	for name := range cutTables(t, e) {
		shard, at, _ := strings.Cut(name, " ")
		onShard(t, e, int(shard[0]-'0'), "TRUNCATE TABLE "+at)
	}
	if _, err := e.Cells(t.Context(), a.questions()[1]); err == nil {
		t.Error("a question was answered of what is lost")
	}
	must(t, a.put(t.Context(), e))
	a.same(t, e)
	a.sameCuts(t, e)

	e = open(t, options(t, 1))
	must(t, a.put(t.Context(), e))
	a.same(t, e)
	if n := len(cutTables(t, e)); n > 0 {
		t.Errorf("one server has %d", n)
	}
}

// A list or a build that is dropped while it is cut leaves nothing, and is no fault of
// what was put; a question that needs it says that it is gone.
func TestDroppedWhileCut(t *testing.T) {
	for name, keep := range map[string]matcher.Holding{"the list": {Builds: map[matcher.BuildID]bool{allBuild: true}}, "all": {}} {
		t.Run(name, func(t *testing.T) {
			a := makeAll(t)
			e := open(t, options(t, 2))
			must(t, e.PutBase(t.Context(), allBuild, columns, func() (*matcher.Base, error) { return a.base, nil }))
			conn, dropped := e.shards[1], 0
			e.shards[1] = &watched{conn, func(text string) {
				if text == statement("cut") && dropped == 0 {
					dropped++
					must(t, e.Keep(t.Context(), keep))
				}
			}}
			err := e.PutList(t.Context(), a.list.ID(), columns, func() (*matcher.List, error) { return a.list, nil }, a.until)
			e.shards[1] = conn
			if err != nil && !strings.Contains(err.Error(), "E_ENGINE") || dropped == 0 {
				t.Errorf("%v, dropped %d times", err, dropped)
			}
			must(t, e.Keep(t.Context(), keep))
			if n := len(cutTables(t, e)); n > 0 {
				t.Errorf("%d are left", n)
			}
			must(t, a.put(t.Context(), e))
			a.same(t, e)
		})
	}
}

// shortly does in an engine of its own what is to be done before a moment: so long from
// now, and longer where it took longer than that. It gives the moment.
func shortly(t *testing.T, life time.Duration, anew func() func(until time.Time) error) time.Time {
	t.Helper()
	for ; ; life *= 2 {
		do := anew()
		until := time.Now().Add(life)
		err := do(until)
		if time.Now().Unix() < until.Unix() { // servers count in seconds
			must(t, err)
			return until
		}
	}
}

// What is cut goes when the list's time is over, by itself.
func TestCutUntil(t *testing.T) {
	t.Parallel()
	a := makeAll(t)
	var e *Engine
	a.until = shortly(t, 2500*time.Millisecond, func() func(time.Time) error {
		e = open(t, options(t, 2))
		must(t, e.PutBase(t.Context(), allBuild, columns, func() (*matcher.Base, error) { return a.base, nil }))
		return func(until time.Time) error {
			if err := e.PutList(t.Context(), a.list.ID(), columns, func() (*matcher.List, error) { return a.list, nil }, until); err != nil {
				return err
			}
			return a.cuts(t, e)
		}
	})
	time.Sleep(time.Until(a.until.Add(1500 * time.Millisecond)))
	for name := range cutTables(t, e) {
		shard, at, _ := strings.Cut(name, " ")
		onShard(t, e, int(shard[0]-'0'), "OPTIMIZE TABLE "+at+" FINAL")
		var n uint64
		must(t, e.shards[shard[0]-'0'].QueryRow(t.Context(), "SELECT count() FROM "+at).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows are there after their time", n)
		}
	}
}
