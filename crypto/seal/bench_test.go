package seal_test

import (
	"bytes"
	"io"
	"testing"

	"awase/crypto/seal"
)

// benchRows are a list as it mostly is: an address of one or two hashes and
// three values.
func benchRows(n int) (seal.Header, []seal.Row) {
	h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}, {Kind: "phone"}}}
	for _, name := range []string{"band", "member", "region"} {
		h.Columns = append(h.Columns, seal.Column{Name: name, Domain: []string{"a", "b", "c", "unknown"}})
	}
	rows := make([]seal.Row, n)
	for i := range rows {
		id := seal.Identifier{Column: 0, Hash: [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}}
		rows[i] = seal.Row{Identifiers: []seal.Identifier{id}, Codes: []uint8{uint8(i % 4), 1, 2}}
		if i%2 == 0 {
			id.Column = 1
			rows[i].Identifiers = append(rows[i].Identifiers, id)
		}
	}
	return h, rows
}

// BenchmarkSeal and BenchmarkOpen count bytes of the sealed file: run with -cpu 1
// for a core's rate. Rows come in batches of 1,024, as intake makes them.
func BenchmarkSeal(b *testing.B) {
	for _, suite := range []seal.Suite{seal.XWing, seal.X25519} {
		b.Run(suite.String(), func(b *testing.B) {
			h, rows := benchRows(1024)
			const times = 256
			key := testKey(b, suite)
			b.SetBytes(times * int64(len(sealFile(b, key, testAddress, h, rows, nil))))
			b.ReportAllocs()
			for b.Loop() {
				w, err := seal.NewWriter(io.Discard, key.Public(), testAddress, h, seal.WriterOptions{})
				if err != nil {
					b.Fatal(err)
				}
				for range times {
					if err := w.Write(rows); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	h, rows := benchRows(1 << 20)
	key := testKey(b, seal.XWing)
	file := sealFile(b, key, testAddress, h, rows, nil)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := seal.Open(bytes.NewReader(file), key, testAddress, &h, nil)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for batch, err := range f.Rows() {
			if err != nil {
				b.Fatal(err)
			}
			n += len(batch)
		}
		if n != len(rows) {
			b.Fatalf("%d rows of %d", n, len(rows))
		}
	}
}
