package enclave

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"awase/crypto/receipt"
	"awase/enclave/sandbox"
	"awase/entrustment"
)

// inForce is a statement in which all pieces but some are in force.
func inForce(but ...sandbox.Name) *sandbox.Statement {
	s := sandbox.Unconfined("for a test")
	for i := range s.Pieces {
		s.Pieces[i].InForce = true
		for _, n := range but {
			if s.Pieces[i].Name == n {
				s.Pieces[i].InForce = false
			}
		}
	}
	return s
}

// TestOfficersNeedConfinement: a vault with officers opens in no process that is
// not confined, whatever was allowed to be missing; a dev vault does.
func TestOfficersNeedConfinement(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	if _, err := Init(t.Context(), dir, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2"), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by    *sandbox.Statement
		says  string
		opens bool
	}{
		{by: nil, says: "E_FORBIDDEN at vault: this vault is one that officers sign for, and is opened by a confined process alone"},
		{by: sandbox.Unconfined("--unconfined"), says: "no_new_privs, files, system_calls, not_dumpable missing"},
		{by: inForce(sandbox.Files), says: "files missing"},
		{by: inForce(sandbox.SystemCalls), says: "system_calls missing"},
		{by: inForce(), opens: true},
		{by: inForce(sandbox.Signals, sandbox.Network), opens: true},
	} {
		e, err := Open(t.Context(), dir, Options{Confined: c.by})
		if err == nil {
			e.Close()
		}
		if (err == nil) != c.opens || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.by.Short(), err)
		}
		if refusal, ok := errors.AsType[*entrustment.Error](err); err != nil && (!ok || refusal.Mend == "") {
			t.Errorf("%v has no mend", err)
		}
	}
	dev, err := Open(t.Context(), filepath.Join(t.TempDir(), "D"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	dev.Close()
}

// TestAttestation: it says of the enclave what is so, signed by the key of its
// receipts.
func TestAttestation(t *testing.T) {
	e := openCrowd(t)
	line, err := e.LogKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := receipt.ParseVerifierKey(line)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := e.Attestation(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	a, err := receipt.VerifyAttestation(raw, "n1", key)
	if err != nil {
		t.Fatal(err)
	}
	if a.Confinement.Short != receipt.Unconfined || len(a.Confinement.Pieces) != len(sandbox.Names()) || len(a.Confinement.Missing()) != len(sandbox.Names()) {
		t.Errorf("%+v", a.Confinement)
	}
	r, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	var claims receipt.Receipt
	if err := json.Unmarshal(r.Receipt, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Policy != a.Policy || claims.Confinement != a.Confinement.Short || claims.Dev != a.Dev || string(claims.Key) != string(a.Key) {
		t.Errorf("the receipt says %+v, the attestation %+v", claims.Claims, a)
	}
	if text, err := e.opener.Public().MarshalText(); err != nil || string(text) != a.SealingKey {
		t.Errorf("the sealing key is %s, %v", text, err)
	}
	for _, nonce := range []string{"", "a b", strings.Repeat("a", 129), "é"} {
		if raw, err := e.Attestation(t.Context(), nonce); entrustment.Public(err).Code != entrustment.CodeSpec {
			t.Errorf("nonce %q: %s, %v", nonce, raw, err)
		}
	}
	// One that lost what its statement says does not attest.
	e.self.confined = inForce()
	if raw, err := e.Attestation(t.Context(), "n2"); err == nil {
		t.Errorf("a process that is not confined signed %s", raw)
	}
	if e.Confinement() != receipt.Confined || receipt.Words(inForce(sandbox.Files).Short()) != "confined by the kernel, but for files" || receipt.Words(sandbox.Unconfined("").Short()) != receipt.Words(receipt.Unconfined) {
		t.Error("receipts and statements use other words")
	}
}
