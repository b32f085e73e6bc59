package enclave

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/aggregator"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestLedger: the statement says what spent what and when it comes back, and
// keeps the global accounts for officers.
func TestLedger(t *testing.T) {
	e := openCrowd(t)
	ctx := t.Context()
	empty, err := e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
	if err != nil || len(empty.Accounts) != 0 {
		t.Fatalf("before anything was charged: %+v, %v", empty, err)
	}
	r, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Index = true }))
	if err != nil {
		t.Fatal(err)
	}
	l, err := e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Accounts) != 1 || l.Accounts[0].Recipient != "acme" || l.Accounts[0].Owner != "operator" {
		t.Fatalf("accounts: %+v", l.Accounts)
	}
	a := l.Accounts[0]
	var rho, delta float64
	var tables []string
	for _, c := range a.Charges {
		rho, delta = rho+c.Rho, delta+c.Delta
		tables = append(tables, c.Table)
		at, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			t.Fatal(err)
		}
		if c.Back30 != at.AddDate(0, 0, 30).Format(time.RFC3339) || c.Back365 != at.AddDate(0, 0, 365).Format(time.RFC3339) {
			t.Errorf("a charge of %s comes back at %s and %s", c.At, c.Back30, c.Back365)
		}
		if c.Entrustment != "e" || c.Report != "profile" || c.List != "l" {
			t.Errorf("what it was for: %+v", c)
		}
	}
	slices.Sort(tables)
	if !slices.Equal(tables, []string{aggregator.TableIndex, aggregator.TableMain}) {
		t.Errorf("tables paid for: %v", tables)
	}
	if rho != r.Privacy.Rho || a.Windows[0].Spent != rho || a.Windows[1].Spent != rho || a.Windows[2].Spent != delta || delta != 4e-8 {
		t.Errorf("charges of ρ %g, δ %g; the release cost %g; windows %+v", rho, delta, r.Privacy.Rho, a.Windows)
	}
	if a.Windows[0].Left != 0.25-rho || a.Windows[0].Back != a.Charges[0].Back30 || a.Windows[1].Back != a.Charges[0].Back365 {
		t.Errorf("windows: %+v", a.Windows)
	}
	_, err = e.Ledger(ctx, wire.LedgerRequest{})
	wantCode(t, "everybody's accounts", err, entrustment.CodeForbidden)
	_, err = e.Ledger(ctx, wire.LedgerRequest{Group: "nobody"})
	wantCode(t, "a group that no party is of", err, entrustment.CodeNotFound)
	if a.Charges[0].Dims == nil || a.Charges[0].Where != nil || a.Charges[0].Long {
		t.Errorf("what it was for: %+v", a.Charges[0])
	}
	for _, req := range []wire.LedgerRequest{{Group: "operator"}, {Group: "acme"}, {Officer: true}, {Group: "operator", Officer: true}} {
		l, err := e.Ledger(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		var who []string
		for _, a := range l.Accounts {
			who = append(who, a.Recipient+" "+a.Owner)
		}
		var want []string
		if req.Officer {
			want = append(want, "* operator")
		}
		if req.Group != "operator" {
			want = append(want, "acme operator")
		}
		if !slices.Equal(who, want) {
			t.Errorf("%+v sees %v, want %v", req, who, want)
		}
	}
}

// TestReserve: what is held for a question is there for it after others used up
// the rest, also after a restart.
func TestReserve(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	ctx := t.Context()
	if _, err := e.SetGate(ctx, "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nbudget: {30d: 0.01}\n")); err != nil {
		t.Fatal(err)
	}
	results := question(func(q *entrustment.Question) { q.Total = true; q.Sigma = 20 })
	until := entrustment.DateOf(time.Now()).Add(20)
	req := wire.ReserveRequest{Name: "results", Question: results, Until: until}
	for _, changed := range []bool{true, false} {
		r, err := e.Reserve(ctx, req)
		if err != nil || r.Rho != 0.0025 || r.Changed != changed || r.Until != utc(until.End()) {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	ask := func(sigma int) error {
		_, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Sigma = sigma }))
		return err
	}
	if err := ask(10); err != nil {
		t.Fatal(err)
	}
	dir := e.vault.Dir()
	e.Close()
	e, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := ask(20); err != nil { // 0.005 + 0.00125 + 0.0025 held
		t.Fatal(err)
	}
	wantCode(t, "what is held", func() error {
		_, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Total = true }))
		return err
	}(), entrustment.CodeBudget)
	l, err := e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
	if err != nil || len(l.Accounts) != 1 || len(l.Accounts[0].Held) != 1 || l.Accounts[0].Windows[0].Held != 0.0025 || l.Accounts[0].Windows[0].Left != 0.00125 {
		t.Errorf("the statement: %+v, %v", l, err)
	}
	r, err := e.ReportReserved(ctx, "e/results")
	if err != nil || r.Privacy.Rho != 0.0025 || r.Question.Sigma != 20 {
		t.Fatalf("the question that it is held for: %v", err)
	}
	again, err := e.ReportReserved(ctx, "e/results")
	if err != nil || !reflect.DeepEqual(r, again) {
		t.Errorf("asked again: %v", err)
	}
	if l, err = e.Ledger(ctx, wire.LedgerRequest{Group: "acme"}); err != nil || l.Accounts[0].Windows[0].Held != 0 || l.Accounts[0].Windows[0].Left != 0.00125 {
		t.Errorf("the statement afterwards: %+v, %v", l, err)
	}
	if r, err := e.Free(ctx, "e/results"); err != nil || !r.Changed {
		t.Errorf("giving up: %+v, %v", r, err)
	}
	_, err = e.ReportReserved(ctx, "e/results")
	wantCode(t, "asked after it was given up", err, entrustment.CodeNotFound)
	_, err = e.Free(ctx, "e/results")
	wantCode(t, "given up twice", err, entrustment.CodeNotFound)
	req.Name = "Spring results"
	_, err = e.Reserve(ctx, req)
	wantCode(t, "no name", err, entrustment.CodeDocument)
}

// clockRoom is a crowd's room whose clocks the test sets.
type clockRoom struct {
	*Enclave
	dir         string
	wall        time.Time
	since       time.Duration
	noBootClock bool
}

func (r *clockRoom) reopen(t *testing.T) {
	t.Helper()
	if r.Enclave != nil {
		r.Close()
	}
	boot := func() (string, func() (time.Duration, error)) {
		return "a", func() (time.Duration, error) { return r.since, nil }
	}
	if r.noBootClock {
		boot = func() (string, func() (time.Duration, error)) { return "", nil }
	}
	o := Options{Now: func() time.Time { return r.wall }, boot: boot, unconfined: true}
	if r.Enclave == nil { // a vault that is no dev vault
		if _, err := Init(t.Context(), r.dir, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2"), o); err != nil {
			t.Fatal(err)
		}
	}
	e, err := Open(t.Context(), r.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	e.signs = false // officers are not what this is about
	r.Enclave = e
}

// TestClockFreesNoBudget: a budget that is spent does not come back by setting
// the wall clock forward; without the boot clock it does.
func TestClockFreesNoBudget(t *testing.T) {
	t.Parallel()
	for _, bare := range []bool{false, true} {
		r := &clockRoom{dir: filepath.Join(t.TempDir(), "V"), wall: morning, since: time.Hour, noBootClock: bare}
		r.reopen(t)
		t.Cleanup(func() { r.Close() })
		fill(t, r.Enclave, "budget: {30d: 0.02}\n")
		long := strings.Replace(oracleContract, "lists: 90d", "lists: 500d", 1) // the list is to outlive the jump
		if _, err := r.Entrust(t.Context(), parse(t, entrustment.ParseContract, long)); err != nil {
			t.Fatal(err)
		}
		fine, coarse := question(func(q *entrustment.Question) { q.Sigma = 5 }), question(func(q *entrustment.Question) { q.Sigma = 20 })
		if err := r.settled(t, fine); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "the budget is spent", r.settled(t, coarse), entrustment.CodeBudget)
		r.wall = r.wall.Add(400 * 24 * time.Hour)
		err := r.settled(t, coarse)
		if bare {
			if err != nil {
				t.Errorf("without a boot clock the wall clock should free the budget: %v", err)
			}
			continue
		}
		wantCode(t, "the wall clock was set forward", err, entrustment.CodeBudget)
		r.reopen(t)
		wantCode(t, "…and the vault opened again", r.settled(t, coarse), entrustment.CodeClock)
		if l, err := r.Ledger(t.Context(), wire.LedgerRequest{Group: "acme"}); err != nil || l.Clock == nil {
			t.Errorf("the statement does not speak of the clock: %+v, %v", l, err)
		}
		if err := r.settled(t, fine); err != nil {
			t.Errorf("what was released cannot be read: %v", err)
		}
		if n := count(r.Enclave, vault.KindClock); n != 2 {
			t.Errorf("%d clock records, want the first and the jump", n)
		}
		s, err := r.AcceptClock(t.Context())
		if err != nil || s.Accepted == nil {
			t.Fatalf("accepting the clock: %+v, %v", s, err)
		}
		if err := r.settled(t, coarse); err != nil {
			t.Errorf("after 400 days that an officer accepted: %v", err)
		}
		if s, err := r.AcceptClock(t.Context()); err != nil || s.Accepted != nil {
			t.Errorf("accepted twice: %+v, %v", s, err)
		}
	}
}

// settled asks a question.
func (r *clockRoom) settled(t *testing.T, q *entrustment.Question) error {
	t.Helper()
	_, err := r.Report(t.Context(), q)
	return err
}

// fill gives a room the crowd's data under a gate policy.
func fill(t *testing.T, e *Enclave, gate string) {
	t.Helper()
	furnish(t, e)
	if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n"+gate)); err != nil {
		t.Fatal(err)
	}
	users, rows := crowd(1500)
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	loadListFile(t, e, "l", rowsCSV(rows))
}
