package enclave

import (
	"encoding/binary"
	"errors"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/entrustment"
)

// The particulars of a base are what of its rows is told to the person and not
// counted: the day of consent, opt-ins, and which namespace an identifier is of. They
// stand in a segment beside the base's, in the order in which rows were read, and are
// read for a disclosure alone. A row is
//
//	user token[12] ‖ flags u8 ‖ consent u32 ‖ channels u64 ‖ codes… ‖ policy u16 ‖ service u16 ‖ n u8 ‖ text ‖ text ‖ (column u8 ‖ token[12])…
//
// big-endian, with the lengths of the two texts before them. Tokens are those of the
// kinds of which the base has more than one namespace: of the others the kind says it.

// particularsRecord says where the particulars of a base stand.
type particularsRecord struct {
	Segment vault.SegmentRef `json:"segment"`
	Digest  hexID            `json:"digest"` // keyed, of its rows in any order
	// Columns are the sealed file's, by whose positions the rows name them.
	Columns []seal.IdentifierColumn `json:"columns"`
}

const (
	particularVerified = 1 << iota
	particularEnquiryOnly
)

// particulars writes the segment while rows are read, by several goroutines at once.
type particulars struct {
	*rowSegment
	several map[uint8]bool // columns whose kind has others
}

// particulars begins the segment of a base. Commit or Abort ends it.
func (e *Enclave) particulars(h seal.Header) (*particulars, error) {
	s, err := e.rowSegment(baseKey, "base particulars", "awase particulars v1")
	return &particulars{s, severalOf(h.Identifiers)}, err
}

// severalOf gives the columns whose kind has more than one namespace.
func severalOf(columns []seal.IdentifierColumn) map[uint8]bool {
	out, kinds := map[uint8]bool{}, map[string]int{}
	for _, c := range columns {
		kinds[c.Kind]++
	}
	for i, c := range columns {
		if kinds[c.Kind] > 1 {
			out[uint8(i)] = true
		}
	}
	return out
}

// part gives a goroutine its part.
func (p *particulars) part() *particularsPart {
	return &particularsPart{p.rowSegment.part(), p.several}
}

// particularsPart is what one goroutine has read and not written yet.
type particularsPart struct {
	*rowsPart
	several map[uint8]bool
}

// add adds a row.
func (p *particularsPart) add(t *tokened) error {
	person := t.row.Person
	var flags byte
	if person.Verified {
		flags |= particularVerified
	}
	if person.EnquiryOnly {
		flags |= particularEnquiryOnly
	}
	return p.row(func(b []byte) []byte {
		b = append(append(b, t.user[:]...), flags)
		b = binary.BigEndian.AppendUint32(b, uint32(person.Consent))
		b = binary.BigEndian.AppendUint64(b, person.Channels)
		b = append(b, t.row.Codes...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(person.PolicyVersion)))
		b = binary.BigEndian.AppendUint16(b, uint16(len(person.Service)))
		count := len(b)
		b = append(append(append(b, 0), person.PolicyVersion...), person.Service...)
		for i := range t.tokens {
			if column := t.row.Identifiers[i].Column; person.Verified && p.several[column] {
				b = append(append(b, column), t.tokens[i].Token[:]...)
				b[count]++ // a row has 255 identifiers at most
			}
		}
		return b
	})
}

// particular is a row of the particulars. Its slices are parts of what it was read
// from.
type particular struct {
	user            token.Token
	verified        bool
	enquiryOnly     bool
	consent         int32
	channels        uint64
	codes           []byte
	policy, service []byte
	tokens          []byte // n × (column u8 ‖ token[12]), of kinds with several namespaces
}

var errParticulars = errors.New("the segment does not hold the particulars of a base")

// nextParticular reads a row of a base that has so many columns. Every row is read
// through, whoever it is of.
func nextParticular(b []byte, columns int) (r particular, rest []byte, err error) {
	head := token.Size + 1 + 4 + 8 + columns + 2 + 2 + 1
	if len(b) < head {
		return r, nil, errParticulars
	}
	r.user = token.Token(b[:token.Size])
	at := b[token.Size:]
	r.verified, r.enquiryOnly = at[0]&particularVerified != 0, at[0]&particularEnquiryOnly != 0
	r.consent, r.channels = int32(binary.BigEndian.Uint32(at[1:])), binary.BigEndian.Uint64(at[5:])
	r.codes = at[13 : 13+columns]
	at = at[13+columns:]
	policy, service, n := int(binary.BigEndian.Uint16(at)), int(binary.BigEndian.Uint16(at[2:])), int(at[4])
	size := policy + service + n*(1+token.Size)
	if at = b[head:]; len(at) < size {
		return r, nil, errParticulars
	}
	r.policy, r.service, r.tokens = at[:policy], at[policy:policy+service], at[policy+service:size]
	return r, at[size:], nil
}

// sensitiveOf gives the attributes of which no value is taken into the room.
func sensitiveOf(s *entrustment.BaseSchema) []string {
	out := []string{}
	for i := range s.Attributes {
		if a := &s.Attributes[i]; a.Sensitive() {
			out = append(out, a.Name)
		}
	}
	return out
}
