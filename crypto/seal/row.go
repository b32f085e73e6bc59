package seal

import (
	"encoding/binary"
	"math"
)

// Limits of a row.
const (
	maxRowIdentifiers = 255
	maxRowText        = 512 // bytes of a user key, a policy version, a service
	identifierSize    = 2 + 32
	maxRowSize        = 1 + maxRowIdentifiers*identifierSize + maxColumns + 1 + 3*(2+maxRowText) + 8 + 4
)

const (
	flagVerified = 1 << iota
	flagEnquiryOnly
)

// shape is what a header allows in a row.
type shape struct {
	purpose     Purpose
	identifiers int
	domains     []uint16 // values of each column's domain
	channels    uint64   // the bits that stand for one
	events      int
	keyed       bool  // rows of a list have user keys
	from, to    int32 // days of events
}

func shapeOf(h *Header) shape {
	s := shape{purpose: h.Purpose, identifiers: len(h.Identifiers), events: len(h.Events), keyed: h.Keyed, from: h.From, to: h.To}
	if h.From == 0 {
		s.from, s.to = math.MinInt32, math.MaxInt32
	}
	for _, c := range h.Columns {
		s.domains = append(s.domains, uint16(len(c.Domain)))
	}
	s.channels = 1<<len(h.Channels) - 1 // of 64: 0-1, all of them
	return s
}

// appendRow appends a row, docs/format.md §4, or says what of it is wrong.
func (s *shape) appendRow(b []byte, r *Row) (_ []byte, fault string) {
	if fault = s.fault(r); fault != "" {
		return b, fault
	}
	b = append(b, byte(len(r.Identifiers)))
	for i := range r.Identifiers {
		id := &r.Identifiers[i]
		b = append(append(b, id.Column, id.Class), id.Hash[:]...)
	}
	b = append(b, r.Codes...)
	if p := r.Person; p != nil {
		var flags byte
		if p.Verified {
			flags |= flagVerified
		}
		if p.EnquiryOnly {
			flags |= flagEnquiryOnly
		}
		b = append(b, flags)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.Key))), p.Key...)
		b = appendText(appendText(b, p.PolicyVersion), p.Service)
		b = binary.BigEndian.AppendUint64(b, p.Channels)
		b = binary.BigEndian.AppendUint32(b, uint32(p.Consent))
	}
	if e := r.Event; e != nil {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e.Key))), e.Key...)
		b = binary.BigEndian.AppendUint32(b, uint32(e.Day))
		b = append(b, e.Type)
		b = binary.BigEndian.AppendUint64(b, uint64(e.Value))
	}
	switch {
	case s.purpose == Request:
		b = appendUser(b, r.User)
	case s.keyed:
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(r.User))), r.User...)
	}
	return b, ""
}

// fault says what of r the header doesn't allow; "" is nothing.
func (s *shape) fault(r *Row) string {
	switch {
	case (r.Person != nil) != (s.purpose == Base):
		return "person"
	case (r.Event != nil) != (s.purpose == Events):
		return "event"
	case s.purpose != Request && s.keyed != (len(r.User) > 0), len(r.User) > maxRowText:
		return "user key: of a request or a keyed list, at most 512 bytes"
	case len(r.Identifiers) > maxRowIdentifiers:
		return "more than 255 identifiers"
	case len(r.Codes) != len(s.domains):
		return "number of codes"
	}
	for i := range r.Identifiers {
		if int(r.Identifiers[i].Column) >= s.identifiers {
			return "column of an identifier"
		}
	}
	for i, c := range r.Codes {
		if uint16(c) >= s.domains[i] {
			return "code outside its domain"
		}
	}
	switch s.purpose {
	case Base:
		return s.personFault(r.Person)
	case Events:
		return s.eventFault(r.Event, len(r.Identifiers))
	case Request:
		return ""
	default:
		if len(r.Identifiers) == 0 {
			return "no identifier"
		}
		return ""
	}
}

func (s *shape) personFault(p *Person) string {
	switch {
	case len(p.Key) == 0:
		return "no user key"
	case len(p.Key) > maxRowText:
		return "user key over 512 bytes"
	case len(p.PolicyVersion) > maxRowText:
		return "policy version over 512 bytes"
	case len(p.Service) > maxRowText:
		return "service over 512 bytes"
	case p.Channels&^s.channels != 0:
		return "channel that the header doesn't name"
	case p.Consent < 0:
		return "day of consent"
	}
	return ""
}

func (s *shape) eventFault(e *Event, identifiers int) string {
	switch {
	case len(e.Key) == 0 && identifiers == 0:
		return "neither user key nor identifier"
	case len(e.Key) > maxRowText:
		return "user key over 512 bytes"
	case int(e.Type) >= s.events:
		return "event type that the header doesn't name"
	case e.Day < s.from || e.Day > s.to:
		return "day outside the period"
	}
	return ""
}
