package oidcop

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"golang.org/x/text/language"

	"awase/api"
	"awase/internal/apitest"
)

const (
	public = "http://room.test"
	secret = "a client's secret"
)

// users are who the provider knows; the name is the password too.
type users map[string]*storage.User

func (u users) GetUserByID(id string) *storage.User         { return u[id] }
func (u users) GetUserByUsername(name string) *storage.User { return u[name] }
func (u users) ExampleClientID() string                     { return storage.ServiceUserID }

func user(id, email string, verified bool) *storage.User {
	return &storage.User{ID: id, Username: id, Password: id, Email: email, EmailVerified: verified, PreferredLanguage: language.Japanese}
}

// provider is an OpenID provider that runs; keys answers in place of its own keys
// where it is set.
type provider struct {
	url  string
	keys http.Handler
	own  http.Handler
}

func start(t *testing.T, u users) *provider {
	t.Helper()
	return startFor(t, u, public)
}

// startFor starts a provider of the room at an address.
func startFor(t *testing.T, u users, room string) *provider {
	t.Helper()
	// The example server logs to the process's logger, whatever we say.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	p := &provider{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" && p.keys != nil {
			p.keys.ServeHTTP(w, r)
			return
		}
		p.own.ServeHTTP(w, r)
	}))
	// By name, as a room at 127.0.0.1 is of another site for a browser.
	p.url = "http://localhost:" + strconv.Itoa(srv.Listener.Addr().(*net.TCPAddr).Port)
	storage.RegisterClients(storage.WebClient("awase", secret, room+"/v1/oidc/callback"))
	p.own = exampleop.SetupServer(p.url, storage.NewStorage(u), nil, false)
	srv.Start()
	t.Cleanup(srv.Close)
	return p
}

// room starts a room that people sign in to by p.
func room(t *testing.T, p *provider) *apitest.Room {
	t.Helper()
	return apitest.Start(t, func(o *api.Options) {
		o.PublicURL = public
		o.OIDC = &api.OIDCOptions{Issuer: p.url, ClientID: "awase", ClientSecret: secret}
	})
}

// browser keeps cookies, follows no redirect by itself, and finds the room under
// its public name.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T, r *apitest.Room) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "room.test:80" {
			addr = strings.TrimPrefix(r.URL, "http://")
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &browser{&http.Client{Jar: jar, Transport: tr, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, t}
}

// get asks for an address and gives the status, where it sends on, and the body.
func (b *browser) get(at string) (int, string, string) {
	b.t.Helper()
	res, err := b.Get(at)
	return b.read(res, err)
}

func (b *browser) read(res *http.Response, err error) (int, string, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	to := ""
	if u, err := res.Location(); err == nil {
		to = u.String()
	}
	return res.StatusCode, to, string(raw)
}

// begin starts to sign in and gives the address of the provider.
func (b *browser) begin() string {
	b.t.Helper()
	status, to, body := b.get(public + "/v1/oidc/start")
	if status != http.StatusSeeOther {
		b.t.Fatalf("start: %d %s", status, body)
	}
	return to
}

// atProvider signs in at the provider and gives the address back in the room.
func (b *browser) atProvider(to, name string) string {
	b.t.Helper()
	status, to, body := b.get(to)
	if status != http.StatusFound {
		b.t.Fatalf("the provider: %d %s", status, body)
	}
	u, err := url.Parse(to)
	if err != nil {
		b.t.Fatal(err)
	}
	id := u.Query().Get("authRequestID")
	u.RawQuery = ""
	res, err := b.PostForm(u.String(), url.Values{"username": {name}, "password": {name}, "id": {id}})
	status, to, body = b.read(res, err)
	if status != http.StatusFound {
		b.t.Fatalf("signing in at the provider: %d %s", status, body)
	}
	status, to, body = b.get(to)
	if status != http.StatusFound || !strings.HasPrefix(to, public) {
		b.t.Fatalf("back from the provider: %d %s %s", status, to, body)
	}
	return to
}

// with gives an address with another value in its query.
func with(t *testing.T, at, key, value string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func query(t *testing.T, at, key string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(key)
}

func invite(t *testing.T, r *apitest.Room, email string) {
	t.Helper()
	admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	admin.Do("POST", "/v1/invitations", map[string]any{"email": email, "name": "Mei", "roles": []string{"marketing"}}).Want(http.StatusCreated)
}

// Who was invited signs in at the provider and has an account; after that the
// provider's subject is who they are, whatever their address becomes.
func TestSignIn(t *testing.T) {
	u := users{"mei": user("mei", "Mei@acme.example", true), "rui": user("rui", "rui@acme.example", true)}
	p := start(t, u)
	r := room(t, p)
	invite(t, r, "mei@acme.example")
	b := newBrowser(t, r)
	back := b.atProvider(b.begin(), "mei")
	if status, to, body := b.get(back); status != http.StatusSeeOther || to != public+"/v1/me" {
		t.Fatalf("%d %s %s", status, to, body)
	}
	_, _, first := b.get(public + "/v1/me")
	if !strings.Contains(first, `"email":"mei@acme.example"`) || !strings.Contains(first, `"party":"acme"`) || !strings.Contains(first, `"roles":["marketing"]`) || !strings.Contains(first, `"password":false`) {
		t.Fatal(first)
	}
	// The address is somebody else's now: it opens nothing, the subject does.
	u["mei"].Email, u["rui"].Email = "other@acme.example", "mei@acme.example"
	again := newBrowser(t, r)
	if status, _, body := again.get(again.atProvider(again.begin(), "mei")); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, body)
	}
	if _, _, me := again.get(public + "/v1/me"); !strings.Contains(me, `"email":"mei@acme.example"`) {
		t.Fatal(me)
	}
	other := newBrowser(t, r)
	if status, _, body := other.get(other.atProvider(other.begin(), "rui")); status != http.StatusUnauthorized {
		t.Fatalf("who took the address over: %d %s", status, body)
	}
	// It is no password account.
	r.Nobody().Do("POST", "/v1/session", map[string]any{"email": "mei@acme.example", "password": ""}).Want(http.StatusUnauthorized)
	for _, not := range []string{"acme.example", query(t, back, "code"), query(t, back, "state"), secret} {
		if strings.Contains(r.Log.String(), not) {
			t.Errorf("the log holds %q", not)
		}
	}
}

// Whatever is not the sign-in that this browser began, fresh, whole and of this
// provider, is refused, and leaves no session.
func TestRefused(t *testing.T) {
	u := users{"mei": user("mei", "mei@acme.example", true), "new": user("new", "new@acme.example", true), "raw": user("raw", "raw@acme.example", false)}
	p := start(t, u)
	foreign := start(t, users{})
	r := room(t, p)
	invite(t, r, "mei@acme.example")
	invite(t, r, "raw@acme.example")
	for _, c := range []struct {
		name, field string
		back        func(b *browser) string
	}{
		{"another state", "state", func(b *browser) string { return with(t, b.atProvider(b.begin(), "mei"), "state", "x") }},
		{"no state", "state", func(b *browser) string { return with(t, b.atProvider(b.begin(), "mei"), "state", "") }},
		{"another nonce", "nonce", func(b *browser) string { return b.atProvider(with(t, b.begin(), "nonce", "x"), "mei") }},
		{"another PKCE challenge", "code", func(b *browser) string {
			return b.atProvider(with(t, b.begin(), "code_challenge", strings.Repeat("x", 43)), "mei")
		}},
		{"another browser", "awase_oidc", func(b *browser) string {
			other := newBrowser(t, r)
			return other.atProvider(other.begin(), "mei")
		}},
		{"another browser's, with an own sign-in begun", "state", func(b *browser) string {
			other := newBrowser(t, r)
			b.begin()
			return other.atProvider(other.begin(), "mei")
		}},
		{"the code of another sign-in", "code", func(b *browser) string {
			old := query(t, b.atProvider(b.begin(), "mei"), "code")
			return with(t, b.atProvider(b.begin(), "mei"), "code", old)
		}},
		{"a made-up code", "code", func(b *browser) string { return with(t, b.atProvider(b.begin(), "mei"), "code", "x") }},
		{"another provider's name", "iss", func(b *browser) string {
			return with(t, b.atProvider(b.begin(), "mei"), "iss", foreign.url)
		}},
		{"an error of the provider", "code", func(b *browser) string {
			return with(t, b.atProvider(b.begin(), "mei"), "error", "access_denied")
		}},
		{"nobody invited", "email", func(b *browser) string { return b.atProvider(b.begin(), "new") }},
		{"an address that is not verified", "email", func(b *browser) string { return b.atProvider(b.begin(), "raw") }},
		{"nothing begun", "awase_oidc", func(*browser) string { return public + "/v1/oidc/callback?code=x&state=x" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBrowser(t, r)
			status, _, body := b.get(c.back(b))
			if status != http.StatusUnauthorized || !strings.Contains(body, `"field":"`+c.field+`"`) {
				t.Errorf("%d %s", status, body)
			}
			if status, _, _ := b.get(public + "/v1/me"); status != http.StatusUnauthorized {
				t.Error("it left a session")
			}
		})
	}

	// The same way back, twice: the second is refused by us, before the provider is asked.
	b := newBrowser(t, r)
	start := b.begin()
	cookies := b.Jar.Cookies(&url.URL{Scheme: "http", Host: "room.test", Path: "/v1/oidc/callback"})
	back := b.atProvider(start, "mei")
	if status, _, body := b.get(back); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, body)
	}
	thief := newBrowser(t, r)
	thief.Jar.SetCookies(&url.URL{Scheme: "http", Host: "room.test", Path: "/v1/oidc/callback"}, cookies)
	if status, _, body := thief.get(back); status != http.StatusUnauthorized || !strings.Contains(body, `"field":"awase_oidc"`) {
		t.Errorf("a way back twice: %d %s", status, body)
	}
}

// A token that is signed by another issuer's key is refused.
func TestForeignKey(t *testing.T) {
	u := users{"mei": user("mei", "mei@acme.example", true)}
	p, foreign := start(t, u), start(t, users{})
	p.keys = foreign.own
	r := room(t, p)
	invite(t, r, "mei@acme.example")
	b := newBrowser(t, r)
	if status, _, body := b.get(b.atProvider(b.begin(), "mei")); status != http.StatusUnauthorized || !strings.Contains(body, `"field":"id_token"`) {
		t.Fatalf("%d %s", status, body)
	}
	p.keys = nil // with its own keys it is taken: the test can fail
	b = newBrowser(t, r)
	if status, _, body := b.get(b.atProvider(b.begin(), "mei")); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, body)
	}
}

// A disabled account is out by the provider too; a flow ends after ten minutes; a
// provider that is away keeps nobody else out.
func TestEnds(t *testing.T) {
	u := users{"mei": user("mei", "mei@acme.example", true)}
	p := start(t, u)
	r := room(t, p)
	invite(t, r, "mei@acme.example")
	b := newBrowser(t, r)
	if status, _, body := b.get(b.atProvider(b.begin(), "mei")); status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, body)
	}
	person, err := r.Store.PersonByEmail(t.Context(), "mei@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	admin.Do("PATCH", "/v1/people/"+person.ID, map[string]any{"disabled": true}).Want(http.StatusOK)
	b = newBrowser(t, r)
	if status, _, body := b.get(b.atProvider(b.begin(), "mei")); status != http.StatusUnauthorized {
		t.Errorf("disabled: %d %s", status, body)
	}

	var late atomic.Bool
	slow := apitest.Start(t, func(o *api.Options) {
		o.PublicURL = public
		o.OIDC = &api.OIDCOptions{Issuer: p.url, ClientID: "awase", ClientSecret: secret}
		o.Now = func() time.Time {
			if late.Load() {
				return time.Now().Add(10 * time.Minute)
			}
			return time.Now()
		}
	})
	invite(t, slow, "mei@acme.example")
	b = newBrowser(t, slow)
	back := b.atProvider(b.begin(), "mei")
	late.Store(true)
	if status, _, body := b.get(back); status != http.StatusUnauthorized || !strings.Contains(body, "10 minutes") {
		t.Errorf("after ten minutes: %d %s", status, body)
	}

	away := apitest.Start(t, func(o *api.Options) {
		o.PublicURL = public
		o.OIDC = &api.OIDCOptions{Issuer: "http://127.0.0.1:1", ClientID: "awase"}
	})
	away.Nobody().Do("GET", "/v1/oidc/start", nil).Want(http.StatusServiceUnavailable)
	none := apitest.Start(t)
	none.Nobody().Do("GET", "/v1/oidc/start", nil).Want(http.StatusNotFound)
	none.Nobody().Do("GET", "/v1/oidc/callback?code=x&state=x", nil).Want(http.StatusNotFound)
}
