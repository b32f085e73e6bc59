package enclave

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Bounds of what the process remembers of jobs. A release is not remembered, but
// read from where it was issued to, each time that it is asked for.
const (
	maxJobs   = 256  // that run, or wait for their turn
	maxEnded  = 4096 // that ended
	jobLife   = time.Hour
	maxPoll   = 10 * time.Second
	noRelease = -1
	maxCounts = 512 // questions on their way through the gate, whoever waits for them
)

// work are the jobs of this process.
type work struct {
	mu    sync.Mutex
	jobs  map[string]*job
	ended []*job // in the order that they ended; those that were started again too
	runs  int
	now   func() time.Time
	most  int             // that ended and are remembered
	life  context.Context // of the process
	close context.CancelCauseFunc
	all   sync.WaitGroup
	give  func(e *Enclave, j *job) (*wire.Release, error) // released; tests take its control out

	counts int                                                            // questions that are detached
	detach func(ctx context.Context, run func(ctx context.Context)) error // apart; likewise
}

// job is one job. Its outcome is written before done is closed, and not after.
type job struct {
	id          string
	kind        wire.WorkKind
	request     [32]byte // digest of what was asked
	entrustment string   // of a report
	stop        context.CancelCauseFunc
	read, bytes atomic.Int64
	step        atomic.Value // a string: what the last step of a move did
	done        chan struct{}

	outcome wire.WorkState
	release int64 // entry of the release, or noRelease
	at      time.Time
}

var (
	errJobStopped = errors.New("the job was stopped")
	errJobsEnd    = errors.New("the enclave ends")
)

func newWork() *work {
	w := &work{jobs: map[string]*job{}, now: time.Now, most: maxEnded, give: (*Enclave).released}
	w.life, w.close = context.WithCancelCause(context.Background())
	w.detach = w.apart
	return w
}

// end cancels what runs and waits for it. What was written stands.
func (w *work) end() {
	w.mu.Lock()
	w.close(errJobsEnd)
	w.mu.Unlock()
	w.all.Wait()
}

// plainName is a job's id, and a file's name in the inbox.
var plainName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

func jobError(field, detail string) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/wire.md", Field: field, Detail: detail, Mend: "ask as docs/wire.md says; a new job takes a new id"}
}

// StartWork starts a job, or tells how the one of that id stands.
func (e *Enclave) StartWork(_ context.Context, req wire.WorkRequest) (wire.WorkState, error) {
	do, err := e.task(&req)
	if err != nil {
		return wire.WorkState{}, err
	}
	raw, err := json.Marshal(req)
	if err != nil {
		return wire.WorkState{}, jobError("job", "it is no JSON")
	}
	j := &job{id: req.Job, kind: req.Kind, request: sha256.Sum256(raw), done: make(chan struct{}), release: noRelease}
	was, err := e.work.begin(j, func(ctx context.Context) { e.run(ctx, j, do) })
	if err != nil {
		return wire.WorkState{}, err
	}
	return e.jobState(was), nil
}

// begin gives the job of j's id: j, that it starts, or the one that is there.
func (w *work) begin(j *job, run func(context.Context)) (*job, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
	if was := w.jobs[j.id]; was != nil {
		if was.request != j.request {
			return nil, jobError("job", "a job of this id was started with another request")
		}
		select {
		case <-was.done:
			if was.outcome.Status != wire.WorkBroken {
				return was, nil
			}
		default:
			return was, nil
		}
	}
	if w.life.Err() != nil {
		return nil, fmt.Errorf("starting a job: %w", errJobsEnd)
	}
	if w.runs >= maxJobs {
		return nil, &entrustment.Error{Code: entrustment.CodeRate, Clause: "docs/wire.md", Field: "job", Detail: fmt.Sprintf("%d jobs are under way", maxJobs), Mend: "start it again in a while"}
	}
	ctx, stop := context.WithCancelCause(w.life)
	j.stop = stop
	w.jobs[j.id] = j
	w.runs++
	w.all.Go(func() {
		defer stop(nil)
		run(ctx)
		w.over(j)
	})
	return j, nil
}

// apart runs what goes through the gate to its end, whoever waits for it; the end of
// the process alone cancels it. Were it cut off with who asked (attack A14), they
// would see by asking again whether it was counted by then: what was is shown at
// the tick after it first began, what was not is begun again; and one that waits
// for its turn would end when another's counting does.
func (w *work) apart(ctx context.Context, run func(ctx context.Context)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.life.Err() != nil {
		return fmt.Errorf("asking a question: %w", errJobsEnd)
	}
	if w.counts >= maxCounts {
		return &entrustment.Error{Code: entrustment.CodeRate, Clause: "docs/wire.md", Field: "question", Detail: fmt.Sprintf("%d questions are under way", maxCounts), Mend: "ask again in a while"}
	}
	w.counts++
	w.all.Go(func() {
		on, stop := context.WithCancelCause(context.WithoutCancel(ctx))
		defer context.AfterFunc(w.life, func() { stop(errJobsEnd) })()
		defer stop(nil)
		run(on)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.counts--
	})
	return nil
}

// over remembers a job that ended.
func (w *work) over(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs--
	j.at = w.now()
	w.ended = append(w.ended, j)
	w.forget()
	close(j.done)
}

// forget drops the jobs that ended long ago, and the oldest of too many.
func (w *work) forget() {
	n := 0
	for ; n < len(w.ended) && (len(w.ended)-n > w.most || w.now().Sub(w.ended[n].at) >= jobLife); n++ {
		if j := w.ended[n]; w.jobs[j.id] == j {
			delete(w.jobs, j.id)
		}
		w.ended[n] = nil
	}
	w.ended = w.ended[n:]
}

func (w *work) find(id string) *job {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
	return w.jobs[id]
}

// PollWork tells how a job stands.
func (e *Enclave) PollWork(ctx context.Context, id string, wait time.Duration) (wire.WorkState, error) {
	return e.await(ctx, id, wait, func(*job) {})
}

// StopWork ends a job that runs.
func (e *Enclave) StopWork(ctx context.Context, id string) (wire.WorkState, error) {
	return e.await(ctx, id, maxPoll, func(j *job) { j.stop(errJobStopped) })
}

// await waits for a job's end, and tells how it stands then.
func (e *Enclave) await(ctx context.Context, id string, wait time.Duration, first func(*job)) (wire.WorkState, error) {
	if !plainName.MatchString(id) {
		return wire.WorkState{}, jobError("job", "it is no job's id")
	}
	j := e.work.find(id)
	if j == nil {
		return wire.WorkState{Job: id, Status: wire.WorkUnknown}, nil
	}
	first(j)
	timer := time.NewTimer(min(max(0, wait), maxPoll))
	defer timer.Stop()
	select {
	case <-j.done:
	case <-timer.C:
	case <-ctx.Done():
		return wire.WorkState{}, ctx.Err()
	}
	return e.jobState(j), nil
}

// jobState tells how a job stands. What its release is refused for now is the
// job's refusal, as if it had come in time.
func (e *Enclave) jobState(j *job) wire.WorkState {
	s := wire.WorkState{Status: wire.WorkRuns}
	select {
	case <-j.done:
		s = j.outcome
	default:
	}
	s.Job, s.Read, s.Bytes = j.id, j.read.Load(), j.bytes.Load()
	s.Step, _ = j.step.Load().(string)
	if s.Status == wire.WorkDone && j.release != noRelease {
		r, err := e.work.give(e, j)
		if err != nil {
			s.Status, s.Refusal = e.failed(j, err)
			return s
		}
		s.Release = r
	}
	return s
}

// released gives the release of a job that is done, as Report gives one that was
// issued: not while releases are stopped. No refusal is logged: who polls asks
// nothing new.
func (e *Enclave) released(j *job) (*wire.Release, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.stopped(); err != nil {
		return nil, err
	}
	if err := e.over(j.entrustment); err != nil {
		return nil, err
	}
	if err := e.retention.before(); err != nil {
		return nil, err
	}
	if e.state.reportTable[j.release] == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeGone, Clause: "DESIGN §5", Field: "release", Detail: "the release is not kept any more", Mend: "ask the question again"}
	}
	return e.stored(j.release)
}

// failed tells a refusal from a fault, whose text is for the service's log.
func (e *Enclave) failed(j *job, err error) (wire.WorkStatus, *entrustment.Error) {
	refusal := entrustment.Public(err)
	switch refusal.Code {
	case entrustment.CodeInternal:
	case entrustment.CodeEngine: // worth trying again, and its asker is told why
		return wire.WorkBroken, refusal
	default:
		return wire.WorkFailed, refusal
	}
	e.log.Error("a job broke", "kind", string(j.kind), "error", err)
	return wire.WorkBroken, refusal
}

// task does a job; it gives the entry of a release.
type task func(ctx context.Context, j *job, out *wire.WorkState) error

// run runs a job to its end. A panic ends there, and its text, which may hold
// anything, is not logged.
func (e *Enclave) run(ctx context.Context, j *job, do task) {
	var out wire.WorkState
	err := func() (err error) {
		defer func() {
			if recover() != nil {
				e.log.Error("a panic", "kind", string(j.kind), "at", frames())
				err = errors.New("a panic")
			}
		}()
		return do(ctx, j, &out)
	}()
	switch {
	case err == nil:
		out.Status = wire.WorkDone
	case errors.Is(context.Cause(ctx), errJobStopped):
		out = wire.WorkState{Status: wire.WorkStopped}
	default:
		out = wire.WorkState{}
		out.Status, out.Refusal = e.failed(j, err)
	}
	j.outcome = out
	level := slog.LevelInfo
	if j.kind == wire.WorkMove { // who asked for it waits for it, and the record log says more
		level = slog.LevelDebug
	}
	e.log.Log(ctx, level, "a job ended", "kind", string(j.kind), "status", string(out.Status)) // its id is the asker's, and may be anything
}

// frames gives the functions and lines of a panic, without arguments.
func frames() (out []string) {
	pc := make([]uintptr, 32)
	fs := runtime.CallersFrames(pc[:runtime.Callers(4, pc)])
	for {
		f, more := fs.Next()
		out = append(out, f.Function+":"+strconv.Itoa(f.Line))
		if !more {
			return out
		}
	}
}

// task reads a request: exactly what its kind takes.
func (e *Enclave) task(req *wire.WorkRequest) (task, error) {
	if !plainName.MatchString(req.Job) {
		return nil, jobError("job", "a job's id has 1 to 64 of a-z, 0-9 and -")
	}
	report, move := req.Kind == wire.WorkReport, req.Kind == wire.WorkMove
	if (req.Upload == "") != (report || move) || (req.Move != nil) != move || (req.List != nil) != (req.Kind == wire.WorkList) || (req.Events != nil) != (req.Kind == wire.WorkEvents) ||
		(req.Base != nil) != (req.Kind == wire.WorkBase) || ((req.Question != nil) != (req.Reservation != "")) != report || req.Question != nil && req.Reservation != "" || req.Party != "" && !report {
		return nil, jobError("job", "it does not say what its kind needs, or says more")
	}
	if req.Upload != "" && !plainName.MatchString(req.Upload) {
		return nil, jobError("upload", "a file of the inbox is named by 1 to 64 of a-z, 0-9 and -")
	}
	switch req.Kind {
	case wire.WorkList:
		return loads(e, req.Upload, func(ctx context.Context, sealed io.Reader, out *wire.WorkState) error {
			l, err := e.LoadList(ctx, *req.List, sealed)
			out.List = &l
			return err
		}), nil
	case wire.WorkEvents:
		return loads(e, req.Upload, func(ctx context.Context, sealed io.Reader, out *wire.WorkState) error {
			l, err := e.LoadEvents(ctx, *req.Events, sealed)
			out.Events = &l
			return err
		}), nil
	case wire.WorkBase:
		schema, err := entrustment.ParseBaseSchema("base", req.Base)
		if err != nil {
			return nil, err
		}
		return loads(e, req.Upload, func(ctx context.Context, sealed io.Reader, out *wire.WorkState) error {
			l, err := e.LoadBase(ctx, schema, sealed)
			out.Base = &l
			return err
		}), nil
	case wire.WorkReport:
		d := &demand{reservation: req.Reservation, party: req.Party}
		q, err := e.questionOf(req)
		if err != nil {
			return nil, err
		}
		d.question = q
		return func(ctx context.Context, j *job, _ *wire.WorkState) error {
			r, err := e.report(ctx, d)
			if err == nil {
				j.release, j.entrustment = r.seq, d.question.Entrustment
			}
			return err
		}, nil
	}
	if move {
		return e.moveTask(req.Move)
	}
	return nil, jobError("kind", "there is no such kind of job")
}

// questionOf gives the question of a report: its own, or that of a reservation.
func (e *Enclave) questionOf(req *wire.WorkRequest) (*entrustment.Question, error) {
	if req.Reservation == "" {
		return entrustment.ParseQuestion("question", req.Question)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if q := e.state.reserved[req.Reservation]; q != nil {
		return q, nil
	}
	return nil, noReservation()
}

// loads is a task that reads a file of the inbox.
func loads(e *Enclave, name string, load func(context.Context, io.Reader, *wire.WorkState) error) task {
	return func(ctx context.Context, j *job, out *wire.WorkState) error {
		f, size, err := e.openUpload(name)
		if err != nil {
			return err
		}
		defer f.Close()
		j.bytes.Store(size)
		return load(ctx, &counted{ctx, f, &j.read}, out)
	}
}

// counted counts what is read of a file, and ends with its job.
type counted struct {
	ctx  context.Context
	r    io.Reader
	read *atomic.Int64
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.read.Add(int64(n))
	return n, err
}
