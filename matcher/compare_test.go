package matcher

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// TestCompareWide: four words at once find what one at a time finds, where tokens
// share their first 8 bytes too, and where the whole window is below.
func TestCompareWide(t *testing.T) {
	if !wide {
		if os.Getenv("CI") != "" {
			t.Fatal("NOT RUN, and CI has to: this machine has no AVX2")
		}
		t.Skip("NOT RUN: this machine compares one word at a time")
	}
	for seed := range uint64(rounds(3000)) {
		r := rand.New(rand.NewPCG(seed, 11))
		span := []uint64{3, 20, 1000, 1 << 63}[r.IntN(4)]
		pairs := make([]pair, window+r.IntN(400))
		for i := range pairs {
			pairs[i] = pair{r.Uint64N(span), r.Uint64N(span)}
			if r.IntN(8) == 0 {
				pairs[i].hi |= 1 << 63 // words that are negative if read with a sign
			}
		}
		slices.SortFunc(pairs, comparePairs)
		wanted := make([]pair, 1+r.IntN(lookups))
		for k := range wanted {
			wanted[k] = pair{r.Uint64N(span) | uint64(r.IntN(2))<<63, r.Uint64()}
			if r.IntN(2) == 0 {
				wanted[k].hi = pairs[r.IntN(len(pairs))].hi
			}
		}
		slices.SortFunc(wanted, comparePairs)
		var one, four finder
		for k := range wanted {
			// Anywhere before the token, as a directory says, or a little further on.
			i, _ := slices.BinarySearchFunc(pairs, wanted[k], func(a, b pair) int { return int(min(max(int64(a.hi/2)-int64(b.hi/2), -1), 1)) })
			one.begins[k] = uint32(min(max(i-r.IntN(12), 0), len(pairs)-window))
		}
		four.begins = one.begins
		j0 := uint32(r.IntN(1000))
		n, beyond := one.compare(pairs, wanted, j0)
		found, after := compareWide(&pairs[0], &wanted[0], len(wanted), &four.begins[0], j0, &four.few[0], &four.many[0], &four.beyond[0])
		for k := range four.beyond[:after] {
			four.beyond[k] -= j0
		}
		if found != n || after != beyond || !slices.Equal(four.few[:n], one.few[:n]) || !slices.Equal(four.beyond[:after], one.beyond[:after]) {
			t.Fatalf("seed %d: %d found and %d after, want %d and %d", seed, found, after, n, beyond)
		}
		for k := range n { // of equal words the first in the window
			if four.many[k] != one.many[k] {
				t.Fatalf("seed %d: found at %d, want %d", seed, four.many[k], one.many[k])
			}
		}
	}
}
