package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"awase/api/store"
)

func scanPerson(r row) (store.Person, error) {
	var p store.Person
	var roles string
	var created, signedIn int64
	err := r.Scan(&p.ID, &p.Party, &p.Email, &p.Name, &roles, &p.Language, &p.Password, &p.TOTP, &p.Disabled, &created, &signedIn)
	if err != nil {
		return p, err
	}
	p.Created, p.SignedIn = fromMillis(created), fromMillis(signedIn)
	p.Roles, err = words(roles)
	return p, err
}

// words reads a JSON array of strings.
func words(text string) ([]string, error) {
	var out []string
	err := json.Unmarshal([]byte(text), &out)
	return out, err
}

func asWords(list []string) (string, error) {
	if list == nil {
		list = []string{}
	}
	raw, err := json.Marshal(list)
	return string(raw), err
}

// AddPerson makes an account; store.ErrConflict where its e-mail address has one.
func (s *Store) AddPerson(ctx context.Context, p store.Person) error {
	return s.addPerson(ctx, s.write, p)
}

func (s *Store) addPerson(ctx context.Context, q querier, p store.Person) error {
	roles, err := asWords(p.Roles)
	if err != nil {
		return err
	}
	n, err := s.execIn(ctx, q, "person_add", p.ID, p.Party, p.Email, p.Name, roles, p.Language, p.Password, millis(p.Created))
	if err == nil && n == 0 {
		err = store.ErrConflict
	}
	return err
}

// Person gives an account of a party.
func (s *Store) Person(ctx context.Context, party, id string) (store.Person, error) {
	return one(ctx, s, s.read, "person_get", scanPerson, party, id)
}

// PersonByEmail gives the account of an e-mail address, of any party.
func (s *Store) PersonByEmail(ctx context.Context, email string) (store.Person, error) {
	return one(ctx, s, s.read, "person_by_email", scanPerson, email)
}

// People gives accounts of a party, one more than the page where there are more.
func (s *Store) People(ctx context.Context, party string, page store.Page) ([]store.Person, error) {
	return all(ctx, s, s.read, "person_list", scanPerson, party, page.After, page.Limit+1)
}

// ChangePerson reads an account of a party, lets change alter its name, roles,
// language and whether it is disabled, and writes it. Where roles changed, or it
// was disabled, its sessions end, but the one named keep. store.ErrLastAdmin where
// the party would be left without an admin.
func (s *Store) ChangePerson(ctx context.Context, party, id, keep string, change func(*store.Person) error) (store.Person, error) {
	var p store.Person
	err := s.within(ctx, "changing an account", func(tx *sql.Tx) error {
		was, err := one(ctx, s, tx, "person_get", scanPerson, party, id)
		if err != nil {
			return err
		}
		p = was
		if err := change(&p); err != nil {
			return err
		}
		if isAdmin(was) && !isAdmin(p) {
			if other, err := s.otherAdmin(ctx, tx, party, id); err != nil {
				return err
			} else if !other {
				return store.ErrLastAdmin
			}
		}
		before, err := asWords(was.Roles)
		if err != nil {
			return err
		}
		after, err := asWords(p.Roles)
		if err != nil {
			return err
		}
		if _, err := s.execIn(ctx, tx, "person_update", p.Name, after, p.Language, p.Disabled, party, id); err != nil {
			return err
		}
		if p.Disabled {
			keep = ""
		}
		if before != after || p.Disabled {
			_, err = s.execIn(ctx, tx, "session_end_others", id, keep)
		}
		return err
	})
	return p, err
}

func isAdmin(p store.Person) bool {
	for _, r := range p.Roles {
		if r == "admin" && !p.Disabled {
			return true
		}
	}
	return false
}

func (s *Store) otherAdmin(ctx context.Context, q querier, party, id string) (bool, error) {
	return one(ctx, s, q, "person_other_admin", func(r row) (bool, error) {
		var is bool
		err := r.Scan(&is)
		return is, err
	}, party, id)
}

// HasAdmin tells whether a party has an admin who can sign in.
func (s *Store) HasAdmin(ctx context.Context, party string) (bool, error) {
	return s.otherAdmin(ctx, s.read, party, "")
}

// SetPassword sets the hash of a password, ends the person's sessions but the one
// named keep, and forgets the programs that they signed in with.
func (s *Store) SetPassword(ctx context.Context, person, hash, keep string) error {
	return s.within(ctx, "setting a password", func(tx *sql.Tx) error {
		return s.setPassword(ctx, tx, person, hash, keep)
	})
}

func (s *Store) setPassword(ctx context.Context, tx *sql.Tx, person, hash, keep string) error {
	_, err := s.execIn(ctx, tx, "person_password", hash, person)
	if err == nil {
		_, err = s.execIn(ctx, tx, "session_end_others", person, keep)
	}
	if err == nil {
		_, err = s.execIn(ctx, tx, "session_device_clear", person)
	}
	return err
}

// Rehash writes another hash of the same password.
func (s *Store) Rehash(ctx context.Context, person, was, hash string) error {
	_, err := s.exec(ctx, "person_rehash", hash, person, was)
	return err
}

// TOTP gives the second factor of a person.
func (s *Store) TOTP(ctx context.Context, person string) (store.TOTP, error) {
	return one(ctx, s, s.read, "person_totp", func(r row) (store.TOTP, error) {
		var t store.TOTP
		var secret, pending []byte
		if err := r.Scan(&secret, &pending); err != nil {
			return t, err
		}
		var err1, err2 error
		t.Secret, err1 = s.keys.opened(person, secret)
		t.Pending, err2 = s.keys.opened(person, pending)
		return t, errors.Join(err1, err2)
	}, person)
}

// BeginTOTP keeps a second factor that is not confirmed yet.
func (s *Store) BeginTOTP(ctx context.Context, person, secret string) error {
	_, err := s.exec(ctx, "person_totp_begin", s.keys.sealed(person, secret), person)
	return err
}

// SetTOTP puts a second factor in force ("": takes it away), with the step of the
// code that confirmed it and the hashes of new recovery codes, and ends the
// person's sessions but the one named keep.
func (s *Store) SetTOTP(ctx context.Context, person, secret string, step int64, recovery [][]byte, keep string) error {
	return s.within(ctx, "setting a second factor", func(tx *sql.Tx) error {
		return s.setTOTP(ctx, tx, person, secret, step, recovery, keep)
	})
}

func (s *Store) setTOTP(ctx context.Context, tx *sql.Tx, person, secret string, step int64, recovery [][]byte, keep string) error {
	if _, err := s.execIn(ctx, tx, "person_totp_set", s.keys.sealed(person, secret), step, person); err != nil {
		return err
	}
	if _, err := s.execIn(ctx, tx, "person_recovery_clear", person); err != nil {
		return err
	}
	for _, hash := range recovery {
		if _, err := s.execIn(ctx, tx, "person_recovery_add", person, hash); err != nil {
			return err
		}
	}
	_, err := s.execIn(ctx, tx, "session_end_others", person, keep)
	return err
}

// UseTOTPStep uses the code of a time step; false where that, or a newer one, was
// used before.
func (s *Store) UseTOTPStep(ctx context.Context, person string, step int64) (bool, error) {
	n, err := s.exec(ctx, "person_totp_step", step, person)
	return n == 1, err
}

// UseRecovery uses a recovery code; false where the person has none of that hash.
func (s *Store) UseRecovery(ctx context.Context, person string, hash []byte) (bool, error) {
	n, err := s.exec(ctx, "person_recovery_use", person, hash)
	return n == 1, err
}

// ExpirePeople forgets what ran out: sessions that ended or were idle since a
// moment, links, sign-ins under way, and sign-ins that failed before another.
func (s *Store) ExpirePeople(ctx context.Context, now, idle, failed time.Time) error {
	return s.within(ctx, "expiring sessions", func(tx *sql.Tx) error {
		_, err1 := s.execIn(ctx, tx, "session_expire", millis(now), millis(idle))
		_, err2 := s.execIn(ctx, tx, "invite_expire", millis(now))
		_, err3 := s.execIn(ctx, tx, "login_flow_expire", millis(now))
		_, err4 := s.execIn(ctx, tx, "login_expire", millis(failed))
		return errors.Join(err1, err2, err3, err4)
	})
}
