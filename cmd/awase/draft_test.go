package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestShownDraft: nothing that comes with a draft can show as lines of its own, or
// move the cursor: whoever hands drafts to an officer is not believed.
func TestShownDraft(t *testing.T) {
	const bad = "x\n  + k: 80\n\x1b[8m\u202e"
	doc := json.RawMessage(`{"document":"schema: awase.gate/v1\nk: 20\n"}`)
	d := wire.Draft{Hash: "h", Statement: approval.Statement{Vault: bad, Act: bad, ID: bad, Version: 2, Expires: bad}, Document: doc,
		Parties: []string{bad}, Needs: []string{bad, bad}, Signed: []wire.Signed{{Party: bad, Officer: bad, At: bad}}, State: bad, Reviews: []wire.Review{{Party: bad, By: bad, At: bad}}}
	shown := shownDraft(&d)
	if strings.ContainsAny(shown, "\x1b\u202e") || strings.Contains(shown, "\n  + k: 80") {
		t.Errorf("%q", shown)
	}
	if !strings.HasSuffix(shown, "  + schema: awase.gate/v1\n  + k: 20\n") || strings.Count(shown, "\n") != 8 {
		t.Errorf("%q", shown)
	}
	raw, err := json.Marshal(entrustment.Contract{ID: "e", Attributes: []string{bad}, Retention: entrustment.Retention{Lists: 1, Reports: 1}})
	if err != nil {
		t.Fatal(err)
	}
	d.Statement.Act, d.Document = "entrust", raw
	if shown := shownDraft(&d); strings.ContainsAny(shown, "\x1b\u202e") || strings.Contains(shown, "\n  + k: 80") || !strings.Contains(shown, "attributes that may be read") {
		t.Errorf("%q", shown)
	}
	disclosure := wire.Draft{Hash: "h", Statement: approval.Statement{Act: "disclosure", ID: "7", Version: 1}, Document: json.RawMessage(`{"number":7,"kind":"disclosure","commitment":"ab","desk":"1aef-cb95"}`), Parties: []string{"operator"}}
	if shown := shownDraft(&disclosure); !strings.Contains(shown, "disclosure to a data subject, of request 7, version 1") || !strings.Contains(shown, "  + desk: 1aef-cb95\n") || !strings.Contains(shown, "two officers of operator") {
		t.Errorf("%q", shown)
	}
}

// TestShowDrafts: a draft that was changed on its way keeps nobody from the others;
// it is named, not shown, and the command fails.
func TestShowDrafts(t *testing.T) {
	made := func(id string) wire.Draft {
		d := wire.Draft{Document: json.RawMessage(`{"id":"` + id + `"}`), Parties: []string{"operator"}, Needs: []string{"operator"}}
		d.Statement = approval.Statement{Schema: approval.Schema, Vault: strings.Repeat("0", 32), Act: "party", ID: id, Version: 1, Document: hashOf(d.Document),
			Nonce: strings.Repeat("0", 32), Expires: "2036-03-31T00:00:00Z"}
		message, err := d.Statement.Message()
		if err != nil {
			t.Fatal(err)
		}
		d.Hash = approval.Hash(message)
		return d
	}
	ds := []wire.Draft{made("one"), made("two"), made("three")}
	ds[1].Document = json.RawMessage(`{"id":"other"}`)
	var out bytes.Buffer
	err := showDrafts(&out, ds)
	if err == nil || !strings.Contains(err.Error(), ds[1].Hash) || strings.Contains(err.Error(), ds[0].Hash) {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]bool{"party one, version 1": true, "party three, version 1": true, "+ id: one": true, "+ id: three": true,
		"not shown: draft " + ds[1].Hash + "\n": true, "party two": false, "id: other": false} {
		if strings.Contains(out.String(), text) != want {
			t.Errorf("%q is shown: %t\n%s", text, !want, out.String())
		}
	}
	out.Reset()
	if err := showDrafts(&out, append(ds[:1:1], ds[2])); err != nil || strings.Contains(out.String(), "not shown") {
		t.Errorf("whole ones: %v\n%s", err, out.String())
	}
}
