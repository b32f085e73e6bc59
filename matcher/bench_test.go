package matcher_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/matcher"
)

// benchUsers is 1 M users, or 10 M with AWASE_BENCH_FULL=1.
func benchUsers() int {
	if os.Getenv("AWASE_BENCH_FULL") == "1" {
		return 10_000_000
	}
	return 1_000_000
}

// The 1,692 cells of PERFORMANCE.md.
var (
	ages, genders, prefectures = domain(12), domain(3), domain(47)
	benchColumns               = []matcher.Column{{Name: "age", Domain: ages}, {Name: "gender", Domain: genders}, {Name: "prefecture", Domain: prefectures}}
	benchDims                  = []matcher.Dim{{Name: "age", Size: 12}, {Name: "gender", Size: 3}, {Name: "prefecture", Size: 47}}
)

func domain(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

// benchToken is the token of identifier i: uniform, as a PRF's, and distinct.
func benchToken(kind matcher.Kind, i int) (t token.Token) {
	x := uint64(i)<<3 | uint64(kind)
	for w := range 2 { // SplitMix64, a bijection
		z := x + uint64(w+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.BigEndian.PutUint64(t[8*w:], z^z>>31)
	}
	return t
}

func benchCodes(i int) [3]uint8 {
	t := benchToken(matcher.Kinds+1, i)
	r := binary.BigEndian.Uint64(t[:])
	return [3]uint8{uint8(r % 12), uint8(r >> 16 % 3), uint8(r >> 32 % 47)}
}

func benchBase(tb testing.TB, users int) *matcher.Base {
	tb.Helper()
	b := matcher.NewBaseBuilder(benchColumns)
	var tokens [1]matcher.KindToken
	for i := range users {
		codes := benchCodes(i)
		tokens[0] = matcher.KindToken{Token: benchToken(matcher.Email, i)}
		if err := b.Add(&matcher.Person{User: benchToken(matcher.Kinds, i), Tokens: tokens[:], Codes: codes[:], PolicyVersion: "v1"}); err != nil {
			tb.Fatal(err)
		}
	}
	base, err := b.Build(context.Background(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return base
}

// benchList has rows of one email, half of them users of the base.
func benchList(tb testing.TB, users, rows int) *matcher.List {
	tb.Helper()
	b := matcher.NewListBuilder(nil, testKey)
	var tokens [1]matcher.KindToken
	for i := range rows {
		tokens[0] = matcher.KindToken{Token: benchListToken(users, i)}
		if err := b.Add(&matcher.ListRow{Tokens: tokens[:]}); err != nil {
			tb.Fatal(err)
		}
	}
	list, err := b.Build(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func benchListToken(users, i int) token.Token {
	if i%2 == 0 {
		return benchToken(matcher.Email, i*(users/max(1, users/10))%users)
	}
	return benchToken(matcher.Email, users+i)
}

// BenchmarkMatchCount counts a list of a tenth (and a hundredth of that) of
// the base over 1,692 cells. x-stream is how many times as long it takes as
// reading the bytes it needs once on all cores; x-map how many times as fast
// it is as looking the list up in a ready Go map.
func BenchmarkMatchCount(b *testing.B) {
	users := benchUsers()
	base := benchBase(b, users)
	cellOf := make(map[token.Token]uint16, users)
	for i := range users {
		codes := benchCodes(i)
		cellOf[benchToken(matcher.Email, i)] = uint16((int(codes[0])*3+int(codes[1]))*47 + int(codes[2]))
	}
	e := matcher.NewEmbedded()
	pop := matcher.PopulationID{1}
	e.PutBase(pop, base)
	for _, rows := range []int{users / 10, users / 1000} {
		b.Run(fmt.Sprintf("users=%d/list=%d", users, rows), func(b *testing.B) {
			list := benchList(b, users, rows)
			q := matcher.Query{Population: pop, List: e.PutList(list), Dims: benchDims,
				Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v1"}}}

			distinct := map[token.Token]bool{}
			for i := range rows {
				distinct[benchListToken(users, i)] = true
			}
			tokens := make([]token.Token, 0, len(distinct))
			for t := range distinct {
				tokens = append(tokens, t)
			}
			var want []int64
			byMap := best(func() {
				want = make([]int64, 12*3*47)
				for i := range tokens {
					if cell, ok := cellOf[tokens[i]]; ok {
						want[cell]++
					}
				}
			})
			var need [][]byte
			for name, buf := range columns(base.Columns()) {
				if name == "index.0.token" || name == "index.0.cluster" || name[:4] == "code" || name == "standing" {
					need = append(need, buf)
				}
			}
			for name, buf := range columns(list.Columns()) {
				if name == "index.0.token" {
					need = append(need, buf)
				}
			}
			stream := best(func() { streamAll(need) })

			var got matcher.Exact
			for b.Loop() {
				var err error
				if got, err = e.Cells(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
			if !slices.Equal(got.Users, want) {
				b.Fatal("the engine and the map differ")
			}
			// The ratios compare the best of five with the best of five.
			engine := best(func() {
				if _, err := e.Cells(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(float64(engine)/float64(stream), "x-stream")
			b.ReportMetric(float64(byMap)/float64(engine), "x-map")
		})
	}
}

// best is the shortest of five runs.
func best(f func()) time.Duration {
	least := time.Duration(1 << 62)
	for range 5 {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	return least
}

var streamed uint64 // keeps the sum alive

// streamAll reads every byte once, 8 at a time, on all cores.
func streamAll(buffers [][]byte) {
	workers := runtime.GOMAXPROCS(0)
	sums := make([]uint64, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var a, b, c, d uint64
			for _, buf := range buffers {
				buf = buf[len(buf)*w/workers : len(buf)*(w+1)/workers]
				for ; len(buf) >= 32; buf = buf[32:] {
					a += binary.LittleEndian.Uint64(buf)
					b += binary.LittleEndian.Uint64(buf[8:])
					c += binary.LittleEndian.Uint64(buf[16:])
					d += binary.LittleEndian.Uint64(buf[24:])
				}
			}
			sums[w] = a + b + c + d
		})
	}
	wg.Wait()
	for _, s := range sums {
		streamed += s
	}
}

func BenchmarkBaseBuild(b *testing.B) {
	users := benchUsers()
	for b.Loop() {
		benchBase(b, users)
	}
	b.ReportMetric(float64(users)*float64(b.N)/b.Elapsed().Seconds(), "users/s")
}

func BenchmarkListBuild(b *testing.B) {
	users := benchUsers()
	for b.Loop() {
		benchList(b, users, users/10)
	}
	b.ReportMetric(float64(users/10)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkDigest(b *testing.B) {
	base := benchBase(b, benchUsers())
	for b.Loop() {
		base.Digest(testKey)
	}
}

func BenchmarkOpenBase(b *testing.B) {
	base := benchBase(b, benchUsers())
	m := columns(base.Columns())
	size := 0
	for _, buf := range m {
		size += len(buf)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := matcher.OpenBase(readColumns(m)); err != nil {
			b.Fatal(err)
		}
	}
}
