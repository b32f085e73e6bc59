package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/entrustment"
	"awase/matcher"
)

// ErrLost says that a shard does not hold what was put there any more, whole. What
// the engine knew of it is forgotten: put again, it is there again.
var ErrLost = matcher.ErrLost

// exceptions are the numbers of ClickHouse's errors that are dealt with. An
// exception's text can quote a statement or data, so it goes nowhere; its name does.
var exceptions = map[int32]struct {
	name string
	kind faultKind
	mend string
}{
	32:  {"ATTEMPT_TO_READ_AFTER_EOF", passing, ""},
	33:  {"CANNOT_READ_ALL_DATA", passing, ""},
	40:  {"CHECKSUM_DOESNT_MATCH", lasting, rotten},
	60:  {"UNKNOWN_TABLE", lost, ""},
	75:  {"CANNOT_WRITE_TO_FILE_DESCRIPTOR", full, "free disk, or add some"},
	81:  {"UNKNOWN_DATABASE", lasting, "make the database"},
	101: {"UNEXPECTED_PACKET_FROM_CLIENT", passing, ""},
	159: {"TIMEOUT_EXCEEDED", slow, "give the engine more time, or the cluster another shard"},
	160: {"TOO_SLOW", slow, "give the engine more time, or the cluster another shard"},
	164: {"READONLY", lasting, "let the account write and set what it must"},
	201: {"QUOTA_EXCEEDED", lasting, "raise the account's quota, or wait until its hour is over"},
	202: {"TOO_MANY_SIMULTANEOUS_QUERIES", passing, ""},
	203: {"NO_FREE_CONNECTION", passing, ""},
	209: {"SOCKET_TIMEOUT", passing, ""},
	210: {"NETWORK_ERROR", passing, ""},
	218: {"TABLE_IS_DROPPED", lost, ""},
	226: {"NO_FILE_IN_DATA_PART", lasting, rotten},
	236: {"ABORTED", passing, ""},
	241: {"MEMORY_LIMIT_EXCEEDED", lasting, "give the engine more memory, or the cluster another shard"},
	243: {"NOT_ENOUGH_SPACE", full, "free disk, or add some"},
	246: {"CORRUPTED_DATA", lasting, rotten},
	252: {"TOO_MANY_PARTS", passing, ""},
	359: {"TABLE_SIZE_EXCEEDS_MAX_DROP_SIZE_LIMIT", lasting, "let the account set max_table_size_to_drop, or set it to 0 in the server's configuration"},
	394: {"QUERY_WAS_CANCELLED", passing, ""},
	439: {"CANNOT_SCHEDULE_TASK", passing, ""},
	452: {"SETTING_CONSTRAINT_VIOLATION", lasting, "let the account set what it must"},
	497: {"ACCESS_DENIED", lasting, "give the account its grants"},
	516: {"AUTHENTICATION_FAILED", lasting, "check the account and its password"},
}

// rotten is what to do where a disk does not give back what was written: a table that has
// its rows by their number is held, and is not loaded again by itself.
const rotten = "look at the server's disk, and drop the database's tables there: they are loaded again"

// faultKind says what may be done about a fault.
type faultKind int

const (
	lasting faultKind = iota // trying again does not help
	passing                  // trying again may
	full                     // trying again may, soon or not at all
	slow                     // it took all its time: trying again would take as much
	lost                     // a table is not there
)

// kindOf says of which kind an error of the driver is.
func kindOf(err error) faultKind {
	var exception *clickhouse.Exception
	var network net.Error
	switch {
	case errors.As(err, &exception):
		return exceptions[exception.Code].kind
	case outOfTime(err):
		return slow
	case ofTLS(err):
		return lasting
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), errors.Is(err, clickhouse.ErrAcquireConnTimeout):
		return passing
	}
	return lasting
}

// outOfTime tells whether a deadline passed here, before the server said anything.
func outOfTime(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func ofTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &record) || errors.As(err, &alert)
}

const (
	connecting = "connecting"
	unreached  = "look whether the server runs and is reached"
)

// fault makes an error of the driver one that may be shown: which shard, what was
// being done, and what is wrong without the server's own words.
func (e *Engine) fault(shard int, doing string, err error) error {
	var shown *entrustment.Error
	if err == nil || errors.As(err, &shown) || errors.Is(err, ErrLost) || errors.Is(err, context.Canceled) {
		return err
	}
	out := &entrustment.Error{Code: entrustment.CodeEngine, Field: fmt.Sprintf("shard %d", shard+1)}
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		known := exceptions[exception.Code]
		out.Detail, out.Mend = fmt.Sprintf("%s: ClickHouse error %d", doing, exception.Code), known.mend
		if known.name != "" {
			out.Detail += " " + known.name
		}
		if known.kind == lost {
			return fmt.Errorf("%w: %w", ErrLost, out)
		}
		return out
	}
	switch kind := kindOf(err); {
	case kind == slow && doing == connecting:
		out.Detail, out.Mend = doing+": no answer", unreached
	case kind == slow:
		out.Detail, out.Mend = doing+": no answer within the time it may take", exceptions[159].mend
	case kind == passing:
		out.Detail, out.Mend = doing+": no connection", unreached
	default:
		out.Detail = fmt.Sprintf("%s: the driver gave %T", doing, err)
		if ofTLS(err) {
			out.Detail, out.Mend = doing+": TLS is not agreed on", "check the server's certificate, its name and the CA"
		}
	}
	return out
}

// limits are how long a statement may take, and how long it is tried again.
type limits struct{ time, patience time.Duration }

// loadTime is how long a statement may take that reads or writes all of a table when
// it is loaded. The driver adds five seconds, and an account may have no more than an
// hour.
const loadTime = 59 * time.Minute

func (e *Engine) counts() limits { return limits{e.o.Time, min(e.hurry, e.patience)} }
func (e *Engine) puts() limits   { return limits{e.o.Time, e.patience} }
func (e *Engine) loads() limits  { return limits{e.long, e.patience} }

// again calls do until it succeeds, fails for good, or patience is at its end.
func (e *Engine) again(ctx context.Context, how limits, shard int, doing string, do func(ctx context.Context) error) error {
	var end time.Time
	var last error // of a try before
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		given, ends := ctx.Deadline()
		short := ends && time.Until(given) < how.time // than the statement may take
		attempt, cancel := context.WithTimeout(ctx, how.time)
		err := do(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || short && outOfTime(err) {
			return e.overdue(ctx, shard, doing, last)
		}
		if end.IsZero() {
			end = time.Now().Add(how.patience)
			if kindOf(err) == full {
				end = time.Now().Add(how.patience / 10)
			}
		}
		if kind := kindOf(err); kind != passing && kind != full || time.Now().After(end) {
			return e.fault(shard, doing, err)
		}
		last = e.fault(shard, doing, err)
		e.o.Logger.Warn("ClickHouse is tried again", "shard", shard+1, "doing", doing, "error", last)
		select {
		case <-ctx.Done():
			return e.overdue(ctx, shard, doing, last)
		case <-time.After(wait):
		}
	}
}

// overdue is what who gave so much time is told: what was wrong until then, or that the
// shard did not answer. Who went away is told nothing.
func (e *Engine) overdue(ctx context.Context, shard int, doing string, last error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case last != nil:
		return last
	}
	return e.refusal(shard, doing+": no answer", unreached)
}
