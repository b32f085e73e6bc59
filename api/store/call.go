package store

import "time"

// Call is a POST that was sent with an Idempotency-Key, and its answer.
type Call struct {
	Person  string // who asked
	Key     string
	Request []byte // SHA-256 of method, path and body
	Status  int    // 0: it is being answered
	Header  string // JSON
	Body    []byte
	At      time.Time
}
