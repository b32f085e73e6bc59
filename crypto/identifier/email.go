package identifier

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the longest address that SMTP can carry (RFC 5321, 4.5.3.1.3,
// less the angle brackets).
const maxEmail = 254

// idn maps a domain to ASCII by UTS 46, non-transitional. STD3 and hyphen
// rules are off: underscores and double hyphens occur in live mail domains,
// and an emoji domain is odd but exists.
var idn = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.CheckJoiners(true), idna.CheckHyphens(false), idna.StrictDomainName(false))

var ideographicStop = []byte("。")

// address is a lower-cased, trimmed address in the scratch of a Normaliser.
type address struct {
	text []byte // what "trim and lower-case" gives, after NFKC
	at   int    // position of the @
}

// usualByte gives what of an address needs nothing but lower-casing, lowered; 0
// for everything else.
var usualByte = func() (t [256]byte) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789._-+@" {
		t[c] = byte(c)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) + 'a' - 'A'
	}
	return t
}()

// usualEmail reads an address of usual characters that needs no mending, in one
// pass: nearly every one. It gives what generalEmail gives, or false.
func (n *Normaliser) usualEmail(raw []byte) (address, bool) {
	if len(raw) < 5 || len(raw) > maxEmail { // a@b.c
		return address{}, false
	}
	buf := n.plain[:len(raw)] // of room for maxEmail
	at, dot := -1, -1         // of the @, and of the last dot behind it
	for i, c := range raw {
		c = usualByte[c]
		buf[i] = c
		switch c {
		case 0:
			return address{}, false
		case '@':
			if at >= 0 {
				return address{}, false
			}
			at, dot = i, i
		case '.':
			if at >= 0 {
				if dot == i-1 { // an empty label
					return address{}, false
				}
				dot = i
			}
		case '+':
			if at >= 0 {
				return address{}, false
			}
		}
	}
	if at <= 0 || dot == at || dot == len(raw)-1 {
		return address{}, false
	}
	return address{buf, at}, true
}

// generalEmail reads any address: its plain form, its canonical form, what was
// mended in the first and what besides in the second.
func (n *Normaliser) generalEmail(raw []byte) (a address, canon []byte, rep, idnRep Repair, err *Error) {
	plain, rep, err := n.plainEmail(raw)
	if err != nil {
		return a, nil, rep, 0, err
	}
	if a, err = parseAddress(plain); err != nil {
		return a, nil, rep, 0, err
	}
	canon, idnRep, err = n.canonicalEmail(a)
	return a, canon, rep | idnRep, idnRep, err
}

// plainEmail trims, half-widths and lower-cases raw into n.plain. It checks nothing
// of the address's shape.
func (n *Normaliser) plainEmail(raw []byte) (text []byte, rep Repair, err *Error) {
	if len(raw) > maxRaw {
		return nil, 0, refuse(Email, ReasonEmailTooLong)
	}
	raw, rep = trim(raw)
	if len(raw) == 0 || placeholder(raw) {
		return nil, rep, refuse(Email, ReasonEmpty)
	}
	raw, r := unwrap(Email, raw)
	rep |= r
	n.trimmed = raw
	buf := n.plain[:0]
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c >= utf8.RuneSelf {
			// U+FF01 to U+FF5E are ASCII in full width; anything else takes the
			// general way.
			r, size := utf8.DecodeRune(raw[i:])
			if r < '！' || r > '～' {
				return n.plainUnicode(raw, rep)
			}
			c = byte(r - 0xFEE0)
			i += size - 1
			rep |= RepairWidth
		}
		buf = append(buf, lowerByte(c))
	}
	n.plain = buf
	return buf, rep, nil
}

// plainUnicode is plainEmail for a value with characters outside ASCII.
func (n *Normaliser) plainUnicode(raw []byte, rep Repair) ([]byte, Repair, *Error) {
	if !utf8.Valid(raw) {
		return nil, rep, refuse(Email, ReasonNotUTF8)
	}
	if !norm.NFKC.IsNormal(raw) {
		rep |= RepairWidth
	}
	n.plain = fold(n.plain[:0], raw)
	// UTS 46 reads the ideographic full stop as a dot. Japanese input methods
	// leave it in domains, so every profile but pair sees the dot.
	if at := bytes.LastIndexByte(n.plain, '@'); at >= 0 && bytes.Contains(n.plain[at:], ideographicStop) {
		domain := bytes.ReplaceAll(n.plain[at:], ideographicStop, []byte{'.'})
		n.plain = append(n.plain[:at], domain...)
		rep |= RepairWidth
	}
	return n.plain, rep, nil
}

// parseAddress checks the shape of text: one @, something on both sides, a domain
// with a dot and no empty label, no white space, nothing invisible.
func parseAddress(text []byte) (address, *Error) {
	at := -1
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '@':
				if at >= 0 {
					return address{}, refuse(Email, ReasonEmailManyAt)
				}
				at = i
			case asciiSpace(c):
				return address{}, refuse(Email, ReasonEmailInnerSpace)
			case c < ' ' || c == 0x7f:
				return address{}, refuse(Email, ReasonEmailControl)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case unicode.IsSpace(r):
			return address{}, refuse(Email, ReasonEmailInnerSpace)
		case unicode.IsControl(r) || invisible(r):
			return address{}, refuse(Email, ReasonEmailControl)
		}
		i += size
	}
	switch {
	case at < 0:
		return address{}, refuse(Email, ReasonEmailNoAt)
	case at == 0:
		return address{}, refuse(Email, ReasonEmailNoLocal)
	case at == len(text)-1:
		return address{}, refuse(Email, ReasonEmailNoDomain)
	case len(text) > maxEmail:
		return address{}, refuse(Email, ReasonEmailTooLong)
	}
	return address{text, at}, nil
}

// checkDomain wants a dot, no empty label, and no ASCII that no domain holds.
func checkDomain(domain []byte) *Error {
	dots, last := 0, byte('.')
	for _, c := range domain {
		if c == '.' {
			if last == '.' {
				return refuse(Email, ReasonEmailDomainLabel)
			}
			dots++
		} else if c < utf8.RuneSelf && !domainByte(c) {
			return refuse(Email, ReasonEmailDomainCharset)
		}
		last = c
	}
	switch {
	case dots == 0:
		return refuse(Email, ReasonEmailDomainNoDot)
	case last == '.':
		return refuse(Email, ReasonEmailDomainLabel)
	}
	return nil
}

// domainByte tells whether c may stand in a domain: letters, digits, hyphen, and
// the underscore that live mail domains hold. Capitals are gone by now.
func domainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// canonicalEmail gives the canonical form of a parsed address: its domain in
// ASCII. An ASCII domain is only lower-cased, which is what UTS 46 does to it.
func (n *Normaliser) canonicalEmail(a address) ([]byte, Repair, *Error) {
	domain := a.text[a.at+1:]
	if isASCII(domain) {
		return a.text, 0, checkDomain(domain)
	}
	ascii, err := idn.ToASCII(string(domain))
	if err != nil {
		return nil, 0, refuse(Email, ReasonEmailDomainIDN)
	}
	n.canon = append(append(n.canon[:0], a.text[:a.at+1]...), ascii...)
	// The mapping can uncover dots and more: look again at what came out.
	if b, err := parseAddress(n.canon); err != nil {
		return nil, 0, err
	} else if domain = b.text[b.at+1:]; !isASCII(domain) {
		return nil, 0, refuse(Email, ReasonEmailDomainIDN)
	}
	return n.canon, RepairIDN, checkDomain(domain)
}

// email gives the normal form of raw under p.
func (n *Normaliser) email(p Profile, raw []byte) ([]byte, Repair, error) {
	text, rep, err := n.plainEmail(raw)
	if err != nil {
		return nil, rep, err
	}
	switch p {
	case Google:
		text = dropSpaces(text)
	case AMC:
		text = keepAMC(text)
	case Pair:
		text = n.pairEmail()
	}
	a, err := parseAddress(text)
	if err != nil {
		return nil, rep, err
	}
	if p == Awase {
		text, idnRep, err := n.canonicalEmail(a)
		if err != nil {
			return nil, rep, err
		}
		return text, rep | idnRep, nil
	}
	if err := checkDomain(a.text[a.at+1:]); err != nil {
		return nil, rep, err
	}
	switch p {
	case Google, UID2:
		if a.gmail(p) {
			text, err = n.dropGmail(a)
		}
	case TikTokNoSuffix:
		text, err = n.dropSuffix(a)
	case Line:
		err = checkLine(a)
	}
	if err != nil {
		return nil, rep, err
	}
	return text, rep, nil
}

// gmail tells whether p's rule for Gmail addresses applies.
func (a address) gmail(p Profile) bool {
	switch string(a.text[a.at+1:]) {
	case "gmail.com":
		return true
	case "googlemail.com":
		return p == Google
	}
	return false
}

// dropGmail removes dots and +suffix of the local part; the domain stays.
func (n *Normaliser) dropGmail(a address) ([]byte, *Error) {
	buf := n.rule[:0]
	for _, c := range a.text[:a.at] {
		if c == '+' {
			break
		}
		if c != '.' {
			buf = append(buf, c)
		}
	}
	if len(buf) == 0 {
		return nil, refuse(Email, ReasonEmailEmptyByRule)
	}
	n.rule = append(buf, a.text[a.at:]...)
	return n.rule, nil
}

// dropSuffix removes +suffix of the local part on any domain.
func (n *Normaliser) dropSuffix(a address) ([]byte, *Error) {
	i := bytes.IndexByte(a.text[:a.at], '+')
	switch {
	case i < 0:
		return a.text, nil
	case i == 0:
		return nil, refuse(Email, ReasonEmailEmptyByRule)
	}
	n.rule = append(append(n.rule[:0], a.text[:i]...), a.text[a.at:]...)
	return n.rule, nil
}

// dropSpaces removes all white space, in place.
func dropSpaces(text []byte) []byte {
	out := text[:0]
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if !unicode.IsSpace(r) {
			out = append(out, text[i:i+size]...)
		}
		i += size
	}
	return out
}

// keepAMC deletes everything outside a-z 0-9 . @ - from a lower-cased text, in
// place.
func keepAMC(text []byte) []byte {
	out := text[:0]
	for _, c := range text {
		if c-'a' < 26 || c-'0' < 10 || c == '.' || c == '@' || c == '-' {
			out = append(out, c)
		}
	}
	return out
}

// checkLine wants LINE's characters and length. The text is lower-case.
func checkLine(a address) *Error {
	for _, c := range a.text {
		if c-'a' >= 26 && c-'0' >= 10 && c != '_' && c != '-' && c != '.' && c != '@' {
			return refuse(Email, ReasonEmailCharset)
		}
	}
	if len(a.text) > 120 {
		return refuse(Email, ReasonEmailCharset)
	}
	return nil
}

// pairEmail gives what PAIR hashes: the trimmed value with ASCII letters
// lowered and everything else as it came.
func (n *Normaliser) pairEmail() []byte {
	n.rule = n.rule[:0]
	for _, c := range n.trimmed {
		n.rule = append(n.rule, lowerByte(c))
	}
	return n.rule
}
