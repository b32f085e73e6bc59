package enclave

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestIncidentHeld: what was there when the period began stands in the export: the
// newest version of each, and nothing that had ended, expired or been replaced, or
// that came later.
func TestIncidentHeld(t *testing.T) {
	day := entrustment.Date{Year: 2026, Month: 4, Day: 10}
	f := &file{EvidenceFile: wire.EvidenceFile{Operator: "operator", From: day, To: day}}
	before := day.Start().Add(-time.Hour)
	add := func(at time.Time, kind string, record any) int64 {
		raw, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		seq := int64(len(f.records))
		f.records = append(f.records, vault.Record{Seq: seq, Time: at, Kind: kind, Body: raw})
		return seq
	}
	add(before, vault.KindClock, struct{}{})
	add(before, kindBase, baseRecord{Version: 1, Users: 10})
	list := func(id, name string, version int, rows int64) listRecord {
		return listRecord{Entrustment: id, Name: name, Version: version, Rows: rows, Party: "acme"}
	}
	add(before, kindList, list("e", "l", 1, 100))
	gone := add(before, kindList, list("e", "old", 1, 200))
	add(before, kindList, list("ended", "l", 1, 300))
	log := func(entrustment string, version int, digest byte, instead ...hexID) eventsRecord {
		return eventsRecord{Entrustment: entrustment, Version: version, Party: "acme", Digest: hexID{digest}, Rows: int64(digest), Instead: instead}
	}
	add(before, kindEvents, log("e", 1, 7))
	add(before, kindEvents, log("e", 2, 8))
	want := []string{fmt.Sprint("base  v2 11 operator ", add(before, kindBase, baseRecord{Version: 2, Users: 11})), fmt.Sprint("list l v2 150 acme ", add(before, kindList, list("e", "l", 2, 150)))}
	want = append(want, fmt.Sprint("events  v3 9 acme ", add(before, kindEvents, log("e", 3, 9, hexID{7}, hexID{99}))), "events  v2 8 acme 6")
	add(before, kindExpired, expiredRecord{Entrustment: "e", What: kindList, Things: []expired{{Entry: gone}}})
	add(before, kindEnd, endRecord{Entrustment: "ended"})
	add(day.Start(), kindList, list("e", "later", 1, 400))
	add(day.Start(), kindEnd, endRecord{Entrustment: "e"})
	held, err := f.held()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range held {
		got = append(got, fmt.Sprintf("%s %s v%d %d %s %d", u.Kind, u.Name, u.Version, u.Rows, u.Party, u.Seq))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("held %q, want %q", got, want)
	}

	e := openCrowd(t)
	secondRoom(t, e)
	tomorrow := entrustment.DateOf(e.vault.Log().Now()).Add(1)
	quiet, raw := evidenceOf(t, e, wire.EvidenceRequest{From: tomorrow, To: tomorrow})
	if len(quiet.Entries) != 0 || len(quiet.Held) != 4 || len(quiet.Contracts) != 2 {
		t.Errorf("of a day without entries: %s", raw)
	}
	for _, u := range quiet.Held {
		if u.Rows == 0 || u.Party == "" {
			t.Errorf("%+v", u)
		}
	}
	if of, _ := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e", From: tomorrow, To: tomorrow}); len(of.Held) != 0 {
		t.Errorf("evidence of an entrustment tells what the room held: %+v", of.Held)
	}
}
