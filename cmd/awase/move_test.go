package main

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestMove: a backup moves to another file system too, whole, and for its user alone.
func TestMove(t *testing.T) {
	here, err := os.Stat(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		root string // "": this file system
		move func(from, to string) error
	}{{"", move}, {"", moveCopied}}
	const other = "/dev/shm"
	if there, err := os.Stat(other); err == nil && there.Sys().(*syscall.Stat_t).Dev != here.Sys().(*syscall.Stat_t).Dev {
		cases = append(cases, cases[0])
		cases[2].root = other
	} else if os.Getenv("CI") != "" {
		t.Errorf("NOT RUN, and CI has to: there is no other file system at %s", other)
	}
	for _, c := range cases {
		from := filepath.Join(t.TempDir(), "backup")
		if err := os.MkdirAll(filepath.Join(from, "segments"), 0o700); err != nil {
			t.Fatal(err)
		}
		content := bytes.Repeat([]byte("sealed"), 1<<16)
		for _, name := range []string{"manifest", "segments/a.seg"} {
			if err := os.WriteFile(filepath.Join(from, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		at, err := os.MkdirTemp(c.root, "awase")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(at) })
		to := filepath.Join(at, "moved")
		if err := c.move(from, to); err != nil {
			t.Fatal(err)
		}
		for name, mode := range map[string]os.FileMode{"": 0o700, "segments": 0o700, "manifest": 0o600, "segments/a.seg": 0o600} {
			st, err := os.Stat(filepath.Join(to, name))
			if err != nil || st.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", name, st, err)
			}
		}
		if got, err := os.ReadFile(filepath.Join(to, "segments/a.seg")); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes arrived, %v", len(got), err)
		}
		if _, err := os.Stat(from); !os.IsNotExist(err) {
			t.Errorf("it is still where it was: %v", err)
		}
	}
}
