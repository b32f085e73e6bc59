package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"awase/cmd/awase/config"
	"awase/enclave/wire"
)

// TestServeRelay: where an engine is configured there is a relay, confined, in the
// network that the supervisor is in; whichever is killed is started again, and the
// relay comes back to an enclave that was started again. It ends with them, and
// leaves no socket. Its password is in no argument and no variable.
func TestServeRelay(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	s := newService(t, dir)
	const password = "a-password-of-the-test"
	if err := errors.Join(os.Mkdir(dir+"/engine", 0o700), os.WriteFile(dir+"/engine/password", []byte(password), 0o600),
		os.WriteFile(dir+"/awase.yaml", []byte("schema: awase.config/v1\nengine: {shards: [\"127.0.0.1:1\", \"localhost:2\"], tls: none, user: awase, password_file: engine/password}\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	cmd := startSupervisor(t, s, "--config", "awase.yaml")
	defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
	all := relayChannels(&config.Engine{Shards: []string{"127.0.0.1:1", "localhost:2"}})
	seen := map[int]bool{}
	for _, kill := range []string{"relay", "enclave", "relay", "both"} {
		eventually(t, "an answer", func() bool { return answers(s.socket) })
		var kids map[string]int
		eventually(t, "a relay that carries", func() bool {
			kids = children(t, cmd.Process.Pid)
			return kids["relay"] != 0 && kids["enclave"] != 0 && kids["front"] != 0 && !seen[kids["relay"]] && field(t, kids["relay"], "Seccomp") == "2" && channels(t, s.socket) == all
		})
		seen[kids["relay"]] = true
		if got := field(t, kids["relay"], "NoNewPrivs"); got != "1" {
			t.Errorf("no_new_privs is %s", got)
		}
		for what, pid := range kids {
			for _, of := range []string{"cmdline", "environ"} {
				raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, of))
				if err == nil && strings.Contains(string(raw), password) {
					t.Errorf("the password is in the %s of %s", of, what)
				}
			}
		}
		ours, err1 := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid))
		its, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", kids["relay"]))
		inside, err3 := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", kids["enclave"]))
		if err := errors.Join(err1, err2, err3); err == nil && (ours != its || ours == inside) {
			t.Errorf("the networks are %s, %s of the relay, %s of the enclave", ours, its, inside)
		} else if err != nil && os.Geteuid() == 0 {
			t.Error(err)
		}
		for _, what := range []string{"relay", "enclave"} {
			if kill == what || kill == "both" {
				if err := syscall.Kill(kids[what], syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	for _, socket := range []string{s.socket, relaySocket(s.socket)} {
		if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", socket, err)
		}
	}
	// Without an engine there is none of it.
	cmd = startSupervisor(t, s)
	eventually(t, "the front's answer", func() bool { return printed(cmd) != "" })
	if kids := children(t, cmd.Process.Pid); len(kids) != 2 {
		t.Errorf("there are %v", kids)
	}
	if _, err := os.Lstat(relaySocket(s.socket)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the relay's socket is there: %v", err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

// field reads a line of a process's status.
func field(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), "\n"+name+":\t")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// channels counts what is connected to the relay's socket, as the kernel does.
func channels(t *testing.T, socket string) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		// … flags type state inode path; state 3 is connected, as the accepted ends are
		if f := strings.Fields(line); len(f) == 8 && f[7] == relaySocket(socket) && f[5] == "03" {
			n++
		}
	}
	return n
}

// TestEngineRefused: what an engine's configuration names has to be there, and out of
// the front's reach, before anything starts; a command that opens the vault itself is
// told the same.
func TestEngineRefused(t *testing.T) {
	dir := smallWorld(t)
	a, _ := engineAuthority(t)
	if err := errors.Join(os.MkdirAll(dir+"/d/reports", 0o700), os.WriteFile(dir+"/d/reports/password", []byte("x"), 0o600), os.WriteFile(dir+"/open", []byte("x"), 0o644), os.WriteFile(dir+"/ca", a.PEM(), 0o644), os.WriteFile(dir+"/good", []byte("x"), 0o600), os.WriteFile(dir+"/tlskey", []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, mainJob[0]...)
	for _, c := range []struct{ password, ca, says string }{
		{"open", "ca", "E_FILE at c.yaml:2:"},
		{"none", "ca", "(engine.password_file): there is no such file"},
		{"good", "good", "(engine.ca_file): there is no such file, or it holds no certificate"},
		{"good", "none", "(engine.ca_file): there is no such file, or it holds no certificate"},
		{"d/reports/password", "ca", "E_FORBIDDEN at data"},
		{"good", "ca", ""},
	} {
		text := fmt.Sprintf("schema: awase.config/v1\nengine: {shards: [\"127.0.0.1:1\"], user: awase, password_file: %s, ca_file: %s}\ndata: d\n", c.password, c.ca)
		if err := os.WriteFile(dir+"/c.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"config", "check", "c.yaml"}, {"serve", "--config", "c.yaml", "--listen", "127.0.0.1:nonsense"}, {"ledger", "--vault", "V", "--config", "c.yaml"}} {
			if c.says == "" && args[0] == "serve" || args[0] == "ledger" && strings.Contains(c.says, "E_FORBIDDEN") {
				continue
			}
			if args[0] == "serve" {
				args = args[:3]
			}
			out, err := awase(t, dir, args...).CombinedOutput()
			if c.says == "" {
				if err != nil && args[0] == "config" {
					t.Errorf("%v: %s", args, out)
				}
			} else if err == nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v with %+v: %v: %s", args, c, err, out)
			}
		}
	}
	if out, err := awase(t, dir, "ledger", "--enclave", "s", "--config", "c.yaml").CombinedOutput(); err == nil || !strings.Contains(string(out), "--config is beside --vault") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := wire.Dial(dir + "/d/run/awase.sock"); err == nil {
		t.Error("something is served")
	}
}
