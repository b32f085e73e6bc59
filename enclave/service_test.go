package enclave

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// crowd is n users of whom all are on the list made of them; every tenth is
// known from an enquiry alone.
func crowd(n int) (users []oracleUser, rows []oracleRow) {
	for i := range n {
		c := clean{"email", fmt.Sprintf("taro.%d", i), "example.jp"}
		users = append(users, oracleUser{ids: []clean{c}, verified: true, version: "v2", gender: []string{"f", "m"}[i%2], enquiry: i%10 == 9})
		rows = append(rows, oracleRow{cells: map[string]string{"email": c.local + "@" + c.domain}})
	}
	return users, rows
}

func question(change ...func(*entrustment.Question)) *entrustment.Question {
	q := &entrustment.Question{Schema: "awase.report/v1", Report: "profile", Entrustment: "e", List: "l", Dims: []string{"gender"}}
	for _, f := range change {
		f(q)
	}
	return q
}

// openCrowd gives a room with 1,500 users, all listed, and a tick of 1 s.
func openCrowd(t *testing.T) *Enclave {
	t.Helper()
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "V"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	fill(t, e, "")
	return e
}

// pinned decides about a question and pins what it reads, as if it waited for its
// turn to be counted.
func (e *Enclave) pinned(q *entrustment.Question) (*asked, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, _, err := e.decideReport(&demand{question: q})
	if err == nil {
		a.release = e.pin(a)
	}
	return a, err
}

func count(e *Enclave, kind string) (n int) {
	for _, r := range e.vault.Log().Records() {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

func wantCode(t *testing.T, what string, err error, code entrustment.Code) *entrustment.Error {
	t.Helper()
	public := entrustment.Public(err)
	if err == nil || public.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
	return public
}

// TestReport: a release keeps to the contract of DESIGN §8, its receipt
// verifies, and asked again, also after a restart, it is the same bytes.
func TestReport(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	dir := filepath.Dir(e.vault.Dir())
	r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Index, q.Total = true, true }))
	if err != nil {
		t.Fatal(err)
	}
	// 1,350 eligible: enquiry-only users are left out. σ = 10: five sd.
	for _, c := range r.Cells {
		if c.Key["gender"] == "unknown" {
			if c.Status != wire.Withheld || c.Users != nil {
				t.Errorf("an empty cell shows %v", c)
			}
			continue
		}
		want := map[string]int64{"f": 750, "m": 600}[c.Key["gender"]]
		if c.Status != wire.Released || max(c.Users.Value-want, want-c.Users.Value) > 50 {
			t.Errorf("cell %v holds %v, want about %d", c.Key, c.Users, want)
		}
		// Three half widths of a 95 % interval: past them once in 10⁸ vaults.
		if c.Index == nil || c.Index.High <= c.Index.Low || math.Abs(c.Index.Value-100) > 1.5*(c.Index.High-c.Index.Low) {
			t.Errorf("cell %v has index %v, want about 100", c.Key, c.Index)
		}
	}
	if r.Privacy.Rho != 0.015 || r.Privacy.Tau != 107 || r.Privacy.K != 50 || !r.Privacy.Dev {
		t.Errorf("privacy %+v", r.Privacy)
	}
	if r.Total == nil || r.Total.Users == nil || r.Base == nil {
		t.Errorf("total %v, base %v", r.Total, r.Base)
	}
	bare := *r
	bare.Receipt = nil
	table, err := json.Marshal(bare)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := receipt.Verify(r.Receipt, table, e.vault.Signer().Public())
	if err != nil {
		t.Fatal(err)
	}
	if claims.Entrustment != "e" || claims.Recipient != "acme" || !claims.Dev || claims.RhoNano != 15_000_000 {
		t.Errorf("receipt %+v", claims.Claims)
	}
	first, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err = Open(t.Context(), filepath.Join(dir, "V"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	entries := len(e.vault.Log().Records())
	again, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Index, q.Total = true, true }))
	if err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Error("asked again after a restart: other bytes")
	}
	if len(e.vault.Log().Records()) != entries {
		t.Error("asked again: the log grew")
	}
}

// TestSameContentOtherName is A18: the same rows in another order, repeated and
// spelled otherwise, under another name: one noise, one charge.
func TestSameContentOtherName(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	_, rows := crowd(1500)
	slices.Reverse(rows)
	for i := range rows {
		if i%3 == 0 {
			rows[i].cells["email"] = strings.ToUpper(rows[i].cells["email"]) + " "
		}
	}
	loadListFile(t, e, "other", rowsCSV(append(rows, rows[:100]...)))
	a, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.List = "other" }))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(a.Cells)
	y, _ := json.Marshal(b.Cells)
	if string(x) != string(y) {
		t.Error("the same content under another name draws other noise")
	}
	if n := count(e, kindCharge); n != 1 {
		t.Errorf("%d charges, want 1", n)
	}
}

// TestPriceChargesNothing, and shows what asking would.
func TestPriceChargesNothing(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	entries := len(e.vault.Log().Records())
	q := question(func(q *entrustment.Question) { q.Index = true })
	p, err := e.Price(t.Context(), q, 0)
	if err != nil {
		t.Fatal(err)
	}
	if p.Rho != 0.01 || p.Charged != 0.01 || len(p.Tables) != 2 || len(p.Accounts) != 2 || p.Accounts[0].Spent != 0 {
		t.Errorf("price %+v", p)
	}
	// The recipient's own list, all of it: 750, 675 and 75 people of three values.
	if f := p.Forecast; f == nil || f.People != 1500 || f.Stated || f.Withheld != 1 || len(f.Missing) > 0 {
		t.Errorf("forecast %+v", f)
	}
	if p, err := e.Price(t.Context(), q, 100); err != nil || p.Forecast == nil || !p.Forecast.Stated || p.Forecast.Withheld != 3 {
		t.Errorf("forecast of 100 people %+v, %v", p.Forecast, err)
	}
	if len(e.vault.Log().Records()) != entries {
		t.Error("a price was logged or charged")
	}
	if _, err := e.Report(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if p, err = e.Price(t.Context(), q, 0); err != nil || p.Charged != 0 || p.Accounts[0].Spent != 0.01 {
		t.Errorf("price after asking %+v, %v", p, err)
	}
}

// TestRefusalsAreLogged with code and clause, never with what was asked.
func TestRefusalsAreLogged(t *testing.T) {
	e := openCrowd(t)
	secret := "taro.1@example.jp"
	_, err := e.Report(t.Context(), question(func(q *entrustment.Question) {
		q.Where = &entrustment.Condition{In: map[string][]string{"gender": {secret}}}
	}))
	wantCode(t, "unknown value", err, entrustment.CodeDomain)
	_, err = e.Report(t.Context(), question(func(q *entrustment.Question) { q.Entrustment = secret }))
	wantCode(t, "unknown entrustment", err, entrustment.CodeNotFound)
	records := e.vault.Log().Records()
	if n := count(e, kindRefusal); n != 2 {
		t.Errorf("%d refusals logged, want 2", n)
	}
	for _, r := range records {
		if strings.Contains(string(r.Line()), "taro") {
			t.Errorf("entry %d repeats what was asked", r.Seq)
		}
	}
}

// TestContractRules: what the contract does not name is refused, also for lists
// loaded before it was amended, and for lists in conditions.
func TestContractRules(t *testing.T) {
	e := openCrowd(t)
	_, rows := crowd(1500)
	loadListFile(t, e, "other", rowsCSV(rows))
	amended := strings.Replace(oracleContract, "identifiers: [email, phone, cookie, maid]", "identifiers: [phone]", 1)
	ack, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, amended))
	if err != nil || ack.Version != 2 {
		t.Fatalf("amending: %+v, %v", ack, err)
	}
	_, err = e.Report(t.Context(), question())
	wantCode(t, "a list of kinds that the contract no longer names", err, entrustment.CodeForbidden)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, oracleContract)); err != nil {
		t.Fatal(err)
	}
	none := func(q *entrustment.Question) { q.Recipient = "operator" }
	if _, err = e.Report(t.Context(), question(none)); err == nil {
		t.Error("a party that is no recipient got a report")
	}
	beta := "schema: awase.party/v1\nid: beta\nclass: client\ngroup: beta\ncountry: JP\n"
	if _, err := e.AddParty(t.Context(), parse(t, entrustment.ParseParty, beta)); err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(oracleContract, "acme", "beta")
	_, err = e.Entrust(t.Context(), parse(t, entrustment.ParseContract, other))
	if public := wantCode(t, "another principal under the same id", err, entrustment.CodeForbidden); public.Field != "id" {
		t.Errorf("refused at %s", public.Field)
	}
}

// TestBudgetThroughTheVault: the budget is spent across restarts.
func TestBudgetThroughTheVault(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nbudget: {30d: 0.01}\n")); err != nil {
		t.Fatal(err)
	}
	ask := func(sigma int) error {
		_, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma = sigma }))
		return err
	}
	if err := ask(10); err != nil {
		t.Fatal(err)
	}
	dir := e.vault.Dir()
	e.Close()
	var err error
	if e, err = Open(t.Context(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	refused := wantCode(t, "over the budget", ask(5), entrustment.CodeBudget)
	if !strings.Contains(refused.Detail, "costs 0.02,") || !strings.Contains(refused.Detail, "left are 0.005 in") {
		t.Errorf("the refusal names neither the price nor what is left: %v", refused)
	}
	if err := ask(20); err != nil {
		t.Errorf("a cheaper question: %v", err)
	}
}

// TestAttributesOfTheContract: what the contract does not name of the base is
// not read, not under the name of a list column either.
func TestAttributesOfTheContract(t *testing.T) {
	e := openCrowd(t)
	doc := strings.Replace(strings.Replace(oracleContract, "attributes: [gender]", "attributes: []\nlist_columns: [gender]", 1), "id: e\n", "id: shadow\n", 1)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
	h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Columns: []seal.Column{{Name: "gender", Domain: []string{"gold", "unknown"}}}}
	rows := func(yield func([]seal.Row, error) bool) {
		yield([]seal.Row{{Identifiers: []seal.Identifier{{}}, Codes: []uint8{0}}}, nil)
	}
	_, err := e.rowsIn(t, wire.ListRequest{Entrustment: "shadow", Name: "l"}, h, rows)
	wantCode(t, "a list column with the name of an attribute", err, entrustment.CodeForbidden)
	// The list came first, the base's attribute later.
	e.state.base = nil
	if _, err := e.rowsIn(t, wire.ListRequest{Entrustment: "shadow", Name: "l"}, h, rows); err != nil {
		t.Fatal(err)
	}
	users, _ := crowd(10)
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(2, 2)), users))
	_, err = e.Report(t.Context(), question(func(q *entrustment.Question) { q.Entrustment = "shadow" }))
	wantCode(t, "asking for it", err, entrustment.CodeForbidden)
}

const improvement = `schema: awase.entrustment/v1
id: i
flow: 5-improvement
principal: acme
trustee: operator
purpose: improvement
basis:
  - {party: acme, code: CONSENT_27_1, scope: analysis, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
identifiers: [email]
attributes: [gender]
outputs: [profile]
recipients: [operator]
countries: {acme: JP}
retention: {lists: 90d, reports: 365d}
max_list_rows: 1400
from: 2020-01-01
until: 2036-12-31
`

// TestWhoPays is rule 9 by flow: the reader's group pays for the data of each
// other owner, and sees no row count of another's list; bystanders in the basis
// are refused.
func TestWhoPays(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	policies := "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis, 5-improvement]}}\n"
	if _, err := e.SetPolicies(t.Context(), parse(t, entrustment.ParsePolicies, policies)); err != nil {
		t.Fatal(err)
	}
	sub := "schema: awase.party/v1\nid: sub\nclass: client\ngroup: operator\ncountry: JP\n"
	if _, err := e.AddParty(t.Context(), parse(t, entrustment.ParseParty, sub)); err != nil {
		t.Fatal(err)
	}
	bystander := strings.Replace(improvement, "basis:\n", "basis:\n  - {party: sub, code: CONSENT_27_1, scope: x, evidence: \"sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289\"}\n", 1)
	_, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, bystander))
	wantCode(t, "a basis of a party that is not joined", err, entrustment.CodeForbidden)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, improvement)); err != nil {
		t.Fatal(err)
	}
	_, rows := crowd(1500)
	f := func(n int) error {
		h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}}
		_, err := e.rowsIn(t, wire.ListRequest{Entrustment: "i", Name: "l"}, h, func(yield func([]seal.Row, error) bool) {
			for i := range n {
				if !yield([]seal.Row{{Identifiers: []seal.Identifier{{Hash: [32]byte{byte(i), byte(i >> 8)}}}}}, nil) {
					return
				}
			}
		})
		return err
	}
	wantCode(t, "a list over the contract's cap", f(1401), entrustment.CodeLimit)
	if err := f(1400); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"e": "acme pays operator", "i": "operator pays acme"} {
		p, err := e.Price(t.Context(), question(func(q *entrustment.Question) { q.Entrustment = id }), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Accounts[0].Recipient + " pays " + p.Accounts[0].Owner; len(p.Accounts) != 2 || got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	own, err := e.Report(t.Context(), question())
	if err != nil || own.ListRows != int64(len(rows)) {
		t.Errorf("the client's own list: %v, %v", own, err)
	}
	others, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Entrustment = "i" }))
	if err != nil || others.ListRows != 0 {
		t.Errorf("the operator sees %d rows of the client's list, %v", others.ListRows, err)
	}
	if n := count(e, kindCharge); n != 2 {
		t.Errorf("%d charges, want 2", n)
	}
}

// TestGroupIsFixed: budgets are held by group, so it can't be changed to get
// a fresh one, nor can the operator of a loaded base become something else.
func TestGroupIsFixed(t *testing.T) {
	e := openCrowd(t)
	for name, doc := range map[string]string{
		"another group":      "schema: awase.party/v1\nid: acme\nclass: client\ngroup: acme2\ncountry: JP\n",
		"the operator's":     "schema: awase.party/v1\nid: acme\nclass: client\ngroup: operator\ncountry: JP\n",
		"operator to client": "schema: awase.party/v1\nid: operator\nclass: client\ngroup: operator\ncountry: JP\n",
	} {
		_, err := e.AddParty(t.Context(), parse(t, entrustment.ParseParty, doc))
		wantCode(t, name, err, entrustment.CodeForbidden)
	}
	if _, err := e.AddParty(t.Context(), parse(t, entrustment.ParseParty, "schema: awase.party/v1\nid: acme\nclass: client\ngroup: acme\ncountry: US\n")); err != nil {
		t.Errorf("another country: %v", err)
	}
}

// TestPolicyBetweenAsks: after a stricter policy the same question is a new
// one, and an exchanged release or list is never served.
func TestPolicyBetweenAsks(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	a, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nk: 80\n")); err != nil {
		t.Fatal(err)
	}
	b, err := e.Report(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	if a.Privacy.K != 50 || b.Privacy.K != 80 {
		t.Errorf("k %d, then %d", a.Privacy.K, b.Privacy.K)
	}
	put := func(ref vault.SegmentRef, columns map[string][]byte) {
		t.Helper()
		w, err := e.vault.ReplaceSegment(ref)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range columns {
			if err := w.Put(name, data); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	for _, rec := range e.state.reportTable {
		put(rec.Segment, map[string][]byte{"release": []byte(`{"cells":[]}`)})
	}
	if _, err := e.Report(t.Context(), question()); !errors.Is(err, vault.ErrSegment) {
		t.Errorf("an exchanged release: %v", err)
	}
	// Another list's content under this list's name.
	_, rows := crowd(1200)
	loadListFile(t, e, "other", rowsCSV(rows))
	cols, err := e.vault.ReadSegment(e.state.lists[listKey{"e", "other"}].Segment)
	if err != nil {
		t.Fatal(err)
	}
	put(e.state.lists[listKey{"e", "l"}].Segment, cols)
	dir := e.vault.Dir()
	e.Close()
	if e, err = Open(t.Context(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma = 20 })); !errors.Is(err, vault.ErrSegment) {
		t.Errorf("an exchanged list: %v", err)
	}
}
