package enclave

import (
	"fmt"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// viewsOf loads a log in which n users of the crowd have an impression on each
// of the days; from and to are what it is declared to be of.
func viewsOf(t *testing.T, e *Enclave, n int, from, to int32, change seal.Change, days ...int32) (wire.EventsLoaded, error) {
	t.Helper()
	h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}, From: from, To: to, Change: change}
	return e.LoadEvents(t.Context(), wire.EventsRequest{}, sealed(t, e, seal.BaseEntrustment, seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
		var batch []seal.Row
		for _, day := range days {
			for i := range n {
				batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: day}})
			}
		}
		yield(batch, nil)
	}))
}

// TestLogsOfDays: a log that takes the place of those of its days leaves the
// others, what it replaced is gone from the vault and from memory, and what can't
// be told apart is refused. The same numbers come as if only the last had been
// loaded.
func TestLogsOfDays(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	last := entrustment.DateOf(e.vault.Log().Now()).Number() - 1
	must := func(l wire.EventsLoaded, err error) wire.EventsLoaded {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	reach := func(sigma int) *wire.Release {
		t.Helper()
		r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims, q.Sigma = "reach-frequency", nil, sigma }))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	seen := func(r *wire.Release, frequency string) *wire.Number {
		for _, c := range r.Cells {
			if c.Key["frequency"] == frequency {
				return c.Users
			}
		}
		return nil
	}
	first := must(viewsOf(t, e, 1000, last-1, last-1, "", last-1))
	if first.Party != "operator" || first.Before != 0 || first.Overlaps {
		t.Errorf("the first log: %+v", first)
	}
	second := must(viewsOf(t, e, 1000, last, last, "", last))
	if second.Before != 1000 || second.Overlaps || second.Version != 2 {
		t.Errorf("a log of the next day: %+v", second)
	}
	if r := reach(10); !near(seen(r, "2"), 900) { // every tenth is known from an enquiry alone
		t.Errorf("two days: %v", seen(r, "2"))
	}

	// The same day again, mended: beside it, it counts twice, and the uploader is told.
	mended := must(viewsOf(t, e, 1001, last, last, "", last))
	if !mended.Overlaps || mended.Before != 2000 {
		t.Errorf("the same day beside it: %+v", mended)
	}
	if r := reach(10); !near(seen(r, "3"), 900) {
		t.Errorf("the day counted twice: %v", seen(r, "3"))
	}
	again := must(viewsOf(t, e, 1002, last, last, seal.Instead, last))
	if again.Replaced != 2 || again.Before != 1000 || again.Overlaps || again.Version != 4 {
		t.Errorf("in place of the logs of its day: %+v", again)
	}
	if r := reach(10); !near(seen(r, "2"), 900) || seen(r, "3") != nil {
		t.Errorf("replaced: %v twice, %v three times", seen(r, "2"), seen(r, "3"))
	}
	if n := len(segmentFiles(t, e)); n != 9 { // base and its particulars, list and its rows, two logs, three reports
		t.Errorf("%d segments", n)
	}
	if len(e.bound) != 2 {
		t.Errorf("%d logs in memory", len(e.bound))
	}
	if same := must(viewsOf(t, e, 1002, last, last, seal.Instead, last)); same.Changed {
		t.Errorf("the same log again: %+v", same)
	}

	// A log of part of another's days, and one of days beside a log of any.
	_ = must(viewsOf(t, e, 1000, last-9, last-5, "", last-9, last-5))
	_, err := viewsOf(t, e, 1000, last-7, last-4, seal.Instead, last-5)
	wantCode(t, "in place of a part", err, entrustment.CodeFile)
	_ = must(viewsOf(t, e, 1000, 0, 0, "", last-20))
	_, err = viewsOf(t, e, 1000, last, last, seal.Instead, last)
	wantCode(t, "beside a log of any days", err, entrustment.CodeFile)
	all := must(viewsOf(t, e, 1000, 0, 0, seal.Instead, last, last-1))
	if all.Replaced != 4 || all.Before != 0 {
		t.Errorf("in place of all: %+v", all)
	}
	// A row of another day is no row of such a file.
	_, err = e.LoadEvents(t.Context(), wire.EventsRequest{}, sealed(t, e, seal.BaseEntrustment, seal.EventsName,
		seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "click", Category: "spring"}}, From: last, To: last},
		func(yield func([]seal.Row, error) bool) {
			yield([]seal.Row{{Event: &seal.Event{Key: []byte("user-1"), Day: last}}}, nil)
		}))
	if err != nil {
		t.Error(err)
	}
	dir := e.vault.Dir()
	before := reach(20)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(t.Context(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if logs := e.state.events[seal.BaseEntrustment]; len(logs) != 2 || logs[0].Version != 7 {
		t.Errorf("after a restart %d logs stand", len(logs))
	}
	if r := reach(20); r.Receipt == nil || before.Question.Window.To != r.Question.Window.To {
		t.Errorf("after a restart another question: %v", r.Question.Window)
	}
}
