package label

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"awase/crypto/seal"
)

var update = flag.Bool("update", false, "write testdata/labels.json again")

// A vector is a set of labels that another program can be held to: the KEM's
// randomness and the nonces come, in that order, from one string of bytes.
type vector struct {
	Suite      string      `json:"suite"`
	Seed       string      `json:"seed"` // of the serving key
	Delivery   string      `json:"delivery"`
	Expires    int64       `json:"expires"`
	Randomness string      `json:"randomness"`
	Enc        string      `json:"enc"`
	Rows       []vectorRow `json:"rows"`
}

type vectorRow struct {
	Key    string `json:"key"` // hex
	Member bool   `json:"member"`
	Label  string `json:"label"`
}

func TestLabelVectors(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "labels.json")
	if *update {
		writeVectors(t, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&vectors); err != nil || len(vectors) != 2 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		key, s := v.sealer(t)
		if set := s.Set(); hex.EncodeToString(set.Enc) != v.Enc {
			t.Errorf("%s: another encapsulated key", v.Suite)
		}
		o, err := NewOpener(key, s.Set(), func() time.Time { return before })
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range v.Rows {
			k := unhex(t, r.Key)
			if got := mustLabel(t, s, uint32(i), k, r.Member).String(); got != r.Label {
				t.Errorf("%s, row %d: %s", v.Suite, i, got)
			}
			l, err := Parse(r.Label)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := o.Open(uint32(i), k, l); err != nil || got != r.Member {
				t.Errorf("%s, row %d: %v, %v", v.Suite, i, got, err)
			}
		}
	}
}

func (v *vector) sealer(t *testing.T) (seal.PrivateKey, *Sealer) {
	t.Helper()
	suite := map[string]seal.Suite{"xwing": seal.XWing, "x25519": seal.X25519}[v.Suite]
	key, err := seal.DeriveKey(suite, [32]byte(unhex(t, v.Seed)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSealer(key.Public(), [16]byte(unhex(t, v.Delivery)), time.Unix(v.Expires, 0), bytes.NewReader(unhex(t, v.Randomness)))
	if err != nil {
		t.Fatal(err)
	}
	return key, s
}

func writeVectors(t *testing.T, path string) {
	t.Helper()
	var vectors []vector
	for _, suite := range []string{"xwing", "x25519"} {
		v := vector{
			Suite: suite, Seed: hex.EncodeToString(bytes.Repeat([]byte{0xA1}, 32)), Delivery: "64656c69766572792d30303030303031",
			Expires: expiry.Unix(), Randomness: hex.EncodeToString(bytes.Repeat([]byte{0x5E, 0x17, 0xC3, 0x09}, 48)),
		}
		_, s := v.sealer(t)
		v.Enc = hex.EncodeToString(s.Set().Enc)
		for i, r := range []vectorRow{{Key: "75", Member: true}, {Key: "e4bc9ae593a1", Member: false}, {Key: "75", Member: false}} {
			r.Label = mustLabel(t, s, uint32(i), unhex(t, r.Key), r.Member).String()
			v.Rows = append(v.Rows, r)
		}
		vectors = append(vectors, v)
	}
	raw, err := json.MarshalIndent(vectors, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
