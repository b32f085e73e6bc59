package intake

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake/table"
)

// Row faults of event logs.
const (
	reasonNoTime        = "event_time_missing"
	reasonBadTime       = "event_time_unreadable"
	reasonTimeOrder     = "event_time_day_or_month_first"
	reasonTimeSerial    = "event_time_serial_number"
	reasonTimeRounded   = "event_time_rounded"
	reasonTimeDayAlone  = "event_time_day_of_another_zone"
	reasonTimeOld       = "event_time_before_2000"
	reasonTimeFuture    = "event_time_in_the_future"
	reasonPeriod        = "event_outside_the_period"
	reasonNoKind        = "event_kind_unknown"
	reasonNoCategory    = "event_category_unknown"
	reasonBadValue      = "event_value_unreadable"
	reasonValueRounded  = "event_value_rounded"
	reasonValueFraction = "event_value_fraction"
	reasonValueNegative = "event_value_negative"
	reasonNoListKey     = "no_list_key"
	reasonNoLabel       = "no_label"
	reasonBadLabel      = "label_unreadable"
	reasonUnknownLabel  = "label_unknown"
)

// eventMends are looked up where mends has none.
var eventMends = map[string]string{
	reasonNoTime:        "give the time of the event, or delete the row",
	reasonBadTime:       "write times like 2026-11-23T14:05:06+09:00 or 2026/11/23 14:05:06, or as Unix time in seconds or milliseconds",
	reasonTimeOrder:     "put the year first, as in 2026/11/23: which of the others is the month can't be told",
	reasonTimeSerial:    "the cell is a spreadsheet's number: write format: excel under time: in events.yaml, or format the column as text",
	reasonTimeRounded:   "a spreadsheet rounded the number: export the times from their source as text",
	reasonTimeDayAlone:  "a day of another zone is no day of Japan: give the time of day, or take zone: out where the days are Japan's",
	reasonTimeOld:       "the time is before 2000, as where a system has none: correct it, or delete the row",
	reasonTimeFuture:    "the time is later than tomorrow: check the clock, the zone, and whether the column is in seconds or milliseconds",
	reasonPeriod:        "the day is not one of those that the log is declared to be of: declare others, or load the row with the log of its day",
	reasonNoKind:        "add the value to kind: in events.yaml, or delete the row",
	reasonNoCategory:    "add the value to category: in events.yaml, or delete the row",
	reasonBadValue:      "write the value as a whole number, like 1200 or 1,200",
	reasonValueRounded:  "a spreadsheet rounded the number: format the column as a number and export it again",
	reasonValueFraction: "values are whole: round it at its source, or write it in a smaller unit",
	reasonNoListKey:     "give the event your own key of the person, as the list has it, or delete the row",
	reasonNoLabel:       "give the event the label that the person was served by, or delete the row",
	reasonBadLabel:      "a label is 40 characters of Base64, as its delivery has it: export the column as text, uncut",
	reasonUnknownLabel:  "the label is of none of the deliveries whose labels were given: give those of its delivery too, or delete the row",
	reasonValueNegative: "a count is not negative: correct it, or delete the row",
}

// eventRow makes the row of an event. It is false where the row is rejected.
func (w *worker) eventRow(c *table.Chunk, r int, line int64, plain bool) (seal.Row, bool) {
	e := w.plan.events
	day, reason := e.clock.day(c.Cell(r, e.time))
	if reason != "" {
		return w.rejectEvent(line, e.time, reason)
	}
	if h := &w.plan.header; h.From != 0 && (day < h.From || day > h.To) {
		return w.rejectEvent(line, e.time, reasonPeriod)
	}
	kind, lack := e.coder.Code(w.optional(c, r, e.kind), w.optional(c, r, e.category))
	switch lack {
	case entrustment.EventNoKind:
		return w.rejectEvent(line, e.kind, reasonNoKind)
	case entrustment.EventNoCategory:
		return w.rejectEvent(line, e.category, reasonNoCategory)
	}
	value, reason := parseValue(w.optional(c, r, e.value), e.unit)
	if reason != "" {
		return w.rejectEvent(line, e.value, reason)
	}
	var row seal.Row
	var key []byte
	if e.key != absent {
		var reason string
		if key, reason = w.eventKey(c, r); reason != "" {
			return w.rejectEvent(line, e.key, reason)
		}
	} else {
		from := len(w.found)
		ok, repaired := w.identify(c, r, line, plain)
		if !ok {
			w.found = w.found[:from]
			w.t.rejected++
			return seal.Row{}, false
		}
		if len(w.found) == from {
			return w.reject(line, "", reasonNoIdentifier)
		}
		if repaired {
			w.t.repaired++
		}
		row.Identifiers = w.found[from:len(w.found):len(w.found)]
	}
	row.Codes = w.encode(c, r)
	w.slab.events = append(w.slab.events, seal.Event{Key: w.keep(key), Day: day, Type: kind, Value: value})
	row.Event = &w.slab.events[len(w.slab.events)-1]
	w.hashes = append(w.hashes, w.eventPrint(c, r))
	return row, true
}

// eventKey reads the key by which an event names its user, or says what is wrong with
// it, or with the label that stands for it.
func (w *worker) eventKey(c *table.Chunk, r int) (key []byte, reason string) {
	e := w.plan.events
	if e.labels == nil {
		key, reason = userKey(c, r, e.key)
		if reason == reasonNoUserKey && w.plan.header.List != "" {
			reason = reasonNoListKey
		}
		return key, reason
	}
	cell := bytes.TrimSpace(c.Cell(r, e.key))
	if len(cell) == 0 {
		return nil, reasonNoLabel
	}
	key, label := e.labels.Key(cell)
	switch {
	case !label:
		return nil, reasonBadLabel
	case len(key) == 0:
		return nil, reasonUnknownLabel
	}
	return key, ""
}

// optional gives a cell of a column that may not be declared.
func (w *worker) optional(c *table.Chunk, r, slot int) []byte {
	if slot == absent {
		return nil
	}
	return c.Cell(r, slot)
}

func (w *worker) rejectEvent(line int64, slot int, reason string) (seal.Row, bool) {
	w.t.fault(line, w.names[slot], "", reason, eventMends[reason])
	w.t.rejected++
	return seal.Row{}, false
}

// eventPrint hashes the row as it stands in the file: two events of one user on
// one day are the same row once the time of day is gone.
func (w *worker) eventPrint(c *table.Chunk, r int) uint64 {
	b := w.scratch[:0]
	for slot := range w.names {
		cell := c.Cell(r, slot)
		b = append(binary.AppendUvarint(b, uint64(len(cell))), cell...)
	}
	w.scratch = b
	return maphash.Bytes(fingerprintSeed, b)
}
