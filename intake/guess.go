package intake

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"awase/crypto/identifier"
	"awase/entrustment"
)

// What a guess may say besides the kinds of identifiers.
const (
	useConsent = "consent"
	useDrop    = "drop"
	useOpen    = "open" // the list does not load until somebody says what it is
)

// stats are what the first values of a column look like.
type stats struct {
	filled                    int
	email, phone, uuid, truth int
	sha, md5, sha1, other     int
	dialled                   int            // phone numbers that begin as one is written: a bare number may be any
	distinct                  map[string]int // rows of each, up to maxShown of them
	samples                   []string
}

// maxShown is the most distinct values that make a column look like one of a
// closed domain.
const maxShown = 20

func (p *Proposal) look(col int) *stats {
	st := &stats{distinct: map[string]int{}}
	p.cells(col, func(_ int64, cell []byte) {
		if len(bytes.TrimSpace(cell)) == 0 {
			return
		}
		st.filled++
		if len(st.distinct) <= maxShown {
			if st.distinct[string(cell)] == 0 && len(st.samples) < 3 {
				st.samples = append(st.samples, mask(cell))
			}
			st.distinct[string(cell)]++
		}
		st.add(cell, p.norm)
	})
	return st
}

func (st *stats) add(cell []byte, norm *identifier.Normaliser) {
	switch identifier.Detect(cell) {
	case identifier.SHA256Hex, identifier.SHA256Base64:
		st.sha++
	case identifier.MD5:
		st.md5++
	case identifier.SHA1:
		st.sha1++
	case identifier.OtherHex:
		st.other++
	case identifier.UUID:
		st.uuid++
	default:
		if yes, known := truth(cell); known && (yes || len(cell) > 0) {
			st.truth++
		}
		if bytes.ContainsAny(cell, "@＠") {
			if _, _, err := norm.Canonical(identifier.Email, cell); err == nil {
				st.email++
			}
		} else if number, _, err := spreadsheetNumber(cell); err == nil {
			if _, _, err := norm.Canonical(identifier.Phone, number); err == nil {
				st.phone++
				if bytes.ContainsAny(cell[:1], "0+(") || cell[0] >= 0x80 {
					st.dialled++
				}
			}
		}
	}
}

// raw counts the values that are plainly of a kind, unhashed.
func (st *stats) raw(kind string) int {
	switch kind {
	case entrustment.KindEmail:
		return st.email
	case entrustment.KindPhone:
		return st.phone
	case entrustment.KindMAID:
		return st.uuid + st.md5 // 32 digits: an id without its dashes
	}
	return 0
}

// share tells whether n is at least so many hundredths of the values.
func (st *stats) share(n, percent int) bool { return st.filled > 0 && 100*n >= percent*st.filled }

// holds names what an identifier column holds.
func (st *stats) holds(use string) string {
	switch {
	case st.filled == 0:
		return "empty"
	case use == useDrop || use == useConsent || use == useOpen:
		return "other"
	}
	var forms []string
	if st.filled > st.sha+st.md5+st.sha1+st.other {
		forms = append(forms, "raw")
	}
	for _, f := range []struct {
		n    int
		name string
	}{{st.sha, "sha256"}, {st.md5, "md5"}, {st.sha1, "sha1"}, {st.other, "other hash"}} {
		if f.n > 0 {
			forms = append(forms, f.name)
		}
	}
	return strings.Join(forms, " and ")
}

// sent says what leaves the desk of an identifier column.
func (st *stats) sent(kind string) string {
	switch {
	case st.filled == 0:
		return "nothing: the first rows have none"
	case st.sha == 0:
		return "the SHA-256 of the normal form"
	case st.sha == st.filled:
		return "the hash as it is"
	}
	return "the SHA-256 of the normal form, or the hash as it is"
}

// consentNames are parts of the folded names of consent columns.
var consentNames = []string{"同意", "consent", "optin", "オプトイン", "許諾", "承諾"}

// saysConsent tells whether a column's header speaks of consent.
func saysConsent(name string) bool {
	f := fold(name)
	return slices.ContainsFunc(consentNames, func(c string) bool { return strings.Contains(f, c) })
}

// guessConsent is the guess of a column whose header speaks of consent. Whatever is in
// it, it is never merely dropped: that would take in the rows of those who said no.
func guessConsent(st *stats) Guess {
	g := Guess{Use: useConsent, Certainty: Likely, Ground: GroundConsent, Why: "the name speaks of consent, and the values are yes and no"}
	if st.share(st.truth, 95) {
		return g
	}
	g.Certainty = Unsure
	g.Why = fmt.Sprintf("the name speaks of consent, and %d of %d values are neither yes nor no: they count as no consent", st.filled-st.truth, st.filled)
	if st.filled == 0 {
		g.Why = "the name speaks of consent, and the first rows say nothing: they count as no consent"
	}
	return g
}

// consentColumn gives the column that is proposed as the one of consent: the first
// whose header says so and whose values are yes and no, else the first whose header
// says so; -1: none does. One that holds identifiers is of those who agreed.
func (p *Proposal) consentColumn(names []string, look []*stats) int {
	best := -1
	for i, name := range names {
		switch st := look[i]; {
		case !speaksOfConsent(name, st):
		case st.share(st.truth, 95):
			return i
		case best < 0:
			best = i
		}
	}
	return best
}

func speaksOfConsent(name string, st *stats) bool {
	return kindOf(name) == "" && saysConsent(name) && !st.share(st.email+st.uuid+st.dialled+st.sha, 80)
}

func (p *Proposal) guessOne(name string, st *stats, consent bool) Guess {
	known := kindOf(name)
	switch {
	case consent:
		return guessConsent(st)
	case speaksOfConsent(name, st):
		return Guess{Use: useOpen, Certainty: Unsure, Ground: GroundConsentMore, Why: "the name speaks of consent, and a list has one column of it; say in list.yaml which counts"}
	case known == entrustment.KindCookie:
		return Guess{Use: useDrop, Certainty: Unsure, Ground: GroundCookie, Why: "a cookie needs the namespace that both sides use; declare it in list.yaml"}
	case known != "":
		return guessKnown(known, st)
	case name != "" && entrustment.LooksLocated(name):
		return Guess{Use: useDrop, Certainty: Certain, Ground: GroundLocated, Why: "where somebody is never leaves more finely than by prefecture or region"}
	case name != "" && ownNumbers[fold(name)]:
		return Guess{Use: useDrop, Certainty: Certain, Ground: GroundOwnNumber, Why: "a member number matches nobody here; under a contract that delivers, name it in list.yaml as user_key: and take it out of drop:"}
	case name != "" && (droppable(name) || dropsOf(p.Template, name)):
		return Guess{Use: useDrop, Certainty: Certain, Ground: GroundDirect, Why: "names, addresses and postcodes never leave"}
	case name == "":
		return Guess{Use: useDrop, Certainty: Unsure, Ground: GroundUnnamed, Why: "the column has no name"}
	}
	for _, is := range []struct {
		kind string
		n    int
	}{{entrustment.KindEmail, st.email}, {entrustment.KindMAID, st.uuid}, {entrustment.KindPhone, st.dialled}} {
		if st.share(is.n, 80) {
			return Guess{Use: is.kind, Certainty: Likely, Ground: GroundValues, Why: fmt.Sprintf("the name isn't known, and %d of %d values are written so", is.n, st.filled)}
		}
	}
	if st.share(st.sha+st.md5+st.sha1+st.other, 80) {
		return Guess{Use: useDrop, Certainty: Unsure, Ground: GroundHashes, Why: "hashes don't show what they are of; name the column email, phone or maid, or declare its kind"}
	}
	ground, why := GroundUnknown, "nothing is known of it; declare it in list.yaml, or leave it here"
	if n := len(st.distinct); n > 0 && n <= maxShown && st.filled > n {
		ground = GroundFew
		why = fmt.Sprintf("it has %s; declare name and values in list.yaml to ask by it, or leave it here", entrustment.Count(n, "value alone", "different values"))
	}
	return Guess{Use: useDrop, Certainty: Unsure, Ground: ground, Why: why}
}

// guessKnown weighs a name against the values.
func guessKnown(kind string, st *stats) Guess {
	fits := st.raw(kind) + st.sha
	switch {
	case st.filled == 0:
		return Guess{Use: kind, Certainty: Likely, Ground: GroundName, Why: "the name says so; the first rows have none"}
	case st.share(fits, 80):
		return Guess{Use: kind, Certainty: Certain, Ground: GroundAgree, Why: fmt.Sprintf("the name says so, and %d of %d values agree", fits, st.filled)}
	}
	for _, other := range []string{entrustment.KindEmail, entrustment.KindPhone, entrustment.KindMAID} {
		if n := st.raw(other); other != kind && st.share(n, 80) && !(other == entrustment.KindMAID && st.uuid == 0) {
			return Guess{Use: other, Certainty: Likely, Ground: GroundValues, Why: fmt.Sprintf("the name says %s, but %d of %d values are written as %s", kind, n, st.filled, other)}
		}
	}
	if st.share(fits, 50) {
		return Guess{Use: kind, Certainty: Likely, Ground: GroundAgree, Why: fmt.Sprintf("the name says so, and %d of %d values agree", fits, st.filled)}
	}
	return Guess{Use: kind, Certainty: Unsure, Ground: GroundName, Why: fmt.Sprintf("the name says so, but only %d of %d values agree", fits, st.filled)}
}

func sumOf(text []byte) identifier.Hash { return sha256.Sum256(text) }
