package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// AttestationSchema is the schema name of an attestation.
const AttestationSchema = "awase.attestation/v1"

const attestationPrefix = AttestationSchema + "\n"

// ModeProcess is the mode of an enclave that is a process of its host.
const ModeProcess = "process"

// trustedProcess says whom the reader of an attestation of that mode has to trust.
const trustedProcess = "the host's kernel and administrators are trusted"

// Attestation is what an enclave says of itself. In process mode it is a
// statement of the process and no more: whoever administers the host could run
// another program that says the same.
type Attestation struct {
	Schema      string      `json:"schema"`
	Nonce       string      `json:"nonce"` // of who asked; "": an old answer may have been repeated
	Mode        string      `json:"mode"`
	Trusted     string      `json:"trusted"`
	Vault       string      `json:"vault"` // the origin of its record log
	Dev         bool        `json:"dev"`
	Build       string      `json:"build"`       // SHA-256 in hex of the program; "": it was not read
	Policy      string      `json:"policy"`      // hash in hex of the gate policy in force, as in receipts
	SealingKey  string      `json:"sealing_key"` // what files are sealed to, as awase seal has it
	Key         []byte      `json:"key"`         // Ed25519: signs this, receipts and checkpoints
	Confinement Confinement `json:"confinement"`
	Swap        Swap        `json:"swap"`
	// Engine is the engine outside the process that counts, inside the trust boundary;
	// nil: the process counts itself.
	Engine *CountingEngine `json:"engine,omitempty"`
}

// CountingEngine is an engine outside the process, as the room was moved there.
type CountingEngine struct {
	Name    string   `json:"name"`
	Shards  int      `json:"shards"`
	Servers []string `json:"servers,omitempty"` // keyed digests of the shards' names
	Others  bool     `json:"others,omitempty"`  // the process is configured with other servers, or none: it counts nothing
}

// Confinement is what confines the process.
type Confinement struct {
	Short       string  `json:"short"` // as in Claims.Confinement
	System      string  `json:"system"`
	LandlockABI int     `json:"landlock_abi"` // 0: the kernel has none
	Pieces      []Piece `json:"pieces"`
}

// Piece says of one piece of confinement whether it is in force.
type Piece struct {
	Name    string `json:"name"`
	InForce bool   `json:"in_force"`
	Tried   bool   `json:"tried"` // the process tried what it forbids
	Reason  string `json:"reason,omitempty"`
}

// Swap says whether the machine may write memory to a disk, and whether the vault
// key is kept from it.
type Swap struct {
	Known     bool `json:"known"`
	InUse     bool `json:"in_use"`
	KeyLocked bool `json:"key_locked"`
}

// signedAttestation is how an attestation is carried.
type signedAttestation struct {
	Attestation
	Signature []byte `json:"signature"` // Ed25519 over "awase.attestation/v1\n" ‖ JSON of the rest
}

// CheckNonce refuses a nonce that is not 1 to 128 letters, digits, - and _.
func CheckNonce(nonce string) error {
	const set = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if nonce == "" || len(nonce) > 128 || strings.Trim(nonce, set) != "" {
		return errors.New("a nonce is 1 to 128 letters, digits, - and _")
	}
	return nil
}

// Attest gives the signed JSON of a. It fills in the schema, the mode, whom that
// trusts, the log's origin and the key.
func (s *Signer) Attest(a Attestation) ([]byte, error) {
	a.Schema, a.Mode, a.Trusted, a.Vault, a.Key = AttestationSchema, ModeProcess, trustedProcess, s.name, s.Public()
	body, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return json.Marshal(signedAttestation{a, ed25519.Sign(s.key, append([]byte(attestationPrefix), body...))})
}

// attested is what there is to check of an attestation.
type attested struct {
	*signedAttestation
	nonce string
	key   ed25519.PublicKey // nil: any
}

// An attestationCheck is there against one forgery: see TestAttestationControls.
type attestationCheck struct {
	name string
	hold func(*attested) error
}

var attestationChecks = []attestationCheck{
	{"key", func(a *attested) error {
		return unless(a.key == nil || bytes.Equal(a.key, a.Key), "the attestation is signed by another key than the one given")
	}},
	{"signature", func(a *attested) error {
		body, err := json.Marshal(a.Attestation)
		return unless(err == nil && ed25519.Verify(a.Key, append([]byte(attestationPrefix), body...), a.Signature),
			"the attestation's signature does not fit what it says")
	}},
	{"nonce", func(a *attested) error {
		return unless(a.nonce == a.Nonce, "the attestation answers another nonce: it is an old one, or somebody else's")
	}},
	{"mode", func(a *attested) error {
		return unless(a.Mode == ModeProcess && a.Trusted == trustedProcess, "the attestation is of a mode that this version does not know")
	}},
}

// IsAttestation tells an attestation from other files, unchecked.
func IsAttestation(file []byte) bool {
	var is struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(file, &is) == nil && is.Schema == AttestationSchema
}

// VerifyAttestation checks an attestation by its signature, and that it answers the
// nonce. key pins the enclave's public key; nil takes the attestation's own, and
// the caller must say that the origin was not checked. The error is a sentence
// that says what differs.
func VerifyAttestation(raw []byte, nonce string, key ed25519.PublicKey) (*Attestation, error) {
	return verifyAttestation(raw, nonce, key, attestationChecks)
}

func verifyAttestation(raw []byte, nonce string, key ed25519.PublicKey, checks []attestationCheck) (*Attestation, error) {
	a := &attested{new(signedAttestation), nonce, key}
	raw = bytes.TrimSuffix(raw, []byte("\n"))
	if err := json.Unmarshal(raw, a.signedAttestation); err != nil || a.Schema != AttestationSchema {
		return nil, errors.New("it is no attestation that this version reads")
	}
	// One meaning, one encoding.
	if again, err := json.Marshal(a.signedAttestation); err != nil || !bytes.Equal(raw, again) {
		return nil, errors.New("the attestation is not written as an enclave writes it")
	}
	if len(a.Key) != ed25519.PublicKeySize {
		return nil, errors.New("the attestation's public key is damaged")
	}
	for _, c := range checks {
		if err := c.hold(a); err != nil {
			return nil, err
		}
	}
	return &a.Attestation, nil
}

// Missing names the pieces that are not in force.
func (c *Confinement) Missing() (out []string) {
	for _, p := range c.Pieces {
		if !p.InForce {
			out = append(out, p.Name)
		}
	}
	return out
}

// Words says in a sentence what a receipt's Confinement says.
func Words(confinement string) string {
	missing, some := strings.CutPrefix(confinement, withoutPrefix)
	switch {
	case confinement == Confined:
		return "confined by the kernel"
	case confinement == Unconfined:
		return "NOT confined: any program of that user could have read the data"
	case some:
		return fmt.Sprintf("confined by the kernel, but for %s", missing)
	}
	return "of a confinement that this version does not know"
}

const withoutPrefix = "without "
