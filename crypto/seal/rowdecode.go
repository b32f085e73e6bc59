package seal

import "encoding/binary"

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
	default:
		if n == 0 {
			return nil, "no identifier"
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
	if len(b) < 8 {
		return nil, errShort
	}
	v.channels, b = binary.BigEndian.Uint64(b), b[8:]
	switch {
	case len(v.key) == 0:
		return nil, "no user key"
	case v.channels&^s.channels != 0:
		return nil, "channel that the header doesn't name"
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

// decoder turns records into rows.
type decoder struct {
	shape
	texts map[string]string // policy versions and services: few, told apart once
}

// maxTexts bounds what a decoder remembers of a file.
const maxTexts = 1 << 12

// maxBatch is the rows of a batch: few enough that its slices are still in the
// processor's cache when they are filled.
const maxBatch = 1 << 12

// rows gives the next rows of a record, at most maxBatch, and what follows them.
// They keep b: codes and keys point into it. The first pass checks and counts,
// the second fills slices of the right size. Where there is a fault, as many
// rows as came before it are given.
func (d *decoder) rows(b []byte) (rows []Row, rest []byte, fault string) {
	var v rowView
	n, ids := 0, 0
	for rest = b; len(rest) > 0 && n < maxBatch; n++ {
		after, f := d.next(rest, &v)
		if f != "" {
			fault = f
			break
		}
		ids += len(v.ids) / identifierSize
		rest = after
	}
	rows = make([]Row, n)
	identifiers := make([]Identifier, ids)
	var persons []Person
	var events []Event
	switch d.purpose {
	case Base:
		persons = make([]Person, n)
	case Events:
		events = make([]Event, n)
	}
	for i := range rows {
		b, _ = d.next(b, &v)
		r, k := &rows[i], len(v.ids)/identifierSize
		if k > 0 {
			r.Identifiers = identifiers[:k:k]
			identifiers = identifiers[k:]
		}
		for j := range r.Identifiers {
			id := v.ids[j*identifierSize:][:identifierSize]
			to := &r.Identifiers[j]
			to.Column, to.Class = id[0], id[1]
			copy(to.Hash[:], id[2:])
		}
		if len(v.codes) > 0 {
			r.Codes = v.codes
		}
		switch d.purpose {
		case Base:
			persons[i] = Person{v.key, v.flags&flagVerified != 0, d.text(v.policy), d.text(v.service), v.flags&flagEnquiryOnly != 0, v.channels}
			r.Person = &persons[i]
		case Events:
			events[i] = Event{nil, v.day, v.kind, v.value}
			if len(v.key) > 0 {
				events[i].Key = v.key
			}
			r.Event = &events[i]
		}
	}
	return rows, rest, fault
}

func (d *decoder) text(b []byte) string {
	if s, ok := d.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	if d.texts == nil {
		d.texts = map[string]string{}
	}
	if len(d.texts) < maxTexts {
		d.texts[s] = s
	}
	return s
}
