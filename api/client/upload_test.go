package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/api"
	"awase/api/client"
	"awase/crypto/seal"
	"awase/entrustment"
	"awase/internal/apitest"
)

// entrusted puts an operator, a client and their contract into a room.
func entrusted(t testing.TB, r *apitest.Room) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for id, class := range map[string]string{"operator": "operator", "acme": "client"} {
		p, err := entrustment.ParseParty("party.yaml", []byte("schema: awase.party/v1\nid: "+id+"\nclass: "+class+"\ngroup: "+id+"\ncountry: JP\n"))
		must(err)
		_, err = r.Enclave.AddParty(t.Context(), p)
		must(err)
	}
	policies, err := entrustment.ParsePolicies("policies.yaml", []byte("schema: awase.policies/v1\npolicies:\n  - {version: \"2024\", date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n"))
	must(err)
	_, err = r.Enclave.SetPolicies(t.Context(), policies)
	must(err)
	c, err := entrustment.ParseContract("contract.yaml", []byte(`schema: awase.entrustment/v1
id: acme-2026
flow: 5-analysis
principal: acme
trustee: operator
purpose: statistics
basis:
  - {party: operator, code: CONSENT_POLICY, policy: "2024", clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: acme, code: CONSENT_27_1, scope: analysis by the operator, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email]
attributes: []
outputs: [overlap]
recipients: [acme]
countries: {acme: JP}
retention: {lists: 90d, reports: 365d}
from: 2026-04-01
until: 2036-03-31
`))
	must(err)
	_, err = r.Enclave.Entrust(t.Context(), c)
	must(err)
}

func room(t testing.TB) (*apitest.Room, string) {
	t.Helper()
	r := apitest.Start(t, func(o *api.Options) { o.Uploads.Files = 10_000 })
	entrusted(t, r)
	return r, r.Token(api.Principal{Party: "acme", Roles: []api.Role{api.AdOps}})
}

// file gives the bytes of a file, which only their sums tell apart.
func file(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	copy(b, seal.Magic)
	return b
}

// broken is a line that breaks: each connection carries a random number of bytes
// to the room, and is then cut, by a reset or an end. It stops breaking connections
// of whoever was cut as often as planned, for else nothing would ever arrive.
type broken struct {
	net.Listener
	to    string
	limit func() int64 // bytes that a new connection carries
	cuts  atomic.Int64
}

func breakLine(t *testing.T, to string, limit func() int64) *broken {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &broken{Listener: l, to: to, limit: limit}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { b.carry(in) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return b
}

func (b *broken) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", b.to)
	if err != nil {
		return
	}
	back := make(chan struct{})
	go func() { defer close(back); _, _ = io.Copy(in, out) }()
	n, err := io.CopyN(out, in, b.limit())
	if err == nil {
		b.cuts.Add(1)
		if n%2 == 0 { // as a machine that loses its line, or one that ends
			for _, c := range []net.Conn{in, out} {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
		}
	}
	_ = out.Close()
	_ = in.Close()
	<-back
}

// 1,000 uploads, cut at random offsets and resumed, arrive whole.
func TestCutUploads(t *testing.T) {
	const uploads, senders = 1000, 16
	r, token := room(t)
	seed := [2]uint64{rand.Uint64(), rand.Uint64()}
	t.Logf("seed %#x", seed)
	var mu sync.Mutex
	chance := rand.New(rand.NewPCG(seed[0], seed[1]))
	between := func(from, to int64) int64 {
		mu.Lock()
		defer mu.Unlock()
		return from + chance.Int64N(to-from)
	}
	// A connection carries at least the head of a request and some of a body, so
	// that each try gets further.
	line := breakLine(t, strings.TrimPrefix(r.URL, "http://"), func() int64 { return between(2_000, 60_000) })
	var wrong atomic.Int64
	var next atomic.Int64
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for {
				i := next.Add(1)
				if i > uploads || t.Context().Err() != nil {
					return
				}
				rng := rand.New(rand.NewPCG(seed[0], uint64(i)))
				b := file(rng, 30_000+rng.IntN(100_000))
				if err := send(t.Context(), r, token, line.Addr().String(), b); err != nil {
					wrong.Add(1)
					t.Errorf("upload %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d cuts", line.cuts.Load())
	if line.cuts.Load() < uploads {
		t.Errorf("only %d connections were cut: this test tests less than it says", line.cuts.Load())
	}
	left, err := os.ReadDir(r.Inbox)
	if err != nil || len(left) != uploads {
		t.Errorf("%d files in the inbox, %v", len(left), err)
	}
}

func send(ctx context.Context, r *apitest.Room, token, line string, b []byte) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	// The row is made over a line that holds; the bytes go over one that breaks.
	sure, err := client.New(r.URL, client.Options{Token: token})
	if err != nil {
		return err
	}
	id, err := sure.CreateUpload(ctx, "acme-2026", "spring", int64(len(b)))
	if err != nil {
		return err
	}
	c, err := client.New("http://"+line, client.Options{Token: token, Pause: time.Millisecond, Chunk: 50_000, HTTP: transport})
	if err != nil {
		return err
	}
	if err := c.Upload(ctx, id, bytes.NewReader(b), int64(len(b)), func(int64) {}); err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(r.Inbox, id))
	if err != nil {
		return err
	}
	if sha256.Sum256(got) != sha256.Sum256(b) {
		return fmt.Errorf("%d bytes arrived, and not those %d that were sent", len(got), len(b))
	}
	return nil
}

// What the room refuses by the first bytes is told at once, whatever the file's
// length.
func TestUploadRefusedAtOnce(t *testing.T) {
	r, token := room(t)
	c, err := client.New(r.URL, client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("taro@example.jp\n"), 1<<20)
	id, err := c.CreateUpload(t.Context(), "acme-2026", "spring", int64(len(plain)))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Upload(t.Context(), id, bytes.NewReader(plain), int64(len(plain)), func(int64) {})
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Refusal.Code != entrustment.CodeFile || e.Request == "" {
		t.Fatalf("%v", err)
	}
	if err := c.DeleteUpload(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Offset(t.Context(), id); err == nil {
		t.Fatal("it is still there")
	}
}

// A token goes to no address but the room's, and not in the clear.
func TestTokenStays(t *testing.T) {
	for _, server := range []string{"http://room.example", "room.example", "ftp://room.example", "https://u:p@room.example", "https://room.example?x=1", "", "http://192.0.2.1:80"} {
		if _, err := client.New(server, client.Options{Token: "t"}); err == nil {
			t.Errorf("%q was taken", server)
		}
	}
	for _, token := range []string{"a b", "a\r\nX: y", "ü"} {
		if _, err := client.New("https://room.example", client.Options{Token: token}); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", token, err)
		}
	}
	stolen := make(chan string, 10)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen <- r.Header.Get("Authorization") }))
	defer thief.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	}))
	defer elsewhere.Close()
	c, err := client.New(elsewhere.URL, client.Options{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "/v1/uploads", nil); err == nil {
		t.Error("a redirect was followed")
	}
	if len(stolen) > 0 {
		t.Error("the token went elsewhere")
	}
	// The twin: who follows redirects takes the token along.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, elsewhere.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer t")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if len(stolen) == 0 || <-stolen != "Bearer t" {
		t.Error("the twin that follows redirects takes no token along: this test tests nothing")
	}
}

// A certificate that is not good is said clearly, and not tried again.
func TestCertificates(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer s.Close()
	s.Config.ErrorLog = nil
	c, err := client.New(s.URL, client.Options{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "/v1/uploads", nil); err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("%v", err)
	}
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	if c, err = client.New("https"+strings.TrimPrefix(plain.URL, "http"), client.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "/v1/uploads", nil); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("%v", err)
	}
}
