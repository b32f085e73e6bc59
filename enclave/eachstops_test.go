package enclave

import (
	"slices"
	"testing"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestEachPartyStops: where one party stopped releases, another's freeze is an entry of
// its own, and an officer of each has to sign before they go on, whatever was drafted
// before it; stopped again by the same party, or handed in again, it is nothing, and
// without a signature it is refused. With one freeze for all, the operator alone lifts
// what acme's officer was told is stopped.
func TestEachPartyStops(t *testing.T) {
	t.Parallel()
	for _, swallowed := range []bool{false, true} {
		r := newSignedRoom(t)
		r.furnish(t)
		ctx := t.Context()
		if _, err := r.Freeze(ctx, r.freezeBy(t, "op1", nil)); err != nil {
			t.Fatal(err)
		}
		before := r.waitsFor(t)(r.Lift(ctx))
		if swallowed {
			r.stopOf = func(string) *freezeRecord { return r.state.frozen[0] }
		}
		by := r.freezeBy(t, "ac1", nil)
		f, err := r.Freeze(ctx, by)
		if err != nil || !f.Frozen || f.Party != "operator" {
			t.Fatalf("%+v, %v", f, err)
		}
		if swallowed {
			r.must(t, before, "op1", "op2")
			if f, err := r.Frozen(ctx); err != nil || f.Frozen {
				t.Errorf("the operator does not lift alone: %+v, %v", f, err)
			}
			continue
		}
		if len(f.Stops) != 2 || f.Stops[1].Party != "acme" || f.Stops[1].Officer != "a" || f.Stops[1].Seq <= f.Seq {
			t.Errorf("acme stopped them, and it stands %+v", f.Stops)
		}
		for what, again := range map[string]wire.FreezeRequest{"handed in again": by, "signed again": r.freezeBy(t, "ac2", nil)} {
			if f, err := r.Freeze(ctx, again); err != nil || len(f.Stops) != 2 {
				t.Errorf("%s: %+v, %v", what, f, err)
			}
		}
		if n := count(r.Enclave, kindFreeze); n != 2 {
			t.Errorf("%d entries of two parties", n)
		}
		_, err = r.Freeze(ctx, wire.FreezeRequest{})
		wantCode(t, "nobody's, while they are stopped", err, entrustment.CodeForbidden)
		_, err = r.Freeze(ctx, r.freezeBy(t, "ac1", func(s *approval.Statement) { s.Version -= 2 }))
		wantCode(t, "signed before the other's", err, entrustment.CodeForbidden)
		_, err = r.approve(t, before, "op1")
		wantCode(t, "a lifting that was drafted before", err, entrustment.CodeForbidden)

		d := r.waitsFor(t)(r.Lift(ctx))
		if !slices.Equal(d.Parties, []string{"acme", "operator"}) {
			t.Fatalf("%v lift it", d.Parties)
		}
		for _, key := range []string{"op1", "op2"} {
			if out, err := r.approve(t, d, key); err != nil || out.Effective {
				t.Fatalf("%+v, %v", out, err)
			}
		}
		r.reopen(t)
		if f, err := r.Frozen(ctx); err != nil || len(f.Stops) != 2 {
			t.Fatalf("opened again: %+v, %v", f, err)
		}
		if out, err := r.approve(t, d, "ac2"); err != nil || !out.Effective {
			t.Fatalf("%+v, %v", out, err)
		}
		if f, err := r.Frozen(ctx); err != nil || f.Frozen || len(f.Stops) != 0 {
			t.Errorf("lifted: %+v, %v", f, err)
		}
	}
}
