package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// testDesk is the public key of a privacy desk.
var testDesk = func() string {
	k, err := seal.DeriveKey(seal.XWing, [32]byte{1})
	if err != nil {
		panic(err)
	}
	return k.Public().String()
}()

func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(&locked{w: w}, nil))
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// methods are all routes, with a request of each that is understood.
var methods = map[string]string{
	"add-party":        `{"document":{"schema":"awase.party/v1","id":"acme","class":"client","group":"acme","country":"JP"}}`,
	"set-policies":     `{"document":{"schema":"awase.policies/v1","policies":[{"version":"1","date":"2024-01-29","clauses":{}}]}}`,
	"set-gate":         `{"file":"gate.yaml","document":"c2NoZW1hOiBhd2FzZS5nYXRlL3YxCg=="}`,
	"gate":             `{}`,
	"gate-changes":     `{"file":"gate.yaml","document":"c2NoZW1hOiBhd2FzZS5nYXRlL3YxCg=="}`,
	"entrustments":     `{}`,
	"entrust":          `{"document":{"schema":"awase.entrustment/v1","id":"e","flow":"5-analysis"}}`,
	"terms":            `{"entrustment":"e"}`,
	"load-base":        `{"document":{"schema":"awase.base/v1","region":"JP"}}`,
	"load-list":        `{"entrustment":"e","name":"l"}`,
	"load-events":      `{"entrustment":"e"}`,
	"price":            `{"question":{"schema":"awase.report/v1","report":"overlap","entrustment":"e"},"expect":3}`,
	"report":           `{"question":{"schema":"awase.report/v1","report":"overlap","entrustment":"e"}}`,
	"reserve":          `{"name":"r","question":{"schema":"awase.report/v1","report":"overlap","entrustment":"e"},"until":"2026-12-31"}`,
	"free":             `{"name":"e/r"}`,
	"price-reserved":   `{"name":"e/r","expect":0}`,
	"report-reserved":  `{"name":"e/r"}`,
	"ledger":           `{"group":"acme","officer":false}`,
	"accept-clock":     `{}`,
	"drafts":           `{}`,
	"approve":          `{"draft":"","key":"","signature":{}}`,
	"withdraw":         `{"draft":"x"}`,
	"frozen":           `{}`,
	"freeze":           `{"signature":{}}`,
	"lift":             `{}`,
	"log-key":          `{}`,
	"log-proof":        `{"from":1,"to":2}`,
	"attestation":      `{"nonce":"n"}`,
	"end-entrustment":  `{"entrustment":"e","by":{"signature":{}}}`,
	"certificate":      `{"entrustment":"e"}`,
	"rotate":           `{"by":{"signature":{}}}`,
	"to-sign":          `{"act":"end","id":"e"}`,
	"backup":           `{"dir":"/nowhere","expires":"2030-01-01"}`,
	"confirm-restore":  `{}`,
	"room":             `{}`,
	"parties":          `{}`,
	"entrustment":      `{"entrustment":"e"}`,
	"policies":         `{}`,
	"contracts":        `{}`,
	"lists":            `{"entrustment":"e"}`,
	"event-logs":       `{"entrustment":""}`,
	"retention":        `{"entrustment":"e"}`,
	"bases":            `{}`,
	"log":              `{"party":"acme","from":0,"limit":10}`,
	"inclusion":        `{"seq":1}`,
	"checkpoint":       `{}`,
	"start-work":       `{"job":"j","kind":"load-list","upload":"u","list":{"entrustment":"e","name":"l"}}`,
	"poll-work":        `{"job":"j","wait_ms":10}`,
	"stop-work":        `{"job":"j"}`,
	"engine":           `{}`,
	"request":          `{"check":{"method":"document","on":"2026-01-01","by":"person p"},"sealed":"AA=="}`,
	"requests":         `{}`,
	"request-receipt":  `{"number":1}`,
	"set-desk-key":     `{"key":"` + testDesk + `"}`,
	"desk-key":         `{}`,
	"disclose":         `{"number":1}`,
	"disclosure":       `{"number":1}`,
	"price-campaign":   `{"campaign":{"schema":"awase.campaign/v1","id":"m","entrustment":"e"},"expect":3}`,
	"submit-campaign":  `{"campaign":{"schema":"awase.campaign/v1","id":"m","entrustment":"e"},"party":"acme"}`,
	"campaigns":        `{"entrustment":"e"}`,
	"deliver-campaign": `{"entrustment":"e","campaign":"m","party":"acme"}`,
	"close-campaign":   `{"entrustment":"e","campaign":"m"}`,
	"deliveries":       `{"entrustment":"e","receiver":"adco"}`,
	"delivery":         `{"entrustment":"e","campaign":"m","number":1,"receiver":"adco"}`,
	"report-delivery":  `{"entrustment":"e","campaign":"m","number":1,"status":"failed","reason":"busy"}`,
	"evidence":         `{"entrustment":"e","party":"acme","from":"2026-04-01","to":"2026-04-30"}`,
}

func kindOf(method string) string {
	if strings.HasPrefix(method, "load-") {
		return wire.SealedType
	}
	return wire.JSONType
}

// post sends bytes to a handler as any process may, and gives the refusal.
func post(h http.Handler, method, kind, caller string, body io.Reader) (int, *entrustment.Error) {
	req := httptest.NewRequest(http.MethodPost, wire.Prefix+method, body)
	req.Header.Set("Content-Type", kind)
	if caller != "" {
		req.Header.Set(wire.CallerField, caller)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	var e entrustment.Error
	_ = json.Unmarshal(w.Body.Bytes(), &e) // an answer is none
	return w.Code, &e
}

// deaf is an enclave that must not be reached, or answers everything with its
// error.
type deaf struct{ err error }

func (d *deaf) AddParty(context.Context, *entrustment.Party) (a wire.Ack, err error) { return a, d.err }
func (d *deaf) SetPolicies(context.Context, *entrustment.Policies) (a wire.Ack, err error) {
	return a, d.err
}
func (d *deaf) SetGate(context.Context, string, []byte) (a wire.Ack, err error) { return a, d.err }
func (d *deaf) Gate(context.Context) (*wire.Gate, error)                        { return nil, d.err }
func (d *deaf) GateChanges(context.Context, string, []byte) ([]wire.GateChange, error) {
	return nil, d.err
}
func (d *deaf) Entrustments(context.Context) ([]string, error) { return nil, d.err }
func (d *deaf) Entrust(context.Context, *entrustment.Contract) (a wire.Ack, err error) {
	return a, d.err
}
func (d *deaf) Terms(context.Context, string) (a wire.Terms, err error) { return a, d.err }
func (d *deaf) LoadBase(context.Context, *entrustment.BaseSchema, io.Reader) (a wire.BaseLoaded, err error) {
	return a, d.err
}
func (d *deaf) LoadList(context.Context, wire.ListRequest, io.Reader) (a wire.ListLoaded, err error) {
	return a, d.err
}
func (d *deaf) LoadEvents(context.Context, wire.EventsRequest, io.Reader) (a wire.EventsLoaded, err error) {
	return a, d.err
}
func (d *deaf) Price(context.Context, *entrustment.Question, int64) (a wire.Price, err error) {
	return a, d.err
}
func (d *deaf) Report(context.Context, *entrustment.Question) (*wire.Release, error) {
	return nil, d.err
}
func (d *deaf) Reserve(context.Context, wire.ReserveRequest) (a wire.Reserved, err error) {
	return a, d.err
}
func (d *deaf) Free(context.Context, string) (a wire.Reserved, err error) { return a, d.err }
func (d *deaf) PriceReserved(context.Context, string, int64) (a wire.Price, err error) {
	return a, d.err
}
func (d *deaf) ReportReserved(context.Context, string) (*wire.Release, error) { return nil, d.err }
func (d *deaf) PriceCampaign(context.Context, wire.CampaignRequest) (*wire.CampaignPrice, error) {
	return nil, d.err
}
func (d *deaf) SubmitCampaign(context.Context, wire.CampaignRequest) (a wire.Ack, err error) {
	return a, d.err
}
func (d *deaf) Campaigns(context.Context, string) ([]wire.Campaign, error) { return nil, d.err }
func (d *deaf) DeliverCampaign(context.Context, wire.CampaignRef) (*wire.Campaign, error) {
	return nil, d.err
}
func (d *deaf) CloseCampaign(context.Context, wire.CampaignRef) (a wire.Ack, err error) {
	return a, d.err
}
func (d *deaf) Deliveries(context.Context, wire.DeliveriesRequest) ([]wire.Delivery, error) {
	return nil, d.err
}
func (d *deaf) Delivery(context.Context, wire.DeliveryRef) (*wire.Delivery, error) {
	return nil, d.err
}
func (d *deaf) ReportDelivery(context.Context, wire.DeliveryReport) (a wire.Ack, err error) {
	return a, d.err
}
func (d *deaf) Ledger(context.Context, wire.LedgerRequest) (*wire.Ledger, error) {
	return nil, d.err
}
func (d *deaf) AcceptClock(context.Context) (a wire.ClockState, err error)     { return a, d.err }
func (d *deaf) LogKey(context.Context) (string, error)                         { return "", d.err }
func (d *deaf) LogProof(context.Context, int64, int64) (raw []byte, err error) { return nil, d.err }
func (d *deaf) Attestation(context.Context, string) (raw []byte, err error)    { return nil, d.err }
func (d *deaf) Drafts(context.Context) ([]wire.Draft, error)                   { return nil, d.err }
func (d *deaf) Withdraw(context.Context, string) (a wire.Ack, err error)       { return a, d.err }
func (d *deaf) Approve(context.Context, wire.Approval) (a wire.Approved, err error) {
	return a, d.err
}
func (d *deaf) Frozen(context.Context) (a wire.Freeze, err error) { return a, d.err }
func (d *deaf) Freeze(context.Context, wire.FreezeRequest) (a wire.Freeze, err error) {
	return a, d.err
}
func (d *deaf) Lift(context.Context) (a wire.Ack, err error) { return a, d.err }
func (d *deaf) Close() error                                 { return nil }

func (d *deaf) Room(context.Context) (a wire.Room, err error)                   { return a, d.err }
func (d *deaf) Parties(context.Context) (a []wire.PartyInfo, err error)         { return a, d.err }
func (d *deaf) Contracts(context.Context) (a []wire.EntrustmentInfo, err error) { return a, d.err }
func (d *deaf) Entrustment(context.Context, string) (a wire.EntrustmentInfo, err error) {
	return a, d.err
}
func (d *deaf) Policies(context.Context) (*entrustment.Policies, error)            { return nil, d.err }
func (d *deaf) Lists(context.Context, string) (a []wire.ListInfo, err error)       { return a, d.err }
func (d *deaf) Retention(context.Context, string) (a []wire.Expiry, err error)     { return a, d.err }
func (d *deaf) EventLogs(context.Context, string) (a []wire.EventsInfo, err error) { return a, d.err }
func (d *deaf) Bases(context.Context) (a []wire.BaseInfo, err error)               { return a, d.err }
func (d *deaf) Log(context.Context, wire.LogRequest) (a wire.LogPage, err error)   { return a, d.err }
func (d *deaf) Inclusion(context.Context, int64) (a []byte, err error)             { return a, d.err }
func (d *deaf) Checkpoint(context.Context) (a []byte, err error)                   { return a, d.err }
func (d *deaf) StartWork(context.Context, wire.WorkRequest) (a wire.WorkState, err error) {
	return a, d.err
}
func (d *deaf) PollWork(context.Context, string, time.Duration) (a wire.WorkState, err error) {
	return a, d.err
}
func (d *deaf) StopWork(context.Context, string) (a wire.WorkState, err error) { return a, d.err }

func (d *deaf) Request(context.Context, wire.RightsRequest) (a []byte, err error) { return a, d.err }
func (d *deaf) Requests(context.Context) (a []wire.RequestInfo, err error)        { return a, d.err }
func (d *deaf) RequestReceipt(context.Context, int64) (a []byte, err error)       { return a, d.err }

func (d *deaf) SetDeskKey(context.Context, seal.PublicKey) (a wire.Ack, err error) { return a, d.err }
func (d *deaf) DeskKey(context.Context) (a *wire.DeskKey, err error)               { return a, d.err }
func (d *deaf) Disclose(context.Context, int64) (a wire.Ack, err error)            { return a, d.err }
func (d *deaf) Disclosure(context.Context, int64) (a []byte, err error)            { return a, d.err }

var errReached = &entrustment.Error{Code: entrustment.CodeGone, Detail: "reached"}

// TestStrict: a request that is not exactly one never reaches the enclave.
func TestStrict(t *testing.T) {
	h := wire.Handler(&deaf{errReached}, wire.Options{})
	for method, good := range methods {
		t.Run(method, func(t *testing.T) {
			kind := kindOf(method)
			with := func(s string) io.Reader { return strings.NewReader(s + "\n") }
			// The short documents of contract and base are refused by their own rules.
			if _, e := post(h, method, kind, "me", with(good)); *e != *errReached && e.Code != entrustment.CodeDocument {
				t.Errorf("a good request: %v", e)
			}
			for name, bad := range map[string]string{
				"unknown field": strings.Replace(good, "{", `{"canary":1,`, 1), "no JSON": "canary", "empty": "", "cut": good[:len(good)-1], "other kind": `[1]`,
				"long": `{"x":"` + strings.Repeat("canary", wire.MaxRequest/6) + `"}`,
			} {
				bad = strings.Replace(bad, ",}", "}", 1)
				code, e := post(h, method, kind, "me", with(bad))
				if code < 400 || *e == *errReached || strings.Contains(e.Error(), "canary") {
					t.Errorf("%s: %d, %v", name, code, e)
				}
			}
			if _, e := post(h, method, kind, "", with(good)); e.Code != entrustment.CodeForbidden {
				t.Errorf("nobody asks: %v", e)
			}
			if _, e := post(h, method, kind, "a\x01", with(good)); e.Code != entrustment.CodeForbidden {
				t.Errorf("no name: %v", e)
			}
			if _, e := post(h, method, "text/plain", "me", with(good)); e.Code != entrustment.CodeDocument {
				t.Errorf("another type: %v", e)
			}
			if kind == wire.JSONType {
				if _, e := post(h, method, kind, "me", with(good+good)); e.Code != entrustment.CodeDocument {
					t.Errorf("twice: %v", e)
				}
			}
		})
	}
	for _, method := range []string{"", "nosuch", "close", "../gate"} {
		if code, e := post(h, method, wire.JSONType, "me", strings.NewReader("{}")); code < 300 || *e == *errReached {
			t.Errorf("%q: %d, %v", method, code, e)
		}
	}
}

// TestLimits: a sealed file has a size, and its sender a pace.
func TestLimits(t *testing.T) {
	e := &fake{loadList: func(_ context.Context, _ wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
		_, err := io.Copy(io.Discard, sealed)
		return wire.ListLoaded{}, err
	}}
	c, _ := serve(t, e, wire.SmallUpload(1<<20, 200*time.Millisecond))
	for name, file := range map[string]io.Reader{"long": zeros{}, "slow": io.MultiReader(strings.NewReader("x"), stalled{t.Context()})} {
		_, err := c.LoadList(t.Context(), wire.ListRequest{}, file)
		if entrustment.Public(err).Code != entrustment.CodeLimit {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// stalled is a sender that sends nothing for a while.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) {
	select {
	case <-time.After(3 * time.Second):
	case <-s.ctx.Done():
	}
	return 0, io.EOF
}

// TestListen: one service a socket, in a directory of its user's own; what a
// killed one left is replaced, any other file is not.
func TestListen(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "run", "s")
	l, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{filepath.Dir(socket): 0o700 | os.ModeDir, socket: 0o600 | os.ModeSocket} {
		if st, err := os.Stat(path); err != nil || st.Mode() != mode {
			t.Errorf("%s: %v, %v", path, st.Mode(), err)
		}
	}
	refused := func(what, socket string) {
		t.Helper()
		if l, err := wire.Listen(socket); entrustment.Public(err).Code != entrustment.CodeFile {
			t.Errorf("%s: %v, %v", what, l, err)
		}
	}
	refused("served", socket)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Dial(socket); entrustment.Public(err).Code != entrustment.CodeNotFound {
		t.Errorf("nobody serves: %v", err)
	}
	// A process that was killed leaves its socket.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Dial(socket); entrustment.Public(err).Code != entrustment.CodeNotFound {
		t.Errorf("a socket that was left: %v", err)
	}
	if l, err = wire.Listen(socket); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(socket, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("a file", socket)
	if text, err := os.ReadFile(socket); err != nil || string(text) != "mine" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	refused("an open directory", filepath.Join(open, "s"))
	refused("a long name", filepath.Join(dir, strings.Repeat("s", 120)))
}

// TestOtherUser: a process of another user gets no answer, even where the modes
// of directory and socket let it in.
func TestOtherUser(t *testing.T) {
	if socket := os.Getenv("AWASE_TEST_SOCKET"); socket != "" { // the other user
		_, err := wire.Dial(socket)
		if err == nil {
			t.Fatal("answered")
		}
		if errors.Is(err, syscall.EACCES) || entrustment.Public(err).Code != entrustment.CodeInternal {
			t.Fatalf("not even connected: %v", err)
		}
		return
	}
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("only root can be another user: run the tests as root in CI")
		}
		t.Skip("NOT RUN: only root can be another user")
	}
	top, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(top)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	socket, copied := filepath.Join(top, "run", "s"), filepath.Join(top, "test")
	if err := os.WriteFile(copied, text, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- wire.Serve(ctx, l, &deaf{errReached}, wire.Options{}) }()
	run := func(uid uint32) ([]byte, error) {
		cmd := exec.CommandContext(ctx, copied, "-test.run", "^TestOtherUser$", "-test.v")
		cmd.Dir, cmd.Env = "/", append(os.Environ(), "AWASE_TEST_SOCKET="+socket)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		return cmd.CombinedOutput()
	}
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := run(65534); err == nil || !bytes.Contains(out, []byte("not even connected")) {
		t.Errorf("the modes let another user in: %v\n%s", err, out)
	}
	for path, mode := range map[string]os.FileMode{filepath.Dir(socket): 0o755, socket: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run(65534); err != nil {
		t.Errorf("another user: %v\n%s", err, out)
	}
	// The twin: this user, by the same way, is answered.
	if out, err := run(0); err == nil || !bytes.Contains(out, []byte("answered")) {
		t.Errorf("the same user: %v\n%s", err, out)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// FuzzRequests: whatever a process sends to any method is answered, without a
// panic, and a refusal repeats nothing that is not of the request's own document.
func FuzzRequests(f *testing.F) {
	names := slices.Sorted(maps.Keys(methods))
	for i, name := range names {
		good := methods[name]
		f.Add(uint8(i), []byte(good))
		f.Add(uint8(i), []byte(good+"\nsealed"))
		f.Add(uint8(i), []byte(good[:len(good)/2]))
	}
	if len(names) != reflect.TypeFor[wire.Enclave]().NumMethod()-1 { // Close is none

		f.Fatalf("%d methods", len(names))
	}
	var logged bytes.Buffer
	h := wire.Handler(&deaf{errReached}, wire.Options{Logger: textLogger(&logged)})
	f.Fuzz(func(t *testing.T, at uint8, body []byte) {
		method := names[int(at)%len(names)]
		logged.Reset()
		code, e := post(h, method, kindOf(method), "me", bytes.NewReader(body))
		if e.Code == "" || e.Code == entrustment.CodeInternal || code < 400 {
			t.Errorf("%d, %v", code, e)
		}
		if strings.Contains(logged.String(), "panic") {
			t.Error(logged.String())
		}
	})
}

// FuzzAnswers: whatever listens at a socket, a client gives its answer or an
// error.
func FuzzAnswers(f *testing.F) {
	f.Add(200, wire.JSONType, []byte(`{"version":1,"settings":[]}`))
	f.Add(403, "application/problem+json", []byte(`{"type":"urn:awase:refused","status":403,"code":"E_BUDGET","detail":"d"}`))
	f.Add(500, "text/html", []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		gate, err := wire.ReadAnswer[*wire.Gate](status, kind, body)
		release, rerr := wire.ReadAnswer[*wire.Release](status, kind, body)
		price, perr := wire.ReadAnswer[wire.Price](status, kind, body)
		if status != 200 && (err == nil || rerr == nil || perr == nil) {
			t.Errorf("status %d: %v, %v, %v", status, gate, release, price)
		}
	})
}
