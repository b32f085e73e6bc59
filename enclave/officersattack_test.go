package enclave

import (
	"errors"
	"testing"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// attack is one way to get an act in force, or a signature counted, that nobody
// signed for.
type attack struct {
	name   string
	remove func(*signedRoom) // the control
	run    func(t *testing.T, r *signedRoom) error
}

// signedWithout has officers sign, and the enclave check, a statement that leaves
// something out.
func signedWithout(blank func(*approval.Statement)) func(*signedRoom) {
	return func(r *signedRoom) {
		r.message = func(s *approval.Statement) ([]byte, error) {
			less := *s
			blank(&less)
			return less.Message()
		}
	}
}

func taking(t *testing.T, names ...string) func(*signedRoom) {
	return func(r *signedRoom) { r.without(t, names...) }
}

// TestAttacksOnApprovals: each attack is refused, and each comes through once the
// control is taken out that stops it.
func TestAttacksOnApprovals(t *testing.T) {
	for _, a := range []attack{
		// An approval that made one draft effective is sent again, after another
		// was: the old document stands again.
		{"replay", taking(t, "used once", "predecessor", "two people"), func(t *testing.T, r *signedRoom) error {
			low := r.gateDoc(t, "k: 20\n")
			first, second := r.approval(t, low, "op1"), r.approval(t, low, "op2")
			r.must(t, low, "op1", "op2")
			r.must(t, r.gateDoc(t, "k: 100\n"), "op1", "op2")
			_, err := r.Approve(t.Context(), first)
			_, err2 := r.Approve(t.Context(), second)
			if k := r.gate.Policy().K; (k == 20) != (err == nil || err2 == nil) {
				t.Errorf("k is %d after %v, %v", k, err, err2)
			}
			return errors.Join(err, err2)
		}},
		{"replay, where what it replaced stands again", taking(t, "used once", "two people"), func(t *testing.T, r *signedRoom) error {
			// A stop of the clock and a freeze are such acts; here the predecessor is
			// made to stand by hand.
			low := r.gateDoc(t, "k: 20\n")
			first := r.approval(t, low, "op1")
			r.must(t, low, "op1", "op2")
			delete(r.state.versions, kindGate+" ")
			r.state.gate = ""
			_, err := r.Approve(t.Context(), first)
			return err
		}},
		{"approval of one draft for another", signedWithout(func(s *approval.Statement) { s.Document, s.Nonce, s.Expires = "", "", "" }), func(t *testing.T, r *signedRoom) error {
			harmless, harmful := r.gateDoc(t, "k: 100\n"), r.gateDoc(t, "k: 20\n")
			signed := r.approval(t, harmless, "op1")
			signed.Draft = harmful.Hash
			_, err := r.Approve(t.Context(), signed)
			return err
		}},
		{"approval of one act for another", signedWithout(func(s *approval.Statement) {
			s.Act, s.ID, s.Document, s.Replaces, s.Version, s.Nonce, s.Expires = "", "", "", "", 0, "", ""
		}), func(t *testing.T, r *signedRoom) error {
			one, other := r.gateDoc(t, "k: 100\n"), r.party(t, partyDoc(t, "other", entrustment.ClassClient))
			signed := r.approval(t, one, "op1")
			signed.Draft = other.Hash
			_, err := r.Approve(t.Context(), signed)
			return err
		}},
		{"approval of a draft that lapsed for the same again", signedWithout(func(s *approval.Statement) { s.Nonce, s.Expires = "", "" }), func(t *testing.T, r *signedRoom) error {
			signed := r.approval(t, r.gateDoc(t, "k: 20\n"), "op1")
			r.ahead += draftLife
			signed.Draft = r.gateDoc(t, "k: 20\n").Hash
			_, err := r.Approve(t.Context(), signed)
			return err
		}},
		{"lapsed", taking(t, "expires"), func(t *testing.T, r *signedRoom) error {
			d := r.gateDoc(t, "k: 20\n")
			r.ahead += draftLife
			_, err := r.approve(t, d, "op1")
			return err
		}},
		{"the same officer twice", taking(t, "two people"), func(t *testing.T, r *signedRoom) error {
			d := r.gateDoc(t, "k: 20\n")
			if _, err := r.approve(t, d, "op1"); err != nil {
				t.Fatal(err)
			}
			out, err := r.approve(t, d, "op1")
			if out.Effective != (err == nil) {
				t.Errorf("%+v, %v", out, err)
			}
			return err
		}},
		{"a key that was replaced", taking(t, "pinned"), func(t *testing.T, r *signedRoom) error {
			r.must(t, r.party(t, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op3")), "op1", "op2")
			_, err := r.approve(t, r.gateDoc(t, "k: 20\n"), "op2")
			return err
		}},
		{"a signature whose key was replaced meanwhile", func(r *signedRoom) { r.valid = func(officer) bool { return true } }, func(t *testing.T, r *signedRoom) error {
			d := r.gateDoc(t, "k: 20\n")
			if _, err := r.approve(t, d, "op2"); err != nil {
				t.Fatal(err)
			}
			r.must(t, r.party(t, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op3")), "op1", "op2")
			out, err := r.approve(t, d, "op1")
			if err == nil && !out.Effective {
				err = errors.New("it waits for another signature")
			}
			return err
		}},
		{"another party's officer", taking(t, "concerned"), func(t *testing.T, r *signedRoom) error {
			_, err := r.approve(t, r.gateDoc(t, "k: 20\n"), "ac1")
			return err
		}},
		{"nobody's key", taking(t, "known", "pinned", "concerned", "signature"), func(t *testing.T, r *signedRoom) error {
			_, err := r.approve(t, r.gateDoc(t, "k: 20\n"), "stranger")
			return err
		}},
		{"a signature that is none", taking(t, "signature"), func(t *testing.T, r *signedRoom) error {
			d := r.gateDoc(t, "k: 20\n")
			_, err := r.Approve(t.Context(), wire.Approval{Draft: d.Hash, Key: publicKey("op1"), Signature: approval.Signature{Ed25519: make([]byte, 64)}})
			return err
		}},
		{"another's key named", taking(t, "signature"), func(t *testing.T, r *signedRoom) error {
			signed := r.approval(t, r.gateDoc(t, "k: 20\n"), "stranger")
			signed.Key = publicKey("op1")
			_, err := r.Approve(t.Context(), signed)
			return err
		}},
		{"in another vault", signedWithout(func(s *approval.Statement) { s.Vault, s.Nonce, s.Expires = "", "", "" }), func(t *testing.T, r *signedRoom) error {
			practice := newSignedRoom(t)
			practice.message = r.message
			signed := practice.approval(t, practice.gateDoc(t, "k: 20\n"), "op1")
			signed.Draft = r.gateDoc(t, "k: 20\n").Hash
			_, err := r.Approve(t.Context(), signed)
			return err
		}},
		{"in another vault, by its id alone", signedWithout(func(s *approval.Statement) { s.Vault = "" }), func(t *testing.T, r *signedRoom) error {
			d := r.gateDoc(t, "k: 20\n")
			there := d.Statement
			there.Vault = "0123"
			message, err := r.message(&there)
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Approve(t.Context(), wire.Approval{Draft: d.Hash, Key: publicKey("op1"), Signature: approval.Sign(officerKey("op1"), message)})
			return err
		}},
		{"after what it replaces was changed", taking(t, "predecessor"), func(t *testing.T, r *signedRoom) error {
			d := r.gateDoc(t, "k: 20\n")
			if _, err := r.approve(t, d, "op1"); err != nil {
				t.Fatal(err)
			}
			r.must(t, r.gateDoc(t, "k: 100\n"), "op1", "op2")
			_, err := r.approve(t, d, "op2")
			if k := r.gate.Policy().K; (k == 20) != (err == nil) {
				t.Errorf("k is %d after %v", k, err)
			}
			return err
		}},
	} {
		t.Run(a.name, func(t *testing.T) {
			r := newSignedRoom(t)
			refusals := count(r.Enclave, kindRefusal)
			err := a.run(t, r)
			if err == nil {
				t.Error("it came through")
			}
			if _, refused := errors.AsType[*entrustment.Error](err); refused && count(r.Enclave, kindRefusal) == refusals {
				t.Error("it is not in the record log")
			}
			twin := newSignedRoom(t)
			a.remove(twin)
			if err := a.run(t, twin); err != nil {
				t.Errorf("without the control: %v", err)
			}
		})
	}
}
