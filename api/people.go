package api

import (
	"context"
	"errors"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"awase/api/account"
	"awase/api/store"
	"awase/entrustment"
)

// PeopleStore is what the operations of people*.go keep.
type PeopleStore interface {
	AddPerson(ctx context.Context, p store.Person) error
	Person(ctx context.Context, party, id string) (store.Person, error)
	PersonByEmail(ctx context.Context, email string) (store.Person, error)
	People(ctx context.Context, party string, page store.Page) ([]store.Person, error)
	ChangePerson(ctx context.Context, party, id, keep string, change func(*store.Person) error) (store.Person, error)
	AddRehearser(ctx context.Context, person string) error
	Rehearsers(ctx context.Context) ([]store.Person, error)
	HasAdmin(ctx context.Context, party string) (bool, error)
	SetPassword(ctx context.Context, person, hash, keep string) error
	Rehash(ctx context.Context, person, was, hash string) error
	TOTP(ctx context.Context, person string) (store.TOTP, error)
	BeginTOTP(ctx context.Context, person, secret string) error
	SetTOTP(ctx context.Context, person, secret string, step int64, recovery [][]byte, keep string) error
	UseTOTPStep(ctx context.Context, person string, step int64) (bool, error)
	UseRecovery(ctx context.Context, person string, hash []byte) (bool, error)
	ExpirePeople(ctx context.Context, now, idle, failed time.Time) error

	AddSession(ctx context.Context, v store.Session, device []byte) error
	Session(ctx context.Context, hash []byte) (store.Session, error)
	Sessions(ctx context.Context, person string, now, idle time.Time) ([]store.Session, error)
	TouchSession(ctx context.Context, id string, at time.Time) error
	EndSession(ctx context.Context, person, id string) error
	EndSessions(ctx context.Context, person, keep string) error
	RenewSession(ctx context.Context, person, id string, hash []byte) error
	Device(ctx context.Context, hash []byte, person string) (bool, error)

	AddToken(ctx context.Context, v store.Token) error
	Token(ctx context.Context, hash []byte) (store.Token, error)
	Tokens(ctx context.Context, party, person string, page store.Page) ([]store.Token, error)
	TouchToken(ctx context.Context, id string, at time.Time) error
	RevokeToken(ctx context.Context, party, person, id string, at time.Time) error

	AddInvite(ctx context.Context, v store.Invite) error
	Invite(ctx context.Context, hash []byte, now time.Time) (store.Invite, error)
	Invites(ctx context.Context, party string, now time.Time, page store.Page) ([]store.Invite, error)
	DropInvite(ctx context.Context, party, id string) error
	AcceptInvite(ctx context.Context, v store.Invite, p store.Person) error

	SetSetup(ctx context.Context, hash []byte) error
	FinishSetup(ctx context.Context, hash []byte, p store.Person) error
	ClearSetup(ctx context.Context) error

	ChangeSignIns(ctx context.Context, what string, change func(store.SignIns) store.SignIns) error

	BeginFlow(ctx context.Context, hash []byte, ends time.Time) error
	TakeFlow(ctx context.Context, hash []byte, now time.Time) error
	PersonByIdentity(ctx context.Context, issuer, subject string) (store.Person, error)
	Link(ctx context.Context, issuer, subject string, fresh store.Person) (store.Person, error)
}

// peopleEndpoints are the operations of people*.go.
func (s *Server) peopleEndpoints() []endpoint {
	return []endpoint{
		{"signIn", http.MethodPost, "/v1/session", s.signIn},
		{"signOut", http.MethodDelete, "/v1/session", s.signOut},
		{"ways", http.MethodGet, "/v1/session/ways", s.ways},
		{"enterPractice", http.MethodPost, "/v1/practice/session", s.enterPractice},
		{"me", http.MethodGet, "/v1/me", s.me},
		{"changeMe", http.MethodPatch, "/v1/me", s.changeMe},
		{"changePassword", http.MethodPost, "/v1/me/password", s.changePassword},
		{"listSessions", http.MethodGet, "/v1/me/sessions", s.listSessions},
		{"endSession", http.MethodDelete, "/v1/me/sessions/:session", s.endSession},
		{"endOtherSessions", http.MethodDelete, "/v1/me/sessions", s.endOtherSessions},
		{"beginTotp", http.MethodPost, "/v1/me/totp", s.beginTOTP},
		{"confirmTotp", http.MethodPost, "/v1/me/totp/confirm", s.confirmTOTP},
		{"removeTotp", http.MethodPost, "/v1/me/totp/remove", s.removeTOTP},

		{"listTokens", http.MethodGet, "/v1/tokens", s.listTokens},
		{"makeToken", http.MethodPost, "/v1/tokens", s.makeToken},
		{"revokeToken", http.MethodDelete, "/v1/tokens/:token", s.revokeToken},

		{"listPeople", http.MethodGet, "/v1/people", s.listPeople},
		{"getPerson", http.MethodGet, "/v1/people/:person", s.getPerson},
		{"changePerson", http.MethodPatch, "/v1/people/:person", s.changePerson},
		{"resetPerson", http.MethodPost, "/v1/people/:person/reset", s.resetPerson},

		{"listInvitations", http.MethodGet, "/v1/invitations", s.listInvitations},
		{"invite", http.MethodPost, "/v1/invitations", s.invite},
		{"inviteFirstAdmin", http.MethodPost, "/v1/invitations/first-admin", s.inviteFirstAdmin},
		{"acceptInvitation", http.MethodPost, "/v1/invitations/accept", s.acceptInvitation},
		{"dropInvitation", http.MethodDelete, "/v1/invitations/:invitation", s.dropInvitation},

		{"setup", http.MethodPost, "/v1/setup", s.setup},
		{"setupPage", http.MethodGet, "/setup", s.setupPage},
		{"setupForm", http.MethodPost, "/setup", s.setupForm},

		{"startOidc", http.MethodGet, "/v1/oidc/start", s.startOIDC},
		{"finishOidc", http.MethodGet, "/v1/oidc/callback", s.finishOIDC},
	}
}

// personView is an account as its party's people see it.
type personView struct {
	ID       string     `json:"id"`
	Party    string     `json:"party"`
	Email    string     `json:"email"`
	Name     string     `json:"name"`
	Roles    []string   `json:"roles"`
	Language string     `json:"language"`
	Password bool       `json:"password"`
	TOTP     bool       `json:"totp"`
	Disabled bool       `json:"disabled"`
	Created  time.Time  `json:"created"`
	SignedIn *time.Time `json:"signed_in,omitempty"`
}

func viewPerson(p store.Person) personView {
	return personView{p.ID, p.Party, p.Email, p.Name, p.Roles, p.Language, p.Password != "", p.TOTP, p.Disabled, p.Created, some(p.SignedIn)}
}

// some gives a time for JSON; nil for none.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Server) listPeople(c *call) (*answer, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.People(c.ctx(), c.who.Party, page)
	if err != nil {
		return nil, err
	}
	views := make([]personView, len(rows))
	for i, p := range rows {
		views[i] = viewPerson(p)
	}
	return ok(paged(views, page, func(v personView) string { return v.ID })), nil
}

func (s *Server) getPerson(c *call) (*answer, error) {
	p, err := s.Store.Person(c.ctx(), c.who.Party, c.param("person"))
	if err != nil {
		return nil, err
	}
	return ok(viewPerson(p)), nil
}

// changePerson changes somebody of the admin's own party. A new role, or a lost
// one, ends the sessions that were begun without it.
func (s *Server) changePerson(c *call) (*answer, error) {
	var in struct {
		Name     *string  `json:"name"`
		Roles    []string `json:"roles"`
		Language *string  `json:"language"`
		Disabled *bool    `json:"disabled"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var err error
	if in.Roles != nil {
		if in.Roles, err = checkRoles(in.Roles); err != nil {
			return nil, err
		}
	}
	p, err := s.Store.ChangePerson(c.ctx(), c.who.Party, c.param("person"), c.who.Session, func(p *store.Person) error {
		if in.Roles != nil {
			p.Roles = in.Roles
		}
		if in.Disabled != nil {
			p.Disabled = *in.Disabled
		}
		return changeOwn(p, in.Name, in.Language)
	})
	if errors.Is(err, store.ErrLastAdmin) {
		return nil, errLastAdmin
	}
	if err != nil {
		return nil, err
	}
	a := ok(viewPerson(p))
	if p.ID == c.who.Person && in.Roles != nil {
		return a, s.renew(c, a)
	}
	return a, nil
}

// changeOwn changes what people may change of themselves.
func changeOwn(p *store.Person, name, language *string) (err error) {
	if name != nil {
		if p.Name, err = checkName(*name); err != nil {
			return err
		}
	}
	if language != nil {
		p.Language, err = checkLanguage(*language)
	}
	return err
}

var errLastAdmin = &entrustment.Error{Code: CodeConflict, Field: "roles", Detail: "the party would have no admin who can sign in", Mend: "make somebody else an admin first"}

// checkEmail gives an e-mail address in the form that accounts are kept under.
func checkEmail(text string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(text))
	at, err := mail.ParseAddress(email)
	if err != nil || at.Address != email || at.Name != "" || len(email) > 254 || !printable(email) {
		return "", &entrustment.Error{Code: entrustment.CodeSpec, Field: "email", Detail: "it is not an e-mail address", Mend: "write it as name@example.com"}
	}
	return email, nil
}

// checkName holds a name that people see to one line.
func checkName(text string) (string, error) {
	name := strings.TrimSpace(text)
	if n := utf8.RuneCountInString(name); n == 0 || n > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", &entrustment.Error{Code: entrustment.CodeSpec, Field: "name", Detail: "it is not one line of 1 to 100 characters", Mend: "write the name as people are to see it"}
	}
	return name, nil
}

func checkLanguage(text string) (string, error) {
	if text != "ja" && text != "en" {
		return "", &entrustment.Error{Code: entrustment.CodeSpec, Field: "language", Detail: "there is no such language here", Mend: "it is ja or en"}
	}
	return text, nil
}

// checkRoles gives roles in their order, each once. An admin may give any of them
// to people of their own party: a role is worth what its party may see.
func checkRoles(in []string) ([]string, error) {
	var out []string
	for _, r := range Roles() {
		if slices.Contains(in, string(r)) {
			out = append(out, string(r))
		}
	}
	for _, r := range in {
		if !slices.Contains(Roles(), Role(r)) {
			return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "roles", Detail: "there is no such role", Mend: "they are admin, privacy, adops, marketing, viewer, auditor"}
		}
	}
	if out == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "roles", Detail: "there is none", Mend: "give at least one; a person who may no longer come in is disabled"}
	}
	return out, nil
}

// newPassword checks and hashes a password that somebody chose.
func (s *Server) newPassword(ctx context.Context, password, email, name string) (string, error) {
	local, _, _ := strings.Cut(email, "@")
	if err := account.CheckPassword(password, append(strings.Fields(name), email, local)...); err != nil {
		return "", err
	}
	return s.hasher.Hash(ctx, password)
}
