package label

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

const signatureLabel = "awase.labels/v1\n"

// A Digest is over a set and all its rows in order: what the room signs, and what the
// partner checks before it believes one label. Without it, whoever carries labels
// could leave rows out, or bring a whole set of its own, which opens.
type Digest struct{ h hash.Hash }

// NewDigest gives the digest of a set without rows.
func NewDigest(s Set) *Digest {
	d := &Digest{sha256.New()}
	kem, kdf, aead, _ := s.Suite.Ids()
	b := append([]byte(nil), s.Delivery[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Expires))
	for _, v := range []uint16{kem, kdf, aead, uint16(len(s.Enc))} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	d.h.Write(append(b, s.Enc...))
	return d
}

// Add takes the next row.
func (d *Digest) Add(key []byte, l Label) {
	var size [2]byte
	binary.BigEndian.PutUint16(size[:], uint16(len(key)))
	d.h.Write(size[:])
	d.h.Write(key)
	d.h.Write(l[:])
}

// message is what is signed: awase.labels/v1, a line end, and the SHA-256 of all.
func (d *Digest) message() []byte { return d.h.Sum([]byte(signatureLabel)) }

// Sign signs what was added.
func (d *Digest) Sign(room ed25519.PrivateKey) []byte { return ed25519.Sign(room, d.message()) }

// Verify tells whether the room signed what was added, and nothing else.
func (d *Digest) Verify(room ed25519.PublicKey, signature []byte) bool {
	return len(room) == ed25519.PublicKeySize && ed25519.Verify(room, d.message(), signature)
}
