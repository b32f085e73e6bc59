package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// signingIn is a program that began to sign in.
type signingIn struct {
	c      *apitest.Client
	cookie string
	at     string // where it was sent
}

func beginOIDC(r *apitest.Room) signingIn {
	a := r.Nobody().Do("GET", "/v1/oidc/start", nil).Want(http.StatusSeeOther)
	return signingIn{r.Nobody(), "awase_oidc=" + a.Cookie("awase_oidc"), a.Header.Get("Location")}
}

// back comes back from the provider, and gives who is signed in then: "": nobody,
// for the reason field.
func (s signingIn) back(t *testing.T, r *apitest.Room, q url.Values) (email, field string) {
	t.Helper()
	a := s.c.Do("GET", "/v1/oidc/callback?"+q.Encode(), nil, "Cookie", s.cookie)
	if a.Status != http.StatusSeeOther {
		var p struct{ Field string }
		a.Want(http.StatusUnauthorized).JSON(&p)
		return "", p.Field
	}
	var me struct{ Email string }
	r.With(a.Cookie("awase_session")).Do("GET", "/v1/me", nil).Want(http.StatusOK).JSON(&me)
	return me.Email, ""
}

// A browser ends on the page, or where people sign in with a word that says why not;
// neither address holds anything that came from the provider. A program gets who it
// is, or the refusal.
func TestOIDCBrowser(t *testing.T) {
	const mei = "mei@acme.example"
	p, _ := apitest.StartOIDC(t, false)
	r := apitest.Start(t, func(o *api.Options) {
		o.PublicURL = "http://room.test"
		o.OIDC = &api.OIDCOptions{Issuer: p.URL, ClientID: apitest.OIDCClient, ClientSecret: apitest.OIDCSecret}
	})
	admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	admin.Do("POST", "/v1/invitations", map[string]any{"email": mei, "name": "A", "roles": []string{"marketing"}}).Want(http.StatusCreated)
	for _, c := range []struct{ accept, email, to string }{
		{"text/html,application/xhtml+xml,*/*;q=0.8", mei, "/"},
		{"text/html,application/xhtml+xml,*/*;q=0.8", "eve@acme.example", "/sign-in#oidc-email"},
		{"*/*", mei, "/v1/me"},
		{"*/*", "eve@acme.example", ""},
	} {
		own := beginOIDC(r)
		q := queryOf(t, p.Back(own.at, c.email, c.email))
		a := own.c.Do("GET", "/v1/oidc/callback?"+q.Encode(), nil, "Cookie", own.cookie, "Accept", c.accept)
		if to := a.Header.Get("Location"); to != c.to {
			t.Errorf("%s, accepting %s: %d to %q, want %q", c.email, c.accept, a.Status, to, c.to)
		}
		if signedIn := a.Cookie("awase_session") != ""; signedIn != (c.email == mei) {
			t.Errorf("%s, accepting %s: signed in is %v", c.email, c.accept, signedIn)
		}
		if c.to == "" {
			a.Want(http.StatusUnauthorized)
		}
	}
}

// An account that a sign-in makes speaks the language of the browser that it came by;
// with another browser later it keeps it.
func TestOIDCLanguage(t *testing.T) {
	p, _ := apitest.StartOIDC(t, false)
	r := apitest.Start(t, func(o *api.Options) {
		o.PublicURL = "http://room.test"
		o.OIDC = &api.OIDCOptions{Issuer: p.URL, ClientID: apitest.OIDCClient, ClientSecret: apitest.OIDCSecret}
	})
	admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	for email, speaks := range map[string][2]string{"a@acme.example": {"en-GB,en;q=0.9", "en"}, "b@acme.example": {"ja,en;q=0.9", "ja"}, "c@acme.example": {"fr", "ja"}, "d@acme.example": {"", "ja"}} {
		admin.Do("POST", "/v1/invitations", map[string]any{"email": email, "name": "A", "roles": []string{"marketing"}}).Want(http.StatusCreated)
		for _, accepts := range []string{speaks[0], "en", "ja"} {
			own := beginOIDC(r)
			a := own.c.Do("GET", "/v1/oidc/callback?"+queryOf(t, p.Back(own.at, email, email)).Encode(), nil, "Cookie", own.cookie, "Accept-Language", accepts).Want(http.StatusSeeOther)
			var me struct{ Language string }
			r.With(a.Cookie("awase_session")).Do("GET", "/v1/me", nil).Want(http.StatusOK).JSON(&me)
			if me.Language != speaks[1] {
				t.Errorf("%s, by a browser that asks for %q: %q, want %q", email, accepts, me.Language, speaks[1])
			}
		}
	}
}

func queryOf(t *testing.T, at string) url.Values {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// At a provider that does not ask who began (PKCE), two attacks are left. Thief: a
// code that was stolen from somebody is put into the thief's own sign-in; the nonce
// stops it. Forced: somebody's program is sent back with the attacker's code, and is
// signed in as the attacker; the state stops it, and the nonce once more. Each
// succeeds without what stops it; what ordinary people do succeeds always.
func TestOIDCTwins(t *testing.T) {
	const mei, eve = "mei@acme.example", "eve@acme.example"
	for _, c := range []struct {
		name            string
		change          func(*api.Options)
		thief, forced   string // as whom it ends
		whyNot, whyNot2 string
	}{
		{"with all", func(*api.Options) {}, "", "", "nonce", "state"},
		{"without the nonce", api.Without(api.ControlNonce), mei, "", "", "state"},
		{"without the state", api.Without(api.ControlState), "", "", "nonce", "nonce"},
		{"without both", api.Without(api.ControlState, api.ControlNonce), mei, eve, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := apitest.StartOIDC(t, false)
			r := apitest.Start(t, c.change, func(o *api.Options) {
				o.PublicURL = "http://room.test"
				o.OIDC = &api.OIDCOptions{Issuer: p.URL, ClientID: apitest.OIDCClient, ClientSecret: apitest.OIDCSecret}
			})
			admin := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
			for _, email := range []string{mei, eve} {
				admin.Do("POST", "/v1/invitations", map[string]any{"email": email, "name": "A", "roles": []string{"marketing"}}).Want(http.StatusCreated)
				own := beginOIDC(r)
				if got, why := own.back(t, r, queryOf(t, p.Back(own.at, email, email))); got != email {
					t.Fatalf("%s signs in as %q, %s", email, got, why)
				}
			}
			// A provider that asks who began stops both, whatever we do.
			victim, attacker := beginOIDC(r), beginOIDC(r)
			stolen := queryOf(t, p.Back(victim.at, mei, mei))
			stolen.Set("state", queryOf(t, attacker.at).Get("state"))
			if got, why := attacker.back(t, r, stolen); got != "" || why != "code" {
				t.Errorf("at a provider with PKCE the thief is %q, %s", got, why)
			}
			p.Forgives = true
			victim, attacker = beginOIDC(r), beginOIDC(r)
			stolen = queryOf(t, p.Back(victim.at, mei, mei))
			stolen.Set("state", queryOf(t, attacker.at).Get("state"))
			if got, why := attacker.back(t, r, stolen); got != c.thief || why != c.whyNot {
				t.Errorf("the thief is %q, %s; want %q, %s", got, why, c.thief, c.whyNot)
			}
			victim, attacker = beginOIDC(r), beginOIDC(r)
			if got, why := victim.back(t, r, queryOf(t, p.Back(attacker.at, eve, eve))); got != c.forced || why != c.whyNot2 {
				t.Errorf("who was sent back is %q, %s; want %q, %s", got, why, c.forced, c.whyNot2)
			}
			if strings.Contains(r.Log.String(), "acme.example") || strings.Contains(r.Log.String(), stolen.Get("code")) {
				t.Error("the log holds an address or a code")
			}
		})
	}
}
