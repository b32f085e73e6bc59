package enclave

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/aggregator"
	"awase/crypto/approval"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// logParties are the parties of a made-up room: each has a number that marks what
// is its own, and the groups of gamma and agency are one. worker runs a flow for the
// operator, helper and host are sub-trustees.
var logParties = []string{"operator", "acme", "beta", "gamma", "agency", "worker", "helper", "host"}

func groupOf(party string) string {
	if party == "agency" {
		return "gamma"
	}
	return party
}

// mark is a number that stands in the log for a party's own: of its list, of its
// log, of its budget.
func mark(party string) int64 { return 7_000_000 + 1000*int64(slices.Index(logParties, party)) }

// marked are the parties whose numbers a text holds.
func marked(text string) (out []string) {
	for _, p := range logParties {
		if regexp.MustCompile(`\b` + fmt.Sprint(mark(p)) + `\b`).MatchString(text) {
			out = append(out, p)
		}
	}
	return out
}

// written is a made-up log, and of each entry whom it concerns.
type written struct {
	records  []vault.Record
	concerns [][]string // but for officers of the operator
	kinds    map[string]bool
}

const hidden = "hidden-from-everybody"

func (w *written) add(kind string, body any, concerns ...string) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	w.records = append(w.records, vault.Record{Seq: int64(len(w.records)), Time: time.Unix(1, 0), Kind: kind, Body: raw})
	w.concerns = append(w.concerns, concerns)
	w.kinds[kind] = true
}

// writeLog makes a log of random acts.
func writeLog(rng *rand.Rand, like *entrustment.Contract) *written {
	w := &written{kinds: map[string]bool{}}
	pick := func(of []string) string { return of[rng.IntN(len(of))] }
	officers := []entrustment.Officer{{Name: hidden, Key: hidden}}
	for _, p := range logParties {
		class := entrustment.ClassClient
		if p == "operator" {
			class = entrustment.ClassOperator
		} else if slices.Contains([]string{"worker", "helper", "host"}, p) {
			class = entrustment.ClassTrustee
		}
		kind := kindParty
		if class == entrustment.ClassOperator {
			kind = kindCeremony
		}
		w.add(kind, entrustment.Party{Schema: entrustment.SchemaParty, ID: p, Class: class, Group: groupOf(p), Country: "JP", Officers: officers}, p)
	}
	contracts := map[string]*entrustment.Contract{}
	owner := func(c *entrustment.Contract) string { return c.Basis[1].Party } // of its lists
	roles := func(id string) []string {
		c := contracts[id]
		return append([]string{c.Principal, c.Trustee, owner(c)}, c.Recipients...)
	}
	subs := func(id string) (out []string) {
		for _, s := range contracts[id].SubTrustees {
			out = append(out, s.Party)
		}
		return out
	}
	clients := logParties[1:5]
	for i := range 5 {
		of := *like
		c := &of
		c.ID, c.Principal, c.Recipients = fmt.Sprint("e", i), pick(clients), []string{pick(clients)}
		if rng.IntN(2) == 0 {
			c.Recipients = append(c.Recipients, pick(clients))
		}
		c.Basis = []entrustment.Basis{{Party: "operator"}, {Party: c.Principal}}
		if i == 4 { // of which the owner of the lists is neither side nor, often, a recipient
			c.Flow, c.Runs, c.Principal, c.Trustee = entrustment.FlowOutsourcing5, entrustment.FlowImprovement5, "operator", "worker"
		}
		if i > 0 {
			c.SubTrustees = []entrustment.SubTrustee{{Party: "helper", Work: []entrustment.Work{entrustment.WorkAsk}}, {Party: "host", Work: []entrustment.Work{entrustment.WorkOperate}}}[:1+i%2]
		}
		contracts[c.ID] = c
		w.add(kindEntrust, entrustRecord{c, 1}, append(roles(c.ID), subs(c.ID)...)...)
	}
	ids := []string{"e0", "e1", "e2", "e3", "e4"}
	drafts := map[string][]string{}
	lists := map[string]string{}
	for range 120 {
		id := pick(ids)
		c := contracts[id]
		reader := pick(c.Recipients)
		spenders := slices.DeleteFunc(slices.Clone(logParties), func(p string) bool { return groupOf(p) != groupOf(reader) })
		n := mark(reader)
		asker := pick(append([]string{c.Trustee, reader}, subs(id)...))
		switch rng.IntN(22) {
		case 0:
			l := listRecord{Entrustment: id, Name: "l", Party: owner(c), Rows: mark(owner(c)), Tokens: mark(owner(c)), Segment: vault.SegmentRef{ID: hidden}}
			lists[id] = owner(c)
			w.add(kindList, l, roles(id)...)
		case 1:
			l := eventsRecord{Entrustment: id, Party: owner(c), Rows: mark(owner(c)), Segment: vault.SegmentRef{ID: hidden}}
			w.add(kindEvents, l, roles(id)...)
		case 2:
			w.add(kindEvents, eventsRecord{Entrustment: "@base", Party: "operator", Rows: mark("operator")}, "operator")
		case 3:
			if lists[id] != "" {
				w.add(kindUpload, upload{Became: kindList + " " + id + "/l"}, lists[id])
			}
		case 4:
			ch := aggregator.Charge{RhoNano: n, DeltaE15: n, Accounts: []aggregator.Account{{Recipient: groupOf(reader), Owner: "operator"}, {Recipient: groupOf(reader), Owner: "acme"}},
				For: aggregator.Purpose{Entrustment: id, Report: "profile", Where: fmt.Sprint(n), AskedBy: asker}}
			w.add(kindCharge, chargeRecord{[]aggregator.Charge{ch, ch}}, slices.Concat(roles(id), spenders, []string{asker})...)
		case 5:
			w.add(kindTable, aggregator.Table{RhoNano: n, Cube: []int64{n}})
		case 6:
			w.add(kindAlarm, aggregator.Alarm{Kind: aggregator.AlarmGlobal, Owners: []string{"acme"}})
		case 7:
			r := aggregator.Reservation{Name: id + "/r", Question: entrustment.Question{Entrustment: id, List: fmt.Sprint(n)}, Held: []aggregator.Held{{Account: aggregator.Account{Recipient: groupOf(reader)}, RhoNano: n}}}
			w.add(kindReserve, r, spenders...)
			w.add(kindFree, freeRecord{id + "/r"}, spenders...)
		case 8:
			only := c.Recipients
			if len(only) > 1 {
				only = nil
			}
			w.add(kindRefusal, refusalRecord{Act: "report", Entrustment: id, Code: entrustment.CodeBudget}, only...)
			w.add(kindRefusal, refusalRecord{Act: "report", Entrustment: id, Code: entrustment.CodeBudget, AskedBy: asker}, append(only, asker)...)
			w.add(kindRefusal, refusalRecord{Act: "list", Entrustment: id, Code: entrustment.CodeFile}, owner(c))
			w.add(kindRefusal, refusalRecord{Act: "report", Entrustment: id, Code: entrustment.CodeInternal, Clause: "a reason"})
			w.add(kindRefusal, refusalRecord{Act: "end", Entrustment: id, Code: entrustment.CodeGone}, c.Principal, c.Trustee)
			w.add(kindRefusal, refusalRecord{Act: "report", Code: entrustment.CodeNotFound}, "operator")
		case 9:
			w.add(kindReport, reportRecord{Entrustment: id, Recipient: reader, RhoNano: n, DeltaE15: n, Table: fmt.Sprint(n), Segment: vault.SegmentRef{ID: hidden}, AskedBy: asker}, append(roles(id), asker)...)
		case 10:
			w.add(kindEnd, endRecord{Entrustment: id, Segments: []string{hidden}, By: &byOfficer{Party: c.Principal, Officer: hidden, Key: hidden}}, append(roles(id), subs(id)...)...)
		case 11:
			s := approval.Statement{Schema: approval.Schema, Vault: "v", Act: kindEntrust, ID: id, Document: fmt.Sprint(len(w.records)), Version: 2, Nonce: "0123456789abcdef", Expires: "2026-01-01T00:00:00Z"}
			doc, err := json.Marshal(c)
			if err != nil {
				panic(err)
			}
			message, err := s.Message()
			if err != nil {
				panic(err)
			}
			drafts[approval.Hash(message)] = c.Signers()
			w.add(kindDraft, draftRecord{s, doc}, c.Signers()...)
		case 12:
			for hash, who := range drafts {
				w.add(kindApproval, approvalRecord{Draft: hash, Party: who[0], Officer: hidden, Key: hidden}, who...)
				if len(drafts) > 1 {
					w.add(kindWithdraw, withdrawRecord{hash}, who...)
					delete(drafts, hash)
				}
				break
			}
		case 13:
			w.add(kindFreeze, freezeRecord{byOfficer: byOfficer{Party: "acme", Officer: hidden, Key: hidden}}, "acme")
			w.add(kindLift, liftRecord{}, "operator")
		case 14:
			w.add(kindBase, baseRecord{Users: mark("operator"), Segment: vault.SegmentRef{ID: hidden}, UserKeys: &userKeysRecord{Segment: vault.SegmentRef{ID: hidden}}, Hashes: []hashesRecord{{Kind: "email", Segment: vault.SegmentRef{ID: hidden}}}}, "operator")
			w.add(kindForget, forgetRecord{Base: 1, Kinds: []string{"email"}}, "operator")
		case 15:
			w.add(kindRotation, rotationRecord{2, &byOfficer{Officer: hidden, Key: hidden}}, "operator")
		case 16:
			w.add(kindBackup, backupRecord{entrustment.Date{Year: 2030, Month: 1, Day: 1}, 3}, "operator")
		case 17:
			w.add(kindRequest, requestRecord{Number: 1}, "operator")
		case 18:
			w.add(kindLost, lostRecord{[]string{hidden}}, "operator")
			w.add(kindConfirm, confirmRecord{Stands: &standing{Officers: map[string]string{hidden: hidden}}}, "operator")
		case 19:
			w.add(kindPolicies, entrustment.Policies{}, "operator")
			w.add(kindGate, gateRecord{"schema: awase.gate/v1\n"}, "operator")
		case 20:
			w.add(vault.KindClock, vault.ClockRecord{Boot: hidden}, "operator")
			w.add(vault.KindRestore, vault.RestoreRecord{Lost: true}, "operator")
		case 21: // another version, with another recipient, without its sub-trustees: it opens and closes nothing of before
			next := *c
			next.Recipients = []string{pick(clients)}
			contracts[id] = &next
			if rng.IntN(2) == 0 {
				next.SubTrustees = nil
			}
			w.add(kindEntrust, entrustRecord{&next, 2}, append(roles(id), subs(id)...)...)
		}
	}
	return w
}

// checkShown holds what each party reads of a log to what may be read of it.
func checkShown(w *written, visible func(viewer, *vault.Record, *place) (any, bool)) error {
	j := newJournal()
	j.visible = visible
	for _, reader := range append([]string{""}, logParties...) {
		seen := map[int64]bool{}
		for from, more := int64(0), true; more; {
			page, err := j.page(w.records, wire.LogRequest{Party: reader, From: from, Limit: 7})
			if err != nil {
				return err
			}
			for _, e := range page.Entries {
				seen[e.Seq] = true
				if reader != "" && !slices.Contains(w.concerns[e.Seq], reader) {
					return fmt.Errorf("%s reads entry %d, a %s", reader, e.Seq, e.Kind)
				}
				text := string(e.Detail)
				if strings.Contains(text, hidden) {
					return fmt.Errorf("%q reads in entry %d, a %s: %s", reader, e.Seq, e.Kind, text)
				}
				for _, of := range marked(text) {
					// Officers of the operator watch all budgets, and no list but their own.
					budget := slices.Contains([]string{kindCharge, kindTable, kindReserve}, e.Kind)
					mine := of == reader || reader == "" && (of == "operator" || budget) || reader != "" && budget && groupOf(of) == groupOf(reader)
					if !mine {
						return fmt.Errorf("%q reads a number of %s in entry %d, a %s: %s", reader, of, e.Seq, e.Kind, text)
					}
				}
			}
			from, more = page.Next, page.Next != 0
		}
		for seq, who := range w.concerns {
			if (reader == "" || slices.Contains(who, reader)) && !seen[int64(seq)] {
				return fmt.Errorf("%q does not read entry %d, a %s", reader, seq, w.records[seq].Kind)
			}
		}
	}
	return nil
}

// TestLogShown: of any log each party reads exactly the entries that concern it, no
// number of another party, and nobody's name, key or segment. Each way to decide
// more loosely is found out.
func TestLogShown(t *testing.T) {
	t.Parallel()
	all, like := map[string]bool{}, parse(t, entrustment.ParseContract, oracleContract)
	mutants := map[string]func(viewer, *vault.Record, *place) (any, bool){
		"everything to everybody": func(_ viewer, r *vault.Record, p *place) (any, bool) { return r.Body, true },
		"a role owns": func(v viewer, r *vault.Record, p *place) (any, bool) {
			v.owner = v.owner || v.role
			return shown(v, r, p)
		},
		"a role spends": func(v viewer, r *vault.Record, p *place) (any, bool) {
			v.spender = v.spender || v.role
			return shown(v, r, p)
		},
		"a sub-trustee is a side": func(v viewer, r *vault.Record, p *place) (any, bool) {
			v.role = v.role || v.sub
			return shown(v, r, p)
		},
		"who asked reads": func(v viewer, r *vault.Record, p *place) (any, bool) {
			v.owner = v.owner || v.asker
			return shown(v, r, p)
		},
		"who asked spends": func(v viewer, r *vault.Record, p *place) (any, bool) {
			v.spender = v.spender || v.asker
			return shown(v, r, p)
		},
		"officers own": func(v viewer, r *vault.Record, p *place) (any, bool) {
			v.owner = v.owner || v.officer
			return shown(v, r, p)
		},
		"all are officers": func(v viewer, r *vault.Record, p *place) (any, bool) {
			v.officer = true
			return shown(v, r, p)
		},
		"the record as it is": func(v viewer, r *vault.Record, p *place) (any, bool) {
			_, ok := shown(v, r, p)
			return r.Body, ok
		},
		"nothing": func(viewer, *vault.Record, *place) (any, bool) { return nil, false },
	}
	caught := map[string]int{}
	for seed := range uint64(40) {
		w := writeLog(rand.New(rand.NewPCG(7, seed)), like)
		if err := checkShown(w, shown); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		for name, m := range mutants {
			if checkShown(w, m) != nil {
				caught[name]++
			}
		}
		for k := range w.kinds {
			all[k] = true
		}
	}
	for name := range mutants {
		if caught[name] == 0 {
			t.Errorf("nothing tells that %s", name)
		}
	}
	for _, k := range []string{kindParty, kindPolicies, kindGate, kindEntrust, kindBase, kindList, kindEvents, kindUpload, kindCharge, kindTable, kindAlarm, kindReserve, kindFree, kindRefusal,
		kindEnd, kindRotation, kindRequest, kindBackup, kindLost, kindConfirm, kindReport, kindCeremony, kindDraft, kindApproval, kindWithdraw, kindFreeze, kindLift, vault.KindClock, vault.KindRestore} {
		if !all[k] {
			t.Errorf("no log had a %s", k)
		}
	}
	// What a newer version writes is shown to nobody.
	if _, ok := shown(viewer{true, true, true, true, true, true}, &vault.Record{Kind: "new", Body: []byte("{}")}, &place{}); ok {
		t.Error("an unknown kind is shown")
	}
}
