package store

import (
	"encoding/json"
	"time"

	"awase/entrustment"
)

// Report is a released table. It belongs to the party that received it, whoever
// asked.
type Report struct {
	ID          string
	Party       string // the recipient
	Entrustment string
	Version     int // of the entrustment
	Kind        string
	List        string
	ListVersion int
	Question    json.RawMessage // canonical
	Digest      string          // SHA-256 of the release, hex: the name of its file
	AskedBy     string          // party
	Person      string          // "": a schedule
	Job         string
	Schedule    string // "": somebody asked
	Created     time.Time
	Released    time.Time
	Until       time.Time // how long the contract keeps it
}

// ReportFilter says which reports are asked; "": all.
type ReportFilter struct{ ID, Entrustment, Kind, Schedule string }

// ScheduleState is how a schedule stands.
type ScheduleState string

// The states.
const (
	ScheduleActive ScheduleState = "active"
	SchedulePaused ScheduleState = "paused"
)

// Schedule is a question that is asked again and again. It belongs to the party
// that asks.
type Schedule struct {
	ID          string
	Party       string
	Person      string
	Name        string
	Entrustment string
	Question    json.RawMessage
	Days        int    // of the window, up to the day before a run; 0: the question's own
	Cron        string // five fields, Japan's time
	Formats     []string
	State       ScheduleState
	Reason      *entrustment.Error // why it is paused; nil: somebody paused it
	Next        time.Time
	Last        time.Time // when the last run was due
	Job         string    // of the last run
	Version     int64
	Created     time.Time
}
