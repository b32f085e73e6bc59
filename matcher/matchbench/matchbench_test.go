package matchbench

import (
	"context"
	"errors"
	"slices"
	"testing"

	"awase/crypto/token"
	"awase/matcher"
)

func source(t *testing.T, d Data) *Source {
	t.Helper()
	s, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAnswer: the known answer is that of a map of tokens, and the data is what
// it says: distinct tokens, some in the base, rows that share a user's tokens.
func TestAnswer(t *testing.T) {
	for _, d := range []Data{
		{Users: 1, List: 1, Kinds: 1, Overlap: 1, Seed: 1},
		{Users: 5000, List: 501, Kinds: 1, Overlap: 0.5, Seed: 2},
		{Users: 5000, List: 501, Kinds: 3, Overlap: 0.5, Seed: 3},
		{Users: 64 * 64, List: 64 * 64, Kinds: 2, Overlap: 1, Seed: 4},
		{Users: 999, List: 0, Kinds: 3, Overlap: 0.5, Seed: 5},
		{Users: 999, List: 5000, Kinds: 3, Overlap: 0, Seed: 6},
	} {
		s := source(t, d)
		owner := map[token.Token]int{}
		for i := range d.Users {
			for k := range matcher.Kind(d.Kinds) {
				owner[s.Token(k, i)] = i
			}
			owner[s.UserToken(i)] = -1
		}
		if len(owner) != d.Users*(d.Kinds+1) {
			t.Errorf("%+v: tokens occur twice", d)
		}
		matched, onList := map[int]int{}, map[token.Token]bool{}
		for row := range d.List {
			for k := range matcher.Kind(d.Kinds) {
				tok := s.ListToken(k, row)
				if onList[tok] {
					t.Fatalf("%+v: a token is in the list twice", d)
				}
				onList[tok] = true
				if i, ok := owner[tok]; ok {
					matched[i]++
				}
			}
		}
		want, total := make([]int64, Cells), 0
		for i, hits := range matched {
			want[s.Cell(i)]++
			total += hits
		}
		if !slices.Equal(s.Answer(), want) {
			t.Errorf("%+v: the answer is not that of a map", d)
		}
		if least, most := int(d.Overlap*float64(d.List)*0.8), int(d.Overlap*float64(d.List)*1.2); len(matched) < least || len(matched) > most {
			t.Errorf("%+v: %d users are on the list", d, len(matched))
		}
		if several := total > len(matched); several != (d.Kinds > 1 && d.List > 0 && d.Overlap > 0) {
			t.Errorf("%+v: %d tokens of %d users", d, total, len(matched))
		}
	}
}

// TestRun: the engine gives the answer, and a wrong answer is an error.
func TestRun(t *testing.T) {
	for kinds := 1; kinds <= MaxKinds; kinds++ {
		s := source(t, Data{Users: 20_000, List: 2_000, Kinds: kinds, Overlap: 0.5, Seed: 7})
		r, err := Run(context.Background(), s, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Match <= 0 || r.Stream <= 0 || r.Ratio <= 0 || r.BaseTokens != int64(20_000*kinds) || r.ListTokens != int64(2_000*kinds) {
			t.Errorf("%d kinds: %+v", kinds, r)
		}
	}
	// One user is moved to another cell behind the builder's back.
	s := source(t, Data{Users: 1, List: 1, Kinds: 1, Overlap: 1, Seed: 1})
	engine := matcher.NewEmbedded()
	other := source(t, Data{Users: 1, List: 1, Kinds: 1, Overlap: 1, Seed: 2})
	base, err := other.buildBase(context.Background(), &Report{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.buildList(context.Background(), &Report{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(context.Background(), engine, Query(engine, base, list), s.Answer()); !errors.Is(err, ErrWrong) {
		t.Errorf("another base gives %v", err)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, source(t, Data{Users: 10, List: 1, Kinds: 1, Overlap: 1}), 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted run gives %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, d := range []Data{
		{List: 1, Kinds: 1},
		{Users: maxUsers + 1, Kinds: 1},
		{Users: 10, List: -1, Kinds: 1},
		{Users: 10, List: 1},
		{Users: 10, List: 1, Kinds: 4},
		{Users: 10, List: 1, Kinds: 1, Overlap: 1.5},
		{Users: 10, List: 11, Kinds: 1, Overlap: 0.5},
	} {
		if _, err := New(d); err == nil {
			t.Errorf("%+v is made", d)
		}
	}
}

// TestNeedBytes: 12 bytes a token and 2 a user; with several kinds 4 a token of
// the base more.
func TestNeedBytes(t *testing.T) {
	one, three := Data{Users: 100, List: 10, Kinds: 1}, Data{Users: 100, List: 10, Kinds: 3}
	if got := one.NeedBytes(); got != 100*14+10*12 {
		t.Errorf("one kind: %d", got)
	}
	if got := three.NeedBytes(); got != 300*16+100*2+30*12 {
		t.Errorf("three kinds: %d", got)
	}
	s := NewStreamer(100)
	before := s.sum.Load()
	if s.Read(); s.sum.Load() == before {
		t.Error("nothing was read")
	}
}

// TestShuffled: every number once, whatever the size.
func TestShuffled(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 64, 100, 1000, 4097} {
		seen := make([]bool, n)
		for i := range n {
			at := Shuffled(i, n, 7)
			if at < 0 || at >= n || seen[at] {
				t.Fatalf("%d of %d comes to %d, out of range or taken", i, n, at)
			}
			seen[at] = true
		}
	}
}
