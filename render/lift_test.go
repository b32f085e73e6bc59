package render

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestLiftIsChecked: a lift that contradicts itself is written in no form.
func TestLiftIsChecked(t *testing.T) {
	for name, change := range map[string]func(*wire.Lift){
		"withheld with a number": func(l *wire.Lift) { l.Status = wire.Withheld },
		"withheld with a p":      func(l *wire.Lift) { *l = wire.Lift{Status: wire.Withheld, P: l.P} },
		"released without":       func(l *wire.Lift) { l.Difference = nil },
		"released without a p":   func(l *wire.Lift) { l.P = nil },
		"of no status":           func(l *wire.Lift) { l.Status = "" },
	} {
		r := liftSample()
		change(r.Lift)
		for _, f := range Formats() {
			var b bytes.Buffer
			if err := Write(&b, f.Format, r); err == nil || b.Len() > 0 {
				t.Errorf("%s is written as %s: %v", name, f.Format, err)
			}
		}
	}
}

// TestLiftInXLSX: the numbers of a lift report stand in the workbook as numbers.
func TestLiftInXLSX(t *testing.T) {
	r := liftSample()
	f, err := excelize.OpenReader(bytes.NewReader(written(t, XLSX, r)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := f.GetRows(sheetTable, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	l := r.Lift
	want := map[string][]float64{
		"treated":    {l.Treated.Value, l.Treated.Low, l.Treated.High},
		"held out":   {l.Holdout.Value, l.Holdout.Low, l.Holdout.High},
		"difference": {100 * l.Difference.Value, 100 * l.Difference.Low, 100 * l.Difference.High},
		"relative":   {l.Relative.Value, l.Relative.Low, l.Relative.High},
		"p (":        {*l.P},
	}
	found := map[string]bool{}
	for _, row := range rows {
		if len(row) < 3 || !strings.Contains(row[0], "\n") {
			continue
		}
		for name, values := range want {
			if !strings.Contains(row[0], name) {
				continue
			}
			found[name] = true
			for i, v := range values {
				if got, err := strconv.ParseFloat(row[2+i], 64); err != nil || got != v {
					t.Errorf("%s: %v, want %v", name, row, values)
				}
			}
		}
	}
	if len(found) != len(want) {
		t.Errorf("only %v are there", found)
	}
}

// TestAudienceCondition: files say under which condition people are counted, the
// campaign's beside the question's own.
func TestAudienceCondition(t *testing.T) {
	of, own := deliverySample().Campaign, bareSample().Question.Where
	for name, c := range map[string]struct {
		campaign *wire.ReportedCampaign
		own      *entrustment.Condition
		parts    int
	}{
		"the campaign's": {of, nil, 0},
		"both":           {of, own, 2},
		"its own":        {&wire.ReportedCampaign{ID: "m"}, own, 3},
		"of no campaign": {nil, own, 3},
	} {
		r := deliverySample()
		r.Campaign, r.Question.Where = c.campaign, c.own
		if got := audience(r); len(got.All) != c.parts {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
