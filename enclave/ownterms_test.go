package enclave

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// until has the contract of an aging room, or one beside it, end some days from now,
// and keep reports for thirty.
func (r *agingRoom) until(id string, days int) entrustment.Date {
	r.t.Helper()
	last := entrustment.DateOf(r.vault.Log().Now()).Add(days)
	doc := strings.NewReplacer("until: 2036-12-31", "until: "+last.String(), "reports: 365d", "reports: 30d", "id: e\n", "id: "+id+"\n").Replace(oracleContract)
	if _, err := r.Entrust(r.t.Context(), parse(r.t, entrustment.ParseContract, doc)); err != nil {
		r.t.Fatal(err)
	}
	return last
}

// after has it be a minute before the end of the days that follow a day, or a minute
// after it.
func (r *agingRoom) after(last entrustment.Date, days int, by time.Duration) {
	r.t.Helper()
	r.ahead.Store(int64(time.Until(last.End().AddDate(0, 0, days).Add(by))))
	r.looks()
}

func (r *agingRoom) stands(id, want string) {
	r.t.Helper()
	if e, err := r.Entrustment(r.t.Context(), id); err != nil || e.State != want || (e.EndsAt == "") != wire.Over(want) {
		r.t.Errorf("%s is %s, ends at %s, %v; want %s", id, e.State, e.EndsAt, err, want)
	}
}

// TestEndsByTerms: so long after its last day as its reports are kept, a contract ends
// as if an officer had said so, one under which nothing was ever loaded too; one that
// was prolonged before does not.
func TestEndsByTerms(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	last := r.until("e", 20)
	for _, id := range []string{"empty", "prolonged"} {
		r.until(id, 20)
	}
	if _, err := r.Report(t.Context(), question()); err != nil {
		t.Fatal(err)
	}
	r.after(last, 0, time.Minute)
	r.stands("e", wire.StateExpired)
	r.after(last, 30, -time.Minute)
	r.want("before", "")
	for _, id := range []string{"e", "empty", "prolonged"} {
		r.stands(id, wire.StateExpired)
	}
	r.until("prolonged", 300)
	r.after(last, 30, time.Minute)
	r.stands("e", wire.StateDestroyed)
	r.stands("empty", wire.StateDestroyed)
	r.stands("prolonged", wire.StateActive)
	for _, id := range []string{"e", "empty"} {
		raw, err := r.Certificate(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if c := verified(t, r.Enclave, raw); !c.ByTerms || c.Status != receipt.KeyDestroyed || c.Segments != 0 {
			t.Errorf("%s: %+v", id, c)
		}
		// Who ends it after that is given the same.
		if again, err := r.EndEntrustment(t.Context(), id, wire.ByOfficer{}); err != nil || string(again) != string(raw) {
			t.Errorf("%s, ended again: %s, %v", id, again, err)
		}
	}
	_, err := r.Report(t.Context(), question())
	wantCode(t, "a question", err, entrustment.CodeGone)
	r.reopen()
	r.looks()
	if err := r.checkEnds(); err != nil || count(r.Enclave, kindEnd) != 2 || count(r.Enclave, kindRotation) != 1 {
		t.Errorf("%v, %d ends, %d vault keys", err, count(r.Enclave, kindEnd), count(r.Enclave, kindRotation))
	}
	if e := must(r.Entrust(t.Context(), parse(t, entrustment.ParseContract, strings.Replace(oracleContract, "id: e\n", "id: new\n", 1)))); e.Version != 1 {
		t.Errorf("%+v", e)
	}
	// One that a person ended says that.
	raw, err := r.EndEntrustment(t.Context(), "new", wire.ByOfficer{})
	if err != nil || verified(t, r.Enclave, raw).ByTerms {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestEndsByTermsInUse: nothing ends under who is being answered, or loads; a room that
// does not look loses what it has charged for.
func TestEndsByTermsInUse(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		r := newAgingRoom(t, Options{})
		last := r.until("e", 20)
		if mutant {
			r.keeping().idle = func(string) bool { return true }
		}
		a, _, err := r.charge(t.Context(), &demand{question: question()})
		if err != nil {
			t.Fatal(err)
		}
		r.after(last, 30, time.Minute)
		if ended := r.state.ended["e"] != nil; ended != mutant {
			t.Errorf("mutant %v: while a question is counted it ended: %v", mutant, ended)
		}
		a.release()
		r.looks()
		r.stands("e", wire.StateDestroyed)

		r = newAgingRoom(t, Options{})
		last = r.until("e", 20)
		if mutant {
			r.keeping().idle = func(string) bool { return true }
		}
		raw := sealedChange(t, r.Enclave, "l", seal.Replace, crowdRows(0, 1400))
		ended := false
		_, err = r.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, io.MultiReader(strings.NewReader(string(raw[:len(raw)/2])), breaksIn(func() {
			r.after(last, 30, time.Minute)
			ended = r.state.ended["e"] != nil
		}), strings.NewReader(string(raw[len(raw)/2:]))))
		if err == nil || ended != mutant {
			t.Errorf("mutant %v: in the middle of a load it ended: %v, %v", mutant, ended, err)
		}
		r.looks()
		r.stands("e", wire.StateDestroyed)
	}
}

// breaksIn does something where a reader comes to it.
type breaksIn func()

func (f breaksIn) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// TestEndsByTermsSigned: in a vault with officers nobody signs for it, and by a clock
// that nobody accepted nothing ends; by the machine's own it would.
func TestEndsByTermsSigned(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		r := newSignedRoom(t)
		r.must(t, r.waitsFor(t)(r.SetPolicies(t.Context(), parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n"))), "op1", "op2")
		r.must(t, r.contractDoc(t, func(c *entrustment.Contract) {
			c.Until, c.Retention.Reports = entrustment.DateOf(r.vault.Log().Now()).Add(1), 1
		}), "ac1", "op1")
		r.ahead = 100 * day24
		r.reopen(t)
		r.ahead += 100 * day24
		if mutant {
			r.Enclave.retention.clock = func() (time.Time, bool) { return time.Now().Add(r.ahead), false }
		}
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
		if ended := r.state.ended["e"] != nil; ended != mutant {
			t.Errorf("mutant %v: ended %v", mutant, ended)
		}
		if mutant {
			continue
		}
		if _, err := r.acceptClock(nil); err != nil {
			t.Fatal(err)
		}
		if err := r.look(); err != nil || !r.state.destroyed("e") || r.state.ended["e"].By != nil {
			t.Errorf("once the clock was accepted: %+v, %v", r.state.ended["e"], err)
		}
	}
}

// TestEndsByTermsFaultAnywhere lets each operation of it fail in each way.
func TestEndsByTermsFaultAnywhere(t *testing.T) {
	users, rows := crowd(600)
	steps, from := theEvening(usersCSV(rand.New(rand.NewPCG(1, 1)), users), rowsCSV(rows))
	looked := func(name string, year int, over func(*state) bool) step {
		return step{name, func(d *day, _ context.Context) error {
			if later := (entrustment.Date{Year: year, Month: 6, Day: 1}).Start(); d.clock.Before(later) {
				d.clock = later
			}
			_, err := locked(d.e, func() (any, error) { return nil, d.e.look() })
			if err == nil && !over(d.e.state) { // the entry stands, and the next look tries again
				err = errors.New("it is there still")
			}
			if err != nil {
				return err
			}
			return d.e.checkEnds()
		}}
	}
	steps = append(steps[:from], looked("expired", 2037, func(s *state) bool { return len(s.lists) == 0 }), looked("ended", 2038, func(s *state) bool { return s.destroyed("e") }))
	faultAnywhere(t, steps, from+1, &sealedFiles{bytes: map[string][]byte{}}, map[string]int{vault.KindClock: 1, kindParty: 2, kindPolicies: 1, kindGate: 1, kindEntrust: 1, kindBase: 1, kindList: 1, kindExpired: 1, kindEnd: 1}, 20)
}

// TestEndsByTermsRestored: what ended since a backup that was restored ends again, not
// before somebody answered for the log that may be lost.
func TestEndsByTermsRestored(t *testing.T) {
	t.Parallel()
	clock := morning
	o := Options{Now: func() time.Time { clock = clock.Add(time.Second); return clock }}
	dir, backup := filepath.Join(t.TempDir(), "V"), filepath.Join(t.TempDir(), "backup")
	e := openWith(t, dir, o)
	fill(t, e, "")
	doc := strings.NewReplacer("until: 2036-12-31", "until: 2028-12-31").Replace(oracleContract)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Backup(t.Context(), wire.BackupRequest{Dir: backup, Expires: entrustment.DateOf(clock).Add(3600)}); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(dir + ".key")
	if err != nil {
		t.Fatal(err)
	}
	clock = (entrustment.Date{Year: 2030, Month: 6, Day: 1}).Start()
	again := filepath.Join(t.TempDir(), "R")
	if err := os.WriteFile(again+".key", key, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Restore(t.Context(), again, backup, nil, vault.Options{Now: o.Now}); err != nil {
		t.Fatal(err)
	}
	r := openWith(t, again, o)
	if r.state.unconfirmed == nil || r.state.ended["e"] != nil {
		t.Fatalf("nobody answered for the restore: %+v", r.state.ended["e"])
	}
	r.state.unconfirmed = nil // as officers do
	if _, err := locked(r, func() (any, error) { return nil, r.look() }); err != nil || r.state.ended["e"] == nil || r.state.replaced(r.state.ended["e"]) == nil || r.state.ended["e"].Backups == "" {
		t.Errorf("answered for: %+v, %v", r.state.ended["e"], err)
	}
	if err := r.checkEnds(); err != nil {
		t.Error(err)
	}
}

// TestEndsByTermsOutside: what the engine outside had of it is dropped first, and the
// certificate says so.
func TestEndsByTermsOutside(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r := newAgingRoom(t, c.options())
	last := r.until("e", 20)
	moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
	r.after(last, 30, time.Minute)
	settled(t, r.Enclave)
	r.stands("e", wire.StateDestroyed)
	raw, err := r.Certificate(t.Context(), "e")
	if c := verified(t, r.Enclave, raw); err != nil || c.Status != receipt.Dropped || !c.ByTerms {
		t.Errorf("%s, %v", fmt.Sprint(c.Status), err)
	}
}
