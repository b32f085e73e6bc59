package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/internal/apitest"
)

// authority issues a certificate for this machine's own name, and writes down whom
// to trust for it.
func authority(t *testing.T, path string, more ...*x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a receiver of tests"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	raw, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	for _, c := range more {
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	if err := os.WriteFile(path, roots, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// posted is what a receiver of webhooks was sent.
type posted struct {
	mu  sync.Mutex
	got []*http.Request
	raw []string
}

func (p *posted) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got, p.raw = append(p.got, r), append(p.raw, string(body))
}

func (p *posted) all() ([]*http.Request, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got), slices.Clone(p.raw)
}

// reaching is a room whose confined front reaches a receiver of webhooks, a mail
// server and an OpenID provider on this machine, all by TLS.
type reaching struct {
	*room
	sign     *apitest.OIDC
	mail     *apitest.SMTP
	hooks    *posted
	receiver string            // its address, by name
	cookies  map[string]string // of who rehearses
}

func startReaching(t *testing.T) *reaching {
	t.Helper()
	r := &reaching{hooks: &posted{}, cookies: map[string]string{}}
	provider := (*httptest.Server)(nil)
	r.sign, provider = apitest.StartOIDC(t, true)
	r.mail = apitest.StartSMTP(t, "starttls", "", "awase:a password")
	dir := t.TempDir()
	roots := filepath.Join(dir, "roots.pem")
	srv := httptest.NewUnstartedServer(r.hooks)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{authority(t, roots, provider.Certificate())}, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	at, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.receiver = "https://localhost:" + at.Port() + "/hook"
	for name, secret := range map[string]string{"oidc": apitest.OIDCSecret, "smtp": "a password"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SSL_CERT_FILE", roots)
	t.Setenv("SSL_CERT_DIR", filepath.Join(dir, "none"))
	r.room = startRoom(t, dir, "--practice", "--rate-strangers", "1000", "--rate-per-second", "1000", "--rate-burst", "1000", "--webhooks-allow", "127.0.0.0/8,::1/128",
		"--oidc-issuer", r.sign.URL, "--oidc-client-id", apitest.OIDCClient, "--oidc-client-secret-file", filepath.Join(dir, "oidc"),
		"--smtp-host", r.mail.Host, "--smtp-port", strconv.Itoa(r.mail.Port), "--smtp-user", "awase", "--smtp-password-file", filepath.Join(dir, "smtp"), "--smtp-from", "room@room.example")
	r.ready()
	for _, a := range regexp.MustCompile(`(?m)^  (\S+@\S+) +\S+ +(\S{19})$`).FindAllStringSubmatch(printed(r.cmd), -1) {
		status, h, text := r.ask("POST", "/v1/session", fmt.Sprintf(`{"email":%q,"password":%q}`, a[1], a[2]))
		if status != http.StatusCreated {
			t.Fatalf("%s: %d %s", a[1], status, text)
		}
		r.cookies[a[1]], _, _ = strings.Cut(h.Get("Set-Cookie"), ";")
	}
	return r
}

// as asks as who rehearses, and reads the answer.
func (r *reaching) as(email, method, path, body string, status int, into any) {
	r.t.Helper()
	got, _, text := r.ask(method, path, body, "Cookie", r.cookies[email])
	if got != status {
		r.t.Fatalf("%s %s: %d %s", method, path, got, text)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestFrontReachesOut: the confined front looks names up, trusts whom the machine
// trusts, and delivers webhooks and mail, and signs people in by a provider. That it
// trusts nobody else, and goes nowhere else by webhook, is tried too.
func TestFrontReachesOut(t *testing.T) {
	r := startReaching(t)
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", children(t, r.cmd.Process.Pid)["front"])); err != nil || !strings.Contains(string(text), "\nSeccomp:\t2\n") {
		t.Fatalf("the front is not confined: %v", err)
	}
	t.Run("webhooks", r.webhook)
	t.Run("mail", r.letter)
	t.Run("OpenID Connect", r.signsIn)
	for _, not := range []string{"mei@acme", "a password", apitest.OIDCSecret, "whsec_", "localhost"} {
		if strings.Contains(r.log.text(), not) {
			t.Errorf("the log holds %q", not)
		}
	}
	r.end()
}

const acmesAdmin, acmesMarketing = "admin@acme.example", "marketing@acme.example"

func (r *reaching) webhook(t *testing.T) {
	strange := httptest.NewTLSServer(r.hooks) // for another name than it is asked by
	defer strange.Close()
	var good, bad struct{ ID, Secret string }
	// Neither is told of what the practice room still counts.
	r.as(acmesAdmin, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"kinds":["freeze"]}`, r.receiver), http.StatusCreated, &good)
	r.as(acmesAdmin, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"kinds":["freeze"]}`, strings.Replace(strange.URL, "127.0.0.1", "localhost", 1)), http.StatusCreated, &bad)
	for _, w := range []string{good.ID, bad.ID} {
		r.as(acmesAdmin, "POST", "/v1/webhooks/"+w+"/test", "", http.StatusAccepted, nil)
	}
	var sent struct{ Items []struct{ State string } }
	eventually(t, "the delivery", func() bool {
		r.as(acmesAdmin, "GET", "/v1/webhooks/"+good.ID+"/deliveries", "", http.StatusOK, &sent)
		return len(sent.Items) == 1 && sent.Items[0].State == "sent"
	})
	got, raw := r.hooks.all()
	if len(got) != 1 || got[0].URL.Path != "/hook" || !strings.Contains(raw[0], `"webhook.test"`) {
		t.Fatalf("%d came: %v", len(got), raw)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(good.Secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", got[0].Header.Get("webhook-id"), got[0].Header.Get("webhook-timestamp"), raw[0])
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); got[0].Header.Get("webhook-signature") != want {
		t.Errorf("signed %q, want %q", got[0].Header.Get("webhook-signature"), want)
	}
	// Whom the certificate does not name gets nothing.
	eventually(t, "the other's try", func() bool {
		status, _, text := r.ask("GET", "/v1/webhooks/"+bad.ID+"/deliveries", "", "Cookie", r.cookies[acmesAdmin])
		return status == http.StatusOK && strings.Contains(text, `"tls"`)
	})
	if got, _ := r.hooks.all(); len(got) != 1 {
		t.Errorf("%d came", len(got))
	}
	// Nor does an address that the operator did not name.
	if status, _, text := r.ask("POST", "/v1/webhooks", `{"url":"https://10.0.0.1/"}`, "Cookie", r.cookies[acmesAdmin]); status != http.StatusUnprocessableEntity {
		t.Errorf("a private address: %d %s", status, text)
	}
}

func (r *reaching) letter(t *testing.T) {
	r.as(acmesMarketing, "PATCH", "/v1/me/notices", `{"mail":["report.ready"]}`, http.StatusOK, nil)
	r.as(acmesMarketing, "POST", "/v1/reports", `{"question":{"schema":"awase.report/v1","report":"profile","entrustment":"acme-2026-spring","list":"spring","dims":["gender"]}}`, http.StatusAccepted, nil)
	eventually(t, "the mail", func() bool { return len(r.mail.Got()) > 0 })
	m := r.mail.Got()[0]
	if !m.Secure || m.User != "awase" || len(m.To) != 1 || !strings.Contains(m.To[0], acmesMarketing) || !strings.Contains(m.Text, r.base+"/notices/") {
		t.Errorf("%+v", m)
	}
	if strings.Contains(m.Text, "spring") {
		t.Errorf("it says what it is about: %s", m.Text)
	}
}

func (r *reaching) signsIn(t *testing.T) {
	r.as(acmesAdmin, "POST", "/v1/invitations", `{"email":"mei@acme.example","name":"Mei","roles":["marketing"]}`, http.StatusCreated, nil)
	r.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status, h, text := r.ask("GET", "/v1/oidc/start", "")
	if status != http.StatusSeeOther || !strings.HasPrefix(h.Get("Location"), r.sign.URL) {
		t.Fatalf("it begins with %d %s %s", status, h.Get("Location"), text)
	}
	flow, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	back := r.sign.Back(h.Get("Location"), "subject-1", "mei@acme.example")
	status, h, text = r.ask("GET", strings.TrimPrefix(back, r.base), "", "Cookie", flow)
	if status != http.StatusSeeOther {
		t.Fatalf("back from the provider: %d %s", status, text)
	}
	session := ""
	for _, c := range h.Values("Set-Cookie") {
		if strings.HasPrefix(c, "awase_session=") {
			session, _, _ = strings.Cut(c, ";")
		}
	}
	if status, _, text = r.ask("GET", "/v1/me", "", "Cookie", session); status != http.StatusOK || !strings.Contains(text, `"mei@acme.example"`) {
		t.Errorf("who it is: %d %s", status, text)
	}
}
