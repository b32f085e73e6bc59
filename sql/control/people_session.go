package control

import (
	"context"
	"database/sql"
	"time"

	"awase/api/store"
)

func scanSession(r row) (store.Session, error) {
	var v store.Session
	var roles string
	var created, used, ends int64
	if err := r.Scan(&v.Hash, &v.ID, &v.Person, &v.Party, &roles, &v.Agent, &created, &used, &ends); err != nil {
		return v, err
	}
	v.Created, v.Used, v.Ends = fromMillis(created), fromMillis(used), fromMillis(ends)
	var err error
	v.Roles, err = words(roles)
	return v, err
}

// AddSession keeps a sign-in, and that its person signed in, and the program that
// they signed in with; device is the hash of that one's cookie, nil where it has
// one already.
func (s *Store) AddSession(ctx context.Context, v store.Session, device []byte) error {
	return s.within(ctx, "signing in", func(tx *sql.Tx) error {
		if _, err := s.execIn(ctx, tx, "session_add", v.Hash, v.ID, v.Person, v.Agent, millis(v.Created), millis(v.Used), millis(v.Ends)); err != nil {
			return err
		}
		if _, err := s.execIn(ctx, tx, "person_signed_in", millis(v.Created), v.Person); err != nil || device == nil {
			return err
		}
		if _, err := s.execIn(ctx, tx, "session_device_add", device, v.Person, millis(v.Created)); err != nil {
			return err
		}
		_, err := s.execIn(ctx, tx, "session_device_trim", v.Person)
		return err
	})
}

// Session gives the session of a cookie's hash, ended or not, with its person's
// roles of now.
func (s *Store) Session(ctx context.Context, hash []byte) (store.Session, error) {
	return one(ctx, s, s.read, "session_get", scanSession, hash)
}

// Sessions gives the sessions of a person that stand at a moment and were used
// since idle.
func (s *Store) Sessions(ctx context.Context, person string, now, idle time.Time) ([]store.Session, error) {
	return all(ctx, s, s.read, "session_list", scanSession, person, millis(now), millis(idle))
}

// TouchSession keeps that a session is in use.
func (s *Store) TouchSession(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, "session_touch", millis(at), id)
	return err
}

// EndSession ends a session of a person.
func (s *Store) EndSession(ctx context.Context, person, id string) error {
	n, err := s.exec(ctx, "session_end", person, id)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

// EndSessions ends the sessions of a person but the one named keep.
func (s *Store) EndSessions(ctx context.Context, person, keep string) error {
	_, err := s.exec(ctx, "session_end_others", person, keep)
	return err
}

// RenewSession gives a session of a person a new cookie.
func (s *Store) RenewSession(ctx context.Context, person, id string, hash []byte) error {
	n, err := s.exec(ctx, "session_renew", hash, person, id)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

// Device tells whether a person signed in before with the program of a cookie's
// hash.
func (s *Store) Device(ctx context.Context, hash []byte, person string) (bool, error) {
	_, err := one(ctx, s, s.read, "session_device_get", func(r row) (n int, err error) { err = r.Scan(&n); return n, err }, hash, person)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}
