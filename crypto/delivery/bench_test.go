package delivery

import (
	"bytes"
	"io"
	"testing"
	"time"

	"awase/crypto/label"
	"awase/crypto/seal"
)

// BenchmarkWrite seals people, BenchmarkOpen checks and opens them; bytes are the file's.
func BenchmarkWrite(b *testing.B) {
	key := testKey(b, seal.XWing)
	h := testHeader(Google, 1<<16)
	size, err := h.withRoom().Size(seal.XWing)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	ids := testPerson(2)
	for b.Loop() {
		w, err := NewWriter(io.Discard, key.Public(), h, testRoom, nil)
		if err != nil {
			b.Fatal(err)
		}
		for range h.Slots / 2 {
			if err := w.Person(ids); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	key := testKey(b, seal.XWing)
	file := sealFile(b, key.Public(), testHeader(Google, 1<<16), testRoom, nil, people(1<<15))
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		f, err := Open(bytes.NewReader(file), key, public(testRoom), testNow)
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range f.People() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkLabel makes labels of members and of others in turn.
func BenchmarkLabel(b *testing.B) {
	s, err := label.NewSealer(testKey(b, seal.XWing).Public(), [16]byte{1}, time.Unix(created, 0), nil)
	if err != nil {
		b.Fatal(err)
	}
	row, key := uint32(0), []byte("partner-00001")
	for b.Loop() {
		if _, err := s.Label(row, key, row%2 == 0); err != nil {
			b.Fatal(err)
		}
		row++
	}
}
