package enclave

import (
	"strings"
	"testing"

	"awase/enclave/vault"
)

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
