package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"awase/entrustment"
)

// ConsistencySchema is the schema name of a Consistency.
const ConsistencySchema = "awase.log-proof/v1"

// Consistency shows that a log at a later checkpoint begins with the entries of
// an earlier one: nothing was changed, dropped or put in between.
type Consistency struct {
	Schema     string   `json:"schema"`
	From       int64    `json:"from"`       // size of the earlier log
	Checkpoint string   `json:"checkpoint"` // of the later one
	Path       [][]byte `json:"path"`       // RFC 6962 consistency proof
}

// SizesError says that a proof is between other sizes of the log than the
// checkpoints are of: nothing is proven, and another proof may.
type SizesError struct {
	Detail  string
	Swapped bool // the earlier checkpoint is of the longer log
}

// Error gives the sentence.
func (e *SizesError) Error() string { return e.Detail }

// CheckConsistency checks the JSON of a Consistency against the earlier
// checkpoint, both signed by key. It gives both sizes. The error is a sentence
// that says what differs.
func CheckConsistency(old, proof []byte, key ed25519.PublicKey) (from, to int64, err error) {
	return checkGrowth(old, nil, proof, key, growthChecks)
}

// CheckBetween is CheckConsistency for a later checkpoint that the client holds
// too: the proof must be up to that one.
func CheckBetween(old, later, proof []byte, key ed25519.PublicKey) (from, to int64, err error) {
	return checkGrowth(old, later, proof, key, growthChecks)
}

// growth is what there is to check of a log's growth, read and not yet believed.
type growth struct {
	Consistency
	key           ed25519.PublicKey
	old, later    []byte // later: nil where the client holds none
	from, to      int64
	before, after tlog.Hash
}

// A growthCheck is like check.
type growthCheck struct {
	name string
	hold func(*growth) error
}

var growthChecks = []growthCheck{
	{"earlier checkpoint", func(g *growth) error {
		_, _, err := openCheckpoint(g.old, Origin(string(g.old)), g.key)
		return unless(err == nil, "the earlier checkpoint is not signed by the key")
	}},
	{"later checkpoint", func(g *growth) error {
		_, _, err := openCheckpoint([]byte(g.Checkpoint), Origin(string(g.old)), g.key)
		return unless(err == nil, "the later checkpoint, in the proof, is not signed by the key, or is of another log")
	}},
	{"held checkpoint", func(g *growth) error {
		if g.later == nil {
			return nil
		}
		n, root, err := openCheckpoint(g.later, Origin(string(g.old)), g.key)
		if err != nil {
			return errors.New("the later checkpoint is not signed by the key, or is of another log")
		}
		if n != g.to {
			return &SizesError{fmt.Sprintf("the proof does not lead to the later checkpoint: it leads to a log of %s, and the checkpoint is of %d", entries(g.to), n), g.from > n}
		}
		return unless(root == g.after, "two checkpoints of one size differ: the log was forked, and both are signed")
	}},
	{"sizes", func(g *growth) error {
		switch {
		case g.From != g.from:
			return &SizesError{fmt.Sprintf("the proof is not from the earlier checkpoint on: it is from a log of %s on, and the checkpoint is of %d", entries(g.From), g.from), false}
		case g.from > g.to:
			return &SizesError{fmt.Sprintf("the proof is not from the earlier checkpoint on: that is of a log of %s, and the later one of %d", entries(g.from), g.to), true}
		}
		return nil
	}},
	{"consistency", func(g *growth) error {
		path, ok := hashes(g.Path)
		if !ok {
			return errors.New("the consistency proof is damaged")
		}
		const differ = "the consistency proof does not hold: the later log does not begin with the earlier one; entries were changed, dropped or put in between"
		if g.from == 0 { // tlog proves nothing from nothing: every log begins with it
			nothing, err := tlog.TreeHash(0, nil)
			return unless(err == nil && len(path) == 0 && g.before == nothing, differ)
		}
		return unless(tlog.CheckTree(path, g.to, g.after, g.from, g.before) == nil, differ)
	}},
}

func checkGrowth(old, later, proof []byte, key ed25519.PublicKey, checks []growthCheck) (from, to int64, err error) {
	g := &growth{key: key, old: old, later: later}
	if err := json.Unmarshal(proof, &g.Consistency); err != nil || g.Schema != ConsistencySchema {
		return 0, 0, errors.New("the proof is not one that this version reads")
	}
	var flat bytes.Buffer
	again, err := json.Marshal(g.Consistency)
	if err != nil || json.Compact(&flat, proof) != nil || !bytes.Equal(flat.Bytes(), again) {
		return 0, 0, errors.New("the proof is not written as awase log proof writes it")
	}
	if g.from, g.before, err = textOf(string(old)); err != nil {
		return 0, 0, errors.New("the earlier checkpoint is damaged")
	}
	if g.to, g.after, err = textOf(g.Checkpoint); err != nil {
		return 0, 0, errors.New("the later checkpoint, in the proof, is damaged")
	}
	for _, c := range checks {
		if err := c.hold(g); err != nil {
			return 0, 0, err
		}
	}
	return g.from, g.to, nil
}

func entries(n int64) string { return entrustment.Count(n, "entry", "entries") }
