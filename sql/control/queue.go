package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"awase/api/store"
)

// Times of the queue. The queue shares the one connection that writes, and SQLite
// tells nobody of a new row: it looks so often that nobody notices.
const (
	queueLooks   = 50 * time.Millisecond
	attemptMost  = 10 * time.Second // of an attempt, by its own context
	attemptEnd   = 30 * time.Second // and by the queue's, of one that ignores it
	attemptStuck = time.Minute
	queueKeeps   = time.Hour // its rows of jobs that are over; ours stay
	queueSlots   = 64        // attempts at once: most of them wait for the enclave
)

// driven is a job in the queue: our id is all that it holds.
type driven struct {
	Job string `json:"job"`
}

// Kind names the one kind of row that the queue has; the kinds of jobs are ours.
func (driven) Kind() string { return "job" }

// openQueue brings the queue's own tables up to date.
func (s *Store) openQueue(ctx context.Context) error {
	driver := riversqlite.New(s.write)
	quiet := slog.New(slog.DiscardHandler)
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return fmt.Errorf("reading the queue's migrations: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("bringing the queue's tables up to date: %w", err)
	}
	if s.queue, err = river.NewClient(driver, &river.Config{Logger: quiet}); err != nil {
		return fmt.Errorf("opening the queue: %w", err)
	}
	return nil
}

// enqueue puts a job in the queue, in the transaction that adds its row.
func (s *Store) enqueue(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := s.queue.InsertTx(ctx, tx, driven{id}, &river.InsertOpts{MaxAttempts: 1000}); err != nil {
		return fmt.Errorf("control store, putting a job in the queue: %w", err)
	}
	return nil
}

// attempts hands jobs to who does them.
type attempts struct {
	river.WorkerDefaults[driven]
	do func(ctx context.Context, job string) (store.Attempt, error)
}

// Work does one attempt.
func (a *attempts) Work(ctx context.Context, j *river.Job[driven]) error {
	short, stop := context.WithTimeout(ctx, attemptMost)
	defer stop()
	got, err := a.do(short, j.Args.Job)
	switch {
	case ctx.Err() != nil: // the front ends: the next one goes on with it at once
		return river.JobSnooze(0)
	case err != nil:
		return err
	case !got.Over:
		return river.JobSnooze(max(0, got.Again))
	}
	return nil
}

// NextRetry is after an attempt whose outcome could not be written. Never long:
// the job is as it was.
func (*attempts) NextRetry(*river.Job[driven]) time.Time { return time.Now().Add(2 * time.Second) }

// WorkJobs hands the jobs of the queue to do, each to one at a time, until ctx
// ends. A front that was killed left its own in the middle: they are free at
// once, for there is one front. log gets what goes wrong.
func (s *Store) WorkJobs(ctx context.Context, log *slog.Logger, do func(ctx context.Context, job string) (store.Attempt, error)) error {
	if err := s.freeQueue(ctx); err != nil {
		return err
	}
	return s.workQueue(ctx, log, do)
}

// freeQueue frees what a killed front left.
func (s *Store) freeQueue(ctx context.Context) error {
	return s.within(ctx, "freeing jobs", func(tx *sql.Tx) error {
		if _, err := s.execIn(ctx, tx, "queue_free"); err != nil {
			return err
		}
		_, err := s.execIn(ctx, tx, "queue_lead")
		return err
	})
}

func (s *Store) workQueue(ctx context.Context, log *slog.Logger, do func(ctx context.Context, job string) (store.Attempt, error)) error {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &attempts{do: do}); err != nil {
		return fmt.Errorf("opening the queue: %w", err)
	}
	client, err := river.NewClient(riversqlite.New(s.write), &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: queueSlots}}, Workers: workers,
		FetchCooldown: queueLooks, FetchPollInterval: queueLooks,
		JobTimeout: attemptEnd, RescueStuckJobsAfter: attemptStuck,
		CompletedJobRetentionPeriod: queueKeeps, CancelledJobRetentionPeriod: queueKeeps, DiscardedJobRetentionPeriod: queueKeeps,
		PollOnly: true, Logger: slog.New(warnings{log.Handler()}), ErrorHandler: &broke{log},
	})
	if err != nil {
		return fmt.Errorf("opening the queue: %w", err)
	}
	// Ended by Stop alone, so that what runs can be put down first.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	<-ctx.Done()
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), attemptMost)
	defer stop()
	if err := client.StopAndCancel(end); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopping the queue: %w", err)
	}
	return nil
}

// warnings passes on warnings and worse: the queue tells much.
type warnings struct{ slog.Handler }

// Enabled tells whether a level is passed on.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// broke logs attempts that failed in the queue's eyes. A panic's text may hold
// anything: it is written nowhere.
type broke struct{ log *slog.Logger }

// HandleError logs an error.
func (b *broke) HandleError(ctx context.Context, _ *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	b.log.ErrorContext(ctx, "an attempt of a job could not be written down", "error", err)
	return nil
}

// HandlePanic logs a panic.
func (b *broke) HandlePanic(ctx context.Context, _ *rivertype.JobRow, _ any, _ string) *river.ErrorHandlerResult {
	b.log.ErrorContext(ctx, "an attempt of a job panicked")
	return nil
}
