// Package matcher finds the clusters that hold a token of a list and counts
// them over declared cells.
//
//	rows of tokens ──Builder──▶ Base, List (immutable, sorted)
//	Query ──Engine.Cells──▶ exact distinct clusters per cell, read by the gate alone
//
// Matching is per token, then union (PRIVACY rule 2): a cluster is matched iff
// at least one of its own unambiguous tokens is in the list's token set. Rows
// never influence which clusters match, so removing one cluster moves no exact
// count by more than one, whatever the list.
//
// Ambiguity (a token held by two clusters) is decided on the whole base before
// consent, restrictions, tombstones and lists, and is sticky (rule 3).
package matcher

import (
	"context"
	"slices"

	"awase/crypto/token"
	"awase/entrustment"
)

// Kind is an identifier kind. The numeric order is the fixed order of rule 2:
// "matched by" is the first kind among a cluster's own hits.
type Kind uint8

// The kinds, in their fixed order.
const (
	Email Kind = iota
	Phone
	Cookie
	MAID
	Kinds // how many there are
)

// PopulationID names everything the exact input depends on but the list: base
// segments, tombstone epoch, consent epoch, event-log version, ambiguity
// index (PRIVACY rule 4).
type PopulationID [32]byte

// ListID is the keyed hash over a list's canonical rows. The zero ListID means
// no list.
type ListID [32]byte

// KindToken is a token and the kind it is indexed under.
type KindToken struct {
	Token token.Token // first: copied and read as it was written, it stays in the store buffer
	Kind  Kind
}

// Column is a declared column with its closed domain, "unknown" last.
type Column struct {
	Name   string   `json:"name"`
	Domain []string `json:"domain"`
}

// Person is one row of the base, tokenised. Slices are only read during Add.
type Person struct {
	User          token.Token // of the operator's user key: the stable identity of a cluster
	Tokens        []KindToken // empty where the identifiers are not verified
	Codes         []uint8     // one for each column of the base
	PolicyVersion string
	Service       string
	EnquiryOnly   bool
}

// ListRow is one row of a list, tokenised. Slices are only read during Add.
type ListRow struct {
	Tokens []KindToken
	Codes  []uint8 // one for each column of the list
}

// Eligibility says whose data the flow may use. It is part of the question's
// identity (PRIVACY rule 4).
type Eligibility struct {
	Flow    entrustment.Flow    `json:"flow"`
	Purpose entrustment.Purpose `json:"purpose"`
	// ByPolicy: only users whose accepted version is in Versions are eligible.
	ByPolicy bool     `json:"by_policy"`
	Versions []string `json:"versions,omitempty"` // sorted
	// Service is the one service whose service_limited users are eligible.
	Service string `json:"service,omitempty"`
	// Enquiry: users known from an enquiry alone are eligible (5-improvement).
	Enquiry bool `json:"enquiry"`
}

// Equal tells whether the same users are eligible.
func (e *Eligibility) Equal(o *Eligibility) bool {
	return e.Flow == o.Flow && e.Purpose == o.Purpose && e.ByPolicy == o.ByPolicy && slices.Equal(e.Versions, o.Versions) &&
		e.Service == o.Service && e.Enquiry == o.Enquiry
}

// DimSource says where a dimension's value comes from.
type DimSource uint8

// The sources.
const (
	BaseColumn    DimSource = iota // an attribute of the base
	ListColumn                     // a column of the list: first canonical row that holds a token of the cluster
	MatchedBy                      // the first kind among the cluster's hits; domain of size Kinds
	EventCategory                  // of the events read: a cluster may be in several
	EventDay                       // of the events read, in spans of Step days from the window's first: likewise
	Frequency                      // how many events of the kind Name a cluster has: Bounds give the least of each value
	Assigned                       // whether a cluster is in Share: 0 is no, 1 is yes
	Touch                          // what its conversions are credited to: a cluster may be in several
)

// Dim is one dimension of a query.
type Dim struct {
	Source DimSource
	Name   string
	Size   int     // values in the declared domain
	Step   int     // EventDay
	Bounds []int64 // Frequency: ascending, at least 1; fewer than the first is in no cell
	Share  *Share  // Assigned
}

// Query asks for the exact distinct clusters of each declared cell.
type Query struct {
	Population PopulationID
	Eligible   Eligibility
	List       ListID      // zero: the eligible base alone
	Where      *Where      // nil: everyone
	Dims       []Dim       // row-major: the last dimension varies fastest; none: one cell
	Events     *EventQuery // nil: no event is counted

	Attribution *Attribution // nil: no conversion is credited
}

// Where is a canonical condition with codes in place of values and ListIDs in
// place of names. Exactly one field is not nil (Any or All may be empty: empty
// All is everyone, empty Any nobody). A tree has at most 4,096 conditions,
// nested at most 64 deep.
type Where struct {
	All  []Where
	Any  []Where
	Not  *Where
	In   *InCodes
	List *ListID

	Event *AtLeast
	Share *Share
}

// InCodes holds for clusters whose value of a column is one of Codes.
type InCodes struct {
	Source DimSource // BaseColumn or ListColumn
	Column string
	Codes  []uint8 // sorted, distinct
}

// Exact holds exact counts. Only package aggregator reads them (archtest);
// they never leave the enclave.
type Exact struct {
	Users []int64   // distinct clusters, one for each cell, row-major
	Sums  [][]int64 // of each EventSum, in granules, likewise; or of the credits, in thousandths
}

// Engine counts. Both engines give the same Exact for the same Query on the
// same data: enginetest runs against each.
type Engine interface {
	// Cells gives the exact counts of q. It fails with an *entrustment.Error of
	// CodeGone where q.Population or a list is not there any more.
	Cells(ctx context.Context, q Query) (Exact, error)
	// Members gives the clusters that Cells would count, for a query without dimensions
	// and events: one Hit for each token of the list that one holds, in the order of
	// SortHits; without a list one each, of no kind (Kinds). Only package aggregator
	// calls it (archtest): a member is named to its receiver alone, in a delivery.
	Members(ctx context.Context, q Query) ([]Hit, error)
}
