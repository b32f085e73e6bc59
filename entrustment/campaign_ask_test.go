package entrustment

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestQuestionsOnCampaigns: a report on a campaign names it, and no other does.
func TestQuestionsOnCampaigns(t *testing.T) {
	for _, report := range Reports() {
		for _, campaign := range []string{"", "spring-2026", "春"} {
			doc := "schema: awase.report/v1\nreport: " + report + "\nentrustment: e\n"
			if campaign != "" {
				doc += "campaign: " + campaign + "\n"
			}
			q, err := ParseQuestion("spec.yaml", []byte(doc))
			if OfCampaign(report) == (campaign != "") && campaign != "春" {
				if err != nil || q.Campaign != campaign {
					t.Errorf("%s on %q: %v", report, campaign, err)
				}
				continue
			}
			var refusal *Error
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Field, "(campaign)") || refusal.Mend == "" {
				t.Errorf("%s on %q: %v", report, campaign, err)
			}
		}
	}
	w := worldOf(FlowDelivery5, "")
	w.q().Report, w.q().Dims, w.q().Index, w.q().Campaign = ReportDelivery, []string{"gender", DimWeek}, false, "m"
	if err := w.decide(actAsk); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change func(*Question)
		code   Code
	}{
		"no campaign":               {func(q *Question) { q.Campaign = "" }, CodeSpec},
		"a campaign of a profile":   {func(q *Question) { q.Report, q.Dims = ReportProfile, nil }, CodeSpec},
		"weeks of a lift":           {func(q *Question) { q.Report = ReportLift }, CodeDimForbidden},
		"categories":                {func(q *Question) { q.Categories = []string{"purchase"} }, CodeDimForbidden},
		"by category":               {func(q *Question) { q.Dims = []string{DimCategory} }, CodeDimForbidden},
		"an attribute of the other": {func(q *Question) { q.Dims = []string{"salary_band"} }, CodeDimForbidden},
	} {
		w := worldOf(FlowDelivery5, "")
		w.q().Report, w.q().Dims, w.q().Index, w.q().Campaign = ReportDelivery, []string{"gender", DimWeek}, false, "m"
		c.change(w.q())
		if e, ok := errors.AsType[*Error](w.decide(actAsk)); !ok || e.Code != c.code || e.Mend == "" {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// TestQuestionOn: what a question leaves out is its campaign's, and its condition
// stands beside the campaign's.
func TestQuestionOn(t *testing.T) {
	tokyo, women := &Condition{In: map[string][]string{"prefecture": {"東京都"}}}, &Condition{In: map[string][]string{"gender": {"female"}}}
	m := &Campaign{ID: "m", List: "l", From: Date{2026, 5, 1}, Until: Date{2026, 5, 31}, Categories: []string{"purchase"}, Sigma: 20}
	days := &Window{Date{2026, 5, 1}, Date{2026, 5, 7}}
	for name, c := range map[string]struct {
		of        *Condition
		ask, want Question
	}{
		"all of the campaign's": {tokyo, Question{}, Question{List: "l", Where: tokyo, Window: &Window{m.From, m.Until}, Categories: m.Categories, Sigma: 20}},
		"its own": {nil, Question{List: "x", Where: women, Window: days, Categories: []string{"view"}, Sigma: 5},
			Question{List: "l", Where: women, Window: days, Categories: []string{"view"}, Sigma: 5}},
		"both conditions": {tokyo, Question{Where: women, Window: days}, Question{List: "l", Where: &Condition{All: []Condition{*tokyo, *women}}, Window: days, Categories: m.Categories, Sigma: 20}},
	} {
		m.Where = c.of
		was := c.ask
		if got := c.ask.On(m); !reflect.DeepEqual(*got, c.want) || !reflect.DeepEqual(c.ask, was) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
