package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"

	"awase/entrustment"
)

// Client asks an enclave that runs as a process of its own. It is safe for
// concurrent use.
type Client struct {
	socket string
	caller Caller
	http   *http.Transport
}

var _ Enclave = (*Client)(nil)

// Dial finds the enclave that serves at a socket.
func Dial(socket string) (*Client, error) {
	c := newClient(socket)
	ctx, stop := context.WithTimeout(context.Background(), headerWait)
	defer stop()
	if err := c.Hello(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Hello tells whether the enclave serves: an error is that it does not.
func (c *Client) Hello(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://enclave"+helloPath, nil)
	if err != nil {
		return err
	}
	var hello string
	return c.send(req, &hello)
}

func newClient(socket string) *Client {
	var d net.Dialer
	return &Client{socket: socket, caller: OfUser(os.Getuid()), http: &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
		DisableCompression: true, MaxIdleConns: 16, MaxIdleConnsPerHost: 16, IdleConnTimeout: idleWait / 2,
		WriteBufferSize: 256 << 10, MaxResponseHeaderBytes: maxHeader,
	}}
}

// As gives a client that asks for somebody else.
func (c *Client) As(who Caller) *Client {
	other := *c
	other.caller = who
	return &other
}

// Close closes connections that are not in use. The service goes on.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// ask calls one method.
func ask[Q, A any](ctx context.Context, c *Client, r route[Q, A], q *Q) (a A, err error) {
	body, err := marshal(q)
	if err != nil {
		return a, fmt.Errorf("asking the enclave: %w", err)
	}
	req, err := c.request(ctx, r.name, jsonType, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	err = c.send(req, &a)
	return a, err
}

// askAbout calls a method that is asked with a document.
func askAbout[Q, A any](ctx context.Context, c *Client, r route[Q, A], document any, q func(json.RawMessage) *Q) (a A, err error) {
	raw, err := marshal(document)
	if err != nil {
		return a, fmt.Errorf("asking the enclave: %w", err)
	}
	return ask(ctx, c, r, q(raw))
}

// put calls a method that takes a sealed file. When it returns, nothing reads the
// file any more.
func put[Q, A any](ctx context.Context, c *Client, r upload[Q, A], q *Q, sealed io.Reader) (a A, err error) {
	head, err := marshal(q)
	if err != nil {
		return a, fmt.Errorf("asking the enclave: %w", err)
	}
	body := &sending{r: io.MultiReader(bytes.NewReader(head), sealed)}
	defer body.Close()
	req, err := c.request(ctx, r.name, sealedType, body)
	if err != nil {
		return a, err
	}
	err = c.send(req, &a)
	if _, answered := errors.AsType[*entrustment.Error](err); err == nil || answered || ctx.Err() != nil {
		return a, err
	}
	// What the sender's side failed with comes first: it names the place in
	// their file.
	if failed := body.failed(); failed != nil {
		if desk, ok := errors.AsType[*entrustment.Error](failed); ok {
			return a, desk
		}
		return a, failed
	}
	return a, err
}

// sending is a sealed file on its way. Nothing is read of it after Close, nor
// after the first error.
type sending struct {
	mu  sync.Mutex
	r   io.Reader
	err error
}

var errSent = errors.New("the request has ended")

// Read reads on.
func (s *sending) Read(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		n, s.err = s.r.Read(p)
	}
	return n, s.err
}

// Close ends the reading, and waits for it.
func (s *sending) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = errSent
	}
	return nil
}

// failed gives the error that the file could not be read for.
func (s *sending) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == errSent || errors.Is(s.err, io.EOF) {
		return nil
	}
	return s.err
}

func (c *Client) request(ctx context.Context, name, kind string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://enclave"+prefix+name, body)
	if err != nil {
		return nil, fmt.Errorf("asking the enclave: %w", err)
	}
	req.Header.Set("Content-Type", kind)
	return req, nil
}

// send sends a request and reads the answer. An error is the caller's own
// context's, a refusal of the enclave's, or says that it can't be reached.
func (c *Client) send(req *http.Request, answer any) error {
	req.Header.Set(callerField, string(c.callerIn(req.Context())))
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		return c.away(req.Context(), err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return c.away(req.Context(), err)
	}
	return c.read(resp.StatusCode, resp.Header.Get("Content-Type"), raw, answer)
}

// read reads an answer.
func (c *Client) read(status int, kind string, raw []byte, answer any) error {
	switch {
	case len(raw) > maxAnswer:
		return fmt.Errorf("the enclave at %s gives an answer of more than %d bytes", c.socket, maxAnswer)
	case status == http.StatusOK && kind == jsonType:
		err := unmarshal(raw, answer)
		if v := reflect.ValueOf(answer).Elem(); err == nil && v.Kind() == reflect.Pointer && v.IsNil() {
			err = errors.New("no answer")
		}
		if err != nil {
			return fmt.Errorf("the enclave at %s is of another version than this command: %w", c.socket, err)
		}
		return nil
	case kind == problemType:
		var p problem
		if err := unmarshal(raw, &p); err == nil && p.Code != "" {
			return c.refused(&p)
		}
	}
	return fmt.Errorf("what listens at %s is no enclave of this version: HTTP status %d", c.socket, status)
}

func is(h http.Header, kind string) bool { return h.Get("Content-Type") == kind }

func (c *Client) refused(p *problem) error {
	e := p.refusal()
	if e.Code == entrustment.CodeInternal && e.Mend == "" {
		e.Mend = "the log of the enclave at " + c.socket + " says more"
	}
	return e
}

// Away is that an enclave gives no answer: none serves, or it went away. What was
// asked may be done or not; asked again, nothing is loaded or charged twice.
type Away struct{ why error }

// Error says why.
func (a *Away) Error() string { return a.why.Error() }

// Unwrap gives why.
func (a *Away) Unwrap() error { return a.why }

// away says why there is no answer.
func (c *Client) away(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	return &Away{c.why(err)}
}

func (c *Client) why(err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "enclave", Detail: "no enclave serves at " + c.socket,
			Mend: "check the name; awase serve --vault V --socket " + c.socket + " starts one"}
	case errors.Is(err, syscall.EACCES):
		return &entrustment.Error{Code: entrustment.CodeForbidden, Field: "enclave", Clause: "DESIGN §4", Detail: "the socket " + c.socket + " is another user's",
			Mend: "run the command as the user that the enclave runs as"}
	case errors.Is(err, syscall.EINVAL) && strings.Contains(err.Error(), "unix"):
		return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "enclave", Detail: "the name of the socket is too long: " + c.socket, Mend: "use a shorter one"}
	}
	return fmt.Errorf("the enclave at %s went away without an answer (%w). What was acknowledged stands; run the same command again (a question that was charged is not charged twice)", c.socket, err)
}

// AddParty adds a party, or replaces the one of the same id.
func (c *Client) AddParty(ctx context.Context, p *entrustment.Party) (Ack, error) {
	return askAbout(ctx, c, addParty, p, ofDocument)
}

func ofDocument(raw json.RawMessage) *documentRequest { return &documentRequest{raw} }

// SetPolicies sets which policy versions let which flow use a user's data.
func (c *Client) SetPolicies(ctx context.Context, p *entrustment.Policies) (Ack, error) {
	return askAbout(ctx, c, setPolicies, p, ofDocument)
}

// SetGate sets the release gate's parameters.
func (c *Client) SetGate(ctx context.Context, file string, doc []byte) (Ack, error) {
	return ask(ctx, c, setGate, &gateRequest{file, doc})
}

// Gate gives the parameters in force.
func (c *Client) Gate(ctx context.Context) (*Gate, error) { return ask(ctx, c, gate, &nothing{}) }

// GateChanges says what SetGate would change.
func (c *Client) GateChanges(ctx context.Context, file string, doc []byte) ([]GateChange, error) {
	return ask(ctx, c, gateChanges, &gateRequest{file, doc})
}

// Entrustments lists the ids of all entrustments.
func (c *Client) Entrustments(ctx context.Context) ([]string, error) {
	return ask(ctx, c, entrustments, &nothing{})
}

// Entrust activates an entrustment, or its next version.
func (c *Client) Entrust(ctx context.Context, contract *entrustment.Contract) (Ack, error) {
	return askAbout(ctx, c, entrust, contract, ofDocument)
}

// Terms says what a file for an entrustment is sealed to.
func (c *Client) Terms(ctx context.Context, entrustmentID string) (Terms, error) {
	return ask(ctx, c, terms, &termsRequest{entrustmentID})
}

// LoadBase makes a sealed file the identity base.
func (c *Client) LoadBase(ctx context.Context, schema *entrustment.BaseSchema, sealed io.Reader) (BaseLoaded, error) {
	raw, err := marshal(schema)
	if err != nil {
		return BaseLoaded{}, fmt.Errorf("asking the enclave: %w", err)
	}
	return put(ctx, c, loadBase, ofDocument(raw), sealed)
}

// LoadList makes a sealed file the newest version of a list.
func (c *Client) LoadList(ctx context.Context, req ListRequest, sealed io.Reader) (ListLoaded, error) {
	return put(ctx, c, loadList, &req, sealed)
}

// LoadEvents adds a sealed event log.
func (c *Client) LoadEvents(ctx context.Context, req EventsRequest, sealed io.Reader) (EventsLoaded, error) {
	return put(ctx, c, loadEvents, &req, sealed)
}

// Price says what a question costs.
func (c *Client) Price(ctx context.Context, q *entrustment.Question, expect int64) (Price, error) {
	return askAbout(ctx, c, price, q, func(raw json.RawMessage) *questionRequest { return &questionRequest{raw, expect} })
}

// Report charges the question and gives the release.
func (c *Client) Report(ctx context.Context, q *entrustment.Question) (*Release, error) {
	sent, err := askAbout(ctx, c, report, q, func(raw json.RawMessage) *questionRequest { return &questionRequest{Question: raw} })
	return sent.unpacked(err)
}

// Reserve holds the price of a question.
func (c *Client) Reserve(ctx context.Context, req ReserveRequest) (Reserved, error) {
	return askAbout(ctx, c, reserve, req.Question, func(raw json.RawMessage) *reserveRequest { return &reserveRequest{req.Name, raw, req.Until, req.Party} })
}

// Free gives a reservation up.
func (c *Client) Free(ctx context.Context, name string) (Reserved, error) {
	return ask(ctx, c, free, &reservedRequest{Name: name})
}

// PriceReserved is Price of the question that a reservation holds.
func (c *Client) PriceReserved(ctx context.Context, name string, expect int64) (Price, error) {
	return ask(ctx, c, priceReserved, &reservedRequest{name, expect})
}

// ReportReserved is Report of the question that a reservation holds.
func (c *Client) ReportReserved(ctx context.Context, name string) (*Release, error) {
	sent, err := ask(ctx, c, reportReserved, &reservedRequest{Name: name})
	return sent.unpacked(err)
}

// Ledger gives the statement of the privacy budgets.
func (c *Client) Ledger(ctx context.Context, req LedgerRequest) (*Ledger, error) {
	return ask(ctx, c, ledger, &req)
}

// AcceptClock believes the machine's clock after it jumped.
func (c *Client) AcceptClock(ctx context.Context) (ClockState, error) {
	return ask(ctx, c, acceptClock, &nothing{})
}

// LogKey gives the verifier key of receipts and checkpoints.
func (c *Client) LogKey(ctx context.Context) (string, error) { return ask(ctx, c, logKey, &nothing{}) }

// LogProof gives the proof between two sizes of the record log.
func (c *Client) LogProof(ctx context.Context, from, to int64) ([]byte, error) {
	return ask(ctx, c, logProof, &proofRequest{from, to})
}

// Attestation gives what the enclave says of itself, signed.
func (c *Client) Attestation(ctx context.Context, nonce string) ([]byte, error) {
	return ask(ctx, c, attestation, &nonceRequest{nonce})
}
