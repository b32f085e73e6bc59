package matcher

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
)

// oracleList makes a list of rows as simply as can be.
type oracleList struct {
	id    ListID
	rows  []string // canonical, after their numbers of pairs
	first [Kinds]map[token.Token]uint32
}

func newOracleList(key [32]byte, columns []Column, added []ListRow) *oracleList {
	o := &oracleList{}
	distinct := map[string]string{} // by encoding
	for i := range added {
		pairs := slices.Clone(added[i].Tokens)
		slices.SortFunc(pairs, compareKindTokens)
		pairs = slices.Compact(pairs)
		var enc []byte
		for _, p := range pairs {
			enc = append(append(enc, p.Token[:]...), byte(p.Kind))
		}
		enc = append(enc, added[i].Codes...)
		distinct[string(enc)] = string(binary.LittleEndian.AppendUint16(nil, uint16(len(pairs)))) + string(enc)
	}
	ranges := map[int]string{}
	for _, enc := range slices.Sorted(maps.Keys(distinct)) {
		raw := distinct[enc]
		for p := range int(binary.LittleEndian.Uint16([]byte(raw))) {
			one := enc[p*pairLen:]
			k, t := one[token.Size], token.Token([]byte(one))
			if o.first[k] == nil {
				o.first[k] = map[token.Token]uint32{}
			}
			if _, ok := o.first[k][t]; !ok {
				o.first[k][t] = uint32(len(o.rows))
			}
		}
		o.rows = append(o.rows, raw)
		at := 0
		if enc != "" {
			at = int(enc[0])
		}
		ranges[at] += raw
	}
	label := func(s string) []byte { return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...) }
	mac := func(b []byte) []byte {
		h := hmac.New(sha256.New, key[:])
		h.Write(b)
		return h.Sum(nil)
	}
	root := label("awase.list/v2")
	root = binary.LittleEndian.AppendUint64(root, uint64(len(columns)))
	for _, c := range columns {
		root = append(root, label(c.Name)...)
		root = binary.LittleEndian.AppendUint64(root, uint64(len(c.Domain)))
		for _, v := range c.Domain {
			root = append(root, label(v)...)
		}
	}
	for r := range 256 {
		if ranges[r] == "" {
			root = append(root, make([]byte, 32)...)
		} else {
			root = append(root, mac(append(label("awase.list/v2/range"), ranges[r]...))...)
		}
	}
	o.id = ListID(mac(binary.LittleEndian.AppendUint64(root, uint64(len(o.rows)))))
	return o
}

// check compares a list and its rows as handed out with those of the oracle.
func (o *oracleList) check(t *rapid.T, l *List, parts []byte) {
	t.Helper()
	if l.rows != len(o.rows) || l.id != o.id {
		t.Fatalf("%d rows of %d, the ID is that of the oracle: %v", l.rows, len(o.rows), l.id == o.id)
	}
	var all []byte
	for i, raw := range o.rows {
		all = append(all, raw...)
		for c := range l.columns {
			if got := l.codes[c].Value(i); got != raw[len(raw)-len(l.columns)+c] {
				t.Fatalf("row %d, column %d: code %d", i, c, got)
			}
		}
	}
	if !bytes.Equal(all, parts) {
		t.Fatal("other rows are handed out")
	}
	for k := range Kinds {
		if l.index[k].len() != len(o.first[k]) {
			t.Fatalf("kind %d: %d tokens, want %d", k, l.index[k].len(), len(o.first[k]))
		}
		for tok, row := range o.first[k] {
			if got, ok := l.index[k].find(tok); !ok || got != row {
				t.Fatalf("kind %d: row %d instead of %d, found: %v", k, got, row, ok)
			}
		}
	}
}

// listOf builds rows, in as many parts as there are workers; spilled: not by the
// way of plain rows.
func listOf(t *rapid.T, columns []Column, rows []ListRow, workers int, spilled bool) (*List, []byte) {
	t.Helper()
	b := NewListBuilder(columns, [32]byte{7}, Workers(workers))
	var parts []byte
	b.HandRows(func(part []byte) error {
		parts = append(parts, part...)
		return nil
	})
	for range workers {
		if _, err := b.Part(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		if err := b.parts[i*7%workers].Add(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if spilled {
		spill(b)
	}
	l, err := b.Build(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return l, parts
}

func spill(b *ListBuilder) {
	for _, p := range b.parts {
		if p.plain {
			p.spill()
		}
	}
}

// someRows are rows whose tokens come from a pool of some size, at random or
// alike in their beginnings, so that they meet at borders of ranges.
func someRows(t *rapid.T, columns int, shapes []int) []ListRow {
	mask := rapid.SampledFrom([][]byte{nil, {0}, {1}, {255, 7}, {3, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 11)}).Draw(t, "mask")
	seed := rapid.Uint64().Draw(t, "seed")
	pool := make([]token.Token, rapid.SampledFrom([]int{1, 5, 300, 20_000}).Draw(t, "pool"))
	for i, p := range randomPairs(len(pool), seed) {
		pool[i] = p.token()
		for j := range mask {
			pool[i][j] &= mask[j]
		}
	}
	pick := randomPairs(rapid.SampledFrom([]int{0, 1, 7, 200, 6000}).Draw(t, "rows"), seed+1)
	kind := Kind(rapid.IntRange(0, 3).Draw(t, "kind"))
	rows := make([]ListRow, len(pick))
	for i := range rows {
		r := pick[i].value()
		for n := range shapes[int(r%64)%len(shapes)] {
			k := kind
			if len(shapes) > 1 {
				k = Kind(r >> (6 + 2*n) & 3)
			}
			at := bits.RotateLeft64(pick[i].hi, 16*n) % uint64(len(pool))
			rows[i].Tokens = append(rows[i].Tokens, KindToken{pool[at], k})
		}
		for c := range columns {
			rows[i].Codes = append(rows[i].Codes, uint8(r>>(20+c)&1))
		}
	}
	return rows
}

// TestListOracle: a list is what the oracle makes of its rows, with columns and
// without, of any shapes, at any number of cores.
func TestListOracle(t *testing.T) {
	columns := []Column{{Name: "a", Domain: []string{"x", "y"}}, {Name: "b", Domain: []string{"x", "y"}}}
	rapid.Check(t, func(rt *rapid.T) {
		of := columns[:rapid.IntRange(0, 2).Draw(rt, "columns")]
		shapes := rapid.SampledFrom([][]int{{0, 1, 2, 3, 4}, {1, 1}, {3, 3}, {0, 0}, {0, 1, 1, 1}}).Draw(rt, "shapes")
		rows := someRows(rt, len(of), shapes)
		l, parts := listOf(rt, of, rows, rapid.IntRange(1, 4).Draw(rt, "workers"), false)
		newOracleList([32]byte{7}, of, rows).check(rt, l, parts)
	})
}

// TestPlainList: rows of one token of one kind make the same list by their own
// way, by that of all rows, and by the oracle's.
func TestPlainList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := someRows(rt, 0, []int{1})
		oracle := newOracleList([32]byte{7}, nil, rows)
		for _, spilled := range []bool{false, true} {
			l, parts := listOf(rt, nil, rows, rapid.IntRange(1, 4).Draw(rt, "workers"), spilled)
			oracle.check(rt, l, parts)
		}
	})
}

// TestSpilledLate: a row of another shape anywhere among plain ones changes
// nothing but the list's content.
func TestSpilledLate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := someRows(rt, 0, []int{1})
		other := ListRow{Tokens: []KindToken{{token.Token{1}, Phone}, {token.Token{2}, Email}, {token.Token{1}, Phone}}}
		if rapid.Bool().Draw(rt, "empty") {
			other.Tokens = nil
		}
		rows = slices.Insert(rows, rapid.IntRange(0, len(rows)).Draw(rt, "at"), other)
		l, parts := listOf(rt, nil, rows, 2, false)
		newOracleList([32]byte{7}, nil, rows).check(rt, l, parts)
	})
}

// TestLargeList: where a range is of several buckets, both ways make one list,
// and its rows read back are of its ID.
func TestLargeList(t *testing.T) {
	rows := randomPairs(2_300_000, 1)
	copy(rows[2_000_000:], rows[:100_000])
	build := func(spilled bool) (*List, [][]byte) {
		b := NewListBuilder(nil, [32]byte{7})
		var parts [][]byte
		b.HandRows(func(part []byte) error {
			parts = append(parts, slices.Clone(part))
			return nil
		})
		for i := range rows {
			if err := b.Add(&ListRow{Tokens: []KindToken{{rows[i].token(), Phone}}}); err != nil {
				t.Fatal(err)
			}
		}
		if spilled {
			spill(b)
		}
		l, err := b.Build(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return l, parts
	}
	plain, parts := build(false)
	other, _ := build(true)
	if plain.rows != 2_200_000 || plain.rows != other.rows || plain.id != other.id ||
		!slices.Equal(plain.index[Phone].pairs, other.index[Phone].pairs) {
		t.Errorf("%d and %d rows, the same ID: %v", plain.rows, other.rows, plain.id == other.id)
	}
	r, err := NewListRows(nil, [32]byte{7})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if err := r.Part(part, func(*ListRow) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n, id := r.End(); n != plain.rows || id != plain.id {
		t.Errorf("%d rows are read back, of the same ID: %v", n, id == plain.id)
	}
}
