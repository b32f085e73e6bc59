package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"awase/api/store"
)

// Tell keeps an event, a notice for each person who is told of it and a delivery
// for each webhook that wants it, with the jobs that send them: all, or nothing. An
// event that was told before is not told again.
func (s *Store) Tell(ctx context.Context, t *store.Telling) error {
	return s.within(ctx, "telling of an event", func(tx *sql.Tx) error { return s.tell(ctx, tx, t) })
}

func (s *Store) tell(ctx context.Context, tx *sql.Tx, t *store.Telling) error {
	if n, err := s.execIn(ctx, tx, "event_add", t.ID, t.Party, t.Kind, t.Subject, string(t.Data), t.Body, millis(t.At)); err != nil || n == 0 {
		return err
	}
	if err := s.notify(ctx, tx, t); err != nil {
		return err
	}
	hooks := []string{t.Webhook}
	if t.Webhook == "" {
		var err error
		if hooks, err = all(ctx, s, tx, "webhook_want", scanText, t.Party, t.Kind); err != nil {
			return err
		}
	}
	for _, hook := range hooks {
		id, job := t.NewID("dlv"), t.NewID("job")
		if _, err := s.execIn(ctx, tx, "delivery_add", id, hook, t.ID, millis(t.At), job); err != nil {
			return err
		}
		if err := s.addErrand(ctx, tx, job, "webhook", store.Errand{Delivery: id}, t.At); err != nil {
			return err
		}
	}
	return nil
}

// notify puts an event in inboxes.
func (s *Store) notify(ctx context.Context, tx *sql.Tx, t *store.Telling) error {
	if len(t.Roles) == 0 {
		return nil
	}
	roles, err := asWords(t.Roles)
	if err != nil {
		return err
	}
	but, err := asWords(t.But)
	if err != nil {
		return err
	}
	type told struct {
		person string
		mail   bool
	}
	people, err := all(ctx, s, tx, "notice_people", func(r row) (p told, err error) { return p, r.Scan(&p.person, &p.mail) }, t.Party, roles, t.Kind, but)
	if err != nil {
		return err
	}
	for _, p := range people {
		id := t.NewID("ntc")
		if _, err := s.execIn(ctx, tx, "notice_add", id, p.person, t.ID); err != nil {
			return err
		}
		if !p.mail || !t.Mail {
			continue
		}
		if err := s.addErrand(ctx, tx, t.NewID("job"), "mail", store.Errand{Notice: id}, t.At); err != nil {
			return err
		}
	}
	return nil
}

// addErrand adds a job of the room itself, which no party sees, that sends something.
func (s *Store) addErrand(ctx context.Context, tx *sql.Tx, job, kind string, e store.Errand, at time.Time) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("control store, adding a job: %w", err)
	}
	return s.addJob(ctx, tx, &store.Job{ID: job, Kind: kind, Subject: raw, Created: at})
}

// ExpireEvents forgets what was told before a moment, but what is still on its way.
func (s *Store) ExpireEvents(ctx context.Context, before time.Time) error {
	_, err := s.exec(ctx, "event_expire", millis(before))
	return err
}

// Notices gives the inbox of a person, one more than the page where there are more,
// and how many of all of it are unread.
func (s *Store) Notices(ctx context.Context, person string, unread bool, p store.Page) (rows []store.Notice, n int, err error) {
	rows, err = all(ctx, s, s.read, "notice_list", func(r row) (store.Notice, error) { return scanNotice(r) }, person, unread, p.After, p.Limit+1)
	if err != nil {
		return nil, 0, err
	}
	n, err = one(ctx, s, s.read, "notice_unread", func(r row) (n int, err error) { return n, r.Scan(&n) }, person)
	return rows, n, err
}

func scanNotice(r row, more ...any) (store.Notice, error) {
	var n store.Notice
	var data string
	var at, read int64
	err := r.Scan(append([]any{&n.ID, &n.Person, &n.Event, &n.Kind, &n.Subject, &data, &at, &read}, more...)...)
	if data != "" {
		n.Data = json.RawMessage(data)
	}
	n.At, n.Read = fromMillis(at), fromMillis(read)
	return n, err
}

// ReadNotice marks a notice of a person as read.
func (s *Store) ReadNotice(ctx context.Context, person, id string, at time.Time) error {
	return s.found(s.exec(ctx, "notice_read", id, person, millis(at)))
}

// ReadNotices marks all notices of a person as read.
func (s *Store) ReadNotices(ctx context.Context, person string, at time.Time) error {
	_, err := s.exec(ctx, "notice_read_all", person, millis(at))
	return err
}

// Letter gives a notice as it is sent by mail.
func (s *Store) Letter(ctx context.Context, notice string) (store.Letter, error) {
	return one(ctx, s, s.read, "notice_letter", func(r row) (l store.Letter, err error) {
		l.Notice, err = scanNotice(r, &l.Address, &l.Language)
		return l, err
	}, notice)
}

// MailKinds gives the kinds of events that a person wants by mail.
func (s *Store) MailKinds(ctx context.Context, person string) ([]string, error) {
	kinds, err := one(ctx, s, s.read, "notice_mail_get", scanWords, person)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return kinds, err
}

// SetMailKinds sets them.
func (s *Store) SetMailKinds(ctx context.Context, person string, kinds []string) error {
	text, err := asWords(kinds)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "notice_mail_set", person, text)
	return err
}

func scanWords(r row) ([]string, error) {
	text, err := scanText(r)
	if err != nil {
		return nil, err
	}
	return words(text)
}

// found gives store.ErrNotFound where a statement changed nothing.
func (s *Store) found(n int64, err error) error {
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}
