package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

// signedRelease writes a release of a practice room as a report.json, with a
// genuine receipt of a log of one entry, and the key's line beside it.
func signedRelease(t *testing.T, dir string) {
	t.Helper()
	r := &wire.Release{
		Schema: wire.ReleaseSchema, Report: entrustment.ReportProfile, Entrustment: "e", Version: 1, ReleasedAt: "2026-11-23T05:05:00Z",
		Question: &entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportProfile, Entrustment: "e", Dims: []string{"gender"}},
		Dims:     []wire.Dim{{Name: "gender", Domain: []string{"female", "male"}}},
		Cells: []wire.Cell{
			{Key: map[string]string{"gender": "female"}, Status: wire.Released, Users: &wire.Number{Value: 4321, Low: 4301, High: 4341}},
			{Key: map[string]string{"gender": "male"}, Status: wire.Withheld},
		},
		Privacy: wire.Privacy{K: 50, Tau: 107, Sigma: 10, Rho: 0.005, Withheld: 1, Cells: 2, Practice: true},
	}
	signer, err := receipt.NewSigner([32]byte{7}, "awase/practice")
	if err != nil {
		t.Fatal(err)
	}
	table, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(table)
	claims := receipt.Claims{Practice: true, Confinement: receipt.Confined, Entrustment: "e", Version: 1, Recipient: "acme", Table: hex.EncodeToString(sum[:]), Policy: "p", RhoNano: 5_000_000}
	entry, err := json.Marshal(map[string]any{"kind": receipt.EntryKind, "body": map[string]any{
		"table": claims.Table, "confinement": claims.Confinement, "entrustment": "e", "version": 1, "recipient": "acme", "policy": "p", "rho_nano": claims.RhoNano,
	}})
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := signer.Checkpoint(1, tlog.RecordHash(entry))
	if err != nil {
		t.Fatal(err)
	}
	claims.Log = receipt.LogProof{Entry: string(entry), Checkpoint: string(checkpoint), Inclusion: [][]byte{}}
	if r.Receipt, err = signer.Sign(claims); err != nil {
		t.Fatal(err)
	}
	var doc bytes.Buffer
	if err := render.Write(&doc, render.JSON, r); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"report.json": doc.Bytes(), "key": []byte(signer.VerifierKey() + "\n"),
		"changed.json": bytes.Replace(doc.Bytes(), []byte(`"value": 4321`), []byte(`"value": 4331`), 1),
		"hidden.json":  bytes.Replace(doc.Bytes(), []byte("      \"status\": \"withheld\""), []byte("      \"status\": \"withheld\", \"users\": {\"value\": 3, \"low\": 0, \"high\": 23}"), 1),
		"real.json":    bytes.Replace(doc.Bytes(), []byte(",\n    \"practice\": true"), nil, 1),
	} {
		if name != "report.json" && bytes.Equal(b, doc.Bytes()) {
			t.Fatalf("%s is not changed", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRenderOffline: a report.json is shown and written as another form where its
// receipt fits; changed numbers, a number in a withheld cell and a practice room
// denied are refused. The twin, reading without the receipt, lets two of them by.
func TestRenderOffline(t *testing.T) {
	dir := t.TempDir()
	signedRelease(t, dir)
	call := func(args ...string) (code int, out, errOut string) {
		var o, e bytes.Buffer
		code = run(t.Context(), args, strings.NewReader(""), &o, &e)
		return code, o.String(), e.String()
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	code, out, errOut := call("verify", "--key", at("key"), at("report.json"))
	if code != 0 || !strings.Contains(out, "of a practice room: the people counted are made up") {
		t.Fatalf("%d %s%s", code, out, errOut)
	}
	code, out, errOut = call("render", "--key", at("key"), at("report.json"), "--out", at("a.pdf"), "--out", at("a.parquet"))
	for _, want := range []string{"練習用の結果です", "4,321", "wrote a.pdf", "wrote a.parquet", "report.json: verified, entry 0 of the record log awase/practice", "(the key given)"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d, without %q: %s%s", code, want, out, errOut)
		}
	}
	for name, passes := range map[string]bool{"changed.json": true, "hidden.json": false, "real.json": true} {
		code, out, errOut := call("render", "--key", at("key"), at(name), "--out", at("b.pdf"))
		if code != 1 || out != "" || !strings.Contains(errOut, "E_FILE at "+name+": not verified: the table is not the one that was released") {
			t.Errorf("%s: %d %s%s", name, code, out, errOut)
		}
		if _, err := os.Stat(at("b.pdf")); err == nil {
			t.Errorf("%s was written", name)
		}
		doc, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := render.ReadRelease(doc); (err == nil) != passes {
			t.Errorf("%s without its receipt: %v", name, err)
		}
	}
}
