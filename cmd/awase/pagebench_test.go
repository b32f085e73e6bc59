package main

import (
	"os"
	"testing"
)

// TestBenchPage has the page check, seal and send a large list, and prints how long each
// took and what memory the tab had: make bench-page. AWASE_BENCH_PAGE is how many rows.
func TestBenchPage(t *testing.T) {
	rows := os.Getenv("AWASE_BENCH_PAGE")
	if rows == "" {
		t.Skip("make bench-page runs it: minutes")
	}
	tools := wantPage(t)
	r := startRoom(t, t.TempDir(), "--practice", "--rate-per-second", "1000", "--rate-burst", "1000")
	r.ready()
	out, err := tools.Command(t, t.TempDir(), "bench-upload", r.base, rows).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s rows in the page:\n%s", rows, out)
	r.end()
}
