package enclave

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestApprovalsOfTheLostTime: a vault that was restored without its newest log
// takes no approval of a draft that it had before, for it can't know what became
// of that; nor of any other before the restore is confirmed, by an officer of each
// party, over what stands again. Without the control whoever kept the approvals
// sets the gate back.
func TestApprovalsOfTheLostTime(t *testing.T) {
	for _, twin := range []bool{false, true} {
		r, ctx := newSignedRoom(t), t.Context()
		r.furnish(t)
		d := r.gateDoc(t, "k: 20\ntick: 1s\n")
		root := filepath.Dir(r.dir)
		if _, err := r.Backup(ctx, wire.BackupRequest{Dir: filepath.Join(root, "B"), Expires: entrustment.DateOf(time.Now())}); err != nil {
			t.Fatal(err)
		}
		kept := []wire.Approval{r.approval(t, d, "op1"), r.approval(t, d, "op2")}
		r.must(t, d, "op1", "op2")
		r.must(t, r.gateDoc(t, "k: 80\ntick: 1s\n"), "op1", "op2") // taken back
		r.Close()
		if err := os.Rename(r.dir, filepath.Join(root, "W")); err != nil {
			t.Fatal(err)
		}
		if rec, err := vault.Restore(ctx, r.dir, filepath.Join(root, "B"), nil, vault.Options{Now: time.Now}); err != nil || !rec.Lost {
			t.Fatalf("%+v, %v", rec, err)
		}
		r.reopen(t)
		if twin {
			r.without(t, "restored")
		}
		for _, a := range kept {
			_, err := r.Approve(ctx, a)
			if !twin {
				wantCode(t, "an approval of before", err, entrustment.CodeForbidden)
			}
		}
		if twin {
			if r.gate.Policy().K != 20 {
				t.Errorf("without the control: k is %d", r.gate.Policy().K)
			}
			continue
		}
		if drafts, err := r.Drafts(ctx); err != nil || len(drafts) != 0 {
			t.Errorf("%d drafts of before wait, %v", len(drafts), err)
		}
		// Nothing else is approved before the confirmation.
		_, err := r.approve(t, r.gateDoc(t, "k: 60\ntick: 1s\n"), "op1")
		wantCode(t, "before it is confirmed", err, entrustment.CodeForbidden)
		confirm := r.waitsFor(t)(r.ConfirmRestore(ctx))
		for _, word := range []string{`"frozen":false`, `"acme/a":"` + publicKey("ac1"), `"e":1`, `tick: 1s`, `"counts":{"engine":"embedded"}`} {
			if !strings.Contains(string(confirm.Document), word) {
				t.Errorf("who confirms does not see %s: %s", word, confirm.Document)
			}
		}
		if _, err := r.approve(t, confirm, "op1"); err != nil {
			t.Fatal(err)
		}
		if out, err := r.approve(t, confirm, "op2"); err != nil || out.Effective {
			t.Fatalf("confirmed by one party: %+v, %v", out, err)
		}
		r.must(t, confirm, "ac2")
		r.must(t, r.gateDoc(t, "k: 60\ntick: 1s\n"), "op1", "op2")
	}
}

// TestAnotherJump: officers accept the jump that they saw, not one that the clock
// makes between their signatures, nor a later one of the same width once the clock
// was right again.
func TestAnotherJump(t *testing.T) {
	for _, moved := range []time.Duration{0, time.Minute, 400 * 24 * time.Hour, -40 * 24 * time.Hour} {
		r := &clockRoom{dir: filepath.Join(t.TempDir(), "V"), wall: morning, since: time.Hour}
		r.reopen(t)
		t.Cleanup(func() { r.Close() })
		r.wall = r.wall.Add(2 * 24 * time.Hour)
		r.reopen(t)
		r.signs = true
		s, err := r.AcceptClock(t.Context())
		if err != nil || s.Waits == nil {
			t.Fatalf("%+v, %v", s, err)
		}
		room := &signedRoom{Enclave: r.Enclave}
		if _, err := room.approve(t, s.Waits, "op1"); err != nil {
			t.Fatal(err)
		}
		r.wall = r.wall.Add(moved)
		out, err := room.approve(t, s.Waits, "op2")
		if near := moved.Abs() < time.Hour; near != (err == nil && out.Effective) || near != (r.running() == nil) {
			t.Errorf("the clock was moved by %s between the signatures: %+v, %v; %v", moved, out, err, r.running())
		}
	}
}

// TestJoinedGroup: who joins a group, new or from another one, needs an officer of
// it; without that rule the operator's two put anybody into it.
func TestJoinedGroup(t *testing.T) {
	r := newSignedRoom(t)
	r.furnish(t)
	spy := partyDoc(t, "spy", entrustment.ClassClient, "sp1", "sp2")
	spy.Group = "acme"
	d := r.party(t, spy)
	if _, err := r.approve(t, d, "op1"); err != nil {
		t.Fatal(err)
	}
	if out, err := r.approve(t, d, "op2"); err != nil || out.Effective {
		t.Fatalf("two of the operator: %+v, %v", out, err)
	}
	r.must(t, d, "ac1")
	// A party that stays in its group needs its own officers alone.
	spy.Country = "US"
	r.must(t, r.party(t, spy), "op1", "sp1")
}
