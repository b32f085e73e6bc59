package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/enclave/vault"
	"awase/internal/fault"
)

// kept is a KeySource as an operator keeps it: what it holds only they change.
type kept struct{ now, next *vault.Key }

func (k kept) Key(context.Context, bool) (vault.Key, error) { return *k.now, nil }

func (k kept) Next(context.Context) (vault.Key, error) {
	if k.next == nil {
		return vault.Key{}, vault.ErrNextKey
	}
	return *k.next, nil
}

func (k kept) Replace(_ context.Context, next vault.Key) (bool, error) { return *k.now == next, nil }

func openWith(t *testing.T, dir string, key vault.KeySource) (*vault.Vault, error) {
	t.Helper()
	v, err := vault.Open(t.Context(), dir, vault.Options{Now: time.Now, Key: key})
	if err == nil {
		t.Cleanup(func() { v.Close() })
	}
	return v, err
}

// put writes a segment under a data key.
func put(t *testing.T, v *vault.Vault, key string) vault.SegmentRef {
	t.Helper()
	if err := v.MakeDataKey(key); err != nil {
		t.Fatal(err)
	}
	w, err := v.NewSegment(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Put("what", []byte(key)); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// holds tells whether a segment of put is read back.
func holds(v *vault.Vault, ref vault.SegmentRef) error {
	cols, err := v.ReadSegment(ref)
	if err == nil && string(cols["what"]) != ref.Key {
		err = errors.New("the segment holds something else")
	}
	return err
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "V")
	for _, of := range []string{"", ".checkpoint", ".key"} {
		st, err := os.Stat(from + of)
		if err != nil {
			t.Fatal(err)
		}
		if st.IsDir() {
			err = os.CopyFS(to+of, os.DirFS(from+of))
		} else {
			var text []byte
			if text, err = os.ReadFile(from + of); err == nil {
				err = os.WriteFile(to+of, text, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func rotated(t *testing.T, v *vault.Vault) {
	t.Helper()
	if done, err := v.Rotate(t.Context()); err != nil || !done {
		t.Fatalf("rotating: %t, %v", done, err)
	}
}

// TestRotate: another key opens, the one before does not, segments and log are
// not touched, no subkey changes, and an old copy does not open with today's key.
func TestRotate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := openOn(t, nil, dir)
	ref := put(t, v, "k")
	appendOne(t, v, "act")
	old := copyDir(t, dir)
	uses := []string{"tokens", "noise", "receipt signing", "sealed files"}
	var before [][vault.KeySize]byte
	for _, use := range uses {
		before = append(before, v.Subkey(use))
	}
	rotated(t, v)
	later := put(t, v, "later")
	v.Close()
	same := func(name string) bool {
		a, aerr := os.ReadFile(filepath.Join(dir, name))
		b, berr := os.ReadFile(filepath.Join(old, name))
		return errors.Join(aerr, berr) == nil && bytes.Equal(a, b)
	}
	if !same("log") || !same("segments/"+ref.ID+".seg") || same("keys") || same("../V.key") {
		t.Error("the rotation wrote data anew, or left a key")
	}
	v = openOn(t, nil, dir)
	if now, newest := v.Generation(); now != 2 || newest != 2 {
		t.Errorf("generation %d of %d", now, newest)
	}
	for i, use := range uses {
		if v.Subkey(use) != before[i] {
			t.Errorf("the subkey of %s changed", use)
		}
	}
	if err := errors.Join(holds(v, ref), holds(v, later)); err != nil {
		t.Error(err)
	}
	v.Close()
	today, err := os.ReadFile(dir + ".key")
	if err != nil {
		t.Fatal(err)
	}
	yesterday, err := os.ReadFile(old + ".key")
	if err != nil {
		t.Fatal(err)
	}
	for where, key := range map[string][]byte{old: today, dir: yesterday} {
		if err := os.WriteFile(where+".key", key, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openWith(t, where, nil); err == nil || !strings.Contains(err.Error(), "does not open this vault") {
			t.Errorf("a copy with the other's key: %v", err)
		}
	}
	if err := os.WriteFile(old+".key", yesterday, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openWith(t, old, nil); err != nil {
		t.Errorf("with its own key: %v", err) // so it is the key that keeps it shut
	}
}

// TestRotateFaultAnywhere lets each operation of a rotation, of a destruction and
// of the rotation after it fail in each way. What then stands in the key file
// opens the vault, with every data key that was acknowledged, none that was
// destroyed, and the subkeys of before; and the rotation can be finished.
func TestRotateFaultAnywhere(t *testing.T) {
	acts := []struct {
		name string
		do   func(v *vault.Vault) error
	}{
		{"rotate", func(v *vault.Vault) error { _, err := v.Rotate(t.Context()); return err }},
		{"destroy", func(v *vault.Vault) error { return v.DestroyDataKey("gone") }},
		{"rotate again", func(v *vault.Vault) error { _, err := v.Rotate(t.Context()); return err }},
	}
	crashes := []struct {
		fault fault.Fault
		crash fault.Crash
	}{{fault.Error, fault.Keep}, {fault.Error, fault.Lose}, {fault.Full, fault.Keep}, {fault.Kill, fault.Keep}, {fault.Kill, fault.Lose}, {fault.Kill, fault.Cut}, {fault.Kill, fault.Holes}}
	run := func(n int, c struct {
		fault fault.Fault
		crash fault.Crash
	}, ignore func(fault.Op) bool) (ops int, err error) {
		root := t.TempDir()
		disk, err := fault.New(root)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(root, "V")
		v := openOn(t, disk, dir)
		kept, gone := put(t, v, "kept"), put(t, v, "gone")
		appendOne(t, v, "act")
		use := v.Subkey("tokens")
		disk.Ignore(ignore)
		from := len(disk.Ops())
		if n >= 0 {
			disk.Arm(n, c.fault)
		}
		destroyed := false
		var failed error
		for _, act := range acts {
			if failed = act.do(v); failed != nil {
				if c.fault != fault.Kill {
					failed = act.do(v) // the same process tries again
				}
				if failed != nil {
					break
				}
			}
			destroyed = destroyed || act.name == "destroy"
		}
		ops = len(disk.Ops()) - from
		v.Close()
		if err := disk.Crash(c.crash); err != nil {
			t.Fatal(err)
		}
		v, err = vault.Open(t.Context(), dir, vault.Options{Now: time.Now, FS: disk})
		if err != nil {
			return ops, fmt.Errorf("opening it again after %v: %w", failed, err)
		}
		defer v.Close()
		if v.Subkey("tokens") != use {
			return ops, errors.New("a subkey changed")
		}
		if err := holds(v, kept); err != nil {
			return ops, err
		}
		if err := holds(v, gone); destroyed && err == nil {
			return ops, errors.New("a destroyed data key is back")
		}
		if now, newest := v.Generation(); now != newest {
			return ops, errors.New("a rotation was left unfinished")
		}
		if done, err := v.Rotate(t.Context()); err != nil || !done {
			return ops, fmt.Errorf("rotating afterwards: %w", err)
		}
		v.Close()
		if err := disk.Crash(fault.Lose); err != nil {
			t.Fatal(err)
		}
		v, err = vault.Open(t.Context(), dir, vault.Options{Now: time.Now})
		if err != nil {
			return ops, fmt.Errorf("after the next rotation and a power cut: %w", err)
		}
		defer v.Close()
		return ops, holds(v, kept)
	}
	ops, err := run(-1, crashes[4], nil)
	if err != nil {
		t.Fatal(err)
	}
	if ops < 30 {
		t.Errorf("only %d operations", ops)
	}
	for n := range ops {
		for _, c := range crashes {
			if _, err := run(n, c, nil); err != nil {
				t.Errorf("operation %d, fault %d, crash %d: %v", n, c.fault, c.crash, err)
			}
		}
	}
	// Without the syncs the loss is seen.
	for _, sync := range []string{"sync V.key.new", "sync V/keys.new", "syncdir ", "syncdir V"} {
		seen := false
		for n := range ops {
			_, err := run(n, crashes[4], func(o fault.Op) bool { return o.String() == sync })
			seen = seen || err != nil
		}
		if !seen {
			t.Errorf("without %q nothing is lost: the test proves little", sync)
		}
	}
}

// TestRotateKept: where the operator keeps the key, either opens until the next
// stands in its place, also with data keys that were made or destroyed meanwhile;
// then the old one opens nothing.
func TestRotateKept(t *testing.T) {
	one, two, three := vault.Key{1}, vault.Key{2}, vault.Key{3}
	dir := filepath.Join(t.TempDir(), "V")
	must := func(k vault.KeySource) *vault.Vault {
		t.Helper()
		v, err := openWith(t, dir, k)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := must(kept{now: &one})
	if _, err := os.Stat(dir + ".key"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key file was made: %v", err)
	}
	first, gone := put(t, v, "first"), put(t, v, "gone")
	if _, err := v.Rotate(t.Context()); !errors.Is(err, vault.ErrNextKey) {
		t.Errorf("without a next key: %v", err)
	}
	v.Close()
	v = must(kept{now: &one, next: &one})
	if _, err := v.Rotate(t.Context()); !errors.Is(err, vault.ErrNextKey) {
		t.Errorf("to the key in force: %v", err)
	}
	v.Close()
	v = must(kept{now: &one, next: &two})
	for range 2 {
		if done, err := v.Rotate(t.Context()); done || err != nil {
			t.Errorf("begun: %t, %v", done, err)
		}
	}
	if now, newest := v.Generation(); now != 1 || newest != 2 {
		t.Errorf("pending: generation %d of %d", now, newest)
	}
	v.Close()
	v = must(kept{now: &one}) // a restart without the next key at hand
	second := put(t, v, "second")
	if err := v.DestroyDataKey("gone"); err != nil {
		t.Fatal(err)
	}
	v.Close()
	pending := copyDir2(t, dir)
	v = must(kept{now: &two})
	if now, newest := v.Generation(); now != 2 || newest != 2 {
		t.Errorf("finished: generation %d of %d", now, newest)
	}
	if err := errors.Join(holds(v, first), holds(v, second)); err != nil {
		t.Error(err)
	}
	if holds(v, gone) == nil {
		t.Error("a destroyed data key is back with the next vault key")
	}
	v.Close()
	if _, err := openWith(t, dir, kept{now: &one}); err == nil {
		t.Error("the key before opens")
	}
	// The operator chose another next key meanwhile.
	dir = pending
	v = must(kept{now: &one, next: &three})
	if done, err := v.Rotate(t.Context()); done || err != nil {
		t.Fatalf("another next key: %t, %v", done, err)
	}
	v.Close()
	if _, err := openWith(t, dir, kept{now: &two}); err == nil {
		t.Error("a next key that was given up opens")
	}
	v = must(kept{now: &three})
	if now, _ := v.Generation(); now != 3 || holds(v, second) != nil {
		t.Errorf("generation %d, %v", now, holds(v, second))
	}
	// The source changed while the vault is open.
	key := three
	v.Close()
	v = must(kept{now: &key, next: &one})
	if done, err := v.Rotate(t.Context()); done || err != nil {
		t.Fatal(done, err)
	}
	key = one
	rotated(t, v)
	if err := holds(v, second); err != nil {
		t.Error(err)
	}
}

// copyDir2 copies a vault whose key is kept elsewhere.
func copyDir2(t *testing.T, from string) string {
	t.Helper()
	if err := os.WriteFile(from+".key", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(from + ".key")
	return copyDir(t, from)
}

// TestKeyNeverShown: no error of a key source or of an opening repeats a digit of
// a key.
func TestKeyNeverShown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	openOn(t, nil, dir).Close()
	text, err := os.ReadFile(dir + ".key")
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"cut": text[:40], "longer": slices.Concat(text, text), "another": bytes.Repeat([]byte("1f"), 32),
		"not hex": append([]byte("zy"), text[2:]...), "spaces": append([]byte(" "), text...),
	} {
		if err := os.WriteFile(dir+".key", bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openWith(t, dir, nil)
		if err == nil {
			t.Errorf("%s: it opens", name)
			continue
		}
		for i := 0; i+8 <= len(bad); i++ {
			if strings.Contains(err.Error(), string(bad[i:i+8])) {
				t.Errorf("%s: the error repeats the key", name)
				break
			}
		}
	}
}
