package vault

import (
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
