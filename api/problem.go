package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// Codes of the service beside those of entrustment.
const (
	CodeSignIn   entrustment.Code = "E_SIGN_IN"  // who asks did not say who they are, or it is not, or no longer, good
	CodeConflict entrustment.Code = "E_CONFLICT" // the row changed in between, or is there already
	CodeAway     entrustment.Code = "E_AWAY"     // the enclave gives no answer now
)

// problem is a refusal as problem details (RFC 9457), with the code of PRIVACY
// §4.8 and what entrustment.Error says besides.
type problem struct {
	Type     string           `json:"type"`
	Title    string           `json:"title"`
	Status   int              `json:"status"`
	Instance string           `json:"instance"` // the request's id
	Code     entrustment.Code `json:"code"`
	Clause   string           `json:"clause,omitempty"`
	Field    string           `json:"field,omitempty"`
	Detail   string           `json:"detail"`
	Mend     string           `json:"mend,omitempty"`

	// Contract is the clause of a contract by which it was refused.
	Contract entrustment.ContractClause `json:"contract,omitzero"`
}

// statuses of the service's own codes; those of entrustment are wire.HTTPStatus.
var statuses = map[entrustment.Code]int{
	CodeSignIn:   http.StatusUnauthorized,
	CodeConflict: http.StatusConflict,
	CodeAway:     http.StatusServiceUnavailable,
}

var (
	errNoPage   = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "request", Detail: "there is no such page", Mend: "see /docs for what there is"}
	errNoMethod = &withStatus{&entrustment.Error{Code: entrustment.CodeSpec, Field: "request", Detail: "this page does not take that method", Mend: "see /docs for what it takes"}, http.StatusMethodNotAllowed}
	errLong     = &withStatus{&entrustment.Error{Code: entrustment.CodeLimit, Field: "body", Detail: "it is longer than 1 MiB", Mend: "files go to /v1/uploads"}, http.StatusRequestEntityTooLarge}
	errEncoded  = &withStatus{&entrustment.Error{Code: entrustment.CodeSpec, Field: "Content-Encoding", Detail: "the body is compressed, and what it would become nobody knows before", Mend: "send it as it is"}, http.StatusUnsupportedMediaType}
	errChanged  = &withStatus{&entrustment.Error{Code: CodeConflict, Field: "If-Match", Detail: "it is not, or no longer, as the one who asks knows it", Mend: "read it again, and decide anew"}, http.StatusPreconditionFailed}
	errNotReady = &entrustment.Error{Code: CodeAway, Field: "request", Detail: "the room gives no answer now", Mend: "ask again in a moment"}
	errSlow     = &withStatus{&entrustment.Error{Code: entrustment.CodeSpec, Field: "body", Detail: "it did not come whole, or within 30 seconds", Mend: "send it again"}, http.StatusRequestTimeout}
	errNobody   = &entrustment.Error{Code: CodeSignIn, Field: "Authorization", Detail: "the request does not say who asks", Mend: "sign in (POST /v1/session), or send an API token: Authorization: Bearer …"}
	errNotFound = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "request", Detail: "there is nothing of that id, or it is another party's", Mend: "list what there is"}
	errConflict = &entrustment.Error{Code: CodeConflict, Field: "request", Detail: "it changed in between, or is there already", Mend: "read it again, and decide anew"}
	errAway     = &entrustment.Error{Code: CodeAway, Field: "request", Detail: "the enclave gives no answer now", Mend: "send it again in a moment; nothing is charged twice"}
	errPanicked = errors.New("a handler panicked")
)

// withStatus is a refusal whose status is another than its code's.
type withStatus struct {
	refusal *entrustment.Error
	status  int
}

func (w *withStatus) Error() string { return w.refusal.Error() }
func (w *withStatus) Unwrap() error { return w.refusal }

// problemAnswer gives the answer of an error. Of what is not a refusal it says
// only that something failed, and the request's id.
func problemAnswer(err error, id string) *answer {
	err = settled(err)
	e := entrustment.Public(err)
	status, known := statuses[e.Code]
	if !known {
		status = wire.HTTPStatus(e.Code)
	}
	if w, ok := errors.AsType[*withStatus](err); ok {
		status = w.status
	}
	raw, merr := marshal(problem{"urn:awase:refused", http.StatusText(status), status, "urn:awase:request:" + id, e.Code, e.Clause, e.Field, e.Detail, e.Mend, e.Contract})
	if merr != nil {
		raw = nil
	}
	return &answer{status: status, raw: raw, header: http.Header{"Content-Type": {"application/problem+json"}}}
}

// settled gives the refusals that the store's words stand for.
func settled(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errNotFound
	case errors.Is(err, store.ErrConflict):
		return errConflict
	}
	if _, away := errors.AsType[*wire.Away](err); away { // which says where the enclave is: that is the operator's
		return &retryError{errAway, 2}
	}
	return err
}

// retryError is a refusal that passes by itself.
type retryError struct {
	refusal *entrustment.Error
	seconds int
}

func (r *retryError) Error() string { return r.refusal.Error() }
func (r *retryError) Unwrap() error { return r.refusal }

func retryAfter(err error) string {
	if r, ok := errors.AsType[*retryError](err); ok {
		return strconv.Itoa(r.seconds)
	}
	return ""
}

// plain answers with one refusal.
func (s *Server) plain(err error) gin.HandlerFunc {
	return func(g *gin.Context) {
		start := time.Now()
		c := &call{Request: g.Request, s: s, gin: g, op: "none", id: newID("req")}
		s.headers(g.Writer.Header(), c.id)
		if slow := s.limit(c); slow != nil { // who guesses addresses is a stranger
			err = slow
		}
		a := problemAnswer(err, c.id)
		if retry := retryAfter(err); retry != "" {
			a.header.Set("Retry-After", retry)
		}
		s.write(c, g.Writer, a)
		s.log(c, g.Writer.Status(), time.Since(start), err)
	}
}
