// Package client asks a room over HTTP: JSON under /v1, refusals as they were
// made, and uploads that go on after a cut.
//
//	file ──POST──▶ upload ──PATCH…──▶ cut ··· HEAD: from where ··· PATCH ──▶ whole ──POST──▶ job ──GET…──▶ ended
//
// It tries again what passes by itself: a connection that breaks, a room that
// starts again, a rate. What is refused is an *Error, which holds an
// *entrustment.Error.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"awase/entrustment"
)

// Options are how a room is asked.
type Options struct {
	Token    string        // an API token of the room
	Patience time.Duration // how long something that gets no further is tried again; 0: 10 minutes
	Chunk    int64         // bytes of one PATCH; 0: 16 MiB, which proxies let pass
	Pause    time.Duration // before the first try again, then ever longer; 0: 250 ms
	JobWait  time.Duration // how long a job that gets no further is waited for; 0: 6 hours
	HTTP     http.RoundTripper
	Eager    bool         // fail at once where nothing listens, or the name is none, until the room answered once
	Tell     func(string) // is told once what is waited for, when that takes longer than a person thinks it works; nil: nobody
}

// Client asks one room. It is safe for concurrent use.
type Client struct {
	base *url.URL
	o    Options
	http *http.Client

	answered atomic.Bool // something did, ever
	told     atomic.Bool // Options.Tell was
}

const (
	longestPause = 15 * time.Second
	silence      = 1500 * time.Millisecond // of tries that fail, before it is told
	answerWait   = 2 * time.Minute
	maxAnswer    = 16 << 20
)

// New gives a client of the room at server, as https://room.example. Plain HTTP is
// for this machine alone: elsewhere everybody on the way could read the token.
func New(server string, o Options) (*Client, error) {
	u, err := url.Parse(server)
	refused := func(detail, mend string) (*Client, error) {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "server", Detail: detail, Mend: mend}
	}
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return refused("it is no address of a room", "write it as https://room.example")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return refused("it is not encrypted, and not this machine", "write it as https://…")
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return refused("the token is none: it has characters that no token has", "copy it again, without a line end in it")
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	if o.Chunk == 0 {
		o.Chunk = 16 << 20
	}
	if o.JobWait == 0 {
		o.JobWait = 6 * time.Hour
	}
	if o.Pause == 0 {
		o.Pause = 250 * time.Millisecond
	}
	if o.HTTP == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = answerWait
		o.HTTP = t
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	// A redirect would carry the token to where nobody said that it goes.
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: u, o: o, http: &http.Client{Transport: o.HTTP, CheckRedirect: noRedirect}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Error is a refusal of the room.
type Error struct {
	Status  int
	Refusal *entrustment.Error
	Request string        // the room's id of the request
	After   time.Duration // it may pass by then; 0: the room did not say
}

// Error gives what the room said.
func (e *Error) Error() string { return e.Refusal.Error() }

// Unwrap gives the refusal.
func (e *Error) Unwrap() error { return e.Refusal }

// Get asks for JSON.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.patiently(ctx, func() error {
		res, err := c.send(ctx, http.MethodGet, path, nil, 0, nil)
		return readJSON(res, err, out)
	})
}

// Ask sends JSON by another method, which done again does nothing more (DELETE), or
// the same (PATCH). in nil: no body.
func (c *Client) Ask(ctx context.Context, method, path string, in, out any) error {
	var raw []byte
	header := http.Header{}
	if in != nil {
		var err error
		if raw, err = json.Marshal(in); err != nil {
			return fmt.Errorf("writing a request: %w", err)
		}
		header.Set("Content-Type", "application/json")
	}
	return c.patiently(ctx, func() error {
		res, err := c.send(ctx, method, path, bytes.NewReader(raw), int64(len(raw)), header)
		return readJSON(res, err, out)
	})
}

// Post sends JSON under an idempotency key, so that it can be tried again: the
// room does it once.
func (c *Client) Post(ctx context.Context, path, key string, in, out any) error {
	var raw []byte
	header := http.Header{"Idempotency-Key": {key}}
	if in != nil {
		var err error
		if raw, err = json.Marshal(in); err != nil {
			return fmt.Errorf("writing a request: %w", err)
		}
		header.Set("Content-Type", "application/json")
	}
	return c.patiently(ctx, func() error {
		res, err := c.send(ctx, http.MethodPost, path, bytes.NewReader(raw), int64(len(raw)), header)
		return readJSON(res, err, out)
	})
}

// send sends one request. An answer of 400 and more is an *Error.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader, size int64, header http.Header) (*http.Response, error) {
	ref, err := url.Parse(c.base.Path + path)
	if err != nil {
		return nil, fmt.Errorf("asking the room: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.ResolveReference(ref).String(), body)
	if err != nil {
		return nil, fmt.Errorf("asking the room: %w", err)
	}
	req.ContentLength = size
	for k, v := range header {
		req.Header[k] = v
	}
	if c.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	req.Header.Set("User-Agent", "awase")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, connection(c.base.Host, err)
	}
	c.answered.Store(true)
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, refusal(res)
}

// refusal reads problem details.
func refusal(res *http.Response) error {
	var p struct {
		Instance                           string
		Code                               entrustment.Code
		Clause, Field, Detail, Mend, Title string
		Contract                           entrustment.ContractClause
	}
	e := &Error{Status: res.StatusCode, Request: clean(res.Header.Get("X-Request-Id"))}
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		e.After = min(time.Duration(n)*time.Second, time.Minute)
	}
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && media == "application/problem+json" && json.Unmarshal(raw, &p) == nil && p.Code != "" {
		e.Refusal = &entrustment.Error{Code: entrustment.Code(clean(string(p.Code))), Clause: clean(p.Clause), Field: clean(p.Field), Detail: clean(p.Detail), Mend: clean(p.Mend), Contract: cleanClause(p.Contract)}
		if p.Code == entrustment.CodeInternal {
			e.Refusal.Mend = "try again; if it stays so, tell the operator the request's id: " + e.Request
		}
		return e
	}
	// HEAD has no body, and a proxy speaks for itself.
	e.Refusal = &entrustment.Error{Code: entrustment.CodeInternal, Field: "server", Detail: "it answers " + strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode),
		Mend: "is this the address of a room, and the token one of it?"}
	if res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone {
		e.Refusal.Code = entrustment.CodeNotFound
	}
	return e
}

// cleanClause is clean of a clause of a contract.
func cleanClause(c entrustment.ContractClause) entrustment.ContractClause {
	return entrustment.ContractClause{ID: clean(c.ID), Version: c.Version, Clause: clean(c.Clause)}
}

// unreachable is that the room can't be asked, for a reason that doesn't pass.
type unreachable struct{ refusal *entrustment.Error }

func (u *unreachable) Error() string { return u.refusal.Error() }
func (u *unreachable) Unwrap() error { return u.refusal }

// Unreachable tells whether an error says that the address is not that of a room
// that can be asked: its certificate, or what answers there.
func Unreachable(err error) bool {
	_, ok := errors.AsType[*unreachable](err)
	return ok
}

// Server gives the address of the room.
func (c *Client) Server() string { return c.base.String() }

// connection says why there was no answer. It holds no path: an id stands there.
func connection(host string, err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	refused := func(detail, mend string) error {
		return &unreachable{&entrustment.Error{Code: entrustment.CodeSpec, Field: host, Detail: detail, Mend: mend}}
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return refused("its certificate is for another name", "write the name that the certificate is for")
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return refused("its certificate is by nobody that this machine trusts", "name the authority's certificate in SSL_CERT_FILE; never go round this: the token would go to whoever answers")
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return refused("its certificate is not valid now", "is this machine's clock right? Else ask the operator to renew it")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return refused("its certificate is not good", "ask the operator of the room")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return refused("it does not speak TLS", "is the port right?")
	}
	return fmt.Errorf("asking %s: %w", host, err)
}

// passes tells whether an error may pass by itself.
func passes(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		switch e.Status {
		case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooManyRequests, http.StatusInsufficientStorage:
			return true
		case http.StatusServiceUnavailable: // of a room that is frozen it is officers' to say when
			return e.Refusal.Code != entrustment.CodeFrozen && e.Refusal.Code != entrustment.CodeClock
		}
		return e.Status >= 500
	}
	if _, ok := errors.AsType[*unreachable](err); ok {
		return false
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// patiently does something until it is done or refused, or got no further for too
// long.
func (c *Client) patiently(ctx context.Context, do func() error) error {
	b := c.backoff()
	for {
		err := do()
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if err := b.wait(ctx, err); err != nil {
			return err
		}
	}
}

// backoff waits ever longer between tries.
type backoff struct {
	c                      *Client
	first, pause, patience time.Duration
	since                  time.Time
}

func (c *Client) backoff() *backoff {
	return &backoff{c, c.o.Pause, c.o.Pause, c.o.Patience, time.Now()}
}

// further is that something got further.
func (b *backoff) further() { b.pause, b.since = b.first, time.Now() }

// wait waits before the next try after err, or gives why there is none.
func (b *backoff) wait(ctx context.Context, err error) error {
	if !passes(err) {
		return err
	}
	if why := absent(err); why != "" && b.c.o.Eager && !b.c.answered.Load() {
		return &unreachable{&entrustment.Error{Code: entrustment.CodeSpec, Field: b.c.base.Host, Detail: "it does not answer (" + why + ")", Mend: "is the address right, and does the room run?"}}
	}
	if time.Since(b.since) > b.patience {
		return fmt.Errorf("it was tried again for %s: %w", b.patience, err)
	}
	pause := b.pause
	if e, ok := errors.AsType[*Error](err); ok && e.After > pause {
		pause = e.After
	}
	b.pause = min(2*b.pause, longestPause)
	if time.Since(b.since)+pause > silence && b.c.o.Tell != nil && b.c.told.CompareAndSwap(false, true) {
		b.c.o.Tell(waits(b.c.base.Host, err) + "; it is tried again for " + inWords(b.patience))
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

// absent says why nothing at all is at an address: it is wrong, or the room is down.
// "" is any other error.
func absent(err error) string {
	if _, answered := errors.AsType[*Error](err); answered {
		return ""
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "connection refused"
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return "there is no such name"
	}
	return ""
}

// waits says what a try again waits for.
func waits(host string, err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return host + " answers " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	}
	why := absent(err)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		why = "it took too long"
	}
	return host + " does not answer (" + cmp.Or(why, "the connection breaks") + ")"
}

func inWords(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return strconv.Itoa(int(d/time.Minute)) + " minutes"
	}
	return d.String()
}

// readJSON reads an answer into out; nil: it is of no interest.
func readJSON(res *http.Response, err error, out any) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := readAnswer(res)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return noRoom("its answer is not what a room answers")
	}
	return nil
}

// readAnswer reads an answer whole.
func readAnswer(res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the room's answer: %w", err)
	}
	if len(raw) > maxAnswer {
		return nil, noRoom("its answer is longer than any that a room gives")
	}
	return raw, nil
}

func noRoom(detail string) error {
	return &unreachable{&entrustment.Error{Code: entrustment.CodeInternal, Field: "server", Detail: detail, Mend: "is this the address of a room, of this version?"}}
}

// clean takes out of a text what moves a cursor or hides what follows: whoever
// answers writes it, and a terminal shows it.
func clean(s string) string {
	const longest = 4000
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > longest {
			return -1
		}
		if r != '\n' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
