package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"reflect"
	"slices"
	"testing"

	"awase/crypto/seal"
)

var testAddress = seal.Address{Entrustment: "spring-2026", Version: 3, Party: "acme", Name: "members", Upload: [16]byte{1, 2, 3, 15: 16}}

func testKey(t testing.TB, s seal.Suite) seal.PrivateKey {
	t.Helper()
	key, err := seal.DeriveKey(s, [32]byte{7, byte(s)})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// uploadKey gives a party's upload key.
func uploadKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

// sealFile seals rows, one call of Write a row group of 1,000.
func sealFile(t testing.TB, key seal.PrivateKey, a seal.Address, h seal.Header, rows []seal.Row, sign ed25519.PrivateKey) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, key.Public(), a, h, seal.WriterOptions{Sign: sign})
	if err != nil {
		t.Fatal(err)
	}
	for len(rows) > 0 {
		n := min(1000, len(rows))
		if err := w.Write(rows[:n]); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// openFile gives all rows of a file, or the first error.
func openFile(file []byte, key seal.PrivateKey, a seal.Address, h *seal.Header, pin ed25519.PublicKey) ([]seal.Row, error) {
	f, err := seal.Open(bytes.NewReader(file), key, a, h, pin)
	if err != nil {
		return nil, err
	}
	return allRows(f)
}

func allRows(f *seal.File) (rows []seal.Row, err error) {
	for batch, err := range f.Rows() {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			rows = append(rows, batch[i].Clone())
		}
	}
	return rows, nil
}

// sameRows holds got to want; no identifiers, codes or key are nil or empty.
func sameRows(t interface {
	Helper()
	Fatalf(string, ...any)
}, got, want []seal.Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := &got[i], &want[i]
		same := slices.Equal(g.Identifiers, w.Identifiers) && bytes.Equal(g.Codes, w.Codes) &&
			(g.Person == nil) == (w.Person == nil) && (g.Event == nil) == (w.Event == nil)
		if same && g.Person != nil {
			a, b := *g.Person, *w.Person
			same = bytes.Equal(a.Key, b.Key)
			a.Key, b.Key = nil, nil
			same = same && reflect.DeepEqual(a, b)
		}
		if same && g.Event != nil {
			a, b := *g.Event, *w.Event
			same = bytes.Equal(a.Key, b.Key)
			a.Key, b.Key = nil, nil
			same = same && reflect.DeepEqual(a, b)
		}
		if !same {
			t.Fatalf("row %d differs", i+1)
		}
	}
}
