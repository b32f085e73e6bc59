package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"awase/enclave/sandbox"
)

// job is what a child is to do: confine itself, and then one verb.
type job struct {
	Verb    string
	Options sandbox.Options
	Without []sandbox.Name
	Strict  bool // by Confine itself
	ABI     int  // as under that Landlock

	Outside            string // a directory that no option gives
	Key, Sealed        string // the vault's key beside it, and a file in it
	TCP, UDP           string // the test's echo servers
	Abstract, Pathname string // and its unix sockets
	Parent             int
	Secret             uintptr // where the parent keeps "a secret"
}

// told is what became of it.
type told struct {
	Statement *sandbox.Statement
	Confine   string // its error
	Failed    string // the verb's error; empty: it worked
	Secret    uintptr
}

const childArgument = "a-confined-child"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		var j job
		if err := json.Unmarshal([]byte(os.Args[2]), &j); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := json.NewEncoder(os.Stdout).Encode(child(j)); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(j job) told {
	if j.Verb == "household" { // a supervisor: confines another, not itself
		return household(j)
	}
	var out told
	prepared, err := prepare(j)
	if err != nil {
		out.Failed = err.Error()
		return out
	}
	switch {
	case j.Strict:
		out.Statement, err = sandbox.Confine(j.Options)
	case j.ABI > 0:
		out.Statement, err = sandbox.ConfineOld(j.Options, j.ABI)
	default:
		out.Statement, err = sandbox.ConfineWithout(j.Options, j.Without...)
	}
	if err != nil {
		out.Confine = err.Error()
	}
	if j.Verb == "" {
		return out
	}
	if err := verbs[j.Verb](j, out.Statement, prepared); err != nil {
		out.Failed = err.Error()
	}
	return out
}

// command is this test binary as a child.
func command(ctx context.Context, j job, attr *syscall.SysProcAttr) (*exec.Cmd, error) {
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "/proc/self/exe", childArgument, string(arg))
	c.SysProcAttr = attr
	c.Stderr = os.Stderr
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else a second for each child
	return c, nil
}

func run(t *testing.T, j job, attr *syscall.SysProcAttr) told {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := command(ctx, j, attr)
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	c.Stdout = &stdout
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v; %s", j.Verb, err, stdout.String())
	}
	var out told
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatalf("%s: %v in %q", j.Verb, err, stdout.String())
	}
	return out
}

// isolated is how children are started: as the supervisor will. Where user
// namespaces are not permitted, what needs them does not run, and says so.
func isolated(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	attr, err := sandbox.Isolated()
	if err != nil {
		t.Fatal(err)
	}
	if err := permitted(); err != nil {
		notRun(t, "user namespaces are not permitted: "+err.Error())
	}
	return attr
}

// permitted starts a process in namespaces of its own, once.
var permitted = sync.OnceValue(func() error {
	attr, err := sandbox.Isolated()
	if err != nil {
		return err
	}
	c := exec.Command("/proc/self/exe", "-test.run", "^$")
	c.SysProcAttr = attr
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w; %s", err, out)
	}
	return nil
})

func notRun(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("NOT RUN, and CI has to: %s", why)
	}
	t.Skipf("NOT RUN, confinement is not tested here: %s", why)
}

// start returns how the child is started if those pieces are left out.
func start(t *testing.T, without []sandbox.Name) *syscall.SysProcAttr {
	if slices.Contains(without, sandbox.Network) {
		return nil
	}
	return isolated(t)
}

// with adds what can't be in force either where those pieces are left out.
func with(without []sandbox.Name) []sandbox.Name {
	out := slices.Clone(without)
	if slices.Contains(out, sandbox.SystemCalls) {
		out = append(out, sandbox.UnixConnect)
	}
	if slices.Contains(out, sandbox.Network) {
		out = append(out, sandbox.Capabilities) // a test run as root
	}
	return out
}
