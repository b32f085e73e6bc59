package api_test

import (
	"path/filepath"
	"testing"
	"time"

	"awase/api"
	"awase/api/store"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// A party that asks a hundred things at once has 64 of them under way and no more, so
// that others come to theirs. Without the control all are.
func TestJobsOfAPartyHaveTheirShare(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*api.Options)
		held   bool
	}{{"with the control", func(*api.Options) {}, true}, {"without the control", api.Without(api.ControlShare), false}} {
		t.Run(c.name, func(t *testing.T) {
			r := apitest.Start(t, c.change, func(o *api.Options) { o.Enclave = idle{o.Enclave, wire.Later(filepath.Join(t.TempDir(), "s"))} })
			r.Furnish()
			for range 100 {
				addJob(t, r)
			}
			other := reportJob(apitest.Operator, apitest.Question("profile", `"dims": ["gender"]`))
			if err := r.Store.AddJob(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			running := func(party string) int {
				t.Helper()
				n, err := r.Store.RunningJobs(t.Context(), party)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			want := 100
			if c.held {
				want = 64
			}
			for until := time.Now().Add(30 * time.Second); running(apitest.Acme) < want || running(apitest.Operator) < 1; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(until) {
					t.Fatalf("%d of acme's are under way, want %d; %d of the operator's, want 1", running(apitest.Acme), want, running(apitest.Operator))
				}
			}
			time.Sleep(300 * time.Millisecond)
			if n := running(apitest.Acme); n != want {
				t.Errorf("%d are under way, want %d", n, want)
			}
			if j, err := r.Store.Job(t.Context(), apitest.Operator, other.ID); err != nil || j.State != store.JobRuns {
				t.Errorf("the other party's: %+v, %v", j, err)
			}
		})
	}
}
