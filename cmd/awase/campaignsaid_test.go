package main

import (
	"strings"
	"testing"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestCampaignSaid: a campaign that waits is told by the version that waits, beside that
// in force, and one that is too small with what to do.
func TestCampaignSaid(t *testing.T) {
	t.Parallel()
	waiting := func(version int) *wire.Draft {
		return &wire.Draft{Hash: "c0ffee", Needs: []string{"acme"}, Statement: approval.Statement{Version: version}}
	}
	for name, c := range map[string]struct {
		m         wire.Campaign
		versions  string
		says, not []string
	}{
		"first waits": {wire.Campaign{State: wire.CampaignWaits, Draft: waiting(1)}, "1 waits",
			[]string{"version 1: waiting", "version 1 waits for the signatures of officers of acme: draft c0ffee"}, []string{"version 0", "least size"}},
		"next waits": {wire.Campaign{State: wire.CampaignLive, Version: 1, Draft: waiting(2)}, "1, 2 waits",
			[]string{"version 1: delivered", "version 2 waits for the signatures of officers of acme: draft c0ffee"}, nil},
		"in force": {wire.Campaign{State: wire.CampaignLive, Version: 2}, "2", []string{"version 2: delivered"}, []string{"waits", "least size"}},
		"small":    {wire.Campaign{State: wire.CampaignSmall, Version: 1}, "1", []string{"version 1: too-small", "1,000 people", "wider conditions", "longer list"}, nil},
	} {
		var b strings.Builder
		if err := sayCampaign(&b, &c.m); err != nil {
			t.Fatal(err)
		}
		for _, s := range c.says {
			if !strings.Contains(b.String(), s) {
				t.Errorf("%s: no %q in %s", name, s, &b)
			}
		}
		for _, s := range c.not {
			if strings.Contains(b.String(), s) {
				t.Errorf("%s: %q in %s", name, s, &b)
			}
		}
		if got := versions(&c.m); got != c.versions {
			t.Errorf("%s: listed as version %q, not %q", name, got, c.versions)
		}
	}
}

// TestCampaignAskedEarly: what a result would use up is said of those alone for which
// something was put aside.
func TestCampaignAskedEarly(t *testing.T) {
	t.Parallel()
	m := &entrustment.Campaign{Results: []string{entrustment.ReportDelivery, entrustment.ReportLift}}
	for _, report := range entrustment.CampaignReports() {
		said := tooEarly(m, report).Error()
		aside := report != entrustment.ReportAttribution
		if strings.Contains(said, "uses up what was put aside") != aside || strings.Contains(said, report+" is not among its results: nothing was put aside for it") == aside || !strings.Contains(said, "--early") {
			t.Errorf("%s: %s", report, said)
		}
	}
}
