package enclave

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"awase/aggregator"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// Ledger gives the statement of the privacy budgets.
func (e *Enclave) Ledger(_ context.Context, req wire.LedgerRequest) (*wire.Ledger, error) {
	if req.Group == "" && !req.Officer {
		return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 9", Field: "group",
			Detail: "the accounts of all groups are for officers", Mend: "name the recipient group"}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if req.Group != "" {
		if err := e.noGroup(req.Group); err != nil {
			return nil, err
		}
	}
	out := &wire.Ledger{At: utc(e.vault.Log().Now()), Accounts: []wire.LedgerAccount{}, Clock: jump(e.vault.Log().Stopped())}
	for _, s := range e.gate.Statement(req.Officer) {
		if req.Group == "" || req.Group == s.Recipient || req.Officer && s.Recipient == aggregator.Everybody {
			out.Accounts = append(out.Accounts, account(&s))
		}
	}
	if !req.Officer {
		return out, nil
	}
	records := e.vault.Log().Records()
	for i := range records {
		if records[i].Kind != kindAlarm {
			continue
		}
		a, err := body[aggregator.Alarm](&records[i])
		if err != nil {
			return nil, fmt.Errorf("reading entry %d of the record log: %w", i, err)
		}
		out.Alarms = append(out.Alarms, wire.LedgerAlarm{At: utc(records[i].Time), Kind: a.Kind, Owners: a.Owners})
	}
	return out, nil
}

// account writes the state of an account.
func account(s *aggregator.AccountState) wire.LedgerAccount {
	a := wire.LedgerAccount{Recipient: s.Recipient, Owner: s.Owner, Charges: []wire.LedgerCharge{}}
	var rho, delta int64
	for _, h := range s.Held {
		if h.RhoNano == 0 && h.DeltaE15 == 0 {
			continue // used up
		}
		rho, delta = rho+h.RhoNano, delta+h.DeltaE15
		a.Held = append(a.Held, wire.LedgerHold{Name: h.Name, Entrustment: h.For.Entrustment, Report: h.For.Report,
			Rho: unnano(h.RhoNano), Delta: float64(h.DeltaE15) / 1e15, Until: utc(h.Until)})
	}
	window := func(name, unit string, spent, held, limit int64, scale float64) {
		a.Windows = append(a.Windows, wire.LedgerWindow{Window: name, Unit: unit, Spent: float64(spent) / scale, Held: float64(held) / scale,
			Limit: float64(limit) / scale, Left: float64(max(0, limit-spent-held)) / scale})
	}
	window("30d", "rho", s.Rho30, rho, s.RhoLimit30, 1e9)
	if s.Recipient != aggregator.Everybody { // which is held to ρ in 30 days alone
		window("365d", "rho", s.Rho365, rho, s.RhoLimit365, 1e9)
		window("30d", "delta", s.Delta30, delta, s.DeltaLimit30, 1e15)
	}
	for i := range s.Charges {
		a.Charges = append(a.Charges, charge(&s.Charges[i]))
	}
	for i := range a.Windows {
		for _, p := range s.Charges {
			back := p.Back30
			if a.Windows[i].Window == "365d" {
				back = p.Back365
			}
			if back.After(s.Now) {
				a.Windows[i].Back = utc(back)
				break
			}
		}
	}
	return a
}

// charge writes a posting.
func charge(p *aggregator.Posting) wire.LedgerCharge {
	c := wire.LedgerCharge{At: utc(p.At), Entrustment: p.For.Entrustment, Report: p.For.Report, Campaign: p.For.Campaign, List: p.For.List, Table: p.For.Table,
		Spec: p.Spec.String(), Rho: unnano(p.RhoNano), Delta: float64(p.DeltaE15) / 1e15, Back30: utc(p.Back30), Back365: utc(p.Back365),
		Dims: p.For.Dims, Long: p.For.Long, Window: p.For.Window, Measures: p.For.Measures, Total: p.For.Total}
	if p.For.Where != "" {
		c.Where = &entrustment.Condition{}
		if err := json.Unmarshal([]byte(p.For.Where), c.Where); err != nil {
			c.Where, c.Long = nil, true
		}
	}
	return c
}

// noGroup refuses a group that no party is of. Which there are is not for those
// of one of them to learn.
func (e *Enclave) noGroup(group string) error {
	for _, p := range e.state.parties {
		if p.Group == group {
			return nil
		}
	}
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "group", Detail: "there is no recipient group " + entrustment.Quote(group),
		Mend: "awase ledger without --group shows all accounts; a party's group stands in its party.yaml"}
}

// Reserve holds the price of a question.
func (e *Enclave) Reserve(ctx context.Context, req wire.ReserveRequest) (wire.Reserved, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := entrustment.CheckID("name", req.Name); err != nil {
		return wire.Reserved{}, err
	}
	a, err := e.ask(req.Question, req.Party)
	if err == nil {
		err = e.running()
	}
	if err != nil {
		return wire.Reserved{}, e.refuseTo(req.Party, "reserve", req.Question.Entrustment, err)
	}
	before := len(e.vault.Log().Records())
	name := req.Question.Entrustment + "/" + req.Name
	r, err := e.gate.Reserve(ctx, name, a.plan, req.Until.Add(1).Start())
	if err != nil {
		return wire.Reserved{}, e.refuseTo(req.Party, "reserve", req.Question.Entrustment, err)
	}
	e.state.reserved[name], e.state.reservedBy[name] = &r.Question, r.AskedBy
	out := wire.Reserved{Name: r.Name, Until: utc(r.Until), Changed: len(e.vault.Log().Records()) > before}
	for _, h := range r.Held {
		out.Rho, out.Delta = max(out.Rho, unnano(h.RhoNano)), max(out.Delta, float64(h.DeltaE15)/1e15)
	}
	return out, nil
}

// Free gives a reservation up.
func (e *Enclave) Free(ctx context.Context, name string) (wire.Reserved, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.reserved[name] == nil {
		return wire.Reserved{}, noReservation()
	}
	if err := e.keptForResults(name); err != nil {
		return wire.Reserved{}, err
	}
	held, err := e.gate.Free(ctx, name)
	if err != nil {
		return wire.Reserved{}, err
	}
	if held {
		delete(e.state.reserved, name)
	}
	return wire.Reserved{Name: name, Changed: held}, nil
}

func noReservation() error {
	return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "name", Detail: "there is no such reservation", Mend: "awase ledger lists them"}
}

// ReportReserved asks the question that a reservation holds.
func (e *Enclave) ReportReserved(ctx context.Context, name string) (*wire.Release, error) {
	e.mu.Lock()
	q := e.state.reserved[name]
	e.mu.Unlock()
	if q == nil {
		return nil, noReservation()
	}
	return given(e.report(ctx, &demand{question: q, reservation: name}))
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func jump(j *vault.Jump) *wire.ClockJump {
	if j == nil {
		return nil
	}
	return &wire.ClockJump{From: utc(j.From), To: utc(j.To)}
}

// running refuses while the vault can't know what it must, while releases are
// stopped, and while a jump of the machine's clock waits to be accepted: a clock
// set forward would slide budgets back.
func (e *Enclave) running() error {
	if err := e.whole(); err != nil {
		return err
	}
	if err := e.frozen(); err != nil {
		return err
	}
	j := e.vault.Log().Stopped()
	if j == nil {
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeClock, Clause: "PRIVACY §4.6", Field: "clock",
		Detail: fmt.Sprintf("the machine's clock says %s, the vault's time is %s: nothing new is released until that is settled", japan(j.To), japan(j.From)),
		Mend:   "set the machine's clock right, and accept it with awase admin accept-clock"}
}

func japan(t time.Time) string { return entrustment.Moment(t) }
