package entrustment

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of refusal an Error is. The codes are part of the
// contract with scripts and with the API.
type Code string

// The codes of PRIVACY §4.8, and those of the acts before the gate.
const (
	CodeNoBasis      Code = "E_NO_BASIS"      // no active legal basis for a party joined
	CodeDimForbidden Code = "E_DIM_FORBIDDEN" // an attribute that may not be read
	CodeDomain       Code = "E_DOMAIN"        // a value outside a declared domain
	CodeSpec         Code = "E_SPEC"          // a question that cannot be asked
	CodeLimit        Code = "E_LIMIT"         // a public limit is passed
	CodeListSmall    Code = "E_LIST_SMALL"    // the list is under the floor
	CodeBudget       Code = "E_BUDGET"        // the privacy budget does not reach
	CodeRate         Code = "E_RATE"          // too many in too short a time
	CodeGone         Code = "E_GONE"          // the snapshot is retired
	CodeClock        Code = "E_CLOCK"         // the machine's clock jumped, and nobody accepted it yet
	CodeFrozen       Code = "E_FROZEN"        // nothing new is released until officers settle something
	CodeEngine       Code = "E_ENGINE"        // the engine that counts is away, or has no room
	CodeInternal     Code = "E_INTERNAL"      // ours; says nothing else
	CodeDocument     Code = "E_DOCUMENT"      // a document that does not parse or contradicts itself
	CodeForbidden    Code = "E_FORBIDDEN"     // the entrustment or the policy does not allow the act
	CodeFile         Code = "E_FILE"          // a data file refused whole
	CodeNotFound     Code = "E_NOT_FOUND"     // no such party, entrustment, list
)

// Error is a refusal that may be shown to whoever asked: it is a function of
// public facts only and never holds a count of matched people, an identifier,
// a hash of one, or a token.
type Error struct {
	Code   Code
	Clause string // what forbids it: a section of the policy, a rule of PRIVACY or DESIGN
	Field  string // where: file, row and column, or the document's field
	Detail string // what is wrong
	Mend   string // what to do

	// Contract is the clause of a contract that decides, zero where none does. Detail
	// begins with it.
	Contract ContractClause `json:",omitzero"`
}

// ContractClause is a clause of a version of a contract.
type ContractClause struct {
	ID      string `json:"id"`
	Version int    `json:"version"` // of one that is to be activated, the version that it would be
	Clause  string `json:"clause"`  // its key in contract.yaml, as attributes or basis[1].until
}

// String gives the clause as refusals name it: "acme-2026-spring v3, attributes".
func (c ContractClause) String() string { return fmt.Sprintf("%s v%d, %s", c.ID, c.Version, c.Clause) }

// By gives the refusal as one that a clause of a contract decides. A refusal that
// names a clause already stays as it is.
func (e *Error) By(c ContractClause) *Error {
	if e.Contract != (ContractClause{}) {
		return e
	}
	of := *e
	of.Contract, of.Detail = c, c.String()+": "+e.Detail
	return &of
}

// In is the error, at a place of a document: of a question that the document wants asked,
// the field is where it wants it.
func (e *Error) In(field string) *Error {
	of := *e
	of.Field = field
	return &of
}

// Error gives one line: code, place, what is wrong, clause, mend.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Field != "" && e.Field != e.Contract.Clause { // which Detail begins with
		b.WriteString(" at " + e.Field)
	}
	b.WriteString(": " + e.Detail)
	if e.Clause != "" {
		b.WriteString(" (" + e.Clause + ")")
	}
	if e.Mend != "" {
		b.WriteString("; " + e.Mend)
	}
	return b.String()
}

// AtRow gives err with the row, counted from 1, before the Field of an Error
// inside it; another err comes back as it is.
func AtRow(err error, row int64) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	of := *e
	of.Field = fmt.Sprintf("row %d", row)
	if e.Field != "" {
		of.Field += ", " + e.Field
	}
	return &of
}

// Public gives what may be shown of err: the Error inside it, or one that says
// only "internal error". It is the one mapper between errors and people.
func Public(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != CodeInternal {
		return e
	}
	return &Error{Code: CodeInternal, Detail: "internal error"}
}

// NoEntrustment is how an entrustment is refused that is not there, or not for the
// party that asks: the words are the same, and so is what either can do.
func NoEntrustment(id string) *Error {
	return &Error{Code: CodeNotFound, Field: "entrustment", Detail: "there is no entrustment " + Quote(id),
		Mend: "ask the operator, who activates contracts: awase entrust"}
}
