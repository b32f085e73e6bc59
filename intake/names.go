package intake

import (
	"bytes"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"awase/crypto/identifier"
	"awase/entrustment"
)

// fold makes column names comparable: width, case, white space, and the signs
// that templates put between words don't count.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("_-./#*:：・", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(name))
}

// knownKinds are the folded names of identifier columns in exports and in the
// platforms' templates (FORMATS §3).
var knownKinds = map[string]string{
	"email": "email", "mail": "email", "emailaddress": "email", "mailaddress": "email", "hashedemail": "email",
	"emailsha256": "email", "sha256email": "email", "hashedemailaddress": "email", "eメール": "email",
	"メール": "email", "メールアドレス": "email", "eメールアドレス": "email", "mailアドレス": "email",
	"phone": "phone", "tel": "phone", "mobile": "phone", "phonenumber": "phone", "telephone": "phone", "mobilephone": "phone",
	"hashedphone": "phone", "hashedphonenumber": "phone", "phonesha256": "phone", "sha256phone": "phone", "mobilenumber": "phone",
	"電話": "phone", "電話番号": "phone", "携帯": "phone", "携帯番号": "phone", "携帯電話": "phone", "携帯電話番号": "phone",
	"cookie": "cookie", "cookieid": "cookie",
	"maid": "maid", "madid": "maid", "idfa": "maid", "aaid": "maid", "gaid": "maid", "adid": "maid", "maidsha256": "maid",
	"idfasha256": "maid", "gaidsha256": "maid", "aaidsha256": "maid", "madidsha256": "maid", "mobiledeviceid": "maid", "deviceid": "maid",
	"mobileadvertiserid": "maid", "mobileadvertisingid": "maid", "advertisingid": "maid", "広告id": "maid",
}

// templateDrops are the folded names of template columns that describe a
// person and that entrustment.LooksDirect need not know.
var templateDrops = map[string]bool{
	"fn": true, "ln": true, "fi": true, "ct": true, "st": true, "zip": true, "country": true, "国": true,
	"dob": true, "doby": true, "dobm": true, "dobd": true, "gen": true,
	"firstname": true, "lastname": true, "name": true, "city": true, "state": true, "postalcode": true, "zipcode": true,
}

// ownNumbers are folded names of the sender's own member numbers: known, matched by
// nobody here.
var ownNumbers = map[string]bool{
	"externalid": true, "externid": true, "会員番号": true, "会員id": true, "顧客番号": true, "顧客id": true, "memberid": true, "customerid": true,
}

// kindOf gives the identifier kind of a known column name, also of a numbered
// one ("Phone 2"), or "".
func kindOf(name string) string {
	f := fold(name)
	if k := knownKinds[f]; k != "" {
		return k
	}
	if k := knownKinds[trimNumber(f)]; k != "" {
		return k
	}
	// "広告ID(IDFA)", "Email (required)"
	if i := strings.IndexByte(f, '('); i > 0 {
		return knownKinds[f[:i]]
	}
	return ""
}

// trimNumber takes the number off "phone2".
func trimNumber(folded string) string { return strings.TrimRight(folded, "0123456789") }

// droppable tells whether a column of no schema is dropped: a name, an
// address, a place, or what platforms' templates add to them. One that says consent
// never is, whatever it is about.
func droppable(name string) bool {
	return kindOf(name) == "" && !saysConsent(name) && (templateDrops[fold(name)] || ownNumbers[fold(name)] || entrustment.LooksDirect(name) || entrustment.LooksLocated(name))
}

// plainKind tells the kind of a cell that can be nothing but an identifier:
// "email", "phone", "maid", "hash", or "".
func plainKind(cell []byte, n *identifier.Normaliser) string {
	switch identifier.Detect(cell) {
	case identifier.SHA256Hex, identifier.SHA256Base64, identifier.MD5, identifier.SHA1, identifier.OtherHex:
		return "hash"
	case identifier.UUID:
		return "maid"
	case identifier.Empty:
		return ""
	}
	if bytes.ContainsAny(cell, "@＠") {
		return "email"
	}
	if _, _, err := n.Canonical(identifier.Phone, cell); err == nil {
		return "phone"
	}
	return ""
}
