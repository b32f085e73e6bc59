package wire

import (
	"context"
	"encoding/json"
	"time"

	"awase/entrustment"
)

// Work is what takes longer than who asks wants to wait. It is keyed by a job's
// id: to start it again is to ask how it stands, whoever went away meanwhile. Its
// memory is the process's: of a job that an enclave before this one ran it knows
// nothing, and the job is started again, which loads and charges nothing twice.
type Work interface {
	// StartWork starts a job, or tells how the one of that id stands. One that broke
	// is started again. Another request under the same id is refused.
	StartWork(ctx context.Context, req WorkRequest) (WorkState, error)
	// PollWork tells how a job stands, at once if it ended, or after at most wait
	// (up to 10 s). A release is given as often as it is asked for, to the same bytes;
	// while releases are stopped the job is as one that was refused.
	PollWork(ctx context.Context, job string, wait time.Duration) (WorkState, error)
	// StopWork ends a job that runs, and tells how it stands then. What it wrote
	// stands; a job that was done by then is done.
	StopWork(ctx context.Context, job string) (WorkState, error)
}

// WorkKind is what a job does in the enclave.
type WorkKind string

// The kinds.
const (
	WorkList   WorkKind = "load-list"
	WorkBase   WorkKind = "load-base"
	WorkEvents WorkKind = "load-events"
	WorkReport WorkKind = "report"
	WorkMove   WorkKind = "move-engine"
)

// WorkRequest is a job. A load reads a sealed file of the inbox.
type WorkRequest struct {
	Job      string          `json:"job"` // 1 to 64 of a-z, 0-9 and -
	Kind     WorkKind        `json:"kind"`
	Upload   string          `json:"upload,omitempty"`   // the file's name in the inbox, 1 to 64 of a-z, 0-9 and -
	List     *ListRequest    `json:"list,omitempty"`     // of WorkList
	Events   *EventsRequest  `json:"events,omitempty"`   // of WorkEvents
	Base     json.RawMessage `json:"base,omitempty"`     // of WorkBase: base.yaml as JSON
	Question json.RawMessage `json:"question,omitempty"` // of WorkReport: the canonical spec as JSON
	// Party is that whose people ask a WorkReport: it has to be one that may, when the
	// question is charged. "": nobody's, of who keeps the vault.
	Party string `json:"party,omitempty"`
	// Reservation is a WorkReport's in place of its question: ReportReserved of it.
	Reservation string       `json:"reservation,omitempty"`
	Move        *MoveRequest `json:"move,omitempty"` // of WorkMove
}

// WorkStatus is how a job stands.
type WorkStatus string

// The statuses. An unknown job was never started here, or before the enclave was
// started again, or ended an hour ago.
const (
	WorkUnknown WorkStatus = "unknown"
	WorkRuns    WorkStatus = "running"
	WorkDone    WorkStatus = "done"
	WorkFailed  WorkStatus = "failed"  // refused: starting it again is refused again
	WorkBroken  WorkStatus = "broken"  // a fault of the machine's or the enclave's: worth trying again
	WorkStopped WorkStatus = "stopped" // by StopWork
)

// WorkState is how a job stands. Progress counts what was read of the asker's own
// file, or things that were put and asked of a move (PRIVACY rule 11).
type WorkState struct {
	Job     string             `json:"job"`
	Status  WorkStatus         `json:"status"`
	Read    int64              `json:"read"`           // bytes of the sealed file; of a move, steps
	Bytes   int64              `json:"bytes"`          // that it has
	Step    string             `json:"step,omitempty"` // of a move: what the last of them did
	List    *ListLoaded        `json:"list,omitempty"`
	Base    *BaseLoaded        `json:"base,omitempty"`
	Events  *EventsLoaded      `json:"events,omitempty"`
	Release *Release           `json:"release,omitempty"`
	Engine  *EngineState       `json:"engine,omitempty"`
	Refusal *entrustment.Error `json:"refusal,omitempty"` // of WorkFailed and WorkBroken
}

type (
	pollRequest struct {
		Job    string `json:"job"`
		WaitMS int64  `json:"wait_ms"`
	}
	jobRequest struct {
		Job string `json:"job"`
	}
)

// sentWork is a WorkState on its way: its release goes as that of a report.
type sentWork struct {
	WorkState
	Release *sentRelease `json:"release,omitempty"` // in the place of WorkState's
}

// sent gives a state as it is sent.
func sent(s WorkState, err error) (sentWork, error) {
	if s.Engine != nil {
		engine := s.Engine.sent()
		s.Engine = &engine
	}
	if err != nil || s.Release == nil {
		return sentWork{WorkState: s}, err
	}
	r, err := packed(s.Release, nil)
	s.Release = nil
	return sentWork{s, &r}, err
}

// arrived gives the state that was sent.
func (s sentWork) arrived(err error) (WorkState, error) {
	if err != nil || s.Release == nil {
		return s.WorkState, err
	}
	s.WorkState.Release, err = s.Release.unpacked(nil)
	return s.WorkState, err
}

var (
	startWork = route[WorkRequest, sentWork]{"start-work", func(ctx context.Context, e Enclave, q *WorkRequest) (sentWork, error) {
		return sent(e.StartWork(ctx, *q))
	}}
	pollWork = route[pollRequest, sentWork]{"poll-work", func(ctx context.Context, e Enclave, q *pollRequest) (sentWork, error) {
		return sent(e.PollWork(ctx, q.Job, time.Duration(q.WaitMS)*time.Millisecond))
	}}
	stopWork = route[jobRequest, sentWork]{"stop-work", func(ctx context.Context, e Enclave, q *jobRequest) (sentWork, error) {
		return sent(e.StopWork(ctx, q.Job))
	}}
)

// onWork answers the routes of Work.
func onWork(h *handler) {
	on(h, startWork)
	on(h, pollWork)
	on(h, stopWork)
}

// StartWork starts a job, or tells how it stands.
func (c *Client) StartWork(ctx context.Context, req WorkRequest) (WorkState, error) {
	s, err := ask(ctx, c, startWork, &req)
	return s.arrived(err)
}

// PollWork tells how a job stands.
func (c *Client) PollWork(ctx context.Context, job string, wait time.Duration) (WorkState, error) {
	s, err := ask(ctx, c, pollWork, &pollRequest{job, wait.Milliseconds()})
	return s.arrived(err)
}

// StopWork ends a job that runs.
func (c *Client) StopWork(ctx context.Context, job string) (WorkState, error) {
	s, err := ask(ctx, c, stopWork, &jobRequest{job})
	return s.arrived(err)
}
