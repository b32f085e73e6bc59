package enclave

import (
	"fmt"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestLapsedDrafts: drafts that lapsed, signed or not, leave memory with the next
// draft, in the process that knew them and in one that reads the log; those that
// wait stay.
func TestLapsedDrafts(t *testing.T) {
	r := newSignedRoom(t)
	for i := range 20 {
		r.gateDoc(t, fmt.Sprintf("k: %d\n", 60+i))
	}
	lapsed := r.gateDoc(t, "k: 100\n")
	r.ahead = draftLife + time.Hour
	waits := r.gateDoc(t, "k: 110\n")
	page, err := r.Log(t.Context(), wire.LogRequest{Party: "operator"})
	if err != nil || len(page.Entries) < 20 {
		t.Fatalf("%d entries, %v", len(page.Entries), err)
	}
	for range 2 {
		if n := len(r.state.drafts); n != 1 {
			t.Errorf("%d drafts in memory", n)
		}
		if n := len(r.journal.now.drafts); n != 1 {
			t.Errorf("%d drafts in the journal", n)
		}
		_, err := r.approve(t, lapsed, "op1")
		wantCode(t, "one that lapsed", err, entrustment.CodeNotFound)
		r.reopen(t)
		if _, err := r.Log(t.Context(), wire.LogRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := r.approve(t, waits, "op1"); err != nil || out.Effective {
		t.Errorf("%+v, %v", out, err)
	}
}
