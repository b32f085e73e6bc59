package enclave

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// desk is a room whose days go by as the test says.
type desk struct {
	*Enclave
	t     *testing.T
	dir   string
	now   time.Time
	users []oracleUser
}

func openDesk(t *testing.T, n int) *desk {
	t.Helper()
	d := &desk{t: t, dir: filepath.Join(t.TempDir(), "V"), now: time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)}
	d.users, _ = crowd(n)
	d.open()
	furnish(t, d.Enclave)
	t.Cleanup(func() { d.Enclave.Close() })
	return d
}

func (d *desk) open() {
	d.t.Helper()
	var err error
	if d.Enclave, err = Open(d.t.Context(), d.dir, Options{Now: func() time.Time { return d.now }}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) restart() {
	d.t.Helper()
	if err := d.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.open()
}

// day gives the JST day some days from now, as a base has it.
func (d *desk) day(n int) string { return entrustment.DateOf(d.now).Add(n).String() }

func (d *desk) load() {
	d.t.Helper()
	loadBaseFile(d.t, d.Enclave, usersCSV(rand.New(rand.NewPCG(1, 1)), d.users))
}

func (d *desk) asks(kind seal.RequestKind, who ...int) {
	d.t.Helper()
	var keys [][]byte
	for _, i := range who {
		keys = append(keys, fmt.Appendf(nil, "user-%d", i))
	}
	req := wire.RightsRequest{Check: goodCheck(), Sealed: sealedRequest(d.t, d.Enclave, kind, keys)}
	if _, err := d.Request(d.t.Context(), req); err != nil {
		d.t.Fatal(err)
	}
}

// counted is how many people may be counted at all, from the base in the engine and
// from the vault.
func (d *desk) counted() int64 {
	d.t.Helper()
	vault, engine, held := d.counts()
	if held && engine != vault {
		d.t.Errorf("the engine counts %d, the vault %d", engine, vault)
	}
	return vault
}

// counts is what either counts; held: the engine has the base.
func (d *desk) counts() (vault, engine int64, held bool) {
	d.t.Helper()
	count := func(pop hexID, in *matcher.Embedded) int64 {
		q := matcher.Query{Population: matcher.PopulationID(pop), Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v2"}, Enquiry: true}}
		exact, err := in.Cells(d.t.Context(), q)
		if err != nil {
			d.t.Fatal(err)
		}
		return exact.Users[0]
	}
	d.mu.Lock()
	n := d.everything()
	held = d.loaded[d.populationNow()]
	d.mu.Unlock()
	base, err := d.openBase(n.base)
	if err != nil {
		d.t.Fatal(err)
	}
	in := matcher.NewEmbedded()
	in.PutBase(matcher.PopulationID(n.population), buried(base, n.gone))
	if held {
		engine = count(n.population, d.engine)
	}
	return count(n.population, in), engine, held
}

func (d *desk) want(what string, n int64) {
	d.t.Helper()
	if got := d.counted(); got != n {
		d.t.Errorf("%s: %d people are counted, want %d", what, got, n)
	}
}

// TestConsentLifts: who asked for deletion or a stop of use is counted again once a
// base that was loaded since says that they agreed on a later day, for as long as
// bases say so; not by an equal or earlier day, nor one that has not come.
func TestConsentLifts(t *testing.T) {
	t.Parallel()
	for _, kind := range []seal.RequestKind{seal.Deletion, seal.Stop} {
		d := openDesk(t, 20)
		d.users[1].agreed = d.day(0)
		d.load()
		d.want("at first", 20)
		d.asks(kind, 1, 2, 3)
		d.want("after a request", 17)
		d.users[2].agreed = d.day(1)
		d.load()
		d.want("agreed on the day of the request, and on one to come", 17)
		d.now = d.now.AddDate(0, 0, 1)
		d.load()
		d.want("the day has come", 18)
		d.restart()
		d.want("after a restart", 18)
		d.asks(kind, 2)
		d.want("asked again", 17)
		d.load()
		d.want("agreed on the day of the second request", 17)
		d.restart()
		d.want("after a restart", 17)
		d.now = d.now.AddDate(0, 0, 1)
		d.users[2].agreed, d.users[3].agreed = d.day(0), d.day(-1)
		d.load()
		d.want("two agreed since", 19)
		before := d.populationNow()
		d.users[3].agreed = ""
		d.load()
		d.want("one whose day the base does not say any more", 18)
		if d.populationNow() == before {
			t.Error("with other requests lifted it is the same population")
		}
		d.users[3].agreed = d.day(-1)
		d.load()
		if d.want("and says again", 19); d.populationNow() != before {
			t.Error("with the same requests lifted it is another population")
		}
	}
}

// TestOtherRequestsChangeNothing: a correction, an addition and a notice of purposes
// keep everybody in, and the population.
func TestOtherRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 20)
	d.load()
	before := d.populationNow()
	for _, kind := range []seal.RequestKind{seal.Correction, seal.Addition, seal.PurposeNotice} {
		d.asks(kind, 1)
	}
	if d.want("after the requests", 20); d.populationNow() != before {
		t.Error("the population is another")
	}
	states := func() (out []string) {
		list, err := d.Requests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			out = append(out, r.State)
		}
		return out
	}
	if got := states(); !slices.Equal(got, []string{wire.RequestRecorded, wire.RequestRecorded, wire.RequestTold}) {
		t.Errorf("%q", got)
	}
	d.users[1].gender = "m"
	d.users[2].gender = "unknown"
	d.load()
	d.restart()
	if got := states(); !slices.Equal(got, []string{wire.RequestBaseAnew, wire.RequestBaseAnew, wire.RequestTold}) {
		t.Errorf("%q", got)
	}
	raw, err := d.RequestReceipt(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := receipt.VerifyRequest(raw, nil); err != nil || r.Told == nil || r.Told.Version != "v2" || len(r.Told.Clauses) == 0 {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestLiftMutants takes the controls of lifting out, one by one, and sees people
// counted who are not to be, or not counted who are.
func TestLiftMutants(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		change func(*Enclave)
		want   int64
	}{
		"as it is": {func(*Enclave) {}, 17},
		"by an equal day": {func(e *Enclave) {
			e.agreed = func(c int32, s suppressed, today int32) bool { return c >= s.day && c <= today }
		}, 18},
		"by an earlier day": {func(e *Enclave) {
			e.agreed = func(c int32, s suppressed, today int32) bool { return c > 0 && c <= today }
		}, 19},
		"by a day to come":   {func(e *Enclave) { e.agreed = func(c int32, s suppressed, _ int32) bool { return c > s.day } }, 18},
		"requests forgotten": {func(e *Enclave) { e.suppressed, e.gone = nil, nil }, 20},
	} {
		d := openDesk(t, 20)
		d.load()
		d.asks(seal.Deletion, 1, 2, 3)
		d.users[1].agreed, d.users[2].agreed, d.users[3].agreed = d.day(0), d.day(-1), d.day(9)
		m.change(d.Enclave)
		d.load()
		d.users[4].gender = "unknown" // another content, which is loaded whatever is lifted
		d.load()
		if got := d.counted(); got != m.want {
			t.Errorf("%s: %d people are counted, want %d", name, got, m.want)
		}
	}
	// A population whose name has nothing of whose requests it lifts is two exact inputs:
	// who agreed again is counted from the vault, and not by an engine that holds the base
	// of before.
	for _, named := range []bool{true, false} {
		d := openDesk(t, 20)
		d.load()
		d.asks(seal.Stop, 1)
		if !named {
			d.liftedID = func(lifts) hexID { return hexID{} }
		}
		d.now = d.now.AddDate(0, 0, 1)
		d.users[1].agreed = d.day(0)
		d.load()
		vault, engine, held := d.counts()
		if !held || vault != 20 || engine != map[bool]int64{true: 20, false: 19}[named] {
			t.Errorf("named %v: the vault counts %d, the engine %d", named, vault, engine)
		}
	}
}

// TestRequestWithoutWaiting takes the waiting out: a request is acknowledged while
// somebody is still answered about its person.
func TestRequestWithoutWaiting(t *testing.T) {
	t.Parallel()
	e, _, letOn, asked := askedAndCounting(t)
	e.pending = func(int64) bool { return false }
	if err := rights(t, e, seal.Deletion, userKeys(0, 1000)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-asked:
		t.Errorf("nobody was being answered: %v", err)
	default:
	}
	letOn <- struct{}{}
	if err := <-asked; err != nil {
		t.Error(err)
	}
}

// TestLiftsUnreadable: where it can't be read back whose requests a base lifts,
// nothing is released until a base is loaded.
func TestLiftsUnreadable(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"removed", "exchanged"} {
		d := openDesk(t, 20)
		d.load()
		d.asks(seal.Stop, 1)
		d.now = d.now.AddDate(0, 0, 1)
		d.users[1].agreed = d.day(0)
		d.load()
		d.want("agreed again", 20)
		ref := d.state.base.Lifted.Segment
		if what == "removed" {
			if err := d.vault.RemoveSegments([]string{ref.ID}); err != nil {
				t.Fatal(err)
			}
		} else {
			w, err := d.vault.ReplaceSegment(ref)
			if err == nil {
				err = w.Put(liftedColumn, lifts{}.bytes())
			}
			if _, cerr := w.Commit(); errors.Join(err, cerr) != nil {
				t.Fatal(err, cerr)
			}
		}
		d.restart()
		whole := func() error { // which every release asks
			_, err := locked(d.Enclave, func() (struct{}, error) { return struct{}{}, d.whole() })
			return err
		}
		wantCode(t, what, whole(), entrustment.CodeFrozen)
		d.load()
		if err := whole(); err != nil {
			t.Errorf("%s, and loaded again: %v", what, err)
		}
		d.want("loaded again", 20)
		d.restart()
		d.want("after a restart", 20)
	}
}

// TestSuppressionProperty holds random sequences of base loads with days of consent,
// requests, days that go by and restarts to an oracle of its own.
func TestSuppressionProperty(t *testing.T) {
	t.Parallel()
	const people, steps = 12, 40
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	named := map[hexID]string{} // of one room: what a population is of
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 9))
		d := openDesk(t, people)
		clear(named)
		asked := map[int]string{}                                 // the latest day that each asked
		number, upTo, requests := map[int]int{}, map[int]int{}, 0 // the request that each made last; up to which the base lifts
		loaded := false
		for step := range steps {
			switch r.IntN(6) {
			case 0:
				d.now = d.now.AddDate(0, 0, 1+r.IntN(2))
			case 1:
				if loaded {
					d.restart()
				}
			case 2:
				who := []int{r.IntN(people), people + r.IntN(3)} // one of them is nobody
				requests++
				for _, i := range who {
					asked[i], number[i] = d.day(0), requests
				}
				d.asks([]seal.RequestKind{seal.Deletion, seal.Stop}[r.IntN(2)], who...)
			case 3:
				requests++
				d.asks([]seal.RequestKind{seal.Correction, seal.Addition, seal.PurposeNotice}[r.IntN(3)], r.IntN(people))
			default:
				for i := range d.users {
					if r.IntN(3) == 0 {
						d.users[i].agreed = d.day(r.IntN(5) - 3)
					}
					d.users[i].absent = r.IntN(8) == 0
				}
				d.load()
				loaded = true
				clear(upTo)
				for i, u := range d.users {
					if day, ok := asked[i]; ok && !u.absent && u.agreed > day && u.agreed <= d.day(0) {
						upTo[i] = number[i]
					}
				}
			}
			if !loaded {
				continue
			}
			want := int64(0)
			of := fmt.Sprint(number, upTo)
			for i, u := range d.users {
				if !u.absent && upTo[i] >= number[i] {
					want++
				}
				of += fmt.Sprint(u.absent)
			}
			if got := d.counted(); got != want {
				t.Fatalf("seed %d, step %d: %d people are counted, want %d", seed, step, got, want)
			}
			pop := d.populationNow()
			if was, ok := named[pop]; ok && was != of {
				t.Fatalf("seed %d, step %d: one population is of two exact inputs", seed, step)
			}
			named[pop] = of
		}
	}
}
