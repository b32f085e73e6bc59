package identifier

import (
	"fmt"
	"testing"
)

func newJP(t testing.TB) *Normaliser {
	t.Helper()
	n, err := New("JP")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func BenchmarkCanonicalEmail(b *testing.B) {
	for _, c := range []struct{ name, value string }{
		{"ascii", "Taro.Yamada@Example.co.jp"},
		{"fullwidth", "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｃｏ．ｊｐ"},
		{"idn", "taro@例え.jp"},
	} {
		b.Run(c.name, func(b *testing.B) {
			n, raw := newJP(b), []byte(c.value)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := n.Canonical(Email, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPhone sets the fast path against the library on the same number:
// the ratio is what the fast path is worth.
func BenchmarkPhone(b *testing.B) {
	raw := []byte("090-1234-5678")
	b.Run("fast", func(b *testing.B) {
		n := newJP(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := n.Canonical(Phone, raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		n := newJP(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := n.viaLibrary(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppendBase(b *testing.B) {
	for _, c := range []struct {
		kind  Kind
		value string
	}{
		{Email, "taro.yamada@example.co.jp"},
		{Email, "taro.yamada+news@gmail.com"},
		{Phone, "090-1234-5678"},
		{Cookie, "GA1.2.1234567890.1700000000"},
		{MAID, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"},
	} {
		b.Run(fmt.Sprintf("%s/%s", c.kind, c.value), func(b *testing.B) {
			n, raw := newJP(b), []byte(c.value)
			var sums []Sum
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if sums, _, err = n.AppendBase(sums[:0], c.kind, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRow is a row of the usual list: email, phone, cookie, each
// normalised and hashed. PERFORMANCE T5 wants 1 M rows/s of it on a core.
func BenchmarkRow(b *testing.B) {
	n := newJP(b)
	email, phone, cookie := []byte("Taro.Yamada@Example.co.jp"), []byte("090-1234-5678"), []byte("GA1.2.1234567890.1700000000")
	var sums []Sum
	b.ReportAllocs()
	for b.Loop() {
		sums, _, _ = n.AppendList(sums[:0], Email, email)
		sums, _, _ = n.AppendList(sums, Phone, phone)
		sums, _, _ = n.AppendList(sums, Cookie, cookie)
	}
	if len(sums) != 3 {
		b.Fatalf("%d hashes, want 3", len(sums))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkParseHash(b *testing.B) {
	for _, value := range []string{
		"0c7e6a405862e402eb76a70f8a26fc732d07c32931e9fae9ab1582911d2e8a3b",
		"DH5qQFhi5ALrdqcPiib8cy0Hwykx6frpqxWCkR0uijs=",
	} {
		b.Run(fmt.Sprint(len(value)), func(b *testing.B) {
			raw := []byte(value)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseHash(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	for _, value := range []string{"taro@example.jp", "0c7e6a405862e402eb76a70f8a26fc732d07c32931e9fae9ab1582911d2e8a3b"} {
		b.Run(fmt.Sprint(len(value)), func(b *testing.B) {
			raw := []byte(value)
			for b.Loop() {
				Detect(raw)
			}
		})
	}
}
