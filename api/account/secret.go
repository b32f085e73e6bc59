package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// TokenPrefix is what API tokens begin with, so that scanners of leaked secrets
// know them.
const TokenPrefix = "awase_"

// NewSecret gives 256 random bits as 43 characters: a cookie, a link's token, a
// code.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewToken gives a new API token.
func NewToken() string { return TokenPrefix + NewSecret() }

// IsToken tells whether text has the form of an API token.
func IsToken(text string) bool {
	rest, ok := strings.CutPrefix(text, TokenPrefix)
	return ok && IsSecret(rest)
}

// IsSecret tells whether text has the form of what NewSecret gives.
func IsSecret(text string) bool {
	if len(text) != 43 {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil
}

// Hash gives what is kept of a secret. It is fast: of 256 bits nothing can be
// guessed.
func Hash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
