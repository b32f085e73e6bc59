package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"awase/api"

	"awase/api/store"
	"awase/internal/apitest"
)

// toldClock is a clock that tests set forward.
type toldClock struct{ ahead atomic.Int64 }

func (c *toldClock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *toldClock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// toldRoom is a room whose webhooks may go to the loopback, with people of two parties.
type toldRoom struct {
	*apitest.Room
	clock *toldClock
}

func startTold(t *testing.T, change ...func(*api.Options)) *toldRoom {
	t.Helper()
	r := &toldRoom{clock: &toldClock{}}
	r.Room = apitest.Start(t, append([]func(*api.Options){func(o *api.Options) {
		o.Now = r.clock.now
		o.Hooks = api.HookOptions{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Retry: []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}}
	}}, change...)...)
	for _, p := range []store.Person{
		{ID: "per-ann", Party: "acme", Roles: []string{"admin"}},
		{ID: "per-ada", Party: "acme", Roles: []string{"adops", "marketing"}, Language: "en"},
		{ID: "per-vi", Party: "acme", Roles: []string{"viewer"}},
		{ID: "per-bob", Party: "adco", Roles: []string{"admin", "adops", "marketing"}},
	} {
		p.Email, p.Name, p.Created = p.ID+"@example.jp", "山田", time.Now()
		if p.Language == "" {
			p.Language = "ja"
		}
		if err := r.Store.AddPerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *toldRoom) as(person, party string, roles ...api.Role) *apitest.Client {
	return r.As(api.Principal{Person: person, Party: party, Roles: roles, Session: "ses-1"})
}

func (r *toldRoom) ann() *apitest.Client { return r.as("per-ann", "acme", api.Admin) }
func (r *toldRoom) bob() *apitest.Client { return r.as("per-bob", "adco", api.Admin) }

func (r *toldRoom) tell(t *testing.T, e store.Event) {
	t.Helper()
	if err := r.Server.Tell(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so. How long it takes proves nothing; that it
// never becomes so fails.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited a minute in vain until %s", what)
		}
	}
}

// receiver is a receiver of webhooks.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []message
	answer func(n int, w http.ResponseWriter, r *http.Request) // n counts from 1; nil: 200
}

// message is what came to a receiver.
type message struct {
	header http.Header
	body   []byte
}

func receive(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	v := &receiver{answer: answer}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		v.mu.Lock()
		v.got = append(v.got, message{r.Header, body})
		n := len(v.got)
		v.mu.Unlock()
		if v.answer != nil {
			v.answer(n, w, r)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

func (v *receiver) all() []message {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.got)
}

// verify fails unless c verifies under the secret by the scheme's own library.
func (c message) verify(t *testing.T, secret string) {
	t.Helper()
	if err := c.check(t, secret); err != nil {
		t.Error(err)
	}
}

func (c message) check(t *testing.T, secret string) error {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return w.VerifyIgnoringTimestamp(c.body, c.header) // the room's clock may be set forward
}

// webhook is a webhook as the API shows it.
type webhook struct {
	ID       string     `json:"id"`
	URL      string     `json:"url"`
	Kinds    []string   `json:"kinds"`
	Enabled  bool       `json:"enabled"`
	Why      string     `json:"disabled_by"`
	Failing  *time.Time `json:"failing_since"`
	OldUntil *time.Time `json:"old_secret_until"`
	Secret   string     `json:"secret"`
}

func addHook(c *apitest.Client, body map[string]any) webhook {
	var w webhook
	c.Do("POST", "/v1/webhooks", body).Want(201).JSON(&w)
	return w
}

// delivery is a delivery as the API shows it.
type delivery struct {
	ID, Event, Kind, Subject, State string
	Tries                           []struct {
		Status int
		Fault  string
	}
}

func (d delivery) tries() string {
	var out []string
	for _, t := range d.Tries {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s", t.Status, t.Fault)))
	}
	return strings.Join(out, ", ")
}

func getHook(c *apitest.Client, id string) (w webhook) {
	c.Do("GET", "/v1/webhooks/"+id, nil).Want(200).JSON(&w)
	return w
}

func deliveries(c *apitest.Client, w webhook) []delivery {
	var page struct{ Items []delivery }
	c.Do("GET", "/v1/webhooks/"+w.ID+"/deliveries", nil).Want(200).JSON(&page)
	return page.Items
}

// A webhook from its making to its end: its secret is shown once, its row is its
// party's, and what people send makes nothing else of it.
func TestWebhooks(t *testing.T) {
	r := startTold(t)
	ann, bob := r.ann(), r.bob()
	const at = "https://hooks.example.com/T0/canary-path"
	w := addHook(ann, map[string]any{"url": at, "kinds": []string{"report.ready", "job.failed", "report.ready"}, "description": "社内"})
	if !strings.HasPrefix(w.Secret, "whsec_") || !w.Enabled || fmt.Sprint(w.Kinds) != "[job.failed report.ready]" {
		t.Fatalf("%+v", w)
	}
	for _, path := range []string{"/v1/webhooks", "/v1/webhooks/" + w.ID} {
		if got := ann.Do("GET", path, nil).Want(200); bytes.Contains(got.Body, []byte("whsec_")) || !bytes.Contains(got.Body, []byte(at)) {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
	for _, row := range []struct{ method, path string }{{"GET", ""}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/secret"}, {"POST", "/test"}, {"GET", "/deliveries"}, {"POST", "/deliveries/dlv-x/resend"}} {
		var body any
		if row.method == "PATCH" {
			body = map[string]any{"enabled": false}
		}
		bob.Do(row.method, "/v1/webhooks/"+w.ID+row.path, body).Want(404)
	}
	if got := bob.Do("GET", "/v1/webhooks", nil).Want(200); bytes.Contains(got.Body, []byte(w.ID)) {
		t.Errorf("another party's list has it: %s", got.Body)
	}
	for _, body := range []string{
		`{}`, `{"url":"https://127.0.0.2:8443/","party":"adco"}`, `{"url":"` + at + `","secret":"whsec_AAAA"}`, `{"url":"` + at + `","id":"whk-1"}`, `{"url":"` + at + `","failing_since":null}`,
		`{"url":"https://192.168.1.1/"}`, `{"url":"https://169.254.169.254/latest/meta-data"}`, `{"url":"https://u:p@example.com/"}`, `{"url":"ftp://example.com/"}`, `{"url":7}`,
		`{"url":"` + at + `","kinds":["nothing"]}`, `{"url":"` + at + `","kinds":["webhook.test"]}`, `{"url":"` + at + `","description":"two\nlines"}`, `{"url":"` + at + `","description":"` + strings.Repeat("x", 201) + `"}`,
	} {
		if got := ann.Bad("POST", "/v1/webhooks", body).Want(422); !bytes.Contains(got.Body, []byte(`"E_SPEC"`)) {
			t.Errorf("%s: %s", body, got.Body)
		}
	}
	tag := ann.Do("GET", "/v1/webhooks/"+w.ID, nil).Header.Get("ETag")
	ann.Do("PATCH", "/v1/webhooks/"+w.ID, map[string]any{"kinds": []string{}}, "If-Match", tag).Want(200).JSON(&w)
	if len(w.Kinds) != 0 {
		t.Errorf("%+v", w)
	}
	ann.Do("PATCH", "/v1/webhooks/"+w.ID, map[string]any{"enabled": false}, "If-Match", tag).Want(409)
	ann.Do("PATCH", "/v1/webhooks/"+w.ID, map[string]any{"enabled": false}).Want(200).JSON(&w)
	if w.Enabled || w.Why != "person" {
		t.Errorf("%+v", w)
	}
	ann.Do("POST", "/v1/webhooks/"+w.ID+"/test", nil).Want(409)
	ann.Do("DELETE", "/v1/webhooks/"+w.ID, nil).Want(204)
	ann.Do("GET", "/v1/webhooks/"+w.ID, nil).Want(404)
	ann.Do("DELETE", "/v1/webhooks/"+w.ID, nil).Want(404)
	for range 20 {
		addHook(ann, map[string]any{"url": at})
	}
	if got := ann.Do("POST", "/v1/webhooks", map[string]any{"url": at}).Want(413); !bytes.Contains(got.Body, []byte(`"E_LIMIT"`)) {
		t.Errorf("%s", got.Body)
	}
	addHook(bob, map[string]any{"url": at}) // its limit is its own
	var page struct {
		Items []webhook
		Next  string
	}
	ann.Do("GET", "/v1/webhooks?limit=15", nil).Want(200).JSON(&page)
	if len(page.Items) != 15 {
		t.Errorf("%d of 15", len(page.Items))
	}
	ann.Do("GET", "/v1/webhooks?limit=15&cursor="+page.Next, nil).Want(200).JSON(&page)
	if len(page.Items) != 5 {
		t.Errorf("%d of 5", len(page.Items))
	}
	// Roles: the contract's matrix has them, and this is what they mean here.
	r.as("per-vi", "acme", api.Auditor).Do("GET", "/v1/webhooks", nil).Want(200)
	r.as("per-vi", "acme", api.Auditor).Do("POST", "/v1/webhooks", map[string]any{"url": at}).Want(403)
	r.as("per-ada", "acme", api.AdOps).Do("GET", "/v1/webhooks", nil).Want(403)
	r.Nobody().Do("GET", "/v1/webhooks", nil).Want(401)
	// An answer with a secret is not given twice.
	ann.Do("DELETE", "/v1/webhooks/"+page.Items[0].ID, nil).Want(204)
	ann.Do("POST", "/v1/webhooks", map[string]any{"url": at}, "Idempotency-Key", "k1").Want(201)
	ann.Do("POST", "/v1/webhooks", map[string]any{"url": at}, "Idempotency-Key", "k1").Want(409)
	if text := r.Log.String(); strings.Contains(text, "whsec_") || strings.Contains(text, "canary-path") {
		t.Error("the log has a secret or a URL")
	}
}

// Secrets are sealed on disk; the twin shows that the search would find one.
func TestSecretsSealed(t *testing.T) {
	r := startTold(t)
	w := addHook(r.ann(), map[string]any{"url": "https://hooks.example.com/", "description": "canary-description"})
	var disk []byte
	for _, name := range []string{"control.db", "control.db-wal"} {
		b, err := os.ReadFile(filepath.Join(r.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		disk = append(disk, b...)
	}
	if bytes.Contains(disk, []byte(strings.TrimPrefix(w.Secret, "whsec_"))) || bytes.Contains(disk, secretBytes(t, w.Secret)) {
		t.Error("the secret stands on disk as it is")
	}
	if !bytes.Contains(disk, []byte("canary-description")) {
		t.Error("the search finds nothing: the row is elsewhere")
	}
	if info, err := os.Stat(filepath.Join(r.Dir, "control.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control.key: %v, %v", info, err)
	}
}

func secretBytes(t *testing.T, secret string) []byte {
	t.Helper()
	raw := make([]byte, 33)
	if n, err := base64.StdEncoding.Decode(raw, []byte(strings.TrimPrefix(secret, "whsec_"))); err != nil || n != 32 {
		t.Fatal(n, err)
	}
	return raw[:32]
}

// What is told goes to the webhooks of its party that want it, signed, with its
// ids and words and nothing else.
func TestSends(t *testing.T) {
	r := startTold(t)
	ann, bob := r.ann(), r.bob()
	wants, all, none, other := receive(t, nil), receive(t, nil), receive(t, nil), receive(t, nil)
	w := addHook(ann, map[string]any{"url": wants.URL + "/canary-path", "kinds": []string{"report.ready"}})
	addHook(ann, map[string]any{"url": all.URL})
	addHook(ann, map[string]any{"url": none.URL, "enabled": false})
	addHook(bob, map[string]any{"url": other.URL})
	at := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	e := store.Event{ID: "evt-1", Party: "acme", Kind: "report.ready", Subject: "rpt-1", At: at,
		Data: json.RawMessage(`{"entrustment":"acme-2026-spring","files":["/v1/reports/rpt-1/files/csv"],"users":1234,"cells":[1,2],"who":"taro@example.jp","phone":"090-1234-5678","name":"山田 太郎","hash":"` + strings.Repeat("ab", 32) + `"}`)}
	r.tell(t, e)
	r.tell(t, e) // by who may have to say it again
	r.tell(t, store.Event{ID: "evt-2", Party: "acme", Kind: "job.done", Subject: "job-1", At: at})
	r.tell(t, store.Event{ID: "evt-3", Party: "adco", Kind: "job.done", Subject: "job-2", At: at})
	eventually(t, "all is sent", func() bool { return len(wants.all()) > 0 && len(all.all()) > 1 && len(other.all()) > 0 })
	got := wants.all()[0]
	got.verify(t, w.Secret)
	const body = `{"type":"report.ready","timestamp":"2026-04-01T09:00:00Z","data":{"party":"acme","subject":"rpt-1","details":{"entrustment":"acme-2026-spring","files":["/v1/reports/rpt-1/files/csv"]}}}`
	if string(got.body) != body || got.header.Get("webhook-id") != "evt-1" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %s", got.header.Get("webhook-id"), got.body)
	}
	r.drain(t)
	for _, row := range []struct {
		v    *receiver
		want string
	}{{wants, "evt-1"}, {all, "evt-1 evt-2"}, {none, ""}, {other, "evt-3"}} {
		var ids []string
		for _, c := range row.v.all() {
			ids = append(ids, c.header.Get("webhook-id"))
		}
		slices.Sort(ids)
		if strings.Join(ids, " ") != row.want {
			t.Errorf("%v came, want %s", ids, row.want)
		}
	}
	if text := r.Log.String(); strings.Contains(text, "whsec_") || strings.Contains(text, "canary-path") || strings.Contains(text, "127.0.0.1:"+wants.URL[len("http://127.0.0.1:"):]) {
		t.Error("the log has a secret or a URL")
	}
	for _, e := range []store.Event{{Party: "acme", Kind: "nothing", Subject: "x"}, {Party: "acme", Kind: "job.done", Subject: "taro@example.jp"}, {Party: "acme", Kind: "job.done", Subject: "x", Data: json.RawMessage(`[1]`)}} {
		if err := r.Server.Tell(t.Context(), e); err == nil {
			t.Errorf("%+v was told", e)
		}
	}
	// The twin: what is told past the check leaves the room as it is.
	if err := r.Store.Tell(t.Context(), &store.Telling{Event: store.Event{ID: "evt-9", Party: "acme", Kind: "report.ready", Subject: "rpt-1", At: at}, Body: e.Data, NewID: func(p string) string { return p + "-twin" + fmt.Sprint(time.Now().UnixNano()) }}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the twin is sent", func() bool { return len(wants.all()) == 2 })
	if !bytes.Contains(wants.all()[1].body, []byte("taro@example.jp")) {
		t.Error("the twin does not show what the check holds back")
	}
}

// drain waits until nothing is on its way.
func (r *toldRoom) drain(t *testing.T) {
	t.Helper()
	eventually(t, "nothing is on its way", func() bool {
		for _, c := range []*apitest.Client{r.ann(), r.bob()} {
			var hooks struct{ Items []webhook }
			c.Do("GET", "/v1/webhooks?limit=200", nil).Want(200).JSON(&hooks)
			for _, w := range hooks.Items {
				if got := c.Do("GET", "/v1/webhooks/"+w.ID+"/deliveries?state=waiting", nil).Want(200); !bytes.Contains(got.Body, []byte(`"items":[]`)) {
					return false
				}
			}
		}
		return true
	})
}
