package enclave

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
	"awase/matcher"
)

var full = flag.Bool("attacks", false, "attacks at their full size")

// neighbour is a room over a population; two are neighbours where one person is
// in the one and not in the other.
type neighbour struct {
	*Enclave
	clock time.Time
	asked int
}

func (n *neighbour) now() time.Time {
	n.clock = n.clock.Add(10 * time.Second)
	return n.clock
}

// lastDay is the day before the neighbours' events are loaded, 2026-11-01.
const lastDay = 20758

// openNeighbour loads the people of seed; where without, the one numbered left is
// not there. That person alone has events on the first and on the last day.
func openNeighbour(t *testing.T, seed uint64, left int, without bool, counts func(matcher.Engine) matcher.Engine) *neighbour {
	t.Helper()
	root := t.TempDir()
	disk, err := fault.New(root)
	if err != nil {
		t.Fatal(err)
	}
	n := &neighbour{clock: morning}
	if n.Enclave, err = Open(t.Context(), filepath.Join(root, "V"), Options{Now: n.now, fs: disk, counts: counts, byHand: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	furnish(t, n.Enclave)
	if _, err := n.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nlist_floor: 500\nbudget: {30d: 0.5}\n")); err != nil {
		t.Fatal(err)
	}
	// 50 women, about 300 men and a few of whom nothing is known: one person less
	// and the women are one short of k.
	rng := rand.New(rand.NewPCG(seed, 13))
	users, rows := crowd(420 + rng.IntN(100))
	for i := range users {
		users[i].gender = "m"
		if i < 50 {
			users[i].gender, users[i].enquiry = "f", false
		} else if i < 60 {
			users[i].gender = "unknown"
		}
	}
	_, strangers := crowd(len(rows) + 200)
	rows = append(rows, strangers[len(rows):]...)
	alone := left % len(users)
	gone := -1
	if without {
		gone = alone
	}
	present := users
	if gone >= 0 {
		present = slices.Clone(users)
		present[gone].absent = true
	}
	loadBaseFile(t, n.Enclave, usersCSV(rand.New(rand.NewPCG(seed, 1)), present))
	loadListFile(t, n.Enclave, "l", rowsCSV(rows))
	h := seal.Header{Purpose: seal.Events, Unit: "yen", Events: []seal.EventType{{Kind: "impression", Category: "spring"}, {Kind: "conversion", Category: "shop"}}}
	log := func(yield func([]seal.Row, error) bool) {
		var batch []seal.Row
		for i := range users {
			if i == gone {
				continue
			}
			add := func(day int32) {
				batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: day, Type: uint8(i % 2), Value: int64(i % 2 * 900)}})
			}
			for k := range i%3 + 1 {
				add(lastDay - 1 - int32(k))
			}
			if i == alone { // on the last day, and on the first
				add(lastDay)
				add(lastDay - 400)
			}
		}
		yield(batch, nil)
	}
	if _, err := n.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: seal.BaseEntrustment}, sealed(t, n.Enclave, seal.BaseEntrustment, seal.EventsName, h, log)); err != nil {
		t.Fatal(err)
	}
	return n
}

// asks is what a recipient puts to a room: good questions, bad ones, one twice,
// and more than the budget holds.
func asks() []*entrustment.Question {
	women := &entrustment.Condition{In: map[string][]string{"gender": {"f"}}}
	report := func(kind string, change ...func(*entrustment.Question)) *entrustment.Question {
		q := question(func(q *entrustment.Question) { q.Report, q.Dims = kind, nil })
		for _, c := range change {
			c(q)
		}
		return q
	}
	gender := func(q *entrustment.Question) { q.Dims = []string{"gender"} }
	where := func(c *entrustment.Condition) func(*entrustment.Question) {
		return func(q *entrustment.Question) { q.Where = c }
	}
	sigma := func(s int) func(*entrustment.Question) { return func(q *entrustment.Question) { q.Sigma = s } }
	days := entrustment.Window{From: entrustment.Date{Year: 2026, Month: 10, Day: 30}, To: entrustment.Date{Year: 2026, Month: 11, Day: 1}}
	return []*entrustment.Question{
		report("overlap"), report("overlap", func(q *entrustment.Question) { q.Dims, q.Total = []string{entrustment.DimMatchedBy}, true }),
		report("profile", gender), report("profile", gender), report("profile", gender, func(q *entrustment.Question) { q.Index = true }),
		report("profile", gender, sigma(5)), report("profile", gender, sigma(20), func(q *entrustment.Question) { q.Total = true }),
		report("profile", gender, where(women)), report("profile", gender, where(&entrustment.Condition{Not: women})),
		report("profile", gender, where(&entrustment.Condition{Event: &entrustment.EventCondition{Category: "shop", AtLeast: 1, Within: 30}})),
		report("size"), report("size", where(women)), report("size", sigma(5)),
		report("cube", gender), report("size", where(&entrustment.Condition{Not: women})), report("size"),
		report("behaviour"), report("behaviour", gender, func(q *entrustment.Question) { q.Measures = []string{"users", "spend"} }),
		report("behaviour", func(q *entrustment.Question) { q.Dims, q.Window = []string{"day"}, &days }),
		report("reach-frequency"), report("reach-frequency", func(q *entrustment.Question) { q.List = "" }),
		report("profile"), report("profile", gender, sigma(7)), report("profile", func(q *entrustment.Question) { q.Dims = []string{"salary"} }),
		report("profile", gender, where(&entrustment.Condition{In: map[string][]string{"gender": {"x"}}})),
		report("profile", gender, func(q *entrustment.Question) { q.List = "none" }),
		report("behaviour", gender, sigma(5), func(q *entrustment.Question) {
			q.Measures = []string{"users", "events", "impressions", "clicks", "conversions", "spend"}
		}),
		report("behaviour", gender, sigma(5), where(women), func(q *entrustment.Question) {
			q.Measures = []string{"users", "events", "impressions", "clicks", "conversions"}
		}),
		report("profile", gender, sigma(5), where(&entrustment.Condition{Not: &entrustment.Condition{In: map[string][]string{"gender": {"m"}}}})),
	}
}

// seen is everything that a recipient sees of a question but released values and
// statuses.
func (n *neighbour) seen(ctx context.Context, q *entrustment.Question) (string, error) {
	out := ""
	for _, expect := range []int64{0, 300} {
		price, err := n.Price(ctx, q, expect)
		raw, jsonErr := json.Marshal(price)
		if jsonErr != nil {
			return "", jsonErr
		}
		out += fmt.Sprintf("%s %v\n", raw, err)
	}
	if n.asked++; n.asked%3 == 0 { // some are held, some of those given up, the others asked as held
		until := entrustment.Date{Year: 2026, Month: 12, Day: 24}
		r, err := n.Reserve(ctx, wire.ReserveRequest{Name: fmt.Sprint("r", n.asked), Question: q, Until: until})
		out += fmt.Sprintf("%+v %v\n", r, err)
		if n.asked%6 == 0 && err == nil {
			r, err := n.Free(ctx, r.Name)
			out += fmt.Sprintf("%+v %v\n", r, err)
		} else if err == nil {
			_, err := n.ReportReserved(ctx, r.Name)
			out += fmt.Sprintf("%v\n", err)
		}
	}
	r, err := n.Report(ctx, q)
	out += fmt.Sprintf("%v\n", err)
	if r != nil {
		r.Receipt, r.Other, r.Total, r.Base = nil, nil, nil, nil
		for i := range r.Cells {
			c := &r.Cells[i]
			c.Status, c.Users, c.Index, c.Amounts = "", nil, nil, wire.Amounts{}
		}
		r.Privacy.Withheld = 0
		raw, err := json.Marshal(r)
		if err != nil {
			return "", err
		}
		out += string(raw) + "\n"
	}
	l, err := n.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
	if err != nil {
		return "", err
	}
	for i := range l.Accounts {
		for j := range l.Accounts[i].Charges {
			l.Accounts[i].Charges[j].Spec = "" // keyed by the vault
		}
	}
	statement, err := json.Marshal(l)
	return out + string(statement) + "\n", err
}

// differences asks two neighbours the same and gives what differs.
func differences(t *testing.T, seed uint64, left int, counts func(matcher.Engine) matcher.Engine) (out []string) {
	t.Helper()
	with, less := openNeighbour(t, seed, left, false, counts), openNeighbour(t, seed, left, true, counts)
	for i, q := range asks() {
		a, err := with.seen(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		b, err := less.seen(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if a != b {
			out = append(out, fmt.Sprintf("question %d, a %s:\n%s\n%s", i, q.Report, a, b))
		}
	}
	var kinds [2][]string
	for i, n := range []*neighbour{with, less} {
		for _, r := range n.vault.Log().Records() {
			kinds[i] = append(kinds[i], r.Kind+" "+r.Time.String())
		}
	}
	if !slices.Equal(kinds[0], kinds[1]) {
		out = append(out, "the record logs differ in what they record, or when")
	}
	return out
}

// denying refuses to count what is too little, as a friendly product might.
type denying struct{ matcher.Engine }

func (d denying) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	exact, err := d.Engine.Cells(ctx, q)
	for _, n := range exact.Users {
		if n > 0 && n < 50 {
			return matcher.Exact{}, &entrustment.Error{Code: entrustment.CodeLimit, Detail: "too few people match"}
		}
	}
	return exact, err
}

// TestNeighbours is A13: of two populations that differ in one person, codes,
// prices, accounts, moments, the list of cells and every byte but released
// values and statuses are the same, whatever is asked. A refusal that comes
// from the data breaks it.
func TestNeighbours(t *testing.T) {
	pairs := 4 // × 29 questions
	if *full {
		pairs = 1000
	}
	t.Run("as built", func(t *testing.T) {
		for i := range pairs {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				left := i // a woman, whom the exact lock turns on
				if i%2 == 1 {
					left = 50 + 7*i
				}
				for _, d := range differences(t, uint64(i/4), left, nil) {
					t.Error(d)
				}
			})
		}
	})
	if len(differences(t, 0, 0, func(e matcher.Engine) matcher.Engine { return denying{e} })) == 0 {
		t.Error("refusals that come from the data were not seen")
	}
}
