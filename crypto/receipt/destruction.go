package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// DestructionSchema is the schema name of a destruction certificate.
const DestructionSchema = "awase.destruction/v1"

// Kinds of the log entries that a certificate proves.
const (
	EndKind      = "end"      // of an entrustment
	RotationKind = "rotation" // of the vault key
	DroppedKind  = "dropped"  // of what an engine outside held
	EngineKind   = "engine"   // of which engine counts
)

// States of a destruction.
const (
	KeyDestroyed    = "key-destroyed"    // no copy of the vault opens it with a vault key that is in use
	RotationPending = "rotation-pending" // an old copy of the vault does, until the vault key is replaced
	// Where an engine outside may have held data of it, in place of KeyDestroyed:
	Dropped     = "dropped"      // the key is destroyed, and every shard said that its tables are dropped
	DropPending = "drop-pending" // the key is destroyed, and that was not said yet
	ClusterLost = "cluster-lost" // the key is destroyed, and an officer declared servers lost that had its data: nobody knows whether it is gone there
)

const destructionPrefix = DestructionSchema + "\n"

// Destruction is what a certificate says of an ended entrustment.
type Destruction struct {
	Schema      string    `json:"schema"`
	Dev         bool      `json:"dev"` // made by a vault without officers
	Entrustment string    `json:"entrustment"`
	Version     int       `json:"version"`            // the last
	Status      string    `json:"status"`             // as As gives it
	EndedAt     string    `json:"ended_at"`           // RFC 3339, UTC
	ByTerms     bool      `json:"by_terms,omitempty"` // nobody ended it: its last day was over, and nothing was kept under it any more
	Segments    int       `json:"segments"`           // that were unlinked: lists, their rows, event logs, stored reports
	Backups     string    `json:"backups,omitempty"`  // the last day of the backups that hold them, under vault keys of before; "": there are none
	Key         []byte    `json:"key"`                // Ed25519 public key
	End         LogProof  `json:"end"`                // of the entry that ended it
	Rotation    *LogProof `json:"rotation,omitempty"` // of the entry by which the vault key was replaced afterwards
	Engine      string    `json:"engine,omitempty"`   // outside the vault's process, that may have held its data; "": there was none
	Dropped     *LogProof `json:"dropped,omitempty"`  // of the entry that its tables were dropped afterwards
	Lost        *LogProof `json:"lost,omitempty"`     // of the entry that declared servers lost that had its data
}

// As gives the status that d's entries show.
func (d *Destruction) As() string {
	switch {
	case d.Rotation == nil:
		return RotationPending
	case d.Engine == "":
		return KeyDestroyed
	case d.Dropped != nil:
		return Dropped
	case d.Lost != nil:
		return ClusterLost
	}
	return DropPending
}

// Certificate is a signed Destruction.
type Certificate struct {
	Destruction
	Signature []byte `json:"signature"` // Ed25519 over "awase.destruction/v1\n" ‖ JSON of the rest
}

// SignDestruction gives the certificate of d as JSON. It fills in Schema and Key.
// The same destruction gives the same bytes.
func (s *Signer) SignDestruction(d Destruction) ([]byte, error) {
	d.Schema, d.Key = DestructionSchema, s.Public()
	body, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return json.Marshal(Certificate{d, ed25519.Sign(s.key, append([]byte(destructionPrefix), body...))})
}

// IsCertificate tells whether a file says that it is a destruction certificate.
func IsCertificate(file []byte) bool {
	var is struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(file, &is) == nil && is.Schema == DestructionSchema
}

// VerifyDestruction checks a certificate. key pins the enclave's public key; nil
// takes the certificate's own, and the caller must say that the origin was not
// checked. The error is a sentence that says what differs.
func VerifyDestruction(file []byte, key ed25519.PublicKey) (*Certificate, error) {
	return verifyDestruction(file, key, destructionChecks)
}

// destroyed is what there is to check, read and not yet believed.
type destroyed struct {
	*Certificate
	key      ed25519.PublicKey // nil: any
	end      entry
	rotation entry
	dropped  entry
	lost     entry
}

// entry is what a log entry says of an end, of a rotation, or of an engine's tables.
type entry struct {
	Kind string `json:"kind"`
	Body struct {
		Entrustment string   `json:"entrustment"`
		Version     int      `json:"version"`
		Generation  int64    `json:"generation"`
		Segments    []string `json:"segments"`
		Backups     string   `json:"backups"`
		Engine      string   `json:"engine"`
		Ends        []string `json:"ends"`
		Lost        bool     `json:"lost"`
	} `json:"body"`
	Time time.Time `json:"time"`
}

// A destructionCheck is like check.
type destructionCheck struct {
	name string
	hold func(*destroyed) error
}

var destructionChecks = []destructionCheck{
	{"key", func(d *destroyed) error {
		return unless(d.key == nil || bytes.Equal(d.key, d.Key), "the certificate is signed by another key than the one given")
	}},
	{"signature", func(d *destroyed) error {
		body, err := json.Marshal(d.Destruction)
		return unless(err == nil && ed25519.Verify(d.Key, append([]byte(destructionPrefix), body...), d.Signature),
			"the certificate's signature does not fit what it says")
	}},
	{"end", func(d *destroyed) error { return inLog(&d.End, d.Key) }},
	{"end's entry", func(d *destroyed) error {
		b := &d.end.Body
		return unless(d.end.Kind == EndKind && b.Entrustment == d.Entrustment && d.end.Time.UTC().Format(time.RFC3339) == d.EndedAt && b.Version == d.Version && len(b.Segments) == d.Segments && b.Backups == d.Backups && b.Engine == d.Engine,
			"the log entry speaks of another end")
	}},
	{"status", func(d *destroyed) error {
		return unless(d.Status == d.As() && (d.Dropped == nil && d.Lost == nil || d.Engine != ""),
			"the certificate's status is not what its entries show")
	}},
	{"rotation", func(d *destroyed) error {
		if d.Rotation == nil {
			return nil
		}
		return inLog(d.Rotation, d.Key)
	}},
	{"rotation's entry", func(d *destroyed) error {
		if d.Rotation == nil {
			return nil
		}
		return unless(d.rotation.Kind == RotationKind && d.rotation.Body.Generation > d.end.Body.Generation && d.Rotation.Index > d.End.Index &&
			Origin(d.Rotation.Checkpoint) == Origin(d.End.Checkpoint),
			"the vault key was not replaced after the end")
	}},
	{"dropped", func(d *destroyed) error {
		if d.Dropped == nil {
			return nil
		}
		return inLog(d.Dropped, d.Key)
	}},
	{"dropped's entry", func(d *destroyed) error {
		if d.Dropped == nil {
			return nil
		}
		return unless(d.dropped.Kind == DroppedKind && d.dropped.Body.Engine == d.Engine && slices.Contains(d.dropped.Body.Ends, d.Entrustment) &&
			d.Dropped.Index > d.End.Index && Origin(d.Dropped.Checkpoint) == Origin(d.End.Checkpoint),
			"the engine's tables were not dropped after the end")
	}},
	{"lost", func(d *destroyed) error {
		if d.Lost == nil {
			return nil
		}
		return inLog(d.Lost, d.Key)
	}},
	{"lost's entry", func(d *destroyed) error {
		if d.Lost == nil {
			return nil
		}
		return unless(d.lost.Kind == EngineKind && d.lost.Body.Lost && Origin(d.Lost.Checkpoint) == Origin(d.End.Checkpoint),
			"the engine's servers were not declared lost")
	}},
}

// inLog checks that an entry stands in the log of its checkpoint, which key
// signed.
func inLog(p *LogProof, key ed25519.PublicKey) error {
	n, root, err := openCheckpoint([]byte(p.Checkpoint), Origin(p.Checkpoint), key)
	if err != nil {
		return errors.New("the log checkpoint is not signed by the key that signed this")
	}
	path, ok := hashes(p.Inclusion)
	if !ok {
		return errors.New("the inclusion proof is damaged")
	}
	return unless(p.Index >= 0 && p.Index < n && tlog.CheckRecord(path, n, root, p.Index, tlog.RecordHash([]byte(p.Entry))) == nil,
		"the inclusion proof does not lead from the log entry to the checkpoint: the entry is not in the log that it signs")
}

func verifyDestruction(file []byte, key ed25519.PublicKey, checks []destructionCheck) (*Certificate, error) {
	c := new(Certificate)
	if err := json.Unmarshal(file, c); err != nil || c.Schema != DestructionSchema {
		return nil, errors.New("the file is not a certificate that this version reads")
	}
	var flat bytes.Buffer
	again, err := json.Marshal(c)
	if err != nil || json.Compact(&flat, file) != nil || !bytes.Equal(flat.Bytes(), again) {
		return nil, errors.New("the certificate is not written as this vault writes it")
	}
	if len(c.Key) != ed25519.PublicKeySize {
		return nil, errors.New("the certificate's public key is damaged")
	}
	d := &destroyed{Certificate: c, key: key}
	// What is not read here is found by the checks.
	if json.Unmarshal([]byte(c.End.Entry), &d.end) != nil {
		d.end = entry{}
	}
	if c.Rotation != nil && json.Unmarshal([]byte(c.Rotation.Entry), &d.rotation) != nil {
		d.rotation = entry{}
	}
	if c.Dropped != nil && json.Unmarshal([]byte(c.Dropped.Entry), &d.dropped) != nil {
		d.dropped = entry{}
	}
	if c.Lost != nil && json.Unmarshal([]byte(c.Lost.Entry), &d.lost) != nil {
		d.lost = entry{}
	}
	for _, check := range checks {
		if err := check.hold(d); err != nil {
			return nil, err
		}
	}
	return c, nil
}
