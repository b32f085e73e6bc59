// Package apitest runs the service for tests: a real control store, a real enclave
// with a dev vault in this process, and HTTP on the loopback. Every request and
// every answer is held against openapi.yaml.
package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"awase/api"
	"awase/api/account"
	"awase/enclave"
	"awase/sql/control"
)

// Room is a service that runs.
type Room struct {
	URL     string
	Dir     string
	Inbox   string // of sealed files
	Outbox  string // of deliveries
	Store   *control.Store
	Enclave *enclave.Enclave
	Log     *Log // what the service logged
	Server  *api.Server
	now     func() time.Time
	tokens  sync.Map // secrets by id
	people  sync.Map // roles by id, of who was made
	t       testing.TB
}

// Log is a log that is read while it is written.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String gives all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start starts a room of a dev vault. change alters the options before the server is
// made.
func Start(t testing.TB, change ...func(*api.Options)) *Room {
	t.Helper()
	return startOf(t, func(dir string, o enclave.Options) (*enclave.Enclave, error) {
		return enclave.Open(t.Context(), dir, o)
	}, change)
}

func startOf(t testing.TB, open func(dir string, o enclave.Options) (*enclave.Enclave, error), change []func(*api.Options)) *Room {
	t.Helper()
	r := &Room{Dir: t.TempDir(), Log: &Log{}, t: t}
	r.Inbox = filepath.Join(r.Dir, "inbox")
	r.Outbox = filepath.Join(r.Dir, "outbox")
	err := errors.Join(os.Mkdir(r.Inbox, 0o700), os.Mkdir(r.Outbox, 0o700))
	if err != nil {
		t.Fatal(err)
	}
	if r.Enclave, err = open(filepath.Join(r.Dir, "vault"), enclave.Options{Inbox: r.Inbox, Outbox: r.Outbox}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Enclave.Close(); err != nil {
			t.Error(err)
		}
	})
	if r.Store, err = OpenStore(t.Context(), r.Dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	o := api.Options{Enclave: r.Enclave, Store: r.Store, OperatorParty: Operator, Passwords: account.Cost{MiB: 1, Passes: 1, Lanes: 1}, Version: "test", Inbox: r.Inbox, Outbox: r.Outbox, Reports: filepath.Join(r.Dir, "reports"),
		Rate:   api.RateOptions{PerSecond: 10_000, Burst: 10_000, Strangers: 1000},
		Logger: slog.New(slog.NewJSONHandler(r.Log, nil))}
	for _, c := range change {
		c(&o)
	}
	if r.now = o.Now; r.now == nil {
		r.now = time.Now
	}
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	runs := make(chan error, 1)
	go func() { runs <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-runs; err != nil {
			t.Error(err)
		}
	})
	srv := api.HTTP(s)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	r.URL = "http://" + l.Addr().String()
	return r
}

// OpenStore opens the control store of a directory, as Start does.
func OpenStore(ctx context.Context, dir string) (*control.Store, error) {
	return control.Open(ctx, filepath.Join(dir, "control.db"))
}

// Nobody gives a client that does not say who it is.
func (r *Room) Nobody() *Client { return &Client{room: r} }

// Answer is an answer that fits the contract.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	t      testing.TB
}

// JSON reads the body into v.
func (a *Answer) JSON(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.t.Fatalf("%v: %s", err, a.Body)
	}
}

// Want fails unless the answer has the status.
func (a *Answer) Want(status int) *Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// contract is openapi.yaml, read once.
var contract = sync.OnceValues(func() (routers.Router, error) {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	for _, media := range []string{"text/event-stream", "application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"application/vnd.apache.parquet", "application/vnd.apache.arrow.file"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
	openapi3filter.RegisterBodyDecoder("application/offset+octet-stream", openapi3filter.FileBodyDecoder)
	doc, err := openapi3.NewLoader().LoadFromData(api.Contract())
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// Do asks, and holds request and answer against the contract. body nil: none;
// []byte or string: as it is; anything else as JSON. header: pairs of name, value.
func (c *Client) Do(method, path string, body any, header ...string) *Answer {
	c.room.t.Helper()
	return c.do(method, path, body, true, header)
}

// Bad is Do of a request that the contract does not allow: the answer alone is
// held against it.
func (c *Client) Bad(method, path string, body any, header ...string) *Answer {
	c.room.t.Helper()
	return c.do(method, path, body, false, header)
}

// Raw is Bad of an address that may be of no operation at all: nothing is held
// against the contract.
func (c *Client) Raw(method, path string, body any, header ...string) *Answer {
	c.room.t.Helper()
	return c.send(method, path, body, func(*http.Request, *http.Response, []byte) error { return nil }, header)
}

// Authorization gives the header by which the client says who it is.
func (c *Client) Authorization() string {
	c.room.t.Helper()
	if c.bearer == "" {
		c.bearer = c.room.Token(c.who)
	}
	return "Bearer " + c.bearer
}

func (c *Client) do(method, path string, body any, checked bool, header []string) *Answer {
	c.room.t.Helper()
	return c.send(method, path, body, func(req *http.Request, res *http.Response, got []byte) error { return check(req, checked, res, got) }, header)
}

func (c *Client) send(method, path string, body any, hold func(*http.Request, *http.Response, []byte) error, header []string) *Answer {
	t := c.room.t
	t.Helper()
	var raw []byte
	media := "application/json"
	switch b := body.(type) {
	case nil:
	case []byte:
		raw = b
	case string:
		raw = []byte(b)
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	newRequest := func() *http.Request {
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, c.room.URL+path, bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if raw != nil {
			req.Header.Set("Content-Type", media)
		}
		c.show(req)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return req
	}
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(newRequest())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := hold(newRequest(), res, got); err != nil {
		t.Errorf("%s %s: %v\n%s", method, path, err, got)
	}
	return &Answer{res.StatusCode, res.Header, got, t}
}

// check holds a request and its answer against the contract.
func check(req *http.Request, checked bool, res *http.Response, body []byte) error {
	router, err := contract()
	if err != nil {
		return fmt.Errorf("openapi.yaml: %w", err)
	}
	route, params, err := router.FindRoute(req)
	if err != nil {
		return fmt.Errorf("the contract has no such operation: %w", err)
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if checked {
		if err := openapi3filter.ValidateRequest(req.Context(), in); err != nil {
			return fmt.Errorf("the request: %w", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: in.Options}
	out.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(req.Context(), out); err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	return nil
}
