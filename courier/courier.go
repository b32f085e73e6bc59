// Package courier is the receiving party's program: it opens a delivery and hands
// its people to a platform, or writes them as the files that a platform takes.
//
//	sealed delivery ──open──▶ people, user keys, labels ──Write──▶ files in a directory
//	                                                    ──Send───▶ a platform's API, in batches
//	                                                    ──Report─▶ the room: delivered, or failed and why
//
// Neither the room's front nor its enclave ever calls a platform. What was accepted,
// left out or refused is known here and stays here: the room learns one word, and of
// a failure a Code of a closed list, for a count would tell what the release gate
// withholds (PRIVACY, rules 11 and 12).
//
// A hash goes to a platform only if it is of a class that the platform's own rule
// makes. Of class common, which form of a phone number or mailbox was hashed is not
// known: a hash of another form matches nobody there.
//
// No error, log line or state file of this package holds an identifier, a hash of
// one, a user key, a label or a credential. Answers of platforms can repeat what was
// sent, so nothing of them is shown but numbers.
package courier

import (
	"errors"
	"fmt"

	"awase/crypto/delivery"
)

// Code says why a delivery failed. Codes are errors, so that errors.Is(err,
// courier.RateLimited) asks for one. The list is closed: it is all that the room
// learns.
type Code string

// The codes.
const (
	NotOpened           Code = "not-opened"           // no delivery, another key, or damaged
	NotSigned           Code = "not-signed"           // not by the room's key
	Expired             Code = "expired"              // before it was sent whole
	NotWritten          Code = "not-written"          // a directory or file of the receiver's own
	NothingAccepted     Code = "nothing-accepted"     // no identifier of a kind and class that the platform takes
	RejectedCredentials Code = "rejected-credentials" // missing, wrong or without the right
	RejectedBody        Code = "rejected-body"        // the platform refused what was sent
	RateLimited         Code = "rate-limited"         // still, after all attempts
	Busy                Code = "busy"                 // the platform was still at an earlier change
	Unreachable         Code = "unreachable"          // no answer, or its own fault, after all attempts
	UnexpectedAnswer    Code = "unexpected-answer"    // it answered, and not as its documents say
	SessionEnded        Code = "session-ended"        // the platform's session was over before the last batch
	Unfinished          Code = "unfinished"           // accepted, and still in the platform's own queue
	Interrupted         Code = "interrupted"          // by the receiver
)

// Codes gives all of them.
func Codes() []Code {
	return []Code{NotOpened, NotSigned, Expired, NotWritten, NothingAccepted, RejectedCredentials, RejectedBody, RateLimited, Busy, Unreachable, UnexpectedAnswer, SessionEnded, Unfinished, Interrupted}
}

// Error gives the code.
func (c Code) Error() string { return "courier: " + string(c) }

// mend says what to do about it.
func (c Code) mend() string {
	switch c {
	case NotOpened:
		return "fetch the file again, and use the delivery key whose public half the room has"
	case NotSigned:
		return "compare the room key's fingerprint with the one that the operator tells you"
	case Expired:
		return "wait for the campaign's next delivery"
	case NotWritten:
		return "name a directory that is there and yours"
	case NothingAccepted:
		return "ask the operator which kinds of identifiers the campaign delivers"
	case RejectedCredentials:
		return "renew the platform's credentials; what was accepted is not sent again"
	case RejectedBody:
		return "compare account and audience with the platform's own page"
	case RateLimited, Busy, Unreachable, UnexpectedAnswer, Unfinished, Interrupted:
		return "run the same command again: it goes on after the last batch that was accepted"
	case SessionEnded:
		return "run the same command again: it begins a new session"
	}
	return ""
}

// Error is why a delivery failed.
type Error struct {
	Code   Code
	Batch  int    // from 1; 0: not of one batch
	Detail string // for the receiver's own log; may be ""
	Err    error  // may be nil
}

// Error gives one line: place, code, detail, mend.
func (e *Error) Error() string {
	s := "courier"
	if e.Batch > 0 {
		s += fmt.Sprintf(", batch %d", e.Batch)
	}
	s += ": " + string(e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if m := e.Code.mend(); m != "" {
		s += "; " + m
	}
	return s
}

// Unwrap gives the Code and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Err}
}

func fail(c Code, detail string) error { return &Error{Code: c, Detail: detail} }

// Report is what the room is told, and all that it is told.
type Report struct {
	Delivery string `json:"delivery"` // its id, in hex
	Status   string `json:"status"`   // "delivered" or "failed"
	Code     Code   `json:"code,omitempty"`
}

// ReportOf gives the report of a delivery that ended with err; nil is delivered.
func ReportOf(h *delivery.Header, err error) Report {
	r := Report{Delivery: fmt.Sprintf("%x", h.Delivery), Status: "delivered"}
	if err != nil {
		r.Status, r.Code = "failed", CodeOf(err)
	}
	return r
}

// CodeOf gives the code of an error: of this package, of opening a delivery, or of
// anything else.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	switch {
	case errors.Is(err, delivery.Expired):
		return Expired
	case errors.Is(err, delivery.OtherRoom), errors.Is(err, delivery.BadSignature):
		return NotSigned
	}
	return NotOpened
}

// Counts are of the receiver's own log. They never go to the room.
type Counts struct {
	People  int64 `json:"people"`   // handed over
	LeftOut int64 `json:"left_out"` // people none of whose identifiers the platform takes
	Unused  int64 `json:"unused"`   // identifiers of kinds and classes that it doesn't take
	Batches int   `json:"batches"`
	Skipped int   `json:"skipped"` // batches that had been accepted in an earlier run
}
