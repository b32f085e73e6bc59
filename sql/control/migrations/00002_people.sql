-- +goose Up
-- people of the room; each belongs to a party. Times are milliseconds, 0 is none
CREATE TABLE person (
  id        TEXT PRIMARY KEY,
  party     TEXT NOT NULL,
  email     TEXT NOT NULL UNIQUE, -- lower case; one account in the room
  name      TEXT NOT NULL,
  roles     TEXT NOT NULL, -- JSON array
  language  TEXT NOT NULL,
  password  TEXT NOT NULL, -- argon2id with its parameters; '': signs in by OpenID Connect alone
  totp      BLOB, -- sealed under control.key; NULL: none
  totp_new  BLOB, -- sealed, not confirmed yet
  totp_step INTEGER NOT NULL DEFAULT 0, -- the newest time step that a code was used of
  disabled  INTEGER NOT NULL DEFAULT 0,
  created   INTEGER NOT NULL,
  signed_in INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX person_party ON person (party, id);

-- single-use codes for who lost their authenticator
CREATE TABLE recovery (
  person TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  hash   BLOB NOT NULL, -- SHA-256 of 100 random bits
  PRIMARY KEY (person, hash)
) STRICT;

CREATE TABLE session (
  hash    BLOB PRIMARY KEY, -- SHA-256 of the cookie
  id      TEXT NOT NULL UNIQUE,
  person  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  agent   TEXT NOT NULL, -- what the program called itself, for its person
  created INTEGER NOT NULL,
  used    INTEGER NOT NULL,
  ends    INTEGER NOT NULL
) STRICT;
CREATE INDEX session_person ON session (person, id);

-- programs that a person has signed in with: a lock-out by strangers does not hold for them
CREATE TABLE device (
  hash   BLOB PRIMARY KEY, -- SHA-256 of the cookie
  person TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  at     INTEGER NOT NULL
) STRICT;
CREATE INDEX device_person ON device (person);

CREATE TABLE token (
  id      TEXT PRIMARY KEY,
  hash    BLOB NOT NULL UNIQUE, -- SHA-256 of the token
  person  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  party   TEXT NOT NULL,
  name    TEXT NOT NULL,
  scopes  TEXT NOT NULL, -- JSON array
  created INTEGER NOT NULL,
  ends    INTEGER NOT NULL,
  used    INTEGER NOT NULL DEFAULT 0,
  revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX token_party ON token (party, id);

-- one-time links: to an account, or to an existing one whose password is lost
CREATE TABLE invite (
  id      TEXT PRIMARY KEY,
  hash    BLOB NOT NULL UNIQUE, -- SHA-256 of the link's token
  party   TEXT NOT NULL,
  maker   TEXT NOT NULL, -- party of who invited
  person  TEXT NOT NULL, -- whose password is lost; '': somebody new
  email   TEXT NOT NULL,
  name    TEXT NOT NULL,
  roles   TEXT NOT NULL, -- JSON array
  created INTEGER NOT NULL,
  ends    INTEGER NOT NULL
) STRICT;
CREATE INDEX invite_party ON invite (party, id);
CREATE INDEX invite_email ON invite (email);

-- the one-time code that makes the first admin
CREATE TABLE setup (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  hash BLOB NOT NULL
) STRICT;

-- failed sign-ins
CREATE TABLE login (
  key      BLOB PRIMARY KEY, -- HMAC under control.key of what was tried: an account, a device, an address
  failures INTEGER NOT NULL,
  at       INTEGER NOT NULL, -- of the newest
  until    INTEGER NOT NULL -- before that, no attempt is answered
) STRICT;
CREATE INDEX login_at ON login (at);

-- sign-ins by OpenID Connect that are under way
CREATE TABLE login_flow (
  hash BLOB PRIMARY KEY, -- SHA-256 of the cookie
  ends INTEGER NOT NULL
) STRICT;

-- who a person is at an OpenID provider
CREATE TABLE login_identity (
  issuer  TEXT NOT NULL,
  subject TEXT NOT NULL,
  person  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  PRIMARY KEY (issuer, subject),
  UNIQUE (issuer, person)
) STRICT;

-- +goose Down
DROP TABLE login_identity;
DROP TABLE login_flow;
DROP TABLE login;
DROP TABLE setup;
DROP TABLE invite;
DROP TABLE token;
DROP TABLE device;
DROP TABLE session;
DROP TABLE recovery;
DROP TABLE person;
