package matcher

import (
	"bytes"
	"errors"
	"iter"
)

// ListDiff counts how the rows of a list differ from those of the version before,
// of the same columns. Both come in canonical order, part by part, and it holds few
// parts. Rows are the same where their identifiers and their columns' values are. It
// is not safe for concurrent use.
type ListDiff struct {
	columns int
	before  *ListRows // the reader's, until there are no more parts
	parts   chan partBefore
	closed  chan struct{}

	part    []byte // of the version before: what was not passed yet
	added   int64
	removed int64
	err     error
}

// partBefore is a part of the version before, checked, or why there are no more.
type partBefore struct {
	part []byte
	err  error
}

// partsAhead is how many parts of the version before wait to be compared.
const partsAhead = 2

// NewListDiff begins to compare with the version before, whose ListID was made under
// key and whose parts before gives, as a ListBuilder handed them out; they are read and
// checked by a goroutine beside, and its own. Close, once, ends it.
func NewListDiff(columns []Column, key [32]byte, before iter.Seq2[[]byte, error]) (*ListDiff, error) {
	rows, err := NewListRows(columns, key)
	if err != nil {
		return nil, err
	}
	d := &ListDiff{columns: len(columns), before: rows, parts: make(chan partBefore, partsAhead), closed: make(chan struct{})}
	go d.read(before)
	return d, nil
}

func (d *ListDiff) read(before iter.Seq2[[]byte, error]) {
	defer close(d.parts)
	for part, err := range before {
		if err == nil {
			err = d.before.check(part)
		}
		select {
		case d.parts <- partBefore{part, err}:
		case <-d.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// Part takes the next part of the list's own rows, as a ListBuilder hands them out,
// and keeps nothing of it. What is wrong with the version before, End says.
func (d *ListDiff) Part(part []byte) {
	eachRow(part, d.columns, func(row []byte) {
		for d.more() {
			old := d.part[:rowSize(d.part, d.columns)]
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
		next, ok := <-d.parts
		if !ok {
			return false
		}
		d.part, d.err = next.part, next.err
	}
	return d.err == nil
}

// End gives, after all parts, how many rows of the list were not in the version before
// and how many of its rows are not in the list any more. It sees that what was compared
// with was the list of that ID and so many rows; an error is of that version alone: as
// its parts gave it, or wraps ErrDamaged.
func (d *ListDiff) End(rows int, id ListID) (added, removed int64, err error) {
	for d.more() {
		d.part = d.part[rowSize(d.part, d.columns):]
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

// Close lets the version before go: nothing reads it any more when it returns.
func (d *ListDiff) Close() {
	close(d.closed)
	for range d.parts {
	}
}
