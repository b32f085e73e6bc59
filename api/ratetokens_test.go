package api_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

// TestTokensTogether: who makes themselves more tokens may not ask more and more.
func TestTokensTogether(t *testing.T) {
	for name, held := range map[string]bool{"as built": true, "without the control": false} {
		t.Run(name, func(t *testing.T) {
			now := time.Now() // which stands still
			change := []func(*api.Options){func(o *api.Options) {
				o.Now = func() time.Time { return now }
				o.Rate = api.RateOptions{PerSecond: 1, Burst: 5}
			}}
			if !held {
				change = append(change, api.Without(api.ControlTogether))
			}
			r := apitest.Start(t, change...)
			answered := 0
			for i := range 10 {
				p := apitest.Person(apitest.Acme, api.Viewer)
				p.Token, p.Scopes = "tok-"+strconv.Itoa(i), []string{"jobs:read"}
				as := r.As(p)
				for range 5 {
					if as.Do(http.MethodGet, "/v1/jobs", nil).Status == http.StatusOK {
						answered++
					}
				}
			}
			if want := map[bool]int{true: 20, false: 50}[held]; answered != want {
				t.Errorf("%d of 50 requests were answered, want %d", answered, want)
			}
		})
	}
}
