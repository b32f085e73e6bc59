package enclave

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// TestLoadIsWholeOrNothing: a file that fails in the middle leaves list, base
// and vault as they were.
func TestLoadIsWholeOrNothing(t *testing.T) {
	e := openCrowd(t)
	before := len(e.vault.Log().Records())
	files := len(segmentFiles(t, e))
	damaged := &entrustment.Error{Code: entrustment.CodeFile, Field: "list.csv row 2", Detail: "damaged", Mend: "export it again"}
	h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}}
	half := func(yield func([]seal.Row, error) bool) {
		if yield([]seal.Row{{Identifiers: []seal.Identifier{{}}}}, nil) {
			yield(nil, damaged)
		}
	}
	if _, err := e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: "l"}, h, half); !errors.Is(err, damaged) {
		t.Errorf("a damaged list: %v", err)
	}
	bh := seal.Header{Purpose: seal.Base, Identifiers: h.Identifiers}
	if _, err := e.baseRowsIn(t, bh, half); err == nil {
		t.Error("a damaged base was loaded")
	}
	twice := func(yield func([]seal.Row, error) bool) {
		row := seal.Row{Person: &seal.Person{Key: []byte("k")}}
		yield([]seal.Row{row, row}, nil)
	}
	_, err := e.baseRowsIn(t, bh, twice)
	wantCode(t, "a user key twice", err, entrustment.CodeFile)
	if n := len(segmentFiles(t, e)); n != files {
		t.Errorf("%d segments, want %d", n, files)
	}
	for _, r := range e.vault.Log().Records()[before:] {
		if r.Kind != kindRefusal {
			t.Errorf("a %s entry was written", r.Kind)
		}
	}
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Errorf("the list that stood before: %v", err)
	}
}

func segmentFiles(t *testing.T, e *Enclave) []os.DirEntry {
	t.Helper()
	names, err := os.ReadDir(filepath.Join(e.vault.Dir(), "segments"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// past gives rows as batches, past the sealing.
func past(rows seal.Rows) batches {
	return func(yield func(batch, error) bool) {
		for r, err := range rows {
			if !yield(bare(r), err) {
				return
			}
		}
	}
}

type bare []seal.Row

func (b bare) Rows(*seal.Memory) []seal.Row { return b }

// rowsIn and baseRowsIn load rows past the sealing, which refuses some of them
// itself.
func (e *Enclave) rowsIn(t *testing.T, req wire.ListRequest, h seal.Header, rows seal.Rows) (wire.ListLoaded, error) {
	t.Helper()
	return load(t.Context(), e, "list", req.Entrustment, func() (wire.ListLoaded, error) {
		terms, err := e.Terms(t.Context(), req.Entrustment)
		if err != nil {
			return wire.ListLoaded{}, err
		}
		return e.loadList(t.Context(), req, &opened{header: h, rows: past(rows), upload: uploadID(seal.NewUpload()), terms: terms})
	})
}

func (e *Enclave) baseRowsIn(t *testing.T, h seal.Header, rows seal.Rows) (wire.BaseLoaded, error) {
	t.Helper()
	return load(t.Context(), e, "base", "", func() (wire.BaseLoaded, error) {
		return e.loadBase(t.Context(), parse(t, entrustment.ParseBaseSchema, oracleBase), &opened{header: h, rows: past(rows), upload: uploadID(seal.NewUpload())})
	})
}

// TestSealedFiles: a sealed file opens where it was sealed to and nowhere else,
// and is not loaded a second time after another version.
func TestSealedFiles(t *testing.T) {
	e := openCrowd(t)
	_, rows := crowd(1200)
	data := rowsCSV(rows)
	f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := sealed(t, e, "e", "l", f.Header(), f.Rows())
	raw, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	load := func(name string, b []byte) (wire.ListLoaded, error) {
		return e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: name}, bytes.NewReader(b))
	}
	_, err = load("m", raw)
	wantCode(t, "under another name", err, entrustment.CodeFile)
	_, err = load("l", raw[:len(raw)-1])
	wantCode(t, "cut short", err, entrustment.CodeFile)
	first, err := load("l", raw)
	if err != nil || first.Version != 2 || !first.Changed {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := load("l", raw); err != nil || again.Changed || again.Rows != first.Rows {
		t.Errorf("the same file again: %+v, %v", again, err)
	}
	_, rows = crowd(1300)
	loadListFile(t, e, "l", rowsCSV(rows))
	_, err = load("l", raw)
	wantCode(t, "an old file brought back", err, entrustment.CodeForbidden)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, strings.Replace(oracleContract, "until: 2036", "until: 2037", 1))); err != nil {
		t.Fatal(err)
	}
	_, err = load("l", raw)
	wantCode(t, "under the next version of the entrustment", err, entrustment.CodeFile)
	// base.yaml and the sealed base speak of the same attributes.
	h := seal.Header{Purpose: seal.Base, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Columns: []seal.Column{{Name: "gender", Domain: []string{"f", "unknown"}}}}
	none := func(func([]seal.Row, error) bool) {}
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	if h.Document, err = schema.Digest(); err != nil {
		t.Fatal(err)
	}
	_, err = e.LoadBase(t.Context(), schema, sealed(t, e, seal.BaseEntrustment, seal.BaseName, h, none))
	wantCode(t, "a base with another domain", err, entrustment.CodeFile)
}

// TestRowsThatDontFit: rows that contradict their header are an error, not a
// panic, not a count.
func TestRowsThatDontFit(t *testing.T) {
	e := openCrowd(t)
	rows := func(r seal.Row) seal.Rows {
		return func(yield func([]seal.Row, error) bool) { yield([]seal.Row{r}, nil) }
	}
	email := []seal.IdentifierColumn{{Kind: "email"}}
	many := seal.Row{Identifiers: make([]seal.Identifier, maxHashes+1)}
	for name, c := range map[string]struct {
		h seal.Header
		r seal.Row
	}{
		"column out of range": {seal.Header{Purpose: seal.List, Identifiers: email}, seal.Row{Identifiers: []seal.Identifier{{Column: 1}}}},
		"code too many":       {seal.Header{Purpose: seal.List, Identifiers: email}, seal.Row{Identifiers: []seal.Identifier{{}}, Codes: []uint8{0}}},
		"no such class":       {seal.Header{Purpose: seal.List, Identifiers: email}, seal.Row{Identifiers: []seal.Identifier{{Class: 3}}}},
		"too many hashes":     {seal.Header{Purpose: seal.List, Identifiers: email}, many},
		"another purpose":     {seal.Header{Purpose: seal.Base, Identifiers: email}, seal.Row{Identifiers: []seal.Identifier{{}}}},
	} {
		if _, err := e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: "x"}, c.h, rows(c.r)); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	if _, err := e.baseRowsIn(t, seal.Header{Purpose: seal.Base, Identifiers: email}, rows(seal.Row{})); err == nil {
		t.Error("a base row without a person was loaded")
	}
}

// TestReloadKeepsAmbiguity is rule 3 through the vault: a token that two users
// once held stays blocked when one of them is gone, also after a restart.
func TestReloadKeepsAmbiguity(t *testing.T) {
	e := openRoom(t)
	shared := clean{"email", "family", "example.jp"}
	users := []oracleUser{
		{ids: []clean{shared}, verified: true, version: "v2", gender: "f"},
		{ids: []clean{shared}, verified: true, version: "v2", gender: "m"},
	}
	r := rand.New(rand.NewPCG(1, 1))
	loadBaseFile(t, e, usersCSV(r, users))
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	loadBaseFile(t, e, usersCSV(r, users[:1]))
	loadListFile(t, e, "l", rowsCSV([]oracleRow{{cells: map[string]string{"email": "family@example.jp"}}}))
	exact, err := e.engine.Cells(t.Context(), matcher.Query{Population: matcher.PopulationID(e.state.base.Population),
		Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v2"}}, List: matcher.ListID(e.state.lists[listKey{"e", "l"}].ID)})
	if err != nil || exact.Users[0] != 0 {
		t.Errorf("%d users matched by a token that was ambiguous, %v; want 0", exact.Users[0], err)
	}
}

// TestDamagedVault: a segment or stored release that was exchanged is an
// internal error, never a wrong answer.
func TestDamagedVault(t *testing.T) {
	e := openCrowd(t)
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Fatal(err)
	}
	dir := e.vault.Dir()
	for _, f := range segmentFiles(t, e) {
		path := filepath.Join(dir, "segments", f.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Report(t.Context(), question()); !errors.Is(err, vault.ErrSegment) {
		t.Errorf("a damaged release: %v", err)
	}
	e.Close()
	e, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma = 20 })); !errors.Is(err, vault.ErrSegment) {
		t.Errorf("a damaged base: %v", err)
	}
}
