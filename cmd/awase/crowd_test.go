package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/enclave/wire"
)

// crowd is many clients of a room. Each has its times: what is late counts from when
// it was to be sent, so a service that is slow is not asked less for it.
type crowd struct {
	room    *room
	clients []*crowdClient
	begin   time.Time
	last    time.Duration // how long it asks
	every   time.Duration // between two requests of a client

	news, loads int          // of the whole run: new questions, loads of lists
	asked       atomic.Int64 // new questions
	loaded      atomic.Int64
	files       [][]byte // to load, each sealed once
	small       []byte   // to upload and delete
	slots       chan struct{}

	mu       sync.Mutex
	reports  []string // ids
	released []int    // questions
	jobs     map[string]bool
	faults   []string
}

// Of a hundred times that a client has nothing to go on with:
const (
	ofPrices  = 10
	ofReports = 3 // asked again, followed, fetched
	ofUploads = 2 // made, sent, deleted
	ofFiles   = 2 // CSV of a report
)

// step is a request of a client, and what it does next.
type step struct {
	kind, method, path string
	body               []byte
	header             map[string]string
	want               int
	then               func(c *crowdClient, status int, h http.Header, body []byte)
}

type sample struct {
	kind string
	took time.Duration
}

// crowdClient is one of them. Its fields are of its own goroutine.
type crowdClient struct {
	n        int
	party    string
	token    string
	http     *http.Client
	rng      *rand.Rand
	next     []step
	samples  []sample
	statuses map[int]int
	late     time.Duration // the most that it was behind
}

func newCrowdClient(n int, party, token string) *crowdClient {
	return &crowdClient{n: n, party: party, token: token, rng: rand.New(rand.NewPCG(uint64(n), 7)), statuses: map[int]int{},
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}}}
}

// run asks at its times until the crowd's time is over, and then ends what it began.
func (c *crowdClient) run(w *crowd) {
	at := w.begin.Add(time.Duration(float64(w.every) * float64(c.n) / float64(len(w.clients))))
	for ; ; at = at.Add(w.every) {
		over := at.Sub(w.begin) > w.last
		if over && len(c.next) == 0 || at.Sub(w.begin) > w.last+time.Minute {
			break
		}
		time.Sleep(time.Until(at))
		c.late = max(c.late, time.Since(at))
		s := c.draw(w)
		status, h, body, err := c.send(w.room.base, &s)
		took := time.Since(at)
		if err != nil {
			w.fault("%s %s: %v", s.method, s.path, err)
			continue
		}
		if !over {
			c.samples = append(c.samples, sample{s.kind, took})
			c.statuses[status]++
		}
		if status != s.want {
			w.fault("%s %s: %d %.300s", s.method, s.path, status, body)
			continue
		}
		if s.then != nil {
			s.then(c, status, h, body)
		}
	}
	if len(c.next) > 0 {
		w.fault("client %d has a job that does not end", c.n)
	}
}

func (c *crowdClient) send(base string, s *step) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(context.Background(), s.method, base+s.path, bytes.NewReader(s.body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if s.method == http.MethodPost && len(s.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range s.header {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, body, err
}

func (w *crowd) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// draw says what a client asks next: what it goes on with, else what is drawn.
func (c *crowdClient) draw(w *crowd) step {
	if len(c.next) > 0 {
		s := c.next[0]
		c.next = c.next[1:]
		return s
	}
	done := float64(time.Since(w.begin)) / float64(w.last)
	if c.party == "acme" {
		// New questions and loads come at an even pace.
		if n := w.asked.Load(); n < int64(done*float64(w.news+1)) && n < int64(w.news) && w.asked.CompareAndSwap(n, n+1) {
			return w.ask(c, int(n)+1, "new")
		}
		if n := w.loaded.Load(); n < int64(done*float64(w.loads+1)) && n < int64(w.loads) && w.loaded.CompareAndSwap(n, n+1) {
			return w.upload(c, w.files[n], fmt.Sprint("load-", n), true)
		}
		switch n := c.rng.IntN(100); {
		case n < ofPrices:
			return w.price(c)
		case n < ofPrices+ofReports:
			w.mu.Lock()
			q := w.released[c.rng.IntN(len(w.released))]
			w.mu.Unlock()
			return w.ask(c, q, "cached")
		case n < ofPrices+ofReports+ofUploads:
			select {
			case w.slots <- struct{}{}:
				return w.upload(c, w.small, "small", false)
			default: // a party may have 50 files
			}
		case n < ofPrices+ofReports+ofUploads+ofFiles:
			return get("file", "/v1/reports/"+w.report(c)+"/files/csv")
		}
	}
	return w.read(c)
}

func get(kind, path string) step {
	return step{kind: kind, method: "GET", path: path, want: http.StatusOK}
}

func (w *crowd) report(c *crowdClient) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reports[c.rng.IntN(len(w.reports))]
}

func (w *crowd) read(c *crowdClient) step {
	paths := []string{"/v1/me", "/v1/room", "/v1/entrustments", "/v1/entrustments/acme-2026", "/v1/entrustments/acme-2026/lists", "/v1/reports", "/v1/jobs", "/v1/notices", "/v1/parties"}
	if c.party == "operator" {
		paths = append(paths, "/v1/ledger", "/v1/log?limit=20", "/v1/people", "/v1/log/checkpoint")
	} else {
		paths = append(paths, "/v1/reports/"+w.report(c), "/v1/reports/"+w.report(c)+"/receipt", "/v1/uploads", "/v1/lists/acme-2026/spring")
	}
	return get("read", paths[c.rng.IntN(len(paths))])
}

func (w *crowd) price(c *crowdClient) step {
	return step{kind: "price", method: "POST", path: "/v1/prices", body: []byte(`{"question":` + crowdQuestion(c.rng.IntN(60)) + `}`), want: http.StatusOK}
}

// ask asks a question, follows its job to the end, and fetches the report.
func (w *crowd) ask(c *crowdClient, question int, kind string) step {
	return step{kind: kind, method: "POST", path: "/v1/reports", body: []byte(`{"question":` + crowdQuestion(question) + `}`), want: http.StatusAccepted,
		header: map[string]string{"Idempotency-Key": fmt.Sprintf("%d-%d", c.n, c.rng.Uint64())},
		then: func(c *crowdClient, _ int, h http.Header, body []byte) {
			w.follow(c, body, func(result json.RawMessage) {
				var r struct{ Report string }
				if err := json.Unmarshal(result, &r); err != nil || r.Report == "" {
					w.fault("a report's job gave %s", result)
					return
				}
				w.mu.Lock()
				if kind == "new" {
					w.released, w.reports = append(w.released, question), append(w.reports, r.Report)
				}
				w.mu.Unlock()
				c.next = append(c.next, get("read", "/v1/reports/"+r.Report))
			})
		}}
}

// follow looks at a job until it is done.
func (w *crowd) follow(c *crowdClient, body []byte, done func(json.RawMessage)) {
	var j struct {
		ID, State string
		Result    json.RawMessage
		Reason    json.RawMessage
	}
	if err := json.Unmarshal(body, &j); err != nil || j.ID == "" {
		w.fault("a job: %.300s", body)
		return
	}
	w.mu.Lock()
	w.jobs[j.ID] = j.State == "done"
	w.mu.Unlock()
	switch j.State {
	case "done":
		done(j.Result)
	case "waiting", "running":
		s := get("read", "/v1/jobs/"+j.ID)
		s.then = func(c *crowdClient, _ int, _ http.Header, body []byte) { w.follow(c, body, done) }
		c.next = append(c.next, s)
	default:
		w.fault("job %s is %s: %s", j.ID, j.State, j.Reason)
	}
}

// upload sends a sealed file by tus, and has it loaded or deletes it.
func (w *crowd) upload(c *crowdClient, sealed []byte, name string, load bool) step {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return step{kind: "upload", method: "POST", path: "/v1/uploads", want: http.StatusCreated,
		header: map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": strconv.Itoa(len(sealed)), "Upload-Metadata": "entrustment " + b64("acme-2026") + ",name " + b64(name)},
		then: func(c *crowdClient, _ int, h http.Header, _ []byte) {
			at := h.Get("Location")
			c.next = append(c.next, step{kind: "upload", method: "PATCH", path: at, body: sealed, want: http.StatusNoContent,
				header: map[string]string{"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}})
			if load {
				id := at[strings.LastIndexByte(at, '/')+1:]
				c.next = append(c.next, step{kind: "load", method: "POST", path: "/v1/lists", want: http.StatusAccepted,
					body: fmt.Appendf(nil, `{"upload":%q,"entrustment":"acme-2026","name":%q}`, id, name),
					then: func(c *crowdClient, _ int, _ http.Header, body []byte) { w.follow(c, body, func(json.RawMessage) {}) }})
				return
			}
			c.next = append(c.next, step{kind: "upload", method: "DELETE", path: at, want: http.StatusNoContent, header: map[string]string{"Tus-Resumable": "1.0.0"},
				then: func(*crowdClient, int, http.Header, []byte) { <-w.slots }})
		}}
}

// loadFor is how long TestLoad asks: AWASE_LOAD=60s, as make load sets it, or a moment.
func loadFor(t *testing.T) (last time.Duration, clients int) {
	t.Helper()
	text := os.Getenv("AWASE_LOAD")
	if text == "" {
		return 5 * time.Second, 20
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("AWASE_LOAD: %v", err)
	}
	return d, 200
}

// TestLoad asks a service as many clients at once: reads, prices, reports that were
// released already, uploads, and new releases. There is no fault, no job is lost, and
// each question is charged once. make load does it for a minute, prints how fast it
// was, and holds that memory does not grow.
func TestLoad(t *testing.T) {
	last, n := loadFor(t)
	whole := last >= 30*time.Second
	rate := 2.75 * float64(n) // requests a second in all: 550 of 200 clients
	if text := os.Getenv("AWASE_LOAD_RATE"); text != "" {
		var err error
		if rate, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatalf("AWASE_LOAD_RATE: %v", err)
		}
	}
	r, clients := crowdRoom(t, n)
	e, err := wire.Dial(filepath.Join(r.dir, "awase-data", "run", "awase.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	w := &crowd{room: r, clients: clients, last: last, every: time.Duration(float64(n) / rate * float64(time.Second)), news: min(40, int(last/time.Second)), loads: min(20, int(last/time.Second)),
		slots: make(chan struct{}, 20), jobs: map[string]bool{}, small: sealedCrowd(t, e, "small", 300)}
	for i := range w.loads {
		w.files = append(w.files, sealedCrowd(t, e, fmt.Sprint("load-", i), 1200))
	}
	w.first(t)
	pids := children(t, r.cmd.Process.Pid)
	pids["supervisor"] = r.cmd.Process.Pid
	m := watchMemory(pids, last)
	w.begin = time.Now()
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() { c.run(w) })
	}
	t.Logf("load average before: %s", loadAverage())
	t.Logf("%d clients, %.0f requests/s wanted, for %s; production policy, nothing raised: gate as it comes (tick 5 s), rates and quotas as they come", n, rate, last)
	used := m.run()
	all.Wait()
	w.print(t, m, used, rate)

	now := children(t, r.cmd.Process.Pid)
	for what, pid := range now {
		if pids[what] != pid {
			t.Errorf("%s ended and was started again", what)
		}
	}
	for _, f := range w.faults[:min(20, len(w.faults))] {
		t.Error(f)
	}
	if len(w.faults) > 20 {
		t.Errorf("and %d more", len(w.faults)-20)
	}
	for id, done := range w.jobs {
		if !done {
			t.Errorf("job %s is lost", id)
		}
	}
	charged, spent, limit := crowdCharges(t.Context(), t, e)
	t.Logf("budget: ρ %.4f of %.2f in 30 days, %d tables", spent, limit, len(charged))
	if len(charged) != 1+int(w.asked.Load()) || int(w.asked.Load()) != w.news || len(w.released) != 1+w.news {
		t.Errorf("%d tables were charged; %d questions were asked of %d, and %d answered", len(charged), 1+w.asked.Load(), 1+w.news, len(w.released))
	}
	for spec, n := range charged {
		if n != 1 {
			t.Errorf("%s was charged %d times", spec, n)
		}
	}
	if whole {
		for _, g := range m.grown() {
			t.Error(g)
		}
	}
	r.end()
	for line := range strings.Lines(r.log.text()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"WARN"`) {
			t.Errorf("it logs %s", line)
		}
	}
}

// first has a first report released, so that there is one to ask for again.
func (w *crowd) first(t *testing.T) {
	t.Helper()
	w.begin = time.Now()
	c := w.clients[0]
	c.next = []step{w.ask(c, 0, "new")}
	for end := time.Now().Add(time.Minute); len(c.next) > 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s := c.next[0]
		c.next = c.next[1:]
		status, h, body, err := c.send(w.room.base, &s)
		if err != nil || status != s.want {
			t.Fatalf("%s: %d %s, %v", s.path, status, body, err)
		}
		if s.then != nil {
			s.then(c, status, h, body)
		}
	}
	if len(w.reports) != 1 {
		t.Fatalf("no first report: %v", w.faults)
	}
}
