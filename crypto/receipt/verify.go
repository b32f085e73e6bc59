package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Verify checks a receipt against the table it belongs to, given as the bytes
// of the release without its receipt. key pins the enclave's public key; nil
// takes the receipt's own, and the caller must say that the origin was not
// checked. The error is a sentence that says what differs.
func Verify(raw, table []byte, key ed25519.PublicKey) (*Receipt, error) {
	return verify(raw, table, key, checks)
}

// shown is what there is to check, read and not yet believed.
type shown struct {
	*Receipt
	table []byte
	key   ed25519.PublicKey // nil: any
	n     int64             // of the checkpoint
	root  tlog.Hash
	entry logged
}

// logged is what the log entry of a release says of it.
type logged struct {
	Kind string `json:"kind"`
	Body struct {
		Key         string   `json:"key"`
		Table       string   `json:"table"`
		Confinement string   `json:"confinement"`
		Entrustment string   `json:"entrustment"`
		Version     int      `json:"version"`
		Recipient   string   `json:"recipient"`
		Specs       []string `json:"specs"`
		Policy      string   `json:"policy"`
		RhoNano     int64    `json:"rho_nano"`
		DeltaE15    int64    `json:"delta_e15"`
	} `json:"body"`
}

// A check is one thing that must hold. Each is there against one forgery, which
// succeeds without it: see TestControls.
type check struct {
	name string
	hold func(*shown) error
}

var checks = []check{
	{"key", func(s *shown) error {
		return unless(s.key == nil || bytes.Equal(s.key, s.Key), "the receipt is signed by another key than the one given")
	}},
	{"signature", func(s *shown) error {
		body, err := json.Marshal(s.Claims)
		return unless(err == nil && ed25519.Verify(s.Key, append([]byte(signaturePrefix), body...), s.Signature),
			"the receipt's signature does not fit what it says")
	}},
	{"table", func(s *shown) error {
		sum := sha256.Sum256(s.table)
		if hex.EncodeToString(sum[:]) == s.Table {
			return nil
		}
		return errors.New("the table is not the one that was released: " + differs(s))
	}},
	{"checkpoint", func(s *shown) error {
		_, _, err := openCheckpoint([]byte(s.Log.Checkpoint), Origin(s.Log.Checkpoint), s.Key)
		return unless(err == nil, "the log checkpoint is not signed by the receipt's key")
	}},
	{"inclusion", func(s *shown) error {
		path, ok := hashes(s.Log.Inclusion)
		if !ok {
			return errors.New("the inclusion proof is damaged")
		}
		if s.Log.Index < 0 || s.Log.Index >= s.n {
			return errors.New("the log entry lies outside the checkpoint")
		}
		return unless(tlog.CheckRecord(path, s.n, s.root, s.Log.Index, tlog.RecordHash([]byte(s.Log.Entry))) == nil,
			"the inclusion proof does not lead from the log entry to the checkpoint: the entry is not in the log that it signs")
	}},
	{"entry", func(s *shown) error {
		if s.entry.Kind != EntryKind {
			return errors.New("the log entry is no release")
		}
		b, c := &s.entry.Body, &s.Claims
		return unless(b.Table == c.Table && b.Confinement == c.Confinement && b.Entrustment == c.Entrustment && b.Version == c.Version && b.Recipient == c.Recipient &&
			slices.Equal(b.Specs, c.Specs) && b.Policy == c.Policy && b.RhoNano == c.RhoNano && b.DeltaE15 == c.DeltaE15,
			"the log entry speaks of another release")
	}},
}

func unless(holds bool, sentence string) error {
	if holds {
		return nil
	}
	return errors.New(sentence)
}

func verify(raw, table []byte, key ed25519.PublicKey, checks []check) (*Receipt, error) {
	s, err := readShown(raw, table, key)
	if err != nil {
		return nil, err
	}
	for _, c := range checks {
		if err := c.hold(s); err != nil {
			return nil, err
		}
	}
	return s.Receipt, nil
}

// readShown reads what the checks are of.
func readShown(raw, table []byte, key ed25519.PublicKey) (*shown, error) {
	r := new(Receipt)
	if err := json.Unmarshal(raw, r); err != nil || r.Schema != Schema {
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
	s := &shown{Receipt: r, table: table, key: key}
	// What is not read here is found by the checks: an unsigned checkpoint, an
	// entry that is no release.
	s.n, s.root, _ = textOf(r.Log.Checkpoint)
	if json.Unmarshal([]byte(r.Log.Entry), &s.entry) != nil {
		s.entry = logged{}
	}
	return s, nil
}

// Origin gives the first line of a checkpoint: which log it is of.
func Origin(checkpoint string) string {
	name, _, _ := strings.Cut(checkpoint, "\n")
	return name
}

// textOf reads the text of a checkpoint without looking at who signed it.
func textOf(checkpoint string) (int64, tlog.Hash, error) {
	text, _, _ := strings.Cut(checkpoint, "\n\n")
	return readCheckpoint(text+"\n", Origin(text))
}

// hashes reads a proof's hashes.
func hashes(raw [][]byte) ([]tlog.Hash, bool) {
	out := make([]tlog.Hash, len(raw))
	for i, h := range raw {
		if len(h) != tlog.HashSize {
			return nil, false
		}
		copy(out[i][:], h)
	}
	return out, true
}
