package wire_test

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
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestCallers: a name that may hold a person's address or phone number gets into no
// log line; the request is refused.
func TestCallers(t *testing.T) {
	var logged bytes.Buffer
	h := wire.Handler(&deaf{errReached}, wire.Options{Logger: textLogger(&logged)})
	for who, taken := range map[string]bool{
		"awase/root": true, "front": true, "uid 123456": true, "client 7, 2026-04": true, "a1b2c3d4e5f6a7b8": true, "127.0.0.1": true, string(wire.OfUser(4_294_967_294)): true,
		"awase/taro@example.jp": false, "@": false, "uid 1234567": false, "09012345678": false, "tel 090-1234-5678": false, "+81 90 1234 5678": false,
		"(03)1234-5678": false, "03.1234.5678": false, "山田": false, "": false, strings.Repeat("a", 129): false, "a\tb": false,
	} {
		logged.Reset()
		_, e := post(h, "log-key", wire.JSONType, who, strings.NewReader(`{}`))
		if reached := e.Code == entrustment.CodeGone; reached != taken || wire.Caller(who).OK() != taken {
			t.Errorf("%q: %+v", who, e)
		}
		if !taken && who != "" && strings.Contains(logged.String(), who) {
			t.Errorf("%q is logged", who)
		}
	}
}

// echoing answers what a front passes on.
type echoing struct {
	deaf
}

func (e *echoing) Attestation(_ context.Context, nonce string) ([]byte, error) {
	if strings.Contains(nonce, " ") {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "nonce", Detail: "it is none"}
	}
	return fmt.Appendf(nil, `{"nonce":%q}`, nonce), nil
}

func (e *echoing) LogKey(context.Context) (string, error) { return "the key", nil }

func (e *echoing) LoadList(_ context.Context, req wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	if req.Name == "refused" {
		return wire.ListLoaded{}, errReached
	}
	n, err := io.Copy(io.Discard, sealed)
	return wire.ListLoaded{Rows: n}, err
}

// fronted serves an enclave and a front of it.
func fronted(t *testing.T, e wire.Enclave, logged io.Writer) (base, socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	inner, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- wire.Serve(ctx, inner, e, wire.Options{Logger: textLogger(logged)}) }()
	go func() {
		ended <- wire.ServeFront(ctx, outer, socket, wire.FrontOptions{Token: "the-token", Logger: textLogger(logged)})
	}()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, <-ended, os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	return "http://" + outer.Addr().String(), socket
}

func send(t *testing.T, method, url string, header map[string]string, body io.Reader) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw), resp.Header
}

// TestFront: an attestation for everybody, requests of the wire for who shows the
// token; who asks is what the front says.
func TestFront(t *testing.T) {
	var logged lines
	base, _ := fronted(t, &echoing{deaf: deaf{errReached}}, &logged)
	status, body, h := send(t, "GET", base+"/attestation?nonce=n1", nil, nil)
	if status != 200 || body != `{"nonce":"n1"}` || h.Get("Content-Type") != wire.JSONType || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", status, body, h)
	}
	if status, body, _ := send(t, "GET", base+"/attestation?nonce=a+b", nil, nil); status != 422 || !strings.Contains(body, `"field":"nonce"`) {
		t.Errorf("%d %s", status, body)
	}
	token := map[string]string{"Authorization": "Bearer the-token", "Content-Type": wire.JSONType, wire.CallerField: "somebody else"}
	if status, body, _ := send(t, "POST", base+wire.Prefix+"log-key", token, strings.NewReader(`{}`)); status != 200 || body != "\"the key\"\n" {
		t.Errorf("%d %s", status, body)
	}
	if got := logged.String(); !strings.Contains(got, "caller=front") || strings.Contains(got, "somebody") {
		t.Errorf("logged: %s", got)
	}
	for name, wrong := range map[string]string{"none": "", "another": "Bearer the-tokem", "longer": "Bearer the-token2", "bare": "the-token", "basic": "Basic the-token"} {
		if status, body, _ := send(t, "POST", base+wire.Prefix+"log-key", map[string]string{"Authorization": wrong, "Content-Type": wire.JSONType}, strings.NewReader(`{}`)); status != 403 || !strings.Contains(body, "token") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	for _, r := range [][2]string{{"GET", wire.Prefix + "log-key"}, {"POST", "/attestation"}, {"GET", "/"}, {"POST", wire.Prefix + "a/b"}, {"OPTIONS", "/"}} {
		if status, body, _ := send(t, r[0], base+r[1], token, strings.NewReader(`{}`)); status == 200 {
			t.Errorf("%v: %d %s", r, status, body)
		}
	}
	if status, body, _ := send(t, "POST", base+wire.Prefix+"nothing", token, strings.NewReader(`{}`)); status != 404 {
		t.Errorf("%d %s", status, body)
	}
	// Limits of the border hold here already.
	if status, body, _ := send(t, "POST", base+wire.Prefix+"log-key", token, bytes.NewReader(make([]byte, wire.MaxRequest+1))); status != 413 {
		t.Errorf("%d %s", status, body)
	}
	// A refusal is the enclave's own.
	status, body, _ = send(t, "POST", base+wire.Prefix+"terms", token, strings.NewReader(`{"entrustment":"e"}`))
	var e entrustment.Error
	if json.Unmarshal([]byte(body), &e) != nil || status != 410 || e.Code != entrustment.CodeGone {
		t.Errorf("%d %s", status, body)
	}
}

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestFrontStreams: a sealed file passes through without being held, and its refusal
// does not wait for its end.
func TestFrontStreams(t *testing.T) {
	base, _ := fronted(t, &echoing{deaf: deaf{errReached}}, io.Discard)
	header := map[string]string{"Authorization": "Bearer the-token", "Content-Type": wire.SealedType}
	const size = 64 << 20
	file := io.MultiReader(strings.NewReader(`{"entrustment":"e","name":"l"}`+"\n"), io.LimitReader(zeros{}, size))
	if status, body, _ := send(t, "POST", base+wire.Prefix+"load-list", header, file); status != 200 || !strings.Contains(body, fmt.Sprintf(`"rows":%d`, size)) {
		t.Errorf("%d %s", status, body)
	}
	// A sender that goes on for ever is told no at once.
	r, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = io.WriteString(w, `{"entrustment":"e","name":"refused"}`+"\n") }()
	done := make(chan string, 1)
	go func() {
		status, body, _ := send(t, "POST", base+wire.Prefix+"load-list", header, r)
		done <- fmt.Sprint(status, body)
	}()
	select {
	case got := <-done:
		if !strings.HasPrefix(got, "410") {
			t.Error(got)
		}
	case <-time.After(8 * time.Second):
		t.Error("the refusal waits for the file's end")
	}
}

// TestFrontWithout: where no enclave serves, it says so and names no path.
func TestFrontWithout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	socket := filepath.Join(t.TempDir(), "nobody")
	go func() { ended <- wire.ServeFront(ctx, l, socket, wire.FrontOptions{Token: ""}) }()
	for _, r := range [][2]string{{"GET", "/attestation?nonce=n"}, {"POST", wire.Prefix + "log-key"}} {
		status, body, _ := send(t, r[0], "http://"+l.Addr().String()+r[1], map[string]string{"Authorization": "Bearer "}, strings.NewReader("{}"))
		if status == 200 || strings.Contains(body, "nobody") || r[0] == "POST" && status != 403 { // an empty token opens nothing
			t.Errorf("%v: %d %s", r, status, body)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestToken: it is made once, is this user's alone, and a cut one is not taken.
func TestToken(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "run", "s")
	a, err := wire.Token(socket)
	if err != nil || len(a) < 26 {
		t.Fatalf("%d letters, %v", len(a), err)
	}
	if b, err := wire.Token(socket); err != nil || a != b {
		t.Errorf("another: %v", err)
	}
	if st, err := os.Stat(socket + ".token"); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
	if err := os.WriteFile(socket+".token", []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Token(socket); err == nil {
		t.Error("a cut token is taken")
	}
	if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Token(socket); err == nil {
		t.Error("a token that others may read is taken")
	}
}

// TestSweep: a socket that nobody serves goes, one that is served and any other file
// stay.
func TestSweep(t *testing.T) {
	dir, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	l, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	there := func() bool { _, err := os.Lstat(socket); return err == nil }
	if err := wire.Sweep(socket); err != nil || !there() {
		t.Errorf("a served socket: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	if err := wire.Sweep(socket); err != nil || there() {
		t.Errorf("a socket that was left: %v", err)
	}
	if err := wire.Sweep(filepath.Join(dir, "nowhere", "s")); err != nil {
		t.Errorf("no directory: %v", err)
	}
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := wire.Sweep(socket); err != nil || !there() {
		t.Errorf("a file: %v", err)
	}
}
