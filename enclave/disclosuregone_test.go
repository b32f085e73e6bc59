package enclave

import (
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
)

// TestDisclosureForgetsAskers: who asked is off the disk as soon as the disclosure is
// made, not at the next load or opening; a request for deletion stays.
func TestDisclosureForgetsAskers(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	d.furnish(t)
	loadTelling(t, d.Enclave, tellingRows)
	if _, err := d.Request(t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: sealedRequest(t, d.Enclave, seal.Deletion, userKeys(1, 2))}); err != nil {
		t.Fatal(err)
	}
	n, draft := d.asks(t, userKeys(3, 5))
	asked, deleted := d.state.requests[n-1].segment(), d.state.requests[0].segment()
	for _, by := range []string{"op1", "op2"} {
		if !d.vault.Has(asked) {
			t.Fatal("who asks is gone before it is looked up")
		}
		if _, err := d.approve(t, draft, by); err != nil {
			t.Fatal(err)
		}
	}
	if d.vault.Has(asked) {
		t.Error("who asked is kept longer than it is needed")
	}
	if !d.vault.Has(deleted) {
		t.Error("who is out of use is not kept")
	}
	openedDisclosure(t, d.Enclave, d.key, n)
	// Without officers it is the same.
	dev := openDesk(t, 5)
	dev.load()
	e := dev.Enclave
	if _, err := e.SetDeskKey(t.Context(), d.key.Public()); err != nil {
		t.Fatal(err)
	}
	if n := asksDisclosure(t, e, userKeys(3, 5)); e.vault.Has(e.state.requests[n-1].segment()) {
		t.Error("in a dev vault who asked is kept")
	}
}

// TestBaseGoneWhileLookedUp: a base that was replaced while a disclosure, or a backup,
// read it goes with the next look, particulars and all.
func TestBaseGoneWhileLookedUp(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	d.furnish(t)
	loadTelling(t, d.Enclave, tellingRows)
	n, _ := d.asks(t, [][]byte{[]byte("user-1")})
	src, err := locked(d.Enclave, func() (*source, error) { return d.source(n) })
	if err != nil {
		t.Fatal(err)
	}
	before := d.state.base.refs()
	loadTelling(t, d.Enclave, strings.Replace(tellingRows, "f,東京都", "m,大阪府", 1))
	there := func() (n int) {
		if _, err := locked(d.Enclave, func() (struct{}, error) { return struct{}{}, d.look() }); err != nil {
			t.Fatal(err)
		}
		for _, ref := range before {
			if d.vault.Has(ref) {
				n++
			}
		}
		return n
	}
	if there() != len(before) {
		t.Error("what is looked up went meanwhile")
	}
	src.release()
	if got := there(); got != 0 {
		t.Errorf("%d segments of the base of before stay", got)
	}
	for _, ref := range append(d.state.base.refs(), vault.SegmentRef{ID: d.state.requests[n-1].segment().ID, Key: rightsKey}) {
		if !d.vault.Has(ref) {
			t.Errorf("a segment that stands is gone: %s", ref.ID)
		}
	}
}
