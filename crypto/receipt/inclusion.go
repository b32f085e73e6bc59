package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// InclusionSchema is the schema name of an Inclusion.
const InclusionSchema = "awase.inclusion/v1"

// Inclusion shows that an entry stands in the log of a checkpoint. It names the
// entry by the hash of its leaf, a salted commitment: who has no entry learns
// nothing of it.
type Inclusion struct {
	Schema     string   `json:"schema"`
	Index      int64    `json:"index"` // the entry's place, from 0
	Leaf       string   `json:"leaf"`  // hash of its leaf (RFC 6962), hex
	Checkpoint string   `json:"checkpoint"`
	Path       [][]byte `json:"path"` // RFC 6962 audit path
	Key        []byte   `json:"key"`  // Ed25519 public key of the checkpoint's signer
}

// IsInclusion tells whether a file says that it is an Inclusion.
func IsInclusion(file []byte) bool {
	var is struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(file, &is) == nil && is.Schema == InclusionSchema
}

// included is what there is to check of an Inclusion, read and not yet believed.
type included struct {
	*Inclusion
	key  ed25519.PublicKey // nil: any
	size int64
	root tlog.Hash
}

// An inclusionCheck is like check.
type inclusionCheck struct {
	name string
	hold func(*included) error
}

var inclusionChecks = []inclusionCheck{
	{"key", func(i *included) error {
		return unless(i.key == nil || bytes.Equal(i.key, i.Key), "the proof is of another key than the one given")
	}},
	{"checkpoint", func(i *included) error {
		_, _, err := openCheckpoint([]byte(i.Checkpoint), Origin(i.Checkpoint), i.Key)
		return unless(err == nil, "the checkpoint is not signed by the key")
	}},
	{"inclusion", func(i *included) error {
		path, ok := hashes(i.Path)
		leaf, err := hex.DecodeString(i.Leaf)
		if !ok || err != nil || len(leaf) != tlog.HashSize || hex.EncodeToString(leaf) != i.Leaf {
			return errors.New("the inclusion proof is damaged")
		}
		return unless(i.Index >= 0 && i.Index < i.size && tlog.CheckRecord(path, i.size, i.root, i.Index, tlog.Hash(leaf)) == nil,
			"the inclusion proof does not lead from the entry to the checkpoint: the entry is not in the log that it signs")
	}},
}

// VerifyInclusion checks the JSON of an Inclusion, and gives it with the size of
// the log. key pins the enclave's public key; nil takes the proof's own, and the
// caller must say that the origin was not checked. The error is a sentence that
// says what differs.
func VerifyInclusion(proof []byte, key ed25519.PublicKey) (i *Inclusion, size int64, err error) {
	return verifyInclusion(proof, key, inclusionChecks)
}

func verifyInclusion(proof []byte, key ed25519.PublicKey, checks []inclusionCheck) (*Inclusion, int64, error) {
	i := new(Inclusion)
	if err := json.Unmarshal(proof, i); err != nil || i.Schema != InclusionSchema {
		return nil, 0, errors.New("the proof is not one that this version reads")
	}
	var flat bytes.Buffer
	again, err := json.Marshal(i)
	if err != nil || json.Compact(&flat, proof) != nil || !bytes.Equal(flat.Bytes(), again) {
		return nil, 0, errors.New("the proof is not written as the vault writes it")
	}
	if len(i.Key) != ed25519.PublicKeySize {
		return nil, 0, errors.New("the proof's public key is damaged")
	}
	in := &included{Inclusion: i, key: key}
	if in.size, in.root, err = textOf(i.Checkpoint); err != nil {
		return nil, 0, errors.New("the checkpoint in the proof is damaged")
	}
	for _, c := range checks {
		if err := c.hold(in); err != nil {
			return nil, 0, err
		}
	}
	return i, in.size, nil
}
