package people

import (
	"bytes"
	"context"
	"io"
	"testing"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/formats"
)

// TestTheDeskTakesTheLogs: the event logs pass the desk under their documents,
// whole, with days of April alone, and the same options give the same bytes.
func TestTheDeskTakesTheLogs(t *testing.T) {
	o := Options{Users: 20_000, Rows: 8000, Seed: 5}
	april := entrustment.Window{From: entrustment.DateOf(eventsFrom), To: entrustment.DateOf(eventsFrom.AddDate(0, 0, eventDays-1))}
	on := intake.Options{Formats: formats.All(), Today: april.To, Period: april}
	for name, c := range map[string]struct {
		write func(io.Writer, Options) error
		doc   Doc
		least int64
		types int
	}{
		"own": {WriteOwnEvents, DemoDocs().OwnEvents, 1500, 3},
		"ad":  {WriteAdEvents, DemoDocs().AdEvents, 8000, 6},

		"partner": {WritePartnerEvents, DemoDocs().PartnerEvents, 2000, 2},
	} {
		var b, again bytes.Buffer
		if err := c.write(&b, o); err != nil {
			t.Fatal(err)
		}
		if err := c.write(&again, o); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("%s: the same people did other things (%v)", name, err)
		}
		schema, err := entrustment.ParseEventSchema(c.doc.Name, c.doc.YAML)
		if err != nil {
			t.Fatal(err)
		}
		f, err := intake.OpenEvents(context.Background(), bytes.NewReader(b.Bytes()), int64(b.Len()), schema, on)
		d := opened(t, f, err)
		if r := d.report; r.Accepted < c.least || r.Rejected != 0 {
			t.Errorf("%s: %d accepted of %d, %d rejected", name, r.Accepted, r.Rows, r.Rejected)
		}
		if n := len(schema.Types()); n != c.types {
			t.Errorf("%s: %d sorts of event", name, n)
		}
	}
}

// TestLeftAndNew: who left is named as the list names them and nothing else is
// said; who is new fits list.yaml.
func TestLeftAndNew(t *testing.T) {
	o := Options{Users: 20_000, Rows: 8000, Seed: 5}
	ctx := context.Background()
	var left, fresh bytes.Buffer
	if err := WriteLeft(&left, o); err != nil {
		t.Fatal(err)
	}
	if err := WriteNew(&fresh, o); err != nil {
		t.Fatal(err)
	}
	schema, err := entrustment.ParseListSchema("list.yaml", mustList(t, ListMessy))
	if err != nil {
		t.Fatal(err)
	}
	open := func(b *bytes.Buffer, s *entrustment.ListSchema, change seal.Change) desk {
		f, err := intake.OpenList(ctx, bytes.NewReader(b.Bytes()), int64(b.Len()), s, intake.Options{Formats: formats.All(), Today: entrustment.DateOf(today), Change: change})
		return opened(t, f, err)
	}
	// Without a schema: the columns have names that the desk knows.
	if r := open(&left, nil, seal.Remove).report; r.Rows != 20 || r.Accepted < 18 {
		t.Errorf("left: %d of %d", r.Accepted, r.Rows)
	}
	if r := open(&fresh, schema, seal.Add).report; r.Rows != 20 || r.Accepted < 15 {
		t.Errorf("new: %d of %d", r.Accepted, r.Rows)
	}
}

// TestTheDeskTakesThePartners: the ad platform's list passes the desk, large enough
// for a report also of the smallest demo; where its people are is a region for most,
// and the addresses stay behind.
func TestTheDeskTakesThePartners(t *testing.T) {
	o := Options{Users: 5000, Seed: 5}
	var b bytes.Buffer
	if err := WritePartnerList(&b, o); err != nil {
		t.Fatal(err)
	}
	schema, err := entrustment.ParseListSchema("partner-list.yaml", DemoDocs().PartnerList.YAML)
	if err != nil {
		t.Fatal(err)
	}
	f, err := intake.OpenList(context.Background(), bytes.NewReader(b.Bytes()), int64(b.Len()), schema, intake.Options{Formats: formats.All(), Today: entrustment.DateOf(today)})
	d := opened(t, f, err)
	places := map[uint8]int{}
	for _, r := range d.rows {
		places[r.Codes[1]]++
	}
	unknown := places[uint8(len(schema.Columns[2].Domain())-1)]
	if r := d.report; r.Accepted < 1100 || r.Rejected > r.Rows/50 || len(places) != 9 || unknown > int(r.Accepted)/8 {
		t.Errorf("%d accepted of %d, %d rejected; regions %v", r.Accepted, r.Rows, r.Rejected, places)
	}
}
