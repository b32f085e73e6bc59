package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/api/store"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// job is a job as people see it.
type job struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	State  string `json:"state"`
	Result struct {
		Report    string `json:"report"`
		Recipient string `json:"recipient"`
		Version   int    `json:"version"`
		Rows      int64  `json:"rows"`
		Users     int64  `json:"users"`
	} `json:"result"`
	Progress *struct{ Read, Of int64 } `json:"progress"`
	Reason   *struct{ Code, Detail, Mend string }
}

// await waits until a job is over.
func await(t *testing.T, c *apitest.Client, id string) (j job) {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		j = job{}
		c.Do(http.MethodGet, "/v1/jobs/"+id, nil).Want(http.StatusOK).JSON(&j)
		if j.State != "waiting" && j.State != "running" {
			return j
		}
	}
	t.Fatalf("the job does not end: %+v", j)
	return j
}

// ask posts, and waits for the job.
func ask(t *testing.T, c *apitest.Client, path, body string) job {
	t.Helper()
	var j job
	c.Do(http.MethodPost, path, body).Want(http.StatusAccepted).JSON(&j)
	return await(t, c, j.ID)
}

// spent is what acme spent of the operator's budget.
func spent(t *testing.T, r *apitest.Room) (rho float64) {
	t.Helper()
	l, err := r.Enclave.Ledger(t.Context(), wire.LedgerRequest{Group: apitest.Acme})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range l.Accounts {
		for _, w := range a.Windows {
			if w.Window == "30d" && w.Unit == "rho" {
				rho += w.Spent
			}
		}
	}
	return rho
}

// The room's people.
func marketing(r *apitest.Room, party string) *apitest.Client {
	return r.As(apitest.Person(party, api.Marketing))
}
func adops(r *apitest.Room, party string) *apitest.Client {
	return r.As(apitest.Person(party, api.AdOps))
}

func asked(question string) string { return `{"question": ` + question + `}` }

// A question becomes a job, its table a row of the recipient: who asks from the
// operator sees that it is there, and not the table. Asked again it is the same
// row, and free.
func TestReportForItsRecipient(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme, operator, beta := marketing(r, apitest.Acme), marketing(r, apitest.Operator), marketing(r, apitest.Beta)
	q := asked(apitest.Question("profile", `"dims": ["gender"]`))
	var price wire.Price
	acme.Do(http.MethodPost, "/v1/prices", q).Want(http.StatusOK).JSON(&price)
	if price.Charged != 0.005 || spent(t, r) != 0 {
		t.Fatalf("price %+v, spent %v; want 0.005, and nothing spent", price, spent(t, r))
	}
	first := ask(t, operator, "/v1/reports", q)
	if first.State != "done" || first.Result.Recipient != apitest.Acme {
		t.Fatalf("%+v", first)
	}
	at := "/v1/reports/" + first.Result.Report
	for _, who := range []*apitest.Client{operator, beta} {
		for _, path := range []string{at, at + "/receipt", at + "/files/csv"} {
			who.Do(http.MethodGet, path, nil).Want(http.StatusNotFound)
		}
	}
	var release wire.Release
	acme.Do(http.MethodGet, at, nil).Want(http.StatusOK).JSON(&release)
	if len(release.Cells) != 3 || release.Cells[0].Users == nil || release.Cells[0].Users.Value < 650 || release.Cells[0].Users.Value > 850 {
		t.Errorf("a release of %+v, want about 750 f", release.Cells)
	}
	if got := acme.Do(http.MethodGet, at+"/receipt", nil).Want(http.StatusOK); !strings.Contains(string(got.Body), `"signature"`) && !json.Valid(got.Body) {
		t.Errorf("receipt %s", got.Body)
	}
	if s := spent(t, r); s != 0.005 {
		t.Errorf("spent %v, want 0.005", s)
	}
	again := ask(t, acme, "/v1/reports", q)
	if again.Result.Report != first.Result.Report || spent(t, r) != 0.005 {
		t.Errorf("asked again: %+v, spent %v; want the same report, uncharged", again, spent(t, r))
	}
	var page struct {
		Items []struct{ ID, Job, AskedBy string }
	}
	acme.Do(http.MethodGet, "/v1/reports?kind=profile", nil).Want(http.StatusOK).JSON(&page)
	if len(page.Items) != 1 || page.Items[0].ID != first.Result.Report || page.Items[0].Job != "" {
		t.Errorf("%+v, want the report without the job of the operator", page)
	}
	// The row of one report, however many came after it; of another party's there is none.
	ask(t, acme, "/v1/reports", asked(apitest.Question("profile", `"dims": ["area"]`)))
	for who, want := range map[*apitest.Client]string{acme: "[" + first.Result.Report + "]", operator: "[]", beta: "[]"} {
		var got []string
		who.Do(http.MethodGet, "/v1/reports?report="+first.Result.Report, nil).Want(http.StatusOK).JSON(&page)
		for _, v := range page.Items {
			got = append(got, v.ID)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("by its id: %v, want %s", got, want)
		}
	}
	operator.Do(http.MethodGet, "/v1/reports", nil).Want(http.StatusOK).JSON(&page)
	if len(page.Items) != 0 {
		t.Errorf("the operator sees %+v", page)
	}
	beta.Do(http.MethodGet, "/v1/jobs/"+first.ID, nil).Want(http.StatusNotFound)
	beta.Do(http.MethodPost, "/v1/reports", q).Want(http.StatusNotFound)
}

var savedAs = regexp.MustCompile(`^attachment; filename="[A-Za-z0-9._-]+\.[a-z]+"; filename\*=UTF-8''[A-Za-z0-9._%-]+$`)

// Every format comes under a readable name that is no path.
func TestReportFiles(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme := marketing(r, apitest.Acme)
	at := "/v1/reports/" + ask(t, acme, "/v1/reports", asked(apitest.Question("profile", `"dims": ["gender"]`))).Result.Report
	var page struct{ Items []struct{ Files []string } }
	acme.Do(http.MethodGet, "/v1/reports", nil).Want(http.StatusOK).JSON(&page)
	if len(page.Items) != 1 || len(page.Items[0].Files) < 8 {
		t.Fatalf("%+v, want at least eight files", page)
	}
	for _, f := range page.Items[0].Files {
		a := acme.Do(http.MethodGet, f+"?lang=en", nil).Want(http.StatusOK)
		// curl -OJ reads the plain name alone, browsers the other one.
		if d := a.Header.Get("Content-Disposition"); !savedAs.MatchString(d) || len(a.Body) == 0 {
			t.Errorf("%s: %q, %d bytes", f, d, len(a.Body))
		}
		d := acme.Do(http.MethodGet, f, nil).Want(http.StatusOK).Header.Get("Content-Disposition")
		if !savedAs.MatchString(d) || !strings.Contains(d, "%E") {
			t.Errorf("%s in Japanese: %q", f, d)
		}
	}
	a := acme.Do(http.MethodGet, at+"/files/csv", nil).Want(http.StatusOK)
	acme.Do(http.MethodGet, at+"/files/csv", nil, "If-None-Match", a.Header.Get("ETag")).Want(http.StatusNotModified)
	acme.Do(http.MethodGet, at+"/files/exe", nil).Want(http.StatusNotFound)
	acme.Bad(http.MethodGet, at+"/files/csv?lang=xx", nil).Want(http.StatusUnprocessableEntity)
}

// A list goes from an upload into the room, once.
func TestLoadList(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	ops := adops(r, apitest.Acme)
	sealed := r.SealedList("vips", 1200)
	up := ops.Upload(apitest.Entrustment, "vips", sealed)
	body := `{"upload": "` + up + `", "entrustment": "spring", "name": "vips"}`
	adops(r, apitest.Beta).Do(http.MethodPost, "/v1/lists", body).Want(http.StatusNotFound)
	adops(r, apitest.Operator).Do(http.MethodPost, "/v1/lists", body).Want(http.StatusNotFound)
	ops.Do(http.MethodPost, "/v1/lists", strings.Replace(body, "vips", "others", 1)).Want(http.StatusUnprocessableEntity)
	j := ask(t, ops, "/v1/lists", body)
	if j.State != "done" || j.Result.Rows != 1200 || j.Result.Version != 1 || j.Progress == nil || j.Progress.Read != j.Progress.Of || j.Progress.Of != int64(len(sealed)) {
		t.Fatalf("%+v", j)
	}
	ops.Do(http.MethodPost, "/v1/lists", body).Want(http.StatusGone)
	var lists struct{ Items []wire.ListInfo }
	ops.Do(http.MethodGet, "/v1/entrustments/spring/lists", nil).Want(http.StatusOK).JSON(&lists)
	if len(lists.Items) != 2 || lists.Items[1].Name != "vips" {
		t.Errorf("%+v", lists)
	}
	ops.Do(http.MethodGet, "/v1/lists/spring/vips", nil).Want(http.StatusOK)
	adops(r, apitest.Operator).Do(http.MethodGet, "/v1/lists/spring/vips", nil).Want(http.StatusNotFound)
	adops(r, apitest.Operator).Do(http.MethodGet, "/v1/entrustments/spring/lists", nil).Want(http.StatusOK).JSON(&lists)
	if len(lists.Items) != 0 {
		t.Errorf("the operator sees acme's lists: %+v", lists)
	}
	adops(r, apitest.Beta).Do(http.MethodGet, "/v1/entrustments/spring/lists", nil).Want(http.StatusNotFound)
}

// A file that is not what it says ends the job with a reason, and nothing is
// loaded.
func TestLoadDamaged(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	ops := adops(r, apitest.Acme)
	sealed := r.SealedList("vips", 1200)
	sealed[len(sealed)/2] ^= 1
	j := ask(t, ops, "/v1/lists", `{"upload": "`+ops.Upload(apitest.Entrustment, "vips", sealed)+`", "entrustment": "spring", "name": "vips"}`)
	if j.State != "failed" || j.Reason == nil || j.Reason.Mend == "" || j.Reason.Code == "E_INTERNAL" {
		t.Errorf("%+v", j)
	}
	ops.Do(http.MethodGet, "/v1/lists/spring/vips", nil).Want(http.StatusNotFound)
}

// The operator loads its base.
func TestLoadBase(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	ops := adops(r, apitest.Operator)
	j := ask(t, ops, "/v1/bases", `{"upload": "`+ops.Upload("@base", "@base", r.SealedBase(2000))+`", "schema": `+apitest.BaseDoc+`}`)
	if j.State != "done" || j.Result.Users != 2000 {
		t.Fatalf("%+v", j)
	}
	var bases struct{ Items []wire.BaseInfo }
	ops.Do(http.MethodGet, "/v1/bases", nil).Want(http.StatusOK).JSON(&bases)
	if len(bases.Items) == 0 || bases.Items[0].Users != 2000 {
		t.Errorf("%+v", bases)
	}
	adops(r, apitest.Acme).Do(http.MethodGet, "/v1/bases", nil).Want(http.StatusForbidden)
	ops.Bad(http.MethodPost, "/v1/bases", `{"upload": "upl-00000000000000000000000000"}`).Want(http.StatusUnprocessableEntity)
}

// The operator loads a log of its own, which its people alone see.
func TestLoadEvents(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	ops := adops(r, apitest.Operator)
	up := ops.Upload("@base", "@events", r.SealedEvents(900))
	ops.Do(http.MethodPost, "/v1/events", `{"upload": "`+up+`", "entrustment": "spring"}`).Want(http.StatusNotFound)
	ops.Bad(http.MethodPost, "/v1/events", `{"upload": "`+up+`", "own": true, "entrustment": "spring"}`).Want(http.StatusUnprocessableEntity)
	if j := ask(t, ops, "/v1/events", `{"upload": "`+up+`", "own": true}`); j.State != "done" || j.Result.Rows != 900 {
		t.Fatalf("%+v %+v", j, j.Reason)
	}
	var logs struct{ Items []wire.EventsInfo }
	ops.Do(http.MethodGet, "/v1/events", nil).Want(http.StatusOK).JSON(&logs)
	if len(logs.Items) != 1 || logs.Items[0].Rows != 900 {
		t.Errorf("%+v", logs)
	}
	adops(r, apitest.Acme).Do(http.MethodGet, "/v1/events", nil).Want(http.StatusForbidden)
}

// reportJob is a job of a party that asks a question.
func reportJob(party, question string) *store.Job {
	return &store.Job{ID: api.NewID("job"), Party: party, Person: "per-" + party, Kind: "report", Subject: json.RawMessage(asked(question)), State: store.JobWaits, Created: time.Now().UTC()}
}
