package enclave

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
)

// afterBackup is a room that was backed up, and went on: a release was charged,
// users asked for deletion, an entrustment ended, and a list was loaded.
type afterBackup struct {
	t        *testing.T
	root     string // holds V, its key of today, its checkpoint
	backup   string
	then     string // a copy of root as it was at the backup
	release  []byte
	spent    float64
	segments map[string]string // of what came after the backup: what it is
	expires  entrustment.Date  // the backup's last day
}

func newAfterBackup(t *testing.T) *afterBackup {
	t.Helper()
	a := &afterBackup{t: t, root: t.TempDir(), segments: map[string]string{}, expires: entrustment.DateOf(time.Now()).Add(30)}
	a.backup, a.then = filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "then")
	ctx := t.Context()
	e, err := Open(ctx, filepath.Join(a.root, "V"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	fill(t, e, "budget: {30d: 0.05}\n")
	secondRoom(t, e)
	if err := rights(t, e, seal.Deletion, userKeys(1400, 1401)); err != nil {
		t.Fatal(err)
	}
	b, err := e.Backup(ctx, wire.BackupRequest{Dir: a.backup, Expires: a.expires})
	if err != nil {
		t.Fatal(err)
	}
	if b.Segments != 9 || b.Bytes < 1000 {
		t.Fatalf("%+v", b)
	}
	if err := copyRoom(a.then, a.root); err != nil {
		t.Fatal(err)
	}
	r, err := e.Report(ctx, question())
	if err != nil {
		t.Fatal(err)
	}
	if a.release, err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	if err := rights(t, e, seal.Deletion, userKeys(0, 1000)); err != nil {
		t.Fatal(err)
	}
	loadListFile(t, e, "late", crowdRows(0, 1450))
	raw, err := e.EndEntrustment(ctx, "f", wire.ByOfficer{})
	if err != nil {
		t.Fatal(err)
	}
	if c := verified(t, e, raw); c.Backups != a.expires.String() {
		t.Errorf("the certificate says that backups expire %q", c.Backups)
	}
	a.spent = spentOf(t, e)
	return a
}

func spentOf(t *testing.T, e *Enclave) float64 {
	t.Helper()
	l, err := e.Ledger(t.Context(), wire.LedgerRequest{Group: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	for _, acc := range l.Accounts {
		return acc.Windows[0].Spent
	}
	return 0
}

// restoreOf restores beside a room, by the key of that room, and opens it.
func (a *afterBackup) restoreOf(remains, keyOf string, o Options) (*vault.RestoreRecord, *Enclave) {
	a.t.Helper()
	dir := filepath.Join(a.t.TempDir(), "R")
	text, err := os.ReadFile(filepath.Join(keyOf, "V.key"))
	if err == nil {
		err = os.WriteFile(dir+".key", text, 0o600)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	var r *vault.Remains
	if remains != "" {
		r = &vault.Remains{Dir: filepath.Join(remains, "V")}
	}
	rec, err := vault.Restore(a.t.Context(), dir, a.backup, r, vault.Options{})
	if err != nil {
		a.t.Fatal(err)
	}
	e, err := Open(a.t.Context(), dir, o)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { e.Close() })
	return rec, e
}

// part copies of a room what is left of it.
func (a *afterBackup) part(keep ...string) string {
	a.t.Helper()
	to := a.t.TempDir()
	if err := copyRoom(to, a.root); err != nil {
		a.t.Fatal(err)
	}
	for _, name := range []string{"V/keys", "V/log", "V/segments", "V.checkpoint"} {
		if !slices.Contains(keep, name) {
			if err := os.RemoveAll(filepath.Join(to, name)); err != nil {
				a.t.Fatal(err)
			}
		}
	}
	return to
}

// ended: the entrustment that ended since the backup is gone, its data key too,
// and its certificate says so.
func (a *afterBackup) ended(e *Enclave) {
	a.t.Helper()
	_, err := e.Report(a.t.Context(), question(func(q *entrustment.Question) { q.Entrustment = "f" }))
	wantCode(a.t, "of the ended entrustment", err, entrustment.CodeGone)
	if w, err := e.vault.NewSegment(dataKey("f")); err == nil {
		a.t.Error("its data key is back", w.Abort())
	}
	raw, err := e.Certificate(a.t.Context(), "f")
	if err != nil {
		a.t.Fatal(err)
	}
	if c := verified(a.t, e, raw); c.Status != receipt.KeyDestroyed {
		a.t.Errorf("its certificate says %s", c.Status)
	}
	for _, ref := range e.state.refs() {
		if ref.Key == dataKey("f") {
			a.t.Error("a segment of it is in use")
		}
	}
	if n := len(segmentFiles(a.t, e)); n != len(e.state.segments())-len(e.missing) {
		a.t.Errorf("%d segments, %d are in use", n, len(e.state.segments()))
	}
}

// TestRestoreWithNewestLog: with all that is left of the vault, or with its log and
// the segments that came after the backup, what was ended stays ended, what was
// spent stays spent, and who asked stays out.
func TestRestoreWithNewestLog(t *testing.T) {
	t.Parallel()
	a := newAfterBackup(t)
	for name, c := range map[string]struct{ remains, key string }{
		"all":                     {a.root, a.root},
		"without the keys file":   {a.part("V/log", "V/segments", "V.checkpoint"), a.then},
		"without the checkpoints": {a.part("V/log", "V/segments", "V/keys"), a.root},
	} {
		t.Run(name, func(t *testing.T) {
			rec, e := a.restoreOf(c.remains, c.key, Options{})
			if lost := name == "without the checkpoints"; rec.Lost != lost {
				t.Fatalf("%+v", rec)
			}
			a.ended(e)
			if rec.Lost {
				_, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma = 50 }))
				wantCode(t, "a log that may not be the newest", err, entrustment.CodeFrozen)
				return
			}
			if got := spentOf(t, e); got != a.spent || got == 0 {
				t.Errorf("%g spent, %g before", got, a.spent)
			}
			if n := women(t, e, func(q *entrustment.Question) { q.Sigma = 10; q.List = "late" }); !nearly(n, 224) {
				t.Errorf("%d women", n)
			}
			same := false
			for seq := range e.state.reportTable {
				r, err := e.stored(seq)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				same = same || bytes.Equal(raw, a.release)
			}
			if !same {
				t.Error("the release of before is not there as it was given")
			}
		})
	}
}

// TestRestoreLostSegments: the newest log alone is left. What was loaded after the
// backup is gone and said to be, requests that are gone stop releases until they
// are answered for, and the end of an entrustment is not undone by the backup's
// keys. It is the same after another opening.
func TestRestoreLostSegments(t *testing.T) {
	t.Parallel()
	a := newAfterBackup(t)
	rec, e := a.restoreOf(a.part("V/log", "V.checkpoint"), a.then, Options{})
	if rec.Lost {
		t.Fatalf("%+v", rec)
	}
	dir := e.vault.Dir()
	for range 2 {
		a.ended(e)
		if count(e, kindLost) != 1 || count(e, vault.KindRestore) != 1 {
			t.Errorf("%d entries of what is lost, %d restores", count(e, kindLost), count(e, vault.KindRestore))
		}
		_, err := e.Report(t.Context(), question())
		if public := wantCode(t, "with a request that is lost", err, entrustment.CodeFrozen); !strings.Contains(public.Detail, "1 request of data") {
			t.Errorf("%v", public)
		}
		_, err = e.Price(t.Context(), question(func(q *entrustment.Question) { q.List = "late" }), 0)
		wantCode(t, "a list that is lost", err, entrustment.CodeNotFound)
		if got := spentOf(t, e); got != a.spent {
			t.Errorf("%g spent, %g before", got, a.spent)
		}
		e.Close()
		if e, err = Open(t.Context(), dir, Options{}); err != nil {
			t.Fatal(err)
		}
		defer e.Close()
	}
	if err := rights(t, e, seal.Deletion, userKeys(0, 1000)); err != nil { // made again
		t.Fatal(err)
	}
	if _, err := e.ConfirmRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := women(t, e); !nearly(n, 250) {
		t.Errorf("%d women", n)
	}
}

// TestRestoreWithoutNewestLog: nothing is left but the backup, or an older log.
// Nothing is released until it is confirmed, then nothing for 30 days, for all of
// it may have been spent; afterwards what is left of the year. The twin has an old
// checkpoint beside an old log, and there the budget comes back: who restores both
// is not noticed.
func TestRestoreWithoutNewestLog(t *testing.T) {
	t.Parallel()
	a := newAfterBackup(t)
	old := t.TempDir() // an older log, and the checkpoint that knows better
	if err := copyRoom(old, a.then); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(a.root, "V.checkpoint", "checkpoint"))
	if err == nil {
		err = os.WriteFile(filepath.Join(old, "V.checkpoint", "checkpoint"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, remains := range map[string]string{"nothing": "", "an older log": old} {
		t.Run(name, func(t *testing.T) {
			rec, e := a.restoreOf(remains, a.then, Options{})
			if !rec.Lost || rec.Known.After(time.Now()) {
				t.Fatalf("%+v", rec)
			}
			_, err := e.Report(t.Context(), question())
			if public := wantCode(t, "at once", err, entrustment.CodeFrozen); !strings.Contains(public.Detail, "without its newest log") {
				t.Errorf("%v", public)
			}
			dir := e.vault.Dir()
			e.Close()
			if e, err = Open(t.Context(), dir, Options{}); err != nil {
				t.Fatal(err)
			}
			_, err = e.Report(t.Context(), question())
			wantCode(t, "after another opening", err, entrustment.CodeFrozen)
			if _, err := e.ConfirmRestore(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err = e.Report(t.Context(), question())
			wantCode(t, "confirmed", err, entrustment.CodeBudget)
			e.Close()
			for _, days := range []time.Duration{29, 31} {
				if e, err = Open(t.Context(), dir, Options{Now: func() time.Time { return time.Now().Add(days * 24 * time.Hour) }}); err != nil {
					t.Fatal(err)
				}
				if _, err = e.Report(t.Context(), question()); (err == nil) != (days == 31) {
					t.Errorf("after %d days: %v", days, err)
				}
				p, err := e.Price(t.Context(), question(), 0)
				if err != nil || p.Accounts[1].Window != "365d" || p.Accounts[1].Spent < 0.5 {
					t.Errorf("the year: %+v, %v", p.Accounts, err)
				}
				e.Close()
			}
		})
	}
	rec, e := a.restoreOf(a.then, a.then, Options{})
	if rec.Lost {
		t.Fatalf("%+v", rec)
	}
	if n := women(t, e); !nearly(n, 750) {
		t.Errorf("%d women: an old vault with its old checkpoint should be taken, and count who asked since", n)
	}
	if _, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Entrustment, q.List = "f", "own" })); err != nil {
		t.Errorf("an old vault with its old checkpoint should serve what ended since: %v", err)
	}
}

// TestRestoreRefuses what is no backup of this vault, damaged, or opened by
// another key; and a directory that holds something.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	a := newAfterBackup(t)
	restore := func(backup, key, dir string) error {
		text, err := os.ReadFile(key)
		if err == nil {
			err = os.WriteFile(dir+".key", text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = vault.Restore(t.Context(), dir, backup, nil, vault.Options{})
		return err
	}
	copied := func(change func(dir string) error) string {
		to := filepath.Join(t.TempDir(), "b")
		if err := errors.Join(os.CopyFS(to, os.DirFS(a.backup)), change(to)); err != nil {
			t.Fatal(err)
		}
		return to
	}
	edit := func(name, from, to string) func(string) error {
		return func(dir string) error {
			paths, err := filepath.Glob(filepath.Join(dir, name))
			if err != nil || len(paths) == 0 {
				return fmt.Errorf("no %s: %w", name, err)
			}
			text, err := os.ReadFile(paths[0])
			if err != nil {
				return err
			}
			next := bytes.Replace(text, []byte(from), []byte(to), 1)
			if from == "" {
				next = append(slices.Clone(text[:len(text)-1]), text[len(text)-1]^1)
			}
			return os.WriteFile(paths[0], next, 0o600)
		}
	}
	then, today := filepath.Join(a.then, "V.key"), filepath.Join(a.root, "V.key")
	for name, c := range map[string]struct {
		backup, key, says string
	}{
		"today's key":      {a.backup, today, "needs the key of then"},
		"no manifest":      {copied(func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }), then, "it has no manifest"},
		"longer kept":      {copied(edit("manifest.json", `"expires": "20`, `"expires": "21`)), then, "not signed by this vault"},
		"another segment":  {copied(edit("segments/*.seg", "", "")), then, "is damaged"},
		"another log":      {copied(edit("log", "", "")), then, ""},
		"a file elsewhere": {copied(edit("manifest.json", `"name": "keys"`, `"name": "../keys"`)), then, "elsewhere"},
	} {
		if err := restore(c.backup, c.key, filepath.Join(t.TempDir(), "R")); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	taken := filepath.Join(t.TempDir(), "R")
	if err := errors.Join(os.Mkdir(taken, 0o700), os.WriteFile(filepath.Join(taken, "photo"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := restore(a.backup, then, taken); err == nil || !strings.Contains(err.Error(), "name a new one") {
		t.Errorf("a directory that holds something: %v", err)
	}
	if err := restore(a.backup, then, filepath.Join(a.root, "V")); err == nil {
		t.Error("a vault that stands was written over")
	}
}

// TestRestoreFaultAnywhere lets each operation of a backup and of a restore fail.
// The same again comes to the same: one restore in the log, the state that it must
// have, and never a vault that opens without it.
func TestRestoreFaultAnywhere(t *testing.T) {
	t.Parallel()
	a := newAfterBackup(t)
	key, err := os.ReadFile(filepath.Join(a.then, "V.key"))
	if err != nil {
		t.Fatal(err)
	}
	faults := []struct {
		fault fault.Fault
		crash fault.Crash
	}{{fault.None, fault.Lose}, {fault.Error, fault.Keep}, {fault.Kill, fault.Keep}, {fault.Kill, fault.Lose}, {fault.Kill, fault.Holes}}
	for _, remains := range []string{"", a.root} {
		ops := 1
		for n := 0; n < ops; n++ {
			for _, f := range faults {
				if n > 0 && f.fault == fault.None {
					continue
				}
				root := t.TempDir()
				if err := os.WriteFile(filepath.Join(root, "R.key"), key, 0o600); err != nil {
					t.Fatal(err)
				}
				disk, err := fault.New(root)
				if err != nil {
					t.Fatal(err)
				}
				dir := filepath.Join(root, "R")
				restore := func() error {
					var r *vault.Remains
					if remains != "" {
						r = &vault.Remains{Dir: filepath.Join(remains, "V")}
					}
					_, err := vault.Restore(t.Context(), dir, a.backup, r, vault.Options{FS: disk})
					return err
				}
				if f.fault != fault.None {
					disk.Arm(n, f.fault)
				}
				failed := restore()
				if f.fault == fault.None {
					ops = len(disk.Ops())
				}
				if err := disk.Crash(f.crash); err != nil {
					t.Fatal(err)
				}
				if failed != nil {
					_, kerr := os.Stat(filepath.Join(dir, "keys"))
					if kerr != nil {
						if err := restore(); err != nil {
							t.Errorf("operation %d, %v: again: %v", n, f, err)
							continue
						}
					}
				}
				e, err := Open(t.Context(), dir, Options{fs: disk})
				if err != nil {
					t.Errorf("operation %d, %v: %v", n, f, err)
					continue
				}
				if count(e, vault.KindRestore) != 1 || e.state.restored.Lost != (remains == "") || (e.whole() == nil) != (remains != "") {
					t.Errorf("operation %d, %v: %d restores, %+v, %v", n, f, count(e, vault.KindRestore), e.state.restored, e.whole())
				}
				e.Close()
			}
		}
		if ops < 30 {
			t.Errorf("only %d operations", ops)
		}
	}
}

// TestRestoreWithOfficers: in a vault that has officers every restore waits for
// two of them, and one asker can't stand in for them; where nobody signs, one does.
func TestRestoreWithOfficers(t *testing.T) {
	t.Parallel()
	r, ctx := newSignedRoom(t), t.Context()
	r.furnish(t)
	users, rows := crowd(1500)
	loadBaseFile(t, r.Enclave, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	loadListFile(t, r.Enclave, "l", rowsCSV(rows))
	root := filepath.Dir(r.dir)
	if _, err := r.Backup(ctx, wire.BackupRequest{Dir: filepath.Join(root, "B"), Expires: entrustment.DateOf(time.Now())}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := os.Rename(r.dir, filepath.Join(root, "W")); err != nil {
		t.Fatal(err)
	}
	rec, err := vault.Restore(ctx, r.dir, filepath.Join(root, "B"), &vault.Remains{Dir: filepath.Join(root, "W")}, vault.Options{Now: time.Now})
	if err != nil || rec.Lost || rec.Dev {
		t.Fatalf("%+v, %v", rec, err)
	}
	r.reopen(t)
	frozen := func(when string) {
		t.Helper()
		_, err := r.Report(ctx, question())
		wantCode(t, when, err, entrustment.CodeFrozen)
	}
	frozen("not confirmed")
	draft := r.waitsFor(t)(r.ConfirmRestore(ctx))
	frozen("drafted")
	if _, err := r.approve(t, draft, "op1"); err != nil {
		t.Fatal(err)
	}
	frozen("signed by one")
	r.reopen(t)
	_, err = r.approve(t, draft, "ac1")
	wantCode(t, "signed by another party's officer", err, entrustment.CodeForbidden)
	r.must(t, draft, "op2")
	if _, err := r.Report(ctx, question()); err != nil {
		t.Errorf("confirmed: %v", err)
	}
	if ack, err := r.ConfirmRestore(ctx); err != nil || ack.Changed || ack.Waits != nil {
		t.Errorf("confirmed twice: %+v, %v", ack, err)
	}

	// The twin: where acts are not signed for, whoever asks confirms.
	if rec, err = vault.Restore(ctx, filepath.Join(root, "T"), filepath.Join(root, "B"), &vault.Remains{Dir: filepath.Join(root, "W")}, vault.Options{Now: time.Now, Key: vault.KeyFile{Path: r.dir + ".key"}}); err != nil {
		t.Fatalf("%+v, %v", rec, err)
	}
	o := r.options()
	o.Key = vault.KeyFile{Path: r.dir + ".key"}
	twin, err := Open(ctx, filepath.Join(root, "T"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	twin.signs = false
	if ack, err := twin.ConfirmRestore(ctx); err != nil || !ack.Changed {
		t.Fatalf("the twin: %+v, %v", ack, err)
	}
	if err := twin.whole(); err != nil { // budgets count as spent there, for its log's checkpoint is not beside it
		t.Errorf("the twin, confirmed by one asker: %v", err)
	}
}
