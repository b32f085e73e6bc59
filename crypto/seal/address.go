package seal

import (
	"crypto/rand"
	"math"
)

// Address is what a file is sealed to: it opens as nothing else.
type Address struct {
	Entrustment string   // its id; BaseEntrustment where there is none
	Version     int      // of the entrustment, from 1; 0 with BaseEntrustment
	Party       string   // id of the party that uploads
	Name        string   // id of the list; BaseName, EventsName, RequestName
	Upload      [16]byte // random, one an upload; Open: zero is any
}

// Reserved values. An id begins with a letter or digit, so none is one of these.
const (
	BaseEntrustment = "@base"    // the operator's own data: the base, and its logs that no entrustment names
	BaseName        = "@base"    // the name of every base
	EventsName      = "@events"  // the name of every event log
	RequestName     = "@request" // the name of every request of a data subject
)

// BaseAddress gives the address of an upload of the operator's base.
func BaseAddress(operator string, upload [16]byte) Address {
	return Address{BaseEntrustment, 0, operator, BaseName, upload}
}

// NewUpload gives a fresh upload id.
func NewUpload() [16]byte {
	var id [16]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	return id
}

// fault says what of a is wrong for rows of h; "" is nothing.
func (a *Address) fault(h *Header) string {
	own := a.Entrustment == BaseEntrustment
	switch {
	case !own && !IsID(a.Entrustment):
		return "entrustment"
	case own && a.Version != 0, !own && (a.Version < 1 || a.Version > math.MaxInt32):
		return "version"
	case !IsID(a.Party):
		return "party"
	case a.Upload == [16]byte{}:
		return "upload id"
	}
	var fits bool
	switch h.Purpose {
	case Base:
		fits = own && a.Name == BaseName
	case List:
		fits = !own && IsID(a.Name)
	case Events:
		fits = a.Name == EventsName && (h.List == "" || !own)
	case Request:
		fits = own && a.Name == RequestName
	}
	if !fits {
		return "entrustment and name, for this purpose"
	}
	return ""
}

// IsID tells whether s is what DESIGN calls an id: 1 to 64 of a-z 0-9 . _ -,
// beginning with a letter or digit.
func IsID(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}
