package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/entrustment"
	"awase/matcher"
)

// counting are the settings of a statement that counts: what a tree of 4,096
// conditions needs of the parser, and no plan that depends on what was asked before
// or guesses which side of a join is small. Joins of tokens go by the ranges of
// their keys, on all cores.
var counting = clickhouse.Settings{
	"max_query_size": 64 << 20, "max_ast_elements": 10_000_000, "max_expanded_ast_elements": 10_000_000, "max_ast_depth": 10_000, "max_parser_depth": 10_000,
	"query_plan_join_shard_by_pk_ranges": 1, "query_plan_join_swap_table": "false", "query_plan_optimize_join_order_limit": 0, "enable_join_runtime_filters": 0,
	"use_index_for_in_with_subqueries": 0, "use_query_cache": 0, "use_query_condition_cache": 0, "compile_expressions": 0, "join_algorithm": "parallel_hash",
}

// Cells gives the exact counts of q, with the errors of matcher.Embedded, or
// CodeEngine where a shard can't be asked. Every shard is given the same statement, on
// tables that are named after it, at the same time, and what they answer adds up, since
// a cluster is on one alone; where one fails there is no answer. Errors hold nothing
// that a shard said but the number of its error.
func (e *Engine) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	if err := ctx.Err(); err != nil {
		return matcher.Exact{}, err
	}
	s, cells, err := e.check(&q)
	if err != nil {
		return matcher.Exact{}, err
	}
	may, err := e.mayCount(ctx, s, &q)
	if err == nil {
		out := q.NewExact(cells)
		if err = e.count(ctx, s, may, &q, &out); err == nil {
			return out, nil
		}
	}
	return matcher.Exact{}, e.uncounted(err)
}

func (e *Engine) uncounted(err error) error {
	if errors.Is(err, ErrLost) { // it may have been dropped meanwhile, too: who put it knows
		e.forget()
	}
	return fmt.Errorf("counting: %w", err)
}

// check finds what q names and gives its number of cells.
func (e *Engine) check(q *matcher.Query) (*snapshot, int, error) {
	p, b, err := e.population(q.Population)
	if err != nil {
		return nil, 0, err
	}
	s := &snapshot{engine: e, id: p.build, build: b, gone: p.gone, lists: map[matcher.ListID]*list{}, logs: map[matcher.EventsID]*eventLog{}}
	cells, err := matcher.Check(q, s)
	return s, cells, err
}

// count asks every shard and adds up.
func (e *Engine) count(ctx context.Context, s *snapshot, may *eligible, q *matcher.Query, out *matcher.Exact) error {
	b := e.binder(s, may, q)
	text := b.statement()
	if text == "" || len(out.Users) == 0 { // nothing that is read can be in a cell, by declarations alone
		return nil
	}
	answers := make([]matcher.Exact, len(e.shards))
	err := e.everyShard(ctx, b, text, func(ctx context.Context, shard int, text string) error {
		answers[shard] = q.NewExact(len(out.Users))
		return e.ask(ctx, shard, text, b.params, s.gone, q, &answers[shard])
	})
	if err != nil {
		return err
	}
	for _, a := range answers {
		plus(out.Users, a.Users)
		for i := range a.Sums {
			plus(out.Sums[i], a.Sums[i])
		}
	}
	return nil
}

func (e *Engine) binder(s *snapshot, may *eligible, q *matcher.Query) *binder {
	return &binder{snapshot: s, may: may, gone: len(s.gone) > 0, query: q, params: clickhouse.Parameters{}, texts: e.queries}
}

// everyShard has ask put a statement to every shard, over tables that stay what they
// are meanwhile. It may be asked again.
func (e *Engine) everyShard(ctx context.Context, b *binder, text string, ask func(ctx context.Context, shard int, text string) error) error {
	err := e.each(ctx, func(ctx context.Context, shard int) error {
		text := strings.ReplaceAll(text, shardMark, e.place(shard))
		return e.steady(ctx, e.counts(), shard, b.used, func() error {
			return e.again(ctx, e.counts(), shard, "counting", func(ctx context.Context) error { return ask(ctx, shard, text) })
		})
	})
	if err != nil {
		return err
	}
	return b.standing()
}

func plus(to, from []int64) {
	for i, n := range from {
		to[i] += n
	}
}

// ask gives the statement to a shard and puts the cells that are not empty in their
// places. A row that is not of the declared cells, or comes twice, is no answer.
func (e *Engine) ask(ctx context.Context, shard int, text string, params clickhouse.Parameters, gone []uint32, q *matcher.Query, out *matcher.Exact) error {
	rows, err := e.carried(ctx, shard, text, params, gone)
	if err != nil {
		return err
	}
	defer rows.Close()
	var cell uint16
	var users uint64
	spread := q.Events != nil && q.Events.Spread // then a cell may have sums of people who are not counted in it
	seen := make([]bool, len(out.Users))
	sums := make([]int64, len(out.Sums))
	into := []any{&cell, &users}
	for i := range sums {
		into = append(into, &sums[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if int(cell) >= len(out.Users) || seen[cell] || users == 0 && !spread || users > 1<<32 {
			return e.nonsense(shard)
		}
		seen[cell] = true
		out.Users[cell] = int64(users)
		people := int64(users)
		if spread {
			people = 1 << 32
		}
		for i, sum := range sums {
			if sum < 0 || sum > q.MostOf(i, people) {
				return e.nonsense(shard)
			}
			out.Sums[i][cell] = sum
		}
	}
	return rows.Err()
}

// carried gives a shard a statement with its parameters and those of gone that are
// there.
func (e *Engine) carried(ctx context.Context, shard int, text string, params clickhouse.Parameters, gone []uint32) (driver.Rows, error) {
	with := []clickhouse.QueryOption{clickhouse.WithParameters(params), clickhouse.WithSettings(counting)}
	if len(gone) > 0 {
		left, err := ext.NewTable("gone", ext.Column("id", "UInt32"))
		if err != nil {
			return nil, err
		}
		for _, id := range gone {
			if id%uint32(len(e.shards)) != uint32(shard) {
				continue
			}
			if err := left.Append(id); err != nil {
				return nil, err
			}
		}
		with = append(with, clickhouse.WithExternalTable(left))
	}
	return e.carry(clickhouse.Context(ctx, with...), shard, text)
}

// carry gives a shard a statement with a table beside it. The driver writes both whatever
// becomes of ctx, and a server that hangs takes no more than what fits between: who asked
// goes away, and the writing ends with the server's hanging.
func (e *Engine) carry(ctx context.Context, shard int, text string) (driver.Rows, error) {
	type answer struct {
		rows driver.Rows
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		rows, err := e.shards[shard].Query(ctx, text)
		answered <- answer{rows, err}
	}()
	select {
	case a := <-answered:
		return a.rows, a.err
	case <-ctx.Done():
		go func() {
			if a := <-answered; a.err == nil {
				_ = a.rows.Close() // nobody reads them
			}
		}()
		return nil, ctx.Err()
	}
}

func (e *Engine) nonsense(shard int) error {
	return &entrustment.Error{Code: entrustment.CodeEngine, Field: fmt.Sprintf("shard %d", shard+1),
		Detail: "counting: its answer is not of the cells that were asked for", Mend: "check that the server is ClickHouse, and whole"}
}

// snapshot is what a query names, each looked up once.
type snapshot struct {
	engine *Engine
	id     matcher.BuildID
	build  *build
	gone   []uint32
	lists  map[matcher.ListID]*list
	cuts   map[cutOf]table // of those lists; none where there is one shard
	logs   map[matcher.EventsID]*eventLog
}

// Base gives the columns of the base.
func (s *snapshot) Base() []matcher.Column { return s.build.columns }

// List gives the columns of a list.
func (s *snapshot) List(id matcher.ListID) ([]matcher.Column, bool) {
	l := s.lists[id]
	if l == nil {
		var err error
		if l, err = s.engine.list(id); err != nil {
			return nil, false
		}
		s.lists[id] = l
	}
	return l.columns, true
}

// Log gives what the rows of a log are.
func (s *snapshot) Log(id matcher.EventsID) (matcher.Log, bool) {
	l := s.logs[id]
	if l == nil {
		var err error
		if l, err = s.engine.log(s.id, id, "events"); err != nil {
			return matcher.Log{}, false
		}
		s.logs[id] = l
	}
	return l.log, true
}

// standing tells whether the time of nothing that was read is over: rows may have
// gone while they were.
func (s *snapshot) standing() error {
	for id := range s.lists {
		if _, err := s.engine.list(id); err != nil {
			return err
		}
	}
	for id := range s.logs {
		if _, err := s.engine.log(s.id, id, "events"); err != nil {
			return err
		}
	}
	return nil
}
