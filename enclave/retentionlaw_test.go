package enclave

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// plainly is what should be there, found by the words of the contract alone.
type plainly struct {
	lists, logs, reports entrustment.Days // logs 0: the contract says nothing
	until                entrustment.Date
	things               map[string]plainThing
}

type plainThing struct {
	what  string
	since time.Time
}

func (p *plainly) pass(now time.Time) {
	for name, x := range p.things {
		days := map[string]entrustment.Days{kindList: p.lists, kindEvents: p.logs, kindReport: p.reports}[x.what]
		over := days > 0 && now.Sub(x.since) >= time.Duration(days)*day24
		if over || x.what != kindReport && !now.Before(p.until.End()) {
			delete(p.things, name)
		}
	}
}

// TestRetentionLaw: after any loads, amendments, restarts and spans of time the room
// has what the words of its contract in force say, and no more.
func TestRetentionLaw(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			retentionLaw(t, rand.New(rand.NewPCG(seed, 7)))
		})
	}
}

func retentionLaw(t *testing.T, random *rand.Rand) {
	clock := morning
	o := Options{Now: func() time.Time { clock = clock.Add(time.Second); return clock }}
	dir := filepath.Join(t.TempDir(), "V")
	e := openWith(t, dir, o)
	furnish(t, e)
	contract := *e.state.contracts["e"].Contract
	version, n := 1, 0
	want := plainly{lists: 90, reports: 365, until: contract.Until, things: map[string]plainThing{}}
	write := func(kind string, body any) *vault.Record {
		t.Helper()
		e.mu.Lock()
		defer e.mu.Unlock()
		if err := e.retention.before(); err != nil { // as every act does
			t.Fatal(err)
		}
		r, err := e.append(kind, body)
		if err != nil {
			t.Fatal(err)
		}
		want.pass(r.Time)
		return r
	}
	segment := func() vault.SegmentRef { n++; return vault.SegmentRef{ID: fmt.Sprintf("%032x", n)} }
	for step := range 150 {
		switch random.IntN(7) {
		case 0, 1:
			name := string(rune('a' + random.IntN(4)))
			l := listRecord{Entrustment: "e", Name: name, Version: step + 1, Party: "acme", ID: hexID{1, byte(random.IntN(5))}, Segment: segment(), RowSegment: segment(), Upload: uploadID{byte(step), 1},
				Change: []seal.Change{seal.Replace, seal.Add, seal.Remove}[random.IntN(3)]}
			want.pass(e.vault.Log().Now())
			if _, there := want.things[kindList+name]; !there {
				l.Change = seal.Replace
			}
			at := write(kindList, l).Time
			if l.Change == seal.Replace {
				want.things[kindList+name] = plainThing{kindList, at}
			}
		case 2:
			r := write(kindEvents, eventsRecord{Entrustment: "e", Version: step + 1, Party: "acme", Digest: hexID{2, byte(step)}, Segment: segment(), Upload: uploadID{byte(step), 2}})
			want.things[kindEvents+fmt.Sprint(step+1)] = plainThing{kindEvents, r.Time}
		case 3:
			r := write(kindReport, reportRecord{Key: hexID{3, byte(random.IntN(200))}, Entrustment: "e", Recipient: "acme", Segment: segment()})
			want.things[kindReport+fmt.Sprint(r.Seq)] = plainThing{kindReport, r.Time}
		case 4:
			want.lists, want.logs, want.reports = entrustment.Days(1+random.IntN(120)), entrustment.Days(random.IntN(100)), entrustment.Days(1+random.IntN(300))
			want.until = entrustment.DateOf(clock).Add(20 + random.IntN(400))
			contract.Retention = entrustment.Retention{Lists: want.lists, Events: want.logs, Reports: want.reports}
			contract.Until = want.until
			version++
			next := contract
			write(kindEntrust, entrustRecord{&next, version})
		case 5:
			clock = clock.Add(time.Duration(random.IntN(60*24)) * time.Hour)
		case 6:
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			e = openWith(t, dir, o)
		}
		if _, err := locked(e, func() (any, error) { return nil, e.look() }); err != nil {
			t.Fatal(err)
		}
		want.pass(e.vault.Log().Now())
		got := map[string]bool{}
		for _, x := range must(e.Retention(t.Context(), "e")) {
			switch x.What {
			case kindList:
				got[kindList+x.Name] = true
			case kindEvents:
				got[kindEvents+fmt.Sprint(x.Version)] = true
			default:
				got[kindReport+fmt.Sprint(x.Seq)] = true
			}
		}
		if len(got) != len(e.state.lists)+len(e.state.events["e"])+len(e.state.reportTable) {
			t.Fatalf("step %d: %d things have a clock, there are %d lists, %d logs, %d reports", step, len(got), len(e.state.lists), len(e.state.events["e"]), len(e.state.reportTable))
		}
		for name := range want.things {
			if !got[name] {
				t.Fatalf("step %d: %s went too early", step, name)
			}
		}
		for name := range got {
			if _, ok := want.things[name]; !ok {
				t.Fatalf("step %d: %s is there still", step, name)
			}
		}
	}
	if n := count(e, kindExpired); n < 5 {
		t.Errorf("only %d expiries: the walk proves little", n)
	}
}

// TestExpiryFaultAnywhere lets each operation of an expiry fail in each way: once the
// entry stands, the next look or the restart finishes it, and nothing expires twice.
func TestExpiryFaultAnywhere(t *testing.T) {
	users, rows := crowd(600)
	steps, from := theEvening(usersCSV(rand.New(rand.NewPCG(1, 1)), users), rowsCSV(rows))
	steps = append(steps[:from],
		step{"ninety days", func(d *day, _ context.Context) error {
			if later := morning.Add(91 * day24); d.clock.Before(later) {
				d.clock = later
			}
			_, err := locked(d.e, func() (any, error) { return nil, d.e.look() })
			if err == nil && len(d.e.state.lists) != 0 {
				err = fmt.Errorf("%d lists are there", len(d.e.state.lists))
			}
			return err
		}},
		step{"asked of it", func(d *day, ctx context.Context) error {
			_, err := d.ask.Report(ctx, question())
			if entrustment.Public(err).Code == entrustment.CodeGone {
				return nil
			}
			return fmt.Errorf("a question on what expired: %w", err)
		}})
	faultAnywhere(t, steps, from, &sealedFiles{bytes: map[string][]byte{}}, map[string]int{vault.KindClock: 1, kindParty: 2, kindPolicies: 1, kindGate: 1, kindEntrust: 1, kindBase: 1, kindList: 1, kindExpired: 1}, 5)
}

// TestExpiryRestored: a backup brings back what expired since, and the opening takes it
// again, with an entry that says so.
func TestExpiryRestored(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	o := Options{Now: func() time.Time { clock = clock.Add(time.Second); return clock }}
	dir, backup := filepath.Join(t.TempDir(), "V"), filepath.Join(t.TempDir(), "backup")
	e := openWith(t, dir, o)
	fill(t, e, "")
	if _, err := e.Backup(t.Context(), wire.BackupRequest{Dir: backup, Expires: entrustment.DateOf(clock).Add(200)}); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(91 * day24)
	if _, err := locked(e, func() (any, error) { return nil, e.look() }); err != nil {
		t.Fatal(err)
	}
	records := e.vault.Log().Records()
	rec, err := body[expiredRecord](&records[len(records)-1])
	if err != nil || rec.Backups == "" || len(rec.Things) != 1 {
		t.Errorf("%+v, %v", rec, err)
	}
	key, err := os.ReadFile(dir + ".key")
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "R")
	if err := os.WriteFile(again+".key", key, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Restore(t.Context(), again, backup, nil, vault.Options{Now: o.Now}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(again, "segments"))
	if err != nil || len(files) != 4 {
		t.Fatalf("the backup brought %d segments, %v", len(files), err)
	}
	r := openWith(t, again, o)
	if n := len(segmentFiles(t, r)); n != 2 || len(r.state.lists) != 0 || count(r, kindExpired) != 1 {
		t.Errorf("%d segments, %d lists, %d entries", n, len(r.state.lists), count(r, kindExpired))
	}
}

// TestExpiryOutside: the engine outside drops what expired, and keeps what another
// entrustment has of the same content.
func TestExpiryOutside(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r := newAgingRoom(t, c.options())
	moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
	loadCrowd(t, r.Enclave, "other", seal.Replace, crowdRows(0, 1200))
	settled(t, r.Enclave)
	held := func() int { return r.outside(t) }
	if held() != 2 {
		t.Fatalf("%d lists outside", held())
	}
	r.at(50)
	loadCrowd(t, r.Enclave, "twin", seal.Replace, crowdRows(0, 1500)) // of the same content as l
	r.at(91)
	r.looks()
	settled(t, r.Enclave)
	if held() != 1 || len(r.state.lists) != 1 {
		t.Errorf("%d lists outside, %d in the room", held(), len(r.state.lists))
	}
	r.at(141)
	r.looks()
	settled(t, r.Enclave)
	if held() != 0 {
		t.Errorf("%d lists outside in the end", held())
	}
}

// outside counts the lists that the engine outside holds.
func (r *agingRoom) outside(t *testing.T) int {
	t.Helper()
	s, err := r.Engine(t.Context())
	if err != nil || s.Holds == nil {
		t.Fatalf("%+v, %v", s, err)
	}
	return s.Holds.Lists
}

// TestExpiryInClickHouse: the tables of a list that expired are dropped on every shard.
func TestExpiryInClickHouse(t *testing.T) {
	t.Parallel()
	onShards(t, func(t *testing.T, s *servers) {
		r := newAgingRoom(t, s.options())
		moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
		list := len(r.listTables(t, s))
		if list == 0 || r.outside(t) != 1 {
			t.Fatalf("%d tables of lists", list)
		}
		r.at(91)
		r.looks()
		settled(t, r.Enclave)
		if n := len(r.listTables(t, s)); n != 0 || r.outside(t) != 0 {
			t.Errorf("%d tables of lists after they expired", n)
		}
		_, err := r.Report(t.Context(), question())
		wantCode(t, "a question", err, entrustment.CodeGone)
	})
}

func (r *agingRoom) listTables(t *testing.T, s *servers) []string {
	return slices.DeleteFunc(s.tables(t), func(name string) bool { return !strings.Contains(name, "list") })
}
