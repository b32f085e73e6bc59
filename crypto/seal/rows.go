// Package seal is the form in which rows leave the desk: hashed identifiers,
// codes of declared columns, nothing else.
//
//	intake ──Header, batches of Row──▶ enclave
//
// A Row holds no direct identifier and no raw attribute: identifiers are
// 32-byte SHA-256 hashes of a normal form, columns are positions in a domain
// that the Header declares.
package seal

import (
	"bytes"
	"iter"
	"slices"
)

// Purpose says what the rows are.
type Purpose string

// The purposes.
const (
	Base   Purpose = "base"
	List   Purpose = "list"
	Events Purpose = "events"
	// Request is what one data subject asks for, by their user keys alone.
	Request Purpose = "request"
)

// Header declares what the rows of one file hold. It is the column schema that
// the enclave checks against the request and, for a list, the entrustment.
type Header struct {
	Purpose     Purpose            `json:"purpose"`
	Identifiers []IdentifierColumn `json:"identifiers"`
	Columns     []Column           `json:"columns"`
	Channels    []string           `json:"channels,omitempty"` // base: names of the own channels, at most 64
	Events      []EventType        `json:"events,omitempty"`   // events: what Event.Type points into, at most 64
	Unit        string             `json:"unit,omitempty"`     // events: what Event.Value counts, yen or count; "": the log has no values
	From        int32              `json:"from,omitempty"`     // events: the first JST day that the log is of, counted from 1970-01-01, and
	To          int32              `json:"to,omitempty"`       // the last: declared, so what they say is of no row; 0 and 0: of any
	Document    string             `json:"document,omitempty"` // base: SHA-256 of the document that the rows were made by, in lower-case hex
	Change      Change             `json:"change,omitempty"`   // list, events: what the rows do to what was there before
	Keyed       bool               `json:"keyed,omitempty"`    // list: each row has its party's own key of the person, for deliveries that are made out to it
	List        string             `json:"list,omitempty"`     // events: id of the list whose party's own keys name the users; "": the operator's user keys do, or identifiers
	Asks        RequestKind        `json:"asks,omitempty"`     // request: what is asked for
	After       string             `json:"after,omitempty"`    // upload id of the file that this one follows, in lower-case hex; "": of any
}

// Change is what the rows of a list do to the version of it before, or an event
// log to the logs before it.
type Change string

// The changes of a list.
const (
	Replace Change = ""       // they are the list
	Add     Change = "add"    // the list is the version before and they
	Remove  Change = "remove" // every row that holds an identifier of theirs is taken away
)

// Instead is the one change of an event log: it takes the place of those before
// it, of the days that it is declared to be of, or of all. Else it stands beside
// them.
const Instead Change = "instead"

// RequestKind is what a data subject asks for.
type RequestKind string

// The kinds of requests.
const (
	Deletion      RequestKind = "deletion"
	Stop          RequestKind = "stop" // of the use of their data
	Correction    RequestKind = "correction"
	Addition      RequestKind = "addition"
	PurposeNotice RequestKind = "purpose-notice" // to be told what their data is used for
	Disclosure    RequestKind = "disclosure"     // to be told what is held of them
)

// RequestKinds gives the kinds in the order of their codes.
func RequestKinds() []RequestKind { return slices.Clone(requestKinds) }

// EventType is a declared sort of event: what happened (impression, click,
// conversion, page_view, location) and its category, the name that contracts
// and conditions use.
type EventType struct {
	Kind     string `json:"kind"`
	Category string `json:"category"`
}

// IdentifierColumn is the kind ("email", "phone", "cookie", "maid") of a column
// and, for cookies, the namespace both sides name.
type IdentifierColumn struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
}

// Column is a declared column and its closed, ordered domain; the last value
// is "unknown".
type Column struct {
	Name   string   `json:"name"`
	Domain []string `json:"domain"`
}

// Identifier is one hash under one profile class. A raw value gives several
// identifiers: one for each distinct hash of its profiles.
type Identifier struct {
	Column uint8 // position in Header.Identifiers
	Class  uint8 // identifier.Class: 0 for the mailbox-preserving profiles
	Hash   [32]byte
}

// Row is one person.
type Row struct {
	Identifiers []Identifier
	Codes       []uint8 // one for each Header.Columns: position in its domain
	Person      *Person // base only; nil otherwise
	Event       *Event  // events only; nil otherwise
	User        []byte  // request: one of the person's user keys; empty in a row that fills the file up. Keyed list: the party's own key of the person
}

// Event is what only the rows of an event log hold. The user is named by Key or
// by the row's Identifiers.
type Event struct {
	Key   []byte // opaque user key: the operator's, or with Header.List its party's; empty: by identifier
	Day   int32  // JST day, counted from 1970-01-01
	Type  uint8  // position in Header.Events
	Value int64  // in whole units (yen, count); 0 where the log has none
}

// Person is what only the rows of the base hold.
type Person struct {
	Key           []byte // the operator's opaque user key
	Verified      bool   // false: the person's identifiers are not indexed
	PolicyVersion string // accepted version of the privacy policy; "" = none
	Service       string // the one service the data serves; "" = not limited
	EnquiryOnly   bool
	Channels      uint64 // bit i: opted in to Header.Channels[i]
	Consent       int32  // JST day on which PolicyVersion was accepted, counted from 1970-01-01; 0: not known
}

// Clone gives a row that shares no memory with r, for who keeps rows of a batch.
func (r *Row) Clone() Row {
	c := Row{Identifiers: slices.Clone(r.Identifiers), Codes: slices.Clone(r.Codes)}
	if r.Person != nil {
		p := *r.Person
		p.Key = bytes.Clone(p.Key)
		c.Person = &p
	}
	if r.Event != nil {
		e := *r.Event
		e.Key = bytes.Clone(e.Key)
		c.Event = &e
	}
	c.User = bytes.Clone(r.User)
	return c
}

// Rows gives a file's rows in batches, in file order. A batch, and all that its
// rows point to, is good until the next is asked for. After an error the sequence
// ends and nothing of it may be kept.
type Rows = iter.Seq2[[]Row, error]
