package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// stream reads the server-sent events of a job.
type stream struct {
	*bufio.Reader
	res *http.Response
}

func watch(t *testing.T, r *apitest.Room, who api.Principal, id, last string) (*stream, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/v1/jobs/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token(who))
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return &stream{bufio.NewReader(res.Body), res}, res.StatusCode
}

// next gives the next event; ok is false at the end.
func (s *stream) next(t *testing.T) (id string, j job, ok bool) {
	t.Helper()
	for {
		line, err := s.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return "", j, false
		}
		if err != nil {
			t.Fatal(err)
		}
		if v, is := strings.CutPrefix(line, "id: "); is {
			id = strings.TrimSpace(v)
		}
		if v, is := strings.CutPrefix(line, "data: "); is {
			if err := json.Unmarshal([]byte(v), &j); err != nil {
				t.Fatal(err)
			}
			return id, j, true
		}
	}
}

// Who watches a job gets each change once, in order, to its end; who comes again
// with what they have seen gets nothing twice.
func TestWatchJob(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme := apitest.Person(apitest.Acme, api.Marketing)
	var j job
	r.As(acme).Do(http.MethodPost, "/v1/reports", asked(apitest.Question("profile", `"dims": ["area"]`))).Want(http.StatusAccepted).JSON(&j)
	if _, status := watch(t, r, apitest.Person(apitest.Beta, api.Marketing), j.ID, ""); status != http.StatusNotFound {
		t.Errorf("another party watches: %d", status)
	}
	s, _ := watch(t, r, acme, j.ID, "")
	var last string
	var states []string
	for {
		id, got, ok := s.next(t)
		if !ok {
			break
		}
		if len(last) > len(id) || len(last) == len(id) && last >= id {
			t.Errorf("event %s after %s", id, last)
		}
		last, states = id, append(states, got.State)
	}
	if len(states) == 0 || states[len(states)-1] != "done" {
		t.Errorf("states %v, want done at the end", states)
	}
	if _, status := watch(t, r, acme, j.ID, last); status != http.StatusNoContent {
		t.Errorf("seen to its end: %d, want 204", status)
	}
	if s, _ := watch(t, r, acme, j.ID, "1"); s.res.StatusCode != http.StatusOK {
		t.Errorf("status %d", s.res.StatusCode)
	} else if _, got, ok := s.next(t); !ok || got.State != "done" {
		t.Errorf("%+v, want the end", got)
	}
	r.As(acme).Do(http.MethodGet, "/v1/jobs/"+j.ID+"/events", nil).Want(http.StatusOK) // as the contract has it
}

// A person watches so many jobs at once, and no more; another's are not counted.
func TestStreamsAreBounded(t *testing.T) {
	away := newAway(t)
	r := apitest.Start(t, away.option)
	away.serve(r)
	r.Furnish()
	away.stop() // so that the job does not end
	acme, other := apitest.Person(apitest.Acme, api.Marketing), apitest.Person(apitest.Acme, api.AdOps)
	other.Person = "per-other"
	id := addJob(t, r)
	var open []*stream
	for range 8 {
		s, status := watch(t, r, acme, id, "")
		if status != http.StatusOK {
			t.Fatal(status)
		}
		open = append(open, s)
	}
	if s, status := watch(t, r, acme, id, ""); status != http.StatusTooManyRequests || s.res.Header.Get("Retry-After") == "" {
		t.Errorf("a ninth stream: %d", status)
	}
	if _, status := watch(t, r, other, id, ""); status != http.StatusOK {
		t.Errorf("another person: %d", status)
	}
	open[0].res.Body.Close()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, status := watch(t, r, acme, id, ""); status == http.StatusOK {
			break
		} else if time.Now().After(until) {
			t.Fatalf("after one was closed: %d", status)
		}
	}
}

// away is an enclave behind a socket, that can go away and come back.
type away struct {
	t      *testing.T
	socket string
	room   *apitest.Room
	client *wire.Client
	end    context.CancelFunc
	ended  chan error
}

func newAway(t *testing.T) *away {
	dir, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &away{t: t, socket: filepath.Join(dir, "s")}
}

// option makes the room ask over the socket. The server is made before anything
// serves there, so the client is one that finds its enclave later.
func (a *away) option(o *api.Options) {
	a.serveWith(o.Enclave.(wire.Enclave))
	var err error
	if a.client, err = wire.Dial(a.socket); err != nil {
		a.t.Fatal(err)
	}
	o.Enclave = a.client
	o.Jobs.Look = time.Hour // nothing else is done
}

func (a *away) serve(r *apitest.Room) {
	a.room = r
	a.t.Cleanup(a.stop)
}

func (a *away) serveWith(e wire.Enclave) {
	l, err := wire.Listen(a.socket)
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.WithoutCancel(a.t.Context()))
	a.end, a.ended = end, make(chan error, 1)
	go func() { a.ended <- wire.Serve(ctx, l, e, wire.Options{}) }()
}

func (a *away) stop() {
	if a.end == nil {
		return
	}
	a.client.Close()
	a.end()
	if err := <-a.ended; err != nil {
		a.t.Error(err)
	}
	a.end = nil
}

// addJob asks a report, past the enclave.
func addJob(t *testing.T, r *apitest.Room) string {
	t.Helper()
	j := reportJob(apitest.Acme, apitest.Question("profile", `"dims": ["gender"]`))
	if err := r.Store.AddJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// While the enclave is away a job waits, however long, and no fault is counted.
func TestEnclaveAway(t *testing.T) {
	away := newAway(t)
	r := apitest.Start(t, away.option, func(o *api.Options) { o.Jobs.Faults = 1 })
	away.serve(r)
	r.Furnish()
	away.stop()
	id := addJob(t, r)
	acme := marketing(r, apitest.Acme)
	for until := time.Now().Add(3500 * time.Millisecond); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		var j job
		acme.Do(http.MethodGet, "/v1/jobs/"+id, nil).Want(http.StatusOK).JSON(&j)
		if j.State != "waiting" && j.State != "running" {
			t.Fatalf("%+v", j)
		}
	}
	a := acme.Do(http.MethodPost, "/v1/prices", asked(apitest.Question("profile", `"dims": ["gender"]`)))
	if a.Status != http.StatusServiceUnavailable || strings.Contains(string(a.Body), away.socket) || a.Header.Get("Retry-After") == "" {
		t.Errorf("a price meanwhile: %d %s", a.Status, a.Body)
	}
	away.serveWith(r.Enclave)
	if j := await(t, acme, id); j.State != "done" {
		t.Fatalf("%+v", j)
	}
	if s := spent(t, r); s != 0.005 {
		t.Errorf("spent %v, want 0.005", s)
	}
}

// A job whose attempts break goes on when it is mended, charged once; one that is
// not mended fails with a reason that says what to do, and is not charged again
// when it is asked again.
func TestJobThatBreaks(t *testing.T) {
	reports := ""
	r := apitest.Start(t, func(o *api.Options) { o.Jobs.BackOff, reports = 20*time.Millisecond, o.Reports })
	r.Furnish()
	acme := marketing(r, apitest.Acme)
	breaks := func() {
		if err := os.Rename(reports, reports+"-gone"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(reports, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mend := func() {
		if err := errors.Join(os.Remove(reports), os.Rename(reports+"-gone", reports)); err != nil {
			t.Fatal(err)
		}
	}
	breaks()
	q := asked(apitest.Question("profile", `"dims": ["gender"]`))
	j := ask(t, acme, "/v1/reports", q)
	if j.State != "failed" || j.Reason == nil || j.Reason.Code != "E_INTERNAL" || !strings.Contains(j.Reason.Mend, "operator") || strings.Contains(j.Reason.Detail, reports) {
		t.Fatalf("%+v %+v", j, j.Reason)
	}
	var second job
	acme.Do(http.MethodPost, "/v1/reports", q).Want(http.StatusAccepted).JSON(&second)
	for until := time.Now().Add(time.Minute); !strings.Contains(r.Log.String(), second.ID) && time.Now().Before(until); {
		time.Sleep(5 * time.Millisecond) // until an attempt of it broke
	}
	mend()
	if got := await(t, acme, second.ID); got.State != "done" {
		t.Fatalf("%+v", got)
	}
	if s := spent(t, r); s != 0.005 {
		t.Errorf("spent %v, want 0.005", s)
	}
}

// A refusal of the enclave's is the job's reason.
func TestJobRefused(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme := marketing(r, apitest.Acme)
	for _, row := range []struct{ question, code string }{
		{apitest.Question("profile", `"dims": ["salary"]`), "E_DIM_FORBIDDEN"},
		{apitest.Question("profile", `"dims": ["gender"], "sigma": 7`), "E_LIMIT"},
		{apitest.Question("profile", `"dims": ["gender"], "where": {"in": {"gender": ["x"]}}`), "E_DOMAIN"},
	} {
		if j := ask(t, acme, "/v1/reports", asked(row.question)); j.State != "failed" || j.Reason == nil || j.Reason.Code != row.code || j.Reason.Mend == "" {
			t.Errorf("%s: %s %+v, want %s", row.question, j.State, j.Reason, row.code)
		}
	}
	if s := spent(t, r); s != 0 {
		t.Errorf("spent %v", s)
	}
}

// A job that is cancelled ends so, whether it waits, runs or is being done where
// the enclave can't be asked; one that is over stays what it is.
func TestCancelJob(t *testing.T) {
	away := newAway(t)
	r := apitest.Start(t, away.option)
	away.serve(r)
	r.Furnish("tick: 60s")
	acme, beta := marketing(r, apitest.Acme), marketing(r, apitest.Beta)
	var j job
	acme.Do(http.MethodPost, "/v1/reports", asked(apitest.Question("profile", `"dims": ["gender"]`))).Want(http.StatusAccepted).JSON(&j)
	for until := time.Now().Add(time.Minute); j.State != "running" && time.Now().Before(until); {
		acme.Do(http.MethodGet, "/v1/jobs/"+j.ID, nil).Want(http.StatusOK).JSON(&j)
	}
	beta.Do(http.MethodPost, "/v1/jobs/"+j.ID+"/cancel", nil).Want(http.StatusNotFound)
	acme.Do(http.MethodPost, "/v1/jobs/"+j.ID+"/cancel", nil).Want(http.StatusAccepted)
	if got := await(t, acme, j.ID); got.State != "canceled" {
		t.Errorf("%+v", got)
	}
	acme.Do(http.MethodPost, "/v1/jobs/"+j.ID+"/cancel", nil).Want(http.StatusAccepted).JSON(&j)
	if j.State != "canceled" {
		t.Errorf("cancelled again: %+v", j)
	}
	away.stop()
	id := addJob(t, r)
	acme.Do(http.MethodPost, "/v1/jobs/"+id+"/cancel", nil).Want(http.StatusAccepted)
	away.serveWith(r.Enclave)
	if got := await(t, acme, id); got.State != "canceled" {
		t.Errorf("while the enclave was away: %+v", got)
	}
}

// An enclave that does as much as it does at once is waited for: the job does not
// fail for what others asked.
func TestJobWaitsForABusyEnclave(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish("tick: 3s") // so long, about, an answer takes
	start := func() error {
		_, err := r.Enclave.StartWork(t.Context(), wire.WorkRequest{Job: api.NewID("job"), Kind: wire.WorkReport, Question: json.RawMessage(apitest.Question("profile", `"dims": ["gender"]`))})
		return err
	}
	n := 0
	for err := start(); ; err = start() {
		if err != nil {
			if n < 100 || entrustment.Public(err).Code != entrustment.CodeRate {
				t.Fatalf("after %d: %v", n, err)
			}
			break
		}
		if n++; n > 1000 {
			t.Fatal("there is no end to what it does at once")
		}
	}
	if j := ask(t, marketing(r, apitest.Acme), "/v1/reports", asked(apitest.Question("profile", `"dims": ["area"]`))); j.State != "done" {
		t.Errorf("%+v %+v", j, j.Reason)
	}
}
