package render

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	encoding "golang.org/x/text/encoding/japanese"
	"pgregory.net/rapid"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestArrowAndParquetReadBack: read by Arrow's own readers, both hold the table
// that the CSV holds, typed, null where it is empty; and the release's question,
// privacy and receipt.
func TestArrowAndParquetReadBack(t *testing.T) {
	check := func(t rapid.TB, r *wire.Release) {
		want, err := flatten(r)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Write(&b, Arrow, r); err != nil {
			t.Fatal(err)
		}
		in, err := ipc.NewFileReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = in.Close() }()
		if in.NumRecords() != 1 {
			t.Fatalf("%d record batches", in.NumRecords())
		}
		record, err := in.Record(0)
		if err != nil {
			t.Fatal(err)
		}
		table := array.NewTableFromRecords(record.Schema(), []arrow.Record{record})
		compareArrow(t, table, want)
		compareMeta(t, r, func(name string) (string, bool) {
			m := record.Schema().Metadata()
			return m.GetValue(name)
		})
		table.Release()

		b.Reset()
		if err := Write(&b, Parquet, r); err != nil {
			t.Fatal(err)
		}
		rows, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		compareParquet(t, rows, want)
		compareMeta(t, r, func(name string) (string, bool) {
			v := rows.MetaData().KeyValueMetadata().FindValue(name)
			if v == nil {
				return "", false
			}
			return *v, true
		})
	}
	for _, r := range samples() {
		check(t, r)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, releases().Draw(t, "release")) })
}

// compareArrow holds an Arrow table that was read against what was written.
func compareArrow(t rapid.TB, got arrow.Table, want *flat) {
	t.Helper()
	if int(got.NumRows()) != want.rows || int(got.NumCols()) != len(want.columns) {
		t.Fatalf("arrow: %d × %d, want %d × %d", got.NumRows(), got.NumCols(), want.rows, len(want.columns))
	}
	for i, c := range want.columns {
		if name := got.Schema().Field(i).Name; name != c.name {
			t.Errorf("arrow: column %d is %q, want %q", i, name, c.name)
		}
		values := got.Column(i).Data().Chunks()[0]
		for row := range want.rows {
			var is string
			switch a := values.(type) {
			case *array.Int64:
				is = strconv.FormatInt(a.Value(row), 10)
			case *array.Float64:
				is = strconv.FormatFloat(a.Value(row), 'f', -1, 64)
			case *array.Boolean:
				is = strconv.FormatBool(a.Value(row))
			case *array.Date32:
				is = a.Value(row).FormattedString()
			case *array.Timestamp:
				is = a.Value(row).ToTime(arrow.Microsecond).UTC().Format(time.RFC3339)
			case *array.Dictionary:
				if c.has[row] {
					is = a.Dictionary().(*array.String).Value(a.GetValueIndex(row))
				}
			default:
				t.Fatalf("arrow: column %s is %T", c.name, a)
			}
			if values.IsNull(row) == c.has[row] || c.has[row] && is != c.string(row) {
				t.Errorf("arrow: row %d of %s is %q (null: %v), want %q", row, c.name, is, values.IsNull(row), c.string(row))
			}
		}
	}
}

// compareParquet holds a Parquet file against what was written.
func compareParquet(t rapid.TB, got *file.Reader, want *flat) {
	t.Helper()
	if int(got.NumRows()) != want.rows || got.NumRowGroups() != 1 || got.MetaData().Schema.NumColumns() != len(want.columns) {
		t.Fatalf("parquet: %d × %d in %d groups", got.NumRows(), got.MetaData().Schema.NumColumns(), got.NumRowGroups())
	}
	for i, c := range want.columns {
		if name := got.MetaData().Schema.Column(i).Name(); name != c.name {
			t.Errorf("parquet: column %d is %q, want %q", i, name, c.name)
		}
		chunk, err := got.RowGroup(0).Column(i)
		if err != nil {
			t.Fatal(err)
		}
		values, levels := parquetValues(t, chunk, want.rows)
		for row := range want.rows {
			is := ""
			if levels[row] == 1 {
				is, values = values[0], values[1:]
				if c.as == asDay {
					n, _ := strconv.ParseInt(is, 10, 64)
					is = time.Unix(n*86_400, 0).UTC().Format(time.DateOnly)
				}
				if c.as == asMoment {
					n, _ := strconv.ParseInt(is, 10, 64)
					is = time.UnixMicro(n).UTC().Format(time.RFC3339)
				}
			}
			if (levels[row] == 1) != c.has[row] || is != c.string(row) {
				t.Errorf("parquet: row %d of %s is %q, want %q", row, c.name, is, c.string(row))
			}
		}
	}
}

func parquetValues(t rapid.TB, chunk file.ColumnChunkReader, rows int) (values []string, levels []int16) {
	t.Helper()
	levels = make([]int16, rows)
	n := int64(rows)
	var got int64
	var err error
	switch chunk := chunk.(type) {
	case *file.ByteArrayColumnChunkReader:
		buf := make([]parquet.ByteArray, rows)
		var k int
		got, k, err = chunk.ReadBatch(n, buf, levels, nil)
		for _, v := range buf[:k] {
			values = append(values, string(v))
		}
	case *file.Int64ColumnChunkReader:
		buf := make([]int64, rows)
		var k int
		got, k, err = chunk.ReadBatch(n, buf, levels, nil)
		for _, v := range buf[:k] {
			values = append(values, strconv.FormatInt(v, 10))
		}
	case *file.Int32ColumnChunkReader:
		buf := make([]int32, rows)
		var k int
		got, k, err = chunk.ReadBatch(n, buf, levels, nil)
		for _, v := range buf[:k] {
			values = append(values, strconv.FormatInt(int64(v), 10))
		}
	case *file.Float64ColumnChunkReader:
		buf := make([]float64, rows)
		var k int
		got, k, err = chunk.ReadBatch(n, buf, levels, nil)
		for _, v := range buf[:k] {
			values = append(values, strconv.FormatFloat(v, 'f', -1, 64))
		}
	case *file.BooleanColumnChunkReader:
		buf := make([]bool, rows)
		var k int
		got, k, err = chunk.ReadBatch(n, buf, levels, nil)
		for _, v := range buf[:k] {
			values = append(values, strconv.FormatBool(v))
		}
	default:
		t.Fatalf("parquet: a column of %T", chunk)
	}
	if err != nil || got != n {
		t.Fatalf("parquet: %d of %d rows, %v", got, n, err)
	}
	return values, levels
}

// TestArrowGivesMemoryBack: the arrays of a table, to the allocator they are made
// with.
func TestArrowGivesMemoryBack(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	for _, r := range samples() {
		table, err := flatten(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range table.columns {
			a, err := c.array(mem)
			if err != nil {
				t.Fatal(err)
			}
			a.Release()
		}
	}
}

func compareMeta(t rapid.TB, r *wire.Release, get func(string) (string, bool)) {
	t.Helper()
	for name, v := range map[string]any{"awase.question": r.Question, "awase.privacy": &r.Privacy} {
		want, err := marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := get(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	got, ok := get("awase.receipt")
	if ok != (r.Receipt != nil) || got != string(r.Receipt) {
		t.Errorf("the receipt is %s", got)
	}
	if got, _ := get("awase.schema"); got != wire.ReleaseSchema {
		t.Errorf("the schema is %s", got)
	}
	if _, ok := get("awase.practice"); ok != r.Privacy.Practice {
		t.Errorf("practice is told: %v", ok)
	}
}

// TestColumnsHaveOneName: a dimension that is called like a column of every table
// gets another name.
func TestColumnsHaveOneName(t *testing.T) {
	r := base("profile", wire.Dim{Name: "status", Domain: []string{"a"}}, wire.Dim{Name: "dim_status", Domain: []string{"b"}}, wire.Dim{Name: "users", Domain: []string{"c"}}, wire.Dim{Name: "clicks_low", Domain: []string{"d"}})
	r.Measures = []string{"clicks"}
	r.Cells = []wire.Cell{cell(500, "status", "a", "dim_status", "b", "users", "c", "clicks_low", "d")}
	table, err := flatten(finish(r))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range table.columns {
		if seen[c.name] {
			t.Errorf("two columns are called %s", c.name)
		}
		seen[c.name] = true
	}
	for i, want := range []string{"kind", "dim_status", "dim_dim_status", "dim_users", "dim_clicks_low", "status"} {
		if table.columns[i].name != want {
			t.Errorf("column %d is %s, want %s", i, table.columns[i].name, want)
		}
	}
}

// TestSJIS: what CP932 has comes back as it was; what it lacks is the sign most
// like it, or 〓.
func TestSJIS(t *testing.T) {
	for in, want := range map[string]string{
		"20歳未満 ①髙﨑ｱｲｳ 〜 ～": "20歳未満 ①髙﨑ｱｲｳ ～ ～", "≥70 ≤5 25–29 ¥3M a·b": "≧70 ≦5 25-29 ￥3M a・b", "😀 €か\u3099": "〓 〓が", "\\~": "\\~", "\xff": "〓",
	} {
		got, err := encoding.ShiftJIS.NewDecoder().String(string(cp932(nil, in)))
		if err != nil || got != want {
			t.Errorf("%q is read as %q, want %q (%v)", in, got, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := releases().Draw(t, "release")
		var sjis, utf bytes.Buffer
		err := Write(&sjis, CSVSJIS, r)
		if e, ok := err.(*entrustment.Error); ok && e.Field == "encoding" {
			return // two values that it can't tell apart
		}
		if err := Write(&utf, CSV, r); err != nil {
			t.Fatal(err)
		}
		back, derr := encoding.ShiftJIS.NewDecoder().String(sjis.String())
		if err != nil || derr != nil {
			t.Fatal(err, derr)
		}
		want := utf.String()
		want = strings.NewReplacer("😀", "〓", "\uFFFD", "〓", "≥", "≧", "–", "-", "〜", "～", "·", "・", "¥", "￥").Replace(want)
		if back != want || !utf8.ValidString(back) {
			t.Errorf("read back\n%s\nwant\n%s", back, want)
		}
	})
}

// TestSJISKeepsValuesApart: two values that CP932 makes one are refused, before a
// byte is written; without that, two rows bear one name.
func TestSJISKeepsValuesApart(t *testing.T) {
	r := base("profile", wire.Dim{Name: "tier", Domain: []string{"🥇", "🥈", "unknown"}})
	r.Cells = []wire.Cell{cell(500, "tier", "🥇"), cell(700, "tier", "🥈"), cell(0, "tier", "unknown")}
	finish(r)
	var b bytes.Buffer
	err := Write(&b, CSVSJIS, r)
	if e, ok := err.(*entrustment.Error); !ok || e.Code != entrustment.CodeSpec || b.Len() > 0 {
		t.Errorf("err %v, %d bytes", err, b.Len())
	}
	// The twin.
	if err := writeCSV(&b, r); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(cp932(nil, b.String()), []byte("cell,\x81\xac,released")); n != 2 {
		t.Errorf("%d rows bear the same name, want 2", n)
	}
}

// TestFormats: each format is offered once, in words of both languages.
func TestFormats(t *testing.T) {
	seen := map[Format]bool{}
	for _, f := range Formats() {
		got, ok := Lookup(f.Format)
		if !ok || seen[f.Format] || got.Ending != f.Ending || MediaType(f.Format) != f.MediaType || f.MediaType == "" || f.JA == "" || f.EN == "" {
			t.Errorf("the form %+v", f)
		}
		seen[f.Format] = true
		if format, err := ParseFormat("x" + f.Ending); err != nil || MediaType(format) == "" {
			t.Errorf("%s: %v", f.Ending, err)
		}
	}
	for _, f := range []Format{CSV, CSVBOM, CSVSJIS, XLSX, PDF, Parquet, Arrow, JSON} {
		if !seen[f] {
			t.Errorf("%s is not offered", f)
		}
	}
	if _, ok := Lookup("doc"); ok || MediaType("doc") != "application/octet-stream" {
		t.Error("there is a format doc")
	}
	doc, err := json.Marshal(Formats()[0])
	if err != nil || !strings.Contains(string(doc), `"media_type":"application/vnd.openxml`) {
		t.Errorf("as JSON: %s, %v", doc, err)
	}
}
