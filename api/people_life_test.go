package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"awase/api"
	"awase/api/account"
	"awase/internal/apitest"
)

// sameCode is a store in which a code can be used again.
type sameCode struct{ api.Store }

func (sameCode) UseTOTPStep(context.Context, string, int64) (bool, error) { return true, nil }

// enrolled gives an account with a second factor.
func enrolled(t *testing.T, r *apitest.Room, k *clock) (secret string, recovery []string, c *apitest.Client) {
	t.Helper()
	member(t, r, "acme", "known@acme.example", "viewer")
	c = signIn(t, r, "known@acme.example", good)
	c.Do("POST", "/v1/me/totp/confirm", body{"code": "123456"}).Want(409)
	c.Do("POST", "/v1/me/totp", body{"password": "wrong"}).Want(403)
	var begun struct{ Secret, Address string }
	c.Do("POST", "/v1/me/totp", body{"password": good}).Want(201).JSON(&begun)
	signIn(t, r, "known@acme.example", good) // it is not asked for before it is confirmed
	c.Do("POST", "/v1/me/totp/confirm", body{"code": wrongCode(t, begun.Secret, k)}).Want(403)
	var codes struct {
		Codes []string `json:"recovery_codes"`
	}
	a := c.Do("POST", "/v1/me/totp/confirm", body{"code": codeOf(t, begun.Secret, k)}).Want(200)
	a.JSON(&codes)
	return begun.Secret, codes.Codes, r.With(a.Cookie("awase_session"))
}

func codeOf(t *testing.T, secret string, k *clock) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, k.now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// wrongCode gives six digits that are no code of now.
func wrongCode(t *testing.T, secret string, k *clock) string {
	for _, code := range []string{"000000", "111111", "222222", "333333"} {
		if _, ok := account.CheckTOTP(secret, code, k.now()); !ok {
			return code
		}
	}
	t.Fatal("every code is right")
	return ""
}

// replayed tells whether a one-time code that was just used is taken again.
func replayed(t *testing.T, r *apitest.Room, k *clock) bool {
	t.Helper()
	secret, _, _ := enrolled(t, r, k)
	k.pass(time.Minute)
	in := body{"email": "known@acme.example", "password": good, "totp": codeOf(t, secret, k)}
	r.Nobody().Do("POST", "/v1/session", in).Want(201)
	return r.Nobody().Do("POST", "/v1/session", in).Status == 201
}

// The second factor is asked for, its codes are used once, and recovery codes too.
func TestTOTP(t *testing.T) {
	k := newClock()
	r := apitest.Start(t, k.set)
	secret, recovery, _ := enrolled(t, r, k)
	in := func(code string) *apitest.Answer {
		t.Helper()
		return r.Nobody().Do("POST", "/v1/session", body{"email": "known@acme.example", "password": good, "totp": code})
	}
	in("").Want(401)
	in(codeOf(t, secret, k)).Want(401) // it confirmed the factor
	k.pass(time.Minute)
	in(wrongCode(t, secret, k)).Want(401)
	in(codeOf(t, secret, k)).Want(201)
	in(codeOf(t, secret, k)).Want(401)
	in(recovery[0]).Want(201)
	in(recovery[0]).Want(401)
	in(strings.ToUpper(recovery[1])).Want(201)
	in("aaaaa-aaaaa-aaaaa-aaaaa").Want(401)
	if len(recovery) != 10 {
		t.Error(len(recovery))
	}
	// Codes are as few as passwords.
	k.pass(24*time.Hour + time.Minute)
	late := 0
	for range 20 {
		if in(wrongCode(t, secret, k)).Status == 429 {
			late++
		}
	}
	if late != 14 {
		t.Errorf("%d of 20 guesses at the code were refused", late)
	}
	k.pass(time.Hour)
	c := r.With(in(codeOf(t, secret, k)).Want(201).Cookie("awase_session"))
	c.Do("POST", "/v1/me/totp/remove", body{"password": "wrong"}).Want(403)
	c.Do("POST", "/v1/me/totp/remove", body{"password": good}).Want(204)
	in("").Want(201)

	twin := apitest.Start(t, k.set, func(o *api.Options) { o.Store = sameCode{o.Store} })
	if replayed(t, apitest.Start(t, k.set), k) {
		t.Error("a code was taken twice")
	}
	if !replayed(t, twin, k) {
		t.Error("without the count of steps a code is not taken twice: the test can't fail")
	}
	for _, not := range []string{secret, recovery[2]} {
		if strings.Contains(r.Log.String(), not) {
			t.Error("the log holds a second factor")
		}
	}
}

// Sessions and tokens end: by themselves, when they are revoked, when their person
// is disabled; and a token may what its person's roles of now and its scopes allow.
func TestEnds(t *testing.T) {
	k := newClock()
	r := apitest.Start(t, k.set)
	admin := func() *apitest.Client { return r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}}) }
	email, id := "known@acme.example", member(t, r, "acme", "known@acme.example", "marketing", "auditor")
	c := signIn(t, r, email, good)
	for range 40 { // in use, it lasts
		k.pass(15 * time.Minute)
		c.Do("GET", "/v1/me", nil).Want(200)
	}
	k.pass(30 * time.Minute)
	c.Do("GET", "/v1/me", nil).Want(401) // idle
	c = signIn(t, r, email, good)
	for range 11 * 4 {
		k.pass(15 * time.Minute)
		c.Do("GET", "/v1/me", nil).Want(200)
	}
	for range 4 {
		k.pass(15 * time.Minute)
		c.Do("GET", "/v1/me", nil)
	}
	c.Do("GET", "/v1/me", nil).Want(401) // 12 hours

	c = signIn(t, r, email, good)
	other := signIn(t, r, email, good)
	var list struct{ Items []struct{ ID, Agent string } }
	c.Do("GET", "/v1/me/sessions", nil).Want(200).JSON(&list)
	if len(list.Items) != 2 {
		t.Fatalf("%+v", list)
	}
	c.Do("DELETE", "/v1/me/sessions", nil).Want(204)
	other.Do("GET", "/v1/me", nil).Want(401)
	c.Do("GET", "/v1/me", nil).Want(200)

	var tok struct{ ID, Token string }
	make := func(with body) *apitest.Answer { t.Helper(); return c.Bad("POST", "/v1/tokens", with) }
	make(body{"name": "n", "scopes": []string{"nothing:read"}}).Want(422)
	make(body{"name": "n", "scopes": []string{}}).Want(422)
	make(body{"name": "n", "scopes": []string{"me:read"}, "ends": k.now().Add(400 * 24 * time.Hour)}).Want(422)
	make(body{"name": "n", "scopes": []string{"me:read"}, "ends": k.now()}).Want(422)
	make(body{"name": "n", "scopes": []string{"me:read", "people:read"}, "ends": k.now().Add(time.Hour)}).Want(201).JSON(&tok)
	script := r.With(tok.Token)
	script.Do("GET", "/v1/people", nil).Want(200)
	script.Do("POST", "/v1/tokens", body{"name": "n", "scopes": []string{"me:read"}}).Want(403)
	admin().Do("PATCH", "/v1/people/"+id, body{"roles": []string{"marketing"}}).Want(200)
	script.Do("GET", "/v1/people", nil).Want(403) // the role is gone
	script.Do("GET", "/v1/me", nil).Want(200)
	k.pass(time.Hour)
	script.Do("GET", "/v1/me", nil).Want(401)

	c = signIn(t, r, email, good)
	make(body{"name": "n", "scopes": []string{"me:read"}}).Want(201).JSON(&tok)
	script = r.With(tok.Token)
	script.Do("GET", "/v1/me", nil).Want(200)
	admin().Do("PATCH", "/v1/people/"+id, body{"disabled": true}).Want(200)
	script.Do("GET", "/v1/me", nil).Want(401)
	c.Do("GET", "/v1/me", nil).Want(401)
	admin().Do("PATCH", "/v1/people/"+id, body{"disabled": false}).Want(200)
	c.Do("GET", "/v1/me", nil).Want(401) // the session is gone, not asleep
	script.Do("GET", "/v1/me", nil).Want(200)
	admin().Do("DELETE", "/v1/tokens/"+tok.ID, nil).Want(204)
	script.Do("GET", "/v1/me", nil).Want(401)

	// A new link for who lost their password: sessions end now, the password when it is used.
	c = signIn(t, r, email, good)
	var link struct{ Token string }
	admin().Do("POST", "/v1/people/"+id+"/reset", nil).Want(201).JSON(&link)
	c.Do("GET", "/v1/me", nil).Want(401)
	signIn(t, r, email, good)
	r.Nobody().Bad("POST", "/v1/invitations/accept", body{"token": link.Token, "password": "password12345"}).Want(422)
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": link.Token, "password": good + "2"}).Want(201)
	r.Nobody().Do("POST", "/v1/session", body{"email": email, "password": good}).Want(401)
	signIn(t, r, email, good+"2")
	// Links run out.
	admin().Do("POST", "/v1/people/"+id+"/reset", nil).Want(201).JSON(&link)
	k.pass(7 * 24 * time.Hour)
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": link.Token, "password": good + "3"}).Want(404)
}
