package enclave

import (
	"context"
	"iter"
	"time"

	"awase/crypto/token"
	"awase/matcher"
)

// Remote is an engine outside this process, inside the trust boundary, that is given
// what it counts over. What it holds can be made again from the vault at any time:
// it is never the only place of anything.
//
// Each Put makes the engine hold what it names, on every shard, verified, or
// fails and leaves what was there; where it is held already nothing is opened. A
// cancelled or failed Put can be done again: no row comes twice. Names that an
// engine holds in part, after a crash, are not held.
type Remote interface {
	matcher.Engine
	// PutBase makes it hold the clusters, tokens and user keys of a build.
	PutBase(ctx context.Context, build matcher.BuildID, columns []matcher.Column, open func() (*matcher.Base, error)) error
	// PutPopulation makes a build, without the users of these tokens, a population.
	PutPopulation(ctx context.Context, pop matcher.PopulationID, build matcher.BuildID, standings func() (*matcher.Standings, error), gone []token.Token) error
	// PutList makes it hold a list until a moment, after which its rows go by
	// themselves and it is not held any more.
	PutList(ctx context.Context, id matcher.ListID, columns []matcher.Column, open func() (*matcher.List, error), until time.Time) error
	// PutEvents makes it hold an event log, bound to the clusters of a build, likewise.
	PutEvents(ctx context.Context, build matcher.BuildID, id matcher.EventsID, log matcher.Log, rows iter.Seq2[matcher.EventRow, error], until time.Time) error
	// Holds tells what it holds, by asking every shard.
	Holds(ctx context.Context) (matcher.Holding, error)
	// Keep drops all that keep does not name, on every shard, and returns when it is
	// gone. Populations go from the engine's memory with their tables.
	Keep(ctx context.Context, keep matcher.Holding) error
	// Close lets the connections go.
	Close() error
}

// RemoteEngine says of the engine that is configured what records and statements do.
type RemoteEngine struct {
	Name   string // "clickhouse"
	Shards int
}
