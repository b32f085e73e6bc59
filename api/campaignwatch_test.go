package api_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

// kindsTold waits until somebody is told so many things, and gives the kinds, sorted.
func kindsTold(t *testing.T, c *apitest.Client, n int) (kinds []string) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); len(kinds) < n && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		var page struct{ Items []struct{ Kind string } }
		c.Do(http.MethodGet, "/v1/notices", nil).Want(http.StatusOK).JSON(&page)
		kinds = nil
		for _, one := range page.Items {
			kinds = append(kinds, one.Kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// TestDeliveryIsTold: the receiver is told of a delivery that it can fetch, once, however
// often the service starts; the sides of the contract of one that failed, and of an
// audience that was too small; nobody else of anything.
func TestDeliveryIsTold(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, func(o *api.Options) { o.Jobs.Look = 20 * time.Millisecond })
	fetches, asks, other := r.as(apitest.AdCo, api.AdOps), r.as(apitest.Acme, api.Marketing), r.as(apitest.AdCo, api.Marketing)
	r.live(t, "spring", "google", "")
	if got := kindsTold(t, fetches, 1); !slices.Equal(got, []string{"delivery.ready"}) {
		t.Fatalf("the receiver is told %v", got)
	}
	r.live(t, "small", "google", `"where": {"in": {"gender": ["unknown"]}}`)
	fetches.Do(http.MethodPost, "/v1/deliveries/ads/spring/1/report", body{"status": "failed", "reason": "busy"}).Want(http.StatusOK)
	if got := kindsTold(t, asks, 2); !slices.Equal(got, []string{"campaign.small", "delivery.failed"}) {
		t.Errorf("who asks is told %v", got)
	}
	time.Sleep(200 * time.Millisecond) // ten looks more
	if got := kindsTold(t, fetches, 1); !slices.Equal(got, []string{"delivery.ready"}) {
		t.Errorf("the receiver is told %v", got)
	}
	if got := kindsTold(t, other, 0); len(got) != 0 {
		t.Errorf("its marketing is told %v", got)
	}
}
