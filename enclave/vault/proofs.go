package vault

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proofs gives the signed checkpoint of the log's first n entries and, in the
// order of seqs, the audit path of each entry in it: the same bytes whenever they
// are asked for.
func (l *Log) Proofs(n int64, seqs []int64) (checkpoint []byte, paths [][][]byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > l.n() {
		return nil, nil, errors.New("the log has never been that long")
	}
	hashes := tlog.HashReaderFunc(l.readHashes)
	root, err := tlog.TreeHash(n, hashes)
	if err != nil {
		return nil, nil, fmt.Errorf("hashing the log: %w", err)
	}
	if checkpoint, err = l.signer.Checkpoint(n, root); err != nil {
		return nil, nil, fmt.Errorf("signing the checkpoint: %w", err)
	}
	for _, seq := range seqs {
		if seq < 0 || seq >= n {
			return nil, nil, errors.New("no such log entry")
		}
		proof, err := tlog.ProveRecord(n, seq, hashes)
		if err != nil {
			return nil, nil, fmt.Errorf("proving a log entry: %w", err)
		}
		path := make([][]byte, len(proof))
		for i := range proof {
			path[i] = proof[i][:]
		}
		paths = append(paths, path)
	}
	return checkpoint, paths, nil
}
