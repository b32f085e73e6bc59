package intake

import (
	"bytes"
	"math"
	"strings"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake/table"
)

// person reads what only a base has. What can't be read counts against use:
// not verified, no opt-in, restricted.
func (w *worker) person(c *table.Chunk, r int) (p *seal.Person, reason string, slot int) {
	key, reason := userKey(c, r, w.key)
	if reason != "" {
		return nil, reason, w.key
	}
	w.persons = append(w.persons, seal.Person{
		Key:           w.keep(key),
		Verified:      w.verified == absent || w.flag(c, r, w.verified, false),
		PolicyVersion: w.value(bounded(c.Cell(r, w.version), "")),
		Service:       w.service(c, r),
		Consent:       w.agreedOn(c, r),
	})
	p = &w.persons[len(w.persons)-1]
	for _, slot := range w.enquiry {
		p.EnquiryOnly = w.flag(c, r, slot, true) || p.EnquiryOnly
	}
	for bit, slot := range w.channels {
		if w.flag(c, r, slot, false) {
			p.Channels |= 1 << bit
		}
	}
	return p, "", 0
}

// userKey reads a user key, or says what is wrong with it.
func userKey(c *table.Chunk, r, slot int) (key []byte, reason string) {
	key = bytes.TrimSpace(c.Cell(r, slot))
	switch {
	case len(key) == 0:
		return nil, reasonNoUserKey
	case len(key) > maxUserKey:
		return nil, reasonLongUserKey
	case !readable(key):
		return nil, reasonEncoding
	}
	return key, ""
}

// consentDays reads days of consent, up to the day after today where that is known.
func consentDays(today entrustment.Date) clock {
	if today.IsZero() {
		return clock{offset: jstSeconds, last: math.MaxInt32}
	}
	return newClock(entrustment.EventTime{}, today)
}

// agreedOn gives the day on which the policy version was accepted, 0: not known.
// One that can't be read is none: it lifts nobody's request.
func (w *worker) agreedOn(c *table.Chunk, r int) int32 {
	cell := bytes.TrimSpace(c.Cell(r, w.agreed))
	if len(cell) == 0 {
		return 0
	}
	day, reason := w.days.day(cell)
	if reason != "" {
		w.t.columns[w.agreed].Unreadable++
		w.t.fault(c.Lines[r], w.names[w.agreed], "", reasonConsentDay, "")
		return 0
	}
	return day
}

// maxText is the longest policy version or service that a sealed row holds.
const maxText = 255

// bounded gives other in place of a cell that no policy version or service can
// be: an unknown version is covered by no flow, an unknown service served by
// none.
func bounded(cell []byte, other string) []byte {
	if len(cell) > maxText {
		return []byte(other)
	}
	return cell
}

// maxValues bounds the values kept once.
const maxValues = 1024

// value gives a cell of few values as a string, each made once.
func (w *worker) value(cell []byte) string {
	cell = bytes.TrimSpace(cell)
	if s, ok := w.values[string(cell)]; ok || len(cell) == 0 {
		return s
	}
	s := string(cell)
	if len(w.values) < maxValues {
		if w.values == nil {
			w.values = map[string]string{}
		}
		w.values[s] = s
	}
	return s
}

// service gives the one service that the data serves. Data limited to two
// services serves neither alone, so both names together match none.
func (w *worker) service(c *table.Chunk, r int) string {
	var names []string
	for _, slot := range w.services {
		name := string(bytes.TrimSpace(bounded(c.Cell(r, slot), "too long to be a service")))
		if name != "" && (len(names) == 0 || names[0] != name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " + ")
}

// flag reads a yes or no; a missing one is no, an unreadable one is safe.
func (w *worker) flag(c *table.Chunk, r, slot int, safe bool) bool {
	cell := c.Cell(r, slot)
	yes, known := truth(cell)
	if known {
		return yes
	}
	w.unclear(c.Lines[r], slot)
	return safe
}
