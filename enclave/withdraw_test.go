package enclave

import (
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestWithdrawnDraft: one that was taken back takes no signature and gives its place
// back, here and after a restart; drafted again it is another, signed by nobody.
func TestWithdrawnDraft(t *testing.T) {
	r := newSignedRoom(t)
	d := r.gateDoc(t, "k: 70\n")
	if d.State != wire.DraftNew {
		t.Errorf("drafted: %s", d.State)
	}
	if _, err := r.approve(t, d, "op1"); err != nil {
		t.Fatal(err)
	}
	if ds, err := r.Drafts(t.Context()); err != nil || ds[0].State != wire.DraftApproved {
		t.Errorf("signed: %+v, %v", ds, err)
	}
	if ack, err := r.Withdraw(t.Context(), d.Hash); err != nil || !ack.Changed {
		t.Fatalf("%+v, %v", ack, err)
	}
	for range 2 {
		_, err := r.approve(t, d, "op2")
		wantCode(t, "signed after it was taken back", err, entrustment.CodeNotFound)
		_, err = r.Withdraw(t.Context(), d.Hash)
		wantCode(t, "taken back twice", err, entrustment.CodeNotFound)
		if ds, err := r.Drafts(t.Context()); err != nil || len(ds) != 0 {
			t.Errorf("%d drafts, %v", len(ds), err)
		}
		page, err := r.Log(t.Context(), wire.LogRequest{Party: "operator"})
		if err != nil || len(r.journal.now.drafts) != 0 || page.Entries[len(page.Entries)-1].Kind != kindWithdraw {
			t.Errorf("%d drafts in the journal, %d entries, %v", len(r.journal.now.drafts), len(page.Entries), err)
		}
		r.reopen(t)
	}
	again := r.gateDoc(t, "k: 70\n")
	if again.Hash == d.Hash || len(again.Signed) != 0 {
		t.Errorf("drafted again: %+v", again)
	}
	if r.must(t, again, "op1", "op2"); r.gate.Policy().K != 70 {
		t.Errorf("k is %d", r.gate.Policy().K)
	}
	_, err := r.Withdraw(t.Context(), again.Hash)
	wantCode(t, "what is in force", err, entrustment.CodeNotFound)
}
