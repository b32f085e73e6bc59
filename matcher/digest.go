package matcher

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// sink hashes small values through one buffer: HMAC costs a call for each
// Write.
type sink struct {
	mac hash.Hash
	buf []byte
}

func newSink(key [32]byte, label string) *sink {
	s := &sink{mac: hmac.New(sha256.New, key[:]), buf: make([]byte, 0, 1<<15)}
	s.str(label)
	return s
}

func (s *sink) bytes(b []byte) {
	if len(s.buf)+len(b) > cap(s.buf) {
		s.mac.Write(s.buf)
		s.buf = s.buf[:0]
		if len(b) > cap(s.buf) {
			s.mac.Write(b)
			return
		}
	}
	s.buf = append(s.buf, b...)
}

func (s *sink) u64(v int) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(v))
	s.bytes(b[:])
}

// str hashes a string after its length: two lists of strings never hash alike.
func (s *sink) str(v string) {
	s.u64(len(v))
	s.bytes([]byte(v))
}

func (s *sink) pair(p pair) {
	var b [pairSize]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	s.bytes(b[:])
}

func (s *sink) columns(columns []Column) {
	s.u64(len(columns))
	for _, c := range columns {
		s.str(c.Name)
		s.u64(len(c.Domain))
		for _, v := range c.Domain {
			s.str(v)
		}
	}
}

func (s *sink) sum() (out [32]byte) {
	s.mac.Write(s.buf)
	s.mac.Sum(out[:0])
	return out
}

// Digest is HMAC-SHA256 under key over all that a count may depend on: columns
// and domains; the users in the order of their tokens, with codes, policy
// versions and restrictions; per kind the index and the ambiguous tokens. Two
// bases have one digest iff they have one content: neither the order of the
// rows nor the cluster ids count. Tombstones are not part of it.
func (b *Base) Digest(key [32]byte) [32]byte {
	rank := make([]uint32, b.clusters()) // a user's name in the digest, in place of the id
	for i, user := range b.users.pairs {
		rank[user.value()] = uint32(i)
	}
	const label = "awase.base/v1"
	sums := make([][32]byte, 1+2*int(Kinds))
	// The sections are hashed apart, so on all cores; no part of it can fail.
	_ = parallel(context.Background(), newOptions(nil).workers, len(sums), func(_, part int) error {
		if part == 0 {
			s := newSink(key, label+"/users")
			b.digestUsers(s)
			sums[part] = s.sum()
			return nil
		}
		k := (part - 1) / 2
		if part%2 == 1 {
			s := newSink(key, fmt.Sprintf("%s/index/%d", label, k))
			x := &b.index[k]
			s.u64(x.len())
			for _, p := range x.pairs {
				s.pair(p.with(rank[p.value()]))
			}
			sums[part] = s.sum()
			return nil
		}
		s := newSink(key, fmt.Sprintf("%s/ambiguous/%d", label, k))
		s.bytes(b.ambiguous[k].bytes())
		sums[part] = s.sum()
		return nil
	})
	s := newSink(key, label)
	for i := range sums {
		s.bytes(sums[i][:])
	}
	return s.sum()
}

func (b *Base) digestUsers(s *sink) {
	s.columns(b.columns)
	s.u64(len(b.standings))
	for _, st := range b.standings {
		s.str(st.PolicyVersion)
		s.str(st.Service)
		enquiry := 0
		if st.EnquiryOnly {
			enquiry = 1
		}
		s.u64(enquiry)
	}
	s.u64(b.users.len())
	standing := b.standing.Uint16Values()
	row := make([]byte, 2+len(b.codes))
	for _, user := range b.users.pairs {
		c := user.value()
		s.pair(user.with(0))
		binary.LittleEndian.PutUint16(row, standing[c])
		for j := range b.codes {
			row[2+j] = b.codes[j].Uint8Values()[c]
		}
		s.bytes(row)
	}
}
