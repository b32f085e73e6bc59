// Package token turns a hashed identifier into the 16-byte keyed token that
// the enclave matches on.
//
//	token = HMAC-SHA256(K_token, len‖kind ‖ len‖class ‖ len‖namespace ‖ len‖hash)[:16]
//
// Each len is an unsigned varint (encoding/binary), so no two domains share an
// encoding, however long their parts are, and none is the start of another's.
//
// Without K_token a token tells nothing of the identifier: a stolen index
// can't be inverted by trying every phone number. Tokens never leave the
// trust boundary.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Size is the length of a token in bytes.
const Size = 16

// Token is the keyed PRF of one identifier under one kind, profile class and
// namespace.
type Token [Size]byte

// A Maker makes tokens under one key. It is not safe for concurrent use; each
// goroutine takes its own from NewMaker.
type Maker struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

// NewMaker gives a Maker for the 32-byte key K_token.
func NewMaker(key [32]byte) *Maker {
	return &Maker{mac: hmac.New(sha256.New, key[:]), buf: make([]byte, 0, 128)}
}

// Domain is the length-prefixed prefix of one kind, profile class and
// namespace: made once a column, used for each of its rows.
type Domain []byte

// NewDomain encodes a domain. Namespace is "" for all kinds but cookies.
func NewDomain(kind string, class uint8, namespace string) Domain {
	d := make(Domain, 0, 2*binary.MaxVarintLen16+2+len(kind)+len(namespace))
	d = binary.AppendUvarint(d, uint64(len(kind)))
	d = append(d, kind...)
	d = append(d, 1, class)
	d = binary.AppendUvarint(d, uint64(len(namespace)))
	return append(d, namespace...)
}

// Make gives the token of a 32-byte hash in a domain.
func (m *Maker) Make(d Domain, hash *[32]byte) Token {
	m.buf = append(append(append(m.buf[:0], d...), byte(len(hash))), hash[:]...)
	m.mac.Reset()
	m.mac.Write(m.buf)
	full := m.mac.Sum(m.sum[:0])
	return Token(full[:Size])
}
