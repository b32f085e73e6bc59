package enclave

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"awase/crypto/approval"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
)

// deskDay is a request for disclosure and its two signatures, on a disk that can fail.
// Each is done again after a crash, as people do.
type deskDay struct {
	t      *testing.T
	root   string
	disk   *fault.Disk
	sealed []byte // the request
	e      *Enclave
	file   []byte // what was fetched first
}

func (d *deskDay) open() (err error) {
	if d.e == nil {
		d.e, err = Open(d.t.Context(), filepath.Join(d.root, "V"), Options{fs: d.disk, unconfined: true})
	}
	return err
}

func (d *deskDay) close() error {
	if d.e == nil {
		return nil
	}
	e := d.e
	d.e = nil
	return e.Close()
}

// approves signs whatever draft waits; where none does, it is done.
func (d *deskDay) approves(key string) error {
	drafts, err := d.e.Drafts(d.t.Context())
	if err != nil || len(drafts) == 0 {
		return err
	}
	message, err := drafts[0].Statement.Message()
	if err != nil {
		return err
	}
	_, err = d.e.Approve(d.t.Context(), wire.Approval{Draft: drafts[0].Hash, Key: publicKey(key), Signature: approval.Sign(officerKey(key), message)})
	if refused, ok := errors.AsType[*entrustment.Error](err); ok && refused.Detail == "this officer has signed already" {
		return nil
	}
	return err
}

// check holds what is there to what may be: one entry makes the disclosure, two
// officers signed for it, and it is the bytes that were fetched before.
func (d *deskDay) check() error {
	made, signed := 0, map[string]bool{}
	for _, r := range d.e.vault.Log().Records() {
		if r.Kind == kindDisclosure {
			return fmt.Errorf("entry %d discloses without a signature", r.Seq)
		}
		if r.Kind != kindApproval {
			continue
		}
		a, err := body[approvalRecord](&r)
		if err != nil {
			return err
		}
		if d.e.state.drafts[a.Draft] == nil || d.e.state.drafts[a.Draft].Statement.Act != kindDisclosure {
			continue
		}
		signed[a.Officer] = true
		if a.Act != nil {
			made++
		}
	}
	file, err := d.e.Disclosure(d.t.Context(), 1)
	switch {
	case made == 0 && err == nil:
		return errors.New("it is disclosed without an entry")
	case made == 0:
		return nil
	case made > 1, len(signed) != 2:
		return fmt.Errorf("%d entries disclose, signed by %d officers", made, len(signed))
	case err != nil:
		return fmt.Errorf("the entry stands, and the disclosure can't be fetched: %w", err)
	case d.file != nil && !bytes.Equal(file, d.file):
		return errors.New("two disclosures of one request")
	}
	d.file = file
	if sum := hexID(sha256.Sum256(file)); sum != d.e.state.disclosed[1].made.Sealed {
		return errors.New("it is not what the entry says")
	}
	return nil
}

var deskSteps = []struct {
	name string
	do   func(d *deskDay) error
	done func(s *state) bool
}{
	{"request", func(d *deskDay) error {
		_, err := d.e.Request(d.t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: d.sealed})
		return err
	}, func(s *state) bool { return len(s.requests) == 1 && s.disclosureOf(1).draft != "" }},
	{"first signature", func(d *deskDay) error { return d.approves("op1") }, func(s *state) bool { return len(s.drafts[s.disclosureOf(1).draft].signed) >= 1 }},
	{"second signature", func(d *deskDay) error { return d.approves("op2") }, func(s *state) bool { return s.disclosureOf(1).made != nil }},
	{"fetched", func(d *deskDay) error { _, err := d.e.Disclosure(d.t.Context(), 1); return err }, func(s *state) bool { return s.disclosureOf(1).made != nil }},
}

// TestDisclosureFaultAnywhere lets each operation on the disk of each step fail in each
// way: there are never two disclosures of one request, none without an entry of the log
// and two officers, and the same steps again come to the same end.
func TestDisclosureFaultAnywhere(t *testing.T) {
	t.Parallel()
	r := newDisclosing(t)
	loadTelling(t, r.Enclave, tellingRows)
	raw := sealedRequest(t, r.Enclave, seal.Disclosure, [][]byte{[]byte("user-1"), []byte("nobody")})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, m := range []struct {
		fault fault.Fault
		crash fault.Crash
	}{{fault.Kill, fault.Keep}, {fault.Kill, fault.Lose}, {fault.Kill, fault.Cut}, {fault.Error, fault.Keep}, {fault.Error, fault.Lose}} {
		for i, s := range deskSteps {
			for n := 0; ; n++ {
				root := t.TempDir()
				if err := copyRoom(root, filepath.Dir(r.dir)); err != nil {
					t.Fatal(err)
				}
				disk, err := fault.New(root)
				if err != nil {
					t.Fatal(err)
				}
				d := &deskDay{t: t, root: root, disk: disk, sealed: raw}
				if err := d.open(); err != nil {
					t.Fatal(err)
				}
				for _, before := range deskSteps[:i] {
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
				for j, before := range deskSteps[:i+1] {
					if (j < i || err == nil) && !before.done(d.e.state) {
						t.Errorf("%s: %s is lost", what, before.name)
					}
				}
				if err := d.check(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				for _, again := range deskSteps {
					if err := again.do(d); err != nil {
						t.Fatalf("%s: %s again: %v", what, again.name, err)
					}
				}
				if err := d.check(); err != nil || d.file == nil || len(d.e.state.requests) != 1 {
					t.Errorf("%s: in the end %d requests, %v", what, len(d.e.state.requests), err)
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
	if all < 60 {
		t.Errorf("only %d operations failed", all)
	}
}
