package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/freeport"
)

// room is a service that runs with what it makes itself.
type room struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	log  *screenText
	base string // its address
	http *http.Client
}

// startRoom starts awase serve in a directory, with nothing but a free port and what
// is given.
func startRoom(t *testing.T, dir string, args ...string) *room {
	t.Helper()
	wantConfinement(t)
	r := &room{t: t, dir: dir, cmd: awase(t, dir, append([]string{"serve"}, args...)...), log: &screenText{}, http: http.DefaultClient}
	r.cmd.Env = append(slices.DeleteFunc(r.cmd.Env, func(v string) bool { return strings.HasPrefix(v, "AWASE_") && !strings.HasPrefix(v, attackerEnv) }), "AWASE_LISTEN=127.0.0.1:0")
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.WaitDelay = &screenText{}, r.log, time.Minute
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			_ = r.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("the service said:\n%s\n%s", printed(r.cmd), r.log.text())
		}
	})
	eventually(t, "the address", func() bool {
		return strings.Contains(printed(r.cmd), "\n") || r.cmd.Process.Signal(syscall.Signal(0)) != nil
	})
	r.base, _, _ = strings.Cut(printed(r.cmd), "\n")
	return r
}

// end tells the service to end, and wants that it does so in order.
func (r *room) end() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("SIGTERM: %v", err)
	}
}

// ask asks, and gives status, header and body.
func (r *room) ask(method, path, body string, header ...string) (int, http.Header, string) {
	r.t.Helper()
	status, h, raw, err := r.try(method, path, body, header...)
	if err != nil {
		r.t.Fatal(err)
	}
	return status, h, raw
}

func (r *room) try(method, path, body string, header ...string) (int, http.Header, string, error) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.t.Context()), method, r.base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, "", err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(raw), err
}

// ready waits until the service is.
func (r *room) ready() {
	r.t.Helper()
	eventually(r.t, "/readyz", func() bool {
		status, _, _, err := r.try("GET", "/readyz", "")
		return err == nil && status == http.StatusOK
	})
}

const adminsPassword = "a pass phrase of seven plain words"

// admin makes the first admin with the code that was printed.
func (r *room) admin() {
	r.t.Helper()
	m := regexp.MustCompile(`types, once, the code (\S+)\n`).FindStringSubmatch(printed(r.cmd))
	if m == nil {
		r.t.Fatalf("no code was printed: %s", printed(r.cmd))
	}
	body := fmt.Sprintf(`{"token":%q,"email":"first@example.jp","name":"First","password":%q}`, m[1], adminsPassword)
	if status, _, text := r.ask("POST", "/v1/setup", body); status != http.StatusCreated {
		r.t.Fatalf("the first admin: %d %s", status, text)
	}
	if status, _, text := r.ask("POST", "/v1/setup", strings.Replace(body, "first@", "second@", 1)); status == http.StatusCreated {
		r.t.Errorf("the code was good twice: %s", text)
	}
	if strings.Contains(r.log.text(), m[1]) || strings.Contains(r.log.text(), "example.jp") {
		r.t.Error("the code, or who used it, is logged")
	}
}

// adminByPage makes the first admin with the form that a browser sends, and gives the
// page that follows.
func (r *room) adminByPage() string {
	r.t.Helper()
	m := regexp.MustCompile(`types, once, the code (\S+)\n`).FindStringSubmatch(printed(r.cmd))
	if m == nil {
		r.t.Fatalf("no code was printed: %s", printed(r.cmd))
	}
	form := url.Values{"code": {m[1]}, "email": {"first@example.jp"}, "name": {"First"}, "password": {adminsPassword}, "language": {"ja"}}
	status, _, text := r.ask("POST", "/setup", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", r.base)
	if status != http.StatusCreated {
		r.t.Fatalf("the first admin: %d %s", status, text)
	}
	return text
}

// signIn gives the session of the first admin.
func (r *room) signIn() (cookie string) {
	r.t.Helper()
	status, h, text := r.ask("POST", "/v1/session", fmt.Sprintf(`{"email":"first@example.jp","password":%q}`, adminsPassword))
	if status != http.StatusCreated {
		r.t.Fatalf("signing in: %d %s", status, text)
	}
	cookie, _, _ = strings.Cut(h.Get("Set-Cookie"), ";")
	return cookie
}

func (s *screenText) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestServeNothing: with no configuration at all it makes what it needs, prints its
// address and the first admin's code, and answers; nothing can be activated before
// the key ceremony; and it ends in order, and comes back with what it had.
func TestServeNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startRoom(t, dir)
	if !regexp.MustCompile(`^http://127\.0\.0\.1:[0-9]+$`).MatchString(r.base) {
		t.Fatalf("it printed %q", printed(r.cmd))
	}
	r.ready()
	for _, path := range []string{"/healthz", "/openapi.yaml", "/setup", "/docs"} {
		if status, _, text := r.ask("GET", path, ""); status != http.StatusOK || text == "" && path != "/healthz" {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, _, text := r.ask("GET", "/", ""); status != http.StatusOK || !strings.Contains(text, "<!doctype html>") {
		t.Errorf("the address that is printed, in a browser: %d %.200s", status, text)
	}
	vault := filepath.Join(dir, "awase-data", "vault")
	ceremony := "The room takes nothing before its key ceremony. End this, and then: awase init --vault " + vault + " --officer NAME=KEY.pub --officer NAME=KEY.pub operator.yaml\n"
	eventually(t, "the line of the key ceremony", func() bool { return strings.Contains(printed(r.cmd), ceremony) })
	if page := r.adminByPage(); !strings.Contains(page, "<pre>awase init --vault") || !strings.Contains(page, "takes nothing before it") {
		t.Errorf("the page does not say what comes first: %s", page)
	}
	if status, _, text := r.ask("GET", "/v1/me", "", "Cookie", r.signIn()); status != http.StatusOK || !strings.Contains(text, `"first@example.jp"`) {
		t.Errorf("who it is: %d %s", status, text)
	}
	for path, mode := range map[string]os.FileMode{"": 0o700, "control": 0o700, "control/control.db": 0o600, "control/control.key": 0o600, "vault": 0o700, "vault.key": 0o600, "vault.inbox": 0o700, "reports": 0o700, "run": 0o700} {
		if st, err := os.Stat(filepath.Join(dir, "awase-data", path)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
	// What widens what may leave needs officers, and there are none.
	socket := filepath.Join(dir, "awase-data", "run", "awase.sock")
	c, err := wire.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, err := entrustment.ParseParty("p", []byte("schema: awase.party/v1\nid: p\nclass: client\ngroup: g\ncountry: JP\n"))
	if err != nil {
		t.Fatal(err)
	}
	if ack, err := c.AddParty(t.Context(), p); err == nil || entrustment.Public(err).Code != entrustment.CodeForbidden {
		t.Errorf("a party came in before the ceremony: %+v, %v", ack, err)
	}
	// Its data is served once.
	twice := awase(t, dir, "serve", "--listen", "127.0.0.1:0")
	if out, err := twice.CombinedOutput(); err == nil || !strings.Contains(string(out), "E_FORBIDDEN at vault: the vault is served at") && !strings.Contains(string(out), "E_FILE at socket: an enclave is served there already") {
		t.Errorf("a second service: %v\n%s", err, out)
	}
	taken := awase(t, dir, "serve", "--data", "other", "--listen", strings.TrimPrefix(r.base, "http://"))
	if out, err := taken.CombinedOutput(); err == nil || !strings.Contains(string(out), "something answers at 127.0.0.1:") || !strings.Contains(string(out), "name another address with --listen") {
		t.Errorf("a taken port: %v\n%s", err, out)
	}
	r.ready()
	r.end()
	for line := range strings.Lines(r.log.text()) {
		var entry struct{ Level, Msg, Process, Time string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg == "" || !slices.Contains([]string{"serve", "front", "enclave"}, entry.Process) || entry.Time == "" {
			t.Errorf("a log line: %s", line)
		} else if entry.Level != "INFO" {
			t.Errorf("in an ordinary life it logs %s", line)
		}
	}
	r = startRoom(t, dir)
	r.ready()
	if strings.Contains(printed(r.cmd), "code") {
		t.Error("it prints a code though there is an admin")
	}
	eventually(t, "the line of the key ceremony, again", func() bool { return strings.Contains(printed(r.cmd), ceremony) })
	r.signIn()
	r.end()
}

// TestServeKilled: whatever is killed, and whenever, an account that was
// acknowledged is there afterwards; what still lives starts the other again at the
// same address.
func TestServeKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startRoom(t, dir)
	r.ready()
	r.admin()
	for _, what := range [][]string{{"front"}, {"enclave"}, {"front", "enclave"}, {"supervisor"}, {"supervisor", "front", "enclave"}} {
		cookie := r.signIn()
		pids := children(t, r.cmd.Process.Pid)
		was := maps.Clone(pids)
		pids["supervisor"] = r.cmd.Process.Pid
		for _, w := range what {
			if err := syscall.Kill(pids[w], syscall.SIGKILL); err != nil {
				t.Fatalf("%s: %v", w, err)
			}
		}
		if slices.Contains(what, "supervisor") {
			_ = r.cmd.Wait()
			for _, pid := range was {
				eventually(t, "the end of an orphan", func() bool { return syscall.Kill(pid, 0) != nil })
			}
			r = startRoom(t, dir)
		} else {
			eventually(t, "other processes", func() bool {
				now := children(t, r.cmd.Process.Pid)
				for _, w := range what {
					if now[w] == 0 || now[w] == was[w] {
						return false
					}
				}
				return true
			})
		}
		r.ready()
		if status, _, text := r.ask("GET", "/v1/me", "", "Cookie", cookie); status != http.StatusOK {
			t.Errorf("after %v were killed the session is gone: %d %s", what, status, text)
		}
	}
	r.end()
}

// TestServeEnds: a request under way when it is told to end is answered.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	r := startRoom(t, t.TempDir())
	r.ready()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"email":"nobody@example.jp","password":"` + adminsPassword + `"}`
	fmt.Fprintf(conn, "POST /v1/session HTTP/1.1\r\nHost: room\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
	// It has begun once something that was sent after it is answered.
	r.ready()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end to begin", func() bool { return strings.Contains(r.log.text(), "it was told to end") })
	if _, err := io.WriteString(conn, body[10:]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("the request under way was not answered: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", resp.StatusCode)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if text := r.log.text(); strings.Contains(text, "signal:") || strings.Contains(text, "awase:") {
		t.Errorf("at an ordinary end it says: %s", text)
	}
}

// TestServeMetrics: what is shown counts, and holds nobody's id, address or token,
// whatever is asked.
func TestServeMetrics(t *testing.T) {
	t.Parallel()
	at := freeport.Address(t)
	r := startRoom(t, t.TempDir(), "--dev", "--metrics-listen", at, "--rate-strangers", "1000")
	r.ready()
	r.admin()
	cookie := r.signIn()
	for _, path := range []string{"/v1/me", "/v1/jobs", "/v1/people?limit=1", "/canary.1@example.jp", "/v1/jobs/job-canary"} {
		r.ask("GET", path, "", "Cookie", cookie, "User-Agent", "canary.2@example.jp")
	}
	r.ask("POST", "/v1/session", `{"email":"canary.3@example.jp","password":"awase_canary"}`, "Authorization", "Bearer awase_canary")
	r.ask("CANARY", "/v1/me", "")
	metrics := func() string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+at+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.StatusCode, err)
		}
		return string(raw)
	}
	text := metrics()
	for _, want := range []string{`awase_request_seconds_count{op="me",status="200"} 1`, `awase_request_seconds_count{op="signIn",status="201"} 1`, `awase_request_seconds_count{op="none",status="404"}`,
		"awase_enclave_up 1", "awase_store_up 1", `awase_build_info{version="`, "awase_uploads_bytes 0", "go_goroutines "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	session, _ := strings.CutPrefix(cookie, "awase_session=")
	for _, canary := range []string{"canary", "CANARY", "example.jp", "operator", session} {
		if strings.Contains(text, canary) {
			t.Errorf("%s is in the metrics", canary)
		}
	}
	// Every name is explained where people look for what may be shown.
	doc, err := os.ReadFile(filepath.Join(repository, "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "# HELP "); ok && strings.HasPrefix(name, "awase_") {
			name, _, _ = strings.Cut(name, " ")
			if !bytes.Contains(doc, []byte("`"+name+"`")) {
				t.Errorf("docs/config.md does not say why %s may be shown", name)
			}
		}
	}
	pid := children(t, r.cmd.Process.Pid)["enclave"]
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an enclave that hangs to be away", func() bool { return strings.Contains(metrics(), "awase_enclave_up 0") })
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	r.end()
}
