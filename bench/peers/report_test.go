package main

import (
	"database/sql"
	"fmt"
	"testing"
)

// TestDuckDBReadsReports: another program reads a report's Parquet file as what
// its CSV says, column by column and row by row, with the types that it was
// written with.
func TestDuckDBReadsReports(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	one := func(query string, args ...any) (n int64) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return n
	}
	for name, rows := range map[string]int64{"index": 41, "behaviour": 6} {
		file := "../../render/testdata/golden/" + name
		parquet := fmt.Sprintf("read_parquet('%s.parquet')", file)
		csv := fmt.Sprintf("read_csv('%s.csv', header = true, all_varchar = true)", file)
		if n := one("SELECT count(*) FROM " + parquet); n != rows {
			t.Errorf("%s: %d rows, want %d", name, n, rows)
		}
		// The CSV cast to the types of the Parquet file is the same bag of rows.
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf("CREATE TEMP TABLE %s AS FROM %s LIMIT 0", name, parquet)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO %s BY POSITION FROM %s", name, csv)); err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"(FROM %s EXCEPT ALL FROM %s)", "(FROM %[2]s EXCEPT ALL FROM %[1]s)"} {
			if n := one("SELECT count(*) FROM " + fmt.Sprintf(query, name, parquet)); n != 0 {
				t.Errorf("%s: %d rows differ from the CSV", name, n)
			}
		}
		for column, kind := range map[string]string{"users": "BIGINT", "kind": "VARCHAR", "released_at": "TIMESTAMP WITH TIME ZONE", "from": "DATE", "practice": "BOOLEAN"} {
			if n := one(fmt.Sprintf("SELECT count(*) FROM (DESCRIBE FROM %s) WHERE column_name = ? AND column_type = ?", parquet), column, kind); n != 1 {
				t.Errorf("%s: column %s is no %s", name, column, kind)
			}
		}
		if n := one(fmt.Sprintf("SELECT count(*) FROM parquet_kv_metadata('%s.parquet') WHERE decode(key) IN ('awase.question', 'awase.privacy', 'awase.receipt')", file)); n != 3 {
			t.Errorf("%s: %d of question, privacy and receipt", name, n)
		}
	}
}
