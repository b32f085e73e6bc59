// Package delivery is the sealed delivery file, awase.delivery/v1: an audience on
// its way to the party that acts on it.
//
//	enclave                                         receiver (delivery key)
//	Writer ── header · sealed slots · signature ──▶ Open ── people, user keys or labels
//
// The header is plain: whoever carries the file has to know whose it is. It is
// HPKE's info, so nothing opens under another, and the room's signature covers it
// and every byte after it. What is sealed is as long as the header's Slots says and
// tells nothing else: each slot is a record or padding, of one size. The format, byte
// by byte, is docs/deliveries-format.md.
//
// A header and a file's size hold no count but Slots, which the sender draws from the
// noised count alone (PRIVACY, rule 12). No error of this package holds what a slot
// holds.
package delivery

import (
	"crypto/ed25519"
	"fmt"
	"math/bits"
	"strings"

	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/seal"
)

// Schema is the format's name and version.
const Schema = "awase.delivery/v1"

// Destination is where an audience goes.
type Destination uint8

// The destinations. Their codes are part of the format.
const (
	Label Destination = iota + 1
	Google
	Meta
	Line
	YahooJapan
	TikTok
	X
	OwnChannel
)

var destinations = []string{Label: "label", Google: "google", Meta: "meta", Line: "line", YahooJapan: "yahoo-japan", TikTok: "tiktok", X: "x", OwnChannel: "own-channel"}

// Destinations gives all of them.
func Destinations() []Destination {
	all := make([]Destination, 0, len(destinations)-1)
	for d := Label; int(d) < len(destinations); d++ {
		all = append(all, d)
	}
	return all
}

func (d Destination) ok() bool { return d >= Label && int(d) < len(destinations) }

// String gives the name used in documents and on the command line.
func (d Destination) String() string {
	if d.ok() {
		return destinations[d]
	}
	return "none"
}

// ParseDestination reads a name such as "google" or "own-channel".
func ParseDestination(name string) (Destination, error) {
	for d := Label; int(d) < len(destinations); d++ {
		if destinations[d] == name {
			return d, nil
		}
	}
	return 0, fmt.Errorf("no such destination; use one of %s", strings.Join(destinations[1:], ", "))
}

// Form is what the slots of a delivery hold.
type Form uint8

// The forms.
const (
	People Form = iota + 1 // hashed identifiers, a slot a person
	Users                  // user keys of the operator's own
	Labels                 // a user key and a label for each key of the partner's list
)

// Form gives the form of a destination's deliveries.
func (d Destination) Form() Form {
	switch d {
	case Label:
		return Labels
	case OwnChannel:
		return Users
	default:
		return People
	}
}

// Act is what a delivery does to the one before it.
type Act uint8

// The acts. Their codes are part of the format.
const (
	Replace Act = iota + 1 // the slots are the whole audience
	Remove                 // the slots are people who left it
)

// String gives "replace" or "remove".
func (a Act) String() string {
	switch a {
	case Replace:
		return "replace"
	case Remove:
		return "remove"
	}
	return "none"
}

// Header is what a delivery says of itself to everyone.
type Header struct {
	Delivery    [16]byte // random, one a delivery
	Campaign    string   // its id
	Number      int      // of the delivery in the campaign, from 1
	Entrustment string   // its id
	Version     int      // of the entrustment, from 1
	Receiver    string   // id of the party that opens it
	Destination Destination
	Channel     string // of own-channel: which of the operator's channels; else ""
	Act         Act
	Created     int64 // unix seconds
	Expires     int64 // unix seconds: from then on it is not opened
	Times, Days int   // frequency hint: at most so often in so many days; 0, 0: none

	// Slots is how many slots are sealed, records and padding, a power of two. Of
	// labels it is bytes: their rows, as long as the partner's keys, and padding.
	Slots int64

	Labels label.Set         // of labels: what they share, of this delivery and expiry; else zero
	Room   ed25519.PublicKey // signs the file; a reader holds it against the one it knows
}

// Identifier is one hash of a person, as crypto/identifier makes it.
type Identifier struct {
	Kind  identifier.Kind
	Class identifier.Class
	Hash  identifier.Hash
}

// Takes tells whether a destination takes an identifier: FORMATS §1 and §6, and the
// documents named at each platform. Advertising ids that a platform takes unhashed
// can't be sent: only their hash is known. Cookies are nobody's but their site's.
func (d Destination) Takes(id Identifier) bool {
	if id.Class != identifier.Common {
		// Without its +suffix a mailbox is named by TikTok's own rule; elsewhere the
		// hash would be of somebody else's address.
		return d == TikTok && id.Class == identifier.ClassTikTokNoSuffix && id.Kind == identifier.Email
	}
	switch id.Kind {
	case identifier.Email, identifier.Phone:
		return true
	case identifier.MAID:
		return d == TikTok || d == X
	}
	return false
}

// Limits. A slot has one size whatever it holds; so a person has few identifiers,
// and a user key is short: the operator's own keys are (128 bytes hold a UUID, a hash
// in hex or a mailbox), and one of 512 would make every file four times as large. A
// base with longer keys has no own channel; the sender finds that on the whole base,
// before it knows any audience.
const (
	MaxIdentifiers = 4
	MaxUserKey     = 128
	MaxSlots       = 1 << 26 // of people and of users
	MaxLabelBytes  = 1 << 36

	identifierSize = 1 + 1 + 32
	personSize     = 1 + MaxIdentifiers*identifierSize
	userSize       = 1 + MaxUserKey
)

// slotSize gives the bytes of a slot; of labels, 1.
func (f Form) slotSize() int64 {
	switch f {
	case People:
		return personSize
	case Users:
		return userSize
	default:
		return 1
	}
}

// body gives how many bytes are sealed.
func (h *Header) body() int64 { return h.Slots * h.Destination.Form().slotSize() }

// Size gives the size of the file that h heads, sealed to a key of a suite. It
// depends on the header alone, which tells nothing of the slots.
func (h *Header) Size(to seal.Suite) (int64, error) {
	canonical, err := appendHeader(nil, h)
	if err != nil {
		return 0, err
	}
	_, _, _, enc := to.Ids()
	if enc == 0 {
		return 0, refuse(UnknownSuite, "")
	}
	return int64(preludeSize+len(canonical)+2+enc) + seal.StreamSize(h.body()) + ed25519.SignatureSize, nil
}

// SlotsFor gives the slots of a delivery of at most n people or users: the next power
// of two. n is the sender's bound from the noised count, never a true count.
func SlotsFor(n int64) int64 { return nextPower(n) }

// LabelBytes gives the Slots of labels for a partner's list of so many keys, of so
// many bytes in all: what a list holds its owner knows, and who is a member changes
// nothing of it.
func LabelBytes(keys, keyBytes int64) int64 {
	return nextPower(keys*(2+label.Size) + keyBytes + labelTrailer)
}

// labelTrailer ends the rows of labels: an empty key, and the room's signature.
const labelTrailer = 2 + ed25519.SignatureSize

func nextPower(n int64) int64 {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len64(uint64(n-1))
}

func isPower(n int64) bool { return n > 0 && n&(n-1) == 0 }
