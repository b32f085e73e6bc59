package api_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/api/mail"
	"awase/api/store"
	"awase/enclave"
	"awase/internal/apitest"
	"awase/sql/control"
)

// inbox is the answer of GET /v1/notices.
type inbox struct {
	Items []struct {
		ID, Event, Kind, Subject string
		Title                    struct{ JA, EN string }
		Read                     *time.Time
	}
	Next   string
	Unread int
}

func (in inbox) kinds() string {
	var out []string
	for _, n := range in.Items {
		out = append(out, n.Kind)
	}
	return strings.Join(out, " ")
}

func inboxOf(c *apitest.Client, query string) (in inbox) {
	c.Do("GET", "/v1/notices"+query, nil).Want(200).JSON(&in)
	return in
}

// Who is told of what: people of the party whose roles want the kind, once, and each
// in an inbox of their own.
func TestNotices(t *testing.T) {
	r := startTold(t)
	ann, ada, vi, bob := r.ann(), r.as("per-ada", "acme", api.AdOps, api.Marketing), r.as("per-vi", "acme", api.Viewer), r.bob()
	for _, kind := range []string{"report.ready", "freeze", "draft.waits", "job.failed", "webhook.disabled"} {
		e := store.Event{ID: "evt-" + kind, Party: "acme", Kind: kind, Subject: "sub-1"}
		r.tell(t, e)
		r.tell(t, e)
		time.Sleep(2 * time.Millisecond) // ids sort by age to the millisecond
	}
	for _, row := range []struct {
		name string
		c    *apitest.Client
		want string
	}{
		{"admin", ann, "webhook.disabled freeze"},
		{"ad-ops and marketing", ada, "job.failed freeze report.ready"},
		{"viewer", vi, "freeze report.ready"},
		{"another party", bob, ""},
		{"privacy, who is nobody's row", r.as("per-none", "acme", api.Privacy), ""},
	} {
		in := inboxOf(row.c, "")
		if in.kinds() != row.want || in.Unread != len(in.Items) {
			t.Errorf("%s: %s, %d unread; want %s", row.name, in.kinds(), in.Unread, row.want)
		}
	}
	in := inboxOf(ada, "")
	if n := in.Items[2]; n.Title.JA != "レポートができました" || n.Title.EN != "A report is ready" || n.Subject != "sub-1" || n.Event != "evt-report.ready" {
		t.Errorf("%+v", n)
	}
	// A notice is its person's: not of others, of the same party neither.
	for _, c := range []*apitest.Client{ann, vi, bob} {
		c.Do("POST", "/v1/notices/"+in.Items[0].ID+"/read", nil).Want(404)
	}
	if in := inboxOf(ada, ""); in.Unread != 3 {
		t.Errorf("another read it: %d unread", in.Unread)
	}
	ada.Do("POST", "/v1/notices/"+in.Items[0].ID+"/read", nil).Want(204)
	first := inboxOf(ada, "").Items[0].Read
	r.clock.forward(time.Hour)
	ada.Do("POST", "/v1/notices/"+in.Items[0].ID+"/read", nil).Want(204)
	if in := inboxOf(ada, ""); in.Unread != 2 || first == nil || !in.Items[0].Read.Equal(*first) {
		t.Errorf("%+v: when it was first read is lost", in)
	}
	if in := inboxOf(ada, "?unread=true"); in.kinds() != "freeze report.ready" {
		t.Errorf("unread: %s", in.kinds())
	}
	page := inboxOf(ada, "?limit=2")
	if rest := inboxOf(ada, "?limit=2&cursor="+page.Next); page.kinds() != "job.failed freeze" || rest.kinds() != "report.ready" || rest.Next != "" || page.Unread != 2 {
		t.Errorf("pages: %+v %+v", page, rest)
	}
	ada.Do("POST", "/v1/notices/read-all", nil).Want(204)
	if inboxOf(ada, "").Unread != 0 || inboxOf(vi, "").Unread != 2 {
		t.Error("read-all read another's, or not all")
	}
	ada.Bad("GET", "/v1/notices?unread=maybe", nil).Want(422)
	r.Nobody().Do("GET", "/v1/notices", nil).Want(401)
	// Who is disabled is told of nothing more.
	disable := func(is bool) {
		t.Helper()
		if _, err := r.Store.ChangePerson(t.Context(), "acme", "per-vi", "", func(p *store.Person) error { p.Disabled = is; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	disable(true)
	r.tell(t, store.Event{Party: "acme", Kind: "unfreeze", Subject: "room"})
	vi.Do("GET", "/v1/notices", nil).Want(401)
	disable(false)
	vi = r.as("per-vi", "acme", api.Viewer)
	if in := inboxOf(vi, ""); in.kinds() != "freeze report.ready" {
		t.Errorf("%s", in.kinds())
	}
}

// What was told is forgotten in the end, but not while it is on its way.
func TestEventsExpire(t *testing.T) {
	r := startTold(t, func(o *api.Options) { o.Hooks.Retry = []time.Duration{1000 * time.Hour} })
	v := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n > 1 {
			w.WriteHeader(500)
		}
	})
	w := addHook(r.ann(), map[string]any{"url": v.URL})
	for i, id := range []string{"evt-sent", "evt-waits"} {
		r.tell(t, store.Event{ID: id, Party: "acme", Kind: "freeze", Subject: "room"})
		eventually(t, "it was tried", func() bool { d := deliveries(r.ann(), w); return len(d) == i+1 && len(d[0].Tries) == 1 })
	}
	if err := r.Store.ExpireEvents(t.Context(), time.Now().Add(-time.Hour)); err != nil || len(inboxOf(r.ann(), "").Items) != 2 {
		t.Fatal("what is young was forgotten", err)
	}
	if err := r.Store.ExpireEvents(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if in := inboxOf(r.ann(), ""); len(in.Items) != 1 || in.Items[0].Event != "evt-waits" || in.Unread != 1 {
		t.Errorf("%+v", in)
	}
	if d := deliveries(r.ann(), w); len(d) != 1 || d[0].Event != "evt-waits" {
		t.Errorf("%+v", d)
	}
}

// A delivery whose job is over, since it broke too often, gets another.
func TestOrphans(t *testing.T) {
	r := startTold(t, func(o *api.Options) { o.Hooks.Retry = []time.Duration{1000 * time.Hour} })
	v := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(500)
		}
	})
	w := addHook(r.ann(), map[string]any{"url": v.URL})
	r.tell(t, store.Event{Party: "acme", Kind: "freeze", Subject: "room"})
	eventually(t, "it was tried", func() bool { d := deliveries(r.ann(), w); return len(d) == 1 && len(d[0].Tries) == 1 })
	adopt := func(want int) {
		t.Helper()
		n, err := r.Store.AdoptDeliveries(t.Context(), func(p string) string { return p + "-" + fmt.Sprint(time.Now().UnixNano()) }, time.Now())
		if err != nil || n != want {
			t.Fatalf("%d, %v; want %d", n, err, want)
		}
	}
	adopt(0)
	d, err := r.Store.Delivery(t.Context(), "acme", w.ID, deliveries(r.ann(), w)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Store.EndJob(t.Context(), &store.Job{ID: d.Job, State: store.JobFailed, Ended: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r.clock.forward(2000 * time.Hour)
	adopt(1)
	eventually(t, "it is sent", func() bool { return deliveries(r.ann(), w)[0].State == "sent" })
	adopt(0)
}

// Mail goes to who chose the kind, and says nothing but that there is something.
func TestMail(t *testing.T) {
	srv := apitest.StartSMTP(t, "starttls", "", "")
	sender, err := mail.New(mail.Options{Host: srv.Host, Port: srv.Port, From: "room@example.jp", Roots: srv.Roots})
	if err != nil {
		t.Fatal(err)
	}
	r := startTold(t, func(o *api.Options) { o.Hooks.Mail, o.Hooks.URL = sender, "https://awase.example.jp/" })
	ada, vi := r.as("per-ada", "acme", api.AdOps, api.Marketing), r.as("per-vi", "acme", api.Viewer)
	var set struct {
		Mail    []string
		CanMail bool `json:"can_mail"`
		Kinds   []struct{ Kind string }
	}
	vi.Do("GET", "/v1/me/notices", nil).Want(200).JSON(&set)
	if len(set.Mail) != 0 || !set.CanMail || fmt.Sprint(set.Kinds) != "[{report.ready} {freeze} {unfreeze}]" {
		t.Fatalf("%+v", set)
	}
	vi.Do("PATCH", "/v1/me/notices", map[string]any{"mail": []string{"report.ready", "job.failed"}}).Want(200).JSON(&set)
	ada.Do("PATCH", "/v1/me/notices", map[string]any{"mail": []string{"job.failed", "report.ready"}}).Want(200).JSON(&set)
	ada.Bad("PATCH", "/v1/me/notices", map[string]any{"mail": []string{"nothing"}}).Want(422)
	ada.Bad("PATCH", "/v1/me/notices", `{"mail":[],"person":"per-vi"}`).Want(422)
	// A name of a person that would be a header.
	if _, err := r.Store.ChangePerson(t.Context(), "acme", "per-vi", "", func(p *store.Person) error { p.Name = "x\r\nBcc: eve@example.com"; return nil }); err != nil {
		t.Fatal(err)
	}
	r.tell(t, store.Event{Party: "acme", Kind: "report.ready", Subject: "rpt-canary", Data: []byte(`{"entrustment":"canary-2026"}`)})
	r.tell(t, store.Event{Party: "acme", Kind: "freeze", Subject: "room"}) // nobody chose it
	r.tell(t, store.Event{Party: "adco", Kind: "report.ready", Subject: "rpt-2"})
	eventually(t, "both have it", func() bool { return len(srv.Got()) >= 2 })
	var seen []string
	for _, m := range srv.Got() {
		for _, not := range []string{"canary", "eve@", "山田", "acme", "per-ada\r", "Bcc"} {
			if strings.Contains(m.Text, not) {
				t.Errorf("it says %q: %s", not, m.Text)
			}
		}
		if !m.Secure {
			t.Error("it came in the clear")
		}
		for _, who := range []*apitest.Client{ada, vi} {
			for _, n := range inboxOf(who, "").Items {
				if strings.Contains(m.Text, "https://awase.example.jp/notices/"+n.ID) {
					seen = append(seen, n.Kind+" "+strings.Join(m.To, " "))
				}
			}
		}
	}
	if len(seen) != 2 || !strings.Contains(fmt.Sprint(seen), "report.ready TO:<per-ada@example.jp>") || !strings.Contains(fmt.Sprint(seen), "report.ready TO:<per-vi@example.jp>") {
		t.Errorf("%v", seen)
	}
	if text := r.Log.String(); strings.Contains(text, "@example.jp") {
		t.Error("the log has an address")
	}
	// A job of mail ends: nothing is sent twice, nothing lies about.
	eventually(t, "no job is left", func() bool {
		jobs, err := r.Store.Jobs(t.Context(), "", store.JobFilter{Kind: "mail", State: store.JobDone}, store.Page{Limit: 10})
		return err == nil && len(jobs) == 2
	})
	if n := len(srv.Got()); n != 2 {
		t.Errorf("%d mails", n)
	}
}

// A mail server that refuses an address ends the job with a reason that does not
// say it.
func TestMailRefused(t *testing.T) {
	srv := apitest.StartSMTP(t, "none", "550 <per-ada@example.jp> is unknown", "")
	sender, err := mail.New(mail.Options{Host: srv.Host, Port: srv.Port, From: "room@example.jp", TLS: mail.Clear})
	if err != nil {
		t.Fatal(err)
	}
	r := startTold(t, func(o *api.Options) { o.Hooks.Mail = sender })
	r.as("per-ada", "acme", api.Marketing).Do("PATCH", "/v1/me/notices", map[string]any{"mail": []string{"report.ready"}}).Want(200)
	r.tell(t, store.Event{Party: "acme", Kind: "report.ready", Subject: "rpt-1"})
	eventually(t, "the job ended", func() bool {
		jobs, err := r.Store.Jobs(t.Context(), "", store.JobFilter{Kind: "mail", State: store.JobFailed}, store.Page{Limit: 10})
		return err == nil && len(jobs) == 1 && jobs[0].Reason != nil && !strings.Contains(jobs[0].Reason.Error(), "@")
	})
	if strings.Contains(r.Log.String(), "@example.jp") {
		t.Error("the log has an address")
	}
	if in := inboxOf(r.as("per-ada", "acme", api.Marketing), ""); in.Unread != 1 {
		t.Errorf("the notice is lost: %+v", in)
	}
}

// A service that is killed loses no event that it acknowledged: the receiver gets
// each at least once, and can tell by the webhook-id which came twice.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("AWASE_TEST_TELLS"); dir != "" {
		tellForever(t, dir)
		return
	}
	dir := t.TempDir()
	// Until the last life the receiver takes nothing, so that all is on its way at each kill.
	taking := false
	ids := map[string]string{}
	var v *receiver
	v = receive(t, func(n int, w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		c := v.got[n-1]
		if id := c.header.Get("webhook-id"); ids[id] == "" {
			ids[id] = string(c.body)
		} else if ids[id] != string(c.body) {
			t.Errorf("%s came with two bodies", id)
		}
		if !taking && n%3 != 0 {
			w.WriteHeader(500)
		}
	})
	s, err := control.Open(t.Context(), filepath.Join(dir, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	person := store.Person{ID: "per-1", Party: "acme", Email: "a@example.jp", Roles: []string{"admin"}, Language: "ja", Created: time.Now()}
	hook := &store.Webhook{ID: "whk-1", Party: "acme", URL: v.URL, Enabled: true, Created: time.Now(), Changed: time.Now()}
	if err := errors.Join(s.AddPerson(t.Context(), person), s.AddWebhook(t.Context(), hook, bytes.Repeat([]byte{7}, 32), 20), s.Close()); err != nil {
		t.Fatal(err)
	}
	var said []string
	for life := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
		cmd.Env = append(os.Environ(), "AWASE_TEST_TELLS="+dir, fmt.Sprint("AWASE_TEST_LIFE=", life))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 20 && lines.Scan(); {
			if id, ok := strings.CutPrefix(lines.Text(), "told "); ok {
				said = append(said, id)
				n++
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
	}
	if len(said) != 60 {
		t.Fatalf("%d events were acknowledged, want 60", len(said))
	}
	v.mu.Lock()
	taking = true
	v.mu.Unlock()
	if s, err = control.Open(t.Context(), filepath.Join(dir, "control.db")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- killServer(t, s, dir).Run(ctx) }()
	eventually(t, "all is sent", func() bool {
		waits, err := s.Deliveries(t.Context(), "acme", hook.ID, store.DeliveryWaits, store.Page{Limit: 1})
		return err == nil && len(waits) == 0
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, id := range said {
		if ids[id] == "" {
			t.Errorf("%s was acknowledged, and never came", id)
		}
	}
	if _, unread, err := s.Notices(t.Context(), "per-1", false, store.Page{Limit: 1}); err != nil || unread < len(said) {
		t.Errorf("%d notices of %d events (%v)", unread, len(said), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// killServer makes a service over a store, whose deliveries are tried again at once.
func killServer(t *testing.T, s *control.Store, dir string) *api.Server {
	t.Helper()
	retry := make([]time.Duration, 100)
	for i := range retry {
		retry[i] = 20 * time.Millisecond
	}
	room, err := enclave.Open(t.Context(), filepath.Join(dir, "vault"), enclave.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := api.New(api.Options{Enclave: room, Store: s, Inbox: filepath.Join(dir, "inbox"), Reports: filepath.Join(dir, "reports"),
		Hooks: api.HookOptions{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Retry: retry}})
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

// tellForever is the process that is killed: it tells, and says so when that was
// acknowledged.
func tellForever(t *testing.T, dir string) {
	s, err := control.Open(t.Context(), filepath.Join(dir, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	srv := killServer(t, s, dir)
	go func() { _ = srv.Run(t.Context()) }() // ends with the process
	for i := 0; ; i++ {
		id := fmt.Sprintf("evt-%s-%d", os.Getenv("AWASE_TEST_LIFE"), i)
		if err := srv.Tell(t.Context(), store.Event{ID: id, Party: "acme", Kind: "webhook.disabled", Subject: fmt.Sprint("whk-", i)}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("told " + id)
	}
}
