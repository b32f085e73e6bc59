package clickhouse

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"
)

// Measurement owns the tables of what is measured, by whatever process.
const Measurement = "be9c4"

// Options say where the servers are and how they are asked.
type Options struct {
	Shards   []string // host:port of each
	Database string   // it is there already
	Username string
	Password string
	// Owner is hex and says whose the tables are, a room's or Measurement: a database
	// in which there are any of another owner is refused.
	Owner string
	TLS   *tls.Config // nil: none, for loopback, or Dial speaks it
	// Dial opens a connection to one of the addresses; nil: TCP. It is not given
	// together with TLS, which the driver would leave out without a word.
	Dial func(ctx context.Context, addr string) (net.Conn, error)

	Memory int64         // bytes that a statement may use on a shard; 0: 8 GiB
	Time   time.Duration // that a count may take; 0: 5 minutes
	Logger *slog.Logger  // nil: discards. It sees no identifier, hash or token
}
