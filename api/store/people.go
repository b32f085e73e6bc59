package store

import "time"

// Person is an account; it belongs to a party.
type Person struct {
	ID       string
	Party    string
	Email    string // lower case
	Name     string
	Roles    []string
	Language string // ja | en
	Password string // argon2id hash; "": none
	TOTP     bool   // a one-time code is asked at sign-in
	Disabled bool
	Created  time.Time
	SignedIn time.Time
}

// TOTP is the second factor of a person. Secrets are sealed where they are kept.
type TOTP struct {
	Secret  string // base32; "": none
	Pending string // not confirmed yet
}

// Session is a sign-in of a person.
type Session struct {
	Hash    []byte // SHA-256 of the cookie
	ID      string
	Person  string
	Party   string   // read with it: of the person
	Roles   []string // read with it: of the person, now
	Agent   string
	Created time.Time
	Used    time.Time
	Ends    time.Time
}

// Token is an API token of a person.
type Token struct {
	Hash    []byte // SHA-256 of the token
	ID      string
	Person  string
	Party   string
	Roles   []string // read with it: of the person, now
	Name    string
	Scopes  []string
	Created time.Time
	Ends    time.Time
	Used    time.Time
	Revoked time.Time
}

// Invite is a one-time link to an account.
type Invite struct {
	Hash    []byte // SHA-256 of the link's token
	ID      string
	Party   string // of who is invited
	Maker   string // party of who invited
	Person  string // an account whose password is lost; "": somebody new
	Email   string
	Name    string
	Roles   []string
	Created time.Time
	Ends    time.Time
}

// SignIns is how many sign-ins failed of late for one key.
type SignIns struct {
	Failures int
	At       time.Time // of the newest
	Until    time.Time // before that, none is answered
}
