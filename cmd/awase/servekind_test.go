package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree gives every name below a directory.
func tree(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := eachFile(dir, func(name string, _ bool) error {
		hash, err := hashFile(filepath.Join(dir, name))
		out = append(out, name+" "+hash)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestServeSettled: what a vault is was settled when it was made. --practice on one
// in earnest is refused before anything is written, and ends; --dev on one says that
// it does nothing.
func TestServeSettled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startRoom(t, dir)
	r.ready()
	r.end()
	data := filepath.Join(dir, "awase-data")
	before := tree(t, data)
	out, err := awase(t, dir, "serve", "--practice", "--data", "awase-data", "--listen", "127.0.0.1:0").CombinedOutput()
	if x, ok := errors.AsType[*exec.ExitError](err); !ok || x.ExitCode() != 1 || !strings.Contains(string(out), "E_FORBIDDEN at practice: the vault is not one for practice") {
		t.Errorf("--practice on a vault in earnest: %v\n%s", err, out)
	}
	if after := tree(t, data); !slices.Equal(before, after) {
		t.Errorf("it wrote: before %v, after %v", before, after)
	}
	r = startRoom(t, dir, "--dev")
	r.ready()
	if !strings.Contains(r.log.text(), "--dev does nothing here") {
		t.Error("it does not say that --dev does nothing")
	}
	// Who fills a room to rehearse in asks what it is, whoever starts it.
	fill := awase(t, dir, "practice", "--socket", filepath.Join("awase-data", "run", "awase.sock"), "--data", "awase-data")
	if out, err := fill.CombinedOutput(); err == nil || !strings.Contains(string(out), "not one to rehearse in") {
		t.Errorf("made-up people for a room in earnest: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(data, "people")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made-up people were written: %v", err)
	}
	r.end()
}

// TestServeFirstRefused: where the enclave is refused, the service ends too, also
// while who fills the room waits for it.
func TestServeFirstRefused(t *testing.T) {
	wantConfinement(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "D", "vault"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "D", "vault", "foreign"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := awase(t, dir, "serve", "--practice", "--data", "D", "--listen", "127.0.0.1:0").CombinedOutput()
	if x, ok := errors.AsType[*exec.ExitError](err); !ok || x.ExitCode() != statusNotServing || !strings.Contains(string(out), "the directory is not empty and not a vault") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "D", "people")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made-up people were written: %v", err)
	}
}
