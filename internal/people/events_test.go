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
