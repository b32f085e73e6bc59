package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// What jobs come to is told once: to who asked, and of a table to its recipient.
func TestJobsTell(t *testing.T) {
	c := &setTime{}
	c.set(day(24, 8))
	r := apitest.Start(t, c.option)
	r.Furnish("budget: {30d: 0.006}")
	acme, operator, ada := marketing(r, apitest.Acme), marketing(r, apitest.Operator), adops(r, apitest.Acme)
	kinds := func(c *apitest.Client) (out []string) {
		t.Helper()
		var page struct {
			Items []struct{ Kind, Subject string }
		}
		a := c.Do(http.MethodGet, "/v1/notices", nil).Want(http.StatusOK)
		a.JSON(&page)
		if strings.Contains(string(a.Body), "users") {
			t.Errorf("a notice tells too much: %s", a.Body)
		}
		for _, n := range page.Items {
			out = append(out, n.Kind)
		}
		slices.Sort(out)
		return out
	}
	if j := ask(t, operator, "/v1/reports", asked(apitest.Question("profile", `"dims": ["gender"]`))); j.State != "done" {
		t.Fatalf("%+v", j)
	}
	if got := kinds(acme); !slices.Equal(got, []string{"report.ready"}) {
		t.Errorf("the recipient is told %v", got)
	}
	if got := kinds(operator); !slices.Equal(got, []string{"job.done"}) {
		t.Errorf("who asked is told %v", got)
	}
	// Who asks what is theirs, here for nothing, is told once, that it is there; who looks after the work and
	// reads no reports, that it is done.
	if j := ask(t, acme, "/v1/reports", asked(apitest.Question("profile", `"dims": ["gender"]`))); j.State != "done" {
		t.Fatalf("%+v", j)
	}
	if got := kinds(acme); !slices.Equal(got, []string{"report.ready", "report.ready"}) {
		t.Errorf("who asked what is theirs is told %v", got)
	}
	if got := kinds(ada); !slices.Equal(got, []string{"job.done"}) {
		t.Errorf("their ad-ops are told %v", got)
	}
	acme.Do(http.MethodPost, "/v1/schedules", `{"name": "毎日", "question": `+apitest.Question("profile", `"dims": ["area"]`)+`, "cron": "0 9 * * *", "formats": ["csv", "xlsx"]}`).Want(http.StatusCreated)
	c.set(day(24, 9))
	acme = r.As(apitest.Person(apitest.Acme, api.Marketing))
	runsOf(t, acme, 1)
	if got := kinds(acme); !slices.Equal(got, []string{"job.failed", "report.ready", "report.ready", "schedule.paused"}) {
		t.Errorf("of a schedule that pauses the party is told %v", got)
	}
}
