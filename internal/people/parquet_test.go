package people

import (
	"bytes"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// Parquet holds the rows of the CSV, typed.
func TestParquetHoldsTheSameRows(t *testing.T) {
	o := Options{Users: 70_000, Seed: 7} // two row groups
	var b bytes.Buffer
	if err := WriteBaseParquet(&b, o, nil); err != nil {
		t.Fatal(err)
	}
	r, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	want := baseOf(t, o)
	if r.NumRows() != int64(o.Users) || r.NumRowGroups() != 2 {
		t.Fatalf("%d rows in %d groups", r.NumRows(), r.NumRowGroups())
	}
	for i, c := range baseColumns {
		var got []string
		for g := range r.NumRowGroups() {
			got = append(got, columnOf(t, r.RowGroup(g), i, c)...)
		}
		if !slices.Equal(got, want.column(c.name)) {
			t.Errorf("column %s differs", c.name)
		}
	}
}

func columnOf(t *testing.T, g *file.RowGroupReader, i int, c column) []string {
	t.Helper()
	chunk, err := g.Column(i)
	if err != nil {
		t.Fatal(err)
	}
	n := g.NumRows()
	def := make([]int16, n)
	var values []string
	read := func(batch func(at int64) (int64, int, error)) {
		for at := int64(0); at < n; {
			rows, _, err := batch(at)
			if err != nil || rows == 0 {
				t.Fatalf("column %s: %d rows, %v", c.name, rows, err)
			}
			at += rows
		}
	}
	switch chunk := chunk.(type) {
	case *file.ByteArrayColumnChunkReader:
		buf := make([]parquet.ByteArray, n)
		read(func(at int64) (int64, int, error) {
			rows, k, err := chunk.ReadBatch(n-at, buf, def[at:], nil)
			for _, v := range buf[:k] {
				values = append(values, string(v))
			}
			return rows, k, err
		})
	case *file.Int64ColumnChunkReader:
		buf := make([]int64, n)
		read(func(at int64) (int64, int, error) {
			rows, k, err := chunk.ReadBatch(n-at, buf, def[at:], nil)
			for _, v := range buf[:k] {
				values = append(values, string(appendInt(v)))
			}
			return rows, k, err
		})
	case *file.Int32ColumnChunkReader:
		buf := make([]int32, n)
		read(func(at int64) (int64, int, error) {
			rows, k, err := chunk.ReadBatch(n-at, buf, def[at:], nil)
			for _, v := range buf[:k] {
				values = append(values, string(appendDay(nil, epoch.AddDate(0, 0, int(v)))))
			}
			return rows, k, err
		})
	case *file.BooleanColumnChunkReader:
		buf := make([]bool, n)
		read(func(at int64) (int64, int, error) {
			rows, k, err := chunk.ReadBatch(n-at, buf, def[at:], nil)
			for _, v := range buf[:k] {
				values = append(values, map[bool]string{true: "true", false: "false"}[v])
			}
			return rows, k, err
		})
	default:
		t.Fatalf("column %s has type %T", c.name, chunk)
	}
	out := make([]string, n)
	for row := range out {
		if def[row] == 1 {
			out[row], values = values[0], values[1:]
		}
	}
	return out
}
