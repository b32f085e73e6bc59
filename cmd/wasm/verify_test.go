package wasm_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/receipt"
)

// table is a release as it is hashed, but for its receipt.
const table = `{"schema":"awase.release/v1","report":"profile","entrustment":"acme-2026","version":2,` +
	`"cells":[{"key":{"age":"20-29"},"status":"released","users":{"value":812,"low":792,"high":832}}],"receipt":null}`

// room is a record log and the key that signs for it.
type room struct {
	t      *testing.T
	signer *receipt.Signer
	hashes []tlog.Hash
	n      int64
}

func newRoom(t *testing.T, seed byte, entries ...string) *room {
	t.Helper()
	s, err := receipt.NewSigner([32]byte{seed}, "awase/test")
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, signer: s}
	for _, e := range entries {
		more, err := tlog.StoredHashes(r.n, []byte(e), r.reader())
		if err != nil {
			t.Fatal(err)
		}
		r.hashes, r.n = append(r.hashes, more...), r.n+1
	}
	return r
}

func (r *room) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, x := range at {
			out[i] = r.hashes[x]
		}
		return out, nil
	})
}

func (r *room) checkpoint(n int64) string {
	root, err := tlog.TreeHash(n, r.reader())
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := r.signer.Checkpoint(n, root)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(c)
}

func raw(path []tlog.Hash) [][]byte {
	out := [][]byte{}
	for _, h := range path {
		out = append(out, h[:])
	}
	return out
}

// grown is the proof that the log only grew since it had n entries.
func (r *room) grown(n int64) string {
	path, err := tlog.ProveTree(r.n, n, r.reader())
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := json.Marshal(receipt.Consistency{Schema: receipt.ConsistencySchema, From: n, Checkpoint: r.checkpoint(r.n), Path: raw(path)})
	if err != nil {
		r.t.Fatal(err)
	}
	return string(p)
}

func claims() receipt.Claims {
	sum := sha256.Sum256([]byte(table))
	return receipt.Claims{Confinement: receipt.Confined, Entrustment: "acme-2026", Version: 2, Recipient: "acme", Table: hex.EncodeToString(sum[:]), Specs: []string{"ab"}, Policy: "cd", RhoNano: 5_000_000}
}

func entryOf(c receipt.Claims) string {
	e, err := json.Marshal(map[string]any{"kind": receipt.EntryKind, "body": map[string]any{"table": c.Table, "confinement": c.Confinement, "entrustment": c.Entrustment,
		"version": c.Version, "recipient": c.Recipient, "specs": c.Specs, "policy": c.Policy, "rho_nano": c.RhoNano, "delta_e15": c.DeltaE15}})
	if err != nil {
		panic(err)
	}
	return string(e)
}

// prove completes claims: their entry is the third of the first five of the room's.
func (r *room) prove(c receipt.Claims, entry string) receipt.Claims {
	path, err := tlog.ProveRecord(5, 2, r.reader())
	if err != nil {
		r.t.Fatal(err)
	}
	c.Log = receipt.LogProof{Entry: entry, Index: 2, Checkpoint: r.checkpoint(5), Inclusion: raw(path)}
	return c
}

// report is a release with a receipt, on one line.
func (r *room) report(c receipt.Claims) []byte {
	signed, err := r.signer.Sign(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return []byte(strings.TrimSuffix(table, "null}") + string(signed) + "}")
}

type verifyCase struct {
	File    []byte         `json:"file"`
	Options map[string]any `json:"options"`
	fails   []string       // checks
	says    string         // of the growth, where it fails
}

func TestVerifyModule(t *testing.T) {
	t.Parallel()
	// A test of what is built knows an old module from a new one by these files.
	for _, path := range []string{"verify/main.go", "testdata/verify.mjs"} {
		if _, err := os.ReadFile(filepath.FromSlash(path)); err != nil {
			t.Fatal(err)
		}
	}
	c := claims()
	e := entryOf(c)
	r, forger := newRoom(t, 1, "0", "1", e, "3", "4", "5"), newRoom(t, 2, "0", "1", e, "3", "4", "5")
	fork := newRoom(t, 1, "0", "1", e, "3", "other", "5")
	genuine := r.report(r.prove(c, e))
	other := c
	other.RhoNano--
	beside := newRoom(t, 1, "0", "1", "2", "3", "4")
	unsigned := r.prove(c, e)
	unsigned.Log.Checkpoint = forger.checkpoint(5)
	key := map[string]any{"key": r.signer.VerifierKey()}
	growth := func(held, proof string) map[string]any {
		return map[string]any{"key": r.signer.VerifierKey(), "growth": []any{map[string]any{"proof": r.grown(5)}, map[string]any{"held": held, "proof": proof}}}
	}
	cases := map[string]verifyCase{
		"genuine":               {File: genuine, Options: growth(r.checkpoint(4), r.grown(4))},
		"without a key":         {File: genuine, Options: map[string]any{"growth": []any{map[string]any{"proof": r.grown(5)}}}},
		"of another key":        {File: forger.report(forger.prove(c, e)), Options: key, fails: []string{"key"}},
		"another price":         {File: bytes.Replace(genuine, []byte(`"rho_nano":5000000`), []byte(`"rho_nano":4000000`), 1), Options: key, fails: []string{"signature", "entry"}},
		"another number":        {File: bytes.Replace(genuine, []byte(`"value":812`), []byte(`"value":912`), 1), Options: key, fails: []string{"table"}},
		"a log never signed":    {File: r.report(unsigned), Options: key, fails: []string{"checkpoint"}},
		"released beside a log": {File: r.report(beside.prove(c, e)), Options: key, fails: []string{"inclusion"}},
		"another price in it":   {File: r.report(r.prove(other, e)), Options: key, fails: []string{"entry"}},
		"white space":           {File: bytes.Replace(genuine, []byte(`"cells":`), []byte(`"cells": `), 1), Options: key, fails: []string{"layout"}},
		"no release":            {File: []byte(`{"receipt":`), Options: key, fails: []string{"form"}},
		"a log that was forked": {File: genuine, Options: growth(fork.checkpoint(5), r.grown(5)), says: "does not begin with the earlier one"},
		"of another's log":      {File: genuine, Options: growth(forger.checkpoint(5), r.grown(5)), says: "not signed by the key"},
	}
	var answers struct {
		Startup float64
		Answers map[string]struct {
			receipt.Examination
			Given  string
			Growth []receipt.Growth
		}
		Bare   receipt.Examination
		Faults map[string]string
	}
	size := runNode(t, "verify", "verify.mjs", cases, &answers)
	for name, want := range cases {
		a := answers.Answers[name]
		var fails []string
		for _, f := range a.Findings {
			if f.Outcome == receipt.Fails {
				fails = append(fails, f.Check)
			}
		}
		if !slices.Equal(fails, want.fails) || a.Verified != (len(want.fails) == 0) || len(a.Findings) != 8 {
			t.Errorf("%s: %v fail, want %v: %+v", name, fails, want.fails, a.Findings)
		}
		for i, g := range a.Growth {
			last := i == len(a.Growth)-1
			if broken := last && want.says != ""; (g.Outcome == receipt.Fails) != broken || broken && !strings.Contains(g.Says, want.says) || !broken && g.To != 6 {
				t.Errorf("%s: growth %d: %+v, want %q", name, i, g, want.says)
			}
		}
		if given := a.Given != ""; given != (want.Options["key"] != nil) || given && a.Given != receipt.Fingerprint(r.signer.Public()) {
			t.Errorf("%s: the key given is %q", name, a.Given)
		}
	}
	if a := answers.Answers["genuine"]; a.Key != a.Given || a.Origin != "awase/test" || a.Size != 5 || a.Receipt == nil || a.Receipt.Recipient != "acme" || len(a.Growth) != 2 {
		t.Errorf("of the genuine one it says %+v", a)
	}
	if f := answers.Answers["without a key"].Findings[1]; f.Check != "key" || f.Outcome != receipt.Unchecked {
		t.Errorf("without a key: %+v", f)
	}
	if answers.Bare.Verified || answers.Faults["file"] == "" || answers.Faults["options"] == "" || !strings.Contains(answers.Faults["key"], "awase log key") {
		t.Errorf("%+v, %v", answers.Bare, answers.Faults)
	}
	t.Logf("%d bytes; started in %.0f ms", size, answers.Startup)
}

// runNode builds a module, gives cases to it by a script of testdata and reads what it
// prints; it gives the module's size in bytes.
func runNode(t *testing.T, module, script string, cases, answers any) int64 {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("node is not installed; make deps installs it")
		}
		t.Skip("DID NOT RUN: node is not installed; make deps installs it")
	}
	dir := t.TempDir()
	wasm, in := filepath.Join(dir, module+".wasm"), filepath.Join(dir, "cases.json")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", wasm, "./"+module)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	data, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, filepath.Join("testdata", script), filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"), wasm, in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%.2000s", err, errs.String())
	}
	if err := json.Unmarshal(out, answers); err != nil {
		t.Fatalf("%v: %.500s", err, out)
	}
	info, err := os.Stat(wasm)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
