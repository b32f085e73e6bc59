package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/enclave/vault"
	"awase/internal/fault"
)

func openOn(t *testing.T, disk vault.FS, dir string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), dir, vault.Options{Now: time.Now, FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func appendOne(t *testing.T, v *vault.Vault, what string) {
	t.Helper()
	if _, err := v.Log().Append("act", what); err != nil {
		t.Fatal(err)
	}
}

// TestFailedAppend: wherever an Append fails, memory holds what was acknowledged,
// nothing more is taken, with a word on what to do, and the next open goes on.
func TestFailedAppend(t *testing.T) {
	const ops = 8 // of one Append
	for n := range ops {
		root := t.TempDir()
		disk, err := fault.New(root)
		if err != nil {
			t.Fatal(err)
		}
		v := openOn(t, disk, filepath.Join(root, "V"))
		appendOne(t, v, "first")
		if n == 0 {
			from := len(disk.Ops())
			appendOne(t, v, "counted")
			if got := disk.Ops()[from:]; len(got) != ops {
				t.Fatalf("an Append is %v", got)
			}
		}
		before := v.Log().Records()
		disk.Arm(n, fault.Error)
		if _, err := v.Log().Append("act", "failing"); err == nil {
			t.Fatalf("operation %d: acknowledged", n)
		}
		if got := v.Log().Records(); len(got) != len(before) {
			t.Errorf("operation %d: %d entries in memory, %d acknowledged", n, len(got), len(before))
		}
		if _, err := v.Log().Proof(int64(len(before))); err == nil {
			t.Errorf("operation %d: an entry that was not acknowledged is proven", n)
		}
		from := len(disk.Ops())
		_, appended := v.Log().Append("act", "later")
		_, replaced := v.ReplaceSegment(vault.SegmentRef{ID: "report-1", Key: "k"})
		for what, err := range map[string]error{"an entry": appended, "a segment": replaced, "a key": v.MakeDataKey("new"), "a sweep": v.Sweep(nil)} {
			if err == nil || !strings.Contains(err.Error(), "open the vault again") {
				t.Errorf("operation %d: %s afterwards: %v", n, what, err)
			}
		}
		if got := disk.Ops()[from:]; len(got) > 0 {
			t.Errorf("operation %d: afterwards %v", n, got)
		}
		if err := errors.Join(v.Close(), disk.Crash(fault.Keep)); err != nil {
			t.Fatal(err)
		}
		v = openOn(t, disk, filepath.Join(root, "V"))
		appendOne(t, v, "going on")
		got := v.Log().Records()
		if more := len(got) - len(before); more < 1 || more > 2 {
			t.Errorf("operation %d: %d entries, %d were acknowledged", n, len(got), len(before)+1)
		}
		for i := range before {
			if string(got[i].Line()) != string(before[i].Line()) {
				t.Errorf("operation %d: entry %d is another one", n, i)
			}
		}
	}
}

// TestOpenSettlesTheLog: an entry that the next open read from memory alone,
// since its fsync failed, is on the disk before the checkpoint knows it. Without
// the writing again a power cut makes a vault that never opens: that is seen.
func TestOpenSettlesTheLog(t *testing.T) {
	for _, settled := range []bool{true, false} {
		root := t.TempDir()
		disk, err := fault.New(root)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(root, "V")
		v := openOn(t, disk, dir)
		disk.Arm(1, fault.Error)
		if _, err := v.Log().Append("charge", 1); err == nil {
			t.Fatal("a failed sync was acknowledged")
		}
		v.Close()
		if err := disk.Crash(fault.Keep); err != nil {
			t.Fatal(err)
		}
		if !settled {
			disk.Ignore(func(o fault.Op) bool { return o.String() == "sync V/log" })
		}
		openOn(t, disk, dir).Close()
		if err := disk.Crash(fault.Lose); err != nil {
			t.Fatal(err)
		}
		v, err = vault.Open(t.Context(), dir, vault.Options{Now: time.Now})
		switch {
		case settled && err != nil:
			t.Error(err)
		case settled && len(v.Log().Records()) != 1:
			t.Error("the entry is gone")
		case !settled && !errors.Is(err, vault.ErrLog):
			t.Errorf("the loss was not seen: %v", err)
		}
		if err == nil {
			v.Close()
		}
	}
}

// TestRolledBackVault is A16: an old copy of the whole directory, put back, is
// refused with what to do, for the checkpoint stands outside; the newest copy
// opens.
func TestRolledBackVault(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := openOn(t, nil, dir)
	appendOne(t, v, "charge")
	copyOf := func() string {
		to := t.TempDir()
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		return to
	}
	put := func(from string) {
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(from))); err != nil {
			t.Fatal(err)
		}
	}
	old := copyOf()
	if err := v.MakeDataKey("k"); err != nil {
		t.Fatal(err)
	}
	appendOne(t, v, "charge")
	v.Close()
	newest := copyOf()
	put(old)
	_, err := vault.Open(t.Context(), dir, vault.Options{Now: time.Now})
	if !errors.Is(err, vault.ErrLog) || !strings.Contains(err.Error(), "put the newest copy back") {
		t.Errorf("a rolled-back vault: %v", err)
	}
	put(newest)
	appendOne(t, openOn(t, nil, dir), "going on")
}
