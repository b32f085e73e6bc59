package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"awase/matcher/matchbench"
)

const clickHouseLayout = "MergeTree ORDER BY token, FixedString(16) CODEC(NONE), OPTIMIZE FINAL; base (token, cluster UInt32, cell UInt16), list (token); " +
	"all kinds in one table; neither encrypted nor synced"

// clickHousePlans are the ways to join, all on the same tables. The first is what the earlier measurements found best; splitting
// the merge by ranges of the primary key, which is off by default, is faster.
func clickHousePlans(kinds int) []plan {
	count := "count()"
	if kinds > 1 { // a user counts once
		count = "uniqExact(b.cluster)"
	}
	join := "SELECT b.cell, " + count + " FROM base AS b INNER JOIN LIST AS l ON b.token = l.token GROUP BY b.cell"
	in := "SELECT b.cell, " + count + " FROM base AS b WHERE b.token IN (SELECT token FROM LIST) GROUP BY b.cell"
	return []plan{
		{"full_sorting_merge", join, "join_algorithm = 'full_sorting_merge'"},
		{"full_sorting_merge, sharded by key ranges", join, "join_algorithm = 'full_sorting_merge', query_plan_join_shard_by_pk_ranges = 1"},
		{"default join", join, ""},
		{"IN", in, ""},
	}
}

func runClickHouse(ctx context.Context, j *job) (out *outcome, err error) {
	for _, path := range []string{j.Lib, j.Listen} {
		if _, err := os.Stat(path); err != nil {
			return &outcome{NotRun: "its library is not there: make bench-peers installs it"}, nil
		}
	}
	lists, err := j.lists()
	if err != nil {
		return nil, err
	}
	s, err := startClickHouse(ctx, j.Lib, j.Listen, j.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	c := &clickHouse{server: s, dir: j.Dir, plans: clickHousePlans(j.Data.Kinds),
		bench: bench{runs: j.Runs, warm: j.warmBytes(), pid: s.pid(), out: outcome{Layout: clickHouseLayout}}}
	if err := c.ingest(ctx, j.Ingest); err != nil {
		return nil, err
	}
	for _, l := range lists {
		if err := c.load(ctx, l.name, l.name); err != nil {
			return nil, err
		}
		if err := c.exec(ctx, "OPTIMIZE TABLE "+l.name+" FINAL"); err != nil {
			return nil, err
		}
		for _, p := range c.plans {
			if err := c.measure(l.figure, p.name, func() ([]int64, error) { return c.count(ctx, p, l.name) }); err != nil {
				return nil, err
			}
		}
	}
	return &c.out, c.withLoad(ctx)
}

type clickHouse struct {
	*server
	bench
	dir   string
	plans []plan
}

func (c *clickHouse) exec(ctx context.Context, sql string) error {
	if err := c.Exec(ctx, sql); err != nil {
		return fmt.Errorf("ClickHouse: %s: %w", sql, err)
	}
	return nil
}

// ingest makes the table of the base from the files, sorted into one part.
func (c *clickHouse) ingest(ctx context.Context, runs int) error {
	load := func() ([]int64, error) {
		for _, sql := range []string{
			"DROP TABLE IF EXISTS base SYNC",
			"CREATE TABLE base (token FixedString(16) CODEC(NONE), cluster UInt32, cell UInt16) ENGINE = MergeTree ORDER BY token",
			"INSERT INTO base SELECT token, cluster, cell FROM " + c.file("base.*.bin", "token FixedString(16), cluster UInt32, cell UInt16") +
				" SETTINGS max_insert_threads = " + strconv.Itoa(runtime.NumCPU()),
			"OPTIMIZE TABLE base FINAL",
		} {
			if err := c.exec(ctx, sql); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	if runs == 0 {
		_, err := load()
		return err
	}
	return c.repeat(figureIngest, "INSERT from files + OPTIMIZE FINAL", 0, runs, load)
}

// file is a table function that reads made data.
func (c *clickHouse) file(glob, columns string) string {
	return fmt.Sprintf("file('%s', RowBinary, '%s')", filepath.Join(c.dir, glob), columns)
}

// load makes a table of a list's files.
func (c *clickHouse) load(ctx context.Context, table, files string) error {
	for _, sql := range []string{
		"DROP TABLE IF EXISTS " + table + " SYNC",
		"CREATE TABLE " + table + " (token FixedString(16) CODEC(NONE)) ENGINE = MergeTree ORDER BY token",
		"INSERT INTO " + table + " SELECT token FROM " + c.file(files+".*.bin", "token FixedString(16)") +
			" SETTINGS max_insert_threads = " + strconv.Itoa(runtime.NumCPU()),
	} {
		if err := c.exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// withLoad measures from the list's file on: through a table, and straight from
// the file.
func (c *clickHouse) withLoad(ctx context.Context) error {
	for _, p := range c.plans[:3] {
		err := c.measure(figureLoad, "INSERT, then "+p.name, func() ([]int64, error) {
			if err := c.load(ctx, "fresh", mainList); err != nil {
				return nil, err
			}
			return c.count(ctx, p, "fresh")
		})
		if err != nil {
			return err
		}
		err = c.measure(figureLoad, "straight from the file, "+p.name, func() ([]int64, error) {
			return c.count(ctx, p, c.file(mainList+".*.bin", "token FixedString(16)"))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count asks for the cells of the base's users on a list.
func (c *clickHouse) count(ctx context.Context, p plan, from string) ([]int64, error) {
	rows, err := c.Query(ctx, p.on(from))
	if err != nil {
		return nil, fmt.Errorf("ClickHouse: %w", err)
	}
	defer rows.Close()
	cells := make([]int64, matchbench.Cells)
	for rows.Next() {
		var cell uint16
		var n uint64
		if err := rows.Scan(&cell, &n); err != nil {
			return nil, fmt.Errorf("ClickHouse: %w", err)
		}
		if err := setCell(cells, int64(cell), int64(n)); err != nil {
			return nil, err
		}
	}
	return cells, rows.Err()
}
