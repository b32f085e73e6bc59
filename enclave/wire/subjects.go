package wire

import (
	"context"
	"fmt"
	"slices"

	"awase/crypto/seal"
	"awase/entrustment"
)

// Subjects is what is done for data subjects (§7). Who asks is told to the enclave
// sealed alone, and it tells nobody, nor whether it knows them.
type Subjects interface {
	// Request takes a sealed request. One for deletion or a stop of use has taken
	// effect when it returns: no question that is charged afterwards counts the person.
	// The same sealed request again is the same request. It gives the signed receipt,
	// JSON for awase verify.
	Request(ctx context.Context, req RightsRequest) ([]byte, error)
	// Requests lists the requests, by number.
	Requests(ctx context.Context) ([]RequestInfo, error)
	// RequestReceipt gives the receipt of a request again.
	RequestReceipt(ctx context.Context, number int64) ([]byte, error)
}

// MaxSealedRequest is more bytes than a sealed request has.
const MaxSealedRequest = 64 << 10

// RightsRequest is a request of a data subject as the privacy desk hands it in.
// What is asked for stands in the sealed file.
type RightsRequest struct {
	Check  IdentityCheck `json:"check"`
	Sealed []byte        `json:"sealed"` // a sealed file of purpose request, at most MaxSealedRequest
}

// IdentityCheck says how the desk found out that the request is the person's own. It
// has no free text, in which personal data could stand.
type IdentityCheck struct {
	Method CheckMethod      `json:"method"`
	Agent  bool             `json:"agent,omitempty"` // an agent asked (代理人), whose authority was checked too
	On     entrustment.Date `json:"on"`              // the JST day of the check
	By     Caller           `json:"by"`              // who checked
}

// CheckMethod is a way to check who asks.
type CheckMethod string

// The ways.
const (
	CheckDocument CheckMethod = "document"  // 本人確認書類
	CheckSignIn   CheckMethod = "sign-in"   // the person asked while signed in to their account
	CheckContact  CheckMethod = "contact"   // they answered at an address or number that was on record before
	CheckInPerson CheckMethod = "in-person" // they came
)

// CheckMethods gives all ways.
func CheckMethods() []CheckMethod {
	return []CheckMethod{CheckDocument, CheckSignIn, CheckContact, CheckInPerson}
}

// Fault refuses a check that says less than it must; nil: it is good on that day.
func (c *IdentityCheck) Fault(today entrustment.Date) error {
	refused := func(field, detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeSpec, Clause: "§7", Field: field, Detail: detail, Mend: mend}
	}
	switch {
	case !slices.Contains(CheckMethods(), c.Method):
		return refused("check.method", "it is none of the ways to check who asks", fmt.Sprintf("write one of %v", CheckMethods()))
	case c.On.IsZero():
		return refused("check.on", "the day of the check is missing", "write it like 2026-11-23")
	case c.On.Start().After(today.Start()):
		return refused("check.on", "the day of the check lies in the future", "check first who asks, then hand the request in")
	case !c.By.OK():
		return refused("check.by", "it does not say who checked by a name that may be logged", "name who checked by the id of their account")
	}
	return nil
}

// States of requests.
const (
	RequestInForce  = "in-force"  // deletion, stop: out of use until the person agrees again
	RequestRecorded = "recorded"  // correction, addition: to be done at the source
	RequestBaseAnew = "base-anew" // likewise, and another base was loaded since
	RequestTold     = "told"      // purpose notice: the receipt holds it

	RequestWaiting   = "waiting"   // disclosure: two officers of the operator have to sign for it
	RequestDisclosed = "disclosed" // it is made, and can be fetched
	RequestWithdrawn = "withdrawn" // its draft was taken back
	RequestLapsed    = "lapsed"    // its draft can't be signed any more
)

// RequestInfo is one request: nothing of whose it is, nor of what came of it.
type RequestInfo struct {
	Number int64            `json:"number"`
	Kind   seal.RequestKind `json:"kind"`
	State  string           `json:"state"`
	At     string           `json:"at"` // RFC 3339, UTC: from then on it has effect
	Check  IdentityCheck    `json:"check"`
	Seq    int64            `json:"log_entry"`
	// Draft is the hash of the draft that waits for signatures, "": none does.
	Draft string `json:"draft,omitempty"`
}

type requestNumber struct {
	Number int64 `json:"number"`
}

var (
	request = route[RightsRequest, []byte]{"request", func(ctx context.Context, e Enclave, q *RightsRequest) ([]byte, error) {
		return e.Request(ctx, *q)
	}}
	requests = route[nothing, []RequestInfo]{"requests", func(ctx context.Context, e Enclave, _ *nothing) ([]RequestInfo, error) {
		return e.Requests(ctx)
	}}
	requestReceipt = route[requestNumber, []byte]{"request-receipt", func(ctx context.Context, e Enclave, q *requestNumber) ([]byte, error) {
		return e.RequestReceipt(ctx, q.Number)
	}}
)

// onSubjects answers the routes of Subjects.
func onSubjects(h *handler) {
	on(h, request)
	on(h, requests)
	on(h, requestReceipt)
}

// Request takes a sealed request.
func (c *Client) Request(ctx context.Context, req RightsRequest) ([]byte, error) {
	return ask(ctx, c, request, &req)
}

// Requests lists the requests.
func (c *Client) Requests(ctx context.Context) ([]RequestInfo, error) {
	return ask(ctx, c, requests, &nothing{})
}

// RequestReceipt gives the receipt of a request again.
func (c *Client) RequestReceipt(ctx context.Context, number int64) ([]byte, error) {
	return ask(ctx, c, requestReceipt, &requestNumber{number})
}
