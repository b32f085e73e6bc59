package enclave

import (
	"math"
	"strings"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestAttribution: what a campaign's conversions are credited to, of those to whom it was
// delivered: clicks, and where there was none impressions. Its price is put aside before
// there is an event, and what was asked comes back with every default written out.
func TestAttribution(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "where: {in: {gender: [f, m]}}\nholdout: 10\nresults: [attribution]\n")
	p, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
	if err != nil || len(p.Results) != 1 || p.Results[0].Price.Rho != 0.01 {
		t.Fatalf("its results cost %+v, %v", p, err)
	}
	r.submit(t, m)
	ask := func(change ...func(*entrustment.Question)) (*wire.Release, error) {
		q := &entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportAttribution, Entrustment: "acme-5", Campaign: "spring", Recipient: "acme"}
		for _, c := range change {
			c(q)
		}
		return r.Report(t.Context(), q)
	}
	_, err = ask()
	wantCode(t, "without a log", err, entrustment.CodeNotFound)
	loadAdEvents(t, r)
	whole, err := ask(func(q *entrustment.Question) { q.Sigma = 5 })
	if err != nil {
		t.Fatal(err)
	}
	// Everybody saw it; who clicked too is credited to the click. One in ten is held out,
	// by chance: six standard deviations of that.
	want := map[string]int64{}
	for i := range adListed {
		if _, covered := adPerson(i); !covered || i%5 > 1 {
			continue
		}
		touch := "impression/spring"
		if i%4 == 1 {
			touch = "click/spring"
		}
		want[touch]++
	}
	if len(whole.Cells) != 3 || whole.Dims[0].Name != entrustment.DimTouch {
		t.Fatalf("cells %+v of %+v", whole.Cells, whole.Dims)
	}
	for _, c := range whole.Cells {
		touch := c.Key[entrustment.DimTouch]
		if touch == entrustment.Unattributed {
			if c.Status != wire.Withheld {
				t.Errorf("nobody is without a touch, and it is %+v", c)
			}
			continue
		}
		n := 0.9 * float64(want[touch])
		credits := c.Sums["credits"]
		if c.Status != wire.Released || credits == nil {
			t.Fatalf("%s is withheld", touch)
		}
		within := func(v, off float64) bool { return v > -off && v < off }
		// 0.9·0.1·n by chance, and the noise.
		if spread := 6 * (0.3*math.Sqrt(float64(want[touch])) + 15); !within(float64(c.Users.Value)-n, spread) || !within(float64(credits.Value)/1000-float64(c.Users.Value), 6*(15+10)) {
			t.Errorf("%s: %v %v, want about %.0f", touch, c.Users, credits, n)
		}
	}
	if a := whole.Question.Attribution; a == nil || *a != (entrustment.Attribution{Model: entrustment.LastTouch, Click: 30, View: 7}) {
		t.Errorf("asked back: %+v", a)
	}
	// At most three conversions of one person, in all three cells together.
	if s := whole.Privacy.Statement; whole.Privacy.CellsOfOne != 3 || whole.Privacy.Rho != 0.04 || !strings.Contains(s.EN, "at most 3 count for one person") ||
		!strings.Contains(s.EN, "standard deviation 15.") || !strings.Contains(s.JA, "最大 3 件") {
		t.Errorf("%+v", whole.Privacy)
	}
	if whole.Total.Status != wire.None || whole.Total.Sums["credits"] == nil || whole.Campaign == nil || whole.Campaign.ID != "spring" {
		t.Errorf("total %+v of %+v", whole.Total, whole.Campaign)
	}

	// The look-back goes as far as the contract's logs, the click of today as far as today.
	even, err := ask(func(q *entrustment.Question) {
		q.Sigma, q.Dims, q.Attribution = 5, []string{"gender"}, &entrustment.Attribution{Model: entrustment.EvenTouch, Click: 1, View: 1}
	})
	if err != nil || len(even.Dims) != 2 || even.Privacy.CellsOfOne != 3 {
		t.Errorf("even by gender: %+v, %v", even, err)
	}
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
