package enclave

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// step is something that people do; done again after a fault, it comes to the
// same.
type step struct {
	name string
	do   func(d *day, ctx context.Context) error
}

// theDay is one day: everything that writes, in a natural order.
func theDay(users, first, second, few []byte) []step {
	document := func(name string, put func(d *day, ctx context.Context) (wire.Ack, error)) step {
		return step{name, func(d *day, ctx context.Context) error { _, err := put(d, ctx); return err }}
	}
	party := func(id, class string) step {
		return document("party "+id, func(d *day, ctx context.Context) (wire.Ack, error) {
			doc := fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", id, class, id)
			return d.ask.AddParty(ctx, parse(d.t, entrustment.ParseParty, doc))
		})
	}
	list := func(name string, data []byte, change seal.Change) step {
		return document(name, func(d *day, ctx context.Context) (wire.Ack, error) {
			file, err := d.files.get(d, name, func() *bytes.Reader {
				f, err := intake.OpenList(ctx, bytes.NewReader(data), int64(len(data)), parse(d.t, entrustment.ParseListSchema, oracleList), intake.Options{Change: change})
				if err != nil {
					d.t.Fatal(err)
				}
				return sealed(d.t, d.e, "e", "l", f.Header(), f.Rows())
			})
			if err != nil {
				return wire.Ack{}, err
			}
			loaded, err := d.ask.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, file)
			return loaded.Ack, err
		})
	}
	withIndex := question(func(q *entrustment.Question) { q.Index = true })
	coarse := question(func(q *entrustment.Question) { q.Sigma = 20 })
	fine := question(func(q *entrustment.Question) { q.Sigma = 5 })
	return []step{
		{"open", func(d *day, _ context.Context) error { return errors.Join(d.close(), d.open()) }},
		party("operator", "operator"),
		party("acme", "client"),
		document("policies", func(d *day, ctx context.Context) (wire.Ack, error) {
			doc := "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n"
			return d.ask.SetPolicies(ctx, parse(d.t, entrustment.ParsePolicies, doc))
		}),
		document("gate", func(d *day, ctx context.Context) (wire.Ack, error) {
			return d.ask.SetGate(ctx, "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nlist_floor: 500\nbudget: {30d: 0.02}\n"))
		}),
		document("entrust", func(d *day, ctx context.Context) (wire.Ack, error) {
			return d.ask.Entrust(ctx, parse(d.t, entrustment.ParseContract, oracleContract))
		}),
		document("base", func(d *day, ctx context.Context) (wire.Ack, error) {
			schema := parse(d.t, entrustment.ParseBaseSchema, oracleBase)
			file, err := d.files.get(d, "base", func() *bytes.Reader {
				f, err := intake.OpenBase(ctx, bytes.NewReader(users), int64(len(users)), schema, intake.Options{Name: "users.csv"})
				if err != nil {
					d.t.Fatal(err)
				}
				return sealed(d.t, d.e, seal.BaseEntrustment, seal.BaseName, f.Header(), f.Rows())
			})
			if err != nil {
				return wire.Ack{}, err
			}
			loaded, err := d.ask.LoadBase(ctx, schema, file)
			return loaded.Ack, err
		}),
		list("list", first, seal.Replace),
		{"price", func(d *day, ctx context.Context) error { _, err := d.ask.Price(ctx, withIndex, 0); return err }},
		report("with index", withIndex, false),
		report("with index", withIndex, false),
		document("events", func(d *day, ctx context.Context) (wire.Ack, error) {
			file, err := d.files.get(d, "events", func() *bytes.Reader {
				h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "page_view", Category: "page_view"}}, Unit: "count"}
				return sealed(d.t, d.e, seal.BaseEntrustment, seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
					yield([]seal.Row{{Event: &seal.Event{Key: []byte("u-1"), Day: 20000, Value: 1}}}, nil)
				})
			})
			if err != nil {
				return wire.Ack{}, err
			}
			loaded, err := d.ask.LoadEvents(ctx, wire.EventsRequest{Entrustment: seal.BaseEntrustment}, file)
			return loaded.Ack, err
		}),
		list("list replaced", second, seal.Replace),
		list("people taken off the list", few, seal.Remove),
		list("people added to the list", few, seal.Add),
		report("coarse", coarse, false),
		{"report over the budget", func(d *day, ctx context.Context) error {
			_, err := d.ask.Report(ctx, fine)
			if err == nil {
				return errors.New("a report over the budget was given")
			}
			if entrustment.Public(err).Code == entrustment.CodeBudget {
				return nil
			}
			return err
		}},
		list("the same list in another file", second, seal.Replace),
		{"reopen after a torn entry", func(d *day, _ context.Context) error {
			if err := d.close(); err != nil {
				return err
			}
			f, err := os.OpenFile(filepath.Join(d.root, "V", "log"), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString(strings.Repeat("0f", 60))
			return errors.Join(err, f.Close(), d.open())
		}},
		report("coarse", coarse, false),
	}
}

// report asks a question; a free one is answered from what is paid for.
func report(name string, q *entrustment.Question, free bool) step {
	return step{"report " + name, func(d *day, ctx context.Context) error {
		r, err := d.ask.Report(ctx, q)
		return d.took(name, r, free, err)
	}}
}

// took notes a release that was given.
func (d *day) took(name string, r *wire.Release, free bool, err error) error {
	if err != nil {
		return err
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if g, ok := d.given[name]; ok && !bytes.Equal(g.raw, raw) {
		return errors.New("released twice with different bytes")
	}
	rho := int64(math.Round(r.Privacy.Rho * 1e9))
	if free {
		rho = 0
	}
	d.given[name] = release{raw, rho}
	return nil
}

// theEvening is what a room takes beside the day's acts: it begins with a day's
// beginning, and gives how many steps those are.
func theEvening(users, rows []byte) (steps []step, from int) {
	for _, s := range theDay(users, rows, nil, nil) {
		if s.name == "price" {
			break
		}
		steps = append(steps, s)
	}
	from = len(steps)
	plain := func(name string, do func(d *day, ctx context.Context) error) { steps = append(steps, step{name, do}) }
	last := entrustment.Date{Year: 2026, Month: 12, Day: 24}
	reserve := func(name string, sigma int) {
		plain("reserve "+name, func(d *day, ctx context.Context) error {
			_, err := d.ask.Reserve(ctx, wire.ReserveRequest{Name: name, Until: last, Question: question(func(q *entrustment.Question) { q.Sigma = sigma })})
			if entrustment.Public(err).Code == entrustment.CodeSpec && d.e.state.reserved["e/"+name] != nil {
				return nil // asked already, or held already
			}
			return err
		})
	}
	reserve("results", 20)
	steps = append(steps, report("cube", question(func(q *entrustment.Question) { q.Report = entrustment.ReportCube }), false),
		report("size", question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportSize, nil }), true))
	plain("events", func(d *day, ctx context.Context) error {
		file, err := d.files.get(d, "events", func() *bytes.Reader {
			h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}}
			return sealed(d.t, d.e, seal.BaseEntrustment, seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
				var batch []seal.Row
				for i := range 500 {
					batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: lastDay, Type: 0}})
				}
				yield(batch, nil)
			})
		})
		if err != nil {
			return err
		}
		_, err = d.ask.LoadEvents(ctx, wire.EventsRequest{Entrustment: seal.BaseEntrustment}, file)
		return err
	})
	steps = append(steps, report("behaviour", question(func(q *entrustment.Question) { q.Report, q.Dims, q.Sigma = entrustment.ReportBehaviour, nil, 20 }), false))
	plain("report what is held", func(d *day, ctx context.Context) error {
		r, err := d.ask.ReportReserved(ctx, "e/results")
		return d.took("results", r, false, err)
	})
	reserve("spare", 50)
	plain("free what is spare", func(d *day, ctx context.Context) error {
		_, err := d.ask.Free(ctx, "e/spare")
		if entrustment.Public(err).Code == entrustment.CodeNotFound {
			return nil // given up already
		}
		return err
	})
	plain("the clock jumps", func(d *day, _ context.Context) error {
		d.ahead = 48 * time.Hour
		return errors.Join(d.close(), d.open())
	})
	steps = append(steps, report("size", question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportSize, nil }), true))
	return append(steps, subjectSteps(users)...), from
}

// eveningKinds is what the log holds after theEvening.
var eveningKinds = map[string]int{vault.KindClock: 2, kindParty: 2, kindPolicies: 1, kindGate: 1, kindEntrust: 1, kindBase: 2, kindList: 1, kindRequest: 1,
	kindReserve: 2, kindFree: 1, kindEvents: 1, kindCharge: 3, kindTable: 3, kindReport: 4}

func smallEvening(t *testing.T) ([]step, int, *sealedFiles) {
	t.Helper()
	users, rows := crowd(600)
	steps, from := theEvening(usersCSV(rand.New(rand.NewPCG(1, 1)), users), rowsCSV(rows))
	return steps, from, &sealedFiles{bytes: map[string][]byte{}}
}

// dayKinds is what the log holds after theDay.
var dayKinds = map[string]int{vault.KindClock: 1, kindParty: 2, kindPolicies: 1, kindGate: 1, kindEntrust: 1, kindBase: 1, kindList: 4,
	kindEvents: 1, kindUpload: 1, kindCharge: 2, kindTable: 3, kindReport: 2}

func smallDay(t *testing.T) ([]step, *sealedFiles) {
	t.Helper()
	users, rows := crowd(600)
	return theDay(usersCSV(rand.New(rand.NewPCG(1, 1)), users), rowsCSV(rows[:550]), rowsCSV(rows), rowsCSV(rows[:20])), &sealedFiles{bytes: map[string][]byte{}}
}
