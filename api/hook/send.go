package hook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of one sending.
const (
	// Wait is how long a receiver has for all of it. An attempt of a job takes no
	// more than 10 s.
	Wait       = 9 * time.Second
	maxAnswer  = 64 << 10 // bytes of an answer that are read, so that a receiver sees an orderly end
	maxHeaders = 16 << 10
	maxLater   = 24 * time.Hour // that a receiver may put the next try off
)

// Options is what a sender is made of.
type Options struct {
	Guard Guard
	Roots *x509.CertPool   // whom receivers' certificates come from; nil: whom the system trusts
	Agent string           // User-Agent
	Now   func() time.Time // nil: time.Now

	resolver *net.Resolver // nil: the system's; tests have names of their own
}

// Sender sends messages. It is safe for concurrent use.
type Sender struct {
	o          Options
	tls, plain *http.Client
}

// New makes a sender.
func New(o Options) *Sender {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sender{o: o, tls: o.client(false), plain: o.client(true)}
}

// client makes a client that dials by the guard. There is one for http and one for
// https, since a dialer does not see what will be spoken.
func (o *Options) client(plain bool) *http.Client {
	dialer := &net.Dialer{Timeout: Wait, Resolver: o.resolver, Control: o.Guard.control(plain)}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // the environment's would dial in the guard's place
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaders,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Message is one sending.
type Message struct {
	URL     string
	ID      string   // webhook-id: the same at each try, so that a receiver sees a repetition
	Secrets [][]byte // each signs
	Body    []byte   // JSON
}

// Result is what came of a sending. Nothing else of an answer is kept.
type Result struct {
	Status int           // of the answer; 0: there was none
	Fault  Fault         // "": the receiver has it
	Later  time.Duration // what the receiver asks to wait before the next try; 0: nothing
	Took   time.Duration
}

// Fault says why a receiver does not have a message, in one word.
type Fault string

// The faults.
const (
	FaultURL      Fault = "url"      // the URL is none that may be sent to (any more)
	FaultAddress  Fault = "address"  // it resolves to an address that webhooks may not reach
	FaultName     Fault = "name"     // its name does not resolve
	FaultConnect  Fault = "connect"  // no connection
	FaultTLS      Fault = "tls"      // the certificate, or what is spoken, is not good
	FaultTimeout  Fault = "timeout"  // no answer in time
	FaultBroken   Fault = "broken"   // the connection broke, or what came is not HTTP
	FaultRedirect Fault = "redirect" // it answers with another address; none is followed
	FaultStatus   Fault = "status"   // it answers that it does not have it
	FaultGone     Fault = "gone"     // it answers that there will never be a receiver again (410)
)

// Send sends a message once. It ends within Wait.
func (s *Sender) Send(ctx context.Context, m Message) Result {
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	start := time.Now()
	r := s.send(ctx, m)
	r.Took = time.Since(start)
	return r
}

func (s *Sender) send(ctx context.Context, m Message) Result {
	u, err := s.o.Guard.Parse(m.URL) // again: what is allowed may have changed
	if err != nil {
		return Result{Fault: FaultURL}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(m.Body))
	if err != nil {
		return Result{Fault: FaultURL}
	}
	req.GetBody = nil // net/http would send it again by itself after some faults
	at := s.o.Now()
	req.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {s.o.Agent},
		"Webhook-Id":        {m.ID},
		"Webhook-Timestamp": {stamp(at)},
		"Webhook-Signature": {signatures(m.Secrets, m.ID, at, m.Body)},
	}
	client := s.tls
	if u.Scheme == "http" {
		client = s.plain
	}
	res, err := client.Do(req)
	if err != nil {
		return Result{Fault: faultOf(err)}
	}
	defer res.Body.Close()
	r := Result{Status: res.StatusCode, Later: later(res.Header.Get("Retry-After"), at)}
	switch c := res.StatusCode; {
	case c >= 200 && c < 300:
		r.Later = 0
	case c >= 300 && c < 400:
		r.Fault = FaultRedirect
	case c == http.StatusGone:
		r.Fault = FaultGone
	default:
		r.Fault = FaultStatus
	}
	// The status is the answer: what comes of the rest decides nothing.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	return r
}

// faultOf gives the word of an error. Its text is not kept: it may hold addresses.
func faultOf(err error) Fault {
	_, noName := errors.AsType[*net.DNSError](err)
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	op, _ := errors.AsType[*net.OpError](err)
	timeout, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, ErrAddress):
		return FaultAddress
	case errors.Is(err, context.DeadlineExceeded), timeout != nil && timeout.Timeout():
		return FaultTimeout
	case noName:
		return FaultName
	case cert, alert, record, errors.Is(err, http.ErrSchemeMismatch):
		return FaultTLS
	case op != nil && op.Op == "dial":
		return FaultConnect
	}
	return FaultBroken
}

// later reads Retry-After: seconds or a date, at most a day; 0 for anything else.
func later(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxLater)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxLater)
}
