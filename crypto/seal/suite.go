package seal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"

	"github.com/cloudflare/circl/hpke"
	"github.com/cloudflare/circl/kem"
)

// Suite is a KEM of RFC 9180's registry with HKDF-SHA256 and AES-256-GCM. The
// zero Suite is none.
type Suite uint8

// The suites.
const (
	XWing  Suite = iota + 1 // X-Wing, X25519 with ML-KEM-768: the default
	X25519                  // DHKEM(X25519, HKDF-SHA256)
)

const (
	kdfID  = hpke.KDF_HKDF_SHA256
	aeadID = hpke.AEAD_AES256GCM
)

// String gives "xwing" or "x25519".
func (s Suite) String() string {
	switch s {
	case XWing:
		return "xwing"
	case X25519:
		return "x25519"
	default:
		return "none"
	}
}

func (s Suite) ok() bool { return s == XWing || s == X25519 }

// kem is called for a Suite that is ok.
func (s Suite) kem() hpke.KEM {
	if s == X25519 {
		return hpke.KEM_X25519_HKDF_SHA256
	}
	return hpke.KEM_XWING
}

func (s Suite) hpke() hpke.Suite { return hpke.NewSuite(s.kem(), kdfID, aeadID) }

// suiteOf reads the three ids of a file.
func suiteOf(kem, kdf, aead uint16) (Suite, bool) {
	for _, s := range []Suite{XWing, X25519} {
		if kem == uint16(s.kem()) && kdf == uint16(kdfID) && aead == uint16(aeadID) {
			return s, true
		}
	}
	return 0, false
}

// PublicKey is what files are sealed to. The zero PublicKey is none. Keys are
// comparable.
type PublicKey struct {
	suite Suite
	raw   string // the KEM's encoding
}

// PrivateKey opens files. The zero PrivateKey is none. It is safe for
// concurrent use; printing or logging it shows no secret.
type PrivateKey struct {
	public PublicKey
	// A function, as fmt looks into pointers: under a wrong verb even those of
	// unexported fields.
	secret func() kem.PrivateKey
}

// DeriveKey gives the private key of a seed, always the same one. For X-Wing the
// seed is the decapsulation key (draft-connolly-cfrg-xwing-kem, §5.2), for
// X25519 it is the input of RFC 9180's DeriveKeyPair (§7.1.3). A seed is 32
// secret, uniformly random bytes and serves one suite.
func DeriveKey(s Suite, seed [32]byte) (PrivateKey, error) {
	if !s.ok() {
		return PrivateKey{}, refuse(UnknownSuite, "")
	}
	var secret kem.PrivateKey
	var err error
	if scheme := s.kem().Scheme(); s == XWing {
		// Not DeriveKeyPair: circl's hashes the seed first, as no document says.
		secret, err = scheme.UnmarshalBinaryPrivateKey(seed[:])
	} else {
		_, secret = scheme.DeriveKeyPair(seed[:])
	}
	if err != nil {
		return PrivateKey{}, fmt.Errorf("derive a sealing key: %w", err)
	}
	// circl computes an X25519 public key on first use, without a lock: that is
	// here, and from here on it is only read.
	raw, err := secret.Public().MarshalBinary()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("derive a sealing key: %w", err)
	}
	return PrivateKey{PublicKey{s, string(raw)}, func() kem.PrivateKey { return secret }}, nil
}

// Public gives the key that files are sealed to.
func (k PrivateKey) Public() PublicKey { return k.public }

// Format prints the fingerprint of the public key, whatever the verb.
func (k PrivateKey) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "private key of %s", k.public.Fingerprint())
}

// LogValue is Format for package slog.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(k)) }

const keyPrefix = "awase-seal-"

// keyEncoding is base64url without padding; Strict refuses stray bits, so that
// a key has one text.
var keyEncoding = base64.RawURLEncoding.Strict()

// ParsePublicKey reads the text that MarshalText writes.
func ParsePublicKey(text string) (PublicKey, error) {
	name, data, ok := strings.Cut(strings.TrimPrefix(text, keyPrefix), "-")
	if !ok || !strings.HasPrefix(text, keyPrefix) {
		return PublicKey{}, refuse(BadKey, "a key begins with "+keyPrefix)
	}
	for _, s := range []Suite{XWing, X25519} {
		if name != s.String() {
			continue
		}
		scheme := s.kem().Scheme()
		// The decoder passes over line ends; a key has none.
		if len(data) != keyEncoding.EncodedLen(scheme.PublicKeySize()) || strings.ContainsAny(data, "\r\n") {
			return PublicKey{}, refuse(BadKey, "a key of another length")
		}
		raw, err := keyEncoding.DecodeString(data)
		if err != nil {
			return PublicKey{}, refuse(BadKey, "not base64url")
		}
		if _, err := scheme.UnmarshalBinaryPublicKey(raw); err != nil {
			return PublicKey{}, refuse(BadKey, "no key of its suite")
		}
		return PublicKey{s, string(raw)}, nil
	}
	return PublicKey{}, refuse(BadKey, "neither an xwing nor an x25519 key")
}

// Suite gives the key's suite.
func (k PublicKey) Suite() Suite { return k.suite }

// MarshalText gives "awase-seal-", the suite, "-" and the key in base64url.
func (k PublicKey) MarshalText() ([]byte, error) {
	if !k.suite.ok() {
		return nil, refuse(BadKey, "no key")
	}
	return []byte(k.String()), nil
}

// UnmarshalText is ParsePublicKey.
func (k *PublicKey) UnmarshalText(text []byte) error {
	p, err := ParsePublicKey(string(text))
	if err == nil {
		*k = p
	}
	return err
}

// String gives the text of MarshalText.
func (k PublicKey) String() string {
	return keyPrefix + k.suite.String() + "-" + keyEncoding.EncodeToString([]byte(k.raw))
}

const fingerprintLabel = "awase seal key v1\n"

// Fingerprint gives the first 128 bits of a SHA-256 of the key, as eight groups
// of four hex digits: short enough to be read out, long enough that nobody finds
// a second key with it.
func (k PublicKey) Fingerprint() string {
	id := k.keyID()
	return fingerprint(id[:])
}

// keyID is what a fingerprint writes out.
func (k PublicKey) keyID() [16]byte {
	sum := sha256.Sum256([]byte(fingerprintLabel + k.suite.String() + "\n" + k.raw))
	return [16]byte(sum[:16])
}

func fingerprint(id []byte) string {
	digits := hex.EncodeToString(id)
	groups := make([]string, 0, 8)
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, "-")
}

// kem gives the key as circl takes it.
func (k PublicKey) kem() (kem.PublicKey, error) {
	if !k.suite.ok() {
		return nil, refuse(BadKey, "no key")
	}
	pub, err := k.suite.kem().Scheme().UnmarshalBinaryPublicKey([]byte(k.raw))
	if err != nil {
		return nil, refuse(BadKey, "no key of its suite")
	}
	return pub, nil
}
