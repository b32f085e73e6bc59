package enclave

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// readAll asks all reads of the catalogue.
func readAll(t *testing.T, e wire.Enclave) {
	t.Helper()
	ctx := t.Context()
	for what, read := range map[string]func() error{
		"room":        func() error { _, err := e.Room(ctx); return err },
		"parties":     func() error { _, err := e.Parties(ctx); return err },
		"entrustment": func() error { _, err := e.Entrustment(ctx, "e"); return err },
		"policies":    func() error { _, err := e.Policies(ctx); return err },
		"lists":       func() error { _, err := e.Lists(ctx, "e"); return err },
		"event logs":  func() error { _, err := e.EventLogs(ctx, "e"); return err },
		"bases":       func() error { _, err := e.Bases(ctx); return err },
		"log":         func() error { _, err := e.Log(ctx, wire.LogRequest{Party: "acme"}); return err },
		"inclusion":   func() error { _, err := e.Inclusion(ctx, 0); return err },
		"checkpoint":  func() error { _, err := e.Checkpoint(ctx); return err },
	} {
		if err := read(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestCatalogue: what stands, with its versions, and the same after a restart.
func TestCatalogue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	e, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	ctx := t.Context()
	room, err := e.Room(ctx)
	if err != nil || room.Operator != "" || !room.Initialised || room.Officers || room.Frozen || room.Confinement != receipt.Unconfined {
		t.Errorf("an empty room: %+v, %v", room, err)
	}
	fill(t, e, "")
	loadCrowd(t, e, "l", seal.Add, crowdRows(1500, 1700))
	loadCrowd(t, e, "l", seal.Remove, crowdRows(0, 100))
	wide := parse(t, entrustment.ParseContract, oracleContract)
	wide.MaxListRows = 5000
	if _, err := e.Entrust(ctx, wide); err != nil {
		t.Fatal(err)
	}
	loadCrowd(t, e, "l", seal.Add, crowdRows(0, 1)) // under version 2
	clientLog := func(n byte) {
		yesterday := int32(entrustment.DateOf(time.Now()).Number() - 1)
		h := seal.Header{Purpose: seal.Events, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Events: []seal.EventType{{Kind: "page_view", Category: "spring"}}}
		rows := func(yield func([]seal.Row, error) bool) {
			row := seal.Row{Identifiers: []seal.Identifier{{}}, Event: &seal.Event{Day: yesterday}}
			row.Identifiers[0].Hash[0] = n
			yield([]seal.Row{row}, nil)
		}
		if _, err := e.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, sealed(t, e, "e", seal.EventsName, h, rows)); err != nil {
			t.Fatal(err)
		}
	}
	clientLog(1)
	wide.MaxListRows = 5001
	if _, err := e.Entrust(ctx, wide); err != nil {
		t.Fatal(err)
	}
	clientLog(2)
	clientLog(1) // there already: the file ran under version 3, what stands under 2
	next := parse(t, entrustment.ParseContract, oracleContract)
	next.ID, next.From, next.Until = "next", entrustment.Date{Year: 2090, Month: 1, Day: 1}, entrustment.Date{Year: 2090, Month: 12, Day: 31}
	over := parse(t, entrustment.ParseContract, oracleContract)
	over.ID = "over"
	for _, c := range []*entrustment.Contract{next, over} {
		if _, err := e.Entrust(ctx, c); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
	}
	if _, err := e.EndEntrustment(ctx, "over", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	for again := range 2 {
		for id, want := range map[string]string{"e": wire.StateActive, "next": wire.StateUpcoming, "over": wire.StateDestroyed} {
			got, err := e.Entrustment(ctx, id)
			if err != nil || got.State != want || got.Versions[0].Version != got.Version || got.Versions[0].Contract.ID != id {
				t.Errorf("%s: %+v, %v", id, got, err)
			}
		}
		if got, err := e.Entrustment(ctx, "e"); err != nil || got.Version != 3 || len(got.Versions) != 3 || got.Versions[1].Contract.MaxListRows != 5000 || got.Versions[2].Contract.MaxListRows == 5000 || got.Versions[0].Seq <= got.Versions[1].Seq {
			t.Errorf("%+v, %v", got, err)
		}
		ps, err := e.Parties(ctx)
		if err != nil || len(ps) != 2 || ps[0].Party.ID != "acme" || ps[1].Party.ID != "operator" || ps[1].Version != 1 || ps[0].Seq == ps[1].Seq {
			t.Errorf("%+v, %v", ps, err)
		}
		ls, err := e.Lists(ctx, "e")
		if err != nil || len(ls) != 1 || ls[0].Name != "l" || ls[0].Party != "acme" || len(ls[0].Versions) != 4 {
			t.Fatalf("%+v, %v", ls, err)
		}
		v := ls[0].Versions
		if v[0].Under != 2 || v[1].Under != 1 || v[3].Under != 1 {
			t.Errorf("versions of the contract: %+v", v)
		}
		v = v[1:]
		if v[0].Rows != 1600 || changesOf(v[0].Added, v[0].Removed) != (wants{0, 100}) || v[0].Change != seal.Remove || v[1].Change != seal.Add || v[2].Change != wire.ListReplaced || v[1].Rows != 1700 || changesOf(v[1].Added, v[1].Removed) != (wants{200, 0}) || v[2].Rows != 1500 || changesOf(v[2].Added, v[2].Removed) != (wants{1500, 0}) || v[0].Version != 3 {
			t.Errorf("versions %+v", v)
		}
		logs, err := e.EventLogs(ctx, "e")
		if err != nil || len(logs) != 2 || logs[0].Under != 2 || logs[1].Under != 3 {
			t.Errorf("%+v, %v", logs, err)
		}
		page, err := e.Log(ctx, wire.LogRequest{Party: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		under := ""
		for _, entry := range page.Entries {
			var of struct {
				Under int `json:"entrustment_version"`
			}
			if entry.Kind == kindList || entry.Kind == kindEvents || entry.Kind == kindUpload {
				if err := json.Unmarshal(entry.Detail, &of); err != nil {
					t.Fatal(err)
				}
				under += fmt.Sprint(entry.Kind, " ", of.Under, "; ")
			}
		}
		if want := "list 1; list 1; list 1; list 2; events 2; events 3; upload 3; "; under != want {
			t.Errorf("the log tells %q, want %q", under, want)
		}
		bs, err := e.Bases(ctx)
		if err != nil || len(bs) != 1 || bs[0].Users != 1500 || bs[0].Schema.UserKey == "" {
			t.Errorf("%+v, %v", bs, err)
		}
		if p, err := e.Policies(ctx); err != nil || len(p.Policies) != 2 {
			t.Errorf("%+v, %v", p, err)
		}
		room, err := e.Room(ctx)
		if now, perr := time.Parse(time.RFC3339, room.Now); err != nil || perr != nil || now.IsZero() || room.Operator != "operator" || room.Seq != int64(len(e.vault.Log().Records()))-1 {
			t.Errorf("%+v, %v", room, err)
		}
		for _, read := range []func() error{
			func() error { _, err := e.Entrustment(ctx, "nobody"); return err },
			func() error { _, err := e.Lists(ctx, "nobody"); return err },
			func() error { _, err := e.EventLogs(ctx, "nobody"); return err },
			func() error { _, err := e.Inclusion(ctx, room.Seq+1); return err },
		} {
			wantCode(t, "of nobody", read(), entrustment.CodeNotFound)
		}
		if again == 0 {
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if e, err = Open(ctx, dir, Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, later := range []struct{ year, state string }{{"2037", wire.StateExpired}, {"2056", wire.StateDestroyed}} {
		then, err := time.Parse("2006", later.year)
		if err != nil {
			t.Fatal(err)
		}
		if e, err = Open(ctx, dir, Options{Now: func() time.Time { return then.AddDate(0, 1, 0) }}); err != nil {
			t.Fatal(err)
		}
		if got, err := e.Entrustment(ctx, "e"); err != nil || got.State != later.state {
			t.Errorf("in %s: %+v, %v", later.year, got, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInclusion: what the log shows of an entry, the proof that it stands there and
// the checkpoint fit each other.
func TestInclusion(t *testing.T) {
	e := openCrowd(t)
	ctx := t.Context()
	page, err := e.Log(ctx, wire.LogRequest{})
	if err != nil || int(page.Size) != len(page.Entries) {
		t.Fatalf("%+v, %v", page, err)
	}
	key := e.vault.Signer().Public()
	checkpoint, err := e.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range page.Entries {
		raw, err := e.Inclusion(ctx, entry.Seq)
		if err != nil {
			t.Fatal(err)
		}
		p, size, err := receipt.VerifyInclusion(raw, key)
		if err != nil || p.Leaf != entry.Leaf || p.Index != entry.Seq || size != page.Size || p.Checkpoint != string(checkpoint) {
			t.Fatalf("entry %d: %+v, %v", entry.Seq, p, err)
		}
		// The proof tells nothing of what it proves.
		for _, word := range []string{"acme", entry.Kind + `"`, "salt"} {
			if bytes.Contains(raw, []byte(word)) {
				t.Errorf("entry %d: the proof holds %s", entry.Seq, word)
			}
		}
	}
	if _, _, err := e.vault.Signer().OpenCheckpoint(checkpoint); err != nil {
		t.Error(err)
	}
}

// TestLogPages: pages put together are the log as it is read at once, for each
// reader; and another reader of it.
func TestLogPages(t *testing.T) {
	e := openCrowd(t)
	ctx := t.Context()
	if _, err := e.Report(ctx, question()); err != nil {
		t.Fatal(err)
	}
	for party, shows := range map[string]string{"": "clock party party policies entrust gate base list charge table report", "acme": "party entrust list charge report", "operator": "party policies entrust gate base list charge report", "nobody": ""} {
		whole, err := e.Log(ctx, wire.LogRequest{Party: party})
		if err != nil || whole.Next != 0 {
			t.Fatalf("%+v, %v", whole, err)
		}
		var kinds []string
		for _, entry := range whole.Entries {
			kinds = append(kinds, entry.Kind)
		}
		if got := strings.Join(kinds, " "); got != shows {
			t.Errorf("%q reads %s, want %s", party, got, shows)
		}
		var seqs, want []int64
		for _, entry := range whole.Entries {
			want = append(want, entry.Seq)
		}
		for from, more := int64(0), true; more; {
			page, err := e.Log(ctx, wire.LogRequest{Party: party, From: from, Limit: 2})
			if err != nil || len(page.Entries) > 2 {
				t.Fatalf("%+v, %v", page, err)
			}
			for _, entry := range page.Entries {
				seqs = append(seqs, entry.Seq)
			}
			from, more = page.Next, page.Next != 0
		}
		if !slices.Equal(seqs, want) {
			t.Errorf("%q: pages give %v, want %v", party, seqs, want)
		}
	}
	// Its owner reads the size of a list, and nobody else.
	for party, rows := range map[string]bool{"acme": true, "operator": false, "": false} {
		page, err := e.Log(ctx, wire.LogRequest{Party: party})
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range page.Entries {
			if entry.Kind == kindList && strings.Contains(string(entry.Detail), "1500") != rows {
				t.Errorf("%q reads %s", party, entry.Detail)
			}
		}
	}
	for _, r := range []wire.LogRequest{{From: -1}, {Limit: -1}, {Limit: 501}} {
		_, err := e.Log(ctx, r)
		wantCode(t, "a page", err, entrustment.CodeLimit)
	}
}
