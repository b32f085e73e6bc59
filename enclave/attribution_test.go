package enclave

import (
	"strings"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

const adContract = `schema: awase.entrustment/v1
id: ad
flow: 5-delivery
principal: acme
trustee: operator
purpose: advertising
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: acme, code: CONSENT_27_1, scope: advertising, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email]
attributes: [gender]
outputs: [attribution]
events: [spring, shop]
recipients: [acme]
countries: {acme: JP}
retention: {lists: 90d, events: 90d, reports: 365d}
from: 2020-01-01
until: 2036-12-31
`

// TestAttribution: conversions are credited to clicks, and where there was none to
// impressions, through the vault; those outside the window are not, and what was asked
// comes back with every default written out.
func TestAttribution(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	policies := "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis, 5-delivery]}}\n  - {version: v1, date: 2019-04-01, clauses: {}}\n"
	if _, err := e.SetPolicies(t.Context(), parse(t, entrustment.ParsePolicies, policies)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, adContract)); err != nil {
		t.Fatal(err)
	}
	ask := func(change ...func(*entrustment.Question)) (*wire.Release, error) {
		return e.Report(t.Context(), question(append([]func(*entrustment.Question){func(q *entrustment.Question) {
			q.Report, q.Entrustment, q.List, q.Dims = entrustment.ReportAttribution, "ad", "", nil
		}}, change...)...))
	}
	_, err := ask()
	wantCode(t, "without a log", err, entrustment.CodeNotFound)
	loadCrowdEvents(t, e)
	r, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	// Who has two impressions or more has a click on the day of the purchase.
	want := map[string]int64{}
	for i := range 1500 {
		switch {
		case i%10 == 9 || i%3 > 0:
		case i%4 > 0:
			want["click/spring"]++
		default:
			want["impression/spring"]++
		}
	}
	if len(r.Cells) != 3 || r.Dims[0].Name != entrustment.DimTouch {
		t.Fatalf("cells %+v of %+v", r.Cells, r.Dims)
	}
	total := int64(0)
	for _, c := range r.Cells {
		touch := c.Key[entrustment.DimTouch]
		n, shown := want[touch], c.Status == wire.Released
		// 325 are far above the threshold, 125 near it, 0 far below.
		if touch == "click/spring" && !shown || touch == entrustment.Unattributed && shown || shown && (!near(c.Users, n) || !near(c.Sums["credits"], 1000*n)) {
			t.Errorf("%v: %v %v, want %d", c.Key, c.Users, c.Sums["credits"], n)
		}
		if shown {
			total += 1000 * n
		}
	}
	if a := r.Question.Attribution; a == nil || *a != (entrustment.Attribution{Model: entrustment.LastTouch, Click: 30, View: 7}) {
		t.Errorf("asked back: %+v", a)
	}
	// At most three conversions of one person, in all three cells together.
	if s := r.Privacy.Statement; r.Privacy.CellsOfOne != 3 || r.Privacy.Rho != 0.01 || !strings.Contains(s.EN, "at most 3 count for one person") ||
		!strings.Contains(s.EN, "standard deviation 30.") || !strings.Contains(s.JA, "最大 3 件") {
		t.Errorf("%+v", r.Privacy)
	}
	if r.Total.Status != wire.None || !near(r.Total.Sums["credits"], total) {
		t.Errorf("total %+v", r.Total)
	}

	_, err = ask(func(q *entrustment.Question) { q.Categories = []string{"spring"} })
	wantCode(t, "no conversions", err, entrustment.CodeSpec)
	_, err = e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportAttribution, nil }))
	wantCode(t, "under a contract without it", err, entrustment.CodeForbidden)
}

// TestAttributionReadsBack: an event log that expired is missed by a question whose
// look-back goes as far as its days.
func TestAttributionReadsBack(t *testing.T) {
	t.Parallel()
	day := entrustment.Date{Year: 2026, Month: 11, Day: 1}
	for name, c := range map[string]struct {
		q    entrustment.Question
		want entrustment.Date
	}{
		"behaviour":   {entrustment.Question{Report: entrustment.ReportBehaviour}, day},
		"attribution": {entrustment.Question{Report: entrustment.ReportAttribution}, day.Add(-30)},
		"views":       {entrustment.Question{Report: entrustment.ReportAttribution, Attribution: &entrustment.Attribution{Click: 3, View: 40}}, day.Add(-40)},
	} {
		c.q.Window = &entrustment.Window{From: day, To: day}
		if from, reads, err := readsFrom(&c.q, day.Add(9)); err != nil || !reads || from != c.want {
			t.Errorf("%s: %v %v %v, want %v", name, from, reads, err, c.want)
		}
	}
}
