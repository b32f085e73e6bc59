package aggregator

import (
	"slices"
	"strings"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// may2026 gives a day of the test's campaign.
func may2026(day int) entrustment.Date { return entrustment.Date{Year: 2026, Month: 5, Day: day} }

// aCampaign is a campaign of May with a holdout of 10 per cent, and the logs it is
// measured by.
func aCampaign() Sources {
	src := eventSources()
	src.Events[0].Last = may2026(31)
	f := in("gender", "f")
	src.Campaign = &CampaignSource{
		Document: &entrustment.Campaign{ID: "m", Entrustment: "e", List: "spring", Where: &f, From: may2026(1), Until: may2026(28), Holdout: 10,
			Categories: []string{"spring", "shop"}, ConversionRate: 20_000},
		Holdout: &matcher.Share{Key: [16]byte{1}, To: 100},
	}
	return src
}

func onCampaign(report string, change func(*entrustment.Question, *Sources)) (*Plan, error) {
	q := &entrustment.Question{Schema: "awase.report/v1", Report: report, Entrustment: "e", Campaign: "m"}
	src := aCampaign()
	if change != nil {
		change(q, &src)
	}
	p := DefaultPolicy()
	return Compile(q, src, &p)
}

// TestCampaignCompiles: what a report on a campaign reads is the campaign's; everything
// that its cells depend on is in its identity, and nothing else.
func TestCampaignCompiles(t *testing.T) {
	type change func(*entrustment.Question, *Sources)
	document := func(of func(m *entrustment.Campaign)) change {
		return func(_ *entrustment.Question, src *Sources) { of(src.Campaign.Document) }
	}
	for _, report := range []string{entrustment.ReportDelivery, entrustment.ReportLift} {
		pl, err := onCampaign(report, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids := func(pl *Plan) (out [2]SpecID) {
			for i := range pl.Tables {
				out[i] = pl.Tables[i].ID
			}
			return out
		}
		differ := map[string]change{
			"list": func(_ *entrustment.Question, src *Sources) {
				l := src.Lists["spring"]
				l.ID[1], l.Version = 9, 2
				src.Lists["spring"] = l
			},
			"share": func(_ *entrustment.Question, src *Sources) { src.Campaign.Holdout.To = 200 },
			"key":   func(_ *entrustment.Question, src *Sources) { src.Campaign.Holdout.Key[3] = 1 },
			"opt-in": func(_ *entrustment.Question, src *Sources) {
				src.Campaign.Also = &matcher.Where{In: &matcher.InCodes{Source: matcher.BaseColumn, Column: "channel/mail", Codes: []uint8{1}}}
			},
			"condition":           document(func(m *entrustment.Campaign) { m.Where = nil }),
			"condition beside it": func(q *entrustment.Question, _ *Sources) { w := in("age", "<20"); q.Where = &w },
			"sigma":               document(func(m *entrustment.Campaign) { m.Sigma = 20 }),
		}
		for name, c := range differ {
			other, err := onCampaign(report, c)
			if err != nil {
				t.Fatalf("%s by %s: %v", report, name, err)
			}
			for i := range other.Tables {
				if other.Tables[i].ID == pl.Tables[i].ID {
					t.Errorf("%s by %s: table %d has the same id", report, name, i)
				}
			}
		}
		// Who is in the audience depends neither on days nor on categories.
		last := len(pl.Tables) - 1
		for name, c := range map[string]change{
			"categories": document(func(m *entrustment.Campaign) { m.Categories = []string{"shop"} }),
			"days":       document(func(m *entrustment.Campaign) { m.Until = may2026(27) }),
			"window": func(q *entrustment.Question, _ *Sources) {
				q.Window = &entrustment.Window{From: may2026(1), To: may2026(27)}
			},
		} {
			other, err := onCampaign(report, c)
			if err != nil {
				t.Fatalf("%s by %s: %v", report, name, err)
			}
			if other.Tables[last].ID == pl.Tables[last].ID || last > 0 && other.Tables[0].ID != pl.Tables[0].ID {
				t.Errorf("%s by %s: %v, was %v", report, name, ids(other), ids(pl))
			}
		}
		for name, c := range map[string]change{
			"its canonical form": func(q *entrustment.Question, _ *Sources) { *q = pl.Question },
			"all written out": func(q *entrustment.Question, _ *Sources) {
				q.List, q.Sigma, q.Categories, q.Window = "spring", 10, []string{"shop", "spring"}, &entrustment.Window{From: may2026(1), To: may2026(28)}
			},
			"its condition again": func(q *entrustment.Question, _ *Sources) { w := in("gender", "f"); q.Where = &w },
			"its name and rate":   document(func(m *entrustment.Campaign) { m.ConversionRate = 5 }),
		} {
			same, err := onCampaign(report, c)
			if err != nil || ids(same) != ids(pl) {
				t.Errorf("%s by %s: another question, %v", report, name, err)
			}
		}
		if pl.Question.List != "spring" || pl.Question.Where != nil || pl.Question.Campaign != "m" || *pl.Question.Window != (entrustment.Window{From: may2026(1), To: may2026(28)}) || pl.Question.Sigma != 10 {
			t.Errorf("%s is written out as %+v", report, pl.Question)
		}
	}
	weekly, err := onCampaign(entrustment.ReportDelivery, func(q *entrustment.Question, _ *Sources) { q.Dims = []string{"week", "age"} })
	if err != nil {
		t.Fatal(err)
	}
	p := DefaultPolicy()
	spec := weekly.Tables[0].Spec
	if rho, _ := spec.price(&p); spec.cellsOfOne() != 4 || rho != 5*gaussianRho(10) || spec.cells() != 20 || !spec.Events.Spread || spec.Events.Presence != "impression" {
		t.Errorf("by week: L0 %d, ρ %d, %d cells, %+v", spec.cellsOfOne(), rho, spec.cells(), spec.Events)
	}
	if !slices.Equal(weekly.Question.Measures, []string{"users", "impressions", "clicks", "conversions", "cost"}) {
		t.Errorf("measures %v", weekly.Question.Measures)
	}
	lift, err := onCampaign(entrustment.ReportLift, nil)
	if err != nil || len(lift.Tables) != 2 || lift.Tables[0].Spec.Events != nil || lift.Tables[1].Spec.Events.Presence != "conversion" || len(lift.Tables[1].Spec.Measures) != 0 {
		t.Fatal(lift, err)
	}
	for i := range lift.Tables {
		if rho, _ := lift.Tables[i].Spec.price(&p); rho != gaussianRho(10) {
			t.Errorf("table %d of a lift report costs %d", i, rho)
		}
	}
}

// TestCampaignCondition: whether somebody is in the audience hangs on what they did
// before the campaign, never on what it did to them.
func TestCampaignCondition(t *testing.T) {
	pl, err := onCampaign(entrustment.ReportLift, func(q *entrustment.Question, src *Sources) {
		src.Campaign.Document.Where = &entrustment.Condition{Event: &entrustment.EventCondition{Category: "shop", AtLeast: 2, Within: 30}}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range pl.Tables {
		if e := table.Spec.Where.Event; e.To != may2026(1).Add(-1).Number() || e.From != e.To-29 {
			t.Errorf("the condition is of the days %d to %d", e.From, e.To)
		}
	}
}

// TestCampaignOwners: each table is charged to whose data it reads.
func TestCampaignOwners(t *testing.T) {
	partner := Owner{"adco", "adco"}
	of := func(pl *Plan) (out []string) {
		for _, table := range pl.Tables {
			var names []string
			for _, o := range table.Owners {
				names = append(names, o.Party)
			}
			out = append(out, strings.Join(names, " "))
		}
		return out
	}
	for _, c := range []struct {
		report string
		where  *entrustment.Condition
		want   []string
	}{
		{entrustment.ReportDelivery, nil, []string{"acme adco op"}},
		{entrustment.ReportLift, nil, []string{"acme op", "acme adco op"}},
		{entrustment.ReportLift, &entrustment.Condition{Event: &entrustment.EventCondition{Category: "shop", AtLeast: 2, Within: 30}}, []string{"acme adco op", "acme adco op"}},
	} {
		pl, err := onCampaign(c.report, func(q *entrustment.Question, src *Sources) {
			q.Where, src.Events[0].Owner = c.where, partner
		})
		if err != nil || !slices.Equal(of(pl), c.want) {
			t.Errorf("%s: charged to %v, %v", c.report, of(pl), err)
		}
	}
}

// TestCampaignRefused: what can't be asked is refused before anything is read.
func TestCampaignRefused(t *testing.T) {
	for name, c := range map[string]struct {
		report string
		change func(*entrustment.Question, *Sources)
		code   entrustment.Code
		field  string
	}{
		"no campaign":             {entrustment.ReportDelivery, func(_ *entrustment.Question, src *Sources) { src.Campaign = nil }, entrustment.CodeSpec, "campaign"},
		"another campaign":        {entrustment.ReportLift, func(q *entrustment.Question, _ *Sources) { q.Campaign = "n" }, entrustment.CodeSpec, "campaign"},
		"none named":              {entrustment.ReportLift, func(q *entrustment.Question, _ *Sources) { q.Campaign = "" }, entrustment.CodeSpec, "campaign"},
		"a campaign of a size":    {entrustment.ReportSize, nil, entrustment.CodeSpec, "campaign"},
		"another list":            {entrustment.ReportDelivery, func(q *entrustment.Question, _ *Sources) { q.List = "old" }, entrustment.CodeSpec, "list"},
		"no holdout":              {entrustment.ReportLift, func(_ *entrustment.Question, src *Sources) { src.Campaign.Holdout = nil }, entrustment.CodeSpec, "campaign"},
		"an empty holdout":        {entrustment.ReportLift, func(_ *entrustment.Question, src *Sources) { src.Campaign.Holdout.To = 0 }, entrustment.CodeSpec, "campaign"},
		"dimensions of a lift":    {entrustment.ReportLift, func(q *entrustment.Question, _ *Sources) { q.Dims = []string{"age"} }, entrustment.CodeSpec, "dims"},
		"total of a lift":         {entrustment.ReportLift, func(q *entrustment.Question, _ *Sources) { q.Total = true }, entrustment.CodeSpec, "total"},
		"measures of a lift":      {entrustment.ReportLift, func(q *entrustment.Question, _ *Sources) { q.Measures = []string{"clicks"} }, entrustment.CodeSpec, "measures[0]"},
		"a category of no result": {entrustment.ReportDelivery, func(q *entrustment.Question, _ *Sources) { q.Categories = []string{"summer"} }, entrustment.CodeSpec, "categories[0]"},
		"28 days":                 {entrustment.ReportDelivery, func(q *entrustment.Question, _ *Sources) { q.Dims = []string{"day"} }, entrustment.CodeLimit, "dims"},
		"total by week":           {entrustment.ReportDelivery, func(q *entrustment.Question, _ *Sources) { q.Dims, q.Total = []string{"week"}, true }, entrustment.CodeSpec, "total"},
		"category":                {entrustment.ReportDelivery, func(q *entrustment.Question, _ *Sources) { q.Dims = []string{"category"} }, entrustment.CodeDomain, "dims[0]"},
		"a small list":            {entrustment.ReportDelivery, func(_ *entrustment.Question, src *Sources) { src.Campaign.Document.List = "small" }, entrustment.CodeListSmall, "list"},
		"no log":                  {entrustment.ReportLift, func(_ *entrustment.Question, src *Sources) { src.Events = nil }, entrustment.CodeNotFound, "report"},
	} {
		_, err := onCampaign(c.report, c.change)
		e, ok := err.(*entrustment.Error)
		if !ok || e.Code != c.code || e.Field != c.field || e.Mend == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLiftNote: before anything is charged it is said what rule 13 asks for.
func TestLiftNote(t *testing.T) {
	p := DefaultPolicy()
	for _, c := range []struct {
		people int64
		rate   entrustment.Rate
		sigma  int
		want   LiftNote
	}{
		{0, 20_000, 10, LiftUnknown},
		{100_000, 0, 10, LiftUnknown},
		{24_999, 20_000, 10, LiftSmall},    // 49 of 50
		{25_000, 20_000, 10, LiftWithheld}, // 50, and τ is 107
		{53_499, 20_000, 10, LiftWithheld},
		{53_500, 20_000, 10, LiftSure},
		{53_500, 20_000, 50, LiftSmall},
		{39_500, 20_000, 5, LiftSure}, // 79
	} {
		pl, err := onCampaign(entrustment.ReportLift, func(q *entrustment.Question, src *Sources) {
			q.Sigma, src.Campaign.Document.ConversionRate = c.sigma, c.rate
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := pl.LiftNote(c.people, &p); got != c.want {
			t.Errorf("%d people at %s, σ %d: %d, want %d", c.people, c.rate, c.sigma, got, c.want)
		}
	}
	if pl, err := onCampaign(entrustment.ReportDelivery, nil); err != nil || pl.LiftNote(5, &p) != LiftSure {
		t.Error("a delivery report is noted as a lift report", err)
	}
}

// TestCampaignForecast: how many are held out is known by the campaign; how many it
// reaches nobody knows beforehand.
func TestCampaignForecast(t *testing.T) {
	p := DefaultPolicy()
	shares := Shares{"gender": {"f": 0.5, "m": 0.4}}
	lift, err := onCampaign(entrustment.ReportLift, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Of 1,500 women 150 are held out, of 600 60.
	for all, withheld := range map[int64][2]float64{3000: {0, 0.01}, 1200: {0.99, 1.01}} {
		if f := lift.Forecast(0, all, shares, &p); len(f.Unknown)+len(f.Missing) > 0 || f.Cells != 2 || f.Withheld < withheld[0] || f.Withheld > withheld[1] {
			t.Errorf("a list of %d: %+v", all, f)
		}
	}
	delivery, err := onCampaign(entrustment.ReportDelivery, func(q *entrustment.Question, _ *Sources) { q.Dims = []string{"gender"} })
	if err != nil {
		t.Fatal(err)
	}
	if f := delivery.Forecast(0, 3000, shares, &p); !slices.Equal(f.Unknown, []string{UnknownReached}) {
		t.Errorf("unasked: %+v", f)
	}
	if f := delivery.Forecast(3000, 0, shares, &p); len(f.Unknown)+len(f.Missing) > 0 || f.Cells != 3 || f.Withheld < 1.9 || f.Withheld > 2.1 {
		t.Errorf("of 3,000 reached: %+v", f)
	}
}
