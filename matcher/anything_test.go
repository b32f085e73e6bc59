package matcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"awase/crypto/token"
	"awase/entrustment"
)

// rounds is so many, a tenth of it in a short run.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// rtok is a token at random, or one of a kind that strains an index.
func rtok(r *rand.Rand, mode int) (t token.Token) {
	for i := range t {
		t[i] = byte(r.Uint32())
	}
	switch mode {
	case 0: // uniform
	case 1: // share the first 8 bytes in groups
		g := byte(r.IntN(40))
		for i := range 8 {
			t[i] = g * 6
		}
		t[8], t[9], t[10] = 0, 0, 0
		t[11] = byte(r.IntN(30))
	case 2: // one leading byte
		t[0] = 0x7f
	case 3: // ends
		for i := range 7 {
			t[i] = 255
		}
		t[7] = byte(250 + r.IntN(6))
		t[8], t[9], t[10] = 255, 255, 255
	case 4: // one leading byte, near duplicates
		t[0] = 0xff
		t[1], t[2] = byte(r.IntN(4)), 0
		for i := 3; i < 11; i++ {
			t[i] = 0
		}
	}
	return t
}

// pool gives n distinct tokens, or as many as there are of a kind.
func pool(r *rand.Rand, n, mode int) []token.Token {
	seen := map[token.Token]bool{}
	var out []token.Token
	for tries := 0; len(out) < n && tries < 20*n+100; tries++ {
		m := mode
		if mode == 5 {
			m = r.IntN(5)
		}
		x := rtok(r, m)
		if !seen[x] {
			seen[x] = true
			out = append(out, x)
		}
	}
	return out
}

// TestFindAnything: what is found of an index in another is what two maps have in
// common, whatever their lengths and however alike their tokens are.
func TestFindAnything(t *testing.T) {
	for seed := range uint64(rounds(400)) {
		r := rand.New(rand.NewPCG(seed, 77))
		mode := r.IntN(6)
		sizes := []int{0, 1, 2, 7, 8, 9, 15, 40, 300, 3000, 20000}
		all := pool(r, 1+sizes[r.IntN(len(sizes))]*2, mode)
		nb, nl := r.IntN(len(all)+1), r.IntN(len(all)+1)
		if r.IntN(3) == 0 {
			nl = min(nl, 5)
		}
		if r.IntN(3) == 0 {
			nb = min(nb, 9)
		}
		idx := func(n int, keep *map[token.Token]uint32) *tokenIndex {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			m := map[token.Token]uint32{}
			var ps []pair
			for i := range n {
				v := uint32(r.IntN(1 << 20))
				m[all[i]] = v
				ps = append(ps, newPair(&all[i], v))
			}
			col, err := sortPairs(context.Background(), 1+r.IntN(3), fill(ps, 1+r.IntN(3)), nil, asTheyAre)
			if err != nil {
				t.Fatal(err)
			}
			x, err := openIndex(col, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			*keep = m
			return &x
		}
		var bm, lm map[token.Token]uint32
		b, l := idx(nb, &bm), idx(nl, &lm)
		f := new(finder)
		need := needs{rows: r.IntN(2) == 0}
		f.reset(1<<20, need)
		f.into = &f.sets[0]
		for p := range 256 {
			f.find(b, l, p)
		}
		var got, want []uint64
		for rg := range maxRanges {
			f.each(0, rg, func(cs, rows []uint32) {
				for i, c := range cs {
					v := uint64(c) << 32
					if need.rows {
						v |= uint64(rows[i])
					}
					got = append(got, v)
				}
			})
		}
		for k, c := range bm {
			if row, ok := lm[k]; ok {
				v := uint64(c) << 32
				if need.rows {
					v |= uint64(row)
				}
				want = append(want, v)
			}
			if v, ok := b.find(k); !ok || v != c {
				t.Fatalf("seed %d: find", seed)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d mode %d nb %d nl %d: %d hits, want %d", seed, mode, nb, nl, len(got), len(want))
		}
	}
}

// TestBuildsOverVersions: ids, standings, ambiguity and indexes of four versions
// built in any parts are those of an oracle, whatever the tokens are like, also
// where a leading byte has several buckets.
func TestBuildsOverVersions(t *testing.T) {
	for seed := range uint64(rounds(40)) {
		r := rand.New(rand.NewPCG(seed, 5))
		mode := r.IntN(6)
		toks := pool(r, 1+r.IntN(30000), mode)
		users := pool(r, 1+r.IntN([]int{50, 30000, 90000}[r.IntN(3)]), []int{0, 0, 2, 5}[r.IntN(4)])
		var prev *Base
		amb := map[token.Token]bool{}
		ids := map[token.Token]uint32{}
		for v := range 4 {
			workers := 1 + r.IntN(4)
			b := NewBaseBuilder(nil, Workers(workers))
			var parts []*BasePart
			for range r.IntN(4) {
				p, err := b.Part()
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, p)
			}
			holders := map[token.Token]map[token.Token]bool{}
			have := map[token.Token]bool{}
			share := r.Float64()
			pol := map[token.Token]string{}
			var added [4][]token.Token // by part
			for _, ui := range r.Perm(len(users)) {
				u := users[ui]
				if r.Float64() > share {
					continue
				}
				have[u] = true
				p := Person{User: u, PolicyVersion: fmt.Sprint("v", r.IntN(300))}
				pol[u] = p.PolicyVersion
				for range r.IntN(3) {
					x := toks[r.IntN(len(toks))]
					p.Tokens = append(p.Tokens, KindToken{x, Phone})
					if holders[x] == nil {
						holders[x] = map[token.Token]bool{}
					}
					holders[x][u] = true
				}
				add, part := b.Add, 0
				if len(parts) > 0 {
					part = r.IntN(len(parts))
					add = parts[part].Add
				}
				if err := add(&p); err != nil {
					t.Fatal(err)
				}
				added[part] = append(added[part], u)
			}
			base, err := b.Build(context.Background(), prev)
			if err != nil {
				t.Fatal(err)
			}
			for x, h := range holders {
				if len(h) > 1 {
					amb[x] = true
				}
			}
			n := 0
			next := map[token.Token]uint32{}
			for i, p := range base.users.pairs {
				if i > 0 && !base.users.pairs[i-1].before(p) {
					t.Fatal("users not sorted")
				}
				next[p.token()] = p.value()
				if !have[p.token()] {
					t.Fatal("a stranger")
				}
				n++
				if st := base.standings[base.standing.Value(int(p.value()))]; st.PolicyVersion != pol[p.token()] {
					t.Fatalf("seed %d: standing", seed)
				}
				if old, ok := ids[p.token()]; ok && old != p.value() {
					t.Fatal("id moved")
				}
			}
			if n != len(have) {
				t.Fatal("users missing")
			}
			// New ids are dense: those of rows first, then in token order.
			at := uint32(0)
			if prev == nil {
				for _, u := range slices.Concat(added[:]...) {
					if next[u] != at {
						t.Fatalf("seed %d: id %d, want %d", seed, next[u], at)
					}
					at++
				}
			} else {
				at = uint32(prev.clusters())
				for _, p := range base.users.pairs {
					if _, ok := ids[p.token()]; !ok {
						if p.value() != at {
							t.Fatalf("seed %d version %d: id %d, want %d", seed, v, p.value(), at)
						}
						at++
					}
				}
			}
			if int(at) != base.clusters() {
				t.Fatal("clusters")
			}
			got := map[token.Token]bool{}
			for i, p := range base.ambiguous[Phone].pairs {
				if i > 0 && !base.ambiguous[Phone].pairs[i-1].before(p) {
					t.Fatal("ambiguous not sorted")
				}
				if p.value() != 0 {
					t.Fatal("value")
				}
				got[p.token()] = true
			}
			if len(got) != len(amb) {
				t.Fatalf("seed %d version %d: %d ambiguous, want %d", seed, v, len(got), len(amb))
			}
			for x := range amb {
				if !got[x] {
					t.Fatal("ambiguous lost")
				}
			}
			idx := 0
			for x, h := range holders {
				c, ok := base.index[Phone].find(x)
				if ok == amb[x] {
					t.Fatalf("seed %d: indexed %v, ambiguous %v", seed, ok, amb[x])
				}
				if ok {
					idx++
					for u := range h {
						if next[u] != c {
							t.Fatal("wrong cluster")
						}
					}
				}
			}
			if idx != base.index[Phone].len() {
				t.Fatal("index holds more")
			}
			m := map[string][]byte{}
			for name, buf := range base.Columns() {
				m[name] = buf
			}
			if _, err := OpenBase(func(name string) ([]byte, error) { return m[name], nil }); err != nil {
				t.Fatal(err)
			}
			prev, ids = base, next
		}
	}
}

// TestStandingsOverParts: what one part may hold, several may not hold together.
func TestStandingsOverParts(t *testing.T) {
	b := NewBaseBuilder(nil)
	p0, _ := b.Part()
	p1, _ := b.Part()
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 70_000 {
		p := p0
		if i >= 40_000 {
			p = p1
		}
		if err := p.Add(&Person{User: rtok(r, 0), PolicyVersion: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Build(context.Background(), nil)
	if refusal, ok := errors.AsType[*entrustment.Error](err); !ok || refusal.Code != entrustment.CodeLimit {
		t.Errorf("got %v, want a limit", err)
	}
}

// TestHeldByDuplicates: a list of one row a million times keeps one.
func TestHeldByDuplicates(t *testing.T) {
	b := NewListBuilder(nil, [32]byte{})
	for range 1_000_000 {
		_ = b.Add(&ListRow{Tokens: []KindToken{{token.Token{1}, Email}}})
	}
	l, err := b.Build(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if c := cap(l.index[Email].bytes()); c > 1<<16 {
		t.Errorf("an index of one token holds %d bytes", c)
	}
}

// TestRefreshOfManyUsers: ids over versions of more users than one range of
// clusters' steps holds, with versions before that are shorter and longer.
func TestRefreshOfManyUsers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	all := randomPairs(200_000, 9)
	var prev *Base
	ids := map[uint64]uint32{}
	for version, share := range []float64{0.4, 1, 0.5, 0.9} {
		b := NewBaseBuilder(nil)
		rows := map[uint64]uint32{}
		for _, p := range all {
			if r.Float64() < share {
				rows[p.hi] = uint32(len(rows))
				if err := b.Add(&Person{User: p.token()}); err != nil {
					t.Fatal(err)
				}
			}
		}
		base, err := b.Build(context.Background(), prev)
		if err != nil {
			t.Fatal(err)
		}
		next, next0 := map[uint64]uint32{}, 0
		if prev != nil {
			next0 = prev.clusters()
		}
		for _, u := range base.users.pairs {
			id, known := ids[u.hi]
			if !known {
				id = uint32(next0)
				next0++
			}
			if prev == nil {
				id = rows[u.hi]
			}
			if u.value() != id {
				t.Fatalf("version %d: id %d, want %d", version, u.value(), id)
			}
			next[u.hi] = id
		}
		if base.clusters() != next0 {
			t.Fatalf("version %d: %d ids given, want %d", version, base.clusters(), next0)
		}
		prev, ids = base, next
	}
}
