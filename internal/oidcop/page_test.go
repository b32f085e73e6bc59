package oidcop

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/api/store"
	"awase/internal/apitest"
	"awase/internal/pagetest"
	"awase/web"
)

// line stands between browsers and a room: its address is known before the room is. It
// keeps what is asked, and what is told besides the page's own files.
type line struct {
	url string
	to  http.Handler

	mu    sync.Mutex
	asked []string
	told  bytes.Buffer
}

func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{}
	srv := httptest.NewServer(l)
	t.Cleanup(srv.Close)
	l.url = srv.URL
	return l
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked = append(l.asked, r.Method+" "+r.RequestURI)
	l.mu.Unlock()
	l.to.ServeHTTP(w, r)
}

// leads has the line lead to a room.
func (l *line) leads(t *testing.T, room string) {
	t.Helper()
	at, err := url.Parse(room)
	if err != nil {
		t.Fatal(err)
	}
	l.to = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(at)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			var body []byte
			if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); strings.HasSuffix(media, "json") {
				var err error
				if body, err = io.ReadAll(r.Body); err != nil {
					return err
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.told.Write(body)
			return r.Header.Write(&l.told)
		},
	}
}

// tokens keeps the tokens that a provider gives.
type tokens struct {
	own http.Handler
	all []string
}

func (k *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/token") {
		k.own.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	k.own.ServeHTTP(rec, r)
	var of struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	if json.Unmarshal(rec.Body.Bytes(), &of) == nil && of.Access != "" && of.ID != "" {
		k.all = append(k.all, of.Access, of.ID) // one sign-in at a time
	}
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes()) // the room may be gone
}

// TestPageSignsIn signs people in at the page, in Chromium, by a provider of another
// site: who was invited, who was not, and whose account is disabled. The browser gets
// nothing that the provider gave the room, and no address of the room holds the room's
// secret.
func TestPageSignsIn(t *testing.T) {
	tools := pagetest.Want(t, filepath.Join("..", ".."))
	site, err := web.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"ja", "en"} {
		t.Run(lang, func(t *testing.T) {
			u := users{}
			for _, name := range []string{"mei", "kai", "new", "left"} {
				u[name] = user(name, name+"@acme.example", true)
			}
			l := newLine(t)
			p := startFor(t, u, l.url)
			given := &tokens{own: p.own}
			p.own = given
			r := apitest.Start(t, func(o *api.Options) {
				o.PublicURL, o.Page = l.url, site
				o.OIDC = &api.OIDCOptions{Issuer: p.url, ClientID: "awase", ClientSecret: secret}
			})
			l.leads(t, r.URL)
			r.Furnish()
			invite(t, r, "mei@acme.example")
			invite(t, r, "kai@acme.example")
			r.As(api.Principal{Party: apitest.Operator, Operator: true, Roles: []api.Role{api.Admin}}) // whom the door would ask for
			invite(t, r, "left@acme.example")
			left, err := r.Store.Link(t.Context(), p.url, "left", store.Person{ID: "per-" + strings.Repeat("0", 26), Email: "left@acme.example", Language: "ja", Created: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			admin := r.As(api.Principal{Party: apitest.Acme, Roles: []api.Role{api.Admin}})
			admin.Do("PATCH", "/v1/people/"+left.ID, map[string]any{"disabled": true}).Want(http.StatusOK)

			out := tools.Run(t, t.TempDir(), "oidc", map[string]any{"address": l.url, "provider": p.url, "language": lang, "shots": tools.Shots, "chromium": tools.Chromium,
				"people": map[string]any{"invited": map[string]string{"name": "mei", "called": "Mei", "email": "mei@acme.example", "party": apitest.Acme}, "other": map[string]string{"name": "kai", "email": "kai@acme.example"}, "stranger": map[string]string{"name": "new"}, "stopped": map[string]string{"name": "left"}}})
			for _, f := range out.Faults {
				t.Error(f)
			}
			if len(out.Screens) == 0 {
				t.Error("it came to no screen")
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			back := slices.DeleteFunc(slices.Clone(l.asked), func(a string) bool { return !strings.HasPrefix(a, "GET /v1/oidc/callback?") })
			if len(back) != 5 {
				t.Errorf("people came back from the provider %d times, not five: %q", len(back), l.asked)
			}
			var people struct {
				Items []struct{ Email, Name string }
			}
			admin.Do("GET", "/v1/people", nil).Want(http.StatusOK).JSON(&people)
			names := map[string]string{}
			for _, p := range people.Items {
				names[p.Email] = p.Name
			}
			if names["mei@acme.example"] != "Mei of Acme" || names["kai@acme.example"] != "Mei" {
				t.Errorf("people are called %v: what one typed was sent as another's", names)
			}
			if len(given.all) < 4 {
				t.Errorf("the provider gave the room %d tokens: that they stay there shows nothing", len(given.all))
			}
			for _, not := range append(given.all, secret, url.QueryEscape(secret)) {
				if i := slices.IndexFunc(l.asked, func(a string) bool { return strings.Contains(a, not) }); i >= 0 {
					t.Errorf("an address holds %q: %s", not, l.asked[i])
				}
				if strings.Contains(l.told.String(), not) {
					t.Errorf("the browser was told %q", not)
				}
			}
			if !strings.Contains(l.told.String(), `"email":"mei@acme.example"`) {
				t.Error("what the browser is told is not kept")
			}
		})
	}
}
