package enclave

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// kindAccept is the act of believing the machine's clock after it jumped: time
// gives budgets back, so officers sign for it.
const kindAccept = "accept-clock"

// clockRecord is a jump that officers accepted.
type clockRecord struct {
	From string `json:"from"` // the vault's time
	To   string `json:"to"`   // the wall clock's
}

// AcceptClock believes the machine's clock after it jumped, or drafts that.
func (e *Enclave) AcceptClock(context.Context) (wire.ClockState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	j := e.vault.Log().Stopped()
	if err := e.initialised(); err != nil {
		return wire.ClockState{}, e.refuse(kindAccept, "", err)
	}
	if j == nil || !e.signs {
		return e.acceptClock(nil)
	}
	raw, err := json.Marshal(clockRecord{utc(j.From), utc(j.To)})
	if err != nil {
		return wire.ClockState{}, fmt.Errorf("encoding a jump: %w", err)
	}
	// A draft of this stop waits on, though the clock went on meanwhile.
	for _, d := range e.waiting() {
		if d.Statement.Act != kindAccept {
			continue
		}
		if _, err := e.decide(kindAccept, d.Document); err == nil {
			raw = d.Document
		}
	}
	ack, err := e.draft(kindAccept, "", raw)
	if err != nil {
		return wire.ClockState{}, e.refuse(kindAccept, "", err)
	}
	return wire.ClockState{Now: utc(e.vault.Log().Now()), Seq: ack.Seq, Waits: ack.Waits}, nil
}

func (e *Enclave) acceptClock(believe func(now, wall time.Time) bool) (wire.ClockState, error) {
	var s wire.ClockState
	log := e.vault.Log()
	s.Accepted = jump(log.Stopped())
	r, err := log.AcceptClock(believe)
	if errors.Is(err, vault.ErrClock) {
		err = errAnotherJump
	}
	if err != nil {
		return wire.ClockState{}, err
	}
	if r != nil {
		s.Seq = r.Seq
		e.state.approvedClock = nil
	}
	s.Now = utc(log.Now())
	return s, nil
}

func (e *Enclave) decideClock(c *clockRecord) (decided, error) {
	if e.vault.Log().Stopped() == nil || !c.near(e.vault.Log().Clocks()) {
		return decided{}, errAnotherJump
	}
	return decided{body: c}, nil
}

var errAnotherJump = &entrustment.Error{Code: entrustment.CodeClock, Clause: "PRIVACY §4.6", Field: "clock",
	Detail: "the machine's clock is not where it was", Mend: "look at it again: awase ledger; and draft it again: awase admin accept-clock"}

// near tells whether a wall clock is the one that officers saw, and went on since
// for as long as the vault's time did. Where the machine was started again
// meanwhile, that time stood still, and it is another jump.
func (c *clockRecord) near(now, wall time.Time) bool {
	from, ferr := time.Parse(time.RFC3339, c.From)
	to, terr := time.Parse(time.RFC3339, c.To)
	return ferr == nil && terr == nil && (wall.Sub(to)-now.Sub(from)).Abs() <= vault.MaxJump
}

// acceptApproved does what officers signed for. A crash between their record and
// the clock's is made good when the vault is opened, unless the clock jumped
// again: that is another jump.
func (e *Enclave) acceptApproved() error {
	c := e.state.approvedClock
	if c == nil || e.vault.Log().Stopped() == nil {
		return nil
	}
	_, err := e.acceptClock(c.near)
	if errors.Is(err, errAnotherJump) {
		return nil
	}
	return err
}
