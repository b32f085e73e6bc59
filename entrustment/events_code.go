package entrustment

import (
	"bytes"
	"errors"
)

// EventFault is what a row's kind or category may lack.
type EventFault uint8

// The faults of a row.
const (
	EventGood       EventFault = iota
	EventNoKind                // the kind's cell is empty or no declared value
	EventNoCategory            // the category's cell is empty or no declared value
)

// EventCoder turns the cells of a row that tell its kind and its category into
// a position in EventSchema.Types. It is safe for use by several goroutines.
type EventCoder struct {
	kind     func(cell []byte) (uint8, bool) // position in kinds; nil: a constant
	category func(cell []byte) (uint8, bool) // position in categories; nil: a constant
	per      uint8                           // categories that each kind goes with
	one      bool                            // one column tells both
}

// NewEventCoder makes the coder of a schema that ParseEventSchema gave.
func NewEventCoder(s *EventSchema) (*EventCoder, error) {
	if n := len(s.Types()); n < 1 || n > MaxEventTypes {
		return nil, errors.New("a schema declares 1 to 64 sorts of event")
	}
	c := &EventCoder{per: 1, one: s.oneColumn()}
	if s.Category != nil && s.Category.Column != "" {
		c.category = eventValueCoder(s.Category.Values)
		c.per = uint8(len(s.Category.Values))
	}
	if c.one || s.Kind.Constant != "" {
		return c, nil
	}
	at := map[EventKind]uint8{}
	for i, kind := range s.kinds() {
		at[kind] = uint8(i)
	}
	values := sorted(s.Kind.Values)
	position := eventValueCoder(values)
	c.kind = func(cell []byte) (uint8, bool) {
		i, ok := position(cell)
		if !ok {
			return 0, false
		}
		return at[s.Kind.Values[values[i]]], true
	}
	return c, nil
}

// Code gives the position in Types. A cell that the schema has no column for is
// not looked at.
func (c *EventCoder) Code(kind, category []byte) (uint8, EventFault) {
	code := uint8(0)
	if c.kind != nil {
		k, ok := c.kind(bytes.TrimSpace(kind))
		if !ok {
			return 0, EventNoKind
		}
		code = k * c.per
	}
	if c.category != nil {
		k, ok := c.category(bytes.TrimSpace(category))
		switch {
		case !ok && c.one:
			return 0, EventNoKind
		case !ok:
			return 0, EventNoCategory
		}
		code += k
	}
	return code, EventGood
}

// eventValueCoder matches cells with values as attributes are matched, but has
// no value for what is unknown.
func eventValueCoder(values []string) func([]byte) (uint8, bool) {
	code := valueCoder(values)
	return func(cell []byte) (uint8, bool) {
		if len(cell) == 0 {
			return 0, false
		}
		return code(cell)
	}
}
