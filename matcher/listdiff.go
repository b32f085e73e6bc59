package matcher

import (
	"bytes"
	"errors"
	"iter"
)

// ListDiff counts how the rows of a list differ from those of the version before,
// of the same columns: both come in canonical order, part by part, so it holds one
// part of each. Rows are the same where their identifiers and their columns' values
// are. It is not safe for concurrent use.
type ListDiff struct {
	before  *ListRows
	next    func() ([]byte, error, bool)
	stop    func()
	part    []byte // of the version before: what was not passed yet
	added   int64
	removed int64
	err     error
}

// NewListDiff begins to compare with the version before, whose ListID was made under
// key and whose parts before gives, as a ListBuilder handed them out. Close ends it.
func NewListDiff(columns []Column, key [32]byte, before iter.Seq2[[]byte, error]) (*ListDiff, error) {
	rows, err := NewListRows(columns, key)
	if err != nil {
		return nil, err
	}
	d := &ListDiff{before: rows}
	d.next, d.stop = iter.Pull2(before)
	return d, nil
}

// Part takes the next part of the list's own rows, as a ListBuilder hands them out,
// and keeps nothing of it. What is wrong with the version before, End says.
func (d *ListDiff) Part(part []byte) {
	eachRow(part, len(d.before.columns), func(row []byte) {
		for d.more() {
			old := d.part[:rowSize(d.part, len(d.before.columns))]
			order := bytes.Compare(old[2:], row[2:])
			if order > 0 {
				break
			}
			d.part = d.part[len(old):]
			if order == 0 {
				return
			}
			d.removed++
		}
		d.added++
	})
}

// more sees that there is a row of the version before, and whether.
func (d *ListDiff) more() bool {
	for len(d.part) == 0 && d.err == nil {
		part, err, ok := d.next()
		if !ok {
			return false
		}
		if d.err = err; err == nil {
			d.err = d.before.check(part)
		}
		if d.err == nil {
			d.part = part
		}
	}
	return d.err == nil
}

// End gives, after all parts, how many rows of the list were not in the version before
// and how many of its rows are not in the list any more. It sees that what was compared
// with was the list of that ID and so many rows; an error is of that version alone: as
// its parts gave it, or wraps ErrDamaged.
func (d *ListDiff) End(rows int, id ListID) (added, removed int64, err error) {
	for d.more() {
		d.part = d.part[rowSize(d.part, len(d.before.columns)):]
		d.removed++
	}
	if d.err != nil {
		return 0, 0, d.err
	}
	if n, was := d.before.End(); n != rows || was != id {
		return 0, 0, damaged("rows", errors.New("they are another list's"))
	}
	return d.added, d.removed, nil
}

// Close lets the version before go.
func (d *ListDiff) Close() { d.stop() }
