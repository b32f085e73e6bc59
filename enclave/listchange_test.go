package enclave

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// TestChangesOnceOnly is A31 for files that add and remove: a carrier can't bring
// back who was taken off a list with the file that added them, nor undo an add
// with an old remove.
func TestChangesOnceOnly(t *testing.T) {
	e := openCrowd(t)
	send := func(raw []byte) (wire.ListLoaded, error) {
		return e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(raw))
	}
	add, remove := sealedChange(t, e, "l", seal.Add, crowdRows(1500, 1510)), sealedChange(t, e, "l", seal.Remove, crowdRows(1505, 1520))
	nobody := sealedChange(t, e, "l", seal.Remove, crowdRows(1600, 1610))
	for i, c := range []struct {
		raw     []byte
		changed bool
		rows    int64
	}{{add, true, 1510}, {add, false, 1510}, {nobody, false, 1510}, {nobody, false, 1510}, {remove, true, 1505}, {remove, false, 1505}} {
		if l, err := send(c.raw); err != nil || l.Changed != c.changed || l.Rows != c.rows {
			t.Fatalf("file %d: %+v, %v", i, l, err)
		}
	}
	_, err := send(add)
	wantCode(t, "who was removed, added by an old file", err, entrustment.CodeForbidden)
	_, err = send(nobody)
	wantCode(t, "a remove of nobody", err, entrustment.CodeForbidden)
	loadCrowd(t, e, "l", seal.Add, crowdRows(1505, 1510))
	_, err = send(remove)
	wantCode(t, "who was added, removed by an old file", err, entrustment.CodeForbidden)
	if l := e.state.lists[listKey{"e", "l"}]; l.Rows != 1510 || l.Version != 4 {
		t.Errorf("%d rows, version %d", l.Rows, l.Version)
	}
}

// TestListAnswersTwice: a file whose version stands is told the same of it again, as its
// first answer may not have come; also after a restart.
func TestListAnswersTwice(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	files := map[string][]byte{}
	first := map[string]wire.ListLoaded{}
	send := func(name, what string) wire.ListLoaded {
		t.Helper()
		l, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: name}, bytes.NewReader(files[what]))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for what, c := range map[string]struct {
		change   seal.Change
		from, to int
	}{"replaced": {"", 1400, 1530}, "added": {seal.Add, 1450, 1530}, "left": {seal.Remove, 1400, 1410}, "first": {"", 0, 1000}} {
		if what != "first" {
			loadCrowd(t, e, what, "", crowdRows(0, 1450))
		}
		files[what] = sealedChange(t, e, what, c.change, crowdRows(c.from, c.to))
		first[what] = send(what, what)
	}
	repeat := func(when string) {
		t.Helper()
		for what, was := range first {
			l := send(what, what)
			if l.Changed || changesOf(l.Added, l.Removed) != changesOf(was.Added, was.Removed) || l.Rows != was.Rows || l.Version != was.Version {
				t.Errorf("%s, %s: %+v, at first %+v", when, what, l, was)
			}
		}
	}
	repeat("at once")
	e = again(t, e)
	repeat("after a restart")
	if was := changesOf(first["replaced"].Added, first["replaced"].Removed); was != (wants{80, 1400}) {
		t.Errorf("replaced: %v", was)
	}
}

// TestFilesInOrder: of files that name the one before them none is left out or
// overtaken, and one that was kept back can't come after another took its place.
func TestFilesInOrder(t *testing.T) {
	e := openRoom(t)
	file := func(after string, c seal.Change, from, to int) (raw []byte, upload string) {
		t.Helper()
		data := crowdRows(from, to)
		f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{Change: c})
		if err != nil {
			t.Fatal(err)
		}
		h := f.Header()
		h.After = after
		raw, err = io.ReadAll(sealed(t, e, "e", "l", h, f.Rows()))
		if err != nil {
			t.Fatal(err)
		}
		head, err := seal.ReadHead(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return raw, fmt.Sprintf("%x", head.Address.Upload)
	}
	send := func(raw []byte, rows int64) {
		t.Helper()
		l, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(raw))
		if rows >= 0 {
			if err != nil || l.Rows != rows {
				t.Fatalf("%d rows, want %d: %v", l.Rows, rows, err)
			}
		} else if r := wantCode(t, "out of order", err, entrustment.CodeForbidden); r.Field != "after" || r.Mend == "" {
			t.Errorf("%v", r)
		}
	}
	first, one := file("", seal.Replace, 0, 50)
	add, two := file(one, seal.Add, 50, 60)
	remove, three := file(two, seal.Remove, 50, 55)
	early, _ := file("000000000000000000000000000000ff", seal.Add, 0, 9)
	send(add, -1) // there is no list yet
	send(first, 50)
	send(remove, -1) // the add is missing
	send(early, -1)
	send(add, 60)
	send(remove, 55)
	send(remove, 55) // sent twice
	// The carrier kept the next one back; the desk was not told of it, and sealed
	// another, which changes nothing.
	kept, _ := file(three, seal.Add, 50, 55)
	again, last := file(three, seal.Remove, 50, 55)
	send(again, 55)
	send(kept, -1)
	// Over a new version of the contract and a restart, and after any file of none.
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, strings.Replace(oracleContract, "until: 2036", "until: 2037", 1))); err != nil {
		t.Fatal(err)
	}
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if e, err = Open(t.Context(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	next, _ := file(last, seal.Add, 50, 51)
	other, _ := file("", seal.Add, 51, 52)
	late, _ := file(last, seal.Add, 53, 54)
	send(next, 56)
	send(other, 57)
	send(late, -1)
	// The same with files that name none: who was taken off is brought back.
	kept, _ = file("", seal.Add, 52, 54)
	again, _ = file("", seal.Remove, 50, 55)
	send(again, 55)
	send(kept, 57)
}

// TestSameListAgain: a list that comes back to its content is the same list, so
// its tables are paid for and drawn already.
func TestSameListAgain(t *testing.T) {
	e := openCrowd(t)
	spent := func() float64 {
		p, err := e.Price(t.Context(), question(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return p.Accounts[0].Spent
	}
	first, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	paid := spent()
	loadCrowd(t, e, "l", seal.Remove, crowdRows(0, 30))
	if p, err := e.Price(t.Context(), question(), 0); err != nil || p.Charged == 0 {
		t.Errorf("another list costs %v, %v", p.Charged, err)
	}
	loadCrowd(t, e, "l", seal.Add, crowdRows(0, 30))
	again, err := e.Report(t.Context(), question())
	if err != nil || !reflect.DeepEqual(again.Cells, first.Cells) || spent() != paid {
		t.Errorf("the same list: other numbers or %v more spent, %v", spent()-paid, err)
	}
}

// TestChangesRefused: what a change may not do leaves list and vault as they
// were, and says where and what to do.
func TestChangesRefused(t *testing.T) {
	e := openRoom(t)
	entrustVersions(t, e)
	row := func(n int, code ...uint8) seal.Row {
		return seal.Row{Identifiers: []seal.Identifier{{Hash: [32]byte{byte(n), byte(n >> 8)}}}, Codes: code}
	}
	if got, err := e.change(t, "l", seal.Add, []seal.Row{row(1, 0), row(2, 1)}); err != nil || got.Version != 1 || *got.Added != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	stands, files := *e.state.lists[listKey{"e", "l"}], len(segmentFiles(t, e))
	refused := func(what string, err error, code entrustment.Code, field string) {
		t.Helper()
		if r := wantCode(t, what, err, code); r.Field != field || r.Mend == "" {
			t.Errorf("%s: %v", what, r)
		}
		if now := *e.state.lists[listKey{"e", "l"}]; !reflect.DeepEqual(now, stands) || len(segmentFiles(t, e)) != files {
			t.Errorf("%s: something changed", what)
		}
	}
	_, err := e.change(t, "nosuch", seal.Remove, []seal.Row{row(1)})
	refused("a remove of no list", err, entrustment.CodeNotFound, "list")
	for what, columns := range map[string][]seal.Column{
		"none":   nil,
		"order":  {{Name: "tier", Domain: []string{"silver", "gold", "unknown"}}},
		"value":  {{Name: "tier", Domain: []string{"gold", "silver", "bronze", "unknown"}}},
		"values": {{Name: "tier", Domain: []string{"gold", "unknown"}}},
	} {
		h := seal.Header{Purpose: seal.List, Identifiers: versionIDs, Columns: columns, Change: seal.Add}
		_, err := e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: "l"}, h, func(yield func([]seal.Row, error) bool) {
			yield([]seal.Row{row(3, make([]uint8, len(columns))...)}, nil)
		})
		refused("columns: "+what, err, entrustment.CodeFile, "columns")
	}
	for _, c := range []seal.Change{seal.Replace, seal.Add, seal.Remove} {
		_, err := e.change(t, "l", c, nil)
		refused(fmt.Sprintf("no rows, %q", c), err, entrustment.CodeFile, "list")
	}
	half := func(yield func([]seal.Row, error) bool) {
		if yield([]seal.Row{row(1)}, nil) {
			yield(nil, &entrustment.Error{Code: entrustment.CodeFile, Field: "half", Mend: "send it again"})
		}
	}
	_, err = e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: "l"}, seal.Header{Purpose: seal.List, Identifiers: versionIDs, Change: seal.Remove}, half)
	refused("half a file", err, entrustment.CodeFile, "half")
}

// TestListRowsOverVersions: the contract's limit is of the list that comes of an
// add. A remove is not refused for how many others are left.
func TestListRowsOverVersions(t *testing.T) {
	e := openRoom(t)
	limit := func(n int64) {
		t.Helper()
		c := parse(t, entrustment.ParseContract, oracleContract)
		c.MaxListRows = n
		if _, err := e.Entrust(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	limit(10)
	load := func(c seal.Change, from, to int) (wire.ListLoaded, error) {
		return e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(sealedChange(t, e, "l", c, crowdRows(from, to))))
	}
	for _, c := range []struct {
		change   seal.Change
		from, to int
		rows     int64 // 0: over the limit
	}{{seal.Add, 0, 6, 6}, {seal.Add, 2, 10, 10}, {seal.Add, 9, 11, 0}, {seal.Add, 20, 31, 0}, {seal.Remove, 20, 31, 0}, {seal.Remove, 0, 1, 9}} {
		got, err := load(c.change, c.from, c.to)
		if c.rows == 0 {
			wantCode(t, fmt.Sprint(c), err, entrustment.CodeLimit)
		} else if err != nil || got.Rows != c.rows {
			t.Errorf("%v: %+v, %v", c, got, err)
		}
	}
	if n := len(segmentFiles(t, e)); n != 2 {
		t.Errorf("%d segments, want 2", n)
	}
	limit(5)
	if got, err := load(seal.Remove, 1, 3); err != nil || got.Rows != 7 {
		t.Errorf("a remove that leaves more than the limit: %+v, %v", got, err)
	}
	_, err := load(seal.Add, 1, 2)
	wantCode(t, "an add over the limit", err, entrustment.CodeLimit)
}

// TestEverybodyTakenAway: a list may come to be empty; questions then meet the
// floor, and it can be filled again.
func TestEverybodyTakenAway(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	if got := loadCrowd(t, e, "l", seal.Remove, crowdRows(0, 1600)); got.Rows != 0 || got.Tokens != 0 || *got.Removed != 1500 || !got.Changed {
		t.Fatalf("%+v", got)
	}
	_, err := e.Report(t.Context(), question())
	wantCode(t, "about an empty list", err, entrustment.CodeListSmall)
	if got := loadCrowd(t, e, "l", seal.Remove, crowdRows(0, 1)); got.Changed || got.Version != 2 {
		t.Errorf("taken away twice: %+v", got)
	}
	if got := loadCrowd(t, e, "l", seal.Add, crowdRows(0, 1200)); got.Rows != 1200 || got.Version != 3 {
		t.Errorf("%+v", got)
	}
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Error(err)
	}
}

// TestKindsOverVersions: what a list may hold is what its files said.
func TestKindsOverVersions(t *testing.T) {
	email := seal.Header{Change: seal.Add, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}}
	phone := seal.Header{Change: seal.Add, Identifiers: []seal.IdentifierColumn{{Kind: "phone"}, {Kind: "email"}}}
	first := &listRecord{Kinds: kindsOf(email, nil)}
	both := &listRecord{Kinds: kindsOf(phone, first)}
	email.Change = seal.Remove
	if got := kindsOf(email, both); !slices.Equal(both.Kinds, []string{"email", "phone"}) || !slices.Equal(got, both.Kinds) {
		t.Errorf("%v, then %v", both.Kinds, got)
	}
	email.Change = seal.Replace
	if got := kindsOf(email, both); !slices.Equal(got, []string{"email"}) {
		t.Errorf("replaced: %v", got)
	}
}

// TestRowsOfAnotherList: a version is not made of rows that are not those of the
// version before; a match reads none of them.
func TestRowsOfAnotherList(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	loadListFile(t, e, "m", crowdRows(0, 1400))
	l, m := e.state.lists[listKey{"e", "l"}], e.state.lists[listKey{"e", "m"}]
	add := func() error {
		_, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(sealedChange(t, e, "l", seal.Add, crowdRows(1500, 1501))))
		return err
	}
	own := l.RowSegment
	for what, ref := range map[string]vault.SegmentRef{"another list's": m.RowSegment, "no rows": l.Segment} {
		l.RowSegment = ref
		if err := add(); !errors.Is(err, vault.ErrSegment) {
			t.Errorf("%s: %v", what, err)
		}
	}
	l.RowSegment = own
	if err := os.Remove(filepath.Join(e.vault.Dir(), "segments", own.ID+".seg")); err != nil {
		t.Fatal(err)
	}
	if err := add(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	e.drop(l.ID) // not in memory, so it is opened again
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Errorf("a question: %v", err)
	}
	loadListFile(t, e, "l", crowdRows(0, 1300))
	if err := add(); err != nil {
		t.Errorf("after a list in its place: %v", err)
	}
}

// TestListRate: the fifty-first version within 30 days is refused, an equal one
// is none; gate.yaml may say another number.
func TestListRate(t *testing.T) {
	e := openRoom(t)
	users, rows := crowd(60)
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	for i := range 50 {
		loadListFile(t, e, "l", rowsCSV(rows[:i+1]))
		loadListFile(t, e, "l", rowsCSV(rows[:i+1]))
	}
	files := len(segmentFiles(t, e))
	load := func(c seal.Change, from, to int) error {
		_, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(sealedChange(t, e, "l", c, crowdRows(from, to))))
		return err
	}
	for _, c := range []seal.Change{seal.Replace, seal.Add, seal.Remove} {
		wantCode(t, fmt.Sprintf("one version too many, %q", c), load(c, 0, 60), entrustment.CodeRate)
	}
	if n := len(segmentFiles(t, e)); n != files {
		t.Errorf("%d files, %d before", n, files)
	}
	most := func(n int) {
		t.Helper()
		if _, err := e.SetGate(t.Context(), "gate.yaml", fmt.Appendf(nil, "schema: awase.gate/v1\nlist_versions: %d\n", n)); err != nil {
			t.Fatal(err)
		}
	}
	most(52)
	if err := errors.Join(load(seal.Remove, 0, 1), load(seal.Add, 0, 1)); err != nil {
		t.Errorf("two versions more: %v", err)
	}
	wantCode(t, "a third", load(seal.Remove, 0, 1), entrustment.CodeRate)
	most(20)
	if refused := wantCode(t, "over a lower limit", load(seal.Remove, 0, 1), entrustment.CodeRate); !strings.Contains(refused.Detail, "20 new list versions") {
		t.Errorf("refused as %v", refused)
	}
}

// TestManyParts: rows of several parts come back as the list that they are.
func TestManyParts(t *testing.T) {
	e := openRoom(t)
	entrustVersions(t, e)
	var rows []seal.Row
	for i := range 40_000 {
		hash := [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}
		rows = append(rows, seal.Row{Identifiers: []seal.Identifier{{Hash: hash}, {Column: 3, Hash: hash}}, Codes: []uint8{uint8(i % 3)}})
	}
	one := []seal.Row{{Identifiers: []seal.Identifier{{Class: 1}}, Codes: []uint8{0}}}
	var ids []hexID
	for i, c := range []seal.Change{seal.Replace, seal.Add, seal.Remove} {
		if i > 0 {
			rows = one
		}
		if i > 1 {
			one[0].Codes = nil
		}
		if _, err := e.change(t, "l", c, rows); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.state.lists[listKey{"e", "l"}].ID)
	}
	if ids[0] == ids[1] || ids[0] != ids[2] {
		t.Errorf("IDs %x", ids)
	}
	parts := 0
	err := e.vault.ReadColumns(e.state.lists[listKey{"e", "l"}].RowSegment, func(string, []byte) error { parts++; return nil })
	if err != nil || parts != 2 {
		t.Errorf("%d parts, %v", parts, err)
	}
}
