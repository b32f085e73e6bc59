package identifier

import (
	"bytes"

	"github.com/nyaruka/phonenumbers"
)

// The Japanese numbering plan, as far as it tells a number from a typing error.
// libphonenumber alone won't do: it takes 8 to 17 digits for possible in Japan,
// so a mobile number that lost a digit would pass, and its metadata have no 060
// (mobile since 2024) yet.
const (
	japan     = "JP"
	japanCode = 81
)

// mobile tells whether a national number without its trunk 0 is of the form
// x0 and 8 digits: mobile (60, 70, 80, 90; 800 is free dial), IP telephony (50).
func mobile(nsn []byte) bool {
	return len(nsn) == 10 && nsn[0] >= '5' && nsn[0] <= '9' && nsn[1] == '0'
}

// fixed tells whether a national number without its trunk 0 has the 9 digits of
// a fixed line, 120 or 570 number. No such number has 0 in second place, where
// a mobile number that lost a digit has it.
func fixed(nsn []byte) bool {
	return len(nsn) == 9 && nsn[0] >= '1' && nsn[1] >= '1'
}

// planned wants the Japanese national number nsn, parsed as num, to be in the
// plan: of a usual form, or known to the library (020, 0200 of machines). One
// that still starts with 0 (0077, 0088) can't be called from abroad and has no
// E.164 form.
func planned(nsn []byte, num *phonenumbers.PhoneNumber) *Error {
	switch {
	case mobile(nsn) || fixed(nsn):
		return nil
	case len(nsn) > 0 && nsn[0] != '0' && phonenumbers.IsValidNumber(num):
		return nil
	case len(nsn) < 9:
		return refuse(Phone, ReasonPhoneTooShort)
	case len(nsn) > 10:
		return refuse(Phone, ReasonPhoneTooLong)
	}
	return refuse(Phone, ReasonPhoneInvalid)
}

// domestic reads digits without + or international prefix in Japan, through
// the library.
func (n *Normaliser) domestic(digits []byte) ([]byte, Repair, *Error) {
	num, err := phonenumbers.Parse(string(digits), japan)
	if err != nil {
		return nil, 0, parseReason(err)
	}
	text, rep, refusal := n.format(num, 0)
	if refusal != nil {
		return nil, rep, refusal
	}
	nsn := text[3:]
	switch {
	case digits[0] == '0':
	case len(digits) > len(nsn):
		rep = RepairPlus // the library found the country code in front
		if len(digits) == len(nsn)+3 {
			rep |= RepairTrunkZero
		}
	default:
		rep = RepairLostZero
		// Nine or ten digits with nothing in front may be anything: a mobile
		// number shows itself, all else must be known to the library.
		if !mobile(nsn) && !phonenumbers.IsValidNumber(num) {
			return nil, rep, refuse(Phone, ReasonPhoneInvalid)
		}
	}
	return text, rep, planned(nsn, num)
}

// usual reads the forms that nearly all numbers of a Japanese list have,
// without the library, which is some hundred times slower. Whatever it takes,
// general gives the same for: TestUsualEqualsLibrary.
//
//	+81 9012345678   +81 (0)90…   +81 312345678    any region
//	 09012345678     0312345678   9012345678   819012345678   in Japan
func (n *Normaliser) usual(d dialled) ([]byte, Repair, bool) {
	digits, rep := d.digits, Repair(0)
	switch {
	case d.plus:
		rest, ok := bytes.CutPrefix(digits, []byte("81"))
		if !ok {
			return nil, 0, false
		}
		digits = rest
		if rest, ok := bytes.CutPrefix(digits, []byte("0")); ok {
			digits, rep = rest, RepairTrunkZero
		}
	case n.region != japan || len(digits) < 10:
		return nil, 0, false
	case digits[0] == '0':
		digits = digits[1:]
	case len(digits) == 12 && digits[0] == '8' && digits[1] == '1':
		digits, rep = digits[2:], RepairPlus
	default:
		rep = RepairLostZero // ten digits or more: only a mobile number fits below
	}
	if !mobile(digits) && !fixed(digits) {
		return nil, 0, false
	}
	n.e164 = append(append(n.e164[:0], "+81"...), digits...)
	return n.e164, rep, true
}
