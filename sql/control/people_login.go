package control

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"awase/api/store"
)

// ChangeSignIns reads how many sign-ins failed for what was tried, and writes what
// change makes of it, in one step: attempts at the same time count one by one.
// What was tried is kept under a keyed hash alone.
func (s *Store) ChangeSignIns(ctx context.Context, what string, change func(store.SignIns) store.SignIns) error {
	key := s.keys.named(what)
	return s.within(ctx, "counting a sign-in", func(tx *sql.Tx) error {
		was, err := one(ctx, s, tx, "login_get", func(r row) (store.SignIns, error) {
			var a store.SignIns
			var at, until int64
			err := r.Scan(&a.Failures, &at, &until)
			a.At, a.Until = fromMillis(at), fromMillis(until)
			return a, err
		}, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		is := change(was)
		switch {
		case is == was:
			return nil
		case is.Failures == 0:
			_, err = s.execIn(ctx, tx, "login_clear", key)
		default:
			_, err = s.execIn(ctx, tx, "login_put", key, is.Failures, millis(is.At), millis(is.Until))
		}
		return err
	})
}

// BeginFlow keeps a sign-in by OpenID Connect under the hash of its cookie.
func (s *Store) BeginFlow(ctx context.Context, hash []byte, ends time.Time) error {
	_, err := s.exec(ctx, "login_flow_add", hash, millis(ends))
	return err
}

// TakeFlow uses a sign-in by OpenID Connect, once; store.ErrNotFound where it is
// used or ran out.
func (s *Store) TakeFlow(ctx context.Context, hash []byte, now time.Time) error {
	n, err := s.exec(ctx, "login_flow_take", hash, millis(now))
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

// PersonByIdentity gives the account of somebody at an OpenID provider.
func (s *Store) PersonByIdentity(ctx context.Context, issuer, subject string) (store.Person, error) {
	return one(ctx, s, s.read, "login_identity_get", scanPerson, issuer, subject)
}

// Link makes somebody at an OpenID provider known as the person of a verified
// e-mail address: the account that has it, or else fresh, made of the newest
// invitation to it. store.ErrNotFound where there is neither, store.ErrConflict
// where that person, or that subject, is linked already.
func (s *Store) Link(ctx context.Context, issuer, subject string, fresh store.Person) (store.Person, error) {
	var p store.Person
	err := s.within(ctx, "linking an account", func(tx *sql.Tx) error {
		var err error
		p, err = one(ctx, s, tx, "person_by_email", scanPerson, fresh.Email)
		if errors.Is(err, store.ErrNotFound) {
			v, err := one(ctx, s, tx, "invite_by_email", scanInvite, fresh.Email, millis(fresh.Created))
			if err != nil {
				return err
			}
			p = fresh
			p.Party, p.Name, p.Roles = v.Party, v.Name, v.Roles
			if err := s.acceptInvite(ctx, tx, v, p); err != nil {
				return err
			}
		} else if err != nil {
			return err
		} else if p.Disabled {
			return store.ErrNotFound
		}
		n, err := s.execIn(ctx, tx, "login_identity_add", issuer, subject, p.ID)
		if err == nil && n == 0 {
			err = store.ErrConflict
		}
		return err
	})
	return p, err
}
