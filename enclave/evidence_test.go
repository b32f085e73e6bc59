package enclave

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// evidenceOf asks for evidence, verifies it and reads it.
func evidenceOf(t *testing.T, e *Enclave, req wire.EvidenceRequest) (*wire.EvidenceFile, []byte) {
	t.Helper()
	raw, err := e.Evidence(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.VerifyEvidence(raw, e.vault.Signer().Public()); err != nil {
		t.Fatal(err)
	}
	f := new(wire.EvidenceFile)
	if err := json.Unmarshal(raw, f); err != nil {
		t.Fatal(err)
	}
	return f, raw
}

// TestEvidence: the evidence of an entrustment for each side and for the operator's
// officers, the same bytes each time, and all of it still there after the end.
func TestEvidence(t *testing.T) {
	e := openCrowd(t)
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Fatal(err)
	}
	secondRoom(t, e)        // another entrustment, which this is not of
	const another = `"own"` // a list that it alone has; with its quotes, as base64 has the letters by chance
	if _, raw := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "f"}); !strings.Contains(string(raw), another) {
		t.Fatalf("its own evidence doesn't name the list: %s", raw)
	}
	for _, party := range []string{"", "acme", "operator"} {
		f, raw := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e", Party: party})
		if len(f.Contracts) != 1 || len(f.Uploads) != 1 || len(f.Releases) != 1 || len(f.Provisions) != 2 || len(f.Parties) != 2 || len(f.Ends) != 0 || f.Operator != "operator" || !f.Dev {
			t.Errorf("%q: %s", party, raw)
		}
		if owner := party == "acme"; (f.Uploads[0].Rows > 0) != owner || (f.Releases[0].Table != "") != owner {
			t.Errorf("%q: rows %d, table %q", party, f.Uploads[0].Rows, f.Releases[0].Table)
		}
		if spent := party != "operator"; (len(f.Accounts) == 1) != spent {
			t.Errorf("%q: accounts %+v", party, f.Accounts)
		}
		if slices.ContainsFunc(f.Entries, func(l wire.EvidenceEntry) bool { return l.Entrustment == "f" }) || strings.Contains(string(raw), another) {
			t.Errorf("%q: an entry of another entrustment", party)
		}
		if _, again := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e", Party: party}); !bytes.Equal(raw, again) {
			t.Errorf("%q: the same evidence is other bytes", party)
		}
		for _, p := range f.Provisions {
			at, err := time.Parse(time.RFC3339, p.At)
			if err != nil || p.From == p.To || p.Country.Country != "JP" || len(p.Items) == 0 || len(p.Basis) != 2 || p.Keep != entrustment.DateOf(at.In(entrustment.JST).AddDate(keepYears, 0, 0)) {
				t.Errorf("%+v", p)
			}
		}
	}
	for _, of := range []wire.EvidenceRequest{{Entrustment: "e", Party: "beta"}, {Entrustment: "nobody", Party: "acme"}, {Entrustment: "nobody"}} {
		_, err := e.Evidence(t.Context(), of)
		refused := wantCode(t, fmt.Sprint(of), err, entrustment.CodeNotFound)
		if refused != nil && refused.Detail != "there is no entrustment "+entrustment.Quote(of.Entrustment) {
			t.Errorf("%+v: %s", of, refused.Detail)
		}
	}
	before, _ := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e"})
	if _, err := e.EndEntrustment(t.Context(), "e", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	after, raw := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e"})
	if len(after.Provisions) != len(before.Provisions) || len(after.Releases) != 1 || len(after.Ends) != 1 || after.Ends[0].Entrustment != "e" {
		t.Errorf("after the end: %s", raw)
	}
}

// TestEvidenceOfSubTrustees: what a sub-trustee did stands by the version that it did
// it under, for the sides and the operator's officers; it is given the versions that
// name it and its own acts, no upload, no table and nothing of others.
func TestEvidenceOfSubTrustees(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	if _, err := e.AddParty(t.Context(), helper()); err != nil {
		t.Fatal(err)
	}
	version := func(change ...func(*entrustment.Contract)) {
		t.Helper()
		c := parse(t, entrustment.ParseContract, oracleContract)
		for _, f := range change {
			f(c)
		}
		if _, err := e.Entrust(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(party string, dims ...string) error {
		_, err := e.report(t.Context(), &demand{question: question(func(q *entrustment.Question) {
			if q.Dims, q.Index = dims, false; dims == nil {
				q.Report = entrustment.ReportOverlap
			}
		}), party: party})
		return err
	}
	if err := ask("operator"); err != nil {
		t.Fatal(err)
	}
	version(helped(10)) // 2
	if err := ask("helper", "gender"); err != nil {
		t.Fatal(err)
	}
	version(helped(20)) // 3
	wantCode(t, "what is not named", ask("helper", "年収"), entrustment.CodeDimForbidden)
	version() // 4
	wantCode(t, "taken out", ask("helper", "gender"), entrustment.CodeForbidden)
	for _, party := range []string{"", "acme", "operator", "helper"} {
		f, raw := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e", Party: party})
		s := f.SubTrustees
		refused := party != "operator" // which is not the question's reader, nor who asked
		if len(s) != 2 || s[0].Version != 2 || s[1].Version != 3 || s[0].Party != "helper" || s[0].From != f.Contracts[0].Contract.From || s[0].Until == s[1].Until ||
			s[0].Charges != 1 || s[0].Releases != 1 || s[0].Refusals != 0 || s[1].Charges != 0 || (s[1].Refusals == 1) != refused || s[1].Refusals > 1 {
			t.Errorf("%q: %+v", party, s)
		}
		if party != "helper" {
			if len(f.Contracts) != 4 || len(f.Uploads) != 1 || len(f.Releases) != 2 {
				t.Errorf("%q: %s", party, raw)
			}
			continue
		}
		if len(f.Contracts) != 2 || len(f.Uploads)+len(f.Accounts) != 0 || len(f.Releases) != 1 || f.Releases[0].Table != "" || len(f.Asks) != 4 {
			t.Errorf("the sub-trustee: %s", raw)
		}
		for _, a := range f.Asks {
			if a.Party != "helper" {
				t.Errorf("the sub-trustee is told of %+v", a)
			}
		}
	}
}

// TestEvidencePeriod: the days bound what stands in it, in Japan's time.
func TestEvidencePeriod(t *testing.T) {
	e := openCrowd(t)
	today := entrustment.DateOf(e.vault.Log().Now())
	whole, _ := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e"})
	if len(whole.Entries) == 0 {
		t.Fatal("no entries")
	}
	for _, p := range []struct {
		from, to entrustment.Date
		entries  int
	}{{today.Add(-1), today.Add(1), len(whole.Entries)}, {today.Add(2), entrustment.Date{}, 0}, {entrustment.Date{}, today.Add(-2), 0}} {
		f, _ := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e", From: p.from, To: p.to})
		if len(f.Entries) != p.entries || p.entries == 0 && len(f.Uploads)+len(f.Provisions) > 0 {
			t.Errorf("%s to %s: %d entries", p.from, p.to, len(f.Entries))
		}
	}
}

// TestIncident: the export of an incident has every entrustment, whose each upload
// is and how many rows it had; and is for the operator's people alone.
func TestIncident(t *testing.T) {
	e := openCrowd(t)
	secondRoom(t, e)
	if _, err := e.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
		t.Fatal(err)
	}
	day := entrustment.DateOf(e.vault.Log().Now())
	f, raw := evidenceOf(t, e, wire.EvidenceRequest{From: day.Add(-1), To: day.Add(1)})
	kinds := map[string]bool{}
	for _, l := range f.Entries {
		kinds[l.Kind] = true
	}
	if len(f.Contracts) != 2 || len(f.Uploads) != 4 || !kinds[kindFreeze] || !kinds[kindList] || int64(len(f.Entries)) != f.Size {
		t.Errorf("%s", raw)
	}
	for _, u := range f.Uploads {
		if u.Rows == 0 || u.Party == "" {
			t.Errorf("%+v", u)
		}
	}
	for _, r := range []wire.EvidenceRequest{{}, {From: day}, {To: day}, {From: day, To: day.Add(-1)}} {
		_, err := e.Evidence(t.Context(), r)
		wantCode(t, fmt.Sprint(r), err, entrustment.CodeSpec)
	}
	_, err := e.Evidence(t.Context(), wire.EvidenceRequest{Party: "acme", From: day, To: day})
	wantCode(t, "an incident for a client", err, entrustment.CodeForbidden)
}

// TestEvidenceApprovals: a version stands with the signatures that made it
// effective, which verify; a party whose officers don't sign is not shown them.
func TestEvidenceApprovals(t *testing.T) {
	r := newSignedRoom(t)
	r.furnish(t)
	for _, party := range []string{"", "acme"} {
		f, raw := evidenceOf(t, r.Enclave, wire.EvidenceRequest{Entrustment: "e", Party: party})
		if len(f.Contracts) != 1 || f.Contracts[0].Statement == nil || len(f.Contracts[0].Approvals) != 2 {
			t.Fatalf("%q: %s", party, raw)
		}
		c := f.Contracts[0]
		if c.Document != c.Statement.Document || c.Version != c.Statement.Version {
			t.Errorf("%q: the statement is of another document", party)
		}
		message, err := c.Statement.Message()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range c.Approvals {
			if err := verify(r.state.pinned[a.Key], message, a.Signature); err != nil {
				t.Errorf("%s: %v", a.Party, err)
			}
		}
	}
	f := &file{EvidenceFile: wire.EvidenceFile{Entrustment: "e", Party: "reader"}, records: r.vault.Log().Records()}
	got, err := f.approvals(map[string]bool{"e": true})
	if err != nil || len(got) != 0 {
		t.Errorf("a reader is shown %v, %v", got, err)
	}
}

// TestEvidenceOfReplacedKeys: a signature whose key was replaced before the version
// became effective did not count, and is not among those that made it so; where it
// counts, as without that control, it is. One whose key was replaced after it stays.
func TestEvidenceOfReplacedKeys(t *testing.T) {
	t.Parallel()
	for _, counts := range []bool{false, true} {
		r := newSignedRoom(t)
		r.furnish(t)
		d := r.contractDoc(t, func(c *entrustment.Contract) { c.Outputs = c.Outputs[:1] })
		if _, err := r.approve(t, d, "op2"); err != nil {
			t.Fatal(err)
		}
		if !counts {
			r.must(t, r.party(t, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op3")), "op1", "op2")
			if _, err := r.approve(t, d, "op1"); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := r.approve(t, d, "ac1"); err != nil || !out.Effective {
			t.Fatalf("%+v, %v", out, err)
		}
		if counts {
			r.must(t, r.party(t, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op3")), "op1", "op2")
		}
		f, raw := evidenceOf(t, r.Enclave, wire.EvidenceRequest{Entrustment: "e"})
		var keys []string
		for _, a := range f.Contracts[1].Approvals {
			keys = append(keys, a.Key)
		}
		want := []string{publicKey(map[bool]string{false: "op1", true: "op2"}[counts]), publicKey("ac1")}
		if !slices.Equal(keys, want) {
			t.Errorf("counts %v: %q, want %q\n%s", counts, keys, want, raw)
		}
	}
}

// evidenceLog is evidence of a made-up log.
func evidenceLog(t *testing.T, w *written, j *journal, id, party string) *file {
	t.Helper()
	f := &file{EvidenceFile: wire.EvidenceFile{Entrustment: id, Party: party, Operator: "operator", Size: int64(len(w.records))}, records: w.records,
		versions: map[string][]kept[entrustRecord]{}, people: map[string]*entrustment.Party{}}
	for i := range w.records {
		r := &w.records[i]
		if r.Kind != kindEntrust {
			continue
		}
		rec, err := body[entrustRecord](r)
		if err != nil {
			t.Fatal(err)
		}
		if c := rec.Contract; c.ID == id && (party == "" || slices.Contains(c.Parties(), party)) {
			f.versions[id] = append(f.versions[id], kept[entrustRecord]{rec, r.Seq, r.Time})
		}
	}
	if err := f.read(j); err != nil {
		t.Fatal(err)
	}
	return f
}

// checkEvidence holds what each party is given in evidence to what it may read.
func checkEvidence(t *testing.T, w *written, visible func(viewer, *vault.Record, *place) (any, bool)) error {
	for _, id := range []string{"e0", "e1", "e2", "e3"} {
		for _, party := range logParties {
			j := newJournal()
			j.visible = visible
			f := evidenceLog(t, w, j, id, party)
			for _, l := range f.Entries {
				if !slices.Contains(w.concerns[l.Seq], party) {
					return fmt.Errorf("%s is given entry %d, a %s, which does not concern it", party, l.Seq, l.Kind)
				}
				if l.Entrustment != id && l.Entrustment != "" {
					return fmt.Errorf("%s is given entry %d of %s in evidence of %s", party, l.Seq, l.Entrustment, id)
				}
			}
			raw, err := json.Marshal(f.EvidenceFile)
			if err != nil {
				return err
			}
			if strings.Contains(string(raw), hidden) {
				return fmt.Errorf("%s is given what is hidden from everybody", party)
			}
			for _, of := range marked(string(raw)) {
				if groupOf(of) != groupOf(party) {
					return fmt.Errorf("%s is given a number of %s", party, of)
				}
			}
		}
	}
	return nil
}

// TestEvidenceShowsNoMore: on random logs nobody is given in evidence what the log
// does not show them; a journal that shows all is noticed.
func TestEvidenceShowsNoMore(t *testing.T) {
	like := parse(t, entrustment.ParseContract, oracleContract)
	noticed := false
	for seed := range uint64(20) {
		w := writeLog(rand.New(rand.NewPCG(seed, 9)), like)
		if err := checkEvidence(t, w, shown); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		err := checkEvidence(t, w, func(_ viewer, r *vault.Record, p *place) (any, bool) {
			return shown(viewer{officer: true, owner: true, role: true, spender: true, asker: true, sub: true}, r, p)
		})
		noticed = noticed || err != nil
	}
	if !noticed {
		t.Error("a journal that shows everything to everybody goes unnoticed")
	}
}
