package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"awase/api"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// What awase entrustments ID prints is the contract of the newest version, whole: it
// reads as what the room has.
func TestEntrustmentIsPrintedWhole(t *testing.T) {
	room := apitest.Start(t)
	room.Furnish()
	t.Setenv(serverEnv, room.URL)
	t.Setenv(tokenEnv, room.Token(apitest.Person(apitest.Acme, api.Viewer)))
	code, out, errOut := command(t, "entrustments", apitest.Entrustment)
	if code != 0 {
		t.Fatalf("status %d\n%s%s", code, out, errOut)
	}
	has(t, out, "# spring: active; version 1 of ")
	got, err := entrustment.ParseContract("contract.yaml", []byte(out))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	in, err := room.Enclave.Entrustment(t.Context(), apitest.Entrustment)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, in.Versions[0].Contract) {
		t.Errorf("it prints\n%+v\nand the room has\n%+v", got, in.Versions[0].Contract)
	}
}

// TestTablesTellThingsApart: a line of awase entrustments says what the entrustment is,
// one of awase lists when the list expires, and of two reports that expire awase
// retention gives the entry of each.
func TestTablesTellThingsApart(t *testing.T) {
	t.Parallel()
	day := func(d int) entrustment.Date { return entrustment.Date{Year: 2026, Month: 4, Day: d} }
	c := &entrustment.Contract{Flow: entrustment.FlowAnalysis5, Principal: "acme", Trustee: "operator", From: day(1), Until: day(30)}
	entrustments := []wire.EntrustmentInfo{{ID: "e", State: "active", Version: 2, EndsAt: "2027-04-30T15:00:00Z", Versions: []wire.EntrustmentVersion{{Version: 2, Contract: c}, {Version: 1, Contract: &entrustment.Contract{Principal: "former"}}}}}
	lists := []wire.ListInfo{{Name: "haru", Party: "acme", ExpiresAt: "2026-06-30T15:00:00Z", Versions: []wire.ListVersion{{Version: 2, Rows: 20}, {Version: 1, Rows: 10}}}}
	expiries := []wire.Expiry{{What: "report", Party: "acme", Seq: 71, Since: "2026-04-02T00:00:00Z"}, {What: "report", Party: "acme", Seq: 72, Since: "2026-04-02T00:00:00Z"}}
	show := func(v any, columns []string) string {
		var out bytes.Buffer
		if err := showTable(&out, v, columns); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	said := show(entrustments, entrustmentColumns)
	has(t, said, "5-analysis", "acme", "operator", "2026-04-01", "2026-04-30", "active", "1 May 2027")
	if strings.ContainsAny(said, "{[…") || strings.Contains(said, "former") {
		t.Errorf("entrustments:\n%s", said)
	}
	said = show(lists, listColumns)
	has(t, said, "expires_at")
	if strings.Count(said, "1 Jul 2026") != 1 {
		t.Errorf("lists:\n%s", said)
	}
	has(t, show(expiries, retentionColumns), "log_entry", "71", "72", "2 Apr 2026")
}

// TestAttributesThatNoBaseHas: a contract that names an attribute which the base has not
// is taken, and who drafts it for the operator is told which and what was meant.
func TestAttributesThatNoBaseHas(t *testing.T) {
	room := apitest.Start(t)
	room.Furnish()
	t.Setenv(serverEnv, room.URL)
	t.Setenv(tokenEnv, room.Token(apitest.Person(apitest.Operator, api.Admin, api.Privacy)))
	_, yaml, _ := command(t, "entrustments", apitest.Entrustment)
	file := filepath.Join(t.TempDir(), "contract.yaml")
	put := func(attributes string) string {
		t.Helper()
		doc := regexp.MustCompile(`(?s)\nattributes:\n(- [^\n]*\n)+`).ReplaceAllString(yaml, "\nattributes: "+attributes+"\n")
		if doc == yaml {
			t.Fatalf("no attributes in\n%s", yaml)
		}
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errOut := command(t, "entrust", file)
		if code != 0 {
			t.Fatalf("status %d\n%s%s", code, out, errOut)
		}
		return errOut
	}
	has(t, put("[gendr, area]"), `no attribute "gendr" (attributes[0])`, "did you mean gender?")
	if said := put("[gender]"); strings.Contains(said, "attribute") {
		t.Errorf("of attributes that the base has: %s", said)
	}
}

// TestListSaysWhatItChanges: of a version that took another's place it is said what came
// and went, unless nobody can know, or there was nobody.
func TestListSaysWhatItChanges(t *testing.T) {
	t.Parallel()
	n := func(n int64) *int64 { return &n }
	load := func(c seal.Change, changed bool, added, removed *int64) wire.ListLoaded {
		return wire.ListLoaded{Ack: wire.Ack{Changed: changed}, Change: c, Rows: 100, Added: added, Removed: removed}
	}
	for _, c := range []struct {
		loaded wire.ListLoaded
		want   string
	}{
		{load(wire.ListReplaced, true, n(30), n(20)), "loaded: 30 rows added, 20 rows taken away, "},
		{load(wire.ListReplaced, true, n(100), n(1)), "loaded: 100 rows added, 1 row taken away, "},
		{load(wire.ListReplaced, true, n(1), n(0)), "loaded: 1 row added, 0 rows taken away, "},
		{load(wire.ListReplaced, true, n(0), n(0)), "loaded: 0 rows added, 0 rows taken away, "}, // under an amended contract
		{load(wire.ListReplaced, true, n(100), n(0)), "loaded: "},                                // the first
		{load(wire.ListReplaced, true, nil, nil), "loaded: "},
		{load(wire.ListReplaced, false, n(0), n(0)), "already there: "},
		{load(seal.Add, true, n(30), n(0)), "loaded: 30 rows added, "},
		{load(seal.Add, false, n(0), n(0)), "already there: 0 rows added, "},
		{load(seal.Remove, true, n(0), n(20)), "loaded: 20 rows taken away, "},
	} {
		if got := listChange(c.loaded); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
