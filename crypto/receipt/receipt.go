// Package receipt signs what the enclave releases, and checks it with the
// public key alone.
//
//	enclave ──Receipt{claims, log proof, signature}──▶ recipient
//	                                                    │ Verify: no network, no vault
//
// A Receipt says that a table with this hash was released under that version
// of that entrustment, at that price, and that its entry stands in the record
// log: the entry's bytes, its RFC 6962 inclusion proof, and a signed checkpoint
// of the log (the note format of golang.org/x/mod/sumdb/note). It proves what
// the enclave said, not that the enclave ran the code it should: that is the
// attestation's part.
package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Schema is the schema name of a receipt.
const Schema = "awase.receipt/v1"

// EntryKind is the kind of the log entries that receipts prove.
const EntryKind = "report"

// signaturePrefix keeps a receipt's signature from being one of anything else.
const signaturePrefix = Schema + "\n"

// Claims is what a receipt says.
type Claims struct {
	Schema      string   `json:"schema"`
	Dev         bool     `json:"dev"` // made by a vault without officers
	Entrustment string   `json:"entrustment"`
	Version     int      `json:"version"`
	Recipient   string   `json:"recipient"`
	Table       string   `json:"table"`  // SHA-256 in hex of the release without its receipt
	Specs       []string `json:"specs"`  // SpecIDs in hex, in the order of the tables
	Policy      string   `json:"policy"` // hash in hex of the gate policy
	RhoNano     int64    `json:"rho_nano"`
	DeltaE15    int64    `json:"delta_e15"`
	Key         []byte   `json:"key"` // Ed25519 public key
	Log         LogProof `json:"log"`
}

// LogProof shows that an entry stands in the record log.
type LogProof struct {
	Entry      string   `json:"entry"`      // the entry's line, which names the table's hash
	Index      int64    `json:"index"`      // its place, from 0
	Checkpoint string   `json:"checkpoint"` // signed note: origin, size, root
	Inclusion  [][]byte `json:"inclusion"`  // RFC 6962 audit path
}

// Receipt is signed Claims.
type Receipt struct {
	Claims
	Signature []byte `json:"signature"` // Ed25519 over "awase.receipt/v1\n" ‖ JSON of the claims
}

// A Signer signs checkpoints and receipts with one Ed25519 key.
type Signer struct {
	name string
	key  ed25519.PrivateKey
	note note.Signer
}

// NewSigner gives the signer of a 32-byte seed. name is the log's origin; it
// holds no space and no plus sign.
func NewSigner(seed [32]byte, name string) (*Signer, error) {
	key := ed25519.NewKeyFromSeed(seed[:])
	ns, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, keyHash(name, key.Public().(ed25519.PublicKey)),
		base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	if err != nil {
		return nil, fmt.Errorf("making the checkpoint signer: %w", err)
	}
	return &Signer{name, key, ns}, nil
}

// keyHash is the key id of the note format: the first four bytes of
// SHA-256(name ‖ "\n" ‖ 1 ‖ public key).
func keyHash(name string, pub ed25519.PublicKey) uint32 {
	h := sha256.Sum256([]byte(name + "\n\x01" + string(pub)))
	return binary.BigEndian.Uint32(h[:4])
}

func verifier(name string, pub ed25519.PublicKey) (note.Verifier, error) {
	return note.NewVerifier(fmt.Sprintf("%s+%08x+%s", name, keyHash(name, pub),
		base64.StdEncoding.EncodeToString(append([]byte{1}, pub...))))
}

// Public gives the Ed25519 public key.
func (s *Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Checkpoint gives the signed note of a log of n entries with that root.
func (s *Signer) Checkpoint(n int64, root tlog.Hash) ([]byte, error) {
	return note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", s.name, n, root)}, s.note)
}

// OpenCheckpoint checks a checkpoint of this signer's own.
func (s *Signer) OpenCheckpoint(msg []byte) (n int64, root tlog.Hash, err error) {
	return openCheckpoint(msg, s.name, s.Public())
}

var errCheckpoint = errors.New("the checkpoint is not signed by this log")

func openCheckpoint(msg []byte, name string, pub ed25519.PublicKey) (int64, tlog.Hash, error) {
	v, err := verifier(name, pub)
	if err != nil {
		return 0, tlog.Hash{}, errCheckpoint
	}
	signed, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return 0, tlog.Hash{}, errCheckpoint
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != name {
		return 0, tlog.Hash{}, errCheckpoint
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != lines[1] {
		return 0, tlog.Hash{}, errCheckpoint
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return 0, tlog.Hash{}, errCheckpoint
	}
	return n, root, nil
}

// Sign gives the receipt of c. It fills in Schema and Key. The same claims give
// the same bytes.
func (s *Signer) Sign(c Claims) ([]byte, error) {
	c.Schema, c.Key = Schema, s.Public()
	body, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(Receipt{c, ed25519.Sign(s.key, append([]byte(signaturePrefix), body...))})
}

// Verify checks a receipt against the table it belongs to, given as the bytes
// of the release without its receipt. key pins the enclave's public key; nil
// takes the receipt's own, and the caller must say that the origin was not
// checked. The error is a sentence that says what differs.
func Verify(raw, table []byte, key ed25519.PublicKey) (*Receipt, error) {
	var r Receipt
	if err := json.Unmarshal(raw, &r); err != nil || r.Schema != Schema {
		return nil, errors.New("the receipt is not one that this version reads")
	}
	// One meaning, one encoding: white space apart, a receipt is the bytes that
	// were signed, without repeated, renamed or added members.
	var flat bytes.Buffer
	again, err := json.Marshal(r)
	if err != nil || json.Compact(&flat, raw) != nil || !bytes.Equal(flat.Bytes(), again) {
		return nil, errors.New("the receipt is not written as this vault writes it")
	}
	if len(r.Key) != ed25519.PublicKeySize {
		return nil, errors.New("the receipt's public key is damaged")
	}
	if key != nil && !bytes.Equal(key, r.Key) {
		return nil, errors.New("the receipt is signed by another key than the one given")
	}
	body, err := json.Marshal(r.Claims)
	if err != nil {
		return nil, errors.New("the receipt is damaged")
	}
	if !ed25519.Verify(r.Key, append([]byte(signaturePrefix), body...), r.Signature) {
		return nil, errors.New("the receipt's signature does not fit what it says")
	}
	if got := sha256.Sum256(table); fmt.Sprintf("%x", got) != r.Table {
		return nil, errors.New("the table is not the one that was released: its hash differs from the receipt's")
	}
	if err := r.Log.verify(&r.Claims); err != nil {
		return nil, err
	}
	return &r, nil
}

func (p *LogProof) verify(c *Claims) error {
	name, _, _ := strings.Cut(p.Checkpoint, "\n")
	n, root, err := openCheckpoint([]byte(p.Checkpoint), name, c.Key)
	if err != nil {
		return errors.New("the log checkpoint is not signed by the receipt's key")
	}
	proof := make(tlog.RecordProof, len(p.Inclusion))
	for i, h := range p.Inclusion {
		if len(h) != tlog.HashSize {
			return errors.New("the inclusion proof is damaged")
		}
		copy(proof[i][:], h)
	}
	if p.Index < 0 || p.Index >= n {
		return errors.New("the log entry lies outside the checkpoint")
	}
	if err := tlog.CheckRecord(proof, n, root, p.Index, tlog.RecordHash([]byte(p.Entry))); err != nil {
		return errors.New("the log entry is not in the log that the checkpoint signs")
	}
	var entry struct {
		Kind string `json:"kind"`
		Body struct {
			Table       string   `json:"table"`
			Entrustment string   `json:"entrustment"`
			Version     int      `json:"version"`
			Recipient   string   `json:"recipient"`
			Specs       []string `json:"specs"`
			Policy      string   `json:"policy"`
			RhoNano     int64    `json:"rho_nano"`
			DeltaE15    int64    `json:"delta_e15"`
		} `json:"body"`
	}
	if err := json.Unmarshal([]byte(p.Entry), &entry); err != nil {
		return errors.New("the log entry is damaged")
	}
	if entry.Kind != EntryKind {
		return errors.New("the log entry is no release")
	}
	b := entry.Body
	if b.Table != c.Table || b.Entrustment != c.Entrustment || b.Version != c.Version || b.Recipient != c.Recipient ||
		!slices.Equal(b.Specs, c.Specs) || b.Policy != c.Policy || b.RhoNano != c.RhoNano || b.DeltaE15 != c.DeltaE15 {
		return errors.New("the log entry speaks of another release")
	}
	return nil
}
