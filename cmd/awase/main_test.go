package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"awase/entrustment"
	"awase/internal/testflag"
)

// repository is where this package's repository lies.
var repository = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Join(dir, "..", "..")
}()

// TestMain lets the test binary be awase itself, for scripts and for tests that
// kill it.
func TestMain(m *testing.M) {
	testscript.Main(waiting{m}, map[string]func(){"awase": func() {
		if os.Getenv(servedEnv) != "" {
			serveArgs()
		}
		if os.Getenv(networkEnv) != "" {
			networkArgs()
		}
		plantAttacker()
		main()
	}})
}

// waiting runs several at a time, for most of what they do is wait.
type waiting struct{ *testing.M }

func (w waiting) Run() int {
	testflag.Default("test.parallel", testflag.SideBySide)
	return w.M.Run()
}

// TestScripts runs the commands as people type them; each script says what must
// come out and what must not.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(func(*testscript.Env) error { return nil }))
}

func scripts(setup func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"readme": readme, "await": await},
		Setup: func(env *testscript.Env) error {
			// Budget is held for at most a year.
			env.Setenv("LATER", entrustment.DateOf(time.Now()).Add(120).String())
			for name, make := range map[string]func() []byte{"users.csv": smallBase, "list.csv": smallList} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), make(), 0o600); err != nil {
					return err
				}
			}
			return errors.Join(writeDocs(env.WorkDir), setup(env))
		},
	}
}

// await waits until an enclave is served at a socket.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await socket")
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if answers(ts.MkAbs(args[0])) {
			return
		}
	}
	ts.Fatalf("nobody answers at %s", args[0])
}

// readme runs the walk of the README as it is written, in one shell: every line
// of a block that is a command and no transcript. A day that a command names is
// moved into the future; a service listens at no port of this machine, is waited
// for, and ends with the walk.
func readme(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: readme")
	}
	text, err := os.ReadFile(filepath.Join(repository, "README.md"))
	ts.Check(err)
	_, walk, ok := strings.Cut(string(text), "\n## From two files to a report\n")
	if !ok {
		ts.Fatalf("the README has no walk")
	}
	walk, _, _ = strings.Cut(walk, "\n## ")
	script, awase := []string{"set -e"}, 0
	for l := range strings.SplitSeq(walk, "\n") {
		command, indented := strings.CutPrefix(l, "    ")
		if !indented || strings.HasPrefix(command, " ") || strings.HasPrefix(command, "$ ") {
			continue
		}
		switch {
		case strings.HasPrefix(command, "awase "):
			awase++
		case !strings.HasPrefix(command, "cd ") && !strings.HasPrefix(command, "FINGERPRINT=") && !strings.HasPrefix(command, "export "):
			continue // what a transcript prints
		}
		script = append(script, "echo "+strconv.Quote(strings.ReplaceAll(command, "$", "")))
		command = regexp.MustCompile(`\d{4}-12-31`).ReplaceAllString(command, time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
		if rest, served := strings.CutPrefix(command, "awase serve "); served {
			command = "awase serve --listen none " + rest + "\ntrap 'kill $!; wait' EXIT\nuntil awase drafts 2> /dev/null; do kill -0 $!; sleep 0.1; done"
		}
		script = append(script, command)
	}
	if awase < 27 {
		ts.Fatalf("%d commands were found in the README", awase)
	}
	ts.Check(ts.Exec("sh", "-c", strings.Join(script, "\n")))
}
