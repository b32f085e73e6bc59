package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/internal/chtest"
)

// clusterSpecs are questions whose budget the small world has.
var clusterSpecs = map[string]string{
	"overlap": "report: overlap\nentrustment: acme-2026\nlist: spring\n",
	"profile": "report: profile\nentrustment: acme-2026\nlist: spring\ndims: [gender, tier]\n",
	"gender":  "report: profile\nentrustment: acme-2026\nlist: spring\ndims: [gender]\n",
	"index":   "report: profile\nentrustment: acme-2026\nlist: spring\ndims: [age_band]\nindex: true\ntotal: true\n",
	"tier":    "report: profile\nentrustment: acme-2026\nlist: spring\ndims: [tier]\n",
}

// TestServeCluster: a service whose room counts on two servers behind TLS and a
// password, reached through its relay, gives the very reports that a copy of the vault
// gives that counts in memory; also when the relay, the enclave or a server is killed
// in between. A command that opens the vault itself reaches them likewise, and without
// the configuration says what is missing.
func TestServeCluster(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	s := newService(t, dir)
	ours, _ := engineAuthority(t)
	servers := chtest.Start(t, 2, chtest.Options{User: "awase", Password: enginePassword})
	var shards []string
	for _, server := range servers {
		shards = append(shards, fmt.Sprintf("%q", chtest.Secure(t, server.Addr, shows(t, ours, "shard.test", time.Hour))))
	}
	if err := errors.Join(os.Mkdir(dir+"/engine", 0o700), os.WriteFile(dir+"/engine/password", []byte(enginePassword+"\n"), 0o600), os.WriteFile(dir+"/engine/ca", ours.PEM(), 0o600),
		os.WriteFile(dir+"/awase.yaml", []byte("schema: awase.config/v1\nengine:\n  shards: ["+strings.Join(shards, ", ")+"]\n  database: default\n  user: awase\n  password_file: engine/password\n  ca_file: engine/ca\n  server_name: shard.test\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, text := range clusterSpecs {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte("schema: awase.report/v1\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	if out, err := exec.Command("sh", "-c", "cd "+dir+` && for f in V V.*; do cp -a "$f" "W${f#V}"; done`).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cells := func(args ...string) any {
		t.Helper()
		out := filepath.Join(t.TempDir(), "out.json")
		mustRun(t, dir, append(append([]string{"report"}, args...), "--out", out)...)
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var r map[string]any
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		receipt, _ := r["receipt"].(map[string]any)
		if confined := receipt["confinement"] == "confined"; r["total"] == nil || confined != (args[0] == "--enclave") {
			t.Fatalf("made by a process that is %v: %s", receipt["confinement"], raw[:min(len(raw), 1000)])
		}
		return []any{r["cells"], r["total"], r["other"]}
	}
	want := map[string]any{}
	for name := range clusterSpecs {
		want[name] = cells("--vault", "W", "--spec", name+".yaml")
	}
	cmd := startSupervisor(t, s, "--config", "awase.yaml")
	defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	c, err := wire.Dial(s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	state, err := c.StartWork(t.Context(), wire.WorkRequest{Job: "move", Kind: wire.WorkMove, Move: &wire.MoveRequest{To: wire.EngineClickHouse}})
	for err == nil && state.Status == wire.WorkRuns {
		state, err = c.PollWork(t.Context(), "move", 10*time.Second)
	}
	if err != nil || state.Status != wire.WorkDone {
		t.Fatalf("moving: %+v, %v, %v", state, state.Refusal, err)
	}
	asked, err := c.Engine(t.Context())
	for _, s := range []*wire.EngineState{state.Engine, &asked} { // the front could ask it, too
		if err != nil || len(s.Configured.Order) != 2 || s.Configured.Order[1].Server == "" || s.Configured.Order[1].Name != "" {
			t.Errorf("%v: %+v", err, s.Configured)
		}
	}
	same := func(name string, args ...string) {
		t.Helper()
		if got := cells(append(args, "--spec", name+".yaml")...); !reflect.DeepEqual(got, want[name]) {
			t.Errorf("%s: %v, want %v", name, got, want[name])
		}
	}
	same("overlap", "--enclave", s.socket)
	killed := func(what string) {
		t.Helper()
		if err := syscall.Kill(children(t, cmd.Process.Pid)[what], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	killed("relay")
	same("profile", "--enclave", s.socket)
	if err := servers[0].Kill(); err != nil {
		t.Fatal(err)
	}
	back := make(chan error, 1)
	time.AfterFunc(time.Second, func() { back <- servers[0].Restart() })
	same("gender", "--enclave", s.socket)
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	killed("enclave")
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	same("index", "--enclave", s.socket)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	out, err := awase(t, dir, "report", "--vault", "V", "--spec", "tier.yaml", "--out", "tier.json").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no ClickHouse is configured for this room") {
		t.Errorf("%v: %s", err, out)
	}
	same("tier", "--vault", "V", "--config", "awase.yaml")
}
