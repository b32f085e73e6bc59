package approval

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// Key is an officer's public key. The zero Key verifies nothing.
type Key struct {
	ed     ed25519.PublicKey
	ec     *ecdsa.PublicKey
	origin string // of a passkey: the page that may ask for its assertions
}

// The forms of a key in a document, each followed by Base64: of the 32 bytes of
// an Ed25519 key, or of a passkey's COSE key.
const (
	FilePrefix    = "ed25519:"
	PasskeyPrefix = "passkey:"
)

var errKey = errors.New("an officer's key is written ed25519: and 44 characters of Base64, or passkey: and the Base64 of a COSE key")

// errWeak is of a key that verifies signatures which nobody made.
var errWeak = errors.New("the key is one for which anybody can sign")

// ParseKey reads a key as documents write it. origin is the page's, of a passkey
// alone. A key has one spelling.
func ParseKey(text, origin string) (*Key, error) {
	if raw, ok := strings.CutPrefix(text, FilePrefix); ok {
		key, err := decode(raw)
		if err != nil || len(key) != ed25519.PublicKeySize || origin != "" {
			return nil, errKey
		}
		if smallOrder(key) {
			return nil, errWeak
		}
		return &Key{ed: key}, nil
	}
	raw, ok := strings.CutPrefix(text, PasskeyPrefix)
	if !ok || origin == "" {
		return nil, errKey
	}
	cose, err := decode(raw)
	if err != nil {
		return nil, errKey
	}
	k, err := parseCOSE(cose)
	if err != nil {
		return nil, err
	}
	k.origin = origin
	return k, nil
}

// decode reads Base64 that has one spelling.
func decode(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != text { // line ends are let through
		return nil, errKey
	}
	return raw, nil
}

// FormatKey writes the public key of a file as documents have it.
func FormatKey(key ed25519.PublicKey) string {
	return FilePrefix + base64.StdEncoding.EncodeToString(key)
}

// The y coordinates of the points of small order, and the two that stand for one
// of them beyond the field's prime. A signature under such a key can be made
// without any: what the hash is multiplied with vanishes.
var small = func() (out [][]byte) {
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		if raw, err := hex.DecodeString(y); err == nil {
			out = append(out, raw)
		}
	}
	return out
}()

func smallOrder(key []byte) bool {
	y := bytes.Clone(key)
	y[len(y)-1] &= 0x7f // the sign of x
	for _, s := range small {
		if bytes.Equal(y, s) {
			return true
		}
	}
	return false
}
