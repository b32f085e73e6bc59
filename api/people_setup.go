package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"awase/api/account"
	"awase/api/store"
	"awase/entrustment"
)

// SetupCode gives the one-time code that makes the first admin of the party that
// runs the room, to be shown to who started it; needed is false where there is one.
// A code takes the place of the one before. It is typed into a page (GET /setup) or
// sent in a body (POST /v1/setup), never in an address.
func SetupCode(ctx context.Context, s PeopleStore, operator string) (code string, needed bool, err error) {
	has, err := s.HasAdmin(ctx, operator)
	if err != nil {
		return "", false, err
	}
	if has {
		return "", false, s.ClearSetup(ctx)
	}
	code = account.NewSecret()
	return code, true, s.SetSetup(ctx, account.Hash(code))
}

var errSetup = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "code", Detail: "it is not the code, or it was used", Mend: "take the one that awase serve printed when it started last"}

// errSetUp is for who looks for the setup of a room that has its first admin.
var errSetUp = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "request", Detail: "the room is set up: its first admin is made, and setup is closed", Mend: "sign in (POST /v1/session), or have an admin invite you (docs/people.md)"}

type setupForm struct {
	Code     string `json:"token"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	Password string `json:"password"`
	Language string `json:"language"` // "": Japanese
}

// firstAdmin makes the first admin.
func (s *Server) firstAdmin(ctx context.Context, in setupForm) (p store.Person, err error) {
	if s.OperatorParty == "" {
		return p, errNoPage
	}
	p = store.Person{ID: newID("per"), Party: s.OperatorParty, Roles: []string{string(Admin)}, Language: "ja", Created: s.Now().Truncate(time.Millisecond)}
	if p.Email, err = checkEmail(in.Email); err != nil {
		return p, err
	}
	if p.Name, err = checkName(in.Name); err != nil {
		return p, err
	}
	if in.Language != "" {
		if p.Language, err = checkLanguage(in.Language); err != nil {
			return p, err
		}
	}
	if p.Password, err = s.newPassword(ctx, in.Password, p.Email, p.Name); err != nil {
		return p, err
	}
	err = s.Store.FinishSetup(ctx, account.Hash(strings.TrimSpace(in.Code)), p)
	if errors.Is(err, store.ErrNotFound) {
		err = errSetup
	} else if errors.Is(err, store.ErrConflict) {
		err = &entrustment.Error{Code: CodeConflict, Field: "email", Detail: "this address has an account in the room", Mend: "take another"}
	}
	return p, err
}

func (s *Server) setup(c *call) (*answer, error) {
	var in setupForm
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	p, err := s.firstAdmin(c.ctx(), in)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, value: viewPerson(p)}, nil
}

//go:embed people_setup.html
var setupHTML string

//go:embed people_setup.css
var setupCSS string

var setupTemplate = template.Must(template.New("setup").Parse(setupHTML))

// setupShown is what the page shows: the form, or, once it was sent well, what
// comes next.
type setupShown struct {
	Style              template.CSS
	Room               string
	Done               bool
	Over               bool // the room is set up
	Ceremony           bool // the vault waits for its key ceremony
	Email, Name        string
	English            bool // is chosen as the account's language
	Field, Wrong, Mend string
}

// setupAnswer gives the page: without script, and of no other site.
func (s *Server) setupAnswer(c *call, status int, v setupShown) (*answer, error) {
	v.Style, v.Room = template.CSS(setupCSS), s.PublicURL
	if v.Room == "" {
		v.Room = "http://" + c.Host
	}
	var b bytes.Buffer
	if err := setupTemplate.Execute(&b, v); err != nil {
		return nil, err
	}
	h := sha256.Sum256([]byte(setupCSS))
	return &answer{status: status, raw: b.Bytes(), header: http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(h[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
	}}, nil
}

func (s *Server) setupPage(c *call) (*answer, error) {
	if s.OperatorParty == "" {
		return nil, errNoPage
	}
	has, err := s.Store.HasAdmin(c.ctx(), s.OperatorParty)
	if err != nil {
		return nil, err
	}
	switch {
	case has && strings.Contains(c.Header.Get("Accept"), "text/html"):
		return s.setupAnswer(c, http.StatusNotFound, setupShown{Over: true})
	case has:
		return nil, errSetUp
	}
	// The door says in which language it was shown; who comes by the address alone, their
	// browser does.
	lang, err := c.choice("lang", "ja", "en")
	if err != nil {
		return nil, err
	}
	if lang == "" {
		lang = languageOf(c.Request)
	}
	return s.setupAnswer(c, http.StatusOK, setupShown{English: lang == "en"})
}

func (s *Server) setupForm(c *call) (*answer, error) {
	in, err := readSetup(c)
	if err == nil {
		_, err = s.firstAdmin(c.ctx(), in)
	}
	if err == nil {
		room, rerr := s.Enclave.Room(c.ctx())
		return s.setupAnswer(c, http.StatusCreated, setupShown{Done: true, Ceremony: rerr == nil && !room.Initialised, Email: in.Email})
	}
	refusal, is := errors.AsType[*entrustment.Error](err)
	if !is || refusal == errNoPage {
		return nil, err
	}
	return s.setupAnswer(c, problemAnswer(err, c.id).status, setupShown{Email: in.Email, Name: in.Name, English: in.Language == "en", Field: refusal.Field, Wrong: refusal.Detail, Mend: refusal.Mend})
}

// readSetup reads the form as the page sends it: each field once, and no others.
func readSetup(c *call) (in setupForm, err error) {
	bad := &entrustment.Error{Code: entrustment.CodeSpec, Field: "body", Detail: "it is not what the form sends", Mend: "use the page /setup, or POST /v1/setup"}
	if media, _, _ := strings.Cut(c.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		return in, bad
	}
	q, err := url.ParseQuery(string(c.raw))
	if err != nil {
		return in, bad
	}
	for name, into := range map[string]*string{"code": &in.Code, "email": &in.Email, "name": &in.Name, "password": &in.Password, "language": &in.Language} {
		if len(q[name]) != 1 {
			return in, bad
		}
		*into = q[name][0]
		delete(q, name)
	}
	if len(q) > 0 {
		return in, bad
	}
	return in, nil
}
