package enclave

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// costRoom is a crowd's room in which refusals are held to what they cost.
type costRoom struct {
	*clockRoom
	t *testing.T
}

// paid is all that the room knows of what was charged, held and released.
func (r *costRoom) paid() string {
	r.t.Helper()
	var b strings.Builder
	for _, group := range []string{"acme", "operator"} {
		l, err := r.Ledger(r.t.Context(), wire.LedgerRequest{Group: group})
		if err != nil {
			r.t.Fatal(err)
		}
		raw, err := json.Marshal(l)
		if err != nil {
			r.t.Fatal(err)
		}
		b.Write(raw)
	}
	for _, kind := range []string{kindCharge, kindReserve, kindTable, kindReport} {
		fmt.Fprintf(&b, "\n%d of %s", count(r.Enclave, kind), kind)
	}
	return b.String()
}

// entrust activates the contract of the room as amended, or is refused.
func (r *costRoom) entrust(change ...string) error {
	r.t.Helper()
	doc := strings.NewReplacer(change...).Replace(oracleContract)
	_, err := r.Entrust(r.t.Context(), parse(r.t, entrustment.ParseContract, doc))
	return err
}

func (r *costRoom) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// ask asks, prices and reserves a question, and gives what each is refused for.
func (r *costRoom) ask(q *entrustment.Question) []error {
	ctx := r.t.Context()
	_, report := r.Report(ctx, q)
	_, price := r.Price(ctx, q, 0)
	_, reserve := r.Reserve(ctx, wire.ReserveRequest{Name: "held", Question: q, Until: entrustment.DateOf(r.vault.Log().Now()).Add(20)})
	return []error{report, price, reserve}
}

// load loads a list with columns.
func (r *costRoom) load(columns ...seal.Column) error {
	rows := func(yield func([]seal.Row, error) bool) {
		for n := range 3 {
			row := seal.Row{Identifiers: []seal.Identifier{{}}, Codes: make([]uint8, len(columns))}
			row.Identifiers[0].Hash[0] = byte(n)
			if !yield([]seal.Row{row}, nil) {
				return
			}
		}
	}
	h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Columns: columns}
	_, err := r.LoadList(r.t.Context(), wire.ListRequest{Entrustment: "e", Name: "new"}, sealed(r.t, r.Enclave, "e", "new", h, rows))
	return err
}

// country says where acme sits.
func (r *costRoom) country(code string) {
	r.t.Helper()
	doc := fmt.Sprintf("schema: awase.party/v1\nid: acme\nclass: client\ngroup: acme\ncountry: %s\n", code)
	_, err := r.AddParty(r.t.Context(), parse(r.t, entrustment.ParseParty, doc))
	r.must(err)
}

func (r *costRoom) policies(flows string) {
	r.t.Helper()
	doc := "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [" + flows + "]}}\n"
	_, err := r.SetPolicies(r.t.Context(), parse(r.t, entrustment.ParsePolicies, doc))
	r.must(err)
}

// days lets time go by.
func (r *costRoom) days(n int) {
	r.wall, r.since = r.wall.AddDate(0, 0, n), r.since+time.Duration(n)*24*time.Hour
}

// Every clause of a contract that refuses: the refusal names contract, version and
// clause, so does its entry of the record log, and nothing is charged, held or
// released. The question that is allowed in the end shows that the ledger would tell.
func TestRefusalsByAClauseCostNothing(t *testing.T) {
	t.Parallel()
	r := &costRoom{&clockRoom{dir: filepath.Join(t.TempDir(), "V"), wall: morning, since: time.Hour}, t}
	r.reopen(t)
	t.Cleanup(func() { r.Close() })
	fill(t, r.Enclave, "")
	one := func(err error) []error { return []error{err} }
	until := entrustment.DateOf(morning).Add(40)
	with := func(change func(*entrustment.Question)) func() []error {
		return func() []error { return r.ask(question(change)) }
	}
	same := with(func(*entrustment.Question) {})
	for id, class := range map[string]entrustment.PartyClass{"beta": entrustment.ClassClient, "adco": entrustment.ClassAdPlatform, "helper": entrustment.ClassTrustee} {
		_, err := r.AddParty(t.Context(), &entrustment.Party{Schema: entrustment.SchemaParty, ID: id, Class: class, Group: id, Country: "JP"})
		r.must(err)
	}
	decided, before := map[string]bool{}, r.paid()
	amended := map[bool]int{true: 1} // the version that it would be
	for _, c := range []struct {
		clause string
		before func()
		act    func() []error
		next   bool // the refusal is of a version to come
		field  string
	}{
		{clause: "attributes", act: with(func(q *entrustment.Question) { q.Dims = []string{"年収"} }), field: "dims[0]"},
		{clause: "attributes", act: with(func(q *entrustment.Question) {
			q.Where = &entrustment.Condition{In: map[string][]string{"area": {"east"}}}
		})},
		{clause: "events", act: with(func(q *entrustment.Question) {
			q.Report, q.Categories = entrustment.ReportBehaviour, []string{"visits"}
		})},
		{clause: "recipients", act: with(func(q *entrustment.Question) { q.Recipient = "operator" })},
		{clause: "sub_trustees[0].until", before: func() {
			r.must(r.entrust("until: 2036", "sub_trustees: [{party: helper, work: [ask], consent: \"sha256:0\", until: 2021-01-01}]\nuntil: 2036"))
		}, act: func() []error {
			_, report := r.report(t.Context(), &demand{question: question(), party: "helper"})
			_, reserve := r.Reserve(t.Context(), wire.ReserveRequest{Name: "held", Question: question(), Until: until, Party: "helper"})
			return []error{report, reserve}
		}},
		{clause: "sub_trustees[0].party", act: func() []error {
			return one(r.entrust("until: 2036", "sub_trustees: [{party: beta, work: [ask], consent: \"sha256:0\"}]\nuntil: 2036"))
		}, next: true},
		{clause: "outputs", before: func() { r.must(r.entrust("overlap, profile, ", "overlap, ")) }, act: same},
		{clause: "identifiers", before: func() { r.must(r.entrust("identifiers: [email, phone, cookie, maid]", "identifiers: [phone]")) }, act: same},
		{clause: "from", before: func() { r.must(r.entrust("from: 2020-01-01", "from: 2035-01-01")) }, act: same},
		{clause: "countries.acme", before: func() { r.country("SG") }, act: same},
		{clause: "countries.acme", before: func() { r.must(r.entrust("{acme: JP}", "{}")); r.country("SG") }, act: same},
		{clause: "basis[0].clauses", before: func() { r.policies("5-improvement") }, act: same},
		{clause: "basis[1].until", before: func() {
			r.must(r.entrust("scope: analysis,", "scope: analysis, until: "+until.String()+","))
			r.days(45)
		}, act: same},
		{clause: "until", before: func() {
			r.must(r.entrust("until: 2036-12-31", "until: "+until.Add(10).String()))
			r.days(15)
		}, act: same},
		{clause: "list_columns", act: func() []error { return one(r.load(seal.Column{Name: "tier", Domain: []string{"gold", "unknown"}})) }},
		{clause: "max_list_rows", before: func() { r.must(r.entrust("until: 2036", "max_list_rows: 2\nuntil: 2036")) }, act: func() []error { return one(r.load()) }},
		{clause: "purpose", act: func() []error { return one(r.entrust("purpose: statistics", "purpose: advertising")) }, next: true},
		{clause: "deliver_attributes", act: func() []error { return one(r.entrust("until: 2036", "deliver_attributes: [gender]\nuntil: 2036")) }, next: true},
		{clause: "deliver_identifiers", act: func() []error { return one(r.entrust("until: 2036", "deliver_identifiers: [email]\nuntil: 2036")) }, next: true},
		{clause: "runs", act: func() []error { return one(r.entrust("until: 2036", "runs: 5-analysis\nuntil: 2036")) }, next: true},
		{clause: "trustee", act: func() []error { return one(r.entrust("trustee: operator", "trustee: beta")) }, next: true},
		{clause: "host_trust_accepted", act: func() []error {
			r.policies("5-analysis, 2-6-analysis")
			return one(r.entrust("flow: 5-analysis\nprincipal: acme\ntrustee: operator", "flow: 2-6-analysis\nprincipal: operator\ntrustee: adco", "party: acme", "party: adco", "recipients: [acme]", "recipients: [operator]", "{acme: JP}", "{adco: JP}"))
		}, next: true},
		{clause: "principal", act: func() []error { return one(r.entrust("acme", "beta")) }},
		{clause: "flow", act: func() []error {
			r.policies("5-analysis, 5-improvement")
			return one(r.entrust("flow: 5-analysis", "flow: 5-improvement", "recipients: [acme]", "recipients: [operator]"))
		}},
	} {
		t.Run(c.clause, func(t *testing.T) {
			r.t = t
			if c.before != nil {
				c.before()
			}
			before, refused := r.paid(), count(r.Enclave, kindRefusal)
			version := r.state.contracts["e"].Version + amended[c.next]
			for i, err := range c.act() {
				e := entrustment.Public(err)
				want := entrustment.ContractClause{ID: "e", Version: version, Clause: c.clause}
				if err == nil || e.Contract != want || !strings.HasPrefix(e.Detail, want.String()+": ") || c.field != "" && e.Field != c.field {
					t.Errorf("%d: %v names %+v, want %+v", i, err, e.Contract, want)
				}
			}
			if after := r.paid(); after != before {
				t.Errorf("a refusal costs:\n%s\nbefore:\n%s", after, before)
			}
			records := r.vault.Log().Records()
			last := &records[len(records)-1]
			rec, err := body[refusalRecord](last)
			if count(r.Enclave, kindRefusal) == refused || last.Kind != kindRefusal || err != nil || rec.Contract.Clause != c.clause || rec.Contract.Version != version || rec.Entrustment != "e" {
				t.Errorf("the log has %s %s", last.Kind, last.Body)
			}
			r.policies("5-analysis")
			r.country("JP")
			r.must(r.entrust())
			decided[strings.FieldsFunc(c.clause, func(c rune) bool { return c == '[' || c == '.' })[0]] = true
		})
	}
	r.t = t
	// Neither the contract's name nor what it leaves out refuses anything; what is kept
	// too short a time is TestExpiry's.
	for f := range reflect.TypeFor[entrustment.Contract]().Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if decided[key] == slices.Contains([]string{"schema", "id", "service", "retention"}, key) {
			t.Errorf("%s: a refusal by it: %v", key, decided[key])
		}
	}
	loadListFile(t, r.Enclave, "l", crowdRows(0, 1300)) // it expired with the contract that was over
	if _, err := r.Report(t.Context(), question()); err != nil {
		t.Errorf("what is allowed: %v", err)
	}
	if r.paid() == before {
		t.Error("the ledger tells of nothing")
	}
}

// TestRefusalCostIsSeen: a room that charges a question before it decides about it is
// told from one that decides first.
func TestRefusalCostIsSeen(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		r := &costRoom{&clockRoom{dir: filepath.Join(t.TempDir(), "V"), wall: morning, since: time.Hour}, t}
		r.reopen(t)
		t.Cleanup(func() { r.Close() })
		fill(t, r.Enclave, "")
		r.mu.Lock()
		allowed, _, err := r.decideReport(&demand{question: question()})
		r.mu.Unlock()
		r.must(err)
		if mutant {
			r.question = func(f entrustment.Facts, a entrustment.Ask) error {
				r.gate.Pay(t.Context(), allowed.plan)
				return entrustment.DecideAsk(f, a)
			}
		}
		before := r.paid()
		for _, err := range r.ask(question(func(q *entrustment.Question) { q.Dims = []string{"年収"} })) {
			wantCode(t, "a dimension that is not named", err, entrustment.CodeDimForbidden)
		}
		if cost := r.paid() != before; cost != mutant {
			t.Errorf("mutant %v: it costs %v", mutant, cost)
		}
	}
}

// TestPurposeIsHeld: a question for another purpose than the contract's is answered by
// a room alone that does not look at it.
func TestPurposeIsHeld(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		e := openCrowd(t)
		if mutant {
			e.question = func(f entrustment.Facts, a entrustment.Ask) error {
				q := *a.Question
				q.Purpose, a.Question = "", &q
				return entrustment.DecideAsk(f, a)
			}
		}
		_, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Purpose = entrustment.PurposeAdvertising }))
		if mutant && err == nil && count(e, kindCharge) == 1 {
			continue
		}
		if mutant {
			t.Errorf("the mutant refuses it: %v", err)
			continue
		}
		wantCode(t, "to sell with it", err, entrustment.CodeNoBasis)
		if count(e, kindCharge) != 0 {
			t.Error("it was charged")
		}
	}
}

// TestPlaceIsHeld: a list whose column places people more finely than by prefecture,
// which no desk of ours seals, enters a room alone that believes its header. By
// prefecture it enters.
func TestPlaceIsHeld(t *testing.T) {
	t.Parallel()
	fine, coarse := []string{"100-0001", "530-0001", entrustment.Unknown}, []string{"東京都", "大阪府", entrustment.Unknown}
	for _, mutant := range []bool{false, true} {
		r := &costRoom{&clockRoom{dir: filepath.Join(t.TempDir(), "V"), wall: morning, since: time.Hour}, t}
		r.reopen(t)
		t.Cleanup(func() { r.Close() })
		fill(t, r.Enclave, "")
		r.must(r.entrust("until: 2036", "list_columns: [home]\nuntil: 2036"))
		if mutant {
			r.domain = func(string, string, []string) error { return nil }
		}
		err := r.load(seal.Column{Name: "home", Domain: fine})
		if !mutant {
			wantCode(t, "postcodes", err, entrustment.CodeDomain)
			err = r.load(seal.Column{Name: "home", Domain: coarse})
		}
		if err != nil {
			t.Errorf("mutant %v: %v", mutant, err)
		}
	}
}
