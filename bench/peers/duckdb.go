package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2"

	"awase/internal/rss"
	"awase/matcher/matchbench"
)

const duckDBLayout = "database file, token UUID, cluster UINTEGER, cell USMALLINT, in the order loaded; all kinds in one table; inside the child, whose memory is told"

// duckDBPlans are the ways to join. DuckDB has hash joins alone; IN becomes a
// semi join.
func duckDBPlans(kinds int) []plan {
	count := "count(*)"
	if kinds > 1 { // a user counts once
		count = "count(DISTINCT cluster)"
	}
	return []plan{
		{"default join", "SELECT cell, " + count + " FROM base JOIN LIST USING (token) GROUP BY cell", ""},
		{"IN", "SELECT cell, " + count + " FROM base WHERE token IN (SELECT token FROM LIST) GROUP BY cell", ""},
	}
}

func runDuckDB(ctx context.Context, j *job) (out *outcome, err error) {
	lists, err := j.lists()
	if err != nil {
		return nil, err
	}
	if err := writeParquet(j.Dir, lists[0].source); err != nil {
		return nil, err
	}
	path := filepath.Join(j.Dir, "duck.db")
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return nil, fmt.Errorf("DuckDB: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close(), os.RemoveAll(path)) }()
	d := &duckDB{db: db, dir: j.Dir, bench: bench{runs: j.Runs, warm: j.warmBytes(), pid: rss.Self, out: outcome{Layout: duckDBLayout}}}
	if err := d.ingest(ctx, j.Ingest); err != nil {
		return nil, err
	}
	plans := duckDBPlans(j.Data.Kinds)
	for _, l := range lists {
		if err := writeParquetList(j.Dir, l.name, l.source); err != nil {
			return nil, err
		}
		if err := d.load(ctx, l.name, l.name); err != nil {
			return nil, err
		}
		for _, p := range plans {
			if err := d.measure(l.figure, p.name, func() ([]int64, error) { return d.count(ctx, p, l.name) }); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range plans {
		err := d.measure(figureLoad, "CREATE TABLE, then "+p.name, func() ([]int64, error) {
			if err := d.load(ctx, "fresh", mainList); err != nil {
				return nil, err
			}
			return d.count(ctx, p, "fresh")
		})
		if err != nil {
			return nil, err
		}
		err = d.measure(figureLoad, "straight from the file, "+p.name, func() ([]int64, error) {
			return d.count(ctx, p, d.files(mainList))
		})
		if err != nil {
			return nil, err
		}
	}
	return &d.out, nil
}

type duckDB struct {
	bench
	db  *sql.DB
	dir string
}

// files is a table function that reads made data.
func (d *duckDB) files(name string) string {
	return fmt.Sprintf("read_parquet('%s')", filepath.Join(d.dir, name+".*.parquet"))
}

// ingest makes the table of the base from the files. CHECKPOINT writes it from
// the log into the database.
func (d *duckDB) ingest(ctx context.Context, runs int) error {
	load := func() ([]int64, error) {
		for _, q := range []string{
			"CREATE OR REPLACE TABLE base AS SELECT token, cluster::UINTEGER AS cluster, cell::USMALLINT AS cell FROM " + d.files("base"),
			"CHECKPOINT",
		} {
			if _, err := d.db.ExecContext(ctx, q); err != nil {
				return nil, fmt.Errorf("DuckDB: %s: %w", q, err)
			}
		}
		return nil, nil
	}
	if runs == 0 {
		_, err := load()
		return err
	}
	return d.repeat(figureIngest, "CREATE TABLE from Parquet, not sorted, + CHECKPOINT", 0, runs, load)
}

func (d *duckDB) load(ctx context.Context, table, files string) error {
	q := "CREATE OR REPLACE TABLE " + table + " AS SELECT token FROM " + d.files(files)
	if _, err := d.db.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("DuckDB: %s: %w", q, err)
	}
	return nil
}

func (d *duckDB) count(ctx context.Context, p plan, from string) ([]int64, error) {
	rows, err := d.db.QueryContext(ctx, p.on(from))
	if err != nil {
		return nil, fmt.Errorf("DuckDB: %w", err)
	}
	defer rows.Close()
	cells := make([]int64, matchbench.Cells)
	for rows.Next() {
		var cell, n int64
		if err := rows.Scan(&cell, &n); err != nil {
			return nil, fmt.Errorf("DuckDB: %w", err)
		}
		if err := setCell(cells, cell, n); err != nil {
			return nil, err
		}
	}
	return cells, rows.Err()
}
