package enclave

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/matcher"
)

// listDiff is how the rows of a version differ from those of the one before.
type listDiff struct {
	Added   int64 `json:"added"`   // that were not there
	Removed int64 `json:"removed"` // that are not there any more
}

// diff gives how a version differs from what stood before the file that did c came,
// nil: no version did. Of rows that were added or taken away their numbers tell it; of
// a version that took another's place its record, nil where that says nothing.
func (l *listRecord) diff(c seal.Change, before *listRecord) *listDiff {
	switch {
	case before == l: // the file changed nothing
		return &listDiff{}
	case l.Diff != nil:
		return l.Diff
	case before == nil:
		return &listDiff{Added: l.Rows}
	case c == seal.Add:
		return &listDiff{Added: l.Rows - before.Rows}
	case c == seal.Remove:
		return &listDiff{Removed: before.Rows - l.Rows}
	}
	return nil
}

// compared compares the rows of a version, as they are handed out, with those of the
// version whose place it takes. A file that brings them can mend a vault in which the
// rows before can't be read: it is loaded without the numbers.
type compared struct {
	old  *listRecord
	rows *matcher.ListDiff // nil: the version before has other columns
}

// compare begins to compare; nil, and nothing is, where c takes nobody's place. close
// ends it.
func (e *Enclave) compare(ctx context.Context, c seal.Change, columns []matcher.Column, old *listRecord) (*compared, error) {
	if c != seal.Replace || old == nil {
		return nil, nil
	}
	if !sameColumns(columns, old.Columns) {
		return &compared{old: old}, nil
	}
	rows, err := matcher.NewListDiff(columns, e.lists, e.rowParts(ctx, old))
	if err != nil {
		return nil, fmt.Errorf("comparing two versions of a list: %w", err)
	}
	return &compared{old, rows}, nil
}

// part takes the next rows of the version.
func (d *compared) part(part []byte) {
	if d != nil && d.rows != nil {
		d.rows.Part(part)
	}
}

// end gives the numbers for the version, nil: they can't be known. Rows are told apart
// by what they hold, so with other columns, or other values of them, none is as it was.
func (d *compared) end(ctx context.Context, e *Enclave, list *matcher.List) (*listDiff, error) {
	switch {
	case d == nil:
		return nil, nil
	case d.rows == nil:
		return &listDiff{int64(list.Rows()), d.old.Rows}, nil
	}
	added, removed, err := d.rows.End(int(d.old.Rows), matcher.ListID(d.old.ID))
	if err == nil {
		return &listDiff{added, removed}, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("comparing two versions of a list: %w", ctx.Err())
	}
	e.log.Warn("the rows of a list's version before can't be read: how the next differs from it is not known", "entrustment", d.old.Entrustment, "list", d.old.Name, "version", d.old.Version, "error", err)
	return nil, nil
}

func (d *compared) close() {
	if d != nil && d.rows != nil {
		d.rows.Close()
	}
}

// rowParts gives the parts in which the rows of a version are kept.
func (e *Enclave) rowParts(ctx context.Context, l *listRecord) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		err := e.eachPart(ctx, l, func(part []byte) error {
			if !yield(part, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// errEnough ends the reading of parts that nobody takes.
var errEnough = errors.New("no more parts are taken")

// eachPart gives the parts in which the rows of a version are kept, in their order.
func (e *Enclave) eachPart(ctx context.Context, l *listRecord, each func(part []byte) error) error {
	n := 0
	return e.vault.ReadColumns(l.RowSegment, func(name string, part []byte) error {
		if name != rowColumn(n) {
			return vault.ErrSegment
		}
		n++
		if err := ctx.Err(); err != nil {
			return err
		}
		return each(part)
	})
}
