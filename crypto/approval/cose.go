package approval

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
)

var errCOSE = errors.New("a passkey is a COSE key of ES256 (P-256) or EdDSA (Ed25519), as authenticators write it")

// The two forms of a COSE_Key (RFC 9052, RFC 9053) that are taken, byte by byte:
// CTAP2 writes one form alone, so that a key has one spelling and no parser is
// needed for more.
var (
	// {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
	es256Head = []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	es256Mid  = []byte{0x22, 0x58, 0x20}
	// {1: 1 (OKP), 3: -8 (EdDSA), -1: 6 (Ed25519), -2: x}
	eddsaHead = []byte{0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20}
)

// parseCOSE reads a passkey's public key.
func parseCOSE(raw []byte) (*Key, error) {
	if rest, ok := bytes.CutPrefix(raw, eddsaHead); ok {
		if len(rest) != ed25519.PublicKeySize {
			return nil, errCOSE
		}
		if smallOrder(rest) {
			return nil, errWeak
		}
		return &Key{ed: bytes.Clone(rest)}, nil
	}
	rest, ok := bytes.CutPrefix(raw, es256Head)
	if !ok || len(rest) != 32+len(es256Mid)+32 || !bytes.Equal(rest[32:32+len(es256Mid)], es256Mid) {
		return nil, errCOSE
	}
	point := append([]byte{4}, rest[:32]...)
	point = append(point, rest[32+len(es256Mid):]...)
	ec, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point) // on the curve, not the identity
	if err != nil {
		return nil, errCOSE
	}
	return &Key{ec: ec}, nil
}
