package matcher

import (
	"context"
	"math/rand/v2"
	"testing"

	"awase/crypto/token"
)

func TestRanks(t *testing.T) {
	b := newBitmap(1000)
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		b.set(r.Uint32N(1000))
	}
	ranks, n := newRanks(b), uint32(0)
	for i := range uint32(1000) {
		if b.has(i) {
			if ranks.of(i) != n {
				t.Fatalf("bit %d has rank %d, want %d", i, ranks.of(i), n)
			}
			n++
		}
	}
	if ranks.total != int(n) {
		t.Errorf("%d bits, want %d", ranks.total, n)
	}
}

// TestTombstones: a cluster under a tombstone is eligible for nothing, and the
// other clusters of its word are untouched.
func TestTombstones(t *testing.T) {
	b := NewBaseBuilder(nil)
	const users = 100
	for i := range users {
		if err := b.Add(&Person{User: token.Token{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	base, err := b.Build(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	base.tombstones = newBitmap(users)
	base.tombstones.set(3)
	base.tombstones.set(70)
	e := NewEmbedded()
	e.PutBase(PopulationID{}, base)
	for name, where := range map[string]*Where{"": nil, "not": {Not: &Where{Any: []Where{}}}} {
		got, err := e.Cells(context.Background(), Query{Where: where})
		if err != nil {
			t.Fatal(err)
		}
		if got.Users[0] != users-2 {
			t.Errorf("%s: %d users, want %d", name, got.Users[0], users-2)
		}
	}
}

func TestChunked(t *testing.T) {
	var c chunked[int]
	const n = 3*chunkLen + 5
	for i := range n {
		c.add(i)
	}
	seen := 0
	c.eachParallel(1, func(begin int, values []int) {
		for i, v := range values {
			if begin+i != seen || v != seen {
				t.Fatalf("value %d at %d, want %d", v, begin+i, seen)
			}
			seen++
		}
	})
	if seen != n || c.n != n {
		t.Errorf("%d values, want %d", seen, n)
	}
	for _, chunk := range c.chunks {
		if cap(chunk) > chunkLen {
			t.Errorf("a chunk holds %d values, at most %d", cap(chunk), chunkLen)
		}
	}
}
