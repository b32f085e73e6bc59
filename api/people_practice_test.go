package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"awase/api"
	"awase/api/store"
	"awase/internal/apitest"
)

// waysIn are what GET /v1/session/ways answers.
type waysIn struct {
	SignedIn    bool `json:"signed_in"`
	OIDC, Setup bool
	Practice    []struct{ ID, Name, Party, Role string }
}

func ways(c *apitest.Client, header ...string) (w waysIn) {
	c.Do("GET", "/v1/session/ways", nil, header...).Want(200).JSON(&w)
	return w
}

// rehearsers makes the accounts that a room to rehearse in begins with.
func rehearsers(t *testing.T, r *apitest.Room) []api.Account {
	t.Helper()
	as := []api.Account{{Email: "admin@operator.example", Name: "Practice admin", Party: apitest.Operator, Role: api.Admin}, {Email: "marketing@acme.example", Name: "Practice marketing", Party: apitest.Acme, Role: api.Marketing}}
	if err := api.MakeAccounts(t.Context(), r.Store, as); err != nil {
		t.Fatal(err)
	}
	return as
}

// idOf gives the id of who has an address.
func personOf(t *testing.T, r *apitest.Room, email string) string {
	t.Helper()
	p, err := r.Store.PersonByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// In a room to rehearse in one enters as whoever it began with, without a password:
// as nobody else, and not as who was shut out.
func TestPracticeEntry(t *testing.T) {
	r := apitest.StartPractice(t)
	if w := ways(r.Nobody()); !w.Setup || w.OIDC || w.Practice != nil {
		t.Errorf("before there is anybody: %+v", w)
	}
	as := rehearsers(t, r)
	if err := api.MakeAccounts(t.Context(), r.Store, as); err != nil { // as a start after one that was cut short
		t.Fatal(err)
	}
	w := ways(r.Nobody())
	if w.Setup || len(w.Practice) != 2 {
		t.Fatalf("%+v", w)
	}
	for i, want := range []api.Account{as[1], as[0]} { // admins were made last
		p := w.Practice[i]
		if p.ID != personOf(t, r, want.Email) || p.Name != want.Name || p.Party != want.Party || p.Role != string(want.Role) {
			t.Errorf("%+v, want %+v", p, want)
		}
		a := r.Nobody().Do("POST", "/v1/practice/session", body{"person": p.ID}).Want(201)
		var me struct {
			ID, Email string
			Operator  bool
		}
		a.JSON(&me)
		if me.ID != p.ID || me.Email != want.Email || me.Operator != (want.Party == apitest.Operator) || a.Header.Get("Location") != "/v1/me" {
			t.Errorf("%s", a.Body)
		}
		r.With(a.Cookie("awase_session")).Do("GET", "/v1/me", nil).Want(200)
		if k := a.Header.Get("Set-Cookie"); !strings.Contains(k, "HttpOnly") || !strings.Contains(k, "SameSite=Lax") {
			t.Errorf("the cookie %s", k)
		}
	}
	// Who enters as another leaves.
	admin := r.With(r.Nobody().Do("POST", "/v1/practice/session", body{"person": w.Practice[1].ID}).Cookie("awase_session"))
	admin.Do("POST", "/v1/practice/session", body{"person": w.Practice[0].ID}).Want(201)
	admin.Do("GET", "/v1/me", nil).Want(401)

	// Somebody who was invited has a password of their own.
	admin = r.With(r.Nobody().Do("POST", "/v1/practice/session", body{"person": w.Practice[1].ID}).Cookie("awase_session"))
	var inv struct{ Token string }
	admin.Do("POST", "/v1/invitations", body{"email": "ken@operator.example", "name": "Practice viewer", "roles": []string{"viewer"}}).Want(201).JSON(&inv)
	var ken struct{ ID string }
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": inv.Token, "password": good}).Want(201).JSON(&ken)
	off := personOf(t, r, as[1].Email)
	if _, err := r.Store.ChangePerson(t.Context(), apitest.Acme, off, "", func(p *store.Person) error { p.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{ken.ID, off, api.NewID("per")} {
		if a := r.Nobody().Do("POST", "/v1/practice/session", body{"person": id}).Want(404); a.Header.Get("Set-Cookie") != "" || strings.Contains(string(a.Body), id) {
			t.Errorf("%s: %v %s", id, a.Header, a.Body)
		}
	}
	for _, bad := range []string{`{}`, `{"person":""}`} {
		r.Nobody().Bad("POST", "/v1/practice/session", bad).Want(404)
	}
	if a := r.Nobody().Bad("POST", "/v1/practice/session", `{"person":["x"]}`); a.Status != 422 {
		t.Errorf("no id: %d", a.Status)
	}
	if w := ways(r.Nobody()); len(w.Practice) != 1 || w.Practice[0].ID != personOf(t, r, as[0].Email) {
		t.Errorf("%+v", w)
	}
	for _, not := range []string{"@", good} {
		if strings.Contains(r.Log.String(), not) {
			t.Errorf("the log holds %q", not)
		}
	}
}

// A room in earnest is entered by nobody without a password, though the service was
// started to rehearse and the accounts are there; without the control it is.
func TestPracticeTwin(t *testing.T) {
	on := func(o *api.Options) { o.Practice = true }
	for want, change := range map[int][]func(*api.Options){404: {on}, 201: {on, api.Without(api.ControlPractice)}} {
		r := apitest.Start(t, change...)
		as := rehearsers(t, r)
		a := r.Nobody().Do("POST", "/v1/practice/session", body{"person": personOf(t, r, as[0].Email)}).Want(want)
		entered := a.Cookie("awase_session") != ""
		if listed := ways(r.Nobody()).Practice != nil; listed != (want == 201) || entered != listed {
			t.Errorf("%d: it lists who may enter: %v, they enter: %v", want, listed, entered)
		}
	}
}

// Nor is a room to rehearse in where others than this machine reach it, or by a page
// of another site: whose name leads here, who stands before a proxy, who sends a form.
func TestPracticeIsHere(t *testing.T) {
	r := apitest.StartPractice(t)
	id := personOf(t, r, rehearsers(t, r)[0].Email)
	asked := func(host string, header ...string) (status int, listed bool) {
		t.Helper()
		head := "Host: " + host + "\r\nConnection: close\r\n"
		for i := 0; i+1 < len(header); i += 2 {
			head += header[i] + ": " + header[i+1] + "\r\n"
		}
		text := `{"person":"` + id + `"}`
		c, in := dial(t, r, "POST /v1/practice/session HTTP/1.1\r\n"+head+fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(text), text))
		status, _, _ = read(t, c, in)
		c, in = dial(t, r, "GET /v1/session/ways HTTP/1.1\r\n"+head+"\r\n")
		_, got, _ := read(t, c, in)
		return status, strings.Contains(got, id)
	}
	for host, want := range map[string]bool{"localhost": true, "localhost:8400": true, "LOCALHOST:1": true, "127.0.0.1:8400": true, "127.8.9.1": true, "[::1]:8400": true, "[::1]": true,
		"evil.example": false, "evil.example:8400": false, "192.0.2.1:8400": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "[2001:db8::1]:80": false, "": false} {
		status, listed := asked(host)
		if listed != want || status != map[bool]int{true: 201, false: 404}[want] {
			t.Errorf("%q: %d, listed %v", host, status, listed)
		}
	}
	if status, _ := asked("localhost:8400", "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("by a page of another site: %d", status)
	}
	for _, header := range [][2]string{{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}, {"Via", "1.1 proxy"}, {"X-Real-IP", "127.0.0.1"}, {"X-Forwarded-Proto", "https"}} {
		if status, listed := asked("localhost:8400", header[0], header[1]); status != 404 || listed {
			t.Errorf("%v: %d, listed %v", header, status, listed)
		}
	}
	for origin, want := range map[string]int{"http://localhost:8400": 201, "https://room.example": 404, "http://192.0.2.1:8400": 404, "null": 404} {
		if status, _ := asked("localhost:8400", "Origin", origin, "Sec-Fetch-Site", "same-origin"); status != want {
			t.Errorf("a page of %s: %d, want %d", origin, status, want)
		}
	}
	if status, _ := asked("localhost:8400", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("by a page of another site: %d", status)
	}
	// Started without --practice, or where all the world reaches it, it is as any.
	off := apitest.StartPractice(t, func(o *api.Options) { o.Practice = false })
	off.Nobody().Do("POST", "/v1/practice/session", body{"person": personOf(t, off, rehearsers(t, off)[0].Email)}).Want(404)
	if ways(off.Nobody()).Practice != nil {
		t.Error("it lists who may enter")
	}
}

// By OpenID Connect one may sign in where a provider is named.
func TestWays(t *testing.T) {
	r := apitest.Start(t, func(o *api.Options) {
		o.PublicURL, o.OIDC = "https://room.example", &api.OIDCOptions{Issuer: "https://login.example", ClientID: "awase"}
	})
	if w := ways(r.Nobody()); !w.OIDC || !w.Setup {
		t.Errorf("%+v", w)
	}
	email := firstAdmin(t, r)
	if w := ways(r.Nobody()); !w.OIDC || w.Setup || w.SignedIn {
		t.Errorf("%+v", w)
	}
	admin := signIn(t, r, email, good)
	if !ways(admin).SignedIn || !ways(r.With(r.Token(everybody(apitest.Operator)))).SignedIn {
		t.Error("who signed in, or shows a token, has not")
	}
	admin.Do("DELETE", "/v1/session", nil).Want(204)
	if ways(admin).SignedIn {
		t.Error("who signed out is signed in")
	}
}
