package api

import "slices"

// Role is what a person does in the room.
type Role string

// The roles.
const (
	Admin     Role = "admin"     // people, tokens, webhooks of the party
	Privacy   Role = "privacy"   // privacy officer: approvals, budgets, freeze, log
	AdOps     Role = "adops"     // lists, uploads, loads
	Marketing Role = "marketing" // questions, prices, schedules
	Viewer    Role = "viewer"    // client viewer: reads reports
	Auditor   Role = "auditor"   // reads everything of the party, changes nothing
)

// Roles gives all roles.
func Roles() []Role { return []Role{Admin, Privacy, AdOps, Marketing, Viewer, Auditor} }

// Principal is who asks: a person in a session, or an API token of theirs.
type Principal struct {
	Person   string // id
	Party    string
	Roles    []Role
	Operator bool     // the party runs the room
	Session  string   // id of the session; "": a token
	Token    string   // id of the token; "": a session
	Scopes   []string // of a token, as access.yaml names them; a session has all
}

// key names who asks for idempotency keys and rates: a token apart from its person.
func (p *Principal) key() string {
	if p.Token != "" {
		return p.Token
	}
	return p.Person
}

// has tells whether p has any of the roles.
func (p *Principal) has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.Roles, r) })
}
