package enclave

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
)

// stopping is a disk that stops before the first file of a backup is made, until it
// is let on.
type stopping struct {
	vault.FS
	once           *sync.Once
	reached, letOn chan struct{}
}

func (s stopping) OpenFile(name string, flag int, perm fs.FileMode) (vault.File, error) {
	if strings.Contains(name, "/backup/") {
		s.once.Do(func() { close(s.reached); <-s.letOn })
	}
	return s.FS.OpenFile(name, flag, perm)
}

// TestBackupWhileServing: others are answered while a backup is made, and what a
// load replaces meanwhile is still copied: the backup is of the moment at which it
// began. An entrustment that ends meanwhile makes it fail rather than be short.
func TestBackupWhileServing(t *testing.T) {
	t.Parallel()
	for _, end := range []bool{false, true} {
		root := t.TempDir()
		disk, err := fault.New(root)
		if err != nil {
			t.Fatal(err)
		}
		s := stopping{disk, new(sync.Once), make(chan struct{}), make(chan struct{})}
		ctx := t.Context()
		e, err := Open(ctx, filepath.Join(root, "V"), Options{fs: s})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		fill(t, e, "")
		list := e.state.lists[listKey{"e", "l"}].ID
		backup, done := filepath.Join(root, "backup"), make(chan error, 1)
		go func() {
			_, err := e.Backup(ctx, wire.BackupRequest{Dir: backup, Expires: entrustment.DateOf(time.Now())})
			done <- err
		}()
		<-s.reached
		if _, err := e.Report(ctx, question()); err != nil {
			t.Fatal(err)
		}
		if end {
			if _, err := e.EndEntrustment(ctx, "e", wire.ByOfficer{}); err != nil {
				t.Fatal(err)
			}
		} else {
			loadListFile(t, e, "l", crowdRows(0, 1300))
		}
		close(s.letOn)
		err = <-done
		if end {
			if err == nil {
				t.Error("a backup of what was destroyed meanwhile")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		loadListFile(t, e, "l", crowdRows(0, 1200))
		if n := len(segmentFiles(t, e)); n != len(e.state.segments()) {
			t.Errorf("%d segments, %d are in use: what the backup held is not let go", n, len(e.state.segments()))
		}
		text, err := os.ReadFile(filepath.Join(root, "V.key"))
		if err == nil {
			err = os.WriteFile(filepath.Join(root, "R.key"), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Restore(ctx, filepath.Join(root, "R"), backup, nil, vault.Options{}); err != nil {
			t.Fatal(err)
		}
		r, err := Open(ctx, filepath.Join(root, "R"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if l := r.state.lists[listKey{"e", "l"}]; l.ID != list || !r.vault.Has(l.Segment) || count(r, kindCharge) != 0 || count(r, kindLost) != 0 {
			t.Error("the backup is not of the moment at which it began")
		}
		r.Close()
	}
}

// TestBackupRefuses a last day that is over or too far off, and a directory that
// is in the vault or holds something.
func TestBackupRefuses(t *testing.T) {
	e := openCrowd(t)
	ctx := t.Context()
	day := entrustment.DateOf(time.Now())
	for name, req := range map[string]wire.BackupRequest{
		"yesterday": {Dir: filepath.Join(t.TempDir(), "b"), Expires: day.Add(-1)},
		"for ever":  {Dir: filepath.Join(t.TempDir(), "b"), Expires: day.Add(4000)},
	} {
		_, err := e.Backup(ctx, req)
		wantCode(t, name, err, entrustment.CodeLimit)
	}
	if _, err := e.Backup(ctx, wire.BackupRequest{Dir: filepath.Join(e.vault.Dir(), "b"), Expires: day}); err == nil {
		t.Error("a backup in the vault was made")
	}
	dir := filepath.Join(t.TempDir(), "b")
	for i := range 2 {
		if _, err := e.Backup(ctx, wire.BackupRequest{Dir: dir, Expires: day.Add(1)}); (err == nil) != (i == 0) {
			t.Errorf("backup %d into one directory: %v", i, err)
		}
	}
	if len(e.copying) != 0 {
		t.Errorf("%d segments are still held", len(e.copying))
	}
	if e.state.backupsOf("e", day) != day.Add(1).String() || e.state.backupsOf("e", day.Add(2)) != "" {
		t.Errorf("backups until %q", e.state.backupsOf("e", day))
	}
}
