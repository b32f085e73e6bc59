package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// awase is a command of the real binary, which the test binary is under the
// name awase.
func awase(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("awase") // put on PATH by testscript.Main
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"))
	return cmd
}

func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := awase(t, dir, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("awase %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// smallWorld makes a directory with the documents and files of the tests.
func smallWorld(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeDocs(dir); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"users.csv": smallBase(), "list.csv": smallList(), "events.csv": smallEvents(),
		"gone.csv": []byte("Email\n" + canaryEmail(5) + "\n"), "new.csv": []byte("Email,Phone,Rank,Name\n" + canaryEmail(5) + ",,gold,A\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mainJob is every command that writes, in order.
var mainJob = [][]string{
	{"party", "add", "--vault", "V", "operator.yaml"},
	{"party", "add", "--vault", "V", "acme.yaml"},
	{"policy", "add", "--vault", "V", "policies.yaml"},
	{"gate", "set", "--vault", "V", "gate.yaml"},
	{"base", "load", "--vault", "V", "--schema", "base.yaml", "users.csv"},
	{"entrust", "--vault", "V", "contract.yaml"},
	{"list", "load", "--vault", "V", "--entrustment", "acme-2026", "--name", "spring", "--schema", "list.yaml", "list.csv"},
	{"list", "load", "--vault", "V", "--entrustment", "acme-2026", "--name", "spring", "--change", "remove", "gone.csv"},
	{"list", "load", "--vault", "V", "--entrustment", "acme-2026", "--name", "spring", "--schema", "list.yaml", "--change", "add", "new.csv"},
	{"events", "load", "--vault", "V", "--schema", "events.yaml", "events.csv"},
	{"report", "--vault", "V", "--spec", "profile.yaml", "--out", "profile.json"},
	{"report", "--vault", "V", "--spec", "index.yaml", "--out", "index.json"},
}

// TestKillAnywhere kills every command of the main job at random moments, again
// and again, until it was let finish; then nothing is doubled, nothing
// acknowledged is lost, and each question was charged exactly once.
func TestKillAnywhere(t *testing.T) {
	t.Parallel()
	worlds := 6
	if testing.Short() {
		worlds = 2
	}
	for world := range worlds {
		t.Run(fmt.Sprint(world), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(world), 99))
			dir := smallWorld(t)
			kills := 0
			for _, args := range mainJob {
				// The reach doubles with every kill, so kills fall all over the
				// command, however fast the machine is, until it is let finish.
				reach := 8 * time.Millisecond
				for killAfter(t, dir, time.Duration(rng.Int64N(int64(reach))), args...) {
					kills++
					reach *= 2
				}
				mustRun(t, dir, args...)
			}
			t.Logf("%d kills", kills)
			if kills < len(mainJob) {
				t.Errorf("only %d of the commands died: the test proves little", kills)
			}
			checkVault(t, dir)
		})
	}
}

// killAfter runs a command and sends it SIGKILL after d. It tells whether the
// command died of it.
func killAfter(t *testing.T, dir string, d time.Duration, args ...string) bool {
	t.Helper()
	cmd := awase(t, dir, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(d, func() { _ = cmd.Process.Kill() }) // it may have ended
	defer timer.Stop()
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if ok && exit.ExitCode() != -1 {
		t.Fatalf("awase %s: exit status %d", strings.Join(args, " "), exit.ExitCode())
	}
	return ok
}

// logEntry is what these tests read of the record log.
type logEntry struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

func readLog(t *testing.T, dir string) (out []logEntry) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "V", "log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(raw) {
		var e logEntry
		if err := json.Unmarshal(line[bytes.IndexByte(line, ' ')+1:], &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func checkVault(t *testing.T, dir string) {
	t.Helper()
	kinds := map[string]int{}
	charged := map[string]int{}
	tables := map[string]int{}
	for _, e := range readLog(t, dir) {
		kinds[e.Kind]++
		switch e.Kind {
		case "charge":
			var b struct {
				Charges []struct {
					Spec string `json:"spec"`
				} `json:"charges"`
			}
			if err := json.Unmarshal(e.Body, &b); err != nil {
				t.Fatal(err)
			}
			for _, c := range b.Charges {
				charged[c.Spec]++
			}
		case "table":
			var b struct {
				Spec string `json:"spec"`
			}
			if err := json.Unmarshal(e.Body, &b); err != nil {
				t.Fatal(err)
			}
			tables[b.Spec]++
		}
	}
	want := map[string]int{"party": 2, "policies": 1, "gate": 1, "base": 1, "entrust": 1, "list": 3, "events": 1, "table": 3, "report": 2}
	for kind, n := range want {
		if kinds[kind] != n {
			t.Errorf("%d %s entries, want %d", kinds[kind], kind, n)
		}
	}
	for spec, n := range charged {
		if n != 1 || tables[spec] != 1 {
			t.Errorf("a table was charged %d times and stored %d times", n, tables[spec])
		}
	}
	if len(charged) != 3 {
		t.Errorf("%d tables were charged, want 3", len(charged))
	}
	// The answers are those of asking again, and the vault holds nothing that
	// no entry names: base, list and its rows, events, two reports.
	for _, spec := range []string{"profile", "index"} {
		mustRun(t, dir, "report", "--vault", "V", "--spec", spec+".yaml", "--out", "again.json")
		a, err := os.ReadFile(filepath.Join(dir, spec+".json"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "again.json"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: asked again, other bytes", spec)
		}
	}
	segments, err := os.ReadDir(filepath.Join(dir, "V", "segments"))
	if err != nil {
		t.Fatal(err)
	}
	if len(segments) != 7 {
		t.Errorf("%d segments, want 7", len(segments))
	}
	for _, leftover := range listFiles(t, filepath.Join(dir, "tmp")) {
		t.Errorf("a file was left in TMPDIR: %s", leftover)
	}
	names := listFiles(t, dir)
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, ".new") }); i >= 0 {
		t.Errorf("a half-written file is left: %s", names[i])
	}
}

// listFiles gives all files below dir.
func listFiles(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
