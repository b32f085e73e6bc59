package api

import (
	"context"
	"errors"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"awase/api/store"
)

// sweepBudget is how long one attempt of an expiry takes, at most about.
const sweepBudget = 5 * time.Second

// expireUploads is the runner of expiries of uploads. It ends unfinished uploads
// 24 hours after their last byte and those that nobody loaded after 7 days, removes
// files that belong to no upload, tells of uploads whose file is gone, and forgets
// rows a month after they ended. It is run at start too: what a crash left between
// row and file is mended here.
func (s *Server) expireUploads(ctx context.Context, _ *store.Job) (outcome, error) {
	end := time.Now().Add(sweepBudget)
	files, err := s.inbox.ids() // before the rows, which are made before files: so a file without a row is nobody's
	if err != nil {
		return outcome{}, err
	}
	for after := ""; ; {
		held, err := s.Store.HeldUploads(ctx, after, 200)
		if err != nil {
			return outcome{}, err
		}
		for _, u := range held {
			if err := s.expireUpload(ctx, u); err != nil {
				return outcome{}, err
			}
			if delete(files, u.ID); time.Now().After(end) {
				return outcome{again: time.Second}, nil
			}
		}
		if len(held) == 0 {
			break
		}
		after = held[len(held)-1].ID
	}
	for id := range files {
		if err := s.inbox.remove(id); err != nil {
			return outcome{}, err
		}
	}
	return outcome{}, s.Store.ForgetUploads(ctx, s.Now().Add(-endedLife))
}

// expireUpload ends an upload whose time is over.
func (s *Server) expireUpload(ctx context.Context, u store.Upload) error {
	u, err := s.settled(ctx, u)
	if errors.Is(err, store.ErrConflict) {
		return nil // it ended meanwhile
	}
	if err != nil {
		return err
	}
	over, err := s.overdue(u)
	if err != nil || !over {
		return err
	}
	// A PATCH that goes on has a file of now, so the lock is free, or one came in
	// between: then it is no longer overdue.
	lock, err := s.tus.locks.NewLock(u.ID)
	if err != nil {
		return err
	}
	wait, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if err := lock.Lock(wait, func() {}); err != nil {
		if errors.Is(err, handler.ErrLockTimeout) {
			return ctx.Err() // the next expiry looks again
		}
		return err
	}
	defer func() { _ = lock.Unlock() }() // never fails
	if over, err := s.overdue(u); err != nil || !over {
		return err
	}
	now := s.Now()
	err = s.Store.EndUpload(ctx, u.ID, u.State, store.UploadExpired, now)
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.inbox.remove(u.ID); err != nil {
		return err
	}
	return s.tell(ctx, store.Event{ID: newID("evt"), Party: u.Party, Kind: "upload.expired", Subject: u.ID, At: now})
}

// overdue tells whether the time of an upload is over.
func (s *Server) overdue(u store.Upload) (bool, error) {
	if u.State == store.UploadComplete {
		return s.Now().Sub(u.Completed) > s.Uploads.Expire, nil
	}
	if u.State != store.UploadOpen {
		return false, nil
	}
	_, last, err := s.inbox.offset(u.ID)
	if last.Before(u.Created) {
		last = u.Created
	}
	return s.Now().Sub(last) > unfinishedLife, err
}
