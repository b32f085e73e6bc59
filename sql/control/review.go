package control

import (
	"context"
	"time"

	"awase/api/store"
)

// AddReview notes that a person read a draft. Noted again it is nothing.
func (s *Store) AddReview(ctx context.Context, draft, person string, at time.Time) error {
	_, err := s.exec(ctx, "review_add", draft, person, millis(at))
	return err
}

// DropReview takes that back; store.ErrNotFound where it was not noted.
func (s *Store) DropReview(ctx context.Context, draft, person string) error {
	return s.found(s.exec(ctx, "review_drop", draft, person))
}

// Reviews gives who read a draft, in the order that they did.
func (s *Store) Reviews(ctx context.Context, draft string) ([]store.Review, error) {
	return all(ctx, s, s.read, "review_list", func(r row) (store.Review, error) {
		v := store.Review{Draft: draft}
		var at int64
		err := r.Scan(&v.Person, &v.Party, &v.Name, &at)
		v.At = fromMillis(at)
		return v, err
	}, draft)
}

// ExpireReviews forgets reviews from before a moment.
func (s *Store) ExpireReviews(ctx context.Context, before time.Time) error {
	_, err := s.exec(ctx, "review_expire", millis(before))
	return err
}
