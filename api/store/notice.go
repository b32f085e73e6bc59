package store

import (
	"encoding/json"
	"time"
)

// Notice is an event in a person's inbox.
type Notice struct {
	ID      string
	Person  string
	Event   string
	Kind    string
	Subject string
	Data    json.RawMessage // nil: none
	At      time.Time
	Read    time.Time // zero: not yet
}

// Letter is a notice as it is sent by mail.
type Letter struct {
	Notice
	Address  string
	Language string // ja | en
}
