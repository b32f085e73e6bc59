package clickhouse

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/matcher"
)

// population finds a population and its build.
func (e *Engine) population(id matcher.PopulationID) (*population, *build, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.pops[id]
	if p == nil || e.builds[p.build] == nil {
		return nil, nil, matcher.Gone("population")
	}
	return p, e.builds[p.build], nil
}

// list finds a list.
func (e *Engine) list(id matcher.ListID) (*list, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lists[id]
	if l == nil || !time.Now().Before(l.until) {
		return nil, matcher.Gone("list")
	}
	return l, nil
}

// steady does what reads these tables on a shard, and proves that they were whole from
// its beginning to its end. One that was put anew meanwhile is whole again, and what
// was read may be of the one before.
func (e *Engine) steady(ctx context.Context, how limits, shard int, tables []table, do func() error) error {
	before, err := e.which(ctx, how, shard, tables)
	if err == nil {
		err = do()
	}
	if err != nil {
		return err
	}
	after, err := e.which(ctx, how, shard, tables)
	if err == nil && !maps.Equal(before, after) {
		err = e.lost(shard)
	}
	return err
}

// intact proves that a shard still has the rows that were verified, of each of
// these tables.
func (e *Engine) intact(ctx context.Context, how limits, shard int, tables ...table) error {
	_, err := e.which(ctx, how, shard, tables)
	return err
}

// which proves that tables are intact, as their parts' headers say, and gives what
// tells each from another of its name. Else all that is known of what the shards hold is
// forgotten, so that it is put again, and ErrLost is given.
func (e *Engine) which(ctx context.Context, how limits, shard int, tables []table) (map[string]string, error) {
	want := map[string]uint64{}
	for _, t := range tables {
		want[e.at(t.name, shard)] = t.rows[shard]
	}
	names := make([]string, 0, len(want))
	for name := range want {
		names = append(names, "'"+name+"'")
	}
	are := map[string]string{}
	var whole bool
	err := e.again(ctx, how, shard, "looking at what is held", func(ctx context.Context) error {
		clear(are)
		whole = true
		rows, err := e.shards[shard].Query(clickhouse.Context(ctx, clickhouse.WithParameters(
			clickhouse.Parameters{"tables": "[" + strings.Join(names, ",") + "]"})), statement("whole"))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, which string
			var n uint64
			if err := rows.Scan(&name, &which, &n); err != nil {
				return err
			}
			are[name] = which
			whole = whole && n == want[name]
		}
		return rows.Err()
	})
	if err == nil && (!whole || len(are) != len(want)) {
		err = e.lost(shard)
	}
	return are, err
}

// lost forgets what the shards hold, and says that one lost some of it.
func (e *Engine) lost(shard int) error {
	e.forget()
	return fmt.Errorf("shard %d: %w", shard+1, ErrLost)
}

// forget forgets what the shards hold. What is there whole is found again by the
// next Put, without being loaded.
func (e *Engine) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.builds)
	clear(e.pops)
	clear(e.lists)
	clear(e.logs)
}

// Holds tells what every shard holds whole. A population is held if its build is and
// PutPopulation was called: who is eligible is known to the enclave's memory alone.
func (e *Engine) Holds(ctx context.Context) (matcher.Holding, error) {
	h := matcher.Holding{Builds: map[matcher.BuildID]bool{}, Populations: map[matcher.PopulationID]bool{},
		Lists: map[matcher.ListID]bool{}, Logs: map[matcher.BoundEvents]bool{}}
	all, err := e.allTables(ctx, e.puts())
	if err != nil {
		return h, err
	}
	for name, f := range all[0] {
		name, here := strings.CutSuffix(name, e.place(0))
		id, ok := parseID(f.note.ID)
		if !ok || !here || strings.Contains(name, loading) {
			continue
		}
		switch {
		case name == baseName(id, "people"):
			if _, ok := e.heldBuild(all, id); ok {
				h.Builds[id] = true
			}
		case name == listName(id, "row"):
			if _, ok := e.heldList(all, id); ok {
				h.Lists[id] = true
			}
		case strings.HasPrefix(name, "log_"):
			if by, ok := parseID(f.note.By); ok && name == logName(id, by) {
				if _, ok := e.heldLog(all, id, by); ok {
					h.Logs[matcher.BoundEvents{Build: id, Events: by}] = true
				}
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, p := range e.pops {
		if h.Builds[p.build] && e.builds[p.build] != nil {
			h.Populations[id] = true
		}
	}
	return h, nil
}

// Keep drops all that keep does not name. A shard that is away does not keep the
// others from dropping theirs.
func (e *Engine) Keep(ctx context.Context, keep matcher.Holding) error {
	e.mu.Lock()
	prefixes := map[string]bool{}
	for id := range keep.Builds {
		prefixes["base_"+short(id)], prefixes["pop_"+short(id)] = true, true
	}
	for id := range keep.Lists {
		prefixes["list_"+short(id)] = true
	}
	for id := range keep.Logs {
		prefixes[logName(id.Build, id.Events)] = true
	}
	for id := range e.builds {
		if !keep.Builds[id] {
			delete(e.builds, id)
		}
	}
	for _, b := range e.builds {
		maps.DeleteFunc(b.cuts, func(of cutOf, _ table) bool { return !keep.Lists[of.list] })
	}
	for id, p := range e.pops {
		if !keep.Populations[id] || !keep.Builds[p.build] {
			delete(e.pops, id)
		}
	}
	for id := range e.lists {
		if !keep.Lists[id] {
			delete(e.lists, id)
		}
	}
	for id := range e.logs {
		if !keep.Logs[id] {
			delete(e.logs, id)
		}
	}
	e.mu.Unlock()
	faults := make([]error, len(e.shards))
	_ = e.every(func(shard int) error {
		faults[shard] = e.keepOn(ctx, shard, prefixes)
		return nil
	})
	return errors.Join(faults...)
}

// keepOn drops on a shard what is not of these names, and what no load of ours is
// filling, until nothing of it is listed: a statement that was given up long ago may
// have named a table while that was dropped by its other name.
func (e *Engine) keepOn(ctx context.Context, shard int, prefixes map[string]bool) error {
	for range tries {
		tables, err := e.tables(ctx, e.puts(), shard)
		if err != nil {
			return err
		}
		over := e.unkept(tables, shard, prefixes)
		if len(over) == 0 {
			return nil
		}
		if err := e.dropAll(ctx, shard, over); err != nil {
			return err
		}
	}
	return e.refusal(shard, "tables come while they are dropped", "see that nothing but this room uses the database, and drop again")
}

// unkept gives the tables of a shard that are not to be kept.
func (e *Engine) unkept(tables map[string]found, shard int, prefixes map[string]bool) (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for at, f := range tables {
		if e.foreign(&f) {
			continue
		}
		name, here := strings.CutSuffix(at, e.place(shard))
		final, _, isLoading := strings.Cut(name, loading)
		if here && (e.loading[name] || !isLoading && kept(final, prefixes) && f.note.Shards == len(e.shards) && f.note.Shard == shard) {
			continue
		}
		out = append(out, at)
	}
	return out
}

// kept tells whether a table of that name is of something that is kept.
func kept(name string, prefixes map[string]bool) bool {
	if of, cut := strings.CutPrefix(name, "cut_"); cut {
		return prefixes["base_"+of[:16]] && prefixes["list_"+of[17:33]]
	}
	if strings.HasPrefix(name, "log_") {
		return prefixes[name]
	}
	return prefixes[name[:strings.IndexByte(name, '_')+17]]
}

// dropAll drops tables of a shard, some side by side.
func (e *Engine) dropAll(ctx context.Context, shard int, names []string) error {
	faults := make([]error, len(names))
	var wg sync.WaitGroup
	places := make(chan struct{}, tablesAtOnce)
	for i, name := range names {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			faults[i] = e.drop(ctx, shard, name)
		})
	}
	wg.Wait()
	return errors.Join(faults...)
}

// parseID reads an id of a comment.
func parseID(text string) (id [32]byte, ok bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, false
	}
	return [32]byte(b), true
}
