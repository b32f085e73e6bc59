package intake

import (
	"bytes"

	"awase/crypto/identifier"
)

// repairNumber is a number that a spreadsheet or a table with gaps wrote with a
// fraction, commas or an exponent, and all of its digits.
const repairNumber identifier.Repair = 1 << 15

const mendNumber = "the spreadsheet made a number of it and lost digits; format the column as text and export it again from where it came"

// spreadsheetNumber gives the digits of a phone number that went through a
// spreadsheet as a number: 9012345678.0, 9,012,345,678, 9.012345678E+09. Where
// the exponent is longer than the digits, as in 9.01235E+09, the others are
// lost, and it is an error. Anything else comes back as it is.
func spreadsheetNumber(cell []byte) ([]byte, identifier.Repair, error) {
	plain := true
	for _, c := range cell {
		plain = plain && c != '.' && c != ',' && c|0x20 != 'e'
	}
	if plain {
		return cell, 0, nil
	}
	if len(cell) > 64 {
		return cell, 0, nil
	}
	text := bytes.TrimSpace(cell)
	if digits, ok := scientific(text); ok {
		if digits == nil {
			return cell, 0, &identifier.Error{Kind: identifier.Phone, Reason: identifier.ReasonPhoneScientific, Mend: mendNumber}
		}
		return digits, repairNumber, nil
	}
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	if len(bytes.Trim(fraction, "0")) > 0 {
		if len(whole) >= 9 && digits(whole) && digits(fraction) {
			return cell, 0, &identifier.Error{Kind: identifier.Phone, Reason: identifier.ReasonPhoneInvalid, Mend: mendNumber}
		}
		return cell, 0, nil
	}
	if groups := bytes.Split(whole, []byte{','}); len(groups) > 1 {
		for i, g := range groups {
			if !digits(g) || len(g) > 3 || i > 0 && len(g) < 3 {
				return cell, 0, nil
			}
		}
		return bytes.Join(groups, nil), repairNumber, nil
	}
	if len(whole) < len(text) && len(whole) >= 9 && digits(whole) && len(fraction) > 0 {
		return whole, repairNumber, nil
	}
	return cell, 0, nil
}

// scientific reads d.ddddE+dd. The digits are nil where some are lost.
func scientific(text []byte) (all []byte, ok bool) {
	e := bytes.IndexAny(text, "eE")
	if e < 1 {
		return nil, false
	}
	mantissa, exponent := text[:e], bytes.TrimPrefix(text[e+1:], []byte{'+'})
	lead, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	if len(lead) != 1 || !digits(lead) || len(fraction) > 0 && !digits(fraction) || len(exponent) < 1 || len(exponent) > 2 || !digits(exponent) {
		return nil, false
	}
	n := 0
	for _, c := range exponent {
		n = 10*n + int(c-'0')
	}
	if len(fraction) != n {
		return nil, true
	}
	return append(bytes.Clone(lead), fraction...), true
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// serialDay tells the number that a spreadsheet stores for a day of 1900 to
// 2173.
func serialDay(cell []byte) bool {
	cell = bytes.TrimSpace(cell)
	return len(cell) >= 4 && len(cell) <= 5 && digits(cell)
}

// encodingReason tells why a cell is no text.
func encodingReason(cell []byte) string {
	if otherEncoding(cell) {
		return reasonMixed
	}
	return reasonEncoding
}
