package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"awase/entrustment"
	"awase/intake"
	"awase/intake/table"
)

// pqColumn is a column to write; a row where nulls is set has no value.
type pqColumn struct {
	node   schema.Node
	values any    // all rows' values, null ones too
	nulls  []bool // nil: required
}

// writeParquet writes the rows in groups of the length given.
func writeParquet(t testing.TB, cols []pqColumn, rows, group int, props ...parquet.WriterProperty) []byte {
	t.Helper()
	fields := make(schema.FieldList, len(cols))
	for i, c := range cols {
		fields[i] = c.node
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := file.NewParquetWriter(&b, root, file.WithWriterProps(parquet.NewWriterProperties(props...)))
	for from := 0; from < rows; from += group {
		rg := w.AppendRowGroup()
		for _, c := range cols {
			cw, err := rg.NextColumn()
			if err != nil {
				t.Fatal(err)
			}
			if err := writeColumn(cw, c, from, min(from+group, rows)); err != nil {
				t.Fatal(err)
			}
			if err := cw.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := rg.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func present[T any](values []T, c pqColumn, from, to int) (out []T, levels []int16) {
	if c.nulls == nil {
		return values[from:to], nil
	}
	for i := from; i < to; i++ {
		if c.nulls[i] {
			levels = append(levels, 0)
			continue
		}
		out, levels = append(out, values[i]), append(levels, 1)
	}
	return out, levels
}

func writeColumn(cw file.ColumnChunkWriter, c pqColumn, from, to int) (err error) {
	switch w := cw.(type) {
	case *file.ByteArrayColumnChunkWriter:
		v, l := present(c.values.([]parquet.ByteArray), c, from, to)
		_, err = w.WriteBatch(v, l, nil)
	case *file.FixedLenByteArrayColumnChunkWriter:
		v, l := present(c.values.([]parquet.FixedLenByteArray), c, from, to)
		_, err = w.WriteBatch(v, l, nil)
	case *file.Int32ColumnChunkWriter:
		v, l := present(c.values.([]int32), c, from, to)
		_, err = w.WriteBatch(v, l, nil)
	case *file.Int64ColumnChunkWriter:
		v, l := present(c.values.([]int64), c, from, to)
		_, err = w.WriteBatch(v, l, nil)
	case *file.Int96ColumnChunkWriter:
		v, l := present(c.values.([]parquet.Int96), c, from, to)
		_, err = w.WriteBatch(v, l, nil)
	case *file.BooleanColumnChunkWriter:
		v, l := present(c.values.([]bool), c, from, to)
		_, err = w.WriteBatch(v, l, nil)
	case *file.Float64ColumnChunkWriter:
		v, l := present(c.values.([]float64), c, from, to)
		_, err = w.WriteBatch(v, l, nil)
	default:
		err = fmt.Errorf("no writer for %T", cw)
	}
	return err
}

func logical(name string, optional bool, lt schema.LogicalType, typ parquet.Type, length int) schema.Node {
	rep := parquet.Repetitions.Required
	if optional {
		rep = parquet.Repetitions.Optional
	}
	return must(schema.NewPrimitiveNodeLogical(name, rep, lt, typ, length, -1))
}

// canary is in every identifier that a test of damage writes.
const canary = "canary7731"

// people is a table with all the types that are read, and the text that each
// row should give.
func people(rows int) (cols []pqColumn, text [][]string) {
	rng := rand.New(rand.NewPCG(1, 2))
	nulls := make([]bool, rows)
	emails := make([]parquet.ByteArray, rows)
	prefs := make([]parquet.ByteArray, rows)
	hashes := make([]parquet.FixedLenByteArray, rows)
	ids := make([]parquet.FixedLenByteArray, rows)
	births, phones, stamps := make([]int32, rows), make([]int64, rows), make([]int64, rows)
	flags, amounts, prices := make([]bool, rows), make([]float64, rows), make([]int64, rows)
	impala := make([]parquet.Int96, rows)
	for i := range rows {
		nulls[i] = rng.IntN(5) == 0
		emails[i] = fmt.Appendf(nil, "%s-%d@example.jp", canary, i)
		prefs[i] = []byte([]string{"東京都", "大阪府", "北海道"}[rng.IntN(3)])
		h := sum(string(emails[i]))
		hashes[i] = h[:]
		ids[i] = h[:16]
		births[i] = int32(rng.IntN(20000))
		phones[i] = 819000000000 + int64(rng.IntN(99999999))
		day := time.Date(2000, 1, 1+rng.IntN(9000), rng.IntN(24), 30, 0, 0, time.UTC)
		stamps[i] = day.UnixMicro()
		flags[i] = rng.IntN(2) == 0
		amounts[i] = float64(rng.IntN(9000000))
		prices[i] = int64(rng.IntN(1000000)) - 500000
		binary.LittleEndian.PutUint64(impala[i][:8], uint64(day.Hour()*3600+1800)*1e9)
		binary.LittleEndian.PutUint32(impala[i][8:], uint32(day.Unix()/86400+julianEpoch))

		birth := time.Unix(int64(births[i])*86400, 0).UTC().Format(time.DateOnly)
		jst, local := day.In(entrustment.JST).Format(time.DateOnly), day.Format(time.DateOnly)
		uuid := hex.EncodeToString(ids[i])
		uuid = uuid[:8] + "-" + uuid[8:12] + "-" + uuid[12:16] + "-" + uuid[16:20] + "-" + uuid[20:]
		sign, price := "", prices[i]
		if price < 0 {
			sign, price = "-", -price
		}
		opt := func(s string) string {
			if nulls[i] {
				return ""
			}
			return s
		}
		text = append(text, []string{string(emails[i]), opt(string(prefs[i])), hex.EncodeToString(h[:]), opt(uuid), birth,
			opt(fmt.Sprint(phones[i])), jst, opt(local), fmt.Sprint(flags[i]), opt(fmt.Sprint(flags[i])),
			opt(fmt.Sprintf("%.0f", amounts[i])), fmt.Sprintf("%s%d.%02d", sign, price/100, price%100), jst})
	}
	str := schema.StringLogicalType{}
	cols = []pqColumn{
		{logical("email", false, str, parquet.Types.ByteArray, -1), emails, nil},
		{logical("pref", true, str, parquet.Types.ByteArray, -1), prefs, nulls},
		{logical("hash", false, schema.NoLogicalType{}, parquet.Types.FixedLenByteArray, 32), hashes, nil},
		{logical("maid", true, schema.UUIDLogicalType{}, parquet.Types.FixedLenByteArray, 16), ids, nulls},
		{logical("birth", false, schema.DateLogicalType{}, parquet.Types.Int32, -1), births, nil},
		{logical("phone", true, schema.NoLogicalType{}, parquet.Types.Int64, -1), phones, nulls},
		{logical("at", false, schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64, -1), stamps, nil},
		{logical("local", true, schema.NewTimestampLogicalType(false, schema.TimeUnitMicros), parquet.Types.Int64, -1), stamps, nulls},
		{logical("flag", false, schema.NoLogicalType{}, parquet.Types.Boolean, -1), flags, nil},
		{logical("maybe", true, schema.NoLogicalType{}, parquet.Types.Boolean, -1), flags, nulls},
		{logical("amount", true, schema.NoLogicalType{}, parquet.Types.Double, -1), amounts, nulls},
		{logical("price", false, schema.NewDecimalLogicalType(9, 2), parquet.Types.Int64, -1), prices, nil},
		{logical("impala", false, schema.NoLogicalType{}, parquet.Types.Int96, -1), impala, nil},
	}
	return cols, text
}

// readParquet reads every cell of a Parquet file as text.
func readParquet(content []byte) (cells [][]string, err error) {
	s, err := openParquet(bytes.NewReader(content), int64(len(content)), "users.parquet", 1<<20)
	if err != nil {
		return nil, err
	}
	all := make([]int, len(s.all))
	for i := range all {
		all[i] = i
	}
	if err := s.Pick(all); err != nil {
		return nil, err
	}
	c := &table.Chunk{}
	for {
		if err := s.Next(c); errors.Is(err, io.EOF) {
			return cells, nil
		} else if err != nil {
			return nil, err
		}
		for r := range c.Rows() {
			row := make([]string, len(all))
			for i := range row {
				row[i] = string(c.Cell(r, i))
			}
			cells = append(cells, row)
		}
	}
}

// forms are the ways of writing pages that are read.
func forms() map[string][]parquet.WriterProperty {
	out := map[string][]parquet.WriterProperty{}
	for version, v := range map[string]parquet.DataPageVersion{"v1": parquet.DataPageV1, "v2": parquet.DataPageV2} {
		for codec, c := range map[string]compress.Compression{
			"none": compress.Codecs.Uncompressed, "snappy": compress.Codecs.Snappy, "gzip": compress.Codecs.Gzip,
			"zstd": compress.Codecs.Zstd, "brotli": compress.Codecs.Brotli} {
			for encoding, dict := range map[string]bool{"dictionary": true, "plain": false} {
				out[version+" "+codec+" "+encoding] = []parquet.WriterProperty{parquet.WithDataPageVersion(v),
					parquet.WithCompression(c), parquet.WithDictionaryDefault(dict), parquet.WithDataPageSize(2000)}
			}
		}
		out[version+" delta"] = []parquet.WriterProperty{parquet.WithDataPageVersion(v), parquet.WithDictionaryDefault(false),
			parquet.WithDataPageSize(2000), parquet.WithEncodingFor("email", parquet.Encodings.DeltaByteArray),
			parquet.WithEncodingFor("pref", parquet.Encodings.DeltaLengthByteArray), parquet.WithEncodingFor("birth", parquet.Encodings.DeltaBinaryPacked),
			parquet.WithEncodingFor("phone", parquet.Encodings.DeltaBinaryPacked), parquet.WithEncodingFor("flag", parquet.Encodings.RLE)}
	}
	return out
}

func TestParquetForms(t *testing.T) {
	cols, want := people(1500)
	for name, props := range forms() {
		t.Run(name, func(t *testing.T) {
			got, err := readParquet(writeParquet(t, cols, len(want), 700, props...))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			}
			for i := range want {
				for c := range want[i] {
					if got[i][c] != want[i][c] {
						t.Fatalf("row %d, column %d: got %q, want %q", i, c, got[i][c], want[i][c])
					}
				}
			}
		})
	}
}

func parquetSchema() *entrustment.ListSchema {
	return &entrustment.ListSchema{Columns: []entrustment.ListColumn{
		{Column: "email", Kind: "email"}, {Column: "hash", Kind: "email"}, {Column: "maid", Kind: "maid"}, {Column: "phone", Kind: "phone"},
		{Column: "pref", Name: "pref", Generalise: &entrustment.Generaliser{Prefecture: true}},
		{Column: "birth", Name: "age", Generalise: &entrustment.Generaliser{BirthDate: &entrustment.Band{Width: 10, From: 20, To: 70}}},
		{Column: "amount", Name: "amount", Generalise: &entrustment.Generaliser{Amount: []int64{3000000, 6000000}}},
	}, Consent: &entrustment.ListConsent{Column: "flag"}, Drop: []string{"at", "local", "maybe", "price", "impala"}}
}

// Parquet and CSV of the same table give the same rows and the same report.
func TestParquetAsCSV(t *testing.T) {
	cols, text := people(9000)
	var csv strings.Builder
	for i, c := range cols {
		csv.WriteString(strings.Repeat(",", min(i, 1)) + c.node.Name())
	}
	for _, row := range text {
		csv.WriteString("\n" + strings.Join(row, ","))
	}
	pq := string(writeParquet(t, cols, len(text), 5000))
	rows, f := readList(t, pq, parquetSchema())
	want, g := readList(t, csv.String(), parquetSchema())
	if len(rows) < 1000 || fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("Parquet gives %d rows, CSV %d, or they differ", len(rows), len(want))
	}
	a, b := f.Report(), g.Report()
	if a.Format != "Parquet" || a.Encoding == "" || a.Rows != b.Rows || a.Rejected != b.Rejected || a.NoConsent != b.NoConsent || fmt.Sprint(a.Faults) != fmt.Sprint(b.Faults) {
		t.Errorf("reports differ: %+v, %+v", a, b)
	}
	if p := a.ProblemList(); len(p) > 0 && p[0].Row+1 != b.ProblemList()[0].Row {
		t.Errorf("the first problem is row %d, and line %d of the CSV", p[0].Row, b.ProblemList()[0].Row)
	}
}

func TestParquetRefused(t *testing.T) {
	cols, _ := people(10)
	good := writeParquet(t, cols, 10, 10)
	nested := must(schema.NewGroupNode("person", parquet.Repetitions.Optional, schema.FieldList{
		must(schema.NewPrimitiveNodeLogical("email", parquet.Repetitions.Optional, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1))}, -1))
	long := []parquet.ByteArray{bytes.Repeat([]byte("x"), 2<<20)}
	for name, tc := range map[string]struct {
		content       []byte
		place, detail string
	}{
		"truncated":   {good[:len(good)-5], "footer", "not whole"},
		"magic alone": {[]byte("PAR1"), "footer", "not whole"},
		"footer size": {append(bytes.Clone(good[:len(good)-8]), 0xff, 0xff, 0xff, 0x7f, 'P', 'A', 'R', '1'), "footer", "not whole"},
		"encrypted":   {append(bytes.Clone(good[:len(good)-4]), "PARE"...), "footer", "encrypted"},
		"no rows":     {writeParquet(t, cols, 0, 10), "users.parquet", "no rows"},
		"nested":      {writeParquet(t, []pqColumn{{nested, []parquet.ByteArray{[]byte("x")}, []bool{true}}}, 1, 1), "column person", "nested"},
		"time of day": {writeParquet(t, []pqColumn{{logical("t", false, schema.NewTimeLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64, -1), []int64{1}, nil}}, 1, 1), "column t", "type"},
		"long row":    {writeParquet(t, []pqColumn{{logical("email", false, schema.StringLogicalType{}, parquet.Types.ByteArray, -1), long, nil}}, 1, 1), "row 1", "over"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readParquet(tc.content)
			wantFault(t, err, tc.place, tc.detail)
		})
	}
}

// hurt reads a damaged file and checks that it is read or refused, in bounded
// memory, without a value in the message. A hang fails by the test's timeout.
func hurt(t *testing.T, content []byte) (refused bool) {
	t.Helper()
	o := options("users.parquet")
	f, err := intake.OpenList(context.Background(), bytes.NewReader(content), int64(len(content)), parquetSchema(), o)
	if err == nil {
		_, err = collect(f)
	}
	if err == nil {
		return false
	}
	if !bytes.HasPrefix(content, []byte("PAR1")) {
		return true // text
	}
	var e *entrustment.Error
	if !errors.As(err, &e) || e.Code != entrustment.CodeFile || e.Field == "" || e.Mend == "" {
		t.Fatalf("damage gives %q, not a fault with place and mend", err)
	}
	if strings.Contains(err.Error(), canary) {
		t.Fatalf("a value is in %q", err)
	}
	return true
}

// noFileLeft looks for temporary files when a test ends.
func noFileLeft(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left := must(os.ReadDir(dir)); len(left) > 0 {
			t.Errorf("temporary files: %v", left)
		}
	})
}

func TestParquetTruncated(t *testing.T) {
	noFileLeft(t)
	cols, text := people(600)
	content := writeParquet(t, cols, len(text), 250)
	for n := 4; n < len(content); n += 1 + n%211 {
		if !hurt(t, content[:n]) {
			t.Fatalf("cut to %d of %d bytes, the file is read", n, len(content))
		}
		// A footer that is whole over data that is not.
		footer := binary.LittleEndian.Uint32(content[len(content)-8:])
		tail := content[len(content)-8-int(footer):]
		hurt(t, append(bytes.Clone(content[:n]), tail...))
	}
}

func TestParquetFlipped(t *testing.T) {
	noFileLeft(t)
	cols, text := people(300)
	rng := rand.New(rand.NewPCG(3, 4))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	files, flips, refused := forms(), 0, 0
	for _, props := range files {
		content := writeParquet(t, cols, len(text), 200, props...)
		footer := len(content) - 8 - int(binary.LittleEndian.Uint32(content[len(content)-8:]))
		for range 80 {
			bad := bytes.Clone(content)
			for range 1 + rng.IntN(3) {
				at := rng.IntN(len(bad))
				if rng.IntN(2) == 0 { // as often in the footer as in the data
					at = footer + rng.IntN(len(bad)-footer)
				}
				bad[at] ^= 1 << rng.IntN(8)
			}
			flips++
			if hurt(t, bad) {
				refused++
			}
		}
	}
	runtime.ReadMemStats(&after)
	if refused < flips/4 {
		t.Errorf("of %d damaged files %d were refused", flips, refused)
	}
	// 300 rows need some 100 KB; a library without bounds takes gigabytes.
	if per := (after.TotalAlloc - before.TotalAlloc) / uint64(flips); per > 8<<20 {
		t.Errorf("a damaged file took %d bytes on average", per)
	}
}

// FuzzParquet reads anything between the magics, and a page header.
func FuzzParquet(f *testing.F) {
	cols, text := people(40)
	for _, name := range []string{"v1 none plain", "v2 snappy dictionary", "v1 delta", "v2 delta"} {
		f.Add(writeParquet(f, cols, len(text), 30, forms()[name]...))
	}
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		hurt(t, append([]byte("PAR1"), content...))
		hurt(t, content)
	})
}
