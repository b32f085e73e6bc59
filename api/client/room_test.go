package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/api/client"
	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// everybody is a person of a party with every role.
func everybody(party string) api.Principal {
	return apitest.Person(party, api.Admin, api.Privacy, api.AdOps, api.Marketing, api.Viewer, api.Auditor)
}

// asked is a room that is asked, in its own process or over the network.
type asked struct {
	*apitest.Room
	e wire.Enclave
}

func question(t testing.TB, more string) *entrustment.Question {
	t.Helper()
	q, err := entrustment.ParseQuestion("spec.yaml", []byte("schema: awase.report/v1\nentrustment: spring\nlist: members\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const (
	overlap = "report: overlap\n"
	profile = "report: profile\ndims: [gender]\n"
)

// acts are what commands do, in their order: who does it over the network, and what.
// What it gives is compared, and how it is refused.
func acts(t testing.TB) []struct {
	name string
	who  string
	do   func(context.Context, asked) (any, error)
} {
	op, acme := apitest.Operator, apitest.Acme
	strange := func(more string) *entrustment.Question {
		q := question(t, more)
		q.Entrustment = "nobody"
		return q
	}
	noList := question(t, overlap)
	noList.List = "nobody"
	forbidden := question(t, "report: profile\ndims: [salary]\n")
	until := entrustment.DateOf(time.Now()).Add(10)
	party := &entrustment.Party{Schema: entrustment.SchemaParty, ID: "gamma", Class: entrustment.ClassClient, Group: "gamma", Country: "JP"}
	reserve := func(name string, q *entrustment.Question) func(context.Context, asked) (any, error) {
		return func(ctx context.Context, a asked) (any, error) {
			return a.e.Reserve(ctx, wire.ReserveRequest{Name: name, Question: q, Until: until})
		}
	}
	checked := wire.IdentityCheck{Method: wire.CheckContact, Agent: true, On: entrustment.Date{Year: 2026, Month: 1, Day: 5}, By: "person 1"}
	valid := func(raw []byte, err error) (any, error) { return json.Valid(raw), err }
	return []struct {
		name string
		who  string
		do   func(context.Context, asked) (any, error)
	}{
		{"room", op, func(ctx context.Context, a asked) (any, error) { return a.e.Room(ctx) }},
		{"parties", op, func(ctx context.Context, a asked) (any, error) { return a.e.Parties(ctx) }},
		{"contracts", op, func(ctx context.Context, a asked) (any, error) { return a.e.Contracts(ctx) }},
		{"entrustments", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Entrustments(ctx) }},
		{"entrustment", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Entrustment(ctx, "spring") }},
		{"no entrustment", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Entrustment(ctx, "nobody") }},
		{"policies", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Policies(ctx) }},
		{"lists", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Lists(ctx, "spring") }},
		{"lists of none", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Lists(ctx, "nobody") }},
		{"logs", acme, func(ctx context.Context, a asked) (any, error) { return a.e.EventLogs(ctx, "spring") }},
		{"logs of none", acme, func(ctx context.Context, a asked) (any, error) { return a.e.EventLogs(ctx, "nobody") }},
		{"bases", op, func(ctx context.Context, a asked) (any, error) { return a.e.Bases(ctx) }},
		{"terms", acme, func(ctx context.Context, a asked) (any, error) { return ownTerms(a.e.Terms(ctx, "spring")) }},
		{"terms of the base", op, func(ctx context.Context, a asked) (any, error) { return a.e.Terms(ctx, seal.BaseEntrustment) }},
		{"no terms", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Terms(ctx, "nobody") }},
		{"gate", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Gate(ctx) }},
		{"gate changes", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.GateChanges(ctx, "g.yaml", []byte("schema: awase.gate/v1\nk: 60\n"))
		}},
		{"gate changes refused", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.GateChanges(ctx, "g.yaml", []byte("schema: awase.gate/v1\nk: 3\n"))
		}},
		{"gate refused", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.SetGate(ctx, "g.yaml", []byte("schema: awase.gate/v1\nk: 3\n"))
		}},
		{"gate broken", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.SetGate(ctx, "g.yaml", []byte("schema: awase.gate/v1\nk: 60\nnone: 3\n"))
		}},
		{"gate set", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.SetGate(ctx, "g.yaml", []byte("schema: awase.gate/v1\nk: 60\ntick: 1s\n"))
		}},
		{"party", op, func(ctx context.Context, a asked) (any, error) { return a.e.AddParty(ctx, party) }},
		{"party again", op, func(ctx context.Context, a asked) (any, error) { return a.e.AddParty(ctx, party) }},
		{"list", acme, func(ctx context.Context, a asked) (any, error) {
			return a.e.LoadList(ctx, wire.ListRequest{Entrustment: "spring", Name: "second"}, bytes.NewReader(a.SealedList("second", 1200)))
		}},
		{"list of another name", acme, func(ctx context.Context, a asked) (any, error) {
			return a.e.LoadList(ctx, wire.ListRequest{Entrustment: "spring", Name: "third"}, bytes.NewReader(a.SealedList("second", 1200)))
		}},
		{"list that is cut", acme, func(ctx context.Context, a asked) (any, error) {
			whole := a.SealedList("cut", 1200)
			return a.e.LoadList(ctx, wire.ListRequest{Entrustment: "spring", Name: "cut"}, bytes.NewReader(whole[:len(whole)-100]))
		}},
		{"base", op, func(ctx context.Context, a asked) (any, error) {
			s, err := entrustment.ParseBaseSchema("base.json", []byte(apitest.BaseDoc))
			if err != nil {
				return nil, err
			}
			return a.e.LoadBase(ctx, s, bytes.NewReader(a.SealedBase(3000)))
		}},
		{"own events", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.LoadEvents(ctx, wire.EventsRequest{}, bytes.NewReader(a.SealedEvents(500)))
		}},
		{"own logs", op, func(ctx context.Context, a asked) (any, error) { return a.e.EventLogs(ctx, "") }},
		{"price", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Price(ctx, question(t, profile), 1000) }},
		{"price under none", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Price(ctx, strange(profile), 0) }},
		{"price of no list", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Price(ctx, noList, 0) }},
		{"price forbidden", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Price(ctx, forbidden, 0) }},
		{"report of no list", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Report(ctx, noList) }},
		{"report forbidden", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Report(ctx, forbidden) }},
		{"report", acme, func(ctx context.Context, a asked) (any, error) {
			r, err := a.e.Report(ctx, question(t, overlap))
			if err != nil {
				return nil, err
			}
			raw, err := json.Marshal(r)
			if err != nil {
				return nil, err
			}
			if _, err := receipt.VerifyFile(raw, nil); err != nil { // its bytes are those that were signed
				return nil, err
			}
			return struct{ Report, Recipient string }{r.Report, r.Question.Recipient}, nil
		}},
		{"reserve", acme, reserve("held", question(t, profile))},
		{"reserve again", acme, reserve("held", question(t, profile))},
		{"reserve by no name", acme, reserve("No Name", question(t, profile))},
		{"price of what is held", acme, func(ctx context.Context, a asked) (any, error) { return a.e.PriceReserved(ctx, "spring/held", 500) }},
		{"price of nothing held", acme, func(ctx context.Context, a asked) (any, error) { return a.e.PriceReserved(ctx, "spring/none", 0) }},
		{"nothing held", acme, func(ctx context.Context, a asked) (any, error) { return a.e.ReportReserved(ctx, "nobody/none") }},
		{"ask what is held", acme, func(ctx context.Context, a asked) (any, error) {
			r, err := a.e.ReportReserved(ctx, "spring/held")
			if err != nil {
				return nil, err
			}
			return r.Question, nil
		}},
		{"hold another", acme, reserve("other", question(t, "report: profile\ndims: [area]\n"))},
		{"free", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Free(ctx, "spring/other") }},
		{"free nothing", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Free(ctx, "spring/none") }},
		{"own ledger", acme, func(ctx context.Context, a asked) (any, error) {
			return a.e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
		}},
		{"ledger", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.Ledger(ctx, wire.LedgerRequest{Officer: true})
		}},
		{"ledger of a group", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
		}},
		{"ledger of no group", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.Ledger(ctx, wire.LedgerRequest{Group: "nobody"})
		}},
		{"clock", op, func(ctx context.Context, a asked) (any, error) { return a.e.AcceptClock(ctx) }},
		{"log key", acme, func(ctx context.Context, a asked) (any, error) {
			k, err := a.e.LogKey(ctx)
			return k != "", err
		}},
		{"log", acme, func(ctx context.Context, a asked) (any, error) {
			first, err := a.e.Log(ctx, wire.LogRequest{Party: "acme", Limit: 3})
			if err != nil || first.Next == 0 {
				return first, err
			}
			rest, err := a.e.Log(ctx, wire.LogRequest{Party: "acme", From: first.Next})
			return append(first.Entries, rest.Entries...), err
		}},
		{"log from", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.Log(ctx, wire.LogRequest{From: 2, Limit: 4})
		}},
		{"log, all", op, func(ctx context.Context, a asked) (any, error) { return a.e.Log(ctx, wire.LogRequest{}) }},
		{"log of no length", op, func(ctx context.Context, a asked) (any, error) { return a.e.Log(ctx, wire.LogRequest{Limit: 501}) }},
		{"inclusion", acme, func(ctx context.Context, a asked) (any, error) {
			raw, err := a.e.Inclusion(ctx, 2)
			if err != nil {
				return nil, err
			}
			p, _, err := receipt.VerifyInclusion(raw, nil)
			if err != nil {
				return nil, err
			}
			return p.Index, nil
		}},
		{"no entry", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Inclusion(ctx, 1<<40) }},
		{"proof", acme, func(ctx context.Context, a asked) (any, error) { return valid(a.e.LogProof(ctx, 2, 0)) }},
		{"no proof", acme, func(ctx context.Context, a asked) (any, error) { return valid(a.e.LogProof(ctx, 1<<40, 0)) }},
		{"checkpoint", acme, func(ctx context.Context, a asked) (any, error) {
			raw, err := a.e.Checkpoint(ctx)
			return strings.Count(string(raw), "\n"), err
		}},
		{"attestation", acme, func(ctx context.Context, a asked) (any, error) {
			raw, err := a.e.Attestation(ctx, "nonce-1")
			if err != nil {
				return nil, err
			}
			_, err = receipt.VerifyAttestation(raw, "nonce-1", nil)
			return err == nil, err
		}},
		{"no nonce", acme, func(ctx context.Context, a asked) (any, error) { return valid(a.e.Attestation(ctx, "no nonce")) }},
		{"drafts", op, func(ctx context.Context, a asked) (any, error) { return a.e.Drafts(ctx) }},
		{"no draft", op, func(ctx context.Context, a asked) (any, error) { return a.e.Approve(ctx, wire.Approval{Draft: "none"}) }},
		{"nothing to lift", op, func(ctx context.Context, a asked) (any, error) { return a.e.Lift(ctx) }},
		{"freeze", op, func(ctx context.Context, a asked) (any, error) { return a.e.Freeze(ctx, wire.FreezeRequest{}) }},
		{"frozen", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Frozen(ctx) }},
		{"report of a frozen room", acme, func(ctx context.Context, a asked) (any, error) {
			return a.e.Report(ctx, question(t, "report: profile\ndims: [area]\n"))
		}},
		{"lift", op, func(ctx context.Context, a asked) (any, error) { return a.e.Lift(ctx) }},
		{"who signs the end", acme, func(ctx context.Context, a asked) (any, error) { return a.e.ToSign(ctx, "end", "spring") }},
		{"no end", acme, func(ctx context.Context, a asked) (any, error) { return valid(a.e.Certificate(ctx, "spring")) }},
		{"end of none", acme, func(ctx context.Context, a asked) (any, error) {
			return valid(a.e.EndEntrustment(ctx, "nobody", wire.ByOfficer{}))
		}},
		{"end", acme, func(ctx context.Context, a asked) (any, error) {
			raw, err := a.e.EndEntrustment(ctx, "spring", wire.ByOfficer{})
			if err != nil {
				return nil, err
			}
			c, err := receipt.VerifyDestruction(raw, nil)
			if err != nil {
				return nil, err
			}
			return c.Segments, nil
		}},
		{"certificate", acme, func(ctx context.Context, a asked) (any, error) { return valid(a.e.Certificate(ctx, "spring")) }},
		{"request of the operator's", op, func(ctx context.Context, a asked) (any, error) {
			raw, err := a.e.Request(ctx, wire.RightsRequest{Check: checked, Sealed: a.SealedRequest(seal.Stop, "u1")})
			if err != nil {
				return nil, err
			}
			r, err := receipt.VerifyRequest(raw, nil)
			if err != nil {
				return nil, err
			}
			return []any{r.Number, r.Kind, r.Statement}, nil
		}},
		{"no request", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.Request(ctx, wire.RightsRequest{Check: checked, Sealed: []byte("no sealed file")})
		}},
		{"request that was not checked", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.Request(ctx, wire.RightsRequest{Check: wire.IdentityCheck{Method: "hearsay", On: checked.On, By: checked.By}, Sealed: a.SealedRequest(seal.Stop, "u1")})
		}},
		{"requests", op, func(ctx context.Context, a asked) (any, error) {
			all, err := a.e.Requests(ctx)
			for i := range all {
				all[i].Check.By, all[i].Seq = "", 0 // of this process, or of the account; the service tells some refusals, which the log then lacks
			}
			return all, err
		}},
		{"receipt of a request", op, func(ctx context.Context, a asked) (any, error) { return valid(a.e.RequestReceipt(ctx, 1)) }},
		{"receipt of none", op, func(ctx context.Context, a asked) (any, error) { return valid(a.e.RequestReceipt(ctx, 9)) }},
		{"no desk", op, func(ctx context.Context, a asked) (any, error) { return a.e.DeskKey(ctx) }},
		{"a disclosure without a desk", op, func(ctx context.Context, a asked) (any, error) {
			return a.e.Request(ctx, wire.RightsRequest{Check: checked, Sealed: a.SealedRequest(seal.Disclosure, "u1")})
		}},
		{"desk key", op, func(ctx context.Context, a asked) (any, error) {
			ack, err := a.e.SetDeskKey(ctx, desk(t).Public())
			ack.Seq = 0
			return ack, err
		}},
		{"the desk's key", op, func(ctx context.Context, a asked) (any, error) {
			k, err := a.e.DeskKey(ctx)
			if err != nil {
				return nil, err
			}
			return []any{k.Fingerprint, k.Version}, nil
		}},
		{"disclosure asked for", op, func(ctx context.Context, a asked) (any, error) {
			raw, err := a.e.Request(ctx, wire.RightsRequest{Check: checked, Sealed: a.SealedRequest(seal.Disclosure, "u1", "nobody")})
			if err != nil {
				return nil, err
			}
			r, err := receipt.VerifyRequest(raw, nil)
			if err != nil {
				return nil, err
			}
			return []any{r.Number, r.Kind, r.Disclosed != nil}, nil
		}},
		{"disclosure", op, func(ctx context.Context, a asked) (any, error) {
			raw, err := a.e.Disclosure(ctx, 2)
			if err != nil {
				return nil, err
			}
			_, content, err := seal.OpenDisclosure(raw, desk(t))
			return string(content), err
		}},
		{"disclosure of none", op, func(ctx context.Context, a asked) (any, error) { return a.e.Disclosure(ctx, 9) }},
		{"disclosed again", op, func(ctx context.Context, a asked) (any, error) { return a.e.Disclose(ctx, 2) }},
		{"price after the end", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Price(ctx, question(t, profile), 0) }},
		{"terms after the end", acme, func(ctx context.Context, a asked) (any, error) { return ownTerms(a.e.Terms(ctx, "spring")) }},
		// The service tells who names an entrustment that is not theirs: the enclave is not asked, and logs nothing.
		{"report under none", acme, func(ctx context.Context, a asked) (any, error) { return a.e.Report(ctx, strange(overlap)) }},
		{"reserve under none", acme, reserve("none", strange(profile))},
	}
}

// desk is the key of the privacy desk.
func desk(t testing.TB) seal.PrivateKey {
	t.Helper()
	key, err := seal.DeriveKey(seal.XWing, [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// differs are moments, keys, vaults and hashes, which are of one room alone, and who
// asked, which a room's own process does not know.
var differs = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d JST|[0-9a-f]{64}|"key":"[^"]*"|"vault":"[0-9a-f]+",?|"asked_by":"[a-z]+",|,"asked_by":"[a-z]+"`)

// TestRoomConforms: over the network the same acts on a twin of a room get the same
// answers and the same refusals (code, clause, field, mend) as in the room's own
// process.
func TestRoomConforms(t *testing.T) {
	here, there := apitest.Start(t), apitest.Start(t)
	here.Furnish()
	there.Furnish()
	over, phases := map[string]*client.Room{}, map[string]bool{}
	for _, party := range []string{apitest.Operator, apitest.Acme} {
		c, err := client.New(there.URL, client.Options{Token: there.Token(everybody(party))})
		if err != nil {
			t.Fatal(err)
		}
		over[party] = c.Room(t.TempDir(), nil)
		over[party].OnProgress(func(phase string, done, of int64) {
			if done < 0 || done > of {
				t.Errorf("%s: %d of %d", phase, done, of)
			}
			phases[phase] = phases[phase] || done == of
		})
	}
	refused, byContract := 0, 0
	for _, a := range acts(t) {
		want, werr := a.do(t.Context(), asked{here, here.Enclave})
		got, gerr := a.do(t.Context(), asked{there, over[a.who]})
		if werr == nil && gerr == nil {
			if w, g := plain(t, want), plain(t, got); w != g {
				t.Errorf("%s: in its process\n%s\nover the network\n%s", a.name, w, g)
			}
		}
		w, wok := errors.AsType[*entrustment.Error](werr)
		g, gok := errors.AsType[*entrustment.Error](gerr)
		if wok != gok || (werr == nil) != (gerr == nil) {
			t.Errorf("%s: in its process %v, over the network %v", a.name, werr, gerr)
			continue
		}
		if !wok {
			continue
		}
		refused++
		if w.Contract.Clause != "" {
			byContract++
		}
		if w.Code != g.Code || w.Clause != g.Clause || w.Contract != g.Contract || w.Field != g.Field || differs.ReplaceAllString(w.Mend, "") != differs.ReplaceAllString(g.Mend, "") || differs.ReplaceAllString(w.Detail, "") != differs.ReplaceAllString(g.Detail, "") {
			t.Errorf("%s: in its process\n%v\nover the network\n%v", a.name, w, g)
		}
	}
	if !phases["sending"] || !phases["loading"] {
		t.Errorf("told of %v", phases)
	}
	if refused < 20 || byContract < 2 {
		t.Errorf("only %d refusals were compared, %d by a contract", refused, byContract)
	}
}

func plain(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) == "null" { // an empty list
		raw = []byte("[]")
	}
	return differs.ReplaceAllString(string(raw), "")
}

// ownTerms leaves out of terms which parties' event logs are taken: over the network they
// are of who asks alone.
func ownTerms(t wire.Terms, err error) (any, error) {
	t.Loggers = nil
	return t, err
}
