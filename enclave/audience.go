package enclave

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"awase/crypto/identifier"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/matcher"
)

// Who was delivered to is kept under the entrustment's data key for as long as the
// receiver keeps them, so that they can be taken off. A row is
//
//	user token[12] ‖ length u16 ‖ what the delivery has of them
//
// big-endian: n × identifier (kind, class, hash[32]) of a platform's, a user key of an
// own channel's, n × (kind, token[12]) of labels, by which rows of the partner's list
// are known. No count is made of it.

const audienceName, audienceWhat = "audiences", "awase audience v1"

// memberRow is a row of an audience. Its slices are parts of what it was read from.
type memberRow struct {
	user token.Token
	has  []byte
}

// audienceWriter writes an audience, in an order that says nothing.
type audienceWriter struct {
	*rowSegment
	part *rowsPart
}

func (e *Enclave) newAudience(entrustmentID string) (*audienceWriter, error) {
	s, err := e.rowSegment(dataKey(entrustmentID), audienceName, audienceWhat)
	if err != nil {
		return nil, err
	}
	return &audienceWriter{s, s.part()}, nil
}

func (w *audienceWriter) add(r memberRow) error {
	return w.part.row(func(b []byte) []byte {
		b = binary.BigEndian.AppendUint16(append(b, r.user[:]...), uint16(len(r.has)))
		return append(b, r.has...)
	})
}

// end writes the rest; until and slots are those of the audience.
func (w *audienceWriter) end(until, slots int64) (*audienceRecord, error) {
	digest, err := w.done()
	if err != nil {
		return nil, err
	}
	ref, err := w.commit()
	if err != nil {
		return nil, err
	}
	return &audienceRecord{ref, digest, until, slots}, nil
}

var errAudience = errors.New("the segment does not hold an audience")

func nextMember(b []byte) (r memberRow, rest []byte, err error) {
	const head = token.Size + 2
	if len(b) < head {
		return r, nil, errAudience
	}
	n := int(binary.BigEndian.Uint16(b[token.Size:]))
	if len(b) < head+n {
		return r, nil, errAudience
	}
	return memberRow{token.Token(b[:token.Size]), b[head : head+n]}, b[head+n:], nil
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
			if err := each(r); err != nil {
				return err
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
