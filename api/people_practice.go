package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"awase/api/store"
	"awase/entrustment"
)

// waysView is how one may sign in.
type waysView struct {
	SignedIn bool            `json:"signed_in"`
	OIDC     bool            `json:"oidc"`
	Setup    bool            `json:"setup"`              // there is no admin yet: /setup
	Practice []rehearserView `json:"practice,omitempty"` // accounts that are entered without a password
}

// rehearserView is an account of a room to rehearse in.
type rehearserView struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Party string `json:"party"`
	Role  string `json:"role"`
}

// ways tells who is about to sign in how they may, and whether they have.
func (s *Server) ways(c *call) (*answer, error) {
	v := waysView{SignedIn: c.who != nil, OIDC: s.oidc != nil}
	if s.OperatorParty != "" {
		has, err := s.Store.HasAdmin(c.ctx(), s.OperatorParty)
		if err != nil {
			return nil, err
		}
		v.Setup = !has
	}
	people, err := s.rehearsers(c)
	for _, p := range people {
		v.Practice = append(v.Practice, rehearserView{p.ID, p.Name, p.Party, p.Roles[0]})
	}
	return ok(v), err
}

var errNotPractice = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "person", Detail: "this is no room to rehearse in, or not one of its accounts", Mend: "sign in (POST /v1/session)"}

// enterPractice begins a session of an account that a room to rehearse in began with.
// It asks for no password: all that the room knows is made up.
func (s *Server) enterPractice(c *call) (*answer, error) {
	var in struct {
		Person string `json:"person"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	people, err := s.rehearsers(c)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(people, func(p store.Person) bool { return p.ID == in.Person })
	if i < 0 {
		return nil, errNotPractice
	}
	a := &answer{status: http.StatusCreated, value: s.viewMe(people[i], nil), header: http.Header{"Location": {"/v1/me"}}}
	// No program is known by it: there is no password that strangers could lock out.
	return a, s.begin(c, a, people[i], true)
}

// rehearsers gives the accounts that are entered without a password; none where the
// service was not started to rehearse, where who asks sits elsewhere, or where the
// enclave does not say that the room's people are made up. Nobody who was invited is
// among them.
func (s *Server) rehearsers(c *call) ([]store.Person, error) {
	if !s.Practice || !s.nearby(c) {
		return nil, nil
	}
	room, err := s.Enclave.Room(c.ctx())
	if err != nil || !room.Practice && s.holds(controlPractice) {
		return nil, err
	}
	return s.Store.Rehearsers(c.ctx())
}

// forwarded are headers that a proxy adds.
var forwarded = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// nearby tells whether a request comes from this machine, to a name of this machine
// and from a page of it: by another name a page of elsewhere asks, whose name was made
// to lead here, or who stands before a proxy.
func (s *Server) nearby(c *call) bool {
	if slices.ContainsFunc(forwarded, func(name string) bool { return c.Header.Get(name) != "" }) {
		return false
	}
	if origin := c.Header.Get("Origin"); origin != "" {
		if at, err := url.Parse(origin); err != nil || !loopbackHost(at.Host) {
			return false
		}
	}
	return s.address(c.Request).IsLoopback() && loopbackHost(c.Host)
}

// loopbackHost tells whether a host, with its port or without, is this machine by name.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	at, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && at.IsLoopback()
}
