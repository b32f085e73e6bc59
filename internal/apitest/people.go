package apitest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"awase/api"
	"awase/api/account"
	"awase/api/store"
)

// Client asks as somebody.
type Client struct {
	Person string // id; "": nobody
	who    api.Principal
	room   *Room
	cookie string // of a session
	bearer string // an API token
}

// forever is how long sessions and tokens of a test last, however far it moves the
// clock.
const forever = 10 * 365 * 24 * time.Hour

// show shows who asks.
func (c *Client) show(r *http.Request) {
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	if c.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "awase_session", Value: c.cookie})
	}
}

// Header gives what shows who asks, as lines of a request.
func (c *Client) Header() string {
	r := &http.Request{Header: http.Header{}}
	c.show(r)
	var b strings.Builder
	for name, values := range r.Header {
		b.WriteString(name + ": " + strings.Join(values, ", ") + "\r\n")
	}
	return b.String()
}

// As gives a client of a person with roles at a party, in a session that does not
// end by itself; where p has a Token or Scopes, by an API token with the scopes. The person is made, unless
// p.Person has been; p.Operator has to be what the party is.
func (r *Room) As(p api.Principal) *Client {
	r.t.Helper()
	if p.Operator != (p.Party == Operator) {
		r.t.Fatalf("people of %q alone are the operator's, and all of them", Operator)
	}
	p.Person = r.person(p)
	c := &Client{Person: p.Person, who: p, room: r}
	if p.Token != "" || p.Scopes != nil {
		c.bearer = r.Token(p)
		return c
	}
	now := r.now()
	c.cookie = account.NewSecret()
	if err := r.Store.AddSession(context.WithoutCancel(r.t.Context()), store.Session{Hash: account.Hash(c.cookie), ID: r.id("ses"), Person: c.Person, Agent: "test", Created: now, Used: now.Add(forever), Ends: now.Add(forever)}, nil); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// Token gives an API token of the person that p names, who is made unless it has
// been: with the scopes of p, all where it has none. The same p.Token, or the same
// person and scopes, is the same token.
func (r *Room) Token(p api.Principal) string {
	r.t.Helper()
	if p.Scopes == nil {
		p.Scopes = api.Scopes()
	}
	p.Person = r.person(p)
	same := p.Token
	if same == "" {
		same = p.Person + " " + strings.Join(p.Scopes, " ")
		p.Token = r.id("tok")
	}
	if secret, made := r.tokens.Load(same); made {
		return secret.(string)
	}
	secret, now := account.NewToken(), r.now()
	if err := r.Store.AddToken(context.WithoutCancel(r.t.Context()), store.Token{Hash: account.Hash(secret), ID: p.Token, Person: p.Person, Party: p.Party, Name: "test", Scopes: p.Scopes, Created: now, Ends: now.Add(forever)}); err != nil {
		r.t.Fatal(err)
	}
	r.tokens.Store(same, secret)
	return secret
}

// person gives the id of the person that p names, or of one made as p says.
func (r *Room) person(p api.Principal) string {
	r.t.Helper()
	ctx := context.WithoutCancel(r.t.Context())
	roles := make([]string, len(p.Roles))
	for i, role := range p.Roles {
		roles[i] = string(role)
	}
	if p.Person == "" {
		p.Person = r.id("per")
	} else if was, made := r.people.Load(p.Person); made && was == strings.Join(roles, " ") {
		return p.Person // a change of roles would end their sessions
	}
	r.people.Store(p.Person, strings.Join(roles, " "))
	err := r.Store.AddPerson(ctx, store.Person{ID: p.Person, Party: p.Party, Email: strings.ToLower(p.Person) + "@example.com", Name: "Test Person", Roles: roles, Language: "ja", Created: r.now()})
	if errors.Is(err, store.ErrConflict) { // made before, maybe with other roles
		change := func(was *store.Person) error { was.Roles = roles; return nil }
		if _, err = r.Store.ChangePerson(ctx, p.Party, p.Person, "", change); errors.Is(err, store.ErrLastAdmin) {
			r.person(api.Principal{Party: p.Party, Roles: []api.Role{api.Admin}}) // a party keeps one
			_, err = r.Store.ChangePerson(ctx, p.Party, p.Person, "", change)
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Person
}

// With gives a client that shows a cookie of a session, or an API token.
func (r *Room) With(secret string) *Client {
	if account.IsToken(secret) {
		return &Client{room: r, bearer: secret}
	}
	return &Client{room: r, cookie: secret}
}

// id gives an id of the form that the service's have.
func (r *Room) id(prefix string) string {
	text := strings.Map(func(c rune) rune {
		return rune("0123456789bcdfghjkmnpqrstvwxyz"[int(c)%30])
	}, rand.Text()+rand.Text())
	return prefix + "-" + text[:26]
}

// Cookie gives the value that an answer sets a cookie to; "" where it sets none.
func (a *Answer) Cookie(name string) string {
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}
