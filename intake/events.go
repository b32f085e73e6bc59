package intake

import (
	"context"
	"io"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake/table"
)

// eventPlan says what the slots of an event log are, beside those that it has
// in common with a list.
type eventPlan struct {
	clock clock
	coder *entrustment.EventCoder
	unit  entrustment.EventUnit

	time, key, kind, category, value int // slots; absent where there is none

	labels Labels // key's cells are labels; nil: they are keys
}

// Labels tells which key of a list each label of some deliveries stands for.
type Labels interface {
	// Key gives the key of a label, as it stands in a cell: none where no delivery has
	// it, and no label where it can't be one. It keeps nothing of cell, what it gives is
	// not to be changed, and it is safe for use by several goroutines.
	Key(cell []byte) (key []byte, label bool)
}

// OpenEvents reads the head of an event log and matches its columns with
// events.yaml. o.Today is the JST day on which the log is loaded: events after
// the next day are rejected. The rows have Event set; the time of day and the
// place stay behind, only the JST day and declared codes are given on. Errors
// are those of OpenBase.
//
// Labels become keys before anything else is made of them: o.Labels has them all,
// and no label is given on.
//
// A row is rejected whose time, kind, category or value can't be read, or that
// names no user. Report.Duplicates counts accepted rows that repeat another
// one, the time of day included; they are given on, since a log may hold one
// event twice and two events alike.
func OpenEvents(ctx context.Context, r io.ReaderAt, size int64, schema *entrustment.EventSchema, o Options) (*File, error) {
	o.defaults()
	if o.Today.IsZero() {
		return nil, fault(table.SortOther, o.Name, "no day is given after which events are in the future", "give the day on which the log is loaded")
	}
	src, packed, err := openSource(r, size, o)
	if err != nil {
		return nil, err
	}
	region := schema.Region
	if region == "" {
		region = entrustment.Home
	}
	norm, err := identifier.New(region)
	if err != nil {
		return nil, fault(table.SortOther, o.Name, err.Error(), "mend region: in events.yaml")
	}
	b := bind(o.Name, src.Columns(), eventNames(schema), norm)
	if schema.Label != nil && o.Labels == nil {
		return nil, fault(table.SortOther, o.Name, "its users are named by labels, and no labels are given", "give the files of key,label of the deliveries that the log is of: awase seal --labels; or name users by list_key")
	}
	p, err := planEvents(b, schema, o)
	if err != nil {
		return nil, err
	}
	p.region = region
	p.header.Change = o.Change
	if !o.Period.From.IsZero() {
		p.header.From, p.header.To = o.Period.From.Number(), o.Period.To.Number()
	}
	f, err := newFile(ctx, src, packed, b, p, o)
	if err != nil {
		return nil, err
	}
	f.distinct = &distinct{}
	return f, nil
}

// eventNames gives the columns that an event schema speaks of.
func eventNames(s *entrustment.EventSchema) []string {
	names := append([]string{s.Time.Column, s.UserKey, s.Kind.Column}, s.Drop...)
	for _, c := range s.Identifiers {
		names = append(names, c.Column)
	}
	for _, c := range s.Columns {
		names = append(names, c.Column)
	}
	if s.Category != nil {
		names = append(names, s.Category.Column)
	}
	if s.Value != nil {
		names = append(names, s.Value.Column)
	}
	if s.Consent != nil {
		names = append(names, s.Consent.Column)
	}
	if k := s.OfList(); k != nil {
		names = append(names, k.Column)
	}
	return names
}

// planEvents binds events.yaml to the file's columns.
func planEvents(b *binding, s *entrustment.EventSchema, o Options) (*plan, error) {
	p := &plan{file: b.file, consent: absent, verified: absent}
	p.header.Purpose = seal.Events
	for _, t := range s.Types() {
		p.header.Events = append(p.header.Events, seal.EventType{Kind: string(t.Kind), Category: t.Category})
	}
	e := &eventPlan{clock: newClock(s.Time, o.Today)}
	var err error
	if e.coder, err = entrustment.NewEventCoder(s); err != nil {
		return nil, fault(table.SortOther, b.file, err.Error(), "mend kind: and category: in events.yaml")
	}
	optional := func(declared, use string) int {
		slot := absent
		if declared != "" && err == nil {
			if err = b.refuseDirect(declared, nil); err == nil {
				slot, err = b.column(declared, use)
			}
		}
		return slot
	}
	e.time = optional(s.Time.Column, "time")
	e.key = optional(s.UserKey, "user key")
	switch {
	case s.Label != nil:
		e.key, e.labels, p.header.List = optional(s.Label.Column, "label of "+s.Label.List), o.Labels, s.Label.List
	case s.ListKey != nil:
		e.key, p.header.List = optional(s.ListKey.Column, "key of "+s.ListKey.List), s.ListKey.List
	}
	e.kind = optional(s.Kind.Column, "kind")
	e.category, e.value = absent, absent
	if s.Category != nil {
		e.category = optional(s.Category.Column, "category")
	}
	if s.Value != nil {
		e.unit, p.header.Unit, e.value = s.Value.Unit, string(s.Value.Unit), optional(s.Value.Column, "value in "+string(s.Value.Unit))
	}
	if s.Consent != nil {
		p.consent = optional(s.Consent.Column, "consent")
	}
	if err != nil {
		return nil, err
	}
	if e.key == absent {
		if err := p.identifiers(b, s.Identifiers); err != nil {
			return nil, err
		}
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		if err := p.code(b, c.Column, "value "+c.Name, c.Name, c.Generalise, c.Domain(), o.Today); err != nil {
			return nil, err
		}
	}
	p.events = e
	return p, p.close(b, s.Drop)
}
