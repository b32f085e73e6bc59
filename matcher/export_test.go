package matcher

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
)

// What is exported of a base and a list is what they hold, however it is cut up.
func TestExport(t *testing.T) {
	columns := []Column{{Name: "sex", Domain: []string{"f", "m", "unknown"}}}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(rt, "users")
		cut := rapid.IntRange(1, 100).Draw(rt, "cut")
		bb, lb := NewBaseBuilder(columns), NewListBuilder(columns, [32]byte{1})
		for i := range n {
			tokens := []KindToken{{Token: token.Token{1, byte(i), byte(i >> 8)}, Kind: Kind(i % int(Kinds))}}
			policy := string(rune('a' + i%3))
			if err := bb.Add(&Person{User: token.Token{2, byte(i), byte(i >> 8)}, Tokens: tokens, Codes: []uint8{uint8(i % 3)}, PolicyVersion: policy}); err != nil {
				rt.Fatal(err)
			}
			if err := lb.Add(&ListRow{Tokens: tokens, Codes: []uint8{uint8(i % 3)}}); err != nil {
				rt.Fatal(err)
			}
		}
		b, err := bb.Build(t.Context(), nil)
		if err != nil {
			rt.Fatal(err)
		}
		l, err := lb.Build(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		var ids []uint32
		for p := range b.People(cut) {
			if len(p.IDs) > cut || len(p.Codes[0]) != len(p.IDs) {
				rt.Fatalf("%d people and %d codes, cut at %d", len(p.IDs), len(p.Codes[0]), cut)
			}
			for i, id := range p.IDs {
				if b.codes[0].Value(int(id)) != p.Codes[0][i] {
					rt.Fatal("another's code")
				}
			}
			ids = append(ids, p.IDs...)
		}
		if len(ids) != n || !slices.IsSorted(ids) {
			rt.Fatalf("%d people of %d", len(ids), n)
		}
		users := 0
		for h := range b.UserKeys(cut) {
			users += len(h.Tokens)
		}
		if users != n {
			rt.Fatalf("%d user keys of %d", users, n)
		}
		of, ol := 0, 0
		for k := range Kinds {
			for h := range b.KindTokens(k, cut) {
				for i, tok := range h.Tokens {
					if c, ok := b.index[k].find(tok); !ok || c != h.Values[i] {
						rt.Fatal("a token leads elsewhere")
					}
				}
				of += len(h.Tokens)
			}
			for h := range l.KindTokens(k, cut) {
				for i, tok := range h.Tokens {
					if r, ok := l.index[k].find(tok); !ok || r != h.Values[i] {
						rt.Fatal("a token of the list is of another row")
					}
				}
				ol += len(h.Tokens)
			}
		}
		if of != n || ol != n || len(l.Codes()[0]) != n {
			rt.Fatalf("%d and %d tokens, %d rows, of %d", of, ol, len(l.Codes()[0]), n)
		}

		// Who is eligible is who the base says is.
		e := Eligibility{ByPolicy: true, Versions: []string{"a", "c"}}
		allowed := make([]uint8, max(len(b.standings), 1))
		for i, s := range b.standings {
			if s.allows(&e) {
				allowed[i] = 1
			}
		}
		want, err := b.eligible(t.Context(), 1, allowed)
		if err != nil {
			rt.Fatal(err)
		}
		opened, err := OpenStandings(func(name string) ([]byte, error) {
			for have, data := range b.Columns() {
				if have == name {
					return data, nil
				}
			}
			return nil, nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		got := newBitmap(b.clusters())
		for ids := range opened.Eligible(&e, cut) {
			for _, id := range ids {
				got.set(id)
			}
		}
		if !slices.Equal(got, want) {
			rt.Fatal("other people are eligible than the base says")
		}
	})
}
