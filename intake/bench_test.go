package intake

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"awase/entrustment"
)

const benchRows = 200_000

// bench reads content again and again and reports rows a second.
func bench(b *testing.B, content []byte, s *entrustment.ListSchema) {
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := OpenList(context.Background(), bytes.NewReader(content), int64(len(content)), s, Options{Today: today})
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
			b.Fatalf("%d rows, want %d: %+v", n, benchRows, f.Report().Faults)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

var rawSchema = &entrustment.ListSchema{Region: "JP", Columns: []entrustment.ListColumn{
	{Column: "email", Kind: "email"}, {Column: "phone", Kind: "phone"}, {Column: "cookie", Kind: "cookie", Namespace: "shop"}}}

func rawCSV(format string) []byte {
	var b bytes.Buffer
	b.WriteString("email,phone,cookie\n")
	for i := range benchRows {
		fmt.Fprintf(&b, format, i, 10000000+i, i)
	}
	return b.Bytes()
}

func BenchmarkRawCSV(b *testing.B) {
	bench(b, rawCSV("user.%d@example.jp,090%08d,GA1.2.1234567890.%d\n"), rawSchema)
}

func BenchmarkQuotedCSV(b *testing.B) {
	bench(b, rawCSV("\"user.%d@example.jp\",\"090%08d\",\"GA1.2.1234567890.%d\"\r\n"), rawSchema)
}

func BenchmarkHashedCSV(b *testing.B) {
	var c bytes.Buffer
	c.WriteString("Email_SHA256\n")
	for i := range benchRows {
		c.WriteString(hexSum(fmt.Sprint(i)) + "\n")
	}
	bench(b, c.Bytes(), nil)
}

func BenchmarkHashedParquet(b *testing.B) {
	hashes := make([]parquet.ByteArray, benchRows)
	for i := range hashes {
		hashes[i] = []byte(hexSum(fmt.Sprint(i)))
	}
	node := logical("email", false, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
	bench(b, writeParquet(b, []pqColumn{{node, hashes, nil}}, benchRows, 100_000, parquet.WithDictionaryDefault(false)), nil)
}

func BenchmarkScan(b *testing.B) {
	content := string(rawCSV("user.%d@example.jp,090%08d,GA1.2.1234567890.%d\n"))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		s := newScanner(strings.NewReader(content), ',', 1<<20)
		for s.next() == nil {
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
