package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// machine is a machine whose clocks the test sets.
type machine struct {
	wall   time.Time
	boot   string
	since  time.Duration
	broken error // the boot clock can't be read
}

func (m *machine) pass(d time.Duration) { m.wall, m.since = m.wall.Add(d), m.since+d }

func (m *machine) restart(off time.Duration, id string) {
	m.wall, m.boot, m.since = m.wall.Add(off), id, time.Minute
}

func (m *machine) open(t testing.TB, dir string, production bool) *Vault {
	t.Helper()
	v, err := Open(t.Context(), dir, Options{Now: func() time.Time { return m.wall },
		Boot: func() (string, func() (time.Duration, error)) {
			return m.boot, func() (time.Duration, error) { return m.since, m.broken }
		}, Production: production})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var noon = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func newMachine() *machine { return &machine{wall: noon, boot: "first", since: time.Hour} }

// TestTimeNeverGoesBack: a clock set back gives the last record's time.
func TestTimeNeverGoesBack(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	dir := filepath.Join(t.TempDir(), "V")
	v, err := Open(t.Context(), dir, Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	first, err := v.Log().Append("act", 1)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(-48 * time.Hour)
	second, err := v.Log().Append("act", 2)
	if err != nil {
		t.Fatal(err)
	}
	if second.Time.Before(first.Time) || v.Log().Now().Before(first.Time) {
		t.Error("time went back")
	}
}

// TestWallClockMovesNothing: whoever sets the wall clock, while the vault is open
// or between two openings, moves the vault's time by nothing: it counts on with
// the boot clock.
func TestWallClockMovesNothing(t *testing.T) {
	m := newMachine()
	dir := filepath.Join(t.TempDir(), "V")
	v := m.open(t, dir, true)
	m.pass(time.Hour)
	m.wall = m.wall.Add(400 * 24 * time.Hour)
	if got := v.Log().Now(); !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("the wall clock was set while open: %s", got)
	}
	v.Close()
	m.pass(time.Hour)
	v = m.open(t, dir, true)
	if got := v.Log().Now(); !got.Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("the wall clock was set while open, then opened again: %s", got)
	}
	if v.Log().Stopped() == nil {
		t.Error("a wall clock 400 days ahead stops nothing")
	}
	v.Close()
	// A dev vault takes the wall clock's word, and writes it down.
	m = newMachine()
	dir = filepath.Join(t.TempDir(), "D")
	m.open(t, dir, false).Close()
	m.wall = m.wall.Add(400 * 24 * time.Hour)
	v = m.open(t, dir, false)
	defer v.Close()
	if got := v.Log().Now(); !got.Equal(m.wall) || v.Log().Stopped() != nil {
		t.Errorf("a dev vault: %s", got)
	}
	if jumps := jumpsOf(t, v); len(jumps) != 1 || jumps[0].To.Sub(jumps[0].From) != 400*24*time.Hour {
		t.Errorf("logged jumps: %v", jumps)
	}
}

func jumpsOf(t testing.TB, v *Vault) (out []Jump) {
	t.Helper()
	for _, r := range v.Log().Records() {
		if r.Kind != KindClock {
			continue
		}
		var c ClockRecord
		if err := json.Unmarshal(r.Body, &c); err != nil {
			t.Fatal(err)
		}
		if c.Jump != nil {
			out = append(out, *c.Jump)
		}
	}
	return out
}

// TestClockAtRestart: after the machine was restarted the wall clock is believed
// up to a day, and beyond it once it was accepted.
func TestClockAtRestart(t *testing.T) {
	for _, c := range []struct {
		name    string
		off     time.Duration
		restart bool
		stopped bool
		want    time.Duration // since noon
	}{
		{"the process ends and starts", 0, false, false, 0},
		{"the clock is set back", -time.Hour, false, false, 0},
		{"the clock is set by seconds", 30 * time.Second, false, false, 0},
		{"the clock is set by an hour", time.Hour, false, false, time.Hour},
		{"the clock is set by 25 hours", 25 * time.Hour, false, true, 0},
		{"the clock is set back by 24 hours", -24 * time.Hour, false, false, 0},
		{"the clock is set back by 25 hours", -25 * time.Hour, false, true, 0},
		{"off for an hour", time.Hour, true, false, time.Hour},
		{"off for a day", 24 * time.Hour, true, false, 24 * time.Hour},
		{"off for more than a day", 24*time.Hour + 1, true, true, 0},
		{"on again in the past", -time.Hour, true, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine()
			dir := filepath.Join(t.TempDir(), "V")
			m.open(t, dir, true).Close()
			m.wall = m.wall.Add(c.off)
			if c.restart {
				m.restart(0, "second")
			}
			for range 2 { // a stop outlives the process
				v := m.open(t, dir, true)
				if got := v.Log().Now(); !got.Equal(noon.Add(c.want)) {
					t.Errorf("it is %s, want %s", got, noon.Add(c.want))
				}
				if (v.Log().Stopped() != nil) != c.stopped {
					t.Errorf("stopped: %v", v.Log().Stopped())
				}
				v.Close()
			}
			m.pass(time.Hour)
			v := m.open(t, dir, true)
			r, err := v.Log().AcceptClock(nil)
			if err != nil || (r != nil) != c.stopped {
				t.Fatalf("accepting: %v %v", r, err)
			}
			if c.stopped {
				want := m.wall
				if want.Before(noon) {
					want = noon // of the last record
				}
				if got := v.Log().Now(); !got.Equal(want) || v.Log().Stopped() != nil {
					t.Errorf("accepted: %s, the wall clock says %s", got, m.wall)
				}
			}
			v.Close()
			v = m.open(t, dir, true)
			defer v.Close()
			if v.Log().Stopped() != nil {
				t.Error("it stopped again after the jump was accepted")
			}
		})
	}
}

// TestClockCannotCreep: however the wall clock is set and the process restarted,
// on one start of the machine the vault's time gains at most MaxJump over the
// boot clock; it does not go back, but where it was stopped for a clock that was
// set back.
func TestClockCannotCreep(t *testing.T) {
	dirs := t.TempDir()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		m := newMachine()
		dir := filepath.Join(dirs, fmt.Sprint("v", n))
		v := m.open(t, dir, true)
		began := v.Log().Now().Add(-m.since)
		last := v.Log().Now()
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			m.pass(time.Duration(rapid.Int64Range(0, int64(40*time.Hour)).Draw(r, "pass")))
			m.wall = m.wall.Add(time.Duration(rapid.Int64Range(-int64(30*time.Hour), int64(30*time.Hour)).Draw(r, "set")))
			if rapid.Bool().Draw(r, "reopen") {
				v.Close()
				v = m.open(t, dir, true)
			}
			now := v.Log().Now()
			if now.Before(last) && v.Log().Stopped() == nil {
				r.Errorf("time went back by %s", last.Sub(now))
			}
			if ahead := now.Sub(began) - m.since; ahead > MaxJump {
				r.Errorf("time is %s ahead of the boot clock", ahead)
			}
			last = now
		}
		v.Close()
	})
}

// TestClockCreepsByADay: 23 hours at each of three openings on one start of the
// machine are more than a day.
func TestClockCreepsByADay(t *testing.T) {
	m := newMachine()
	dir := filepath.Join(t.TempDir(), "V")
	for i := range 4 {
		v := m.open(t, dir, true)
		if got, want := v.Log().Now().Sub(noon), []time.Duration{0, 23 * time.Hour, 23 * time.Hour, 23 * time.Hour}[i]; got != want {
			t.Errorf("opening %d: %s ahead of the boot clock, want %s", i, got, want)
		}
		if stopped := v.Log().Stopped() != nil; stopped != (i > 1) {
			t.Errorf("opening %d: stopped %v", i, stopped)
		}
		v.Close()
		m.wall = m.wall.Add(23 * time.Hour)
	}
}

// TestBootClockMoved: a boot clock that somebody moved, in a time namespace of
// their own, moves the vault's time by nothing and stops it; so it is once they
// are gone.
func TestBootClockMoved(t *testing.T) {
	for _, production := range []bool{true, false} {
		m := newMachine()
		dir := filepath.Join(t.TempDir(), "V")
		m.open(t, dir, production).Close()
		m.pass(time.Hour)
		m.since += 400 * 24 * time.Hour
		v := m.open(t, dir, production)
		if got := v.Log().Now(); !got.Equal(m.wall) || (v.Log().Stopped() != nil) != production {
			t.Errorf("production %v: it is %s with a moved boot clock, the wall clock says %s", production, got, m.wall)
		}
		if _, err := v.Log().Append("act", 1); err != nil {
			t.Fatal(err)
		}
		if jumps := jumpsOf(t, v); len(jumps) != 1 {
			t.Errorf("production %v: logged jumps %v", production, jumps)
		}
		v.Close()
		m.since -= 400 * 24 * time.Hour
		m.pass(time.Hour)
		v = m.open(t, dir, production)
		if got := v.Log().Now().Sub(m.wall); got < -time.Hour || got > 0 {
			t.Errorf("production %v: %s from the wall clock once it is over", production, got)
		}
		v.Close()
	}
}

// TestBootClockHidden: where the boot clock that a vault had is hidden, nothing is
// released and time does not follow the wall clock, day by day, however often it
// is opened; a dev vault goes on.
func TestBootClockHidden(t *testing.T) {
	for _, production := range []bool{true, false} {
		m := newMachine()
		dir := filepath.Join(t.TempDir(), "V")
		m.open(t, dir, production).Close()
		m.boot = ""
		for i := range 4 {
			m.wall = m.wall.Add(23 * time.Hour)
			v := m.open(t, dir, production)
			if (v.Log().Stopped() != nil) != production {
				t.Errorf("production %v, opening %d: stopped %v", production, i, v.Log().Stopped())
			}
			if _, err := v.Log().Append("act", i); err != nil {
				t.Fatal(err)
			}
			v.Close()
		}
		if !production {
			continue
		}
		m.boot = "first"
		v := m.open(t, dir, production)
		if v.Log().Stopped() == nil {
			t.Error("shown again, it goes on by itself")
		}
		if r, err := v.Log().AcceptClock(nil); r == nil || err != nil || v.Log().Stopped() != nil {
			t.Errorf("accepting: %v %v", r, err)
		}
		v.Close()
	}
}

// TestMovedClock reads what the kernel says of a time namespace.
func TestMovedClock(t *testing.T) {
	for offsets, want := range map[string]bool{
		"monotonic           0         0\nboottime            0         0\n": false,
		"monotonic           0         0\nboottime     34560000         0\n": true,
		"monotonic           0         0\nboottime            0 500000000\n": true,
		"monotonic           7         0\nboottime            0         0\n": false,
		"something else\n": true,
	} {
		if got := movesClock(offsets); got != want {
			t.Errorf("%q: moved %v", offsets, got)
		}
	}
}

// TestBootClockFails: when the boot clock can't be read, at whichever time it is
// read, the vault's time stands still and nothing is written; it never becomes
// another clock. Afterwards all goes on.
func TestBootClockFails(t *testing.T) {
	m := newMachine()
	dir := filepath.Join(t.TempDir(), "V")
	v := m.open(t, dir, true)
	defer v.Close()
	m.pass(time.Hour)
	now := v.Log().Now()
	m.broken = errors.New("no such clock")
	m.pass(time.Hour)
	if got := v.Log().Now(); !got.Equal(now) {
		t.Errorf("it is %s, it was %s", got, now)
	}
	if _, err := v.Log().Append("act", 1); !errors.Is(err, m.broken) {
		t.Errorf("written without a clock: %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "W"), Options{Boot: func() (string, func() (time.Duration, error)) {
		return "first", func() (time.Duration, error) { return 0, m.broken }
	}}); !errors.Is(err, m.broken) {
		t.Errorf("opened without a clock: %v", err)
	}
	m.broken = nil
	r, err := v.Log().Append("act", 2)
	if err != nil || !r.Time.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestDevIsBound: a vault does not become a dev vault by a word in its keys
// file.
func TestDevIsBound(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	newMachine().open(t, dir, true).Close()
	replaceIn(t, filepath.Join(dir, "keys"), `"dev": false`, `"dev": true`)
	if _, err := Open(t.Context(), dir, plain); err == nil {
		t.Error("the flag of the keys file is believed")
	}
}

func replaceIn(t *testing.T, path, old, with string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), old) {
		t.Fatalf("%s has no %s", filepath.Base(path), old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), old, with, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
