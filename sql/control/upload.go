package control

import (
	"context"
	"database/sql"
	"time"

	"awase/api/store"
)

// ReserveUpload keeps a new upload, and with it its party's room in the inbox;
// store.ErrQuota where there is not enough.
func (s *Store) ReserveUpload(ctx context.Context, u store.Upload, q store.UploadQuota) error {
	n, err := s.exec(ctx, "upload_reserve", sql.Named("id", u.ID), sql.Named("party", u.Party), sql.Named("person", u.Person),
		sql.Named("entrustment", u.Entrustment), sql.Named("name", u.Name), sql.Named("size", u.Size), sql.Named("created", millis(u.Created)),
		sql.Named("files", q.Files), sql.Named("bytes", q.Bytes))
	if err == nil && n == 0 {
		err = store.ErrQuota
	}
	return err
}

func scanUpload(r row) (store.Upload, error) {
	var u store.Upload
	var created, completed, ended int64
	err := r.Scan(&u.ID, &u.Party, &u.Person, &u.Entrustment, &u.Name, &u.Size, &u.State, &created, &completed, &ended)
	u.Created, u.Completed, u.Ended = fromMillis(created), fromMillis(completed), fromMillis(ended)
	return u, err
}

// Upload gives an upload of a party.
func (s *Store) Upload(ctx context.Context, party, id string) (store.Upload, error) {
	return one(ctx, s, s.write, "upload_get", scanUpload, id, party)
}

// Uploads gives a party's uploads, newest first, one more than the page holds
// where there are more.
func (s *Store) Uploads(ctx context.Context, party string, p store.Page) ([]store.Upload, error) {
	return all(ctx, s, s.read, "upload_list", scanUpload, sql.Named("party", party), sql.Named("after", p.After), sql.Named("limit", p.Limit+1))
}

// HeldUploads gives uploads that have a file in the inbox, of all parties, by id,
// after one.
func (s *Store) HeldUploads(ctx context.Context, after string, limit int) ([]store.Upload, error) {
	return all(ctx, s, s.read, "upload_held", scanUpload, after, limit)
}

// CompleteUpload notes that an upload's file is whole and on disk; it may be told
// so twice.
func (s *Store) CompleteUpload(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, "upload_complete", millis(at), id)
	return err
}

// EndUpload ends an upload of one state in another; store.ErrConflict where it has
// another state by now.
func (s *Store) EndUpload(ctx context.Context, id string, from, to store.UploadState, at time.Time) error {
	n, err := s.exec(ctx, "upload_end", sql.Named("id", id), sql.Named("from", string(from)), sql.Named("to", string(to)), sql.Named("at", millis(at)))
	if err == nil && n == 0 {
		err = store.ErrConflict
	}
	return err
}

// DropUpload forgets an upload of a party that it takes back.
func (s *Store) DropUpload(ctx context.Context, party, id string) error {
	n, err := s.exec(ctx, "upload_drop", id, party)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

// ForgetUploads forgets uploads that ended before a time.
func (s *Store) ForgetUploads(ctx context.Context, before time.Time) error {
	_, err := s.exec(ctx, "upload_forget", millis(before))
	return err
}
