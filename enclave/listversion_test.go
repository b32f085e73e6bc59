package enclave

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// versionIDs are the identifier columns of these lists, tierColumn their column.
var (
	versionIDs = []seal.IdentifierColumn{{Kind: "email"}, {Kind: "cookie", Namespace: "site"}, {Kind: "cookie", Namespace: "other"}, {Kind: "phone"}}
	tierColumn = []seal.Column{{Name: "tier", Domain: []string{"gold", "silver", "unknown"}}}
)

const versionContract = "events: [page_view]\nlist_columns: [tier]"

// entrustVersions lets lists have a tier, and as many versions as a test takes.
func entrustVersions(t *testing.T, e *Enclave) {
	t.Helper()
	doc := strings.Replace(strings.Replace(oracleContract, "events: [spring, shop]", versionContract, 1), "reports: 365d", "reports: 365d, events: 90d", 1)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nlist_versions: 200\n")); err != nil {
		t.Fatal(err)
	}
}

// change loads rows past the sealing.
func (e *Enclave) change(t *testing.T, name string, c seal.Change, rows []seal.Row) (wire.ListLoaded, error) {
	t.Helper()
	h := seal.Header{Purpose: seal.List, Identifiers: versionIDs, Columns: tierColumn, Change: c}
	if c == seal.Remove {
		h.Columns = nil
	}
	return e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: name}, h, func(yield func([]seal.Row, error) bool) {
		for chunk := range slices.Chunk(rows, 7) {
			if !yield(chunk, nil) {
				return
			}
		}
	})
}

// anyVersionRows draws rows of few people, so that they often meet: the same
// hash may be of another column, namespace or class, and is then somebody else.
func anyVersionRows(t *rapid.T) (rows []seal.Row) {
	for range rapid.IntRange(1, 12).Draw(t, "rows") {
		row := seal.Row{Codes: []uint8{uint8(rapid.IntRange(0, 2).Draw(t, "code"))}}
		for range rapid.IntRange(1, 3).Draw(t, "identifiers") {
			row.Identifiers = append(row.Identifiers, seal.Identifier{Column: uint8(rapid.IntRange(0, 3).Draw(t, "column")),
				Class: uint8(rapid.IntRange(0, 1).Draw(t, "class")), Hash: [32]byte{uint8(rapid.IntRange(0, 5).Draw(t, "hash"))}})
		}
		rows = append(rows, row)
	}
	return rows
}

// oracleVersion is a list as a set of rows, each by what it holds.
type oracleVersion map[string][]string // row → its identifiers

func (v oracleVersion) apply(c seal.Change, rows []seal.Row) oracleVersion {
	next := oracleVersion{}
	if c != seal.Replace {
		maps.Copy(next, v)
	}
	for _, r := range rows {
		var ids []string
		for _, id := range r.Identifiers {
			ids = append(ids, fmt.Sprint(id))
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		if c != seal.Remove {
			next[fmt.Sprint(ids, r.Codes)] = ids
			continue
		}
		maps.DeleteFunc(next, func(_ string, have []string) bool {
			return slices.ContainsFunc(have, func(id string) bool { return slices.Contains(ids, id) })
		})
	}
	return next
}

func (v oracleVersion) String() string { return fmt.Sprint(slices.Sorted(maps.Keys(v))) }

func (v oracleVersion) identifiers() int {
	all := map[string]bool{}
	for _, ids := range v {
		for _, id := range ids {
			all[id] = true
		}
	}
	return len(all)
}

// beside counts the rows that another version does not have.
func (v oracleVersion) beside(other oracleVersion) (n int) {
	for row := range v {
		if _, ok := other[row]; !ok {
			n++
		}
	}
	return n
}

// wants are how many rows a version has beside the one before, and lacks of it; less
// than none: not known.
type wants struct{ added, removed int }

func changesOf(added, removed *int64) wants {
	if added == nil || removed == nil {
		return wants{-1, -1}
	}
	return wants{int(*added), int(*removed)}
}

// TestListVersions holds lists under random replaces, adds and removes to sets of
// rows: how many there are, of whom, how many came and went, after a restart too, and
// that content and ListID go together, however the content came about.
func TestListVersions(t *testing.T) {
	t.Parallel()
	e := openRoom(t)
	entrustVersions(t, e)
	ids, contents := map[string]hexID{}, map[hexID]string{}
	lists := 0
	came, parts := map[seal.Change]int{}, 0
	all := map[string][]wants{} // of the versions of each list, newest first
	// Each list has a version of every kind that changes it, and one that keeps a part of
	// the one whose place it takes, whatever is drawn: some rows are people whom no draw makes.
	person := func(n byte) seal.Row {
		return seal.Row{Codes: []uint8{0}, Identifiers: []seal.Identifier{{Hash: [32]byte{n}}}}
	}
	stays, leaves, comes := person(97), person(98), person(99)
	sure := []struct {
		change seal.Change
		with   []seal.Row
	}{{seal.Replace, []seal.Row{stays}}, {seal.Remove, []seal.Row{stays}}, {seal.Add, []seal.Row{stays, leaves}}, {seal.Replace, []seal.Row{stays, comes}}}
	rapid.Check(t, func(rt *rapid.T) {
		lists++
		name := fmt.Sprint("l", lists)
		clear(e.state.listTimes) // rapid makes more versions than a month has
		var stands oracleVersion
		for step := range len(sure) + rapid.IntRange(0, 6).Draw(rt, "steps") {
			c := rapid.SampledFrom([]seal.Change{seal.Replace, seal.Add, seal.Add, seal.Remove, seal.Remove}).Draw(rt, "change")
			rows := anyVersionRows(rt)
			if step < len(sure) {
				c, rows = sure[step].change, slices.Concat(rows, sure[step].with)
			}
			sent := append(slices.Clone(rows), rows[0]) // a row may be there twice
			if c == seal.Remove {
				for i := range sent {
					sent[i].Codes = nil
				}
			}
			got, err := e.change(t, name, c, sent)
			if c == seal.Remove && stands == nil {
				if entrustment.Public(err).Code != entrustment.CodeNotFound {
					rt.Fatalf("a remove of no list: %v", err)
				}
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			before := stands
			stands = stands.apply(c, rows)
			if got.Rows != int64(len(stands)) || got.Tokens != int64(stands.identifiers()) || got.Change != cmp.Or(c, wire.ListReplaced) {
				rt.Fatalf("%q gave %d rows and %d identifiers, want %d and %d", c, got.Rows, got.Tokens, len(stands), stands.identifiers())
			}
			if got.Changed != (before == nil || before.String() != stands.String()) {
				rt.Fatalf("changed: %v", got.Changed)
			}
			want := wants{stands.beside(before), before.beside(stands)}
			if now := changesOf(got.Added, got.Removed); now != want {
				rt.Fatalf("%q: %+v, want %+v", c, now, want)
			}
			if got.Changed {
				came[c]++
				all[name] = append([]wants{want}, all[name]...)
			}
			if c == seal.Replace && want.added > 0 && want.removed > 0 && want.added < len(stands) {
				parts++
			}
			id := e.state.lists[listKey{"e", name}].ID
			if was, ok := ids[stands.String()]; ok && was != id {
				rt.Fatal("one content has two IDs")
			}
			if was, ok := contents[id]; ok && was != stands.String() {
				rt.Fatal("two contents have one ID")
			}
			ids[stands.String()], contents[id] = id, stands.String()
		}
	})
	for _, c := range []seal.Change{seal.Replace, seal.Add, seal.Remove} {
		if came[c] < lists {
			t.Errorf("%d versions by %q of %d lists: the test proves little", came[c], c, lists)
		}
	}
	if parts < lists {
		t.Errorf("%d versions of %d lists kept a part of the one whose place they took: the test proves little", parts, lists)
	}
	for range 2 {
		got, err := e.Lists(t.Context(), "e")
		if err != nil || len(got) != len(all) {
			t.Fatalf("%d lists of %d, %v", len(got), len(all), err)
		}
		for _, l := range got {
			var of []wants
			for _, v := range l.Versions {
				of = append(of, changesOf(v.Added, v.Removed))
			}
			if !slices.Equal(of, all[l.Name]) {
				t.Fatalf("%s: %+v, want %+v", l.Name, of, all[l.Name])
			}
		}
		e = restarted(t, e)
	}
}

// crowdRows are rows of a crowd's people from to to, as raw addresses.
func crowdRows(from, to int) []byte {
	_, rows := crowd(to)
	return rowsCSV(rows[from:])
}

// loadCrowd loads a file of addresses, past the desk's report.
func loadCrowd(t *testing.T, e *Enclave, name string, c seal.Change, data []byte) wire.ListLoaded {
	t.Helper()
	loaded, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: name}, bytes.NewReader(sealedChange(t, e, name, c, data)))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func sealedChange(t *testing.T, e *Enclave, name string, c seal.Change, data []byte) []byte {
	t.Helper()
	f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{Change: c})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(sealed(t, e, "e", name, f.Header(), f.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// cells counts exactly, by the lists' newest versions.
func cells(t *testing.T, e *Enclave, list string, where *matcher.Where, dims ...matcher.Dim) []int64 {
	t.Helper()
	q := matcher.Query{Population: matcher.PopulationID(e.state.base.Population), Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v2"}, Enquiry: true}, Where: where, Dims: dims}
	if list != "" {
		q.List = *listID(e, list)
	}
	exact, err := e.engine.Cells(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return exact.Users
}

func listID(e *Enclave, name string) *matcher.ListID {
	id := matcher.ListID(e.state.lists[listKey{"e", name}].ID)
	return &id
}

// TestRemovedIsInNoMatch: who was taken off a list is in no match of it, nor met
// by a condition on it, whatever form the file named them in; who was added is.
func TestRemovedIsInNoMatch(t *testing.T) {
	e := openRoom(t)
	users, rows := crowd(300)
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	loadListFile(t, e, "l", rowsCSV(rows))
	loadListFile(t, e, "customers", rowsCSV(rows[:100]))
	want := func(what string, all, others int64) {
		t.Helper()
		on := &matcher.Where{List: listID(e, "customers")}
		if got := cells(t, e, "l", nil)[0]; got != all {
			t.Errorf("%s: %d match, want %d", what, got, all)
		}
		if got := cells(t, e, "l", &matcher.Where{Not: on})[0]; got != others {
			t.Errorf("%s: %d match who are no customers, want %d", what, got, others)
		}
		if got := cells(t, e, "", on)[0]; got != all-others {
			t.Errorf("%s: %d customers, want %d", what, got, all-others)
		}
	}
	want("at first", 300, 200)
	loadCrowd(t, e, "customers", seal.Add, crowdRows(90, 120))
	want("twenty more customers", 300, 180)
	loadCrowd(t, e, "customers", seal.Remove, []byte("email,phone,cookie,maid\n TARO.5@Example.jp ,,,\nｔａｒｏ.6@example.jp,,,\nnobody@example.jp,,,\n"))
	want("two customers less", 300, 182)
	loadCrowd(t, e, "l", seal.Remove, crowdRows(0, 10))
	loadCrowd(t, e, "customers", seal.Remove, crowdRows(0, 10))
	want("ten gone from both", 290, 180)
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	loadCrowd(t, e, "l", seal.Add, crowdRows(0, 3))
	loadCrowd(t, e, "customers", seal.Add, crowdRows(0, 1))
	base, err := e.openBase(e.state.base)
	if err != nil {
		t.Fatal(err)
	}
	e.engine.PutBase(matcher.PopulationID(e.state.base.Population), base)
	want("three back, one of them a customer", 293, 182)
}

// TestColumnsOverVersions: a column is a dimension of every version, and a value
// that changed is a remove and an add.
func TestColumnsOverVersions(t *testing.T) {
	e := openRoom(t)
	entrustVersions(t, e)
	users, _ := crowd(90)
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	h := seal.Header{Purpose: seal.List, Identifiers: versionIDs[:1], Columns: tierColumn}
	load := func(c seal.Change, from, to int, code uint8) wire.ListLoaded {
		t.Helper()
		data := crowdRows(from, to)
		f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{Change: c})
		if err != nil {
			t.Fatal(err)
		}
		h := h
		h.Change = c
		if c == seal.Remove {
			h.Columns = nil
		}
		got, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, sealed(t, e, "e", "l", h, func(yield func([]seal.Row, error) bool) {
			for batch, err := range f.Rows() {
				for i := range batch {
					if c != seal.Remove {
						batch[i].Codes = []uint8{code}
					}
				}
				if !yield(batch, err) {
					return
				}
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	tiers := func(what string, want ...int64) {
		t.Helper()
		got := cells(t, e, "l", nil, matcher.Dim{Source: matcher.ListColumn, Name: "tier", Size: 3})
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		gold := &matcher.Where{In: &matcher.InCodes{Source: matcher.ListColumn, Column: "tier", Codes: []uint8{0}}}
		if got := cells(t, e, "l", gold)[0]; got != want[0] {
			t.Errorf("%s: %d gold, want %d", what, got, want[0])
		}
	}
	load(seal.Replace, 0, 40, 1)
	tiers("at first", 0, 40, 0)
	load(seal.Add, 40, 60, 0)
	tiers("added", 20, 40, 0)
	load(seal.Remove, 30, 50, 0)
	tiers("removed", 10, 30, 0)
	load(seal.Remove, 0, 5, 0)
	load(seal.Add, 0, 5, 2)
	tiers("five others", 10, 25, 5)
	// Both values of a person stand, where nobody took the first away.
	if got := load(seal.Add, 0, 5, 0); *got.Added != 5 || got.Rows != 45 || got.Tokens != 40 {
		t.Errorf("%+v", got)
	}
	if got := load(seal.Remove, 0, 5, 0); *got.Removed != 10 || got.Version != 7 {
		t.Errorf("%+v", got)
	}
	tiers("both taken away", 10, 25, 0)
}
