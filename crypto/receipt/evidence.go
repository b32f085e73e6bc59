package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// EvidenceSchema is the schema name of evidence.
const EvidenceSchema = "awase.evidence/v1"

const evidencePrefix = EvidenceSchema + "\n"

// evidenceEnd is what stands between what is signed, less its last brace, and the
// signature.
const evidenceEnd = `,"signature":"`

// signatureSize is the length of an Ed25519 signature in Base64.
var signatureSize = base64.StdEncoding.EncodedLen(ed25519.SignatureSize)

// EvidenceNonce gives the nonce that the attestation in evidence answers: it is
// made for the log of that checkpoint.
func EvidenceNonce(checkpoint string) string {
	sum := sha256.Sum256([]byte(checkpoint))
	return "evidence-" + hex.EncodeToString(sum[:16])
}

// SignEvidence signs evidence: a JSON object on one line, whose schema is
// EvidenceSchema. The signature, Ed25519 over "awase.evidence/v1\n" ‖ body, becomes
// its last member.
func (s *Signer) SignEvidence(body []byte) ([]byte, error) {
	if !json.Valid(body) || !bytes.HasPrefix(body, []byte(`{"schema":"`+EvidenceSchema+`",`)) || body[len(body)-1] != '}' {
		return nil, errors.New("signing evidence: it is not written as evidence is")
	}
	sig := ed25519.Sign(s.key, append([]byte(evidencePrefix), body...))
	out := append(bytes.Clone(body[:len(body)-1]), evidenceEnd...)
	return append(base64.StdEncoding.AppendEncode(out, sig), `"}`+"\n"...), nil
}

// Evidence is what is checked of a file of evidence. Members that no check reads
// are the word of its signature alone.
type Evidence struct {
	Entrustment string `json:"entrustment"` // "": an incident
	Key         []byte `json:"key"`
	Size        int64  `json:"size"`
	Checkpoint  string `json:"checkpoint"`
	Attestation string `json:"attestation"`
	Entries     []struct {
		Seq         int64    `json:"seq"`
		Kind        string   `json:"kind"`
		Entrustment string   `json:"entrustment"`
		Leaf        string   `json:"leaf"`
		Path        [][]byte `json:"path"`
	} `json:"entries"`
	Uploads    []ofEntry `json:"uploads"`
	Releases   []ofEntry `json:"releases"`
	Provisions []ofEntry `json:"provisions"`
	Ends       []struct {
		Entrustment string `json:"entrustment"`
		Certificate string `json:"certificate"`
	} `json:"ends"`
}

// ofEntry is a row that an entry of the log is behind.
type ofEntry struct {
	Seq int64 `json:"log_entry"`
}

// evidenced is what there is to check of evidence, read and not yet believed.
type evidenced struct {
	Evidence
	body, signature []byte
	key             ed25519.PublicKey // nil: any
	root            tlog.Hash
	size            int64 // of the checkpoint
}

// An evidenceCheck is there against one forgery: see TestEvidenceControls.
type evidenceCheck struct {
	name string
	hold func(*evidenced) error
}

var evidenceChecks = []evidenceCheck{
	{"key", func(e *evidenced) error {
		return unless(e.key == nil || bytes.Equal(e.key, e.Key), "the evidence is signed by another key than the one given")
	}},
	{"signature", func(e *evidenced) error {
		return unless(ed25519.Verify(e.Key, append([]byte(evidencePrefix), e.body...), e.signature), "the evidence's signature does not fit what it says")
	}},
	{"checkpoint", func(e *evidenced) error {
		_, _, err := openCheckpoint([]byte(e.Checkpoint), Origin(e.Checkpoint), e.Key)
		return unless(err == nil && e.size == e.Size, "the checkpoint of the record log is not signed by the evidence's key, or is of another size")
	}},
	{"entries", func(e *evidenced) error {
		for i := range e.Entries {
			l := &e.Entries[i]
			path, ok := hashes(l.Path)
			leaf, err := hex.DecodeString(l.Leaf)
			if !ok || err != nil || len(leaf) != tlog.HashSize || hex.EncodeToString(leaf) != l.Leaf {
				return fmt.Errorf("the inclusion proof of entry %d is damaged", l.Seq)
			}
			if l.Seq < 0 || l.Seq >= e.size || tlog.CheckRecord(path, e.size, e.root, l.Seq, tlog.Hash(leaf)) != nil {
				return fmt.Errorf("the inclusion proof of entry %d does not lead to the checkpoint: the entry is not in the log that it signs", l.Seq)
			}
		}
		return nil
	}},
	{"order", func(e *evidenced) error {
		for i := 1; i < len(e.Entries); i++ {
			if e.Entries[i].Seq <= e.Entries[i-1].Seq {
				return fmt.Errorf("entry %d stands out of order", e.Entries[i].Seq)
			}
		}
		return nil
	}},
	{"rows", func(e *evidenced) error {
		there := map[int64]bool{}
		for i := range e.Entries {
			there[e.Entries[i].Seq] = true
		}
		for _, rows := range []struct {
			name string
			of   []ofEntry
		}{{"an upload", e.Uploads}, {"a release", e.Releases}, {"a provision record", e.Provisions}} {
			for _, r := range rows.of {
				if !there[r.Seq] {
					return fmt.Errorf("%s is of entry %d, which is not among the entries: it was dropped", rows.name, r.Seq)
				}
			}
		}
		return nil
	}},
	{"certificates", func(e *evidenced) error {
		for _, end := range e.Ends {
			c, err := VerifyDestruction([]byte(end.Certificate), e.Key)
			if err != nil {
				return fmt.Errorf("the certificate of %q: %w", end.Entrustment, err)
			}
			of := false
			for i := range e.Entries {
				l := &e.Entries[i]
				of = of || l.Seq == c.End.Index && l.Kind == EndKind && l.Entrustment == c.Entrustment
			}
			if !of || c.Entrustment != end.Entrustment || e.Entrustment != "" && c.Entrustment != e.Entrustment || Origin(c.End.Checkpoint) != Origin(e.Checkpoint) {
				return fmt.Errorf("the certificate of %q is of another end", end.Entrustment)
			}
		}
		return nil
	}},
	{"ends", func(e *evidenced) error {
		for i := range e.Entries {
			l, has := &e.Entries[i], false
			for _, end := range e.Ends {
				has = has || end.Entrustment == l.Entrustment
			}
			if l.Kind == EndKind && !has {
				return fmt.Errorf("entry %d ends %q, and its certificate is missing", l.Seq, l.Entrustment)
			}
		}
		return nil
	}},
	{"attestation", func(e *evidenced) error {
		if _, err := VerifyAttestation([]byte(e.Attestation), EvidenceNonce(e.Checkpoint), e.Key); err != nil {
			return fmt.Errorf("the attestation in the evidence: %w", err)
		}
		return nil
	}},
}

// IsEvidence tells whether a file says that it is evidence.
func IsEvidence(file []byte) bool {
	var is struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(file, &is) == nil && is.Schema == EvidenceSchema
}

// VerifyEvidence checks a file of evidence: its signature, the proof of every entry
// against the signed checkpoint, the certificates and the attestation. key pins the
// enclave's public key; nil takes the evidence's own, and the caller must say that
// the origin was not checked. The error is a sentence that says what differs.
func VerifyEvidence(file []byte, key ed25519.PublicKey) (*Evidence, error) {
	return verifyEvidence(file, key, evidenceChecks)
}

func verifyEvidence(file []byte, key ed25519.PublicKey, checks []evidenceCheck) (*Evidence, error) {
	end := len(file) - len(`"}`+"\n")
	at := end - signatureSize - len(evidenceEnd)
	if at < 1 || string(file[end:]) != `"}`+"\n" || string(file[at:at+len(evidenceEnd)]) != evidenceEnd || !IsEvidence(file) {
		return nil, errors.New("the file is not evidence that this version reads")
	}
	e := &evidenced{body: append(bytes.Clone(file[:at]), '}'), key: key}
	var err error
	if e.signature, err = base64.StdEncoding.Strict().DecodeString(string(file[at+len(evidenceEnd) : end])); err != nil {
		return nil, errors.New("the evidence's signature is damaged")
	}
	if err := json.Unmarshal(e.body, &e.Evidence); err != nil {
		return nil, errors.New("the evidence is not written as the vault writes it")
	}
	if len(e.Key) != ed25519.PublicKeySize {
		return nil, errors.New("the evidence's public key is damaged")
	}
	if e.size, e.root, err = textOf(e.Checkpoint); err != nil {
		return nil, errors.New("the checkpoint in the evidence is damaged")
	}
	for _, c := range checks {
		if err := c.hold(e); err != nil {
			return nil, err
		}
	}
	return &e.Evidence, nil
}
