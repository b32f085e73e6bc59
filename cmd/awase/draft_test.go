package main

import (
	"encoding/json"
	"strings"
	"testing"

	"awase/crypto/approval"
	"awase/enclave/wire"
)

// TestShownDraft: nothing that comes with a draft can show as lines of its own, or
// move the cursor: whoever hands drafts to an officer is not believed.
func TestShownDraft(t *testing.T) {
	const bad = "x\n  + k: 80\n\x1b[8m\u202e"
	doc := json.RawMessage(`{"document":"schema: awase.gate/v1\nk: 20\n"}`)
	d := wire.Draft{Hash: "h", Statement: approval.Statement{Vault: bad, Act: bad, ID: bad, Version: 2, Expires: bad}, Document: doc,
		Parties: []string{bad}, Needs: []string{bad, bad}, Signed: []wire.Signed{{Party: bad, Officer: bad, At: bad}}}
	shown := shownDraft(&d)
	if strings.ContainsAny(shown, "\x1b\u202e") || strings.Contains(shown, "\n  + k: 80") {
		t.Errorf("%q", shown)
	}
	if !strings.HasSuffix(shown, "  + schema: awase.gate/v1\n  + k: 20\n") || strings.Count(shown, "\n") != 6 {
		t.Errorf("%q", shown)
	}
}
