package seal

import (
	"fmt"
	"strings"
)

// Reason says why a file or a row is refused. Reasons are errors, so that
// errors.Is(err, seal.Truncated) asks for one.
type Reason string

// The reasons. They are words of docs/format.md and of its vectors.
const (
	NotSealed        Reason = "not a sealed file"
	UnknownSuite     Reason = "unknown suite"
	MalformedHead    Reason = "malformed head"
	MalformedHeader  Reason = "malformed header"
	OtherEntrustment Reason = "other entrustment"
	OtherVersion     Reason = "other version"
	OtherParty       Reason = "other party"
	OtherName        Reason = "other name"
	OtherUpload      Reason = "other upload"
	OtherSchema      Reason = "other schema"
	OtherSuite       Reason = "other suite"
	NotSigned        Reason = "not signed"
	BadSignature     Reason = "bad signature"
	NotOpened        Reason = "does not open"
	Truncated        Reason = "truncated"
	TrailingBytes    Reason = "trailing bytes"
	MalformedRecord  Reason = "malformed record"
	BadRow           Reason = "row does not fit the header"
	BadKey           Reason = "bad key"
	BadAddress       Reason = "bad address"
	BadHeader        Reason = "bad header"
	Spent            Reason = "used after its end"
)

// Error gives the reason.
func (r Reason) Error() string { return "sealed file: " + string(r) }

// mend says what to do about it.
func (r Reason) mend() string {
	switch r {
	case NotSealed:
		return "send what awase seal wrote"
	case UnknownSuite:
		return "seal with X-Wing or X25519"
	case OtherEntrustment, OtherVersion, OtherParty, OtherName, OtherUpload, OtherSchema:
		return "seal the file again for the upload it is meant for"
	case OtherSuite, NotOpened:
		return "compare the key's fingerprint with the enclave's, then seal and send the file again"
	case NotSigned, BadSignature:
		return "seal with the party's upload key"
	case Truncated:
		return "send the file again from its beginning"
	case MalformedHead, MalformedHeader, MalformedRecord, TrailingBytes:
		return "seal the file again with a current awase"
	case BadKey:
		return "copy the whole key again"
	default:
		return ""
	}
}

// Error is a refusal: why, and where. It holds nothing of a row's content and
// nothing of a header's.
type Error struct {
	Reason Reason
	Record int64  // from 1; 0: the file's head
	Row    int64  // from 1, over the whole file; 0: not of one row
	Detail string // the part it is about; may be ""
}

// Error gives one line: place, reason, detail, mend.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("sealed file")
	if e.Record > 0 {
		fmt.Fprintf(&b, ", record %d", e.Record)
	}
	if e.Row > 0 {
		fmt.Fprintf(&b, ", row %d", e.Row)
	}
	b.WriteString(": " + string(e.Reason))
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if m := e.Reason.mend(); m != "" {
		b.WriteString("; " + m)
	}
	return b.String()
}

// Unwrap gives the Reason.
func (e *Error) Unwrap() error { return e.Reason }

func refuse(r Reason, detail string) error { return &Error{Reason: r, Detail: detail} }
