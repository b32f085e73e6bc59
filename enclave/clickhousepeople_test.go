package enclave

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// openings counts how often what decides who is eligible is asked for.
type openings struct {
	Remote
	n *atomic.Int64
}

func (o openings) PutPopulation(ctx context.Context, pop matcher.PopulationID, build matcher.BuildID, standings func() (*matcher.Standings, error), gone []token.Token) error {
	return o.Remote.PutPopulation(ctx, pop, build, func() (*matcher.Standings, error) {
		o.n.Add(1)
		return standings()
	}, gone)
}

// counted are the options of a room on these servers, and its openings.
func (s *servers) counted() (o Options, n *atomic.Int64) {
	o, n = s.options(), &atomic.Int64{}
	open := o.Remote
	o.Remote = func(ctx context.Context, owner string) (Remote, error) {
		r, err := open(ctx, owner)
		return openings{r, n}, err
	}
	return o, n
}

// people are the tables of who may be counted that the servers hold, each with what tells it from
// another of its name.
func (s *servers) people(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for i, one := range s.of {
		c, err := driver.Open(&driver.Options{Addr: []string{one.Addr}})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := c.Query(t.Context(), "SELECT name, toString(uuid) FROM system.tables WHERE database = '"+s.database+"' AND startsWith(name, 'pop_')")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name, id string
			if err := rows.Scan(&name, &id); err != nil {
				t.Fatal(err)
			}
			out[fmt.Sprint(i, " ", name)] = id
		}
		_ = rows.Close() // they were read
		_ = c.Close()
	}
	return out
}

// TestClickHousePeople: a request of a data subject, and a restart, bring nothing anew
// of who may be counted; whoever asked is not counted.
func TestClickHousePeople(t *testing.T) {
	t.Parallel()
	onShards(t, func(t *testing.T, s *servers) {
		o, opened := s.counted()
		dir := filepath.Join(t.TempDir(), "V")
		e := openWith(t, dir, o)
		fill(t, e, "")
		moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		sigmas := []int{5, 10, 20}
		overlap := func(want int64) {
			t.Helper()
			sigma := sigmas[0] // another table
			sigmas = sigmas[1:]
			r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims, q.Sigma = "overlap", nil, sigma }))
			if err != nil || !near(r.Cells[0].Users, want) {
				t.Fatalf("%+v, %v, want %d", r, err, want)
			}
		}
		overlap(1350)
		before, n := s.people(t), opened.Load()
		if len(before) == 0 {
			t.Fatal("nobody is there")
		}
		same := func(what string) {
			t.Helper()
			if !maps.Equal(before, s.people(t)) {
				t.Errorf("%s: what was there is not what is", what)
			}
		}
		var keys [][]byte
		for i := range 600 {
			keys = append(keys, fmt.Appendf(nil, "user-%d", i))
		}
		if err := rights(t, e, seal.Deletion, keys); err != nil {
			t.Fatal(err)
		}
		settled(t, e)
		overlap(810)
		same("after a request")
		if opened.Load() != n {
			t.Errorf("after a request what says who is eligible was opened %d times", opened.Load()-n)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		e = openWith(t, dir, o)
		settled(t, e)
		overlap(810)
		same("after a restart")
	})
}

// TestClickHouseLifts: who asked is counted again, by both engines alike, once a base
// says that they agreed on a later day, and not by one that does not.
func TestClickHouseLifts(t *testing.T) {
	t.Parallel()
	onShards(t, func(t *testing.T, s *servers) {
		o, _ := s.counted()
		var ahead atomic.Int64
		o.Now = func() time.Time { return time.Now().AddDate(0, 0, int(ahead.Load())) }
		dir := filepath.Join(t.TempDir(), "V")
		e := openWith(t, dir, o)
		fill(t, e, "")
		moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		if err := rights(t, e, seal.Stop, userKeys(0, 600)); err != nil {
			t.Fatal(err)
		}
		ahead.Store(1)
		sigmas := []int{5, 10, 20, 50}
		overlap := func(what string, want int64) {
			t.Helper()
			sigma := sigmas[0] // another table
			sigmas = sigmas[1:]
			r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims, q.Sigma = "overlap", nil, sigma }))
			if err != nil || !near(r.Cells[0].Users, want) {
				t.Errorf("%s: %+v, %v, want %d", what, r, err, want)
			}
		}
		users, _ := crowd(1500)
		for i := range users[:600] {
			users[i].agreed = entrustment.DateOf(o.Now()).String()
		}
		loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
		overlap("agreed again", 1350)
		moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded}) // compares every cell of both
		for i := range users[:600] {
			users[i].agreed = ""
		}
		loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
		overlap("a base that does not say so", 810)
		moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		overlap("likewise, outside", 810)
	})
}
