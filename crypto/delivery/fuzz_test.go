package delivery

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"awase/crypto/seal"
)

// FuzzHeader: a header has one encoding.
func FuzzHeader(f *testing.F) {
	labels, _ := labelFile(f, testKey(f, seal.X25519).Public(), seal.X25519, 1, rand.NewChaCha8([32]byte{1}))
	for _, h := range []Header{testHeader(Google, 4), testHeader(OwnChannel, 1), labels} {
		b, err := appendHeader(nil, h.withRoom())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(bytes.Clone(b), 0))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := decodeHeader(in)
		if err != nil {
			if !errors.Is(err, MalformedHeader) {
				t.Fatal(err)
			}
			return
		}
		out, err := appendHeader(nil, &h)
		if err != nil {
			t.Fatalf("decoded, but may not be sealed: %v", err)
		}
		if !bytes.Equal(in, out) {
			t.Error("two encodings of one header")
		}
	})
}

// FuzzSlot: a slot has one encoding.
func FuzzSlot(f *testing.F) {
	for _, n := range []int{1, 2} {
		b, _ := appendPerson(nil, testPerson(n))
		f.Add(b)
	}
	u, _ := appendUser(nil, []byte("user"))
	f.Add(u)
	f.Add(make([]byte, personSize))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) >= personSize {
			slot := in[:personSize]
			if ids, fault := parsePerson(nil, slot); fault == "" && len(ids) > 0 {
				if out, fault := appendPerson(nil, ids); fault != "" || !bytes.Equal(out, slot) {
					t.Errorf("two encodings of a person: %s", fault)
				}
			}
		}
		if len(in) >= userSize {
			slot := in[:userSize]
			if key, fault := parseUser(slot); fault == "" && len(key) > 0 {
				if out, fault := appendUser(nil, key); fault != "" || !bytes.Equal(out, slot) {
					t.Errorf("two encodings of a user: %s", fault)
				}
			}
		}
	})
}

// FuzzOpen: no bytes crash it, signed or not, and only what the room signed opens.
func FuzzOpen(f *testing.F) {
	key := testKey(f, seal.X25519)
	good := map[string]bool{}
	for _, file := range small(f, key) {
		good[string(file)] = true
		f.Add(file)
		f.Add(file[:len(file)-1])
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, err := readAll(in, key); err == nil && !good[string(in)] {
			t.Error("opens what the room did not sign")
		}
		// What a room would sign, whatever it is, crashes nothing either.
		if h, err := readHead(bytes.NewReader(in)); err == nil && h.header.Slots <= 1<<16 {
			resign(t, h, in, key)
		}
	})
}

// resign signs what follows a head, sealed again, and reads it: a room's own fault.
func resign(t *testing.T, h *head, in []byte, key seal.PrivateKey) {
	header := h.header
	header.Room = public(testRoom)
	canonical, err := appendHeader(nil, &header)
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, header.body())
	copy(plain, in[min(len(in), len(h.raw)):])
	if _, err := readAll(signedBody(t, key, canonical, plain), key); err != nil {
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%v", err)
		}
	}
}
