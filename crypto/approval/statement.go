// Package approval signs and checks the acts that widen what may leave the room
// (DESIGN §2 rule 9).
//
//	enclave ──Statement, document──▶ officer
//	                                   │ reads the document, hashes both again
//	enclave ◀──Signature over it──────┘
//
// A Statement says which act it is, on which document, in the place of which
// other, in which vault; it has a nonce and a day on which it lapses, so a
// signature is good for one draft and no other. The package tells whether a
// signature is one of a key over a statement. Whose key that is, whether it still
// is, and how many are needed are the enclave's part.
//
// A signature is Ed25519 over the statement's message, by a key file, or a
// passkey's assertion whose challenge is the hash of that message.
package approval

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Schema is the schema name of a statement.
const Schema = "awase.act/v1"

// Statement is what officers sign. Each field is there against one attack: that
// a signature given in another vault, for another act, document or draft, on top
// of another document, or long ago is used here.
type Statement struct {
	Schema   string `json:"schema"`
	Vault    string `json:"vault"`
	Act      string `json:"act"`      // what is done: "party", "entrust", …
	ID       string `json:"id"`       // of the document; "" where there is one alone
	Document string `json:"document"` // SHA-256 in hex of the document
	Replaces string `json:"replaces"` // that of the document in whose place it comes; "": of none
	Version  int    `json:"version"`  // that the document will have
	Nonce    string `json:"nonce"`    // 32 hex digits, drawn for this draft
	Expires  string `json:"expires"`  // RFC 3339: from then on nobody can sign it
}

// Message gives the bytes that are signed: the one form of the statement, under
// a prefix of its own, so that no other signature of a key is one of an approval.
func (s *Statement) Message() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encoding a statement: %w", err)
	}
	return append([]byte(Schema+"\n"), body...), nil
}

// Hash gives the hash of a message, by which officers name a draft and which a
// passkey signs as its challenge.
func Hash(message []byte) string {
	h := sha256.Sum256(message)
	return hex.EncodeToString(h[:])
}

// Signature is one officer's: by a key file or by a passkey.
type Signature struct {
	Ed25519   []byte     `json:"ed25519,omitempty"`
	Assertion *Assertion `json:"assertion,omitempty"`
}

// ErrSignature is that a signature is not one of the key over the statement.
var ErrSignature = errors.New("the signature is not one of this key over this statement")

// Sign signs a message with the key of a file.
func Sign(key ed25519.PrivateKey, message []byte) Signature {
	return Signature{Ed25519: ed25519.Sign(key, message)}
}

// Verify checks a signature over a message. It gives ErrSignature, or says what
// an assertion lacks.
func (k *Key) Verify(message []byte, s Signature) error {
	switch {
	case k.origin == "" && s.Assertion == nil && len(k.ed) == ed25519.PublicKeySize:
		if !ed25519.Verify(k.ed, message, s.Ed25519) {
			return ErrSignature
		}
		return nil
	case k.origin != "" && s.Ed25519 == nil && s.Assertion != nil:
		challenge := sha256.Sum256(message)
		return s.Assertion.verify(k, challenge[:])
	}
	return ErrSignature
}
