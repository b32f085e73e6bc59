package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"awase/api/account"
	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

const inviteLife = 7 * 24 * time.Hour

var errLink = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "token", Detail: "the link was used, taken back, or ran out", Mend: "ask who invited you for another"}

// inviteView is an open invitation as the parties concerned see it.
type inviteView struct {
	ID      string    `json:"id"`
	Party   string    `json:"party"`
	Person  string    `json:"person,omitempty"` // an account whose password is lost
	Email   string    `json:"email"`
	Name    string    `json:"name"`
	Roles   []string  `json:"roles"`
	Created time.Time `json:"created"`
	Ends    time.Time `json:"ends"`
	Token   string    `json:"token,omitempty"` // once, in the answer that made it
}

func viewInvite(v store.Invite) inviteView {
	return inviteView{v.ID, v.Party, v.Person, v.Email, v.Name, v.Roles, v.Created, v.Ends, ""}
}

func (s *Server) listInvitations(c *call) (*answer, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.Invites(c.ctx(), c.who.Party, s.Now(), page)
	if err != nil {
		return nil, err
	}
	views := make([]inviteView, len(rows))
	for i, v := range rows {
		views[i] = viewInvite(v)
	}
	return ok(paged(views, page, func(v inviteView) string { return v.ID })), nil
}

// link makes a one-time link and shows its token once.
func (s *Server) link(c *call, v store.Invite) (*answer, error) {
	secret := account.NewSecret()
	now := s.Now().Truncate(time.Millisecond)
	v.ID, v.Hash, v.Maker, v.Created, v.Ends = newID("inv"), account.Hash(secret), c.who.Party, now, now.Add(inviteLife)
	if err := s.Store.AddInvite(c.ctx(), v); err != nil {
		return nil, err
	}
	view := viewInvite(v)
	view.Token = secret
	return &answer{status: http.StatusCreated, value: view, secret: true}, nil
}

// invite invites somebody to the admin's own party. An address that has an account
// in another party is invited like any: an admin can't ask who else is in the room.
func (s *Server) invite(c *call) (*answer, error) {
	var in struct {
		Email string   `json:"email"`
		Name  string   `json:"name"`
		Roles []string `json:"roles"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	v, err := invited(in.Email, in.Name, in.Roles)
	if err != nil {
		return nil, err
	}
	v.Party = c.who.Party
	p, err := s.Store.PersonByEmail(c.ctx(), v.Email)
	if err == nil && p.Party == v.Party {
		return nil, &entrustment.Error{Code: CodeConflict, Field: "email", Detail: "the party has an account of that address", Mend: "change that one (PATCH /v1/people/…)"}
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return s.link(c, v)
}

// inviteFirstAdmin invites the first admin of a party of the room; after that, it
// is that party's own affair.
func (s *Server) inviteFirstAdmin(c *call) (*answer, error) {
	var in struct {
		Party string `json:"party"`
		Email string `json:"email"`
		Name  string `json:"name"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	v, err := invited(in.Email, in.Name, []string{string(Admin)})
	if err != nil {
		return nil, err
	}
	parties, err := s.Enclave.Parties(c.ctx())
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(parties, func(p wire.PartyInfo) bool { return p.Party.ID == in.Party }) {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "party", Detail: "there is no such party", Mend: "add it first"}
	}
	has, err := s.Store.HasAdmin(c.ctx(), in.Party)
	if err != nil {
		return nil, err
	}
	if has {
		return nil, &entrustment.Error{Code: CodeConflict, Field: "party", Detail: "the party has an admin, who invites its people", Mend: "ask that admin"}
	}
	v.Party = in.Party
	return s.link(c, v)
}

func invited(email, name string, roles []string) (v store.Invite, err error) {
	if v.Email, err = checkEmail(email); err != nil {
		return v, err
	}
	if v.Name, err = checkName(name); err != nil {
		return v, err
	}
	v.Roles, err = checkRoles(roles)
	return v, err
}

// dropInvitation takes an invitation back.
func (s *Server) dropInvitation(c *call) (*answer, error) {
	if err := s.Store.DropInvite(c.ctx(), c.who.Party, c.param("invitation")); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// resetPerson gives a one-time link to who lost their password or authenticator.
// Their sessions end now, password, second factor and tokens when the link is used.
func (s *Server) resetPerson(c *call) (*answer, error) {
	p, err := s.Store.Person(c.ctx(), c.who.Party, c.param("person"))
	if err != nil {
		return nil, err
	}
	if p.ID == c.who.Person { // a session that was left open, or stolen, would make itself a password
		return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Field: "person", Detail: "an admin gives no link to themselves", Mend: "change the password (POST /v1/me/password), or ask another admin of your party"}
	}
	return s.link(c, store.Invite{Party: p.Party, Person: p.ID, Email: p.Email, Name: p.Name, Roles: p.Roles})
}

// acceptInvitation uses a link: its holder chooses a password, and has an account.
func (s *Server) acceptInvitation(c *call) (*answer, error) {
	var in struct {
		Token    string  `json:"token"`
		Password string  `json:"password"`
		Name     *string `json:"name"`
		Language *string `json:"language"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	now := s.Now().Truncate(time.Millisecond)
	v, err := s.Store.Invite(c.ctx(), account.Hash(in.Token), now)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errLink
	}
	if err != nil {
		return nil, err
	}
	p := store.Person{ID: newID("per"), Party: v.Party, Email: v.Email, Name: v.Name, Roles: v.Roles, Language: "ja", Created: now}
	if v.Person == "" {
		if err := changeOwn(&p, in.Name, in.Language); err != nil {
			return nil, err
		}
	}
	if p.Password, err = s.newPassword(c.ctx(), in.Password, p.Email, p.Name); err != nil {
		return nil, err
	}
	return s.entered(c.ctx(), v, p)
}

// entered makes the account of an invitation, and shows it.
func (s *Server) entered(ctx context.Context, v store.Invite, p store.Person) (*answer, error) {
	err := s.Store.AcceptInvite(ctx, v, p)
	switch {
	case errors.Is(err, store.ErrNotFound): // somebody was faster
		return nil, errLink
	case errors.Is(err, store.ErrConflict):
		return nil, &entrustment.Error{Code: CodeConflict, Field: "email", Detail: "this address has an account in the room", Mend: "ask for an invitation to another address"}
	case err != nil:
		return nil, err
	}
	if v.Person != "" {
		if p, err = s.Store.Person(ctx, v.Party, v.Person); err != nil {
			return nil, err
		}
	}
	return &answer{status: http.StatusCreated, value: viewPerson(p)}, nil
}
