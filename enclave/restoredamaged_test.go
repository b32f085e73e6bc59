package enclave

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"awase/entrustment"
)

// TestRestoreDamagedLog: of a log with one damaged entry all before it is taken: what
// was charged then stays spent, who asked to be deleted stays gone. What stood after
// it is lost, as with no newest log at all.
func TestRestoreDamagedLog(t *testing.T) {
	t.Parallel()
	a := newAfterBackup(t)
	room := t.TempDir()
	if err := copyRoom(room, a.root); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(room, "V", "log")
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := bytes.Count(log, []byte("\n"))
	// The newest request stands before it, the end of f after it.
	at := bytes.LastIndex(log, []byte(`"kind":"list"`))
	before := bytes.Count(log[:at], []byte("\n"))
	log[at+2] ^= 1
	if err := os.WriteFile(path, log, 0o600); err != nil {
		t.Fatal(err)
	}
	rec, e := a.restoreOf(room, a.then, Options{})
	if !rec.Lost {
		t.Errorf("%+v", rec)
	}
	if n := len(e.vault.Log().Records()); n < before || n >= whole || before < 10 {
		t.Errorf("%d entries, of %d, of which %d stand before the damage", n, whole, before)
	}
	if n := len(e.state.requests); n != 2 || len(e.missing) != 0 {
		t.Errorf("%d requests, %d can't be read", n, len(e.missing))
	}
	if e.state.ended["f"] != nil {
		t.Error("what stands after the damage was taken")
	}
	_, err = e.Report(t.Context(), question())
	wantCode(t, "at once", err, entrustment.CodeFrozen)
	// Damaged before the backup's end, it is of no use, and the backup's is taken.
	log[bytes.Index(log, []byte(`"kind":"entrust"`))+2] ^= 1
	if err := os.WriteFile(path, log, 0o600); err != nil {
		t.Fatal(err)
	}
	if rec, e := a.restoreOf(room, a.then, Options{}); !rec.Lost || len(e.state.requests) != 1 {
		t.Errorf("%+v, %d requests", rec, len(e.state.requests))
	}
}
