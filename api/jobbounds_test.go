package api_test

import (
	"net/http"
	"strings"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// TestJobsFillNoDisk: what is kept of jobs is bounded, also of those that are refused
// within a moment and so never are open at once: in bytes each, and in number
// a day and party. Another party does not notice.
func TestJobsFillNoDisk(t *testing.T) {
	r := apitest.Start(t, func(o *api.Options) { o.Jobs.Day = 3 })
	r.Furnish()
	acme, operator := marketing(r, apitest.Acme), marketing(r, apitest.Operator)
	long := apitest.Question("profile", `"dims": ["gender"], "where": {"in": {"area": ["`+strings.Repeat("x", 40_000)+`"]}}`)
	for _, path := range []string{"/v1/reports", "/v1/prices"} {
		acme.Do(http.MethodPost, path, asked(long)).Want(http.StatusRequestEntityTooLarge)
	}
	acme.Do(http.MethodPost, "/v1/schedules", `{"name": "n", "cron": "0 9 * * *", "question": `+long+`}`).Want(http.StatusRequestEntityTooLarge)
	refused := asked(strings.Replace(long, strings.Repeat("x", 40_000), "nowhere", 1))
	for range 3 {
		if j := ask(t, acme, "/v1/reports", refused); j.State != "failed" {
			t.Fatalf("%+v", j)
		}
	}
	if a := acme.Do(http.MethodPost, "/v1/reports", refused).Want(http.StatusTooManyRequests); a.Header.Get("Retry-After") == "" {
		t.Errorf("%s", a.Body)
	}
	ask(t, operator, "/v1/reports", refused)
}

// A list that has had its versions of the month is refused, and its job over: the
// month's end is not waited for with the file read again and again.
func TestListVersionsEndTheJob(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish("list_versions: 1")
	ops := adops(r, apitest.Acme)
	up := ops.Upload(apitest.Entrustment, "vips", r.SealedList("vips", 1200))
	j := ask(t, ops, "/v1/lists", `{"upload": "`+up+`", "entrustment": "spring", "name": "vips"}`)
	if j.State != "failed" || j.Reason.Code != "E_RATE" || !strings.Contains(j.Reason.Mend, "after") {
		t.Errorf("%+v %+v", j, j.Reason)
	}
}

// A size that was refused while releases were stopped is answered once they go on.
func TestSizeAfterAFreeze(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme := marketing(r, apitest.Acme)
	j := ask(t, acme, "/v1/cubes", asked(apitest.Question("cube", `"dims": ["gender"], "sigma": 20`)))
	at, where := "/v1/cubes/"+j.Result.Report+"/sizes", `{"where": {"in": {"gender": ["f"]}}}`
	if _, err := r.Enclave.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
		t.Fatal(err)
	}
	acme.Do(http.MethodPost, at, where).Want(http.StatusServiceUnavailable)
	if _, err := r.Enclave.Lift(t.Context()); err != nil {
		t.Fatal(err)
	}
	acme.Do(http.MethodPost, at, where).Want(http.StatusOK)
}
