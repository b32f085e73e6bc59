package enclave

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// elsewhere closes a room that counts in a cluster, and opens it configured to another.
func elsewhere(t *testing.T, e *Enclave, o Options) *Enclave {
	t.Helper()
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return openWith(t, dir, o)
}

// TestOtherServers: where the configuration names other servers than the record, none
// of them is asked or said to have dropped anything, and what is to be done is said;
// with the former it goes on.
func TestOtherServers(t *testing.T) {
	t.Parallel()
	c1, c2 := newCluster(), newCluster()
	e := movedRoom(t, c1)
	settled(t, e)
	e = elsewhere(t, e, c2.options())
	ctx := t.Context()
	settled(t, e)
	_, err := e.Report(ctx, question())
	if refusal := wantCode(t, "a question", err, entrustment.CodeEngine); refusal.Mend != errOthers.Mend {
		t.Errorf("%v", refusal)
	}
	for _, to := range []string{wire.EngineEmbedded, wire.EngineClickHouse} {
		if s := tryMove(t, e, wire.MoveRequest{To: to}); to == wire.EngineEmbedded && (s.Status != wire.WorkBroken || s.Refusal.Mend != errOthers.Mend) {
			t.Errorf("%s: %+v, %v", to, s, s.Refusal)
		}
	}
	s, err := e.Engine(ctx)
	if err != nil || s.Configured == nil || !s.Configured.Others || s.Reachable != nil || len(s.Servers) != 2 || slices.Equal(s.Servers, s.Configured.Servers) {
		t.Errorf("%+v, %+v, %v", s, s.Configured, err)
	}
	a, err := receipt.VerifyAttestation(must(e.Attestation(ctx, "n")), "n", nil)
	if err != nil || a.Engine == nil || !a.Engine.Others || !slices.Equal(a.Engine.Servers, s.Servers) {
		t.Errorf("%+v, %v", a.Engine, err)
	}
	at := verified(t, e, must(e.EndEntrustment(ctx, "e", wire.ByOfficer{})))
	if at.Status != receipt.DropPending || at.Engine != wire.EngineClickHouse || len(c1.lists) != 1 {
		t.Errorf("%s, %d lists are at the servers of before", at.Status, len(c1.lists))
	}
	if len(c2.calls) != 0 {
		t.Errorf("the other servers were asked: %q", c2.calls)
	}
	e = elsewhere(t, e, c1.options())
	settled(t, e)
	if at := verified(t, e, must(e.Certificate(ctx, "e"))); at.Status != receipt.Dropped || len(c1.lists) != 0 {
		t.Errorf("%s, %d lists", at.Status, len(c1.lists))
	}
}

// TestOtherServersNeeded is TestOtherServers without the look at which servers they
// are: the certificate would be false.
func TestOtherServersNeeded(t *testing.T) {
	c1, c2 := newCluster(), newCluster()
	e := movedRoom(t, c1)
	settled(t, e)
	o := c2.options()
	o.RemoteShards = c1.options().RemoteShards
	e = elsewhere(t, e, o)
	at := verified(t, e, must(e.EndEntrustment(t.Context(), "e", wire.ByOfficer{})))
	if at.Status != receipt.Dropped || len(c1.lists) != 1 {
		t.Errorf("%s, %d lists: the control shows nothing", at.Status, len(c1.lists))
	}
}

// TestServersLost: after an officer declared the servers lost the certificate says so,
// and not that anything was dropped, also of other servers that the room was moved to;
// where the former come back, it is dropped there.
func TestServersLost(t *testing.T) {
	t.Parallel()
	c1, c2 := newCluster(), newCluster()
	e := movedRoom(t, c1)
	secondRoom(t, e)
	settled(t, e)
	ctx := t.Context()
	e = elsewhere(t, e, c2.options())
	before := verified(t, e, must(e.EndEntrustment(ctx, "f", wire.ByOfficer{})))
	if before.Status != receipt.DropPending {
		t.Errorf("%s", before.Status)
	}
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
	if at := verified(t, e, must(e.Certificate(ctx, "f"))); at.Status != receipt.ClusterLost || at.Lost == nil {
		t.Errorf("%s", at.Status)
	}
	if s, err := e.Engine(ctx); err != nil || !s.Lost || !s.Remains {
		t.Errorf("%+v, %v", s, err)
	}
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	settled(t, e)
	if _, err := e.Report(ctx, question()); err != nil {
		t.Error(err)
	}
	at := verified(t, e, must(e.EndEntrustment(ctx, "e", wire.ByOfficer{})))
	if at.Status != receipt.ClusterLost || len(c2.lists) != 0 || len(c1.lists) == 0 {
		t.Errorf("%s, %d lists, and %d at the servers of before", at.Status, len(c2.lists), len(c1.lists))
	}

	// Those of before come back while nothing else was moved to.
	c := newCluster()
	e = movedRoom(t, c)
	settled(t, e)
	e = elsewhere(t, e, Options{})
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
	if at := verified(t, e, must(e.EndEntrustment(ctx, "e", wire.ByOfficer{}))); at.Status != receipt.ClusterLost {
		t.Errorf("%s", at.Status)
	}
	e = elsewhere(t, e, c.options())
	settled(t, e)
	if at := verified(t, e, must(e.Certificate(ctx, "e"))); at.Status != receipt.Dropped || c.things() != 0 {
		t.Errorf("%s, %d things", at.Status, c.things())
	}
}

// TestDroppedOfOne: what is dropped together is written down one by one: a certificate has
// the entry, which names no entrustment of another party.
func TestDroppedOfOne(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	secondRoom(t, e)
	settled(t, e)
	c.set(func() { c.away = errAway })
	for _, id := range []string{"e", "f"} {
		must(e.EndEntrustment(t.Context(), id, wire.ByOfficer{}))
	}
	c.set(func() { c.away = nil })
	settled(t, e)
	for id, other := range map[string]string{"e": `"f"`, "f": `"e"`} {
		at := verified(t, e, must(e.Certificate(t.Context(), id)))
		if at.Status != receipt.Dropped || !strings.Contains(at.Dropped.Entry, `["`+id+`"]`) || strings.Contains(at.Dropped.Entry, other) {
			t.Errorf("%s: %s, %s", id, at.Status, at.Dropped.Entry)
		}
	}
}

// TestServersFoundAgain: servers that were declared lost and are used again, with what
// they held, have their tables dropped as any others.
func TestServersFoundAgain(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	settled(t, e)
	c.set(func() { c.fails = func(string) error { return errAway } })
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
	c.set(func() { c.fails = nil })
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	settled(t, e)
	if at := verified(t, e, must(e.EndEntrustment(t.Context(), "e", wire.ByOfficer{}))); at.Status != receipt.Dropped || len(c.lists) != 0 {
		t.Errorf("%s, %d lists", at.Status, len(c.lists))
	}
}

// lostRoom is a room whose cluster an officer declared lost, with what it held. before,
// where it is not nil, is done while it counts there.
func lostRoom(t *testing.T, before func(*Enclave)) (*cluster, *Enclave) {
	t.Helper()
	c := newCluster()
	e := movedRoom(t, c)
	settled(t, e)
	if before != nil {
		before(e)
	}
	c.set(func() { c.away = errAway })
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
	return c, e
}

// TestServersReplaced: new servers under the names of those that were declared lost drop
// nothing of what those had: the certificate goes on to say that they are lost, of what
// ended before they came and since.
func TestServersReplaced(t *testing.T) {
	ctx := t.Context()
	c, e := lostRoom(t, func(e *Enclave) { secondRoom(t, e) })
	if at := verified(t, e, must(e.EndEntrustment(ctx, "f", wire.ByOfficer{}))); at.Status != receipt.ClusterLost {
		t.Errorf("%s", at.Status)
	}
	c.wipe()
	c.set(func() { c.away = nil })
	settled(t, e)
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
	settled(t, e)
	if at := verified(t, e, must(e.EndEntrustment(ctx, "e", wire.ByOfficer{}))); at.Status != receipt.ClusterLost || len(c.lists) != 0 {
		t.Errorf("ended since: %s, %d lists", at.Status, len(c.lists))
	}
	if at := verified(t, e, must(e.Certificate(ctx, "f"))); at.Status != receipt.ClusterLost {
		t.Errorf("ended before: %s", at.Status)
	}
}

// TestServersLostBefore: of what was first loaded after the servers were declared lost
// they have nothing, and the certificate waits for nobody; of what the vault itself lacks
// by then they may have all.
func TestServersLostBefore(t *testing.T) {
	_, e := lostRoom(t, func(e *Enclave) {
		e.mu.Lock()
		defer e.mu.Unlock()
		var gone []string
		for _, ref := range e.state.refs() {
			gone = append(gone, ref.ID)
		}
		if _, err := e.append(kindLost, lostRecord{gone}); err != nil || len(e.state.lists) != 0 {
			t.Fatal(len(e.state.lists), err)
		}
	})
	secondRoom(t, e)
	for id, want := range map[string]string{"e": receipt.ClusterLost, "f": receipt.KeyDestroyed} {
		if at := verified(t, e, must(e.EndEntrustment(t.Context(), id, wire.ByOfficer{}))); at.Status != want {
			t.Errorf("%s: %s", id, at.Status)
		}
	}
}

// TestMoveOnlyOnce: what a move to some servers left there is not forgotten by one to
// others.
func TestMoveOnlyOnce(t *testing.T) {
	c1, c2 := newCluster(), newCluster()
	e := movedRoom(t, c1)
	settled(t, e)
	c1.set(func() { c1.fails = func(call string) error { return map[string]error{"keep": errAway}[call] } })
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded})
	e = elsewhere(t, e, c2.options())
	if s := tryMove(t, e, wire.MoveRequest{To: wire.EngineClickHouse}); s.Refusal == nil || s.Refusal.Mend != errOthers.Mend {
		t.Errorf("%+v, %v", s, s.Refusal)
	}
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
	moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
}

// restoredBlind has a room be one that was restored without its newest log.
func restoredBlind(e *Enclave) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.vault.Log().Records()
	e.state.restore(&restored{RestoreRecord: vault.RestoreRecord{Lost: true, Confirm: true}, seq: all[len(all)-1].Seq + 1}, e.gate)
}

// TestConfirmedWhereItCounts: who confirms a restore without the newest log answers for
// where the room counted, too: a room that never counted outside waits for no cluster
// from then on, and one that does for the servers that are known; where an officer
// declared lost what the vault does not know, that stands.
func TestConfirmedWhereItCounts(t *testing.T) {
	ctx := t.Context()
	confirmed := func(e *Enclave) {
		t.Helper()
		if ack, err := e.ConfirmRestore(ctx); err != nil || !ack.Changed {
			t.Fatalf("%+v, %v", ack, err)
		}
	}
	ended := func(e *Enclave, id, status, engine string) {
		t.Helper()
		if at := verified(t, e, must(e.EndEntrustment(ctx, id, wire.ByOfficer{}))); at.Status != status || at.Engine != engine {
			t.Errorf("%s: %s, %q, and not %s", id, at.Status, at.Engine, status)
		}
	}
	never := openCrowd(t)
	restoredBlind(never)
	confirmed(never)
	ended(never, "e", receipt.KeyDestroyed, "")

	lost := openCrowd(t)
	restoredBlind(lost)
	moveTo(t, lost, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
	confirmed(lost)
	ended(lost, "e", receipt.ClusterLost, wire.EngineClickHouse)

	c := newCluster()
	e := movedRoom(t, c)
	secondRoom(t, e)
	settled(t, e)
	restoredBlind(e)
	ended(e, "f", receipt.DropPending, wire.EngineClickHouse) // it may have been elsewhere, too
	confirmed(e)
	settled(t, e)
	ended(e, "f", receipt.Dropped, wire.EngineClickHouse)
	ended(e, "e", receipt.Dropped, wire.EngineClickHouse)
}

// TestEndAfterLostLog: a vault that was restored without its newest log does not know
// whether it was moved: the certificate names the engine, and says of no servers that
// they dropped what it had then. What was entrusted since is another matter.
func TestEndAfterLostLog(t *testing.T) {
	c := newCluster()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), c.options())
	fill(t, e, "")
	restoredBlind(e)
	ctx := t.Context()
	at := verified(t, e, must(e.EndEntrustment(ctx, "e", wire.ByOfficer{})))
	if at.Status != receipt.DropPending || at.Engine != wire.EngineClickHouse {
		t.Errorf("%s, engine %q", at.Status, at.Engine)
	}
	moveTo(t, e, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true})
	if at := verified(t, e, must(e.Certificate(ctx, "e"))); at.Status != receipt.ClusterLost {
		t.Errorf("%s", at.Status)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state.since["later"] = e.state.blind + 1
	if engine, at := e.state.outsideOf("later"); engine != "" || at != nil {
		t.Errorf("%q, %v", engine, at)
	}
}
