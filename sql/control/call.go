package control

import (
	"context"
	"time"

	"awase/api/store"
)

// BeginCall takes an idempotency key; taken is false where it was taken before,
// and the call is what stands under it.
func (s *Store) BeginCall(ctx context.Context, c store.Call) (taken bool, _ store.Call, _ error) {
	n, err := s.exec(ctx, "call_begin", c.Person, c.Key, c.Request, millis(c.At))
	if err != nil || n == 1 {
		return n == 1, c, err
	}
	was, err := one(ctx, s, s.write, "call_get", func(r row) (store.Call, error) {
		was, at := store.Call{Person: c.Person, Key: c.Key}, int64(0)
		err := r.Scan(&was.Request, &was.Status, &was.Header, &was.Body, &at)
		was.At = fromMillis(at)
		return was, err
	}, c.Person, c.Key)
	return false, was, err
}

// EndCall keeps the answer to a call.
func (s *Store) EndCall(ctx context.Context, c store.Call) error {
	_, err := s.exec(ctx, "call_end", c.Status, c.Header, c.Body, c.Person, c.Key)
	return err
}

// DropCall forgets a call that was not answered.
func (s *Store) DropCall(ctx context.Context, person, key string) error {
	_, err := s.exec(ctx, "call_drop", person, key)
	return err
}

// ExpireCalls forgets calls from before a moment.
func (s *Store) ExpireCalls(ctx context.Context, before time.Time) error {
	_, err := s.exec(ctx, "call_expire", millis(before))
	return err
}

// FreeCalls forgets calls from before a moment that were not answered. One service
// has the store open, so at its start these are of one before it.
func (s *Store) FreeCalls(ctx context.Context, before time.Time) error {
	_, err := s.exec(ctx, "call_free", millis(before))
	return err
}
