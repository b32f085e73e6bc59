package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"awase/api/store"
)

// AddJob adds a job and puts it in the queue: both, or neither. Its upload being
// loaded by another, or its once being there, is store.ErrConflict.
func (s *Store) AddJob(ctx context.Context, j *store.Job) error {
	return s.within(ctx, "adding a job", func(tx *sql.Tx) error { return s.addJob(ctx, tx, j) })
}

func (s *Store) addJob(ctx context.Context, tx *sql.Tx, j *store.Job) error {
	if _, err := s.execIn(ctx, tx, "job_add", j.ID, j.Party, j.Person, j.Kind, string(j.Subject), j.Upload, j.Once, millis(j.Created)); err != nil {
		return conflict(err)
	}
	return s.enqueue(ctx, tx, j.ID)
}

// conflict gives store.ErrConflict for a row that breaks a uniqueness.
func conflict(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return store.ErrConflict
		}
	}
	return err
}

// Job gives a job of a party, or of any (store.AnyParty).
func (s *Store) Job(ctx context.Context, party, id string) (*store.Job, error) {
	return one(ctx, s, s.read, "job_get", scanJob, id, party)
}

// Jobs gives jobs of a party, newest first, one more than the page takes.
func (s *Store) Jobs(ctx context.Context, party string, f store.JobFilter, p store.Page) ([]*store.Job, error) {
	return all(ctx, s, s.read, "job_list", scanJob, party, string(f.State), f.Kind, p.After, p.Limit+1)
}

// OpenJobs tells how many jobs of a party are not over.
func (s *Store) OpenJobs(ctx context.Context, party string) (int, error) {
	return one(ctx, s, s.read, "job_open", func(r row) (n int, err error) { return n, r.Scan(&n) }, party)
}

// RunningJobs tells how many jobs of a party are under way.
func (s *Store) RunningJobs(ctx context.Context, party string) (int, error) {
	return one(ctx, s, s.read, "job_running", func(r row) (n int, err error) { return n, r.Scan(&n) }, party)
}

// JobsSince counts jobs of a party whose ids sort after one, up to most.
func (s *Store) JobsSince(ctx context.Context, party, id string, most int) (int, error) {
	return one(ctx, s, s.read, "job_since", func(r row) (n int, err error) { return n, r.Scan(&n) }, party, id, most)
}

func scanJob(r row) (*store.Job, error) {
	var j store.Job
	var subject, result, reason string
	var created, started, ended int64
	if err := r.Scan(&j.ID, &j.Party, &j.Person, &j.Kind, &subject, &j.Upload, &j.Once, &j.State, &j.Read, &j.Of, &result, &reason, &j.Canceled, &j.Faults, &j.Version, &created, &started, &ended); err != nil {
		return nil, err
	}
	j.Subject = json.RawMessage(subject)
	if result != "" {
		j.Result = json.RawMessage(result)
	}
	var err error
	j.Reason, err = readReason(reason)
	j.Created, j.Started, j.Ended = fromMillis(created), fromMillis(started), fromMillis(ended)
	return &j, err
}

// BeginJob begins a job that waits; of any other it changes nothing.
func (s *Store) BeginJob(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, "job_begin", id, millis(at))
	return err
}

// ProgressJob writes how far a job is.
func (s *Store) ProgressJob(ctx context.Context, id string, read, of int64) error {
	_, err := s.exec(ctx, "job_progress", id, read, of)
	return err
}

// FaultJob counts an attempt that broke, and gives how many did.
func (s *Store) FaultJob(ctx context.Context, id string) (int, error) {
	return one(ctx, s, s.write, "job_fault", func(r row) (n int, err error) { return n, r.Scan(&n) }, id)
}

// EndJob ends a job with its state, result and reason, once; first is false where
// it had ended before.
func (s *Store) EndJob(ctx context.Context, j *store.Job) (first bool, err error) {
	reason, err := reasonText(j.Reason)
	if err != nil {
		return false, err
	}
	n, err := s.exec(ctx, "job_end", j.ID, string(j.State), string(j.Result), reason, millis(j.Ended))
	return n == 1, err
}

// CancelJob asks that a job of a party be cancelled: one that waits is over at
// once. One that ended stays as it is.
func (s *Store) CancelJob(ctx context.Context, party, id string, at time.Time) error {
	_, err := s.exec(ctx, "job_cancel", id, party, millis(at))
	return err
}

// ExpireJobs forgets jobs that ended before a moment.
func (s *Store) ExpireJobs(ctx context.Context, before time.Time) error {
	_, err := s.exec(ctx, "job_expire", millis(before))
	return err
}
