package enclave

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// loadAdEvents loads what the users of an adRoom did today: everybody saw the campaign,
// one in four clicked, at 100 yen each, two in five converted.
func loadAdEvents(t *testing.T, r *adRoom) {
	t.Helper()
	day := entrustment.DateOf(r.now()).Number()
	h := seal.Header{Purpose: seal.Events, Unit: "yen", Events: []seal.EventType{{Kind: "impression", Category: "spring"}, {Kind: "click", Category: "spring"}, {Kind: "conversion", Category: "spring"}}}
	rows := func(yield func([]seal.Row, error) bool) {
		for i := range adUsers {
			one := func(typ uint8, value int64) seal.Row {
				return seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: day, Type: typ, Value: value}}
			}
			batch := []seal.Row{one(0, 0), one(0, 0)}
			if i%4 == 1 {
				batch = append(batch, one(1, 100))
			}
			if i%5 < 2 {
				batch = append(batch, one(2, 3000))
			}
			if !yield(batch, nil) {
				return
			}
		}
	}
	if _, err := r.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: seal.BaseEntrustment}, sealed(t, r.Enclave, seal.BaseEntrustment, seal.EventsName, h, rows)); err != nil {
		t.Fatal(err)
	}
}

// TestCampaignReports: the results of a campaign that is in force are asked by its name,
// and are of its audience; what comes from the campaign is decided about like what the
// question says itself.
func TestCampaignReports(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "where: {in: {gender: [f, m]}}\nholdout: 50\nconversion_rate: 40%\n")
	loadAdEvents(t, r)
	ask := func(report string, change func(*entrustment.Question)) (*wire.Release, error) {
		q := &entrustment.Question{Schema: "awase.report/v1", Report: report, Entrustment: "acme-5", Campaign: "spring", Recipient: "acme"}
		if change != nil {
			change(q)
		}
		return r.Report(t.Context(), q)
	}
	_, err := ask(entrustment.ReportDelivery, nil)
	wantCode(t, "before it is in force", err, entrustment.CodeNotFound)
	r.submit(t, m)

	// 4,500 of those listed are covered by the policy that the contract rests on, 2,000
	// of them converted, and 1,000 clicked, at 100 yen each. Who is held out is chance: six
	// standard deviations.
	lift, err := ask(entrustment.ReportLift, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l := lift.Lift; l == nil || l.Status != wire.Released || math.Abs(l.Difference.Value) > 6*(l.Difference.High-l.Difference.Value)/1.96 || l.Warning != nil || l.P == nil || !near(lift.Total.Users, 4500) || !near(lift.Total.Sums["converters"], 2000) {
		t.Errorf("of a campaign without effect it says %+v; total %+v", l, lift.Total)
	}
	if c := lift.Campaign; c == nil || c.ID != "spring" || c.Holdout != 50 || c.From != m.From || c.Where == nil || lift.List != "l" || lift.Question.Where != nil || !strings.Contains(lift.Privacy.Statement.JA, "成果のあった人数は一人につき最大 1 ") {
		t.Errorf("it is on %+v, of list %q, %s", c, lift.List, lift.Privacy.Statement.JA)
	}
	whole, err := ask(entrustment.ReportDelivery, nil)
	if err != nil {
		t.Fatal(err)
	}
	reached, treated := whole.Cells[0], lift.Cells[0]
	if d := reached.Users.Value - treated.Users.Value; max(d, -d) > 90 || !near(reached.Sums["impressions"], 2*treated.Users.Value) || !near(reached.Sums["cost"], treated.Users.Value*1000*100/4500) || reached.Rates["cost_per_click"] == nil || whole.Lift != nil {
		t.Errorf("reached %+v, treated %+v", reached, treated)
	}

	// Of a channel of the operator's own, both arms are those who opted in to it: 13 of 20.
	r.submit(t, r.campaignOf(t, "acme-5", "mail", entrustment.FormOwnChannel, "holdout: 50\n"))
	own, err := ask(entrustment.ReportLift, func(q *entrustment.Question) { q.Campaign = "mail" })
	if err != nil {
		t.Fatal(err)
	}
	if !near(own.Total.Users, adListed*13/20) {
		t.Errorf("of the own channel %+v are counted", *own.Total.Users)
	}

	// A column of the campaign's list is a dimension, and a week is.
	by, err := ask(entrustment.ReportDelivery, func(q *entrustment.Question) { q.Dims, q.Measures = []string{"tier", "week"}, []string{"users"} })
	if err != nil || len(by.Dims) != 2 || len(by.Dims[1].Domain) != 3 || by.Privacy.CellsOfOne != 3 {
		t.Fatalf("by tier and week: %+v, %v", by, err)
	}

	// Asked again in other words it is the same, for nothing.
	charges := count(r.Enclave, kindCharge)
	for name, change := range map[string]func(*entrustment.Question){
		"as it is":    nil,
		"canonical":   func(q *entrustment.Question) { *q = *lift.Question },
		"with a list": func(q *entrustment.Question) { q.List = "l" },
		"written out": func(q *entrustment.Question) {
			q.Sigma, q.Window, q.Categories = 10, &entrustment.Window{From: m.From, To: m.Until}, []string{"spring"}
		},
		"its own days": func(q *entrustment.Question) { q.Window = &entrustment.Window{From: m.From, To: m.Until} },
	} {
		again, err := ask(entrustment.ReportLift, change)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		one, _ := json.Marshal(lift)
		other, _ := json.Marshal(again)
		if string(one) != string(other) {
			t.Errorf("%s is another answer", name)
		}
	}
	if n := count(r.Enclave, kindCharge); n != charges {
		t.Errorf("it cost %d charges more", n-charges)
	}

	// Beforehand it is said how sure it will be.
	for expect, want := range map[int64]string{0: "", 100: wire.NoteLiftSmall, 400: wire.NoteLiftWithheld} {
		p, err := r.Price(t.Context(), lift.Question, expect)
		if err != nil || want == "" && slices.ContainsFunc(p.Notes, func(n string) bool { return strings.HasPrefix(n, "lift-") }) || want != "" && !slices.Contains(p.Notes, want) {
			t.Errorf("%d people: notes %v, %v", expect, p.Notes, err)
		}
	}

	for name, c := range map[string]struct {
		report string
		change func(*entrustment.Question)
		code   entrustment.Code
	}{
		"no such campaign":         {entrustment.ReportLift, func(q *entrustment.Question) { q.Campaign = "autumn" }, entrustment.CodeNotFound},
		"of another contract":      {entrustment.ReportLift, func(q *entrustment.Question) { q.Entrustment, q.Recipient = "op-24", "operator" }, entrustment.CodeNotFound},
		"a list of another name":   {entrustment.ReportLift, func(q *entrustment.Question) { q.List = "k" }, entrustment.CodeSpec},
		"a size on a campaign":     {entrustment.ReportSize, nil, entrustment.CodeSpec},
		"a category of none":       {entrustment.ReportDelivery, func(q *entrustment.Question) { q.Categories = []string{"autumn"} }, entrustment.CodeDimForbidden},
		"days on an attribution":   {entrustment.ReportAttribution, func(q *entrustment.Question) { q.Dims = []string{"day"} }, entrustment.CodeDimForbidden},
		"a column that nobody has": {entrustment.ReportDelivery, func(q *entrustment.Question) { q.Dims = []string{"shoe_size"} }, entrustment.CodeDimForbidden},
	} {
		_, err := ask(c.report, c.change)
		wantCode(t, name, err, c.code)
	}

	// The contract does not let gender be read any more, and the campaign's condition does.
	amended := adContract("acme-5", "5-delivery", "acme", "operator", "5", "acme", "recipients: [acme, adco, operator]\ncountries: {acme: JP, adco: JP, operator: JP}\n")
	amended = strings.NewReplacer("attributes: [gender]", "attributes: []").Replace(amended)
	if _, err := r.Entrust(t.Context(), parse(t, entrustment.ParseContract, amended)); err != nil {
		t.Fatal(err)
	}
	_, err = ask(entrustment.ReportDelivery, func(q *entrustment.Question) { q.Sigma = 20 })
	if e := wantCode(t, "a condition of the campaign's", err, entrustment.CodeDimForbidden); e != nil && !strings.HasPrefix(e.Field, "where") {
		t.Errorf("it is refused by %s", e.Field)
	}
}
