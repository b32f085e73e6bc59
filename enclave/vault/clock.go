package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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

	Jump     *Jump `json:"jump,omitempty"`     // the wall clock was too far ahead, or behind
	Stopped  bool  `json:"stopped,omitempty"`  // …and is not believed before it is accepted
	Accepted bool  `json:"accepted,omitempty"` // a jump before was accepted
}

// Jump is a wall clock that parted from the vault's time.
type Jump struct {
	From time.Time `json:"from"` // the vault's time
	To   time.Time `json:"to"`   // the wall clock's
}

// clock reads the machine's clocks and keeps the anchor.
type clock struct {
	wall   func() time.Time
	since  func() (time.Duration, error) // the boot clock; nil: the machine has none
	boot   string                        // keyed hash of the machine's boot id; "": it has none
	anchor ClockRecord
	known  bool      // the anchor stands
	latest time.Time // that was given
}

func newClock(o Options, key [KeySize]byte) clock {
	c := clock{wall: o.Now}
	id, since := o.Boot()
	if id == "" || since == nil {
		return c
	}
	// Read once: a machine that runs does not change it, and a read that fails
	// later would be another clock.
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte(id))
	c.boot, c.since = hex.EncodeToString(m.Sum(nil)[:8]), since
	return c
}

// read gives the clock that runs on between anchors: the boot clock, or where
// there is none the wall clock, counted from 1970.
func (c *clock) read() (time.Duration, error) {
	if c.since == nil {
		return time.Duration(c.wall().UnixNano()), nil
	}
	reading, err := c.since()
	if err != nil {
		return 0, fmt.Errorf("reading the boot clock: %w", err)
	}
	return reading, nil
}

// now gives the vault's time. Where the clock can't be read it gives the latest
// time that it gave, and the error.
func (c *clock) now() (time.Time, error) {
	t := c.wall().UTC()
	if c.known {
		reading, err := c.read()
		if err != nil {
			return c.latest, err
		}
		t = c.anchor.At.Add(reading - c.anchor.Reading)
	}
	c.latest = t
	return t, nil
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
func (c *clock) open(last time.Time, dev bool) (*ClockRecord, error) {
	wall := c.wall().UTC()
	reading, err := c.read()
	if err != nil {
		return nil, err
	}
	next := ClockRecord{Boot: c.boot, Reading: reading, At: wall, Stopped: c.stopped()}
	expected, counted := last, wall // counted: by the boot clock
	proven := c.known && c.boot != "" && c.anchor.Boot == c.boot
	if proven {
		next.Moved = c.anchor.Moved
		counted = c.anchor.At.Add(reading - c.anchor.Reading)
		if counted.After(last) {
			expected = counted
		}
	}
	ahead := wall.Sub(expected)
	switch {
	case last.IsZero():
		// A new vault: there is nothing that the clock could be ahead of.
	case !dev && c.known && c.anchor.Boot != "" && c.boot == "":
		// The boot clock that there was is hidden, as in a time namespace: a day an
		// opening would add up with nothing to tell.
		next.Jump, next.Stopped, next.At = &Jump{From: expected, To: wall}, true, expected
		return &next, nil
	case next.Moved+max(0, ahead) > MaxJump:
		next.Jump = &Jump{From: expected, To: wall}
		next.Moved = 0
		if !dev {
			next.Stopped, next.At = true, expected
		}
		if c.stopped() && (proven || c.boot == "") {
			return c.hold(next), nil
		}
		return &next, nil
	case counted.Sub(wall) > MaxJump:
		// The wall clock was set back, or somebody moved the boot clock. Time goes
		// on from the earlier of the two, but never before the last record.
		next.Jump = &Jump{From: counted, To: wall}
		next.Stopped = next.Stopped || !dev
		if wall.Before(last) {
			next.At = last
		}
		return &next, nil
	case proven && ahead <= drift:
		return nil, nil
	default:
		next.Moved += max(0, ahead)
		if ahead < 0 {
			next.At = expected
		}
	}
	if c.boot == "" {
		return c.hold(next), nil
	}
	return &next, nil
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
	next, err := l.clock.open(last, dev)
	if err != nil || next == nil {
		return err
	}
	if j := next.Jump; j != nil {
		logger.Warn("the machine's clock parted from the vault's time; awase ledger shows it", "by", j.To.Sub(j.From).Round(time.Second))
	}
	l.clock.hold(*next)
	_, err = l.Append(KindClock, next)
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
	now, _ := l.nowLocked() // an old time is good enough to show
	return &Jump{From: now, To: l.clock.wall().UTC()}
}

// ErrClock is that the wall clock is not the one that was to be believed.
var ErrClock = errors.New("the machine's clock is not where it was")

// Clocks gives the vault's time and the wall clock's.
func (l *Log) Clocks() (now, wall time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, _ = l.nowLocked() // an old time is good enough to compare
	return now, l.clock.wall().UTC()
}

// AcceptClock believes the wall clock, whatever it jumped by, if believe, nil: in
// any case, says so of the vault's time and of the very reading that is believed;
// else it fails with ErrClock. It gives nil where nothing waits to be accepted.
func (l *Log) AcceptClock(believe func(now, wall time.Time) bool) (*Record, error) {
	l.mu.Lock()
	if !l.clock.stopped() {
		l.mu.Unlock()
		return nil, nil
	}
	reading, err := l.clock.read()
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	wall := l.clock.wall().UTC()
	now, err := l.nowLocked()
	if err == nil && believe != nil && !believe(now, wall) {
		err = ErrClock
	}
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	next := ClockRecord{Boot: l.clock.boot, Reading: reading, At: wall, Accepted: true, Jump: l.clock.anchor.Jump}
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
