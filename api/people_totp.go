package api

import (
	"net/http"

	"awase/api/account"
	"awase/entrustment"
)

// beginTOTP gives a second factor to be put into an authenticator. It is asked for
// once confirmTOTP saw that it got there.
func (s *Server) beginTOTP(c *call) (*answer, error) {
	var in struct {
		Password string `json:"password"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	p, err := s.confirm(c, in.Password)
	if err != nil {
		return nil, err
	}
	secret := account.NewTOTP()
	if err := s.Store.BeginTOTP(c.ctx(), p.ID, secret); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, secret: true, value: struct {
		Secret  string `json:"secret"`
		Address string `json:"address"`
	}{secret, account.TOTPAddress(secret, "Awase", p.Email)}}, nil
}

// confirmTOTP puts a second factor in force, and gives recovery codes for who
// loses it. Other sessions, which were begun without it, end.
func (s *Server) confirmTOTP(c *call) (*answer, error) {
	var in struct {
		Code string `json:"code"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	t, err := s.Store.TOTP(c.ctx(), c.who.Person)
	if err != nil {
		return nil, err
	}
	if t.Pending == "" {
		return nil, &entrustment.Error{Code: CodeConflict, Field: "request", Detail: "no second factor was begun", Mend: "begin one (POST /v1/me/totp)"}
	}
	if err := s.reserve(c.ctx(), "totp "+c.who.Person, accountWait); err != nil {
		return nil, err
	}
	step, good := account.CheckTOTP(t.Pending, in.Code, s.Now())
	if !good {
		return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Field: "code", Detail: "it is not the code of now", Mend: "see that the clock of the authenticator is right, and send the next one"}
	}
	if err := s.freed(c.ctx(), "totp "+c.who.Person); err != nil {
		return nil, err
	}
	codes, hashes := account.NewRecovery()
	if err := s.Store.SetTOTP(c.ctx(), c.who.Person, t.Pending, step, hashes, c.who.Session); err != nil {
		return nil, err
	}
	a := ok(struct {
		Codes []string `json:"recovery_codes"`
	}{codes})
	a.secret = true
	return a, s.renew(c, a)
}

func (s *Server) removeTOTP(c *call) (*answer, error) {
	var in struct {
		Password string `json:"password"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	p, err := s.confirm(c, in.Password)
	if err != nil {
		return nil, err
	}
	if err := s.Store.SetTOTP(c.ctx(), p.ID, "", 0, nil, c.who.Session); err != nil {
		return nil, err
	}
	a := noContent()
	return a, s.renew(c, a)
}
