package control

import (
	"context"

	"awase/api/store"
)

// AddRehearser says of an account that a room to rehearse in began with it.
func (s *Store) AddRehearser(ctx context.Context, person string) error {
	_, err := s.exec(ctx, "practice_add", person)
	return err
}

// Rehearsers gives the accounts that a room to rehearse in began with, but disabled
// ones, the first made first.
func (s *Store) Rehearsers(ctx context.Context) ([]store.Person, error) {
	return all(ctx, s, s.read, "practice_list", scanPerson)
}
