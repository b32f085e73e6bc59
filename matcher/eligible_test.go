package matcher

import (
	"context"
	"fmt"
	"testing"

	"awase/crypto/token"
)

// TestEligibleKept: what is kept of who is eligible is of the base and the
// eligibility asked for, is bounded, and goes with the population.
func TestEligibleKept(t *testing.T) {
	const users, versions = 1000, 3 * mostEligible
	b := NewBaseBuilder(nil)
	people := randomPairs(users, 3)
	for i, p := range people {
		if err := b.Add(&Person{User: p.token(), PolicyVersion: fmt.Sprint(i % versions)}); err != nil {
			t.Fatal(err)
		}
	}
	base, err := b.Build(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	e, pop := NewEmbedded(), PopulationID{1}
	e.PutBase(pop, base)
	ask := func(version int) int64 {
		t.Helper()
		got, err := e.Cells(context.Background(), Query{Population: pop, Eligible: Eligibility{ByPolicy: true, Versions: []string{fmt.Sprint(version)}}})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(e.eligibles[base]); n > mostEligible {
			t.Fatalf("%d sets are kept, at most %d", n, mostEligible)
		}
		return got.Users[0]
	}
	want := func(version int) (n int64) {
		for i := range people {
			if i%versions == version {
				n++
			}
		}
		return n
	}
	for _, step := range []int{1, 7, 0} { // 0: one again and again
		for i := range 2 * versions {
			if v := i * step % versions; ask(v) != want(v) {
				t.Fatalf("version %d: %d users, want %d", v, ask(v), want(v))
			}
		}
	}

	// Another base in the population's place, with somebody gone: nothing of the
	// first is left.
	gone := base.WithTombstones([]token.Token{people[0].token()})
	e.PutBase(pop, gone)
	if len(e.eligibles[base]) > 0 {
		t.Error("sets of a base that was replaced are kept")
	}
	if got := ask(0); got != want(0)-1 {
		t.Errorf("%d users with one gone, want %d", got, want(0)-1)
	}
	if len(e.eligibles) != 1 {
		t.Fatalf("sets of %d bases are kept, want 1", len(e.eligibles))
	}
	e.DropBase(pop)
	if len(e.eligibles) > 0 {
		t.Error("sets of a base that was dropped are kept")
	}
	if _, err := e.eligible(context.Background(), base, make([]uint8, versions)); err != nil || len(e.eligibles) > 0 {
		t.Error("a question that ends after its base was dropped leaves a set", err)
	}
}
