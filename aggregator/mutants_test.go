package aggregator

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// TestTauOverSeveralCells: where one person may be in L0 cells, each cell's lock
// has a share of δ_thr, and noise of L0 times the variance (PRIVACY §4.2). The
// numbers are the exact tails' of N_Z(0, L0·σ²), by the definition.
func TestTauOverSeveralCells(t *testing.T) {
	p := DefaultPolicy()
	tail := func(variance float64, from int64) (sum float64) {
		var norm float64
		reach := int64(40 * math.Sqrt(variance))
		for x := -reach; x <= reach; x++ {
			w := math.Exp(-float64(x*x) / (2 * variance))
			norm += w
			if x >= from {
				sum += w
			}
		}
		return sum / norm
	}
	for _, l0 := range []int{1, 3, 8} {
		domain := values(l0)
		s := Spec{Sigma: 10, Dims: []Dim{{Source: matcher.EventCategory, Name: "category", Domain: domain}}}
		got := p.tau(&s) - p.K
		share := 1e-8 / float64(l0)
		if at, below := tail(100*float64(l0), got), tail(100*float64(l0), got-1); at > share || below <= share {
			t.Errorf("L0 %d: t = %d, where the tail is %.3g and one less %.3g: want the least with at most %.3g", l0, got, at, below, share)
		}
	}
}

// TestReadersPayWhoseDataTheyRead: through Compile, the account of every owner
// whose data a question reads is charged: the base's, the joined list's, the
// log's that a partner uploaded, and the list's that stands in a condition alone.
func TestReadersPayWhoseDataTheyRead(t *testing.T) {
	base, partner := Owner{"op", "op-group"}, Owner{"adco", "adco-group"}
	src := eventSources()
	src.Recipient, src.BaseOwner, src.ListOwner = "agency", base, partner
	ownLog := src.Events[0]
	ownLog.Owner = base
	partnerLog := src.Events[0]
	partnerLog.ID, partnerLog.Owner = matcher.EventsID{8}, partner
	list := entrustment.Condition{List: "old"}
	seen := entrustment.Condition{Event: &entrustment.EventCondition{Category: "shop", AtLeast: 1, Within: 7}}
	for name, c := range map[string]struct {
		q    *entrustment.Question
		logs []EventSource
		want []Owner
	}{
		"the base and its own log":       {&entrustment.Question{Report: "behaviour"}, []EventSource{ownLog}, []Owner{base}},
		"a partner's log":                {&entrustment.Question{Report: "behaviour"}, []EventSource{partnerLog}, []Owner{partner, base}},
		"both logs":                      {&entrustment.Question{Report: "behaviour"}, []EventSource{ownLog, partnerLog}, []Owner{partner, base}},
		"a list joined":                  {&entrustment.Question{Report: "behaviour", List: "spring"}, []EventSource{ownLog}, []Owner{partner, base}},
		"a list in a condition":          {&entrustment.Question{Report: "behaviour", Where: &list}, []EventSource{ownLog}, []Owner{partner, base}},
		"a partner's log in a condition": {&entrustment.Question{Report: "reach-frequency", Where: &seen}, []EventSource{partnerLog}, []Owner{partner, base}},
	} {
		src.Events = c.logs
		p := DefaultPolicy()
		pl, err := Compile(c.q, src, &p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(pl.Tables[0].Owners, c.want) {
			t.Errorf("%s: charged to %v, want %v", name, pl.Tables[0].Owners, c.want)
		}
	}
}

// TestSumTotalHasItsOwnNoise: the separately charged total of a sum shares its
// noise with no cell; where it did, their difference would be exact.
func TestSumTotalHasItsOwnNoise(t *testing.T) {
	spec := Spec{Sigma: 10, WithTotal: true, Dims: []Dim{{Name: "x", Domain: values(2)}}, Measures: []Measure{{Name: "events", Cap: 30, Granule: 1}}}
	exact := matcher.Exact{Users: []int64{1000, 1000}, Sums: [][]int64{{9000, 9000}}}
	together := func(streams func(SpecID) streamFunc) (equal int) {
		g := rig{}.gate(sumsEngine{})
		for i := range 200 {
			table, err := g.lockCells(exact, &spec, &g.policy, streams(SpecID{byte(i), 3}))
			if err != nil {
				t.Fatal(err)
			}
			s := table.Sums[0]
			for _, c := range s.Cells {
				if s.Total-18000 == c-9000 {
					equal++
				}
			}
		}
		return equal
	}
	// Two draws of standard deviation 300 are equal once in about 1,060.
	if n := together(func(id SpecID) streamFunc { return noiseStreams(&testKeys.Noise, id, PolicyV{}) }); n > 8 {
		t.Errorf("a sum's total has a cell's noise in %d of 400 cells", n)
	}
	mutant := func(id SpecID) streamFunc {
		streams := noiseStreams(&testKeys.Noise, id, PolicyV{})
		return func(measure string) func(int) source {
			if measure == "events total" {
				measure = "events"
			}
			return streams(measure)
		}
	}
	if n := together(mutant); n < 200 {
		t.Errorf("with the first cell's stream the total has its noise in %d of 400 cells: the test shows nothing", n)
	}
}

// TestAlarmAtEveryCrossing: the global alarm is raised each time an owner's
// account passes ρ 2 from below, also where a crash came between the charge and
// the alarm, and over restarts.
func TestAlarmAtEveryCrossing(t *testing.T) {
	r := newRoom(500)
	list := uint64(0)
	spend := func(g *Gate, tables int) {
		t.Helper()
		for range tables {
			list++
			if _, err := g.Release(t.Context(), planOf(1, list, string(rune('a'+list%20)), "acme", "op")); err != nil {
				t.Fatal(err)
			}
		}
	}
	alarms := func() int {
		n := 0
		for _, a := range r.book.alarms {
			if a.Kind == AlarmGlobal && a.Owners[0] == "op" {
				n++
			}
		}
		return n
	}
	g := r.gate
	for month := range 3 {
		spend(g, 390)
		if n := alarms(); n != month {
			t.Errorf("month %d: %d alarms below ρ 2", month, n)
		}
		spend(g, 30)
		if n := alarms(); n != month+1 {
			t.Errorf("month %d: %d alarms, want %d", month, n, month+1)
		}
		r.clock.forward(31 * 24 * time.Hour)
		g = r.book.reopen(t, r.engine, r.clock)
	}
	// The disk fails after the charge that crosses.
	spend(g, 399)
	down := errors.New("disk full")
	r.book.fail = func(kind string) error {
		if kind == "alarm" {
			return down
		}
		return nil
	}
	list++
	if _, err := g.Release(t.Context(), planOf(1, list, "z", "acme", "op")); !errors.Is(err, down) {
		t.Errorf("an alarm that could not be written: %v", err)
	}
	r.book.fail = nil
	g = r.book.reopen(t, r.engine, r.clock)
	spend(g, 1)
	if n := alarms(); n != 4 {
		t.Errorf("after the crash: %d alarms, want 4", n)
	}
}

// TestReservationHoldsTheGlobalAccount: what is held for a question is there for
// it though others use the rest of the owner's global account up; where it is
// not counted there, the question meets a stop.
func TestReservationHoldsTheGlobalAccount(t *testing.T) {
	for _, counted := range []bool{true, false} {
		r := newRoom(500)
		held := planOf(1, 1, "campaign", "op")
		until := r.clock.Now().Add(20 * 24 * time.Hour)
		res, err := r.gate.Reserve(t.Context(), "e/results", held, until)
		if err != nil {
			t.Fatal(err)
		}
		if !counted {
			delete(r.gate.ledger.held, "e/results")
		}
		answered := 0
		for i := range 1700 {
			recipient := string(rune('a'+i/45%26)) + string(rune('a'+i/45/26))
			if _, err := r.gate.Release(t.Context(), planOf(1, uint64(10+i), recipient, "op")); err == nil {
				answered++
			} else if !errors.Is(err, errGlobal) {
				t.Fatal(err)
			}
		}
		if !counted {
			r.gate.ledger.hold(res)
		}
		held.Under("e/results")
		_, err = r.gate.Release(t.Context(), held)
		if want := map[bool]int{true: 1599, false: 1600}[counted]; answered != want {
			t.Errorf("counted %v: %d questions of others, want %d", counted, answered, want)
		}
		if (err == nil) != counted {
			t.Errorf("counted %v: the question that it is held for: %v", counted, err)
		}
	}
}

// TestForecastGivesUpLoudly: over too many combinations there is no forecast, and
// it says why; it is not "nothing will be withheld".
func TestForecastGivesUpLoudly(t *testing.T) {
	src := testSources()
	var dims []string
	for _, name := range []string{"p", "q", "r", "s", "u"} {
		src.Columns = append(src.Columns, matcher.Column{Name: name, Domain: values(64)})
		dims = append(dims, name)
	}
	q := profileOf(&entrustment.Condition{Any: []entrustment.Condition{in("p", "a"), in("q", "a"), in("r", "a"), in("s", "a"), in("u", "a")}}, "age")
	p := DefaultPolicy()
	pl, err := Compile(q, src, &p)
	if err != nil {
		t.Fatal(err)
	}
	shares := Shares{"age": {"<20": 0.2}}
	for _, d := range dims {
		shares[d] = map[string]float64{"a": 0.1}
	}
	if got := pl.Forecast(10_000, 0, shares, &p); !slices.Equal(got.Unknown, []string{UnknownCombinations}) {
		t.Errorf("%+v: gave up without a word", got)
	}
}

// TestWindowIsHeldBeforeTheCharge: a window that no engine takes is refused while
// it costs nothing.
func TestWindowIsHeldBeforeTheCharge(t *testing.T) {
	for days, want := range map[int]entrustment.Code{maxSpan: "", maxSpan + 1: entrustment.CodeLimit, 100_000: entrustment.CodeLimit} {
		_, err := compileEvents(t, func(q *entrustment.Question) {
			to := entrustment.Date{Year: 2026, Month: 10, Day: 31}
			q.Window = &entrustment.Window{From: to.Add(1 - days), To: to}
		})
		if codeOf(err) != want {
			t.Errorf("%d days: %v, want %q", days, err, want)
		}
	}
}

// TestSmallListsSizeIsItsOwners: how many hashes a list under the floor holds is
// told to those whose list it is, and to nobody else.
func TestSmallListsSizeIsItsOwners(t *testing.T) {
	p := DefaultPolicy()
	for recipient, told := range map[string]bool{"acme": true, "op": false} {
		src := testSources()
		l := src.Lists["spring"]
		l.Tokens = 777
		src.Lists["spring"] = l
		src.Recipient, src.ListOwner, src.BaseOwner = recipient, Owner{"acme", "acme"}, Owner{"op", "op"}
		_, err := Compile(profileOf(nil, "age"), src, &p)
		if codeOf(err) != entrustment.CodeListSmall || strings.Contains(err.Error(), "777") != told {
			t.Errorf("read by %s: %v", recipient, err)
		}
	}
}

// TestNoRateOverOverlappingPeople: where one person is in several cells the total
// row shares nothing out over people.
func TestNoRateOverOverlappingPeople(t *testing.T) {
	plan, err := compileEvents(t, func(q *entrustment.Question) { q.Measures = []string{"users", "impressions", "clicks"} })
	if err != nil {
		t.Fatal(err)
	}
	n := plan.Tables[0].Spec.cells()
	g := rig{}.gate(sumsEngine{users: slices.Repeat([]int64{5000}, n), sums: [][]int64{slices.Repeat([]int64{20000}, n), slices.Repeat([]int64{9000}, n)}})
	a := Compose(plan, []*Table{release(t, g.Gate, plan)})
	if a.Total != nil || len(a.Rates) != 2 || a.Rates[0] != "average_frequency" || a.TotalRate[0] != nil || a.TotalRate[1] == nil || a.Rows[0].Rates[0] == nil {
		t.Errorf("rates %v, of the total %v", a.Rates, a.TotalRate)
	}
}
