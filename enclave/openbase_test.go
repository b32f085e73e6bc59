package enclave

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/matcher"
)

// BenchmarkOpenBase opens a base as a restart does: its segment is read from
// the page cache, decrypted and authenticated, every column is checked, and the
// directories are made. Bytes are those of the segment's columns. 1 M users, 10 M
// with AWASE_BENCH_FULL=1, and 100 M of one kind (13 GB) with AWASE_BENCH_HUGE=1.
func BenchmarkOpenBase(b *testing.B) {
	sizes := [][2]int{{1_000_000, 1}, {1_000_000, 3}}
	if os.Getenv("AWASE_BENCH_FULL") == "1" {
		sizes = [][2]int{{10_000_000, 1}, {10_000_000, 3}}
	}
	if os.Getenv("AWASE_BENCH_HUGE") == "1" {
		sizes = append(sizes, [2]int{100_000_000, 1})
	}
	for _, s := range sizes {
		b.Run(fmt.Sprintf("users=%d/kinds=%d", s[0], s[1]), func(b *testing.B) { benchOpen(b, s[0], s[1]) })
	}
}

func benchOpen(b *testing.B, users, kinds int) {
	v, err := vault.Open(b.Context(), filepath.Join(b.TempDir(), "V"), vault.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	if err := v.MakeDataKey("k"); err != nil {
		b.Fatal(err)
	}
	ref, size, err := writeBase(b.Context(), v, users, kinds)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	slowest, fastest := 1e9, 0.0
	for b.Loop() {
		// A host takes back what its guest leaves free for seconds, and to get it
		// again costs more than to open what goes there: so it is touched first.
		b.StopTimer()
		speed := fresh(size)
		slowest, fastest = min(slowest, speed), max(fastest, speed)
		debug.FreeOSMemory()
		b.StartTimer()
		columns, err := v.ReadSegment(ref)
		if err != nil {
			b.Fatal(err)
		}
		base, err := matcher.OpenBase(func(name string) ([]byte, error) { return columns[name], nil })
		if err != nil || base.Users() != users {
			b.Fatal("another base was opened", err)
		}
	}
	b.ReportMetric(slowest, "slowest-new-memory-GB/s")
	b.ReportMetric(fastest, "fastest-new-memory-GB/s")
}

// fresh is how fast as many bytes of memory that nobody has used can be written
// to, a byte a page on every core, in GB/s: what opening pays before it decrypts
// where the memory was not touched first.
func fresh(size int64) float64 {
	debug.FreeOSMemory()
	start := time.Now()
	memory := make([]byte, size)
	var wg sync.WaitGroup
	cores := int64(runtime.GOMAXPROCS(0))
	for c := range cores {
		wg.Go(func() {
			part := memory[size*c/cores : size*(c+1)/cores]
			for i := 0; i < len(part); i += 4096 {
				part[i] = 1
			}
		})
	}
	wg.Wait()
	return float64(size) / 1e9 / time.Since(start).Seconds()
}

// writeBase writes a base of made users as a segment and gives the bytes of its
// columns.
func writeBase(ctx context.Context, v *vault.Vault, users, kinds int) (ref vault.SegmentRef, size int64, err error) {
	columns := []matcher.Column{{Name: "age", Domain: []string{"young", "old", "unknown"}}, {Name: "gender", Domain: []string{"f", "m", "unknown"}}}
	builder := matcher.NewBaseBuilder(columns)
	tok := func(i, what int) (t token.Token) { // distinct, and even in its leading bits
		binary.BigEndian.PutUint64(t[:], uint64(i*8+what+1)*0x9e3779b97f4a7c15)
		return t
	}
	tokens := make([]matcher.KindToken, kinds)
	for i := range users {
		for k := range tokens {
			tokens[k] = matcher.KindToken{Kind: matcher.Kind(k), Token: tok(i, k)}
		}
		if err := builder.Add(&matcher.Person{User: tok(i, 7), Tokens: tokens, Codes: []uint8{uint8(i % 3), uint8(i / 3 % 3)}, PolicyVersion: "v1"}); err != nil {
			return ref, 0, err
		}
	}
	base, err := builder.Build(ctx, nil)
	if err != nil {
		return ref, 0, err
	}
	w, err := v.NewSegment("k")
	if err != nil {
		return ref, 0, err
	}
	for name, data := range base.Columns() {
		size += int64(len(data))
		if err := w.Put(name, data); err != nil {
			return ref, 0, errors.Join(err, w.Abort())
		}
	}
	ref, err = w.Commit()
	return ref, size, err
}
