package relay

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

// SecretSize is how many bytes a secret has.
const SecretSize = 32

// Secret is what a relay shows to be let in. The zero one is none.
type Secret [SecretSize]byte

// String keeps it out of logs and errors.
func (Secret) String() string { return "the relay's secret" }

// GoString does too.
func (s Secret) GoString() string { return s.String() }

// NewSecret makes one.
func NewSecret() (s Secret) {
	_, _ = rand.Read(s[:]) // it never fails
	return s
}

// ReadSecret reads one that is all that there is, and is not none: where it is asked
// for, nothing goes on without it.
func ReadSecret(r io.Reader) (s Secret, err error) {
	if _, err = io.ReadFull(r, s[:]); err != nil {
		return Secret{}, fmt.Errorf("reading the relay's secret: %w", err)
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) || s == (Secret{}) {
		return Secret{}, errors.Join(errors.New("what is there is no secret of a relay"), err)
	}
	return s, nil
}

// shownBy tells whether what was shown is the secret, in a time that says nothing of it.
func (s Secret) shownBy(shown []byte) bool {
	return s == (Secret{}) || subtle.ConstantTimeCompare(s[:], shown) == 1
}
