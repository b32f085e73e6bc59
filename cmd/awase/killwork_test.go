package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestKillWork kills the enclave with SIGKILL under jobs of each kind, again and
// again, and starts the job of the same id in the next one, as a queue does, until
// it was let finish. Then nothing is doubled, and each question was charged once.
func TestKillWork(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 1))
	dir := smallWorld(t)
	for _, args := range append(mainJob[:4:4], mainJob[5]) {
		mustRun(t, dir, args...)
	}
	inbox := filepath.Join(dir, "V.inbox")
	if err := os.Mkdir(inbox, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"list.terms": "acme-2026", "base.terms": ""} {
		args := []string{"terms", "--vault", "V"}
		if id != "" {
			args = append(args, "--entrustment", id)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(mustRun(t, dir, args...)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, dir, "seal", "--terms", "base.terms", "--schema", "base.yaml", "--out", "V.inbox/base", "users.csv")
	mustRun(t, dir, "seal", "--terms", "list.terms", "--name", "spring", "--schema", "list.yaml", "--out", "V.inbox/list", "list.csv")
	mustRun(t, dir, "seal", "--terms", "base.terms", "--events", "--schema", "events.yaml", "--out", "V.inbox/events", "events.csv")

	base := jsonOf(t, dir, "base.yaml", entrustment.ParseBaseSchema)
	jobs := []wire.WorkRequest{
		{Job: "base", Kind: wire.WorkBase, Upload: "base", Base: base},
		{Job: "list", Kind: wire.WorkList, Upload: "list", List: &wire.ListRequest{Entrustment: "acme-2026", Name: "spring"}},
		{Job: "events", Kind: wire.WorkEvents, Upload: "events", Events: &wire.EventsRequest{}},
		{Job: "profile", Kind: wire.WorkReport, Question: jsonOf(t, dir, "profile.yaml", entrustment.ParseQuestion)},
		{Job: "index", Kind: wire.WorkReport, Question: jsonOf(t, dir, "index.yaml", entrustment.ParseQuestion)},
	}
	s := newService(t, dir)
	kills := 0
	for _, job := range jobs {
		for reach, done := 8*time.Millisecond, false; !done; reach *= 2 {
			s.start()
			c, err := wire.Dial(s.socket)
			if err != nil {
				t.Fatal(err)
			}
			process := s.cmd.Process
			timer := time.AfterFunc(time.Duration(rng.Int64N(int64(reach))), func() { _ = process.Kill() })
			state, err := c.StartWork(t.Context(), job)
			for err == nil && state.Status == wire.WorkRuns {
				state, err = c.PollWork(t.Context(), job.Job, 10*time.Second)
			}
			if err == nil && state.Status != wire.WorkDone {
				t.Fatalf("%s: %+v", job.Job, state)
			}
			if done = err == nil; !done {
				kills++
			}
			timer.Stop()
			_ = c.Close()
			s.kill()
		}
	}
	t.Logf("%d kills", kills)
	if kills < len(jobs) {
		t.Errorf("the enclave was killed only %d times: the test proves little", kills)
	}
	kinds := map[string]int{}
	for _, e := range readLog(t, dir) {
		kinds[e.Kind]++
	}
	for kind, n := range map[string]int{"base": 1, "list": 1, "events": 1, "table": 3, "report": 2, "charge": 2, "refusal": 0, "upload": 0} {
		if kinds[kind] != n {
			t.Errorf("%d %s entries, want %d", kinds[kind], kind, n)
		}
	}
}

// jsonOf reads a document as a service hands it on.
func jsonOf[T any](t *testing.T, dir, name string, parse func(string, []byte) (*T, error)) json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
