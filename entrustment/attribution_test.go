package entrustment

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestAttributionDocument: what a question says of an attribution is read, bounded and
// filled with defaults, and stands in no other report.
func TestAttributionDocument(t *testing.T) {
	const head = "schema: awase.report/v1\nentrustment: e\ncampaign: m\nreport: "
	for doc, want := range map[string]Attribution{
		"attribution\n":                                                   {Model: LastTouch, Click: 30, View: 7},
		"attribution\nattribution: {}\n":                                  {Model: LastTouch, Click: 30, View: 7},
		"attribution\nattribution: {model: even}\n":                       {Model: EvenTouch, Click: 30, View: 7},
		"attribution\nattribution: {view: 1d}\n":                          {Model: LastTouch, Click: 30, View: 1},
		"attribution\nattribution: {click: 90d}\n":                        {Model: LastTouch, Click: 90, View: 7},
		"attribution\nattribution: {model: time-decay}\n":                 {Model: TimeDecay, Click: 30, View: 7, HalfLife: 7},
		"attribution\nattribution: {model: time-decay, half_life: 14d}\n": {Model: TimeDecay, Click: 30, View: 7, HalfLife: 14},
	} {
		q, err := ParseQuestion("spec.yaml", []byte(head+doc))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
		} else if got := q.Attribution.Filled(); got != want {
			t.Errorf("%s: %+v", doc, got)
		} else if again := got.Filled(); !reflect.DeepEqual(got, again) {
			t.Errorf("%s: filled again it is %+v", doc, again)
		}
	}
	for doc, c := range map[string]struct {
		code Code
		at   string
	}{
		"attribution\nattribution: {model: first-click}\n":                {CodeDocument, "attribution.model"},
		"attribution\nattribution: {click: 91d}\n":                        {CodeLimit, "attribution.click"},
		"attribution\nattribution: {view: 365d}\n":                        {CodeLimit, "attribution.view"},
		"attribution\nattribution: {view: 0d}\n":                          {CodeDocument, "attribution.view"},
		"attribution\nattribution: {model: time-decay, half_life: 91d}\n": {CodeLimit, "attribution.half_life"},
		"attribution\nattribution: {model: even, half_life: 7d}\n":        {CodeSpec, "attribution.half_life"},
		"attribution\nattribution: {half_life: 7d}\n":                     {CodeSpec, "attribution.half_life"},
		"attribution\nattribution: {window: 7d}\n":                        {CodeDocument, "attribution"},
		"delivery\nattribution: {}\n":                                     {CodeSpec, "attribution"},
	} {
		_, err := ParseQuestion("spec.yaml", []byte(head+doc))
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != c.code || !strings.Contains(refusal.Field, c.at) || refusal.Mend == "" {
			t.Errorf("%s: %v, want %s at %s", doc, err, c.code, c.at)
		}
	}
	w := worldOf(FlowDelivery5, "")
	w.q().Report, w.q().Dims, w.q().Index, w.q().Campaign = ReportAttribution, []string{DimTouch, "gender"}, false, "m"
	if err := w.decide(actAsk); err != nil {
		t.Error(err)
	}
	w.q().Report = ReportDelivery
	wantRefusal(t, "touches of a delivery report", w.decide(actAsk), CodeDimForbidden, clauseNamed)
}
