package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

const (
	worker     = "worker"  // runs a flow for the operator
	stranger3  = "gamma"   // a client that stands in no contract
	outsourced = "outward" // the operator's, with worker; the lists are beta's, who is neither side
)

// outsource puts into a furnished room a contract whose lists are of a third party.
func outsource(t *testing.T, r *apitest.Room) {
	t.Helper()
	ctx := t.Context()
	for id, class := range map[string]entrustment.PartyClass{worker: entrustment.ClassTrustee, stranger3: entrustment.ClassClient} {
		if _, err := r.Enclave.AddParty(ctx, &entrustment.Party{Schema: entrustment.SchemaParty, ID: id, Class: class, Group: id, Country: "JP"}); err != nil {
			t.Fatal(err)
		}
	}
	flows := []entrustment.Flow{entrustment.FlowAnalysis5, entrustment.FlowImprovement5}
	policies := entrustment.Policies{Schema: entrustment.SchemaPolicies, Policies: []entrustment.PolicyVersion{{Version: "v2", Date: entrustment.Date{Year: 2024, Month: 1, Day: 29}, Clauses: map[string][]entrustment.Flow{"5": flows}}}}
	if _, err := r.Enclave.SetPolicies(ctx, &policies); err != nil {
		t.Fatal(err)
	}
	for _, attributes := range [][]string{{"gender"}, {"gender", "area"}} { // two versions
		c := &entrustment.Contract{Schema: entrustment.SchemaEntrustment, ID: outsourced, Flow: entrustment.FlowOutsourcing5, Runs: entrustment.FlowImprovement5,
			Principal: apitest.Operator, Trustee: worker, Purpose: entrustment.PurposeImprovement,
			Basis: []entrustment.Basis{{Party: apitest.Operator, Code: entrustment.BasisConsentPolicy, Policy: "v2", Clauses: []string{"5"}, Evidence: "sha256:" + strings.Repeat("0", 64)},
				{Party: apitest.Beta, Code: entrustment.BasisConsent27, Scope: "improvement", Evidence: "sha256:" + strings.Repeat("0", 64)}},
			Identifiers: []string{entrustment.KindEmail}, Attributes: attributes, Events: []string{"job"}, Outputs: []string{"overlap", "profile"}, Recipients: []string{apitest.Operator},
			Countries: map[string]entrustment.Country{}, Retention: entrustment.Retention{Lists: 90, Reports: 365},
			From: entrustment.Date{Year: 2020, Month: 1, Day: 1}, Until: entrustment.Date{Year: 2096, Month: 12, Day: 31}}
		if _, err := r.Enclave.Entrust(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
}

// whole reads every row of a page.
func whole[T any](t *testing.T, c *apitest.Client, path string) (out []T) {
	t.Helper()
	var page struct{ Items []T }
	c.Do(http.MethodGet, path, nil).Want(http.StatusOK).JSON(&page)
	return page.Items
}

// TestThirdParty: a party that stands in a contract's basis alone uploads its list
// under it and sees it, its version, the contract and the entries of the log; nothing
// of it that is another's; and spends nobody's budget. A stranger finds nothing. The
// twins show what each control stops.
func TestThirdParty(t *testing.T) {
	for name, without := range map[string][]func(*api.Options){
		"as built": nil, "strangers see contracts": {api.Without(api.ControlParty)}, "who is joined asks": {api.Without(api.ControlAsk)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := apitest.Start(t, without...)
			r.Furnish()
			outsource(t, r)
			beta, gamma := adops(r, apitest.Beta), adops(r, stranger3)
			at := "/v1/entrustments/" + outsourced
			load := func(as *apitest.Client, name string, n int) job {
				sealed := r.SealedPart(outsourced, name, 0, n)
				return ask(t, as, "/v1/lists", fmt.Sprintf(`{"upload": %q, "entrustment": %q, "name": %q}`, as.Upload(outsourced, name, sealed), outsourced, name))
			}
			if name == "as built" {
				thirdPartySees(t, r, beta, load, at)
			}
			want := func(as *apitest.Client, method, path string, body any, status int) {
				t.Helper()
				if got := as.Do(method, path, body).Status; got != status {
					t.Errorf("%s %s: %d, want %d", method, path, got, status)
				}
			}

			seen := http.StatusNotFound
			if name == "strangers see contracts" {
				seen = http.StatusOK
			}
			for _, path := range []string{at, at + "/lists", at + "/events"} {
				want(gamma, http.MethodGet, path, nil, seen)
			}
			// An upload for a contract of others is refused in the words of one that never was.
			reserve := func(under string) string {
				a := gamma.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "4096", "Upload-Metadata", apitest.Metadata(under, "l"))
				return fmt.Sprint(a.Status, string(a.Body[:bytes.Index(a.Body, []byte("instance"))]), string(a.Body[bytes.Index(a.Body, []byte(`"code"`)):]))
			}
			if of, none := reserve(outsourced), reserve("never-was"); of != none || !strings.HasPrefix(of, "404") {
				t.Errorf("%s\n%s", of, none)
			}
			want(gamma, http.MethodGet, "/v1/lists/"+outsourced+"/members", nil, http.StatusNotFound)
			if got := len(whole[wire.EntrustmentInfo](t, gamma, "/v1/entrustments")) == 0; got != (seen == http.StatusNotFound) {
				t.Errorf("a stranger sees no contract: %v", got)
			}

			// The operator reads the answers, and pays for them.
			question := strings.Replace(apitest.Question("profile", `"dims": ["gender"]`), apitest.Entrustment, outsourced, 1)
			if _, err := r.Enclave.LoadList(t.Context(), wire.ListRequest{Entrustment: outsourced, Name: apitest.List}, bytes.NewReader(r.SealedPart(outsourced, apitest.List, 0, 1500))); err != nil {
				t.Fatal(err)
			}
			before := ledgerOf(t, r)
			m := marketing(r, apitest.Beta)
			if name == "who is joined asks" {
				if j := ask(t, m, "/v1/reports", asked(question)); j.State != "done" || ledgerOf(t, r) == before {
					t.Errorf("without the control nobody's budget is spent: %+v", j)
				}
				return
			}
			a := m.Do(http.MethodPost, "/v1/reports", asked(question)).Want(http.StatusForbidden)
			if !strings.Contains(string(a.Body), `"contract":{"id":"outward","version":2,"clause":"recipients"}`) || !strings.Contains(string(a.Body), "outward v2, recipients: ") {
				t.Errorf("%s", a.Body)
			}
			want(m, http.MethodPost, "/v1/prices", asked(question), http.StatusForbidden)
			want(m, http.MethodPost, "/v1/reservations", `{"name": "r", "until": "2036-03-20", "question": `+question+`}`, http.StatusForbidden)
			want(m, http.MethodPost, "/v1/schedules", `{"name": "n", "cron": "0 9 * * *", "question": `+question+`}`, http.StatusForbidden)
			if ledgerOf(t, r) != before {
				t.Error("what is refused is charged")
			}
		})
	}
}

// thirdPartySees holds what the party sees that loads a list under the contract.
func thirdPartySees(t *testing.T, r *apitest.Room, beta *apitest.Client, load func(*apitest.Client, string, int) job, at string) {
	t.Helper()
	if j := load(beta, apitest.List, 1500); j.State != "done" || j.Result.Rows != 1500 {
		t.Fatalf("%+v %+v", j, j.Reason)
	}
	lists := whole[wire.ListInfo](t, beta, at+"/lists")
	if len(lists) != 1 || lists[0].Party != apitest.Beta || len(lists[0].Versions) != 1 || lists[0].Versions[0].Under != 2 {
		t.Errorf("%+v", lists)
	}
	beta.Do(http.MethodGet, "/v1/lists/"+outsourced+"/"+apitest.List, nil).Want(http.StatusOK)
	beta.Do(http.MethodGet, at, nil).Want(http.StatusOK)
	beta.Do(http.MethodGet, at+"/terms", nil).Want(http.StatusOK)
	beta.Do(http.MethodGet, at+"/events", nil).Want(http.StatusOK)
	if all := whole[wire.EntrustmentInfo](t, beta, "/v1/entrustments"); len(all) != 1 || all[0].ID != outsourced {
		t.Errorf("%+v", all)
	}
	// The other parties of the contract see no list of beta's: it is a row of its own.
	for _, party := range []string{apitest.Operator, worker} {
		if others := whole[wire.ListInfo](t, adops(r, party), at+"/lists"); len(others) != 0 {
			t.Errorf("%s: %+v", party, others)
		}
	}
	// Acts under a contract of others are not beta's to see, nor their numbers.
	entries := whole[wire.LogEntry](t, r.As(apitest.Person(apitest.Beta, api.Auditor)), "/v1/log")
	kinds := map[string]int{}
	for _, e := range entries {
		kinds[e.Kind]++
		if e.Entrustment != outsourced && e.Party != apitest.Beta {
			t.Errorf("beta reads entry %d, a %s of %q under %q", e.Seq, e.Kind, e.Party, e.Entrustment)
		}
		if e.Kind == "list" && (!strings.Contains(string(e.Detail), `"entrustment_version":2`) || !strings.Contains(string(e.Detail), `"rows":1500`)) {
			t.Errorf("%s", e.Detail)
		}
	}
	if kinds["entrust"] != 2 || kinds["list"] != 1 {
		t.Errorf("beta reads %v", kinds)
	}
	worked := whole[wire.LogEntry](t, r.As(apitest.Person(worker, api.Auditor)), "/v1/log")
	if !slices.ContainsFunc(worked, func(e wire.LogEntry) bool { return e.Kind == "list" }) || slices.ContainsFunc(worked, func(e wire.LogEntry) bool { return number(1500).Match(e.Detail) }) {
		t.Errorf("the trustee reads %+v", worked)
	}
}

// ledgerOf is what the operator spent.
func ledgerOf(t *testing.T, r *apitest.Room) string {
	t.Helper()
	l, err := r.Enclave.Ledger(t.Context(), wire.LedgerRequest{Group: apitest.Operator})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v", l.Accounts) // the time it is of goes on
}
