package api_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

const good = "plum staple orbit canyon"

type body = map[string]any

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Millisecond)} }

func (k *clock) now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at
}

func (k *clock) pass(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = k.at.Add(d)
}

func (k *clock) set(o *api.Options) { o.Now = k.now }

// admin makes the first admin of the room, with an account that signs in.
func firstAdmin(t *testing.T, r *apitest.Room) (email string) {
	t.Helper()
	code, needed, err := api.SetupCode(t.Context(), r.Store, apitest.Operator)
	if err != nil || !needed {
		t.Fatalf("needed %v, %v", needed, err)
	}
	email = "hana@operator.example"
	r.Nobody().Do("POST", "/v1/setup", body{"token": code, "email": email, "name": "花 Hana", "password": good}).Want(201)
	return email
}

// signIn gives a client in a new session.
func signIn(t *testing.T, r *apitest.Room, email, password string, header ...string) *apitest.Client {
	t.Helper()
	a := r.Nobody().Do("POST", "/v1/session", body{"email": email, "password": password}, header...).Want(201)
	return r.With(a.Cookie("awase_session"))
}

// The way of a person: setup, sign-in, a token, an invitation, an account of it.
func TestPeople(t *testing.T) {
	r := apitest.Start(t)
	email := firstAdmin(t, r)
	if code, needed, err := api.SetupCode(t.Context(), r.Store, apitest.Operator); needed || code != "" || err != nil {
		t.Fatalf("a second first admin: %v %v", needed, err)
	}
	admin := signIn(t, r, strings.ToUpper(email), good)
	var me struct {
		ID, Party, Email string
		Roles            []string
		Operator         bool
	}
	admin.Do("GET", "/v1/me", nil).Want(200).JSON(&me)
	if me.Email != email || !me.Operator || me.Party != apitest.Operator || len(me.Roles) != 1 {
		t.Fatalf("%+v", me)
	}

	var made struct{ ID, Token string }
	admin.Do("POST", "/v1/tokens", body{"name": "script", "scopes": []string{"people:read"}}, "Idempotency-Key", "k1").Want(201).JSON(&made)
	script := r.With(made.Token)
	script.Do("GET", "/v1/people", nil).Want(200)
	script.Do("GET", "/v1/me", nil).Want(403)
	if strings.Contains(string(admin.Do("GET", "/v1/tokens", nil).Want(200).Body), made.Token) {
		t.Fatal("a token was shown twice")
	}
	admin.Do("POST", "/v1/tokens", body{"name": "script", "scopes": []string{"people:read"}}, "Idempotency-Key", "k1").Want(409)

	var inv struct{ ID, Token string }
	admin.Do("POST", "/v1/invitations", body{"email": "ken@operator.example", "name": "Ken", "roles": []string{"viewer", "adops"}}).Want(201).JSON(&inv)
	var ken struct {
		ID    string
		Roles []string
	}
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": inv.Token, "password": good + "!", "language": "en"}).Want(201).JSON(&ken)
	if strings.Join(ken.Roles, " ") != "adops viewer" {
		t.Fatalf("%v", ken.Roles)
	}
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": inv.Token, "password": good + "!"}).Want(404)
	k := signIn(t, r, "ken@operator.example", good+"!")
	k.Do("GET", "/v1/people", nil).Want(403)
	k.Do("GET", "/v1/me", nil).Want(200)
	k.Do("DELETE", "/v1/session", nil).Want(204)
	k.Do("GET", "/v1/me", nil).Want(401)

	// A new role ends the sessions that were begun without it.
	k = signIn(t, r, "ken@operator.example", good+"!")
	admin.Do("PATCH", "/v1/people/"+ken.ID, body{"roles": []string{"auditor"}}).Want(200)
	k.Do("GET", "/v1/me", nil).Want(401)
	signIn(t, r, "ken@operator.example", good+"!").Do("GET", "/v1/people", nil).Want(200)

	admin.Do("PATCH", "/v1/people/"+me.ID, body{"roles": []string{"viewer"}}).Want(409)
	admin.Do("PATCH", "/v1/people/"+me.ID, body{"disabled": true}).Want(409)

	for _, not := range []string{email, "ken@", good, made.Token, inv.Token} {
		if strings.Contains(r.Log.String(), not) {
			t.Errorf("the log holds %q", not)
		}
	}
}

// The operator's admin invites the first admin of a party of the room; after that
// the party's people are its own affair.
func TestFirstAdminOfAParty(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	op := r.As(api.Principal{Party: apitest.Operator, Operator: true, Roles: []api.Role{api.Admin}})
	first := func(party, email string) *apitest.Answer {
		t.Helper()
		return op.Do("POST", "/v1/invitations/first-admin", body{"party": party, "email": email, "name": "Aki"})
	}
	first("nobody", "aki@acme.example").Want(404)
	var old, inv struct{ ID, Token, Party string }
	first(apitest.Acme, "aki@acme.example").Want(201).JSON(&old)
	first(apitest.Acme, "aki@acme.example").Want(201).JSON(&inv) // the newest link counts
	var list struct {
		Items []struct{ ID, Party, Token string }
	}
	op.Do("GET", "/v1/invitations", nil).Want(200).JSON(&list)
	if len(list.Items) != 1 || list.Items[0].ID != inv.ID || list.Items[0].Party != apitest.Acme || list.Items[0].Token != "" {
		t.Fatalf("%+v", list)
	}
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": old.Token, "password": good}).Want(404)
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": inv.Token, "password": good}).Want(201)
	first(apitest.Acme, "other@acme.example").Want(409)
	aki := signIn(t, r, "aki@acme.example", good)
	aki.Do("POST", "/v1/invitations", body{"email": "aki@acme.example", "name": "Aki", "roles": []string{"viewer"}}).Want(409)
	aki.Do("POST", "/v1/invitations", body{"email": "bo@acme.example", "name": "Bo", "roles": []string{"viewer"}}).Want(201).JSON(&inv)
	if inv.Party != apitest.Acme {
		t.Errorf("invited to %s", inv.Party)
	}
	op.Do("DELETE", "/v1/invitations/"+inv.ID, nil).Want(404)
	aki.Do("DELETE", "/v1/invitations/"+inv.ID, nil).Want(204)
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": inv.Token, "password": good}).Want(404)
	// Who has an account elsewhere learns it when the link is used.
	first(apitest.Beta, "aki@acme.example").Want(201).JSON(&inv)
	r.Nobody().Do("POST", "/v1/invitations/accept", body{"token": inv.Token, "password": good}).Want(409)
}

// The last use of a token or session is written, at most once a minute.
func TestLastUse(t *testing.T) {
	k := newClock()
	writes := &touches{}
	r := apitest.Start(t, k.set, func(o *api.Options) { writes.Store = o.Store; o.Store = writes })
	c := r.As(api.Principal{Party: "acme", Roles: []api.Role{api.Admin}})
	var tok struct{ Token string }
	c.Do("POST", "/v1/tokens", body{"name": "t", "scopes": []string{"me:read"}}).Want(201).JSON(&tok)
	script := r.With(tok.Token)
	used := func() string {
		t.Helper()
		var list struct{ Items []struct{ Used string } }
		c.Do("GET", "/v1/tokens", nil).Want(200).JSON(&list)
		return list.Items[0].Used
	}
	if used() != "" {
		t.Error("used before it was")
	}
	for range 20 {
		script.Do("GET", "/v1/me", nil).Want(200)
		k.pass(time.Second)
	}
	first := used()
	if n := writes.n.Load(); n != 1 || first == "" {
		t.Errorf("%d writes in 20 s, used %q", n, first)
	}
	k.pass(time.Minute)
	script.Do("GET", "/v1/me", nil).Want(200)
	if n := writes.n.Load(); n != 2 || used() <= first {
		t.Errorf("%d writes, used %q", n, used())
	}
}

// touches is a store that counts how often a last use is written.
type touches struct {
	api.Store
	n atomic.Int64
}

func (s *touches) TouchToken(ctx context.Context, id string, at time.Time) error {
	s.n.Add(1)
	return s.Store.TouchToken(ctx, id, at)
}
