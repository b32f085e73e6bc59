package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"awase/api/account"
	"awase/api/store"
	"awase/entrustment"
)

// Sessions and tokens.
const (
	sessionCookie = "awase_session"
	deviceCookie  = "awase_device"
	sessionIdle   = 30 * time.Minute
	sessionLife   = 12 * time.Hour
	deviceLife    = 180 * 24 * time.Hour
	touchEvery    = time.Minute // how often it is written that a session or token is in use
)

var (
	errBadToken   = &entrustment.Error{Code: CodeSignIn, Field: "Authorization", Detail: "the token is not, or no longer, good", Mend: "make another (POST /v1/tokens)"}
	errBadSession = &entrustment.Error{Code: CodeSignIn, Field: sessionCookie, Detail: "the session is not, or no longer, good", Mend: "sign in (POST /v1/session)"}
	errCross      = &entrustment.Error{Code: entrustment.CodeForbidden, Field: "Origin", Detail: "the request was sent by a page of another site", Mend: "use the room's own pages, or an API token"}
)

// openPeople makes what signing in needs.
func (s *Server) openPeople() (err error) {
	// As many at once as there are processors, and at most four: 256 MiB.
	if s.hasher, err = account.NewHasher(s.Passwords, min(4, runtime.GOMAXPROCS(0))); err != nil {
		return err
	}
	s.origins = http.NewCrossOriginProtection()
	if s.PublicURL != "" {
		at, err := url.Parse(s.PublicURL)
		if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.String() != at.Scheme+"://"+at.Host {
			return errors.New("the room's public address is not one: write it as https://room.example, without a path")
		}
		if err := s.origins.AddTrustedOrigin(s.PublicURL); err != nil { // a proxy may give another Host
			return fmt.Errorf("the room's public address: %w", err)
		}
	}
	if s.OIDC != nil {
		if s.oidc, err = newProvider(*s.OIDC, s.PublicURL); err != nil {
			return err
		}
	}
	if s.Auth == nil {
		s.Auth = &accounts{s.Store, s.OperatorParty, s.Now, s.Logger}
	}
	return nil
}

// accounts tells who sends a request by the sessions and tokens of the store.
type accounts struct {
	store    PeopleStore
	operator string // the party that runs the room
	now      func() time.Time
	logger   *slog.Logger
}

// Authenticate gives who sends r. A token is looked at before a cookie: who sends
// both means the token.
func (a *accounts) Authenticate(ctx context.Context, r *http.Request) (*Principal, error) {
	if sent := r.Header.Values("Authorization"); len(sent) > 0 {
		scheme, token, _ := strings.Cut(sent[0], " ")
		if len(sent) > 1 || !strings.EqualFold(scheme, "Bearer") || !account.IsToken(token) {
			return nil, errBadToken
		}
		return a.byToken(ctx, token)
	}
	switch cookies := r.CookiesNamed(sessionCookie); len(cookies) {
	case 0:
		return nil, nil
	case 1:
		return a.bySession(ctx, cookies[0].Value)
	default: // of a neighbouring host or path: which is whose can't be told
		return nil, errBadSession
	}
}

func (a *accounts) byToken(ctx context.Context, token string) (*Principal, error) {
	t, err := a.store.Token(ctx, account.Hash(token))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errBadToken
	}
	if err != nil {
		return nil, err
	}
	now := a.now()
	if !t.Revoked.IsZero() || !now.Before(t.Ends) {
		return nil, errBadToken
	}
	if now.Sub(t.Used) >= touchEvery {
		a.touched(ctx, a.store.TouchToken(ctx, t.ID, now))
	}
	return &Principal{Person: t.Person, Party: t.Party, Roles: asRoles(t.Roles), Operator: t.Party == a.operator, Token: t.ID, Scopes: t.Scopes}, nil
}

func (a *accounts) bySession(ctx context.Context, cookie string) (*Principal, error) {
	if !account.IsSecret(cookie) {
		return nil, errBadSession
	}
	v, err := a.store.Session(ctx, account.Hash(cookie))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errBadSession
	}
	if err != nil {
		return nil, err
	}
	now := a.now()
	if !now.Before(v.Ends) || now.Sub(v.Used) >= sessionIdle {
		return nil, errBadSession
	}
	if now.Sub(v.Used) >= touchEvery {
		a.touched(ctx, a.store.TouchSession(ctx, v.ID, now))
	}
	return &Principal{Person: v.Person, Party: v.Party, Roles: asRoles(v.Roles), Operator: v.Party == a.operator, Session: v.ID}, nil
}

// touched: that a use could not be written down does not keep anybody out.
func (a *accounts) touched(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		a.logger.LogAttrs(ctx, slog.LevelWarn, "the last use of a session or token was not written", slog.String("error", err.Error()))
	}
}

func asRoles(in []string) []Role {
	out := make([]Role, len(in))
	for i, r := range in {
		out[i] = Role(r)
	}
	return out
}

// sameOrigin refuses what a page of another site sends with somebody's cookie, or
// to give them one of its own. A token is no cookie: no page can send it unasked.
func (s *Server) sameOrigin(c *call) error {
	if c.who != nil && c.who.Token != "" {
		return nil
	}
	if s.origins.Check(c.Request) != nil {
		return errCross
	}
	return nil
}

// cookie makes a cookie of the room. It is sent over TLS alone where the room is
// reached by TLS.
func (s *Server) cookie(c *call, name, value, path string, life time.Duration, mode http.SameSite) string {
	k := &http.Cookie{Name: name, Value: value, Path: path, HttpOnly: true, SameSite: mode,
		Secure: c.TLS != nil || strings.HasPrefix(s.PublicURL, "https://"), MaxAge: int(life / time.Second)}
	if value == "" {
		k.MaxAge = -1
	}
	return k.String()
}

// sessionKey gives the Set-Cookie of a session.
func (s *Server) sessionKey(c *call, value string) string {
	return s.cookie(c, sessionCookie, value, "/", sessionLife, http.SameSiteLaxMode)
}
