package enclave

import (
	"context"
	"encoding/json"
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
	if j == nil || !e.signs {
		return e.acceptClock()
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

func (e *Enclave) acceptClock() (wire.ClockState, error) {
	var s wire.ClockState
	log := e.vault.Log()
	s.Accepted = jump(log.Stopped())
	r, err := log.AcceptClock()
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
	if j := e.vault.Log().Stopped(); j == nil || !c.near(j.To) {
		return decided{}, &entrustment.Error{Code: entrustment.CodeClock, Clause: "PRIVACY §4.6", Field: "clock",
			Detail: "the machine's clock is not where it was", Mend: "look at it again: awase ledger; and draft it again: awase admin accept-clock"}
	}
	return decided{body: c}, nil
}

// near tells whether a wall clock is the one that officers saw, and went on for as
// long as they may take to sign.
func (c *clockRecord) near(wall time.Time) bool {
	to, err := time.Parse(time.RFC3339, c.To)
	return err == nil && wall.Sub(to).Abs() <= draftLife+vault.MaxJump
}

// acceptApproved does what officers signed for. A crash between their record and
// the clock's is made good when the vault is opened, unless the clock jumped
// again: that is another jump.
func (e *Enclave) acceptApproved() error {
	j := e.vault.Log().Stopped()
	if c := e.state.approvedClock; c == nil || j == nil || !c.near(j.To) {
		return nil
	}
	_, err := e.acceptClock()
	return err
}
