package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

func newJob(id string) *store.Job {
	return &store.Job{ID: id, Party: "acme", Person: "p", Kind: "report", Subject: json.RawMessage("{}"), Created: time.Now().Truncate(time.Millisecond).UTC()}
}

func add(t *testing.T, s *Store, j *store.Job) {
	t.Helper()
	if err := s.AddJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
}

func queued(t *testing.T, s *Store, state string) (n int) {
	t.Helper()
	if err := s.write.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE state = ?", state).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A row and its place in the queue are both there, or neither.
func TestAddJobIsWhole(t *testing.T) {
	s := open(t)
	a, b := newJob("job-a"), newJob("job-b")
	a.Upload, b.Upload = "upl-1", "upl-1"
	add(t, s, a)
	if err := s.AddJob(t.Context(), b); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("a second load of an upload: %v", err)
	}
	if n := queued(t, s, "available"); n != 1 {
		t.Errorf("%d in the queue, want 1", n)
	}
	if _, err := s.Job(t.Context(), "acme", "job-b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the row of a job that was not added: %v", err)
	}
	a.State, a.Ended = store.JobFailed, time.Now()
	if first, err := s.EndJob(t.Context(), a); err != nil || !first {
		t.Fatal(first, err)
	}
	add(t, s, b) // its upload is free again
	if n, err := s.OpenJobs(t.Context(), "acme"); err != nil || n != 1 {
		t.Errorf("%d open, %v; want 1", n, err)
	}
	c, d := newJob("job-c"), newJob("job-d")
	c.Once, d.Once = "expire/1", "expire/1"
	add(t, s, c)
	if err := s.AddJob(t.Context(), d); !errors.Is(err, store.ErrConflict) {
		t.Errorf("what is done once: %v", err)
	}
	gone := errors.New("gone")
	if err := s.within(t.Context(), "a job", func(tx *sql.Tx) error { return errors.Join(s.addJob(t.Context(), tx, newJob("job-e")), gone) }); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	if n := queued(t, s, "available"); n != 3 {
		t.Errorf("%d in the queue, want 3", n)
	}
}

// A job ends once, is of its party alone, and what is read is what was written.
func TestJobRow(t *testing.T) {
	s := open(t)
	j := newJob("job-a")
	add(t, s, j)
	if _, err := s.Job(t.Context(), "beta", "job-a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another party's: %v", err)
	}
	if err := errors.Join(s.BeginJob(t.Context(), j.ID, j.Created), s.BeginJob(t.Context(), j.ID, time.Now().Add(time.Hour)), s.ProgressJob(t.Context(), j.ID, 3, 9)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.FaultJob(t.Context(), j.ID); err != nil || n != 1 {
		t.Errorf("%d faults, %v", n, err)
	}
	j.State, j.Reason, j.Ended = store.JobFailed, &entrustment.Error{Code: entrustment.CodeBudget, Detail: "d", Mend: "m"}, j.Created.Add(time.Second)
	if first, err := s.EndJob(t.Context(), j); err != nil || !first {
		t.Fatal(first, err)
	}
	again := *j
	again.State = store.JobDone
	if first, err := s.EndJob(t.Context(), &again); err != nil || first {
		t.Errorf("ended twice: %v, %v", first, err)
	}
	if err := s.CancelJob(t.Context(), "acme", j.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	got, err := s.Job(t.Context(), store.AnyParty, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.State != store.JobFailed || got.Canceled || got.Read != 3 || got.Of != 9 || got.Faults != 1 || *got.Reason != *j.Reason || !got.Started.Equal(j.Created) || !got.Ended.Equal(j.Ended) {
		t.Errorf("%+v", got)
	}
	if err := s.ExpireJobs(t.Context(), got.Ended.Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Job(t.Context(), store.AnyParty, j.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an expired job: %v", err)
	}
}

// work works the queue until done, or a time that is far too long.
func work(t *testing.T, s *Store, until func() bool, do func(ctx context.Context, job string) (store.Attempt, error)) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	go func() {
		for !until() && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		stop()
	}()
	if err := s.WorkJobs(ctx, slog.New(slog.DiscardHandler), do); err != nil {
		t.Fatal(err)
	}
	if !until() {
		t.Fatal("the queue did not come to it")
	}
}

// A job that a killed front was at is worked at once by the next one: its place in
// the queue is freed. Without that it would wait to be rescued.
func TestKilledFrontsJobs(t *testing.T) {
	s := open(t)
	add(t, s, newJob("job-a"))
	if _, err := s.write.ExecContext(t.Context(), "UPDATE river_job SET state = 'running', attempt = 1, attempted_at = datetime('now', 'subsec')"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.ExecContext(t.Context(), "INSERT INTO river_leader (leader_id, elected_at, expires_at) VALUES ('killed', datetime('now'), datetime('now', '+1 hour'))"); err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	// The twin: of a queue that nobody freed the job is not done.
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if err := s.workQueue(ctx, slog.New(slog.DiscardHandler), func(context.Context, string) (store.Attempt, error) {
		done.Store(true)
		return store.Attempt{}, nil
	}); err != nil || done.Load() {
		t.Fatalf("done without being freed: %v, %v", done.Load(), err)
	}
	work(t, s, done.Load, func(context.Context, string) (store.Attempt, error) {
		done.Store(true)
		return store.Attempt{Over: true}, nil
	})
	if n := queued(t, s, "running"); n != 0 {
		t.Errorf("%d still run", n)
	}
}

// Each job is done by one attempt at a time, again and again until it is over,
// however often it is put down, and errors of who does it end nothing.
func TestQueue(t *testing.T) {
	s := open(t)
	const jobs, puts = 20, 5
	for i := range jobs {
		add(t, s, newJob(fmt.Sprintf("job-%d", i)))
	}
	var over, together atomic.Int64
	var at [jobs]atomic.Int64
	var tries [jobs]int // one attempt at a time, so no lock
	work(t, s, func() bool { return over.Load() == jobs }, func(_ context.Context, id string) (store.Attempt, error) {
		var i int
		if _, err := fmt.Sscanf(id, "job-%d", &i); err != nil {
			t.Error(err)
		}
		if at[i].Add(1) > 1 {
			together.Add(1)
		}
		defer at[i].Add(-1)
		if tries[i]++; tries[i] == 2 && i == 0 {
			return store.Attempt{}, errors.New("could not be written")
		}
		if tries[i] <= puts {
			return store.Attempt{Again: time.Millisecond}, nil
		}
		over.Add(1)
		return store.Attempt{Over: true}, nil
	})
	if together.Load() != 0 {
		t.Errorf("%d attempts of a job at once", together.Load())
	}
	for i, n := range tries {
		if n != puts+1 {
			t.Errorf("job %d had %d attempts, want %d", i, n, puts+1)
		}
	}
}

// When the front ends, attempts are told so, and their jobs wait for the next one.
func TestQueueEnds(t *testing.T) {
	s := open(t)
	add(t, s, newJob("job-a"))
	var begun atomic.Bool
	work(t, s, begun.Load, func(ctx context.Context, _ string) (store.Attempt, error) {
		begun.Store(true)
		<-ctx.Done()
		return store.Attempt{}, ctx.Err()
	})
	if n := queued(t, s, "available"); n != 1 {
		t.Errorf("%d wait, want 1", n)
	}
}
