package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"awase/crypto/receipt"
)

// plain is a vault on a machine without boot clock, so that its log holds what
// the test writes and nothing else.
var plain = Options{Now: time.Now}

func open(t *testing.T, dir string) *Vault {
	t.Helper()
	v, err := Open(t.Context(), dir, plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func TestFirstUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := open(t, dir)
	if !v.Dev() {
		t.Error("a vault made at first use is not marked dev")
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, dir + ".key": 0o600, filepath.Join(dir, "keys"): 0o600, filepath.Join(dir, "log"): 0o600} {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != mode {
			t.Errorf("%s has mode %o, want %o", filepath.Base(path), got, mode)
		}
	}
	sub, id := v.Subkey("tokens"), v.ID()
	if v.Subkey("noise") == sub {
		t.Error("two uses share a subkey")
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if again.Subkey("tokens") != sub || again.ID() != id {
		t.Error("a reopened vault has other keys")
	}
}

// TestMakeIsCrashSafe: whichever of the files of a new vault a crash left, the
// next open makes it whole.
func TestMakeIsCrashSafe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	open(t, dir).Close()
	for _, left := range []string{"keys.new", "log.new"} { // half-written when the process died
		half := filepath.Join(t.TempDir(), "H")
		if err := os.Mkdir(half, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(half, left), []byte("ha"), 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, half).Close()
	}
	for _, lost := range [][]string{{"keys"}, {"keys", "log"}, {"keys", "log", "../V.checkpoint"}, {"keys", "log", "../V.checkpoint", "../V.key"}, {"keys", "segments"}} {
		for _, name := range lost {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		open(t, dir).Close()
	}
}

// TestUsedVaultIsNotMadeAnew: what is left of a used vault without its keys is
// not taken for a new one.
func TestUsedVaultIsNotMadeAnew(t *testing.T) {
	for _, lost := range [][]string{{"keys"}, {"keys", "log"}, {"keys", "log", "segments"}} {
		dir := filepath.Join(t.TempDir(), "V")
		v := open(t, dir)
		if _, err := v.Log().Append("act", 1); err != nil {
			t.Fatal(err)
		}
		v.Close()
		for _, name := range lost {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := Open(t.Context(), dir, plain); err == nil {
			v.Close()
			t.Errorf("without %v a new vault was made", lost)
		}
	}
}

// TestPlantedFiles: a directory, temporary name or link that stood there before
// does not weaken the modes of the vault's files.
func TestPlantedFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, dir+".key.new"); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	for path, mode := range map[string]os.FileMode{dir: 0o700, dir + ".key": 0o600} {
		st, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != mode || st.Mode()&os.ModeSymlink != 0 {
			t.Errorf("%s has mode %v", filepath.Base(path), st.Mode())
		}
	}
	if st, err := os.Stat(elsewhere); err != nil || st.Size() != 0 {
		t.Error("a link was followed")
	}
}

// TestForgedEntry: a line that chains well but was not written with the vault's
// key is refused, also past the checkpoint; the mutant that knows the key is
// taken, so the MAC is what notices.
func TestForgedEntry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := open(t, dir)
	if _, err := v.Log().Append("act", 1); err != nil {
		t.Fatal(err)
	}
	last := v.Log().Records()[0]
	rec := Record{Seq: 1, Time: last.Time, Kind: "gate", Prev: v.log.lastHash(), Salt: make([]byte, 16), Body: []byte(`{}`)}
	body, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	good := fmt.Sprintf("%s %s\n", v.log.mac(body), body)
	forger := &Log{}
	forged := fmt.Sprintf("%s %s\n", forger.mac(body), body)
	v.Close()
	path := filepath.Join(dir, "log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text    string
		entries int // 0: refused
	}{{forged, 1}, {forged + forged, 0}, {good, 2}} {
		text, entries := c.text, c.entries
		if err := os.WriteFile(path, append(bytes.Clone(whole), text...), 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := Open(t.Context(), dir, plain)
		switch {
		case entries == 0 && err == nil:
			t.Error("forged entries were taken")
		case entries == 0:
		case err != nil:
			t.Error(err)
		case len(v.Log().Records()) != entries:
			t.Errorf("%d entries, want %d", len(v.Log().Records()), entries)
		}
		if err == nil {
			v.Close()
		}
	}
}

func TestRefusesWhatIsNotAVault(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "photo.jpg"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, plain); err == nil || !strings.Contains(err.Error(), "not a vault") {
		t.Errorf("a directory with other files: %v", err)
	}
	if _, err := Open(t.Context(), ".", plain); err == nil {
		t.Error(". was taken for a vault")
	}
}

func TestWrongOrMissingKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	open(t, dir).Close()
	if err := os.WriteFile(dir+".key", []byte(strings.Repeat("00", KeySize)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, plain); !errors.Is(err, errUnwrap) {
		t.Errorf("another key: %v", err)
	}
	if err := os.Remove(dir + ".key"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, plain); !errors.Is(err, ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err := os.Stat(dir + ".key"); err == nil {
		t.Error("a new key was made beside an old vault")
	}
}

func TestKeyOthersCanRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	open(t, dir).Close()
	if err := os.Chmod(dir+".key", 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, plain); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}

func TestPlantedKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	target := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(target, []byte(strings.Repeat("00", KeySize)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, dir+".key"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, plain); err == nil || !strings.Contains(err.Error(), "not a file of your own") {
		t.Errorf("a key that somebody put there: %v", err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := open(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, dir, plain); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second open: %v", err)
	}
	v.Close()
	open(t, dir)
}

// TestLogDamage is rule 15 for the log: a flipped byte, a dropped, repeated or
// swapped entry, an older copy of the log: each is an error that says so. A torn
// last entry that nobody was told of is cut off.
func TestLogDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	path := filepath.Join(dir, "log")
	v := open(t, dir)
	var sizes []int64
	for i := range 5 {
		if _, err := v.Log().Append("act", map[string]int{"n": i}); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, st.Size())
	}
	v.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err := Open(t.Context(), dir, plain); err == nil {
			v.Close()
			t.Errorf("%s was not noticed", name)
		} else if !errors.Is(err, ErrLog) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 1
		refused(fmt.Sprintf("byte %d flipped", at), b)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))[:5]
	refused("an entry dropped", bytes.Join([][]byte{lines[0], lines[2], lines[3], lines[4]}, nil))
	refused("an entry repeated", bytes.Join([][]byte{lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]}, nil))
	refused("entries swapped", bytes.Join([][]byte{lines[1], lines[0], lines[2], lines[3], lines[4]}, nil))
	refused("an older copy", whole[:sizes[3]])
	refused("a torn acknowledged entry", whole[:sizes[4]-3])
	// An entry that was being written when the process died.
	if err := os.WriteFile(path, append(bytes.Clone(whole), lines[4][:20]...), 0o600); err != nil {
		t.Fatal(err)
	}
	v = open(t, dir)
	if n := len(v.Log().Records()); n != 5 {
		t.Errorf("%d entries after a torn one, want 5", n)
	}
	if _, err := v.Log().Append("act", 5); err != nil {
		t.Error(err)
	}
	v.Close()
	if n := len(open(t, dir).Log().Records()); n != 6 {
		t.Errorf("%d entries, want 6", n)
	}
}

// TestCheckpointIsTheCounter is A16 with its mutant: the same older log with an
// older checkpoint is taken, so the checkpoint outside the vault is what
// notices.
func TestCheckpointIsTheCounter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := open(t, dir)
	if _, err := v.Log().Append("charge", 1); err != nil {
		t.Fatal(err)
	}
	oldLog, _ := os.ReadFile(filepath.Join(dir, "log"))
	oldPoint, _ := os.ReadFile(dir + ".checkpoint/checkpoint")
	if _, err := v.Log().Append("charge", 2); err != nil {
		t.Fatal(err)
	}
	v.Close()
	if err := os.WriteFile(filepath.Join(dir, "log"), oldLog, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, plain); !errors.Is(err, ErrLog) {
		t.Errorf("an older log: %v", err)
	}
	forged := bytes.Replace(oldPoint, []byte("\n1\n"), []byte("\n0\n"), 1)
	if err := os.WriteFile(dir+".checkpoint/checkpoint", forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, plain); !errors.Is(err, ErrLog) {
		t.Errorf("a forged checkpoint: %v", err)
	}
	if err := os.WriteFile(dir+".checkpoint/checkpoint", oldPoint, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if err := os.Remove(dir + ".checkpoint/checkpoint"); err != nil {
		t.Fatal(err)
	}
}

// TestForkedLog: a log of as many entries, each written with the vault's key, is
// refused where the checkpoint signed others.
func TestForkedLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	log, point := filepath.Join(dir, "log"), dir+".checkpoint/checkpoint"
	read := func(path string) []byte {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	add := func(what string) {
		t.Helper()
		v := open(t, dir)
		if _, err := v.Log().Append("act", what); err != nil {
			t.Fatal(err)
		}
		v.Close()
	}
	add("first")
	log1, point1 := read(log), read(point)
	add("one way")
	point2 := read(point)
	write(log, log1)
	write(point, point1)
	add("the other way")
	write(point, point2)
	if _, err := Open(t.Context(), dir, plain); !errors.Is(err, ErrLog) {
		t.Errorf("a forked log: %v", err)
	}
}

// TestFailedWriteStops: after a write that failed nothing is acknowledged any
// more, and a reopened log has what was.
func TestFailedWriteStops(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	v := open(t, dir)
	if _, err := v.Log().Append("act", 1); err != nil {
		t.Fatal(err)
	}
	v.log.f.Close() // the next write fails
	for range 2 {
		if _, err := v.Log().Append("act", 2); err == nil {
			t.Fatal("a failed write was acknowledged")
		}
	}
	v.Close()
	if n := len(open(t, dir).Log().Records()); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

// TestReceipts: a receipt over any entry of any log verifies with the public
// key alone; any flipped byte of the receipt or the table does not.
func TestReceipts(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "V"))
	table := []byte(`{"cells":[]}`)
	hash := fmt.Sprintf("%x", sha256.Sum256(table))
	for i := range 9 {
		if _, err := v.Log().Append(receipt.EntryKind, map[string]any{"table": hash, "entrustment": "e", "version": i}); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		seq := rapid.Int64Range(0, 8).Draw(rt, "seq")
		proof, err := v.Log().Proof(seq)
		if err != nil {
			rt.Fatal(err)
		}
		raw, err := v.Signer().Sign(receipt.Claims{Dev: true, Entrustment: "e", Version: int(seq), Table: hash, Log: proof})
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := receipt.Verify(raw, table, v.Signer().Public()); err != nil {
			rt.Fatal(err)
		}
		bad := bytes.Clone(raw)
		at := rapid.IntRange(0, len(bad)-1).Draw(rt, "at")
		bad[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
		if !sameReceipt(raw, bad) {
			if _, err := receipt.Verify(bad, table, v.Signer().Public()); err == nil {
				rt.Fatalf("a flipped byte at %d verifies", at)
			}
		}
		if _, err := receipt.Verify(raw, append(table, ' '), nil); err == nil {
			rt.Fatal("another table verifies")
		}
	})
	// What the signer itself signs wrongly is noticed too.
	proof5, err := v.Log().Proof(5)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*receipt.Claims){
		"inclusion proof": func(c *receipt.Claims) { c.Log.Inclusion[0][0] ^= 1 },
		"index":           func(c *receipt.Claims) { c.Log.Index = 4 },
		"price":           func(c *receipt.Claims) { c.RhoNano = 1 },
		"recipient":       func(c *receipt.Claims) { c.Recipient = "other" },
		"version":         func(c *receipt.Claims) { c.Version = 4 },
		"specs":           func(c *receipt.Claims) { c.Specs = []string{"x"} },
	} {
		c := receipt.Claims{Entrustment: "e", Version: 5, Table: hash, Log: proof5}
		c.Log.Inclusion = nil
		for _, h := range proof5.Inclusion {
			c.Log.Inclusion = append(c.Log.Inclusion, bytes.Clone(h))
		}
		change(&c)
		raw, err := v.Signer().Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Verify(raw, table, nil); err == nil {
			t.Errorf("a wrong %s verifies", name)
		}
	}
	good, err := v.Signer().Sign(receipt.Claims{Entrustment: "e", Version: 5, Table: hash, Log: proof5})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{string(good) + "{}", strings.Replace(string(good), `{"schema"`, `{"recipient":"evil","schema"`, 1),
		strings.Replace(string(good), `"rho_nano":0`, `"rho_nano":0,"RHO_NANO":0`, 1), strings.Replace(string(good), `"dev"`, `"more":1,"dev"`, 1)} {
		if _, err := receipt.Verify([]byte(bad), table, nil); err == nil {
			t.Errorf("a second encoding verifies")
		}
	}
	other := open(t, filepath.Join(t.TempDir(), "W"))
	proof, err := v.Log().Proof(0)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := other.Signer().Sign(receipt.Claims{Entrustment: "e", Table: hash, Log: proof})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Verify(forged, table, v.Signer().Public()); err == nil {
		t.Error("another vault's receipt verifies")
	}
	if _, err := receipt.Verify(forged, table, nil); err == nil {
		t.Error("a receipt over another vault's log verifies")
	}
}

// sameReceipt: some flips, such as the case of a JSON key, say the same.
func sameReceipt(a, b []byte) bool {
	var x, y receipt.Receipt
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, err := json.Marshal(x)
	if err != nil {
		return false
	}
	q, err := json.Marshal(y)
	return err == nil && bytes.Equal(p, q)
}

// FuzzLogLine: whatever bytes follow a good log, opening gives an error or the
// log, never a panic, and never an entry that was not written.
func FuzzLogLine(f *testing.F) {
	f.Add([]byte("00000000 {}\n"))
	f.Add([]byte("e3069283 {\"seq\":1}\n"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, tail []byte) {
		l := &Log{}
		for line := range bytes.Lines(tail) {
			if rec, err := l.parse(bytes.TrimSuffix(line, []byte("\n"))); err == nil && (rec.Seq != 0 || rec.Prev != "") {
				t.Error("an entry out of place")
			}
		}
	})
}
