package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// Levels that stop early: where values follow, the library takes those for
// levels and gives other people's rows; where none do, its column reader takes
// "nothing decoded" for progress and never ends.
func TestParquetShortLevels(t *testing.T) {
	for name, null := range map[string]bool{"values follow": false, "nothing follows": true} {
		t.Run(name, func(t *testing.T) {
			values, nulls := make([]parquet.ByteArray, 40), make([]bool, 40)
			for i := range values {
				values[i], nulls[i] = []byte("a@example.jp"), null
			}
			node := logical("email", true, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
			content := writeParquet(t, []pqColumn{{node, values, nulls}}, len(values), len(values),
				parquet.WithCompression(compress.Codecs.Uncompressed), parquet.WithStats(false), parquet.WithDictionaryDefault(false))
			if rows, err := readParquet(content); err != nil || len(rows) != len(values) {
				t.Fatalf("undamaged: %d rows, %v", len(rows), err)
			}
			level := byte(1)
			if null {
				level = 0
			}
			run := []byte{2, 0, 0, 0, 40 << 1, level} // two bytes: a run of 40
			if i := bytes.Count(content, run); i != 1 {
				t.Fatalf("the levels are there %d times", i)
			}
			bad := bytes.Replace(content, run, []byte{2, 0, 0, 0, 1 << 1, level}, 1)
			_, err := readParquet(bad)
			wantFault(t, err, "row group 1, column email", "damaged")
		})
	}
}

// uvarints writes unsigned varints one after the other.
func uvarints(vs ...uint64) (b []byte) {
	for _, v := range vs {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func TestCheckPage(t *testing.T) {
	text := column{typ: parquet.Types.ByteArray}
	optional := column{typ: parquet.Types.ByteArray, optional: true}
	number := column{typ: parquet.Types.Int64}
	flag := column{typ: parquet.Types.Boolean, bits: true}
	levels := func(runs ...byte) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(runs))), runs...)
	}
	block := func(values uint64, widths ...byte) []byte { // a delta block of four miniblocks of 32
		return append(append(uvarints(128, 4, values, 0), 0), widths...)
	}
	v1 := func(values, encoding int64) pageHeader {
		return pageHeader{typ: pageData, values: values, encoding: encoding, defEncoding: encRLE}
	}
	for _, tc := range []struct {
		name string
		b    []byte
		h    pageHeader
		col  column
		ok   bool
	}{
		{"plain", make([]byte, 16), v1(2, encPlain), number, true},
		{"plain, one short", make([]byte, 15), v1(2, encPlain), number, false},
		{"plain booleans", make([]byte, 2), v1(16, encPlain), flag, true},
		{"plain booleans, one too many", make([]byte, 2), v1(17, encPlain), flag, false},
		{"runs", append([]byte{1}, 40<<1, 0), v1(40, encRLEDict), text, true},
		{"runs, one short", append([]byte{1}, 39<<1, 0), v1(40, encRLEDict), text, false},
		{"packed runs", append([]byte{2}, 1<<1|1, 0, 0), v1(8, encRLEDict), text, true},
		{"packed runs, cut", append([]byte{2}, 1<<1|1, 0), v1(8, encRLEDict), text, false},
		{"empty run", append([]byte{1}, 0, 0, 40<<1, 0), v1(40, encRLEDict), text, false},
		{"width over 32", append([]byte{33}, 40<<1, 0, 0, 0, 0, 0), v1(40, encRLEDict), text, false},
		{"no width", nil, v1(1, encRLEDict), text, false},
		{"levels", append(levels(3<<1, 1, 2<<1, 0), make([]byte, 12)...), v1(5, encPlain), optional, true},
		{"levels, a value short", append(levels(3<<1, 1, 2<<1, 0), make([]byte, 11)...), v1(5, encPlain), optional, false},
		{"levels, one short", append(levels(3<<1, 1), make([]byte, 12)...), v1(5, encPlain), optional, false},
		{"packed levels", append(levels(1<<1|1, 0b00010101), make([]byte, 12)...), v1(5, encPlain), optional, true},
		{"packed levels, padding not counted", append(levels(1<<1|1, 0b11110101), make([]byte, 12)...), v1(5, encPlain), optional, true},
		{"levels longer than the page", []byte{9, 0, 0, 0, 1}, v1(5, encPlain), optional, false},
		{"all null", levels(5<<1, 0), v1(5, encPlain), optional, true},
		{"bit-packed levels", levels(5<<1, 0), pageHeader{typ: pageData, values: 5, defEncoding: 4}, optional, false},
		{"v2 levels", append([]byte{3 << 1, 1}, make([]byte, 12)...), pageHeader{typ: pageDataV2, values: 3, defLen: 2}, optional, true},
		{"run-length booleans", levels(9<<1, 1), v1(9, encRLE), flag, true},
		{"run-length numbers", levels(9<<1, 1), v1(9, encRLE), number, false},
		{"delta, one value", uvarints(128, 4, 1, 0), v1(1, encDelta), number, true},
		{"delta", append(block(33, 1, 0, 0, 0), make([]byte, 4)...), v1(33, encDelta), number, true},
		{"delta, cut", append(block(33, 1, 0, 0, 0), make([]byte, 3)...), v1(33, encDelta), number, false},
		{"delta, other count", append(block(34, 1, 0, 0, 0), make([]byte, 4)...), v1(33, encDelta), number, false},
		{"delta, width over 64", append(block(33, 65, 0, 0, 0), make([]byte, 400)...), v1(33, encDelta), number, false},
		{"delta, no miniblocks", uvarints(128, 0, 1, 0), v1(1, encDelta), number, false},
		{"delta, huge count", uvarints(128, 4, 1<<60, 0), v1(1, encDeltaLen), text, false},
		{"delta bytes, huge inner count", append(uvarints(128, 4, 1, 0), uvarints(128, 4, 1<<60, 0)...), v1(1, encDeltaBytes), text, false},
		{"unknown encoding", make([]byte, 16), v1(1, 9), number, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := checkPage(tc.b, tc.h, tc.col); (err == nil) != tc.ok || err != nil && !errors.Is(err, errPage) {
				t.Errorf("got %v, want ok %v", err, tc.ok)
			}
		})
	}
}

// Lists, strings and depths that a Thrift structure claims and does not hold.
func TestCompact(t *testing.T) {
	deep := bytes.Repeat([]byte{0x1c}, 100)
	for name, tc := range map[string]struct {
		b  []byte
		ok bool
	}{
		"nothing":           {nil, false},
		"empty":             {[]byte{0}, true},
		"number":            {[]byte{0x15, 0x02, 0}, true},
		"no end":            {[]byte{0x15, 0x02}, false},
		"string":            {[]byte{0x18, 2, 'a', 'b', 0}, true},
		"string too long":   {[]byte{0x18, 200, 1, 'a', 'b', 0}, false},
		"list":              {[]byte{0x19, 0x25, 2, 4, 0}, true},
		"list of a billion": {append([]byte{0x19, 0xf5}, append(uvarints(1<<30), 0)...), false},
		"list of booleans":  {[]byte{0x19, 0x21, 1, 2, 0}, true},
		"map":               {[]byte{0x1b, 1, 0x55, 2, 4, 0}, true},
		"map of a billion":  {append([]byte{0x1b}, append(uvarints(1<<30), 0x55, 0)...), false},
		"no type 13":        {[]byte{0x1d, 0}, false},
		"deep":              {append(deep, make([]byte, 101)...), false},
	} {
		c := compact{b: tc.b, num: func([]int16, int64) {}}
		if err := c.structure(); (err == nil) != tc.ok {
			t.Errorf("%s: got %v, want ok %v", name, err, tc.ok)
		}
	}
}

// A page that says it is small and unpacks to more, or the other way round, is
// refused at its stated size.
func TestPageBombs(t *testing.T) {
	zeros := make([]parquet.ByteArray, 1000)
	for i := range zeros {
		zeros[i] = make([]byte, 10_000)
	}
	node := logical("email", false, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
	for _, codec := range []compress.Compression{compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Zstd, compress.Codecs.Brotli} {
		content := writeParquet(t, []pqColumn{{node, zeros, nil}}, len(zeros), len(zeros), parquet.WithDataPageSize(64<<20),
			parquet.WithCompression(codec), parquet.WithDictionaryDefault(false), parquet.WithStats(false))
		s, err := openParquet(bytes.NewReader(content), int64(len(content)), "users.parquet", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		part := must(s.file.RowGroup(0).MetaData().ColumnChunk(0))
		p := &pageReader{src: s.src, off: part.DataPageOffset(), end: int64(len(content)), codec: codec, zstd: s.zstd}
		h, err := p.header()
		if err != nil {
			t.Fatal(err)
		}
		raw := content[p.off : p.off+h.compressed]
		for _, size := range []int64{0, 1, 1000, h.uncompressed - 1, h.uncompressed + 1} {
			if got, err := p.inflate(raw, size); err == nil && !(size == 0 && len(got) == 0 && codec == compress.Codecs.Zstd) {
				t.Errorf("%s: a page of %d bytes is read as %d", codec, h.uncompressed, size)
			}
		}
		if got, err := p.inflate(raw, h.uncompressed); err != nil || int64(len(got)) != h.uncompressed {
			t.Errorf("%s: %d bytes, %v, want %d", codec, len(got), err, h.uncompressed)
		}
	}
}

// FuzzPage: no header and no page panics, runs for ever, or is longer than its
// bytes.
func FuzzPage(f *testing.F) {
	f.Add([]byte{0x15, 0, 0x15, 6, 0x15, 6, 0x2c, 0x15, 80, 0x15, 16, 0x15, 6, 0x15, 6, 0, 0}, []byte{1, 80, 0}, uint8(0))
	f.Add([]byte{0x15, 6, 0x15, 6, 0x15, 6, 0x5c, 0x15, 80, 0x15, 0, 0x15, 80, 0x15, 0, 0x15, 4, 0x15, 0, 0x12, 0, 0}, []byte{80, 0, 1}, uint8(1))
	f.Add([]byte{0x15, 0, 0x15, 6, 0x15, 6, 0x2c, 0x15, 2, 0x15, 10, 0x15, 6, 0x15, 6, 0, 0}, uvarints(128, 4, 1, 0), uint8(2))
	f.Fuzz(func(t *testing.T, head, body []byte, kind uint8) {
		h, n, err := readPageHeader(head)
		if err != nil {
			return
		}
		if n > len(head) {
			t.Fatalf("a header of %d bytes in %d", n, len(head))
		}
		if h.typ == pageDataV2 && (h.defLen < 0 || h.defLen > int64(len(body))) || h.values < 0 || h.values > 1<<31 {
			return // pageReader.data refuses these before
		}
		col := column{typ: parquet.Types.ByteArray, optional: kind&1 != 0}
		if kind&2 != 0 {
			col.typ, col.bits = parquet.Types.Boolean, true
		}
		if err := checkPage(body, h, col); err != nil && !errors.Is(err, errPage) {
			t.Fatal(err)
		}
	})
}
