package matcher_test

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/matcher"
)

// inTurn gives parts one after another, then err, nil: no error; and says in ended that
// nobody reads on.
func inTurn(parts [][]byte, err error, ended *bool) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		defer func() { *ended = true }()
		for _, part := range parts {
			if !yield(part, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// cutAnew joins parts and cuts them between rows into others.
func cutAnew(parts [][]byte, columns, rows int) (out [][]byte) {
	all, n := slices.Concat(parts...), 0
	for at := 0; at < len(all); {
		size := 2 + int(all[at])*13 + columns // few identifiers: their number is in one byte
		if n++; n%rows == 1 || rows == 1 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], all[at:at+size]...)
		at += size
	}
	return out
}

// TestListDiff holds the comparison of two lists to that of their rows as sets, of rows
// of any shape and of one identifier each, however their parts are cut.
func TestListDiff(t *testing.T) {
	t.Parallel()
	shared := 0
	rapid.Check(t, func(rt *rapid.T) {
		columns, draw := tier, anyRows
		if rapid.Bool().Draw(rt, "plain") {
			columns = nil
			draw = func(rt *rapid.T) (rows []matcher.ListRow) {
				for range rapid.IntRange(0, 30).Draw(rt, "rows") {
					rows = append(rows, matcher.ListRow{Tokens: []matcher.KindToken{{Kind: matcher.Email, Token: benchToken(matcher.Email, rapid.IntRange(0, 40).Draw(rt, "token"))}}})
				}
				return rows
			}
		}
		old, before := handed(t, columns, draw(rt))
		next, parts := handed(t, columns, draw(rt))
		before = cutAnew(before, len(columns), rapid.IntRange(1, 9).Draw(rt, "rows of a part before"))
		parts = cutAnew(parts, len(columns), rapid.IntRange(1, 9).Draw(rt, "rows of a part"))
		ended := false
		d, err := matcher.NewListDiff(columns, testKey, inTurn(before, nil, &ended))
		if err != nil {
			rt.Fatal(err)
		}
		for _, part := range parts {
			given := slices.Clone(part)
			d.Part(given)
			clear(given)
		}
		added, removed, err := d.End(old.Rows(), old.ID())
		d.Close()
		has := map[string]bool{}
		for _, row := range cutAnew(before, len(columns), 1) {
			has[string(row)] = true
		}
		both := 0
		for _, row := range cutAnew(parts, len(columns), 1) {
			if has[string(row)] {
				both++
			}
		}
		shared += both
		if err != nil || added != int64(next.Rows()-both) || removed != int64(old.Rows()-both) || !ended {
			rt.Fatalf("%d and %d of %d and %d, %d in both: %v", added, removed, next.Rows(), old.Rows(), both, err)
		}
	})
	if shared == 0 {
		t.Error("no two lists had a row in both")
	}
}

// TestListDiffDamage: rows that are not those of the version before, in whatever way,
// give no numbers; what its parts' reader says comes back as it is; and who stops early
// lets it go.
func TestListDiffDamage(t *testing.T) {
	t.Parallel()
	rows := func(from, to int) (out []matcher.ListRow) {
		for i := from; i < to; i++ {
			out = append(out, matcher.ListRow{Codes: []uint8{1}, Tokens: []matcher.KindToken{{Kind: matcher.Email, Token: benchToken(matcher.Email, i)}}})
		}
		return out
	}
	old, whole := handed(t, tier, rows(0, 100))
	_, parts := handed(t, tier, rows(50, 120))
	_, others := handed(t, tier, rows(1, 101))
	before := cutAnew(whole, 1, 10)
	gone := errors.New("no more of it")
	for name, c := range map[string]struct {
		before [][]byte
		err    error
		want   error
	}{
		"whole":         {before, nil, nil},
		"a part less":   {before[1:], nil, matcher.ErrDamaged},
		"the last less": {before[:9], nil, matcher.ErrDamaged},
		"out of order":  {append(slices.Clone(before[1:]), before[0]), nil, matcher.ErrDamaged},
		"cut":           {[][]byte{whole[0][:len(whole[0])-1]}, nil, matcher.ErrDamaged},
		"other rows":    {others, nil, matcher.ErrDamaged},
		"none":          {nil, nil, matcher.ErrDamaged},
		"unread":        {before[:3], gone, gone},
		"unread at all": {nil, gone, gone},
	} {
		for _, own := range [][][]byte{parts, nil} {
			ended := false
			d, err := matcher.NewListDiff(tier, testKey, inTurn(c.before, c.err, &ended))
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range own {
				d.Part(part)
			}
			added, removed, err := d.End(old.Rows(), old.ID())
			d.Close()
			if c.want == nil && (err != nil || own != nil && (added != 20 || removed != 50) || own == nil && (added != 0 || removed != 100)) {
				t.Errorf("%s: %d and %d, %v", name, added, removed, err)
			}
			if c.want != nil && (!errors.Is(err, c.want) || added != 0 || removed != 0) {
				t.Errorf("%s: %d and %d, %v, want %v", name, added, removed, err, c.want)
			}
			if !ended {
				t.Errorf("%s: the version before is still read", name)
			}
		}
	}
	ended := false
	d, err := matcher.NewListDiff(tier, testKey, inTurn(before, nil, &ended))
	if err != nil {
		t.Fatal(err)
	}
	_, one := handed(t, tier, rows(0, 1))
	d.Part(one[0])
	if d.Close(); !ended {
		t.Error("closed, the version before is still read")
	}
	if _, err := matcher.NewListDiff([]matcher.Column{{Name: "x"}}, testKey, inTurn(nil, nil, &ended)); err == nil {
		t.Error("columns that can't be were taken")
	}
}
