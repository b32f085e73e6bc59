package intake

import (
	"bytes"
	"math"

	"golang.org/x/text/unicode/norm"

	"awase/entrustment"
)

// longestValue is the longest value that is read, in bytes.
const longestValue = 64

// parseValue reads a whole number: 1200, 1,200, ¥1,200, 1200円, 1200.00, −1200,
// ▲1200, in full width too. What lies beyond ±(2⁶³−1) becomes that, so whoever
// adds values clamps them first. An empty cell is 0. A fraction is refused, not rounded: sums
// would no longer be those of the source.
func parseValue(cell []byte, unit entrustment.EventUnit) (int64, string) {
	cell = bytes.TrimSpace(cell)
	if len(cell) == 0 {
		return 0, ""
	}
	if len(cell) > longestValue {
		return 0, reasonBadValue
	}
	negative := false
	if !decimals(cell) {
		cell, negative = bareValue(cell, unit)
	}
	whole, fraction, point := bytes.Cut(cell, []byte("."))
	v, ok := wholeNumber(whole)
	switch {
	case stamp(cell).rounded():
		return 0, reasonValueRounded
	case !ok || point && !decimals(fraction):
		return 0, reasonBadValue
	case len(bytes.Trim(fraction, "0")) > 0:
		return 0, reasonValueFraction
	case negative && v > 0 && unit == entrustment.UnitCount:
		return 0, reasonValueNegative
	case negative:
		return -v, ""
	}
	return v, ""
}

// bareValue takes the sign and the unit off.
func bareValue(cell []byte, unit entrustment.EventUnit) (bare []byte, negative bool) {
	if !ascii(cell) {
		cell = norm.NFKC.Bytes(cell)
	}
	for _, sign := range []string{"-", "−", "▲", "△"} {
		if rest, ok := bytes.CutPrefix(cell, []byte(sign)); ok {
			cell, negative = bytes.TrimSpace(rest), true
			break
		}
	}
	if !negative {
		cell = bytes.TrimPrefix(cell, []byte("+"))
	}
	if unit != entrustment.UnitYen {
		return cell, negative
	}
	for _, sign := range []string{"¥", `\`} { // in Shift_JIS the yen sign is the backslash's byte
		if rest, ok := bytes.CutPrefix(cell, []byte(sign)); ok {
			cell = rest
			break
		}
	}
	if rest, ok := bytes.CutPrefix(cell, []byte("-")); ok && !negative { // ¥-1200
		cell, negative = rest, true
	}
	return bytes.TrimSpace(bytes.TrimSuffix(cell, []byte("円"))), negative
}

// wholeNumber reads digits, or groups of three behind commas, and stops at the
// largest int64.
func wholeNumber(s []byte) (v int64, ok bool) {
	run, groups := 0, false
	for _, c := range s {
		switch {
		case decimal(c):
			if d := int64(c - '0'); v > (math.MaxInt64-d)/10 {
				v = math.MaxInt64
			} else {
				v = v*10 + d
			}
			run++
		case c == ',' && run > 0 && (run == 3 || !groups && run < 3):
			groups, run = true, 0
		default:
			return 0, false
		}
	}
	return v, run > 0 && (!groups || run == 3)
}
