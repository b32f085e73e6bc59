package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The desk makes its key, hands a request in, fetches what was disclosed and opens it
// offline, against the receipt; another key, another receipt and an altered file are
// refused in words.
func TestDisclosureCommand(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := writeDocs(dir); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"users.csv": smallBase(), "keys.txt": []byte("canary-user-1\nnobody at all\n"), "other.txt": []byte("canary-user-2\n")} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(status int, line string) string {
		t.Helper()
		code, out, errOut := command(t, strings.Fields(line)...)
		if code != status {
			t.Fatalf("%s: status %d\n%s\n%s", line, code, out, errOut)
		}
		return out + errOut
	}
	run(0, "party add --vault V operator.yaml")
	run(0, "policy add --vault V policies.yaml")
	run(0, "base load --vault V --schema base.yaml users.csv")
	has(t, run(1, "request --vault V --check document --on 2026-04-01 disclosure keys.txt"), "E_NOT_FOUND", "awase desk key", "awase desk set")
	has(t, run(0, "desk key --out desk.key"), "fingerprint ")
	run(1, "desk key --out desk.key") // never overwritten
	run(2, "desk key")
	run(0, "desk key --out thief.key")
	for _, name := range []string{"desk.key", "desk.key.pub"} {
		st, err := os.Stat(name)
		if err != nil || st.Mode().Perm() != map[string]os.FileMode{"desk.key": 0o600, "desk.key.pub": 0o644}[name] {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
	has(t, run(1, "desk set --vault V desk.key"), "no public key")
	has(t, run(0, "desk set --vault V desk.key.pub"), "desk key", "fingerprint ")
	has(t, run(0, "desk --vault V"), "fingerprint", "version 1")
	has(t, run(0, "request --vault V --check document --on 2026-04-01 --out r.json disclosure keys.txt"), "request 1: disclosure", "disclosed at", "SHA-256 of the sealed file", "開示")
	has(t, run(0, "verify r.json"), "verified", "disclosed at", "sealed to the desk's key")
	has(t, run(0, "requests --vault V"), "disclosure", "disclosed")
	run(2, "requests disclosure --vault V 1")
	run(1, "requests disclosure --vault V --out d.sealed 9")
	run(2, "requests disclosure --vault V --out d.sealed one")
	has(t, run(0, "requests disclosure --vault V --out d.sealed 1"), "awase requests open")
	told := run(0, "requests open --key desk.key d.sealed")
	has(t, told, "disclosure of request: 1", "account 1", "account 2", "該当なし / not in the base", "属性 / attribute: gender = ", "policy version agreed to", "その有無にかかわらず", "nobody checked")
	if checked := run(0, "requests open --key desk.key --receipt r.json d.sealed"); strings.Contains(checked, "nobody checked") {
		t.Error(checked)
	}
	run(0, "request --vault V --check document --on 2026-04-01 --out other.json disclosure other.txt")
	run(0, "requests disclosure --vault V --out other.sealed 2")
	run(0, "request --vault V --check document --on 2026-04-01 --out stop.json stop other.txt")
	has(t, run(1, "requests open --key thief.key d.sealed"), "another desk's key", "name the key of that fingerprint")
	has(t, run(1, "requests open --key desk.key --receipt other.json d.sealed"), "another disclosure")
	has(t, run(1, "requests open --key desk.key --receipt stop.json d.sealed"), "not disclosed yet")
	has(t, run(1, "requests open --key desk.key --receipt d.sealed d.sealed"), "not a receipt")
	has(t, run(1, "requests open --key desk.key r.json"), "not a sealed file")
	run(2, "requests open d.sealed")
	file, err := os.ReadFile("d.sealed")
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile("other.sealed")
	if err != nil || len(other) != len(file) || bytes.Equal(file, other) {
		t.Fatalf("%d and %d bytes, %v", len(file), len(other), err)
	}
	file[len(file)/2] ^= 1
	for name, data := range map[string][]byte{"altered.sealed": file, "mixed.sealed": append(bytes.Clone(other[:48]), file[48:]...)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		has(t, run(1, "requests open --key desk.key "+name), "does not open")
	}
	if err := os.Chmod("desk.key", 0o644); err != nil {
		t.Fatal(err)
	}
	has(t, run(1, "requests open --key desk.key d.sealed"), "others than you can read it")
}
