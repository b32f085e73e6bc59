package matcher

import (
	"cmp"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/array"

	"awase/crypto/token"
)

// Base is one immutable version of the identity base: clusters, what is known
// of each, and per kind which token leads to which cluster. It is safe for
// concurrent use.
//
// A cluster id is a position in the columns. Ids of users who have left stay
// unused: present marks those in use.
type Base struct {
	columns   []Column
	standings []standing // sorted; every one occurs

	users     tokenIndex // user token → cluster, everyone present
	present   bitmap
	presentA  *array.Boolean
	codes     []*array.Uint8 // one for each column, by cluster
	standing  *array.Uint16  // position in standings, by cluster
	index     [Kinds]tokenIndex
	ambiguous [Kinds]tokenSet // held by two clusters, now or in a version before

	// tombstones are clusters whose user asked for deletion or a stop of use
	// after the load; nil: none. They are eligible for nothing.
	tombstones bitmap
}

// standing is what decides a user's eligibility. Users share few of them, so a
// base keeps a dictionary and one code a user.
type standing struct {
	PolicyVersion string `json:"policy"`
	Service       string `json:"service"`
	EnquiryOnly   bool   `json:"enquiry"`
}

func compareStandings(a, b standing) int {
	return cmp.Or(
		cmp.Compare(a.PolicyVersion, b.PolicyVersion),
		cmp.Compare(a.Service, b.Service),
		compareBools(a.EnquiryOnly, b.EnquiryOnly))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// allows says whether data in this standing may be used under e.
func (s standing) allows(e *Eligibility) bool {
	if e.ByPolicy && !slices.Contains(e.Versions, s.PolicyVersion) {
		return false
	}
	if s.Service != "" && s.Service != e.Service {
		return false
	}
	return e.Enquiry || !s.EnquiryOnly
}

// clusters is how many ids have been given out: the length of the columns.
func (b *Base) clusters() int { return b.standing.Len() }

// Users is how many users were loaded: a fact about the operator's own table.
func (b *Base) Users() int { return b.users.len() }

// Holds tells whether a token is a user's, and nobody else's. It is of one user whom the
// caller knows by their own token.
func (b *Base) Holds(user token.Token, t KindToken) bool {
	if t.Kind >= Kinds {
		return false
	}
	c, ok := b.users.find(user)
	held, theirs := b.index[t.Kind].find(t.Token)
	return ok && theirs && c == held
}

// Schema gives the declared columns of the base, in order. The slices are the
// caller's.
func (b *Base) Schema() []Column { return cloneColumns(b.columns) }
