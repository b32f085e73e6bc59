package enclave

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/receipt"
	"awase/entrustment"
)

// reportFile is a release as it is written to a file.
func reportFile(t *testing.T, e *Enclave) []byte {
	t.Helper()
	r, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func logKey(t *testing.T, e *Enclave) ed25519.PublicKey {
	t.Helper()
	line, err := e.LogKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := receipt.ParseVerifierKey(line + "\n")
	if err != nil {
		t.Fatal(err)
	}
	for i := range line {
		altered := []byte(line)
		altered[i] ^= 4
		if other, err := receipt.ParseVerifierKey(string(altered)); err == nil && other.Equal(key) {
			t.Errorf("byte %d of the key line doesn't matter", i)
		}
	}
	return key
}

// TestVerifyFile: a release verifies as written, and no byte of it can be
// changed but white space.
func TestVerifyFile(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	file, key := reportFile(t, e), logKey(t, e)
	r, err := receipt.VerifyFile(file, key)
	if err != nil {
		t.Fatal(err)
	}
	if r.Entrustment != "e" || r.Version != 1 {
		t.Errorf("released under %s, version %d", r.Entrustment, r.Version)
	}
	var want, got bytes.Buffer
	if err := json.Compact(&want, file); err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.VerifyFile(want.Bytes(), key); err != nil {
		t.Errorf("without white space: %v", err)
	}
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 1 << (i % 8)
		if _, err := receipt.VerifyFile(bad, key); err != nil {
			continue
		}
		got.Reset()
		if json.Compact(&got, bad) != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("with byte %d changed it verifies", i)
		}
	}
	for cut := range 40 {
		if _, err := receipt.VerifyFile(file[:len(file)*cut/40], key); err == nil {
			t.Errorf("cut to %d/40 it verifies", cut)
		}
	}
	for name, c := range map[string]struct{ from, to, says string }{
		"a number":            {`"k": 50`, `"k": 60`, "table"},
		"the entrustment":     {`"entrustment": "e",` + "\n  ", `"entrustment": "f",` + "\n  ", "table"},
		"the price":           {`"rho_nano": `, `"rho_nano": 1`, "signature"},
		"the policy":          {`"policy": "`, `"policy": "0`, "signature"},
		"the checkpoint":      {`"checkpoint": "awase/`, `"checkpoint": "bwase/`, "signature"},
		"another schema":      {`"awase.receipt/v1"`, `"awase.receipt/v2"`, "version"},
		"a member more":       {`"dev": true,` + "\n    \"confinement\"", `"dev": true, "note": 1,` + "\n    \"confinement\"", "written"},
		"the confinement":     {`"confinement": "unconfined"`, `"confinement": "confined"`, "signature"},
		"no confinement":      {`"confinement": "unconfined",` + "\n", "", "written"},
		"no receipt":          {`"receipt": {`, `"receipts": {`, "receipt"},
		"something behind it": {"}\n", "} {}", "not JSON"},
	} {
		bad := strings.Replace(string(file), c.from, c.to, 1)
		if name == "something behind it" {
			bad = string(file) + "{}"
		}
		if bad == string(file) {
			t.Errorf("%s: nothing is changed", name)
			continue
		}
		if _, err := receipt.VerifyFile([]byte(bad), key); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a sentence on %q", name, err, c.says)
		}
	}
}

// TestForgedReport: who makes up a report with a key and a log of their own is
// found by the pinned key, and by nothing else: without it the forgery verifies.
func TestForgedReport(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	file, key := reportFile(t, e), logKey(t, e)
	var release map[string]json.RawMessage
	if err := json.Unmarshal(file, &release); err != nil {
		t.Fatal(err)
	}
	var c receipt.Claims
	if err := json.Unmarshal(release["receipt"], &c); err != nil {
		t.Fatal(err)
	}
	var flat, table bytes.Buffer
	if err := json.Compact(&flat, bytes.Replace(file, []byte(`"k": 50`), []byte(`"k": 49`), 1)); err != nil {
		t.Fatal(err)
	}
	json.HTMLEscape(&table, flat.Bytes())
	text := table.Bytes()
	at := bytes.LastIndex(text, []byte(`"receipt":{`)) + len(`"receipt":`)
	sum := sha256.Sum256(append(bytes.Clone(text[:at]), "null}"...))
	was := c.Table
	c.Table = hex.EncodeToString(sum[:])
	c.Log.Entry = strings.ReplaceAll(c.Log.Entry, was, c.Table)

	signer, err := receipt.NewSigner([32]byte{7}, "awase/forged")
	if err != nil {
		t.Fatal(err)
	}
	note, err := signer.Checkpoint(1, tlog.RecordHash([]byte(c.Log.Entry)))
	if err != nil {
		t.Fatal(err)
	}
	c.Log.Index, c.Log.Inclusion, c.Log.Checkpoint = 0, [][]byte{}, string(note)
	raw, err := signer.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	forged := append(append(bytes.Clone(text[:at]), raw...), '}')
	if _, err := receipt.VerifyFile(forged, key); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("a forged report: %v", err)
	}
	if _, err := receipt.VerifyFile(forged, nil); err != nil {
		t.Errorf("the forgery is no good: %v", err)
	}
}

// TestLogProof: the log at each checkpoint begins with the log at each earlier
// one; a proof with a byte changed, or of another beginning, shows nothing.
func TestLogProof(t *testing.T) {
	e := openCrowd(t)
	key := logKey(t, e)
	log := e.vault.Log()
	checkpoint := func(n int64) []byte {
		t.Helper()
		p, err := log.Proof(n - 1)
		if err != nil {
			t.Fatal(err)
		}
		return []byte(p.Checkpoint)
	}
	size := int64(len(log.Records()))
	for n := int64(1); n <= size; n++ {
		proof, err := e.LogProof(t.Context(), n, 0)
		if err != nil {
			t.Fatal(err)
		}
		if from, to, err := receipt.CheckConsistency(checkpoint(n), proof, key); err != nil || from != n || to != size {
			t.Errorf("from %d: %d, %d, %v", n, from, to, err)
		}
		if n > 1 {
			if _, _, err := receipt.CheckConsistency(checkpoint(n-1), proof, key); err == nil {
				t.Errorf("a proof from %d serves %d", n, n-1)
			}
		}
	}
	// Another log of the same key, as a vault that was rolled back goes on.
	other, err := e.vault.Signer().Checkpoint(3, tlog.RecordHash([]byte("another entry")))
	if err != nil {
		t.Fatal(err)
	}
	old := checkpoint(3)
	proof, err := e.LogProof(t.Context(), 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := receipt.CheckConsistency(other, proof, key); err == nil || !strings.Contains(err.Error(), "does not begin") {
		t.Errorf("a fork: %v", err)
	}
	for name, original := range map[string][]byte{"proof": proof, "checkpoint": old} {
		for i := range original {
			bad := bytes.Clone(original)
			bad[i] ^= 1 << (i % 8)
			a, b := bad, proof
			if name == "proof" {
				a, b = old, bad
			}
			if _, _, err := receipt.CheckConsistency(a, b, key); err == nil {
				t.Errorf("with byte %d of the %s changed it verifies", i, name)
			}
		}
	}
	for _, n := range []int64{-1, size + 1} {
		_, err := e.LogProof(context.Background(), n, 0)
		wantCode(t, fmt.Sprint("from ", n), err, entrustment.CodeSpec)
	}
}
