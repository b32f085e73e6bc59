// Package store holds the rows of the control store as api sees them: people,
// uploads, jobs, reports, webhooks. A file holds one subject. The interfaces that
// read and write them are declared where they are called, in api; sql/control is
// what implements them.
package store

import "errors"

// ErrNotFound is that there is no such row, or that it is another party's.
var ErrNotFound = errors.New("no such row")

// ErrConflict is that the row changed in between, or is there already.
var ErrConflict = errors.New("the row changed in between")

// Page asks for a run of rows, newest first unless the statement says otherwise.
type Page struct {
	After string // id of the last row of the page before; "": the first page
	Limit int    // 1 to 200
}

// ErrLastAdmin is that a party would have no admin who can sign in.
var ErrLastAdmin = errors.New("the party's last admin")
