package matcher

import (
	"errors"
	"fmt"

	"awase/entrustment"
)

// DuplicateUsersError says that a base holds rows with the same user key. No
// base is built: which of the rows is the person can't be guessed.
type DuplicateUsersError struct {
	N int // user keys that occur more than once
}

// Error says how many, never which.
func (e *DuplicateUsersError) Error() string {
	return fmt.Sprintf("%d user keys occur in more than one row; give each user one row", e.N)
}

// ErrDamaged is inside every error of OpenBase and OpenList that a reader of
// columns did not give itself: the bytes are not those of a segment.
var ErrDamaged = errors.New("segment is damaged")

func damaged(name string, err error) error {
	return fmt.Errorf("%w: column %s: %w", ErrDamaged, name, err)
}

var errBuilt = errors.New("the builder has been built or has failed: make a new one")

// Gone is the error of CodeGone with which every engine says that it does not hold
// what a query names.
func Gone(what string) error {
	return &entrustment.Error{Code: entrustment.CodeGone, Field: what,
		Detail: "this version is not there any more", Mend: "ask again on the present one"}
}

func badSpec(field, detail string) error {
	return &entrustment.Error{Code: entrustment.CodeSpec, Field: field, Detail: detail}
}

func overLimit(field, detail string) error {
	return &entrustment.Error{Code: entrustment.CodeLimit, Field: field, Detail: detail}
}
