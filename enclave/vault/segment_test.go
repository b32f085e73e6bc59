package vault

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestPutKeepsNothing: what was put may be overwritten at once, whatever of it is
// sealed with what follows.
func TestPutKeepsNothing(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "V"))
	if err := v.MakeDataKey("k"); err != nil {
		t.Fatal(err)
	}
	w, err := v.NewSegment("k")
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 11*chunkSize)
	for i := range 3 {
		for at := range buf {
			buf[at] = byte(i + at>>20)
		}
		if err := w.Put(fmt.Sprint(i), buf[:len(buf)-i*chunkSize-i]); err != nil {
			t.Fatal(err)
		}
	}
	clear(buf)
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.ReadSegment(ref)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		data := got[fmt.Sprint(i)]
		if len(data) != len(buf)-i*chunkSize-i {
			t.Fatalf("column %d has %d bytes", i, len(data))
		}
		for at := range data {
			if data[at] != byte(i+at>>20) {
				t.Fatalf("column %d differs at %d", i, at)
			}
		}
	}
}

// BenchmarkWriteSegment seals and syncs a segment of 1 GiB.
func BenchmarkWriteSegment(b *testing.B) {
	v, err := Open(b.Context(), filepath.Join(b.TempDir(), "V"), plain)
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	if err := v.MakeDataKey("k"); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 256<<20)
	b.SetBytes(4 * int64(len(data)))
	for b.Loop() {
		w, err := v.NewSegment("k")
		if err != nil {
			b.Fatal(err)
		}
		for i := range 4 {
			if err := w.Put(fmt.Sprint(i), data); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Commit(); err != nil {
			b.Fatal(err)
		}
		if err := v.Sweep(nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadSegment opens a segment of 1 GiB whose file is in the page
// cache.
func BenchmarkReadSegment(b *testing.B) {
	v, err := Open(b.Context(), filepath.Join(b.TempDir(), "V"), plain)
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	if err := v.MakeDataKey("k"); err != nil {
		b.Fatal(err)
	}
	w, err := v.NewSegment("k")
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 256<<20)
	for i := range 4 {
		if err := w.Put(fmt.Sprint(i), data); err != nil {
			b.Fatal(err)
		}
	}
	ref, err := w.Commit()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(4 * int64(len(data)))
	for b.Loop() {
		if _, err := v.ReadSegment(ref); err != nil {
			b.Fatal(err)
		}
	}
}
