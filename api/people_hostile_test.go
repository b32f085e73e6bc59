package api_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/api/account"
	"awase/api/store"
	"awase/internal/apitest"
)

// problemOf reads a refusal, less what names the request.
func problemOf(t *testing.T, a *apitest.Answer) string {
	t.Helper()
	var p struct{ Code, Field, Detail, Mend, Title string }
	a.JSON(&p)
	return p.Code + "|" + p.Field + "|" + p.Detail + "|" + p.Mend + "|" + p.Title
}

// member makes an account that signs in by password.
func member(t *testing.T, r *apitest.Room, party, email string, roles ...string) string {
	t.Helper()
	h, err := account.NewHasher(account.Cost{MiB: 1, Passes: 1, Lanes: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Hash(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	id := "per-" + strings.Repeat("0", 26-len(roles[0])) + strings.NewReplacer("a", "b", "e", "b", "i", "b", "o", "b", "u", "b").Replace(roles[0])
	if err := r.Store.AddPerson(t.Context(), store.Person{ID: id, Party: party, Email: email, Name: "M", Roles: roles, Language: "ja", Password: hash, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return id
}

// Whether an address has an account can't be asked at the door.
func TestEnumeration(t *testing.T) {
	r := apitest.Start(t)
	firstAdmin(t, r)
	member(t, r, "acme", "known@acme.example", "viewer")
	off := member(t, r, "acme", "off@acme.example", "auditor")
	if _, err := r.Store.ChangePerson(t.Context(), "acme", off, "", func(p *store.Person) error { p.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	r.As(api.Principal{Party: "acme", Person: "per-" + strings.Repeat("1", 26), Roles: []api.Role{api.Viewer}})
	want := ""
	for _, c := range []struct{ name, email, password string }{
		{"wrong password", "known@acme.example", "wrong"},
		{"unknown address", "nobody@acme.example", "wrong"},
		{"disabled", "off@acme.example", good},
		{"no password", "per-" + strings.Repeat("1", 26) + "@example.com", ""},
		{"no address", "", ""},
		{"no account and a quote", "' OR 1=1 --", good},
	} {
		a := r.Nobody().Do("POST", "/v1/session", body{"email": c.email, "password": c.password}).Want(401)
		got := problemOf(t, a)
		if want == "" {
			want = got
		}
		if got != want || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %s, %v", c.name, got, a.Header)
		}
	}
	// Nor by an admin of another party, who invites it.
	partner := r.As(api.Principal{Party: "adco", Roles: []api.Role{api.Admin}})
	partner.Do("POST", "/v1/invitations", body{"email": "known@acme.example", "name": "X", "roles": []string{"viewer"}}).Want(201)
	partner.Do("POST", "/v1/invitations", body{"email": "nobody@acme.example", "name": "X", "roles": []string{"viewer"}}).Want(201)
}

// noLock is a store that counts no failed sign-ins.
type noLock struct{ api.Store }

func (noLock) ChangeSignIns(context.Context, string, func(store.SignIns) store.SignIns) error {
	return nil
}

// guess sends guesses at once, then the password, and tells how many were looked
// at and whether the password was taken.
func guess(t *testing.T, r *apitest.Room, n int) (looked int, in bool) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			a := r.Nobody().Do("POST", "/v1/session", body{"email": "known@acme.example", "password": "a wrong guess"})
			mu.Lock()
			defer mu.Unlock()
			if a.Status == 401 {
				looked++
			} else if a.Status != 429 || a.Header.Get("Retry-After") == "" {
				t.Errorf("status %d, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
			}
		})
	}
	all.Wait()
	return looked, r.Nobody().Do("POST", "/v1/session", body{"email": "known@acme.example", "password": good}).Status == 201
}

// Guesses at an account are few, however many are sent at once; without the count
// all are looked at.
func TestLockOut(t *testing.T) {
	r := apitest.Start(t)
	member(t, r, "acme", "known@acme.example", "viewer")
	if looked, in := guess(t, r, 40); looked != 6 || in {
		t.Errorf("%d guesses were looked at, in: %v", looked, in)
	}
	twin := apitest.Start(t, func(o *api.Options) { o.Store = noLock{o.Store} })
	member(t, twin, "acme", "known@acme.example", "viewer")
	if looked, in := guess(t, twin, 40); looked != 40 || !in {
		t.Errorf("without the count %d were looked at, in: %v", looked, in)
	}
}

// Nobody locks a person out for good: the wait ends, and where they signed in
// before it never began. It holds for unknown addresses too, and over a restart.
func TestLockOutEnds(t *testing.T) {
	k := newClock()
	r := apitest.Start(t, k.set)
	member(t, r, "acme", "known@acme.example", "viewer")
	known := r.Nobody().Do("POST", "/v1/session", body{"email": "known@acme.example", "password": good}).Want(201).Cookie("awase_device")
	if known == "" {
		t.Fatal("no device cookie")
	}
	try := func(email, password string, header ...string) int {
		t.Helper()
		return r.Nobody().Do("POST", "/v1/session", body{"email": email, "password": password}, header...).Status
	}
	for _, email := range []string{"known@acme.example", "nobody@acme.example"} {
		for i := range 8 {
			if got, want := try(email, "wrong"), map[bool]int{true: 401, false: 429}[i < 6]; got != want {
				t.Fatalf("%s, guess %d: %d, want %d", email, i, got, want)
			}
		}
	}
	if got := try("known@acme.example", good); got != 429 {
		t.Fatalf("the account takes guesses: %d", got)
	}
	if got := try("known@acme.example", good, "Cookie", "awase_device="+known); got != 201 {
		t.Fatalf("a stranger's guesses keep a person out where they signed in before: %d", got)
	}
	// A server that starts anew knows.
	again, err := api.New(api.Options{Enclave: r.Enclave, Store: r.Store, Now: k.now, Inbox: r.Inbox, Reports: r.Dir, Passwords: account.Cost{MiB: 1, Passes: 1, Lanes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "/v1/session", strings.NewReader(`{"email": "known@acme.example", "password": "`+good+`"}`))
	req.Header.Set("Content-Type", "application/json")
	if again.ServeHTTP(w, req); w.Code != 429 {
		t.Fatalf("after a restart: %d", w.Code)
	}
	// Each wait is longer, up to a quarter of an hour; the longest ends too.
	for range 20 {
		k.pass(15 * time.Minute)
		if got := try("known@acme.example", "wrong"); got != 401 {
			t.Fatalf("after the longest wait: %d", got)
		}
	}
	k.pass(15 * time.Minute)
	if got := try("known@acme.example", good); got != 201 {
		t.Fatalf("a person is locked out for good: %d", got)
	}
	// A cookie of another account's program opens no second door.
	member(t, r, "acme", "second@acme.example", "auditor")
	for range 6 {
		try("second@acme.example", "wrong", "Cookie", "awase_device="+known)
	}
	if got := try("second@acme.example", good, "Cookie", "awase_device="+known); got != 429 {
		t.Fatalf("another account's device cookie gave more guesses: %d", got)
	}
}

// One address that fails at many accounts has to wait, as who sprays one password
// over all does.
func TestSpray(t *testing.T) {
	r := apitest.Start(t)
	refused := 0
	for i := range 80 {
		if r.Nobody().Do("POST", "/v1/session", body{"email": strings.Repeat("x", i+1) + "@acme.example", "password": good}).Status == 429 {
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("%d of 80 were refused", refused)
	}
}

// noRenew is a store that keeps the cookie of a session whatever happens.
type noRenew struct{ api.Store }

func (noRenew) RenewSession(context.Context, string, string, []byte) error { return nil }

// stolen tells whether a cookie that was stolen before a password change is good
// after it.
func stolen(t *testing.T, r *apitest.Room) bool {
	t.Helper()
	member(t, r, "acme", "known@acme.example", "viewer")
	a := r.Nobody().Do("POST", "/v1/session", body{"email": "known@acme.example", "password": good}).Want(201)
	old := a.Cookie("awase_session")
	changed := r.With(old).Do("POST", "/v1/me/password", body{"current": good, "password": good + " more"}).Want(204)
	r.With(changed.Cookie("awase_session"))
	return r.With(old).Do("GET", "/v1/me", nil).Status == 200
}

// A session has a new cookie at each sign-in and change of how it is entered: one
// that was planted, or stolen before, is worth nothing.
func TestFixation(t *testing.T) {
	r := apitest.Start(t)
	planted := account.NewSecret()
	if stolen(t, r) {
		t.Error("a cookie from before a password change is good after it")
	}
	a := r.With(planted).Do("POST", "/v1/session", body{"email": "known@acme.example", "password": good + " more"}).Want(201)
	mine := a.Cookie("awase_session")
	if mine == planted || mine == "" {
		t.Fatal("a planted cookie became a session")
	}
	r.With(planted).Do("GET", "/v1/me", nil).Want(401)
	// Signing in again ends the session that asked.
	again := r.With(mine).Do("POST", "/v1/session", body{"email": "known@acme.example", "password": good + " more"}).Want(201).Cookie("awase_session")
	r.With(mine).Do("GET", "/v1/me", nil).Want(401)
	r.With(again).Do("GET", "/v1/me", nil).Want(200)
	for _, set := range a.Header.Values("Set-Cookie") {
		if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=") || strings.Contains(set, "Domain=") {
			t.Error(strings.SplitN(set, "=", 2)[0], "is set without HttpOnly or SameSite, or with a domain")
		}
	}

	twin := apitest.Start(t, func(o *api.Options) { o.Store = noRenew{o.Store} })
	if !stolen(t, twin) {
		t.Error("without a new cookie the old one is good no more: the test can't fail")
	}
}

// Behind https, cookies go over TLS alone.
func TestSecureCookie(t *testing.T) {
	for url, want := range map[string]bool{"https://room.example": true, "": false} {
		r := apitest.Start(t, func(o *api.Options) { o.PublicURL = url })
		member(t, r, "acme", "known@acme.example", "viewer")
		a := r.Nobody().Do("POST", "/v1/session", body{"email": "known@acme.example", "password": good}).Want(201)
		for _, set := range a.Header.Values("Set-Cookie") {
			if strings.Contains(set, "; Secure") != want {
				t.Errorf("%q: %s", url, strings.SplitN(set, ";", 2)[1])
			}
		}
	}
	for _, bad := range []string{"room.example", "https://room.example/x", "ftp://room.example", "https://", "javascript:x"} {
		if _, err := api.New(api.Options{PublicURL: bad, Passwords: account.Cost{MiB: 1, Passes: 1, Lanes: 1}}); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

// csrf sends, as a browser does for a page of another site, what changes something,
// and tells the status.
func csrf(t *testing.T, r *apitest.Room, c *apitest.Client, header ...string) int {
	t.Helper()
	return c.Do("PATCH", "/v1/me", body{"name": "Mallory"}, header...).Status
}

// A page of another site can't act with a person's cookie; without the check it
// can. Programs, the room's own pages and API tokens can.
func TestCSRF(t *testing.T) {
	r := apitest.Start(t, func(o *api.Options) { o.PublicURL = "https://room.example" })
	c := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	for _, attack := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
	} {
		if got := csrf(t, r, c, attack...); got != 403 {
			t.Errorf("%v: %d", attack, got)
		}
		// Nor sign somebody in as the attacker.
		if got := r.Nobody().Do("POST", "/v1/session", body{"email": "a@b.example", "password": "x"}, attack...).Status; got != 403 {
			t.Errorf("sign-in, %v: %d", attack, got)
		}
	}
	for _, fair := range [][]string{{}, {"Sec-Fetch-Site", "same-origin"}, {"Origin", "https://room.example"}, {"Origin", r.URL}} {
		if got := csrf(t, r, c, fair...); got != 200 {
			t.Errorf("%v: %d", fair, got)
		}
	}
	r.Server.DropOriginCheck()
	if got := csrf(t, r, c, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); got != 200 {
		t.Errorf("without the check: %d: the test can't fail", got)
	}
}

// Bodies can't set what is not theirs to set.
func TestMassAssignment(t *testing.T) {
	r := apitest.Start(t)
	admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	other := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Viewer}})
	var inv struct{ Token string }
	admin.Do("POST", "/v1/invitations", body{"email": "new@acme.example", "name": "N", "roles": []string{"viewer"}}).Want(201).JSON(&inv)
	invite := body{"email": "x@acme.example", "name": "N", "roles": []string{"viewer"}}
	accept := body{"token": inv.Token, "password": good}
	for _, c := range []struct {
		who          *apitest.Client
		method, path string
		with         body
		keys         []string
	}{
		{admin, "POST", "/v1/invitations", invite, []string{"party", "operator", "id", "maker", "person", "ends", "token"}},
		{r.Nobody(), "POST", "/v1/invitations/accept", accept, []string{"party", "roles", "email", "id", "operator", "disabled"}},
		{admin, "PATCH", "/v1/people/" + other.Person, body{"name": "N"}, []string{"party", "email", "id", "password", "totp", "operator"}},
		{other, "PATCH", "/v1/me", body{"name": "N"}, []string{"party", "roles", "email", "id", "disabled", "operator", "password"}},
		{other, "POST", "/v1/tokens", body{"name": "N", "scopes": []string{"me:read"}}, []string{"party", "person", "roles", "id", "token", "hash", "created"}},
		{r.Nobody(), "POST", "/v1/setup", body{"token": "x", "email": "a@b.example", "name": "N", "password": good}, []string{"party", "roles", "id"}},
	} {
		for _, key := range c.keys {
			b := body{key: "operator"}
			for k, v := range c.with {
				b[k] = v
			}
			c.who.Bad(c.method, c.path, b).Want(422)
		}
	}
	// Names in another case are the same keys to Go: what they set is what the key may.
	other.Bad("PATCH", "/v1/me", body{"Roles": []string{"admin"}}).Want(422)
	other.Do("GET", "/v1/people", nil).Want(403)
	var p struct {
		Party string
		Roles []string
	}
	r.Nobody().Do("POST", "/v1/invitations/accept", accept).Want(201).JSON(&p)
	if p.Party != "acme" || strings.Join(p.Roles, " ") != "viewer" {
		t.Errorf("%+v", p)
	}
	admin.Bad("POST", "/v1/invitations", body{"email": "y@acme.example", "name": "N", "roles": []string{"root"}}).Want(422)
	admin.Bad("POST", "/v1/invitations", body{"email": "y@acme.example", "name": "N", "roles": []string{}}).Want(422)
	// The operator's admin invites the first admin of a party of the room, and no more.
	admin.Do("POST", "/v1/invitations/first-admin", body{"party": "adco", "email": "y@adco.example", "name": "N"}).Want(403)
}

// No header, name or address gets a line of its own.
func TestHeaderInjection(t *testing.T) {
	r := apitest.Start(t)
	admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	for _, bad := range []string{"x\r\nSet-Cookie: a=b@acme.example", "a@acme.example\nBcc: b@c.example", "Ann <a@acme.example>", "a@acme.example, b@c.example", "a b@acme.example", "@acme.example", "a@", "a", strings.Repeat("a", 250) + "@acme.example", "а@acme.example\x00"} {
		admin.Bad("POST", "/v1/invitations", body{"email": bad, "name": "N", "roles": []string{"viewer"}}).Want(422)
	}
	for _, bad := range []string{"x\r\nSet-Cookie: a=b", "a\x00", "\u202e evil", " ", strings.Repeat("x", 101), "a\u2028b"} {
		admin.Bad("PATCH", "/v1/me", body{"name": bad}).Want(422)
	}
	for _, cookie := range []string{"awase_session=x", "awase_session=", "awase_session=" + account.NewSecret(), "awase_session=" + strings.Repeat("a", 5000), "awase_session=" + account.NewSecret() + "; awase_session=" + account.NewSecret()} {
		r.Nobody().Do("GET", "/v1/me", nil, "Cookie", cookie).Want(401)
	}
	for _, auth := range []string{"Bearer", "Bearer x", "Basic YTpi", "awase_" + account.NewSecret(), "Bearer awase_" + account.NewSecret(), "Bearer  awase_" + account.NewSecret()} {
		r.Nobody().Do("GET", "/v1/me", nil, "Authorization", auth).Want(401)
	}
}

// A password leaves no trace under an Idempotency-Key: a fast hash of it would be
// one to guess at.
func TestNoTraceOfPasswords(t *testing.T) {
	r := apitest.Start(t)
	member(t, r, "acme", "known@acme.example", "viewer")
	c := signIn(t, r, "known@acme.example", good)
	c.Do("POST", "/v1/me/password", body{"current": good, "password": good + "2"}, "Idempotency-Key", "k").Want(204)
	var p api.Principal
	c = signIn(t, r, "known@acme.example", good+"2")
	var me struct{ ID string }
	c.Do("GET", "/v1/me", nil).JSON(&me)
	p.Person = me.ID
	if taken, was, err := r.Store.BeginCall(t.Context(), store.Call{Person: p.Person, Key: "k", Request: []byte{1}, At: time.Now()}); err != nil || !taken {
		t.Errorf("a request with a password was kept: status %d, %v", was.Status, err)
	}
	c.Do("POST", "/v1/tokens", body{"name": "n", "scopes": []string{"me:read"}}, "Idempotency-Key", "t").Want(201)
	if taken, _, err := r.Store.BeginCall(t.Context(), store.Call{Person: p.Person, Key: "t", Request: []byte{1}, At: time.Now()}); err != nil || taken {
		t.Errorf("no request is kept at all: the test can't fail (%v)", err)
	}
}

// An Authenticator error of ours is no sign-in refusal.
func TestStoreFault(t *testing.T) {
	r := apitest.Start(t, func(o *api.Options) { o.Store = broken{o.Store} })
	r.With(account.NewSecret()).Do("GET", "/v1/me", nil).Want(500)
	r.Nobody().Do("POST", "/v1/session", body{"email": "a@b.example", "password": "x"}).Want(500)
}

type broken struct{ api.Store }

var errDisk = errors.New("the disk is gone")

func (broken) Session(context.Context, []byte) (store.Session, error) {
	return store.Session{}, errDisk
}
func (broken) PersonByEmail(context.Context, string) (store.Person, error) {
	return store.Person{}, errDisk
}

// anyParty is a store in which accounts are found whoever's they are.
type anyParty struct{ api.Store }

func (s anyParty) Person(ctx context.Context, party, id string) (store.Person, error) {
	p, err := s.Store.Person(ctx, party, id)
	if errors.Is(err, store.ErrNotFound) {
		return s.Store.Person(ctx, "acme", id)
	}
	return p, err
}

// idor asks for an account of acme as an admin of another party.
func idor(r *apitest.Room) int {
	ann := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Viewer}})
	return r.As(api.Principal{Party: "adco", Roles: []api.Role{api.Admin}}).Do("GET", "/v1/people/"+ann.Person, nil).Status
}

// Another party's rows are not there, whatever their ids, and nor is what is no id;
// a store that does not bind the party would show them.
func TestIDOR(t *testing.T) {
	r := apitest.Start(t)
	if got := idor(r); got != 404 {
		t.Errorf("another party's account: %d", got)
	}
	if got := idor(apitest.Start(t, func(o *api.Options) { o.Store = anyParty{o.Store} })); got != 200 {
		t.Errorf("without the party: %d: the test can't fail", got)
	}
	admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	unknown := problemOf(t, admin.Do("GET", "/v1/people/per-"+strings.Repeat("0", 26), nil).Want(404))
	for _, id := range []string{"x", "%27%20OR%201%3D1", "..%2f..%2fsession", "%00", strings.Repeat("a", 4000), "per-*", "%25"} {
		if got := problemOf(t, admin.Bad("GET", "/v1/people/"+id, nil).Want(404)); got != unknown && !strings.Contains(got, "there is no such page") {
			t.Errorf("%q: %s", id, got)
		}
	}
	// A session of somebody else, of the same party too, is not ended.
	ann := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Viewer}})
	var list struct{ Items []struct{ ID string } }
	ann.Do("GET", "/v1/me/sessions", nil).Want(200).JSON(&list)
	admin.Do("DELETE", "/v1/me/sessions/"+list.Items[0].ID, nil).Want(404)
	ann.Do("GET", "/v1/me", nil).Want(200)
	// Nor a token of somebody else revoked, unless by an admin of the party.
	var tok struct{ ID string }
	ann.Do("POST", "/v1/tokens", body{"name": "t", "scopes": []string{"me:read"}}).Want(201).JSON(&tok)
	r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Privacy}}).Do("DELETE", "/v1/tokens/"+tok.ID, nil).Want(404)
	r.As(api.Principal{Party: "adco", Roles: []api.Role{api.Admin}}).Do("DELETE", "/v1/tokens/"+tok.ID, nil).Want(404)
	admin.Do("DELETE", "/v1/tokens/"+tok.ID, nil).Want(204)
}
