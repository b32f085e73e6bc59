package clickhouse

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/crypto/token"
	"awase/internal/chtest"
	"awase/internal/testflag"
	"awase/matcher"
)

// two are the two servers that the tests of this package share, from when they are
// asked for.
var two = sync.OnceValues(func() ([]*chtest.Server, error) {
	for range 2 {
		dir, err := os.MkdirTemp("", "awase-clickhouse-")
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, dir)
		s, err := chtest.New(dir, chtest.Options{Args: []string{"--fsync_metadata=0"}}) // none is killed and started again
		if err != nil {
			return nil, err
		}
		alive = append(alive, s)
	}
	return alive, nil
})

var (
	dirs      []string
	alive     []*chtest.Server
	databases atomic.Int64
)

func TestMain(m *testing.M) {
	// Each draw of enginetest loads bases, lists and logs, which takes this engine a
	// second: seven tests draw five each.
	testflag.Default("rapid.checks", "5")
	code := m.Run()
	if code != 0 {
		for _, dir := range dirs {
			if log, err := os.ReadFile(dir + "/log"); err == nil {
				os.Stderr.Write(log[max(0, len(log)-3000):])
			}
		}
	}
	for _, s := range alive {
		_ = s.Kill() // it may be gone already
	}
	for _, dir := range dirs {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// options gives a database of its own on n of the shared servers.
func options(t testing.TB, n int) Options {
	t.Helper()
	if !chtest.There() {
		chtest.Start(t, 1, chtest.Options{}) // skips, or fails with CI=true
	}
	servers, err := two()
	if err != nil {
		t.Fatal(err)
	}
	return database(t, servers[:n])
}

// database makes a database on servers.
func database(t testing.TB, servers []*chtest.Server) Options {
	t.Helper()
	o := Options{Database: fmt.Sprintf("awase%d", databases.Add(1)), Username: "default"}
	for _, s := range servers {
		o.Shards = append(o.Shards, s.Addr)
		c, err := clickhouse.Open(&clickhouse.Options{Addr: []string{s.Addr}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Exec(t.Context(), "CREATE DATABASE "+o.Database); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = c.Exec(context.Background(), "DROP DATABASE "+o.Database+" SYNC") // its server may be gone
			_ = c.Close()
		})
	}
	return o
}

// open opens an engine that ends with the test.
func open(t testing.TB, o Options) *Engine {
	t.Helper()
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() }) // nothing is under way
	return e
}

// rowsOf reads a statement's rows on a shard.
func rowsOf(t testing.TB, conn driver.Conn, text string, scan func(rows driver.Rows) error) {
	t.Helper()
	rows, err := conn.Query(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

var columns = []matcher.Column{
	{Name: "sex", Domain: []string{"f", "m", "unknown"}}, {Name: "age", Domain: []string{"20", "30", "40", "50", "unknown"}},
}

// tok is a token that looks like any other.
func tok(of byte, i int) (t token.Token) {
	binary.LittleEndian.PutUint64(t[:], mix(uint64(i)<<8|uint64(of)))
	binary.LittleEndian.PutUint32(t[8:], uint32(mix(uint64(i)<<8|uint64(of)+1<<60)))
	return t
}

// person is the user of a number: two tokens, and a third that every tenth shares
// with the next.
func person(i int) matcher.Person {
	p := matcher.Person{User: tok(100, i), Codes: []uint8{uint8(i % 3), uint8(i % 5)}, PolicyVersion: string(rune('a' + i%3)),
		Tokens: []matcher.KindToken{{Token: tok(0, i), Kind: matcher.Email}, {Token: tok(1, i), Kind: matcher.Phone}}}
	if i%10 < 2 {
		p.Tokens = append(p.Tokens, matcher.KindToken{Token: tok(2, i/10), Kind: matcher.MAID})
	}
	return p
}

func makeBase(t testing.TB, n int) *matcher.Base {
	t.Helper()
	b := matcher.NewBaseBuilder(columns)
	for i := range n {
		p := person(i)
		if err := b.Add(&p); err != nil {
			t.Fatal(err)
		}
	}
	base, err := b.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func makeList(t testing.TB, n int) *matcher.List {
	t.Helper()
	b := matcher.NewListBuilder(columns, [32]byte{1})
	for i := range n {
		r := matcher.ListRow{Codes: []uint8{uint8(i % 3), uint8(i % 4)}, Tokens: person(2 * i).Tokens}
		if err := b.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	list, err := b.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var errOpened = errors.New("opened what is held already")

func noBase() (*matcher.Base, error) { return nil, errOpened }
func noList() (*matcher.List, error) { return nil, errOpened }

// peopleOf gives the table of those of a population who may be counted.
func (e *Engine) peopleOf(ctx context.Context, pop matcher.PopulationID, of *matcher.Eligibility) (table, error) {
	may, err := e.may(ctx, &matcher.Query{Population: pop, Eligible: *of})
	if err != nil {
		return table{}, err
	}
	return may.people, nil
}

// may gives the tables of those who may be counted that a query reads.
func (e *Engine) may(ctx context.Context, q *matcher.Query) (*eligible, error) {
	s, _, err := e.check(q)
	if err != nil {
		return nil, err
	}
	return e.mayCount(ctx, s, q)
}
