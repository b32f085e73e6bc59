package enginetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"awase/matcher"
)

// The oracle works on strings and maps alone; slow is fine, obvious is the
// point.

type oracleBase struct {
	columns   []matcher.Column
	people    map[string]matcher.Person // by user
	holders   map[string][]string       // users of a token, distinct
	ambiguous map[string]bool           // ever held by two users
	gone      map[string]bool           // users under tombstones
}

func tokenName(t matcher.KindToken) string { return fmt.Sprintf("%d/%x", t.Kind, t.Token) }

func newOracleBase(columns []matcher.Column, people []matcher.Person, prev *oracleBase) *oracleBase {
	b := &oracleBase{columns: columns, people: map[string]matcher.Person{}, holders: map[string][]string{}, ambiguous: map[string]bool{}}
	if prev != nil {
		for t := range prev.ambiguous {
			b.ambiguous[t] = true
		}
	}
	for _, p := range people {
		u := fmt.Sprintf("%x", p.User)
		b.people[u] = p
		for _, t := range p.Tokens {
			if name := tokenName(t); !slices.Contains(b.holders[name], u) {
				b.holders[name] = append(b.holders[name], u)
			}
		}
	}
	for t, users := range b.holders {
		if len(users) > 1 {
			b.ambiguous[t] = true
		}
	}
	return b
}

type oracleList struct {
	columns []matcher.Column
	rows    []matcher.ListRow // canonical
}

// encoding is the canonical form of a row as the package documentation of the
// order gives it: sorted, distinct (kind, token) pairs as token ‖ kind, codes.
func encoding(r matcher.ListRow) string {
	tokens := slices.Clone(r.Tokens)
	slices.SortFunc(tokens, func(a, b matcher.KindToken) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return bytes.Compare(a.Token[:], b.Token[:])
	})
	var s strings.Builder
	for _, t := range slices.Compact(tokens) {
		s.Write(t.Token[:])
		s.WriteByte(byte(t.Kind))
	}
	s.Write(r.Codes)
	return s.String()
}

func newOracleList(columns []matcher.Column, rows []matcher.ListRow) *oracleList {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b matcher.ListRow) int { return strings.Compare(encoding(a), encoding(b)) })
	return &oracleList{columns, slices.CompactFunc(rows, func(a, b matcher.ListRow) bool { return encoding(a) == encoding(b) })}
}

// hit says whether a row holds an unambiguous token of a person, of any kind
// or of the given one.
func (b *oracleBase) hit(p matcher.Person, r matcher.ListRow, kind int) bool {
	for _, t := range p.Tokens {
		if b.ambiguous[tokenName(t)] || kind >= 0 && int(t.Kind) != kind {
			continue
		}
		for _, o := range r.Tokens {
			if tokenName(o) == tokenName(t) {
				return true
			}
		}
	}
	return false
}

// firstRow is the first canonical row that hits p, or nil.
func (b *oracleBase) firstRow(p matcher.Person, l *oracleList) *matcher.ListRow {
	for i := range l.rows {
		if b.hit(p, l.rows[i], -1) {
			return &l.rows[i]
		}
	}
	return nil
}

func (b *oracleBase) firstKind(p matcher.Person, l *oracleList) int {
	for k := range int(matcher.Kinds) {
		for _, r := range l.rows {
			if b.hit(p, r, k) {
				return k
			}
		}
	}
	return -1
}

func (b *oracleBase) isGone(p matcher.Person) bool { return b.gone[fmt.Sprintf("%x", p.User)] }

func eligible(p matcher.Person, e matcher.Eligibility) bool {
	switch {
	case e.ByPolicy && !slices.Contains(e.Versions, p.PolicyVersion):
		return false
	case p.Service != "" && p.Service != e.Service:
		return false
	case p.EnquiryOnly && !e.Enquiry:
		return false
	}
	return true
}

// value is the code of p in a column; false where it has none.
func (f *fixture) value(p matcher.Person, list *oracleList, source matcher.DimSource, name string) (int, bool) {
	named := func(c matcher.Column) bool { return c.Name == name }
	switch source {
	case matcher.BaseColumn:
		return int(p.Codes[slices.IndexFunc(f.base.columns, named)]), true
	case matcher.ListColumn:
		row := f.base.firstRow(p, list)
		if row == nil {
			return 0, false
		}
		return int(row.Codes[slices.IndexFunc(list.columns, named)]), true
	}
	k := f.base.firstKind(p, list)
	return k, k >= 0
}

func (f *fixture) holds(w *matcher.Where, p matcher.Person, list *oracleList) bool {
	switch {
	case w.All != nil:
		return !slices.ContainsFunc(w.All, func(k matcher.Where) bool { return !f.holds(&k, p, list) })
	case w.Any != nil:
		return slices.ContainsFunc(w.Any, func(k matcher.Where) bool { return f.holds(&k, p, list) })
	case w.Not != nil:
		return !f.holds(w.Not, p, list)
	case w.In != nil:
		v, ok := f.value(p, list, w.In.Source, w.In.Column)
		return ok && slices.Contains(w.In.Codes, uint8(v))
	case w.Event != nil:
		return f.times(p, w.Event) >= w.Event.N
	}
	return f.base.firstRow(p, f.lists[*w.List]) != nil
}

func (f *fixture) cells(q matcher.Query) []int64 {
	list := f.lists[q.List]
	n := 1
	for _, d := range q.Dims {
		n *= d.Size
	}
	cells := make([]int64, n)
	for _, p := range f.base.people {
		if f.base.isGone(p) || !eligible(p, q.Eligible) || list != nil && f.base.firstRow(p, list) == nil ||
			q.Where != nil && !f.holds(q.Where, p, list) {
			continue
		}
		cell := 0
		for _, d := range q.Dims {
			v, _ := f.value(p, list, d.Source, d.Name)
			cell = cell*d.Size + v
		}
		cells[cell]++
	}
	return cells
}

// firstHitPerRow is the rule of matching that PRIVACY rule 2 forbids, kept to
// show what it would give away: each row matches the first cluster found by
// its identifiers in kind order.
func firstHitPerRow(b *oracleBase, l *oracleList) int64 {
	matched := map[string]bool{}
	for _, r := range l.rows {
		tokens := slices.Clone(r.Tokens)
		slices.SortStableFunc(tokens, func(x, y matcher.KindToken) int { return int(x.Kind) - int(y.Kind) })
		for _, t := range tokens {
			if users := b.holders[tokenName(t)]; len(users) == 1 && !b.ambiguous[tokenName(t)] {
				matched[users[0]] = true
				break
			}
		}
	}
	return int64(len(matched))
}
