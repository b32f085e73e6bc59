package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"awase/api/store"
)

// hookKey names a webhook to the cipher, so that a sealed secret opens in its own
// row alone.
func hookKey(id string) []byte { return []byte("webhook " + id) }

// AddWebhook adds a webhook with its secret; store.ErrConflict where the party has
// most of them.
func (s *Store) AddWebhook(ctx context.Context, w *store.Webhook, secret []byte, most int) error {
	kinds, err := asWords(w.Kinds)
	if err != nil {
		return err
	}
	n, err := s.exec(ctx, "webhook_add", w.ID, w.Party, w.URL, kinds, w.Description, w.Enabled, w.Why,
		s.keys.seal.Seal(nil, nil, secret, hookKey(w.ID)), millis(w.Created), most)
	if err == nil && n == 0 {
		err = store.ErrConflict
	}
	return err
}

// Webhook gives a webhook of a party.
func (s *Store) Webhook(ctx context.Context, party, id string) (*store.Webhook, error) {
	return one(ctx, s, s.read, "webhook_get", scanHook, id, party)
}

// Webhooks gives webhooks of a party, newest first, one more than the page where
// there are more.
func (s *Store) Webhooks(ctx context.Context, party string, p store.Page) ([]*store.Webhook, error) {
	return all(ctx, s, s.read, "webhook_list", scanHook, party, p.After, p.Limit+1)
}

func scanHook(r row) (*store.Webhook, error) {
	var w store.Webhook
	var kinds string
	var failing, oldUntil, created, changed int64
	if err := r.Scan(&w.ID, &w.Party, &w.URL, &kinds, &w.Description, &w.Enabled, &w.Why, &failing, &oldUntil, &w.Version, &created, &changed); err != nil {
		return nil, err
	}
	w.Failing, w.OldUntil, w.Created, w.Changed = fromMillis(failing), fromMillis(oldUntil), fromMillis(created), fromMillis(changed)
	var err error
	w.Kinds, err = words(kinds)
	return &w, err
}

// SetWebhook writes a webhook that was read and changed; store.ErrConflict where
// somebody else changed it since. What is on its way to one that is not enabled is
// dropped.
func (s *Store) SetWebhook(ctx context.Context, w *store.Webhook) error {
	kinds, err := asWords(w.Kinds)
	if err != nil {
		return err
	}
	return s.within(ctx, "changing a webhook", func(tx *sql.Tx) error {
		n, err := s.execIn(ctx, tx, "webhook_set", w.ID, w.Party, w.Version, w.URL, kinds, w.Description, w.Enabled, w.Why, millis(w.Failing), millis(w.Changed))
		if err == nil && n == 0 {
			err = store.ErrConflict
		}
		if err == nil && !w.Enabled {
			_, err = s.execIn(ctx, tx, "delivery_drop", w.ID, millis(w.Changed))
		}
		return err
	})
}

// RotateWebhook gives a webhook of a party another secret; the one before signs too
// until a moment.
func (s *Store) RotateWebhook(ctx context.Context, party, id string, secret []byte, until, now time.Time) error {
	return s.found(s.exec(ctx, "webhook_rotate", id, party, s.keys.seal.Seal(nil, nil, secret, hookKey(id)), millis(until), millis(now)))
}

// DropWebhook forgets a webhook of a party, with its deliveries.
func (s *Store) DropWebhook(ctx context.Context, party, id string) error {
	return s.found(s.exec(ctx, "webhook_drop", id, party))
}

// Deliveries gives deliveries to a webhook of a party, newest first, of a state
// where one is given, one more than the page where there are more.
func (s *Store) Deliveries(ctx context.Context, party, hook string, state store.DeliveryState, p store.Page) ([]*store.Delivery, error) {
	return all(ctx, s, s.read, "delivery_list", scanDelivery, party, hook, string(state), p.After, p.Limit+1)
}

// Delivery gives a delivery to a webhook of a party.
func (s *Store) Delivery(ctx context.Context, party, hook, id string) (*store.Delivery, error) {
	return one(ctx, s, s.read, "delivery_get", scanDelivery, party, hook, id)
}

// deliveryRow scans the columns that every statement of deliveries begins with.
func deliveryRow(r row, d *store.Delivery, more ...any) error {
	var next, created, ended int64
	err := r.Scan(append([]any{&d.ID, &d.Webhook, &d.Party, &d.Event, &d.Kind, &d.Subject, &d.State, &d.Tries, &next, &d.Job, &created, &ended}, more...)...)
	d.Next, d.Created, d.Ended = fromMillis(next), fromMillis(created), fromMillis(ended)
	return err
}

func scanDelivery(r row) (*store.Delivery, error) {
	var d store.Delivery
	var history string
	if err := deliveryRow(r, &d, &history); err != nil {
		return nil, err
	}
	var tries []tryRow
	if err := json.Unmarshal([]byte(history), &tries); err != nil {
		return nil, fmt.Errorf("reading the tries of a delivery: %w", err)
	}
	for _, t := range slices.Backward(tries) { // the statement gives the newest first
		d.History = append(d.History, store.Try(t))
	}
	return &d, nil
}

// tryRow is a try as delivery_list.sql writes it: [at, status, fault, took].
type tryRow store.Try

// UnmarshalJSON reads it.
func (t *tryRow) UnmarshalJSON(raw []byte) error {
	var at, took int64
	into := []any{&at, &t.Status, &t.Fault, &took}
	if err := json.Unmarshal(raw, &into); err != nil {
		return err
	}
	t.At, t.Took = fromMillis(at), time.Duration(took)*time.Millisecond
	return nil
}

// Sending gives what the next try of a delivery needs.
func (s *Store) Sending(ctx context.Context, id string, now time.Time) (*store.Sending, error) {
	return one(ctx, s, s.read, "delivery_send", func(r row) (*store.Sending, error) {
		var d store.Sending
		var failing int64
		var secret, old []byte
		if err := deliveryRow(r, &d.Delivery, &d.URL, &d.Enabled, &failing, &d.Body, &secret, &old); err != nil {
			return nil, err
		}
		d.Failing = fromMillis(failing)
		for _, sealed := range [][]byte{secret, old} {
			if sealed == nil {
				continue
			}
			opened, err := s.keys.seal.Open(nil, nil, sealed, hookKey(d.Webhook))
			if err != nil {
				return nil, errors.New("a webhook's secret does not open under control.key: put back the key that belongs to this control.db")
			}
			d.Secrets = append(d.Secrets, opened)
		}
		return &d, nil
	}, id, millis(now))
}

// DeliveriesAhead tells how many deliveries to the same webhook are due before one,
// at most 1000.
func (s *Store) DeliveriesAhead(ctx context.Context, hook, id string, now time.Time) (int, error) {
	return one(ctx, s, s.read, "delivery_ahead", func(r row) (n int, err error) { return n, r.Scan(&n) }, hook, id, millis(now))
}

// EndTry keeps what came of a try: of the delivery, of its webhook, and where that
// is disabled for it, what people are told.
func (s *Store) EndTry(ctx context.Context, t *store.Tried) error {
	at := millis(t.Try.At)
	ended := int64(0)
	if t.State != store.DeliveryWaits {
		ended = at
	}
	return s.within(ctx, "ending a try", func(tx *sql.Tx) error {
		if _, err := s.execIn(ctx, tx, "delivery_try_add", t.Delivery, at, t.Try.Status, t.Try.Fault, t.Try.Took.Milliseconds()); err != nil {
			return err
		}
		if _, err := s.execIn(ctx, tx, "delivery_tried", t.Delivery, t.Job, string(t.State), millis(t.Next), ended); err != nil {
			return err
		}
		if t.Try.Fault == "" {
			_, err := s.execIn(ctx, tx, "webhook_taken", t.Webhook)
			return err
		}
		if _, err := s.execIn(ctx, tx, "webhook_failing", t.Webhook, at); err != nil {
			return err
		}
		if t.Disable == "" {
			return nil
		}
		if n, err := s.execIn(ctx, tx, "webhook_disable", t.Webhook, t.Disable, at); err != nil || n == 0 {
			return err
		}
		if _, err := s.execIn(ctx, tx, "delivery_drop", t.Webhook, at); err != nil {
			return err
		}
		return s.tell(ctx, tx, t.Telling)
	})
}

// SendAgain sends a delivery to a webhook of a party again, by a new job, with the
// tries of a new one. store.ErrConflict where the webhook is not enabled.
func (s *Store) SendAgain(ctx context.Context, party, hook, id, job string, now time.Time) error {
	return s.within(ctx, "sending again", func(tx *sql.Tx) error {
		if _, err := one(ctx, s, tx, "delivery_get", scanDelivery, party, hook, id); err != nil {
			return err
		}
		n, err := s.execIn(ctx, tx, "delivery_again", id, hook, party, millis(now), job)
		if err == nil && n == 0 {
			err = store.ErrConflict
		}
		if err != nil {
			return err
		}
		return s.addErrand(ctx, tx, job, "webhook", store.Errand{Delivery: id}, now)
	})
}

// AdoptDeliveries gives deliveries that wait for a job which is over, since it broke
// too often, another one.
func (s *Store) AdoptDeliveries(ctx context.Context, newID func(prefix string) string, now time.Time) (n int, err error) {
	err = s.within(ctx, "adopting deliveries", func(tx *sql.Tx) error {
		ids, err := all(ctx, s, tx, "delivery_orphans", scanText)
		if err != nil {
			return err
		}
		for _, id := range ids {
			job := newID("job")
			if _, err := s.execIn(ctx, tx, "delivery_adopt", id, job); err != nil {
				return err
			}
			if err := s.addErrand(ctx, tx, job, "webhook", store.Errand{Delivery: id}, now); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	return n, err
}
