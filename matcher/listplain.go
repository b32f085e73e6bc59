package matcher

import (
	"context"
	"slices"
)

// buildPlain builds a list whose rows are one token of one kind: sorted, the
// tokens are the canonical rows and the index. A range of the ListID is a
// leading byte, so who sorts it hashes it.
func (b *ListBuilder) buildPlain(ctx context.Context, l *List) error {
	kind := b.parts[0].kind
	from := make([]*spread, len(b.parts))
	for i, p := range b.parts {
		from[i] = &p.tokens
	}
	sums := new(listSums)
	column, err := sortPairs(ctx, b.workers, from, nil, func() settling {
		hash, rows := newRangeHash(b.key), []byte(nil)
		return settling{
			settle: func(sorted []pair, _ uint64, _ int) []pair {
				sorted = slices.Compact(sorted)
				rows = appendPlain(rows[:0], sorted, kind)
				hash.add(rows)
				return sorted
			},
			done: func(d int) { hash.sum(&sums[d]) },
		}
	})
	if err != nil {
		return err
	}
	pairs := pairsOf(column)
	if l.rows = len(pairs); int64(l.rows) > maxRows {
		return errListLimit
	}
	l.id = sums.id(b.key, b.columns, l.rows)
	if err := b.handPlain(pairs, kind); err != nil {
		return err
	}
	everywhere(l.rows, func(begin, end int) bool { // row i holds token i
		for i := begin; i < end; i++ {
			pairs[i] = pairs[i].with(uint32(i))
		}
		return true
	})
	for k := range Kinds {
		var of []byte
		if k == kind {
			of = column
		}
		if l.index[k], err = indexOf(of); err != nil {
			return err
		}
	}
	return nil
}

// appendPlain appends the rows of one token of a kind each, after their number
// of pairs.
func appendPlain(rows []byte, pairs []pair, kind Kind) []byte {
	for _, p := range pairs {
		t := p.token()
		rows = append(append(append(rows, 1, 0), t[:]...), byte(kind))
	}
	return rows
}

// handPlain hands out the rows.
func (b *ListBuilder) handPlain(pairs []pair, kind Kind) error {
	if b.handed == nil {
		return nil
	}
	row := make([]byte, 0, 2+pairLen)
	for i := range pairs {
		row = appendPlain(row[:0], pairs[i:i+1], kind)
		if err := b.handed.row(row); err != nil {
			return err
		}
	}
	return b.handed.flush()
}
