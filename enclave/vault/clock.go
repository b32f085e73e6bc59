package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// The vault's time decides when a budget slides back, so it does not follow the
// machine's wall clock, which anybody with the machine can set. It is the wall
// clock as it was at an anchor, plus what the boot clock counted since. The
// anchor is a record of the log, and holds for as long as the machine runs: a
// process that ends and starts again goes on from it. Only at a restart of the
// machine does the wall clock say how long it was off, and only up to MaxJump
// is it believed without being asked about.

// KindClock is the kind of the records that anchor the vault's time. The log
// writes them itself.
const KindClock = "clock"

// MaxJump is how far the wall clock may run ahead of what the boot clock proves
// before it counts as a jump (PRIVACY §4.6).
const MaxJump = 24 * time.Hour

// drift is how far the two clocks may part before the wall clock is taken anew.
const drift = time.Minute

// ClockRecord is the body of a KindClock record.
type ClockRecord struct {
	Boot    string        `json:"boot,omitempty"` // keyed hash of the machine's boot id
	Reading time.Duration `json:"reading"`        // of the clock that runs on from At
	At      time.Time     `json:"at"`
	Moved   time.Duration `json:"moved"` // forward without proof since the machine started

	Jump     *Jump `json:"jump,omitempty"`     // the wall clock was too far ahead
	Stopped  bool  `json:"stopped,omitempty"`  // …and is not believed before it is accepted
	Accepted bool  `json:"accepted,omitempty"` // a jump before was accepted
}

// Jump is a wall clock that ran ahead of the vault's time.
type Jump struct {
	From time.Time `json:"from"` // the vault's time
	To   time.Time `json:"to"`   // the wall clock's
}

// clock reads the machine's clocks and keeps the anchor.
type clock struct {
	wall   func() time.Time
	boot   func() (id string, since time.Duration) // "": the machine can't tell
	key    [KeySize]byte
	anchor ClockRecord
	known  bool // the anchor stands
}

// read gives the clock that runs on between anchors: the boot clock, or where
// there is none the wall clock, counted from 1970.
func (c *clock) read() (boot string, reading time.Duration) {
	id, since := c.boot()
	if id == "" {
		return "", time.Duration(c.wall().UnixNano())
	}
	m := hmac.New(sha256.New, c.key[:])
	m.Write([]byte(id))
	return hex.EncodeToString(m.Sum(nil)[:8]), since
}

// now gives the vault's time.
func (c *clock) now() time.Time {
	if !c.known {
		return c.wall().UTC()
	}
	_, reading := c.read()
	return c.anchor.At.Add(reading - c.anchor.Reading)
}

// set takes a record of the log in.
func (c *clock) set(r *Record) error {
	var a ClockRecord
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return fmt.Errorf("a clock record: %w", err)
	}
	c.anchor, c.known = a, true
	return nil
}

// open decides, at an opening, what time it is. It gives the record to write, or
// nil where the last one holds.
func (c *clock) open(last time.Time, dev bool) *ClockRecord {
	wall := c.wall().UTC()
	boot, reading := c.read()
	next := ClockRecord{Boot: boot, Reading: reading, At: wall, Stopped: c.stopped()}
	expected := last
	proven := c.known && boot != "" && c.anchor.Boot == boot
	if proven {
		next.Moved = c.anchor.Moved
		if t := c.anchor.At.Add(reading - c.anchor.Reading); t.After(last) {
			expected = t
		}
	}
	ahead := wall.Sub(expected)
	switch {
	case last.IsZero():
		// A new vault: there is nothing that the clock could be ahead of.
	case next.Moved+max(0, ahead) > MaxJump:
		next.Jump = &Jump{From: expected, To: wall}
		next.Moved = 0
		if !dev {
			next.Stopped, next.At = true, expected
		}
		if c.stopped() && (proven || boot == "") {
			return c.hold(next)
		}
		return &next
	case proven && ahead <= drift:
		return nil
	default:
		next.Moved += max(0, ahead)
		if ahead < 0 {
			next.At = expected
		}
	}
	if boot == "" {
		return c.hold(next)
	}
	return &next
}

// hold makes an anchor that no record needs to keep: without a boot clock the
// next opening could not go on from it.
func (c *clock) hold(a ClockRecord) *ClockRecord {
	c.anchor, c.known = a, true
	return nil
}

// stopped tells whether a jump waits to be accepted.
func (c *clock) stopped() bool { return c.known && c.anchor.Stopped }

// startClock anchors the log's time. It is called once, when the log was read.
func (l *Log) startClock(dev bool, logger *slog.Logger) error {
	var last time.Time
	for i := range l.records {
		if l.records[i].Kind == KindClock {
			if err := l.clock.set(&l.records[i]); err != nil {
				return err
			}
		}
		last = l.records[i].Time
	}
	next := l.clock.open(last, dev)
	if next == nil {
		return nil
	}
	if j := next.Jump; j != nil {
		logger.Warn("the machine's clock is ahead of the vault's time; awase ledger shows it", "by", j.To.Sub(j.From).Round(time.Second))
	}
	l.clock.hold(*next)
	_, err := l.Append(KindClock, next)
	return err
}

// Stopped gives the jump that waits to be accepted, or nil: until then the
// vault's time does not follow it, and nothing new may be released.
func (l *Log) Stopped() *Jump {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.clock.stopped() {
		return nil
	}
	if j := l.clock.anchor.Jump; j != nil {
		return j
	}
	// An anchor of a later start of the machine: the stop goes on.
	return &Jump{From: l.nowLocked(), To: l.clock.wall().UTC()}
}

// AcceptClock believes the wall clock, whatever it jumped by. It gives nil where
// nothing waits to be accepted.
func (l *Log) AcceptClock() (*Record, error) {
	l.mu.Lock()
	if !l.clock.stopped() {
		l.mu.Unlock()
		return nil, nil
	}
	boot, reading := l.clock.read()
	next := ClockRecord{Boot: boot, Reading: reading, At: l.clock.wall().UTC(), Accepted: true, Jump: l.clock.anchor.Jump}
	before := l.clock.anchor
	l.clock.hold(next)
	l.mu.Unlock()
	r, err := l.Append(KindClock, next)
	if err != nil {
		l.mu.Lock()
		l.clock.hold(before)
		l.mu.Unlock()
	}
	return r, err
}
