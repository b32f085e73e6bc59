package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"awase/api/account"
	"awase/api/store"
)

// Account is one that a room to rehearse in begins with.
type Account struct {
	Email, Name, Party string
	Role               Role
	Password           string // made by MakeAccounts
}

// MakeAccounts makes accounts, each with a random password, which it gives with
// them, and that a room to rehearse in lets in without it. One that is there already, of a start that was cut short, gets another
// password. Admins come last: where there is one, all were made.
func MakeAccounts(ctx context.Context, s PeopleStore, as []Account) error {
	h, err := account.NewHasher(account.Cost{}, 1)
	if err != nil {
		return err
	}
	for _, admins := range []bool{false, true} {
		for i := range as {
			if a := &as[i]; (a.Role == Admin) == admins {
				if err := makeAccount(ctx, s, h, a); err != nil {
					return fmt.Errorf("making the account of a role, %s: %w", a.Role, err)
				}
			}
		}
	}
	return nil
}

func makeAccount(ctx context.Context, s PeopleStore, h *account.Hasher, a *Account) error {
	t := strings.ToLower(rand.Text()) // 130 bits, of which 80 are kept
	a.Password = strings.Join([]string{t[:4], t[4:8], t[8:12], t[12:16]}, "-")
	hash, err := h.Hash(ctx, a.Password)
	if err != nil {
		return err
	}
	p := store.Person{ID: newID("per"), Party: a.Party, Email: a.Email, Name: a.Name, Roles: []string{string(a.Role)}, Language: "ja", Password: hash, Created: time.Now().Truncate(time.Millisecond)}
	err = s.AddPerson(ctx, p)
	if errors.Is(err, store.ErrConflict) {
		if p, err = s.PersonByEmail(ctx, a.Email); err == nil {
			err = s.SetPassword(ctx, p.ID, hash, "")
		}
	}
	if err != nil {
		return err
	}
	return s.AddRehearser(ctx, p.ID)
}
