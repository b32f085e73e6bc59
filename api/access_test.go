package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// asks is how an operation is asked for one row.
type asks struct {
	path   string // in place of the operation's, with the row's id
	body   any
	header []string
}

// entry tells how to make a row of an operation for a party.
type entry struct {
	// of makes a row of a party and gives how it is asked for. owner is somebody of
	// the party with the role of who asks: what is a person's own is theirs.
	of   func(m *matrix, owner *apitest.Client, party string) asks
	sees bool // people of the operator ask it of the rows of every party
	// anybody: the row is no party's, and everybody's.
	anybody bool
	// elsewhere names the test that asks it for rows of one's own and of others, where
	// making them takes a room of its own. Here only roles are asked.
	elsewhere string
}

// matrix is a furnished room that every operation is asked in.
type matrix struct {
	*apitest.Room
	t            *testing.T
	report, cube string // ids, of acme's
	reserved     int    // reservations made
}

// as gives somebody new of a party.
func (m *matrix) as(party string, role api.Role) *apitest.Client {
	return m.As(api.Principal{Party: party, Roles: []api.Role{role}, Operator: party == apitest.Operator})
}

// denied tells whether access.yaml refused.
func denied(a *apitest.Answer) bool {
	var p struct{ Clause string }
	return a.Status == http.StatusForbidden && json.Unmarshal(a.Body, &p) == nil && p.Clause == api.ClauseAccess
}

// stranger tells whether it was refused since nobody said who asks.
func stranger(a *apitest.Answer) bool {
	var p struct{ Field string }
	return a.Status == http.StatusUnauthorized && json.Unmarshal(a.Body, &p) == nil && p.Field == "Authorization"
}

// The matrix: every operation, as every role, of the party whose row it is, of
// another, and of the operator, in a session and by a token. It expects exactly
// access.yaml. A new operation that names a row fails here until accessRows tells
// how to make one.
func TestMatrix(t *testing.T) {
	m := &matrix{Room: apitest.Start(t), t: t}
	m.furnish()
	ops, stray := m.Server.Operations()
	if len(ops) < 28 || len(stray) > 0 {
		t.Fatalf("%d operations; access.yaml has rows of none: %v", len(ops), stray)
	}
	for op := range accessRows {
		if !slices.ContainsFunc(ops, func(o api.Operation) bool { return o.Op == op }) {
			t.Errorf("accessRows has %s, which is no operation", op)
		}
	}
	for _, o := range ops {
		t.Run(o.Op, func(t *testing.T) {
			m.t = t
			e, known := accessRows[o.Op]
			named := (strings.Contains(o.Path, ":") || o.Other != 0) && !e.anybody
			if named && (!known || o.Other == 0 && !e.sees) {
				t.Fatalf("it names a row: it needs a status for another party's in access.yaml, and an entry in accessRows")
			}
			if !known {
				e.of = func(*matrix, *apitest.Client, string) asks { return asks{path: o.Path} }
			}
			m.check(t, t.Errorf, o, e, named)
		})
	}
}

// The matrix finds a file that says something else than what is done.
func TestMatrixBites(t *testing.T) {
	m := &matrix{Room: apitest.Start(t), t: t}
	ops, _ := m.Server.Operations()
	find := func(op string) api.Operation {
		return ops[slices.IndexFunc(ops, func(o api.Operation) bool { return o.Op == op })]
	}
	for what, wrong := range map[string]func() api.Operation{
		"a role more":        func() api.Operation { o := find("getPerson"); o.Roles = api.Roles(); return o },
		"a role less":        func() api.Operation { o := find("getPerson"); o.Roles = o.Roles[:1]; return o },
		"another status":     func() api.Operation { o := find("getPerson"); o.Other = http.StatusForbidden; return o },
		"another scope":      func() api.Operation { o := find("getPerson"); o.Scope = "me:read"; return o },
		"open":               func() api.Operation { o := find("getPerson"); o.Open = true; return o },
		"not the operator's": func() api.Operation { o := find("inviteFirstAdmin"); o.Operator = false; return o },
		"of every token":     func() api.Operation { o := find("makeToken"); o.Session, o.Scope = false, "me:read"; return o },
		"of sessions alone":  func() api.Operation { o := find("me"); o.Session, o.Scope = true, ""; o.Roles = o.Roles[:3]; return o },
		"somebody who is nobody": func() api.Operation {
			o := find("signIn")
			o.Open, o.Roles, o.Session = false, api.Roles(), true
			return o
		},
	} {
		o := wrong()
		e, named := accessRows[o.Op], o.Other != 0
		if e.of == nil {
			e.of = at(o.Path)
		}
		n := 0
		m.check(t, func(string, ...any) { n++ }, o, e, named)
		if n == 0 {
			t.Errorf("%s: nothing was found", what)
		}
	}
}

func (m *matrix) check(t *testing.T, fail func(string, ...any), o api.Operation, e entry, named bool) {
	ask := func(c *apitest.Client, a asks) *apitest.Answer {
		t.Helper()
		if a.body == nil && a.header == nil && o.Method != http.MethodGet && o.Method != http.MethodHead && o.Method != http.MethodDelete && o.Method != http.MethodOptions {
			a.body = "{}"
		}
		return c.Bad(o.Method, a.path, a.body, a.header...)
	}
	passes := func(what string, a *apitest.Answer) {
		t.Helper()
		if a.Status >= 500 && a.Status != http.StatusServiceUnavailable || stranger(a) || denied(a) || named && e.elsewhere == "" && a.Status == http.StatusNotFound {
			fail("%s: %d %s; want that it passes", what, a.Status, a.Body)
		}
	}
	refused := func(what string, a *apitest.Answer) {
		t.Helper()
		if !denied(a) && !(o.Method == http.MethodHead && a.Status == http.StatusForbidden) { // it has no body that says why
			fail("%s: %d %s; want 403 by access.yaml", what, a.Status, a.Body)
		}
	}
	home := apitest.Acme
	if o.Operator {
		home = apitest.Operator
	}
	someone := e.of(m, m.as(home, api.Admin), home)
	if a := ask(m.Nobody(), someone); o.Open {
		passes("nobody", a)
		return
	} else if a.Status != http.StatusUnauthorized {
		fail("nobody: %d", a.Status)
	}
	for _, role := range api.Roles() {
		may := slices.Contains(o.Roles, role)
		for _, party := range []string{apitest.Acme, apitest.Beta, apitest.Operator} {
			what := string(role) + " of " + party
			c := m.as(party, role)
			if !may || o.Operator && party != apitest.Operator {
				refused(what, ask(c, someone))
				continue
			}
			if party == home || !named || e.sees && party == apitest.Operator {
				owner := c
				if party != home {
					owner = m.as(home, role)
				}
				passes(what, ask(c, e.of(m, owner, home)))
			}
			if other := apitest.Acme; o.Other != 0 && party != other && !(e.sees && party == apitest.Operator) {
				c := m.as(party, role)
				if a := ask(c, e.of(m, m.as(other, role), other)); a.Status != o.Other {
					fail("%s asks for %s's row: %d %s, want %d", what, other, a.Status, a.Body, o.Other)
				}
			}
		}
	}
	token := func(scopes ...string) (*apitest.Client, asks) {
		p := api.Principal{Party: home, Roles: o.Roles[:1], Operator: home == apitest.Operator, Scopes: scopes}
		c := m.As(p)
		return c, e.of(m, c, home)
	}
	rest := slices.DeleteFunc(api.Scopes(), func(s string) bool { return s == o.Scope })
	c, a := token(rest...)
	refused("a token with every scope but "+o.Scope, ask(c, a))
	if !o.Session {
		c, a := token(o.Scope)
		passes("a token with the scope "+o.Scope, ask(c, a))
	}
}
