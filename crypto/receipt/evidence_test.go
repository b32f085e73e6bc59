package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// evidenceOf is what a vault says of acme-2026: its end in entry 5, and a list in
// entry 3. change may make it a forgery, which the vault's own key signs.
func evidenceOf(s *Signer, change func(map[string]any)) []byte {
	log := newTree("0", "1", "2", "3", "4", endEntry("acme-2026", 1), "6", rotationEntry(2))
	note := string(must(s.Checkpoint(log.n(), log.root(log.n()))))
	entry := func(seq int64, kind string) map[string]any {
		leaf := tlog.RecordHash([]byte(log.lines[seq]))
		return map[string]any{"seq": seq, "kind": kind, "entrustment": "acme-2026", "leaf": fmt.Sprintf("%x", leaf[:]), "path": log.proof(s, seq).Inclusion}
	}
	e := map[string]any{
		"entrustment": "acme-2026", "key": s.Public(), "size": log.n(), "checkpoint": note,
		"entries": []any{entry(3, "list"), entry(4, "report"), entry(5, "end")},
		"uploads": []any{map[string]any{"log_entry": 3}}, "releases": []any{map[string]any{"log_entry": 4}}, "provisions": []any{map[string]any{"log_entry": 4}},
		"ends":        []any{end("acme-2026", must(s.SignDestruction(destruction(s, endEntry("acme-2026", 1), rotationEntry(2)))))},
		"attestation": string(must(s.Attest(Attestation{Nonce: EvidenceNonce(note)}))),
	}
	if change != nil {
		change(e)
	}
	body := fmt.Appendf(nil, `{"schema":%q,`, EvidenceSchema)
	return must(s.SignEvidence(append(body, must(json.Marshal(e))[1:]...)))
}

func end(id string, certificate []byte) map[string]any {
	return map[string]any{"entrustment": id, "certificate": string(certificate)}
}

// TestEvidence: evidence verifies, and with no byte changed or left out.
func TestEvidence(t *testing.T) {
	s := newSigner(1)
	file := evidenceOf(s, nil)
	e, err := VerifyEvidence(file, s.Public())
	if err != nil || len(e.Entries) != 3 || !IsEvidence(file) || IsCertificate(file) {
		t.Fatalf("%+v, %v", e, err)
	}
	if !bytes.Equal(file, evidenceOf(s, nil)) {
		t.Error("the same evidence gave other bytes")
	}
	for i := 0; i < len(file); i += 3 {
		bad := bytes.Clone(file)
		bad[i] ^= 1 << (i % 8)
		for _, bad := range [][]byte{bad, slices.Delete(bytes.Clone(file), i, i+1)} {
			if _, err := VerifyEvidence(bad, s.Public()); err == nil {
				t.Fatalf("with byte %d changed it verifies", i)
			}
		}
	}
}

// TestEvidenceControls makes the forgeries that each check is there against: with
// all checks none verifies, and the error names what fails; without its own it does.
func TestEvidenceControls(t *testing.T) {
	s, other := newSigner(1), newSigner(2)
	part := func(e map[string]any, name string, i int) map[string]any { return e[name].([]any)[i].(map[string]any) }
	whole := evidenceOf(s, nil)
	signature := whole[len(whole)-len(`"}`+"\n")-signatureSize : len(whole)-len(`"}`+"\n")]
	resigned := bytes.Replace(evidenceOf(s, func(e map[string]any) { part(e, "entries", 0)["kind"] = "events" }), signature, signature, 1)
	copy(resigned[len(resigned)-len(`"}`+"\n")-signatureSize:], signature)
	hit := map[string]bool{}
	for what, f := range map[string]struct {
		file  []byte
		check string
		says  string
	}{
		"evidence that anybody made up":   {evidenceOf(other, nil), "key", "another key"},
		"what the signature is not of":    {resigned, "signature", "signature does not fit"},
		"a checkpoint of another's log":   {evidenceOf(s, func(e map[string]any) { foreign(e, other) }), "checkpoint", "checkpoint"},
		"a log that is longer than it is": {evidenceOf(s, func(e map[string]any) { e["size"] = 9 }), "checkpoint", "another size"},
		"the proof of another log": {evidenceOf(s, func(e map[string]any) {
			part(e, "entries", 1)["path"] = newTree("a", "b", "c", "d", "e", "f", "g", "h").proof(s, 4).Inclusion
		}), "entries", "proof of entry 4"},
		"an entry that is not in the log": {evidenceOf(s, func(e map[string]any) { part(e, "entries", 0)["leaf"] = strings.Repeat("ab", 32) }), "entries", "proof of entry 3"},
		"an entry twice": {evidenceOf(s, func(e map[string]any) {
			all := e["entries"].([]any)
			e["entries"] = []any{all[0], all[1], all[1], all[2]}
		}), "order", "entry 4 stands out of order"},
		"a dropped entry": {evidenceOf(s, func(e map[string]any) {
			e["entries"] = slices.Delete(slices.Clone(e["entries"].([]any)), 1, 2)
		}), "rows", "entry 4, which is not among"},
		"the upload's entry dropped": {evidenceOf(s, func(e map[string]any) { e["entries"] = e["entries"].([]any)[1:] }), "rows", "entry 3"},
		"the certificate of another end": {evidenceOf(s, func(e map[string]any) {
			e["ends"] = []any{end("acme-2026", must(s.SignDestruction(destruction(s, endEntry("acme-2025", 1), rotationEntry(2)))))}
		}), "certificates", `certificate of "acme-2026"`},
		"a certificate that another signed": {evidenceOf(s, func(e map[string]any) {
			e["ends"] = []any{end("acme-2026", must(other.SignDestruction(destruction(other, endEntry("acme-2026", 1), rotationEntry(2)))))}
		}), "certificates", "signed by another key"},
		"an end without its certificate": {evidenceOf(s, func(e map[string]any) { e["ends"] = []any{} }), "ends", "certificate is missing"},
		"an old attestation": {evidenceOf(s, func(e map[string]any) {
			e["attestation"] = string(must(s.Attest(Attestation{Nonce: "evidence-old"})))
		}), "attestation", "another nonce"},
	} {
		_, err := VerifyEvidence(f.file, s.Public())
		if err == nil || !strings.Contains(err.Error(), f.says) {
			t.Errorf("%s: %v", what, err)
		}
		left := slices.DeleteFunc(slices.Clone(evidenceChecks), func(c evidenceCheck) bool { return c.name == f.check })
		if _, err := verifyEvidence(f.file, s.Public(), left); err != nil {
			t.Errorf("%s is noticed without the check of %q: %v", what, f.check, err)
		}
		hit[f.check] = true
	}
	for _, c := range evidenceChecks {
		if !hit[c.name] {
			t.Errorf("no forgery needs the check %q", c.name)
		}
	}
}

// foreign gives evidence the checkpoint of a log that another signed, with all that
// hangs on it.
func foreign(e map[string]any, other *Signer) {
	log := newTree("0", "1", "2", "3", "4", endEntry("acme-2026", 1), "6", rotationEntry(2))
	note := string(must(other.Checkpoint(log.n(), log.root(log.n()))))
	e["checkpoint"] = note
	e["attestation"] = string(must(newSigner(1).Attest(Attestation{Nonce: EvidenceNonce(note)})))
}

// FuzzVerifyEvidence: nothing but evidence verifies, and no file panics.
func FuzzVerifyEvidence(f *testing.F) {
	s := newSigner(1)
	good := evidenceOf(s, nil)
	f.Add(good)
	f.Add([]byte(`{"schema":"awase.evidence/v1","signature":"` + base64.StdEncoding.EncodeToString(make([]byte, 64)) + "\"}\n"))
	f.Add(evidenceOf(s, func(e map[string]any) { maps.DeleteFunc(e, func(k string, _ any) bool { return k == "checkpoint" }) }))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := VerifyEvidence(file, s.Public()); err == nil && !bytes.Equal(file, good) {
			t.Error("another file verifies")
		}
	})
}
