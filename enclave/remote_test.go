package enclave

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"awase/crypto/approval"
	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// TestRemoteAway: a question whose count fails because the cluster is away is charged
// and told so, and asked again when it is back it is answered under that charge; what
// needs no count works meanwhile, and the room opens.
func TestRemoteAway(t *testing.T) {
	t.Parallel()
	c := newCluster()
	e := movedRoom(t, c)
	away := errors.New("read tcp: i/o timeout")
	for what, fails := range map[string]func(string) error{
		"the count": func(call string) error {
			if call == "cells" {
				return away
			}
			return nil
		},
		"everything": func(string) error { return away },
	} {
		c.set(func() { c.fails = fails })
		q := question(func(q *entrustment.Question) { q.Sigma = 20; q.Total = what == "the count" })
		charges, refusals, tables := count(e, kindCharge), count(e, kindRefusal), count(e, kindTable)
		for range 2 {
			e.outer.forget() // what is there is asked
			_, err := e.Report(t.Context(), q)
			if refusal := wantCode(t, what, err, entrustment.CodeEngine); refusal.Mend == "" {
				t.Error("nothing says what to do")
			}
		}
		if count(e, kindCharge) != charges+1 || count(e, kindTable) != tables || count(e, kindRefusal) != refusals {
			t.Errorf("%s: %d charges, %d tables", what, count(e, kindCharge)-charges, count(e, kindTable)-tables)
		}
		c.set(func() { c.fails = nil })
		r, err := e.Report(t.Context(), q)
		if err != nil || count(e, kindCharge) != charges+1 || r.ListRows != 1500 {
			t.Errorf("%s: when it is back: %v, %d charges", what, err, count(e, kindCharge)-charges)
		}
	}
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	c.set(func() { c.away = away })
	e = openWith(t, dir, c.options())
	if _, err := e.Price(t.Context(), question(), 0); err != nil {
		t.Error(err)
	}
	q := question(func(q *entrustment.Question) { q.Sigma = 5 })
	_, err := e.Report(t.Context(), q)
	wantCode(t, "opened while it is away", err, entrustment.CodeEngine)
	if s, err := e.Engine(t.Context()); err != nil || s.Reachable == nil || *s.Reachable || s.Engine != wire.EngineClickHouse {
		t.Errorf("%+v, %v", s, err)
	}
	c.set(func() { c.away = nil })
	if _, err := e.Report(t.Context(), q); err != nil {
		t.Error(err)
	}
}

// TestRemoteLost: what a cluster lost is put there again when a question needs it, and
// the question is answered; without the second try it would not be.
func TestRemoteLost(t *testing.T) {
	t.Parallel()
	c := newCluster()
	e := movedRoom(t, c)
	c.wipe()
	q := question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportBehaviour, nil })
	if _, err := e.Report(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if count(e, kindCharge) != 1 || c.things() < 3 {
		t.Errorf("%d charges, the cluster holds %d things", count(e, kindCharge), c.things())
	}
	c.wipe()
	counts := matcher.Opening(e.opened, func(matcher.Engine, error) (bool, error) { return false, errors.New("lost") })
	n := e.everything()
	if _, err := counts.Cells(t.Context(), matcher.Query{Population: matcher.PopulationID(n.population)}); err == nil {
		t.Error("nothing was pinned, and it was counted")
	}
	e.mu.Lock()
	e.inUse[n.population] = &pinned{questions: 1, base: n.base, gone: n.gone}
	e.mu.Unlock()
	if _, err := counts.Cells(t.Context(), matcher.Query{Population: matcher.PopulationID(n.population)}); err == nil {
		t.Error("without a second try it was counted")
	}
	e.mu.Lock()
	delete(e.inUse, n.population)
	e.mu.Unlock()
}

// TestMovedWhileOpening: a question for which something is put outside while the room is
// moved back is counted in memory, under the one charge.
func TestMovedWhileOpening(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	settled(t, e)
	before := c.count("holds")
	c.set(func() { c.hangs = map[string]bool{"holds": true} })
	for e.outer.kick(); c.count("holds") == before; { // no tending puts anything from here on
		time.Sleep(time.Millisecond)
	}
	e.outer.forget()
	c.set(func() {
		c.fails = func(call string) error {
			if call != "list" {
				return nil
			}
			c.fails = nil
			_, err := locked(e, func() (*vault.Record, error) {
				return e.append(kindEngine, engineRecord{Engine: wire.EngineEmbedded, Lost: true})
			})
			return err
		}
	})
	if _, err := e.Report(t.Context(), question()); err != nil || count(e, kindCharge) != 1 {
		t.Errorf("%v, %d charges", err, count(e, kindCharge))
	}
	if e.countsOutside() {
		t.Error("nothing was put for it, and nothing moved")
	}
}

// TestRemoteLoads: what a load builds is there before its record stands, what it
// takes the place of goes, and while the cluster is away a load is refused and nothing
// changes.
func TestRemoteLoads(t *testing.T) {
	t.Parallel()
	c := newCluster()
	e := movedRoom(t, c)
	ctx := t.Context()
	_, rows := crowd(1400)
	puts := c.count("list")
	loadListFile(t, e, "l", rowsCSV(rows))
	if c.count("list") <= puts {
		t.Error("the list was not put there by its load")
	}
	settled(t, e)
	users, _ := crowd(1500)
	bases := c.count("base")
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users[:1450]))
	if c.count("base") <= bases {
		t.Error("the base was not put there by its load")
	}
	settled(t, e)
	c.mu.Lock()
	if len(c.bases) != 1 || len(c.lists) != 1 || len(c.logs) != 1 || len(c.pops) != 1 {
		t.Errorf("%d bases, %d lists, %d logs, %d populations are held", len(c.bases), len(c.lists), len(c.logs), len(c.pops))
	}
	c.mu.Unlock()
	if len(e.loaded) != 0 || e.engine.Base(matcher.PopulationID(e.populationNow())) != nil {
		t.Error("the engine in memory holds something")
	}
	r, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportBehaviour, nil }))
	if err != nil || r.ListRows != 1400 {
		t.Fatal(err)
	}
	if c.count("events") < 2 {
		t.Error("the log was not bound to the new base")
	}

	c.set(func() { c.away = errors.New("refused") })
	before := len(e.vault.Log().Records())
	_, err = e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, sealedCrowd(t, e, 1300))
	wantCode(t, "a list", err, entrustment.CodeEngine)
	_, err = e.LoadBase(ctx, parse(t, entrustment.ParseBaseSchema, oracleBase), bytes.NewReader(sealedBase(t, e, 1400)))
	wantCode(t, "a base", err, entrustment.CodeEngine)
	_, err = e.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(clientLog(t, e)))
	wantCode(t, "events", err, entrustment.CodeEngine)
	if n := len(e.vault.Log().Records()); n != before {
		t.Errorf("%d entries were written", n-before)
	}
	c.set(func() { c.away = nil })
	if r, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Sigma = 20 })); err != nil || r.ListRows != 1400 {
		t.Errorf("what stood before: %v", err)
	}
	if _, err := e.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(clientLog(t, e))); err != nil {
		t.Error(err)
	}
}

func sealedCrowd(t *testing.T, e *Enclave, n int) *bytes.Reader {
	t.Helper()
	return bytes.NewReader(sealedList(t, e, n))
}

// TestRemoteRequest: a request of a data subject is answered without the cluster, and
// afterwards nobody of it is counted, in a new population of the same build.
func TestRemoteRequest(t *testing.T) {
	t.Parallel()
	c := newCluster()
	e := movedRoom(t, c)
	c.set(func() { c.away = errors.New("away") })
	var keys [][]byte
	for i := range 600 {
		keys = append(keys, fmt.Appendf(nil, "user-%d", i))
	}
	if err := rights(t, e, seal.Deletion, keys); err != nil {
		t.Fatal(err)
	}
	c.set(func() { c.away = nil })
	r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = "overlap", nil }))
	if err != nil || !near(r.Cells[0].Users, 810) {
		t.Errorf("%+v, %v, want 810", r, err)
	}
	settled(t, e)
	opened := c.count("opened base")
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pops) != 1 || len(c.bases) != 1 || opened != 1 {
		t.Errorf("%d populations, %d bases, opened %d times", len(c.pops), len(c.bases), opened)
	}
}

// TestRemoteOtherBuild: a base of the same content that is another segment may number
// people otherwise: its population and logs are put anew.
func TestRemoteOtherBuild(t *testing.T) {
	t.Parallel()
	c := newCluster()
	e := movedRoom(t, c)
	first := buildOf(e.state.base)
	users, _ := crowd(1500)
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	before := e.state.base.Population
	schema.Attributes[0].Shares = map[string]float64{"f": 0.6, "m": 0.35}
	loadBaseAs(t, e, schema, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	if e.state.base.Population != before || buildOf(e.state.base) == first {
		t.Fatal("it is not another segment of the same content", e.state.base.Population == before, buildOf(e.state.base) != first)
	}
	if _, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportBehaviour, nil })); err != nil {
		t.Fatal(err)
	}
	settled(t, e)
	e.outer.mu.Lock()
	defer e.outer.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	pop := matcher.PopulationID(before)
	_, old := e.outer.knows[thing{build: first, population: pop}]
	if _, held := e.outer.knows[thing{build: buildOf(e.state.base), population: pop}]; !held || old || c.bases[first] != nil || len(c.bases) != 1 {
		t.Error("the population is of the build before")
	}
}

// TestRemoteEnd: the certificate of an entrustment whose data was in a cluster says
// that it is dropped when every shard said so, and until then that this is pending;
// what another entrustment has too stays there.
func TestRemoteEnd(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	secondRoom(t, e)
	settled(t, e)
	ctx := t.Context()
	if _, err := e.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(clientLog(t, e))); err != nil {
		t.Fatal(err)
	}
	settled(t, e)
	if len(c.lists) != 2 || len(c.logs) != 2 { // "l" of both is one content
		t.Fatalf("%d lists, %d logs", len(c.lists), len(c.logs))
	}
	c.set(func() { c.away = errors.New("away") })
	raw, err := e.EndEntrustment(ctx, "f", wire.ByOfficer{})
	if err != nil {
		t.Fatal(err)
	}
	pending := verified(t, e, raw)
	if pending.Status != receipt.DropPending || pending.Engine != wire.EngineClickHouse || pending.Rotation == nil || pending.Dropped != nil {
		t.Errorf("%+v", pending.Destruction)
	}
	if s, err := e.Engine(ctx); err != nil || len(s.Undropped) != 1 || s.Undropped[0] != "f" {
		t.Errorf("%+v, %v", s, err)
	}
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	c.set(func() { c.away = nil })
	e = openWith(t, dir, c.options())
	settled(t, e)
	whole := verified(t, e, must(e.Certificate(ctx, "f")))
	if whole.Status != receipt.Dropped || whole.Dropped == nil || whole.Dropped.Index <= whole.End.Index {
		t.Errorf("%+v", whole.Destruction)
	}
	if len(c.lists) != 1 || len(c.logs) != 2 {
		t.Errorf("%d lists, %d logs are left", len(c.lists), len(c.logs))
	}
	at := verified(t, e, must(e.EndEntrustment(ctx, "e", wire.ByOfficer{})))
	if at.Status != receipt.Dropped || len(c.lists) != 0 || len(c.logs) != 1 {
		t.Errorf("%+v, %d lists, %d logs are left", at.Destruction, len(c.lists), len(c.logs))
	}
}

// TestRemoteNotPutAgain: after it is written down that an entrustment's data was
// dropped nothing of it is put there, by who began before; without the look just
// before it would be.
func TestRemoteNotPutAgain(t *testing.T) {
	c := newCluster()
	e := movedRoom(t, c)
	e.mu.Lock()
	n := e.everything()
	e.mu.Unlock()
	r, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	puts := e.puts(n)
	claim := e.outer.claimed(n) // of a load under way
	defer e.outer.letGo(claim)
	if _, err := e.EndEntrustment(t.Context(), "e", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	e.outer.forget()
	e.outer.mu.Lock()
	clear(e.outer.knows)
	e.outer.mu.Unlock()
	for _, p := range puts {
		if err := e.put(t.Context(), r, p); (p.list != matcher.ListID{}) && !errors.Is(err, errRetired) {
			t.Errorf("a list of an ended entrustment: %v", err)
		}
	}
	if len(c.lists) != 0 {
		t.Error("it is there again")
	}
}

// TestMoveSigned: a vault with officers is moved by one of the operator's, once, to
// where they signed for, and by nobody else.
func TestMoveSigned(t *testing.T) {
	r, _ := frontRoom(t)
	c := newCluster()
	r.outer.open, r.outer.is, r.outer.at = c.options().Remote, c.options().Engine, []hexID{{1}, {2}}
	signed := func(to, key string, change func(*approval.Statement)) wire.MoveRequest {
		return wire.MoveRequest{To: wire.EngineClickHouse, By: r.signedBy(t, kindEngine, to, key, change)}
	}
	for what, req := range map[string]wire.MoveRequest{
		"nobody":        {To: wire.EngineClickHouse},
		"a stranger":    signed(wire.EngineClickHouse, "stranger", nil),
		"a client":      signed(wire.EngineClickHouse, "ac1", nil),
		"another way":   signed(wire.EngineEmbedded, "op1", nil),
		"another vault": signed(wire.EngineClickHouse, "op1", func(s *approval.Statement) { s.Vault = "0123" }),
		"of before":     signed(wire.EngineClickHouse, "op1", func(s *approval.Statement) { s.Version-- }),
		"a rotation":    {To: wire.EngineClickHouse, By: r.signedBy(t, kindRotate, "", "op1", nil)},
	} {
		s := tryMove(t, r.Enclave, req)
		if s.Status != wire.WorkFailed || s.Refusal.Code != entrustment.CodeForbidden {
			t.Errorf("%s: %+v, %v", what, s, s.Refusal)
		}
	}
	if c.things() != 0 || c.count("base")+c.count("list") != 0 {
		t.Error("something was put there")
	}
	good := signed(wire.EngineClickHouse, "op1", nil)
	moveTo(t, r.Enclave, good)
	begun := false
	for _, rec := range r.vault.Log().Records() {
		if rec.Kind == kindEngine {
			m, err := body[engineRecord](&rec)
			begun = begun || err == nil && m.Begun && m.By != nil && m.By.Party == "operator"
		}
	}
	if !begun {
		t.Error("the log does not say who signed")
	}
	back := wire.MoveRequest{To: wire.EngineEmbedded, By: r.signedBy(t, kindEngine, wire.EngineEmbedded, "op2", nil)}
	if s := tryMove(t, r.Enclave, wire.MoveRequest{To: wire.EngineEmbedded, Lost: true, By: back.By}); s.Status != wire.WorkFailed {
		t.Error("who signed to compare did not sign for moving without")
	}
	moveTo(t, r.Enclave, back)
	if s := tryMove(t, r.Enclave, good); s.Status != wire.WorkFailed || s.Refusal.Code != entrustment.CodeForbidden {
		t.Errorf("signed for before: %+v", s)
	}
}

// TestRemoteLoadsAndReports: questions and loads at once, with the cluster losing what
// it has now and then.
func TestRemoteLoadsAndReports(t *testing.T) {
	t.Parallel()
	c := newCluster()
	e := movedRoom(t, c)
	ctx := t.Context()
	lists := [][]byte{sealedChange(t, e, "l", seal.Add, crowdRows(1500, 1600)), sealedChange(t, e, "l", seal.Remove, crowdRows(0, 50))}
	done := make(chan error, 8)
	go func() {
		var err error
		for _, l := range lists {
			_, lerr := e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(l))
			err = errors.Join(err, lerr)
			c.wipe()
		}
		done <- err
	}()
	for i := range 4 {
		go func() {
			var err error
			// A count is begun again once by itself; where each of the two wipes met it, it
			// is to be asked for again, as its refusal says.
			for range 3 {
				_, err = e.Report(ctx, question(func(q *entrustment.Question) {
					q.Sigma = 20
					if i%2 == 0 {
						q.Report, q.Dims = entrustment.ReportBehaviour, nil
					}
				}))
				if refusal, ok := errors.AsType[*entrustment.Error](err); !ok || refusal.Code != entrustment.CodeEngine {
					break
				}
			}
			done <- err
		}()
	}
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	settled(t, e)
	if c.things() != 4 {
		t.Errorf("the cluster holds %d things", c.things())
	}
}
