package control

import (
	"context"
	"database/sql"
	"time"

	"awase/api/store"
)

func scanInvite(r row) (store.Invite, error) {
	var v store.Invite
	var roles string
	var created, ends int64
	if err := r.Scan(&v.Hash, &v.ID, &v.Party, &v.Maker, &v.Person, &v.Email, &v.Name, &roles, &created, &ends); err != nil {
		return v, err
	}
	v.Created, v.Ends = fromMillis(created), fromMillis(ends)
	var err error
	v.Roles, err = words(roles)
	return v, err
}

// AddInvite keeps a one-time link, in place of older ones of the same party to the
// same address. One for a lost password ends the account's sessions.
func (s *Store) AddInvite(ctx context.Context, v store.Invite) error {
	roles, err := asWords(v.Roles)
	if err != nil {
		return err
	}
	return s.within(ctx, "inviting", func(tx *sql.Tx) error {
		if _, err := s.execIn(ctx, tx, "invite_drop_of", v.Party, v.Email); err != nil {
			return err
		}
		if v.Person != "" {
			if _, err := s.execIn(ctx, tx, "session_end_others", v.Person, ""); err != nil {
				return err
			}
		}
		_, err := s.execIn(ctx, tx, "invite_add", v.Hash, v.ID, v.Party, v.Maker, v.Person, v.Email, v.Name, roles, millis(v.Created), millis(v.Ends))
		return err
	})
}

// Invite gives the link of a hash, while it lasts.
func (s *Store) Invite(ctx context.Context, hash []byte, now time.Time) (store.Invite, error) {
	return one(ctx, s, s.read, "invite_get", scanInvite, hash, millis(now))
}

// Invites gives the open invitations that a party got or made, one more than the
// page where there are more.
func (s *Store) Invites(ctx context.Context, party string, now time.Time, page store.Page) ([]store.Invite, error) {
	return all(ctx, s, s.read, "invite_list", scanInvite, party, millis(now), page.After, page.Limit+1)
}

// DropInvite takes an invitation back that a party got or made.
func (s *Store) DropInvite(ctx context.Context, party, id string) error {
	n, err := s.exec(ctx, "invite_drop", party, id)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

// AcceptInvite uses a link, once: it makes p, or, where the link is for a lost
// password, sets the password of that account, takes its second factor away, ends
// its sessions and revokes its tokens.
// store.ErrConflict where p's e-mail address has an account.
func (s *Store) AcceptInvite(ctx context.Context, v store.Invite, p store.Person) error {
	return s.within(ctx, "accepting an invitation", func(tx *sql.Tx) error {
		return s.acceptInvite(ctx, tx, v, p)
	})
}

func (s *Store) acceptInvite(ctx context.Context, tx *sql.Tx, v store.Invite, p store.Person) error {
	n, err := s.execIn(ctx, tx, "invite_take", v.ID, millis(p.Created))
	if err != nil {
		return err
	}
	if n == 0 {
		return store.ErrNotFound
	}
	if v.Person == "" {
		return s.addPerson(ctx, tx, p)
	}
	if err := s.setPassword(ctx, tx, v.Person, p.Password, ""); err != nil {
		return err
	}
	// Who had the password may have made tokens: they would stay in by them.
	if _, err := s.execIn(ctx, tx, "token_revoke_all", millis(p.Created), v.Person); err != nil {
		return err
	}
	return s.setTOTP(ctx, tx, v.Person, "", 0, nil, "")
}

// SetSetup keeps the hash of the code that makes the first admin.
func (s *Store) SetSetup(ctx context.Context, hash []byte) error {
	_, err := s.exec(ctx, "login_setup_set", hash)
	return err
}

// FinishSetup uses the code, once, and makes the first admin of a party;
// store.ErrNotFound where it is not the code, or the party has an admin already.
func (s *Store) FinishSetup(ctx context.Context, hash []byte, p store.Person) error {
	return s.within(ctx, "making the first admin", func(tx *sql.Tx) error {
		n, err := s.execIn(ctx, tx, "login_setup_take", hash)
		if err != nil {
			return err
		}
		has, err := s.otherAdmin(ctx, tx, p.Party, "")
		if err != nil {
			return err
		}
		if n == 0 || has {
			return store.ErrNotFound
		}
		return s.addPerson(ctx, tx, p)
	})
}

// ClearSetup forgets the code.
func (s *Store) ClearSetup(ctx context.Context) error {
	_, err := s.exec(ctx, "login_setup_clear")
	return err
}
