package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"awase/entrustment"
)

// call is one request on its way.
type call struct {
	*http.Request
	s     *Server
	gin   *gin.Context
	who   *Principal // nil: an open operation, and nobody said who they are
	op    string
	id    string // the request's id, for people who ask what went wrong
	raw   []byte // the body, read whole; nil for operations that stream
	whole bool   // raw is it
}

// ctx gives the request's context, in which the enclave is asked for who asks.
func (c *call) ctx() context.Context {
	if c.who == nil {
		return behalf(c.Request.Context(), "")
	}
	return behalf(c.Request.Context(), c.who.Person)
}

// param gives a part of the path. It is what was sent: an id that is no id is not
// found, as one of another party.
func (c *call) param(name string) string { return c.gin.Param(name) }

// query gives the parameters of the request, which are of the names given and each
// there once: one that is misspelt would be one that is left out.
func (c *call) query(names ...string) (url.Values, error) {
	q, err := url.ParseQuery(c.URL.RawQuery)
	refused := func(field, detail string) error {
		return &entrustment.Error{Code: entrustment.CodeSpec, Field: field, Detail: detail, Mend: "see the operation " + c.op + " in /docs"}
	}
	if err != nil {
		return nil, refused("query", "it can't be read")
	}
	for name, values := range q {
		if !slices.Contains(names, name) {
			return nil, refused("query", "the operation takes no parameter of that name")
		}
		if len(values) > 1 {
			return nil, refused(name, "it is given more than once")
		}
	}
	return q, nil
}

// media gives the media type of the body, in lower case.
func (c *call) media() string {
	media, _, _ := strings.Cut(c.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// decode reads the JSON body into v. Keys that v does not have, in its very
// letters, keys given twice, a second value and nesting deeper than 32 are refused.
func (c *call) decode(v any) error {
	if c.media() != "application/json" {
		return &withStatus{&entrustment.Error{Code: entrustment.CodeSpec, Field: "Content-Type", Detail: "the body is not said to be JSON", Mend: "send it with Content-Type: application/json"}, http.StatusUnsupportedMediaType}
	}
	err := decodeStrict(c.raw, v, c.s.holds(controlKeys))
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*entrustment.Error](err); ok {
		return e
	}
	at := "body"
	if k, ok := errors.AsType[*keyError](err); ok {
		at = "body, " + k.path
	} else if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && t.Field != "" {
		at = "body, " + t.Field
	}
	detail := "it is not the JSON that this operation takes"
	if k, ok := errors.AsType[*keyError](err); ok {
		detail = k.detail
	}
	return &entrustment.Error{Code: entrustment.CodeSpec, Field: at, Detail: detail, Mend: "see the operation " + c.op + " in /docs"}
}

// answer is what a handler gives.
type answer struct {
	status int
	header http.Header
	value  any                                          // as JSON; nil: none
	raw    []byte                                       // in place of value, with its Content-Type in header
	stream func(ctx context.Context, w io.Writer) error // in place of both: written as it comes, flushed by who writes (http.Flusher)
	serve  func(w http.ResponseWriter, r *http.Request) // in place of all: a library answers
	secret bool                                         // it holds what is shown once: it is not kept under an Idempotency-Key
}

// Answers of handlers.
func ok(v any) *answer   { return &answer{status: http.StatusOK, value: v} }
func noContent() *answer { return &answer{status: http.StatusNoContent} }
func created(location string, v any) *answer {
	return &answer{status: http.StatusCreated, value: v, header: http.Header{"Location": {location}}}
}
func accepted(location string, v any) *answer {
	return &answer{status: http.StatusAccepted, value: v, header: http.Header{"Location": {location}}}
}
func file(mediaType string, raw []byte) *answer {
	return &answer{status: http.StatusOK, raw: raw, header: http.Header{"Content-Type": {mediaType}}}
}

// serve is the way of every request of an operation.
func (s *Server) serve(e endpoint) gin.HandlerFunc {
	row := s.access[e.op]
	return func(g *gin.Context) {
		start := time.Now()
		c := &call{Request: g.Request, s: s, gin: g, op: e.op, id: newID("req")}
		w := g.Writer
		s.headers(w.Header(), c.id)
		a, err := s.run(c, e, row)
		if err = settled(err); err != nil {
			a = problemAnswer(err, c.id)
			if retry := retryAfter(err); retry != "" {
				a.header.Set("Retry-After", retry)
			}
		}
		s.write(c, w, a)
		s.log(c, w.Status(), time.Since(start), err)
	}
}

// run gives the answer to a request.
func (s *Server) run(c *call, e endpoint, row access) (a *answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			// What a panic says may hold anything: it is written nowhere.
			a, err = nil, errPanicked
		}
	}()
	who, signIn := s.authenticate(c, row)
	if who != nil && who.Party == "" { // rows are found by it, and to some "" is everybody's
		return nil, errors.New("who asks is of no party")
	}
	c.who = who
	if err := s.limit(c); err != nil { // who shows a bad token is a stranger, and counts as one
		return nil, err
	}
	if signIn != nil {
		return nil, signIn
	}
	if err := row.check(c.who); err != nil {
		return nil, err
	}
	if err := s.sameOrigin(c); err != nil {
		return nil, err
	}
	if c.Header.Get("Content-Encoding") != "" {
		return nil, errEncoded
	}
	if row.Streams {
		// Whose body or answer is a stream says itself how long it waits.
		c.hurry(time.Time{})
		return e.handle(c)
	}
	if c.raw, err = s.body(c); err != nil {
		return nil, err
	}
	return s.once(c, e)
}

// hurry says until when the body is read; the zero time: without end.
func (c *call) hurry(until time.Time) {
	_ = http.NewResponseController(c.gin.Writer).SetReadDeadline(until) // a recorder of a test has none
}

// body reads a JSON body whole, in the time that ServeHTTP gave it. From then on it
// is noticed when who asks goes away.
func (s *Server) body(c *call) ([]byte, error) {
	body := io.Reader(c.Body)
	if s.holds(controlLength) {
		body = http.MaxBytesReader(c.gin.Writer, c.Body, maxBody)
	}
	raw, err := io.ReadAll(body)
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return nil, errLong
	} else if err != nil {
		return nil, errSlow
	}
	c.whole = true
	c.hurry(time.Time{})
	return raw, nil
}

// headers are on every answer.
func (s *Server) headers(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
}

// write sends an answer. GET answers have an ETag, and 304 where the asker has
// them already.
func (s *Server) write(c *call, w gin.ResponseWriter, a *answer) {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	control := http.NewResponseController(w)
	if a.serve != nil {
		a.serve(w, c.Request)
		return
	}
	if !c.whole && c.ContentLength != 0 && a.status >= http.StatusBadRequest {
		// Who is refused before their body was read is not listened to any longer.
		h.Set("Connection", "close")
	}
	if a.stream != nil {
		w.WriteHeader(a.status)
		if err := a.stream(c.ctx(), w); err != nil && c.ctx().Err() == nil {
			s.Logger.LogAttrs(c.ctx(), slog.LevelWarn, "a stream broke off", slog.String("op", c.op), slog.String("request", c.id))
		}
		return
	}
	_ = control.SetWriteDeadline(time.Now().Add(answerWait))
	raw := a.raw
	if raw == nil && a.value != nil {
		var err error
		if raw, err = marshal(a.value); err != nil {
			p := problemAnswer(err, c.id)
			s.write(c, w, p)
			return
		}
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json")
		}
	}
	if a.status == http.StatusOK && (c.Method == http.MethodGet || c.Method == http.MethodHead) && h.Get("ETag") == "" {
		h.Set("ETag", etag(raw))
	}
	if tag := h.Get("ETag"); a.status == http.StatusOK && tag != "" && matches(c.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Type")
		h.Del("Content-Length")
		w.WriteHeader(http.StatusNotModified)
		w.WriteHeaderNow()
		return
	}
	if raw != nil {
		h.Set("Content-Length", strconv.Itoa(len(raw)))
	}
	w.WriteHeader(a.status)
	w.WriteHeaderNow()
	if c.Method != http.MethodHead {
		_, _ = w.Write(raw) // who asked may be gone
	}
}

// log writes one line a request: who asked what and how it ended.
func (s *Server) log(c *call, status int, took time.Duration, err error) {
	if s.Metrics != nil {
		s.Metrics.Observe(c.op, status, took)
	}
	attrs := []slog.Attr{slog.String("request", c.id), slog.String("op", c.op), slog.Int("status", status), slog.Duration("took", took)}
	if c.who != nil {
		attrs = append(attrs, slog.String("party", c.who.Party), slog.String("person", c.who.Person))
	}
	level := slog.LevelInfo
	if c.op == opFile {
		level = slog.LevelDebug // who loads the page asks for many
	}
	if err != nil {
		refusal := entrustment.Public(err)
		attrs = append(attrs, slog.String("code", string(refusal.Code)))
		if refusal.Code == entrustment.CodeInternal {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", err.Error()))
		}
	}
	s.Logger.LogAttrs(c.ctx(), level, "answered", attrs...)
}

// marshal writes one line of JSON; what is signed keeps its bytes.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
