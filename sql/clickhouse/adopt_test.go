package clickhouse

import (
	"fmt"
	"maps"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/crypto/token"
	"awase/matcher"
)

// lineage is a base and what of it is asked, on an engine and in memory.
type lineage struct {
	t      *testing.T
	e      *Engine
	base   *matcher.Base
	opened atomic.Int64 // how often standings were
}

var asKinds = []matcher.Eligibility{{ByPolicy: true, Versions: []string{"a"}}, {ByPolicy: true, Versions: []string{"b", "c"}}}

func (l *lineage) putBase(build matcher.BuildID) {
	l.t.Helper()
	must(l.t, l.e.PutBase(l.t.Context(), build, columns, func() (*matcher.Base, error) { return l.base, nil }))
}

// put puts a population of a build without some users.
func (l *lineage) put(pop matcher.PopulationID, build matcher.BuildID, gone ...int) {
	l.t.Helper()
	must(l.t, l.e.PutPopulation(l.t.Context(), pop, build, func() (*matcher.Standings, error) {
		l.opened.Add(1)
		return l.base.Standings(), nil
	}, usersOf(gone)))
}

func usersOf(people []int) (out []token.Token) {
	for _, i := range people {
		out = append(out, person(i).User)
	}
	return out
}

// right tells whether the engine gives the cells of the one in memory.
func (l *lineage) right(pop matcher.PopulationID, gone ...int) {
	l.t.Helper()
	memory := matcher.NewEmbedded()
	memory.PutBase(pop, l.base.WithTombstones(usersOf(gone)))
	for _, el := range asKinds {
		q := matcher.Query{Population: pop, Eligible: el, Dims: []matcher.Dim{{Name: "sex", Size: 3}, {Name: "age", Size: 5}}}
		want, err := memory.Cells(l.t.Context(), q)
		must(l.t, err)
		if got, err := l.e.Cells(l.t.Context(), q); err != nil || !reflect.DeepEqual(got, want) {
			l.t.Errorf("%x, %+v: got %v, %v, want %v", pop[:1], el, got, err, want)
		}
	}
}

// tables are the tables of who may be counted, each with what tells it from another of
// its name.
func (l *lineage) tables() map[string]string {
	l.t.Helper()
	out := map[string]string{}
	for shard, conn := range l.e.shards {
		rowsOf(l.t, conn, "SELECT name, toString(uuid) FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'pop_')", func(r driver.Rows) error {
			var name, id string
			err := r.Scan(&name, &id)
			out[fmt.Sprint(shard, " ", name)] = id
			return err
		})
	}
	return out
}

// A request, and a process that comes after another, make nothing anew of who may be
// counted; another build of the same population has its own.
func TestAdopt(t *testing.T) {
	o := options(t, 2)
	l := &lineage{t: t, e: open(t, o), base: makeBase(t, 4000)}
	old, now, other := matcher.PopulationID{1}, matcher.PopulationID{2}, matcher.BuildID{9}
	l.putBase(allBuild)
	l.put(old, allBuild, 6)
	l.right(old, 6)
	there := l.tables()
	if len(there) == 0 {
		t.Fatal("nothing is there")
	}
	same := func(what string) {
		t.Helper()
		if !maps.Equal(there, l.tables()) {
			t.Errorf("%s: what was there is not what is", what)
		}
	}
	keep := func(build matcher.BuildID, pop matcher.PopulationID) {
		t.Helper()
		must(t, l.e.Keep(t.Context(), matcher.Holding{Builds: map[matcher.BuildID]bool{build: true}, Populations: map[matcher.PopulationID]bool{pop: true}}))
	}
	l.put(now, allBuild, 6, 9, 12, 3999)
	keep(allBuild, now)
	l.right(now, 6, 9, 12, 3999)
	same("after a request")
	if l.opened.Load() != 1 {
		t.Errorf("what says who is eligible was opened %d times", l.opened.Load())
	}
	l.e = open(t, o)
	keep(allBuild, now) // before anything is put, as an enclave that connects does
	l.putBase(allBuild)
	l.put(now, allBuild, 6, 9, 12, 3999)
	l.right(now, 6, 9, 12, 3999)
	same("after a restart")

	l.putBase(other)
	l.e = open(t, o)
	l.putBase(allBuild)
	l.putBase(other)
	l.put(now, other, 6, 9, 12, 3999)
	l.right(now, 6, 9, 12, 3999)
	if n := len(l.tables()); n != 2*len(there) {
		t.Errorf("with another build there are %d tables, not %d", n, 2*len(there))
	}
	l.put(now, allBuild, 6) // of another build in the same process: not what was put before
	l.right(now, 6)
	keep(other, now)
	for name := range l.tables() {
		if there[name] != "" {
			t.Errorf("%s of a build that is not kept stays", name)
		}
	}
}

// A build that is put again, as whoever tends the cluster does, goes on to know who is
// eligible, and what was made.
func TestPutAgain(t *testing.T) {
	l := &lineage{t: t, e: open(t, options(t, 1)), base: makeBase(t, 1000)}
	pop := matcher.PopulationID{1}
	l.putBase(allBuild)
	l.put(pop, allBuild, 6)
	before := l.e.builds[allBuild]
	l.putBase(allBuild)
	l.put(pop, allBuild, 6)
	l.right(pop, 6)
	l.putBase(allBuild)
	if l.e.builds[allBuild] != before || len(before.eligible) != len(asKinds) || l.opened.Load() != 1 {
		t.Errorf("%d eligibilities are known, standings were opened %d times", len(before.eligible), l.opened.Load())
	}
}
