package api_test

import (
	"strings"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

// The people of the story.
var (
	opAdmin, opPrivacy, opAdops, opMarketing = somebody(apitest.Operator, api.Admin), somebody(apitest.Operator, api.Privacy), somebody(apitest.Operator, api.AdOps), somebody(apitest.Operator, api.Marketing)
	acAdmin, acPrivacy, acAdops, acMarketing = somebody(apitest.Acme, api.Admin), somebody(apitest.Acme, api.Privacy), somebody(apitest.Acme, api.AdOps), somebody(apitest.Acme, api.Marketing)
	acViewer, acAuditor                      = somebody(apitest.Acme, api.Viewer), somebody(apitest.Acme, api.Auditor)
	beAdmin, bePrivacy, beAdops, beMarketing = somebody(apitest.Beta, api.Admin), somebody(apitest.Beta, api.Privacy), somebody(apitest.Beta, api.AdOps), somebody(apitest.Beta, api.Marketing)
)

// somebody is a person with an id as people's are.
func somebody(party string, role api.Role) api.Principal {
	p := apitest.Person(party, role)
	p.Person = api.NewID("per")
	return p
}

// on is a question of acme's list; more: its other members.
func on(list, report, more string) string {
	return asked(strings.Replace(apitest.Question(report, more), `"`+apitest.List+`"`, `"`+list+`"`, 1))
}

// improvement is a contract by which the operator asks about acme's list.
const improvement = `schema: awase.entrustment/v1
id: improve
flow: 5-improvement
principal: acme
trustee: operator
purpose: improvement
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["5"], evidence: ` + evidence + `}
  - {party: acme, code: CONSENT_27_1, scope: improvement, evidence: ` + evidence + `}
identifiers: [email]
attributes: [gender, area]
outputs: [profile]
recipients: [operator]
countries: {operator: JP}
retention: {lists: 90d, reports: 365d}
from: 2020-01-01
until: 2096-12-31
`

// scenarios tells the story.
func scenarios() (all []scenario) {
	for _, part := range [][]scenario{roomScenarios(), dataScenarios(), questionScenarios(), campaignScenarios(), freezeScenarios(), peopleScenarios(), requestScenarios(), endScenarios()} {
		all = append(all, part...)
	}
	return all
}

func roomScenarios() []scenario {
	yaml := []string{"Content-Type", asYAML}
	return []scenario{
		{name: "nobody reads the room", ask: "GET /v1/room", status: 401, has: []string{"E_SIGN_IN"}, hasNot: []string{"operator"}},
		{name: "its people do", as: acViewer, ask: "GET /v1/room", status: 200, has: []string{`"operator":"operator"`}, hasNot: []string{"beta"}},
		{name: "a client sees itself and the operator", as: acViewer, ask: "GET /v1/parties", status: 200, has: []string{`"acme"`, `"operator"`}, hasNot: []string{"beta"}},
		{name: "no other client", as: bePrivacy, ask: "GET /v1/parties/acme", status: 404, has: []string{"E_NOT_FOUND"}, hasNot: []string{"acme"}},
		{name: "a client makes no parties", as: acAdmin, ask: "PUT /v1/parties/acme", body: `{"schema":"awase.party/v1","id":"acme","class":"client","group":"operator","country":"JP"}`, status: 403, has: []string{"E_FORBIDDEN", "only people of the operator"}},
		{name: "a party with a slip of the pen", as: opAdmin, ask: "PUT /v1/parties/acme", body: `{"schema":"awase.party/v1","id":"acme","clas":"client","group":"acme","country":"JP"}`, status: 422, has: []string{"E_DOCUMENT", "clas", "allowed"}},
		{name: "a party under another's address", as: opAdmin, ask: "PUT /v1/parties/acme", body: `{"schema":"awase.party/v1","id":"beta","class":"client","group":"beta","country":"JP"}`, status: 422, has: []string{"E_SPEC", "another id"}},
		{name: "policies for one more flow", as: opPrivacy, ask: "PUT /v1/policies", body: `{"schema":"awase.policies/v1","policies":[{"version":"v2","date":"2024-01-29","clauses":{"5":["5-analysis","5-improvement"]}}]}`, status: 200, has: []string{`"changed":true`}},
		{name: "policies of a client's", as: acPrivacy, ask: "PUT /v1/policies", body: policiesDoc, status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "a gate that lets one person out", as: opPrivacy, ask: "PUT /v1/gate", body: "schema: awase.gate/v1\nk: 1\n", header: yaml, status: 413, has: []string{"E_LIMIT", "body"}},
		{name: "what a gate would change", as: opPrivacy, ask: "POST /v1/gate/changes", body: `{"schema":"awase.gate/v1","k":60}`, status: 200, has: []string{`"60"`}},
		{name: "and does not", as: acViewer, ask: "GET /v1/gate", status: 200, has: []string{`{"key":"k","value":"50","default":true}`}},
		{name: "a contract without a basis for the client's users", as: opAdmin, ask: "PUT /v1/entrustments/improve", body: strings.Replace(improvement, "  - {party: acme, code: CONSENT_27_1, scope: improvement, evidence: "+evidence+"}\n", "", 1), header: yaml, status: 403, has: []string{"E_NO_BASIS", `acme`, `"clause"`, "basis:"}},
		{name: "a contract about health", as: opAdmin, ask: "PUT /v1/entrustments/improve", body: strings.Replace(improvement, "[gender, area]", "[gender, disability]", 1), header: yaml, status: 403, has: []string{"E_DIM_FORBIDDEN"}},
		{name: "no such contract stands", as: acViewer, ask: "GET /v1/entrustments/improve", status: 404},
		{name: "a contract of a client's making", as: acPrivacy, ask: "PUT /v1/entrustments/improve", body: improvement, header: yaml, status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "a contract", as: opAdmin, ask: "PUT /v1/entrustments/improve", body: improvement, header: yaml, status: 200, has: []string{`"changed":true`}},
		{name: "the same again", as: opAdmin, ask: "PUT /v1/entrustments/improve", body: improvement, header: yaml, status: 200, has: []string{`"changed":false`}},
		{name: "only where there is none", as: opAdmin, ask: "PUT /v1/entrustments/improve", body: improvement, header: append(yaml, "If-None-Match", "*"), status: 412, has: []string{"E_CONFLICT"}},
		{name: "a client sees its contracts", as: acViewer, ask: "GET /v1/entrustments", status: 200, has: []string{`"spring"`, `"improve"`}},
		{name: "and what was agreed in one", as: acViewer, ask: "GET /v1/entrustments/improve/changes", status: 200, has: []string{`"from":0`, `"basis[acme].evidence"`, "attributes that may be read: gender added (more may leave)"}},
		{name: "a stranger learns of no changes", as: bePrivacy, ask: "GET /v1/entrustments/improve/changes", status: 404, hasNot: []string{"gender"}},
		{name: "a draft that nobody made", as: opPrivacy, ask: "PUT /v1/drafts/abc/review", status: 404},
		{name: "no draft to take back", as: opPrivacy, ask: "POST /v1/drafts/abc/withdrawal", body: "{}", status: 404, has: []string{"E_NOT_FOUND"}},
		{name: "a stranger none", as: bePrivacy, ask: "GET /v1/entrustments", status: 200, has: []string{`"items":[]`}, hasNot: []string{"acme"}},
		{name: "terms for who does not upload", as: opAdops, ask: "GET /v1/entrustments/spring/terms", status: 403, hasNot: []string{"awase-seal"}},
		{name: "a stranger ends nothing", as: bePrivacy, ask: "POST /v1/entrustments/spring/end", body: `{"confirm":"spring"}`, status: 404, hasNot: []string{"acme"}},
		{name: "an end by mistake", as: acPrivacy, ask: "POST /v1/entrustments/spring/end", body: `{"confirm":"improve"}`, status: 422, has: []string{`"confirm"`}},
		{name: "nothing waits for officers", as: acPrivacy, ask: "GET /v1/drafts", status: 200, has: []string{`"items":[]`}},
		{name: "the log, a client's entries of it", as: acAuditor, ask: "GET /v1/log", status: 200, has: []string{`"kind":"entrust"`}, hasNot: []string{"beta"}},
		{name: "the log of all, for a client", as: acAuditor, ask: "GET /v1/log?all=true", status: 403, has: []string{"E_FORBIDDEN"}, hasNot: []string{"beta"}},
		{name: "the log, for a viewer", as: acViewer, ask: "GET /v1/log", status: 403, has: []string{"auditor"}},
		{name: "a proof names no act", as: beAdmin, ask: "GET /v1/log/entries/1/proof", status: 200, has: []string{`"leaf"`}, hasNot: []string{"acme", "party"}},
		{name: "an attestation is for anybody", ask: "GET /attestation?nonce=n1", status: 200, has: []string{`"nonce":"n1"`}},
	}
}

// campaignScenarios are of a room without a contract that delivers; campaigns that are
// delivered have TestCampaigns.
func campaignScenarios() []scenario {
	c := func(of, id, more string) string {
		return string(apitest.CampaignUnder(of, id, apitest.Acme, "google", more))
	}
	return []scenario{
		{name: "nobody has campaigns", ask: "GET /v1/campaigns", status: 401, hasNot: []string{"acme"}},
		{name: "there are none", as: acViewer, ask: "GET /v1/campaigns", status: 200, has: []string{`"items":[]`}},
		{name: "of a contract that is a stranger's", as: bePrivacy, ask: "GET /v1/campaigns?entrustment=spring", status: 404, hasNot: []string{"acme"}},
		{name: "the price of one under a contract that delivers nothing", as: acMarketing, ask: "POST /v1/campaign-prices", body: `{"campaign":` + c("spring", "c", "") + `}`, status: 403, has: []string{"E_FORBIDDEN", "spring v1", "delivers nothing"}},
		{name: "the price of a stranger's", as: beMarketing, ask: "POST /v1/campaign-prices", body: `{"campaign":` + c("spring", "c", "") + `}`, status: 404, hasNot: []string{"acme"}},
		{name: "a campaign by who uploads", as: acAdops, ask: "PUT /v1/campaigns/spring/c", body: c("spring", "c", ""), status: 403, has: []string{"marketing"}},
		{name: "a campaign by a viewer", as: acViewer, ask: "POST /v1/campaigns/spring/c/deliver", body: "{}", status: 403, has: []string{"marketing"}},
		{name: "one with a slip of the pen", as: acMarketing, ask: "PUT /v1/campaigns/spring/c", body: c("spring", "c", `"holdouts": 10`), status: 422, has: []string{"E_DOCUMENT", "holdouts", "allowed"}},
		{name: "one that holds everybody out", as: acMarketing, ask: "PUT /v1/campaigns/spring/c", body: c("spring", "c", `"holdout": 100`), status: 422, has: []string{"E_DOCUMENT", "holdout"}},
		{name: "one that is refused stands nowhere", as: acMarketing, ask: "GET /v1/campaigns/spring/c", status: 404},
		{name: "closed by who has none", as: acMarketing, ask: "POST /v1/campaigns/spring/c/close", body: `{"confirm":"c"}`, status: 404},
		{name: "nothing is made out to anybody", as: beAdops, ask: "GET /v1/deliveries", status: 200, has: []string{`"items":[]`}},
		{name: "nor is there a file", as: beAdops, ask: "GET /v1/deliveries/spring/c/1/file", status: 404, hasNot: []string{"acme"}},
		{name: "a file for who only reads", as: acAuditor, ask: "GET /v1/deliveries/spring/c/1/file", status: 403, has: []string{"adops"}},
		{name: "a word on a delivery of nobody's", as: beAdops, ask: "POST /v1/deliveries/spring/c/1/report", body: `{"status":"delivered"}`, status: 404},
		{name: "a word with a count", as: beAdops, ask: "POST /v1/deliveries/spring/c/1/report", body: `{"status":"delivered","people":12}`, status: 422, has: []string{"E_SPEC", "people"}},
	}
}

func dataScenarios() []scenario {
	load := func(upload, under, list string) string {
		return `{"upload":"` + upload + `","entrustment":"` + under + `","name":"` + list + `"}`
	}
	of := func(as, name string, from, to int) *sending {
		return &sending{as: as, under: apitest.Entrustment, name: name, from: from, to: to}
	}
	damaged := of("BAD", "bad", 0, 1200)
	damaged.damaged = true
	improve := of("IMPROVE", "members", 0, 1500)
	improve.under = "improve"
	return []scenario{
		{name: "who uploaded a list sees it", as: acAdops, ask: "GET /v1/lists/spring/members", status: 200, has: []string{`"rows":1500`}},
		{name: "the operator does not", as: opAdops, ask: "GET /v1/lists/spring/members", status: 404, has: []string{"E_NOT_FOUND"}},
		{name: "nor a stranger", as: beAdops, ask: "GET /v1/lists/spring/members", status: 404, hasNot: []string{"spring"}},
		{name: "a list under the floor is taken", sends: of("SMALL", "small", 0, smallRows), as: acAdops, ask: "POST /v1/lists", body: load("$SMALL", "spring", "small"), status: 202, ends: "done", has: []string{`"added":437,"removed":0,"rows":437`, `"floor":1000`}},
		{name: "another in its place says what it changes", sends: of("OTHER", "small", 291, 291+smallRows), as: acAdops, ask: "POST /v1/lists", body: load("$OTHER", "spring", "small"), status: 202, ends: "done", has: []string{`"change":"replace","added":291,"removed":291,"rows":437`}},
		{name: "and so do its versions", as: acAdops, ask: "GET /v1/lists/spring/small", status: 200, has: []string{`"rows":437,"tokens":437,"added":291,"removed":291`, `"rows":437,"tokens":437,"added":437,"removed":0`}},
		{name: "to its party alone", as: opAdops, ask: "GET /v1/lists/spring/small", status: 404, hasNot: []string{"291"}},
		{name: "its upload is used", as: acAdops, ask: "POST /v1/lists", body: load("$SMALL", "spring", "small"), status: 410, has: []string{"E_GONE"}},
		{name: "a damaged file", sends: damaged, as: acAdops, ask: "POST /v1/lists", body: load("$BAD", "spring", "bad"), status: 202, ends: "failed", has: []string{"E_FILE"}},
		{name: "is no list", as: acAdops, ask: "GET /v1/lists/spring/bad", status: 404},
		{name: "an upload for another list", sends: of("VIPS", "vips", vipsFrom, vipsTo), as: acAdops, ask: "POST /v1/lists", body: load("$VIPS", "spring", "others"), status: 422, has: []string{"E_SPEC"}},
		{name: "an upload of another's", as: beAdops, ask: "POST /v1/lists", body: load("$VIPS", "spring", "vips"), status: 404, hasNot: []string{"vips", "acme"}},
		{name: "not even the operator's", as: opAdops, ask: "GET /v1/uploads/$VIPS", status: 404, hasNot: []string{"vips"}},
		{name: "nor in the list of uploads", as: opAdops, ask: "GET /v1/uploads", status: 200, has: []string{`"items":[]`}},
		{name: "marketing uploads nothing", as: acMarketing, ask: "POST /v1/lists", body: load("$VIPS", "spring", "vips"), status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "a list", as: acAdops, ask: "POST /v1/lists", body: load("$VIPS", "spring", "vips"), status: 202, ends: "done", has: []string{`"rows":2345`, `"tokens":2345`}, hasNot: []string{"match"}},
		{name: "a list too many of the month's", sends: of("MORE", "more", 0, 1200), as: acAdops, ask: "POST /v1/lists", body: load("$MORE", "spring", "more"), status: 202, ends: "failed", has: []string{"E_RATE", "4 new list versions in 30 days", "try again after"}},
		{name: "its upload stays", as: acAdops, ask: "GET /v1/uploads/$MORE", status: 200, has: []string{`"complete"`}},
		{name: "a list of the other contract", sends: improve, as: acAdops, ask: "POST /v1/lists", body: load("$IMPROVE", "improve", "members"), status: 202, ends: "done", has: []string{`"rows":1500`}},
		{name: "a client's file as the base", as: opAdops, ask: "POST /v1/bases", body: `{"upload":"$MORE","schema":` + apitest.BaseDoc + `}`, status: 404, hasNot: []string{"acme"}},
		{name: "the operator's own log", sends: &sending{as: "LOG", under: "@base", name: "@events", to: 900}, as: opAdops, ask: "POST /v1/events", body: `{"upload":"$LOG","own":true}`, status: 202, ends: "done", has: []string{`"rows":900`}},
		{name: "is not for clients", as: acAdops, ask: "GET /v1/events", status: 403, hasNot: []string{"900"}},
		{name: "the base, for the operator", as: opAdops, ask: "GET /v1/bases", status: 200, has: []string{`"users":3000`}},
		{name: "the base, for a client", as: acAdops, ask: "GET /v1/bases", status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "what a client may ask by", as: acViewer, ask: "GET /v1/entrustments/spring/attributes", status: 200, has: []string{`{"name":"gender","domain":["f","m","unknown"],"ordered":false}`, `"area"`}, hasNot: []string{"3000"}},
		{name: "not of a stranger's", as: beMarketing, ask: "GET /v1/entrustments/spring/attributes", status: 404, hasNot: []string{"gender", "acme"}},
		{name: "a client's list of lists", as: acAdops, ask: "GET /v1/entrustments/spring/lists", status: 200, has: []string{`"vips"`, `"rows":2345`}},
		{name: "what expires when", as: acAdops, ask: "GET /v1/entrustments/spring/retention", status: 200, has: []string{`"vips"`, `"retention.lists"`, `"expires_at"`}, hasNot: []string{"2345"}},
		{name: "the operator sees it too", as: opAdops, ask: "GET /v1/entrustments/spring/retention", status: 200, has: []string{`"vips"`}, hasNot: []string{"2345"}},
		{name: "a stranger does not", as: beAdops, ask: "GET /v1/entrustments/spring/retention", status: 404, hasNot: []string{"vips", "acme"}},
		{name: "the same for the operator", as: opAdops, ask: "GET /v1/entrustments/spring/lists", status: 200, has: []string{`"items":[]`}, hasNot: []string{"vips", `"added"`}},
		{name: "a job of another's", as: beAdops, ask: "GET /v1/jobs", status: 200, has: []string{`"items":[]`}},
	}
}

func questionScenarios() []scenario {
	gender := on("vips", "profile", `"dims": ["gender"]`)
	tokenOf := acMarketing
	tokenOf.Token, tokenOf.Scopes = "tok-story", []string{"reports:read"}
	improve := strings.Replace(on("members", "profile", `"dims": ["gender"]`), `"spring"`, `"improve"`, 1)
	numbers := []string{`"users"`, `"cells"`, `"low"`}
	until := time.Now().AddDate(0, 0, 3).Format(time.DateOnly)
	key := []string{"Idempotency-Key", "story-1"}
	return []scenario{
		{name: "a price", as: acMarketing, ask: "POST /v1/prices", body: gender, status: 200, has: []string{`"charged":0.005`, `"tau":107`}, hasNot: []string{`"cells":[`}},
		{name: "a column that the contract does not name", as: acMarketing, ask: "POST /v1/prices", body: on("vips", "profile", `"dims": ["income"]`), status: 403, has: []string{"E_DIM_FORBIDDEN", `"field":"dims[0]"`, "allowed: gender, area"}},
		{name: "a value that there is not", as: acMarketing, ask: "POST /v1/prices", body: on("vips", "profile", `"dims": ["area"], "where": {"in": {"gender": ["g"]}}`), status: 422, has: []string{"E_DOMAIN", `"field":"where`, "allowed: f, m, unknown"}},
		{name: "a report that there is not", as: acMarketing, ask: "POST /v1/prices", body: on("vips", "lift", ``), status: 422, has: []string{"E_SPEC"}},
		{name: "a report that the contract does not name", as: acMarketing, ask: "POST /v1/prices", body: on("vips", "behaviour", ``), status: 403},
		{name: "a precision that is not offered", as: acMarketing, ask: "POST /v1/prices", body: on("vips", "profile", `"dims": ["gender"], "sigma": 7`), status: 413, has: []string{"E_LIMIT", `"field":"sigma"`, "choose one of"}},
		{name: "a window of a century", as: acMarketing, ask: "POST /v1/prices", body: on("vips", "profile", `"dims": ["gender"], "window": {"from": "1950-01-01", "to": "2049-12-31"}`), status: 413, has: []string{"E_LIMIT", "window"}},
		{name: "a list too small, for whose it is", as: acMarketing, ask: "POST /v1/prices", body: on("small", "profile", `"dims": ["gender"]`), status: 422, has: []string{"E_LIST_SMALL", "1000", "holds 437"}},
		{name: "a list too small, for the other side", as: opMarketing, ask: "POST /v1/prices", body: on("small", "profile", `"dims": ["gender"]`), status: 422, has: []string{"E_LIST_SMALL"}},
		{name: "asked by it", as: opMarketing, ask: "POST /v1/reports", body: on("small", "profile", `"dims": ["gender"]`), status: 202, ends: "failed", has: []string{"E_LIST_SMALL"}},
		{name: "in a condition of its", as: opMarketing, ask: "POST /v1/reports", body: on("vips", "profile", `"dims": ["gender"], "where": {"list": "small"}`), status: 202, ends: "failed", has: []string{"E_LIST_SMALL", "where"}},
		{name: "held for it", as: opMarketing, ask: "POST /v1/reservations", body: `{"name":"small","until":"` + until + `","question":` + strings.Replace(apitest.Question("profile", `"dims": ["gender"]`), `"members"`, `"small"`, 1) + `}`, status: 422, has: []string{"E_LIST_SMALL"}},
		{name: "a list that there is not", as: acMarketing, ask: "POST /v1/prices", body: on("none", "profile", `"dims": ["gender"]`), status: 404},
		{name: "a stranger asks", as: beMarketing, ask: "POST /v1/reports", body: gender, status: 404, hasNot: []string{"vips", "acme"}},
		{name: "a token without the scope asks", as: tokenOf, ask: "POST /v1/reports", body: gender, status: 403, has: []string{"reports:write"}},
		{name: "nothing was charged by then", as: acMarketing, ask: "GET /v1/ledger", status: 200, has: []string{`"accounts":[`}, hasNot: []string{`"spent":0.0`}},
		{name: "a report", as: acMarketing, ask: "POST /v1/reports", body: gender, status: 202, ends: "done", has: []string{`"recipient":"acme"`}, hasNot: numbers, keeps: map[string]string{"REPORT": `"report":"(rep-[^"]+)"`, "JOB": `"id":"(job-[^"]+)"`}, spent: cost{"acme/operator": 0.005}},
		{name: "the same again, of another's mouth", as: opMarketing, ask: "POST /v1/reports", body: gender, status: 202, ends: "done", has: []string{"$REPORT"}, hasNot: numbers},
		{name: "in other words", as: acMarketing, ask: "POST /v1/reports", body: on("vips", "profile", `"dims": ["gender"], "where": {"all": [{"in": {"gender": ["unknown", "m", "f"]}}]}`), status: 202, ends: "done", spent: nil},
		{name: "who watches sees no number", as: acViewer, ask: "GET /v1/jobs/$JOB/events", status: 200, has: []string{"event: job", `"state":"done"`}, hasNot: numbers},
		{name: "the table, for its recipient", as: acViewer, ask: "GET /v1/reports/$REPORT", status: 200, has: []string{`"awase.release/v1"`, `"cells"`}, shows: showsTable},
		{name: "its receipt", as: acViewer, ask: "GET /v1/reports/$REPORT/receipt", status: 200, has: []string{`"signature"`}, hasNot: numbers},
		{name: "the table, for the operator", as: opMarketing, ask: "GET /v1/reports/$REPORT", status: 404, hasNot: append(numbers, "vips")},
		{name: "its file, for a stranger", as: beMarketing, ask: "GET /v1/reports/$REPORT/files/csv", status: 404, hasNot: numbers},
		{name: "a form that there is not", as: acViewer, ask: "GET /v1/reports/$REPORT/files/doc", status: 404, has: []string{"mend"}},
		{name: "a question under a key", as: acMarketing, header: key, ask: "POST /v1/reports", body: on("vips", "profile", `"dims": ["area"]`), status: 202, ends: "done", keeps: map[string]string{"AREA": `"id":"(job-[^"]+)"`}, spent: cost{"acme/operator": 0.005}},
		{name: "the key again", as: acMarketing, header: key, ask: "POST /v1/reports", body: on("vips", "profile", `"dims": ["area"]`), status: 202, ends: "done", has: []string{"$AREA"}},
		{name: "the key of another question", as: acMarketing, header: key, ask: "POST /v1/reports", body: gender, status: 422, has: []string{"E_CONFLICT", "Idempotency-Key"}},
		{name: "the key of another's", as: beMarketing, header: key, ask: "POST /v1/reports", body: on("vips", "profile", `"dims": ["area"]`), status: 404, hasNot: []string{"$AREA"}},
		{name: "the operator's question, of acme's users", as: opMarketing, ask: "POST /v1/reports", body: improve, status: 202, ends: "done", has: []string{`"recipient":"operator"`}, keeps: map[string]string{"IMPROVED": `"report":"(rep-[^"]+)"`}, spent: cost{"operator/acme": 0.005}},
		{name: "is not for acme", as: acMarketing, ask: "GET /v1/reports/$IMPROVED", status: 404, hasNot: numbers},
		{name: "a size", as: acMarketing, ask: "POST /v1/reports", body: on("vips", "size", `"sigma": 50, "where": {"in": {"gender": ["f"]}}`), status: 202, ends: "done", spent: cost{"acme/operator": 0.0002}},
		{name: "a cube", as: acMarketing, ask: "POST /v1/cubes", body: on("vips", "cube", `"dims": ["gender"], "sigma": 50`), status: 202, ends: "done", keeps: map[string]string{"CUBE": `"report":"(rep-[^"]+)"`}, spent: cost{"acme/operator": 0.0002}},
		{name: "sizes of it are free", as: acMarketing, ask: "POST /v1/cubes/$CUBE/sizes", body: `{"where":{"in":{"gender":["f"]}}}`, status: 200, has: []string{`"cells"`}, shows: showsTable},
		{name: "of what it has not", as: acMarketing, ask: "POST /v1/cubes/$CUBE/sizes", body: `{"where":{"in":{"area":["east"]}}}`, status: 422, has: []string{"E_SPEC"}},
		{name: "for nobody else", as: opMarketing, ask: "POST /v1/cubes/$CUBE/sizes", body: `{}`, status: 404, hasNot: numbers},
		{name: "a schedule costs nothing yet", as: acMarketing, ask: "POST /v1/schedules", body: `{"name":"Mondays","cron":"0 9 * * 1","question":` + apitest.Question("profile", `"dims": ["gender", "area"]`) + `}`, status: 201, has: []string{`"price"`, `"warning"`}, keeps: map[string]string{"SCHEDULE": `"id":"(sched-[^"]+)"`}},
		{name: "a schedule by the minute", as: acMarketing, ask: "POST /v1/schedules", body: `{"name":"n","cron":"* * * * *","question":` + apitest.Question("profile", `"dims": ["gender"]`) + `}`, status: 413, has: []string{"E_LIMIT", "cron"}},
		{name: "a schedule of another's", as: beMarketing, ask: "DELETE /v1/schedules/$SCHEDULE", status: 404, hasNot: []string{"Mondays"}},
		{name: "a reservation of what is not there", as: acMarketing, ask: "POST /v1/reservations", body: `{"name":"later","until":"` + until + `","question":` + apitest.Question("profile", `"dims": ["gender", "area"]`) + `}`, status: 403, has: []string{"E_BUDGET"}},
		{name: "a reservation of what is", as: acMarketing, ask: "POST /v1/reservations", body: `{"name":"later","until":"` + until + `","question":` + apitest.Question("size", `"sigma": 50`) + `}`, status: 201},
		{name: "the budget is spent", as: acMarketing, ask: "POST /v1/reports", body: on("vips", "profile", `"dims": ["gender", "area"]`), status: 202, ends: "failed", has: []string{"E_BUDGET", "0.005", "30", "365", "sigma"}},
		{name: "and says so before", as: acMarketing, ask: "POST /v1/prices", body: on("vips", "profile", `"dims": ["gender", "area"]`), status: 200, has: []string{`"limit":0.0115`}},
		{name: "what was held is asked", as: acMarketing, ask: "POST /v1/reservations/spring/later/report", status: 202, ends: "done", spent: cost{"acme/operator": 0.0002}},
		{name: "the ledger of one's own", as: acMarketing, ask: "GET /v1/ledger", status: 200, has: []string{`"recipient":"acme"`}, hasNot: []string{`"recipient":"operator"`, `"*"`}},
		{name: "the ledger of a stranger's", as: beMarketing, ask: "GET /v1/ledger", status: 200, hasNot: []string{"acme"}},
		{name: "the ledger of all, for marketing", as: opMarketing, ask: "GET /v1/ledger?officer=true", status: 403},
	}
}

func freezeScenarios() []scenario {
	question := on("vips", "size", `"sigma": 50, "where": {"in": {"area": ["west"]}}`)
	return []scenario{
		{name: "marketing stops nothing", as: acMarketing, ask: "POST /v1/freeze", body: `{}`, status: 403, has: []string{"E_FORBIDDEN"}},
		{name: "a privacy officer stops releases", as: acPrivacy, ask: "POST /v1/freeze", body: `{}`, status: 200, has: []string{`"frozen":true`}},
		{name: "nothing is released", as: acMarketing, ask: "POST /v1/reports", body: question, status: 202, ends: "failed", has: []string{"E_FROZEN"}},
		{name: "what was is not read", as: acViewer, ask: "GET /v1/reports/$REPORT", status: 503, has: []string{"E_FROZEN"}},
		{name: "nor laid out", as: acViewer, ask: "GET /v1/reports/$REPORT/files/csv", status: 503, has: []string{"E_FROZEN"}},
		{name: "who it was is not for others", as: bePrivacy, ask: "GET /v1/freeze", status: 200, has: []string{`"frozen":true`}, hasNot: []string{"acme"}},
		{name: "a client does not lift it", as: acPrivacy, ask: "POST /v1/freeze/lift", status: 403},
		{name: "the operator does", as: opPrivacy, ask: "POST /v1/freeze/lift", status: 200},
		{name: "what was is read again", as: acViewer, ask: "GET /v1/reports/$REPORT", status: 200, shows: showsTable},
		{name: "asked again it is released", as: acMarketing, ask: "POST /v1/reports", body: question, status: 202, ends: "done", spent: cost{"acme/operator": 0.0002}},
	}
}

func peopleScenarios() []scenario {
	tokenOf := acAdmin
	tokenOf.Token, tokenOf.Scopes = "tok-admin", []string{"people:read"}
	return []scenario{
		{name: "a viewer sees no people", as: acViewer, ask: "GET /v1/people", status: 403},
		{name: "an admin those of the party", as: acAdmin, ask: "GET /v1/people", status: 200, has: []string{`"party":"acme"`}, hasNot: []string{"beta", `"party":"operator"`}, keeps: map[string]string{"PERSON": `"id":"(per-[^"]+)","party":"acme","email":"[^"]+","name":"[^"]+","roles":\["viewer"\]`}, shows: showsPeople},
		{name: "another's admin does not", as: beAdmin, ask: "GET /v1/people/$PERSON", status: 404, hasNot: []string{"acme"}},
		{name: "nor changes them", as: beAdmin, ask: "PATCH /v1/people/$PERSON", body: `{"roles":["admin"]}`, status: 404},
		{name: "a role that there is not", as: acAdmin, ask: "POST /v1/invitations", body: `{"email":"new@acme.example","name":"New","roles":["owner"]}`, status: 422, has: []string{"roles"}},
		{name: "an invitation into another party", as: acAdmin, ask: "POST /v1/invitations", body: `{"email":"new@acme.example","name":"New","roles":["admin"],"party":"beta"}`, status: 422, hasNot: []string{"beta"}},
		{name: "a client invites no first admins", as: acAdmin, ask: "POST /v1/invitations/first-admin", body: `{"email":"new@acme.example","name":"New","party":"beta"}`, status: 403},
		{name: "an invitation", as: acAdmin, ask: "POST /v1/invitations", body: `{"email":"new@acme.example","name":"New","roles":["viewer"]}`, status: 201, has: []string{`"token":"`}, shows: showsPeople | showsSecret, keeps: map[string]string{"TOKEN": `"token":"([^"]+)"`}},
		{name: "its token is shown once", as: acAdmin, ask: "GET /v1/invitations", status: 200, has: []string{`"roles":["viewer"]`}, hasNot: []string{"$TOKEN"}, shows: showsPeople},
		{name: "another token", ask: "POST /v1/invitations/accept", body: `{"token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","password":"a phrase of several words"}`, status: 404, hasNot: []string{"phrase"}},
		{name: "a short password", ask: "POST /v1/invitations/accept", body: `{"token":"$TOKEN","password":"short"}`, status: 422, has: []string{"password"}, hasNot: []string{"$TOKEN"}},
		{name: "an acceptance", ask: "POST /v1/invitations/accept", body: `{"token":"$TOKEN","password":"a phrase of several words"}`, status: 201, has: []string{`"roles":["viewer"]`}, hasNot: []string{"phrase"}, shows: showsPeople},
		{name: "the token again", ask: "POST /v1/invitations/accept", body: `{"token":"$TOKEN","password":"a phrase of several words"}`, status: 404},
		{name: "a wrong password", ask: "POST /v1/session", body: `{"email":"new@acme.example","password":"another phrase of words"}`, status: 401, has: []string{"E_SIGN_IN"}, hasNot: []string{"phrase", "acme"}},
		{name: "how one may sign in", ask: "GET /v1/session/ways", status: 200, has: []string{`"oidc":false`, `"setup":false`}, hasNot: []string{"practice", "per-"}},
		{name: "no way in without a password", ask: "POST /v1/practice/session", body: `{"person":"$PERSON"}`, status: 404, has: []string{"E_NOT_FOUND"}, hasNot: []string{"$PERSON"}},
		{name: "nobody of that address", ask: "POST /v1/session", body: `{"email":"nobody@acme.example","password":"another phrase of words"}`, status: 401, has: []string{"E_SIGN_IN"}, hasNot: []string{"nobody"}},
		{name: "a token of a scope that there is not", as: acViewer, ask: "POST /v1/tokens", body: `{"name":"t","scopes":["all"]}`, status: 422, has: []string{"scopes"}},
		{name: "a token", as: acViewer, ask: "POST /v1/tokens", body: `{"name":"t","scopes":["reports:read"]}`, status: 201, has: []string{`"token":"awase_`}, shows: showsSecret, keeps: map[string]string{"ID": `"id":"(tok-[^"]+)"`}},
		{name: "shown once", as: acViewer, ask: "GET /v1/tokens", status: 200, has: []string{"$ID"}},
		{name: "revoked by no other", as: beAdmin, ask: "DELETE /v1/tokens/$ID", status: 404},
		{name: "a token makes no invitations", as: tokenOf, ask: "POST /v1/invitations", body: `{"email":"x@acme.example","name":"X","roles":["admin"]}`, status: 403},
		{name: "a token without the scope", as: tokenOf, ask: "GET /v1/me", status: 403, has: []string{"me:read"}},
		{name: "a webhook into the house", as: acAdmin, ask: "POST /v1/webhooks", body: `{"url":"https://169.254.169.254/latest/meta-data"}`, status: 422, has: []string{"E_SPEC"}},
		{name: "a webhook", as: acAdmin, ask: "POST /v1/webhooks", body: `{"url":"https://hooks.example.com/story","kinds":["job.failed"]}`, status: 201, has: []string{"whsec_"}, shows: showsSecret, keeps: map[string]string{"HOOK": `"id":"([^"]+)"`}},
		{name: "its secret is shown once", as: acAuditor, ask: "GET /v1/webhooks/$HOOK", status: 200, has: []string{"hooks.example.com"}},
		{name: "it is the party's", as: beAdmin, ask: "GET /v1/webhooks/$HOOK", status: 404, hasNot: []string{"hooks.example"}},
		{name: "notices are words", as: acMarketing, ask: "GET /v1/notices", status: 200, has: []string{"report.ready", "job.failed"}, hasNot: []string{"vips", `"rho"`}},
		{name: "nobody's for a stranger", as: beMarketing, ask: "GET /v1/notices", status: 200, hasNot: []string{"report.ready", "job.failed"}},
	}
}

// requestScenarios: what data subjects ask is the operator's desk's, and nobody else
// learns that somebody asked.
func requestScenarios() []scenario {
	const check = `{"check":{"method":"document","on":"2026-01-05"},`
	return []scenario{
		{name: "no request yet", as: opPrivacy, ask: "GET /v1/requests", status: 200, has: []string{`"items":[]`}},
		{name: "a request that is not sealed", as: opPrivacy, ask: "POST /v1/requests", body: check + `"sealed":"dGFyby4x"}`, status: 422, has: []string{"E_FILE"}},
		{name: "a request with a user key in clear", as: opPrivacy, ask: "POST /v1/requests", body: check + `"sealed":"AA==","keys":["u1"]}`, status: 422, has: []string{"E_SPEC"}},
		{name: "a request of a client's", as: acPrivacy, ask: "POST /v1/requests", body: check + `"sealed":"AA=="}`, status: 403},
		{name: "requests are no client's to see", as: acPrivacy, ask: "GET /v1/requests", status: 403},
		{name: "nor an admin's", as: opAdmin, ask: "GET /v1/requests", status: 403},
		{name: "no desk yet", as: opPrivacy, ask: "GET /v1/desk-key", status: 404, has: []string{"E_NOT_FOUND", "awase desk key"}},
		{name: "a desk's key that is none", as: opPrivacy, ask: "PUT /v1/desk-key", body: `{"key":"awase-seal-xwing-AAAA"}`, status: 422, has: []string{"E_SPEC"}},
		{name: "a client's desk", as: acPrivacy, ask: "PUT /v1/desk-key", body: `{"key":"x"}`, status: 403},
		{name: "no disclosure of none", as: opPrivacy, ask: "GET /v1/requests/1/disclosure", status: 404, has: []string{"E_NOT_FOUND"}},
		{name: "an auditor reads no disclosure", as: somebody(apitest.Operator, api.Auditor), ask: "GET /v1/requests/1/disclosure", status: 403},
		{name: "none is drafted", as: opPrivacy, ask: "POST /v1/requests/1/disclosure", body: `{}`, status: 404, has: []string{"E_NOT_FOUND"}},
		{name: "no receipt of none", as: opPrivacy, ask: "GET /v1/requests/1/receipt", status: 404, has: []string{"E_NOT_FOUND"}},
	}
}

func endScenarios() []scenario {
	improve := strings.Replace(on("members", "profile", `"dims": ["gender"]`), `"spring"`, `"improve"`, 1)
	return []scenario{
		{name: "no certificate before the end", as: acPrivacy, ask: "GET /v1/entrustments/improve/certificate", status: 404},
		{name: "an end", as: acPrivacy, ask: "POST /v1/entrustments/improve/end", body: `{"confirm":"improve"}`, status: 200, has: []string{`"awase.destruction/v1"`, `"signature"`}},
		{name: "its certificate, for either side", as: opAdmin, ask: "GET /v1/entrustments/improve/certificate", status: 200, has: []string{`"signature"`}},
		{name: "and nobody else", as: beAdmin, ask: "GET /v1/entrustments/improve/certificate", status: 404, hasNot: []string{"acme"}},
		{name: "evidence of it, with the certificate", as: acPrivacy, ask: "GET /v1/entrustments/improve/evidence?format=json", status: 200, has: []string{`"awase.evidence/v1"`, `"party":"acme"`, "awase.destruction/v1"}},
		{name: "as a pack", as: acPrivacy, ask: "GET /v1/entrustments/improve/evidence", status: 200, has: []string{"a pack of", "index.en.html", "provisions.csv"}},
		{name: "evidence of no days", as: acPrivacy, ask: "GET /v1/entrustments/improve/evidence?from=2026-13-01", status: 422, has: []string{"E_SPEC"}},
		{name: "evidence in no form", as: acPrivacy, ask: "GET /v1/entrustments/improve/evidence?format=exe", status: 422, has: []string{"zip or json"}},
		{name: "no evidence for others", as: bePrivacy, ask: "GET /v1/entrustments/improve/evidence", status: 404, hasNot: []string{"acme"}},
		{name: "nor for who runs it", as: acAdops, ask: "GET /v1/entrustments/improve/evidence", status: 403},
		{name: "an incident", as: opPrivacy, ask: "GET /v1/incident?from=2020-01-01&to=2096-01-01&format=json", status: 200, has: []string{`"awase.evidence/v1"`, `"rows":`}, hasNot: []string{"@example.jp"}, shows: showsRows},
		{name: "of no period", as: opPrivacy, ask: "GET /v1/incident", status: 422, has: []string{"E_SPEC"}},
		{name: "an incident for a client", as: acPrivacy, ask: "GET /v1/incident?from=2020-01-01&to=2096-01-01", status: 403, hasNot: []string{"a pack of"}},
		{name: "no terms any more", as: acAdops, ask: "GET /v1/entrustments/improve/terms", status: 410, has: []string{"E_GONE"}},
		{name: "no lists", as: acAdops, ask: "GET /v1/lists/improve/members", status: 404},
		{name: "no price", as: opMarketing, ask: "POST /v1/prices", body: improve, status: 410, has: []string{"E_GONE"}},
		{name: "no question", as: opMarketing, ask: "POST /v1/reports", body: strings.Replace(improve, "gender", "area", 1), status: 202, ends: "failed", has: []string{"E_GONE"}},
		{name: "what was spent stays spent", as: opPrivacy, ask: "GET /v1/ledger?officer=true", status: 200, has: []string{`"recipient":"operator"`, `"owner":"acme"`}, hasNot: []string{"E_"}},
		{name: "the other contract goes on", as: acMarketing, ask: "POST /v1/reports", body: on("vips", "profile", `"dims": ["gender"]`), status: 202, ends: "done", has: []string{"$REPORT"}},
	}
}
