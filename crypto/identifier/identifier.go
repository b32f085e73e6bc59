// Package identifier gives the normal form of an email address, a phone
// number, a cookie or a mobile advertising id, and the SHA-256 hash of it.
//
//	raw value ──Canonical──▶ the form Awase matches on (profile awase)
//	          ──Normalise──▶ the form one platform asks for (any Profile)
//	          ──AppendBase─▶ every hash the base is indexed under
//	          ──AppendList─▶ every hash a raw list value is looked up by
//	a hash    ──ParseHash──▶ its 32 bytes
//
// Platforms disagree about how an address is normalised before it is hashed.
// The base is raw, so it is indexed under each distinct hash that the
// mailbox-preserving profiles give; a list hashed by any of them then matches.
// Lossy rules, which can turn one person's address into another's, have a
// Class of their own and never share an index with the others.
//
// No error of this package holds the value it is about.
package identifier

import "fmt"

// Kind is what sort of identifier a value is.
type Kind uint8

// The kinds.
const (
	Email Kind = iota
	Phone
	Cookie
	MAID
	kindCount
)

var kindNames = [kindCount]string{"email", "phone", "cookie", "maid"}

// String gives the name used in documents and on the command line.
func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind reads "email", "phone", "cookie" or "maid".
func ParseKind(name string) (Kind, error) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("no such identifier kind; use one of email, phone, cookie, maid")
}

// Hash is the SHA-256 of a normal form.
type Hash = [32]byte

// Sum is a hash and the class of index it belongs in.
type Sum struct {
	Class Class
	Hash  Hash
}

// Class says which profiles may share an index. Two hashes of different
// classes never match, even when their bytes are the same.
type Class uint8

// The classes. Common holds every profile whose normal form still names the
// same mailbox or line.
const (
	Common              Class = iota
	ClassAMC                  // email: deletes + and _, so a_b@x.jp meets ab@x.jp
	ClassTikTokNoSuffix       // email: drops +suffix on every domain, not only Gmail's

	ClassCount // how many there are
)
