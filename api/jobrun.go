package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// Times of jobs.
const (
	attemptWork = 8 * time.Second // after that an attempt puts the job down, and the next goes on
	pollWait    = time.Second     // how old the progress that people see may be
	stopWait    = 2 * time.Second
	writeWait   = 5 * time.Second // for writing down what an attempt came to
	awayWait    = time.Second     // until an enclave that is away is asked again
	fullWait    = 5 * time.Second // until one that has too much to do is
	maxBackOff  = time.Minute
)

// JobOptions says how jobs are done.
type JobOptions struct {
	Faults  int           // attempts that may break before a job fails; 0: 8, which is two minutes
	BackOff time.Duration // after the first of them; each next one waits twice as long, to a minute; 0: 1 s
	Look    time.Duration // between looks for what falls due; 0: 5 s
	Day     int           // jobs that a party may begin within a day; 0: 20,000
}

func (o JobOptions) orDefault() JobOptions {
	if o.Faults == 0 {
		o.Faults = 8
	}
	if o.BackOff == 0 {
		o.BackOff = time.Second
	}
	if o.Day == 0 {
		o.Day = 20_000
	}
	if o.Look == 0 {
		o.Look = 5 * time.Second
	}
	return o
}

// outcome is what one attempt of a job came to.
type outcome struct {
	again  time.Duration   // > 0: it goes on after that long; else it is done
	result json.RawMessage // of a job that is done
}

// runner does one attempt of a job, of at most 10 s. A refusal (entrustment.Error
// that is not internal) ends the job with it as the reason; any other error is
// tried again with back-off. It is done again after a crash anywhere in it, so
// what it does twice must be as if done once.
type runner func(ctx context.Context, j *store.Job) (outcome, error)

// goesOn is the outcome of an attempt that puts its job down.
var goesOn = outcome{again: time.Millisecond}

var errStopped = errors.New("the job was stopped")

// Run does what the service does beside answering: jobs, and what falls due. It
// ends with ctx; what was under way then goes on when Run is called again, also by
// another process. Streams of progress end with it.
func (s *Server) Run(ctx context.Context) error {
	defer s.hub.close()
	// Of requests that a service before this one did not come to answer, the
	// Idempotency-Keys are free again. What they did stands, so it may be done twice;
	// acts of the enclave are not (docs/api.md).
	if err := s.Store.FreeCalls(context.WithoutCancel(ctx), s.began); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.look(ctx)
	}()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(ctx)
	}()
	err := s.Store.WorkJobs(ctx, s.Logger, s.attempt)
	stop()
	<-ended
	<-watched
	if err != nil {
		return fmt.Errorf("doing jobs: %w", err)
	}
	return nil
}

// shareWait is how long a job waits before it looks again whether its party has
// less under way.
const shareWait = time.Second

// hasItsShare tells whether a party has as much under way as one may: what it asks
// for is to fill neither the enclave nor the turn of others. What is the room's own
// has no share.
func (s *Server) hasItsShare(ctx context.Context, party string) (bool, error) {
	if party == "" || !s.holds(controlShare) {
		return false, nil
	}
	n, err := s.Store.RunningJobs(ctx, party)
	return n >= maxRunningJobs, err
}

// beginJob begins a job, unless its party has its share. One looks and begins at a time:
// attempts of one moment would not see each other.
func (s *Server) beginJob(ctx context.Context, j *store.Job) (bool, error) {
	s.begins.Lock()
	defer s.begins.Unlock()
	if wait, err := s.hasItsShare(ctx, j.Party); err != nil || wait {
		return false, err
	}
	return true, s.Store.BeginJob(ctx, j.ID, s.Now().UTC())
}

// attempt does one attempt of a job. An error is that what came of it could not be
// written down.
func (s *Server) attempt(ctx context.Context, id string) (store.Attempt, error) {
	j, err := s.Store.Job(ctx, store.AnyParty, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Attempt{Over: true}, nil
	} else if err != nil {
		return store.Attempt{}, err
	}
	if j.State.Ended() { // a crash came between its end and what follows it
		return store.Attempt{Over: true}, s.ended(ctx, j)
	}
	if j.State == store.JobWaits {
		if begun, err := s.beginJob(ctx, j); err != nil || !begun {
			return store.Attempt{Again: shareWait}, err
		}
		if j, err = s.Store.Job(ctx, store.AnyParty, id); err != nil {
			return store.Attempt{}, err
		}
		if j.State.Ended() { // it was cancelled in between
			return store.Attempt{Over: true}, nil
		}
		s.hub.publish(j)
	}
	out, err := s.try(ctx, j)
	// What came of it is written whatever became of the attempt's own time.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), writeWait)
	defer stop()
	if err == nil && out.again > 0 {
		return store.Attempt{Again: out.again}, nil
	}
	if err == nil {
		j.Result = out.result
		return s.end(ctx, j, store.JobDone)
	}
	return s.failed(ctx, j, err)
}

// try runs the runner of a job.
func (s *Server) try(ctx context.Context, j *store.Job) (out outcome, err error) {
	ctx = behalf(ctx, j.Person)
	defer func() {
		if recover() != nil { // its text may hold anything
			err = errPanicked
		}
	}()
	if j.Canceled {
		st, err := s.Enclave.StopWork(ctx, j.ID)
		if err != nil {
			return outcome{}, err
		}
		if st.Status == wire.WorkRuns {
			return goesOn, nil
		}
		if st.Status != wire.WorkDone { // else it came too late
			return outcome{}, errStopped
		}
	}
	do, ok := s.runners()[j.Kind]
	if !ok {
		return outcome{}, &entrustment.Error{Code: entrustment.CodeSpec, Field: "kind", Detail: "this version of awase does no jobs of that kind", Mend: "ask for it again"}
	}
	return do(ctx, j)
}

// failed decides what becomes of a job whose attempt failed.
func (s *Server) failed(ctx context.Context, j *store.Job, err error) (store.Attempt, error) {
	refusal := entrustment.Public(err)
	_, away := errors.AsType[*wire.Away](err)
	_, busy := errors.AsType[*busyError](err)
	switch {
	case errors.Is(err, errStopped):
		return s.end(ctx, j, store.JobCanceled)
	case errors.Is(err, context.Canceled): // the front ends
		return store.Attempt{}, nil
	case away: // it is no fault of the job's: as long as it takes
		return store.Attempt{Again: awayWait}, nil
	case busy: // nor is what others do
		return store.Attempt{Again: fullWait}, nil
	case refusal.Code != entrustment.CodeInternal:
		j.Reason = refusal
		return s.end(ctx, j, store.JobFailed)
	}
	faults, ferr := s.Store.FaultJob(ctx, j.ID)
	if ferr != nil {
		return store.Attempt{}, ferr
	}
	s.Logger.LogAttrs(ctx, slog.LevelError, "an attempt of a job broke", slog.String("job", j.ID), slog.String("kind", j.Kind), slog.Int("faults", faults), slog.String("error", err.Error()))
	if faults < s.Jobs.Faults {
		return store.Attempt{Again: min(maxBackOff, s.Jobs.BackOff<<min(faults-1, 16))}, nil
	}
	j.Reason = &entrustment.Error{Code: entrustment.CodeInternal, Field: "job", Detail: fmt.Sprintf("the room broke %d times at it, and gives up", faults),
		Mend: "nothing was lost: what was charged stays answered, and what was uploaded stays there. Tell the operator the job's id, which the room's log names with the fault, and ask again when it is mended"}
	return s.end(ctx, j, store.JobFailed)
}

// end ends a job. Who waits is told before it is written: after a crash in between
// they are told again under the same id, which counts once.
func (s *Server) end(ctx context.Context, j *store.Job, state store.JobState) (store.Attempt, error) {
	j.State, j.Ended = state, s.Now().UTC()
	if kind := map[store.JobState]string{store.JobDone: store.EventJobDone, store.JobFailed: store.EventJobFailed}[state]; kind != "" && j.Party != "" {
		if err := s.tellOnce(ctx, j.Party, kind, j.ID, j.ID, struct {
			Kind string           `json:"kind"`
			Code entrustment.Code `json:"code,omitempty"`
		}{j.Kind, code(j.Reason)}, s.toldOfReport(j)...); err != nil {
			return store.Attempt{}, err
		}
	}
	if _, err := s.Store.EndJob(ctx, j); err != nil {
		return store.Attempt{}, err
	}
	s.show(ctx, j.ID)
	return store.Attempt{Over: true}, s.ended(ctx, j)
}

// toldOfReport gives the roles whose people were told that what came of a job, a report,
// is ready: that it is done is the same word again. Webhooks, which ask for each kind by
// its name, have both.
func (s *Server) toldOfReport(j *store.Job) []Role {
	var of reportResult
	if j.State != store.JobDone || json.Unmarshal(j.Result, &of) != nil || of.Report == "" || of.Recipient != j.Party {
		return nil
	}
	ready, _ := kindOf(store.EventReportReady)
	return ready.roles
}

// ended does what follows a job's end: the file of an upload that was loaded is
// removed. It was there for as long as the job might have been done again.
func (s *Server) ended(ctx context.Context, j *store.Job) error {
	if j.Upload == "" || j.State != store.JobDone {
		return nil
	}
	return s.loadedUpload(ctx, j.Upload)
}

func code(e *entrustment.Error) entrustment.Code {
	if e == nil {
		return ""
	}
	return e.Code
}

// tellOnce tells a party of something that a job did. The event's id follows from
// the job, so that told again it is the same event.
func (s *Server) tellOnce(ctx context.Context, party, kind, job, subject string, data any, but ...Role) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return s.tell(ctx, store.Event{ID: sameID("evt", job, party, kind), Party: party, Kind: kind, Subject: subject, Data: raw, At: s.Now().UTC()}, but...)
}

// show gives who watches a job its row as it is now.
func (s *Server) show(ctx context.Context, id string) {
	if !s.hub.watched(id) {
		return
	}
	j, err := s.Store.Job(ctx, store.AnyParty, id)
	if err != nil {
		s.Logger.LogAttrs(ctx, slog.LevelWarn, "who watches a job was not told of a change", slog.String("job", id))
		return
	}
	s.hub.publish(j)
}

// busyError is that the enclave does as many jobs as it does at once. It passes by
// itself, in a moment: unlike a limit that the work itself meets, for which nobody is
// kept waiting without a word.
type busyError struct{ error }

func (e *busyError) Unwrap() error { return e.error }

// work starts a job's work in the enclave, or finds it there, and waits for it as
// long as an attempt may. done is false where it goes on.
func (s *Server) work(ctx context.Context, j *store.Job, req wire.WorkRequest) (st wire.WorkState, done bool, err error) {
	req.Job = j.ID
	until := time.Now().Add(attemptWork)
	if st, err = s.Enclave.StartWork(ctx, req); err != nil && entrustment.Public(err).Code == entrustment.CodeRate {
		return st, false, &busyError{err}
	}
	for err == nil && st.Status == wire.WorkRuns && time.Now().Before(until) {
		if err := s.progress(ctx, j, &st); err != nil {
			return st, false, err
		}
		if st, err = s.Enclave.PollWork(ctx, j.ID, pollWait); err != nil {
			break
		}
		if st.Status == wire.WorkRuns {
			now, err := s.Store.Job(ctx, store.AnyParty, j.ID)
			if err != nil {
				return st, false, err
			}
			if now.Canceled {
				return st, false, nil // the next attempt stops it
			}
		}
	}
	if err != nil {
		return st, false, err
	}
	switch st.Status {
	case wire.WorkDone:
		return st, true, s.progress(ctx, j, &st)
	case wire.WorkFailed:
		return st, false, st.Refusal // for good: the same job is refused again
	case wire.WorkBroken:
		return st, false, errors.New("the enclave broke at it: its log says more")
	case wire.WorkStopped:
		return st, false, errStopped
	}
	return st, false, nil // runs, or the enclave was started anew and knows nothing of it
}

// progress writes how far a job is, where that changed.
func (s *Server) progress(ctx context.Context, j *store.Job, st *wire.WorkState) error {
	if st.Bytes == 0 || st.Read == j.Read && st.Bytes == j.Of {
		return nil
	}
	j.Read, j.Of = st.Read, st.Bytes
	if err := s.Store.ProgressJob(ctx, j.ID, j.Read, j.Of); err != nil {
		return err
	}
	s.show(ctx, j.ID)
	return nil
}
