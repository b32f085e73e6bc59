package enclave

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/entrustment"
	"awase/matcher"
)

// Under an entrustment that delivers, a list's version has beside its rows what a
// delivery of its users is made out to: their hashes as they were uploaded, and the
// party's own keys where the file has them. No count and no report reads it. A row is
//
//	length u16 ‖ user key ‖ n u8 ‖ n × (kind u8 ‖ class u8 ‖ hash[32] ‖ token[12])
//
// big-endian. Rows stand in no order, and are as many as the files had.

// keysRecord says where the keys of a version of a list stand.
type keysRecord struct {
	Segment vault.SegmentRef `json:"segment"`
	Digest  hexID            `json:"digest"`          // keyed, of its rows in any order
	Keyed   bool             `json:"keyed,omitempty"` // they have the party's own keys
}

const deliveryIDLen = 1 + 1 + len(identifier.Hash{}) + token.Size

// listKeys writes the keys of a version; nil where the contract delivers nothing.
type listKeys struct {
	*rowSegment
	keyed bool
}

// listKeys begins the keys of the version that a file makes. Commit or abort ends it.
func (e *Enclave) listKeys(c *entrustRecord, h seal.Header, old *listRecord) (*listKeys, error) {
	if !c.Contract.Delivers() {
		return nil, nil
	}
	keyed := h.Keyed
	if old != nil && old.Keys != nil && h.Change == seal.Remove {
		keyed = old.Keys.Keyed
	}
	s, err := e.rowSegment(dataKey(c.Contract.ID), "list keys", "awase list keys v1")
	if err != nil {
		return nil, err
	}
	return &listKeys{s, keyed}, nil
}

// mayKey decides whether the keys of a file go with those that stand.
func mayKey(c *entrustment.Contract, h seal.Header, old *listRecord) error {
	if old == nil || h.Change == seal.Replace || !c.Delivers() {
		return nil
	}
	refuse := func(detail string) error {
		return &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §7", Field: "user_key", Detail: detail, Mend: "seal the whole list by the list.yaml of today, and replace it"}
	}
	switch {
	case old.Keys == nil:
		return refuse("the list was loaded when the entrustment delivered nothing, and has no keys to deliver to")
	case h.Change == seal.Add && h.Keyed && !old.Keys.Keyed:
		return refuse("the rows to be added have user keys, and those of the list have none")
	case h.Change == seal.Add && !h.Keyed && old.Keys.Keyed:
		return refuse("the rows to be added have no user keys, and those of the list have")
	}
	return nil
}

func (k *listKeys) part() *rowsPart {
	if k == nil {
		return nil
	}
	return k.rowSegment.part()
}

// addKeys adds what a row can be delivered to; of no part, nothing.
func (p *rowsPart) addKeys(t *tokened) error {
	if p == nil {
		return nil
	}
	return p.row(func(b []byte) []byte {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(t.row.User))), t.row.User...)
		b = append(b, byte(len(t.tokens)))
		for i := range t.tokens {
			id := &t.row.Identifiers[i]
			b = append(append(b, byte(t.tokens[i].Kind), id.Class), id.Hash[:]...)
			b = append(b, t.tokens[i].Token[:]...)
		}
		return b
	})
}

// keep adds the rows of the version before, but those that hold a token of gone.
func (k *listKeys) keep(ctx context.Context, e *Enclave, old *listRecord, gone map[matcher.KindToken]struct{}) error {
	if k == nil || old.Keys == nil {
		return nil
	}
	part := k.rowSegment.part()
	return e.eachKey(ctx, old.Keys, func(r *keyRow) error {
		for id := range r.ids {
			if _, ok := gone[matcher.KindToken{Token: id.Token, Kind: id.Kind}]; ok {
				return nil
			}
		}
		return part.row(func(b []byte) []byte { return append(b, r.raw...) })
	})
}

// commit ends the segment; nil has none.
func (k *listKeys) commit() (*keysRecord, error) {
	if k == nil {
		return nil, nil
	}
	digest, err := k.done()
	if err != nil {
		return nil, err
	}
	ref, err := k.rowSegment.commit()
	if err != nil {
		return nil, err
	}
	return &keysRecord{ref, digest, k.keyed}, nil
}

func (k *listKeys) abort() {
	if k != nil {
		k.rowSegment.abort()
	}
}

// same tells whether the keys are those of a version that stands.
func (k *listKeys) same(old *keysRecord) (bool, error) {
	if k == nil || old == nil {
		return k == nil && old == nil, nil
	}
	digest, err := k.done()
	return digest == old.Digest && k.keyed == old.Keyed, err
}

// keyRow is a row of the keys of a list. Its slices are parts of what it was read from.
type keyRow struct {
	user []byte
	list []byte // n identifiers
	raw  []byte
}

// deliveryID is a hash as it was uploaded, and its token.
type deliveryID struct {
	Kind  matcher.Kind
	Class identifier.Class
	Hash  identifier.Hash
	Token token.Token
}

// ids gives the identifiers of a row.
func (r *keyRow) ids(yield func(deliveryID) bool) {
	for b := r.list; len(b) > 0; b = b[deliveryIDLen:] {
		id := deliveryID{Kind: matcher.Kind(b[0]), Class: identifier.Class(b[1])}
		copy(id.Hash[:], b[2:])
		copy(id.Token[:], b[2+len(identifier.Hash{}):])
		if !yield(id) {
			return
		}
	}
}

var errKeys = errors.New("the segment does not hold the keys of a list")

// nextKeys reads a row.
func nextKeys(b []byte) (r keyRow, rest []byte, err error) {
	if len(b) < 2 {
		return r, nil, errKeys
	}
	at := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < at+1 {
		return r, nil, errKeys
	}
	size := at + 1 + int(b[at])*deliveryIDLen
	if len(b) < size {
		return r, nil, errKeys
	}
	r = keyRow{user: b[2:at], list: b[at+1 : size], raw: b[:size]}
	for i := 0; i < len(r.list); i += deliveryIDLen {
		if matcher.Kind(r.list[i]) >= matcher.Kinds {
			return keyRow{}, nil, errKeys
		}
	}
	return r, b[size:], nil
}

// eachKey reads the keys of a version, and sees that they are those that were written.
func (e *Enclave) eachKey(ctx context.Context, k *keysRecord, each func(*keyRow) error) error {
	err := e.readRows(ctx, k.Segment, k.Digest, "list keys", "awase list keys v1", func(b []byte) ([]byte, error) {
		r, rest, err := nextKeys(b)
		if err != nil {
			return nil, err
		}
		return rest, each(&r)
	})
	if err != nil {
		return fmt.Errorf("opening the keys of a list: %w", err)
	}
	return nil
}
