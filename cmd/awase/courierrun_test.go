package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
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
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// courierWorld is a receiving party: its desk, the way to a room, on which everything that
// is sent is kept and things go wrong, and a platform.
type courierWorld struct {
	*apitest.Room
	t   *testing.T
	dir string
	env []string

	mu     sync.Mutex
	asked  []askedRoom
	fault  func(w http.ResponseWriter, r *http.Request, on http.Handler) bool // whether it answered
	x      xAudience
	server *httptest.Server // the way to the room
}

// askedRoom is a request as it went to the room.
type askedRoom struct {
	line   string // method and address
	header http.Header
	body   string
}

// xAudience is X, as far as a courier sees it: who was added by which request.
type xAudience struct {
	sync.Mutex
	status  int
	users   map[string]bool
	batches []int
	before  func(n int) // a request is looked at
	after   func(n int) // it was taken, and not answered yet
}

func (x *xAudience) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.Lock()
	defer x.Unlock()
	n := len(x.batches) + 1
	if x.before != nil {
		x.before(n)
	}
	if x.status != 0 {
		http.Error(w, "{}", x.status)
		return
	}
	var ops []struct {
		Type   string `json:"operation_type"`
		Params struct {
			Users []struct {
				Email []string `json:"email"`
			} `json:"users"`
		} `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ops); err != nil || len(ops) != 1 {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	if x.users == nil {
		x.users = map[string]bool{}
	}
	for _, u := range ops[0].Params.Users {
		for _, h := range u.Email {
			if ops[0].Type == "Delete" {
				delete(x.users, h)
			} else {
				x.users[h] = true
			}
		}
	}
	x.batches = append(x.batches, len(ops[0].Params.Users))
	if x.after != nil {
		x.after(n)
	}
	fmt.Fprint(w, `{"data":{"success_count":1,"total_count":1}}`)
}

func newCourierWorld(t *testing.T) *courierWorld {
	t.Helper()
	w := &courierWorld{Room: apitest.Start(t), t: t, dir: t.TempDir()}
	keys := w.FurnishAds()
	room, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	on := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(room) }, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.asked = append(w.asked, askedRoom{r.Method + " " + r.URL.RequestURI(), r.Header.Clone(), string(body)})
		fault := w.fault
		w.mu.Unlock()
		if fault == nil || !fault(rw, r, on) {
			on.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(w.server.Close)
	platform := httptest.NewServer(&w.x)
	t.Cleanup(platform.Close)
	for name, text := range map[string]string{
		"delivery.key": fmt.Sprintf("%s%s %x\n", deliveryKeyHead, seal.XWing, keys.Seed),
		"awase.key":    keys.Line + "\n",
		"x.json":       `{"consumer_key":"a","consumer_secret":"b","access_token":"c","access_secret":"d"}`,
		"courier.yaml": "schema: awase.courier/v1\ntargets:\n  - {entrustment: ads, campaign: spring, account: acc, audience: aud, credentials: x.json, attempts: 1, rate: 1000, endpoint: \"" + platform.URL + "\"}\n",
	} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.env = append(os.Environ(), "AWASE_SERVER="+w.server.URL, "AWASE_TOKEN="+w.Token(api.Principal{Party: apitest.AdCo, Roles: []api.Role{api.AdOps}, Scopes: []string{"deliveries:read", "deliveries:write"}}))
	return w
}

// live submits a campaign and has it delivered.
func (w *courierWorld) live(id, form string) {
	w.t.Helper()
	asks := w.As(apitest.Person(apitest.Acme, api.Marketing))
	asks.Do(http.MethodPut, "/v1/campaigns/ads/"+id, apitest.CampaignDoc(id, form, "")).Want(http.StatusOK)
	asks.Do(http.MethodPost, "/v1/campaigns/ads/"+id+"/deliver", nil).Want(http.StatusOK)
}

// says gives what the room is told of a campaign's deliveries.
func (w *courierWorld) says(campaign string) (out []string) {
	w.t.Helper()
	var page struct{ Items []wire.Delivery }
	w.As(apitest.Person(apitest.Operator, api.Auditor)).Do(http.MethodGet, "/v1/campaigns/ads/"+campaign+"/deliveries", nil).Want(http.StatusOK).JSON(&page)
	for _, d := range page.Items {
		out = append(out, strings.TrimSpace(d.Status+" "+d.Reason))
	}
	return out
}

// goes says what goes wrong on the way to the room from now on.
func (w *courierWorld) goes(fault func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault, w.asked = fault, nil
}

func (w *courierWorld) requests() []askedRoom {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func (w *courierWorld) command(args ...string) *exec.Cmd {
	w.t.Helper()
	cmd := awase(w.t, w.dir, append([]string{"courier"}, args...)...)
	cmd.Env = w.env
	return cmd
}

// run runs awase courier, which ends with a status, and gives what it said.
func (w *courierWorld) run(status int, args ...string) string {
	w.t.Helper()
	cmd := w.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != status {
		w.t.Fatalf("awase courier %s: %d, not %d\n%s", strings.Join(args, " "), got, status, out.String())
	}
	return out.String()
}

var courierRunArgs = []string{"run", "--dir", "in", "--out", "out", "--key", "delivery.key", "--room-key", "awase.key", "--targets", "courier.yaml", "--report-every", "0"}

func (w *courierWorld) exists(path string) bool {
	_, err := os.Stat(filepath.Join(w.dir, path))
	return err == nil
}

// files gives all files of deliveries that are there or on their way.
func (w *courierWorld) files() (out []string) {
	w.t.Helper()
	for _, pattern := range []string{"in/*/*", "in/*/.*"} {
		found, err := filepath.Glob(filepath.Join(w.dir, pattern))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, f := range found {
			out = append(out, filepath.Base(f))
		}
	}
	return out
}

var deliveryFileAt = regexp.MustCompile(`^/v1/deliveries/ads/[a-z]+/1/file$`)

// cut answers with so many bytes of a file, and breaks the connection.
func cut(rw http.ResponseWriter, r *http.Request, on http.Handler, n int) {
	rec := httptest.NewRecorder()
	on.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		rw.Header()[k] = v
	}
	rw.WriteHeader(rec.Code)
	_, _ = rw.Write(rec.Body.Bytes()[:min(n, rec.Body.Len())])
	_ = http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}

// TestCourierFetch: what is made out to the party comes whole or not at all, over a line
// that breaks, a room that is away, a token that is refused and a front that changes
// files; killed in the middle it goes on.
func TestCourierFetch(t *testing.T) {
	t.Parallel()
	w := newCourierWorld(t)
	fetch := []string{"fetch", "--dir", "in", "--json"}
	if out := w.run(0, "fetch", "--dir", "in"); !strings.Contains(out, "there are no deliveries") {
		t.Error(out)
	}
	w.live("spring", "x")
	w.live("summer", "line")
	if out := w.run(0, "fetch", "-n"); !strings.Contains(out, "ads/spring 1, replace for x, until ") || !strings.Contains(out, ": ready") || len(w.files()) != 0 {
		t.Error(out)
	}

	// Refused: nothing is there.
	good := w.env
	w.env = append(slices.Clone(good), "AWASE_TOKEN=awase_"+strings.Repeat("x", 43))
	if out := w.run(1, fetch...); !strings.Contains(out, `"E_SIGN_IN"`) || len(w.files()) != 0 {
		t.Error(out)
	}
	w.env = append(slices.Clone(good), "AWASE_TOKEN="+w.Token(api.Principal{Party: apitest.AdCo, Roles: []api.Role{api.Auditor}, Scopes: []string{"deliveries:read"}}))
	if out := w.run(1, fetch...); !strings.Contains(out, `"E_FORBIDDEN"`) {
		t.Error(out)
	}
	w.env = good

	// A front that changes files, or hands out another: refused, and under no name.
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		if !deliveryFileAt.MatchString(r.URL.Path) {
			return false
		}
		rec := httptest.NewRecorder()
		on.ServeHTTP(rec, r)
		b := rec.Body.Bytes()
		b[len(b)/2] ^= 1
		for k, v := range rec.Header() {
			rw.Header()[k] = v
		}
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write(b)
		return true
	})
	if out := w.run(1, fetch...); !strings.Contains(out, `"E_FILE"`) || w.exists("in/ads/spring-1.delivery") {
		t.Error(out)
	}
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		rec := httptest.NewRecorder()
		if r.URL.Path == "/v1/deliveries" { // of which both are spring's, it says
			on.ServeHTTP(rec, r)
			raw := bytes.ReplaceAll(rec.Body.Bytes(), []byte(`"summer"`), []byte(`"winter"`))
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write(raw)
			return true
		}
		r.URL.Path = strings.Replace(r.URL.Path, "/winter/", "/summer/", 1)
		return false
	})
	if out := w.run(1, fetch...); !strings.Contains(out, "another delivery than the room says") || w.exists("in/ads/winter-1.delivery") {
		t.Error(out)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "in")); err != nil {
		t.Fatal(err)
	}

	// A room that is away, and a line that breaks twice in each file.
	times := map[string]int{}
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		w.mu.Lock()
		times[r.URL.Path]++
		n := times[r.URL.Path]
		w.mu.Unlock()
		switch {
		case n == 1:
			http.Error(rw, "away", http.StatusServiceUnavailable)
			return true
		case deliveryFileAt.MatchString(r.URL.Path) && n < 4:
			cut(rw, r, on, 100_000)
		}
		return false
	})
	out := w.run(0, fetch...)
	var said struct{ Deliveries []fetchedDelivery }
	if err := json.Unmarshal([]byte(out[strings.IndexByte(out, '{'):]), &said); err != nil || len(said.Deliveries) != 2 || !said.Deliveries[0].New || !w.exists("in/ads/spring-1.delivery") || !w.exists("in/ads/summer-1.delivery") {
		t.Fatalf("%v %s", err, out)
	}
	ranges := 0
	for _, a := range w.requests() {
		if strings.HasPrefix(a.header.Get("Range"), "bytes=100000-") || strings.HasPrefix(a.header.Get("Range"), "bytes=200000-") {
			ranges++
		}
	}
	if ranges != 4 {
		t.Errorf("%d requests went on where an answer broke off: %+v", ranges, w.requests())
	}
	w.goes(nil)
	if out := w.run(0, "fetch", "--dir", "in"); strings.Count(out, "there already") != 2 {
		t.Error(out)
	}
	if got := w.requests(); len(got) != 1 {
		t.Errorf("what is there is asked for: %+v", got)
	}
	if out := w.run(0, "open", "--key", "delivery.key", "--room-key", "awase.key", "--out", ".", "in/ads/summer-1.delivery"); !strings.Contains(out, "delivery 1 of summer for line") {
		t.Error(out)
	}
	st, err := os.Stat(filepath.Join(w.dir, "in/ads/spring-1.delivery"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	whole := st.Size()

	// Killed in the middle of a file, the next run goes on where it was.
	if err := os.RemoveAll(filepath.Join(w.dir, "in")); err != nil {
		t.Fatal(err)
	}
	cmd := w.command(fetch...)
	var killed sync.Once
	begun := make(chan struct{})
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		if r.URL.Path != "/v1/deliveries/ads/spring/1/file" {
			return false
		}
		<-begun
		defer func() {
			// What came is written before it is asked for more: wait for that, then kill.
			for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
				if n := w.partSize(); n == 150_000 {
					break
				}
			}
			killed.Do(func() { _ = cmd.Process.Kill() })
			panic(http.ErrAbortHandler)
		}()
		rec := httptest.NewRecorder()
		on.ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			rw.Header()[k] = v
		}
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write(rec.Body.Bytes()[:150_000])
		_ = http.NewResponseController(rw).Flush()
		return true
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(begun)
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was not killed")
	}
	if w.exists("in/ads/spring-1.delivery") || w.partSize() != 150_000 {
		t.Fatalf("killed it left %v", w.files())
	}
	w.goes(nil)
	w.run(0, fetch...)
	if st, err := os.Stat(filepath.Join(w.dir, "in/ads/spring-1.delivery")); err != nil || st.Size() != whole {
		t.Errorf("%v %v", st, err)
	}
	on := w.requests()
	if i := slices.IndexFunc(on, func(a askedRoom) bool { return strings.HasSuffix(a.line, "/spring/1/file") }); i < 0 || on[i].header.Get("Range") != "bytes=150000-" {
		t.Errorf("%+v", on)
	}
}

// partSize is how much there is of a file on its way.
func (w *courierWorld) partSize() int64 {
	found, _ := filepath.Glob(filepath.Join(w.dir, "in/ads/.spring-1.*.part"))
	if len(found) != 1 {
		return 0
	}
	st, err := os.Stat(found[0])
	if err != nil {
		return 0
	}
	return st.Size()
}

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
