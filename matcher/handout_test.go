package matcher_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"awase/matcher"
)

// handing builds a base of the people and gives what was handed out, in order.
func handing(t *testing.T, n int, put func(name string) error) (*matcher.Base, []string, map[string][]byte, error) {
	t.Helper()
	b := matcher.NewBaseBuilder(benchColumns)
	var names []string
	got := map[string][]byte{}
	b.HandColumns(func(name string, data []byte) error {
		if err := put(name); err != nil {
			return err
		}
		names, got[name] = append(names, name), bytes.Clone(data)
		return nil
	})
	for i := range n {
		codes := benchCodes(i)
		p := matcher.Person{User: benchToken(matcher.Kinds, i), Codes: codes[:], PolicyVersion: "v1"}
		for k := range matcher.Kinds {
			p.Tokens = append(p.Tokens, matcher.KindToken{Kind: k, Token: benchToken(k, i-i%2)}) // each of two people: ambiguous
		}
		if err := b.Add(&p); err != nil {
			t.Fatal(err)
		}
	}
	base, err := b.Build(context.Background(), nil)
	return base, names, got, err
}

// TestHandColumns: what is handed out while a base is built is its columns, each
// once, in their order.
func TestHandColumns(t *testing.T) {
	for _, n := range []int{0, 1, 5000} {
		base, names, got, err := handing(t, n, func(string) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		want := map[string][]byte{}
		for name, data := range base.Columns() {
			order, want[name] = append(order, name), bytes.Clone(data)
		}
		if !slices.Equal(names, order) || !maps.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%d users: %q were handed out, of %q", n, names, order)
		}
	}
}

// TestHandColumnsFails: an error of whoever takes a column is Build's, whichever
// column it is, and no base comes with it.
func TestHandColumnsFails(t *testing.T) {
	_, names, _, err := handing(t, 100, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	for _, at := range names {
		base, before, _, err := handing(t, 100, func(name string) error {
			if name == at {
				return full
			}
			return nil
		})
		if !errors.Is(err, full) || base != nil || slices.Contains(before, at) {
			t.Errorf("at %s: %v, a base: %v", at, err, base != nil)
		}
	}
}
