package identifier

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxRaw bounds the work done on one cell. It is far above any identifier.
const maxRaw = 4096

func asciiSpace(c byte) bool { return c == ' ' || c-'\t' < 5 } // \t \n \v \f \r

// invisible tells whether r is a format character: BOM, zero-width, soft
// hyphen, direction marks. They come with pasted text and show as nothing.
func invisible(r rune) bool { return unicode.Is(unicode.Cf, r) }

// trim cuts white space and invisible characters off both ends. It takes
// U+3000, NBSP, BOM and zero-width characters too.
func trim(b []byte) ([]byte, Repair) {
	var rep Repair
	for len(b) > 0 {
		r, n := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(b)
		}
		bit := trimmed(r)
		if bit == 0 {
			break
		}
		rep |= bit
		b = b[n:]
	}
	for len(b) > 0 {
		r, n := rune(b[len(b)-1]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeLastRune(b)
		}
		bit := trimmed(r)
		if bit == 0 {
			break
		}
		rep |= bit
		b = b[:len(b)-n]
	}
	return b, rep
}

func trimmed(r rune) Repair {
	switch {
	case r < utf8.RuneSelf:
		if asciiSpace(byte(r)) {
			return RepairSpace
		}
	case unicode.IsSpace(r):
		return RepairSpace
	case invisible(r):
		return RepairInvisible
	}
	return 0
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if c-'A' < 26 {
		c += 'a' - 'A'
	}
	return c
}

// fold appends NFKC and lower-case of src to dst until both hold at once:
// lowering can uncover a new composition (İ followed by an accent), so one
// pass is not idempotent.
func fold(dst, src []byte) []byte {
	start := len(dst)
	dst = norm.NFKC.Append(dst, src...)
	for range 4 {
		lowered := bytes.ToLower(dst[start:])
		again := norm.NFKC.Bytes(lowered)
		if bytes.Equal(again, dst[start:]) {
			break
		}
		dst = append(dst[:start], again...)
	}
	return dst
}
