package enclave

import (
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestCampaignWithdrawnUnfetched: who was delivered first is taken off at the end, also
// where a newer audience that lacks them was never handed over.
func TestCampaignWithdrawnUnfetched(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "refresh: 1d\n")
	r.submit(t, m)
	c := r.deliver(t, m)
	first := hashes(t, r.openDelivery(t, &c.Deliveries[0]))
	ref := wire.DeliveryRef{Entrustment: m.Entrustment, Campaign: m.ID, Number: 1}
	if err := r.reports(t, ref, "adco", wire.DeliveryDone, ""); err != nil {
		t.Fatal(err)
	}
	r.load(t, "acme-5", 100, 6000) // fewer people
	r.deliver(t, m)                // the newer audience, which nobody fetches
	if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}); err != nil {
		t.Fatal(err)
	}
	r.deliver(t, m)
	c = r.deliver(t, m)
	n := len(c.Deliveries)
	if n < 3 || c.Deliveries[1].Status != wire.DeliverySuperseded || c.Deliveries[n-1].Act != "remove" {
		t.Fatalf("there are %+v", c.Deliveries)
	}
	last, left := hashes(t, r.openDelivery(t, &c.Deliveries[n-1])), 0
	for h := range first {
		if !last[h] {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d of %d who were delivered stay at the receiver", left, len(first))
	}
}
