package enclave

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/entrustment"
	"awase/matcher"
)

// Who was delivered to is kept under the entrustment's data key for as long as the
// receiver keeps them, so that they can be taken off. A row is
//
//	user token[12] ‖ length u16 ‖ what the delivery has of them
//
// big-endian, where the first bit of the length says that a removal named them: n × identifier (kind, class, hash[32]) of a platform's, a user key of an
// own channel's, n × (kind, token[12]) of labels, by which rows of the partner's list
// are known. Rows of user token 0 are padding: whoever sees how long the segment is, on
// the disk or in a backup, sees what follows from the slots and the list, and not how many
// people are in it (PRIVACY rule 11). No count is made of it.

const audienceName, audienceWhat = "audiences", "awase audience v1"

// memberRow is a row of an audience. Its slices are parts of what it was read from.
type memberRow struct {
	user  token.Token
	has   []byte
	named bool // a removal took them off that the receiver may not have taken yet
}

// audienceWriter writes an audience, in an order that says nothing.
type audienceWriter struct {
	*rowSegment
	part *rowsPart
	room int64 // bytes of rows
	full int64 // columns written
}

const memberHead = token.Size + 2

// newAudience begins the audience that a delivery leaves, in a segment with room for so
// many bytes of rows.
func (e *Enclave) newAudience(u *underWay, room int64) (*audienceWriter, error) {
	s, err := e.rowSegment(dataKey(u.rec.Entrustment), audienceName, audienceWhat)
	if err != nil {
		return nil, err
	}
	e.writing(u, s.w)
	return &audienceWriter{rowSegment: s, part: s.part(), room: room}, nil
}

// roomOf gives how many bytes an audience of so many slots may have: it follows from them,
// from how it is delivered and from how much is on the list.
func roomOf(d *entrustment.Destination, list *listRecord, slots int64) int64 {
	ids := slots * delivery.MaxIdentifiers
	switch {
	case d.Form == entrustment.FormLabel:
		return slots*memberHead + list.Tokens*hitLen
	case d.Form == entrustment.FormOwnChannel:
		return slots * (memberHead + delivery.MaxUserKey)
	case len(d.Base) == 0:
		ids = min(ids, list.Tokens)
	}
	return slots*memberHead + ids*int64(sentIDLen)
}

// mostMember bounds a row.
const mostMember = 1 << 12

// namedBit is that of a row's length that says that a removal named its person.
const namedBit = 1 << 15

// add adds a row. Columns are full to the byte.
func (w *audienceWriter) add(r memberRow) error {
	n := int64(memberHead + len(r.has))
	if n > mostMember {
		return errAudience
	}
	if rest := rowChunk - int64(len(w.part.buf)) - n; rest != 0 && rest < memberHead {
		if err := w.fill(rowChunk); err != nil {
			return err
		}
	}
	return w.row(r)
}

func (w *audienceWriter) row(r memberRow) error {
	size := uint16(len(r.has))
	if r.named {
		size |= namedBit
	}
	err := w.part.row(func(b []byte) []byte {
		b = binary.BigEndian.AppendUint16(append(b, r.user[:]...), size)
		return append(b, r.has...)
	})
	if len(w.part.buf) == 0 {
		w.full++
	}
	return err
}

// fill pads the column to a size.
func (w *audienceWriter) fill(size int64) error {
	const most = 1 << 10
	for left := size - int64(len(w.part.buf)); left > 0; {
		n := min(left, most)
		if left-n < memberHead { // what is left is to be a row too
			n = left
		}
		if n < memberHead {
			return errAudience
		}
		if err := w.row(memberRow{has: make([]byte, n-memberHead)}); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// pad makes the segment as long as its room says: one column of it, or as many full ones
// as hold it however its rows fall into them.
func (w *audienceWriter) pad() error {
	if whole := w.room + memberHead; whole <= rowChunk && w.full == 0 {
		return w.fill(whole)
	}
	for columns := w.room/(rowChunk-mostMember) + 1; w.full < columns; {
		if err := w.fill(rowChunk); err != nil {
			return err
		}
	}
	if len(w.part.buf) > 0 {
		return errAudience
	}
	return nil
}

// end writes the rest; until and slots are those of the audience.
func (w *audienceWriter) end(until, slots int64) (*audienceRecord, error) {
	if err := w.pad(); err != nil {
		return nil, err
	}
	digest, err := w.done()
	if err != nil {
		return nil, err
	}
	ref, err := w.commit()
	if err != nil {
		return nil, err
	}
	return &audienceRecord{ref, digest, until, slots, w.room}, nil
}

var errAudience = errors.New("the segment does not hold an audience")

func nextMember(b []byte) (r memberRow, rest []byte, err error) {
	if len(b) < memberHead {
		return r, nil, errAudience
	}
	size := binary.BigEndian.Uint16(b[token.Size:])
	n := int(size &^ namedBit)
	if len(b) < memberHead+n {
		return r, nil, errAudience
	}
	return memberRow{token.Token(b[:token.Size]), b[memberHead : memberHead+n], size&namedBit != 0}, b[memberHead+n:], nil
}

// eachMember reads an audience, and sees that it is the one that was written.
func (e *Enclave) eachMember(ctx context.Context, a *audienceRecord, each func(memberRow) error) error {
	check := &rowSegment{key: e.vault.Subkey(audienceName), what: audienceWhat}
	read := check.part()
	n := 0
	err := e.vault.ReadColumns(a.Segment, func(name string, part []byte) error {
		if name != rowColumn(n) {
			return vault.ErrSegment
		}
		n++
		for len(part) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, rest, err := nextMember(part)
			if err != nil {
				return err
			}
			read.digest(part[:len(part)-len(rest)])
			if r.user != (token.Token{}) {
				if err := each(r); err != nil {
					return err
				}
			}
			part = rest
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("opening who is delivered to: %w", err)
	}
	if check.digest() != a.Digest {
		return fmt.Errorf("opening who is delivered to: %w", vault.ErrSegment)
	}
	return nil
}

const sentIDLen = 1 + 1 + len(identifier.Hash{})

// appendSent writes an identifier as an audience has it.
func appendSent(b []byte, kind matcher.Kind, class identifier.Class, hash *identifier.Hash) []byte {
	return append(append(b, byte(kind), byte(class)), hash[:]...)
}

// appendHit writes a token as an audience of labels has it.
func appendHit(b []byte, h *matcher.Hit) []byte {
	return append(append(b, byte(h.Kind)), h.Token[:]...)
}

const hitLen = 1 + token.Size
