package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"awase/crypto/seal"
)

// testCase is a file of testdata/vectors.
type testCase struct {
	expect     string
	key        seal.PrivateKey
	ask        seal.Address
	schema     *seal.Header
	pinned     ed25519.PublicKey
	randomness []byte
	sign       ed25519.PrivateKey
	rows       []seal.Row
	file       []byte
}

func readCase(t *testing.T, path string) *testCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(data), "\n\n")
	if !ok {
		t.Fatal("no empty line")
	}
	c := &testCase{}
	var suite seal.Suite
	var seed [32]byte
	bytesOf := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for line := range strings.Lines(head) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok {
			t.Fatalf("no key in %q", line)
		}
		switch key {
		case "expect":
			c.expect = value
		case "comment":
		case "suite":
			suite = map[string]seal.Suite{"xwing": seal.XWing, "x25519": seal.X25519}[value]
		case "seed":
			seed = [32]byte(bytesOf(value))
		case "entrustment":
			c.ask.Entrustment = value
		case "version":
			if c.ask.Version, err = strconv.Atoi(value); err != nil {
				t.Fatal(err)
			}
		case "party":
			c.ask.Party = value
		case "name":
			c.ask.Name = value
		case "upload":
			c.ask.Upload = [16]byte(bytesOf(value))
		case "schema":
			c.schema = &seal.Header{}
			if err := json.Unmarshal([]byte(value), c.schema); err != nil {
				t.Fatal(err)
			}
		case "pinned":
			c.pinned = bytesOf(value)
		case "randomness":
			c.randomness = bytesOf(value)
		case "signing-seed":
			c.sign = ed25519.NewKeyFromSeed(bytesOf(value))
		case "row":
			r, err := seal.UnmarshalVectorRow([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			c.rows = append(c.rows, r)
		default:
			t.Fatalf("unknown key %q", key)
		}
	}
	if c.key, err = seal.DeriveKey(suite, seed); err != nil {
		t.Fatal(err)
	}
	c.file = bytesOf(strings.ReplaceAll(body, "\n", ""))
	return c
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "vectors", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			c := readCase(t, path)
			rows, err := openFile(c.file, c.key, c.ask, c.schema, c.pinned)
			if c.expect != "ok" {
				var e *seal.Error
				if !errors.As(err, &e) || string(e.Reason) != c.expect {
					t.Fatalf("got %v, want %s", err, c.expect)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sameRows(t, rows, c.rows)
			if c.randomness == nil {
				return
			}
			var again bytes.Buffer
			w, err := seal.NewWriter(&again, c.key.Public(), c.ask, *c.schema, seal.WriterOptions{Sign: c.sign, Rand: bytes.NewReader(c.randomness)})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(rows); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.Bytes(), c.file) {
				t.Error("sealing the rows again gives other bytes")
			}
		})
	}
}
