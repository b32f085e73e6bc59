package enclave

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/matcher"
)

// A base has beside its counted columns what a delivery is made out to. Of one that
// declares channels: the user keys, under the key of the base, and the opt-ins, which
// the engines count by. Of one that is loaded while a contract names kinds of
// identifiers to be delivered: the hashes of these kinds, each under a key of its own
// (DESIGN §5). Of who asked for deletion or a stop of use before the load, neither. No
// report reads any of it. Rows stand in no order, big-endian:
//
//	user token[12] ‖ channels u64 ‖ length u8 ‖ user key
//	user token[12] ‖ n u8 ‖ n × (class u8 ‖ hash[32] ‖ token[12])

// userKeysRecord says where the user keys of a base stand.
type userKeysRecord struct {
	Segment vault.SegmentRef `json:"segment,omitzero"`
	Digest  hexID            `json:"digest,omitzero"` // keyed, of its rows in any order
	Long    bool             `json:"long,omitempty"`  // a key is longer than a delivery has room for: none is kept
}

// hashesRecord says where the hashes of a kind stand.
type hashesRecord struct {
	Kind    string           `json:"kind"`
	Segment vault.SegmentRef `json:"segment"`
	Digest  hexID            `json:"digest"`
}

const (
	subkeyUserKeys = "base user keys"
	subkeyHashes   = "base hashes"
	whatUserKeys   = "awase base user keys v1"

	hashLen = 1 + len(identifier.Hash{}) + token.Size
)

// whatHashes binds a digest to its kind.
func whatHashes(kind string) string { return "awase base hashes v1 " + kind }

// hashesKey names the data key that the hashes of a kind are under.
func hashesKey(kind string) string { return "base identifiers " + kind }

// optInColumn names the column of a channel's opt-ins. No attribute and no column of a
// list can have such a name: names have no slash.
func optInColumn(channel string) string { return "channel/" + channel }

// optIns are the columns of the channels' opt-ins, in their order.
func optIns(channels []string) (out []matcher.Column) {
	for _, c := range channels {
		out = append(out, matcher.Column{Name: optInColumn(c), Domain: []string{"no", "yes"}})
	}
	return out
}

// appendOptIns appends the codes of a user's opt-ins to so many channels.
func appendOptIns(codes []uint8, channels int, bits uint64) []uint8 {
	for i := range channels {
		codes = append(codes, uint8(bits>>i&1))
	}
	return codes
}

// optedIn is the condition that somebody opted in to a channel of the base.
func optedIn(channel string) *matcher.Where {
	return &matcher.Where{In: &matcher.InCodes{Source: matcher.BaseColumn, Column: optInColumn(channel), Codes: []uint8{1}}}
}

// baseKeys writes what deliveries need of a base while its rows are read, by several
// goroutines at once.
type baseKeys struct {
	optIns []matcher.Column
	users  *rowSegment // nil: the base has no channels
	long   atomic.Bool
	hashes []*kindHashes

	userDigest hexID
}

// kindHashes are the hashes of one kind.
type kindHashes struct {
	*rowSegment
	kind    string
	columns []bool // by position in the file: whether the column is of the kind
	digest  hexID
}

// baseKeys begins the segments of a base, of the kinds that contracts name. Commit or
// abort ends them.
func (e *Enclave) baseKeys(h seal.Header, kinds []string) (*baseKeys, error) {
	k := &baseKeys{optIns: optIns(h.Channels)}
	err := func() (err error) {
		if len(h.Channels) > 0 {
			if k.users, err = e.rowSegment(baseKey, subkeyUserKeys, whatUserKeys); err != nil {
				return err
			}
		}
		for _, kind := range kinds {
			of := &kindHashes{kind: kind}
			for _, c := range h.Identifiers {
				of.columns = append(of.columns, c.Kind == kind)
			}
			if !slices.Contains(of.columns, true) {
				continue
			}
			if err := e.vault.MakeDataKey(hashesKey(kind)); err != nil {
				return err
			}
			if of.rowSegment, err = e.rowSegment(hashesKey(kind), subkeyHashes, whatHashes(kind)); err != nil {
				return err
			}
			k.hashes = append(k.hashes, of)
		}
		return nil
	}()
	if err != nil {
		k.abort()
		return nil, err
	}
	return k, nil
}

// baseKeysPart is what one goroutine has read and not written yet.
type baseKeysPart struct {
	of     *baseKeys
	users  *rowsPart
	hashes []*rowsPart
}

// part gives a goroutine its part.
func (k *baseKeys) part() *baseKeysPart {
	p := &baseKeysPart{of: k}
	if k.users != nil {
		p.users = k.users.part()
	}
	for _, h := range k.hashes {
		p.hashes = append(p.hashes, h.part())
	}
	return p
}

// add adds a row; of who is out of use by a request only how long their key is.
func (p *baseKeysPart) add(t *tokened, out bool) error {
	person := t.row.Person
	if p.users != nil {
		if err := p.addUser(t.user, person, out); err != nil {
			return err
		}
	}
	if out || !person.Verified { // whose identifiers match nobody
		return nil
	}
	for i, h := range p.of.hashes {
		if err := p.hashes[i].addHashes(t, h.columns); err != nil {
			return err
		}
	}
	return nil
}

// addUser adds a user key, until there is one that is too long.
func (p *baseKeysPart) addUser(user token.Token, person *seal.Person, out bool) error {
	if len(person.Key) > delivery.MaxUserKey {
		p.of.long.Store(true)
	}
	if out || p.of.long.Load() {
		return nil
	}
	return p.users.row(func(b []byte) []byte {
		b = binary.BigEndian.AppendUint64(append(b, user[:]...), person.Channels)
		return append(append(b, byte(len(person.Key))), person.Key...)
	})
}

// addHashes adds those of a row's hashes that are of one kind, where it has any. What
// merges addresses into one is sent nowhere, and not kept (docs/deliveries.md).
func (p *rowsPart) addHashes(t *tokened, columns []bool) error {
	kept := func(id *seal.Identifier) bool {
		return columns[id.Column] && identifier.Class(id.Class) != identifier.ClassAMC
	}
	n := 0
	for i := range t.row.Identifiers {
		if kept(&t.row.Identifiers[i]) {
			n++ // at most maxHashes
		}
	}
	if n == 0 {
		return nil
	}
	return p.row(func(b []byte) []byte {
		b = append(append(b, t.user[:]...), byte(n))
		for i := range t.row.Identifiers {
			if id := &t.row.Identifiers[i]; kept(id) {
				b = append(append(b, id.Class), id.Hash[:]...)
				b = append(b, t.tokens[i].Token[:]...)
			}
		}
		return b
	})
}

// done writes the rest. Where a key is too long, none of them is kept.
func (k *baseKeys) done() (err error) {
	if k.users != nil && !k.long.Load() {
		if k.userDigest, err = k.users.done(); err != nil {
			return err
		}
	}
	for _, h := range k.hashes {
		if h.digest, err = h.done(); err != nil {
			return err
		}
	}
	return nil
}

// same tells, after done, whether a base that stands has the same of it.
func (k *baseKeys) same(b *baseRecord) bool {
	if len(k.optIns) != len(b.OptIns) || (k.users == nil) != (b.UserKeys == nil) || len(k.hashes) != len(b.Hashes) {
		return false // fitsSchema holds the channels to base.yaml, of which the record has its own
	}
	if k.users != nil && (k.userDigest != b.UserKeys.Digest || k.long.Load() != b.UserKeys.Long) {
		return false
	}
	for i, h := range k.hashes {
		if h.kind != b.Hashes[i].Kind || h.digest != b.Hashes[i].Digest {
			return false
		}
	}
	return true
}

// commit ends the segments after done, and writes down where they stand.
func (k *baseKeys) commit(rec *baseRecord) error {
	rec.OptIns = k.optIns
	if k.users != nil {
		rec.UserKeys = &userKeysRecord{Long: k.long.Load()}
		if !rec.UserKeys.Long {
			ref, err := k.users.commit()
			if err != nil {
				return err
			}
			rec.UserKeys.Segment, rec.UserKeys.Digest = ref, k.userDigest
		}
	}
	for _, h := range k.hashes {
		ref, err := h.commit()
		if err != nil {
			return err
		}
		rec.Hashes = append(rec.Hashes, hashesRecord{h.kind, ref, h.digest})
	}
	return nil
}

// abort drops what was not committed.
func (k *baseKeys) abort() {
	if k.users != nil {
		k.users.abort()
	}
	for _, h := range k.hashes {
		h.abort()
	}
}

var errBaseKeys = errors.New("the segment does not hold what deliveries need of a base")

// baseUser is a row of the user keys. Its key is a part of what it was read from.
type baseUser struct {
	user     token.Token
	channels uint64
	key      []byte
}

// nextUser reads a row.
func nextUser(b []byte) (r baseUser, rest []byte, err error) {
	const head = token.Size + 8 + 1
	if len(b) < head {
		return r, nil, errBaseKeys
	}
	size := head + int(b[head-1])
	if len(b) < size {
		return r, nil, errBaseKeys
	}
	return baseUser{token.Token(b[:token.Size]), binary.BigEndian.Uint64(b[token.Size:]), b[head:size]}, b[size:], nil
}

// nextHashes reads a row: whose it is, and n × (class, hash, token).
func nextHashes(b []byte) (user token.Token, hashes, rest []byte, err error) {
	const head = token.Size + 1
	if len(b) < head {
		return user, nil, nil, errBaseKeys
	}
	size := head + int(b[head-1])*hashLen
	if len(b) < size {
		return user, nil, nil, errBaseKeys
	}
	return token.Token(b[:token.Size]), b[head:size], b[size:], nil
}

// baseUsers gives the user keys of a base: those of the users that are wanted and opted
// in to a channel or, of the channel "", whether they did or not, as for who is taken
// out of an audience. The key is good until each returns. What was given is worth
// nothing where it fails. The base's segments stay meanwhile, and it serves the channel
// (baseServes).
func (e *Enclave) baseUsers(ctx context.Context, b *baseRecord, channel string, want func(token.Token) bool, each func(user token.Token, key []byte) error) error {
	if b.UserKeys == nil || b.UserKeys.Long {
		return errNoUserKeys
	}
	bit := -1
	if channel != "" {
		if bit = slices.IndexFunc(b.OptIns, func(c matcher.Column) bool { return c.Name == optInColumn(channel) }); bit < 0 {
			return errNoUserKeys
		}
	}
	err := e.readRows(ctx, b.UserKeys.Segment, b.UserKeys.Digest, subkeyUserKeys, whatUserKeys, func(part []byte) ([]byte, error) {
		r, rest, err := nextUser(part)
		if err != nil || bit >= 0 && r.channels>>bit&1 == 0 || !want(r.user) {
			return rest, err
		}
		return rest, each(r.user, r.key)
	})
	if err != nil {
		return fmt.Errorf("opening the user keys of the base: %w", err)
	}
	return nil
}

// baseIdentifiers gives the hashes of a kind of the users that are wanted: those that
// are theirs alone, for by an address that two people share neither is found. Users who
// have none are left out. The slice is good until each returns. What was given is worth
// nothing where it fails. The base's segments stay meanwhile; it is opened (standing), and
// serves the kind (baseServes).
func (e *Enclave) baseIdentifiers(ctx context.Context, b *baseRecord, base *matcher.Base, kind string, want func(token.Token) bool, each func(user token.Token, ids []delivery.Identifier) error) error {
	i := slices.IndexFunc(b.Hashes, func(h hashesRecord) bool { return h.Kind == kind })
	if i < 0 {
		return errNoHashes
	}
	k := kindOf[kind]
	var ids []delivery.Identifier
	err := e.readRows(ctx, b.Hashes[i].Segment, b.Hashes[i].Digest, subkeyHashes, whatHashes(kind), func(part []byte) ([]byte, error) {
		user, hashes, rest, err := nextHashes(part)
		if err != nil || !want(user) {
			return rest, err
		}
		ids = ids[:0]
		for ; len(hashes) > 0; hashes = hashes[hashLen:] {
			id := delivery.Identifier{Kind: identifier.Kind(k), Class: identifier.Class(hashes[0]), Hash: identifier.Hash(hashes[1:])}
			t := matcher.KindToken{Kind: k, Token: token.Token(hashes[1+len(id.Hash):])}
			if base.Holds(user, t) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			return rest, nil
		}
		return rest, each(user, ids)
	})
	if err != nil {
		return fmt.Errorf("opening the identifiers of the base: %w", err)
	}
	return nil
}
