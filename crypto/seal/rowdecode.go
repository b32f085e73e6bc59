package seal

import (
	"encoding/binary"
	"slices"
)

// rowView is a row of a record, as the record's bytes hold it.
type rowView struct {
	ids   []byte // whole identifiers
	codes []byte
	person
	event
}

type person struct {
	flags           byte
	key             []byte // of the event, too
	policy, service []byte
	channels        uint64
	consent         int32
}

type event struct {
	day   int32
	kind  uint8
	value int64
}

const errShort = "ends early"

// next reads the row at the front of b into v and gives what follows it, or says
// what is wrong. Lengths are looked at before they are used, so no record makes
// it read or allocate beyond b.
func (s *shape) next(b []byte, v *rowView) (rest []byte, fault string) {
	n := identifierSize * int(b[0]) // b is not empty
	b = b[1:]
	if len(b) < n+len(s.domains) {
		return nil, errShort
	}
	v.ids, v.codes, b = b[:n], b[n:n+len(s.domains):n+len(s.domains)], b[n+len(s.domains):]
	for i := 0; i < n; i += identifierSize {
		if int(v.ids[i]) >= s.identifiers {
			return nil, "column of an identifier"
		}
	}
	for i, c := range v.codes {
		if uint16(c) >= s.domains[i] {
			return nil, "code outside its domain"
		}
	}
	switch s.purpose {
	case Base:
		return s.nextPerson(b, v)
	case Events:
		return s.nextEvent(b, v)
	case Request:
		return nextUser(b, v)
	default:
		if n == 0 {
			return nil, "no identifier"
		}
		if s.keyed {
			var ok bool
			if v.key, b, ok = cutText(b); !ok || len(v.key) == 0 {
				return nil, "user key"
			}
		}
		return b, ""
	}
}

func (s *shape) nextPerson(b []byte, v *rowView) ([]byte, string) {
	if len(b) < 1 {
		return nil, errShort
	}
	v.flags, b = b[0], b[1:]
	if v.flags&^(flagVerified|flagEnquiryOnly) != 0 {
		return nil, "flags"
	}
	for _, p := range []*[]byte{&v.key, &v.policy, &v.service} {
		var ok bool
		if *p, b, ok = cutText(b); !ok {
			return nil, "user key, policy version or service"
		}
	}
	if len(b) < 12 {
		return nil, errShort
	}
	v.channels, v.consent, b = binary.BigEndian.Uint64(b), int32(binary.BigEndian.Uint32(b[8:])), b[12:]
	switch {
	case len(v.key) == 0:
		return nil, "no user key"
	case v.channels&^s.channels != 0:
		return nil, "channel that the header doesn't name"
	case v.consent < 0:
		return nil, "day of consent"
	}
	return b, ""
}

func (s *shape) nextEvent(b []byte, v *rowView) ([]byte, string) {
	var ok bool
	if v.key, b, ok = cutText(b); !ok {
		return nil, "user key"
	}
	if len(b) < 13 {
		return nil, errShort
	}
	v.day, v.kind, v.value = int32(binary.BigEndian.Uint32(b)), b[4], int64(binary.BigEndian.Uint64(b[5:]))
	switch {
	case len(v.key) == 0 && len(v.ids) == 0:
		return nil, "neither user key nor identifier"
	case int(v.kind) >= s.events:
		return nil, "event type that the header doesn't name"
	case v.day < s.from || v.day > s.to:
		return nil, "day outside the period"
	}
	return b[13:], ""
}

// cutText cuts a text of a row, of at most maxRowText bytes, from b.
func cutText(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > maxRowText || len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n : 2+n], b[2+n:], true
}

// maxTexts bounds what a Memory remembers of a file's texts.
const maxTexts = 1 << 12

// maxBatch is the rows of a batch: few enough that what they are read into is
// still in the processor's cache when it is used.
const maxBatch = 1024

// Batch is some rows of a file, opened and checked, as the record's bytes hold
// them. Its zero value has none. It may be read by another goroutine than that
// which ranges over the file.
type Batch struct {
	shape *shape
	plain []byte
	rows  int
	ids   int
}

// Memory is what rows are read into, to be used for one batch after another. The
// zero Memory will do. It is not safe for concurrent use.
type Memory struct {
	rows        []Row
	identifiers []Identifier
	persons     []Person
	events      []Event
	texts       map[string]string // policy versions and services: few, told apart once
}

// cut gives the next rows of a record, at most maxBatch, all of them checked, and
// what follows them. Where there is a fault, the batch is the rows before it.
func (s *shape) cut(b []byte) (batch Batch, rest []byte, fault string) {
	var v rowView
	batch.shape = s
	for rest = b; len(rest) > 0 && batch.rows < maxBatch; batch.rows++ {
		after, f := s.next(rest, &v)
		if f != "" {
			fault = f
			break
		}
		batch.ids += len(v.ids) / identifierSize
		rest = after
	}
	batch.plain = b[:len(b)-len(rest)]
	return batch, rest, fault
}

// Rows gives the rows of a batch. They are good until m is used again; codes and
// keys point into the batch.
func (b *Batch) Rows(m *Memory) []Row {
	if b.rows == 0 {
		return nil
	}
	rows := slices.Grow(m.rows[:0], b.rows)[:b.rows]
	identifiers := slices.Grow(m.identifiers[:0], b.ids)[:b.ids]
	m.rows, m.identifiers = rows, identifiers
	switch b.shape.purpose {
	case Base:
		m.persons = slices.Grow(m.persons[:0], b.rows)[:b.rows]
	case Events:
		m.events = slices.Grow(m.events[:0], b.rows)[:b.rows]
	}
	var v rowView
	plain := b.plain
	for i := range rows {
		plain, _ = b.shape.next(plain, &v) // cut has seen it
		r, k := &rows[i], len(v.ids)/identifierSize
		*r = Row{}
		if k > 0 {
			r.Identifiers = identifiers[:k:k]
			identifiers = identifiers[k:]
		}
		for j := range r.Identifiers {
			id := v.ids[j*identifierSize:][:identifierSize]
			to := &r.Identifiers[j]
			to.Column, to.Class, to.Hash = id[0], id[1], [32]byte(id[2:])
		}
		if len(v.codes) > 0 {
			r.Codes = v.codes
		}
		switch b.shape.purpose {
		case Base:
			m.persons[i] = Person{v.key, v.flags&flagVerified != 0, m.text(v.policy), m.text(v.service), v.flags&flagEnquiryOnly != 0, v.channels, v.consent}
			r.Person = &m.persons[i]
		case Events:
			m.events[i] = Event{nil, v.day, v.kind, v.value}
			if len(v.key) > 0 {
				m.events[i].Key = v.key
			}
			r.Event = &m.events[i]
		case Request:
			if len(v.key) > 0 {
				r.User = v.key
			}
		case List:
			if b.shape.keyed {
				r.User = v.key
			}
		}
	}
	return rows
}

func (m *Memory) text(b []byte) string {
	if s, ok := m.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	if m.texts == nil {
		m.texts = map[string]string{}
	}
	if len(m.texts) < maxTexts {
		m.texts[s] = s
	}
	return s
}
