package vault

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/receipt"
)

// Consistency gives the proof that the log as it is now begins with its first n
// entries.
func (l *Log) Consistency(n int64) (receipt.Consistency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > l.n() {
		return receipt.Consistency{}, errors.New("the log has never been that long")
	}
	hashes := tlog.HashReaderFunc(l.readHashes)
	root, err := tlog.TreeHash(l.n(), hashes)
	if err != nil {
		return receipt.Consistency{}, fmt.Errorf("hashing the log: %w", err)
	}
	var path tlog.TreeProof
	if n > 0 { // tlog has no proof from nothing, and needs none
		if path, err = tlog.ProveTree(l.n(), n, hashes); err != nil {
			return receipt.Consistency{}, fmt.Errorf("proving the log's beginning: %w", err)
		}
	}
	note, err := l.signer.Checkpoint(l.n(), root)
	if err != nil {
		return receipt.Consistency{}, fmt.Errorf("signing the checkpoint: %w", err)
	}
	c := receipt.Consistency{Schema: receipt.ConsistencySchema, From: n, Checkpoint: string(note), Path: make([][]byte, len(path))}
	for i := range path {
		c.Path[i] = path[i][:]
	}
	return c, nil
}
