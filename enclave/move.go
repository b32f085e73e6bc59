package enclave

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// A move to another engine (awase engine move). What any question may read is put
// there, both are asked the same, and only where every exact cell is the same does a
// record make the other one count. Questions are answered by the one that stands
// meanwhile; loads wait. Nothing of a comparison leaves but that it held or did not.

// moveTries is how often a move begins its comparison again because the room changed.
const moveTries = 20

// dropTime is how long who ends an entrustment or moves waits for what is dropped
// outside; it is dropped all the same, later.
const dropTime = 30 * time.Second

// engineStatement is what an officer of the operator signs to move the room, less
// nonce and day.
func (e *Enclave) engineStatement(to string) (*approval.Statement, []string, error) {
	op, err := e.operator()
	if err != nil {
		return nil, nil, err
	}
	return &approval.Statement{Schema: approval.Schema, Vault: e.vault.ID(), Act: kindEngine, ID: to, Version: e.state.moves + 1}, []string{op.ID}, nil
}

// mayMove tells which officer moves the room, nil where none is asked. The room's
// lock is held.
func (e *Enclave) mayMove(req *wire.MoveRequest) (*byOfficer, error) {
	if err := e.initialised(); err != nil {
		return nil, err
	}
	if !e.oneSigns() {
		return nil, nil
	}
	want, parties, err := e.engineStatement(req.Signs())
	if err != nil {
		return nil, err
	}
	return e.signed(want, parties, req.By, "awase engine move --key KEYFILE --to "+req.To)
}

// moveTask reads a request to move.
func (e *Enclave) moveTask(req *wire.MoveRequest) (task, error) {
	if req.To != wire.EngineEmbedded && req.To != wire.EngineClickHouse || req.Lost && req.To != wire.EngineEmbedded {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/clickhouse.md", Field: "to", Detail: "there is no such engine to move to",
			Mend: "name embedded or clickhouse; that the cluster is lost is said of a move to embedded"}
	}
	return func(ctx context.Context, j *job, out *wire.WorkState) error {
		s, err := e.move(ctx, req, j)
		out.Engine = &s
		return err
	}, nil
}

// move moves the room. Moved already, it does nothing.
func (e *Enclave) move(ctx context.Context, req *wire.MoveRequest, j *job) (wire.EngineState, error) {
	if err := e.loads.take(ctx); err != nil {
		return wire.EngineState{}, err
	}
	defer e.loads.give()
	defer giveBack()
	err := e.moveTo(ctx, req, j)
	switch {
	case errors.Is(err, errThere):
		err = nil
	case req.To == wire.EngineEmbedded && !req.Lost:
		err = orLost(err)
	}
	// What the engine before holds goes; one that can't be reached now is asked again.
	later := context.WithoutCancel(ctx)
	e.dropOutside(later)
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		return wire.EngineState{}, e.refuse(kindEngine, "", err)
	}
	return e.Engine(later)
}

// orLost adds to the refusal of an engine that can't be compared with what is done where
// it never comes back.
func orLost(err error) error {
	refusal, ok := errors.AsType[*entrustment.Error](err)
	if !ok || refusal.Code != entrustment.CodeEngine || refusal == errNoEngine || refusal == errOthers { // which say it
		return err
	}
	out := *refusal
	out.Mend = strings.TrimPrefix(out.Mend+"; or, where the servers are gone for good, awase engine move --to embedded --cluster-lost", "; or, ")
	return &out
}

var errThere = errors.New("the room counts there")

func (e *Enclave) moveTo(ctx context.Context, req *wire.MoveRequest, j *job) error {
	outward := req.To != wire.EngineEmbedded
	if outward && (e.outer.open == nil || e.outer.is.Name != req.To) {
		return &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "docs/clickhouse.md", Field: "engine.shards", Detail: "no " + entrustment.Quote(req.To) + " is configured for this room",
			Mend: "write the section engine of the configuration as docs/clickhouse.md says, and start the service again, or name the file with --config"}
	}
	by, err := locked(e, func() (*byOfficer, error) {
		if outward == e.countsOutside() && !(req.Lost && e.declarable()) {
			return nil, errThere
		}
		if outward && !e.ours() && !e.state.lost {
			return nil, errOthers
		}
		return e.mayMove(req)
	})
	if err != nil {
		return err
	}
	c := e.outer.claimed(&needs{}) // nobody writes down, while it moves, that nothing is there
	defer e.outer.letGo(c)
	var r Remote
	if !req.Lost {
		reach := e.connect
		if outward { // where nothing is of the room, or it was declared lost
			reach = e.dial
		}
		if r, err = reach(ctx); err != nil {
			return err
		}
		if err := e.lookForLost(ctx, r); err != nil {
			return e.away(ctx, err)
		}
	}
	if outward { // from here on something of the room is there
		if _, err := locked(e, func() (struct{}, error) {
			if by, err = e.mayMove(req); err != nil {
				return struct{}{}, err
			}
			_, err := e.append(kindEngine, engineRecord{Engine: req.To, Shards: e.outer.is.Shards, Servers: e.outer.at, Begun: true, By: by})
			return struct{}{}, err
		}); err != nil {
			return err
		}
	}
	for range moveTries {
		moved, err := e.moveOnce(ctx, req, r, by, j)
		if moved || err != nil {
			return err
		}
	}
	return &entrustment.Error{Code: entrustment.CodeRate, Clause: "docs/clickhouse.md", Field: "engine", Detail: "the room changed again and again while the engines were compared", Mend: "move it at another time; nothing was changed"}
}

// moveOnce puts and compares what there is now, and makes the other engine count
// where that is still all that there is.
func (e *Enclave) moveOnce(ctx context.Context, req *wire.MoveRequest, r Remote, by *byOfficer, j *job) (moved bool, err error) {
	outward := req.To != wire.EngineEmbedded
	e.mu.Lock()
	n, before := e.everything(), e.comparable()
	var over []*matcher.Common
	var parts []*needs
	if n.base != nil && !req.Lost {
		for _, id := range slices.Sorted(maps.Keys(e.state.contracts)) {
			if e.mayBeAsked(id) {
				c, of := e.commonOf(id, n)
				over, parts = append(over, c), append(parts, of)
			}
		}
	}
	e.mu.Unlock()
	var all int64
	if !req.Lost {
		all = int64(len(e.puts(n))) // one content may be put for several entrustments
	}
	for _, c := range over {
		all += int64(c.Questions())
	}
	j.read.Store(0)
	j.bytes.Store(all)
	step := func(did string) func() {
		return func() {
			j.step.Store(did)
			j.read.Add(1)
		}
	}
	if !req.Lost { // the one that stands needs it too: it is compared
		c := e.outer.claimed(n)
		defer e.outer.letGo(c)
		if _, err := e.heldOutside(ctx, n, step(wire.StepPut)); err != nil {
			return false, err
		}
	}
	base, err := e.baseOf(n)
	if err != nil {
		return false, err
	}
	for i := range over {
		in := matcher.NewEmbedded()
		if err := e.fill(ctx, in, base, parts[i]); err != nil {
			return false, err
		}
		one, other := matcher.Engine(in), matcher.Engine(r)
		if !outward {
			one, other = other, one
		}
		if err := e.agree(ctx, one, other, over[i], step(wire.StepCompared)); err != nil {
			return false, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if before != e.comparable() {
		return false, nil
	}
	rec := engineRecord{Engine: req.To, Lost: req.Lost, By: by}
	if outward {
		rec.Shards, rec.Servers, rec.By = e.outer.is.Shards, e.outer.at, nil
	}
	if _, err := e.append(kindEngine, rec); err != nil {
		return false, err
	}
	if outward {
		e.letAllGo()
	} else if base != nil {
		e.bring(n.population, base, n.base.Segment)
	}
	return true, nil
}

// agree compares two engines, and says in words that they do not agree.
func (e *Enclave) agree(ctx context.Context, one, other matcher.Engine, over *matcher.Common, step func()) error {
	err := matcher.Agree(ctx, one, other, over, step)
	if errors.Is(err, matcher.ErrDisagree) {
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "docs/clickhouse.md", Field: "engine", Detail: "the two engines do not count the same over the room's data",
			Mend: "nothing was changed, and what was put there is dropped. See that the cluster is whole and of a version that docs/clickhouse.md names, and move again; if it is refused again, don't count there"}
	}
	return e.away(ctx, err)
}

// comparable names what a comparison depends on: base, requests, lists, logs and
// whose data each entrustment may read. The room's lock is held.
func (e *Enclave) comparable() string {
	var all []string
	n := e.everything()
	for t := range n.things() {
		all = append(all, strings.Join([]string{string(t.build[:]), string(t.population[:]), string(t.list[:]), string(t.log[:])}, " "))
	}
	for _, l := range n.lists { // one content may be of several entrustments
		all = append(all, string(l.ID[:])+" "+l.Entrustment)
	}
	for _, l := range n.logs {
		all = append(all, string(l.Digest[:])+" "+l.Entrustment)
	}
	for id, c := range e.state.contracts {
		if e.mayBeAsked(id) {
			all = append(all, id+" "+strconv.Itoa(c.Version))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// baseOf gives the base of n with everybody under tombstones who asked for it: the
// one in memory, or the vault's. nil: there is none.
func (e *Enclave) baseOf(n *needs) (*matcher.Base, error) {
	if n.base == nil {
		return nil, nil
	}
	e.mu.Lock()
	b, from := e.engine.Base(matcher.PopulationID(n.population)), e.from[n.population]
	e.mu.Unlock()
	if b != nil && from == n.base.Segment.ID {
		return b, nil
	}
	b, err := e.openBase(n.base)
	if err != nil {
		return nil, err
	}
	return buried(b, n.gone), nil
}

// dropOutside drops what is not wanted outside, now if that can be, and else later.
func (e *Enclave) dropOutside(ctx context.Context) {
	defer e.outer.kick()
	e.mu.Lock()
	concerns := e.concernsOutside() && e.ours()
	e.mu.Unlock()
	if !concerns || e.outer.open == nil {
		return
	}
	ctx, stop := context.WithTimeout(ctx, dropTime)
	defer stop()
	if r, err := e.connect(ctx); err == nil {
		_ = e.dropUnwanted(ctx, r, func(thing) bool { return false }) // who tends it tries again, and says why it has to
	}
}
