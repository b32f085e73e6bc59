package identifier

import "bytes"

// maxCookie is the longest cookie, in bytes.
const maxCookie = 512

// cookie trims an opaque, case-sensitive cookie.
func (n *Normaliser) cookie(raw []byte) ([]byte, Repair, error) {
	text, rep := trim(raw)
	switch {
	case len(text) == 0:
		return nil, rep, refuse(Cookie, ReasonEmpty)
	case len(text) > maxCookie:
		return nil, rep, refuse(Cookie, ReasonCookieTooLong)
	}
	for _, c := range text {
		if c <= ' ' || c >= 0x7f {
			return nil, rep, refuse(Cookie, ReasonCookieCharset)
		}
	}
	n.canon = append(n.canon[:0], text...)
	return n.canon, rep, nil
}

// maid gives an advertising id (AAID, IDFA) as a lower-case UUID with dashes.
func (n *Normaliser) maid(raw []byte) ([]byte, Repair, error) {
	text, rep := trim(raw)
	switch {
	case len(text) == 0:
		return nil, rep, refuse(MAID, ReasonEmpty)
	case isHex(text) && len(text) == 32:
		return nil, rep, refuse(MAID, ReasonMAIDUndashed)
	case !isUUID(text):
		return nil, rep, refuse(MAID, ReasonMAIDForm)
	}
	n.canon = n.canon[:0]
	for _, c := range text {
		n.canon = append(n.canon, lowerByte(c))
	}
	if len(bytes.Trim(n.canon, "0-")) == 0 {
		return nil, rep, refuse(MAID, ReasonMAIDZero)
	}
	return n.canon, rep, nil
}

// isUUID wants 8-4-4-4-12 hexadecimal digits of any case. Version and variant
// bits are not looked at: devices send ids that have none.
func isUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !hexDigit(c) {
			return false
		}
	}
	return true
}

func hexDigit(c byte) bool { return c-'0' < 10 || lowerByte(c)-'a' < 6 }

func isHex(b []byte) bool {
	for _, c := range b {
		if !hexDigit(c) {
			return false
		}
	}
	return len(b) > 0
}
