package approval

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Assertion is what a passkey gives when it is asked to sign a challenge
// (WebAuthn Level 3, AuthenticatorAssertionResponse), byte for byte. The counter
// is not looked at: passkeys that are synchronised have none.
type Assertion struct {
	ClientData        []byte `json:"client_data"`        // clientDataJSON
	AuthenticatorData []byte `json:"authenticator_data"` //
	Signature         []byte `json:"signature"`
}

// What an assertion with a good signature is refused for.
var (
	ErrClientData = errors.New("the passkey was asked by another page, for another act, or from inside another page")
	ErrUser       = errors.New("the passkey did not verify that its owner was there: it has to ask for a PIN, a finger or a face")
)

const (
	maxClientData = 4 << 10
	maxAuthData   = 4 << 10
)

// Flags of authenticator data.
const (
	flagUser       = 1 << 0 // somebody was there
	flagVerified   = 1 << 2 // it was the owner
	flagEligible   = 1 << 3 // the passkey may be backed up
	flagBackedUp   = 1 << 4
	flagAttested   = 1 << 6 // a new key follows: not in an assertion
	flagExtensions = 1 << 7
)

// verify checks the assertion of a passkey over a challenge: §7.2 of the
// standard, for one origin whose host is the relying party's id.
func (a *Assertion) verify(k *Key, challenge []byte) error {
	if len(a.ClientData) > maxClientData || len(a.AuthenticatorData) > maxAuthData {
		return ErrSignature
	}
	hash := sha256.Sum256(a.ClientData)
	signed := append(bytes.Clone(a.AuthenticatorData), hash[:]...)
	switch {
	case k.ec != nil:
		digest := sha256.Sum256(signed)
		if !ecdsa.VerifyASN1(k.ec, digest[:], a.Signature) {
			return ErrSignature
		}
	case !ed25519.Verify(k.ed, signed, a.Signature):
		return ErrSignature
	}
	if err := checkClientData(a.ClientData, challenge, k.origin); err != nil {
		return err
	}
	return checkAuthData(a.AuthenticatorData, k.origin)
}

// checkClientData holds what the browser says against what it was asked.
func checkClientData(raw, challenge []byte, origin string) error {
	c, err := parseClientData(raw)
	if err != nil {
		return err
	}
	if c.kind != "webauthn.get" || c.challenge != base64.RawURLEncoding.EncodeToString(challenge) || c.origin != origin || c.framed {
		return ErrClientData
	}
	return nil
}

type clientData struct {
	kind, challenge, origin string
	framed                  bool // asked from inside a page of another origin
}

// parseClientData reads clientDataJSON. Members that are not known are let
// through, as the standard asks; encoding/json's ways with those that are known
// are not good enough: it takes "Origin" for "origin", and the last of two.
func parseClientData(raw []byte) (c clientData, err error) {
	if !utf8.Valid(raw) {
		return c, ErrClientData
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return c, ErrClientData
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok || seen[name] {
			return c, ErrClientData
		}
		seen[name] = true
		var value any
		if err := dec.Decode(&value); err != nil {
			return c, ErrClientData
		}
		text, isText := value.(string)
		switch name {
		case "type":
			c.kind = text
		case "challenge":
			c.challenge = text
		case "origin":
			c.origin = text
		case "crossOrigin":
			framed, isBool := value.(bool)
			c.framed = c.framed || framed || !isBool
			continue
		case "topOrigin":
			c.framed = true
		default:
			continue
		}
		if !isText {
			return c, ErrClientData
		}
	}
	if _, err := dec.Token(); err != nil {
		return c, ErrClientData
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return c, ErrClientData
	}
	return c, nil
}

// checkAuthData holds what the authenticator says: for which relying party it
// signed, and who was there.
func checkAuthData(raw []byte, origin string) error {
	const fixed = 32 + 1 + 4 // hash of the relying party's id, flags, counter
	if len(raw) < fixed {
		return ErrClientData
	}
	flags := raw[32]
	rp := sha256.Sum256([]byte(host(origin)))
	if !bytes.Equal(raw[:32], rp[:]) || flags&flagAttested != 0 || flags&flagEligible == 0 && flags&flagBackedUp != 0 {
		return ErrClientData
	}
	// Extensions follow as one CBOR map, and there is nothing after the counter
	// without them.
	if has := flags&flagExtensions != 0; has != (len(raw) > fixed) || has && raw[fixed]>>5 != 5 {
		return ErrClientData
	}
	if flags&flagUser == 0 || flags&flagVerified == 0 {
		return ErrUser
	}
	return nil
}

// CheckOrigin tells whether an origin is one as browsers write it: https, a host
// in lower case, and a port where it is not 443.
func CheckOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Port() == "443" || "https://"+u.Host != origin || strings.ToLower(origin) != origin {
		return errors.New("an origin is written https:// and the host, with the port where it is not 443")
	}
	return nil
}

// host gives the host of an origin: the relying party's id.
func host(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
