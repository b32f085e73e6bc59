package enclave

import (
	"context"
	"errors"
	"slices"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// Which engine counts (DESIGN §6): the one in this process's memory, or, after an
// officer moved the room there, the one outside. The record log says which. Whatever
// it holds can be made again from the vault, so it is given what isn't there when
// something is counted.

// engineRecord says which engine counts from here on or, where it is begun, to which
// one the room's data goes from here on: what stood before it counts on.
type engineRecord struct {
	Engine string `json:"engine"`
	Shards int    `json:"shards,omitempty"`
	Begun  bool   `json:"begun,omitempty"`
	// Servers are digests of the shards' names.
	Servers []hexID `json:"servers,omitempty"`
	// Lost: an officer declared the engine of before lost, with what it held.
	Lost bool `json:"lost,omitempty"`
	// By is the officer who signed for it; nil in a dev vault, and where the record of
	// the beginning has the signature.
	By *byOfficer `json:"by,omitempty"`
}

// droppedRecord says what an engine outside holds no more, every shard having said so.
type droppedRecord struct {
	Engine string   `json:"engine"`
	Ends   []string `json:"ends,omitempty"` // of these entrustments, which ended, nothing
	All    bool     `json:"all,omitempty"`  // of the room nothing
	// Expired is the entry of an expiry, of which nothing, 0: of none; and Entrustment
	// what it is of.
	Expired     int64  `json:"expired,omitempty"`
	Entrustment string `json:"entrustment,omitempty"`
	// Found: nothing is dropped yet, and servers that were declared lost are there again
	// with what they held.
	Found bool `json:"found,omitempty"`
}

// engineState is what the record log says of engines.
type engineState struct {
	engine  engineRecord // that counts; the zero value: the embedded one
	seq     int64        // of its record
	moves   int          // records of moves
	there   string       // engine outside that may hold data of the room, "": none
	at      []hexID      // its servers
	lost    bool         // and it was declared lost
	dropped map[string]int64
	had     map[string]bool    // entrustments that something was ever loaded under
	left    map[string][]hexID // by entrustment: servers that were declared lost with data of it
	gone    map[string]int64   // by entrustment: the record that declared so
	blind   int64              // the last restore without the newest log, until somebody answers for where the room counted
	sighted int64              // the last record that did
}

func (s *state) foldEngine(r *engineRecord, seq int64) {
	s.moves++
	switch {
	case r.Engine != wire.EngineEmbedded:
		s.there, s.at, s.lost = r.Engine, r.Servers, false
	case r.Lost:
		s.declareLost(seq)
	}
	if !r.Begun {
		s.engine, s.seq = *r, seq
	}
}

func (s *state) foldDropped(r *droppedRecord, seq int64, at time.Time) {
	if r.Expired != 0 {
		s.foldExpiryDropped(r.Expired, seq, at)
	}
	if r.Found {
		s.foundAgain()
	}
	for _, id := range r.Ends {
		s.dropped[id] = seq
	}
	if r.All {
		s.there, s.at, s.lost = "", nil, false
	}
}

// countsOutside tells whether the engine outside counts. The room's lock is held.
func (e *Enclave) countsOutside() bool {
	return e.state.engine.Engine != "" && e.state.engine.Engine != wire.EngineEmbedded
}

// concernsOutside tells whether something of the room may be outside. A vault that
// was restored without its newest log does not know. The room's lock is held.
func (e *Enclave) concernsOutside() bool {
	return e.state.there != "" || e.state.restored != nil && e.state.restored.Lost
}

// declarable tells whether it would say something new that what is outside is lost. The
// room's lock is held.
func (e *Enclave) declarable() bool {
	if e.state.there != "" {
		return !e.state.lost
	}
	return e.concernsOutside() && slices.ContainsFunc(e.state.losable(), func(id string) bool { return e.state.gone[id] == 0 })
}

// toDrop gives what may be written down once all that is not wanted is dropped. The
// locks of outer and of the room are held.
func (e *Enclave) toDrop() droppedRecord {
	rec := droppedRecord{Engine: e.outer.is.Name, Ends: slices.DeleteFunc(e.undropped(), func(id string) bool {
		// Others were not asked, or stand in the place of those that are lost.
		return !sameServers(e.state.heldBy(e.state.ended[id]), e.outer.at) || e.state.gone[id] != 0
	})}
	rec.All = e.state.there != "" && !e.state.lost && e.ours() && !e.countsOutside() && len(e.outer.claims) == 0
	return rec
}

// undropped gives the entrustments that ended and of which the engine outside may
// hold data still. The room's lock is held.
func (e *Enclave) undropped() (out []string) {
	for id, end := range e.state.ended {
		if end.Engine != "" && e.state.dropped[id] == 0 {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// noteDropped writes down what is dropped, an entry for each entrustment: its certificate
// shows the entry to its parties, and another's is not theirs to know.
func (e *Enclave) noteDropped(rec droppedRecord, expiries []int64) error {
	if len(rec.Ends)+len(expiries) == 0 && !rec.All {
		return nil
	}
	e.outer.mu.Lock()
	defer e.outer.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.noteExpiryDropped(rec.Engine, expiries); err != nil {
		return err
	}
	for _, id := range rec.Ends {
		if e.state.dropped[id] != 0 { // by who dropped meanwhile
			continue
		}
		if _, err := e.append(kindDropped, droppedRecord{Engine: rec.Engine, Ends: []string{id}}); err != nil {
			return err
		}
	}
	if !rec.All || !e.toDrop().All {
		return nil
	}
	_, err := e.append(kindDropped, droppedRecord{Engine: rec.Engine, All: true})
	return err
}

// ahead has the engine outside, where it counts, hold what a load is about to make
// stand, so that no question waits for it. done is called once its record stands, or
// will not.
func (e *Enclave) ahead(ctx context.Context, of func() *needs) (done func(), err error) {
	n, _ := locked(e, func() (*needs, error) {
		if !e.countsOutside() {
			return nil, nil
		}
		return of(), nil
	})
	if n == nil {
		return func() {}, nil
	}
	c := e.outer.claimed(n)
	if _, err := e.heldOutside(ctx, n, func() {}); err != nil {
		e.outer.letGo(c)
		return nil, err
	}
	return func() { e.outer.letGo(c) }, nil
}

// reached fails where the engine outside counts and can't be reached. An event log
// is put there after its load was answered: how long it takes depends on who of it is
// in the base (attack A14).
func (e *Enclave) reached(ctx context.Context) error {
	if out, _ := locked(e, func() (bool, error) { return e.countsOutside(), nil }); !out {
		return nil
	}
	r, err := e.connect(ctx)
	if err != nil {
		return err
	}
	_, err = r.Holds(ctx)
	return e.away(ctx, err)
}

// opened has what a query reads opened, and gives the engine that counts it. Where the
// room was moved meanwhile the other one does.
func (e *Enclave) opened(ctx context.Context, r matcher.Reads) (matcher.Engine, error) {
	for {
		outside, _ := locked(e, func() (bool, error) { return e.countsOutside(), nil })
		by, err := e.openedBy(ctx, r, outside)
		moved, _ := locked(e, func() (bool, error) { return e.countsOutside() != outside, nil })
		if err == nil || !moved || ctx.Err() != nil {
			return by, err
		}
	}
}

func (e *Enclave) openedBy(ctx context.Context, r matcher.Reads, outside bool) (matcher.Engine, error) {
	if !outside {
		return e.engine, e.openRead(ctx, r)
	}
	n, err := locked(e, func() (*needs, error) { return e.needsOf(r) })
	if err != nil {
		return nil, err
	}
	by, err := e.reaching(ctx, n)
	if refusal, ok := errors.AsType[*entrustment.Error](err); ok && refusal.Code == entrustment.CodeEngine && refusal != errNoEngine && refusal != errOthers {
		err = e.noAnswer(err)
	}
	return by, err
}

// lost tells an error by which an engine does not hold what it was to read.
func lost(err error) bool {
	refusal, ok := errors.AsType[*entrustment.Error](err)
	return ok && refusal.Code == entrustment.CodeGone && refusal != errRetired || errors.Is(err, matcher.ErrLost)
}

// uncounted says what a count that failed is to its asker, and whether it is worth
// another: where the engine lost what it had, or another one counts since.
func (e *Enclave) uncounted(by matcher.Engine, err error) (again bool, out error) {
	refusal, _ := errors.AsType[*entrustment.Error](err)
	gone := lost(err)
	if by == matcher.Engine(e.engine) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return gone && e.countsOutside(), err
	}
	switch {
	case gone:
		e.outer.forget()
		return true, e.noAnswer(err)
	case errors.Is(err, context.Canceled), refusal != nil && refusal.Code != entrustment.CodeEngine:
		return false, err
	}
	return false, e.noAnswer(err)
}

// statusTime is how long who asks for the status waits for the engine outside.
const statusTime = 10 * time.Second

// Engine tells which engine counts, and what the one outside holds.
func (e *Enclave) Engine(ctx context.Context) (wire.EngineState, error) {
	e.mu.Lock()
	out := e.engineState()
	configured, ours, counts := e.outer.open != nil, e.ours(), e.countsOutside()
	concerns := e.concernsOutside()
	e.mu.Unlock()
	switch {
	case counts && !configured:
		out.Fault = faultOf(errNoEngine)
	case counts && !ours:
		out.Fault = faultOf(errOthers)
	}
	if !configured || !ours || !concerns {
		return out, nil
	}
	ctx, stop := context.WithTimeout(ctx, statusTime)
	defer stop()
	r, err := e.connect(ctx)
	if err == nil {
		var h matcher.Holding
		if h, err = r.Holds(ctx); err == nil {
			out.Holds = &wire.EngineHolds{Bases: len(h.Builds), Populations: len(h.Populations), Lists: len(h.Lists), EventLogs: len(h.Logs)}
		}
	}
	reached := err == nil
	if !reached {
		out.Fault = faultOf(e.away(context.WithoutCancel(ctx), err)) // that the time is over is no answer
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	holds, fault := out.Holds, out.Fault // what it said of itself may have changed the record
	out = e.engineState()
	out.Reachable, out.Holds, out.Fault = &reached, holds, fault
	return out, nil
}

// faultOf is a refusal as the status has it.
func faultOf(err error) *wire.EngineFault {
	r := entrustment.Public(err)
	return &wire.EngineFault{Where: r.Field, Detail: r.Detail, Mend: r.Mend}
}

// engineState is what the record log and the configuration say. The room's lock is
// held.
func (e *Enclave) engineState() wire.EngineState {
	out := wire.EngineState{Engine: wire.EngineEmbedded, Seq: e.state.seq, Undropped: e.undropped()}
	if e.countsOutside() {
		out.Engine, out.Shards = e.state.engine.Engine, e.state.engine.Shards
	}
	if e.outer.open != nil {
		out.Configured = &wire.EngineConfigured{Engine: e.outer.is.Name, Shards: e.outer.is.Shards, Servers: texts(e.outer.at), Others: !e.ours(), Order: e.outer.order}
	}
	out.Servers, out.Lost = texts(e.state.at), e.state.lost
	out.Remains, out.Declarable = e.state.there != "" && !e.countsOutside(), e.declarable()
	return out
}
