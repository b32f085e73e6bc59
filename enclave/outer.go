package enclave

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// outer is the engine outside, as this process knows it: connected when it is first
// needed, and given what isn't there. Its locks are taken before the room's, calm
// before mu.
type outer struct {
	open  func(ctx context.Context, owner string) (Remote, error) // nil: none is configured
	is    RemoteEngine
	at    []hexID // its servers, as records name them
	order []wire.EngineShard
	reach time.Duration // see reachTime

	connecting turns
	calm       sync.RWMutex // read by who puts something there, written by who drops

	mu     sync.Mutex
	found  time.Time               // when a question last found it away
	engine Remote                  // nil: not connected
	knows  map[thing]time.Time     // what this process put there, and until when
	doing  map[thing]chan struct{} // closed when who puts it is done
	claims map[*claim]bool

	stale chan struct{} // something there may be to be dropped or put
}

func newOuter(o Options, key [32]byte) *outer {
	return &outer{open: o.Remote, is: o.Engine, at: serversOf(o.RemoteShards, key), order: inOrder(o.RemoteShards, key), reach: reachTime, connecting: make(oneTurn, 1), knows: map[thing]time.Time{},
		doing: map[thing]chan struct{}{}, claims: map[*claim]bool{}, stale: make(chan struct{}, 1)}
}

// kick has the tending look again. It never waits.
func (o *outer) kick() {
	select {
	case o.stale <- struct{}{}:
	default:
	}
}

// claim keeps what a load or a move puts there until its record stands.
type claim struct {
	things map[thing]string // and the entrustment of each, "": the operator's
}

// claimed has what n needs kept until the claim is let go.
func (o *outer) claimed(n *needs) *claim {
	c := &claim{n.things()}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.claims[c] = true
	return c
}

func (o *outer) letGo(c *claim) {
	o.mu.Lock()
	delete(o.claims, c)
	o.mu.Unlock()
	o.kick()
}

// put is what is done to have one thing held, and until when that will be.
type put struct {
	thing
	until time.Time
	do    func(ctx context.Context, r Remote) error
}

// wanted gives what the engine outside is to hold: what stands, where it counts; what
// questions read that run; what loads and moves are about to make stand. Of an
// entrustment that ended nothing is. The locks of o and of the room are held.
func (e *Enclave) wanted() map[thing]bool {
	want := map[thing]bool{}
	add := func(things map[thing]string) {
		for t, id := range things {
			if e.state.ended[id] == nil {
				want[t] = true
			}
		}
	}
	for c := range e.outer.claims {
		add(c.things)
	}
	if !e.countsOutside() {
		return want
	}
	now := e.everything()
	add(now.things())
	asked := &needs{logs: now.logs}
	bases := []*baseRecord{now.base}
	for id, p := range e.inUse {
		switch {
		case p.list != nil:
			asked.lists = append(asked.lists, p.list)
		case p.log != nil:
			asked.logs = append(asked.logs, p.log)
		case p.base != nil:
			bases = append(bases, p.base)
			add((&needs{population: id, base: p.base}).things())
		}
	}
	for _, asked.base = range bases {
		for t, id := range asked.things() {
			if t.population == (matcher.PopulationID{}) {
				add(map[thing]string{t: id})
			}
		}
	}
	return want
}

// holding writes things down as an engine is told of them.
func holding(things map[thing]bool) matcher.Holding {
	h := matcher.Holding{Builds: map[matcher.BuildID]bool{}, Populations: map[matcher.PopulationID]bool{}, Lists: map[matcher.ListID]bool{}, Logs: map[matcher.BoundEvents]bool{}}
	for t := range things {
		switch {
		case t.list != (matcher.ListID{}):
			h.Lists[t.list] = true
		case t.log != (matcher.EventsID{}):
			h.Logs[matcher.BoundEvents{Build: t.build, Events: t.log}] = true
		case t.population != (matcher.PopulationID{}):
			h.Populations[t.population] = true
		default:
			h.Builds[t.build] = true
		}
	}
	return h
}

// errNoEngine is that the room's record names an engine that this process has none of.
var errNoEngine = &entrustment.Error{Code: entrustment.CodeEngine, Clause: "docs/clickhouse.md", Field: "engine.shards", Detail: "no ClickHouse is configured for this room, and where it counts is there",
	Mend: "configure it as docs/clickhouse.md says and start the service again, or name the file with --config; or, where the cluster is lost, count in this process again: awase engine move --to embedded --cluster-lost"}

// away is what the operator is told where the engine outside fails, which says in
// words what; of anything else it may say the text stands in the service's log.
func (e *Enclave) away(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*entrustment.Error](err); ok || err == nil || ctx.Err() != nil {
		return err
	}
	return e.noAnswer(err)
}

// noAnswer is what who asks a question is told of any failure outside, in words that
// hang on nothing: what failed may hang on the data (PRIVACY §4.8).
func (e *Enclave) noAnswer(err error) error {
	e.log.Warn("the engine outside failed", "engine", e.outer.is.Name, "error", err)
	return &entrustment.Error{Code: entrustment.CodeEngine, Clause: "docs/clickhouse.md", Field: "engine.shards", Detail: "the ClickHouse that counts for this room gives no answer",
		Mend: "see that its servers run and that the relay reaches them (awase engine status), and ask again: what was charged is not charged again"}
}

// connect gives the engine outside, connected. What it holds that nobody wants any
// more goes first.
func (e *Enclave) connect(ctx context.Context) (Remote, error) {
	if e.outer.open == nil {
		return nil, errNoEngine
	}
	if ours, _ := locked(e, func() (bool, error) { return e.ours(), nil }); !ours {
		return nil, errOthers
	}
	return e.dial(ctx)
}

// dial is connect to the servers that are configured, whatever the record says.
func (e *Enclave) dial(ctx context.Context) (Remote, error) {
	o := e.outer
	if err := o.connecting.take(ctx); err != nil {
		return nil, err
	}
	defer o.connecting.give()
	o.mu.Lock()
	r := o.engine
	o.mu.Unlock()
	if r != nil {
		return r, nil
	}
	r, err := o.open(ctx, ownerOf(e.vault.ID()))
	if err != nil {
		return nil, e.away(ctx, err)
	}
	if err := e.dropUnwanted(ctx, r, func(thing) bool { return false }); err != nil {
		return nil, errors.Join(e.away(ctx, err), r.Close())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.engine = r
	return r, nil
}

// dropUnwanted drops what is there and not wanted, and what but names of the rest,
// and writes down which ended entrustments, and what of what expired, nothing is there
// of any more.
func (e *Enclave) dropUnwanted(ctx context.Context, r Remote, but func(thing) bool) error {
	o := e.outer
	// Who waits for its turn to write lets nobody read, and could not go away.
	if err := taken(ctx, o.calm.TryLock); err != nil {
		return err
	}
	defer o.calm.Unlock()
	away := e.lookForLost(ctx, r) // a shard that is away keeps no other from dropping
	o.mu.Lock()
	e.mu.Lock()
	keep := e.wanted()
	done, expiries := e.toDrop(), e.droppable(keep)
	e.mu.Unlock()
	maps.DeleteFunc(keep, func(t thing, _ bool) bool { return but(t) })
	maps.DeleteFunc(o.knows, func(t thing, _ time.Time) bool { return !keep[t] })
	h := holding(keep)
	o.mu.Unlock()
	if err := errors.Join(r.Keep(ctx, h), away); err != nil {
		return err
	}
	return e.noteDropped(done, expiries)
}

// forget has everything put again that is needed, which opens nothing of what is held.
func (o *outer) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.knows)
}

// know has put again what is not held any more, and what hangs on a build that isn't.
func (o *outer) know(h matcher.Holding) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.knows, func(t thing, _ time.Time) bool {
		switch {
		case t.list != (matcher.ListID{}):
			return !h.Lists[t.list]
		case t.log != (matcher.EventsID{}):
			return !h.Builds[t.build] || !h.Logs[matcher.BoundEvents{Build: t.build, Events: t.log}]
		case t.population != (matcher.PopulationID{}):
			return !h.Builds[t.build] || !h.Populations[t.population]
		}
		return !h.Builds[t.build]
	})
}

// heldOutside has the engine outside hold what n needs, and gives it. done is called
// for each thing that it holds.
func (e *Enclave) heldOutside(ctx context.Context, n *needs, done func()) (Remote, error) {
	r, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err = e.putAll(ctx, r, n, done); lost(err) { // what was there when it began
		e.outer.forget()
		err = e.putAll(ctx, r, n, func() {})
	}
	if err != nil {
		return nil, e.away(ctx, err)
	}
	return r, nil
}

func (e *Enclave) putAll(ctx context.Context, r Remote, n *needs, done func()) error {
	for _, p := range e.puts(n) {
		if err := e.put(ctx, r, p); err != nil {
			return err
		}
		done()
	}
	return nil
}

// put has one thing held. Who wants the same at the same time waits for it.
func (e *Enclave) put(ctx context.Context, r Remote, p put) error {
	o := e.outer
	for {
		o.mu.Lock()
		until, held := o.knows[p.thing]
		wait := o.doing[p.thing]
		if held && !e.soon(until) {
			o.mu.Unlock()
			return nil
		}
		if wait == nil && !held {
			break
		}
		o.mu.Unlock()
		if wait == nil { // it goes soon: it is put anew
			if err := e.dropUnwanted(ctx, r, func(t thing) bool { return t == p.thing }); err != nil {
				return err
			}
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	over := make(chan struct{})
	o.doing[p.thing] = over
	o.mu.Unlock()
	err := e.putWanted(ctx, r, p)
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.doing, p.thing)
	close(over)
	if err == nil {
		o.knows[p.thing] = p.until
	}
	return err
}

// soon tells whether what goes at a moment may be gone before a count that begins now
// is over.
func (e *Enclave) soon(until time.Time) bool {
	return until.Before(e.vault.Log().Now().Add(leastLife / 4))
}

// putWanted puts a thing, unless nobody wants it any more: after what says that an
// entrustment was dropped nothing of it comes back.
func (e *Enclave) putWanted(ctx context.Context, r Remote, p put) error {
	o := e.outer
	if err := taken(ctx, o.calm.TryRLock); err != nil {
		return err
	}
	defer o.calm.RUnlock()
	o.mu.Lock()
	e.mu.Lock()
	wanted := e.wanted()[p.thing]
	e.mu.Unlock()
	if wanted && p.population != (matcher.PopulationID{}) { // it takes the place of the same one of another build
		maps.DeleteFunc(o.knows, func(t thing, _ time.Time) bool { return t.population == p.population && t.build != p.build })
	}
	o.mu.Unlock()
	if !wanted {
		return errRetired
	}
	return p.do(ctx, r)
}

// tending keeps what is outside as it should be, until ctx ends: what nobody wants is
// dropped, what a question may need is there before it is asked. It tries again
// where the engine is away.
func (e *Enclave) tending(ctx context.Context) {
	const first, most = time.Second, time.Minute
	wait := first
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.outer.stale:
		}
		for ctx.Err() == nil {
			err := e.tend(ctx)
			if err == nil {
				wait = first
				break
			}
			if wait == first && ctx.Err() == nil { // once, however long it lasts
				e.notYet(err)
			}
			select {
			case <-ctx.Done():
			case <-e.outer.stale:
			case <-time.After(wait):
				wait = min(2*wait, most)
			}
		}
	}
}

// notYet says in the log that the engine outside does not hold what it is to hold, or
// holds more, which changes no number and lasts no longer than what is wrong there.
func (e *Enclave) notYet(err error) {
	e.log.Warn("the engine outside does not hold what it should yet, or holds more; it is tried again", "error", err)
}

// tend drops what is not wanted outside, and puts there what is.
func (e *Enclave) tend(ctx context.Context) error {
	e.mu.Lock()
	counts, concerns := e.countsOutside(), e.concernsOutside() && e.ours()
	e.mu.Unlock()
	if !concerns || e.outer.open == nil { // what other servers hold can't be dropped there
		return nil
	}
	r, err := e.connect(ctx)
	if err != nil {
		return err
	}
	if err := e.dropUnwanted(ctx, r, func(thing) bool { return false }); err != nil {
		return e.away(ctx, err)
	}
	if !counts {
		return nil
	}
	e.mu.Lock()
	n := e.everything()
	e.mu.Unlock()
	h, err := r.Holds(ctx) // who wiped a server told nobody
	if err != nil {
		return e.away(ctx, err)
	}
	e.outer.know(h)
	_, err = e.heldOutside(ctx, n, func() {})
	if errors.Is(err, errRetired) { // it changed meanwhile, and who changed it kicked
		return nil
	}
	return err
}

// taken takes a lock, unless ctx ends before.
func taken(ctx context.Context, try func() bool) error {
	for !try() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// disconnect lets the engine outside go.
func (o *outer) disconnect() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.engine == nil {
		return nil
	}
	return o.engine.Close()
}
