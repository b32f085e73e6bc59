package enclave

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// longLog gives a room whose log has a number of entries, the last of them refusals
// as a report of an incident has most of.
func longLog(t testing.TB, entries int) *Enclave {
	t.Helper()
	e, err := Open(t.Context(), t.TempDir()+"/V", Options{Now: func() time.Time { return time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	for len(e.vault.Log().Records()) < entries {
		refuseOne(t, e)
	}
	return e
}

func refuseOne(t testing.TB, e *Enclave) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.append(kindRefusal, refusalRecord{Act: "report", Code: entrustment.CodeBudget, Clause: "PRIVACY rule 9"}); err != nil {
		t.Fatal(err)
	}
}

// TestEvidenceMost: a file holds as many entries as it may, each with its proof, and
// one more is refused with what to do.
func TestEvidenceMost(t *testing.T) {
	t.Parallel()
	e := longLog(t, wire.MaxEvidence)
	day := entrustment.DateOf(e.vault.Log().Now())
	req := wire.EvidenceRequest{From: day.Add(-1), To: day.Add(1)}
	f, _ := evidenceOf(t, e, req)
	if len(f.Entries) != wire.MaxEvidence || f.Entries[wire.MaxEvidence-1].Seq != wire.MaxEvidence-1 {
		t.Fatalf("%d entries", len(f.Entries))
	}
	refuseOne(t, e)
	for mend, from := range map[string]entrustment.Date{"shorter periods": day.Add(-1), "awase log entries": day} { // of a day there is none shorter
		_, err := e.Evidence(t.Context(), wire.EvidenceRequest{From: from, To: day})
		if refused := wantCode(t, "one more", err, entrustment.CodeLimit); refused != nil && (!strings.Contains(refused.Mend, mend) || !strings.Contains(refused.Detail, fmt.Sprint(wire.MaxEvidence))) {
			t.Errorf("%s; %s", refused.Detail, refused.Mend)
		}
	}
}

// BenchmarkEvidence makes a file of as many entries as one may hold; bytes is its size.
func BenchmarkEvidence(b *testing.B) {
	e := longLog(b, wire.MaxEvidence)
	day := entrustment.DateOf(e.vault.Log().Now())
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		raw, err := e.Evidence(b.Context(), wire.EvidenceRequest{From: day.Add(-1), To: day.Add(1)})
		if err != nil {
			b.Fatal(err)
		}
		n = len(raw)
	}
	b.ReportMetric(float64(n), "bytes")
}
