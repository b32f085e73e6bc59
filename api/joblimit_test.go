package api_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// idle is an enclave that says what there is, and is away for whoever has work.
type idle struct {
	api.Enclave
	nobody *wire.Client
}

func (i idle) StartWork(ctx context.Context, req wire.WorkRequest) (wire.WorkState, error) {
	return i.nobody.StartWork(ctx, req)
}

// A party has 500 jobs that are not over and no more: the next is refused until one
// ends. Other parties ask on. Without the limit they are as many as somebody asks.
func TestOpenJobsAreBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*api.Options)
		status int
	}{
		{"with the limit", func(*api.Options) {}, http.StatusTooManyRequests},
		{"without the limit", api.Without(api.ControlJobs), http.StatusAccepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := apitest.Start(t, c.change, func(o *api.Options) { o.Enclave = idle{o.Enclave, wire.Later(filepath.Join(t.TempDir(), "s"))} })
			r.Furnish()
			acme, operator := marketing(r, apitest.Acme), marketing(r, apitest.Operator)
			var last string
			for range 499 {
				last = addJob(t, r)
			}
			q := asked(apitest.Question("profile", `"dims": ["gender"]`))
			acme.Do(http.MethodPost, "/v1/reports", q).Want(http.StatusAccepted)
			a := acme.Do(http.MethodPost, "/v1/reports", q).Want(c.status)
			if c.status == http.StatusAccepted {
				return
			}
			var p struct{ Code, Field, Mend string }
			a.JSON(&p)
			if p.Code != "E_RATE" || p.Field != "job" || p.Mend == "" || a.Header.Get("Retry-After") != "10" {
				t.Errorf("%s, Retry-After %q", a.Body, a.Header.Get("Retry-After"))
			}
			operator.Do(http.MethodPost, "/v1/reports", q).Want(http.StatusAccepted)
			acme.Do(http.MethodPost, "/v1/jobs/"+last+"/cancel", nil).Want(http.StatusAccepted)
			await(t, acme, last)
			acme.Do(http.MethodPost, "/v1/reports", q).Want(http.StatusAccepted)
		})
	}
}
