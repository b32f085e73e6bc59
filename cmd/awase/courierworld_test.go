package main

import (
	"bytes"
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
	"slices"
	"strings"
	"sync"
	"testing"

	"awase/api"
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
