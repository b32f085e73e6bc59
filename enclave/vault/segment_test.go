package vault

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
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

func TestSegmentRoundTrip(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "V"))
	if err := v.MakeDataKey("k"); err != nil {
		t.Fatal(err)
	}
	// Around the edges of a chunk, with the framing of a one-letter name.
	for _, size := range []int{0, 1, chunkSize - 12, chunkSize - 11, chunkSize - 10, chunkSize, 2*chunkSize - 25, 3*chunkSize + 7} {
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		w, err := v.NewSegment("k")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Put("a", data); err != nil {
			t.Fatal(err)
		}
		if err := w.Put("b", []byte("end")); err != nil {
			t.Fatal(err)
		}
		ref, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.ReadSegment(ref)
		if err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		if !bytes.Equal(got["a"], data) || string(got["b"]) != "end" {
			t.Errorf("size %d came back different", size)
		}
	}
}

// TestSegmentDamage: no flipped bit, cut, swapped key or swapped name is read
// as content.
func TestSegmentDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := open(t, dir)
	for _, k := range []string{"k", "l"} {
		if err := v.MakeDataKey(k); err != nil {
			t.Fatal(err)
		}
	}
	w, err := v.NewSegment("k")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Put("tokens", bytes.Repeat([]byte("secret"), 400_000)); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "segments", ref.ID+segmentExt)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(whole, []byte("secret")) {
		t.Error("the content stands in the clear")
	}
	damaged := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := v.ReadSegment(ref); !errors.Is(err, ErrSegment) {
			t.Errorf("%s: %v", name, err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		b := bytes.Clone(whole)
		at := rng.IntN(len(b))
		b[at] ^= 1 << rng.IntN(8)
		damaged(fmt.Sprintf("bit flip at %d", at), b)
		damaged("truncated", whole[:rng.IntN(len(whole))])
	}
	chunk := chunkSize + 16
	head := len(segmentMagic) + saltSize
	swapped := bytes.Clone(whole)
	copy(swapped[head:], whole[head+chunk:head+2*chunk])
	copy(swapped[head+chunk:], whole[head:head+chunk])
	damaged("chunks swapped", swapped)
	damaged("cut at a chunk's end", whole[:head+chunk])
	damaged("appended", append(bytes.Clone(whole), whole[head:]...))
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.ReadSegment(SegmentRef{ref.ID, "l"}); !errors.Is(err, ErrSegment) {
		t.Errorf("another data key: %v", err)
	}
	if err := os.Rename(path, filepath.Join(dir, "segments", "other"+segmentExt)); err != nil {
		t.Fatal(err)
	}
	if _, err := v.ReadSegment(SegmentRef{"other", "k"}); !errors.Is(err, ErrSegment) {
		t.Errorf("another name: %v", err)
	}
	if _, err := v.ReadSegment(SegmentRef{"../keys", "k"}); err == nil {
		t.Error("a name that leaves the directory was read")
	}
}

func TestSweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := open(t, dir)
	if err := v.MakeDataKey("k"); err != nil {
		t.Fatal(err)
	}
	keep := map[string]bool{}
	for i := range 3 {
		w, err := v.NewSegment("k")
		if err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			continue // a crash in the middle of writing
		}
		ref, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			keep[ref.ID] = true
		}
	}
	if err := v.Sweep(keep); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "segments"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || !keep[strings.TrimSuffix(left[0].Name(), segmentExt)] {
		t.Errorf("%d files are left", len(left))
	}
}

// TestSegmentColumns: many columns of any size, within a chunk and over
// several, come back whole, in memory of their own.
func TestSegmentColumns(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "V"))
	if err := v.MakeDataKey("k"); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 1))
	for range 20 {
		want := map[string][]byte{}
		w, err := v.NewSegment("k")
		if err != nil {
			t.Fatal(err)
		}
		for i := range rng.IntN(12) {
			data := make([]byte, []int{0, 5, 300, chunkSize / 3, chunkSize, 2*chunkSize + 1}[rng.IntN(6)]+rng.IntN(9))
			rand.NewChaCha8([32]byte{byte(i)}).Read(data)
			name := strings.Repeat("n", rng.IntN(30)) + fmt.Sprint(i)
			want[name] = data
			if err := w.Put(name, data); err != nil {
				t.Fatal(err)
			}
		}
		ref, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.ReadSegment(ref)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d columns, want %d", len(got), len(want))
		}
		for name, data := range want {
			if !bytes.Equal(got[name], data) {
				t.Errorf("a column of %d bytes came back different", len(data))
			}
		}
	}
}
