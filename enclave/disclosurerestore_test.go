package enclave

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestDisclosureRestored: a backup has what was disclosed and who waits. What came
// after it and is lost says so; it keeps back nothing else, nor another backup.
func TestDisclosureRestored(t *testing.T) {
	t.Parallel()
	a := &afterBackup{t: t, root: t.TempDir()}
	a.backup = filepath.Join(t.TempDir(), "backup")
	key := deskKey(t, 1)
	e, err := Open(t.Context(), filepath.Join(a.root, "V"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	fill(t, e, "")
	if _, err := e.SetDeskKey(t.Context(), key.Public()); err != nil {
		t.Fatal(err)
	}
	waits := func(frozen bool) {
		t.Helper()
		var err error
		if frozen {
			_, err = e.Freeze(t.Context(), wire.FreezeRequest{})
		} else {
			_, err = e.Lift(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	before := asksDisclosure(t, e, userKeys(1, 2))
	file, err := e.Disclosure(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	waits(true)
	waiting := asksDisclosure(t, e, userKeys(2, 3))
	waits(false)
	if _, err := e.Backup(t.Context(), wire.BackupRequest{Dir: a.backup, Expires: entrustment.DateOf(time.Now()).Add(30)}); err != nil {
		t.Fatal(err)
	}
	after := asksDisclosure(t, e, userKeys(3, 4))
	waits(true)
	afterWaiting := asksDisclosure(t, e, userKeys(4, 5))
	waits(false)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	_, e = a.restoreOf(a.part("V/log", "V.checkpoint"), a.root, Options{})
	if _, err := e.ConfirmRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err := e.Disclosure(t.Context(), before); err != nil || !bytes.Equal(again, file) {
		t.Errorf("what was disclosed before the backup: %v", err)
	}
	_, err = e.Disclosure(t.Context(), after)
	wantCode(t, "what is lost", err, entrustment.CodeGone)
	if _, err := e.Disclose(t.Context(), waiting); err != nil {
		t.Errorf("who waited at the backup: %v", err)
	}
	openedDisclosure(t, e, key, waiting)
	_, err = e.Disclose(t.Context(), afterWaiting)
	wantCode(t, "somebody who is not known any more", err, entrustment.CodeGone)
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Errorf("a release: %v", err)
	}
	if _, err := e.Backup(t.Context(), wire.BackupRequest{Dir: filepath.Join(t.TempDir(), "next"), Expires: entrustment.DateOf(time.Now()).Add(30)}); err != nil {
		t.Errorf("the next backup: %v", err)
	}
	if n := asksDisclosure(t, e, userKeys(4, 5)); n != 5 {
		t.Errorf("handed in again it is request %d", n)
	}
}

// TestDisclosureOfOlderBase: a base that an older version loaded can't tell all, which
// is refused whoever asks; loaded anew it tells.
func TestDisclosureOfOlderBase(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	d.furnish(t)
	loadTelling(t, d.Enclave, tellingRows)
	told := d.state.base.Particulars
	d.state.base.Particulars = nil
	for _, who := range []string{"user-1", "nobody"} {
		_, draft := d.asks(t, [][]byte{[]byte(who)})
		if _, err := d.approve(t, draft, "op1"); err != nil {
			t.Fatal(err)
		}
		_, err := d.approve(t, draft, "op2")
		if e := wantCode(t, "an older base", err, entrustment.CodeNotFound); e.Field != "base" {
			t.Error(e)
		}
	}
	loadTelling(t, d.Enclave, tellingRows)
	if now := d.state.base; now.Version != 2 || now.Particulars == nil || now.Particulars.Digest != told.Digest {
		t.Fatalf("loaded anew it is %+v", now)
	}
	for n := range int64(2) {
		d.must(t, d.draftOf(t, n+1), "op2")
		openedDisclosure(t, d.Enclave, d.key, n+1)
	}
}
