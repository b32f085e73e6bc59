package entrustment

import (
	"encoding/json"
	"slices"
)

// SchemaEvents is the schema of events.yaml.
const SchemaEvents = "awase.events/v1"

// MaxEventTypes is the most sorts of event, a kind with a category, that one
// schema may declare.
const MaxEventTypes = 64

// EventKind is what happened.
type EventKind string

// The kinds of event.
const (
	EventImpression EventKind = "impression"
	EventClick      EventKind = "click"
	EventConversion EventKind = "conversion"
	EventPageView   EventKind = "page_view"
	EventLocation   EventKind = "location" // a ping, known by prefecture or region alone
)

// EventKinds gives the kinds of event in their fixed order.
func EventKinds() []EventKind {
	return []EventKind{EventImpression, EventClick, EventConversion, EventPageView, EventLocation}
}

// Allowed gives the kinds that a document may name.
func (EventKind) Allowed() []string { return words(EventKinds()...) }

// EventUnit is the whole unit of an event's value.
type EventUnit string

// The units.
const (
	UnitYen   EventUnit = "yen"
	UnitCount EventUnit = "count"
)

// Allowed gives the units that a document may name.
func (EventUnit) Allowed() []string { return words(UnitYen, UnitCount) }

// TimeFormat is how the time column is written.
type TimeFormat string

// The formats. Left out, each cell is read by its form: a text, or a Unix time
// by its number of digits (10 seconds, 13 milliseconds, 16 microseconds).
const (
	TimeText         TimeFormat = "text"
	TimeSeconds      TimeFormat = "epoch_seconds"
	TimeMilliseconds TimeFormat = "epoch_milliseconds"
	TimeExcel        TimeFormat = "excel" // a spreadsheet's serial number, counted in days from 1899-12-30
)

// Allowed gives the formats that a document may name.
func (TimeFormat) Allowed() []string {
	return words(TimeText, TimeSeconds, TimeMilliseconds, TimeExcel)
}

// EventTime says which column holds when it happened.
type EventTime struct {
	Column string     `yaml:"column" json:"column" need:"value"`
	Format TimeFormat `yaml:"format,omitempty" json:"format,omitempty"`
	Zone   Zone       `yaml:"zone,omitempty" json:"zone,omitzero"` // of times that name none; default JST
}

// EventKindOf is the kind of every event of a log (Constant), or the column
// that tells it, with the kind of each of its values. It is written as a word
// or as a mapping.
type EventKindOf struct {
	Constant EventKind            `yaml:"-" json:"-"`
	Column   string               `yaml:"column" json:"column" need:"value"`
	Values   map[string]EventKind `yaml:"values" json:"values" need:"value"`
}

// EventCategoryOf is the category of every event of a log (Constant), or the
// column that tells it, with its values. It is written as a name or as a
// mapping.
type EventCategoryOf struct {
	Constant string   `yaml:"-" json:"-"`
	Column   string   `yaml:"column" json:"column" need:"value"`
	Values   []string `yaml:"values" json:"values" need:"value"`
}

// EventValue says which column holds an event's value, in whole units.
type EventValue struct {
	Column string    `yaml:"column" json:"column" need:"value"`
	Unit   EventUnit `yaml:"unit" json:"unit" need:"value"`
}

// EventColumn is a declared column of an event log and its closed domain.
type EventColumn struct {
	Column     string       `yaml:"column" json:"column" need:"value"`
	Name       string       `yaml:"name" json:"name" need:"value"`
	Values     []string     `yaml:"values,omitempty" json:"values,omitempty"`
	Generalise *Generaliser `yaml:"generalise,omitempty" json:"generalise,omitempty"`
}

// Domain gives the column's closed list of values, Unknown last.
func (c *EventColumn) Domain() []string { return domainOf(c.Generalise, c.Values) }

// EventListKey says which column names the user of an event by what a list of the
// same entrustment has of them: the key of its party, or the label that a delivery
// gave that key.
type EventListKey struct {
	List   string `yaml:"list" json:"list" need:"value"`
	Column string `yaml:"column" json:"column" need:"value"`
}

// EventSchema is events.yaml: what the columns of an event log are. The user of
// an event is named in one way: by UserKey, in the operator's own logs, else by
// Identifiers, ListKey or Label.
type EventSchema struct {
	Schema      string             `yaml:"schema" json:"schema" need:"value"`
	Region      string             `yaml:"region,omitempty" json:"region,omitempty"`
	Time        EventTime          `yaml:"time" json:"time" need:"value"`
	UserKey     string             `yaml:"user_key,omitempty" json:"user_key,omitempty"`
	Identifiers []IdentifierColumn `yaml:"identifiers,omitempty" json:"identifiers,omitempty"`
	ListKey     *EventListKey      `yaml:"list_key,omitempty" json:"list_key,omitempty"` // the party's own key, as the list has it
	Label       *EventListKey      `yaml:"label,omitempty" json:"label,omitempty"`       // the label of that key; it becomes the key at the desk
	Kind        EventKindOf        `yaml:"kind" json:"kind" need:"value"`
	Category    *EventCategoryOf   `yaml:"category,omitempty" json:"category,omitempty"` // left out: the kind's name
	Value       *EventValue        `yaml:"value,omitempty" json:"value,omitempty"`
	Columns     []EventColumn      `yaml:"columns,omitempty" json:"columns,omitempty"`
	Consent     *ListConsent       `yaml:"consent,omitempty" json:"consent,omitempty"`
	Drop        []string           `yaml:"drop,omitempty" json:"drop,omitempty"`
}

// EventType is a declared sort of event: its kind, and its category, which is
// the name that contracts list under events: and that conditions use.
type EventType struct {
	Kind     EventKind
	Category string
}

// Types gives the sorts of event that the schema declares, without repeats, in
// an order that the document alone decides. Where the kind and the category
// come from one column, a type is a value of it; else any kind may go with any
// category.
func (s *EventSchema) Types() []EventType {
	if s.oneColumn() {
		kinds := foldedKinds(s.Kind.Values)
		var out []EventType
		for _, v := range s.Category.Values {
			out = append(out, EventType{kinds[fold(v)], v})
		}
		return out
	}
	var out []EventType
	for _, kind := range s.kinds() {
		switch {
		case s.Category == nil:
			out = append(out, EventType{kind, string(kind)})
		case s.Category.Constant != "":
			out = append(out, EventType{kind, s.Category.Constant})
		default:
			for _, category := range s.Category.Values {
				out = append(out, EventType{kind, category})
			}
		}
	}
	return out
}

// OfList gives the column that names users by what a list has of them, nil: they
// are named otherwise.
func (s *EventSchema) OfList() *EventListKey {
	if s.Label != nil {
		return s.Label
	}
	return s.ListKey
}

// oneColumn tells whether one column says both the kind and the category.
func (s *EventSchema) oneColumn() bool {
	return s.Category != nil && s.Kind.Column != "" && s.Kind.Column == s.Category.Column
}

// kinds gives the kinds that the log may hold, in their fixed order.
func (s *EventSchema) kinds() []EventKind {
	if s.Kind.Constant != "" {
		return []EventKind{s.Kind.Constant}
	}
	var out []EventKind
	for _, kind := range EventKinds() {
		for _, k := range s.Kind.Values {
			if k == kind {
				out = append(out, kind)
				break
			}
		}
	}
	return out
}

func foldedKinds(values map[string]EventKind) map[string]EventKind {
	out := make(map[string]EventKind, len(values))
	for v, kind := range values {
		out[fold(v)] = kind
	}
	return out
}

// Load gives the act of loading a party's log of this schema. own tells whether
// it is the operator's, without an entrustment.
func (s *EventSchema) Load(party string, own bool) EventsLoad {
	l := EventsLoad{Party: party, Own: own, UserKey: s.UserKey != "", Types: s.Types()}
	if k := s.OfList(); k != nil {
		l.List = k.List
	}
	for _, id := range s.Identifiers {
		if !slices.Contains(l.Kinds, id.Kind) {
			l.Kinds = append(l.Kinds, id.Kind)
		}
	}
	for i := range s.Columns {
		l.Columns = append(l.Columns, EventDimension{s.Columns[i].Name, s.Columns[i].Domain()})
	}
	return l
}

// bindNode reads `page_view` or {column: …, values: {…}}.
func (k *EventKindOf) bindNode(b *binder, n *node, path string) *Error {
	if n.kind != scalarNode {
		type plain EventKindOf // without bindNode
		return b.bindInto((*plain)(k), n, path)
	}
	if !slices.Contains(EventKind("").Allowed(), n.text) {
		return b.at.refuse(path, echo(n.text)+" is no kind of event", allowed(EventKind("").Allowed(), "")+", or column: and values:")
	}
	k.Constant = EventKind(n.text)
	return nil
}

// bindNode reads a name or {column: …, values: […]}.
func (c *EventCategoryOf) bindNode(b *binder, n *node, path string) *Error {
	if n.kind == scalarNode {
		c.Constant = n.text
		return nil
	}
	type plain EventCategoryOf // without bindNode
	return b.bindInto((*plain)(c), n, path)
}

// MarshalJSON gives the form that documents are written in.
func (k EventKindOf) MarshalJSON() ([]byte, error) {
	if k.Constant != "" {
		return json.Marshal(k.Constant)
	}
	type plain EventKindOf
	return json.Marshal(plain(k))
}

// MarshalYAML gives the form that documents are written in. JSON is YAML.
func (k EventKindOf) MarshalYAML() ([]byte, error) { return k.MarshalJSON() }

// UnmarshalJSON reads the form that documents are written in.
func (k *EventKindOf) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &k.Constant)
	}
	type plain EventKindOf
	return json.Unmarshal(data, (*plain)(k))
}

// MarshalJSON gives the form that documents are written in.
func (c EventCategoryOf) MarshalJSON() ([]byte, error) {
	if c.Constant != "" {
		return json.Marshal(c.Constant)
	}
	type plain EventCategoryOf
	return json.Marshal(plain(c))
}

// MarshalYAML gives the form that documents are written in. JSON is YAML.
func (c EventCategoryOf) MarshalYAML() ([]byte, error) { return c.MarshalJSON() }

// UnmarshalJSON reads the form that documents are written in.
func (c *EventCategoryOf) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &c.Constant)
	}
	type plain EventCategoryOf
	return json.Unmarshal(data, (*plain)(c))
}
