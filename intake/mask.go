package intake

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"awase/crypto/identifier"
)

// mask hides a value but for what lets its owner recognise it: t•••@e••.co.jp,
// 090-••••-5678, 3f2a…. No part of an address, and no other value, is ever shown
// whole. It is for the screen of whoever owns the file; it goes into no log and no
// message.
func mask(cell []byte) string {
	cell = bytes.TrimSpace(cell)
	if len(cell) == 0 {
		return ""
	}
	text := printable(cell)
	switch form := identifier.Detect(cell); {
	case form.Hashed(), form == identifier.MD5, form == identifier.SHA1, form == identifier.OtherHex, form == identifier.UUID:
		return text[:4] + "…"
	}
	if local, domain, ok := strings.Cut(strings.Replace(text, "＠", "@", 1), "@"); ok {
		first, rest, _ := strings.Cut(domain, ".")
		if rest != "" {
			rest = "." + rest
		}
		if strings.ContainsAny(rest, "@＠") || utf8.RuneCountInString(rest) > 24 {
			rest = ".…"
		}
		return initial(local) + "•••@" + initial(first) + "••" + rest
	}
	if phone := maskPhone(text); phone != "" {
		return phone
	}
	return initial(text) + "•••"
}

// maskPhone keeps the first three and the last four digits; "" for what is no
// number.
func maskPhone(text string) string {
	digits := 0
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r >= '０' && r <= '９':
			digits++
		case !strings.ContainsRune("+-() .＋－ー−（）　", r):
			return ""
		}
	}
	if digits < 9 || len(text) > 64 {
		return ""
	}
	n := 0
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= '０' && r <= '９' {
			n++
			if n > 3 && n <= digits-4 {
				return '•'
			}
		}
		return r
	}, text)
}

// initial gives the first character of a text that has more than that.
func initial(s string) string {
	if _, n := utf8.DecodeRuneInString(s); n < len(s) {
		return s[:n]
	}
	return ""
}

// printable is show without its limit: no line breaks, no escape sequences.
func printable(cell []byte) string {
	if len(cell) > 256 {
		cell = cell[:256]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || !unicode.IsPrint(r) && r != '　' {
			return '?'
		}
		return r
	}, string(cell))
}
