package enclave

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// checkEnds: of what ended there is no data key, and the vault key is another
// since; the log knows of it.
func (e *Enclave) checkEnds() error {
	now, newest := e.vault.Generation()
	if now != newest || now != e.state.generation() {
		return fmt.Errorf("generation %d of %d, %d in the log", now, newest, e.state.generation())
	}
	for id, end := range e.state.ended {
		if w, err := e.vault.NewSegment(dataKey(id)); err == nil {
			return errors.Join(errors.New("a destroyed data key is there"), w.Abort())
		}
		if now <= end.Generation {
			return errors.New("the vault key of before is still in use")
		}
	}
	return nil
}

// theEnd is a rotation, the end of an entrustment and what is refused afterwards,
// after a day's beginning.
func theEnd(users, rows []byte) (steps []step, from int) {
	steps, from = theEvening(users, rows)
	steps = steps[:from]
	return append(steps,
		step{"rotate", func(d *day, ctx context.Context) error { _, err := d.ask.Rotate(ctx, wire.ByOfficer{}); return err }},
		step{"end", func(d *day, ctx context.Context) error {
			raw, err := d.ask.EndEntrustment(ctx, "e", wire.ByOfficer{})
			if err != nil {
				return err
			}
			c, err := receipt.VerifyDestruction(raw, d.e.vault.Signer().Public())
			if err == nil && c.Status != receipt.KeyDestroyed {
				err = errors.New("the certificate says " + c.Status)
			}
			return err
		}},
		step{"entrust again", func(d *day, ctx context.Context) error {
			_, err := d.ask.Entrust(ctx, parse(d.t, entrustment.ParseContract, oracleContract))
			if entrustment.Public(err).Code == entrustment.CodeGone {
				return nil
			}
			return errors.Join(errors.New("an ended entrustment was activated"), err)
		}},
		step{"rotate again", func(d *day, ctx context.Context) error { _, err := d.ask.Rotate(ctx, wire.ByOfficer{}); return err }},
	), from
}

// endKinds is what the log holds after theEnd, rotations aside.
var endKinds = map[string]int{vault.KindClock: 1, kindParty: 2, kindPolicies: 1, kindGate: 1, kindEntrust: 1, kindBase: 1, kindList: 1, kindEnd: 1}

// TestEndFaultAnywhere lets each operation of a rotation and of an end fail in
// each way: once the entry stands, the restart finishes the destruction.
func TestEndFaultAnywhere(t *testing.T) {
	users, rows := crowd(600)
	steps, from := theEnd(usersCSV(rand.New(rand.NewPCG(1, 1)), users), rowsCSV(rows))
	faultAnywhere(t, steps, from, &sealedFiles{bytes: map[string][]byte{}}, endKinds, 60)
}
