package api_test

import (
	"net/http"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// A session of an admin's that was stolen makes itself no password: that takes the
// one in force. Another admin's account it can reset, as theirs can this one.
func TestNoLinkToOneself(t *testing.T) {
	r := apitest.Start(t)
	ann, bob := apitest.Person(apitest.Acme, api.Admin), apitest.Person(apitest.Acme, api.Admin, api.Viewer)
	as := r.As(ann)
	r.As(bob)
	as.Do(http.MethodPost, "/v1/people/"+ann.Person+"/reset", nil).Want(http.StatusForbidden)
	as.Do(http.MethodGet, "/v1/jobs", nil).Want(http.StatusOK) // its session stands
	as.Do(http.MethodPost, "/v1/people/"+bob.Person+"/reset", nil).Want(http.StatusCreated)
}

// Who had somebody's password may have made tokens and sessions with it: none of
// them outlives the link by which the account is taken back, and nobody else's ends.
func TestResetRevokesTokens(t *testing.T) {
	const email, good = "mio@acme.example", "correct horse battery"
	r := apitest.Start(t)
	admin := r.As(apitest.Person(apitest.Acme, api.Admin))
	var link struct{ Token string }
	accept := func(password string) {
		t.Helper()
		r.Nobody().Do(http.MethodPost, "/v1/invitations/accept", body{"token": link.Token, "password": password}).Want(http.StatusCreated)
	}
	admin.Do(http.MethodPost, "/v1/invitations", body{"email": email, "name": "Mio", "roles": []string{"viewer"}}).Want(http.StatusCreated).JSON(&link)
	accept(good)
	c := signIn(t, r, email, good)
	admin.Do(http.MethodPost, "/v1/invitations", body{"email": "rei@acme.example", "name": "Rei", "roles": []string{"viewer"}}).Want(http.StatusCreated).JSON(&link)
	accept(good)
	type made struct{ ID, Token, Person string }
	token := func(c *apitest.Client) (m made) {
		t.Helper()
		c.Do(http.MethodPost, "/v1/tokens", body{"name": "n", "scopes": []string{"me:read"}}).Want(http.StatusCreated).JSON(&m)
		return m
	}
	asks := func(m made, status int) {
		t.Helper()
		r.With(m.Token).Do(http.MethodGet, "/v1/me", nil).Want(status)
	}
	one, two, other := token(c), token(c), token(signIn(t, r, "rei@acme.example", good))
	gone := token(c)
	c.Do(http.MethodDelete, "/v1/tokens/"+gone.ID, nil).Want(http.StatusNoContent)

	admin.Do(http.MethodPost, "/v1/people/"+one.Person+"/reset", nil).Want(http.StatusCreated).JSON(&link)
	asks(one, http.StatusOK) // who only lost a password keeps programs going until then
	late := signIn(t, r, email, good)
	accept(good + " 2")
	asks(one, http.StatusUnauthorized)
	asks(two, http.StatusUnauthorized)
	asks(gone, http.StatusUnauthorized)
	asks(other, http.StatusOK)
	late.Do(http.MethodGet, "/v1/me", nil).Want(http.StatusUnauthorized)
	c = signIn(t, r, email, good+" 2")
	asks(token(c), http.StatusOK)
}
