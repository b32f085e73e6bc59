package enclave

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// The world of the flows: 3,000 users of the operator, the first 2,000 of whom are
// also somebody's who entrusts or is entrusted, beside 500 strangers. Every tenth
// user accepted the policy of before, every twelfth is known from an enquiry alone.
const (
	flowUsers     = 3000
	flowListed    = 2000
	flowStrangers = 500
)

const flowPolicies = `schema: awase.policies/v1
policies:
  - {version: v2, date: 2024-01-29, clauses: {"2(6)": [2-6-analysis], "5": [5-analysis, 5-improvement]}}
  - {version: v1, date: 2019-04-01, clauses: {}}
`

const flowList = `schema: awase.list/v1
region: JP
columns:
  - {column: メール, kind: email}
  - {column: 会員ランク, name: tier, values: [gold, silver]}
  - {column: 居住地, name: home, generalise: prefecture}
drop: [氏名]
`

const flowLog = `schema: awase.events/v1
time: {column: 日時}
identifiers: [{column: メール, kind: email}]
kind: {column: 種別, values: {閲覧: page_view, 位置: location}}
category: {column: 種別, values: [閲覧, 位置]}
columns: [{column: 場所, name: place, generalise: region}]
`

// flowContract is a contract of a flow: the terms that differ, and all of them name
// the same data.
func flowContract(id, terms, policyClause, other, outputs, recipient string) string {
	const hash = `"sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"`
	return "schema: awase.entrustment/v1\nid: " + id + "\n" + terms + `
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["` + policyClause + `"], evidence: ` + hash + `}
  - {party: ` + other + `, code: CONSENT_27_1, scope: analysis, evidence: ` + hash + `}
identifiers: [email]
attributes: [gender]
list_columns: [tier, home, place]
events: [閲覧, 位置]
outputs: [` + outputs + `]
recipients: [` + recipient + `]
countries: {operator: JP}
retention: {lists: 90d, events: 90d, reports: 365d}
from: 2020-01-01
until: 2036-12-31
`
}

// aFlow is one of the flows that give aggregates, as people run it.
type aFlow struct {
	name, id, contract string
	uploads            string // party whose list and log it is
	reads              string // party
	notReads           string
	otherPurpose       entrustment.Purpose
	enquiries          bool              // who is known from an enquiry alone is counted
	pays               map[string]string // by report: who is charged for whose data
}

var flows = []aFlow{
	{"2-6-analysis", "adco-26", flowContract("adco-26", "flow: 2-6-analysis\nprincipal: operator\ntrustee: adco\npurpose: statistics\nhost_trust_accepted: true", "2(6)", "adco", "profile, behaviour, overlap", "operator"),
		"adco", "operator", "adco", entrustment.PurposeImprovement, false, map[string]string{"profile": "operator for adco", "behaviour": "operator for adco", "overlap": "operator for adco"}},
	{"5-analysis", "acme-5", flowContract("acme-5", "flow: 5-analysis\nprincipal: acme\ntrustee: operator\npurpose: statistics", "5", "acme", "profile, behaviour, overlap", "acme"),
		"acme", "acme", "operator", entrustment.PurposeImprovement, false, map[string]string{"profile": "acme for operator", "behaviour": "acme for operator", "overlap": "acme for operator"}},
	{"5-improvement", "acme-im", flowContract("acme-im", "flow: 5-improvement\nprincipal: acme\ntrustee: operator\npurpose: improvement", "5", "acme", "profile, behaviour, overlap", "operator"),
		"acme", "operator", "acme", entrustment.PurposeAdvertising, true, map[string]string{"profile": "operator for acme", "behaviour": "operator for acme", "overlap": "operator for acme"}},
	{"5-outsourcing", "beta-out", flowContract("beta-out", "flow: 5-outsourcing\nruns: 5-analysis\nprincipal: operator\ntrustee: worker\npurpose: statistics", "5", "beta", "profile, behaviour, overlap", "beta"),
		"beta", "beta", "worker", entrustment.PurposeImprovement, false, map[string]string{"profile": "beta for operator", "behaviour": "beta for operator", "overlap": "beta for operator"}},
}

// flowPlaces are addresses as lists have them, and what they are banded to.
var flowPlaces = [...][2]string{{"東京都千代田区丸の内1-1", "東京都"}, {"〒530-0001 大阪市北区", "大阪府"}, {"kanagawa", "神奈川県"}, {"どこか", entrustment.Unknown}}

func flowMail(i int) string { return fmt.Sprintf("hana.%d@example.jp", i) }

// flowRow says of user i what the files say: the oracle counts by it.
type flowPerson struct {
	gender, tier, home string
	covered, enquiry   bool
	listed, seen       bool
}

func flowPersonOf(i int) flowPerson {
	p := flowPerson{gender: [2]string{"f", "m"}[i%2], tier: [3]string{"gold", "silver", "silver"}[i%3], home: flowPlaces[i/2%4][1],
		covered: i%10 != 9, enquiry: i%12 == 3, listed: i < flowListed}
	p.seen = p.listed && i%5 < 2
	return p
}

func flowBase() []byte {
	var b bytes.Buffer
	b.WriteString("id,ok,version,date,sex,service,enquiry,email,phone,cookie,maid\n")
	for i := range flowUsers {
		p := flowPersonOf(i)
		fmt.Fprintf(&b, "user-%d,true,%s,2024-02-01,%s,,%t,%s,,,\n", i, map[bool]string{true: "v2", false: "v1"}[p.covered], p.gender, p.enquiry, flowMail(i))
	}
	return b.Bytes()
}

// flowFiles are the list and the log, with the mess that they have.
func flowFiles() (list, log []byte) {
	var l, e bytes.Buffer
	l.WriteString("氏名,メール,会員ランク,居住地\n")
	e.WriteString("日時,メール,種別,場所\n")
	for i := range flowListed + flowStrangers {
		p, mail := flowPersonOf(i), flowMail(i)
		if i >= flowListed {
			mail = flowMail(1_000_000 + i)
		}
		shown := mail
		if i%4 == 1 {
			shown = " " + strings.ToUpper(mail) + " "
		}
		fmt.Fprintf(&l, "花,%s,%s,%s\n", shown, p.tier, flowPlaces[i/2%4][0])
		if i%100 == 7 { // a row twice
			fmt.Fprintf(&l, "花,%s,%s,%s\n", mail, p.tier, flowPlaces[i/2%4][0])
		}
		if p.seen {
			fmt.Fprintf(&e, "2026-04-%02d 10:00:00,%s,閲覧,東京都港区\n2026-04-%02d 11:00:00,%s,位置,大阪\n", 1+i%28, mail, 1+i%28, mail)
		}
	}
	return l.Bytes(), e.Bytes()
}

// loadAs seals a list or a log by a document, as the desk of who uploads does.
func (f *aFlow) loadAs(t *testing.T, e *Enclave, list, log []byte) {
	t.Helper()
	l, err := intake.OpenList(t.Context(), bytes.NewReader(list), int64(len(list)), parse(t, entrustment.ParseListSchema, flowList), intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: f.id, Name: "l"}, sealed(t, e, f.id, "l", l.Header(), l.Rows())); err != nil {
		t.Fatal(err)
	}
	ev, err := intake.OpenEvents(t.Context(), bytes.NewReader(log), int64(len(log)), parse(t, entrustment.ParseEventSchema, flowLog), intake.Options{Name: "log.csv", Today: entrustment.DateOf(e.vault.Log().Now())})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: f.id}, sealed(t, e, f.id, seal.EventsName, ev.Header(), ev.Rows()))
	if err != nil || loaded.Party != f.uploads {
		t.Fatalf("the log of %s: %+v, %v", f.uploads, loaded, err)
	}
	if terms, err := e.Terms(t.Context(), f.id); err != nil || terms.Party != f.uploads {
		t.Errorf("%s uploads, want %s (%v)", terms.Party, f.uploads, err)
	}
}

// questions of a flow, by report.
func (f *aFlow) questions() map[string]*entrustment.Question {
	ask := func(report string, dims ...string) *entrustment.Question {
		return &entrustment.Question{Schema: "awase.report/v1", Report: report, Entrustment: f.id, List: "l", Dims: dims}
	}
	april := entrustment.Window{From: entrustment.Date{Year: 2026, Month: 4, Day: 1}, To: entrustment.Date{Year: 2026, Month: 4, Day: 30}}
	behaviour := ask("behaviour", "gender")
	behaviour.List, behaviour.Window = "", &april
	profile := ask("profile", "tier", "home")
	profile.Where = &entrustment.Condition{In: map[string][]string{"gender": {"f", "m"}}}
	return map[string]*entrustment.Question{"profile": profile, "behaviour": behaviour, "overlap": ask("overlap")}
}

// want counts, from what the files say, what a report should show; a cell that is
// not there holds nobody.
func (f *aFlow) want(report string) map[string]int64 {
	out := map[string]int64{}
	for i := range flowUsers {
		p := flowPersonOf(i)
		switch {
		case !p.covered, p.enquiry && !f.enquiries:
		case report == "overlap" && p.listed:
			out[""]++
		case report == "profile" && p.listed:
			out[p.tier+" "+p.home]++
		case report == "behaviour" && p.seen:
			out["閲覧 "+p.gender]++
			out["位置 "+p.gender]++
		}
	}
	return out
}

// furnishFlows gives a room the parties, policies, contracts, users, lists and logs of
// all flows.
func furnishFlows(t *testing.T, e *Enclave) {
	t.Helper()
	ctx := t.Context()
	for _, p := range [][2]string{{"operator", "operator"}, {"acme", "client"}, {"beta", "client"}, {"adco", "ad-platform"}, {"worker", "trustee"}} {
		doc := fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", p[0], p[1], p[0])
		if _, err := e.AddParty(ctx, parse(t, entrustment.ParseParty, doc)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := e.SetPolicies(ctx, parse(t, entrustment.ParsePolicies, flowPolicies))
	if _, gerr := e.SetGate(ctx, "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n")); err != nil || gerr != nil {
		t.Fatal(err, gerr)
	}
	loadBaseFile(t, e, flowBase())
	list, log := flowFiles()
	for _, f := range flows {
		if _, err := e.Entrust(ctx, parse(t, entrustment.ParseContract, f.contract)); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		f.loadAs(t, e, list, log)
	}
}

// onEngines runs a test of a room on each engine.
func onEngines(t *testing.T, furnish, run func(t *testing.T, e *Enclave)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		e := openWith(t, filepath.Join(t.TempDir(), "V"), Options{})
		furnish(t, e)
		run(t, e)
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		e := openWith(t, filepath.Join(t.TempDir(), "V"), clickHouse(t, 2).options())
		furnish(t, e)
		moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		run(t, e)
	})
}

// TestFlows: under each flow that gives aggregates the party that has to uploads its
// list, with columns banded, and its log; the party that reads gets the numbers that
// the files say, and pays for whose data was read; nobody else, and no other purpose,
// gets any. Each number is within six standard deviations of its noise: a right
// one is not once in 10⁹ (near).
func TestFlows(t *testing.T) {
	onEngines(t, furnishFlows, func(t *testing.T, e *Enclave) {
		var all sync.WaitGroup
		for _, f := range flows {
			all.Go(func() { f.holds(t, e) })
		}
		all.Wait()
		got := map[string]bool{}
		ledger, err := e.Ledger(t.Context(), wire.LedgerRequest{Officer: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range ledger.Accounts {
			for _, c := range a.Charges {
				if a.Recipient != "*" {
					got[c.Entrustment+" "+c.Report+": "+a.Recipient+" for "+a.Owner] = true
				}
			}
		}
		want := map[string]bool{}
		for _, f := range flows {
			for report, pays := range f.pays {
				want[f.id+" "+report+": "+pays] = true
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("charged were\n%v\nwant\n%v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	})
}

// holds asks all questions of a flow.
func (f *aFlow) holds(t *testing.T, e *Enclave) {
	refused := func(what string, code entrustment.Code, clause string, change func(*entrustment.Question)) {
		q := f.questions()["profile"]
		change(q)
		_, err := e.Report(t.Context(), q)
		if refusal := entrustment.Public(err); err == nil || refusal.Code != code || refusal.Clause != clause {
			t.Errorf("%s, %s: %v, want %s (%s)", f.name, what, err, code, clause)
		}
	}
	refused("another purpose", entrustment.CodeNoBasis, "PRIVACY §8, APPI Art. 17, 18", func(q *entrustment.Question) { q.Purpose = f.otherPurpose })
	refused("for who reads nothing", entrustment.CodeForbidden, "DESIGN §2", func(q *entrustment.Question) { q.Recipient = f.notReads })
	refused("a column of the base with the list's", entrustment.CodeDimForbidden, "DESIGN §2 rule 2", func(q *entrustment.Question) { q.Dims = []string{"salary"} })

	var asks sync.WaitGroup
	for report, q := range f.questions() {
		asks.Go(func() {
			r, err := e.Report(t.Context(), q)
			if err != nil {
				t.Errorf("%s, %s: %v", f.name, report, err)
				return
			}
			want, shown := f.want(report), 0
			for _, c := range r.Cells {
				var key []string
				for _, d := range r.Dims {
					key = append(key, c.Key[d.Name])
				}
				n := want[strings.Join(key, " ")]
				if c.Users == nil {
					if n > 250 { // σ√2 = 15 at most: such a cell is withheld once in 10¹⁵ releases
						t.Errorf("%s, %s: cell %v of %d people is withheld", f.name, report, key, n)
					}
					continue
				}
				if shown++; !near(c.Users, n) {
					t.Errorf("%s, %s: cell %v shows %+v, the files say %d", f.name, report, key, *c.Users, n)
				}
			}
			if shown < len(want)/2 {
				t.Errorf("%s, %s: only %d cells are shown", f.name, report, shown)
			}
			if r.Question.Purpose == "" || r.Question.Recipient != f.reads {
				t.Errorf("%s, %s: the release is for %q, and serves %q", f.name, report, r.Question.Recipient, r.Question.Purpose)
			}
			if own := f.reads == f.uploads; report != "behaviour" && (r.ListRows > 0) != own {
				t.Errorf("%s, %s: it shows %d rows of a list of %s to %s", f.name, report, r.ListRows, f.uploads, f.reads)
			}
		})
	}
	asks.Wait()
}

// TestHostTrust: without the partner's consent that its rows lie on the operator's
// machine, nothing of a 2-6-analysis begins; taken back, nothing goes on. In the
// other flows nobody's consent is asked.
func TestHostTrust(t *testing.T) {
	t.Parallel()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), Options{})
	furnishFlows(t, e)
	without := func(contract string) *entrustment.Contract {
		return parse(t, entrustment.ParseContract, strings.Replace(contract, "host_trust_accepted: true", "host_trust_accepted: false", 1))
	}
	for _, f := range flows {
		_, err := e.Entrust(t.Context(), without(f.contract))
		if f.name != "2-6-analysis" {
			if err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
			continue
		}
		if public := wantCode(t, f.name, err, entrustment.CodeForbidden); public.Clause != "DESIGN §4" || public.Field != "host_trust_accepted" {
			t.Errorf("%s: refused at %s by %s", f.name, public.Field, public.Clause)
		}
	}
	// Had it come in by another way, no act would go on under it.
	c := e.state.contracts["adco-26"]
	was := c.Contract
	c.Contract = without(flows[0].contract)
	_, err := e.Report(t.Context(), flows[0].questions()["profile"])
	wantCode(t, "a question", err, entrustment.CodeForbidden)
	h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}}
	_, err = e.LoadList(t.Context(), wire.ListRequest{Entrustment: "adco-26", Name: "m"}, sealed(t, e, "adco-26", "m", h, func(yield func([]seal.Row, error) bool) {
		yield([]seal.Row{{Identifiers: []seal.Identifier{{}}}}, nil)
	}))
	wantCode(t, "a list", err, entrustment.CodeForbidden)
	c.Contract = was
	if _, err := e.Price(t.Context(), flows[0].questions()["profile"], 0); err != nil {
		t.Errorf("with it: %v", err)
	}
}

// TestPlacesAtTheEnclave: a partner's sealer that declares places finer than a
// prefecture is refused, whatever its desk took; the same rows banded are taken.
func TestPlacesAtTheEnclave(t *testing.T) {
	t.Parallel()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), Options{})
	furnishFlows(t, e)
	for _, c := range []struct {
		domain []string
		taken  bool
	}{{[]string{"東京都渋谷区", "東京都港区", entrustment.Unknown}, false}, {[]string{"150-0001", "108-0001", entrustment.Unknown}, false}, {[]string{"東京都", "大阪府", entrustment.Unknown}, true}} {
		h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Columns: []seal.Column{{Name: "home", Domain: c.domain}}}
		rows := func(yield func([]seal.Row, error) bool) {
			yield([]seal.Row{{Identifiers: []seal.Identifier{{}}, Codes: []uint8{1}}}, nil)
		}
		_, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "adco-26", Name: "fine"}, sealed(t, e, "adco-26", "fine", h, rows))
		if c.taken != (err == nil) {
			t.Errorf("%v: %v", c.domain, err)
		}
		if !c.taken {
			wantCode(t, "places", err, entrustment.CodeDomain)
		}
	}
	lists, err := e.Lists(t.Context(), "adco-26")
	if err != nil || len(lists) != 2 || !reflect.DeepEqual(lists[0].Party, "adco") {
		t.Errorf("%+v, %v", lists, err)
	}
}
