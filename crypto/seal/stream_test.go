package seal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"awase/crypto/seal"
)

// maxPlain is what a full record holds.
const maxPlain = seal.MaxRecord - 16

func sealStream(t *testing.T, key seal.PrivateKey, info, plain []byte) (enc, sealed []byte) {
	t.Helper()
	var b bytes.Buffer
	enc, w, err := key.Public().NewStreamWriter(&b, info, nil)
	if err != nil {
		t.Fatal(err)
	}
	for rest := plain; len(rest) > 0; { // in odd pieces: where a caller cuts shows nowhere
		n := min(len(rest), 70_001)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, seal.Spent) {
		t.Errorf("closed twice: %v", err)
	}
	return enc, b.Bytes()
}

func openStream(key seal.PrivateKey, enc, info, sealed []byte) ([]byte, error) {
	r, err := key.NewStreamReader(bytes.NewReader(sealed), enc, info)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// A stream opens as it was sealed, and is as long as its length alone says.
func TestStream(t *testing.T) {
	t.Parallel()
	for _, suite := range []seal.Suite{seal.X25519, seal.XWing} {
		key := testKey(t, suite)
		for _, n := range []int{0, 1, maxPlain - 1, maxPlain, maxPlain + 1, 2 * maxPlain} {
			plain := bytes.Repeat([]byte{0xA5}, n)
			enc, sealed := sealStream(t, key, []byte("info"), plain)
			if got := int64(len(sealed)); got != seal.StreamSize(int64(n)) {
				t.Errorf("%d bytes: sealed %d, StreamSize %d", n, got, seal.StreamSize(int64(n)))
			}
			got, err := openStream(key, enc, []byte("info"), sealed)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%d bytes: %v, %d back", n, err, len(got))
			}
			if _, err := openStream(key, enc, []byte("other"), sealed); !errors.Is(err, seal.NotOpened) {
				t.Errorf("under another info: %v", err)
			}
			if _, err := openStream(key, enc, []byte("info"), sealed[:len(sealed)-1]); !errors.Is(err, seal.Truncated) {
				t.Errorf("cut: %v", err)
			}
			if _, err := openStream(key, enc, []byte("info"), append(bytes.Clone(sealed), 0)); !errors.Is(err, seal.TrailingBytes) {
				t.Errorf("added to: %v", err)
			}
			if n > maxPlain { // the end of the first record
				if _, err := openStream(key, enc, []byte("info"), sealed[:4+seal.MaxRecord]); !errors.Is(err, seal.Truncated) {
					t.Errorf("without its last record: %v", err)
				}
			}
		}
		if _, err := key.NewStreamReader(nil, []byte("short"), nil); !errors.Is(err, seal.NotOpened) {
			t.Errorf("a short encapsulated key: %v", err)
		}
	}
}

// One stream has one encoding: its sender too may cut it in one way only.
func TestStreamRecordsAreFull(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.X25519)
	var b bytes.Buffer
	enc, err := seal.CutStream(&b, key.Public(), []byte("info"), []byte("ab"), []byte("c"))
	if err != nil {
		t.Fatal(err)
	}
	if size := binary.BigEndian.Uint32(b.Bytes()); size != 18 {
		t.Fatalf("the first record has %d bytes", size)
	}
	if _, err := openStream(key, enc, []byte("info"), b.Bytes()); !errors.Is(err, seal.MalformedRecord) {
		t.Errorf("opens: %v", err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	for _, suite := range []seal.Suite{seal.X25519, seal.XWing} {
		key := testKey(t, suite)
		enc, secret, err := key.Public().Export([]byte("info"), []byte("context"), 32, nil)
		if err != nil || len(secret) != 32 {
			t.Fatal(err)
		}
		same := func(k seal.PrivateKey, info, context string) bool {
			got, err := k.Export(enc, []byte(info), []byte(context), 32)
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Equal(got, secret)
		}
		if !same(key, "info", "context") {
			t.Error("another secret")
		}
		other, err := seal.DeriveKey(suite, [32]byte{9})
		if err != nil {
			t.Fatal(err)
		}
		for what, equal := range map[string]bool{"info": same(key, "Info", "context"), "context": same(key, "info", "Context"), "key": same(other, "info", "context")} {
			if equal {
				t.Errorf("the same secret under another %s", what)
			}
		}
		if _, err := key.Export(enc[1:], nil, nil, 32); !errors.Is(err, seal.NotOpened) {
			t.Errorf("a short enc: %v", err)
		}
	}
	x := testKey(t, seal.X25519)
	if _, err := x.Export(make([]byte, 32), nil, nil, 32); !errors.Is(err, seal.NotOpened) {
		t.Errorf("a point of small order: %v", err)
	}
	if _, err := (seal.PrivateKey{}).Export(nil, nil, nil, 32); !errors.Is(err, seal.BadKey) {
		t.Errorf("no key: %v", err)
	}
	if _, _, err := (seal.PublicKey{}).Export(nil, nil, 32, nil); !errors.Is(err, seal.BadKey) {
		t.Errorf("no key: %v", err)
	}
}
