package enclave

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"awase/aggregator"
	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/internal/fault"
)

// day is one working day of a room on a disk that can fail, and what the people
// who use it were told.
type day struct {
	t     *testing.T
	files *sealedFiles
	root  string
	disk  *fault.Disk
	fs    vault.FS // disk, or nil for the real one
	e     *Enclave
	ask   wire.Enclave                                       // e, or what stands before it
	serve func(*Enclave) (wire.Enclave, func() error, error) // nil: nothing stands before it
	end   func() error                                       // of what stands before it
	book  func(aggregator.Book) aggregator.Book              // nil: the enclave's own
	clock time.Time
	ahead time.Duration  // of the wall clock over the boot clock
	want  map[string]int // what the log of the whole day holds; a refusal may stand twice
	told
}

// told is what was acknowledged, and so must stand after any fault.
type told struct {
	lines    [][]byte            // of the record log
	segments map[string][32]byte // in use, and what they hold
	given    map[string]release  // by question
	asked    bool                // two users asked for a stop of use
	agreed   bool                // and a base says that one of them agreed again
}

type release struct {
	raw     []byte
	rhoNano int64
}

type tableName struct {
	spec   aggregator.SpecID
	policy aggregator.PolicyV
}

// sealedFiles keeps what was sealed to a vault: asking twice is with the same
// file.
type sealedFiles struct {
	mu    sync.Mutex
	bytes map[string][]byte
}

func (s *sealedFiles) get(d *day, name string, make func() *bytes.Reader) (io.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := d.e.vault.ID() + " " + name
	if s.bytes[key] == nil {
		raw, err := io.ReadAll(make())
		if err != nil {
			return nil, err
		}
		s.bytes[key] = raw
	}
	return bytes.NewReader(s.bytes[key]), nil
}

func newDay(t *testing.T, files *sealedFiles, root string, start time.Time) *day {
	t.Helper()
	disk, err := fault.New(root)
	if err != nil {
		t.Fatal(err)
	}
	return &day{t: t, files: files, root: root, disk: disk, fs: disk, clock: start, want: dayKinds, told: told{segments: map[string][32]byte{}, given: map[string]release{}}}
}

// now passes ten seconds whenever somebody looks, so that no tick is waited for.
func (d *day) now() time.Time {
	d.clock = d.clock.Add(10 * time.Second)
	return d.clock
}

// boot is the boot clock of a machine that is never restarted.
func (d *day) boot() (string, func() (time.Duration, error)) {
	return "one", func() (time.Duration, error) { return d.now().Sub(morning), nil }
}

func (d *day) open() (err error) {
	ctx, stop := context.WithTimeout(d.t.Context(), time.Minute) // a lock that was left is an error, not a wait
	defer stop()
	d.e, err = Open(ctx, filepath.Join(d.root, "V"), Options{Now: func() time.Time { return d.now().Add(d.ahead) }, boot: d.boot, fs: d.fs, book: d.book, Inbox: filepath.Join(d.root, "V.inbox")})
	if err != nil {
		return err
	}
	if d.ask = d.e; d.serve != nil {
		d.ask, d.end, err = d.serve(d.e)
	}
	return err
}

func (d *day) close() error {
	if d.e == nil {
		return nil
	}
	var err error
	if d.end != nil {
		err = d.end()
	}
	err = errors.Join(err, d.e.Close())
	d.e, d.end = nil, nil
	return err
}

// note takes down what stands now.
func (d *day) note() error {
	if d.e == nil {
		return nil
	}
	d.lines, d.segments = nil, map[string][32]byte{}
	for _, r := range d.e.vault.Log().Records() {
		d.lines = append(d.lines, r.Line())
	}
	var err error
	d.segments, err = d.held()
	return err
}

// held reads every segment in use.
func (d *day) held() (map[string][32]byte, error) {
	out := map[string][32]byte{}
	refs := []vault.SegmentRef{}
	if b := d.e.state.base; b != nil {
		refs = append(refs, b.refs()...)
	}
	for _, l := range d.e.state.lists {
		refs = append(refs, l.Segment, l.RowSegment)
	}
	for _, logs := range d.e.state.events {
		for _, l := range logs {
			refs = append(refs, l.Segment)
		}
	}
	for _, r := range d.e.state.reportTable {
		refs = append(refs, r.Segment)
	}
	for _, ref := range refs {
		cols, err := d.e.vault.ReadSegment(ref)
		if err != nil {
			return nil, fmt.Errorf("segment %s: %w", ref.ID, err)
		}
		h := sha256.New()
		for _, name := range slices.Sorted(maps.Keys(cols)) {
			fmt.Fprintf(h, "%q %x\n", name, sha256.Sum256(cols[name]))
		}
		out[ref.ID] = [32]byte(h.Sum(nil))
	}
	return out, nil
}

// check holds the room against what people were told.
func (d *day) check() error {
	var bad []error
	fail := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	records := d.e.vault.Log().Records()
	more := 0 // an opening may log a rotation that it finished
	for _, r := range records[min(len(records), len(d.lines)):] {
		if r.Kind != kindRotation {
			more++
		}
	}
	if len(records) < len(d.lines) || more > 1 {
		fail("%d entries, %d were acknowledged", len(records), len(d.lines))
	}
	bad = append(bad, d.e.checkEnds())
	if d.asked && len(d.e.suppressed) != 2 || d.agreed && len(d.e.gone) != 1 || len(d.e.missing) > 0 || d.e.unlifted {
		fail("%d asked and %d are out of use; that two asked was acknowledged: %v, that one agreed again: %v", len(d.e.suppressed), len(d.e.gone), d.asked, d.agreed)
	}
	once, paid := map[string]int{}, map[tableName]bool{}
	for i, r := range records {
		if i < len(d.lines) && !bytes.Equal(r.Line(), d.lines[i]) {
			fail("entry %d is another one", i)
		}
		switch r.Kind {
		case kindCharge:
			c, err := body[chargeRecord](&r)
			bad = append(bad, err)
			for _, charge := range c.Charges {
				paid[tableName{charge.Spec, charge.Policy}] = true
				for _, a := range charge.Accounts {
					once[fmt.Sprint("charge ", charge.Spec, charge.Policy, a)]++
				}
			}
		case kindTable:
			t, err := body[aggregator.Table](&r)
			bad = append(bad, err)
			once[fmt.Sprint("table ", t.Spec, t.Policy)]++
			if !paid[tableName{t.Spec, t.Policy}] {
				fail("entry %d is a table that nobody had paid for", i)
			}
		case kindReport:
			rep, err := body[reportRecord](&r)
			bad = append(bad, err)
			once[fmt.Sprintf("report %x", rep.Key)]++
		}
	}
	for what, n := range once {
		if n > 1 {
			fail("%s stands %d times", what, n)
		}
	}
	held, err := d.held()
	bad = append(bad, err)
	for id, sum := range held {
		if was, ok := d.segments[id]; ok && was != sum {
			fail("segment %s holds something else", id)
		}
	}
	files, err := os.ReadDir(filepath.Join(d.root, "V", "segments"))
	if bad = append(bad, err); len(files) != len(d.e.state.segments()) {
		fail("%d segments, %d are in use", len(files), len(d.e.state.segments()))
	}
	return errors.Join(append(bad, d.checkReleases())...)
}

// checkReleases: what was handed out is stored as it was, and paid for.
func (d *day) checkReleases() error {
	var stored [][]byte
	for seq := range d.e.state.reportTable {
		r, err := d.e.stored(seq)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(r)
		if err != nil {
			return err
		}
		stored = append(stored, raw)
		bare := *r
		bare.Receipt = nil
		table, err := json.Marshal(bare)
		if err != nil {
			return err
		}
		if _, err := receipt.Verify(r.Receipt, table, d.e.vault.Signer().Public()); err != nil {
			return err
		}
	}
	var owed int64
	for name, g := range d.given {
		owed += g.rhoNano
		if !slices.ContainsFunc(stored, func(raw []byte) bool { return bytes.Equal(raw, g.raw) }) {
			return fmt.Errorf("report %s is not stored as it was given", name)
		}
	}
	if owed == 0 {
		return nil
	}
	price, err := d.ask.Price(d.t.Context(), question(), 0)
	if err != nil {
		return err
	}
	if spent := int64(math.Round(price.Accounts[0].Spent * 1e9)); spent < owed {
		return fmt.Errorf("%d nano-rho spent, %d released", spent, owed)
	}
	return nil
}

// finish does what is left of the day, loses what was not synced, and looks once
// more; where bare, with nothing between the room and the disk.
func (d *day) finish(rest []step, bare bool) error {
	for _, s := range rest {
		if err := s.do(d, d.t.Context()); err != nil {
			return fmt.Errorf("%s, afterwards: %w", s.name, err)
		}
	}
	if err := errors.Join(d.note(), d.close(), d.disk.Crash(fault.Lose)); err != nil {
		return fmt.Errorf("after the day: %w", err)
	}
	if bare {
		d.fs = nil
	}
	if err := d.open(); err != nil {
		return fmt.Errorf("after the day: %w", err)
	}
	kinds := map[string]int{}
	for _, r := range d.e.vault.Log().Records() {
		if r.Kind != kindRefusal && r.Kind != kindRotation { // one that failed is done again
			kinds[r.Kind]++
		}
	}
	err := d.check()
	if !reflect.DeepEqual(kinds, d.want) {
		err = errors.Join(err, fmt.Errorf("the log holds %v, want %v", kinds, d.want))
	}
	return errors.Join(err, d.close())
}
