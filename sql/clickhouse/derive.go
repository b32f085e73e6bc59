package clickhouse

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// derivation says how a table is made of others on the same shard.
type derivation struct {
	create string
	until  int64 // 0: it stays
	fill   string
	from   map[string]table // what it reads, by parameter
	parts  []string         // fill is done for each
	rows   []uint64         // how many there must be, by shard; nil: as many as were written
}

// tries are how often a derivation is begun anew, and how often what is not kept is
// dropped.
const tries = 5

// derive makes a table of others, on every shard, and gives it its name.
func (e *Engine) derive(ctx context.Context, final string, d *derivation, n note) (table, error) {
	t := table{name: final, rows: make([]uint64, len(e.shards))}
	err := e.each(ctx, func(ctx context.Context, shard int) error {
		n := n
		n.Shard, n.Shards = shard, len(e.shards)
		name, from := "", slices.Collect(maps.Values(d.from))
		// Rows that were lost meanwhile are missing in what was made of them.
		err := e.steady(ctx, e.puts(), shard, from, func() (err error) {
			if name, n.Rows, err = e.deriveOn(ctx, shard, final, d); err == nil {
				return nil
			}
			if lost := e.intact(ctx, e.puts(), shard, from...); errors.Is(lost, ErrLost) {
				err = lost // that is why
			}
			return err
		})
		if name == "" {
			return err
		}
		t.rows[shard] = n.Rows
		if err == nil {
			err = e.publish(ctx, shard, name, final, n)
		}
		if err != nil {
			e.abandon(shard, name)
		}
		e.forgetLoads(name)
		return err
	})
	return t, err
}

// deriveOn derives on a shard. Whether a statement that was cut off wrote its rows,
// and which, is not known: what it wrote into is dropped then, and all is done anew
// under another name.
func (e *Engine) deriveOn(ctx context.Context, shard int, final string, d *derivation) (name string, rows uint64, err error) {
	for range tries {
		name = e.newLoad(final)
		if rows, err = e.deriveOnce(ctx, shard, name, d); err == nil {
			return name, rows, nil
		}
		e.abandon(shard, name)
		e.forgetLoads(name)
		if ctx.Err() != nil {
			return "", 0, ctx.Err()
		}
		if k := kindOf(err); k != passing {
			break
		}
	}
	return "", 0, e.fault(shard, "deriving a table", err)
}

func (e *Engine) deriveOnce(ctx context.Context, shard int, name string, d *derivation) (uint64, error) {
	if err := e.create(ctx, shard, name, d.create, d.until); err != nil {
		return 0, err
	}
	p := clickhouse.Parameters{"table": e.at(name, shard)}
	for as, t := range d.from {
		p[as] = e.at(t.name, shard)
	}
	var wrote atomic.Uint64
	for _, part := range d.parts {
		p["part"] = part
		attempt, cancel := context.WithTimeout(ctx, e.long)
		err := e.shards[shard].Exec(clickhouse.Context(attempt, clickhouse.WithParameters(p),
			clickhouse.WithProgress(func(p *clickhouse.Progress) { wrote.Add(p.WroteRows) })), d.fill)
		if cancel(); err != nil {
			return 0, err
		}
	}
	if err := e.merge(ctx, shard, name); err != nil {
		return 0, err
	}
	var rows uint64
	err := e.again(ctx, e.loads(), shard, "verifying a table", func(ctx context.Context) error {
		return e.shards[shard].QueryRow(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"table": e.at(name, shard)})), statement("count")).Scan(&rows)
	})
	want := wrote.Load()
	if d.rows != nil {
		want = d.rows[shard]
	}
	if err == nil && rows != want {
		err = e.refusal(shard, "a table that was made there has other rows than it must", reload)
	}
	return rows, err
}

// merge makes one part of a table: a merge join and a look-up read one faster.
func (e *Engine) merge(ctx context.Context, shard int, name string) error {
	return e.again(ctx, e.loads(), shard, "merging a table", func(ctx context.Context) error {
		return e.shards[shard].Exec(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"table": e.at(name, shard)})), statement("merge"))
	})
}
