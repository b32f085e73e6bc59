package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// JobStore is what the operations of this file keep.
type JobStore interface {
	// AddJob adds a job to be done; store.ErrConflict where another loads its
	// upload, or its once is there already.
	AddJob(ctx context.Context, j *store.Job) error
	Job(ctx context.Context, party, id string) (*store.Job, error)
	Jobs(ctx context.Context, party string, f store.JobFilter, p store.Page) ([]*store.Job, error)
	OpenJobs(ctx context.Context, party string) (int, error)
	RunningJobs(ctx context.Context, party string) (int, error)
	// JobsSince counts a party's jobs whose ids sort after one, up to most.
	JobsSince(ctx context.Context, party, id string, most int) (int, error)
	BeginJob(ctx context.Context, id string, at time.Time) error
	ProgressJob(ctx context.Context, id string, read, of int64) error
	FaultJob(ctx context.Context, id string) (faults int, err error)
	EndJob(ctx context.Context, j *store.Job) (first bool, err error)
	CancelJob(ctx context.Context, party, id string, at time.Time) error
	ExpireJobs(ctx context.Context, before time.Time) error
	// WorkJobs hands each job to do, to one at a time, again and again until it is
	// over, and ends with ctx.
	WorkJobs(ctx context.Context, log *slog.Logger, do func(ctx context.Context, job string) (store.Attempt, error)) error
}

// Kinds of jobs.
const (
	kindList     = "list"
	kindBase     = "base"
	kindEvents   = "events"
	kindReport   = "report"
	kindCube     = "cube"
	kindSchedule = "schedule"
	kindExpire   = "expire"
	kindWebhook  = "webhook"
	kindMail     = "mail"
)

// runners are what jobs of each kind do.
func (s *Server) runners() map[string]runner {
	return map[string]runner{
		kindList: s.load, kindBase: s.load, kindEvents: s.load,
		kindReport: s.report, kindCube: s.report,
		kindSchedule: s.scheduled, kindExpire: s.expire,
		kindWebhook: s.deliver, kindMail: s.mailNotice,
	}
}

// jobEndpoints are the operations of this file.
func (s *Server) jobEndpoints() []endpoint {
	return []endpoint{
		{"listJobs", http.MethodGet, "/v1/jobs", s.listJobs},
		{"getJob", http.MethodGet, "/v1/jobs/:job", s.getJob},
		{"watchJob", http.MethodGet, "/v1/jobs/:job/events", s.watchJob},
		{"cancelJob", http.MethodPost, "/v1/jobs/:job/cancel", s.cancelJob},
	}
}

// jobView is a job as people see it.
type jobView struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	State    store.JobState  `json:"state"`
	Subject  json.RawMessage `json:"subject"`
	Progress *progressView   `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Reason   *reasonView     `json:"reason,omitempty"`
	Canceled bool            `json:"cancel_asked,omitempty"`
	Person   string          `json:"asked_by,omitempty"`
	Created  time.Time       `json:"created"`
	Started  *time.Time      `json:"started,omitempty"`
	Ended    *time.Time      `json:"ended,omitempty"`
}

type progressView struct {
	Read int64 `json:"read"`
	Of   int64 `json:"of"`
}

// reasonView is why something failed, as in problem details.
type reasonView struct {
	Code   entrustment.Code `json:"code"`
	Clause string           `json:"clause,omitempty"`
	Field  string           `json:"field,omitempty"`
	Detail string           `json:"detail"`
	Mend   string           `json:"mend,omitempty"`

	Contract entrustment.ContractClause `json:"contract,omitzero"`
}

func viewReason(e *entrustment.Error) *reasonView {
	if e == nil {
		return nil
	}
	return &reasonView{e.Code, e.Clause, e.Field, e.Detail, e.Mend, e.Contract}
}

func viewJob(j *store.Job) jobView {
	v := jobView{ID: j.ID, Kind: j.Kind, State: j.State, Subject: j.Subject, Result: j.Result, Reason: viewReason(j.Reason), Canceled: j.Canceled,
		Person: j.Person, Created: j.Created, Started: moment(j.Started), Ended: moment(j.Ended)}
	if j.Of > 0 {
		v.Progress = &progressView{j.Read, j.Of}
	}
	return v
}

const maxRunningJobs = 64 // of a party at once: the enclave does 256, and others ask too
const maxOpenJobs = 500   // of a party: what it asks for waits behind it, and others behind that

// newJob makes a job of who asks.
func (c *call) newJob(kind string, subject any) (*store.Job, error) {
	open, err := c.s.Store.OpenJobs(c.ctx(), c.who.Party)
	if err != nil {
		return nil, err
	}
	if c.s.holds(controlJobs) && open >= maxOpenJobs {
		return nil, &retryError{&entrustment.Error{Code: entrustment.CodeRate, Field: "job", Detail: fmt.Sprintf("%d jobs of your party are not over", open), Mend: "wait for some of them, or cancel them"}, 10}
	}
	// Rows stay for months, also of what is refused within a moment.
	if day, err := c.s.Store.JobsSince(c.ctx(), c.who.Party, idsSince("job", time.Now().Add(-24*time.Hour)), c.s.Jobs.Day); err != nil {
		return nil, err
	} else if day >= c.s.Jobs.Day {
		return nil, &retryError{&entrustment.Error{Code: entrustment.CodeRate, Field: "job", Detail: fmt.Sprintf("your party began %d jobs within a day", day), Mend: "ask again in an hour"}, 3600}
	}
	raw, err := json.Marshal(subject)
	if err != nil {
		return nil, err
	}
	return &store.Job{ID: newID("job"), Party: c.who.Party, Person: c.who.Person, Kind: kind, Subject: raw, State: store.JobWaits, Created: c.s.Now().UTC().Truncate(time.Millisecond)}, nil
}

// acceptedJob is the answer to what became a job.
func acceptedJob(j *store.Job) *answer { return accepted("/v1/jobs/"+j.ID, viewJob(j)) }

// choice reads a query parameter that is one of some.
func (c *call) choice(name string, of ...string) (string, error) {
	v := c.URL.Query().Get(name)
	if v != "" && !slices.Contains(of, v) {
		return "", &entrustment.Error{Code: entrustment.CodeSpec, Field: name, Detail: "it is none that there is", Mend: "leave it out for all"}
	}
	return v, nil
}

func (s *Server) listJobs(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	var f store.JobFilter
	state, err := c.choice("state", string(store.JobWaits), string(store.JobRuns), string(store.JobDone), string(store.JobFailed), string(store.JobCanceled))
	if err != nil {
		return nil, err
	}
	f.State = store.JobState(state)
	if f.Kind = c.URL.Query().Get("kind"); len(f.Kind) > 32 {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "kind", Detail: "it is none that there is", Mend: "leave it out for all"}
	}
	rows, err := s.Store.Jobs(c.ctx(), c.who.Party, f, p)
	if err != nil {
		return nil, err
	}
	views := make([]jobView, len(rows))
	for i, j := range rows {
		views[i] = viewJob(j)
	}
	return ok(paged(views, p, func(v jobView) string { return v.ID })), nil
}

func (s *Server) getJob(c *call) (*answer, error) {
	j, err := s.Store.Job(c.ctx(), c.who.Party, c.param("job"))
	if err != nil {
		return nil, err
	}
	return ok(viewJob(j)), nil
}

// cancelJob asks that a job ends. What it did by then stands: a table that was
// charged is charged, and a file that was loaded is loaded.
func (s *Server) cancelJob(c *call) (*answer, error) {
	id := c.param("job")
	j, err := s.Store.Job(c.ctx(), c.who.Party, id)
	if err != nil {
		return nil, err
	}
	if !j.State.Ended() {
		if err := s.Store.CancelJob(c.ctx(), c.who.Party, id, s.Now().UTC()); err != nil {
			return nil, err
		}
		s.stopped(c.ctx(), id)
		if j, err = s.Store.Job(c.ctx(), c.who.Party, id); err != nil {
			return nil, err
		}
		s.hub.publish(j)
	}
	return acceptedJob(j), nil
}

// stopped stops a job's attempt where it waits for the enclave. It is there for
// speed alone: an attempt sees within a second that cancelling was asked.
func (s *Server) stopped(ctx context.Context, id string) {
	ctx, stop := context.WithTimeout(ctx, stopWait)
	defer stop()
	if _, err := s.Enclave.StopWork(ctx, id); err != nil {
		s.Logger.LogAttrs(ctx, slog.LevelWarn, "a job will be stopped by its next attempt", slog.String("job", id))
	}
}
