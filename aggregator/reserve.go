package aggregator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"awase/entrustment"
)

// Reservation holds budget for one question, so that what is asked in between
// can't use it up: a campaign holds the price of its results before it begins
// (PRIVACY rule 9). What is held is not spent: it comes back when the
// reservation is given up or runs out.
type Reservation struct {
	Name     string               `json:"name"`
	Question entrustment.Question `json:"question"` // canonical
	Held     []Held               `json:"held"`
	Until    time.Time            `json:"until"`
	AskedBy  string               `json:"asked_by,omitempty"` // as a Purpose's
}

// Held is what a reservation takes of one account.
type Held struct {
	Account
	RhoNano  int64 `json:"rho_nano"`
	DeltaE15 int64 `json:"delta_e15"`
}

// MaxHold is how long a reservation may run.
const MaxHold = window365

// draw lessens a charge's reservation by the charge.
func (l *ledger) draw(c *Charge) {
	r := l.held[c.Reservation]
	if r == nil {
		return
	}
	for i := range r.Held {
		if h := &r.Held[i]; slices.Contains(c.Accounts, h.Account) {
			h.RhoNano, h.DeltaE15 = max(0, h.RhoNano-c.RhoNano), max(0, h.DeltaE15-c.DeltaE15)
		}
	}
}

// taken sums what an account spent in a window and what is held of it, but for
// the reservation named under.
func (l *ledger) taken(a Account, now time.Time, window time.Duration, under string) (rhoNano, deltaE15 int64) {
	rhoNano, deltaE15 = l.spent(a, now, window)
	for name, r := range l.held {
		if name == under || !r.Until.After(now) {
			continue
		}
		for _, h := range r.Held {
			if h.of(a) {
				rhoNano, deltaE15 = addSaturated(rhoNano, h.RhoNano), addSaturated(deltaE15, h.DeltaE15)
			}
		}
	}
	return rhoNano, deltaE15
}

// of tells whether what is held is of an account: of its own, and of the global
// one of its owner. A reservation has one recipient, so an owner once.
func (h *Held) of(a Account) bool {
	return h.Account == a || a == Account{Everybody, h.Owner}
}

// Held lists what a reservation holds now, by account: nothing where its question used it
// up, or its day is over.
func (g *Gate) Held(name string) []Held {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.ledger.held[name]
	if r == nil || !r.Until.After(g.clock.Now()) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Held), func(h Held) bool { return h.RhoNano == 0 && h.DeltaE15 == 0 })
}

// holds lists what is held of an account.
func (l *ledger) holds(a Account, now time.Time) (out []Hold) {
	for _, name := range slices.Sorted(maps.Keys(l.held)) {
		r := l.held[name]
		if !r.Until.After(now) {
			continue
		}
		for _, h := range r.Held {
			if h.of(a) {
				out = append(out, Hold{Name: name, For: purpose(&r.Question, ""), RhoNano: h.RhoNano, DeltaE15: h.DeltaE15, Until: r.Until})
			}
		}
	}
	return out
}

// accounts lists every account that was ever charged or held, by owner and
// recipient.
func (l *ledger) accounts() []Account {
	known := map[Account]bool{}
	for a := range l.entries {
		known[a] = true
	}
	for _, r := range l.held {
		for _, h := range r.Held {
			known[h.Account] = true
		}
	}
	return slices.SortedFunc(maps.Keys(known), func(a, b Account) int {
		if c := strings.Compare(a.Owner, b.Owner); c != 0 {
			return c
		}
		return strings.Compare(a.Recipient, b.Recipient)
	})
}

// Reserve holds what a plan's accounts still owe for it, until a moment. A name
// holds one question at a time; the same again changes nothing. It gives what
// is held.
func (g *Gate) Reserve(ctx context.Context, name string, pl *Plan, until time.Time) (*Reservation, error) {
	return g.reserve(ctx, name, pl, until, false)
}

// Replace is Reserve in place of what the name holds, which pays for it: one record does
// both, so that whatever stops it, either the one is held or the other.
func (g *Gate) Replace(ctx context.Context, name string, pl *Plan, until time.Time) (*Reservation, error) {
	return g.reserve(ctx, name, pl, until, true)
}

func (g *Gate) reserve(ctx context.Context, name string, pl *Plan, until time.Time, replaces bool) (*Reservation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if replaces {
		under := pl.reservation
		pl.reservation = name
		defer func() { pl.reservation = under }()
	}
	now := g.clock.Now()
	if !until.After(now) || until.After(now.Add(MaxHold)) {
		return nil, &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY rule 9", Field: "until",
			Detail: "a reservation ends after now and within 365 days", Mend: "write another day"}
	}
	r := &Reservation{Name: name, Until: until, Question: pl.Question, AskedBy: pl.asker}
	charges, _ := g.owed(pl, nil)
	for _, c := range charges {
		for _, a := range c.Accounts {
			i := slices.IndexFunc(r.Held, func(h Held) bool { return h.Account == a })
			if i < 0 {
				i = len(r.Held)
				r.Held = append(r.Held, Held{Account: a})
			}
			r.Held[i].RhoNano, r.Held[i].DeltaE15 = addSaturated(r.Held[i].RhoNano, c.RhoNano), addSaturated(r.Held[i].DeltaE15, c.DeltaE15)
		}
	}
	if len(r.Held) == 0 {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "PRIVACY rule 9", Field: "spec",
			Detail: "the question costs nothing: there is nothing to hold", Mend: "ask it"}
	}
	if old := g.ledger.held[name]; old != nil && old.Until.After(now) {
		if reflect.DeepEqual(old.Question, r.Question) && slices.Equal(old.Held, r.Held) && old.Until.Equal(until) {
			return old, nil
		}
		if !replaces {
			return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "PRIVACY rule 9", Field: "name",
				Detail: "a reservation of this name is held already", Mend: "take another name, or give that one up first"}
		}
	}
	if err := g.ledger.check(charges, &g.policy, now); err != nil {
		return nil, g.cheaper(pl, err, now)
	}
	if err := g.book.Reserve(ctx, r); err != nil {
		return nil, fmt.Errorf("writing the reservation: %w", err)
	}
	g.ledger.hold(r)
	return r, nil
}

// hold takes a reservation in. The ledger keeps its own copy, which charges
// lessen.
func (l *ledger) hold(r *Reservation) {
	kept := *r
	kept.Held = slices.Clone(r.Held)
	l.held[r.Name] = &kept
}

// Free gives a reservation up. It tells whether one was held.
func (g *Gate) Free(ctx context.Context, name string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.ledger.held[name]; r == nil || !r.Until.After(g.clock.Now()) {
		return false, nil
	}
	if err := g.book.Free(ctx, name); err != nil {
		return false, fmt.Errorf("writing that a reservation is given up: %w", err)
	}
	delete(g.ledger.held, name)
	return true, nil
}

// ReplayReservation folds a reservation of the record log in.
func (g *Gate) ReplayReservation(r *Reservation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ledger.hold(r)
}

// ReplayFree folds the end of a reservation in.
func (g *Gate) ReplayFree(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.ledger.held, name)
}

// Under makes the plan draw from a reservation.
func (pl *Plan) Under(reservation string) { pl.reservation = reservation }

// AskedBy has the plan's charges name the party whose people asked.
func (pl *Plan) AskedBy(party string) { pl.asker = party }

// purpose says what a charge for a table of a question is for.
func purpose(q *entrustment.Question, table string) Purpose {
	p := Purpose{Entrustment: q.Entrustment, Report: q.Report, Campaign: q.Campaign, List: q.List, Table: table, Dims: q.Dims}
	if table == TableIndex { // of everybody, whatever the condition
		return p
	}
	p.Window, p.Total = q.Window, q.Total
	for _, m := range q.Measures {
		if m != MeasureUsers {
			p.Measures = append(p.Measures, m)
		}
	}
	if q.Where == nil {
		return p
	}
	text, err := json.Marshal(q.Where)
	if p.Long = err != nil || len(text) > maxWhere; !p.Long {
		p.Where = string(text)
	}
	return p
}
