package store

import "time"

// Review is that a person read a draft that waits for officers.
type Review struct {
	Draft  string // hash
	Person string
	Party  string
	Name   string // of the person
	At     time.Time
}
