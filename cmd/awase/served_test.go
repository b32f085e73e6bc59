package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"awase/cmd/awase/config"
	"awase/enclave/wire"
)

// servedEnv makes the awase of scripts use an enclave of its own process for
// every vault that is there. It names the directory of sockets and pids.
const servedEnv = "AWASE_TEST_SERVED"

// TestScriptsServed runs the same scripts with every vault served: whatever they
// say must come out, errors and their places included, comes out through the
// socket too.
func TestScriptsServed(t *testing.T) {
	t.Parallel()
	wantConfinement(t)
	var vaults atomic.Int32
	t.Cleanup(func() {
		if n := vaults.Load(); n < 10 && !strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
			t.Errorf("only %d vaults were served: the scripts went around the socket", n)
		}
	})
	testscript.Run(t, scripts(func(env *testscript.Env) error {
		// Not in the script's directory: a socket's name must be short.
		dir, err := os.MkdirTemp("", "awase")
		if err != nil {
			return err
		}
		env.Setenv(servedEnv, dir)
		env.Defer(func() {
			pids, err := filepath.Glob(filepath.Join(dir, "*", "pid"))
			if err != nil {
				t.Error(err)
			}
			vaults.Add(int32(len(pids)))
			for _, path := range pids {
				if err := endServed(path); err != nil {
					t.Error(err)
				}
			}
			// A service that was told to end may still write what it has at hand.
			for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
				err := os.RemoveAll(dir)
				if err == nil {
					break
				}
				if time.Since(began) > time.Minute {
					t.Error(err)
					break
				}
			}
		})
		return nil
	}))
}

// wantConfinement does not run a test where user namespaces are not permitted, and
// says so.
func wantConfinement(t *testing.T) {
	t.Helper()
	if err := confinable(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("NOT RUN, and CI has to: %v", err)
		}
		t.Skipf("NOT RUN: nothing can be confined here: %v", err)
	}
}

// confinable starts a process in namespaces of its own, once.
var confinable = sync.OnceValue(func() error {
	path, err := exec.LookPath("awase")
	if err != nil {
		return err
	}
	return (&child{what: "a process", program: path, args: []string{"--help"}, apart: namespaces{users: true, network: true}}).run(context.Background(), io.Discard, io.Discard)
})

// endServed ends a service by its pid.
func endServed(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// serveArgs serves the vault that the command line names, where it is there, and
// puts its socket in the vault's place.
func serveArgs() {
	if len(os.Args) < 2 || slices.Contains([]string{"enclave", "serve", "front", "relay", "init", "demo", "bench"}, os.Args[1]) {
		return
	}
	i := slices.Index(os.Args, "--vault")
	if i < 0 || i+1 >= len(os.Args) || slices.Contains(os.Args, "--enclave") || slices.ContainsFunc(os.Args, func(a string) bool { return a == "--vault-key" || a == "--next-key" }) {
		return
	}
	dir := os.Args[i+1]
	if _, err := os.Stat(filepath.Join(dir, "keys")); err != nil {
		return
	}
	socket, err := served(dir)
	if err != nil {
		fmt.Fprint(os.Stderr, err) // what the command itself would have said of this vault
		os.Exit(1)
	}
	os.Args[i], os.Args[i+1] = "--enclave", socket
}

// served gives the socket of the enclave that serves a vault, and starts one
// where there is none.
func served(dir string) (string, error) {
	at := filepath.Join(os.Getenv(servedEnv), strings.ReplaceAll(filepath.Clean(dir), string(filepath.Separator), "_"))
	socket := filepath.Join(at, "s")
	if answers(socket) {
		return socket, nil
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return "", err
	}
	path, err := exec.LookPath("awase")
	if err != nil {
		return "", err
	}
	errOut, err := os.Create(filepath.Join(at, "err"))
	if err != nil {
		return "", err
	}
	cmd := exec.Command(path, "serve", "--vault", dir, "--socket", socket, "--listen", config.NoFront)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, servedEnv+"=") })
	cmd.Stderr = errOut
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-ended:
			text, err := os.ReadFile(errOut.Name())
			return "", errors.Join(err, errors.New(string(bytes.TrimSpace(text))))
		default:
		}
		if answers(socket) {
			return socket, os.WriteFile(filepath.Join(at, "pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
		}
	}
	return "", errors.New("the enclave did not begin to serve")
}

// answers tells whether an enclave is served: its socket is there a moment before
// it is listened at.
func answers(socket string) bool {
	c, err := wire.Dial(socket)
	return err == nil && c.Close() == nil
}
