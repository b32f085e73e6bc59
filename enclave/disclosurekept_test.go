package enclave

import (
	"slices"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestDisclosureExpires: what is disclosed, and who asked for what is not, are kept for
// 30 days and not longer, over restarts, with an entry that names neither; the hash of
// what was disclosed stays in the receipt. Not while the clock is stopped.
func TestDisclosureExpires(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	n, draft := d.asks(t, userKeys(1, 2))
	d.must(t, draft, "op1", "op2")
	other, waits := d.asks(t, userKeys(3, 4))
	if _, err := d.approve(t, waits, "op1"); err != nil {
		t.Fatal(err)
	}
	made, asker := d.state.disclosed[n].made.Segment, d.state.requests[other-1].segment()
	until := func(n int64) string { return d.state1(t, n).KeptUntil }
	if want := utc(d.state.disclosed[n].at.AddDate(0, 0, 30)); until(n) != want {
		t.Errorf("kept until %s, want %s", until(n), want)
	}
	there := func(ref vault.SegmentRef) bool {
		_, err := d.vault.ReadSegment(ref)
		return err == nil
	}
	looks := func() {
		t.Helper()
		if _, err := locked(d.Enclave, func() (struct{}, error) { return struct{}{}, d.look() }); err != nil {
			t.Fatal(err)
		}
	}
	d.ahead += 30*24*time.Hour - time.Minute
	looks()
	d.wantState(t, "a minute before", n, wire.RequestDisclosed)
	d.wantState(t, "a minute before", other, wire.RequestLapsed)
	if !there(made) || !there(asker) {
		t.Fatal("it went too early")
	}
	settled := d.retention.clock
	d.retention.clock = func() (time.Time, bool) { now, _ := settled(); return now.AddDate(1, 0, 0), true }
	looks()
	d.retention.clock = settled
	if !there(made) {
		t.Fatal("it went while the clock was stopped")
	}
	d.ahead += time.Minute + time.Second
	looks()
	for range 2 {
		for _, n := range []int64{n, other} {
			d.wantState(t, "its time is over", n, wire.RequestExpired)
			if until(n) != "" {
				t.Errorf("request %d is kept until %s", n, until(n))
			}
			_, err := d.Disclosure(t.Context(), n)
			wantCode(t, "fetched", err, entrustment.CodeGone)
			_, err = d.Disclose(t.Context(), n)
			wantCode(t, "disclosed again", err, entrustment.CodeGone)
		}
		if there(made) || there(asker) {
			t.Error("it is there still")
		}
		raw, err := d.RequestReceipt(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := receipt.VerifyRequest(raw, nil); err != nil || r.Disclosed == nil || r.Disclosed.Sealed == "" {
			t.Errorf("%+v, %v", r, err)
		}
		d.reopen(t)
	}
	var whats []string
	for _, r := range d.vault.Log().Records() {
		if r.Kind == kindExpired {
			x, err := body[expiredRecord](&r)
			if err != nil || x.Party != "operator" || x.Entrustment != "" || len(x.Things) != 1 || x.Things[0].Days != disclosuresKept {
				t.Errorf("%+v, %v", x, err)
			}
			whats = append(whats, x.What)
		}
	}
	if slices.Sort(whats); !slices.Equal(whats, []string{kindDisclosure, kindRequest}) {
		t.Errorf("entries of %v", whats)
	}
}
