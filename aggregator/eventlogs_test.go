package aggregator

import (
	"slices"
	"strings"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// TestLogsOfTheWindow: a question reads the logs that may hold events of its
// window, by the days that they were declared to be of: a log of other days makes
// no other question of it, one that comes late for its days does. A window of
// which no log is is refused while it costs nothing.
func TestLogsOfTheWindow(t *testing.T) {
	day := func(n int) entrustment.Date { return entrustment.Date{Year: 2026, Month: 10, Day: 1}.Add(n) }
	log := func(id byte, from, to int) EventSource {
		s := EventSource{ID: matcher.EventsID{id}, Last: day(60), Owner: Owner{"op", "op"}}
		if to >= 0 {
			s.From, s.To = day(from), day(to)
		}
		return s
	}
	src := eventSources()
	ask := func(logs []EventSource, from, to int, where *entrustment.Condition) (*Plan, error) {
		src.Events = logs
		q := &entrustment.Question{Report: "behaviour", Where: where}
		if to >= 0 {
			q.Window = &entrustment.Window{From: day(from), To: day(to)}
		}
		p := DefaultPolicy()
		return Compile(q, src, &p)
	}
	daily := []EventSource{log(1, 0, 0), log(2, 1, 1), log(3, 2, 2)}
	ids := func(pl *Plan, err error) (out []byte, id SpecID) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range pl.Logs() {
			out = append(out, l[0])
		}
		return out, pl.Tables[0].ID
	}
	got, first := ids(ask(daily, 0, 1, nil))
	if !slices.Equal(got, []byte{1, 2}) {
		t.Errorf("days 0 to 1 read logs %v", got)
	}
	if _, later := ids(ask(append(daily, log(4, 3, 3)), 0, 1, nil)); later != first {
		t.Error("a log of another day makes another question")
	}
	if got, late := ids(ask(append(daily, log(5, 1, 1)), 0, 1, nil)); late == first || !slices.Equal(got, []byte{1, 2, 5}) {
		t.Errorf("what came late for day 1 is not read: %v", got)
	}
	if got, _ := ids(ask(append(daily, log(6, 0, -1)), 0, 0, nil)); !slices.Equal(got, []byte{1, 6}) {
		t.Errorf("a log of any days is not read: %v", got)
	}
	// A condition reads back from the window's end.
	often := entrustment.Condition{Event: &entrustment.EventCondition{Category: "shop", AtLeast: 1, Within: 2}}
	if got, _ := ids(ask(daily, 2, 2, &often)); !slices.Equal(got, []byte{2, 3}) {
		t.Errorf("day 2, with a condition on two days, reads logs %v", got)
	}
	// Without a window the days end with the last that a log is of.
	pl, err := ask(daily, 0, -1, nil)
	if err != nil || pl.Question.Window.To != day(2) {
		t.Errorf("the window ends %v, want %v (%v)", pl.Question.Window, day(2), err)
	}
	_, err = ask(daily, 10, 11, nil)
	if codeOf(err) != entrustment.CodeNotFound || !strings.Contains(err.Error(), "2026-10-01 to 2026-10-01, 2026-10-02") {
		t.Errorf("days of which no log is: %v", err)
	}
	old := entrustment.Condition{Event: &entrustment.EventCondition{Category: "shop", AtLeast: 1, Within: 1}}
	if _, err = ask(daily[:2], 1, 5, &old); codeOf(err) != entrustment.CodeNotFound {
		t.Errorf("a condition on a day of which no log is: %v", err)
	}
}
