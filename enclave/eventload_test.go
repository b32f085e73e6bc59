package enclave

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestLogsAndReports: logs that come late, logs in place of others, refreshes of
// the base and questions of events at once, under the race detector in CI; no
// question is refused for what others do, and each is of logs that stood
// together: of every number of users there is a log, and no question sees two
// halves.
func TestLogsAndReports(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	ctx := t.Context()
	yesterday := entrustment.DateOf(e.vault.Log().Now()).Number() - 1
	load := func(raw []byte) error {
		_, err := e.LoadEvents(ctx, wire.EventsRequest{}, bytes.NewReader(raw))
		return err
	}
	log := func(change seal.Change, day int32, n int) []byte {
		raw, _ := logAfter(t, e, "", change, day, 0, n)
		return raw
	}
	if err := load(log("", yesterday, 1000)); err != nil {
		t.Fatal(err)
	}
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	bases := [][]byte{sealedBase(t, e, 1600), sealedBase(t, e, 1700)}
	logs := [][]byte{log("", yesterday-1, 900), log(seal.Instead, yesterday, 1200), log(seal.Instead, yesterday-1, 950), log("", yesterday-2, 800), log(seal.Instead, yesterday, 1400)}
	var all sync.WaitGroup
	failed := make(chan error, 100)
	run := func(n int, f func(i int) error) {
		all.Go(func() {
			for i := range n {
				if err := f(i); err != nil {
					failed <- err
				}
			}
		})
	}
	run(len(bases), func(i int) error { _, err := e.LoadBase(ctx, schema, bytes.NewReader(bases[i])); return err })
	run(len(logs), func(i int) error { return load(logs[i]) })
	ask := func(worker int) (*wire.Release, error) {
		return e.Report(ctx, question(func(q *entrustment.Question) {
			q.Sigma = 20
			day := entrustment.DateOfNumber(yesterday)
			of := entrustment.Window{From: day, To: day}
			q.Report, q.Dims, q.Window = entrustment.ReportBehaviour, nil, &of
			switch worker {
			case 0:
				q.Report = entrustment.ReportReachFrequency
			case 1:
				q.Report, q.Window, q.Sigma = "size", nil, 0
				q.Where = &entrustment.Condition{Event: &entrustment.EventCondition{Category: "spring", AtLeast: 1, Within: 1}}
			}
		}))
	}
	stood := func(worker int, r *wire.Release) error {
		for _, c := range r.Cells {
			if worker == 1 || c.Key["category"] == "spring" || c.Key["frequency"] == "1" {
				if !near(c.Users, 900) && !near(c.Users, 1080) && !near(c.Users, 1260) { // every tenth is known from an enquiry alone
					return fmt.Errorf("worker %d: %+v saw it: of no log that stood", worker, c.Users)
				}
			} else if c.Users != nil {
				return fmt.Errorf("worker %d: somebody is in %v", worker, c.Key)
			}
		}
		return nil
	}
	for worker := range 3 {
		run(3, func(i int) error {
			r, err := ask(worker)
			if err != nil {
				return fmt.Errorf("worker %d, question %d: %w", worker, i, err)
			}
			return stood(worker, r)
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if logs := e.state.events[seal.BaseEntrustment]; len(logs) != 3 || len(e.inUse) != 0 || len(e.retired) != 0 {
		t.Errorf("%d logs stand, %d in use, %d retired", len(logs), len(e.inUse), len(e.retired))
	}
}

// TestLateEvents: what comes late for a day makes questions about that day others,
// answered anew and charged; of other days nothing changes, and the release of
// before stays what it is. A restart changes nothing.
func TestLateEvents(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	yesterday := entrustment.DateOf(e.vault.Log().Now()).Number() - 1
	load := func(day int32, from, to int) wire.EventsLoaded {
		t.Helper()
		raw, _ := logAfter(t, e, "", "", day, from, to)
		l, err := e.LoadEvents(t.Context(), wire.EventsRequest{}, bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	of := func(day int32) *entrustment.Question {
		return question(func(q *entrustment.Question) {
			w := entrustment.Window{From: entrustment.DateOfNumber(day), To: entrustment.DateOfNumber(day)}
			q.Report, q.Dims, q.Window, q.Sigma = "reach-frequency", nil, &w, 20
		})
	}
	ask := func(day int32, charged bool, want int64) []byte {
		t.Helper()
		p, err := e.Price(t.Context(), of(day), 0)
		if err != nil || (p.Charged > 0) != charged {
			t.Errorf("it costs %v, %v", p.Charged, err)
		}
		r, err := e.Report(t.Context(), of(day))
		if err != nil {
			t.Fatal(err)
		}
		if !near(r.Cells[0].Users, want) {
			t.Errorf("%+v saw it once, want %d", r.Cells[0], want)
		}
		raw, err := json.Marshal(r.Cells)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	load(yesterday, 0, 800)
	load(yesterday-1, 0, 600)
	day, before := ask(yesterday, true, 720), ask(yesterday-1, true, 540)
	if l := load(yesterday, 800, 1200); l.Version != 3 || l.Before != 1400 {
		t.Errorf("what came late: %+v", l)
	}
	if late := ask(yesterday, true, 1080); bytes.Equal(late, day) {
		t.Error("what came late is not counted")
	}
	if again := ask(yesterday-1, false, 540); !bytes.Equal(again, before) {
		t.Error("events of another day changed the answer")
	}
	e = restarted(t, e)
	if again := ask(yesterday-1, false, 540); !bytes.Equal(again, before) {
		t.Error("after a restart: another answer")
	}
	ask(yesterday, false, 1080)
}

// TestNobodyWaitsForALog: while a sender of a log dawdles, questions of events are
// answered from the logs that stood before.
func TestNobodyWaitsForALog(t *testing.T) {
	e := openCrowd(t)
	day := entrustment.DateOf(e.vault.Log().Now()).Number() - 1
	first, _ := logAfter(t, e, "", "", day, 0, 800)
	if _, err := e.LoadEvents(t.Context(), wire.EventsRequest{}, bytes.NewReader(first)); err != nil {
		t.Fatal(err)
	}
	raw, _ := logAfter(t, e, "", seal.Instead, day, 0, 1400)
	sender := newSlow(raw)
	done := make(chan error, 1)
	go func() {
		_, err := e.LoadEvents(t.Context(), wire.EventsRequest{}, sender)
		done <- err
	}()
	<-sender.half
	ask := func(want int64) {
		t.Helper()
		r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims = "reach-frequency", nil }))
		if err != nil || !near(r.Cells[0].Users, want) {
			t.Errorf("%v, want %d", err, want)
		}
	}
	ask(720) // would hang here
	close(sender.letOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ask(1260)
}
