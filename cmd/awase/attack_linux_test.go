package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"awase/cmd/awase/config"
	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
)

// TestAttacksFromInside: in the enclave, the front and the relay that awase serve
// started, what
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
	shard, err := net.Listen("tcp", "127.0.0.1:0") // the relay's list: a server that is no ClickHouse
	if err != nil {
		t.Fatal(err)
	}
	defer shard.Close()
	for _, l := range []net.Listener{echo, other, shard} {
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
			password := filepath.Join(dir, "engine", "password")
			if err := errors.Join(os.Mkdir(filepath.Dir(password), 0o700), os.WriteFile(password, []byte("a password"), 0o600)); err != nil {
				t.Fatal(err)
			}
			more := []string{"--engine-shards", shard.Addr().String(), "--engine-tls", "none", "--engine-user", "awase", "--engine-password-file", password}
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
			eventually(t, "the front's answer", func() bool { return printed(cmd) != "" })
			pid, V, data := cmd.Process.Pid, filepath.Join(dir, "V"), filepath.Join(dir, "awase-data")
			kept := filepath.Join(dir, "V.backups", "kept")
			if err := os.WriteFile(kept, []byte("as of a backup"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "awase.yaml"), []byte("schema: awase.config/v1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			both := map[string]order{
				"a file of the system":    {Verb: "read a file", Path: "/etc/passwd"},
				"the vault key":           {Verb: "read a file", Path: V + ".key"},
				"the engine's password":   {Verb: "read a file", Path: password},
				"a file beside the vault": {Verb: "make a file", Path: V + ".key.new"},
				"a temporary file":        {Verb: "make a file", Path: filepath.Join(os.TempDir(), filepath.Base(at)+".planted")},
				"a program":               {Verb: "run a program"},
				"the supervisor's memory": {Verb: "read its parent's memory", Parent: pid},
				"a signal":                {Verb: "signal its parent", Parent: pid},
			}
			attacks := map[string]map[string]order{"enclave": {
				"a file in the inbox":  {Verb: "make a file", Path: filepath.Join(dir, "V.inbox", "x")},
				"another's socket":     {Verb: "dial a socket", Unix: other.Addr().String()},
				"the loopback":         {Verb: "dial the loopback", TCP: echo.Addr().String()},
				"the engine's server":  {Verb: "dial the loopback", TCP: shard.Addr().String()},
				"the front's accounts": {Verb: "read a file", Path: filepath.Join(data, "control", "control.db")},
				"a finished report":    {Verb: "make a file", Path: filepath.Join(data, "reports", "x")},
			}, "relay": {
				"a port":                 {Verb: "listen"},
				"a server not listed":    {Verb: "dial the loopback", TCP: echo.Addr().String()},
				"another's socket":       {Verb: "dial a socket", Unix: other.Addr().String()},
				"the enclave":            {Verb: "dial a socket", Unix: s.socket},
				"the vault's keys":       {Verb: "read a file", Path: filepath.Join(V, "keys")},
				"the record log":         {Verb: "read a file", Path: filepath.Join(V, "log")},
				"a backup":               {Verb: "read a file", Path: kept},
				"the front's accounts":   {Verb: "read a file", Path: filepath.Join(data, "control", "control.db")},
				"a file beside a socket": {Verb: "make a file", Path: filepath.Join(filepath.Dir(s.socket), "x")},
			}, "front": {
				"a port":                 {Verb: "listen"},
				"a file in the outbox":   {Verb: "make a file", Path: filepath.Join(dir, "V.outbox", "x")},
				"the configuration":      {Verb: "read a file", Path: filepath.Join(dir, "awase.yaml")},
				"the vault's keys":       {Verb: "read a file", Path: filepath.Join(V, "keys")},
				"the record log":         {Verb: "read a file", Path: filepath.Join(V, "log")},
				"the checkpoint":         {Verb: "read a file", Path: filepath.Join(dir, "V.checkpoint", "checkpoint")},
				"a file in the vault":    {Verb: "make a file", Path: filepath.Join(V, "x")},
				"a backup":               {Verb: "read a file", Path: kept},
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
			for kind, orders := range map[string][]order{
				"enclave": {{Verb: "make a file", Path: filepath.Join(dir, "V.outbox", "x")}, {Verb: "make a file", Path: filepath.Join(dir, "V.backups", "x")}},
				"relay":   {{Verb: "dial the loopback", TCP: shard.Addr().String()}},
				"front": {
					{Verb: "make a file", Path: filepath.Join(dir, "V.inbox", "x")}, {Verb: "make a file", Path: filepath.Join(data, "reports", "x")},
					{Verb: "read a file", Path: filepath.Join(data, "control", "control.db")}, {Verb: "dial the loopback", TCP: echo.Addr().String()},
				},
			} {
				for _, o := range orders {
					if got := a.try(kind, o); got != `"came through"` {
						t.Errorf("%s, %+v: %s", kind, o, got)
					}
				}
			}
			// The front may connect to where the relay is let in, and is not let in: not
			// even where nothing confines it. The relay keeps its channels.
			all := relayChannels(&config.Engine{Shards: []string{shard.Addr().String()}})
			eventually(t, "a relay that carries", func() bool { return channels(t, s.socket) == all })
			carries := children(t, pid)["relay"]
			if got := a.try("front", order{Verb: "be the relay", Unix: relaySocket(s.socket)}); got != `"turned away"` {
				t.Errorf("the front as the relay: %s", got)
			}
			if got, now := channels(t, s.socket), children(t, pid)["relay"]; got != all || now != carries {
				t.Errorf("the relay %d has %d channels; before it was %d with %d", now, got, carries, all)
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
	t.Parallel()
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
		c := (&serving{vault: filepath.Join(dir, "V"), socket: s.socket, allow: allow}).enclave(vault.KeyFile{Path: filepath.Join(dir, "V.key")}, nil)
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
	c := (&serving{vault: filepath.Join(dir, "V"), socket: s.socket}).enclave(vault.KeyFile{Path: filepath.Join(dir, "V.key")}, nil)
	c.program, c.apart = path, namespaces{}
	if err := c.keep(t.Context(), slog.New(slog.DiscardHandler), io.Discard, io.Discard); !notConfined(err) {
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
	cmd := awase(t, s.dir, "serve", "--vault", "V", "--dev", "--socket", s.socket, "--listen", "127.0.0.1:0")
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
