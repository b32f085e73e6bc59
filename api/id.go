package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// idAlphabet has no vowels, so that no id is a word, and sorts as its values do.
const idAlphabet = "0123456789bcdfghjkmnpqrstvwxyz"

// newID gives a new id: a prefix that says of what, a part that grows with time,
// so that ids sort by age, and 80 random bits. Ids are no secrets.
func newID(prefix string) string {
	var b strings.Builder
	b.WriteString(idsSince(prefix, time.Now()))
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program first
	for _, x := range random {
		b.WriteByte(idAlphabet[int(x)%len(idAlphabet)])
	}
	return b.String()
}

// idsSince gives what ids that newID gives from a moment on sort after.
func idsSince(prefix string, at time.Time) string {
	ms := uint64(at.UnixMilli())
	var when [10]byte
	for i := len(when) - 1; i >= 0; i-- {
		when[i] = idAlphabet[ms%uint64(len(idAlphabet))]
		ms /= uint64(len(idAlphabet))
	}
	return prefix + "-" + string(when[:])
}

// sameID gives an id that follows from others: the age of the first, which is one
// that newID gave, and a hash.
func sameID(prefix, of string, more ...string) string {
	_, rest, _ := strings.Cut(of, "-")
	h := sha256.Sum256([]byte(strings.Join(append([]string{prefix, of}, more...), "\x00")))
	var b strings.Builder
	b.WriteString(prefix + "-" + rest[:min(10, len(rest))])
	for _, x := range h[:16] {
		b.WriteByte(idAlphabet[int(x)%len(idAlphabet)])
	}
	return b.String()
}

// etag gives the strong entity tag of an answer.
func etag(raw []byte) string {
	h := sha256.Sum256(raw)
	return `"` + hex.EncodeToString(h[:16]) + `"`
}

// matches tells whether an If-None-Match or If-Match names a tag.
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == tag || one == "*" {
			return true
		}
	}
	return false
}
