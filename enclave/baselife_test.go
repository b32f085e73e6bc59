package enclave

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// TestBaseOverRefreshes: consent that was given, withdrawn or limited counts from
// the refresh on that says so, under another PopulationID; the same content has
// the same one again, over a restart too.
func TestBaseOverRefreshes(t *testing.T) {
	e := openRoom(t)
	users, rows := crowd(100)
	refresh := func(matched int64) hexID {
		t.Helper()
		loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(7, 7)), users))
		if len(e.state.lists) == 0 {
			loadListFile(t, e, "l", rowsCSV(rows))
		}
		if got := cells(t, e, "l", nil)[0]; got != matched {
			t.Errorf("base version %d: %d match, want %d", e.state.base.Version, got, matched)
		}
		return e.state.base.Population
	}
	first := refresh(100)
	seen := map[hexID]string{first: "at first"}
	step := func(what string, matched int64, change func()) {
		t.Helper()
		change()
		pop := refresh(matched)
		if was, ok := seen[pop]; ok {
			t.Errorf("%s: the population is that %s", what, was)
		}
		seen[pop] = what
	}
	step("consent withdrawn", 98, func() { users[3].version, users[4].version = "", "v1" })
	step("limited to a service", 97, func() { users[5].service = "jobs" })
	e = restarted(t, e)
	if err := e.fetchList(e.state.lists[listKey{"e", "l"}]); err != nil {
		t.Fatal(err)
	}
	step("one who left, one who agreed", 97, func() { users[6].absent, users[4].version = true, "v2" })
	users[3].version, users[5].service, users[6].absent = "v2", "", false
	if refresh(100) != first {
		t.Error("the content of the first version has another name")
	}
	if e.state.base.Version != 5 {
		t.Errorf("version %d", e.state.base.Version)
	}
}

// TestLossyProfilesKeepToThemselves: a rule that makes two people's addresses one
// has an index of its own: what is shared there matches nobody, and blocks nobody
// among those who are found by other rules.
func TestLossyProfilesKeepToThemselves(t *testing.T) {
	e := openRoom(t)
	var users []oracleUser
	for _, local := range []string{"a_b", "ab", "c_d"} { // the first two are one by the rule
		users = append(users, oracleUser{verified: true, version: "v2", gender: "f", ids: []clean{{"email", local, "example.jp"}}})
	}
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	norm, err := identifier.New("JP")
	if err != nil {
		t.Fatal(err)
	}
	find := func(profile string, declared bool, addresses ...string) int64 {
		t.Helper()
		p, err := identifier.ParseProfile(profile)
		if err != nil {
			t.Fatal(err)
		}
		data := "email\n"
		for _, a := range addresses {
			text, _, err := norm.Normalise(p, identifier.Email, []byte(a))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(text)
			data += hex.EncodeToString(sum[:]) + "\n"
		}
		doc := "schema: awase.list/v1\ncolumns:\n  - {column: email, kind: email"
		if declared {
			doc += ", profile: " + profile
		}
		f, err := intake.OpenList(t.Context(), bytes.NewReader([]byte(data)), int64(len(data)), parse(t, entrustment.ParseListSchema, doc+"}\n"), intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, sealed(t, e, "e", "l", f.Header(), f.Rows())); err != nil {
			t.Fatal(err)
		}
		return cells(t, e, "l", nil)[0]
	}
	for _, c := range []struct {
		profile   string
		declared  bool
		addresses []string
		want      int64
	}{
		{"google", false, []string{"a_b@example.jp", "ab@example.jp"}, 2},
		{"amc", true, []string{"c_d@example.jp"}, 1},
		{"amc", true, []string{"a_b@example.jp", "ab@example.jp"}, 0},
		{"amc", false, []string{"c_d@example.jp"}, 0},
		{"amc", false, []string{"ab@example.jp"}, 1}, // as others hash the address that it is
	} {
		if got := find(c.profile, c.declared, c.addresses...); got != c.want {
			t.Errorf("%+v: %d match", c, got)
		}
	}
}

// TestSegmentsAreOpenedOnce: what a question needed is in memory for the next,
// which reads no file.
func TestSegmentsAreOpenedOnce(t *testing.T) {
	e := openCrowd(t)
	e = restarted(t, e)
	ask := func(sigma int) error {
		_, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma = sigma }))
		return err
	}
	if len(e.loaded) != 0 {
		t.Errorf("%d are opened before anybody asks", len(e.loaded))
	}
	if err := ask(20); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{e.state.base.Segment.ID, e.state.lists[listKey{"e", "l"}].Segment.ID} {
		if err := os.Remove(filepath.Join(e.vault.Dir(), "segments", id+".seg")); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(50); err != nil {
		t.Errorf("the next question: %v", err)
	}
	e.drop(e.state.base.Population)
	if err := ask(10); err == nil {
		t.Error("a base that is nowhere is read: the test shows nothing")
	}
}

// TestBasesInOrder: a base that names the one before it comes after that one
// alone, so one that was kept back can't bring back whose consent was withdrawn;
// without the control it does.
func TestBasesInOrder(t *testing.T) {
	e := openRoom(t)
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	file := func(after string, n, withdrawn int) (raw []byte, upload string) {
		t.Helper()
		users, _ := crowd(n)
		for i := range withdrawn {
			users[i].version = ""
		}
		data := usersCSV(rand.New(rand.NewPCG(5, 5)), users)
		f, err := intake.OpenBase(t.Context(), bytes.NewReader(data), int64(len(data)), schema, intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h := f.Header()
		h.After = after
		raw, err = io.ReadAll(sealed(t, e, seal.BaseEntrustment, seal.BaseName, h, f.Rows()))
		if err != nil {
			t.Fatal(err)
		}
		head, err := seal.ReadHead(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return raw, hex.EncodeToString(head.Address.Upload[:])
	}
	_, rows := crowd(200)
	load := func(raw []byte) (wire.BaseLoaded, error) {
		return e.LoadBase(t.Context(), schema, bytes.NewReader(raw))
	}
	send := func(raw []byte, changed bool, matched int64) {
		t.Helper()
		if l, err := load(raw); err != nil || l.Changed != changed {
			t.Fatalf("%+v, %v", l, err)
		}
		if len(e.state.lists) == 0 {
			loadListFile(t, e, "l", rowsCSV(rows))
		}
		if got := cells(t, e, "l", nil)[0]; got != matched {
			t.Errorf("%d match, want %d", got, matched)
		}
	}
	refused := func(what string, raw []byte) {
		t.Helper()
		_, err := load(raw)
		if r := wantCode(t, what, err, entrustment.CodeForbidden); r.Field != "after" || r.Mend == "" {
			t.Errorf("%s: %v", what, r)
		}
	}
	first, one := file("", 200, 0)
	kept, _ := file(one, 190, 0)
	withdrawn, two := file(one, 190, 50)
	same, three := file(two, 190, 50)
	next, _ := file(three, 200, 60)
	refused("before any base", withdrawn)
	send(first, true, 200)
	refused("one is missing", next)
	send(withdrawn, true, 140)
	send(withdrawn, false, 140) // sent twice
	refused("kept back", kept)
	send(same, false, 140)
	refused("kept back", kept)
	send(next, true, 140)

	// The mutant: the room believes what the file says it follows.
	var named uploadID
	if err := named.UnmarshalText([]byte(one)); err != nil {
		t.Fatal(err)
	}
	e.state.newest[kindBase] = named
	send(kept, true, 190)
}
