package identifier

import (
	"encoding/base64"
	"encoding/hex"
)

// strict64 refuses line breaks and stray trailing bits, so one hash has one
// Base64 form.
var strict64 = base64.StdEncoding.Strict()

// ParseHash reads a SHA-256 hash: 64 hexadecimal digits of any case, or
// exactly 44 characters of padded Base64. White space around it is ignored.
// The error is an *Error whose Kind says nothing, for a hash doesn't tell.
func ParseHash(value []byte) (Hash, error) {
	var h Hash
	value, _ = trim(value)
	switch len(value) {
	case 64:
		if _, err := hex.Decode(h[:], value); err != nil {
			return Hash{}, refuse(0, ReasonHashCharset)
		}
		return h, nil
	case 44:
		// Decode writes whole groups of 3 bytes, so it needs room for 33.
		var buf [33]byte
		if n, err := strict64.Decode(buf[:], value); err != nil || n != len(h) {
			return Hash{}, refuse(0, ReasonHashBase64)
		}
		return Hash(buf[:32]), nil
	case 0:
		return Hash{}, refuse(0, ReasonEmpty)
	case 32:
		if isHex(value) {
			return Hash{}, refuse(0, ReasonLooksMD5)
		}
	case 40:
		if isHex(value) {
			return Hash{}, refuse(0, ReasonLooksSHA1)
		}
	}
	return Hash{}, refuse(0, ReasonHashLength)
}

// Form is what a value looks like before its column's kind is considered.
type Form uint8

// The forms.
const (
	Raw          Form = iota // none of the others
	Empty                    // nothing, or white space
	SHA256Hex                // 64 hexadecimal digits
	SHA256Base64             // 44 characters that decode to 32 bytes
	MD5                      // 32 hexadecimal digits: can't match
	SHA1                     // 40 hexadecimal digits: can't match
	OtherHex                 // more than 32 hexadecimal digits, but of no length known: a cut or longer hash
	UUID                     // 8-4-4-4-12 hexadecimal digits
	formCount
)

var formNames = [formCount]string{"raw", "empty", "sha256-hex", "sha256-base64", "md5", "sha1", "other-hex", "uuid"}

// String gives a stable name, such as "sha256-hex".
func (f Form) String() string {
	if f < formCount {
		return formNames[f]
	}
	return "form(?)"
}

// Hashed tells whether ParseHash reads the form.
func (f Form) Hashed() bool { return f == SHA256Hex || f == SHA256Base64 }

// Detect tells what a value looks like. No email address or phone number is
// taken for a hash: the one has an @, the other never 32 digits. A cookie may
// be any text, 64 hexadecimal digits too: use DetectAs when the kind is known.
func Detect(value []byte) Form {
	value, _ = trim(value)
	switch len(value) {
	case 0:
		return Empty
	case 36:
		if isUUID(value) {
			return UUID
		}
	case 44:
		if _, err := ParseHash(value); err == nil {
			return SHA256Base64
		}
	}
	if len(value) < 32 || !isHex(value) {
		return Raw
	}
	switch len(value) {
	case 32:
		return MD5
	case 40:
		return SHA1
	case 64:
		return SHA256Hex
	}
	return OtherHex
}

// DetectAs is Detect for a value of a known kind. A cookie is opaque and often
// looks like a hash itself, so it is Raw unless its column was declared
// hashed, which is the caller's to know.
func DetectAs(k Kind, value []byte) Form {
	f := Detect(value)
	if k == Cookie && f != Empty {
		return Raw
	}
	return f
}
