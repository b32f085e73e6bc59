package enclave

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// workRoom is a room with an inbox.
type workRoom struct {
	*Enclave
	t     *testing.T
	dir   string
	o     Options
	inbox string
}

func newWorkRoom(t *testing.T, o Options) *workRoom {
	t.Helper()
	root := t.TempDir()
	r := &workRoom{t: t, dir: filepath.Join(root, "V"), o: o, inbox: filepath.Join(root, "V.inbox")}
	if err := os.Mkdir(r.inbox, 0o700); err != nil {
		t.Fatal(err)
	}
	r.o.Inbox = r.inbox
	r.open()
	t.Cleanup(func() { r.Close() })
	furnish(t, r.Enclave)
	if _, err := r.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n")); err != nil {
		t.Fatal(err)
	}
	users, _ := crowd(1500)
	loadBaseFile(t, r.Enclave, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	return r
}

func (r *workRoom) open() {
	r.t.Helper()
	e, err := Open(r.t.Context(), r.dir, r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Enclave = e
}

// put lays a file into the inbox.
func (r *workRoom) put(name string, data []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.inbox, name), data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func listJob(id string) wire.WorkRequest {
	return wire.WorkRequest{Job: id, Kind: wire.WorkList, Upload: "file", List: &wire.ListRequest{Entrustment: "e", Name: "l"}}
}

func reportJob(id string, q *entrustment.Question) wire.WorkRequest {
	raw, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	return wire.WorkRequest{Job: id, Kind: wire.WorkReport, Question: raw}
}

// outcome starts a job and waits for its end.
func outcome(t *testing.T, e wire.Enclave, req wire.WorkRequest) wire.WorkState {
	t.Helper()
	s, err := e.StartWork(t.Context(), req)
	for err == nil && s.Status == wire.WorkRuns {
		s, err = e.PollWork(t.Context(), req.Job, maxPoll)
	}
	if err != nil {
		t.Fatalf("%s: %v", req.Job, err)
	}
	return s
}

// TestWork: each kind of job does what its method does, in the process and over
// the socket, and asked again it is there and nothing is done twice.
func TestWork(t *testing.T) {
	t.Parallel()
	for name, through := range map[string]bool{"in process": false, "over the socket": true} {
		t.Run(name, func(t *testing.T) {
			r := newWorkRoom(t, Options{})
			var e wire.Enclave = r.Enclave
			if through {
				c, end, err := overSocket(t)(r.Enclave)
				if err != nil {
					t.Fatal(err)
				}
				e = c
				defer func() {
					if err := end(); err != nil {
						t.Error(err)
					}
				}()
			}
			base, list := sealedBase(t, r.Enclave, 1700), sealedList(t, r.Enclave, 1500)
			r.put("base", base)
			r.put("file", list)
			schema, err := json.Marshal(parse(t, entrustment.ParseBaseSchema, oracleBase))
			if err != nil {
				t.Fatal(err)
			}
			jobs := []wire.WorkRequest{{Job: "b", Kind: wire.WorkBase, Upload: "base", Base: schema}, listJob("l"), reportJob("r", question())}
			var before []string
			for again := range 3 {
				for i, req := range jobs {
					s := outcome(t, e, req)
					raw, err := json.Marshal(s)
					if err != nil || s.Status != wire.WorkDone || s.Job != req.Job || s.Refusal != nil {
						t.Fatalf("%s: %s, %v", req.Job, raw, err)
					}
					if again == 0 {
						before = append(before, string(raw))
					} else if string(raw) != before[i] {
						t.Errorf("%s again:\n%s\nand before\n%s", req.Job, raw, before[i])
					}
					switch req.Job {
					case "b":
						if s.Base.Users != 1700 || s.Read != int64(len(base)) || s.Bytes != s.Read {
							t.Errorf("%s", raw)
						}
					case "l":
						if s.List.Rows != 1500 || s.Read != int64(len(list)) || s.Bytes != s.Read {
							t.Errorf("%s", raw)
						}
					case "r":
						direct, err := e.Report(t.Context(), question())
						if err != nil || !sameJSON(direct, s.Release) || len(s.Release.Cells) != 3 {
							t.Errorf("%s, %v", raw, err)
						}
					}
				}
			}
			if a, b, c := count(r.Enclave, kindBase), count(r.Enclave, kindList), count(r.Enclave, kindReport); a != 2 || b != 1 || c != 1 {
				t.Errorf("%d bases, %d lists, %d reports", a, b, c)
			}
			// The same id for anything else is refused, and what it was for stands.
			other := listJob("l")
			other.List.Name = "m"
			_, err = e.StartWork(t.Context(), other)
			wantCode(t, "another request", err, entrustment.CodeSpec)
			_, err = e.StartWork(t.Context(), reportJob("l", question()))
			wantCode(t, "another kind", err, entrustment.CodeSpec)
			if s, err := e.PollWork(t.Context(), "nobody-s", 0); err != nil || s.Status != wire.WorkUnknown {
				t.Errorf("%+v, %v", s, err)
			}
			// Refused, and refused again without being tried.
			refused := reportJob("no", question(func(q *entrustment.Question) { q.List = "none" }))
			n := count(r.Enclave, kindRefusal)
			for range 2 {
				if s := outcome(t, e, refused); s.Status != wire.WorkFailed || s.Refusal == nil || s.Refusal.Code == entrustment.CodeInternal || s.Refusal.Mend == "" {
					t.Errorf("%+v", s)
				}
			}
			if got := count(r.Enclave, kindRefusal) - n; got != 1 {
				t.Errorf("%d refusals are logged", got)
			}
		})
	}
}

// TestWorkRequests: what is not exactly a request is refused, and starts nothing.
func TestWorkRequests(t *testing.T) {
	r := newWorkRoom(t, Options{})
	list := &wire.ListRequest{Entrustment: "e", Name: "l"}
	for what, req := range map[string]wire.WorkRequest{
		"nothing":           {},
		"no id":             {Kind: wire.WorkList, Upload: "u", List: list},
		"an id of others":   {Job: "A", Kind: wire.WorkList, Upload: "u", List: list},
		"a long id":         {Job: strings.Repeat("a", 65), Kind: wire.WorkList, Upload: "u", List: list},
		"an id of lines":    {Job: "a\nb", Kind: wire.WorkList, Upload: "u", List: list},
		"no kind":           {Job: "a", Upload: "u", List: list},
		"another kind":      {Job: "a", Kind: "load-all", Upload: "u", List: list},
		"no file":           {Job: "a", Kind: wire.WorkList, List: list},
		"no list":           {Job: "a", Kind: wire.WorkList, Upload: "u"},
		"two things":        {Job: "a", Kind: wire.WorkList, Upload: "u", List: list, Events: &wire.EventsRequest{}},
		"a file and a spec": {Job: "a", Kind: wire.WorkReport, Upload: "u", Question: json.RawMessage(`{}`)},
		"no question":       {Job: "a", Kind: wire.WorkReport},
		"no base":           {Job: "a", Kind: wire.WorkBase, Upload: "u"},
		"no such question":  {Job: "a", Kind: wire.WorkReport, Question: json.RawMessage(`{"report":"profile"}`)},
		"no such base":      {Job: "a", Kind: wire.WorkBase, Upload: "u", Base: json.RawMessage(`{"schema":"awase.base/v1"}`)},
	} {
		_, err := r.StartWork(t.Context(), req)
		if code := entrustment.Public(err).Code; err == nil || code != entrustment.CodeSpec && code != entrustment.CodeDocument {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(r.work.jobs) != 0 {
		t.Errorf("%d jobs", len(r.work.jobs))
	}
	for _, id := range []string{"", "../a", "A", strings.Repeat("a", 65)} {
		_, err := r.PollWork(t.Context(), id, 0)
		wantCode(t, "polling "+id, err, entrustment.CodeSpec)
		_, err = r.StopWork(t.Context(), id)
		wantCode(t, "stopping "+id, err, entrustment.CodeSpec)
	}
}

// TestWorkOnce: whoever starts a job of one id at the same time, it runs once, and
// all that wait for it get the same.
func TestWorkOnce(t *testing.T) {
	t.Parallel()
	var logged safeBuffer
	r := newWorkRoom(t, Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	r.put("file", sealedList(t, r.Enclave, 1500))
	if s := outcome(t, r.Enclave, listJob("l")); s.Status != wire.WorkDone {
		t.Fatalf("%+v", s)
	}
	c, end, err := overSocket(t)(r.Enclave)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	got := make([]string, 200)
	for i := range got {
		all.Go(func() {
			s, err := c.StartWork(t.Context(), reportJob("r", question()))
			for err == nil && s.Status == wire.WorkRuns {
				s, err = c.PollWork(t.Context(), "r", maxPoll)
			}
			raw, jerr := json.Marshal(s)
			if err := errors.Join(err, jerr); err != nil {
				t.Error(err)
			}
			got[i] = string(raw)
		})
	}
	all.Wait()
	for _, g := range got {
		if g != got[0] || !strings.Contains(g, "receipt") {
			t.Fatalf("%s\nand\n%s", g, got[0])
		}
	}
	if n := strings.Count(logged.String(), "kind=report"); n != 1 {
		t.Errorf("it ran %d times", n)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// safeBuffer is a log that many write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestWorkFrozen: a release that waits to be fetched is not given out while
// releases are stopped. Without the control it is.
func TestWorkFrozen(t *testing.T) {
	t.Parallel()
	r := newWorkRoom(t, Options{})
	r.put("file", sealedList(t, r.Enclave, 1500))
	outcome(t, r.Enclave, listJob("l"))
	req := reportJob("r", question())
	given := outcome(t, r.Enclave, req)
	if given.Release == nil {
		t.Fatalf("%+v", given)
	}
	if _, err := r.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
		t.Fatal(err)
	}
	n := len(r.vault.Log().Records())
	asks := map[string]func() (wire.WorkState, error){
		"poll":  func() (wire.WorkState, error) { return r.PollWork(t.Context(), "r", 0) },
		"start": func() (wire.WorkState, error) { return r.StartWork(t.Context(), req) },
		"stop":  func() (wire.WorkState, error) { return r.StopWork(t.Context(), "r") },
	}
	for what, ask := range asks {
		s, err := ask()
		if err != nil || s.Release != nil || s.Status != wire.WorkFailed || s.Refusal.Code != entrustment.CodeFrozen {
			t.Errorf("%s: %+v, %v", what, s, err)
		}
		control := r.stopped
		r.stopped = func() error { return nil }
		if s, err := ask(); err != nil || s.Release == nil {
			t.Errorf("%s, without the control: %+v, %v: the test proves nothing", what, s, err)
		}
		r.stopped = control
	}
	if got := len(r.vault.Log().Records()); got != n {
		t.Errorf("who polls made %d entries of the log", got-n)
	}
	if _, err := r.Lift(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := r.PollWork(t.Context(), "r", 0); err != nil || !sameJSON(s, given) {
		t.Errorf("after the lifting: %+v, %v", s, err)
	}
	// Nor is what an ended entrustment destroyed.
	if _, err := r.EndEntrustment(t.Context(), "e", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	if s, err := r.PollWork(t.Context(), "r", 0); err != nil || s.Release != nil || s.Refusal.Code != entrustment.CodeGone {
		t.Errorf("after the end: %+v, %v", s, err)
	}
}

// TestWorkStops: a job is stopped while it waits for its turn, in the middle of its
// file and while it counts. What it wrote stands, and a new job does the rest.
func TestWorkStops(t *testing.T) {
	t.Parallel()
	counting, letOn := make(chan struct{}, 20), make(chan struct{})
	pausing := true
	r := newWorkRoom(t, Options{counts: func(e matcher.Engine) matcher.Engine {
		if pausing {
			return paused{e, counting, letOn}
		}
		return e
	}})
	ctx := t.Context()
	r.put("file", sealedList(t, r.Enclave, 1500))
	if err := r.loads.take(ctx); err != nil {
		t.Fatal(err)
	}
	if s, err := r.StartWork(ctx, listJob("waits")); err != nil || s.Status != wire.WorkRuns {
		t.Fatalf("%+v, %v", s, err)
	}
	if s, err := r.StopWork(ctx, "waits"); err != nil || s.Status != wire.WorkStopped {
		t.Errorf("while it waits: %+v, %v", s, err)
	}
	r.loads.give()
	if s, err := r.StartWork(ctx, listJob("waits")); err != nil || s.Status != wire.WorkStopped {
		t.Errorf("started again: %+v, %v", s, err)
	}

	large := largeList(t, r.Enclave, 300_000)
	r.put("large", large)
	req := wire.WorkRequest{Job: "large", Kind: wire.WorkList, Upload: "large", List: &wire.ListRequest{Entrustment: "e", Name: "large"}}
	s, err := r.StartWork(ctx, req)
	for before := int64(0); err == nil && s.Status == wire.WorkRuns && s.Read == 0; before = s.Read {
		if s, err = r.PollWork(ctx, "large", time.Millisecond); s.Read < before || s.Read > s.Bytes {
			t.Errorf("read %d after %d of %d", s.Read, before, s.Bytes)
		}
	}
	if err != nil || s.Bytes != int64(len(large)) {
		t.Fatalf("%+v, %v", s, err)
	}
	if s, err = r.StopWork(ctx, "large"); err != nil || s.Status != wire.WorkStopped || s.Read == s.Bytes {
		t.Errorf("in the middle of the file: %+v, %v", s, err)
	}
	if ls, err := r.Lists(ctx, "e"); err != nil || len(ls) != 0 {
		t.Errorf("half a list stands: %+v, %v", ls, err)
	}
	if n := count(r.Enclave, kindRefusal); n != 0 {
		t.Errorf("%d refusals of what was taken back", n)
	}
	req.Job = "large-2"
	if s := outcome(t, r.Enclave, req); s.Status != wire.WorkDone || s.List.Version != 1 {
		t.Errorf("once more: %+v", s)
	}

	outcome(t, r.Enclave, listJob("l"))
	if _, err := r.StartWork(ctx, reportJob("counts", question())); err != nil {
		t.Fatal(err)
	}
	<-counting
	stopping := make(chan wire.WorkState)
	go func() {
		s, err := r.StopWork(ctx, "counts")
		if err != nil {
			t.Error(err)
		}
		stopping <- s
	}()
	close(letOn)
	s = <-stopping
	if s.Status == wire.WorkRuns || s.Status == wire.WorkBroken {
		t.Errorf("while it counts: %+v", s)
	}
	// What was charged is charged once.
	if s := outcome(t, r.Enclave, reportJob("counts-2", question())); s.Status != wire.WorkDone || count(r.Enclave, kindCharge) != 1 || count(r.Enclave, kindReport) != 1 {
		t.Errorf("%+v after %d charges, %d reports", s, count(r.Enclave, kindCharge), count(r.Enclave, kindReport))
	}
}

// TestWorkEnds: the end of the enclave cancels what runs and waits for it; the same
// jobs in the next one do the rest, once.
func TestWorkEnds(t *testing.T) {
	r := newWorkRoom(t, Options{})
	ctx := t.Context()
	large := largeList(t, r.Enclave, 300_000)
	r.put("file", large)
	req := listJob("l")
	req.List.Name = "large"
	if _, err := r.StartWork(ctx, req); err != nil {
		t.Fatal(err)
	}
	for s, err := r.PollWork(ctx, "l", 0); err != nil || s.Read == 0; s, err = r.PollWork(ctx, "l", time.Millisecond) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := r.PollWork(ctx, "l", 0); err != nil || s.Status != wire.WorkBroken || s.Refusal.Code != entrustment.CodeInternal {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := r.StartWork(ctx, listJob("m")); err == nil {
		t.Error("a closed enclave starts a job")
	}
	r.open()
	if s := outcome(t, r.Enclave, req); s.Status != wire.WorkDone || s.List.Version != 1 || !s.List.Changed {
		t.Errorf("%+v", s)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.open() // the enclave forgot the job, and the vault did not
	if s := outcome(t, r.Enclave, req); s.Status != wire.WorkDone || s.List.Version != 1 || s.List.Changed {
		t.Errorf("%+v", s)
	}
	if n := count(r.Enclave, kindList); n != 1 {
		t.Errorf("%d lists", n)
	}
}

// TestWorkBounds: jobs that ended are forgotten after an hour, and before where
// there are many; and only so many run.
func TestWorkBounds(t *testing.T) {
	r := newWorkRoom(t, Options{})
	ctx := t.Context()
	now := time.Now()
	r.work.now, r.work.most = func() time.Time { return now }, 10
	for i := range 30 {
		outcome(t, r.Enclave, listJob(fmt.Sprint("gone-", i)))
	}
	if len(r.work.jobs) != 10 || len(r.work.ended) != 10 {
		t.Errorf("%d jobs, %d ended", len(r.work.jobs), len(r.work.ended))
	}
	if s, err := r.PollWork(ctx, "gone-19", 0); err != nil || s.Status != wire.WorkUnknown {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := r.PollWork(ctx, "gone-20", 0); err != nil || s.Status != wire.WorkFailed || s.Refusal.Code != entrustment.CodeNotFound {
		t.Errorf("%+v, %v", s, err)
	}
	now = now.Add(jobLife)
	if s, err := r.PollWork(ctx, "gone-29", 0); err != nil || s.Status != wire.WorkUnknown || len(r.work.jobs) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	// Loads wait for their turn, and only so many.
	r.put("file", sealedList(t, r.Enclave, 1500))
	if err := r.loads.take(ctx); err != nil {
		t.Fatal(err)
	}
	var err error
	started := 0
	for err == nil {
		if _, err = r.StartWork(ctx, listJob(fmt.Sprint("many-", started))); err == nil {
			started++
		}
	}
	wantCode(t, "one job more", err, entrustment.CodeRate)
	if started != maxJobs {
		t.Errorf("%d were started", started)
	}
	r.loads.give()
	for i := range started {
		if s := outcome(t, r.Enclave, listJob(fmt.Sprint("many-", i))); s.Status != wire.WorkDone {
			t.Fatalf("%+v", s)
		}
	}
	if n := count(r.Enclave, kindList); n != 1 {
		t.Errorf("%d lists", n)
	}
}
