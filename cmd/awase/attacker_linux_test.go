package main

import (
	"bufio"
	"context"
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

	"awase/enclave/relay"
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
	"be the relay": func(o order) error {
		conns, err := relay.Connect(context.Background(), o.Unix, relay.NewSecret(), 1)
		if err != nil {
			return err
		}
		defer conns[0].Close()
		_ = conns[0].SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := conns[0].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.New("turned away")
		}
		return nil
	},
	"listen": func(order) error {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return l.Close()
	},
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
	for _, kind := range []string{"enclave", "front", "relay"} {
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
