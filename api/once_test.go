package api_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// leaving is an enclave under whose work somebody goes away.
type leaving struct {
	api.Enclave
	came chan struct{} // that it is at work
	gone chan struct{} // that the service knows that who asked is gone
}

func (l *leaving) GateChanges(ctx context.Context, file string, doc []byte) ([]wire.GateChange, error) {
	if l.came != nil {
		close(l.came)
		<-l.gone
		l.came = nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.Enclave.GateChanges(ctx, file, doc)
}

// watched tells of requests, as the server has them, that their askers are gone.
type watched struct {
	who     api.Principal
	request chan context.Context
	ended   chan string
}

// Observe tells that the service is done with a request.
func (w *watched) Observe(op string, _ int, _ time.Duration) { w.ended <- op }

func (w *watched) Authenticate(_ context.Context, r *http.Request) (*api.Principal, error) {
	w.request <- r.Context()
	return &w.who, nil
}

// Who goes away while their request is being done finds its answer under their key.
// The twin: where their going away reaches what was begun, the key can't be freed,
// and stays taken with nothing under it.
func TestOnceWhoGoesAway(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*api.Options)
		status int
	}{
		{"ended", func(*api.Options) {}, http.StatusOK},
		{"without the control", api.Without(api.ControlAway), http.StatusConflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &leaving{came: make(chan struct{}), gone: make(chan struct{})}
			w := &watched{who: everybody(apitest.Operator), request: make(chan context.Context, 8), ended: make(chan string, 8)}
			w.who.Person = "per-1"
			r := apitest.Start(t, c.change, func(o *api.Options) { l.Enclave, o.Enclave, o.Auth, o.Metrics = o.Enclave, l, w, w })
			ctx, leave := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+"/v1/gate/changes", strings.NewReader(gateDoc))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", asJSON)
			req.Header.Set("Idempotency-Key", "k")
			came, left := l.came, make(chan error, 1)
			go func() {
				res, err := http.DefaultClient.Do(req)
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close() // it was read
				}
				left <- err
			}()
			at := <-w.request
			<-came
			leave()
			<-at.Done()
			close(l.gone)
			if err := <-left; err == nil {
				t.Fatal("who left was answered")
			}
			<-w.ended
			a := r.Nobody().Do(http.MethodPost, "/v1/gate/changes", gateDoc, "Idempotency-Key", "k").Want(c.status)
			if replayed := a.Header.Get("Idempotent-Replayed") == "true"; replayed != (c.status == http.StatusOK) {
				t.Errorf("replayed: %v, %s", replayed, a.Body)
			}
			if says := strings.Contains(r.Log.String(), "an idempotency key stays taken"); says != (c.status != http.StatusOK) {
				t.Errorf("it says that a key stays taken: %v", says)
			}
		})
	}
}
