package enclave

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// BenchmarkFileToTokens is T5: a list from the bytes of its file to the tokens
// that the list is built of, through intake, sealing and opening, as list load
// does it. rows/s counts rows of the file. ×hashing is the time over that of the
// hashing alone on every core, in the same run: SHA-256 and the token of each raw
// value, the token alone of each hash.
func BenchmarkFileToTokens(b *testing.B) {
	const rows = 400_000
	var raw, hashed bytes.Buffer
	raw.WriteString("email,phone,cookie\n")
	hashed.WriteString("email\n")
	for i := range rows {
		fmt.Fprintf(&raw, "taro.yamada%d@example.co.jp,090-%04d-%04d,GA1.2.%010d.1700000000\n", i, i%10000, i/40, i)
		h := sha256.Sum256(fmt.Appendf(nil, "taro.yamada%d@example.co.jp", i))
		hashed.WriteString(hex.EncodeToString(h[:]) + "\n")
	}
	for name, c := range map[string]struct {
		file   []byte
		schema string
	}{
		"raw":    {raw.Bytes(), "schema: awase.list/v1\ncolumns:\n  - {column: email, kind: email}\n  - {column: phone, kind: phone}\n  - {column: cookie, kind: cookie, namespace: s}\n"},
		"hashed": {hashed.Bytes(), "schema: awase.list/v1\ncolumns:\n  - {column: email, kind: email}\n"},
	} {
		b.Run(name, func(b *testing.B) {
			schema, err := entrustment.ParseListSchema("list.yaml", []byte(c.schema))
			if err != nil {
				b.Fatal(err)
			}
			key, err := seal.DeriveKey(seal.XWing, [32]byte{1})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if n := fileToTokens(b, c.file, schema, key); n < rows {
					b.Fatalf("%d tokens of %d rows", n, rows)
				}
			}
			took := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(rows)/took.Seconds(), "rows/s")
			b.ReportMetric(float64(took)/float64(hashing(b, name == "raw", rows)), "×hashing")
		})
	}
}

// hashing gives how long the hashes and tokens of so many rows take on all cores,
// the best of five.
func hashing(b *testing.B, raw bool, rows int) time.Duration {
	best := time.Hour
	for range 5 {
		var wg sync.WaitGroup
		cores := runtime.GOMAXPROCS(0)
		start := time.Now()
		for c := range cores {
			m, err := token.NewMaker([32]byte{byte(c)}, "email", 0, "")
			if err != nil {
				b.Fatal(err)
			}
			wg.Go(func() {
				value := []byte("taro.yamada000000@example.co.jp")
				var h [32]byte
				for i := range rows / cores {
					values := 1
					if raw {
						values = 3
					}
					for range values {
						if raw {
							value[12] = byte(i)
							h = sha256.Sum256(value)
						}
						h[0] = m.Make(&h)[0]
					}
				}
			})
		}
		wg.Wait()
		best = min(best, time.Since(start))
	}
	return best
}

func fileToTokens(b *testing.B, file []byte, schema *entrustment.ListSchema, key seal.PrivateKey) (tokens int) {
	in, err := intake.OpenList(b.Context(), bytes.NewReader(file), int64(len(file)), schema, intake.Options{})
	if err != nil {
		b.Fatal(err)
	}
	a := seal.Address{Entrustment: "e", Version: 1, Party: "p", Name: "l", Upload: seal.NewUpload()}
	r, w := io.Pipe()
	go func() {
		s, err := seal.NewWriter(w, key.Public(), a, in.Header(), seal.WriterOptions{})
		if err == nil {
			for batch, rerr := range in.Rows() {
				if err = rerr; err == nil {
					err = s.Write(batch)
				}
				if err != nil {
					break
				}
			}
		}
		if err == nil {
			err = s.Close()
		}
		w.CloseWithError(err)
	}()
	f, err := seal.Open(r, key, a, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	e := &Enclave{}
	list := matcher.NewListBuilder(columnsOf(f.Header()), [32]byte{})
	err = e.tokenise(b.Context(), f.Header(), batchesOf(f), func(t *tokened) error {
		tokens += len(t.tokens)
		return list.Add(&matcher.ListRow{Tokens: t.tokens, Codes: t.row.Codes})
	})
	if err != nil {
		b.Fatal(err)
	}
	return tokens
}

// BenchmarkReplaceList is a list of 1.5 M people, an address and a number each, taking
// the place of one with which it shares nine in ten: from its sealed file to the answer.
func BenchmarkReplaceList(b *testing.B) {
	const people = 1_500_000
	e, err := Open(b.Context(), filepath.Join(b.TempDir(), "V"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	furnish(b, e)
	c := parse(b, entrustment.ParseContract, oracleContract)
	c.MaxListRows = 2 * people
	if _, err := e.Entrust(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	if _, err := e.SetGate(b.Context(), "gate.yaml", []byte("schema: awase.gate/v1\nlist_versions: 200\n")); err != nil {
		b.Fatal(err)
	}
	h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}, {Kind: "phone"}}}
	load := func(n int) wire.ListLoaded {
		file := sealed(b, e, "e", "l", h, func(yield func([]seal.Row, error) bool) {
			batch := make([]seal.Row, 0, 1000)
			for i := range people {
				hash := sha256.Sum256(fmt.Append(nil, i+n*people/10))
				batch = append(batch, seal.Row{Identifiers: []seal.Identifier{{Hash: hash}, {Column: 1, Hash: hash}}})
				if len(batch) == cap(batch) {
					if !yield(batch, nil) {
						return
					}
					batch = batch[:0]
				}
			}
		})
		b.StartTimer()
		defer b.StopTimer()
		got, err := e.LoadList(b.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, file)
		if err != nil {
			b.Fatal(err)
		}
		return got
	}
	load(0)
	b.ResetTimer()
	for n := range b.N {
		if got := load(n + 1); got.Rows != people {
			b.Fatalf("%+v", got)
		}
	}
}
