package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"awase/api/account"
	"awase/api/store"
	"awase/entrustment"
)

const (
	tokenLife    = 90 * 24 * time.Hour
	maxTokenLife = 366 * 24 * time.Hour
)

// tokenView is an API token as people see it: never what it opens with.
type tokenView struct {
	ID      string     `json:"id"`
	Person  string     `json:"person"`
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created"`
	Ends    time.Time  `json:"ends"`
	Used    *time.Time `json:"used,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Token   string     `json:"token,omitempty"` // once, in the answer that made it
}

func viewToken(t store.Token) tokenView {
	return tokenView{t.ID, t.Person, t.Name, t.Scopes, t.Created, t.Ends, some(t.Used), some(t.Revoked), ""}
}

// whose gives the person whose tokens who asks may see: an admin and an auditor
// see those of the party.
func whose(who *Principal, roles ...Role) string {
	if who.has(roles...) {
		return ""
	}
	return who.Person
}

func (s *Server) listTokens(c *call) (*answer, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.Tokens(c.ctx(), c.who.Party, whose(c.who, Admin, Auditor), page)
	if err != nil {
		return nil, err
	}
	views := make([]tokenView, len(rows))
	for i, t := range rows {
		views[i] = viewToken(t)
	}
	return ok(paged(views, page, func(v tokenView) string { return v.ID })), nil
}

// makeToken makes a token of who asks, and shows it once.
func (s *Server) makeToken(c *call) (*answer, error) {
	var in struct {
		Name   string    `json:"name"`
		Scopes []string  `json:"scopes"`
		Ends   time.Time `json:"ends"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	name, err := checkName(in.Name)
	if err != nil {
		return nil, err
	}
	slices.Sort(in.Scopes)
	in.Scopes = slices.Compact(in.Scopes)
	known := Scopes()
	for _, scope := range in.Scopes {
		if !slices.Contains(known, scope) {
			return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "scopes", Detail: "there is no such scope", Mend: "they are " + strings.Join(known, ", ")}
		}
	}
	if len(in.Scopes) == 0 {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "scopes", Detail: "there is none", Mend: "name what the token is for"}
	}
	now := s.Now().Truncate(time.Millisecond)
	if in.Ends.IsZero() {
		in.Ends = now.Add(tokenLife)
	}
	if !in.Ends.After(now) || in.Ends.After(now.Add(maxTokenLife)) {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "ends", Detail: "it is not within the next year", Mend: "leave it out for 90 days"}
	}
	secret := account.NewToken()
	t := store.Token{ID: newID("tok"), Hash: account.Hash(secret), Person: c.who.Person, Party: c.who.Party, Name: name, Scopes: in.Scopes, Created: now, Ends: in.Ends.UTC()}
	if err := s.Store.AddToken(c.ctx(), t); err != nil {
		return nil, err
	}
	v := viewToken(t)
	v.Token = secret
	return &answer{status: http.StatusCreated, value: v, secret: true}, nil
}

// revokeToken revokes a token of who asks; an admin, any of the party.
func (s *Server) revokeToken(c *call) (*answer, error) {
	if err := s.Store.RevokeToken(c.ctx(), c.who.Party, whose(c.who, Admin), c.param("token"), s.Now()); err != nil {
		return nil, err
	}
	return noContent(), nil
}
