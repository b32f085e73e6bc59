package identifier

import "strings"

// Reason is a stable code for why a value was refused. It is part of the
// validation report.
type Reason string

// The reasons.
const (
	ReasonEmpty   Reason = "empty"
	ReasonNotUTF8 Reason = "not_utf8"

	ReasonEmailTooLong       Reason = "email_too_long"
	ReasonEmailInnerSpace    Reason = "email_inner_space"
	ReasonEmailControl       Reason = "email_control"
	ReasonEmailNoAt          Reason = "email_no_at"
	ReasonEmailManyAt        Reason = "email_many_at"
	ReasonEmailNoLocal       Reason = "email_no_local"
	ReasonEmailNoDomain      Reason = "email_no_domain"
	ReasonEmailDomainNoDot   Reason = "email_domain_no_dot"
	ReasonEmailDomainLabel   Reason = "email_domain_empty_label"
	ReasonEmailDomainIDN     Reason = "email_domain_idn"
	ReasonEmailDomainCharset Reason = "email_domain_charset"
	ReasonEmailEmptyByRule   Reason = "email_empty_by_rule"
	ReasonEmailCharset       Reason = "email_charset"
	ReasonPhoneLetters       Reason = "phone_letters"
	ReasonPhoneScientific    Reason = "phone_scientific"
	ReasonPhonePlus          Reason = "phone_plus"
	ReasonPhoneTooShort      Reason = "phone_too_short"
	ReasonPhoneTooLong       Reason = "phone_too_long"
	ReasonPhoneInvalid       Reason = "phone_invalid"
	ReasonPhoneNotE164       Reason = "phone_not_e164"
	ReasonCookieTooLong      Reason = "cookie_too_long"
	ReasonCookieCharset      Reason = "cookie_charset"
	ReasonMAIDForm           Reason = "maid_form"
	ReasonMAIDUndashed       Reason = "maid_undashed"
	ReasonMAIDZero           Reason = "maid_zero"
	ReasonHashLength         Reason = "hash_length"
	ReasonHashCharset        Reason = "hash_charset"
	ReasonHashBase64         Reason = "hash_base64"
	ReasonLooksMD5           Reason = "looks_md5"
	ReasonLooksSHA1          Reason = "looks_sha1"
	ReasonUnknownKind        Reason = "unknown_kind"
	ReasonUnknownProfile     Reason = "unknown_profile"
)

// mends says what to do about each reason.
var mends = map[Reason]string{
	ReasonEmpty:              "leave the cell empty only if the person has no such identifier",
	ReasonNotUTF8:            "save the file as UTF-8 or Shift_JIS and load it again",
	ReasonEmailTooLong:       "an address has at most 254 bytes; look for two values in one cell",
	ReasonEmailInnerSpace:    "delete the white space inside the address",
	ReasonEmailControl:       "delete the control or invisible character inside the address",
	ReasonEmailNoAt:          "an address is written name@domain",
	ReasonEmailManyAt:        "keep one address in a cell, with one @",
	ReasonEmailNoLocal:       "write the name before the @",
	ReasonEmailNoDomain:      "write the domain after the @",
	ReasonEmailDomainNoDot:   "write the whole domain, such as example.jp",
	ReasonEmailDomainLabel:   "delete the dot that is doubled, or at either end of the domain",
	ReasonEmailDomainCharset: "a domain holds letters, digits and hyphens; delete what stands around the address",
	ReasonEmailDomainIDN:     "the domain is no valid internationalised name; check its spelling",
	ReasonEmailEmptyByRule:   "this profile's rule leaves nothing of the address; it can't be sent",
	ReasonEmailCharset:       "this destination takes letters, digits and _ - . @ only, at most 120; it can't be sent",
	ReasonPhoneLetters:       "keep one number in a cell; move letters and extensions elsewhere",
	ReasonPhoneScientific:    "the spreadsheet rounded the number; format the column as text and export again",
	ReasonPhonePlus:          "a + stands only in front of the country code",
	ReasonPhoneTooShort:      "digits are missing; write the area code too",
	ReasonPhoneTooLong:       "too many digits; keep one number in a cell, without an extension",
	ReasonPhoneInvalid:       "no such number in the list's region; check it, or write it with + and the country code",
	ReasonPhoneNotE164:       "this profile takes numbers written as + and 10 to 15 digits",
	ReasonCookieTooLong:      "a cookie has at most 512 bytes",
	ReasonCookieCharset:      "a cookie is printable ASCII without spaces",
	ReasonMAIDForm:           "an advertising id is a UUID: 8-4-4-4-12 hexadecimal digits",
	ReasonMAIDUndashed:       "write the UUID with its dashes, 8-4-4-4-12; 32 digits in a row may be an MD5 hash",
	ReasonMAIDZero:           "an all-zero id means that tracking was declined; leave the cell empty",
	ReasonHashLength:         "a SHA-256 hash is 64 hexadecimal digits, or 44 characters of Base64",
	ReasonHashCharset:        "a SHA-256 hash is 64 hexadecimal digits, or 44 characters of Base64",
	ReasonHashBase64:         "use Base64 with + and /, padded to 44 characters",
	ReasonLooksMD5:           "MD5 can't be matched; hash the normalised value with SHA-256",
	ReasonLooksSHA1:          "SHA-1 can't be matched; hash the normalised value with SHA-256",
	ReasonUnknownKind:        "use one of email, phone, cookie, maid",
	ReasonUnknownProfile:     "use a profile that ParseProfile gives",
}

// Error says why a value was refused and how to mend it. It never holds the
// value, so it may be shown and logged.
type Error struct {
	Kind   Kind
	Reason Reason
	Mend   string
}

// Error gives "reason: mend".
func (e *Error) Error() string { return string(e.Reason) + ": " + e.Mend }

func refuse(k Kind, r Reason) *Error { return &Error{Kind: k, Reason: r, Mend: mends[r]} }

// Repair is a set of what was mended in a value beyond letter case.
type Repair uint16

// What can be mended.
const (
	RepairSpace      Repair = 1 << iota // white space around the value
	RepairInvisible                     // BOM, zero-width and other invisible characters around the value
	RepairWidth                         // full-width or other compatibility characters (NFKC)
	RepairSeparators                    // dashes, brackets, dots, spaces in a phone number
	RepairIDN                           // domain written in its own script, now in ASCII
	RepairIntlPrefix                    // 00 or 010 in place of +
	RepairPlus                          // country code written without +
	RepairTrunkZero                     // trunk 0 after the country code, as in +81(0)90
	RepairLostZero                      // leading 0 missing, as spreadsheets drop it
	RepairQuote                         // what a spreadsheet or mail program put around it: ' or ="…", quotes, <…>, mailto:
	repairEnd
)

var repairNames = [...]string{
	"space", "invisible", "width", "separators", "idn", "intl_prefix", "plus", "trunk_zero", "lost_zero", "quote",
}

// Names gives the stable names of what was mended, in a fixed order.
func (r Repair) Names() []string {
	var names []string
	for i, name := range repairNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String gives the names joined by "+".
func (r Repair) String() string { return strings.Join(r.Names(), "+") }
