package intake

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"

	"awase/entrustment"
	"awase/intake/table"
)

// NameRepeated reads the operator's table again and notes in its report each row whose
// user key stands in an earlier row, which is named in the mend: a room that refused the
// table for such keys can't say which they are, for it never knew a row's number. It
// looks at the first 16 M rows, at 16 bytes each. It gives the rows of the first such
// key, none where it finds none; errors are those of OpenBase.
func NameRepeated(ctx context.Context, r io.ReaderAt, size int64, schema *entrustment.BaseSchema, o Options, report *Report) (first []int64, err error) {
	o.Progress = nil
	f, err := OpenBase(ctx, r, size, schema, o)
	if err != nil {
		return nil, err
	}
	type keyed struct {
		print uint64
		row   int64
	}
	var keys []keyed
	seed := maphash.MakeSeed()
	names := make([]string, len(f.report.Columns)) // of what is read
	for i, c := range f.report.Columns {
		names[i] = c.Column
	}
	for c := new(table.Chunk); len(keys) < maxDistinct; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.source.Next(c); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		for i := range c.Rows() {
			key := bytes.TrimSpace(c.Cell(i, f.plan.key))
			if len(key) > 0 && len(key) <= maxUserKey && !c.Extra(i) && !isHeader(c, i, names) {
				keys = append(keys, keyed{maphash.Bytes(seed, key), c.Lines[i]})
			}
		}
	}
	slices.SortFunc(keys, func(a, b keyed) int { return cmp.Or(cmp.Compare(a.print, b.print), cmp.Compare(a.row, b.row)) })
	t := newTally(len(report.Columns))
	start := 0 // of the rows of one key
	for i := 1; i <= len(keys); i++ {
		if i < len(keys) && keys[i].print == keys[start].print {
			t.fault(keys[i].row, schema.UserKey, "", reasonRepeatedKey, fmt.Sprintf("the user key stands in row %d already; give each user one row", keys[start].row))
			continue
		}
		if same := keys[start:i]; len(same) > 1 && (first == nil || same[0].row < first[0]) {
			first = nil
			for _, k := range same[:min(len(same), 5)] {
				first = append(first, k.row)
			}
		}
		start = i
	}
	slices.SortFunc(t.problems, func(a, b Problem) int { return cmp.Compare(a.Row, b.Row) })
	report.merge(t)
	slices.SortStableFunc(report.listed, func(a, b Problem) int { return cmp.Compare(a.Row, b.Row) })
	return first, nil
}
