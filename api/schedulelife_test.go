package api_test

import (
	"net/http"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// A run of a schedule is asked under the contract as it is when it runs: the next
// version's words, and its number in the release, for what was paid already; and where
// they forbid it, or the contract ended, the schedule pauses with the reason, and
// nothing is charged.
func TestScheduleAmended(t *testing.T) {
	amend := func(change func(*entrustment.Contract)) func(*testing.T, *apitest.Room) {
		return func(t *testing.T, r *apitest.Room) {
			in, err := r.Enclave.Entrustment(t.Context(), apitest.Entrustment)
			if err != nil {
				t.Fatal(err)
			}
			next := *in.Versions[0].Contract
			change(&next)
			if _, err := r.Enclave.Entrust(t.Context(), &next); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		meanwhile func(*testing.T, *apitest.Room)
		code      string
	}{
		"amended":  {amend(func(k *entrustment.Contract) { k.MaxListRows = 5000 }), ""},
		"narrowed": {amend(func(k *entrustment.Contract) { k.Attributes = []string{"area"} }), "E_DIM_FORBIDDEN"},
		"ended": {func(t *testing.T, r *apitest.Room) {
			if _, err := r.Enclave.EndEntrustment(t.Context(), apitest.Entrustment, wire.ByOfficer{}); err != nil {
				t.Fatal(err)
			}
		}, "E_GONE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &setTime{}
			clock.set(day(24, 8))
			r := apitest.Start(t, clock.option)
			r.Furnish()
			acme := marketing(r, apitest.Acme)
			var v schedule
			acme.Do(http.MethodPost, "/v1/schedules", `{"name": "daily", "question": `+apitest.Question("profile", `"dims": ["gender"]`)+`, "cron": "0 9 * * *"}`).Want(http.StatusCreated).JSON(&v)
			clock.set(day(24, 9))
			acme = marketing(r, apitest.Acme) // sessions end
			if first := runsOf(t, acme, 1); first[0].State != "done" {
				t.Fatalf("%+v", first)
			}
			paid := spent(t, r)
			c.meanwhile(t, r)
			clock.set(day(26, 9))
			acme = marketing(r, apitest.Acme) // sessions end
			run := runsOf(t, acme, 2)[0]
			acme.Do(http.MethodGet, "/v1/schedules/"+v.ID, nil).Want(http.StatusOK).JSON(&v)
			if s := spent(t, r); s != paid {
				t.Errorf("%v was spent, then %v", paid, s)
			}
			if c.code != "" {
				if run.State != "failed" || run.Reason.Code != c.code || v.State != "paused" || v.Reason.Code != c.code {
					t.Errorf("%+v, %+v", run, v)
				}
				return
			}
			var release wire.Release
			acme.Do(http.MethodGet, "/v1/reports/"+run.Result.Report, nil).Want(http.StatusOK).JSON(&release)
			if run.State != "done" || v.State != "active" || release.Version != 2 {
				t.Errorf("%+v, %+v, under version %d", run, v, release.Version)
			}
		})
	}
}
