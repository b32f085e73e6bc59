package api

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"awase/entrustment"
)

// access is the row of one operation in access.yaml.
type access struct {
	Open     bool   `yaml:"open"`     // nobody has to say who they are
	Roles    []Role `yaml:"roles"`    // any of these may
	Operator bool   `yaml:"operator"` // and only of the operator
	Scope    string `yaml:"scope"`    // what a token needs
	Session  bool   `yaml:"session"`  // no token may, only a person in a session
	Fresh    bool   `yaml:"fresh"`    // its answer is what the room gives out at the moment: none is kept under an Idempotency-Key
	Secret   bool   `yaml:"secret"`   // its body holds what can be guessed: no hash of it is kept under an Idempotency-Key
	Streams  bool   `yaml:"streams"`  // its body, or answer, is a stream: no Idempotency-Key
	Other    int    `yaml:"other"`    // status for a row of another party; 0: it has no row
}

//go:embed access.yaml
var accessFile []byte

// readAccess reads the authorisation matrix.
func readAccess() (map[string]access, error) {
	rows := map[string]access{}
	if err := yaml.UnmarshalWithOptions(accessFile, &rows, yaml.DisallowUnknownField()); err != nil {
		return nil, fmt.Errorf("reading access.yaml: %w", err)
	}
	for op, a := range rows {
		for _, r := range a.Roles {
			if !slices.Contains(Roles(), r) {
				return nil, fmt.Errorf("access.yaml, %s: no role %q", op, r)
			}
		}
		if a.Open == (len(a.Roles) > 0) || a.Open == (a.Session || a.Scope != "") || a.Session && a.Scope != "" {
			return nil, fmt.Errorf("access.yaml, %s: it is open, or it has roles and either a scope or session", op)
		}
	}
	return rows, nil
}

// Scopes gives what API tokens may be for, as access.yaml names it: subject:read
// to look, subject:write to change.
func Scopes() []string { return slices.Clone(scopes()) }

var scopes = sync.OnceValue(func() []string {
	var out []string
	rows, err := readAccess()
	if err != nil {
		return nil // New says why
	}
	for _, a := range rows {
		if a.Scope != "" {
			out = append(out, a.Scope)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
})

// clauseAccess is where it stands who may ask for what, for who has no access.yaml.
const clauseAccess = "docs/people.md"

// eitherOf gives roles in words: admin, privacy or adops.
func eitherOf(roles []Role) string {
	var b strings.Builder
	for i, r := range roles {
		switch i {
		case 0:
		case len(roles) - 1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(r))
	}
	return b.String()
}

// check tells whether who may ask for the operation at all; whose rows they see,
// handlers decide.
func (a *access) check(who *Principal) error {
	if a.Open {
		return nil
	}
	refused := func(detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: clauseAccess, Field: "request", Detail: detail, Mend: mend}
	}
	switch {
	case who == nil:
		return errNobody
	case a.Operator && !who.Operator:
		return refused("only people of the operator may ask this", "ask the operator of the room")
	case !who.has(a.Roles...):
		return refused("it needs the role "+eitherOf(a.Roles), "ask your party's admin for the role")
	case who.Token != "" && a.Session:
		return refused("a token may not ask this, only a person in a session", "sign in (POST /v1/session)")
	case who.Token != "" && !slices.Contains(who.Scopes, a.Scope):
		return refused("the token does not have the scope "+a.Scope, "make a token that has it")
	}
	return nil
}

// authenticate tells who asks.
func (s *Server) authenticate(c *call, row access) (*Principal, error) {
	who, err := s.Auth.Authenticate(c.ctx(), c.Request)
	if err != nil {
		if row.Open {
			return nil, nil // what it shows is of no use, and of no need
		}
		return nil, err
	}
	return who, nil
}
