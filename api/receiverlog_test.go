package api_test

import (
	"net/http"
	"strings"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// TestReceiverLog: people of the platform that was delivered to load its event log, where
// the contract joins its users, and nothing else; each party sees its own log.
func TestReceiverLog(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t)
	its, mine := r.as(apitest.AdCo, api.AdOps), r.as(apitest.Acme, api.AdOps)
	const terms = "/v1/entrustments/ads/terms"
	upload := func(c *apitest.Client, name string) *apitest.Answer {
		return c.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "4096", "Upload-Metadata", apitest.Metadata(apitest.Ads, name))
	}
	if a := its.Do(http.MethodGet, terms, nil).Want(http.StatusForbidden); !strings.Contains(string(a.Body), `"basis"`) {
		t.Errorf("without a basis it is told %s", a.Body)
	}
	upload(its, "@events").Want(http.StatusNotFound)

	r.JoinAdCo()
	var to struct {
		Party   string
		Version int
	}
	its.Do(http.MethodGet, terms, nil).Want(http.StatusOK).JSON(&to)
	if to.Party != apitest.AdCo || to.Version != 2 {
		t.Errorf("it seals to %+v", to)
	}
	mine.Do(http.MethodGet, terms, nil).Want(http.StatusOK).JSON(&to)
	if to.Party != apitest.Acme {
		t.Errorf("the client seals to %+v", to)
	}
	up := its.Upload(apitest.Ads, "@events", r.SealedImpressions(apitest.AdCo, 700))
	if j := ask(t, its, "/v1/events", `{"upload": "`+up+`", "entrustment": "ads"}`); j.State != "done" || j.Result.Rows != 700 {
		t.Fatalf("%+v %+v", j, j.Reason)
	}
	logs := func(c *apitest.Client) (out []wire.EventsInfo) {
		var page struct{ Items []wire.EventsInfo }
		c.Do(http.MethodGet, "/v1/entrustments/ads/events", nil).Want(http.StatusOK).JSON(&page)
		return page.Items
	}
	if l := logs(its); len(l) != 1 || l[0].Rows != 700 || l[0].Version != 1 {
		t.Errorf("the platform sees %+v", l)
	}
	if l := logs(mine); len(l) != 1 || l[0].Rows != 2 {
		t.Errorf("the client sees %+v", l)
	}
	if l := logs(r.as(apitest.Operator, api.AdOps)); len(l) != 0 {
		t.Errorf("the operator sees %+v", l)
	}

	// A log that was sealed as the client's is not loaded as the platform's.
	up = its.Upload(apitest.Ads, "@events", r.SealedImpressions("", 700))
	if j := ask(t, its, "/v1/events", `{"upload": "`+up+`", "entrustment": "ads"}`); j.State != "failed" || j.Reason == nil || j.Reason.Code != "E_FILE" {
		t.Errorf("the client's, by the platform: %+v", j)
	}
	// A list is the client's alone, and the platform's log nobody else's to bring.
	upload(its, apitest.List).Want(http.StatusNotFound)
	its.Do(http.MethodPost, "/v1/lists", `{"upload": "`+up+`", "entrustment": "ads", "name": "members"}`).Want(http.StatusNotFound)
	upload(r.as(apitest.Operator, api.AdOps), "@events").Want(http.StatusNotFound)
	upload(r.as(apitest.Beta, api.AdOps), "@events").Want(http.StatusNotFound)
}
