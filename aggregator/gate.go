package aggregator

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// Book is the record log as the gate writes it. Each method is durable when it
// returns nil and gives the time that the record bears.
type Book interface {
	Charge(ctx context.Context, c []Charge) (time.Time, error)
	Store(ctx context.Context, t *Table) (time.Time, error)
	Alarm(ctx context.Context, a Alarm) error
	Reserve(ctx context.Context, r *Reservation) error
	Free(ctx context.Context, name string) error
}

// Alarm is a fact for the officers' eyes alone.
type Alarm struct {
	Kind   string   `json:"kind"`   // "global-budget" | "same-seed-different-input"
	Owners []string `json:"owners"` // whose data
}

// The alarms.
const (
	AlarmGlobal = "global-budget"
	AlarmDigest = "same-seed-different-input"
)

// Clock is the enclave's time: never behind the record log.
type Clock interface {
	Now() time.Time
	// SleepUntil returns at t, or when ctx ends.
	SleepUntil(ctx context.Context, t time.Time) error
}

// Keys are the gate's secrets, derived from the vault's root secret.
type Keys struct {
	Noise  [32]byte // noise streams
	Digest [32]byte // digests of exact cells
}

// Gate releases tables. It is safe for concurrent use. Draws take turns, so the
// ledger has one writer; nobody but another draw waits while one counts, or a
// bystander could time it (attack A14).
type Gate struct {
	engine matcher.Engine
	book   Book
	clock  Clock
	keys   Keys

	turn    chan struct{} // holds one by a draw from check to table
	writes  sync.Mutex    // held while a table is stored; taken before mu
	mu      sync.Mutex    // guards what follows, and is not held while counting
	policy  Policy
	ledger  *ledger
	tables  map[tableKey]*Table
	drawn   map[tableKey]*Table // counted, and not stored yet
	digests map[SpecID]Digest
	frozen  map[string]bool // owners whose inputs changed under one name
	alarmed map[string]bool // owners past the global alarm

	noise   noiseFunc // tests replace these to show that the control matters
	locks   lockFunc
	streams func(p *Planned, v PolicyV) streamFunc
}

type tableKey struct {
	spec   SpecID
	policy PolicyV
}

// New gives a gate with the default policy and an empty ledger; the Replay
// methods fold the record log in before the first release.
func New(engine matcher.Engine, book Book, clock Clock, keys Keys) *Gate {
	g := &Gate{engine: engine, book: book, clock: clock, keys: keys, turn: make(chan struct{}, 1), policy: DefaultPolicy(), ledger: newLedger(),
		tables: map[tableKey]*Table{}, drawn: map[tableKey]*Table{}, digests: map[SpecID]Digest{}, frozen: map[string]bool{}, alarmed: map[string]bool{},
		noise: keyedNoise, locks: bothLocks}
	g.streams = func(p *Planned, v PolicyV) streamFunc { return noiseStreams(&g.keys.Noise, p.ID, v) }
	return g
}

// ReplayCharge folds a charge of the record log in.
func (g *Gate) ReplayCharge(c *Charge, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rearm(c, at)
	g.ledger.add(c, at)
}

// ReplayTable folds a stored table of the record log in.
func (g *Gate) ReplayTable(t *Table) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keep(t)
}

// ReplayAlarm folds an alarm of the record log in.
func (g *Gate) ReplayAlarm(a Alarm) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.raise(a)
}

func (g *Gate) raise(a Alarm) {
	for _, o := range a.Owners {
		switch a.Kind {
		case AlarmDigest:
			g.frozen[o] = true
		case AlarmGlobal:
			g.alarmed[o] = true
		}
	}
}

// SetPolicy sets the parameters of later releases.
func (g *Gate) SetPolicy(p Policy) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.policy = p
}

// Policy gives the parameters in force.
func (g *Gate) Policy() Policy {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.policy
}

// accounts gives the accounts that pay for a table: those of the plan's recipient, and of
// each other group that is told what comes of it.
func (pl *Plan) accounts(t *Planned) []Account {
	out := accountsOf(pl.Recipient, t.Owners)
	for _, group := range pl.told {
		if group != pl.Recipient {
			out = append(out, accountsOf(group, t.Owners)...)
		}
	}
	return out
}

// accountsOf gives the accounts of a recipient that reads the owners' data: one
// for each owner that is not of its own group (PRIVACY rule 9).
func accountsOf(recipient string, owners []Owner) []Account {
	var out []Account
	for _, o := range owners {
		if o.Group != recipient {
			out = append(out, Account{recipient, o.Party})
		}
	}
	return out
}

// A silent error is one whose reason only officers may know. Everybody else is
// told "internal error".
type silent string

func (silent) Error() string { return string(entrustment.CodeInternal) + ": internal error" }

// The silent errors.
const (
	errDigest silent = "the same question met different data; its owners' data is frozen"
	errFrozen silent = "the owner's data is frozen after an alarm"
	errGlobal silent = "the global account of an owner is used up"
)

// Reason gives the reason of a silent error, for officers.
func Reason(err error) (string, bool) {
	s, ok := errors.AsType[silent](err)
	return string(s), ok
}

// uncounted tells whether the engine gave no answer.
func uncounted(err error) bool {
	refusal, ok := errors.AsType[*entrustment.Error](err)
	return ok && refusal.Code == entrustment.CodeEngine
}

// Paid is a plan that was charged, or that was refused it.
type Paid struct {
	plan   *Plan
	policy Policy
	at     time.Time // of the last charge; zero where a recipient reads its own data alone
	begun  time.Time
	err    error
}

// Pay charges a plan: what of it its accounts have not paid yet, together, or
// nothing. It waits for no count, so whoever decides that a question may be asked
// can hold on to what they decided on until it is charged. What it is refused for,
// Tables tells, for when it tells is a part of it.
func (g *Gate) Pay(ctx context.Context, pl *Plan) *Paid {
	p := &Paid{plan: pl, begun: g.clock.Now()}
	p.policy, p.at, p.err = g.pay(ctx, pl)
	return p
}

// Release is Pay and Tables.
func (g *Gate) Release(ctx context.Context, pl *Plan) ([]*Table, error) {
	return g.Tables(ctx, g.Pay(ctx, pl))
}

// Tables gives the tables of a plan that was charged, in its order, at a multiple
// of the tick (moment). A table that is stored is given as it is. After a crash
// the charge stands and the same plan is completed under it.
func (g *Gate) Tables(ctx context.Context, p *Paid) ([]*Table, error) {
	tables, err := g.draw(ctx, p)
	tick := g.Policy().Tick
	if err == nil {
		err = g.store(ctx, tables, tick)
	}
	moment := g.moment(tables, p.at, tick)
	if _, silent := Reason(err); silent || uncounted(err) {
		// What is only for officers takes as long as an answer (PRIVACY §4.8); so does a
		// count that failed, for when it did may hang on the data.
		moment = g.moment([]*Table{{At: g.clock.Now(), begun: p.begun}}, time.Time{}, tick)
	} else if err != nil {
		return nil, err
	}
	if err := g.clock.SleepUntil(ctx, moment); err != nil {
		return nil, fmt.Errorf("waiting for the release tick: %w", err)
	}
	return tables, err
}

// moment tells when tables may be shown: at the first multiple of the tick once
// they are stored, and half a tick has passed since they were paid for and
// since their counting began. Work of less than half a tick is then not to be
// seen (attack A14): were it the first multiple after the work alone, who asks
// just before one would see whether the work ended before it. Nor is it by
// asking again, for the moment of a stored table does not depend on when it is
// asked for; nor whether somebody else had it made before, for a charge has its
// half tick too.
func (g *Gate) moment(tables []*Table, paid time.Time, tick time.Duration) time.Time {
	last := paid.Add(tick / 2)
	for _, t := range tables {
		ready := t.counted
		if ready.IsZero() { // by a process before this one
			ready = t.At
		}
		for _, at := range []time.Time{ready, t.begun.Add(tick / 2)} {
			if at.After(last) {
				last = at
			}
		}
	}
	return last.Truncate(tick).Add(tick)
}

// draw gives the tables of a plan.
func (g *Gate) draw(ctx context.Context, p *Paid) ([]*Table, error) {
	if p.err != nil {
		return nil, p.err
	}
	// What is stored waits for nobody: it is shown at once, so the end of its wait
	// would be that of another's counting.
	if tables, err := g.stored(p.plan, &p.policy); err != nil || tables != nil {
		return tables, err
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to count: %w", ctx.Err())
	}
	var tables []*Table
	for i := range p.plan.Tables {
		t, err := g.table(ctx, &p.plan.Tables[i], &p.policy, p.begun)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// stored gives the tables of a plan where all are stored, else nil.
func (g *Gate) stored(pl *Plan, policy *Policy) ([]*Table, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var tables []*Table
	for i := range pl.Tables {
		if g.isFrozen(&pl.Tables[i]) {
			return nil, errFrozen
		}
		t, ok := g.tables[tableKey{pl.Tables[i].ID, policy.Version()}]
		if !ok {
			return nil, nil
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// pay charges a plan, and gives the policy that its tables are made under and the
// time of the last charge for them. It takes no turn: when a charge is written says
// nothing of another's counting.
func (g *Gate) pay(ctx context.Context, pl *Plan) (Policy, time.Time, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range pl.Tables {
		if g.isFrozen(&pl.Tables[i]) {
			return Policy{}, time.Time{}, errFrozen
		}
	}
	if err := g.charge(ctx, pl); err != nil {
		return Policy{}, time.Time{}, err
	}
	var paid time.Time
	version := g.policy.Version()
	for _, t := range pl.Tables {
		if at := g.ledger.paidAt(t.ID, version, pl.accounts(&t)); at.After(paid) {
			paid = at
		}
	}
	return g.policy, paid, nil
}

func (g *Gate) isFrozen(t *Planned) bool {
	return slices.ContainsFunc(t.Owners, func(o Owner) bool { return g.frozen[o.Party] })
}

// table gives a stored table, or makes it.
func (g *Gate) table(ctx context.Context, p *Planned, policy *Policy, begun time.Time) (*Table, error) {
	g.mu.Lock()
	key := tableKey{p.ID, policy.Version()}
	t, ok := g.tables[key]
	if !ok {
		t, ok = g.drawn[key]
	}
	frozen := g.isFrozen(p)
	g.mu.Unlock()
	switch {
	case frozen: // by a draw that took its turn before
		return nil, errFrozen
	case ok:
		return t, nil
	}
	t, err := g.make(ctx, p, policy)
	if err != nil {
		return nil, err
	}
	t.begun, t.counted = begun, g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drawn[key], g.digests[p.ID] = t, t.Digest
	return t, nil
}

// store writes tables that were drawn, half a tick after their counting was asked
// for: the record log grows then, which everybody in the room may watch, and by what
// they write there themselves they would place its end (attack A14).
func (g *Gate) store(ctx context.Context, tables []*Table, tick time.Duration) error {
	for _, t := range tables {
		g.mu.Lock()
		stored := g.tables[tableKey{t.Spec, t.Policy}] == t
		g.mu.Unlock()
		if stored {
			continue
		}
		if err := g.clock.SleepUntil(ctx, t.begun.Add(tick/2)); err != nil {
			return fmt.Errorf("waiting to store a table: %w", err)
		}
		if err := g.write(ctx, t); err != nil {
			return fmt.Errorf("storing the table: %w", err)
		}
	}
	return nil
}

// write stores a table that was drawn, once. One that can't be stored is forgotten:
// who asks again has it counted again, to the same table.
func (g *Gate) write(ctx context.Context, t *Table) error {
	g.writes.Lock()
	defer g.writes.Unlock()
	key := tableKey{t.Spec, t.Policy}
	g.mu.Lock()
	waits, stored := g.drawn[key] == t, g.tables[key] == t
	g.mu.Unlock()
	switch {
	case stored: // by who asked the same
		return nil
	case !waits:
		return errors.New("it could not be stored for who asked the same")
	}
	at, err := g.book.Store(ctx, t)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.drawn, key)
	if err != nil {
		return err
	}
	t.At = at
	g.keep(t)
	return nil
}

// make counts, noises and locks one table. The charge stands already.
func (g *Gate) make(ctx context.Context, p *Planned, policy *Policy) (*Table, error) {
	version := policy.Version()
	exact, err := g.engine.Cells(ctx, p.Spec.query())
	if err != nil {
		return nil, fmt.Errorf("counting the cells: %w", err)
	}
	at, cells := p.Spec.declared()
	if len(exact.Users) != cells {
		return nil, fmt.Errorf("counting the cells: the engine gave %d of %d", len(exact.Users), cells)
	}
	if len(exact.Sums) != len(p.Spec.Measures) {
		return nil, fmt.Errorf("counting the cells: the engine gave %d sums of %d", len(exact.Sums), len(p.Spec.Measures))
	}
	exact.Users = pick(exact.Users, at)
	for i, s := range exact.Sums {
		if len(s) != cells {
			return nil, fmt.Errorf("summing the cells: the engine gave %d of %d", len(s), cells)
		}
		exact.Sums[i] = pick(s, at)
	}
	digest := g.digest(p.ID, exact)
	if err := g.unchanged(ctx, p, digest); err != nil {
		return nil, err
	}
	t, err := g.lockCells(exact, &p.Spec, policy, g.streams(p, version))
	if err != nil {
		return nil, err
	}
	t.Spec, t.Policy, t.Digest = p.ID, version, digest
	return t, nil
}

// unchanged raises the alarm where a question met other data before.
func (g *Gate) unchanged(ctx context.Context, p *Planned, digest Digest) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known, ok := g.digests[p.ID]; !ok || known == digest {
		return nil
	}
	alarm := Alarm{Kind: AlarmDigest}
	for _, o := range p.Owners {
		alarm.Owners = append(alarm.Owners, o.Party)
	}
	g.raise(alarm)
	return errors.Join(errDigest, g.book.Alarm(ctx, alarm))
}

func (g *Gate) keep(t *Table) {
	g.tables[tableKey{t.Spec, t.Policy}] = t
	g.digests[t.Spec] = t.Digest
}

// digest is a keyed hash of the exact cells of a spec. It is stored with the
// table, so that data that changed under one name is noticed (attack A12).
func (g *Gate) digest(id SpecID, exact matcher.Exact) (d Digest) {
	mac := hmac.New(sha256.New, g.keys.Digest[:])
	mac.Write(id[:])
	for _, numbers := range append([][]int64{exact.Users}, exact.Sums...) {
		buf := make([]byte, 0, 8*len(numbers))
		for _, n := range numbers {
			buf = binary.LittleEndian.AppendUint64(buf, uint64(n))
		}
		mac.Write(buf)
	}
	mac.Sum(d[:0])
	return d
}
