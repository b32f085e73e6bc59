package identifier

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// maxDigits is the longest run of digits looked at: 15 of E.164, an
// international prefix, and room for a trunk 0.
const maxDigits = 24

// dialled is a phone number without what separates its digits.
type dialled struct {
	plus   bool
	digits []byte // '0' to '9' only
}

// phone gives the normal form of raw under p.
func (n *Normaliser) phone(p Profile, raw []byte) ([]byte, Repair, error) {
	if p == UID2 {
		return n.phoneUID2(raw)
	}
	text, rep, err := n.e164Of(raw)
	if err != nil {
		return nil, rep, err
	}
	if !p.plus() {
		text = text[1:]
	}
	return text, rep, nil
}

// phoneUID2 wants + and 10 to 15 digits, as UID2's operator does; it mends
// nothing but the ends.
func (n *Normaliser) phoneUID2(raw []byte) ([]byte, Repair, error) {
	text, rep := trim(raw)
	if len(text) == 0 {
		return nil, rep, refuse(Phone, ReasonEmpty)
	}
	if !uid2Phone(text) {
		return nil, rep, refuse(Phone, ReasonPhoneNotE164)
	}
	n.e164 = append(n.e164[:0], text...)
	return n.e164, rep, nil
}

func uid2Phone(text []byte) bool {
	return len(text) >= 11 && len(text) <= 16 && text[0] == '+' && isDigits(text[1:])
}

// e164Of gives E.164 with +. The usual Japanese forms are read by rule; the
// rest, and in tests everything, goes through libphonenumber.
func (n *Normaliser) e164Of(raw []byte) ([]byte, Repair, *Error) {
	d, rep, err := n.dial(raw)
	if err != nil {
		return nil, rep, err
	}
	if text, r, ok := n.usual(d); ok {
		return text, rep | r, nil
	}
	text, r, err := n.general(d)
	return text, rep | r, err
}

// dial strips spaces, brackets, dots and every dash from raw.
func (n *Normaliser) dial(raw []byte) (dialled, Repair, *Error) {
	if len(raw) > maxRaw {
		return dialled{}, 0, refuse(Phone, ReasonPhoneTooLong)
	}
	raw, rep := trim(raw)
	if len(raw) == 0 || placeholder(raw) {
		return dialled{}, rep, refuse(Phone, ReasonEmpty)
	}
	raw, quotes := unwrap(Phone, raw)
	rep |= quotes
	d, r, known, err := n.scan(raw)
	if !known && err == nil {
		// Something scan has no rule for: perhaps a compatibility form of
		// something it has.
		if !utf8.Valid(raw) {
			return dialled{}, rep, refuse(Phone, ReasonNotUTF8)
		}
		d, r, known, err = n.scan(norm.NFKC.Bytes(raw))
		r |= RepairWidth
		if !known && err == nil {
			err = refuse(Phone, ReasonPhoneLetters)
		}
	}
	rep |= r
	switch {
	case err != nil:
		return dialled{}, rep, err
	case len(d.digits) == 0:
		return dialled{}, rep, refuse(Phone, ReasonPhoneTooShort)
	}
	return d, rep, nil
}

// scan collects the digits of raw; known is false at the first character that
// is neither a digit, a separator nor a + in front.
func (n *Normaliser) scan(raw []byte) (d dialled, rep Repair, known bool, err *Error) {
	buf := n.digits[:0]
	for i := 0; i < len(raw); {
		r, size := rune(raw[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(raw[i:])
			if half := halfWidth(r); half != r {
				r = half
				rep |= RepairWidth
			}
		}
		i += size
		switch {
		case uint32(r-'0') < 10:
			if len(buf) == maxDigits {
				return d, rep, true, refuse(Phone, ReasonPhoneTooLong)
			}
			buf = append(buf, byte(r))
		case r == '+':
			if d.plus || len(buf) > 0 {
				return d, rep, true, refuse(Phone, ReasonPhonePlus)
			}
			d.plus = true
		case r == '\'' && i == 1:
			rep |= RepairQuote // Excel marks text with it, and exports keep it
		case separator(r):
			rep |= RepairSeparators
		case (r == 'e' || r == 'E') && bytes.ContainsAny(raw[i:], "+"):
			return d, rep, true, refuse(Phone, ReasonPhoneScientific)
		case r < utf8.RuneSelf:
			return d, rep, true, refuse(Phone, ReasonPhoneLetters)
		default:
			return d, rep, false, nil
		}
	}
	n.digits = buf
	d.digits = buf
	return d, rep, true, nil
}

// halfWidth gives the NFKC form of the full-width characters of a phone number.
func halfWidth(r rune) rune {
	switch {
	case r >= '０' && r <= '９':
		return r - '０' + '0'
	case r == '＋':
		return '+'
	case r == '－':
		return '-'
	case r == '（' || r == '）' || r == '．' || r == '／':
		return r - 0xFEE0
	case r == '　':
		return ' '
	}
	return r
}

// separator tells whether r may stand between digits.
func separator(r rune) bool {
	switch r {
	case ' ', '-', '(', ')', '.', '/', '[', ']', '\t', '\n', '\r', '\v', '\f':
		return true
	case 'ー', 'ｰ', // long vowel marks, typed for a dash
		'−', '─', '━', '⁃', '˗', // minus, box drawing, hyphen bullet, modifier minus
		'・', '･', '·', '「', '」', '〔', '〕', '【', '】':
		return true
	}
	return r >= utf8.RuneSelf && (unicode.Is(unicode.Pd, r) || unicode.IsSpace(r) || invisible(r))
}

// general reads a number through libphonenumber.
//
// What is accepted: a number with its country code if the code exists and the
// length is possible for it, or 10 to 15 digits, which is all that UID2 asks
// and more than Google, Meta and Snap do. Not IsValid: fictitious 555 numbers,
// ranges younger than the library's metadata and the platforms' own published
// samples (+1234567890, +98765432109876) would fail, and a number that is
// refused here while a partner hashed it can't match. A number without its
// country code has less to show, so it must fit the region's lengths, and in
// Japan the numbering plan (see japan.go).
func (n *Normaliser) general(d dialled) ([]byte, Repair, *Error) {
	text, rep, err := n.read(d)
	if err != nil {
		return nil, rep, err
	}
	// The library drops one trunk prefix a time, so a number with two of them
	// would have two normal forms. It is no number.
	again, parseErr := phonenumbers.Parse(string(text), "")
	if parseErr != nil || phonenumbers.Format(again, phonenumbers.E164) != string(text) {
		return nil, rep, refuse(Phone, ReasonPhoneInvalid)
	}
	return text, rep, nil
}

func (n *Normaliser) read(d dialled) ([]byte, Repair, *Error) {
	if d.plus {
		return n.international(d.digits, 0)
	}
	if rest, ok := n.cutPrefix(d.digits); ok {
		if text, rep, err := n.international(rest, 0); err == nil && n.possible(text) {
			return text, rep | RepairIntlPrefix, nil
		}
		if n.region == japan || n.region == NoRegion {
			return nil, 0, refuse(Phone, ReasonPhoneInvalid) // no Japanese number starts so
		}
	}
	switch n.region {
	case NoRegion:
		return n.international(d.digits, RepairPlus)
	case japan:
		return n.domestic(d.digits)
	}
	num, err := phonenumbers.Parse(string(d.digits), n.region)
	if err != nil {
		return nil, 0, parseReason(err)
	}
	switch phonenumbers.IsPossibleNumberWithReason(num) {
	case phonenumbers.IS_POSSIBLE:
	case phonenumbers.TOO_LONG:
		return nil, 0, refuse(Phone, ReasonPhoneTooLong)
	case phonenumbers.TOO_SHORT, phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return nil, 0, refuse(Phone, ReasonPhoneTooShort)
	default:
		return nil, 0, refuse(Phone, ReasonPhoneInvalid)
	}
	return n.format(num, 0)
}

// cutPrefix cuts an international prefix: 00, or in Japan 010.
func (n *Normaliser) cutPrefix(digits []byte) ([]byte, bool) {
	if n.region == japan {
		if rest, ok := bytes.CutPrefix(digits, []byte("010")); ok {
			return rest, true
		}
	}
	return bytes.CutPrefix(digits, []byte("00"))
}

// international reads digits that start with a country code.
func (n *Normaliser) international(digits []byte, rep Repair) ([]byte, Repair, *Error) {
	num, err := phonenumbers.Parse("+"+string(digits), "")
	if err != nil {
		return nil, rep, parseReason(err)
	}
	text, rep, refusal := n.format(num, rep)
	if refusal != nil {
		return nil, rep, refusal
	}
	if num.GetCountryCode() == japanCode {
		if len(digits) > 2 && digits[2] == '0' && text[3] != '0' {
			rep |= RepairTrunkZero
		}
		return text, rep, planned(text[3:], num)
	}
	if len(text) < 11 && !n.possible(text) {
		return nil, rep, refuse(Phone, ReasonPhoneTooShort)
	}
	return text, rep, nil
}

// possible tells whether the length of an E.164 number exists in its country.
func (n *Normaliser) possible(e164 []byte) bool {
	num, err := phonenumbers.Parse(string(e164), "")
	return err == nil && phonenumbers.IsPossibleNumberWithReason(num) == phonenumbers.IS_POSSIBLE
}

// format writes num as E.164, which has at most 15 digits.
func (n *Normaliser) format(num *phonenumbers.PhoneNumber, rep Repair) ([]byte, Repair, *Error) {
	n.e164 = append(n.e164[:0], phonenumbers.Format(num, phonenumbers.E164)...)
	if len(n.e164) > 16 {
		return nil, rep, refuse(Phone, ReasonPhoneTooLong)
	}
	return n.e164, rep, nil
}

func parseReason(err error) *Error {
	switch err {
	case phonenumbers.ErrNumTooLong:
		return refuse(Phone, ReasonPhoneTooLong)
	case phonenumbers.ErrTooShortNSN, phonenumbers.ErrTooShortAfterIDD:
		return refuse(Phone, ReasonPhoneTooShort)
	}
	return refuse(Phone, ReasonPhoneInvalid)
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c-'0' >= 10 {
			return false
		}
	}
	return len(b) > 0
}
