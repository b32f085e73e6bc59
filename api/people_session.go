package api

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"awase/api/account"
	"awase/api/store"
	"awase/entrustment"
)

var (
	errSignIn   = &entrustment.Error{Code: CodeSignIn, Field: "body", Detail: "no such e-mail address and password", Mend: "try again; who forgot the password asks an admin of their party for a new link"}
	errNeedTOTP = &entrustment.Error{Code: CodeSignIn, Field: "totp", Detail: "the account asks for a one-time code", Mend: "send the six digits of your authenticator, or a recovery code, as totp"}
	errTOTP     = &entrustment.Error{Code: CodeSignIn, Field: "totp", Detail: "the one-time code is not good, or was used", Mend: "wait for the next one; a recovery code does too"}
)

// signIn begins a session. It says and does the same of an unknown address as of a
// wrong password.
func (s *Server) signIn(c *call) (*answer, error) {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		TOTP     string `json:"totp"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	p, device, err := s.admit(c, strings.ToLower(strings.TrimSpace(in.Email)), in.Password, in.TOTP)
	if err != nil {
		return nil, err
	}
	a := created("/v1/me", s.viewMe(p, nil))
	return a, s.begin(c, a, p, device)
}

// admit gives who has an address, a password and, where the account asks for one,
// a one-time code; device tells that they signed in with this program before.
func (s *Server) admit(c *call, email, password, code string) (p store.Person, device bool, err error) {
	ctx := context.WithoutCancel(c.ctx()) // who hangs up has tried all the same
	if p, err = s.Store.PersonByEmail(ctx, email); err != nil && !errors.Is(err, store.ErrNotFound) {
		return p, false, err
	}
	what, address := "account "+email, "address "+c.address()
	if k, err := c.Cookie(deviceCookie); err == nil && p.ID != "" && account.IsSecret(k.Value) {
		hash := account.Hash(k.Value)
		if device, err = s.Store.Device(ctx, hash, p.ID); err != nil {
			return p, false, err
		}
		if device { // what strangers did to the account, or from this address, does not hold
			what, address = "device "+hex.EncodeToString(hash), ""
		}
	}
	if address != "" {
		if err := s.waits(ctx, address); err != nil {
			return p, device, err
		}
	}
	if err := s.reserve(ctx, what, accountWait); err != nil {
		return p, device, err
	}
	failed := func(refusal error) error {
		if address == "" {
			return refusal
		}
		if err := s.reserve(ctx, address, addressWait); err != nil {
			if _, waits := errors.AsType[*retryError](err); !waits {
				return err
			}
		}
		return refusal
	}
	// Who hangs up here gives the slot to somebody else.
	good, old, err := s.hasher.Check(c.ctx(), password, p.Password)
	if err != nil {
		return p, device, err
	}
	if !good || p.Disabled {
		return p, device, failed(errSignIn)
	}
	if p.TOTP {
		if code == "" {
			return p, device, errors.Join(s.unreserve(ctx, what), errNeedTOTP)
		}
		if good, err = s.secondFactor(ctx, p.ID, code); err != nil {
			return p, device, err
		}
		if !good {
			return p, device, failed(errTOTP)
		}
	}
	if err := s.freed(ctx, what); err != nil {
		return p, device, err
	}
	if old {
		hash, err := s.hasher.Hash(ctx, password)
		if err == nil {
			err = s.Store.Rehash(ctx, p.ID, p.Password, hash)
		}
		if err != nil {
			return p, device, err
		}
	}
	return p, device, nil
}

// address is where a request comes from: of IPv6 the network, of which everybody
// has all addresses.
func (c *call) address() string { return network(c.s.address(c.Request)).String() }

// begin begins a session of p, with cookies of its own: what the program held
// before, of whomever, is no session any more.
func (s *Server) begin(c *call, a *answer, p store.Person, device bool) error {
	now := s.Now()
	if err := s.sweep(c.ctx(), now); err != nil {
		return err
	}
	if c.who != nil && c.who.Session != "" {
		if err := s.Store.EndSession(c.ctx(), c.who.Person, c.who.Session); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	secret := account.NewSecret()
	a.header.Add("Set-Cookie", s.sessionKey(c, secret))
	var hash []byte
	if !device {
		known := account.NewSecret()
		hash = account.Hash(known)
		a.header.Add("Set-Cookie", s.cookie(c, deviceCookie, known, "/v1/session", deviceLife, http.SameSiteStrictMode))
	}
	return s.Store.AddSession(c.ctx(), store.Session{Hash: account.Hash(secret), ID: newID("ses"), Person: p.ID,
		Agent: agent(c.UserAgent()), Created: now, Used: now, Ends: now.Add(sessionLife)}, hash)
}

// agent is what a program calls itself, for its person to know it by.
func agent(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), 120)]
}

// sweep forgets, once an hour, what ran out.
func (s *Server) sweep(ctx context.Context, now time.Time) error {
	last := s.swept.Load()
	if now.UnixMilli()-last < time.Hour.Milliseconds() || !s.swept.CompareAndSwap(last, now.UnixMilli()) {
		return nil
	}
	return s.Store.ExpirePeople(ctx, now, now.Add(-sessionIdle), now.Add(-accountWait.forget))
}

// renew gives the session that asks a new cookie: one that was stolen before the
// person's rights changed is worth nothing after.
func (s *Server) renew(c *call, a *answer) error {
	secret := account.NewSecret()
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Add("Set-Cookie", s.sessionKey(c, secret))
	return s.Store.RenewSession(c.ctx(), c.who.Person, c.who.Session, account.Hash(secret))
}

func (s *Server) signOut(c *call) (*answer, error) {
	if err := s.Store.EndSession(c.ctx(), c.who.Person, c.who.Session); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	a := noContent()
	a.header = http.Header{"Set-Cookie": {s.sessionKey(c, "")}}
	return a, nil
}

// meView is who asks, as they see themselves.
type meView struct {
	personView
	Operator bool     `json:"operator"`
	Scopes   []string `json:"scopes,omitempty"` // of the token that asks
}

func (s *Server) viewMe(p store.Person, who *Principal) meView {
	v := meView{personView: viewPerson(p), Operator: p.Party == s.OperatorParty}
	if who != nil {
		v.Scopes = who.Scopes
	}
	return v
}

func (s *Server) me(c *call) (*answer, error) {
	p, err := s.Store.Person(c.ctx(), c.who.Party, c.who.Person)
	if err != nil {
		return nil, err
	}
	return ok(s.viewMe(p, c.who)), nil
}

func (s *Server) changeMe(c *call) (*answer, error) {
	var in struct {
		Name     *string `json:"name"`
		Language *string `json:"language"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	p, err := s.Store.ChangePerson(c.ctx(), c.who.Party, c.who.Person, c.who.Session, func(p *store.Person) error {
		return changeOwn(p, in.Name, in.Language)
	})
	if err != nil {
		return nil, err
	}
	return ok(s.viewMe(p, nil)), nil
}

// confirm tells that who sits in the session knows the account's password: a
// session left open, or a stolen one, does not change how the account is entered.
func (s *Server) confirm(c *call, password string) (store.Person, error) {
	p, err := s.Store.Person(c.ctx(), c.who.Party, c.who.Person)
	if err != nil {
		return p, err
	}
	if p.Password == "" {
		return p, &entrustment.Error{Code: entrustment.CodeForbidden, Field: "password", Detail: "the account has no password: it is entered by OpenID Connect", Mend: "change it at the provider, or ask an admin of your party for a link"}
	}
	what, ctx := "person "+p.ID, context.WithoutCancel(c.ctx())
	if err := s.reserve(ctx, what, accountWait); err != nil {
		return p, err
	}
	good, _, err := s.hasher.Check(c.ctx(), password, p.Password)
	if err != nil {
		return p, err
	}
	if !good {
		return p, &entrustment.Error{Code: entrustment.CodeForbidden, Field: "password", Detail: "it is not the account's password", Mend: "send the one in force"}
	}
	return p, s.freed(ctx, what)
}

func (s *Server) changePassword(c *call) (*answer, error) {
	var in struct {
		Current  string `json:"current"`
		Password string `json:"password"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	p, err := s.confirm(c, in.Current)
	if err != nil {
		return nil, err
	}
	hash, err := s.newPassword(c.ctx(), in.Password, p.Email, p.Name)
	if err != nil {
		return nil, err
	}
	if err := s.Store.SetPassword(c.ctx(), p.ID, hash, c.who.Session); err != nil {
		return nil, err
	}
	a := noContent()
	return a, s.renew(c, a)
}

// sessionView is a session as its person sees it.
type sessionView struct {
	ID      string    `json:"id"`
	Agent   string    `json:"agent"`
	Current bool      `json:"current"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Ends    time.Time `json:"ends"`
}

func (s *Server) listSessions(c *call) (*answer, error) {
	now := s.Now()
	rows, err := s.Store.Sessions(c.ctx(), c.who.Person, now, now.Add(-sessionIdle))
	if err != nil {
		return nil, err
	}
	views := make([]sessionView, len(rows))
	for i, v := range rows {
		views[i] = sessionView{v.ID, v.Agent, v.ID == c.who.Session, v.Created, v.Used, v.Ends}
	}
	return ok(listed[sessionView]{Items: views}), nil
}

func (s *Server) endSession(c *call) (*answer, error) {
	if err := s.Store.EndSession(c.ctx(), c.who.Person, c.param("session")); err != nil {
		return nil, err
	}
	return noContent(), nil
}

func (s *Server) endOtherSessions(c *call) (*answer, error) {
	if err := s.Store.EndSessions(c.ctx(), c.who.Person, c.who.Session); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// secondFactor uses a one-time code, or a recovery code.
func (s *Server) secondFactor(ctx context.Context, person, code string) (bool, error) {
	code = strings.TrimSpace(code)
	if !account.IsTOTP(code) {
		if len(code) > 64 || !utf8.ValidString(code) {
			return false, nil
		}
		used, err := s.Store.UseRecovery(ctx, person, account.RecoveryHash(code))
		if used {
			s.Logger.LogAttrs(ctx, slog.LevelInfo, "a recovery code was used", slog.String("person", person))
		}
		return used, err
	}
	t, err := s.Store.TOTP(ctx, person)
	if err != nil {
		return false, err
	}
	step, good := account.CheckTOTP(t.Secret, code, s.Now())
	if !good {
		return false, nil
	}
	return s.Store.UseTOTPStep(ctx, person, step)
}
