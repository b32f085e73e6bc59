package aggregator

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// An event of a made-up campaign.
type happened struct {
	user, day int // day of May 2026
	kind      string
	yen       int64
}

// together counts what a delivery report by week and gender counts, without an engine.
func (x *experiment) together(events []happened, held func(user int) bool, keep func(user int) bool) (users [8]int64, sums [4][8]int64) {
	reached := map[int]bool{}
	for _, e := range events {
		if e.kind == impression {
			reached[e.user] = true
		}
	}
	type place struct{ user, cell int }
	in, of := map[place]bool{}, [4]map[place]int64{{}, {}, {}, {}}
	for _, e := range events {
		if held(e.user) || !keep(e.user) || !reached[e.user] {
			continue
		}
		gender := 1
		if x.woman[e.user] {
			gender = 0
		}
		p := place{e.user, gender*4 + (e.day-1)/7}
		in[p] = in[p] || e.kind == impression
		switch e.kind {
		case impression, click:
			of[slices.Index([]string{impression, click}, e.kind)][p]++
			of[3][p] += e.yen
		case conversion:
			of[2][p]++
		}
	}
	for p, counted := range in {
		if counted {
			users[p.cell]++
		}
	}
	for m, most := range []int64{30, 5, 3, 300} {
		for p, n := range of[m] {
			sums[m][p.cell] += min(n, most)
		}
	}
	return users, sums
}

// TestDeliveryReport: a delivery report counts those to whom the campaign was delivered
// and who saw it, by week of what they saw, and what they did by week of what they did;
// nobody who was held out.
func TestDeliveryReport(t *testing.T) {
	const people = 3000
	x := experimentOf(t, people)
	r := rand.New(rand.NewPCG(10, 5))
	var events []happened
	for user := range people {
		for range r.IntN(5) {
			events = append(events, happened{user, 1 + r.IntN(28), impression, r.Int64N(3)})
		}
		for range r.IntN(3) * r.IntN(4) {
			events = append(events, happened{user, 1 + r.IntN(28), click, r.Int64N(120)})
		}
		for range r.IntN(2) * r.IntN(5) {
			events = append(events, happened{user, 1 + r.IntN(28), conversion, r.Int64N(9000)})
		}
	}
	types := []matcher.EventType{{Kind: impression, Category: "spring"}, {Kind: click, Category: "spring"}, {Kind: conversion, Category: "shop"}}
	var rows []matcher.EventRow
	for _, e := range events {
		typ := slices.IndexFunc(types, func(t matcher.EventType) bool { return t.Kind == e.kind })
		rows = append(rows, matcher.EventRow{User: &x.users[e.user].Token, Day: may2026(e.day).Number(), Type: uint8(typ), Value: e.yen})
	}
	log, err := matcher.NewEvents(x.base, types, "yen", slices.Values(rows))
	if err != nil {
		t.Fatal(err)
	}
	x.engine.PutEvents(matcher.PopulationID{1}, matcher.EventsID{7}, log)
	src := aCampaign()
	src.Lists["spring"] = ListSource{ID: x.list, Version: 1, Tokens: people, Columns: []matcher.Column{columnT}}
	young := in("age", "<20", "20-29", "30-39")
	src.Campaign.Document.Where = &young
	keep := func(user int) bool { return user%5 < 3 }
	share := src.Campaign.Holdout
	held := func(user int) bool { return share.Holds(x.cluster[x.users[user]]) }

	ask := func(dims []string, src Sources) (*Plan, *Table) {
		g := rig{noise: func(int64, source) (int64, error) { return 0, nil }, locks: func(int64, int64, int64, int64) bool { return true }}.gate(x.engine)
		p := g.Policy()
		pl, err := Compile(&entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportDelivery, Entrustment: "e", Campaign: "m", Dims: dims}, src, &p)
		if err != nil {
			t.Fatal(err)
		}
		return pl, release(t, g.Gate, pl)
	}
	equal := func(table *Table, users [8]int64, sums [4][8]int64) bool {
		same := true
		for i, c := range table.Cells[:8] {
			same = same && c.Users == users[i]
			for m := range sums {
				same = same && table.Sums[m].Cells[i] == sums[m][i]
			}
		}
		return same
	}
	_, table := ask([]string{"week", "gender"}, src)
	users, sums := x.together(events, held, keep)
	if !equal(table, users, sums) {
		t.Errorf("counted\n%v\n%v, want\n%v\n%v", table.Cells[:8], table.Sums, users, sums)
	}
	// Were those held out counted too, or what people did in weeks without an impression
	// not, it would be another table.
	if users, sums := x.together(events, func(int) bool { return false }, keep); equal(table, users, sums) {
		t.Error("those held out make no difference: the test shows nothing")
	}
	src.Campaign.Holdout = nil
	if _, table := ask([]string{"week", "gender"}, src); equal(table, users, sums) {
		t.Error("a campaign without holdout has the same table")
	} else if users, sums := x.together(events, func(int) bool { return false }, keep); !equal(table, users, sums) {
		t.Error("a campaign without holdout is counted wrongly")
	}
	src.Campaign.Holdout = share
	plain, _ := ask([]string{"week", "gender"}, src)
	narrow := *plain
	narrow.Tables = slices.Clone(plain.Tables)
	spec, ev := narrow.Tables[0].Spec, *narrow.Tables[0].Spec.Events
	ev.Spread, spec.Events = false, &ev
	narrow.Tables[0].Spec, narrow.Tables[0].ID = spec, spec.ID()
	if exact, err := x.engine.Cells(t.Context(), spec.query()); err != nil || exact.Sums[2][0] >= sums[2][0] || narrow.Tables[0].ID == plain.Tables[0].ID {
		t.Errorf("%d of %d conversions where the person saw something the same week: the test shows nothing, %v", exact.Sums[2][0], sums[2][0], err)
	}

	// As a whole: the sums of the weeks but for the caps, and people once.
	pl, whole := ask(nil, src)
	var reached int64
	seen := map[int]bool{}
	for _, e := range events {
		if e.kind == impression && keep(e.user) && !held(e.user) && !seen[e.user] {
			seen[e.user] = true
			reached++
		}
	}
	a := Compose(pl, []*Table{whole})
	if whole.Cells[0].Users != reached || a.Overlap || a.Rows[0].Sums[0].Value < a.Rows[0].Users.Value {
		t.Errorf("%d people, want %d", whole.Cells[0].Users, reached)
	}
	if want := []string{"average_frequency", "click_rate", "conversion_rate", "cost_per_click", "cost_per_result"}; !slices.Equal(a.Rates, want) {
		t.Errorf("rates %v, want %v", a.Rates, want)
	}
}

// TestCostPerResult: what a result cost is shown with an interval that holds it, however
// much more that is than the cap of one person; not where the results or the cost may be
// nothing but noise.
func TestCostPerResult(t *testing.T) {
	r := newRoom()
	table := &Table{Sigma: 10, Cells: []Cell{{true, 50_000, 1}}, Sums: []Sum{
		{Name: "conversions", Cap: 3, Granule: 1, Cells: []int64{600}}, {Name: "cost", Cap: 300, Granule: 1, Cells: []int64{900_000}}}}
	held := 0
	const trials = 1000
	for i := range trials {
		noisy := *table
		noisy.Sums = slices.Clone(table.Sums)
		for m := range noisy.Sums {
			s := &noisy.Sums[m]
			z, err := r.gate.noise(100*s.Cap*s.Cap, noiseStreams(&testKeys.Noise, SpecID{byte(i), byte(i >> 8)}, PolicyV{})(s.Name)(0))
			if err != nil {
				t.Fatal(err)
			}
			s.Cells = []int64{s.Cells[0] + z}
		}
		a := &Answer{}
		a.compose(&noisy, noisy.Cells[0])
		_, rates := a.amounts(&noisy, noisy.Cells[0], func(s *Sum) int64 { return s.Cells[0] })
		if !slices.Equal(a.Rates, []string{"cost_per_result"}) {
			t.Fatalf("rates %v", a.Rates)
		}
		if c := rates[0]; c != nil && c.Low <= 1500 && 1500 <= c.High {
			held++
		}
	}
	if got := float64(held) / trials; got < 0.95-5*math.Sqrt(0.95*0.05/trials) {
		t.Errorf("the interval holds the true cost in %.3f of the cases", got)
	}
	for _, c := range [][2]float64{{900_000, 59}, {5_999, 600}} {
		if q := quotient(amount{c[0], 3000, 300}, amount{c[1], 30, 3}, math.Inf(1)); q != nil {
			t.Errorf("shown: %v as %+v", c, q)
		}
	}
}
