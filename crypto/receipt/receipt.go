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
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
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
	Schema string `json:"schema"`
	Dev    bool   `json:"dev"` // made by a vault without officers
	// Practice: it counts made-up people.
	Practice bool `json:"practice,omitempty"`
	// Confinement is what confined the process that made the release: Confined,
	// Unconfined, or "without " and the missing pieces.
	Confinement string   `json:"confinement"`
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

// What Claims.Confinement says where it names no pieces.
const (
	Confined   = "confined"
	Unconfined = "unconfined"
)

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

// verifierKey is the text of a public key in the note format.
func verifierKey(name string, pub ed25519.PublicKey) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, pub), base64.StdEncoding.EncodeToString(append([]byte{1}, pub...)))
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
	v, err := note.NewVerifier(verifierKey(name, pub))
	if err != nil {
		return 0, tlog.Hash{}, errCheckpoint
	}
	signed, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return 0, tlog.Hash{}, errCheckpoint
	}
	// Package note lets the unused bits at a signature's end be anything, and
	// other lines stand beside; a checkpoint of ours has one form.
	sig := signed.Sigs[0] // of the one verifier there is
	if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil ||
		string(msg) != fmt.Sprintf("%s\n— %s %s\n", signed.Text, sig.Name, sig.Base64) {
		return 0, tlog.Hash{}, errCheckpoint
	}
	return readCheckpoint(signed.Text, name)
}

// readCheckpoint reads the signed text of a checkpoint.
func readCheckpoint(text, name string) (int64, tlog.Hash, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != name || lines[3] != "" {
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

// SignText signs a text of another schema than those of this package. It begins
// with the schema's name and a newline, which keep one's signature from being
// another's.
func (s *Signer) SignText(text []byte) []byte { return ed25519.Sign(s.key, text) }

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
