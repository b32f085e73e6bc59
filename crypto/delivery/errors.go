package delivery

import (
	"errors"
	"fmt"

	"awase/crypto/seal"
)

// Reason says why a delivery or a record is refused. Reasons are errors, so that
// errors.Is(err, delivery.Expired) asks for one.
type Reason string

// The reasons. They are words of docs/deliveries-format.md and of its vectors.
const (
	NotDelivery     Reason = "not a delivery"
	UnknownSuite    Reason = "unknown suite"
	MalformedHead   Reason = "malformed head"
	MalformedHeader Reason = "malformed header"
	Truncated       Reason = "truncated"
	TrailingBytes   Reason = "trailing bytes"
	OtherRoom       Reason = "other room"
	BadSignature    Reason = "bad signature"
	Expired         Reason = "expired"
	OtherSuite      Reason = "other suite"
	NotOpened       Reason = "does not open"
	MalformedSlot   Reason = "malformed slot"
	BadHeader       Reason = "bad header"
	BadRecord       Reason = "record does not fit a slot"
	Full            Reason = "no slot is left"
	BadKey          Reason = "bad key"
	Spent           Reason = "used after its end"
)

// Error gives the reason.
func (r Reason) Error() string { return "delivery: " + string(r) }

// mend says what to do about it.
func (r Reason) mend() string {
	switch r {
	case NotDelivery, MalformedHead, MalformedHeader, Truncated, TrailingBytes, BadSignature:
		return "fetch the file from the room again"
	case OtherRoom:
		return "compare the key's fingerprint with the one the operator tells you"
	case Expired:
		return "wait for the campaign's next delivery"
	case OtherSuite, NotOpened:
		return "use the delivery key whose public half the room has"
	}
	return ""
}

// Error is a refusal: why, and where. It holds nothing that a slot holds.
type Error struct {
	Reason Reason
	Slot   int64  // from 1; 0: not of one slot
	Detail string // the part it is about; may be ""
}

// Error gives one line: place, reason, detail, mend.
func (e *Error) Error() string {
	s := "delivery"
	if e.Slot > 0 {
		s += fmt.Sprintf(", slot %d", e.Slot)
	}
	s += ": " + string(e.Reason)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if m := e.Reason.mend(); m != "" {
		s += "; " + m
	}
	return s
}

// Unwrap gives the Reason.
func (e *Error) Unwrap() error { return e.Reason }

func refuse(r Reason, detail string) error { return &Error{Reason: r, Detail: detail} }

// ofStream gives an error of the sealed stream as one of the delivery. What fails
// there is signed by the room and was whole a moment ago: the key is another one, or
// the file was changed while it was read.
func ofStream(err error) error {
	if e, ok := errors.AsType[*seal.Error](err); ok {
		if e.Reason == seal.BadKey {
			return refuse(BadKey, e.Detail)
		}
		return refuse(NotOpened, "")
	}
	return err
}
