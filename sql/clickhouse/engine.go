package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/entrustment"
	"awase/matcher"
)

// Engine counts in ClickHouse. It is safe for concurrent use.
type Engine struct {
	o      Options
	shards []driver.Conn
	// patience is how long what may pass by itself is tried again: a connection
	// that was cut, a server that is starting.
	patience time.Duration
	// hurry is the same for what a question waits for.
	hurry time.Duration
	long  time.Duration // that a statement may take which loads
	block int           // rows of a block

	putting turn // of who puts something: loads share two ends and gain nothing side by side

	mu      sync.Mutex
	builds  map[matcher.BuildID]*build
	last    matcher.BuildID // that was put
	pops    map[matcher.PopulationID]*population
	lists   map[matcher.ListID]*list
	logs    map[matcher.BoundEvents]*eventLog
	loading map[string]bool // names of tables under way

	queries map[string]string // what statements that count are made of
}

// The least version of a server: the long-term release whose insert tokens and
// settings this was tested with.
const leastMajor, leastMinor = 26, 3

// Open connects to every shard and finds out whether it will do.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if len(o.Shards) == 0 {
		return nil, errors.New("no shard is named")
	}
	if o.TLS != nil && o.Dial != nil {
		return nil, errors.New("the driver speaks no TLS on a connection that it is given: let Dial speak it")
	}
	if o.Memory == 0 {
		o.Memory = 8 << 30
	}
	if o.Time == 0 {
		o.Time = 5 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{o: o, patience: 2 * time.Minute, hurry: 10 * time.Second, long: max(o.Time, loadTime), block: blockRows, putting: newTurn(),
		builds: map[matcher.BuildID]*build{}, pops: map[matcher.PopulationID]*population{},
		lists: map[matcher.ListID]*list{}, logs: map[matcher.BoundEvents]*eventLog{}, loading: map[string]bool{}}
	var err error
	if e.queries, err = fragments(); err != nil {
		return nil, fmt.Errorf("reading the statements: %w", err)
	}
	seen := map[string]int{}
	for i, address := range o.Shards {
		conn, err := clickhouse.Open(e.options(address))
		if err == nil {
			e.shards = append(e.shards, conn)
			err = e.examine(ctx, i, seen)
		}
		if err != nil {
			return nil, errors.Join(e.fault(i, connecting, err), e.Close())
		}
	}
	return e, nil
}

// Connections are the most that an engine has to one shard at a time.
const Connections = 2*senders*tablesAtOnce + 4

func (e *Engine) options(address string) *clickhouse.Options {
	return &clickhouse.Options{
		Addr: []string{address}, TLS: e.o.TLS, DialTimeout: 5 * time.Second,
		ReadTimeout: e.o.Time + 10*time.Second,
		Auth:        clickhouse.Auth{Database: e.o.Database, Username: e.o.Username, Password: e.o.Password},
		Settings: clickhouse.Settings{
			"max_memory_usage": e.o.Memory, "max_execution_time": int(e.o.Time.Seconds()) + 1,
			// Whatever the account's profile says, no row is left out of an answer, and
			// what goes over a limit fails instead of being cut short.
			"limit": 0, "offset": 0, "read_overflow_mode": "throw", "read_overflow_mode_leaf": "throw", "group_by_overflow_mode": "throw",
			"sort_overflow_mode": "throw", "result_overflow_mode": "throw", "timeout_overflow_mode": "throw", "timeout_overflow_mode_leaf": "throw",
			"set_overflow_mode": "throw", "join_overflow_mode": "throw", "transfer_overflow_mode": "throw", "distinct_overflow_mode": "throw",
			// Nor does it decide what a join is, or add rows to an answer.
			"join_default_strictness": "ALL", "extremes": 0,
			// No statement and no row stays in the server's logs: a server that fixes it
			// otherwise refuses this.
			"log_queries": 0, "send_logs_level": "none", "send_profile_events": 0,
			// A block is written and told apart before its insert is answered.
			"async_insert": 0, "insert_deduplicate": 1,
			// A block that is sent is a part that is written.
			"min_insert_block_size_rows": 2 * blockRows, "max_insert_block_size": 2 * blockRows,
		},
		MaxOpenConns: Connections, MaxIdleConns: senders*tablesAtOnce + 2,
		DialContext: e.o.Dial,
	}
}

// examine tells whether a shard will do, and whether its database is there, and is
// none of those that were seen, by their ids: what is counted twice is a wrong number.
func (e *Engine) examine(ctx context.Context, shard int, seen map[string]int) error {
	v, err := e.shards[shard].ServerVersion()
	if err != nil {
		return err
	}
	var clock time.Time
	var id string
	if err := e.shards[shard].QueryRow(ctx, statement("session")).Scan(&clock, &id); err != nil {
		return err
	}
	if detail, mend := unfit(v.Version.Major, v.Version.Minor, time.Since(clock)); detail != "" {
		return e.refusal(shard, detail, mend)
	}
	if other, twice := seen[id]; twice {
		return e.refusal(shard, fmt.Sprintf("its database is that of shard %d: both addresses lead to one server, or its disk is a copy of the other's", other+1),
			"name each server once; where it is a copy, drop its database and make it anew")
	}
	seen[id] = shard
	tables, err := e.tables(ctx, e.puts(), shard)
	if err != nil {
		return err
	}
	if detail, mend := e.taken(tables); detail != "" {
		return e.refusal(shard, detail, mend)
	}
	return nil
}

// taken says whose a database is, and what to do about it; "": ours, or nobody's.
func (e *Engine) taken(tables map[string]found) (detail, mend string) {
	whose := map[bool]bool{} // by whether it is a measurement
	for _, f := range tables {
		if e.foreign(&f) {
			whose[f.note.Owner == Measurement] = true
		}
	}
	switch {
	case whose[false] && e.o.Owner == Measurement:
		return "its database has tables of a room, and a measurement drops all that it finds", "name another database, made for the measurement"
	case whose[false]:
		return "its database has tables of another room", "give each room a database of its own; or, where the other is no more, drop the database and make it anew"
	case whose[true]:
		return "its database has tables of a measurement (awase bench)", "wait until it has ended; where it was killed, run it again, which drops them, or drop the database and make it anew"
	}
	return "", ""
}

// unfit says why a server will not do, and what to do about it; "": it will.
func unfit(major, minor uint64, behind time.Duration) (detail, mend string) {
	switch {
	case major < leastMajor || major == leastMajor && minor < leastMinor:
		return fmt.Sprintf("its ClickHouse is %d.%d", major, minor), fmt.Sprintf("install %d.%d or later", leastMajor, leastMinor)
	case behind.Abs() > time.Minute:
		return "its clock is more than a minute off", "set the clocks of the servers by one source"
	}
	return "", ""
}

func (e *Engine) refusal(shard int, detail, mend string) error {
	return &entrustment.Error{Code: entrustment.CodeEngine, Field: fmt.Sprintf("shard %d", shard+1), Detail: detail, Mend: mend}
}

// Close lets the connections go.
func (e *Engine) Close() error {
	var err error
	for _, s := range e.shards {
		err = errors.Join(err, s.Close())
	}
	return err
}

// each calls f for every shard at the same time. Where one fails the others are
// told to stop.
func (e *Engine) each(ctx context.Context, f func(ctx context.Context, shard int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return e.every(func(shard int) error {
		err := f(ctx, shard)
		if err != nil {
			cancel()
		}
		return err
	})
}

// every calls f for every shard at the same time, whatever becomes of the others.
func (e *Engine) every(f func(shard int) error) error {
	faults := make([]error, len(e.shards))
	var wg sync.WaitGroup
	for i := range e.shards {
		wg.Go(func() { faults[i] = f(i) })
	}
	wg.Wait()
	return first(faults)
}

// first joins what went wrong, without those that were stopped because of another.
func first(faults []error) error {
	var own []error
	for _, err := range faults {
		if err != nil && !errors.Is(err, context.Canceled) {
			own = append(own, err)
		}
	}
	if len(own) == 0 {
		return errors.Join(faults...)
	}
	return errors.Join(own...)
}

// turn is had by one at a time. Who waits for it can go away.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
