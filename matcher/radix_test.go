package matcher

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// fill spreads pairs in turn over some parts.
func fill(pairs []pair, parts int) []*spread {
	out := make([]*spread, parts)
	for i := range out {
		out[i] = new(spread)
	}
	for i, p := range pairs {
		out[i%parts].add(p)
	}
	return out
}

// asTheyAre keeps all that is sorted.
var asTheyAre = settleBy(func(sorted []pair, _ uint64, _ int) []pair { return sorted })

func randomPairs(n int, seed uint64) []pair {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]pair, n)
	for i := range out {
		out[i] = pair{r.Uint64(), r.Uint64()}
	}
	return out
}

// sorted gives what sortPairs makes of src.
func sorted(ctx context.Context, workers int, src []*spread) ([]pair, error) {
	column, err := sortPairs(ctx, workers, src, nil, asTheyAre)
	return pairsOf(column), err
}

// checkSorted compares with the standard library's sort.
func checkSorted(t interface {
	Helper()
	Fatalf(string, ...any)
}, workers int, pairs []pair) {
	t.Helper()
	want := slices.SortedFunc(slices.Values(pairs), comparePairs)
	src := fill(pairs, workers)
	got, err := sorted(context.Background(), workers, src)
	if err != nil {
		t.Fatalf("sortPairs: %v", err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%d pairs, %d workers: not as slices.SortFunc sorts them", len(pairs), workers)
	}
	for _, s := range src {
		if s.taken != 0 || s.slab != nil {
			t.Fatalf("a source keeps %d pairs", s.taken)
		}
	}
}

func TestSortPairs(t *testing.T) {
	skewed := randomPairs(50_000, 2)
	for i := range skewed { // long common beginnings, few values
		skewed[i].hi &= 1
		skewed[i].lo &= 0xff03ffff_ffffffff
	}
	equal := make([]pair, 10_000)
	for i := range equal {
		equal[i].lo = uint64(i*7919) % 1000
	}
	many := randomPairs(200_000, 3)
	copy(many[100_000:], many[:50_000])
	for name, pairs := range map[string][]pair{
		"none": nil, "one": randomPairs(1, 1), "a leaf": randomPairs(leafLen, 1), "over a leaf": randomPairs(leafLen+1, 1),
		"many": many, "skewed": skewed, "one token": equal,
	} {
		t.Run(name, func(t *testing.T) {
			for _, workers := range []int{1, 2, 5} {
				checkSorted(t, workers, pairs)
			}
			slices.SortFunc(pairs, comparePairs)
			checkSorted(t, 2, pairs)
			slices.Reverse(pairs)
			checkSorted(t, 2, pairs)
		})
	}
}

func TestSortPairsRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pairs := make([]pair, rapid.IntRange(0, 300).Draw(rt, "n"))
		mask := rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(rt, "mask")
		for i, p := range randomPairs(len(pairs), rapid.Uint64().Draw(rt, "seed")) {
			tok := p.token()
			for j := range tok {
				tok[j] &= mask[j]
			}
			pairs[i] = newPair(&tok, p.value()%4)
		}
		checkSorted(rt, rapid.IntRange(1, 4).Draw(rt, "workers"), pairs)
	})
}

func TestSortPairsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := sorted(ctx, 2, fill(randomPairs(1000, 1), 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func BenchmarkSort(b *testing.B) {
	for _, n := range []int{100_000, 2_000_000} {
		pairs := randomPairs(n, 1)
		b.Run("radix/"+size(n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				src := fill(pairs, 1)
				b.StartTimer()
				if _, err := sortPairs(context.Background(), newOptions(nil).workers, src, nil, asTheyAre); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
		})
		b.Run("slices.SortFunc/"+size(n), func(b *testing.B) {
			work := make([]pair, n)
			for b.Loop() {
				b.StopTimer()
				copy(work, pairs)
				b.StartTimer()
				slices.SortFunc(work, comparePairs)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
		})
	}
}

func size(n int) string {
	if n >= 1_000_000 {
		return string(rune('0'+n/1_000_000)) + "M"
	}
	return "100k"
}
