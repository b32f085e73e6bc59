package identifier

import (
	"bytes"
	"strings"
)

// unwrap takes off what spreadsheets and mail programs put around a value:
// ="…", paired quotes, mailto:, the angle brackets of "Name <address>", a
// delimiter left at the end. It takes off only what can be no part of the value.
func unwrap(k Kind, b []byte) ([]byte, Repair) {
	if len(b) < 3 || !wrapped(k, b) {
		return b, 0
	}
	whole := b
	if b[0] == '=' && b[1] == '"' {
		b = b[1:]
	}
	for {
		before := len(b)
		b = bytes.TrimRight(b, ",;")
		if n := len(b); n >= 2 && (b[0] == '"' || b[0] == '\'') && b[n-1] == b[0] {
			b = b[1 : n-1]
		}
		if k == Email {
			b = unwrapAddress(b)
		}
		if b, _ = trim(b); len(b) == before || len(b) == 0 {
			break
		}
	}
	if len(b) == len(whole) {
		return whole, 0
	}
	return b, RepairQuote
}

// wrapped tells quickly that a value may be wrapped.
func wrapped(k Kind, b []byte) bool {
	switch b[0] {
	case '=', '"', '\'', '<':
		return true
	}
	switch b[len(b)-1] {
	case ',', ';', '>':
		return true
	}
	return k == Email && (b[0]|0x20) == 'm' && hasMailto(b)
}

func hasMailto(b []byte) bool {
	return len(b) > 7 && strings.EqualFold(string(b[:7]), "mailto:")
}

func unwrapAddress(b []byte) []byte {
	if n := len(b); n > 2 && b[n-1] == '>' && bytes.Count(b, []byte("<")) == 1 && bytes.Count(b, []byte(">")) == 1 {
		b = b[bytes.IndexByte(b, '<')+1 : n-1]
	}
	if hasMailto(b) {
		b = b[7:]
	}
	return b
}
