package identifier

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/nyaruka/phonenumbers"
)

// NoRegion is the region of a list whose phone numbers all carry their country
// code, with or without +.
const NoRegion = "ZZ"

// A Normaliser makes normal forms and hashes for lists of one region. It is
// not safe for concurrent use: each goroutine takes its own from New.
type Normaliser struct {
	region  string
	trimmed []byte // the value without what surrounds it; the caller's memory
	plain   []byte // trimmed, NFKC, lower-case
	canon   []byte // the canonical form, where it differs from plain
	rule    []byte // the form of one profile
	e164    []byte
	digits  []byte
}

// New gives a Normaliser. Region is the ISO 3166 code, such as "JP", in which
// phone numbers without a country code are read, or NoRegion.
func New(region string) (*Normaliser, error) {
	if region != NoRegion && !phonenumbers.GetSupportedRegions()[region] {
		return nil, fmt.Errorf("no such region: use an ISO 3166 code of two capital letters, such as JP")
	}
	return &Normaliser{
		region: region,
		plain:  make([]byte, 0, maxEmail), canon: make([]byte, 0, maxEmail), rule: make([]byte, 0, maxEmail),
		e164: make([]byte, 0, 32), digits: make([]byte, 0, 64),
	}, nil
}

// Canonical gives the form that Awase matches on, and what was mended in it.
// The text is valid until the next call. The error is an *Error.
func (n *Normaliser) Canonical(k Kind, raw []byte) (text []byte, r Repair, err error) {
	return n.Normalise(Awase, k, raw)
}

// Normalise gives the form that profile p hashes, from the value as it came:
// a profile's rule applies to the raw value, not to the canonical form. The
// text is valid until the next call. The error is an *Error.
//
// For kinds that a profile has no rule of its own for, it is the canonical
// form; so is the advertising id that some platforms take unhashed.
func (n *Normaliser) Normalise(p Profile, k Kind, raw []byte) (text []byte, r Repair, err error) {
	if p >= profileCount {
		return nil, 0, refuse(k, ReasonUnknownProfile)
	}
	switch k {
	case Email:
		return n.email(p, raw)
	case Phone:
		return n.phone(p, raw)
	case Cookie:
		return n.cookie(raw)
	case MAID:
		return n.maid(raw)
	}
	return nil, 0, refuse(k, ReasonUnknownKind)
}

// AppendBase appends the hashes that a raw value of the base is indexed under:
// every distinct one that the mailbox-preserving profiles give, class Common,
// the canonical form's first; then, for an email, one for each lossy class. A
// profile that refuses the value is left out; if the canonical form refuses
// it, dst comes back as it was with an *Error.
func (n *Normaliser) AppendBase(dst []Sum, k Kind, raw []byte) ([]Sum, Repair, error) {
	switch k {
	case Email:
		return n.appendEmail(dst, raw, true)
	case Phone:
		text, rep, err := n.phone(Awase, raw)
		if err != nil {
			return dst, rep, err
		}
		dst = append(dst, Sum{Common, sha256.Sum256(text)}, Sum{Common, sha256.Sum256(text[1:])})
		// uid2 mends nothing, so it hashes +81090… as it stands.
		if raw, _ := trim(raw); uid2Phone(raw) && !bytes.Equal(raw, text) {
			dst = append(dst, Sum{Common, sha256.Sum256(raw)})
		}
		return dst, rep, nil
	}
	return n.appendCanonical(dst, k, raw)
}

// AppendList appends the hashes that a raw value of a list is looked up by, all
// of class Common, the canonical form's first. An email has the other
// mailbox-preserving forms too, so that jd.oe@gmail.com finds jdoe@gmail.com
// through google's rule; a phone needs none, for the base has both of its
// forms. Errors are those of AppendBase.
func (n *Normaliser) AppendList(dst []Sum, k Kind, raw []byte) ([]Sum, Repair, error) {
	if k == Email {
		return n.appendEmail(dst, raw, false)
	}
	return n.appendCanonical(dst, k, raw)
}

func (n *Normaliser) appendCanonical(dst []Sum, k Kind, raw []byte) ([]Sum, Repair, error) {
	text, rep, err := n.Canonical(k, raw)
	if err != nil {
		return dst, rep, err
	}
	return append(dst, Sum{Common, sha256.Sum256(text)}), rep, nil
}

// appendEmail hashes each distinct form of raw once. Of the mailbox-preserving
// profiles, meta, snap, tiktok, x, line and yahoo-japan hash the plain form;
// uid2 hashes that or google's; pair differs only outside ASCII.
func (n *Normaliser) appendEmail(dst []Sum, raw []byte, lossy bool) ([]Sum, Repair, error) {
	start := len(dst)
	a, usual := n.usualEmail(raw)
	canon, rep, idnRep := a.text, Repair(0), Repair(0)
	if !usual {
		var err *Error
		if a, canon, rep, idnRep, err = n.generalEmail(raw); err != nil {
			return dst, rep, err
		}
	}
	plain := a.text
	first := sha256.Sum256(canon)
	dst = append(dst, Sum{Common, first})
	if idnRep != 0 {
		dst = addDistinct(dst, start, plain)
	}
	if a.gmail(Google) {
		if text, err := n.dropGmail(a); err == nil && !bytes.Equal(text, canon) {
			dst = addDistinct(dst, start, text)
		}
	}
	if !usual && !isASCII(n.trimmed) {
		if b, err := parseAddress(n.pairEmail()); err == nil && checkDomain(b.text[b.at+1:]) == nil {
			dst = addDistinct(dst, start, b.text)
		}
	}
	if !lossy {
		return dst, rep, nil
	}
	if text, err := n.dropSuffix(a); err == nil {
		dst = append(dst, Sum{ClassTikTokNoSuffix, hashUnless(text, canon, &first)})
	}
	// Last, for it works in place on the plain form.
	whole := len(plain)
	if b, err := parseAddress(keepAMC(plain)); err == nil && checkDomain(b.text[b.at+1:]) == nil {
		h := first
		if idnRep != 0 || len(b.text) != whole {
			h = sha256.Sum256(b.text)
		}
		dst = append(dst, Sum{ClassAMC, h})
	}
	return dst, rep, nil
}

// hashUnless gives the hash of text, or known if text is the text of known.
func hashUnless(text, of []byte, known *Hash) Hash {
	if bytes.Equal(text, of) {
		return *known
	}
	return sha256.Sum256(text)
}

// addDistinct appends the hash of text unless dst has it from start on.
func addDistinct(dst []Sum, start int, text []byte) []Sum {
	h := sha256.Sum256(text)
	for i := range dst[start:] {
		if dst[start+i].Hash == h {
			return dst
		}
	}
	return append(dst, Sum{Common, h})
}
