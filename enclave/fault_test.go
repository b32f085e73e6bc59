package enclave

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/aggregator"
	"awase/internal/fault"
)

var morning = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// mishaps are the faults and what is left after each. After an error the same is
// tried again by the same process, and then the process ends.
var mishaps = []struct {
	fault fault.Fault
	crash fault.Crash
	what  string
	at    string // the operations where it differs from the others; "": all
	turn  int    // of two that take turns, one at each operation; 0: at all
}{
	{fault.Error, fault.Keep, "error", "", 1},
	{fault.Error, fault.Lose, "error, then a power cut", "", 2},
	{fault.Short, fault.Keep, "short write", "write", 0},
	{fault.Full, fault.Keep, "disk full", "create write", 0},
	{fault.Kill, fault.Keep, "kill", "", 2},
	{fault.Kill, fault.Lose, "power cut", "", 1},
	{fault.Kill, fault.Cut, "power cut, half of the bytes there", "write sync truncate", 0},
	{fault.Kill, fault.Holes, "power cut, the first half of the bytes missing", "write sync truncate", 0},
}

// allFaults: nothing takes turns (make faults). Otherwise every operation meets an error
// and a death of the process, each with the disk as it was or as after a power cut; which,
// goes by the sequence of Thue and Morse, that no rhythm of the operations goes with.
var allFaults = os.Getenv("AWASE_FAULTS") == "all"

func itsTurn(turn, step, n int) bool {
	return turn == 0 || allFaults || (bits.OnesCount(uint(n))+step)%2 == turn-1
}

// copyRoom copies a vault with its key and checkpoint.
func copyRoom(to, from string) error {
	err := os.CopyFS(to, os.DirFS(from))
	if _, serr := os.Stat(filepath.Join(to, "V.key")); serr == nil {
		err = errors.Join(err, os.Chmod(filepath.Join(to, "V.key"), 0o600))
	}
	return err
}

// TestFaultAnywhere lets each operation that changes the disk, of a whole day,
// fail in each way. What was acknowledged is there afterwards, what was released
// is paid for and the same, and the day can go on.
func TestFaultAnywhere(t *testing.T) {
	t.Parallel()
	t.Run("day", func(t *testing.T) {
		steps, files := smallDay(t)
		faultAnywhere(t, steps, 0, files, dayKinds, 150)
	})
	t.Run("evening", func(t *testing.T) {
		steps, from, files := smallEvening(t)
		faultAnywhere(t, steps, from, files, eveningKinds, 80)
	})
}

// faultAnywhere does the steps, those from from on with every fault.
func faultAnywhere(t *testing.T, steps []step, from int, files *sealedFiles, kinds map[string]int, least int) {
	d := newDay(t, files, t.TempDir(), morning)
	d.want = kinds
	t.Cleanup(func() { d.close() })
	for _, s := range steps[:from] {
		if err := errors.Join(s.do(d, t.Context()), d.note()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	quiet := len(d.disk.Ops())
	for i, s := range steps {
		if i < from {
			continue
		}
		ahead := d.ahead
		before, was, from := t.TempDir(), d.told, len(d.disk.Ops())
		was.given = maps.Clone(d.given)
		if err := copyRoom(before, d.root); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.do(d, t.Context()), d.note()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		ops := d.disk.Ops()[from:]
		for _, m := range mishaps {
			t.Run(s.name+"/"+m.what, func(t *testing.T) {
				t.Parallel()
				for n, op := range ops {
					if m.at != "" && !slices.Contains(strings.Fields(m.at), op.Name) || !itsTurn(m.turn, i, n) || testing.Short() && n%3 != len(m.what)%3 {
						continue
					}
					root := t.TempDir()
					if err := copyRoom(root, before); err != nil {
						t.Fatal(err)
					}
					c := newDay(t, files, root, morning.Add(12*time.Hour))
					c.told, c.want, c.ahead = was, kinds, ahead
					c.given = maps.Clone(was.given)
					if err := c.fault(steps[i:], i > 0, n, op, m.fault, m.crash); err != nil {
						t.Errorf("operation %d, %s: %v", n, op, err)
					}
					if err := errors.Join(c.close(), os.RemoveAll(root)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	if err := d.finish(nil, true); err != nil {
		t.Errorf("without a fault: %v", err)
	}
	if n := len(d.disk.Ops()) - quiet; n < least {
		t.Errorf("only %d operations: the day proves little", n)
	}
}

// fault does the first of steps with a fault at its operation n, and the others
// after what is left was opened again.
func (d *day) fault(steps []step, opened bool, n int, op fault.Op, f fault.Fault, c fault.Crash) error {
	ctx := d.t.Context()
	if opened {
		if err := d.open(); err != nil {
			return err
		}
	}
	at := len(d.disk.Ops()) + n
	d.disk.Arm(n, f)
	err := steps[0].do(d, ctx)
	if ops := d.disk.Ops(); len(ops) <= at || ops[at].Name != op.Name {
		return fmt.Errorf("the operation did not come: %v", err)
	}
	if err != nil && f != fault.Kill {
		err = steps[0].do(d, ctx)
	}
	if err == nil {
		steps = steps[1:]
	}
	if err := errors.Join(d.note(), d.close(), d.disk.Crash(c), d.open()); err != nil {
		return fmt.Errorf("opening it again: %w", err)
	}
	if err := d.check(); err != nil {
		return err
	}
	return d.finish(steps, n%8 == 0) // a real sync takes longer than all else
}

// TestFaultsAreSeen takes each sync away: the loss is seen, so the syncs are
// what TestFaultAnywhere holds.
func TestFaultsAreSeen(t *testing.T) {
	for name, which := range map[string]func(fault.Op) bool{
		"the log":              func(o fault.Op) bool { return o.String() == "sync V/log" },
		"the checkpoint":       func(o fault.Op) bool { return o.String() == "sync V.checkpoint/checkpoint.new" },
		"the keys":             func(o fault.Op) bool { return o.String() == "sync V/keys.new" },
		"the vault key":        func(o fault.Op) bool { return o.String() == "sync V.key.new" },
		"the segments":         func(o fault.Op) bool { return strings.HasPrefix(o.String(), "sync V/segments/") },
		"names beside it":      func(o fault.Op) bool { return o.String() == "syncdir " },
		"names in it":          func(o fault.Op) bool { return o.String() == "syncdir V" },
		"names of segments":    func(o fault.Op) bool { return o.String() == "syncdir V/segments" },
		"no sync of any kind":  func(fault.Op) bool { return true },
		"(none is taken away)": nil,
	} {
		t.Run(name, func(t *testing.T) {
			steps, files := smallDay(t)
			d := newDay(t, files, t.TempDir(), morning)
			t.Cleanup(func() { d.close() })
			d.disk.Ignore(which)
			if err := d.finish(steps, true); (err == nil) != (which == nil) {
				t.Errorf("after the power cut: %v", err)
			}
		})
	}
}

// lateBook charges after the table is stored, not before.
type lateBook struct {
	aggregator.Book
	owed *[]aggregator.Charge
}

func (b lateBook) Charge(_ context.Context, c []aggregator.Charge) (time.Time, error) {
	*b.owed = append(*b.owed, c...)
	return morning, nil
}

func (b lateBook) Store(ctx context.Context, t *aggregator.Table) (time.Time, error) {
	at, err := b.Book.Store(ctx, t)
	if err == nil && len(*b.owed) > 0 {
		_, err = b.Book.Charge(ctx, *b.owed)
		*b.owed = nil
	}
	return at, err
}

// TestChargeAfterReleaseIsSeen kills the gate at each operation of a report: one
// that charges first never stands with a table that nobody paid for, one that
// charges afterwards does.
func TestChargeAfterReleaseIsSeen(t *testing.T) {
	t.Parallel()
	steps, files := smallDay(t)
	d := newDay(t, files, t.TempDir(), morning)
	t.Cleanup(func() { d.close() })
	at := slices.IndexFunc(steps, func(s step) bool { return strings.HasPrefix(s.name, "report") })
	for _, s := range steps[:at] {
		if err := s.do(d, t.Context()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	if err := d.note(); err != nil {
		t.Fatal(err)
	}
	unpaid := func(late bool) (killed, seen int) {
		for n := 0; ; n++ {
			root := t.TempDir()
			if err := copyRoom(root, d.root); err != nil {
				t.Fatal(err)
			}
			c := newDay(t, files, root, morning.Add(12*time.Hour))
			c.lines, c.segments = d.lines, d.segments
			if late {
				var owed []aggregator.Charge
				c.book = func(b aggregator.Book) aggregator.Book { return lateBook{b, &owed} }
			}
			if err := c.open(); err != nil {
				t.Fatal(err)
			}
			c.disk.Arm(n, fault.Kill)
			if err := steps[at].do(c, t.Context()); err == nil {
				c.close()
				return killed, seen
			}
			killed++
			if err := errors.Join(c.note(), c.close(), c.disk.Crash(fault.Keep), c.open()); err != nil {
				t.Fatal(err)
			}
			if c.check() != nil {
				seen++
			}
			c.close()
		}
	}
	if killed, seen := unpaid(false); killed < 5 || seen != 0 {
		t.Errorf("charged first: killed at %d operations, %d times a table was not paid for", killed, seen)
	}
	if killed, seen := unpaid(true); seen == 0 {
		t.Errorf("charged afterwards: killed at %d operations, and never seen", killed)
	}
}
