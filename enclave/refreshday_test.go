package enclave

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// theNextDay is what follows a day's beginning where everything is loaded anew:
// another base, the same in another file, a log, and one in its place.
func theNextDay(t *testing.T) (steps []step, from int) {
	t.Helper()
	users, rows := crowd(600)
	for _, s := range theDay(usersCSV(rand.New(rand.NewPCG(1, 1)), users), rowsCSV(rows), nil, nil) {
		if s.name == "price" {
			break
		}
		steps = append(steps, s)
	}
	coarse := question(func(q *entrustment.Question) { q.Sigma = 20 })
	steps = append(steps, report("before", coarse, false))
	from = len(steps)
	users[3].version, users[4].absent, users[5].gender = "v1", true, "unknown"
	next := usersCSV(rand.New(rand.NewPCG(2, 2)), users)
	base := func(name string, version int) step {
		return step{name, func(d *day, ctx context.Context) error {
			schema := parse(d.t, entrustment.ParseBaseSchema, oracleBase)
			file, err := d.files.get(d, name, func() *bytes.Reader {
				f, err := intake.OpenBase(ctx, bytes.NewReader(next), int64(len(next)), schema, intake.Options{Name: "users.csv"})
				if err != nil {
					d.t.Fatal(err)
				}
				return sealed(d.t, d.e, seal.BaseEntrustment, seal.BaseName, f.Header(), f.Rows())
			})
			if err != nil {
				return err
			}
			if _, err := d.e.LoadBase(ctx, schema, file); err != nil {
				return err
			}
			if b := d.e.state.base; b.Version != version || b.Users != 599 {
				return fmt.Errorf("base version %d of %d users", b.Version, b.Users)
			}
			return nil
		}}
	}
	log := func(name string, change seal.Change, n int) step {
		return step{name, func(d *day, ctx context.Context) error {
			file, err := d.files.get(d, name, func() *bytes.Reader {
				h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}, From: lastDay, To: lastDay, Change: change}
				if newest, ok := d.e.state.newest[kindEvents+" "+seal.BaseEntrustment]; ok {
					h.After = hex.EncodeToString(newest[:])
				}
				return sealed(d.t, d.e, seal.BaseEntrustment, seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
					var batch []seal.Row
					for i := range n {
						batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: lastDay, Type: 0}})
					}
					yield(batch, nil)
				})
			})
			if err != nil {
				return err
			}
			if _, err := d.e.LoadEvents(ctx, wire.EventsRequest{}, file); err != nil {
				return err
			}
			if logs := d.e.state.events[seal.BaseEntrustment]; len(logs) != 1 || logs[0].Rows != int64(n) {
				return errors.New("other logs stand")
			}
			return nil
		}}
	}
	return append(steps, base("base refreshed", 2), base("the same base in another file", 2), report("after", coarse, false),
		log("log", "", 400), log("log in its place", seal.Instead, 500),
		report("behaviour", question(func(q *entrustment.Question) { q.Report, q.Dims, q.Sigma = entrustment.ReportBehaviour, nil, 20 }), false)), from
}

// TestFaultInARefresh: at whatever operation the loading of the next base, or of a
// log in place of another, fails, one of the two stands, whole, and the day can go
// on: as TestFaultAnywhere, which loads one of each.
func TestFaultInARefresh(t *testing.T) {
	steps, from := theNextDay(t)
	faultAnywhere(t, steps, from, &sealedFiles{bytes: map[string][]byte{}}, map[string]int{vault.KindClock: 1, kindParty: 2, kindPolicies: 1, kindGate: 1, kindEntrust: 1,
		kindBase: 2, kindUpload: 1, kindList: 1, kindEvents: 2, kindCharge: 3, kindTable: 3, kindReport: 3}, 50)
}
