package enclave

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// A version of a list is a set of rows: the file's, or what the file makes of
// the version before, as its header says. So that a version can be made of the
// one before, its canonical rows are kept in a segment of their own, which no
// match reads.

// listNames names the lists of an entrustment.
func (e *Enclave) listNames(id string) (names []string) {
	for key := range e.state.lists {
		if key.entrustment == id {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return names
}

// mayChange decides whether a file may change what stands of a list, nil: there
// is none.
func (e *Enclave) mayChange(req wire.ListRequest, h seal.Header, old *listRecord) error {
	if err := e.lapsedList(req.Entrustment, req.Name); err != nil && h.Change != seal.Replace {
		return err // or a part would pass for the whole
	}
	switch {
	case h.Change == seal.Remove && old == nil:
		mend := "check the list's name; nobody is on a list that was not loaded"
		if names := e.listNames(req.Entrustment); len(names) > 0 {
			mend += ". There are " + strings.Join(names, ", ")
		}
		return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "list", Detail: "there is no list " + entrustment.Quote(req.Name) + " to take anybody off", Mend: mend}
	case h.Change == seal.Add && old != nil && !sameColumns(columnsOf(h), old.Columns):
		return &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §4", Field: "columns",
			Detail: "the rows to be added have other columns or domains than the list", Mend: "seal them with the list.yaml of the version before, or replace the list"}
	}
	return nil
}

func sameColumns(a, b []matcher.Column) bool {
	return slices.EqualFunc(a, b, func(a, b matcher.Column) bool {
		return a.Name == b.Name && slices.Equal(a.Domain, b.Domain)
	})
}

// kindsOf gives the kinds that the next version of a list may hold.
func kindsOf(h seal.Header, old *listRecord) []string {
	of := loadAct(h).Kinds
	switch {
	case h.Change == seal.Replace || old == nil:
		return of
	case h.Change == seal.Remove:
		return old.Kinds
	}
	kinds := slices.Clone(old.Kinds)
	for _, k := range of {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// buildList builds the next version of a list from a file and the version
// before, and says how it differs from one whose place it takes. kept holds its rows
// and is the caller's to commit or to abort.
func (e *Enclave) buildList(ctx context.Context, c *entrustRecord, f *opened, old *listRecord, keys *listKeys) (list *matcher.List, kept *vault.SegmentWriter, diff *listDiff, err error) {
	most := mostRows(c)
	columns := columnsOf(f.header)
	if f.header.Change == seal.Remove {
		columns = old.Columns
	}
	b := matcher.NewListBuilder(columns, e.lists)
	if f.header.Change == seal.Remove {
		err = e.withoutRows(ctx, f, most, old, b, keys)
	} else {
		err = e.withRows(ctx, f, most, old, b, keys)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	compared, err := e.compare(ctx, f.header.Change, columns, old)
	if err != nil {
		return nil, nil, nil, err
	}
	defer compared.close()
	if kept, err = e.vault.NewSegment(dataKey(c.Contract.ID)); err != nil {
		return nil, nil, nil, err
	}
	n := 0
	b.HandRows(func(part []byte) error {
		n++
		compared.part(part)
		return kept.Put(rowColumn(n-1), part)
	})
	if list, err = b.Build(ctx); err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("building the list: %w", err), kept.Abort())
	}
	// A person's being taken off is not refused for how many others are left.
	if f.header.Change != seal.Remove && int64(list.Rows()) > most.rows {
		return nil, nil, nil, errors.Join(most.passed, kept.Abort())
	}
	if diff, err = compared.end(ctx, e, list); err != nil {
		return nil, nil, nil, errors.Join(err, kept.Abort())
	}
	return list, kept, diff, nil
}

func rowColumn(n int) string { return fmt.Sprintf("rows.%d", n) }

// withRows adds a file's rows and, where it adds to them, those before.
func (e *Enclave) withRows(ctx context.Context, f *opened, most rowLimit, old *listRecord, b *matcher.ListBuilder, keys *listKeys) error {
	n := int64(0)
	err := e.tokeniseApart(ctx, f.header, f.rows, func() (func(*tokened) error, error) {
		part, err := b.Part()
		made := keys.part()
		return func(t *tokened) error {
			if err := made.addKeys(t); err != nil {
				return err
			}
			return part.Add(&matcher.ListRow{Tokens: t.tokens, Codes: t.row.Codes})
		}, err
	}, func(rows int64) error {
		if n = rows; n > most.rows {
			return most.passed
		}
		return nil
	})
	if err == nil && n == 0 {
		err = errNoRows
	}
	if err != nil || f.header.Change == seal.Replace || old == nil {
		return err
	}
	if err := keys.keep(ctx, e, old, nil); err != nil {
		return err
	}
	return e.keptRows(ctx, old, func(r *matcher.ListRow) error {
		if err := b.Add(r); err != nil {
			return fmt.Errorf("keeping a row: %w", err)
		}
		return nil
	})
}

// withoutRows adds the rows before, but those that hold any identifier of the
// file.
func (e *Enclave) withoutRows(ctx context.Context, f *opened, most rowLimit, old *listRecord, b *matcher.ListBuilder, keys *listKeys) error {
	gone := map[matcher.KindToken]struct{}{}
	err := e.fileRows(ctx, f, most, func(t *tokened) error {
		for _, id := range t.tokens {
			gone[id] = struct{}{}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := keys.keep(ctx, e, old, gone); err != nil {
		return err
	}
	return e.keptRows(ctx, old, func(r *matcher.ListRow) error {
		for _, id := range r.Tokens {
			if _, ok := gone[id]; ok {
				return nil
			}
		}
		if err := b.Add(r); err != nil {
			return fmt.Errorf("keeping a row: %w", err)
		}
		return nil
	})
}

// fileRows gives the rows of a file, of which there is one at least.
func (e *Enclave) fileRows(ctx context.Context, f *opened, most rowLimit, each func(*tokened) error) error {
	var n int64
	err := e.tokenise(ctx, f.header, f.rows, func(t *tokened) error {
		if n++; n > most.rows {
			return most.passed
		}
		return each(t)
	})
	if err == nil && n == 0 {
		return errNoRows
	}
	return err
}

var errNoRows = &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §4", Field: "list",
	Detail: "no row of the file can be used", Mend: "mend what the report names; the list stays as it was"}

// rowLimit is how many rows a list may have, and the refusal of more.
type rowLimit struct {
	rows   int64
	passed error
}

func mostRows(c *entrustRecord) rowLimit {
	refused := &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY A21", Field: "max_list_rows", Mend: "load a smaller list, or amend the contract"}
	most := c.Contract.MaxListRows
	if most == 0 {
		most = maxListRows
	}
	refused.Detail = fmt.Sprintf("the list has more than %d rows", most)
	return rowLimit{most, refused.By(c.clause("max_list_rows"))}
}

// keptRows gives the rows of a version that stands, and sees that they are the
// rows of that list.
func (e *Enclave) keptRows(ctx context.Context, l *listRecord, each func(*matcher.ListRow) error) error {
	r, err := matcher.NewListRows(l.Columns, e.lists)
	if err != nil {
		return fmt.Errorf("opening the rows of a list: %w", err)
	}
	err = e.eachPart(ctx, l, func(part []byte) error { return r.Part(part, each) })
	if err != nil {
		return fmt.Errorf("opening the rows of a list: %w", err)
	}
	if rows, id := r.End(); int64(rows) != l.Rows || hexID(id) != l.ID {
		return fmt.Errorf("opening the rows of a list: %w", vault.ErrSegment)
	}
	return nil
}
