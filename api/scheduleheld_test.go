package api_test

import (
	"net/http"
	"testing"

	"awase/api/store"
	"awase/internal/apitest"
)

// A schedule that can't be run any more holds up nobody else's, nor the expiry of
// what is kept no longer: it is paused.
func TestScheduleHoldsUpNobody(t *testing.T) {
	c := &setTime{}
	c.set(day(24, 8))
	r := apitest.Start(t, c.option)
	r.Furnish()
	bad := &store.Schedule{ID: "sched-00000000000000000000000000", Party: apitest.Beta, Person: "per-b", Name: "of before", Entrustment: apitest.Entrustment, Question: []byte(`{"report": "none"}`), Cron: "0 9 * * *", Formats: []string{}, Next: day(24, 1), Created: day(23, 8)}
	if err := r.Store.AddSchedule(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	marketing(r, apitest.Acme).Do(http.MethodPost, "/v1/schedules", `{"name": "daily", "question": `+apitest.Question("profile", `"dims": ["gender"]`)+`, "cron": "0 9 * * *"}`).Want(http.StatusCreated)
	c.set(day(24, 9))
	if runs := runsOf(t, marketing(r, apitest.Acme), 1); runs[0].State != "done" {
		t.Errorf("%+v", runs[0])
	}
	if v, err := r.Store.Schedule(t.Context(), apitest.Beta, bad.ID); err != nil || v.State != store.SchedulePaused || v.Reason == nil {
		t.Errorf("%+v, %v", v, err)
	}
}
