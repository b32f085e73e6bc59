package matcher_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/matcher"
)

// tier is the column of these lists.
var tier = []matcher.Column{{Name: "tier", Domain: domain(3)}}

// handed builds a list and gives the parts that its rows were handed out in.
func handed(tb testing.TB, columns []matcher.Column, rows []matcher.ListRow, opts ...matcher.Option) (l *matcher.List, parts [][]byte) {
	tb.Helper()
	b := matcher.NewListBuilder(columns, testKey, opts...)
	b.HandRows(func(part []byte) error {
		parts = append(parts, slices.Clone(part))
		clear(part)
		return nil
	})
	for i := range rows {
		if err := b.Add(&rows[i]); err != nil {
			tb.Fatal(err)
		}
	}
	l, err := b.Build(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return l, parts
}

// readRows reads parts back and copies their rows.
func readRows(columns []matcher.Column, parts [][]byte) (rows []matcher.ListRow, id matcher.ListID, err error) {
	r, err := matcher.NewListRows(columns, testKey)
	if err != nil {
		return nil, id, err
	}
	for _, part := range parts {
		err := r.Part(part, func(row *matcher.ListRow) error {
			rows = append(rows, matcher.ListRow{Tokens: slices.Clone(row.Tokens), Codes: slices.Clone(row.Codes)})
			return nil
		})
		if err != nil {
			return nil, id, err
		}
	}
	n, id := r.End()
	if n != len(rows) {
		return nil, id, errors.New("another number of rows than were given")
	}
	return rows, id, nil
}

func anyRows(t *rapid.T) (rows []matcher.ListRow) {
	for range rapid.IntRange(0, 30).Draw(t, "rows") {
		row := matcher.ListRow{Codes: []uint8{uint8(rapid.IntRange(0, 2).Draw(t, "code"))}}
		for range rapid.IntRange(0, 4).Draw(t, "tokens") {
			k := matcher.Kind(rapid.IntRange(0, 3).Draw(t, "kind"))
			row.Tokens = append(row.Tokens, matcher.KindToken{Kind: k, Token: benchToken(k, rapid.IntRange(0, 20).Draw(t, "token"))})
		}
		rows = append(rows, row)
	}
	return rows
}

// TestRowsComeBack: the rows handed out are the distinct rows added, name the
// list that was built, and build it again.
func TestRowsComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		added := anyRows(rt)
		l, parts := handed(t, tier, added)
		rows, id, err := readRows(tier, parts)
		if err != nil || id != l.ID() || len(rows) != l.Rows() {
			rt.Fatalf("%d rows of %d, %v", len(rows), l.Rows(), err)
		}
		other, again := handed(t, tier, rapid.Permutation(slices.Concat(rows, added)).Draw(rt, "order"), matcher.Workers(1))
		if other.ID() != l.ID() || !bytes.Equal(slices.Concat(again...), slices.Concat(parts...)) {
			rt.Fatal("the rows that came back are another list")
		}
	})
}

// TestParts: a long list is handed out in several parts of about 1 MiB, and one
// that is in another order, cut in a row, or not there does not pass.
func TestParts(t *testing.T) {
	var rows []matcher.ListRow
	for i := range 80_000 {
		rows = append(rows, matcher.ListRow{Codes: []uint8{uint8(i % 3)}, Tokens: []matcher.KindToken{
			{Kind: matcher.Email, Token: benchToken(matcher.Email, i)}, {Kind: matcher.Phone, Token: benchToken(matcher.Phone, i)}}})
	}
	l, parts := handed(t, tier, rows)
	if want := (len(rows)*(2+2*17+1) + 1<<20 - 1) >> 20; len(parts) != want {
		t.Errorf("%d parts, want %d", len(parts), want)
	}
	for i, p := range parts {
		if len(p) > 1<<20 {
			t.Errorf("part %d has %d bytes", i, len(p))
		}
	}
	if back, id, err := readRows(tier, parts); err != nil || id != l.ID() || len(back) != len(rows) {
		t.Errorf("%d rows, %v", len(back), err)
	}
	for name, bad := range map[string][][]byte{
		"out of order": {parts[1], parts[0]},
		"twice":        {parts[0], parts[0]},
		"cut":          {parts[0][:len(parts[0])-1]},
		"cut anew":     {parts[0][:7], parts[0][7:]},
	} {
		if _, _, err := readRows(tier, bad); !errors.Is(err, matcher.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, id, err := readRows(tier, parts[1:]); err != nil || id == l.ID() {
		t.Errorf("without the first part: the same list, %v", err)
	}
	full := errors.New("disk full")
	b := matcher.NewListBuilder(tier, testKey)
	b.HandRows(func([]byte) error { return full })
	for i := range rows[:10] {
		if err := b.Add(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Build(t.Context()); !errors.Is(err, full) {
		t.Errorf("a part that could not be kept: %v", err)
	}
}

// TestEmptyList: a list of which everybody was taken is one, with an ID of its
// own, and is read back.
func TestEmptyList(t *testing.T) {
	l, parts := handed(t, tier, nil)
	if len(parts) != 0 || l.Rows() != 0 || l.Tokens() != 0 {
		t.Errorf("%d parts, %d rows", len(parts), l.Rows())
	}
	if _, id, err := readRows(tier, nil); err != nil || id != l.ID() {
		t.Errorf("another ID, %v", err)
	}
	again, err := matcher.OpenList(reader(l.Columns()))
	if err != nil || again.ID() != l.ID() || again.Rows() != 0 {
		t.Errorf("reopened: %v", err)
	}
}

// FuzzListRows: rows have one encoding, and no bytes crash the reader.
func FuzzListRows(f *testing.F) {
	rows := []matcher.ListRow{
		{Codes: []uint8{1}},
		{Codes: []uint8{2}, Tokens: []matcher.KindToken{{Kind: matcher.Email, Token: benchToken(matcher.Email, 1)}, {Kind: matcher.MAID, Token: benchToken(matcher.MAID, 1)}}},
		{Codes: []uint8{0}, Tokens: []matcher.KindToken{{Kind: matcher.Phone, Token: benchToken(matcher.Phone, 1)}}},
	}
	_, parts := handed(f, tier, rows)
	f.Add(parts[0])
	f.Add(parts[0][:len(parts[0])-1])
	f.Add(append(slices.Clone(parts[0]), 0))
	for at := range parts[0] {
		bad := slices.Clone(parts[0])
		bad[at] ^= 1
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		rows, id, err := readRows(tier, [][]byte{in})
		if err != nil {
			if !errors.Is(err, matcher.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		l, out := handed(t, tier, rows)
		if l.ID() != id || !bytes.Equal(slices.Concat(out...), in) {
			t.Error("two encodings of the rows of one list")
		}
	})
}
