package people

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/formats"
)

// desk is what the real intake makes of a file.
type desk struct {
	rows   []seal.Row
	report *intake.Report
}

func opened(t *testing.T, f *intake.File, err error) desk {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var d desk
	for batch, err := range f.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch {
			d.rows = append(d.rows, batch[i].Clone())
		}
	}
	d.report = f.Report()
	return d
}

// What is made here passes the desk under its own documents: the base from CSV
// and Parquet alike, each list with the faults it was given and no other.
func TestTheDeskTakesWhatIsMade(t *testing.T) {
	o := Options{Users: 20_000, Rows: 8000, Seed: 5}
	ctx, on := context.Background(), intake.Options{Formats: formats.All(), Today: entrustment.DateOf(today)}
	schema, err := entrustment.ParseBaseSchema("base.yaml", BaseYAML())
	if err != nil {
		t.Fatal(err)
	}
	var text, columns bytes.Buffer
	if err := WriteBaseCSV(&text, o, nil); err != nil {
		t.Fatal(err)
	}
	if err := WriteBaseParquet(&columns, o, nil); err != nil {
		t.Fatal(err)
	}
	open := func(b []byte, s *entrustment.BaseSchema) desk {
		f, err := intake.OpenBase(ctx, bytes.NewReader(b), int64(len(b)), s, on)
		return opened(t, f, err)
	}
	fromCSV, fromParquet := open(text.Bytes(), schema), open(columns.Bytes(), schema)
	if len(fromCSV.rows) != o.Users {
		t.Errorf("the base: %d of %d rows taken", len(fromCSV.rows), o.Users)
	}
	if !reflect.DeepEqual(fromCSV.rows, fromParquet.rows) {
		t.Error("CSV and Parquet are not the same rows")
	}
	for _, c := range fromCSV.report.Columns {
		if c.Unreadable > 0 {
			t.Errorf("the base: %d unreadable cells in %s", c.Unreadable, c.Column)
		}
	}
	for _, form := range []ListForm{ListMessy, ListGoogle, ListMeta} {
		list, err := entrustment.ParseListSchema("list.yaml", mustList(t, form))
		if err != nil {
			t.Fatal(err)
		}
		b := listOf(t, o, form)
		f, err := intake.OpenList(ctx, bytes.NewReader(b), int64(len(b)), list, on)
		d := opened(t, f, err)
		r := d.report
		t.Logf("%s: %d rows, %d accepted, %d repaired, %d rejected, %d without consent, %d alike; repairs %v, faults %v",
			form, r.Rows, r.Accepted, r.Repaired, r.Rejected, r.NoConsent, r.Duplicates, r.Repairs, r.Faults)
		rejected := float64(r.Rejected) / float64(r.Rows)
		if form != ListMessy {
			if r.Rejected != 0 || r.NoConsent != 0 {
				t.Errorf("%s: %d rejected, %d without consent", form, r.Rejected, r.NoConsent)
			}
			continue
		}
		if r.Rows != int64(o.Rows) || rejected > 0.02 || r.Rejected == 0 || r.Repaired == 0 || r.Encoding == "" {
			t.Errorf("messy: %d rows, %.3f rejected, %d repaired", r.Rows, rejected, r.Repaired)
		}
		if n := float64(r.NoConsent) / float64(r.Rows); n < 0.04 || n > 0.08 {
			t.Errorf("messy: %.3f without consent", n)
		}
	}
	adult, err := entrustment.ParseBaseSchema("base.yaml", AdultBaseYAML())
	if err != nil {
		t.Fatal(err)
	}
	text.Reset()
	if err := WriteAdultBase(&text); err != nil {
		t.Fatal(err)
	}
	if d := open(text.Bytes(), adult); len(d.rows) != AdultRows || d.report.Problems != 0 {
		t.Errorf("the census table: %d rows, %d problems", len(d.rows), d.report.Problems)
	}
	text.Reset()
	if err := WriteAdultList(&text); err != nil {
		t.Fatal(err)
	}
	list, err := entrustment.ParseListSchema("list.yaml", AdultListYAML())
	if err != nil {
		t.Fatal(err)
	}
	f, err := intake.OpenList(ctx, bytes.NewReader(text.Bytes()), int64(text.Len()), list, on)
	if d := opened(t, f, err); d.report.Rejected != 0 {
		t.Errorf("the census list: %d rejected, %v", d.report.Rejected, d.report.Faults)
	}
}
