package enclave

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// loadCrowdEvents gives each user of the crowd i%4+1 impressions of "spring",
// every other of those a click, and every third user a purchase for 1,000 yen,
// up to yesterday; 100 days back, so that they lie outside the usual window, as
// many again.
func loadCrowdEvents(t *testing.T, e *Enclave) {
	t.Helper()
	yesterday := int32(entrustment.DateOf(e.vault.Log().Now().In(entrustment.JST)).Start().Unix() / 86400) // of a midnight in JST: the day before in UTC
	h := seal.Header{Purpose: seal.Events, Unit: "yen", Events: []seal.EventType{{Kind: "impression", Category: "spring"}, {Kind: "click", Category: "spring"}, {Kind: "conversion", Category: "shop"}, {Kind: "page_view", Category: "unnamed"}}}
	rows := func(yield func([]seal.Row, error) bool) {
		var batch []seal.Row
		add := func(user int, day int32, typ uint8, value int64) {
			batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", user), Day: day, Type: typ, Value: value}})
		}
		for i := range 1500 {
			for _, day := range []int32{yesterday, yesterday - 100} {
				for n := range i%4 + 1 {
					add(i, day-int32(n), 0, 0)
					if n%2 == 1 {
						add(i, day, 1, 0)
					}
				}
				if i%3 == 0 {
					add(i, day, 2, 1000)
				}
				add(i, day, 3, 0)
			}
			if len(batch) > 900 {
				if !yield(batch, nil) {
					return
				}
				batch = nil
			}
		}
		yield(batch, nil)
	}
	if _, err := e.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: seal.BaseEntrustment}, sealed(t, e, seal.BaseEntrustment, seal.EventsName, h, rows)); err != nil {
		t.Fatal(err)
	}
}

// near tells whether a number is within six standard deviations of what it
// should be: past them once in 10⁹ vaults.
func near(n *wire.Number, want int64) bool {
	return n != nil && math.Abs(float64(n.Value-want)) <= 6*float64(n.High-n.Value)/1.96
}

// TestBehaviour: events by category and attribute, sums and rates, through the
// vault; the days outside the window and the categories that the contract does
// not name are not read.
func TestBehaviour(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	q := func(change ...func(*entrustment.Question)) *entrustment.Question {
		q := question(change...)
		q.Report, q.Measures = "behaviour", []string{"users", "impressions", "clicks", "spend"}
		return q
	}
	_, err := e.Report(t.Context(), q())
	wantCode(t, "without a log", err, entrustment.CodeNotFound)
	loadCrowdEvents(t, e)
	r, err := e.Report(t.Context(), q())
	if err != nil {
		t.Fatal(err)
	}
	// 1,350 eligible. Of every 20 users (10 of a gender) the last of each ten is
	// left out: sums are counted here as the events were made.
	type sum struct{ users, impressions, clicks, spend int64 }
	want := map[string]*sum{}
	for _, c := range []string{"spring", "shop"} {
		for _, g := range []string{"f", "m"} {
			want[c+g] = &sum{}
		}
	}
	for i := range 1500 {
		if i%10 == 9 {
			continue
		}
		g := []string{"f", "m"}[i%2]
		s := want["spring"+g]
		s.users++
		s.impressions += int64(i%4 + 1)
		s.clicks += int64((i%4 + 1) / 2)
		if i%3 == 0 {
			want["shop"+g].users++
			want["shop"+g].spend += 1000
		}
	}
	seen := 0
	for _, c := range r.Cells {
		w := want[c.Key["category"]+c.Key["gender"]]
		if w == nil {
			if c.Status != wire.Withheld {
				t.Errorf("cell %v is shown", c.Key)
			}
			continue
		}
		if seen++; c.Status != wire.Released || !near(c.Users, w.users) || !near(c.Sums["impressions"], w.impressions) || !near(c.Sums["clicks"], w.clicks) || !near(c.Sums["spend"], w.spend) {
			t.Errorf("cell %v: %v %v, want %+v", c.Key, c.Users, c.Sums, *w)
		}
	}
	if seen != 4 || r.Total.Status != wire.None || r.Other.Status != wire.None {
		t.Errorf("%d cells, total %+v, other %+v", seen, r.Total, r.Other)
	}
	if r.Privacy.Rho != 0.02 || r.Question.Window == nil {
		t.Errorf("ρ %v, window %v", r.Privacy.Rho, r.Question.Window)
	}
	first, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.Report(t.Context(), q())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := json.Marshal(again); err != nil || string(first) != string(second) {
		t.Errorf("asked again: other bytes (%v)", err)
	}

	_, err = e.Report(t.Context(), q(func(q *entrustment.Question) { q.Categories = []string{"unnamed"} }))
	wantCode(t, "a category that the contract does not name", err, entrustment.CodeDimForbidden)
	unknown := question(func(q *entrustment.Question) { q.Categories = []string{"spring"} })
	_, err = e.Report(t.Context(), unknown)
	wantCode(t, "categories of a profile", err, entrustment.CodeSpec)
}

// TestReachFrequency: everybody reached is in one class of frequency; the
// average follows from the released rows.
func TestReachFrequency(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	loadCrowdEvents(t, e)
	r, err := e.Report(t.Context(), question(func(q *entrustment.Question) {
		q.Report, q.Dims, q.Total, q.Categories = "reach-frequency", nil, true, []string{"spring"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	total, shown := int64(0), int64(0)
	for i := range 1500 {
		if i%10 != 9 {
			want[fmt.Sprint(i%4+1)]++
			total += int64(i%4 + 1)
			shown++
		}
	}
	for _, c := range r.Cells {
		n := want[c.Key["frequency"]]
		if (n > 0) != (c.Status == wire.Released) || n > 0 && !near(c.Users, n) {
			t.Errorf("frequency %v: %v %v, want %d", c.Key, c.Status, c.Users, n)
		}
	}
	if !near(r.Total.Users, shown) || !near(r.Total.Sums["impressions"], total) {
		t.Errorf("total %v %v, want %d and %d", r.Total.Users, r.Total.Sums, shown, total)
	}
	avg := r.Total.Rates["average_frequency"]
	if truth := float64(total) / float64(shown); avg == nil || math.Abs(avg.Value-truth) > 3*(avg.High-avg.Low) {
		t.Errorf("average frequency %v, want about %.2f", avg, truth)
	}
}

// TestSize: one cheap number, and a statement that claims no exact lock.
func TestSize(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = "size", nil }))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cells) != 1 || !near(r.Cells[0].Users, 1350) || r.Privacy.Rho != 0.0002 || r.Privacy.Tau != 332 || r.Privacy.Delta != 1e-6 {
		t.Errorf("%+v %+v", r.Cells, r.Privacy)
	}
	if strings.Contains(r.Privacy.Statement.EN, "holds at least") || strings.Contains(r.Privacy.Statement.JA, "以上が含まれ") {
		t.Errorf("the statement claims a lock that a size does not have: %s", r.Privacy.Statement.EN)
	}
}

// TestCube: a planning cube is charged once, sizes over its dimensions then cost
// nothing and are near the truth, also after a restart; when the list is
// replaced the cube is of another list, and a size costs again.
func TestCube(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	ctx := t.Context()
	cube := question(func(q *entrustment.Question) { q.Report, q.Dims = "cube", []string{"gender"} })
	r, err := e.Report(ctx, cube)
	if err != nil {
		t.Fatal(err)
	}
	if !near(r.Total.Users, 1350) || r.Privacy.Rho != 0.005 || r.Privacy.Delta != 1e-6 || r.Other.Status != wire.None {
		t.Errorf("the cube: %+v %+v", r.Total, r.Privacy)
	}
	size := func(values ...string) *entrustment.Question {
		return question(func(q *entrustment.Question) {
			q.Report, q.Dims = "size", nil
			if len(values) > 0 {
				q.Where = &entrustment.Condition{In: map[string][]string{"gender": values}}
			}
		})
	}
	spent := func() float64 {
		l, err := e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		return l.Accounts[0].Windows[0].Spent
	}
	for range 2 {
		for _, c := range []struct {
			q    *entrustment.Question
			want int64
			sum  int
		}{{size(), 1350, 3}, {size("f"), 750, 1}, {size("f", "m"), 1350, 2}, {size("unknown"), -1, 1}} {
			p, err := e.Price(ctx, c.q, 0)
			if err != nil || p.Charged != 0 || len(p.Tables) != 1 || p.Tables[0].Name != "cube" {
				t.Fatalf("the price: %+v, %v", p, err)
			}
			r, err := e.Report(ctx, c.q)
			if err != nil {
				t.Fatal(err)
			}
			if u := r.Cells[0].Users; c.want < 0 && u != nil || c.want >= 0 && !near(u, c.want) || r.Privacy.Summed != c.sum {
				t.Errorf("want %d: %+v, %d cells", c.want, u, r.Privacy.Summed)
			}
			if len(r.Cells) != 1 || len(r.Dims) != 0 || r.Privacy.Tau != p.Tau || !strings.Contains(r.Privacy.Statement.EN, "all sizes") {
				t.Errorf("the release: %+v", r)
			}
		}
		if got := spent(); got != 0.005 {
			t.Errorf("%g was spent", got)
		}
		dir := e.vault.Dir()
		e.Close()
		if e, err = Open(ctx, dir, Options{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
	}
	_, rows := crowd(1400)
	loadListFile(t, e, "l", rowsCSV(rows))
	r, err = e.Report(ctx, size("f"))
	if err != nil || r.Privacy.Summed != 0 || r.Privacy.Rho != 0.0002 {
		t.Errorf("the cube of the list before answers: %+v, %v", r, err)
	}
}

// TestEventCondition: a condition on events narrows whom a profile counts.
func TestEventCondition(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	loadCrowdEvents(t, e)
	r, err := e.Report(t.Context(), question(func(q *entrustment.Question) {
		q.Where = &entrustment.Condition{Event: &entrustment.EventCondition{Category: "spring", AtLeast: 4, Within: 30}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	for i := range 1500 {
		// Impressions and clicks count alike: 3+1 and 4+2 events.
		if n := i%4 + 1; i%10 != 9 && n+n/2 >= 4 {
			want[[]string{"f", "m"}[i%2]]++
		}
	}
	for _, c := range r.Cells {
		if n := want[c.Key["gender"]]; n > 0 && !near(c.Users, n) {
			t.Errorf("%v: %v, want %d", c.Key, c.Users, n)
		}
	}
}
