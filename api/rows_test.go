package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// row is one request, and what must and must not come of it.
type row struct {
	name   string
	who    api.Principal
	ask    string // method and path
	body   string
	status int
	has    []string
	hasNot []string
	spent  float64 // of acme's budget since the room began
	ends   string  // of what becomes a job: its state
}

// TestDataRows holds lists, bases, events, reports, cubes, schedules and jobs
// against rows: who may ask what, what it shows, and what it cost.
func TestDataRows(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme, beta, operator := apitest.Person(apitest.Acme, api.Marketing), apitest.Person(apitest.Beta, api.Marketing), apitest.Person(apitest.Operator, api.Marketing)
	viewer, ops, auditor := apitest.Person(apitest.Acme, api.Viewer), apitest.Person(apitest.Acme, api.AdOps), apitest.Person(apitest.Acme, api.Auditor)
	token := acme
	token.Token, token.Scopes = "tok-1", []string{"jobs:read"}
	profile := apitest.Question("profile", `"dims": ["gender"]`)
	first := ask(t, r.As(acme), "/v1/reports", asked(profile))
	report, none := "/v1/reports/"+first.Result.Report, "/v1/reports/rep-00000000000000000000000000"
	never := []string{"taro.", "@example.jp", r.Dir, "sqlite", "control store", "goroutine"}
	numbers := []string{`"users"`, `"cells"`, `"low"`}
	const one = 0.005
	rows := []row{
		{name: "a price", who: acme, ask: "POST /v1/prices", body: asked(profile), status: 200, has: []string{`"charged":0`, `"rho":0.005`, `"forecast"`}, spent: one},
		{name: "a price of the operator's", who: operator, ask: "POST /v1/prices", body: asked(profile), status: 200, has: []string{`"rho":0.005`}, hasNot: []string{"forecast"}, spent: one},
		{name: "a price of a stranger's", who: beta, ask: "POST /v1/prices", body: asked(profile), status: 404, hasNot: []string{"rho", "spring"}, spent: one},
		{name: "a price of nothing there", who: acme, ask: "POST /v1/prices", body: asked(strings.Replace(profile, `"spring"`, `"winter"`, 1)), status: 404, spent: one},
		{name: "a viewer prices nothing", who: viewer, ask: "POST /v1/prices", body: asked(profile), status: 403, has: []string{"E_FORBIDDEN"}, spent: one},
		{name: "a viewer asks nothing", who: viewer, ask: "POST /v1/reports", body: asked(profile), status: 403, spent: one},
		{name: "an auditor asks nothing", who: auditor, ask: "POST /v1/reports", body: asked(profile), status: 403, spent: one},
		{name: "ad-ops ask nothing", who: ops, ask: "POST /v1/reports", body: asked(profile), status: 403, spent: one},
		{name: "a token without the scope", who: token, ask: "POST /v1/reports", body: asked(profile), status: 403, has: []string{"reports:write"}, spent: one},
		{name: "a token with it", who: token, ask: "GET /v1/jobs", status: 200, spent: one},
		{name: "no question", who: acme, ask: "POST /v1/reports", body: `{}`, status: 422, has: []string{"E_SPEC"}, spent: one},
		{name: "a question and more", who: acme, ask: "POST /v1/reports", body: `{"question": ` + profile + `, "party": "beta"}`, status: 422, hasNot: []string{"beta"}, spent: one},
		{name: "a question with more", who: acme, ask: "POST /v1/reports", body: asked(strings.Replace(profile, "{", `{"free": true, `, 1)), status: 422, spent: one},
		{name: "a recipient who is none", who: acme, ask: "POST /v1/reports", body: asked(apitest.Question("profile", `"dims": ["gender"], "recipient": "beta"`)), status: 202, ends: "failed", spent: one},
		{name: "a report again", who: acme, ask: "POST /v1/reports", body: asked(profile), status: 202, has: []string{`"report":"` + first.Result.Report}, hasNot: numbers, ends: "done", spent: one},
		{name: "the recipient reads", who: viewer, ask: "GET " + report, status: 200, has: []string{`"awase.release/v1"`, `"receipt"`}, spent: one},
		{name: "so does its auditor", who: auditor, ask: "GET " + report + "/receipt", status: 200, spent: one},
		{name: "the trustee does not", who: operator, ask: "GET " + report, status: 404, hasNot: append(numbers, "spring"), spent: one},
		{name: "nor a stranger", who: beta, ask: "GET " + report + "/files/csv", status: 404, hasNot: numbers, spent: one},
		{name: "what is not there looks the same", who: acme, ask: "GET " + none, status: 404, has: []string{"another party"}, spent: one},
		{name: "a path trick", who: acme, ask: "GET /v1/reports/..%2f..%2fcontrol.db", status: 404, spent: one},
		{name: "another", who: acme, ask: "GET /v1/reports/rep-00000000000000000000000000%00", status: 404, spent: one},
		{name: "no such format", who: acme, ask: "GET " + report + "/files/..%2fcsv", status: 404, spent: one},
		{name: "the operator's list of reports", who: operator, ask: "GET /v1/reports", status: 200, has: []string{`"items":[]`}, spent: one},
		{name: "a kind there is not", who: acme, ask: "GET /v1/reports?kind=none", status: 422, spent: one},
		{name: "a cursor nobody gave", who: acme, ask: "GET /v1/reports?cursor=%21", status: 422, spent: one},
		{name: "a job of the party", who: viewer, ask: "GET /v1/jobs/" + first.ID, status: 200, has: []string{`"state":"done"`}, hasNot: numbers, spent: one},
		{name: "a job of another's", who: operator, ask: "GET /v1/jobs/" + first.ID, status: 404, spent: one},
		{name: "cancelling another's", who: beta, ask: "POST /v1/jobs/" + first.ID + "/cancel", status: 404, spent: one},
		{name: "a viewer cancels nothing", who: viewer, ask: "POST /v1/jobs/" + first.ID + "/cancel", status: 403, spent: one},
		{name: "jobs of no state", who: acme, ask: "GET /v1/jobs?state=gone", status: 422, spent: one},
		{name: "jobs of a state", who: acme, ask: "GET /v1/jobs?state=waiting", status: 200, has: []string{`"items":[]`}, spent: one},
		{name: "lists of the party", who: ops, ask: "GET /v1/entrustments/spring/lists", status: 200, has: []string{`"rows":1500`}, spent: one},
		{name: "lists, for the other side", who: operator, ask: "GET /v1/entrustments/spring/lists", status: 200, has: []string{`"items":[]`}, hasNot: []string{"1500"}, spent: one},
		{name: "lists, for a stranger", who: beta, ask: "GET /v1/entrustments/spring/lists", status: 404, spent: one},
		{name: "an upload that is not there", who: ops, ask: "POST /v1/lists", body: `{"upload": "upl-00000000000000000000000000", "entrustment": "spring", "name": "x"}`, status: 404, spent: one},
		{name: "an upload that is a path", who: ops, ask: "POST /v1/lists", body: `{"upload": "../control.db", "entrustment": "spring", "name": "x"}`, status: 404, spent: one},
		{name: "a base of a client's", who: ops, ask: "POST /v1/bases", body: `{"upload": "upl-00000000000000000000000000", "schema": {}}`, status: 403, spent: one},
		{name: "events of whom?", who: ops, ask: "POST /v1/events", body: `{"upload": "upl-00000000000000000000000000"}`, status: 422, spent: one},
		{name: "own events of a client's", who: ops, ask: "POST /v1/events", body: `{"upload": "upl-00000000000000000000000000", "own": true}`, status: 404, spent: one},
		{name: "event logs", who: ops, ask: "GET /v1/entrustments/spring/events", status: 200, has: []string{`"items":[]`}, spent: one},
		{name: "a cube of a report that is none", who: acme, ask: "POST /v1/cubes/" + first.Result.Report + "/sizes", body: `{}`, status: 404, spent: one},
		{name: "a schedule of a stranger's", who: beta, ask: "POST /v1/schedules", body: `{"name": "n", "cron": "0 9 * * *", "question": ` + profile + `}`, status: 404, spent: one},
		{name: "a schedule of a viewer's", who: viewer, ask: "POST /v1/schedules", body: `{"name": "n", "cron": "0 9 * * *", "question": ` + profile + `}`, status: 403, spent: one},
		{name: "another question costs", who: acme, ask: "POST /v1/reports", body: asked(apitest.Question("profile", `"dims": ["area"]`)), status: 202, ends: "done", hasNot: numbers, spent: 2 * one},
		{name: "asked by the trustee", who: operator, ask: "POST /v1/reports", body: asked(apitest.Question("profile", `"dims": ["area", "gender"]`)), status: 202, ends: "done", hasNot: numbers, spent: 3 * one},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			method, path, _ := strings.Cut(row.ask, " ")
			var body any
			if row.body != "" {
				body = row.body
			}
			c := r.As(row.who)
			a := c.Bad(method, path, body).Want(row.status)
			got := string(a.Body)
			if row.ends != "" {
				var j job
				a.JSON(&j)
				if end := await(t, c, j.ID); end.State != row.ends {
					t.Errorf("ended %s, want %s: %+v", end.State, row.ends, end.Reason)
				}
				got = string(c.Do(http.MethodGet, "/v1/jobs/"+j.ID, nil).Body)
			}
			for _, h := range row.has {
				if !strings.Contains(got, h) {
					t.Errorf("%s lacks %s", got, h)
				}
			}
			for _, h := range append(row.hasNot, never...) {
				if strings.Contains(got, h) {
					t.Errorf("%s has %s", got, h)
				}
			}
			if s := spent(t, r); s < row.spent-1e-9 || s > row.spent+1e-9 {
				t.Errorf("spent %v, want %v", s, row.spent)
			}
			if a.Status >= 400 {
				var p struct{ Code, Mend string }
				if err := json.Unmarshal(a.Body, &p); err != nil || p.Code == "" || p.Mend == "" {
					t.Errorf("%s says not what to do", a.Body)
				}
			}
		})
	}
	for _, h := range never {
		if h != r.Dir && strings.Contains(r.Log.String(), h) {
			t.Errorf("the log has %q", h)
		}
	}
}
