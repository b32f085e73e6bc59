package enclave

import (
	"context"
	"encoding/json"
	"fmt"

	"awase/enclave/wire"
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
	// A draft of this stop waits on, whatever the clock shows meanwhile.
	for _, d := range e.waiting() {
		if d.Statement.Act == kindAccept {
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
		e.state.clockApproved = false
	}
	s.Now = utc(log.Now())
	return s, nil
}

func (e *Enclave) decideClock(c *clockRecord) (decided, error) {
	return decided{same: e.vault.Log().Stopped() == nil, body: c}, nil
}

// acceptApproved does what officers signed for. A crash between their record and
// the clock's is made good when the vault is opened.
func (e *Enclave) acceptApproved() error {
	if !e.state.clockApproved {
		return nil
	}
	_, err := e.acceptClock()
	return err
}
