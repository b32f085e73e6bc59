package entrustment

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func genCampaign(t *rapid.T) *Campaign {
	from := genDate.Draw(t, "from")
	m := &Campaign{
		Schema: SchemaCampaign, ID: genID.Draw(t, "id"), Entrustment: genID.Draw(t, "entrustment"), List: genName.Draw(t, "list"),
		Destination: Destination{Receiver: genID.Draw(t, "receiver"), Form: rapid.SampledFrom([]Form{FormLabel, FormGoogle, FormMeta, FormLINE, FormYahooJapan, FormTikTok, FormX, FormOwnChannel}).Draw(t, "form")},
		From:        from, Until: from.Add(rapid.IntRange(0, 400).Draw(t, "days")), Holdout: rapid.IntRange(0, MaxHoldout).Draw(t, "holdout"),
		Sigma: rapid.IntRange(0, 100).Draw(t, "sigma"), ConversionRate: Rate(rapid.Int64Range(1, 1_000_000).Draw(t, "rate")),
	}
	switch m.Destination.Form {
	case FormOwnChannel:
		m.Destination.Channel = genName.Draw(t, "channel")
	case FormLabel:
	default:
		m.Destination.Base = distinctOf(rapid.SampledFrom(Kinds()), 0, 3).Draw(t, "kinds")
	}
	if days := int(m.Until.Number() - m.From.Number()); days > 0 {
		m.Refresh = Days(rapid.IntRange(1, days).Draw(t, "refresh"))
	}
	if rapid.Bool().Draw(t, "where") {
		m.Where = genCondition(t, 2)
	}
	m.Categories = distinctOf(genName, 0, 3).Draw(t, "categories")
	if rapid.Bool().Draw(t, "frequency") {
		m.Frequency = &Frequency{rapid.IntRange(1, 20).Draw(t, "times"), genDays.Draw(t, "within")}
	}
	if m.Holdout > 0 {
		m.Results = distinctOf(rapid.SampledFrom(ads[:]), 0, 3).Draw(t, "results")
	}
	return m
}

func TestCampaignIsRead(t *testing.T) {
	m := mustParse(t, ParseCampaign, "campaign.yaml")
	if m.Destination.Form != FormMeta || m.Holdout != 10 || m.Refresh != 1 || *m.Frequency != (Frequency{3, 7}) || m.ConversionRate != 20_000 || m.ConversionRate.String() != "2%" ||
		strings.Join(m.Results, " ") != "delivery lift" || strings.Join(m.Categories, " ") != "spring-2026 purchase" || m.Where.All[1].Not.List != "existing-customers" {
		t.Errorf("campaign.yaml read wrongly: %+v", m)
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]Rate{"2%": 20_000, "0.05%": 500, "100%": 1_000_000, "0.0001%": 1, "12.5%": 125_000, "007%": 70_000} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %d, %v", text, r, err)
		}
		var again Rate
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%s written as %s", text, r)
		}
	}
	for _, text := range []string{"", "2", "%", ".5%", "5.%", "0%", "0.0%", "101%", "100.1%", "-1%", "1e1%", "0.00001%", "１%", "2 %", "+2%", "1000%"} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d", text, r)
		}
	}
}

func TestCampaignRefusals(t *testing.T) {
	doc := string(example(t, "campaign.yaml"))
	swap := func(old, new string) string {
		if !strings.Contains(doc, old) {
			t.Fatalf("the example has no %q", old)
		}
		return strings.Replace(doc, old, new, 1)
	}
	for _, c := range []struct{ name, doc, field, says string }{
		{"no channel", swap("form: meta", "form: own-channel"), "(destination.channel)", "own-channel names the channel"},
		{"channel of a platform", swap("form: meta", "form: meta, channel: mail"), "(destination.channel)", "no other form has one"},
		{"identifiers beside labels", swap("form: meta", "form: label, identifiers: [email]"), "(destination.identifiers)", "label sends no identifiers"},
		{"identifiers of no kind", swap("form: meta", "form: meta, identifiers: [name]"), "(destination.identifiers[0])", "name"},
		{"form", swap("form: meta", "form: fax"), "(destination.form)", "allowed: label, google"},
		{"over before it begins", swap("until: 2026-05-31", "until: 2026-04-30"), "(until)", "ends before"},
		{"refresh after the end", swap("refresh: 1d", "refresh: 31d"), "(refresh)", "over before"},
		{"refresh of nothing", swap("refresh: 1d", "refresh: 0d"), "(refresh)", "whole days"},
		{"holdout of more than half", swap("holdout: 10", "holdout: 51"), "(holdout)", "0 to 50 per cent"},
		{"lift without holdout", swap("holdout: 10", "holdout: 0"), "(holdout)", "take lift out"},
		{"lift without a rate", swap("conversion_rate: 2%", ""), "(conversion_rate)", "from your own experience"},
		{"rate", swap("2%", "2"), "(conversion_rate)", "in per cent"},
		{"frequency", swap("times: 3", "times: -3"), "(frequency.times)", "1 or more"},
		{"results", swap("[delivery, lift]", "[profile]"), "(results[0])", "profile"},
		{"condition", swap("{in: {prefecture: [東京都, 神奈川県]}}", "{in: {prefecture: []}}"), "(where.all[0].in.prefecture)", "lists no value"},
		{"categories", swap("[spring-2026, purchase]", "[purchase, purchase]"), "(categories[1])", "named twice"},
		{"sigma", swap("sigma: 10", "sigma: -1"), "(sigma)", "negative"},
	} {
		m, err := ParseCampaign("campaign.yaml", []byte(c.doc))
		var refusal *Error
		if !errors.As(err, &refusal) || m != nil || !strings.Contains(refusal.Field, c.field) || !strings.Contains(err.Error(), c.says) || refusal.Mend == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// campaignOf gives a campaign that the fixture's contract lets be.
func (w *fixture) campaign() *Campaign {
	w.c().Retention.Deliveries = 90
	w.facts.Base.Channels = []Channel{{"mail_ok", "mail"}}
	form := FormMeta
	if flowRules[w.c().Effective()].joined[1] == ClassAdPlatform {
		form = FormLabel
	}
	m := &Campaign{Schema: SchemaCampaign, ID: "m", Entrustment: "e", List: "l", Where: w.deliver.Where,
		Destination: Destination{Receiver: w.deliver.Receiver, Form: form}, From: Date{2026, 5, 1}, Until: Date{2026, 5, 31}, Results: []string{ReportDelivery}}
	if form != FormLabel {
		m.Destination.Base = w.deliver.Kinds
	}
	return m
}

// TestDecideCampaign: both flows that deliver let a campaign be, the operator's own
// channel included, the others none; and each rule of it refuses by its clause.
func TestDecideCampaign(t *testing.T) {
	for _, flow := range Flows() {
		runs := []Flow{""}
		if flow == FlowOutsourcing5 {
			runs = Flows()[:5]
		}
		for _, run := range runs {
			w := worldOf(flow, run)
			err := DecideCampaign(w.facts, w.campaign())
			if w.delivers() != (err == nil) {
				t.Errorf("%s %s: %v", flow, run, err)
			}
			if !w.delivers() && !strings.Contains(err.Error(), "delivers nothing") {
				t.Errorf("%s %s: %v", flow, run, err)
			}
		}
	}
	own := func(w *fixture, m *Campaign) {
		if !strings.Contains(strings.Join(w.c().Recipients, " "), "operator") {
			w.c().Recipients = append(w.c().Recipients, "operator")
		}
		m.Destination = Destination{Receiver: "operator", Form: FormOwnChannel, Channel: "mail"}
	}
	for _, c := range []struct {
		name   string
		change func(w *fixture, m *Campaign)
		field  string // "": allowed
		clause string
	}{
		{"as it is", func(*fixture, *Campaign) {}, "", ""},
		{"own channel", own, "", ""},
		{"another entrustment", func(_ *fixture, m *Campaign) { m.Entrustment = "f" }, "entrustment", ""},
		{"own channel by another", func(_ *fixture, m *Campaign) {
			m.Destination.Form, m.Destination.Channel, m.Destination.Base = FormOwnChannel, "mail", nil
		}, "destination.form", ""},
		{"a platform's form to the operator", func(w *fixture, m *Campaign) { own(w, m); m.Destination.Form = FormX }, "destination.form", ""},
		{"a channel that the base lacks", func(w *fixture, m *Campaign) { own(w, m); m.Destination.Channel = "fax" }, "destination.channel", ""},
		{"a channel without a base", func(w *fixture, m *Campaign) { own(w, m); m.Where = nil; w.facts.Base = nil }, "destination.channel", ""},
		{"before the contract", func(_ *fixture, m *Campaign) { m.From = Date{2026, 3, 31} }, "from", "from"},
		{"after the contract", func(_ *fixture, m *Campaign) { m.Until = Date{2026, 10, 1} }, "until", "until"},
		{"no retention", func(w *fixture, m *Campaign) { w.c().Retention.Deliveries = 0 }, "retention.deliveries", "retention.deliveries"},
		{"a report that is no output", func(w *fixture, m *Campaign) { w.c().Outputs = []string{ReportLift} }, "results[0]", "outputs"},
		{"a category that the contract names", func(_ *fixture, m *Campaign) { m.Categories = []string{"page_view"} }, "", ""},
		{"a category that it does not", func(_ *fixture, m *Campaign) { m.Categories = []string{"page_view", "purchase"} }, "categories[1]", "events"},
		{"a category that is sensitive", func(w *fixture, m *Campaign) {
			w.c().Events = []string{"medical_inquiry"}
			m.Where, m.Categories = nil, w.c().Events
		}, "categories[0]", ""},
		{"a condition that may not be delivered by", func(_ *fixture, m *Campaign) { m.Where = &Condition{In: map[string][]string{"age_band": {"25-29"}}} }, "where.in.age_band", "deliver_attributes"},
		{"a receiver that is none", func(_ *fixture, m *Campaign) { m.Destination.Receiver = "bystander" }, "receiver", "recipients"},
		{"identifiers that are not agreed", func(w *fixture, m *Campaign) {
			w.c().DeliverIdentifiers = nil
			m.Destination.Form, m.Destination.Base = FormMeta, []string{KindPhone}
		}, "identifiers[0]", "deliver_identifiers"},
	} {
		for _, flow := range []Flow{FlowDelivery24, FlowDelivery5} {
			w := worldOf(flow, "")
			m := w.campaign()
			c.change(w, m)
			err := DecideCampaign(w.facts, m)
			if c.field == "" {
				if err != nil {
					t.Errorf("%s, %s: %v", flow, c.name, err)
				}
				continue
			}
			refusal, ok := errors.AsType[*Error](err)
			if !ok || refusal.Field != c.field || refusal.Mend == "" {
				t.Errorf("%s, %s: %v", flow, c.name, err)
				continue
			}
			if c.clause != "" && refusal.Contract.Clause != c.clause {
				t.Errorf("%s, %s: names the clause %+v, want %s", flow, c.name, refusal.Contract, c.clause)
			}
		}
	}
	w := worldOf(FlowDelivery5, "")
	m := w.campaign()
	m.Destination.Form, m.Destination.Base = FormLabel, nil
	if err := DecideCampaign(w.facts, m); err == nil || !strings.Contains(err.Error(), "the partner's own list") {
		t.Errorf("labels beside a client's keys: %v", err)
	}
	if err := DecideCampaign(w.facts, nil); err == nil {
		t.Error("no campaign is decided on")
	}
}
