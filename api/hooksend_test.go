package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/api/hook"
	"awase/api/store"
)

// Receivers that do not take it at first, or never.
func TestRetries(t *testing.T) {
	inside := receive(t, nil)
	reset := func(w http.ResponseWriter) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}
	for _, row := range []struct {
		name    string
		answer  func(n int, w http.ResponseWriter, r *http.Request)
		state   string
		tries   string
		enabled bool
		why     string
	}{
		{"500, then 200", func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.WriteHeader(500)
			}
		}, "sent", "500 status, 200", true, ""},
		{"a reset, then 204", func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				reset(w)
				return
			}
			w.WriteHeader(204)
		}, "sent", "0 broken, 204", true, ""},
		{"never", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "failed", "503 status, 503 status, 503 status", true, ""},
		{"a redirect inside", func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inside.URL, http.StatusMovedPermanently)
		}, "failed", "301 redirect, 301 redirect, 301 redirect", true, ""},
		{"gone", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, "failed", "410 gone", false, "gone"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := startTold(t)
			v := receive(t, row.answer)
			w := addHook(r.ann(), map[string]any{"url": v.URL})
			r.tell(t, store.Event{ID: "evt-1", Party: "acme", Kind: "freeze", Subject: "room"})
			eventually(t, "it ended", func() bool { d := deliveries(r.ann(), w); return len(d) == 1 && d[0].State != "waiting" })
			d := deliveries(r.ann(), w)[0]
			if d.State != row.state || d.tries() != row.tries || d.Event != "evt-1" || d.Kind != "freeze" {
				t.Errorf("%+v: %s", d, d.tries())
			}
			for _, c := range v.all() {
				c.verify(t, w.Secret)
				if c.header.Get("webhook-id") != "evt-1" || !bytes.Equal(c.body, v.all()[0].body) {
					t.Errorf("a repetition is another message: %s", c.body)
				}
			}
			secret := w.Secret
			w = getHook(r.ann(), w.ID)
			if w.Enabled != row.enabled || w.Why != row.why || (w.Failing != nil) != (row.state != "sent") {
				t.Errorf("%+v", w)
			}
			if !row.enabled {
				if got := r.ann().Do("GET", "/v1/notices", nil).Want(200); !bytes.Contains(got.Body, []byte(`"webhook.disabled"`)) || !bytes.Contains(got.Body, []byte(w.ID)) {
					t.Errorf("its admin is not told: %s", got.Body)
				}
				r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/deliveries/"+d.ID+"/resend", nil).Want(409)
				return
			}
			// Sent again by a person: the same message.
			v.mu.Lock()
			v.answer, v.got = nil, v.got[:1]
			v.mu.Unlock()
			r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/deliveries/"+d.ID+"/resend", nil).Want(202)
			r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/deliveries/dlv-0/resend", nil).Want(404)
			eventually(t, "it is sent again", func() bool { d := deliveries(r.ann(), w); return d[0].State == "sent" && len(v.all()) > 1 })
			if again := v.all()[1]; again.header.Get("webhook-id") != "evt-1" || !bytes.Equal(again.body, v.all()[0].body) {
				t.Errorf("it is another message: %s", again.body)
			}
			v.all()[1].verify(t, secret)
		})
	}
	if len(inside.all()) != 0 {
		t.Error("a redirect was followed")
	}
}

// A receiver that hangs holds up its own deliveries alone, and is left in the end.
func TestSlowReceiver(t *testing.T) {
	held := make(chan struct{})
	slow := receive(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	})
	fast := receive(t, nil)
	r := startTold(t, func(o *api.Options) { o.Hooks.Retry = []time.Duration{time.Hour} })
	w := addHook(r.ann(), map[string]any{"url": slow.URL})
	addHook(r.ann(), map[string]any{"url": fast.URL})
	addHook(r.bob(), map[string]any{"url": fast.URL})
	const events = 30
	for i := range events {
		r.tell(t, store.Event{Party: "acme", Kind: "job.done", Subject: fmt.Sprint("job-", i)})
		r.tell(t, store.Event{Party: "adco", Kind: "job.done", Subject: fmt.Sprint("job-", i)})
	}
	eventually(t, "the others have it all", func() bool { return len(fast.all()) == 2*events })
	eventually(t, "the slow one is left", func() bool {
		return slices.ContainsFunc(deliveries(r.ann(), w), func(d delivery) bool { return d.tries() == "0 timeout" && d.State == "waiting" })
	})
	close(held)
}

// A webhook that takes nothing for long is disabled, and what is on its way to it is
// dropped.
func TestGivesUp(t *testing.T) {
	r := startTold(t)
	fails := true
	var mu sync.Mutex
	v := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if fails {
			w.WriteHeader(500)
		}
	})
	w := addHook(r.ann(), map[string]any{"url": v.URL})
	tell := func(state string) {
		t.Helper()
		r.tell(t, store.Event{Party: "acme", Kind: "upload.expired", Subject: "upl-1"})
		eventually(t, "it "+state, func() bool { return deliveries(r.ann(), w)[0].State == state })
		w = getHook(r.ann(), w.ID)
	}
	tell("failed")
	r.clock.forward(5*24*time.Hour - time.Minute)
	tell("failed")
	if !w.Enabled {
		t.Fatal("it was disabled before its time")
	}
	// Taken once, it counts from anew.
	mu.Lock()
	fails = false
	mu.Unlock()
	tell("sent")
	mu.Lock()
	fails = true
	mu.Unlock()
	r.clock.forward(2 * time.Minute)
	tell("failed")
	if !w.Enabled {
		t.Fatal("it was disabled though it took something")
	}
	r.clock.forward(5*24*time.Hour + time.Minute)
	tell("failed")
	if w.Enabled || w.Why != "failing" {
		t.Fatalf("%+v", w)
	}
	if d := deliveries(r.ann(), w)[0]; d.tries() != "500 status" {
		t.Errorf("it was tried on: %s", d.tries())
	}
	var n struct{ Unread int }
	r.ann().Do("GET", "/v1/notices", nil).Want(200).JSON(&n)
	if n.Unread != 1 {
		t.Errorf("its admin has %d notices, want that it was disabled", n.Unread)
	}
	// What is told meanwhile is not kept for it; enabled again, it is told.
	r.tell(t, store.Event{Party: "acme", Kind: "upload.expired", Subject: "upl-2"})
	r.ann().Do("PATCH", "/v1/webhooks/"+w.ID, map[string]any{"enabled": true}).Want(200)
	w = getHook(r.ann(), w.ID)
	if !w.Enabled || w.Failing != nil {
		t.Errorf("%+v", w)
	}
	mu.Lock()
	fails = false
	mu.Unlock()
	r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/test", nil).Want(202)
	eventually(t, "the test is sent", func() bool {
		d := deliveries(r.ann(), w)[0]
		return d.Kind == "webhook.test" && d.State == "sent"
	})
}

// While a secret is replaced both sign; after that the new one alone.
func TestRotation(t *testing.T) {
	r := startTold(t)
	v := receive(t, nil)
	other := receive(t, nil)
	addHook(r.ann(), map[string]any{"url": other.URL})
	w := addHook(r.ann(), map[string]any{"url": v.URL, "kinds": []string{"freeze"}})
	var now webhook
	if got := r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/secret", nil, "Idempotency-Key", "k").Want(200); !bytes.Contains(got.Body, []byte("whsec_")) {
		t.Fatalf("%s", got.Body)
	} else {
		got.JSON(&now)
	}
	r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/secret", nil, "Idempotency-Key", "k").Want(409)
	if now.Secret == w.Secret || now.OldUntil == nil {
		t.Fatalf("%+v", now)
	}
	test := func() message {
		t.Helper()
		before := len(v.all())
		r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/test", nil).Want(202)
		eventually(t, "the test came", func() bool { return len(v.all()) > before })
		return v.all()[before]
	}
	c := test()
	c.verify(t, w.Secret)
	c.verify(t, now.Secret)
	r.clock.forward(25 * time.Hour)
	c = test()
	c.verify(t, now.Secret)
	if c.check(t, w.Secret) == nil {
		t.Error("the old secret signs after its day")
	}
	if len(other.all()) != 0 {
		t.Error("a test of one webhook went to another")
	}
}

// Where nothing is allowed, a URL that a party wrote reaches nothing here, though
// its row came past the check. The twin, with the loopback allowed, is reached.
func TestNothingInside(t *testing.T) {
	for _, row := range []struct {
		allow []netip.Prefix
		tries string
		hits  int
	}{{nil, "0 url", 0}, {[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "0 address", 0}, {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, "200", 1}} {
		r := startTold(t, func(o *api.Options) { o.Hooks.Allow, o.Hooks.Retry = row.allow, []time.Duration{} })
		v := receive(t, nil)
		w := &store.Webhook{ID: "whk-00000000000000000000000000", Party: "acme", Enabled: true, URL: strings.Replace(v.URL, "127.0.0.1", "localhost", 1), Created: time.Now(), Changed: time.Now()}
		if err := r.Store.AddWebhook(t.Context(), w, hook.NewSecret(), 20); err != nil {
			t.Fatal(err)
		}
		r.tell(t, store.Event{Party: "acme", Kind: "freeze", Subject: "room"})
		r.drain(t)
		if d := deliveries(r.ann(), webhook{ID: w.ID}); len(d) != 1 || d[0].tries() != row.tries || len(v.all()) != row.hits {
			t.Errorf("%v: %+v, %d hits", row.allow, d, len(v.all()))
		}
	}
}

// What is on its way to a webhook that is disabled is dropped, and can be sent again
// when it is enabled; one that is deleted is sent nothing more.
func TestDropped(t *testing.T) {
	r := startTold(t, func(o *api.Options) { o.Hooks.Retry = []time.Duration{time.Hour} })
	v := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 || n == 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	w := addHook(r.ann(), map[string]any{"url": v.URL})
	tried := func(want string) {
		t.Helper()
		eventually(t, "it was tried", func() bool { d := deliveries(r.ann(), w); return len(d) > 0 && d[0].tries() == want })
	}
	r.tell(t, store.Event{Party: "acme", Kind: "freeze", Subject: "room"})
	tried("500 status")
	r.ann().Do("PATCH", "/v1/webhooks/"+w.ID, map[string]any{"enabled": false}).Want(200)
	d := deliveries(r.ann(), w)[0]
	if d.State != "dropped" {
		t.Fatalf("%+v", d)
	}
	r.clock.forward(2 * time.Hour) // its next try would be due
	r.ann().Do("PATCH", "/v1/webhooks/"+w.ID, map[string]any{"enabled": true}).Want(200)
	if d := deliveries(r.ann(), w)[0]; d.State != "dropped" || len(v.all()) != 1 {
		t.Fatalf("%+v, %d came", d, len(v.all()))
	}
	r.ann().Do("POST", "/v1/webhooks/"+w.ID+"/deliveries/"+d.ID+"/resend", nil).Want(202)
	tried("500 status, 200")
	r.tell(t, store.Event{Party: "acme", Kind: "unfreeze", Subject: "room"})
	tried("500 status")
	r.ann().Do("DELETE", "/v1/webhooks/"+w.ID, nil).Want(204)
	r.clock.forward(2 * time.Hour)
	other := receive(t, nil)
	addHook(r.ann(), map[string]any{"url": other.URL})
	r.tell(t, store.Event{Party: "acme", Kind: "freeze", Subject: "room"})
	eventually(t, "what came later is sent", func() bool { return len(other.all()) == 1 })
	if n := len(v.all()); n != 3 {
		t.Errorf("%d came to the deleted one, want 3", n)
	}
}
