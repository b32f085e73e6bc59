package sandbox

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestStrangerInside: in the namespace of a service that runs as nobody, whom the
// kernel gives no name there is not nobody, or every stranger at its socket would be
// taken for its own user. With nobody's name kept he is.
func TestStrangerInside(t *testing.T) {
	if os.Getenv("AWASE_TEST_PEER") != "" {
		ownAndPeer(t)
		return
	}
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("only root can be nobody: run the tests as root in CI")
		}
		t.Skip("NOT RUN: only root can be nobody")
	}
	top, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(top)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(top, "test")
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	nobody := stranger("uid")
	for name, change := range map[string]func(*syscall.SysProcAttr){
		"renamed": func(*syscall.SysProcAttr) {},
		"kept":    func(a *syscall.SysProcAttr) { a.UidMappings[0].ContainerID = nobody },
	} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(top, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		attr := isolated(nobody, nobody)
		change(attr)
		attr.Credential = &syscall.Credential{Uid: uint32(attr.UidMappings[0].ContainerID), Gid: uint32(attr.GidMappings[0].ContainerID), NoSetGroups: true}
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, "-test.run", "^TestStrangerInside$", "-test.v")
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr, cmd.ExtraFiles = "/", append(os.Environ(), "AWASE_TEST_PEER=1"), &out, &out, attr, []*os.File{f}
		if err := cmd.Start(); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no user namespace: %v", err)
			}
			t.Skipf("NOT RUN: no user namespace: %v", err)
		}
		c, err := net.DialTimeout("unix", filepath.Join(top, name), time.Minute) // as root, a stranger there
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out.String())
		}
		if same := strings.Contains(out.String(), "taken for its user"); same != (name == "kept") {
			t.Errorf("%s: a stranger is taken for the service's user: %v\n%s", name, same, out.String())
		}
		_ = c.Close()
		_ = f.Close()
		_ = l.Close()
	}
}

// ownAndPeer says whether who connects at descriptor 3 has this process's user, as
// the service does.
func ownAndPeer(t *testing.T) {
	fd, _, err := unix.Accept4(3, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("own", os.Geteuid(), "peer", cred.Uid)
	if int(cred.Uid) == os.Geteuid() {
		fmt.Println("taken for its user")
	}
}
