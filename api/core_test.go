package api_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/api"
	"awase/api/store"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// counting is an enclave that counts dry runs of the gate, and keeps them waiting.
type counting struct {
	api.Enclave
	n    atomic.Int64
	wait chan struct{}
	then func() error
}

func (c *counting) GateChanges(ctx context.Context, file string, doc []byte) ([]wire.GateChange, error) {
	c.n.Add(1)
	if c.wait != nil {
		<-c.wait
	}
	if c.then != nil {
		if err := c.then(); err != nil {
			return nil, err
		}
	}
	return c.Enclave.GateChanges(ctx, file, doc)
}

func counted(c *counting) func(*api.Options) {
	return func(o *api.Options) { c.Enclave, o.Enclave = o.Enclave, c }
}

const gateDoc = `{"schema":"awase.gate/v1","k":60}`

// Twenty requests with one key at once are one act; whoever comes later gets its
// answer.
func TestOnceAtOnce(t *testing.T) {
	enclave := &counting{wait: make(chan struct{})}
	r := furnished(t, counted(enclave))
	op := r.As(everybody(apitest.Operator))
	answers := make([]*apitest.Answer, 20)
	var all sync.WaitGroup
	var refused atomic.Int64
	for i := range answers {
		all.Go(func() {
			answers[i] = op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k")
			if answers[i].Status == http.StatusConflict && refused.Add(1) == int64(len(answers)-1) {
				close(enclave.wait) // all others are answered: now the one is
			}
		})
	}
	all.Wait()
	first := slices.IndexFunc(answers, func(a *apitest.Answer) bool { return a.Status == 200 })
	if first < 0 || enclave.n.Load() != 1 {
		t.Fatalf("%d acts", enclave.n.Load())
	}
	again := op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(200)
	if string(again.Body) != string(answers[first].Body) || again.Header.Get("Idempotent-Replayed") != "true" || enclave.n.Load() != 1 {
		t.Errorf("again: %s, %d acts", again.Body, enclave.n.Load())
	}
	// Of another request it is refused, of another asker it is another key.
	op.Do("POST", "/v1/gate/changes", `{"schema":"awase.gate/v1","k":61}`, "Idempotency-Key", "k").Want(422)
	op.Bad("POST", "/v1/gate/changes?x=1", gateDoc, "Idempotency-Key", "k").Want(422)
	other := everybody(apitest.Operator)
	other.Person = "" // of another person
	r.As(other).Do("POST", "/v1/gate/changes", `{"schema":"awase.gate/v1","k":61}`, "Idempotency-Key", "k").Want(200)
	token := everybody(apitest.Operator) // of the same person
	token.Person, token.Scopes = op.Person, []string{"room:read"}
	r.As(token).Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(200)
	if enclave.n.Load() != 3 {
		t.Errorf("%d acts, want 3", enclave.n.Load())
	}
	if strings.Contains(r.Log.String(), `"level":"ERROR"`) {
		t.Errorf("an error: %s", r.Log)
	}
}

// The twin: without the check, another request gets the answer of the first, and is
// believed done.
func TestOnceTwin(t *testing.T) {
	enclave := &counting{}
	op := furnished(t, counted(enclave), api.Without(api.ControlOnce)).As(everybody(apitest.Operator))
	first := op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(200)
	second := op.Do("POST", "/v1/gate/changes", `{"schema":"awase.gate/v1","k":61}`, "Idempotency-Key", "k").Want(200)
	if string(first.Body) != string(second.Body) || enclave.n.Load() != 1 {
		t.Errorf("another request: %s, %d acts", second.Body, enclave.n.Load())
	}
}

// A fault of ours leaves its key free; a refusal is kept.
func TestOnceAfterFailure(t *testing.T) {
	enclave := &counting{then: func() error { return errors.New("a disk that fails") }}
	r := furnished(t, counted(enclave))
	op := r.As(everybody(apitest.Operator))
	a := op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(500)
	if strings.Contains(string(a.Body), "disk") {
		t.Errorf("it is told %s", a.Body)
	}
	enclave.then = nil
	op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(200)
	if enclave.n.Load() != 2 {
		t.Errorf("%d acts, want 2", enclave.n.Load())
	}
	refused := op.Do("POST", "/v1/entrustments/no/end", map[string]string{"confirm": "no"}, "Idempotency-Key", "gone").Want(404)
	again := op.Do("POST", "/v1/entrustments/no/end", map[string]string{"confirm": "no"}, "Idempotency-Key", "gone").Want(404)
	if string(again.Body) != string(refused.Body) || again.Header.Get("Idempotent-Replayed") == "" {
		t.Errorf("again: %s", again.Body)
	}
}

// A handler that panics answers as any fault, and what it said is written nowhere.
func TestPanic(t *testing.T) {
	enclave := &counting{then: func() error { panic("hana@example.jp") }}
	r := furnished(t, counted(enclave))
	op := r.As(everybody(apitest.Operator))
	for range 2 {
		a := op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(500)
		if strings.Contains(string(a.Body)+r.Log.String(), "hana") {
			t.Errorf("it is told %s, and the log says %s", a.Body, r.Log)
		}
	}
}

// Of a service that was killed while it answered, the keys are free again.
func TestOnceAfterKill(t *testing.T) {
	var held api.Store
	r := furnished(t, func(o *api.Options) { held = o.Store })
	op := r.As(everybody(apitest.Operator))
	// What the killed one left: a key that is taken, and nothing under it.
	if taken, _, err := held.BeginCall(t.Context(), store.Call{Person: op.Person, Key: "k", Request: []byte{1}, At: time.Now().Add(-time.Minute)}); err != nil || !taken {
		t.Fatal(taken, err)
	}
	op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(422) // as another request's
	next, err := api.New(api.Options{Store: held, Enclave: r.Enclave, Inbox: r.Inbox, Reports: filepath.Join(r.Dir, "reports")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop() // it does what comes first, and ends
	_ = next.Run(ctx)
	op.Do("POST", "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(200)
}

// Who asks too often is told when to come back, and who they are counts.
func TestRates(t *testing.T) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	slow := func(o *api.Options) {
		o.Rate, o.Now = api.RateOptions{PerSecond: 1, Burst: 3, Strangers: 0.5}, clock
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	r := apitest.Start(t, slow)
	acme, rival := r.As(of("acme", api.Viewer)), r.As(of("rival", api.Viewer))
	for i := range 3 {
		a := acme.Do("GET", "/v1/room", nil).Want(200)
		if want := fmt.Sprintf(`"default";r=%d;t=%d`, 2-i, i+1); a.Header.Get("RateLimit") != want || a.Header.Get("RateLimit-Policy") != `"default";q=3;w=3` {
			t.Errorf("%s and %s, want %s", a.Header.Get("RateLimit"), a.Header.Get("RateLimit-Policy"), want)
		}
	}
	a := acme.Do("GET", "/v1/room", nil).Want(429)
	if a.Header.Get("Retry-After") != "1" || !strings.Contains(string(a.Body), `"code":"E_RATE"`) {
		t.Errorf("too often: %s %s", a.Header.Get("Retry-After"), a.Body)
	}
	rival.Do("GET", "/v1/room", nil).Want(200)
	mu.Lock()
	now = now.Add(time.Second)
	mu.Unlock()
	acme.Do("GET", "/v1/room", nil).Want(200)

	// Strangers count by their address: that before the proxies that we trust.
	left := func(forwarded string) int {
		for n := range 20 {
			if r.Nobody().Raw("GET", "/v1/room", nil, "X-Forwarded-For", forwarded).Status == 429 {
				return n
			}
		}
		return 20
	}
	for _, c := range []struct {
		forwarded string
		want      int
	}{
		{"192.0.2.1", 3}, {"192.0.2.1", 0}, {"192.0.2.2", 3},
		{"198.51.100.7, 192.0.2.1", 0}, // what a stranger writes before is their word
		{"192.0.2.1, 10.1.2.3", 0},     // a second proxy of ours
		{"192.0.2.3, nonsense", 3},     // that is the connection's own
		{"192.0.2.4, nonsense", 0},     //
		{"2001:db8:0:1::1", 3},         //
		{"2001:db8:0:1:ffff::2", 0},    // the same network
		{"2001:db8:0:2::1", 3},         //
		{"::ffff:192.0.2.1", 0},        // the same address, written as IPv6
	} {
		if got := left(c.forwarded); got != c.want {
			t.Errorf("%s: %d requests, want %d", c.forwarded, got, c.want)
		}
	}
	// Who watches over the process is not kept out, and who guesses addresses is.
	for range 10 {
		r.Nobody().Do("GET", "/healthz", nil).Want(200)
		r.Nobody().Do("GET", "/readyz", nil).Want(200)
	}
	if got := r.Nobody().Raw("GET", "/none", nil, "X-Forwarded-For", "192.0.2.1"); got.Status != 429 || got.Header.Get("Retry-After") == "" {
		t.Errorf("guessing: %d", got.Status)
	}
}

// Without proxies that are trusted, what the header says counts for nothing.
func TestRatesUntrusted(t *testing.T) {
	r := apitest.Start(t, func(o *api.Options) { o.Rate = api.RateOptions{Strangers: 0.001} })
	refused := 0
	for i := range 10 {
		if r.Nobody().Raw("GET", "/v1/room", nil, "X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i)).Status == 429 {
			refused++
		}
	}
	if refused != 9 {
		t.Errorf("%d of 10 refused, want 9", refused)
	}
}

// observed counts as the metrics of the service do.
type observed struct {
	mu  sync.Mutex
	got map[string]int
}

func (o *observed) Observe(op string, status int, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if took <= 0 {
		op += " in no time"
	}
	o.got[fmt.Sprint(op, " ", status)]++
}

// Every answer is counted, by its operation.
func TestMetrics(t *testing.T) {
	o := &observed{got: map[string]int{}}
	r := apitest.Start(t, func(opts *api.Options) { opts.Metrics = o })
	r.Nobody().Do("GET", "/healthz", nil)
	r.Nobody().Do("GET", "/v1/room", nil)
	r.As(everybody("acme")).Do("GET", "/v1/room", nil)
	r.Nobody().Raw("GET", "/none", nil)
	r.Nobody().Raw("DELETE", "/healthz", nil)
	r.Nobody().Raw("GET", "/%2e", nil)
	o.mu.Lock()
	defer o.mu.Unlock()
	if want := map[string]int{"health 200": 1, "room 401": 1, "room 200": 1, "none 404": 2, "none 405": 1}; !maps.Equal(o.got, want) {
		t.Errorf("%v, want %v", o.got, want)
	}
}

// HEAD is GET without its body; what a page does not take it says.
func TestMethods(t *testing.T) {
	r := furnished(t)
	acme := r.As(everybody("acme"))
	get := acme.Do("GET", "/v1/entrustments/acme-spring", nil).Want(200)
	head := acme.Raw("HEAD", "/v1/entrustments/acme-spring", nil)
	if head.Status != 200 || len(head.Body) > 0 || head.Header.Get("ETag") != get.Header.Get("ETag") || head.Header.Get("Content-Length") != fmt.Sprint(len(get.Body)) {
		t.Errorf("HEAD: %d %v %q", head.Status, head.Header, head.Body)
	}
	if a := acme.Raw("HEAD", "/v1/entrustments/rival-spring", nil); a.Status != 404 {
		t.Errorf("HEAD of another's: %d", a.Status)
	}
	for method, path := range map[string]string{"OPTIONS": "/v1/entrustments/acme-spring", "TRACE": "/v1/room", "DELETE": "/v1/policies", "PATCH": "/v1/gate", "NONSENSE": "/v1/room"} {
		a := acme.Raw(method, path, nil)
		if a.Status != 405 || !strings.Contains(a.Header.Get("Allow"), "GET") || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: %d, Allow %q", method, path, a.Status, a.Header.Get("Allow"))
		}
	}
	c, in := dial(t, r, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if status, _, _ := read(t, c, in); status != 404 {
		t.Errorf("OPTIONS *: %d", status)
	}
	c, in = dial(t, r, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n")
	if status, _, _ := read(t, c, in); status != 404 {
		t.Errorf("CONNECT: %d", status)
	}
}

// A connection takes one request after the other, refused ones without a body too.
func TestKeepAlive(t *testing.T) {
	r := furnished(t)
	c, in := dial(t, r, strings.Repeat("GET /v1/room HTTP/1.1\r\nHost: x\r\n\r\n", 3)+"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	for i, want := range []int{401, 401, 401, 200} {
		if status, _, ends := read(t, c, in); status != want || ends != (i == 3) {
			t.Errorf("answer %d: %d, ends %v", i, status, ends)
		}
	}
}

// Every answer has the headers that keep it with who asked.
func TestHeaders(t *testing.T) {
	r := furnished(t)
	for path, who := range map[string]*apitest.Client{"/v1/room": r.As(everybody("acme")), "/none": r.Nobody(), "/v1/parties": r.Nobody(), "/healthz": r.Nobody()} {
		a := who.Raw("GET", path, nil)
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"} {
			if a.Header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, a.Header.Get(name))
			}
		}
		if !strings.HasPrefix(a.Header.Get("X-Request-Id"), "req-") {
			t.Errorf("%s has no request id", path)
		}
	}
}

// The pages of the contract are there for everybody, are fresh by their tags, and
// run nothing.
func TestContractPages(t *testing.T) {
	r := apitest.Start(t)
	for path, has := range map[string]string{"/openapi.yaml": "openapi: 3.1", "/openapi.json": `"openapi":"3.1`, "/docs": "<!doctype html>"} {
		a := r.Nobody().Do("GET", path, nil).Want(200)
		if !strings.Contains(string(a.Body), has) {
			t.Errorf("%s begins %.60q", path, a.Body)
		}
		if again := r.Nobody().Do("GET", path, nil, "If-None-Match", a.Header.Get("ETag")); again.Status != 304 || len(again.Body) > 0 {
			t.Errorf("%s again: %d", path, again.Status)
		}
		if csp := a.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "script") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
	}
}
