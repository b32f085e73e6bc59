package enclave

import (
	"bytes"
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
