package enclave

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math/bits"
	"sync"

	"awase/enclave/vault"
)

// rowChunk is about how many bytes a column of a segment of rows has.
const rowChunk = 1 << 20

// rowSegment is a segment of rows that several goroutines write at once, in whatever
// order. Its digest is keyed, and of its rows in any order.
type rowSegment struct {
	key  [32]byte
	what string // of the digest

	mu    sync.Mutex
	w     *vault.SegmentWriter
	parts []*rowsPart
	n     int
}

// rowSegment begins a segment under a data key, whose digest is under a subkey. Commit
// or abort ends it.
func (e *Enclave) rowSegment(dataKey, subkey, what string) (*rowSegment, error) {
	w, err := e.vault.NewSegment(dataKey)
	if err != nil {
		return nil, err
	}
	return &rowSegment{key: e.vault.Subkey(subkey), what: what, w: w}, nil
}

// part gives a goroutine its part.
func (s *rowSegment) part() *rowsPart {
	s.mu.Lock()
	defer s.mu.Unlock()
	part := &rowsPart{of: s, hash: sha256.New()}
	s.parts = append(s.parts, part)
	return part
}

// rowsPart is what one goroutine has added and not written yet.
type rowsPart struct {
	of   *rowSegment
	hash hash.Hash
	buf  []byte
	sum  [4]uint64 // of the rows' digests: the order in which they came is no matter
}

// row adds what is appended.
func (p *rowsPart) row(appended func(b []byte) []byte) error {
	at := len(p.buf)
	p.buf = appended(p.buf)
	p.digest(p.buf[at:])
	if len(p.buf) < rowChunk {
		return nil
	}
	return p.flush()
}

func (p *rowsPart) digest(row []byte) {
	var sum [32]byte
	p.hash.Reset()
	p.hash.Write(p.of.key[:])
	p.hash.Write(row)
	p.hash.Sum(sum[:0])
	p.sum = added(p.sum, sum)
}

// added adds a number of 256 bits.
func added(sum [4]uint64, n [32]byte) [4]uint64 {
	carry := uint64(0)
	for i := range sum {
		sum[i], carry = bits.Add64(sum[i], binary.LittleEndian.Uint64(n[8*i:]), carry)
	}
	return sum
}

func (p *rowsPart) flush() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	err := p.of.w.Put(rowColumn(p.of.n), p.buf)
	p.of.n++
	p.buf = p.buf[:0]
	return err
}

// done writes the rest, and gives the digest of all rows.
func (s *rowSegment) done() (hexID, error) {
	for _, part := range s.parts {
		if len(part.buf) == 0 {
			continue
		}
		if err := part.flush(); err != nil {
			return hexID{}, fmt.Errorf("writing rows: %w", err)
		}
	}
	return s.digest(), nil
}

// digest gives the digest of all rows.
func (s *rowSegment) digest() hexID {
	var sum [4]uint64
	for _, part := range s.parts {
		var n [32]byte
		for i, w := range part.sum {
			binary.LittleEndian.PutUint64(n[8*i:], w)
		}
		sum = added(sum, n)
	}
	h := sha256.New()
	h.Write(s.key[:])
	h.Write([]byte(s.what))
	for _, w := range sum {
		h.Write(binary.LittleEndian.AppendUint64(nil, w))
	}
	return hexID(h.Sum(nil))
}

// commit ends the segment after done.
func (s *rowSegment) commit() (vault.SegmentRef, error) {
	w := s.w
	s.w = nil
	return w.Commit()
}

// abort drops what was not committed.
func (s *rowSegment) abort() {
	if s.w != nil {
		_ = s.w.Abort() // what is left of it, the next opening sweeps away
	}
}

// readRows reads a segment of rows whose digest is under a subkey, and sees that they
// are those that were written: what was given out before is worth nothing where it
// fails. next takes a row off what it is given.
func (e *Enclave) readRows(ctx context.Context, ref vault.SegmentRef, digest hexID, subkey, what string, next func(b []byte) (rest []byte, err error)) error {
	check := &rowSegment{key: e.vault.Subkey(subkey), what: what}
	read := check.part()
	n := 0
	err := e.vault.ReadColumns(ref, func(name string, part []byte) error {
		if name != rowColumn(n) {
			return vault.ErrSegment
		}
		n++
		for len(part) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			rest, err := next(part)
			if err != nil {
				return err
			}
			read.digest(part[:len(part)-len(rest)])
			part = rest
		}
		return nil
	})
	if err == nil && check.digest() != digest {
		err = vault.ErrSegment
	}
	return err
}
