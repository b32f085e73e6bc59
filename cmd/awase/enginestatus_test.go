package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"awase/enclave/wire"
)

// roomOfServers is a dev vault with a base and a list, and a configuration that names two
// servers without TLS.
func roomOfServers(t *testing.T, shards ...string) (dir string) {
	t.Helper()
	dir = smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	text := "schema: awase.config/v1\nengine:\n  shards: [\"" + strings.Join(shards, `", "`) + "\"]\n  tls: none\n"
	if err := os.WriteFile(filepath.Join(dir, "awase.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestEngineByHand is docs/clickhouse.md's trial, and what goes wrong after it: which server gives no
// answer is said, with what to do, and by the exit status; what was declared lost is
// waited for by nobody; and a move that is none says so and changes nothing.
func TestEngineByHand(t *testing.T) {
	servers, at, _ := clickhouseServers(t, 2)
	shards := strings.Split(at, ",")
	dir := roomOfServers(t, shards...)
	says := func(status int, args string, want ...string) string {
		t.Helper()
		cmd := awase(t, dir, strings.Fields(args)...)
		raw, _ := cmd.CombinedOutput() // the exit status is looked at
		out := string(raw)
		if cmd.ProcessState.ExitCode() != status {
			t.Errorf("%s: exit status %d: %s", args, cmd.ProcessState.ExitCode(), out)
		}
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q: %s", args, text, out)
			}
		}
		return out
	}
	entries := func() int {
		return strings.Count(says(0, "log entries --all --vault V"), "\n")
	}
	before := entries()
	says(0, "engine move --vault V --to embedded --cluster-lost", "it counts there already, and nothing was signed for")
	if n := entries(); n != before {
		t.Errorf("a move that is none wrote %d entries", n-before)
	}
	says(0, "engine move --vault V --config awase.yaml --to clickhouse", "engine: moved")
	says(0, "engine status --vault V --config awase.yaml", "shard 1: server ", ", "+shards[0]+"/awase\n", "it holds 1 base")
	says(1, "engine status --vault V", "nothing can be counted", "--config")
	if err := servers[1].Kill(); err != nil {
		t.Fatal(err)
	}
	out := says(1, "engine status --vault V --config awase.yaml", shards[1]+"/awase: connecting: no connection\n", "E_ENGINE at shard 2: connecting: no connection")
	if strings.Contains(out, shards[0]+"/awase: ") {
		t.Errorf("a server that runs is said to give no answer: %s", out)
	}
	cmd := awase(t, dir, "engine", "status", "--vault", "V", "--config", "awase.yaml", "--json")
	raw, _ := cmd.Output() // likewise
	var state wire.EngineState
	if err := json.Unmarshal(raw, &state); err != nil || cmd.ProcessState.ExitCode() != 1 || state.Fault == nil || state.Fault.Where != "shard 2" || state.Reachable == nil || *state.Reachable {
		t.Errorf("exit status %d, %v: %s", cmd.ProcessState.ExitCode(), err, raw)
	}
	says(1, "engine move --vault V --config awase.yaml --to embedded", "E_ENGINE at shard 2", "gone for good, awase engine move --to embedded --cluster-lost")
	says(0, "engine move --vault V --to embedded --cluster-lost", "engine: moved", "declared them lost")
	says(0, "engine status --vault V --config awase.yaml", "shard 2: server ", ": connecting: no connection")
	lost := entries()
	says(0, "engine move --vault V --to embedded --cluster-lost", "it counts there already")
	if n := entries(); n != lost {
		t.Errorf("declared lost again it wrote %d entries", n-lost)
	}
	for args, page := range map[string]string{"engine status": "docs/clickhouse.md", "engine move --to embedded": "docs/clickhouse.md", "vault rotate": "docs/vault.md"} {
		says(1, args+" --server http://127.0.0.1:1 --token x", "done at the machine", page)
		if help := says(0, args+" --help", "--enclave"); strings.Contains(help, "--server") || strings.Contains(help, "--token") {
			t.Errorf("%s offers what it refuses: %s", args, help)
		}
		if help := says(2, args); strings.Contains(help, "--server") {
			t.Errorf("%s offers what it refuses: %s", args, help)
		}
	}
}
