package hook

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"awase/internal/freeport"
)

var loopback = Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// What is sent is what receivers of the scheme verify, with either secret while one
// is replaced, and with no other.
func TestScheme(t *testing.T) {
	type got struct {
		header http.Header
		body   []byte
	}
	came := make(chan got, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
		}
		came <- got{r.Header, body}
	}))
	defer srv.Close()
	now, old, other := NewSecret(), NewSecret(), NewSecret()
	body := []byte(`{"type":"report.ready","data":{"あ":"<&>"}}`)
	r := New(Options{Guard: loopback, Agent: "Awase-Webhooks/1"}).Send(t.Context(), Message{URL: srv.URL, ID: "evt-1", Secrets: [][]byte{now, old}, Body: body})
	if r.Fault != "" || r.Status != 200 {
		t.Fatalf("%+v", r)
	}
	g := <-came
	if !bytes.Equal(g.body, body) {
		t.Fatalf("%s came", g.body)
	}
	verify := func(secret []byte, body []byte, header http.Header) error {
		t.Helper()
		w, err := standardwebhooks.NewWebhook(Secret(secret))
		if err != nil {
			t.Fatal(err)
		}
		return w.Verify(body, header)
	}
	for _, s := range [][]byte{now, old} {
		if err := verify(s, body, g.header); err != nil {
			t.Error(err)
		}
	}
	if verify(other, body, g.header) == nil {
		t.Error("it verifies under a secret that did not sign it")
	}
	for _, change := range []func(h http.Header){
		func(h http.Header) { h.Set("webhook-id", "evt-2") },
		func(h http.Header) { h.Set("webhook-timestamp", fmt.Sprint(time.Now().Unix()+1)) },
	} {
		h := g.header.Clone()
		change(h)
		if verify(now, body, h) == nil {
			t.Error("a changed header verifies")
		}
	}
	if verify(now, append(body, ' '), g.header) == nil {
		t.Error("a changed body verifies")
	}
	for k := range g.header {
		switch k {
		case "Content-Type", "Content-Length", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Connection":
		default:
			t.Errorf("it is sent with %s", k)
		}
	}
}

// A vector of the scheme's own documents.
func TestVector(t *testing.T) {
	w, err := standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1614265330, 0)
	want, err := w.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`))
	if err != nil || want != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Fatal(want, err)
	}
	key := []byte{0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0}
	if got := signatures([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`)); got != want {
		t.Fatal(got)
	}
}

// Receivers that do not take it: one word each, and nothing of what they say.
func TestFaults(t *testing.T) {
	raw := func(serve func(c net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { defer c.Close(); serve(c) }()
			}
		}()
		return l.Addr().String()
	}
	asked := func(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)) }
	says := func(text string) func(net.Conn) { return func(c net.Conn) { asked(c); _, _ = io.WriteString(c, text) } }
	endless := func(c net.Conn) {
		asked(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		for {
			if _, err := c.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
				return
			}
		}
	}
	reset := func(c net.Conn) { asked(c); _ = c.(*net.TCPConn).SetLinger(0) }
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // it tells of every handshake that a row breaks off
	secure.StartTLS()
	defer secure.Close()
	gone := raw(func(net.Conn) {})
	for _, row := range []struct {
		name, url string
		roots     *x509.CertPool
		status    int
		fault     Fault
		later     time.Duration
	}{
		{name: "taken", url: "http://" + raw(says("HTTP/1.1 204 No Content\r\nRetry-After: 9\r\n\r\n")), status: 204},
		{name: "an endless answer", url: "http://" + raw(endless), status: 200},
		{name: "a broken body", url: "http://" + raw(says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")), status: 200},
		{name: "a fault of theirs", url: "http://" + raw(says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")), status: 500, fault: FaultStatus},
		{name: "later", url: "http://" + raw(says("HTTP/1.1 429 Later\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")), status: 429, fault: FaultStatus, later: 2 * time.Minute},
		{name: "gone", url: "http://" + raw(says("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")), status: 410, fault: FaultGone},
		{name: "not found", url: "http://" + raw(says("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")), status: 404, fault: FaultStatus},
		{name: "a redirect", url: "http://" + raw(says("HTTP/1.1 301 There\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")), status: 301, fault: FaultRedirect},
		{name: "a redirect to nowhere", url: "http://" + raw(says("HTTP/1.1 302 There\r\nContent-Length: 0\r\n\r\n")), status: 302, fault: FaultRedirect},
		{name: "a reset", url: "http://" + raw(reset), fault: FaultBroken},
		{name: "an end", url: "http://" + raw(asked), fault: FaultBroken},
		{name: "no HTTP", url: "http://" + raw(says("220 mail.example.com ESMTP\r\n")), fault: FaultBroken},
		{name: "endless headers", url: "http://" + raw(says("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")), fault: FaultBroken},
		{name: "http where https is", url: "https://" + gone, fault: FaultBroken},
		{name: "no TLS", url: "https://" + raw(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 No\r\n\r\n"); _, _ = io.Copy(io.Discard, c) }), fault: FaultTLS},
		{name: "a certificate of nobody", url: secure.URL, fault: FaultTLS},
		{name: "a certificate", url: secure.URL, roots: rootsOf(secure), status: 200},
		{name: "a URL that is none any more", url: "http://192.168.0.1/", fault: FaultURL},
		{name: "nobody there", url: "http://" + freeport.Address(t), fault: FaultConnect},
	} {
		r := New(Options{Guard: loopback, Roots: row.roots}).Send(t.Context(), Message{URL: row.url, ID: "evt-1", Secrets: [][]byte{NewSecret()}, Body: []byte("{}")})
		if r.Status != row.status || r.Fault != row.fault || r.Later != row.later {
			t.Errorf("%s: %+v", row.name, r)
		}
	}
	// One that takes the request and says nothing is left when the time is up.
	held := make(chan struct{})
	defer close(held)
	hangs := raw(func(c net.Conn) { asked(c); <-held })
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if r := New(Options{Guard: loopback}).Send(ctx, Message{URL: "http://" + hangs, ID: "evt-1", Secrets: [][]byte{NewSecret()}}); r.Fault != FaultTimeout || r.Status != 0 {
		t.Errorf("one that hangs: %+v", r)
	}
}

func rootsOf(s *httptest.Server) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(s.Certificate())
	return p
}

// A receiver can put the next try off by a day at most, and never into the past.
func FuzzLater(f *testing.F) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for _, s := range []string{"", "120", "-1", "999999999999", "Wed, 01 Apr 2026 00:10:00 GMT", "Wed, 01 Apr 2020 00:10:00 GMT", "1e9", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d := later(text, now); d < 0 || d > maxLater {
			t.Fatalf("%q: %v", text, d)
		}
	})
}

func TestLater(t *testing.T) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-1": 0, "99999999": maxLater, "Wed, 01 Apr 2026 00:10:00 GMT": 10 * time.Minute, "Wed, 01 Apr 2020 00:10:00 GMT": 0, "soon": 0} {
		if got := later(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
