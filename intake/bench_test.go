//go:build unix

package intake

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"awase/entrustment"
)

const benchRows = 200_000

// bench reads content again and again and reports rows a second.
func bench(b *testing.B, content []byte, s *entrustment.ListSchema) {
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	cpu := processTime()
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
	b.ReportMetric(float64(processTime()-cpu)/float64(benchRows)/float64(b.N), "cpu-ns/row")
}

// processTime gives the processor time used so far: on a busy machine it says
// more than the clock. 2 M rows/s on two cores are 1,000 ns a row.
func processTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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

// BenchmarkMessyShiftJIS is a client's export: names and addresses that are
// dropped, full width, one row in eight with something to mend or refuse.
func BenchmarkMessyShiftJIS(b *testing.B) {
	var c bytes.Buffer
	c.WriteString("氏名,メールアドレス,携帯番号,住所,会員ランク,同意\r\n")
	for i := range benchRows {
		mail, phone := fmt.Sprintf("user.%d@example.jp", i), fmt.Sprintf("090-%04d-%04d", i/10000, i%10000)
		switch i % 16 {
		case 3:
			phone = fmt.Sprintf("０９０－%04d－%04d", i/10000, i%10000)
		case 7:
			mail = "ｕｓｅｒ" + mail
		}
		fmt.Fprintf(&c, "山田　太郎,%s,%s,\"東京都千代田区表参道１－２－３　能登ビル\",ゴールド,はい\r\n", mail, phone)
	}
	bench(b, []byte(sjis(c.String())), &entrustment.ListSchema{Columns: []entrustment.ListColumn{
		{Column: "メールアドレス", Kind: "email"}, {Column: "携帯番号", Kind: "phone"},
		{Column: "会員ランク", Name: "tier", Values: []string{"ゴールド", "シルバー"}}},
		Consent: &entrustment.ListConsent{Column: "同意"}, Drop: []string{"氏名", "住所"}})
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
