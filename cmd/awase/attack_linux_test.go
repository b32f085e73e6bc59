package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
)

// attackerEnv plants an attacker in the awase of tests: it takes orders from a pipe
// in the directory named, one for each kind of process, and so is inside a process
// that was started, confined and set to work as any other.
const attackerEnv = "AWASE_TEST_ATTACKER"

// order is what the attacker is to try.
type order struct {
	Verb, Path string
	TCP, Unix  string
	Parent     int
}

// plantAttacker opens the pipes before the process confines itself.
func plantAttacker() {
	dir := os.Getenv(attackerEnv)
	if dir == "" || len(os.Args) < 2 {
		return
	}
	in, err := os.OpenFile(filepath.Join(dir, os.Args[1]+".in"), os.O_RDWR, 0) // both ways: it waits for nobody
	if err != nil {
		return // another kind of process
	}
	out, err := os.OpenFile(filepath.Join(dir, os.Args[1]+".out"), os.O_RDWR, 0)
	if err != nil {
		return
	}
	go func() {
		for d := json.NewDecoder(in); ; {
			var o order
			if d.Decode(&o) != nil {
				return
			}
			why := "came through"
			if err := attackVerbs[o.Verb](o); err != nil {
				why = err.Error()
			}
			_, _ = fmt.Fprintf(out, "%q\n", why)
		}
	}()
}

// attackVerbs give nil where they come through.
var attackVerbs = map[string]func(order) error{
	"read a file": func(o order) error {
		_, err := os.ReadFile(o.Path)
		return err
	},
	"make a file": func(o order) error {
		f, err := os.OpenFile(o.Path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(f.Close(), os.Remove(o.Path))
	},
	"dial the loopback": func(o order) error { return hello("tcp", o.TCP) },
	"dial a socket":     func(o order) error { return hello("unix", o.Unix) },
	"run a program":     func(order) error { return exec.Command("/bin/true").Run() },
	"signal its parent": func(o order) error { return syscall.Kill(o.Parent, 0) },
	"read its parent's memory": func(o order) error {
		got := make([]byte, 4)
		// Where Go's linker puts a program that is not position independent.
		if _, err := unix.ProcessVMReadv(o.Parent, []unix.Iovec{{Base: &got[0], Len: 4}}, []unix.RemoteIovec{{Base: 0x400000, Len: 4}}, 0); err != nil {
			return err
		}
		if string(got) != "\x7fELF" {
			return fmt.Errorf("read %q", got)
		}
		return nil
	},
}

func hello(network, addr string) error {
	c, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 5))
	return err
}

// attacker gives orders to those planted.
type attacker struct {
	t   *testing.T
	dir string
	to  map[string]*os.File
	by  map[string]*bufio.Reader
}

func newAttacker(t *testing.T) *attacker {
	t.Helper()
	a := &attacker{t, t.TempDir(), map[string]*os.File{}, map[string]*bufio.Reader{}}
	for _, kind := range []string{"enclave", "front"} {
		for _, end := range []string{".in", ".out"} {
			path := filepath.Join(a.dir, kind+end)
			if err := unix.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			if a.to[kind] == nil {
				a.to[kind] = f
			} else {
				a.by[kind] = bufio.NewReader(f)
			}
		}
	}
	t.Setenv(attackerEnv, a.dir)
	return a
}

// try gives what became of an order.
func (a *attacker) try(kind string, o order) string {
	a.t.Helper()
	if err := json.NewEncoder(a.to[kind]).Encode(o); err != nil {
		a.t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		line, err := a.by[kind].ReadString('\n')
		if err != nil {
			line = err.Error()
		}
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		return line
	case <-time.After(time.Minute):
		a.t.Fatalf("the attacker in the %s does not answer", kind)
		return ""
	}
}

// TestAttacksFromInside: in the enclave and the front that awase serve started, what
// a program that took them over would try is refused; and comes through where they
// are unconfined. enclave/sandbox tries each piece alone.
func TestAttacksFromInside(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	at, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(at)
	other, err := net.Listen("unix", filepath.Join(at, "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, l := range []net.Listener{echo, other} {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
			}
		}()
	}
	for _, confined := range []bool{true, false} {
		t.Run(fmt.Sprintf("confined %t", confined), func(t *testing.T) {
			a := newAttacker(t)
			dir := smallWorld(t)
			s := newService(t, dir)
			var more []string
			if !confined {
				more = append(more, "--unconfined")
			}
			cmd := startSupervisor(t, s, more...)
			defer func() {
				_ = cmd.Process.Signal(syscall.SIGTERM)
				if err := cmd.Wait(); err != nil {
					t.Errorf("SIGTERM: %v", err)
				}
			}()
			eventually(t, "an answer", func() bool { return answers(s.socket) })
			pid, V := cmd.Process.Pid, filepath.Join(dir, "V")
			both := map[string]order{
				"a file of the system":    {Verb: "read a file", Path: "/etc/passwd"},
				"the vault key":           {Verb: "read a file", Path: V + ".key"},
				"the front's token":       {Verb: "read a file", Path: s.socket + ".token"},
				"a file beside the vault": {Verb: "make a file", Path: V + ".key.new"},
				"a temporary file":        {Verb: "make a file", Path: filepath.Join(os.TempDir(), filepath.Base(at)+".planted")},
				"the loopback":            {Verb: "dial the loopback", TCP: echo.Addr().String()},
				"a program":               {Verb: "run a program"},
				"the supervisor's memory": {Verb: "read its parent's memory", Parent: pid},
				"a signal":                {Verb: "signal its parent", Parent: pid},
			}
			attacks := map[string]map[string]order{"enclave": {
				"a file in the inbox": {Verb: "make a file", Path: filepath.Join(dir, "V.inbox", "x")},
				"another's socket":    {Verb: "dial a socket", Unix: other.Addr().String()},
			}, "front": {
				"the vault's keys":       {Verb: "read a file", Path: filepath.Join(V, "keys")},
				"the record log":         {Verb: "read a file", Path: filepath.Join(V, "log")},
				"the checkpoint":         {Verb: "read a file", Path: filepath.Join(dir, "V.checkpoint", "checkpoint")},
				"a file in the vault":    {Verb: "make a file", Path: filepath.Join(V, "x")},
				"a file beside a socket": {Verb: "make a file", Path: filepath.Join(filepath.Dir(s.socket), "x")},
			}}
			for kind, own := range attacks {
				for _, set := range []map[string]order{both, own} {
					for name, o := range set {
						got := a.try(kind, o)
						if through := got == `"came through"`; through == confined {
							t.Errorf("%s, %s: %s", kind, name, got)
						}
					}
				}
			}
			// What it is there for goes on.
			for kind, o := range map[string]order{"enclave": {Verb: "make a file", Path: filepath.Join(dir, "V.outbox", "x")}} {
				if got := a.try(kind, o); got != `"came through"` {
					t.Errorf("%s: %s", kind, got)
				}
			}
			c, err := wire.Dial(s.socket)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			raw, at, err := attest(t.Context(), c, "", nil)
			if err != nil || (at.Confinement.Short == receipt.Confined) != confined {
				t.Errorf("%s, %v", raw, err)
			}
		})
	}
}

// TestNotPermitted: where user namespaces are not permitted, the service says what
// to allow and ends; a dev vault may be served unconfined, and the demo goes on so
// and says it.
func TestNotPermitted(t *testing.T) {
	dir := smallWorld(t)
	s := newService(t, dir)
	in := func(args ...string) (string, error) {
		path, err := exec.LookPath("awase")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"`, path}, args...)...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	status := func(err error) int {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			return 0
		}
		return exit.ExitCode()
	}
	out, err := in("serve", "--vault", "V", "--socket", s.socket, "--listen", "none")
	if status(err) != statusUnconfined || !strings.Contains(out, "user namespaces are not permitted here. Allow them") || !strings.Contains(out, "--unconfined") {
		t.Errorf("%v: %s", err, out)
	}
	// A piece that may be missing is named; the others still have to be there.
	out, err = in("serve", "--vault", "V", "--socket", s.socket, "--listen", "none", "--allow-missing", "network")
	if status(err) != statusUnconfined || !strings.Contains(out, "not confined: capabilities is missing (it holds some") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = in("demo", "--users", "5000", "--no-progress", "--out", "demo")
	if err != nil || !strings.Contains(out, "the demo goes on with nothing that confines its enclave, in a dev vault without officers") || !strings.Contains(out, "a process NOT confined") ||
		!strings.Contains(out, "a development vault: no officers watch it") || strings.Contains(out, "signed for operator") {
		t.Errorf("%v: %s", err, out)
	}
	for _, left := range []string{"demo/officers", "demo/run"} {
		if _, err := os.Stat(filepath.Join(dir, left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a demo without officers left %s: %v", left, err)
		}
	}
	if acme, err := os.ReadFile(filepath.Join(dir, "demo", "acme.yaml")); err != nil || bytes.Contains(acme, []byte("officers:")) {
		t.Errorf("%v: %s", err, acme)
	}
	if got := mustRun(t, dir, "verify", "demo/reports/spec.json"); !strings.Contains(got, "made by a process NOT confined") {
		t.Error(got)
	}
}

// TestStartRefused: an enclave that finds a piece missing which was not allowed to
// be names it and does not serve; the supervisor does not start it again. Allowed,
// it serves, and its receipts name the piece.
func TestStartRefused(t *testing.T) {
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	s := newService(t, dir)
	path, err := exec.LookPath("awase")
	if err != nil {
		t.Fatal(err)
	}
	// As a supervisor would that gave it no namespaces.
	start := func(allow ...string) (*exec.Cmd, *strings.Builder) {
		c := (&serving{vault: filepath.Join(dir, "V"), socket: s.socket, allow: allow}).enclave(vault.KeyFile{Path: filepath.Join(dir, "V.key")})
		c.program, c.apart = path, namespaces{}
		var errOut strings.Builder
		cmd, _, err := c.start(t.Context(), nil, &errOut)
		if err != nil {
			t.Fatal(err)
		}
		return cmd, &errOut
	}
	cmd, errOut := start("capabilities")
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != statusUnconfined || !strings.Contains(errOut.String(), "not confined: network is missing (the network namespace has an interface") {
		t.Errorf("%v: %s", err, errOut)
	}
	if answers(s.socket) {
		t.Error("it serves")
	}
	c := (&serving{vault: filepath.Join(dir, "V"), socket: s.socket}).enclave(vault.KeyFile{Path: filepath.Join(dir, "V.key")})
	c.program, c.apart = path, namespaces{}
	if err := c.keep(t.Context(), io.Discard, io.Discard); !notConfined(err) {
		t.Errorf("the supervisor: %v", err)
	}
	cmd, _ = start("network", "capabilities")
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	mustRun(t, dir, "report", "--enclave", s.socket, "--spec", "overlap.yaml", "--out", "a.json")
	if out := mustRun(t, dir, "verify", "a.json"); !strings.Contains(out, "made by a process confined by the kernel, but for") || !strings.Contains(out, "network") {
		t.Error(out)
	}
}

// TestPassesNoDescriptor: what the supervisor was started with does not reach those
// that it starts.
func TestPassesNoDescriptor(t *testing.T) {
	s := newService(t, smallWorld(t))
	cmd := awase(t, s.dir, "serve", "--vault", "V", "--socket", s.socket, "--listen", "127.0.0.1:0")
	secret, err := os.Create(filepath.Join(t.TempDir(), "leaked"))
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	cmd.ExtraFiles = []*os.File{secret, secret, secret}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }()
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	fds := func(pid int) (out []string) {
		dir := fmt.Sprintf("/proc/%d/fd", pid)
		names, err := os.ReadDir(dir)
		if err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("NOT RUN, and CI has to: %v", err)
			}
			t.Skipf("NOT RUN but as root: a confined process shows its descriptors to nobody: %v", err)
		}
		for _, n := range names {
			to, _ := os.Readlink(filepath.Join(dir, n.Name())) // it may be gone
			out = append(out, to)
		}
		return out
	}
	if !strings.Contains(strings.Join(fds(cmd.Process.Pid), "\n"), "leaked") {
		t.Fatal("the supervisor does not hold it: the test proves nothing")
	}
	for what, pid := range children(t, cmd.Process.Pid) {
		for _, to := range fds(pid) {
			if strings.Contains(to, "leaked") || strings.Contains(to, "V.key") {
				t.Errorf("%s holds %s", what, to)
			}
		}
	}
}

// TestReceiptSaysUnconfined: a receipt that an unconfined process made says so, and
// what it says can't be changed or taken away; one that a confined process made
// keeps what it said.
func TestReceiptSaysUnconfined(t *testing.T) {
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	s := newService(t, dir)
	s.start()
	mustRun(t, dir, "report", "--enclave", s.socket, "--spec", "profile.yaml", "--out", "confined.json")
	s.kill()
	mustRun(t, dir, "report", "--vault", "V", "--spec", "profile.yaml", "--out", "again.json")
	for _, name := range []string{"confined.json", "again.json"} {
		if out := mustRun(t, dir, "verify", name); !strings.Contains(out, "made by a process confined by the kernel\n") {
			t.Errorf("%s: %s", name, out)
		}
	}
	if out := mustRun(t, dir, "attestation", "--vault", "V"); !strings.Contains(out, "a process NOT confined") || !strings.Contains(out, "  missing no_new_privs, ") || !strings.Contains(out, " files, ") || !strings.Contains(out, ": it was not asked for") {
		t.Error(out)
	}
	mustRun(t, dir, "report", "--vault", "V", "--spec", "overlap.yaml", "--out", "a.json")
	if out := mustRun(t, dir, "verify", "a.json"); !strings.Contains(out, "made by a process NOT confined") {
		t.Error(out)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	const says = `"confinement": "unconfined"`
	for _, bad := range []string{strings.Replace(text, says, `"confinement": "confined"`, 1), strings.Replace(text, says+",", "", 1), strings.Replace(text, says, `"confinement": ""`, 1), strings.Replace(text, says, `"confined": "confined"`, 1)} {
		if bad == text {
			t.Fatal("nothing is changed")
		}
		if _, err := receipt.VerifyFile([]byte(bad), nil); err == nil {
			t.Error("it verifies")
		}
	}
}
