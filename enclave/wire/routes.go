package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"awase/entrustment"
)

// Limits of the border. A request that passes one is refused before anything of
// it is kept.
const (
	maxRequest   = 2 << 20   // bytes of JSON: a document may have 1 MiB
	maxUpload    = 256 << 30 // bytes of a sealed file
	maxAnswer    = 256 << 20 // bytes that a client takes
	maxHeader    = 8 << 10   // bytes of a request's header
	maxCaller    = 128       // bytes of a Caller
	maxConns     = 256       // at once; further ones wait
	headerWait   = 10 * time.Second
	bodyWait     = 30 * time.Second // for all of a JSON body
	senderWait   = 2 * time.Minute  // for the next bytes of a sealed file
	answerWait   = 30 * time.Second // for a client to take its answer
	idleWait     = 2 * time.Minute
	refusalWait  = 10 * time.Second // for a sender to see that it was refused
	defaultDrain = 30 * time.Second // for answers under way when the service ends
)

const (
	prefix      = "/enclave/v1/"
	helloPath   = prefix + "hello"
	callerField = "Awase-Caller"
	jsonType    = "application/json"
	problemType = "application/problem+json"
	sealedType  = "application/octet-stream" // a line of JSON, then the sealed file
)

// Caller is who asks, as the process that asks has it: a person at a command
// line, an account of the front. It is written to the service's own log, not to
// the record log, which holds no personal data. What may leave does not hang on
// it: a front that was taken over can write any name here.
type Caller string

// OfUser names a user of the machine by number, in a form that is taken.
func OfUser(uid int) Caller {
	digits := strconv.Itoa(uid)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "'" + digits[i:]
	}
	return Caller("uid " + digits)
}

// maxDigits is one less than the digits of the shortest phone numbers.
const maxDigits = 6

// OK tells a caller that can be written in a header and on a line of a log: 1 to
// 128 printable ASCII characters, and nothing that may be a person's address or
// phone number, by which a name would be personal data. That is an @, or seven
// digits with nothing but spaces, hyphens, dots, slashes and brackets between.
func (c Caller) OK() bool {
	if c == "" || len(c) > maxCaller {
		return false
	}
	digits := 0
	for _, r := range c {
		switch {
		case r < ' ' || r > '~' || r == '@':
			return false
		case '0' <= r && r <= '9':
			if digits++; digits > maxDigits {
				return false
			}
		case !strings.ContainsRune(" -./()[]+", r):
			digits = 0
		}
	}
	return true
}

// route is one method of the interface on the wire. Client and handler share it.
type route[Q, A any] struct {
	name string
	do   func(ctx context.Context, e Enclave, q *Q) (A, error)
}

// upload is a route whose request is followed by a sealed file.
type upload[Q, A any] struct {
	name string
	do   func(ctx context.Context, e Enclave, q *Q, sealed io.Reader) (A, error)
}

// The requests. A document crosses the border as JSON, and is parsed again by
// the rules it is written by: who asks is not trusted to have checked it.
type (
	documentRequest struct {
		Document json.RawMessage `json:"document"`
	}
	gateRequest struct {
		File     string `json:"file"`
		Document []byte `json:"document"` // gate.yaml as it was written
	}
	termsRequest struct {
		Entrustment string `json:"entrustment"`
	}
	questionRequest struct {
		Question json.RawMessage `json:"question"`
		Expect   int64           `json:"expect,omitempty"`
	}
	reserveRequest struct {
		Name     string           `json:"name"`
		Question json.RawMessage  `json:"question"`
		Until    entrustment.Date `json:"until"`
		Party    string           `json:"party,omitempty"`
	}
	reservedRequest struct {
		Name   string `json:"name"`
		Expect int64  `json:"expect,omitempty"`
	}
	proofRequest struct {
		From int64 `json:"from"`
		To   int64 `json:"to"`
	}
	nonceRequest struct {
		Nonce string `json:"nonce"`
	}
	nothing struct{}
)

var (
	addParty = route[documentRequest, Ack]{"add-party", func(ctx context.Context, e Enclave, q *documentRequest) (Ack, error) {
		return parsed(q.Document, "party", entrustment.ParseParty, func(p *entrustment.Party) (Ack, error) { return e.AddParty(ctx, p) })
	}}
	setPolicies = route[documentRequest, Ack]{"set-policies", func(ctx context.Context, e Enclave, q *documentRequest) (Ack, error) {
		return parsed(q.Document, "policies", entrustment.ParsePolicies, func(p *entrustment.Policies) (Ack, error) { return e.SetPolicies(ctx, p) })
	}}
	setGate = route[gateRequest, Ack]{"set-gate", func(ctx context.Context, e Enclave, q *gateRequest) (Ack, error) {
		return e.SetGate(ctx, q.File, q.Document)
	}}
	gate = route[nothing, *Gate]{"gate", func(ctx context.Context, e Enclave, _ *nothing) (*Gate, error) {
		return e.Gate(ctx)
	}}
	gateChanges = route[gateRequest, []GateChange]{"gate-changes", func(ctx context.Context, e Enclave, q *gateRequest) ([]GateChange, error) {
		return e.GateChanges(ctx, q.File, q.Document)
	}}
	entrustments = route[nothing, []string]{"entrustments", func(ctx context.Context, e Enclave, _ *nothing) ([]string, error) {
		return e.Entrustments(ctx)
	}}
	entrust = route[documentRequest, Ack]{"entrust", func(ctx context.Context, e Enclave, q *documentRequest) (Ack, error) {
		return parsed(q.Document, "contract", entrustment.ParseContract, func(c *entrustment.Contract) (Ack, error) { return e.Entrust(ctx, c) })
	}}
	terms = route[termsRequest, Terms]{"terms", func(ctx context.Context, e Enclave, q *termsRequest) (Terms, error) {
		return e.Terms(ctx, q.Entrustment)
	}}
	loadBase = upload[documentRequest, BaseLoaded]{"load-base", func(ctx context.Context, e Enclave, q *documentRequest, sealed io.Reader) (BaseLoaded, error) {
		return parsed(q.Document, "base", entrustment.ParseBaseSchema, func(s *entrustment.BaseSchema) (BaseLoaded, error) { return e.LoadBase(ctx, s, sealed) })
	}}
	loadList = upload[ListRequest, ListLoaded]{"load-list", func(ctx context.Context, e Enclave, q *ListRequest, sealed io.Reader) (ListLoaded, error) {
		return e.LoadList(ctx, *q, sealed)
	}}
	loadEvents = upload[EventsRequest, EventsLoaded]{"load-events", func(ctx context.Context, e Enclave, q *EventsRequest, sealed io.Reader) (EventsLoaded, error) {
		return e.LoadEvents(ctx, *q, sealed)
	}}
	price = route[questionRequest, Price]{"price", func(ctx context.Context, e Enclave, q *questionRequest) (Price, error) {
		return parsed(q.Question, "question", entrustment.ParseQuestion, func(p *entrustment.Question) (Price, error) { return e.Price(ctx, p, q.Expect) })
	}}
	report = route[questionRequest, sentRelease]{"report", func(ctx context.Context, e Enclave, q *questionRequest) (sentRelease, error) {
		return packed(parsed(q.Question, "question", entrustment.ParseQuestion, func(p *entrustment.Question) (*Release, error) { return e.Report(ctx, p) }))
	}}
	reserve = route[reserveRequest, Reserved]{"reserve", func(ctx context.Context, e Enclave, q *reserveRequest) (Reserved, error) {
		return parsed(q.Question, "question", entrustment.ParseQuestion, func(p *entrustment.Question) (Reserved, error) {
			return e.Reserve(ctx, ReserveRequest{q.Name, p, q.Until, q.Party})
		})
	}}
	free = route[reservedRequest, Reserved]{"free", func(ctx context.Context, e Enclave, q *reservedRequest) (Reserved, error) {
		return e.Free(ctx, q.Name)
	}}
	priceReserved = route[reservedRequest, Price]{"price-reserved", func(ctx context.Context, e Enclave, q *reservedRequest) (Price, error) {
		return e.PriceReserved(ctx, q.Name, q.Expect)
	}}
	reportReserved = route[reservedRequest, sentRelease]{"report-reserved", func(ctx context.Context, e Enclave, q *reservedRequest) (sentRelease, error) {
		return packed(e.ReportReserved(ctx, q.Name))
	}}
	ledger = route[LedgerRequest, *Ledger]{"ledger", func(ctx context.Context, e Enclave, q *LedgerRequest) (*Ledger, error) {
		return e.Ledger(ctx, *q)
	}}
	acceptClock = route[nothing, ClockState]{"accept-clock", func(ctx context.Context, e Enclave, _ *nothing) (ClockState, error) {
		return e.AcceptClock(ctx)
	}}
	logKey = route[nothing, string]{"log-key", func(ctx context.Context, e Enclave, _ *nothing) (string, error) {
		return e.LogKey(ctx)
	}}
	logProof = route[proofRequest, []byte]{"log-proof", func(ctx context.Context, e Enclave, q *proofRequest) ([]byte, error) {
		return e.LogProof(ctx, q.From, q.To)
	}}
	attestation = route[nonceRequest, []byte]{"attestation", func(ctx context.Context, e Enclave, q *nonceRequest) ([]byte, error) {
		return e.Attestation(ctx, q.Nonce)
	}}
)

// parsed parses a document that came over the wire, and does with it what it
// came for.
func parsed[T, A any](doc json.RawMessage, name string, parse func(string, []byte) (*T, error), do func(*T) (A, error)) (A, error) {
	d, err := parse(name, doc)
	if err != nil {
		var none A
		return none, err
	}
	return do(d)
}

// marshal writes one line of JSON. Nothing is escaped for HTML: what is signed
// keeps its bytes.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// unmarshal reads one JSON value and nothing after it, without keys that the
// reader does not know: a request that says more than is understood would be
// answered as if it had said less.
func unmarshal(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// problem is an error on the wire: problem details (RFC 9457) that carry an
// entrustment.Error whole.
type problem struct {
	Type   string           `json:"type"`
	Status int              `json:"status"`
	Code   entrustment.Code `json:"code"`
	Clause string           `json:"clause,omitempty"`
	Field  string           `json:"field,omitempty"`
	Detail string           `json:"detail"`
	Mend   string           `json:"mend,omitempty"`

	Contract entrustment.ContractClause `json:"contract,omitzero"`
}

// statuses of the codes; any other has 422.
var statuses = map[entrustment.Code]int{
	entrustment.CodeNoBasis:      403,
	entrustment.CodeForbidden:    403,
	entrustment.CodeDimForbidden: 403,
	entrustment.CodeBudget:       403,
	entrustment.CodeNotFound:     404,
	entrustment.CodeGone:         410,
	entrustment.CodeLimit:        413,
	entrustment.CodeRate:         429,
	entrustment.CodeInternal:     500,
	entrustment.CodeClock:        503,
	entrustment.CodeFrozen:       503,
	entrustment.CodeEngine:       503,
}

// HTTPStatus gives the status of HTTP that a code is answered with.
func HTTPStatus(code entrustment.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return 422
}

func problemOf(e *entrustment.Error) problem {
	return problem{"urn:awase:refused", HTTPStatus(e.Code), e.Code, e.Clause, e.Field, e.Detail, e.Mend, e.Contract}
}

func (p *problem) refusal() *entrustment.Error {
	return &entrustment.Error{Code: p.Code, Clause: p.Clause, Field: p.Field, Detail: p.Detail, Mend: p.Mend, Contract: p.Contract}
}
