package delivery

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"awase/crypto/seal"
)

// signedBody is a delivery as no room writes it: any body, and a good signature.
func signedBody(t testing.TB, key seal.PrivateKey, canonical, plain []byte) []byte {
	t.Helper()
	return craft(t, key, canonical, plain, nil)
}

func craft(t testing.TB, key seal.PrivateKey, canonical, plain []byte, rnd io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	enc, stream, err := key.Public().NewStreamWriter(&b, info(canonical), rnd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	file := append(appendHead(nil, key.Public().Suite(), canonical, enc), b.Bytes()...)
	sum := sha256.New()
	sum.Write(file)
	return append(file, ed25519.Sign(testRoom, message(sum))...)
}

// A room's own faults are refused too: each of them has another reading.
func TestMalformedSlots(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.X25519)
	person, _ := appendPerson(nil, testPerson(1))
	user, _ := appendUser(nil, []byte("u"))
	labels, labelled := labelFile(t, key.Public(), seal.X25519, 2, nil)
	body := openBody(t, key, labelled)
	edit := func(slot []byte, change func(b []byte)) []byte {
		b := bytes.Clone(slot)
		change(b)
		return b
	}
	for name, c := range map[string]struct {
		h     Header
		plain []byte
	}{
		"five identifiers":          {testHeader(Google, 1), edit(person, func(b []byte) { b[0] = 5 })},
		"no kind":                   {testHeader(Google, 1), edit(person, func(b []byte) { b[1] = 0 })},
		"unknown kind":              {testHeader(Google, 1), edit(person, func(b []byte) { b[1] = 5 })},
		"unknown class":             {testHeader(Google, 1), edit(person, func(b []byte) { b[2] = 3 })},
		"an identifier twice":       {testHeader(Google, 1), edit(person, func(b []byte) { b[0] = 2; copy(b[1+identifierSize:], b[1:1+identifierSize]) })},
		"padding of a person":       {testHeader(Google, 1), edit(person, func(b []byte) { b[personSize-1] = 1 })},
		"padding that is not empty": {testHeader(Google, 1), edit(make([]byte, personSize), func(b []byte) { b[9] = 1 })},
		"a long user key":           {testHeader(OwnChannel, 1), edit(user, func(b []byte) { b[0] = 129 })},
		"padding of a user":         {testHeader(OwnChannel, 1), edit(user, func(b []byte) { b[userSize-1] = 1 })},
		"a long key of a label":     {labels, edit(body, func(b []byte) { b[0] = 2 })},
		"a label of another set":    {labels, edit(body, func(b []byte) { b[20] ^= 1 })},
		"padding of labels":         {labels, edit(body, func(b []byte) { b[len(b)-1] = 1 })},
	} {
		canonical, err := appendHeader(nil, c.h.withRoom())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(signedBody(t, key, canonical, c.plain), key); !errors.Is(err, MalformedSlot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A body shorter or longer than the header says has another size of file.
	h := testHeader(Google, 2)
	canonical, err := appendHeader(nil, h.withRoom())
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]Reason{1: Truncated, 3: TrailingBytes} {
		if _, err := readAll(signedBody(t, key, canonical, make([]byte, n*personSize)), key); !errors.Is(err, want) {
			t.Errorf("%d slots of 2: %v", n, err)
		}
	}
}

// openBody gives what a file's stream holds.
func openBody(t testing.TB, key seal.PrivateKey, file []byte) []byte {
	t.Helper()
	f, err := openFile(file, key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f.stream)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
