package control

import (
	"testing"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// TestExpireReports: reports are kept for as many days as their entrustment says now,
// counted from their release, and not a moment less; those of another stay.
func TestExpireReports(t *testing.T) {
	s := open(t)
	at := time.UnixMilli(1_700_000_000_000).UTC()
	for _, id := range []string{"spring", "summer"} {
		if _, err := s.AddReport(t.Context(), &store.Report{ID: "rep-" + id, Party: "acme", Entrustment: id, Digest: id, Created: at, Released: at, Until: at.AddDate(0, 0, 30)}); err != nil {
			t.Fatal(err)
		}
	}
	step := func(days int, less time.Duration, keeps map[string]entrustment.Days, want ...string) {
		t.Helper()
		if err := s.ExpireReports(t.Context(), at.AddDate(0, 0, days).Add(-less), keeps); err != nil {
			t.Fatal(err)
		}
		got, err := s.Reports(t.Context(), "acme", store.ReportFilter{}, store.Page{Limit: 10})
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d days: %d reports, want %v, %v", days, len(got), want, err)
		}
		for i := range got {
			if n := keeps[got[i].Entrustment]; got[i].Entrustment != want[i] || n != 0 && !got[i].Until.Equal(at.AddDate(0, 0, int(n))) {
				t.Errorf("%d days: %s until %v", days, got[i].Entrustment, got[i].Until)
			}
		}
	}
	step(29, 0, nil, "summer", "spring")
	step(40, 0, map[string]entrustment.Days{"spring": 60, "summer": 50}, "summer", "spring")
	step(50, time.Millisecond, map[string]entrustment.Days{"spring": 60, "summer": 50}, "summer", "spring")
	step(50, 0, map[string]entrustment.Days{"spring": 60, "summer": 50}, "spring")
	step(51, 0, map[string]entrustment.Days{"spring": 10, "summer": 900})
}
