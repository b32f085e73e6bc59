package enclave

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
)

// signingDay is the acts of a ceremony, a gate that two officers sign and a
// freeze. Each is done again after a crash, as people do.
type signingDay struct {
	t    *testing.T
	dir  string
	disk *fault.Disk
	e    *Enclave
}

func (d *signingDay) open() (err error) {
	if d.e == nil {
		d.e, err = Open(d.t.Context(), d.dir, Options{fs: d.disk, unconfined: true, Officers: true})
	}
	return err
}

func (d *signingDay) close() error {
	if d.e == nil {
		return nil
	}
	e := d.e
	d.e = nil
	return e.Close()
}

// already forgives that an act stands.
func already(err error, done bool) error {
	if _, refused := errors.AsType[*entrustment.Error](err); refused && done {
		return nil
	}
	return err
}

func (d *signingDay) approve(key string) error {
	ds, err := d.e.Drafts(d.t.Context())
	if err != nil || len(ds) == 0 {
		return err
	}
	message, err := ds[0].Statement.Message()
	if err != nil {
		return err
	}
	_, err = d.e.Approve(d.t.Context(), wire.Approval{Draft: ds[0].Hash, Key: publicKey(key), Signature: approval.Sign(officerKey(key), message)})
	return already(err, true)
}

var signingSteps = []struct {
	name string
	do   func(d *signingDay) error
	done func(s *state) bool // it was acknowledged: so it stands
}{
	{"served before the ceremony", func(d *signingDay) error {
		if err := d.open(); err != nil {
			return err
		}
		p := parse(d.t, entrustment.ParseParty, "schema: awase.party/v1\nid: eve\nclass: operator\ngroup: eve\ncountry: JP\n")
		_, err := d.e.AddParty(d.t.Context(), p)
		return already(err, true) // it is refused, and the refusal logged
	}, func(s *state) bool { return s.parties["eve"] == nil }},
	{"ceremony", func(d *signingDay) error {
		if err := d.close(); err != nil {
			return err
		}
		_, err := Init(d.t.Context(), d.dir, partyDoc(d.t, "operator", entrustment.ClassOperator, "op1", "op2"), Options{fs: d.disk})
		if err = already(err, true); err != nil {
			return err
		}
		return d.open()
	}, func(s *state) bool { return s.ceremony && len(s.parties["operator"].Officers) == 2 }},
	{"draft", func(d *signingDay) error {
		_, err := d.e.SetGate(d.t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\nk: 60\n"))
		return err
	}, func(s *state) bool { return len(s.drafts) == 1 }},
	{"first signature", func(d *signingDay) error { return d.approve("op1") }, func(s *state) bool { return signaturesOf(s) >= 1 }},
	{"second signature", func(d *signingDay) error { return d.approve("op2") }, func(s *state) bool { return signaturesOf(s) == 2 && s.gate != "" }},
	{"freeze", func(d *signingDay) error {
		r := &signedRoom{Enclave: d.e}
		if len(d.e.state.frozen) > 0 {
			return nil
		}
		_, err := d.e.Freeze(d.t.Context(), r.freezeBy(d.t, "op1", nil))
		return err
	}, func(s *state) bool { return len(s.frozen) > 0 }},
}

func signaturesOf(s *state) (n int) {
	for _, d := range s.drafts {
		n += len(d.signed)
	}
	return n
}

// TestOfficersFaultAnywhere lets each operation on the disk of each act fail. What
// was acknowledged stands afterwards, nothing stands with one signature that takes
// two, and the same acts again come to the same end.
func TestOfficersFaultAnywhere(t *testing.T) {
	t.Parallel()
	all := 0
	for _, m := range []struct {
		fault fault.Fault
		crash fault.Crash
	}{{fault.Kill, fault.Keep}, {fault.Kill, fault.Lose}, {fault.Kill, fault.Cut}, {fault.Error, fault.Lose}} {
		for i, s := range signingSteps {
			for n := 0; ; n++ {
				root := t.TempDir()
				disk, err := fault.New(root)
				if err != nil {
					t.Fatal(err)
				}
				d := &signingDay{t: t, dir: filepath.Join(root, "V"), disk: disk}
				for _, before := range signingSteps[:i] {
					if err := before.do(d); err != nil {
						t.Fatal(err)
					}
				}
				what := fmt.Sprintf("%s, operation %d, fault %d, crash %d", s.name, n, m.fault, m.crash)
				disk.Arm(n, m.fault)
				ops := len(disk.Ops())
				err = s.do(d)
				struck := len(disk.Ops()) > ops+n
				if err := errors.Join(d.close(), disk.Crash(m.crash)); err != nil {
					t.Fatal(err)
				}
				if err := d.open(); err != nil {
					t.Fatalf("%s: opening it again: %v", what, err)
				}
				// It waits for its ceremony or has had it, and is never a dev vault.
				if !d.e.signs || d.e.state.ceremony != (d.e.initialised() == nil) || i > 1 && !d.e.state.ceremony || i == 0 && d.e.state.ceremony {
					t.Errorf("%s: signs %v, ceremony %v", what, d.e.signs, d.e.state.ceremony)
				}
				for j, before := range signingSteps[:i+1] {
					if (j < i || err == nil) && !before.done(d.e.state) {
						t.Errorf("%s: %s is lost", what, before.name)
					}
				}
				if stands := d.e.state.gate != ""; stands != (signaturesOf(d.e.state) == 2) {
					t.Errorf("%s: the gate stands with %d signatures", what, signaturesOf(d.e.state))
				}
				for _, again := range signingSteps[i:] {
					if err := again.do(d); err != nil {
						t.Fatalf("%s: %s again: %v", what, again.name, err)
					}
				}
				for _, s := range signingSteps {
					if !s.done(d.e.state) {
						t.Errorf("%s: in the end %s does not stand", what, s.name)
					}
				}
				if got := count(d.e, kindApproval); got != 2 {
					t.Errorf("%s: %d approvals", what, got)
				}
				if err := d.close(); err != nil {
					t.Fatal(err)
				}
				if !struck {
					break
				}
				all++
			}
		}
	}
	if all < 100 {
		t.Errorf("only %d operations failed", all)
	}
}
