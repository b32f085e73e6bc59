package matcher

import "errors"

// ErrLost is inside the error of an engine that lost what it was given: given again,
// it counts.
var ErrLost = errors.New("the engine lost what it held")

// BuildID names one build of a base: its clusters, their ids, and which token leads
// to which. Populations that differ in requests alone share a build.
type BuildID [32]byte

// BoundEvents is an event log bound to the clusters of a build.
type BoundEvents struct {
	Build  BuildID
	Events EventsID
}

// Log says what the rows of an event log are.
type Log struct {
	Types []EventType
	Unit  string // of their values; "": they have none
}

// Holding is what an engine holds whole: on every shard, and each of the content of
// its name.
type Holding struct {
	Builds      map[BuildID]bool
	Populations map[PopulationID]bool
	Lists       map[ListID]bool
	Logs        map[BoundEvents]bool
}
