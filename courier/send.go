package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"awase/crypto/delivery"
)

// Options are how a delivery is sent.
type Options struct {
	Target Target
	// Credentials are asked for before each request, so that a token that another
	// program renews in its file is taken up.
	Credentials func() (Credentials, error)
	State       string  // the file by which a killed run goes on
	DryRun      bool    // Google only looks at the requests; to others none is made
	Rate        float64 // requests a second; 0: the platform's
	Attempts    int     // of a request; 0: 8
	// Wait is how long a replacement waits for Google to be done with its requests, after
	// which the old members go; 0: not at all, and the next run goes on.
	Wait time.Duration
	Log  *slog.Logger // the receiver's own: counts and numbers of batches; nil: none

	hooks hooks
}

// hooks are what tests take the place of; nil is the real thing.
type hooks struct {
	client *http.Client
	now    func() time.Time
	sleep  func(ctx context.Context, d time.Duration) error
	jitter func() float64 // in [0, 1)
	limit  int            // units a request
}

const (
	defaultAttempts = 8
	firstWait       = time.Second
	longestWait     = time.Minute
	longestAfter    = 15 * time.Minute // what a platform asks for beyond it ends the run
	pollEvery       = 30 * time.Second
	requestTimeout  = 2 * time.Minute
	maxAnswer       = 1 << 20
)

// Send hands the people of a delivery to its platform's API, in batches, and goes on
// where an earlier run ended. The error says with a Code why it was not sent whole;
// counts are of the delivery, as far as it was read.
func Send(ctx context.Context, f *delivery.File, o Options) (Counts, error) {
	h := f.Header()
	s, err := newSender(&h, o)
	if err != nil {
		return Counts{}, err
	}
	if !s.o.DryRun {
		if s.state, err = openState(o.State, &h, &s.o.Target, s.endpoint, s.hooks.now()); err != nil {
			return Counts{}, err
		}
		defer s.state.f.Close()
		if s.state.finished {
			s.log.Info("this delivery was sent whole already")
			return Counts{}, nil
		}
		if err := s.renew(); err != nil {
			return Counts{}, err
		}
	}
	err = s.send(ctx, f)
	if err != nil && ctx.Err() != nil {
		err = &Error{Code: Interrupted, Err: ctx.Err()}
	}
	c := &s.counts
	s.log.Info("sent", "people", c.People, "left_out", c.LeftOut, "unused", c.Unused, "batches", c.Batches, "skipped", c.Skipped, "code", codeOrNone(err))
	return s.counts, err
}

func codeOrNone(err error) string {
	if err == nil {
		return ""
	}
	return string(CodeOf(err))
}

type sender struct {
	o        Options
	header   *delivery.Header
	platform platform
	endpoint string
	state    *state // nil: a dry run
	hooks    hooks
	log      *slog.Logger
	next     time.Time // before which no request is made
	counts   Counts
}

func newSender(h *delivery.Header, o Options) (*sender, error) {
	if err := Check(h.Destination, &o.Target); err != nil {
		return nil, &Error{Code: NotWritten, Err: err}
	}
	p, _ := platformOf(h.Destination)
	s := &sender{o: o, header: h, platform: p, endpoint: strings.TrimSuffix(o.Target.Endpoint, "/"), hooks: o.hooks, log: o.Log}
	if s.endpoint == "" {
		s.endpoint = p.endpoint()
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("delivery", fmt.Sprintf("%x", h.Delivery), "destination", h.Destination.String(), "act", h.Act.String())
	if s.o.Attempts == 0 {
		s.o.Attempts = defaultAttempts
	}
	if s.o.Rate == 0 {
		s.o.Rate = p.perSecond()
	}
	s.hooks.fill(p)
	c, err := o.Credentials()
	if err != nil {
		return nil, err
	}
	if err := p.takes(c); err != nil {
		return nil, err
	}
	return s, nil
}

func (h *hooks) fill(p platform) {
	if h.client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		h.client = &http.Client{Transport: transport, Timeout: requestTimeout,
			// A redirect would take credentials and hashes to an address that nobody named.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.sleep == nil {
		h.sleep = sleep
	}
	if h.jitter == nil {
		h.jitter = rand.Float64
	}
	if h.limit == 0 {
		h.limit = p.limit()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew begins a new session where the one of an earlier run is over.
func (s *sender) renew() error {
	_, isMeta := s.platform.(meta)
	if isMeta && s.header.Act == delivery.Replace && s.hooks.now().Sub(s.state.session.began) > metaReplaceTime {
		s.log.Info("the session of an earlier run is over; a new one begins")
		return s.state.begin(s.hooks.now())
	}
	return nil
}

func (s *sender) send(ctx context.Context, f *delivery.File) error {
	for b, err := range batches(f, s.hooks.limit, s.platform.weigh, &s.counts) {
		if err != nil {
			return err
		}
		if err := s.batch(ctx, b); err != nil {
			if e, ok := errors.AsType[*Error](err); ok && e.Batch == 0 {
				e.Batch = b.n
			}
			return err
		}
	}
	if err := noneTaken(s.header, &s.counts); err != nil {
		return err
	}
	if s.o.DryRun {
		return nil
	}
	if g, ok := s.platform.(google); ok && s.header.Act == delivery.Replace {
		if err := s.replaced(ctx, g); err != nil {
			return err
		}
	}
	return s.state.finish()
}

// batch sends one batch, unless an earlier run has.
func (s *sender) batch(ctx context.Context, b batch) error {
	s.counts.Batches++
	at := session{validate: s.o.DryRun}
	if s.state != nil {
		if _, done := s.state.accepted[b.n]; done {
			s.counts.Skipped++
			return nil
		}
		at = s.state.session
	}
	c := s.platform.call(s.header, &s.o.Target, at, b)
	c.until = s.header.Expires
	if _, isGoogle := s.platform.(google); s.o.DryRun && !isGoogle {
		s.log.Info("not sent: a dry run", "batch", b.n, "people", len(b.people), "last", b.last)
		return nil
	}
	v, err := s.do(ctx, c, s.platform.read)
	if v.whole && b.last {
		// Only our last batch ends our session: it arrived, and its answer did not.
		v, err = verdict{}, nil
	}
	if err != nil {
		if errors.Is(err, SessionEnded) && s.state != nil {
			// What the platform has of it is part of an audience; all of it is sent again.
			err = errors.Join(err, s.state.begin(s.hooks.now()))
		}
		return err
	}
	s.log.Info("accepted", "batch", b.n, "people", len(b.people), "last", b.last, "said", v.detail)
	if s.state == nil {
		return nil
	}
	return s.state.took(b.n, v.request)
}

// replaced ends Google's replacement as its guide tells: when all that was sent has been
// processed, who was there before it began goes.
func (s *sender) replaced(ctx context.Context, g google) error {
	until := s.hooks.now().Add(s.o.Wait)
	for _, id := range s.state.requests() {
		for {
			done := false
			read := func(status int, header http.Header, body []byte) (v verdict) {
				done, v = g.processed(status, header, body)
				return v
			}
			if _, err := s.do(ctx, call{method: http.MethodGet, path: googleStatus, query: url.Values{"requestId": {id}}}, read); err != nil {
				return err
			}
			if done {
				break
			}
			if !s.hooks.now().Before(until) {
				return fail(Unfinished, "")
			}
			if err := s.hooks.sleep(ctx, pollEvery); err != nil {
				return err
			}
		}
	}
	body := googleRemoveAll{g.destinations(&s.o.Target), s.state.session.began.Add(-googleMargin).UTC().Format(time.RFC3339)}
	_, err := s.do(ctx, call{method: http.MethodPost, path: googleAll, json: body}, g.read)
	if err == nil {
		s.log.Info("who was in the audience before it was replaced is removed")
	}
	return err
}

// do makes a request until it is accepted, refused for good, or tried often enough.
func (s *sender) do(ctx context.Context, c call, read func(int, http.Header, []byte) verdict) (verdict, error) {
	var last verdict
	for attempt := 1; ; attempt++ {
		if err := s.pace(ctx); err != nil {
			return verdict{}, err
		}
		if c.until > 0 && s.hooks.now().Unix() >= c.until {
			return verdict{}, fail(Expired, "")
		}
		v, err := s.once(ctx, c, read)
		if err != nil {
			return verdict{}, err
		}
		if v.code == "" {
			return v, nil
		}
		last = v
		if !v.again || attempt == s.o.Attempts || v.after > longestAfter {
			break
		}
		wait := min(firstWait<<(attempt-1), longestWait)
		// Full jitter over the upper half: couriers that were refused together don't come
		// back together.
		wait = max(wait/2+time.Duration(s.hooks.jitter()*float64(wait/2)), v.after)
		s.log.Warn("not accepted; tried again", "code", string(v.code), "said", v.detail, "attempt", attempt, "wait", wait.Round(time.Millisecond).String())
		if err := s.hooks.sleep(ctx, wait); err != nil {
			return verdict{}, err
		}
	}
	return last, fail(last.code, last.detail)
}

// pace keeps the rate.
func (s *sender) pace(ctx context.Context) error {
	now := s.hooks.now()
	if s.next.After(now) {
		if err := s.hooks.sleep(ctx, s.next.Sub(now)); err != nil {
			return err
		}
		now = s.next
	}
	s.next = now.Add(time.Duration(float64(time.Second) / s.o.Rate))
	return ctx.Err()
}

// once makes a request. What the network says about it is no answer: an error of its
// own is only that it can't be made.
func (s *sender) once(ctx context.Context, c call, read func(int, http.Header, []byte) verdict) (verdict, error) {
	credentials, err := s.o.Credentials()
	if err != nil {
		return verdict{}, err
	}
	r, err := s.request(ctx, c, credentials)
	if err != nil {
		return verdict{}, err
	}
	resp, err := s.hooks.client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return verdict{}, ctx.Err()
		}
		// The error names the URL, which has the account in it; its kind is enough.
		return verdict{code: Unreachable, again: true, detail: networkFault(err)}, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		if ctx.Err() != nil {
			return verdict{}, ctx.Err()
		}
		return verdict{code: Unreachable, again: true, detail: "the answer broke off"}, nil
	}
	return read(resp.StatusCode, resp.Header, body), nil
}

func networkFault(err error) string {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	return "no connection, or it broke"
}

// request builds a request with its body and its credentials. They are never in the
// URL.
func (s *sender) request(ctx context.Context, c call, credentials Credentials) (*http.Request, error) {
	at := s.endpoint + c.path
	if len(c.query) > 0 {
		at += "?" + c.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, c.method, at, nil)
	if err != nil {
		return nil, &Error{Code: Unreachable, Detail: "the endpoint"}
	}
	form := url.Values{}
	for k, v := range c.form {
		form[k] = v
	}
	s.platform.sign(r, form, credentials)
	var body []byte
	switch {
	case c.json != nil:
		if body, err = json.Marshal(c.json); err != nil {
			return nil, fmt.Errorf("building a request: %w", err)
		}
		r.Header.Set("Content-Type", "application/json")
	case c.form != nil:
		body = []byte(form.Encode())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	r.Header.Set("User-Agent", "awase-courier")
	return r, nil
}
