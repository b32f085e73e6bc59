package vault

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/receipt"
)

// Consistency gives the proof that the log's first to entries begin with its
// first from entries; to 0 is the log as it is now.
func (l *Log) Consistency(from, to int64) (receipt.Consistency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to == 0 {
		to = l.n()
	}
	if from < 0 || from > to || to > l.n() {
		return receipt.Consistency{}, errors.New("the log has never been that long")
	}
	hashes := tlog.HashReaderFunc(l.readHashes)
	root, err := tlog.TreeHash(to, hashes)
	if err != nil {
		return receipt.Consistency{}, fmt.Errorf("hashing the log: %w", err)
	}
	var path tlog.TreeProof
	if from > 0 { // tlog has no proof from nothing, and needs none
		if path, err = tlog.ProveTree(to, from, hashes); err != nil {
			return receipt.Consistency{}, fmt.Errorf("proving the log's beginning: %w", err)
		}
	}
	note, err := l.signer.Checkpoint(to, root)
	if err != nil {
		return receipt.Consistency{}, fmt.Errorf("signing the checkpoint: %w", err)
	}
	c := receipt.Consistency{Schema: receipt.ConsistencySchema, From: from, Checkpoint: string(note), Path: make([][]byte, len(path))}
	for i := range path {
		c.Path[i] = path[i][:]
	}
	return c, nil
}

// Leaf gives the hash of a record's leaf in the tree (RFC 6962): a commitment to
// it that its salt keeps from being guessed.
func (r *Record) Leaf() string {
	h := tlog.RecordHash(r.line)
	return hex.EncodeToString(h[:])
}

// now gives the checkpoint of the log as it is. The log's lock is held.
func (l *Log) now() (int64, []byte, error) {
	root, err := tlog.TreeHash(l.n(), tlog.HashReaderFunc(l.readHashes))
	if err != nil {
		return 0, nil, fmt.Errorf("hashing the log: %w", err)
	}
	note, err := l.signer.Checkpoint(l.n(), root)
	if err != nil {
		return 0, nil, fmt.Errorf("signing the checkpoint: %w", err)
	}
	return l.n(), note, nil
}

// Checkpoint gives the signed checkpoint of the log as it is now.
func (l *Log) Checkpoint() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, note, err := l.now()
	return note, err
}

// Inclusion gives the proof that entry seq stands in the log as it is now. It holds
// nothing of the entry but the hash of its leaf.
func (l *Log) Inclusion(seq int64) (receipt.Inclusion, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq < 0 || seq >= l.n() {
		return receipt.Inclusion{}, errors.New("no such log entry")
	}
	n, note, err := l.now()
	if err != nil {
		return receipt.Inclusion{}, err
	}
	path, err := tlog.ProveRecord(n, seq, tlog.HashReaderFunc(l.readHashes))
	if err != nil {
		return receipt.Inclusion{}, fmt.Errorf("proving a log entry: %w", err)
	}
	p := receipt.Inclusion{Schema: receipt.InclusionSchema, Index: seq, Leaf: l.records[seq].Leaf(), Checkpoint: string(note), Path: make([][]byte, len(path)), Key: l.signer.Public()}
	for i := range path {
		p.Path[i] = path[i][:]
	}
	return p, nil
}
