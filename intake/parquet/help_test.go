package parquet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/table"
)

var today = entrustment.Date{Year: 2026, Month: 4, Day: 1}

func sum(s string) [32]byte  { return sha256.Sum256([]byte(s)) }
func hexSum(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func options(name string) intake.Options {
	return intake.Options{Name: name, Today: today, Formats: []table.Format{Format}}
}

func collect(f *intake.File) (rows []seal.Row, err error) {
	for batch, err := range f.Rows() {
		if err != nil {
			return rows, err
		}
		for i := range batch {
			rows = append(rows, batch[i].Clone())
		}
	}
	return rows, nil
}

// readList reads a list that must be read.
func readList(t testing.TB, content string, schema *entrustment.ListSchema) ([]seal.Row, *intake.File) {
	t.Helper()
	f, err := intake.OpenList(t.Context(), strings.NewReader(content), int64(len(content)), schema, options("list"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := collect(f)
	if err != nil {
		t.Fatal(err)
	}
	return rows, f
}

// wantFault checks that err refuses a file at a place, with a mend.
func wantFault(t testing.TB, err error, place, detail string) {
	t.Helper()
	var e *entrustment.Error
	if !errors.As(err, &e) || e.Code != entrustment.CodeFile {
		t.Fatalf("got %v, want a fault of the file", err)
	}
	if !strings.Contains(e.Field, place) || !strings.Contains(e.Detail, detail) || e.Mend == "" {
		t.Errorf("got %q, want place %q, detail %q and a mend", e.Error(), place, detail)
	}
}

const benchRows = 200_000

func BenchmarkHashedParquet(b *testing.B) {
	hashes := make([]parquet.ByteArray, benchRows)
	for i := range hashes {
		hashes[i] = []byte(hexSum(fmt.Sprint(i)))
	}
	node := logical("email", false, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
	content := writeParquet(b, []pqColumn{{node, hashes, nil}}, benchRows, 100_000, parquet.WithDictionaryDefault(false))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := intake.OpenList(context.Background(), bytes.NewReader(content), int64(len(content)), nil, options("list.parquet"))
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for rows, err := range f.Rows() {
			if err != nil {
				b.Fatal(err)
			}
			n += len(rows)
		}
		if n != benchRows {
			b.Fatalf("%d rows, want %d", n, benchRows)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
