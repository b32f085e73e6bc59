package clickhouse

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"

	"awase/crypto/token"
	"awase/matcher"
)

// build is a build that is held.
type build struct {
	columns []matcher.Column
	people  table // clusters and their codes
	user    table // tokens of the user keys
	tokens  [matcher.Kinds]table

	standings atomic.Pointer[matcher.Standings] // set before a population of it is known

	making   turn                 // of who reads or makes what follows
	eligible map[string]*eligible // who may be counted, by the digest of the eligibility
	single   [matcher.Kinds]*bool // nobody has two tokens of the kind; nil: not looked at yet

	cuts map[cutOf]table // guarded by the engine's mu
}

// population is a build without the users of some requests.
type population struct {
	id    matcher.PopulationID
	build matcher.BuildID
	gone  []uint32 // clusters under requests, ascending: no shard keeps them
}

// piece is how many rows are taken from memory at a time.
const piece = 1 << 14

func newBuild() *build {
	return &build{making: newTurn(), eligible: map[string]*eligible{}, cuts: map[cutOf]table{}}
}

// heldBuild gives the tables of a build if every shard holds them.
func (e *Engine) heldBuild(all []map[string]found, id matcher.BuildID) (*build, bool) {
	b := newBuild()
	ok := true
	get := func(part string) table {
		t, held := e.held(all, baseName(id, part), whole(id), "")
		ok = ok && held
		return t
	}
	b.people, b.user = get("people"), get("user")
	for k := range matcher.Kinds {
		b.tokens[k] = get(tokenPart(k))
	}
	return b, ok
}

// PutBase makes every shard hold its clusters of a build, their tokens and user keys.
func (e *Engine) PutBase(ctx context.Context, id matcher.BuildID, columns []matcher.Column, open func() (*matcher.Base, error)) error {
	if err := e.putting.take(ctx); err != nil {
		return err
	}
	defer e.putting.give()
	all, err := e.allTables(ctx, e.puts())
	if err != nil {
		return err
	}
	if b, ok := e.heldBuild(all, id); ok {
		e.keepBuild(id, b, columns)
		return nil
	}
	base, err := open()
	if err != nil {
		return err
	}
	ls, err := e.loadBase(ctx, id, base, len(columns))
	if err != nil {
		return fmt.Errorf("loading a base: %w", err)
	}
	tables, err := ls.publish(ctx, e, whole(id), "", time.Time{})
	if err != nil {
		return fmt.Errorf("loading a base: %w", err)
	}
	b := newBuild()
	b.people, b.user, b.tokens = tables[0], tables[1], [matcher.Kinds]table(tables[2:])
	e.keepBuild(id, b, columns)
	return nil
}

// keepBuild writes down that a build is held. One that was, of the same tables, stays:
// it knows what was made of it. Who is eligible of it is known whatever became of the
// tables, since its populations are.
func (e *Engine) keepBuild(id matcher.BuildID, b *build, columns []matcher.Column) {
	b.columns = columns
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = id
	if was := e.builds[id]; was != nil {
		if was.people.same(&b.people) && was.user.same(&b.user) && slices.EqualFunc(was.tokens[:], b.tokens[:], func(a, b table) bool { return a.same(&b) }) {
			return
		}
		b.standings.Store(was.standings.Load())
	}
	e.builds[id] = b
}

func (e *Engine) loadBase(ctx context.Context, id matcher.BuildID, base *matcher.Base, columns int) (loads, error) {
	tokens := form{name: "token", tokens: true, merged: true}
	jobs := []job{
		{baseName(id, "people"), form{name: "people", codes: columns, merged: true}, func(ctx context.Context, l *loader) error {
			return l.people(ctx, base.People(piece))
		}},
		{baseName(id, "user"), tokens, func(ctx context.Context, l *loader) error {
			return l.spread(ctx, base.UserKeys(piece))
		}},
	}
	for k := range matcher.Kinds {
		jobs = append(jobs, job{baseName(id, tokenPart(k)), tokens, func(ctx context.Context, l *loader) error {
			return l.spread(ctx, base.KindTokens(k, piece))
		}})
	}
	return e.loadAll(ctx, jobs)
}

// shardOf is the shard that a cluster is on.
func (l *loader) shardOf(id uint32) int { return int(id % uint32(len(l.shards))) }

// people gives each cluster and its codes to its shard.
func (l *loader) people(ctx context.Context, pieces iter.Seq[matcher.People]) error {
	for p := range pieces {
		for i, id := range p.IDs {
			b, err := l.at(ctx, l.shardOf(id))
			if err != nil {
				return err
			}
			b.ids = append(b.ids, id)
			for c := range b.codes {
				b.codes[c] = append(b.codes[c], p.Codes[c][i])
			}
		}
	}
	return ctx.Err()
}

// spread gives each token to the shard of its cluster.
func (l *loader) spread(ctx context.Context, pieces iter.Seq[matcher.Held]) error {
	for p := range pieces {
		for i := range p.Tokens {
			b, err := l.at(ctx, l.shardOf(p.Values[i]))
			if err != nil {
				return err
			}
			b.addToken(&p.Tokens[i], p.Values[i])
		}
	}
	return ctx.Err()
}

// PutPopulation makes a build, without the users of these tokens, a population. The
// tokens go to the shards to be looked up and are kept nowhere.
func (e *Engine) PutPopulation(ctx context.Context, id matcher.PopulationID, buildID matcher.BuildID, standings func() (*matcher.Standings, error), gone []token.Token) error {
	e.mu.Lock()
	b, p := e.builds[buildID], e.pops[id]
	e.mu.Unlock()
	if b == nil {
		return matcher.Gone("build")
	}
	if p != nil && p.build == buildID {
		return nil
	}
	p = &population{id: id, build: buildID}
	var err error
	if p.gone, err = e.users(ctx, b, gone); err != nil {
		return fmt.Errorf("looking up who is under a request: %w", err)
	}
	if err := b.know(standings); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	// What was forgotten meanwhile may be there again, and not know who is eligible.
	now := e.builds[buildID]
	if now == nil {
		return matcher.Gone("build")
	}
	now.standings.CompareAndSwap(nil, b.standings.Load())
	e.pops[id] = p
	return nil
}

// know has a build know who is eligible; all its populations agree in it.
func (b *build) know(standings func() (*matcher.Standings, error)) error {
	if b.standings.Load() != nil {
		return nil
	}
	s, err := standings()
	if err == nil {
		b.standings.Store(s)
	}
	return err
}

// users gives the clusters of the users of these tokens that are in a build, ascending.
func (e *Engine) users(ctx context.Context, b *build, tokens []token.Token) ([]uint32, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	byShard := make([][]uint32, len(e.shards))
	err := e.each(ctx, func(ctx context.Context, shard int) error {
		// Of rows that were lost, nobody is found.
		return e.steady(ctx, e.puts(), shard, []table{b.user}, func() error {
			return e.again(ctx, e.puts(), shard, "looking up users", func(ctx context.Context) (err error) {
				byShard[shard], err = e.usersOn(ctx, shard, b, tokens)
				return err
			})
		})
	})
	if err != nil {
		return nil, err
	}
	ids := slices.Concat(byShard...)
	slices.Sort(ids)
	return ids, nil
}

// usersOn gives those on a shard.
func (e *Engine) usersOn(ctx context.Context, shard int, b *build, tokens []token.Token) (ids []uint32, err error) {
	asked, err := ext.NewTable("asked", ext.Column("token", "FixedString(12)"))
	if err != nil {
		return nil, err
	}
	for i := range tokens {
		if err := asked.Append(tokens[i][:]); err != nil {
			return nil, err
		}
	}
	rows, err := e.carry(clickhouse.Context(ctx, clickhouse.WithExternalTable(asked),
		clickhouse.WithParameters(clickhouse.Parameters{"user": e.at(b.user.name, shard)})), shard, statement("users"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id uint32
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
