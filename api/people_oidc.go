package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"awase/api/account"
	"awase/api/store"
	"awase/entrustment"
)

// OIDCOptions is an OpenID provider that people sign in by.
type OIDCOptions struct {
	Issuer       string // its address, as its tokens name it
	ClientID     string
	ClientSecret string
}

const (
	flowCookie = "awase_oidc"
	flowLife   = 10 * time.Minute
	flowPath   = "/v1/oidc"
	oidcWait   = 15 * time.Second // for one answer of the provider
)

// provider is the OpenID provider, once it said what it is.
type provider struct {
	o        OIDCOptions
	redirect string
	client   *http.Client

	mu sync.Mutex
	of *known // nil: not asked yet
}

// known is what a provider said of itself.
type known struct {
	*oidc.Provider
	config   *oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newProvider(o OIDCOptions, publicURL string) (*provider, error) {
	if o.Issuer == "" || o.ClientID == "" {
		return nil, errors.New("OpenID Connect: issuer and client id are missing")
	}
	if publicURL == "" {
		return nil, errors.New("OpenID Connect: the room's public address is missing, which the provider sends people back to")
	}
	return &provider{o: o, redirect: publicURL + flowPath + "/callback", client: &http.Client{Timeout: oidcWait}}, nil
}

// ask gives what the provider said of itself. It is read at first use, so that the
// room starts while the provider is away.
func (p *provider) ask(ctx context.Context) (*known, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of != nil {
		return p.of, nil
	}
	of, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.o.Issuer)
	if err != nil {
		return nil, err
	}
	p.of = &known{of,
		&oauth2.Config{ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: of.Endpoint(), RedirectURL: p.redirect, Scopes: []string{oidc.ScopeOpenID, "email"}},
		of.Verifier(&oidc.Config{ClientID: p.o.ClientID})}
	return p.of, nil
}

func errOIDC(field, detail string) *entrustment.Error {
	return &entrustment.Error{Code: CodeSignIn, Field: field, Detail: detail, Mend: "begin again at /v1/oidc/start; if it stays, ask an admin of your party"}
}

// derived gives the state, the nonce and the PKCE verifier of a sign-in: all three
// follow from the cookie, so that only the program that began can end it.
func derived(secret, what string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(what))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// oidcReady gives the provider, or why it can't be asked.
func (s *Server) oidcReady(c *call) (*known, error) {
	if s.oidc == nil {
		return nil, errNoPage
	}
	of, err := s.oidc.ask(c.ctx())
	if err != nil {
		// What the other side said is its own; it may be long.
		text := err.Error()
		s.Logger.LogAttrs(c.ctx(), slog.LevelWarn, "the OpenID provider does not answer", slog.String("request", c.id), slog.String("error", text[:min(len(text), 200)]))
		return nil, &withStatus{errOIDC("issuer", "the OpenID provider does not answer"), http.StatusServiceUnavailable}
	}
	return of, nil
}

// startOIDC sends who wants to sign in to the provider.
func (s *Server) startOIDC(c *call) (*answer, error) {
	of, err := s.oidcReady(c)
	if err != nil {
		return toSignIn(c, err)
	}
	now := s.Now()
	if err := s.sweep(c.ctx(), now); err != nil {
		return nil, err
	}
	secret := account.NewSecret()
	if err := s.Store.BeginFlow(c.ctx(), account.Hash(secret), now.Add(flowLife)); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusSeeOther, header: http.Header{
		"Location":   {of.config.AuthCodeURL(derived(secret, "state"), oidc.Nonce(derived(secret, "nonce")), oauth2.S256ChallengeOption(derived(secret, "pkce")))},
		"Set-Cookie": {s.cookie(c, flowCookie, secret, flowPath, flowLife, http.SameSiteLaxMode)},
	}}, nil
}

// finishOIDC signs in who comes back from the provider: a browser goes on to the
// page, a program to who it is.
func (s *Server) finishOIDC(c *call) (*answer, error) {
	a, err := s.cameBack(c)
	if err != nil {
		return toSignIn(c, err)
	}
	return a, nil
}

// toSignIn sends a browser that was refused back to where people sign in, and says
// behind the # which part of it was: a word of ours, and nothing that came. Programs
// get the refusal itself.
func toSignIn(c *call, err error) (*answer, error) {
	refusal, is := errors.AsType[*entrustment.Error](err)
	if !is || refusal.Code != CodeSignIn || !strings.Contains(c.Header.Get("Accept"), "text/html") {
		return nil, err
	}
	c.s.Logger.LogAttrs(c.ctx(), slog.LevelInfo, "a sign-in by the OpenID provider was refused", slog.String("request", c.id), slog.String("field", refusal.Field))
	return &answer{status: http.StatusSeeOther, header: http.Header{"Location": {"/sign-in#oidc-" + refusal.Field}}}, nil
}

func (s *Server) cameBack(c *call) (*answer, error) {
	of, err := s.oidcReady(c)
	if err != nil {
		return nil, err
	}
	issuer, subject, email, err := s.came(c, of)
	if err != nil {
		return nil, err
	}
	p, err := s.personOf(c.ctx(), issuer, subject, email, languageOf(c.Request))
	if err != nil {
		return nil, err
	}
	to := "/v1/me"
	if strings.Contains(c.Header.Get("Accept"), "text/html") {
		to = "/"
	}
	a := &answer{status: http.StatusSeeOther, header: http.Header{"Location": {to}, "Set-Cookie": {s.cookie(c, flowCookie, "", flowPath, 0, http.SameSiteLaxMode)}}}
	return a, s.begin(c, a, p, true)
}

// came tells who came back: the sign-in was begun by the same program, is used
// once, and the provider says so in a token of its own for us. email is "" where
// the provider has not verified one.
func (s *Server) came(c *call, of *known) (issuer, subject, email string, err error) {
	q := c.URL.Query()
	k, err := c.Cookie(flowCookie)
	if err != nil || !account.IsSecret(k.Value) {
		return "", "", "", errOIDC(flowCookie, "this program has not begun a sign-in")
	}
	err = s.Store.TakeFlow(c.ctx(), account.Hash(k.Value), s.Now())
	if errors.Is(err, store.ErrNotFound) {
		return "", "", "", errOIDC(flowCookie, "the sign-in was ended, or took longer than 10 minutes")
	}
	if err != nil {
		return "", "", "", err
	}
	if s.holds(controlState) && subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(derived(k.Value, "state"))) == 0 {
		return "", "", "", errOIDC("state", "it is of another sign-in")
	}
	if iss := q.Get("iss"); iss != "" && iss != s.oidc.o.Issuer { // RFC 9207: a mix-up of providers
		return "", "", "", errOIDC("iss", "the answer is of another provider")
	}
	if q.Get("error") != "" || q.Get("code") == "" {
		return "", "", "", errOIDC("code", "the provider did not sign you in")
	}
	ctx := oidc.ClientContext(c.ctx(), s.oidc.client)
	// Errors of the provider's answers may hold what it sent: they are not passed on.
	tokens, err := of.config.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(derived(k.Value, "pkce")))
	if err != nil {
		return "", "", "", errOIDC("code", "the provider does not take the code back")
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := of.verifier.Verify(ctx, raw)
	if err != nil {
		return "", "", "", errOIDC("id_token", "it is not the provider's, not for this room, or ran out")
	}
	if s.holds(controlNonce) && subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(derived(k.Value, "nonce"))) == 0 {
		return "", "", "", errOIDC("nonce", "the token is of another sign-in")
	}
	var in claims
	if err := id.Claims(&in); err != nil {
		return "", "", "", errOIDC("id_token", "its claims can't be read")
	}
	if in.Email == "" { // OpenID Connect Core 5.4: where there is an access token, it may be told for that alone
		info, err := of.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err != nil || info.Subject != id.Subject || info.Claims(&in) != nil { // 5.3.2: of somebody else it is not used
			return "", "", "", errOIDC("email", "the provider does not tell your e-mail address")
		}
	}
	return id.Issuer, id.Subject, in.verified(), nil
}

// claims are what we ask of a provider.
type claims struct {
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // some providers write "true"
}

// verified gives the address if the provider has verified it.
func (c claims) verified() string {
	if c.Verified == true || c.Verified == "true" {
		return c.Email
	}
	return ""
}

// languageOf is the language in which the page shows itself to a browser that nobody
// told another.
func languageOf(r *http.Request) string {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "en") {
		return "en"
	}
	return "ja"
}

// personOf gives the account of who the provider says is there: by subject, or at the
// first time by an e-mail address that the provider verified and that has an
// account or an invitation. An account that is made then is of a language.
func (s *Server) personOf(ctx context.Context, issuer, subject, email, language string) (store.Person, error) {
	p, err := s.Store.PersonByIdentity(ctx, issuer, subject)
	if errors.Is(err, store.ErrNotFound) {
		if email, err = checkEmail(email); err != nil {
			return p, errOIDC("email", "the provider has no verified e-mail address of you")
		}
		p, err = s.Store.Link(ctx, issuer, subject, store.Person{ID: newID("per"), Email: email, Language: language, Created: s.Now().Truncate(time.Millisecond)})
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			return p, errOIDC("email", "nobody with this e-mail address was invited, or somebody else signs in with it")
		}
	}
	if err == nil && p.Disabled {
		err = errOIDC("request", "the account is disabled")
	}
	return p, err
}
