package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

func startSupervisor(t *testing.T, s *service, more ...string) *exec.Cmd {
	t.Helper()
	cmd := awase(t, s.dir, append([]string{"serve", "--vault", "V", "--socket", s.socket, "--listen", "127.0.0.1:0", "--dev"}, more...)...)
	cmd.WaitDelay = time.Minute
	var log bytes.Buffer // read once it has ended
	cmd.Stderr, cmd.Stdout = &log, &screenText{}
	t.Cleanup(func() {
		if t.Failed() && cmd.ProcessState != nil {
			t.Logf("the supervisor said:\n%s", log.Bytes()[max(0, log.Len()-4000):])
		}
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// screenText is what a service printed, read while it prints.
type screenText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screenText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// printed gives all that a service printed.
func printed(cmd *exec.Cmd) string {
	s := cmd.Stdout.(*screenText)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// children gives the pids of a supervisor's children, by the command of each.
func children(t *testing.T, pid int) map[string]int {
	t.Helper()
	out := map[string]int{}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("this kernel does not name a process's children (CONFIG_PROC_CHILDREN)")
			}
			t.Skip("NOT RUN: this kernel does not name a process's children (CONFIG_PROC_CHILDREN)")
		}
		for f := range strings.FieldsSeq(string(text)) {
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", n))
			if args := strings.Split(string(line), "\x00"); err == nil && len(args) > 1 {
				out[args[1]] = n
			}
		}
	}
	return out
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// TestServe: the enclave is started again whenever it is killed, what was
// acknowledged stands, and it ends with its supervisor, however that ends.
func TestServe(t *testing.T) {
	t.Parallel()
	s := newService(t, smallWorld(t))
	cmd := startSupervisor(t, s)
	for i := range 4 {
		var c *wire.Client
		eventually(t, "an answer", func() bool {
			var err error
			c, err = wire.Dial(s.socket)
			return err == nil
		})
		p, err := entrustment.ParseParty("p", fmt.Appendf(nil, "schema: awase.party/v1\nid: p%d\nclass: client\ngroup: g\ncountry: JP\n", i))
		if err != nil {
			t.Fatal(err)
		}
		if ack, err := c.AddParty(t.Context(), p); err != nil || !ack.Changed {
			t.Fatalf("party %d: %+v, %v", i, ack, err)
		}
		if i > 0 {
			p.ID = fmt.Sprint("p", i-1)
			if ack, err := c.AddParty(t.Context(), p); err != nil || ack.Changed {
				t.Errorf("party %d, once more: %+v, %v", i-1, ack, err)
			}
		}
		kids := children(t, cmd.Process.Pid)
		if len(kids) != 2 || kids["enclave"] == 0 || kids["front"] == 0 {
			t.Fatalf("the processes are %v", kids)
		}
		if i < 3 {
			if err := syscall.Kill(kids["enclave"], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.Close()
		eventually(t, "the killed enclave's end", func() bool {
			_, err := wire.Dial(s.socket)
			return i == 3 || err != nil || children(t, cmd.Process.Pid)["enclave"] != kids["enclave"]
		})
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	gone := func() bool {
		_, err := os.Stat(s.socket)
		return errors.Is(err, os.ErrNotExist)
	}
	if !gone() {
		t.Error("the enclave outlived its supervisor")
	}
	// A supervisor that is killed takes the enclave with it.
	cmd = startSupervisor(t, s)
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	kids := children(t, cmd.Process.Pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // of the signal
	for what, pid := range kids {
		eventually(t, "the end of the orphaned "+what, func() bool { return syscall.Kill(pid, 0) != nil })
	}
	mustRun(t, s.dir, "gate", "show", "--vault", "V")
}
