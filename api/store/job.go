package store

import (
	"encoding/json"
	"time"

	"awase/entrustment"
)

// JobState is how a job stands, as people see it.
type JobState string

// The states.
const (
	JobWaits    JobState = "waiting"
	JobRuns     JobState = "running"
	JobDone     JobState = "done"
	JobFailed   JobState = "failed"
	JobCanceled JobState = "canceled"
)

// Ended tells whether a job of that state is over.
func (s JobState) Ended() bool { return s == JobDone || s == JobFailed || s == JobCanceled }

// Job is what takes longer than who asked wants to wait. It belongs to a party.
type Job struct {
	ID       string
	Party    string          // "": the room itself
	Person   string          // who asked; "": the room itself (a schedule, an expiry)
	Kind     string          // list | base | events | report | …
	Subject  json.RawMessage // what is to be done, by kind; holds no secret and nobody's data
	Upload   string          // that it loads: one job at a time
	Once     string          // what it does is done once in all: a second job of the same is a conflict
	State    JobState
	Read     int64 // progress: of the asker's own file (PRIVACY rule 11)
	Of       int64
	Result   json.RawMessage    // of a job that is done, by kind
	Reason   *entrustment.Error // of a job that failed
	Canceled bool               // its cancelling was asked
	Faults   int                // attempts that broke
	Version  int64              // grows with each change
	Created  time.Time
	Started  time.Time
	Ended    time.Time
}

// JobFilter says which jobs are asked; "": all.
type JobFilter struct {
	State JobState
	Kind  string
}

// AnyParty is who does a job, and so sees it whoever's it is.
const AnyParty = "*"

// Attempt is what one attempt of a job came to.
type Attempt struct {
	Over  bool          // the job ended; else there is another attempt
	Again time.Duration // after that long
}
