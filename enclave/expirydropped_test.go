package enclave

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// outsideOf is how the last thing of a kind that expired stands outside, "-" where none did.
func (r *agingRoom) outsideOf(kind string) string {
	r.t.Helper()
	all, err := r.Retention(r.t.Context(), "e")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, x := range all {
		if x.ExpiredAt == "" || x.What != kind {
			continue
		}
		if (x.DroppedAt != "") != (x.Outside == receipt.Dropped) || x.ExpiryEntry == 0 {
			r.t.Errorf("%+v", x)
		}
		return x.Outside
	}
	return "-"
}

func (r *agingRoom) wantOutside(when, kind, want string) {
	r.t.Helper()
	if got := r.outsideOf(kind); got != want {
		r.t.Errorf("%s the %s that expired is %q outside, want %q", when, kind, got, want)
	}
}

// shards is an engine of two servers: each holds all of it, as far as a test goes.
type shards struct {
	Remote
	other  Remote
	only   bool // the mutant: the other is not asked
	cannot func() error
}

func (s *shards) Keep(ctx context.Context, h matcher.Holding) error {
	if err := s.Remote.Keep(ctx, h); err != nil || s.only {
		return err
	}
	if err := s.cannot(); err != nil {
		return err
	}
	return s.other.Keep(ctx, h)
}

// twoShards gives the options of a room on two servers, the second of which a test
// takes away. What is put on one is given to the other, too.
func twoShards(only bool) (one, other *cluster, o Options) {
	one, other = newCluster(), newCluster()
	o = one.options()
	open := o.Remote
	o.Remote = func(ctx context.Context, owner string) (Remote, error) {
		r, err := open(ctx, owner)
		if err != nil {
			return nil, err
		}
		second := &session{c: other, memory: matcher.NewEmbedded(), of: map[matcher.PopulationID]matcher.BuildID{}}
		return &shards{Remote: r, other: second, only: only, cannot: func() error { return other.call(ctx, "keep") }}, nil
	}
	return one, other, o
}

// bothHold has the other server hold the lists that one holds.
func bothHold(one, other *cluster) {
	one.mu.Lock()
	defer one.mu.Unlock()
	other.set(func() {
		for id, l := range one.lists {
			other.lists[id] = l
		}
	})
}

// TestExpiryDropped: an entry says that what expired is dropped outside once every
// shard said so and not before; so it is after a restart. Where one shard is not asked
// the entry is there while that one holds the list.
func TestExpiryDropped(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		one, other, o := twoShards(mutant)
		r := newAgingRoom(t, o)
		moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
		bothHold(one, other)
		if len(other.lists) != 1 {
			t.Fatalf("the other shard holds %d lists", len(other.lists))
		}
		other.set(func() { other.away = errAway })
		r.at(91)
		r.looks()
		err := r.tend(t.Context())
		if mutant {
			if got := r.outsideOf(kindList); err != nil || got != receipt.Dropped || len(other.lists) != 1 {
				t.Errorf("without the control: %v, %q, %d lists", err, got, len(other.lists))
			}
			continue
		}
		if err == nil || len(one.lists) != 0 {
			t.Errorf("%v, %d lists", err, len(one.lists))
		}
		r.wantOutside("while a shard is away", kindList, receipt.DropPending)
		r.reopen()
		r.wantOutside("after a restart", kindList, receipt.DropPending)
		other.set(func() { other.away = nil })
		settled(t, r.Enclave)
		r.wantOutside("once it is back", kindList, receipt.Dropped)
		r.reopen()
		settled(t, r.Enclave)
		r.wantOutside("after another restart", kindList, receipt.Dropped)
		if n := count(r.Enclave, kindDropped); n != 1 || len(other.lists) != 0 {
			t.Errorf("%d entries, %d lists", n, len(other.lists))
		}
		// The sides of the contract read it, and nobody else.
		for party, want := range map[string]bool{"acme": true, "other": false} {
			page, err := r.Log(t.Context(), wire.LogRequest{Party: party})
			if err != nil {
				t.Fatal(err)
			}
			reads := false
			for _, entry := range page.Entries {
				reads = reads || entry.Kind == kindDropped && entry.Entrustment == "e" && strings.Contains(string(entry.Detail), `"expired"`)
			}
			if reads != want {
				t.Errorf("%s reads it: %v", party, reads)
			}
		}
	}
}

// TestExpiryDroppedBetween: a process that dies after every shard dropped it and before
// the entry leaves that to the next one.
func TestExpiryDroppedBetween(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r := newAgingRoom(t, c.options())
	moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
	c.set(func() { c.fails = func(call string) error { return errAway } })
	r.at(91)
	r.looks()
	c.wipe() // as the process that died did
	r.reopen()
	r.wantOutside("after the process died", kindList, receipt.DropPending)
	c.set(func() { c.fails = nil })
	settled(t, r.Enclave)
	r.wantOutside("once it was asked again", kindList, receipt.Dropped)
	if n := count(r.Enclave, kindDropped); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestExpiryDroppedTwin: what another list of the same content has is that one's, and
// keeps nothing from being said. What a room never had outside says nothing.
func TestExpiryDroppedTwin(t *testing.T) {
	t.Parallel()
	c := newCluster()
	r := newAgingRoom(t, c.options())
	moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
	r.at(50)
	loadCrowd(t, r.Enclave, "twin", seal.Replace, crowdRows(0, 1500))
	r.at(91)
	r.looks()
	settled(t, r.Enclave)
	r.wantOutside("with a twin", kindList, receipt.Dropped)
	within := newAgingRoom(t, Options{})
	within.at(91)
	within.looks()
	within.wantOutside("in memory alone", kindList, "")
}

// TestExpiryLost: servers that were declared lost said nothing of what they held, and
// that is said, until they are found again.
func TestExpiryLost(t *testing.T) {
	t.Parallel()
	for _, declared := range []string{"after", "before"} {
		c := newCluster()
		r := newAgingRoom(t, c.options())
		moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
		c.set(func() { c.fails = func(string) error { return errAway } })
		lose := func() { moveTo(t, r.Enclave, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true}) }
		if declared == "before" {
			lose()
		}
		r.at(91)
		r.looks()
		if declared == "after" {
			r.wantOutside("before it is declared lost", kindList, receipt.DropPending)
			lose()
		}
		r.wantOutside("lost "+declared, kindList, receipt.ClusterLost)
		r.reopen()
		r.wantOutside("after a restart, lost "+declared, kindList, receipt.ClusterLost)
		// What was loaded since never was there.
		loadCrowd(t, r.Enclave, "later", seal.Replace, crowdRows(0, 1300))
		r.at(190)
		r.looks()
		r.wantOutside("loaded later", kindList, "")
	}
}

// TestPriceSaysExpired: the price of a question that could have read an event log that
// expired says so, where others are there to answer it, and no other does.
func TestPriceSaysExpired(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	r.amend("{lists: 90d, events: 30d, reports: 365d}")
	load := func() {
		t.Helper()
		if _, err := r.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(clientLog(t, r.Enclave))); err != nil {
			t.Fatal(err)
		}
	}
	load()
	since := entrustment.DateOf(r.vault.Log().Now())
	behaviour := func(from, to int) *entrustment.Question {
		return question(func(q *entrustment.Question) {
			q.Report, q.Dims, q.Window = entrustment.ReportBehaviour, nil, &entrustment.Window{From: since.Add(from), To: since.Add(to)}
		})
	}
	noted := func(q *entrustment.Question) bool {
		t.Helper()
		p, err := r.Price(t.Context(), q, 0)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(p.Notes, wire.NoteEventsExpired)
	}
	if noted(behaviour(-10, -1)) {
		t.Error("it is noted before anything expired")
	}
	loadCrowdEvents(t, r.Enclave) // the operator's, which does not expire
	r.at(31)
	r.looks()
	for _, again := range []string{"", "after a restart"} {
		if !noted(behaviour(-10, -1)) {
			t.Errorf("it is not noted %s", again)
		}
		if noted(behaviour(5, 20)) || noted(question()) {
			t.Errorf("it is noted of what could not read it %s", again)
		}
		r.reopen()
	}
	load()
	if noted(behaviour(-10, -1)) {
		t.Error("it is noted after the log was uploaded again")
	}
}
