package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/api/client"
	"awase/courier"
	"awase/crypto/delivery"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// TestCourierRun: deliveries are handed over, and of all that happens at the receiver's
// the room hears one word a delivery: every byte of what is sent to it is looked at.
func TestCourierRun(t *testing.T) {
	t.Parallel()
	w := newCourierWorld(t)
	w.live("spring", "x")
	w.live("summer", "line")
	w.live("autumn", "google") // of which courier.yaml has no audience

	// The platform refuses: the room hears why, in a word.
	w.x.status = http.StatusUnauthorized
	if out := w.run(1, courierRunArgs...); !strings.Contains(out, "ads/spring 1, replace for x: failed rejected-credentials") || !strings.Contains(out, "not handed over: ") || !strings.Contains(out, "courier.yaml names no audience") {
		t.Error(out)
	}
	if got := w.says("spring"); !slices.Equal(got, []string{"failed rejected-credentials"}) {
		t.Error(got)
	}
	if got := w.says("summer"); !slices.Equal(got, []string{"delivered"}) {
		t.Error(got)
	}
	if got := w.says("autumn"); !slices.Equal(got, []string{"ready"}) {
		t.Error(got)
	}
	raw, err := os.ReadFile(filepath.Join(w.dir, "out/ads/summer-1-line-email.txt"))
	if people := bytes.Count(raw, []byte("\n")); err != nil || people != 3000 {
		t.Errorf("%d people, %v", people, err)
	}

	// Mended, the next run goes on with what is left.
	w.x.status = 0
	out := w.run(1, courierRunArgs...)
	if !strings.Contains(out, "ads/spring 1, replace for x: delivered") || strings.Contains(out, "ads/summer 1, ") {
		t.Error(out)
	}
	if got := w.says("spring"); !slices.Equal(got, []string{"delivered"}) {
		t.Error(got)
	}
	if len(w.x.users) != 3000 || !slices.Equal(w.x.batches, []int{2500, 500}) {
		t.Errorf("%d people in batches of %v", len(w.x.users), w.x.batches)
	}
	if w.exists("in/ads/spring-1.delivery") || w.exists("in/ads/spring-1.delivery.state") || w.exists("in/ads/summer-1.delivery") {
		t.Errorf("what was delivered is still there: %v", w.files())
	}
	w.onlyWords(t)
	// And there is nothing to do any more, but for who has no audience.
	w.goes(nil)
	if out := w.run(1, courierRunArgs...); strings.Contains(out, "ads/spring 1, ") || strings.Contains(out, "ads/summer 1, ") {
		t.Error(out)
	}
	if got := w.requests(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

var (
	askForm         = regexp.MustCompile(`^(GET /v1/deliveries\?limit=200|GET /v1/deliveries/ads/(spring|summer|autumn)/1/file|POST /v1/deliveries/ads/(spring|summer|autumn)/1/report)$`)
	wordForm        = regexp.MustCompile(`^(\{"status":"delivered"\}|\{"reason":"[a-z-]+","status":"failed"\})$`)
	idempotencyForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	rangeForm       = regexp.MustCompile(`^bytes=[0-9]+-$`)
	tagForm         = regexp.MustCompile(`^"[0-9a-f]{64}"$`)
)

// onlyWords holds each byte that was sent to the room against what it may be told.
func (w *courierWorld) onlyWords(t *testing.T) {
	t.Helper()
	words := 0
	for _, a := range w.requests() {
		if !askForm.MatchString(a.line) {
			t.Errorf("it asks %q", a.line)
		}
		if post := strings.HasPrefix(a.line, "POST "); post != (a.body != "") || post && !wordForm.MatchString(a.body) {
			t.Errorf("%s: it says %q", a.line, a.body)
		} else if post {
			words++
			if reason := regexp.MustCompile(`"reason":"([a-z-]+)"`).FindStringSubmatch(a.body); reason != nil && !slices.Contains(courier.Codes(), courier.Code(reason[1])) {
				t.Errorf("the reason %q is none of the list", reason[1])
			}
		}
		for name, values := range a.header {
			text := strings.Join(values, ",")
			fits := map[string]bool{"Authorization": strings.HasPrefix(text, "Bearer awase_"), "User-Agent": text == "awase", "Accept-Encoding": text == "gzip", "Content-Type": text == "application/json",
				"Content-Length": text == fmt.Sprint(len(a.body)), "Idempotency-Key": idempotencyForm.MatchString(text), "Range": rangeForm.MatchString(text), "If-Range": tagForm.MatchString(text)}[name]
			if !fits {
				t.Errorf("%s: it sends %s: %s", a.line, name, text)
			}
		}
	}
	if words < 2 {
		t.Errorf("%d words: the test shows little", words)
	}
}

// TestCourierRunKilled: killed at any request to the platform or to the room, the next
// run goes on: the audience is whole, no batch whose acceptance was answered is sent
// again, and the room hears of it.
func TestCourierRunKilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		at      int  // request to the platform; 0: the word to the room
		after   bool // it was taken, and not answered
		batches []int
	}{
		{"before the first batch", 1, false, []int{2500, 500}},
		{"between batches", 1, true, []int{2500, 2500, 500}},
		{"before the last batch", 2, false, []int{2500, 500}},
		{"after the last batch", 2, true, []int{2500, 500, 500}},
		{"before the room heard", 0, false, []int{2500, 500}},
		{"after the room heard", 0, true, []int{2500, 500}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newCourierWorld(t)
			w.live("spring", "x")
			cmd := w.command(courierRunArgs...)
			begun := make(chan struct{})
			dead := false
			kill := func() {
				if dead {
					return
				}
				dead = true
				<-begun
				_ = cmd.Process.Kill()
				panic(http.ErrAbortHandler)
			}
			at := func(n int) {
				if n == c.at {
					kill()
				}
			}
			if c.after {
				w.x.after = at
			} else {
				w.x.before = at
			}
			if c.at == 0 {
				w.x.after, w.x.before = nil, nil
				w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
					if !strings.HasSuffix(r.URL.Path, "/report") {
						return false
					}
					if c.after {
						on.ServeHTTP(httptest.NewRecorder(), r)
					}
					kill()
					return true
				})
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			close(begun)
			if err := cmd.Wait(); err == nil {
				t.Fatal("it was not killed")
			}
			w.goes(nil)
			w.run(0, courierRunArgs...)
			w.x.Lock()
			defer w.x.Unlock()
			if len(w.x.users) != 3000 || !slices.Equal(w.x.batches, c.batches) {
				t.Errorf("%d people in batches of %v", len(w.x.users), w.x.batches)
			}
			if got := w.says("spring"); !slices.Equal(got, []string{"delivered"}) {
				t.Error(got)
			}
		})
	}
}

// TestCourierNewest: nothing older is handed over after something newer of a campaign,
// whatever the room lists; the same again is.
func TestCourierNewest(t *testing.T) {
	t.Parallel()
	p := &courierPass{dir: &deliveryDir{t.TempDir()}}
	if err := os.Mkdir(filepath.Join(p.dir.dir, "e"), 0o700); err != nil {
		t.Fatal(err)
	}
	of := func(campaign string, id byte, created int64) *delivery.Header {
		return &delivery.Header{Delivery: [16]byte{id}, Entrustment: "e", Campaign: campaign, Created: created}
	}
	for _, c := range []struct {
		h    *delivery.Header
		code courier.Code
	}{
		{of("c", 2, 200), ""}, {of("c", 2, 200), ""}, {of("c", 1, 100), courier.Expired}, {of("d", 1, 100), ""}, {of("c", 3, 200), ""}, {of("c", 4, 300), ""}, {of("c", 2, 200), courier.Expired},
	} {
		err := p.newest(c.h)
		var got courier.Code
		if e, ok := err.(*handError); ok {
			got = e.code
		}
		if got != c.code {
			t.Errorf("%x of %s: %v", c.h.Delivery[:1], c.h.Campaign, err)
		}
	}
}

// TestCourierReportsAtSpans: the room hears of a delivery at a full span of the run,
// whenever it ended; without that, at once, which tells how long it took.
func TestCourierReportsAtSpans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tick time.Duration
		want []time.Duration
	}{{5 * time.Minute, []time.Duration{5 * time.Minute, 10 * time.Minute}}, {0, []time.Duration{7 * time.Second, 7*time.Minute + 3*time.Second}}} {
		var mu sync.Mutex
		began := time.Unix(1_800_000_000, 0)
		now, wake := began, []time.Time{}
		chans := []chan time.Time{}
		clock := reportClock{
			now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now },
			after: func(d time.Duration) <-chan time.Time {
				mu.Lock()
				defer mu.Unlock()
				ch := make(chan time.Time, 1)
				wake, chans = append(wake, now.Add(d)), append(chans, ch)
				return ch
			},
		}
		var told []time.Duration
		heard := make(chan struct{}, 10)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			told = append(told, now.Sub(began))
			mu.Unlock()
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{}`)
			heard <- struct{}{}
		}))
		defer s.Close()
		to, err := client.New(s.URL, client.Options{Token: "awase_x"})
		if err != nil {
			t.Fatal(err)
		}
		p := &courierPass{room: to.Room("", nil), dir: &deliveryDir{t.TempDir()}, tick: c.tick, clock: clock, log: slog.New(slog.DiscardHandler)}
		// passes lets time pass, and wakes who waits for it.
		passes := func(to time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			for i, at := range wake {
				if chans[i] != nil && !at.After(began.Add(to)) {
					now = at
					chans[i] <- at
					chans[i] = nil
				}
			}
			now = began.Add(to)
		}
		word := func(id string) *handled {
			return &handled{Entrustment: "e", Campaign: id, Number: 1, Status: wire.DeliveryDone, of: &wire.Delivery{Entrustment: "e", Campaign: id, Number: 1}}
		}
		// Two runs, for each word ends one: at once without a span.
		for i, end := range []time.Duration{7 * time.Second, 7*time.Minute + 3*time.Second} {
			mu.Lock()
			began, now, wake, chans = time.Unix(1_800_000_000, 0), time.Unix(1_800_000_000, 0), nil, nil
			mu.Unlock()
			r := p.reporter(context.Background())
			waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return c.tick == 0 || len(wake) > 0 })
			for at := c.tick; at > 0 && at < end; at += c.tick {
				mu.Lock()
				n := len(wake)
				mu.Unlock()
				passes(at)
				waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(wake) > n })
			}
			passes(end)
			r.add(word(fmt.Sprint("c", i)))
			done := make(chan error, 1)
			go func() { done <- r.end() }()
			if c.tick > 0 {
				<-r.stop
				select {
				case <-heard:
					t.Error("it is told at once")
				default:
				}
				passes(c.want[i])
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			<-heard
		}
		mu.Lock()
		if !slices.Equal(told, c.want) {
			t.Errorf("with a span of %s it is told at %v", c.tick, told)
		}
		mu.Unlock()
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it is not so after 30 s")
		}
	}
}

// TestCampaignCommands: a campaign's life by commands over the network, up to what its
// receiver says of it.
func TestCampaignCommands(t *testing.T) {
	t.Parallel()
	w := newCourierWorld(t)
	if err := os.WriteFile(filepath.Join(w.dir, "campaign.yaml"), apitest.CampaignDoc("spring", "x", `"results": ["delivery"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	receives := w.env
	asks := append(os.Environ(), "AWASE_SERVER="+w.server.URL, "AWASE_TOKEN="+w.Token(apitest.Person(apitest.Acme, api.Marketing)))
	run := func(status int, args ...string) string {
		t.Helper()
		cmd := awase(t, w.dir, append([]string{"campaign"}, args...)...)
		cmd.Env = asks
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != status {
			t.Fatalf("awase campaign %s: %d, not %d\n%s", strings.Join(args, " "), got, status, out.String())
		}
		return out.String()
	}
	if out := run(0, "price", "campaign.yaml"); !strings.Contains(out, "result delivery: ρ ") || strings.Contains(out, "can't be paid for") {
		t.Error(out)
	}
	if out := run(0, "submit", "campaign.yaml"); !strings.HasPrefix(out, "campaign ads/spring: version 1, log entry ") {
		t.Error(out)
	}
	out := run(0, "deliver", "ads/spring")
	for _, want := range []string{"campaign ads/spring, version 1: delivered\n", "replace for x to adco", "ready\n", "put aside for results: ads/spring:delivery"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	w.env = receives
	w.run(0, courierRunArgs...)
	var m wire.Campaign
	if err := json.Unmarshal([]byte(run(0, "show", "--json", "ads/spring")), &m); err != nil || len(m.Deliveries) != 1 || m.Deliveries[0].Status != wire.DeliveryDone || m.Deliveries[0].SHA256 != "" {
		t.Errorf("%+v, %v", m, err)
	}
	if out := run(0, "list"); !strings.Contains(out, "ads/spring") || !strings.Contains(out, "delivered") {
		t.Error(out)
	}
	if out := run(0, "size", "-n", "--recipient", "acme", "campaign.yaml"); !strings.Contains(out, "0.0002") {
		t.Error(out)
	}
	if out := run(0, "size", "--json", "--recipient", "acme", "campaign.yaml"); !strings.Contains(out, `"report":"size"`) && !strings.Contains(out, `"report": "size"`) {
		t.Error(out)
	}
	if out := run(1, "result", "--recipient", "acme", "ads/spring", "delivery"); !strings.Contains(out, "E_FORBIDDEN at campaign: it runs until ") || !strings.Contains(out, "--early") {
		t.Error(out)
	}
	if out := run(2, "result", "--recipient", "acme", "ads/spring", "profile"); !strings.Contains(out, "a campaign's results are delivery, lift, attribution") {
		t.Error(out)
	}
	run(0, "result", "--early", "--recipient", "acme", "ads/spring", "delivery")
	if out := run(0, "show", "ads/spring"); strings.Contains(out, "put aside for results: ads/spring:delivery") || strings.Contains(out, "results      not yet") {
		t.Error(out)
	}
	if out := run(0, "close", "--yes", "ads/spring"); !strings.Contains(out, "closed, log entry") {
		t.Error(out)
	}
	if out := run(0, "deliver", "ads/spring"); !strings.Contains(out, ": closed\n") || !strings.Contains(out, "remove for x to adco") {
		t.Error(out)
	}
	w.run(0, courierRunArgs...)
	w.x.Lock()
	defer w.x.Unlock()
	if len(w.x.users) != 0 {
		t.Errorf("%d people are still at the platform", len(w.x.users))
	}
	if out := run(1, "show", "ads/winter"); !strings.Contains(out, "E_NOT_FOUND at campaign: there is no campaign \"winter\" under \"ads\"") {
		t.Error(out)
	}
}

// TestCourierCodes: the room takes each code that a courier gives, and no other.
func TestCourierCodes(t *testing.T) {
	t.Parallel()
	w := newCourierWorld(t)
	w.live("spring", "x")
	says := w.As(apitest.Person(apitest.AdCo, api.AdOps))
	at := "/v1/deliveries/ads/spring/1/report"
	for _, code := range courier.Codes() {
		says.Do(http.MethodPost, at, map[string]any{"status": "failed", "reason": code}).Want(http.StatusOK)
		if got := w.says("spring"); !slices.Equal(got, []string{"failed " + string(code)}) {
			t.Errorf("%s: %v", code, got)
		}
	}
	for _, other := range []string{"", "busy-7", "Busy", "2500 people"} {
		says.Do(http.MethodPost, at, map[string]any{"status": "failed", "reason": other}).Want(http.StatusUnprocessableEntity)
	}
}
