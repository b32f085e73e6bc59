package matcher

import "awase/crypto/token"

// WithTombstones gives b with the users of these tokens under tombstones, those
// of b included: eligible for nothing, in no match and no count. Columns are
// shared with b, which stays as it is, and so do cluster ids: logs bound to b
// fit both. Which tokens are ambiguous is not touched (PRIVACY rule 3). A token
// of nobody changes nothing, and the caller does not learn of it.
//
// Tombstones are neither written by Columns nor carried over by Build: the
// record of requests is kept by the caller, who applies it to every version.
//
// Memory: a bit a cluster.
func (b *Base) WithTombstones(users []token.Token) *Base {
	next := *b
	next.tombstones = newBitmap(b.clusters())
	copy(next.tombstones, b.tombstones)
	for _, u := range users {
		if c, ok := b.users.find(u); ok {
			next.tombstones.set(c)
		}
	}
	return &next
}
