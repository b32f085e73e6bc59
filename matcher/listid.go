package matcher

import (
	"encoding/binary"
	"hash"

	"crypto/hmac"
	"crypto/sha256"
)

// A ListID is made of the canonical rows of the list as a tree of two levels,
// so that all cores make it:
//
//	range[r] = HMAC(key, "awase.list/v2/range" ‖ rows whose encoding begins with byte r), zeros without rows
//	ListID   = HMAC(key, "awase.list/v2" ‖ columns ‖ range[0] ‖ … ‖ range[255] ‖ number of rows)
//
// HMAC is that with SHA-256; a label goes after its length. A row is its number
// of pairs (u16, little-endian) ‖ its encoding, in canonical order; an empty
// encoding is of range 0. The rows decide the ranges, so the same rows have one
// ID however they were added. Other rows differ in a range: rows of given
// columns are told apart in a range's bytes, as each says its length, and
// SHA-256 tells the ranges apart, then the roots.
const listRanges = 1 << 8

// listSums are the digests of the ranges.
type listSums [listRanges][sha256.Size]byte

// rangeOf is the range of an encoding.
func rangeOf(enc []byte) int {
	if len(enc) == 0 {
		return 0
	}
	return int(enc[0])
}

// id gives the ListID of ranges that hold so many rows.
func (s *listSums) id(key [32]byte, columns []Column, rows int) ListID {
	root := newSink(key, "awase.list/v2")
	root.columns(columns)
	for r := range s {
		root.bytes(s[r][:])
	}
	root.u64(rows)
	return root.sum()
}

// rangeHash makes the digests of ranges, one after another. Each worker has its
// own.
type rangeHash struct {
	mac  hash.Hash
	rows bool // some were hashed since the last sum
}

func newRangeHash(key [32]byte) *rangeHash { return &rangeHash{mac: hmac.New(sha256.New, key[:])} }

// add hashes the next rows of the range, each after its number of pairs.
func (h *rangeHash) add(rows []byte) {
	if len(rows) == 0 {
		return
	}
	if !h.rows {
		const label = "awase.list/v2/range"
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(label)))
		h.mac.Write(n[:])
		h.mac.Write([]byte(label))
		h.rows = true
	}
	h.mac.Write(rows)
}

// sum gives the digest of the range to out and begins another.
func (h *rangeHash) sum(out *[sha256.Size]byte) {
	if h.rows {
		h.mac.Sum(out[:0])
		h.mac.Reset()
		h.rows = false
	}
}
