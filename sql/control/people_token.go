package control

import (
	"context"
	"errors"
	"time"

	"awase/api/store"
)

func scanToken(r row) (store.Token, error) {
	var v store.Token
	var roles, scopes string
	var created, ends, used, revoked int64
	if err := r.Scan(&v.Hash, &v.ID, &v.Person, &v.Party, &roles, &v.Name, &scopes, &created, &ends, &used, &revoked); err != nil {
		return v, err
	}
	v.Created, v.Ends, v.Used, v.Revoked = fromMillis(created), fromMillis(ends), fromMillis(used), fromMillis(revoked)
	var err1, err2 error
	v.Roles, err1 = words(roles)
	v.Scopes, err2 = words(scopes)
	return v, errors.Join(err1, err2)
}

// AddToken keeps an API token.
func (s *Store) AddToken(ctx context.Context, v store.Token) error {
	scopes, err := asWords(v.Scopes)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "token_add", v.ID, v.Hash, v.Person, v.Party, v.Name, scopes, millis(v.Created), millis(v.Ends))
	return err
}

// Token gives the token of a hash, good or not, with its person's roles of now.
func (s *Store) Token(ctx context.Context, hash []byte) (store.Token, error) {
	return one(ctx, s, s.read, "token_get", scanToken, hash)
}

// Tokens gives the tokens of a party, of one person where it is named, one more
// than the page where there are more.
func (s *Store) Tokens(ctx context.Context, party, person string, page store.Page) ([]store.Token, error) {
	return all(ctx, s, s.read, "token_list", scanToken, party, person, page.After, page.Limit+1)
}

// TouchToken keeps that a token is in use.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, "token_touch", millis(at), id)
	return err
}

// RevokeToken revokes a token of a party, of one person where it is named.
func (s *Store) RevokeToken(ctx context.Context, party, person, id string, at time.Time) error {
	n, err := s.exec(ctx, "token_revoke", millis(at), party, person, id)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}
