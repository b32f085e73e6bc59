// Package label hides who is a member of a delivery from whoever carries it.
//
//	enclave                                   partner (serving key)
//	Sealer ── set: delivery, expiry, enc ──▶  Opener
//	       ── key, label: every key ───────▶  member, or not
//
// Every user key of the partner's list gets a label, members and others alike. A
// label is Base64 of nonce (12) ‖ AES-256-GCM (one byte: 0xFF member, 0x00 not) ‖
// tag (16), under a key that HPKE exports to the partner's serving key. All labels
// have one length, and without the key one is as random as another. The associated
// data is delivery ‖ user key ‖ row, each length-prefixed, so a label that is put on
// another key, on another row or into another delivery opens nowhere: else a carrier
// would put the label of someone it asks about on a key of its own, and see whether
// ads come (label transplant). The expiry is bound by HPKE's info.
//
// HPKE's base mode doesn't say who sealed: whoever knows the serving key's public half
// can make labels. So a set is signed by the room, over all its rows, see Digest.
package label

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"awase/crypto/seal"
)

// Lengths.
const (
	MaxKey = 512 // bytes of a user key
	Size   = 12 + 1 + 16
	Text   = (Size + 2) / 3 * 4 // characters of its Base64

	nonceSize = 12
	keySize   = 32
)

const (
	infoLabel = "awase label v1\n"
	keyLabel  = "awase label key v1"
)

const (
	member    = 0xFF
	notMember = 0x00
)

// A Label is what one user key is served by. It says nothing to whoever has no
// serving key.
type Label [Size]byte

// encoding refuses stray bits and other padding: a label has one text.
var encoding = base64.StdEncoding.Strict()

// String gives the label in Base64, Text characters.
func (l Label) String() string { return encoding.EncodeToString(l[:]) }

// Parse reads what String gives.
func Parse(text string) (Label, error) {
	// One byte of room more: the decoder writes whole groups. It passes over line
	// ends, so the length of what it gives is looked at as well.
	var b [Size + 1]byte
	if len(text) != Text {
		return Label{}, refuse(Malformed, "another length")
	}
	n, err := encoding.Decode(b[:], []byte(text))
	if err != nil || n != Size {
		return Label{}, refuse(Malformed, "not Base64")
	}
	return Label(b[:Size]), nil
}

// A Set is what the labels of one delivery share.
type Set struct {
	Delivery [16]byte // random, one a delivery
	Expires  int64    // unix seconds: from then on no label opens
	Suite    seal.Suite
	Enc      []byte // HPKE's encapsulated key, of the suite's length
}

// Fault says what of s is wrong; "" is nothing.
func (s *Set) Fault() string {
	_, _, _, enc := s.Suite.Ids()
	switch {
	case s.Delivery == [16]byte{}:
		return "delivery"
	case s.Expires < 1:
		return "expiry"
	case enc == 0:
		return "suite"
	case len(s.Enc) != enc:
		return "encapsulated key"
	}
	return ""
}

// info is HPKE's: it binds the delivery and the expiry to the key.
func info(delivery [16]byte, expires int64) []byte {
	b := append([]byte(infoLabel), delivery[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(expires))
}

// appendAAD appends what a label is bound to.
func appendAAD(b []byte, delivery [16]byte, row uint32, key []byte) []byte {
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(delivery))), delivery[:]...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(key))), key...)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, 4), row)
}

// A binding is what labels are bound by. Tests take a part of it away to see what
// it is there for.
type binding struct {
	info func(delivery [16]byte, expires int64) []byte
	aad  func(b []byte, delivery [16]byte, row uint32, key []byte) []byte
}

var whole = binding{info, appendAAD}

// A Sealer makes the labels of one delivery. It is not safe for concurrent use.
type Sealer struct {
	set     Set
	aead    cipher.AEAD
	rand    io.Reader
	binding binding
	buf     []byte
}

// NewSealer gives the sealer of a delivery whose labels open with the private half of
// to, before expires. rnd makes the key and the nonces; nil is crypto/rand, anything
// else is for test vectors.
func NewSealer(to seal.PublicKey, delivery [16]byte, expires time.Time, rnd io.Reader) (*Sealer, error) {
	return newSealer(to, delivery, expires, rnd, whole)
}

func newSealer(to seal.PublicKey, delivery [16]byte, expires time.Time, rnd io.Reader, bind binding) (*Sealer, error) {
	if delivery == [16]byte{} || expires.Unix() < 1 {
		return nil, refuse(Malformed, "a delivery has an id and an expiry")
	}
	at := expires.Unix()
	enc, key, err := to.Export(bind.info(delivery, at), []byte(keyLabel), keySize, rnd)
	if err != nil {
		return nil, fmt.Errorf("make labels: %w", err)
	}
	aead, err := gcm(key)
	if err != nil {
		return nil, fmt.Errorf("make labels: %w", err)
	}
	if rnd == nil {
		rnd = rand.Reader
	}
	return &Sealer{set: Set{delivery, at, to.Suite(), enc}, aead: aead, rand: rnd, binding: bind}, nil
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Set gives what the labels share, for their opener.
func (s *Sealer) Set() Set { return s.set }

// Label gives the label of the user key in a row, counted from 0, at most once a row.
// The work is the same for a member and for others. Nonces are random: over the 2³²
// rows that a set may have two are the same with a probability under 2⁻³².
func (s *Sealer) Label(row uint32, key []byte, isMember bool) (Label, error) {
	if len(key) < 1 || len(key) > MaxKey {
		return Label{}, refuse(Malformed, "a user key has 1 to 512 bytes")
	}
	var l Label
	if _, err := io.ReadFull(s.rand, l[:nonceSize]); err != nil {
		return Label{}, fmt.Errorf("make a label: %w", err)
	}
	var bit byte // no branch on it: 0 or 1 becomes 0x00 or 0xFF
	if isMember {
		bit = 1
	}
	plain := [1]byte{-bit}
	s.buf = s.binding.aad(s.buf[:0], s.set.Delivery, row, key)
	s.aead.Seal(l[:nonceSize], l[:nonceSize], plain[:], s.buf)
	return l, nil
}

// An Opener opens the labels of one delivery. It is not safe for concurrent use.
type Opener struct {
	set     Set
	aead    cipher.AEAD
	now     func() time.Time
	binding binding
	buf     []byte
}

// NewOpener gives the opener of a set for the holder of the serving key. now is asked
// at each label, time.Now if it is nil. A key that the set isn't sealed to opens no
// label; that shows at the first one.
func NewOpener(key seal.PrivateKey, set Set, now func() time.Time) (*Opener, error) {
	return newOpener(key, set, now, whole)
}

func newOpener(key seal.PrivateKey, set Set, now func() time.Time, bind binding) (*Opener, error) {
	if f := set.Fault(); f != "" {
		return nil, refuse(Malformed, f)
	}
	if key.Public().Suite() != set.Suite {
		return nil, refuse(NotOpened, "the key is of another suite")
	}
	secret, err := key.Export(set.Enc, bind.info(set.Delivery, set.Expires), []byte(keyLabel), keySize)
	if err != nil {
		return nil, refuse(NotOpened, "")
	}
	aead, err := gcm(secret)
	if err != nil {
		return nil, fmt.Errorf("open labels: %w", err)
	}
	if now == nil {
		now = time.Now
	}
	return &Opener{set: set, aead: aead, now: now, binding: bind}, nil
}

// Open tells whether the user key in a row, counted from 0, is a member. A label
// after its expiry is Expired; one made for another key, row or delivery, altered, or
// sealed to another serving key is NotOpened, which says nothing about the key.
func (o *Opener) Open(row uint32, key []byte, l Label) (bool, error) {
	if o.now().Unix() >= o.set.Expires {
		return false, refuse(Expired, "")
	}
	if len(key) < 1 || len(key) > MaxKey {
		return false, refuse(Malformed, "a user key has 1 to 512 bytes")
	}
	o.buf = o.binding.aad(o.buf[:0], o.set.Delivery, row, key)
	plain, err := o.aead.Open(nil, l[:nonceSize], l[nonceSize:], o.buf)
	if err != nil {
		return false, refuse(NotOpened, "")
	}
	switch plain[0] {
	case member:
		return true, nil
	case notMember:
		return false, nil
	}
	return false, refuse(NotOpened, "neither a member nor not")
}
