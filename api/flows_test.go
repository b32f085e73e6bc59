package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/entrustment"
	"awase/internal/apitest"
)

// The people of the other parties of the flows.
var (
	adAdops, adMarketing, adViewer, adPrivacy = somebody("adco", api.AdOps), somebody("adco", api.Marketing), somebody("adco", api.Viewer), somebody("adco", api.Privacy)
	hpMarketing, hpViewer, hpAdops, hpPrivacy = somebody("helper", api.Marketing), somebody("helper", api.Viewer), somebody("helper", api.AdOps), somebody("helper", api.Privacy)
	wkMarketing, wkViewer, wkAdops            = somebody("worker", api.Marketing), somebody("worker", api.Viewer), somebody("worker", api.AdOps)
	opViewer                                  = somebody(apitest.Operator, api.Viewer)
)

// flowContract is a contract of a flow; terms: what differs.
func flowContract(id, terms, clause, other, recipient string) string {
	return "schema: awase.entrustment/v1\nid: " + id + "\n" + terms + `
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["` + clause + `"], evidence: ` + evidence + `}
  - {party: ` + other + `, code: CONSENT_27_1, scope: analysis, evidence: ` + evidence + `}
identifiers: [email]
attributes: [gender, area]
list_columns: [plan, home]
events: [video]
outputs: [profile, behaviour]
recipients: [` + recipient + `]
countries: {operator: JP}
retention: {lists: 90d, events: 90d, reports: 365d}
from: 2020-01-01
until: 2096-12-31
`
}

const (
	partnerTerms = "flow: 2-6-analysis\nprincipal: operator\ntrustee: adco\npurpose: statistics\nhost_trust_accepted: true"
	partnerList  = `schema: awase.list/v1
columns:
  - {column: mail, kind: email}
  - {column: plan, name: plan, values: [free, paid]}
  - {column: where, name: home, generalise: region}
`
	partnerLog = "schema: awase.events/v1\ntime: {column: at}\nidentifiers: [{column: mail, kind: email}]\nkind: page_view\ncategory: video\n"

	partnerRows = 1613 // 1,300 of the operator's users, and strangers
)

// partnerFiles are the ad platform's list and log.
func partnerFiles() (list, log []byte) {
	var l, e bytes.Buffer
	l.WriteString("mail,plan,where\n")
	e.WriteString("at,mail\n")
	for i := range partnerRows {
		n := i
		if i >= 1300 {
			n += 100_000
		}
		fmt.Fprintf(&l, "taro.%d@example.jp,%s,%s\n", n, [2]string{"free", "paid"}[i%2], [2]string{"東京都港区", "大阪"}[i/2%2])
		if i%2 == 0 {
			fmt.Fprintf(&e, "2026-03-0%d 10:00:00,taro.%d@example.jp\n", 1+i%9, n)
		}
	}
	return l.Bytes(), e.Bytes()
}

// TestFlowScenarios tells the story of an analysis with an ad platform, of the
// operator's own improvement, and of an analysis that another company does: who
// uploads, who asks for what, who reads, and who pays; and what each of the others is
// refused.
func TestFlowScenarios(t *testing.T) {
	t.Parallel()
	r := apitest.Start(t)
	r.Furnish()
	vars, codes := map[string]string{}, map[string]bool{}
	tell := func(rows []scenario) {
		for _, s := range rows {
			t.Run(s.name, func(t *testing.T) { s.tell(t, r, vars, codes) })
		}
	}
	tell(flowRoomScenarios())
	list, log := partnerFiles()
	vars["LIST"] = r.As(adAdops).Upload("part", "people", r.SealedTable("part", "people", partnerList, list))
	vars["LOG"] = r.As(adAdops).Upload("part", "@events", r.SealedLog("part", partnerLog, log))
	vars["MEMBERS"] = r.As(acAdops).Upload("improve", "members", r.SealedPart("improve", "members", 2000, 3501)) // a thousand of them match: no noise makes that its rows
	vars["OUT"] = r.As(acAdops).Upload("out", "members", r.SealedPart("out", "members", 0, 1501))
	tell(partnerScenarios())
	tell(improvementScenarios())
	tell(outsourcedScenarios())
	tell(helperScenarios())
}

// outsourcedTerms are the terms of what a worker does for the operator, with a
// sub-trustee where there is an entry of one.
func outsourcedTerms(helper string) string {
	terms := "flow: 5-outsourcing\nruns: 5-analysis\nprincipal: operator\ntrustee: worker\npurpose: statistics"
	if helper != "" {
		terms += "\nsub_trustees: [{party: helper, consent: " + evidence + ", " + helper + "}]"
	}
	return flowContract("out", terms, "5", "acme", "acme")
}

// helperScenarios: a sub-trustee of the worker asks as the worker does, while the
// contract says so and on its days; it reads no table, and sees no upload and nothing
// that others did.
func helperScenarios() []scenario {
	q := questionOf("out", "members", "profile", `"dims": ["area"]`)
	amended := func(name, helper string) scenario {
		return scenario{name: name, as: opAdmin, ask: "PUT /v1/entrustments/out", body: outsourcedTerms(helper), header: []string{"Content-Type", asYAML}, status: 200, has: []string{`"changed":true`}}
	}
	held := func(name string) string {
		of := questionOf("out", "members", "profile", `"dims": ["area"], "sigma": 20`)
		return `{"name":"` + name + `","until":"` + entrustment.DateOf(time.Now()).Add(60).String() + `",` + strings.TrimPrefix(of, "{")
	}
	return []scenario{
		{name: "a helper", as: opAdmin, ask: "PUT /v1/parties/helper", body: `{"schema":"awase.party/v1","id":"helper","class":"trustee","group":"helper","country":"JP"}`, status: 200},
		{name: "before it is one, there is no contract for it", as: hpMarketing, ask: "POST /v1/prices", body: q, status: 404, hasNot: []string{"acme"}},
		{name: "nor is there without the principal's consent", as: opAdmin, ask: "PUT /v1/entrustments/out", body: strings.Replace(outsourcedTerms("work: [ask]"), "consent: "+evidence+", ", "", 1), header: []string{"Content-Type", asYAML}, status: 422, has: []string{"consent"}},
		{name: "nor for who reads", as: opAdmin, ask: "PUT /v1/entrustments/out", body: strings.Replace(outsourcedTerms("work: [ask]"), "recipients: [acme]", "recipients: [acme, helper]", 1), header: []string{"Content-Type", asYAML}, status: 403, has: []string{"E_FORBIDDEN", "sub_trustees[0].party"}},
		amended("its work is to operate", "work: [operate]"),
		{name: "so it asks nothing", as: hpMarketing, ask: "POST /v1/reports", body: q, status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "it sees the contract", as: hpViewer, ask: "GET /v1/entrustments/out", status: 200, has: []string{`"operate"`}},
		amended("its days are over", "work: [ask], until: 2021-01-01"),
		{name: "so it prices nothing", as: hpMarketing, ask: "POST /v1/prices", body: q, status: 403, has: []string{"E_FORBIDDEN", "sub_trustees[0].until", "2021-01-01"}, hasNot: []string{`"charged"`}},
		{name: "and asks nothing", as: hpMarketing, ask: "POST /v1/reports", body: q, status: 202, ends: "failed", has: []string{"E_FORBIDDEN", "sub_trustees[0].until"}},
		{name: "nor holds a budget", as: hpMarketing, ask: "POST /v1/reservations", body: `{"name":"all","until":"2096-01-01","question":` + strings.TrimSuffix(strings.TrimPrefix(q, `{"question": `), "}") + `}`, status: 403, has: []string{"sub_trustees[0].until"}},
		amended("it is to ask", "work: [ask]"),
		{name: "it uploads nothing", as: hpAdops, ask: "GET /v1/entrustments/out/terms", status: 403, hasNot: []string{"awase-seal"}},
		{name: "it sees no rows", as: hpAdops, ask: "GET /v1/entrustments/out/lists", status: 200, has: []string{`"items":[]`}, hasNot: []string{"1501", "members"}},
		{name: "nor what expires", as: hpAdops, ask: "GET /v1/entrustments/out/retention", status: 200, hasNot: []string{"members"}},
		{name: "it asks, for the client, and the client's budget", as: hpMarketing, ask: "POST /v1/reports", body: q, status: 202, ends: "done", has: []string{`"recipient":"acme"`}, hasNot: []string{`"users"`}, keeps: map[string]string{"HELPED": `"report":"(rep-[^"]+)"`}, spent: cost{"acme/operator": 0.005}},
		{name: "it reads nothing", as: hpViewer, ask: "GET /v1/reports/$HELPED", status: 404, hasNot: []string{`"users"`}},
		{name: "nor a file", as: hpMarketing, ask: "GET /v1/reports/$HELPED/files/csv", status: 404, hasNot: []string{`"users"`}},
		{name: "the client reads, and who asked", as: acViewer, ask: "GET /v1/reports?entrustment=out", status: 200, has: []string{`"asked_by":"helper"`, `"asked_by":"worker"`}},
		{name: "it may not have the answer", as: hpMarketing, ask: "POST /v1/reports", body: strings.Replace(q, `"dims"`, `"recipient": "helper", "dims"`, 1), status: 202, ends: "failed", has: []string{"E_FORBIDDEN"}},
		{name: "of the log it reads its own", as: hpPrivacy, ask: "GET /v1/log", status: 200, has: []string{`"asked_by":"helper"`, `"entrust"`}, hasNot: []string{`"kind":"list"`, `"kind":"upload"`, `"asked_by":"worker"`, "rho_nano", "1501"}},
		{name: "the worker holds a question", as: wkMarketing, ask: "POST /v1/reservations", body: held("works"), status: 201},
		{name: "which the helper does not read", as: hpMarketing, ask: "POST /v1/reservations/out/works/price", body: `{}`, status: 404, hasNot: []string{"sigma", "area"}},
		{name: "nor ask", as: hpMarketing, ask: "POST /v1/reservations/out/works/report", status: 404},
		{name: "nor give up", as: hpMarketing, ask: "DELETE /v1/reservations/out/works", status: 404},
		{name: "in the words of none", as: hpMarketing, ask: "DELETE /v1/reservations/out/none", status: 404},
		{name: "it holds its own", as: hpMarketing, ask: "POST /v1/reservations", body: held("helps"), status: 201},
		{name: "and reads it", as: hpMarketing, ask: "POST /v1/reservations/out/helps/price", body: `{}`, status: 200, has: []string{`"sigma":20`}, hasNot: []string{"held_by"}},
		{name: "which the worker does, too", as: wkMarketing, ask: "POST /v1/reservations/out/helps/price", body: `{}`, status: 200, has: []string{`"sigma":20`}},
		{name: "it gives it up", as: hpMarketing, ask: "DELETE /v1/reservations/out/helps", status: 200},
		{name: "the worker its own", as: wkMarketing, ask: "DELETE /v1/reservations/out/works", status: 200},
		amended("it is taken out", ""),
		{name: "so there is no contract for it", as: hpMarketing, ask: "POST /v1/reports", body: q, status: 404, hasNot: []string{"acme"}},
	}
}

func flowRoomScenarios() []scenario {
	yaml := []string{"Content-Type", asYAML}
	put := func(id, doc string) scenario {
		return scenario{name: "the contract " + id, as: opAdmin, ask: "PUT /v1/entrustments/" + id, body: doc, header: yaml, status: 200, has: []string{`"changed":true`}}
	}
	partner := flowContract("part", partnerTerms, "2(6)", "adco", "operator")
	return []scenario{
		{name: "a partner", as: opAdmin, ask: "PUT /v1/parties/adco", body: `{"schema":"awase.party/v1","id":"adco","class":"ad-platform","group":"adco","country":"JP"}`, status: 200},
		{name: "a worker", as: opAdmin, ask: "PUT /v1/parties/worker", body: `{"schema":"awase.party/v1","id":"worker","class":"trustee","group":"worker","country":"JP"}`, status: 200},
		{name: "no policy covers it", as: opAdmin, ask: "PUT /v1/entrustments/part", body: partner, header: yaml, status: 403, has: []string{"E_NO_BASIS", "2-6-analysis", "awase policy add"}},
		{name: "policies", as: opPrivacy, ask: "PUT /v1/policies", body: `{"schema":"awase.policies/v1","policies":[{"version":"v2","date":"2024-01-29","clauses":{"2(6)":["2-6-analysis"],"5":["5-analysis","5-improvement"]}}]}`, status: 200, has: []string{`"changed":true`}},
		{name: "the partner does not trust the host", as: opAdmin, ask: "PUT /v1/entrustments/part", body: strings.Replace(partner, "accepted: true", "accepted: false", 1), header: yaml, status: 403, has: []string{"E_FORBIDDEN", `"host_trust_accepted"`, "DESIGN §4"}},
		{name: "a report for the partner", as: opAdmin, ask: "PUT /v1/entrustments/part", body: strings.Replace(partner, "recipients: [operator]", "recipients: [operator, adco]", 1), header: yaml, status: 403, has: []string{"E_FORBIDDEN", "recipients"}},
		{name: "for advertising", as: opAdmin, ask: "PUT /v1/entrustments/part", body: strings.Replace(partner, "purpose: statistics", "purpose: advertising", 1), header: yaml, status: 403, has: []string{"E_NO_BASIS", "policy §2(6)", "statistics, improvement"}},
		put("part", partner),
		put("improve", strings.Replace(improvement, "outputs: [profile]", "outputs: [profile, overlap]", 1)),
		put("out", outsourcedTerms("")),
	}
}

// questionOf is a question under an entrustment.
func questionOf(id, list, report, more string) string {
	return asked(fmt.Sprintf(`{"schema": "awase.report/v1", "report": %q, "entrustment": %q, "list": %q, %s}`, report, id, list, more))
}

func partnerScenarios() []scenario {
	profile := questionOf("part", "people", "profile", `"dims": ["plan", "home"]`)
	seen := strings.Replace(questionOf("part", "", "behaviour", `"dims": ["gender"], "window": {"from": "2026-03-01", "to": "2026-03-31"}`), `"list": "", `, "", 1)
	numbers := []string{`"users"`, `"cells"`, `"low"`}
	return []scenario{
		{name: "the operator has no terms of the partner's", as: opAdops, ask: "GET /v1/entrustments/part/terms", status: 403, hasNot: []string{"awase-seal"}},
		{name: "the partner has", as: adAdops, ask: "GET /v1/entrustments/part/terms", status: 200, has: []string{`"party":"adco"`}},
		{name: "nobody else's file is its list", as: acAdops, ask: "POST /v1/lists", body: `{"upload":"$LIST","entrustment":"part","name":"people"}`, status: 404, hasNot: []string{"adco"}},
		{name: "nor the operator's", as: opAdops, ask: "POST /v1/lists", body: `{"upload":"$LIST","entrustment":"part","name":"people"}`, status: 404, hasNot: []string{"adco"}},
		{name: "its list", as: adAdops, ask: "POST /v1/lists", body: `{"upload":"$LIST","entrustment":"part","name":"people"}`, status: 202, ends: "done", has: []string{`"rows":1613`}},
		{name: "its log", as: adAdops, ask: "POST /v1/events", body: `{"upload":"$LOG","entrustment":"part"}`, status: 202, ends: "done", has: []string{`"rows":807`}},
		{name: "its rows are its own", as: adAdops, ask: "GET /v1/lists/part/people", status: 200, has: []string{`"rows":1613`}},
		{name: "not the operator's", as: opAdops, ask: "GET /v1/lists/part/people", status: 404},
		{name: "nor their number", as: opAdops, ask: "GET /v1/entrustments/part/lists", status: 200, has: []string{`"items":[]`}, hasNot: []string{"1613", "people"}},
		{name: "nor its log's", as: opAdops, ask: "GET /v1/entrustments/part/events", status: 200, has: []string{`"items":[]`}, hasNot: []string{"807"}},
		{name: "the base is not the partner's", as: adAdops, ask: "GET /v1/bases", status: 403, hasNot: []string{"3000"}},
		{name: "nor the operator's log", as: adAdops, ask: "GET /v1/events", status: 403},
		{name: "nor another's contract", as: adViewer, ask: "GET /v1/entrustments/spring", status: 404, hasNot: []string{"acme"}},
		{name: "its own is", as: adViewer, ask: "GET /v1/entrustments/part", status: 200, has: []string{`"host_trust_accepted":true`}},
		{name: "what it costs the operator", as: opMarketing, ask: "POST /v1/prices", body: profile, status: 200, has: []string{`"recipient":"operator","owner":"adco"`, `"charged":0.005`}, hasNot: []string{"forecast", "1613"}},
		{name: "for another purpose", as: opMarketing, ask: "POST /v1/prices", body: strings.Replace(profile, `"dims"`, `"purpose": "improvement", "dims"`, 1), status: 403, has: []string{"E_NO_BASIS", `"field":"purpose"`, "APPI Art. 17, 18"}},
		{name: "for a purpose that there is not", as: opMarketing, ask: "POST /v1/prices", body: strings.Replace(profile, `"dims"`, `"purpose": "curiosity", "dims"`, 1), status: 422, has: []string{"purpose"}},
		{name: "for the partner to read", as: adMarketing, ask: "POST /v1/prices", body: strings.Replace(profile, `"dims"`, `"recipient": "adco", "dims"`, 1), status: 403, has: []string{"E_FORBIDDEN", "recipient"}},
		{name: "a report", as: opMarketing, ask: "POST /v1/reports", body: profile, status: 202, ends: "done", has: []string{`"recipient":"operator"`}, hasNot: numbers, keeps: map[string]string{"PART": `"report":"(rep-[^"]+)"`}, spent: cost{"operator/adco": 0.005}},
		{name: "its table is the operator's", as: opViewer, ask: "GET /v1/reports/$PART", status: 200, has: []string{`"purpose":"statistics"`, `"cells"`}, hasNot: []string{`"list_rows"`}, shows: showsTable},
		{name: "not the partner's", as: adViewer, ask: "GET /v1/reports/$PART", status: 404, hasNot: numbers},
		{name: "nor as a file", as: adMarketing, ask: "GET /v1/reports/$PART/files/csv", status: 404, hasNot: numbers},
		{name: "the partner asks for the operator", as: adMarketing, ask: "POST /v1/reports", body: profile, status: 202, ends: "done", has: []string{`"recipient":"operator"`}, hasNot: numbers},
		{name: "its log is charged too", as: opMarketing, ask: "POST /v1/reports", body: seen, status: 202, ends: "done", has: []string{`"recipient":"operator"`}, spent: cost{"operator/adco": 0.01}},
		{name: "the operator's ledger says for whom", as: opMarketing, ask: "GET /v1/ledger", status: 200, has: []string{`"recipient":"operator","owner":"adco"`, `"report":"behaviour"`}, hasNot: []string{`"recipient":"acme"`}},
		{name: "the partner's has no account", as: adPrivacy, ask: "GET /v1/ledger", status: 200, hasNot: []string{`"owner":"adco"`, `"owner":"operator"`}},
	}
}

func improvementScenarios() []scenario {
	q := questionOf("improve", "members", "profile", `"dims": ["gender"]`)
	more := func(text string) string { return strings.Replace(q, `"dims"`, text+`, "dims"`, 1) }
	return []scenario{
		{name: "the client's list", as: acAdops, ask: "POST /v1/lists", body: `{"upload":"$MEMBERS","entrustment":"improve","name":"members"}`, status: 202, ends: "done", has: []string{`"rows":1501`}},
		{name: "the client asks nothing", as: acMarketing, ask: "POST /v1/reports", body: q, status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "nor prices", as: acMarketing, ask: "POST /v1/prices", body: q, status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "nor holds the operator's budget", as: acMarketing, ask: "POST /v1/reservations", body: `{"name":"all","until":"2096-01-01","question":` + strings.TrimSuffix(strings.TrimPrefix(q, `{"question": `), "}") + `}`, status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "to sell with it", as: opMarketing, ask: "POST /v1/reports", body: more(`"purpose": "advertising"`), status: 202, ends: "failed", has: []string{"E_NO_BASIS", "APPI Art. 17, 18"}},
		{name: "for the client to read", as: opMarketing, ask: "POST /v1/reports", body: more(`"recipient": "acme"`), status: 202, ends: "failed", has: []string{"E_FORBIDDEN"}},
		{name: "to improve", as: opMarketing, ask: "POST /v1/reports", body: more(`"purpose": "improvement"`), status: 202, ends: "done", has: []string{`"recipient":"operator"`}, keeps: map[string]string{"IMPROVED": `"report":"(rep-[^"]+)"`}, spent: cost{"operator/acme": 0.005}},
		{name: "which is what it is for anyway", as: opMarketing, ask: "POST /v1/reports", body: q, status: 202, ends: "done", has: []string{"$IMPROVED"}},
		{name: "the operator reads it", as: opViewer, ask: "GET /v1/reports/$IMPROVED", status: 200, has: []string{`"purpose":"improvement"`}, hasNot: []string{"1501"}, shows: showsTable},
		{name: "the client does not", as: acViewer, ask: "GET /v1/reports/$IMPROVED", status: 404},
	}
}

func outsourcedScenarios() []scenario {
	q := questionOf("out", "members", "profile", `"dims": ["gender"]`)
	return []scenario{
		{name: "the worker uploads nothing", as: wkAdops, ask: "GET /v1/entrustments/out/terms", status: 403, hasNot: []string{"awase-seal"}},
		{name: "the client does", as: acAdops, ask: "POST /v1/lists", body: `{"upload":"$OUT","entrustment":"out","name":"members"}`, status: 202, ends: "done", has: []string{`"rows":1501`}},
		{name: "the worker sees no rows", as: wkAdops, ask: "GET /v1/entrustments/out/lists", status: 200, has: []string{`"items":[]`}, hasNot: []string{"1501", "members"}},
		{name: "it asks, for the client", as: wkMarketing, ask: "POST /v1/reports", body: q, status: 202, ends: "done", has: []string{`"recipient":"acme"`}, hasNot: []string{`"users"`}, keeps: map[string]string{"DONE": `"report":"(rep-[^"]+)"`}, spent: cost{"acme/operator": 0.005}},
		{name: "and reads nothing", as: wkViewer, ask: "GET /v1/reports/$DONE", status: 404, hasNot: []string{`"users"`}},
		{name: "the client reads", as: acViewer, ask: "GET /v1/reports/$DONE", status: 200, has: []string{`"purpose":"statistics"`, `"entrustment":"out"`}, shows: showsTable},
		{name: "nor may it have the answer", as: wkMarketing, ask: "POST /v1/reports", body: strings.Replace(q, `"dims"`, `"recipient": "worker", "dims"`, 1), status: 202, ends: "failed", has: []string{"E_FORBIDDEN"}},
		{name: "another's contract is not there for it", as: wkMarketing, ask: "POST /v1/prices", body: questionOf("part", "people", "profile", `"dims": ["plan"]`), status: 404, hasNot: []string{"adco"}},
	}
}

// That a client spends none of the operator's budget under a 5-improvement is one
// control: without it its people ask, and the operator pays.
func TestAskersTwin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change []func(*api.Options)
		status int
		spent  float64
	}{{nil, http.StatusForbidden, 0}, {[]func(*api.Options){api.Without(api.ControlAsk)}, http.StatusAccepted, 0.005}} {
		r := apitest.Start(t, c.change...)
		r.Furnish()
		r.As(opPrivacy).Do(http.MethodPut, "/v1/policies", `{"schema":"awase.policies/v1","policies":[{"version":"v2","date":"2024-01-29","clauses":{"5":["5-analysis","5-improvement"]}}]}`).Want(http.StatusOK)
		r.As(opAdmin).Bad(http.MethodPut, "/v1/entrustments/improve", improvement, "Content-Type", asYAML).Want(http.StatusOK)
		var load job
		id := r.As(acAdops).Upload("improve", "members", r.SealedPart("improve", "members", 0, 1501))
		r.As(acAdops).Do(http.MethodPost, "/v1/lists", `{"upload":"`+id+`","entrustment":"improve","name":"members"}`).Want(http.StatusAccepted).JSON(&load)
		await(t, r.As(acAdops), load.ID)
		a := r.As(acMarketing).Do(http.MethodPost, "/v1/reports", questionOf("improve", "members", "profile", `"dims": ["gender"]`)).Want(c.status)
		if c.status == http.StatusAccepted {
			var j job
			a.JSON(&j)
			await(t, r.As(acMarketing), j.ID)
		}
		if got := accounts(t, r)["operator/acme"]; got != c.spent {
			t.Errorf("asked by the client, it cost the operator %v, want %v", got, c.spent)
		}
	}
}
