package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"awase/enclave/sandbox"
)

// anyLandlock are the pieces of which each makes a Landlock domain.
var anyLandlock = []sandbox.Name{sandbox.Files, sandbox.TCP, sandbox.Signals, sandbox.AbstractUnix}

// attacks are tried from inside. Each of the pieces alone stops it; without
// all of them it comes through, which shows that they are what stops it.
var attacks = []struct {
	verb   string
	pieces []sandbox.Name
	also   []sandbox.Name // left out with them: they stop it on some kernels
	attr   func(*testing.T) *syscall.SysProcAttr
}{
	{verb: "open", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "read the vault key", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write beside the vault", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write outside", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write where it may read", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "truncate outside", pieces: []sandbox.Name{sandbox.Files, sandbox.SystemCalls}},
	{verb: "symlink", pieces: []sandbox.Name{sandbox.Files, sandbox.SystemCalls}},
	{verb: "tcp", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.TCP, sandbox.Network}},
	{verb: "listen", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.TCP}, also: []sandbox.Name{sandbox.Network}},
	// Landlock does not see multipath TCP, which net.Listen prefers.
	{verb: "listen by multipath TCP", pieces: []sandbox.Name{sandbox.SystemCalls}, also: []sandbox.Name{sandbox.TCP, sandbox.Network}},
	{verb: "udp", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Network}},
	{verb: "abstract", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.AbstractUnix, sandbox.Network}},
	{verb: "pathname", pieces: []sandbox.Name{sandbox.SystemCalls}, also: []sandbox.Name{sandbox.Files, sandbox.UnixConnect}},
	{verb: "exec", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Files}},
	{verb: "read the parent's memory", pieces: append([]sandbox.Name{sandbox.SystemCalls, sandbox.Network}, anyLandlock...)},
	{verb: "trace the parent", pieces: append([]sandbox.Name{sandbox.SystemCalls, sandbox.Network}, anyLandlock...)},
	{verb: "mount", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Files}, attr: rootInside},
	{verb: "unshare", pieces: []sandbox.Name{sandbox.SystemCalls}, attr: rootInside},
	{verb: "signal the parent", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Signals}},
	{verb: "raise the core limit", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.CoreLimit}},
	{verb: "run written memory", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "run memory by another number", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "take a descriptor", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "io_uring", pieces: []sandbox.Name{sandbox.SystemCalls}},
}

// rootInside starts the child as root of its own namespaces, who may mount and
// unshare: without confinement nothing else would stop it.
func rootInside(t *testing.T) *syscall.SysProcAttr {
	attr := isolated(t)
	attr.Cloneflags |= syscall.CLONE_NEWNS
	attr.UidMappings[0].ContainerID, attr.GidMappings[0].ContainerID = 0, 0
	return attr
}

// TestAttacks: what a program that took the process over would try fails under
// all pieces, and under each alone that should stop it; and comes through
// without them.
func TestAttacks(t *testing.T) {
	isolated(t) // says once what does not run
	for _, a := range attacks {
		t.Run(a.verb, func(t *testing.T) {
			attack := func(t *testing.T, without []sandbox.Name) string {
				t.Helper()
				j := household1(t)
				j.Verb, j.Without = a.verb, with(without)
				attr := start(t, without)
				if a.attr != nil {
					attr = a.attr(t)
					j.Without = append(j.Without, sandbox.Capabilities, sandbox.Network)
				}
				out := run(t, j, attr)
				if out.Confine != "" {
					t.Fatalf("confining: %s", out.Confine)
				}
				return out.Failed
			}
			t.Run("confined", func(t *testing.T) {
				why := attack(t, nil)
				if why == "" {
					t.Error("it came through")
				}
				t.Log(why)
			})
			for _, p := range a.pieces {
				t.Run("by "+string(p)+" alone", func(t *testing.T) {
					others := slices.DeleteFunc(slices.Concat(a.pieces, a.also), func(n sandbox.Name) bool { return n == p })
					why := attack(t, others)
					if why == "" {
						t.Error("it came through")
					}
					t.Log(why)
				})
			}
			t.Run("control removed", func(t *testing.T) {
				if why := attack(t, slices.Concat(a.pieces, a.also)); why != "" {
					t.Errorf("the attack fails for another reason, and shows nothing: %s", why)
				}
			})
		})
	}
}

// frontAttacks are tried from inside a front: what it is kept from, and the twin.
var frontAttacks = []attackOutward{
	{verb: "open", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "read the vault key", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "read the vault", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write beside the vault", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write outside", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write where it may read", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "truncate outside", pieces: []sandbox.Name{sandbox.Files, sandbox.SystemCalls}},
	{verb: "symlink", pieces: []sandbox.Name{sandbox.Files, sandbox.SystemCalls}},
	{verb: "listen", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.TCP}},
	{verb: "listen by multipath TCP", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "a datagram to a unix socket", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "a netlink socket", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "filter what comes in", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "abstract", pieces: []sandbox.Name{sandbox.AbstractUnix}},
	{verb: "exec", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Files}},
	{verb: "signal the parent", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Signals}},
	{verb: "take a descriptor", pieces: []sandbox.Name{sandbox.SystemCalls}},
}

// attackOutward is tried from inside a process that connects outward.
type attackOutward struct {
	verb   string
	pieces []sandbox.Name
	also   []sandbox.Name // left out with them: they stop it on some kernels
}

// inItsNetwork is how a process is started that connects outward.
func inItsNetwork(t *testing.T) *syscall.SysProcAttr {
	attr := isolated(t)
	attr.Cloneflags &^= syscall.CLONE_NEWNET
	return attr
}

// attackEach tries attacks under what a process keeps, under each piece alone, and
// without those that stop them.
func attackEach(t *testing.T, attacks []attackOutward, keeps func(*testing.T, job) sandbox.Options) {
	isolated(t)
	for _, a := range attacks {
		t.Run(a.verb, func(t *testing.T) {
			attack := func(t *testing.T, without []sandbox.Name) string {
				t.Helper()
				j := household1(t)
				j.Options = keeps(t, j)
				j.Verb, j.Without = a.verb, with(without)
				out := run(t, j, inItsNetwork(t))
				if out.Confine != "" {
					t.Fatalf("confining: %s", out.Confine)
				}
				return out.Failed
			}
			if attack(t, nil) == "" {
				t.Error("it came through")
			}
			for _, p := range a.pieces {
				others := slices.DeleteFunc(slices.Concat(a.pieces, a.also), func(n sandbox.Name) bool { return n == p })
				if attack(t, others) == "" {
					t.Errorf("it came through by %s alone", p)
				}
			}
			if why := attack(t, slices.Concat(a.pieces, a.also)); why != "" {
				t.Errorf("without %v the attack fails for another reason, and shows nothing: %s", a.pieces, why)
			}
		})
	}
}

// TestFrontAttacks is TestAttacks for what awase front keeps.
func TestFrontAttacks(t *testing.T) {
	attackEach(t, frontAttacks, asFront)
	// What it is there for: it reaches the sockets of one directory, keeps its store
	// and its uploads, reads what the enclave hands out, and asks outward.
	for _, verb := range []string{"pathname", "tcp", "udp", "a front's work", "verify"} {
		j := household1(t)
		j.Options, j.Verb, j.Strict = asFront(t, j), verb, true
		out := run(t, j, inItsNetwork(t))
		if out.Confine != "" || out.Failed != "" {
			t.Errorf("%s: %s; %s", verb, out.Confine, out.Failed)
		}
		if p := out.Statement.Piece(sandbox.TCP); !p.InForce || !p.Tried || p.Reason != "as far as listening: it connects outward" {
			t.Errorf("%+v", p)
		}
	}
}

// asFront is what awase front keeps: the vault's outbox to read, directories of its
// own, the way to the socket.
func asFront(t *testing.T, j job) sandbox.Options {
	t.Helper()
	dir := t.TempDir()
	o := sandbox.ForFront(sandbox.FrontDirs{Sockets: j.Outside, Write: []string{filepath.Join(dir, "control"), filepath.Join(dir, "reports")}, Read: []string{filepath.Join(dir, "outbox")}}, filepath.Join(dir, "resolv.conf"))
	for _, d := range append(slices.Clone(o.ReadWrite), o.ReadOnly...) {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{filepath.Join(o.ReadOnly[0], "table"), o.ReadFiles[0]} {
		if err := os.WriteFile(path, []byte("handed out"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// household1 is the world outside: directories, servers, a parent that keeps a
// secret and takes signals.
func household1(t *testing.T) job {
	t.Helper()
	dir := t.TempDir()
	j := job{Outside: filepath.Join(dir, "outside"), Parent: os.Getpid(), Secret: address(kept)}
	vault, checkpoint, inbox, outbox := filepath.Join(dir, "V"), filepath.Join(dir, "V.checkpoint"), filepath.Join(dir, "inbox"), filepath.Join(dir, "outbox")
	for _, d := range []string{j.Outside, vault, checkpoint, inbox, outbox} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	j.Key, j.Sealed = vault+".key", filepath.Join(vault, "keys")
	j.Options = sandbox.ForEnclave([]string{vault, checkpoint}, inbox, outbox) // as awase enclave is
	for path, text := range map[string]string{filepath.Join(inbox, "sealed"): "rows", filepath.Join(j.Outside, "long"): "a long text", j.Key: "key", j.Sealed: "wrapped keys"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j.TCP = echoServer(t, "tcp", "127.0.0.1:0")
	j.Abstract = echoServer(t, "unix", fmt.Sprintf("@awase-test-%d-%d", os.Getpid(), time.Now().UnixNano()))
	j.Pathname = echoServer(t, "unix", filepath.Join(j.Outside, "s"))
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = packets.Close() })
	j.UDP = packets.LocalAddr().String()
	go func() {
		b := make([]byte, 16)
		for {
			n, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(b[:n], from)
		}
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR2)
	t.Cleanup(func() { signal.Stop(signals) })
	return j
}

func echoServer(t *testing.T, network, addr string) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// TestMemoryIsOurs: a process of the same user in the same namespaces, a front
// that was taken over, can't read a confined process's memory; and can where
// it is left dumpable.
func TestMemoryIsOurs(t *testing.T) {
	attr := isolated(t)
	for _, without := range [][]sandbox.Name{nil, {sandbox.NotDumpable}} {
		j := household1(t)
		j.Verb, j.Without = "household", without
		out := run(t, j, attr)
		if out.Secret == 0 {
			t.Fatalf("the confined process did not start: %+v", out)
		}
		if through := out.Failed == ""; through != (without != nil) {
			t.Errorf("without %v: %q", without, out.Failed)
		}
	}
}

// TestAllowed: a confined process does its work.
func TestAllowed(t *testing.T) {
	j := household1(t)
	j.Verb = "work"
	attr := isolated(t)
	requests := make(chan error, 1)
	go func() { requests <- askOver(t.Context(), filepath.Join(j.Options.ReadWrite[0], "s")) }()
	out := run(t, j, attr)
	if out.Failed != "" || out.Confine != "" {
		t.Errorf("%s; confining: %s", out.Failed, out.Confine)
	}
	if err := <-requests; err != nil {
		t.Error(err)
	}
}

// askOver sends requests over a unix socket that may not be there yet.
func askOver(ctx context.Context, socket string) error {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			for {
				c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
				if err == nil || ctx.Err() != nil {
					return c, err
				}
				time.Sleep(10 * time.Millisecond)
			}
		},
	}}
	body := strings.Repeat("body", 1<<18)
	for range 20 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://enclave/echo", strings.NewReader(body))
		if err != nil {
			return err
		}
		answer, err := client.Do(req)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || string(got) != body {
			return fmt.Errorf("the answer has %d bytes, %w", len(got), err)
		}
	}
	answer, err := client.Get("http://enclave/stop")
	if err == nil {
		_ = answer.Body.Close()
	}
	return err
}

// TestThreads: threads that were there before are confined too.
func TestThreads(t *testing.T) {
	j := household1(t)
	j.Verb = "threads"
	if out := run(t, j, isolated(t)); out.Failed != "" || out.Confine != "" {
		t.Errorf("%s; confining: %s", out.Failed, out.Confine)
	}
}

// TestSockets: a process that is given directories for sockets makes and
// reaches unix streams, and nothing else.
func TestSockets(t *testing.T) {
	j := household1(t)
	j.Verb = "listen and dial"
	j.Options.Listen = []string{j.Options.ReadOnly[0]}
	j.Options.Dial = []string{j.Options.ReadOnly[0], j.Outside}
	j.Options.AllowMissing = []sandbox.Name{sandbox.UnixConnect}
	j.Strict = true
	out := run(t, j, isolated(t))
	if out.Failed != "" || out.Confine != "" {
		t.Errorf("%s; confining: %s", out.Failed, out.Confine)
	}
	if p := out.Statement.Piece(sandbox.UnixConnect); p.InForce != (out.Statement.LandlockABI >= 9) || p.Reason == "" {
		t.Errorf("%+v under Landlock ABI %d", p, out.Statement.LandlockABI)
	}
}

// TestStatement: a process that the supervisor started right has every piece
// in force, each tried, and says whether the machine swaps.
func TestStatement(t *testing.T) {
	j := household1(t)
	j.Verb, j.Strict = "verify", true
	out := run(t, j, isolated(t))
	if out.Confine != "" || out.Failed != "" {
		t.Fatalf("%s; %s", out.Confine, out.Failed)
	}
	if len(out.Statement.Missing()) != 0 || len(out.Statement.Pieces) != len(sandbox.Names()) {
		t.Errorf("missing: %+v", out.Statement.Missing())
	}
	for i, p := range out.Statement.Pieces {
		if p.Name != sandbox.Names()[i] || !p.InForce || !p.Tried || p.Reason != "" {
			t.Errorf("%+v", p)
		}
	}
	swaps, err := os.ReadFile("/proc/swaps")
	if err != nil {
		t.Fatal(err)
	}
	if s := out.Statement.Swap; !s.Known || s.InUse != strings.Contains(string(swaps), "\n/") {
		t.Errorf("swap: %+v", s)
	}
	b, err := json.Marshal(out.Statement)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"system":"linux/`, `"landlock_abi":`, `{"name":"no_new_privs","in_force":true,"tried":true}`, `"swap":{"known":true,"in_use":`} {
		if !strings.Contains(string(b), field) {
			t.Errorf("no %s in %s", field, b)
		}
	}
	if strings.Contains(string(b), j.Options.ReadWrite[0]) {
		t.Errorf("a path in %s", b)
	}
	t.Logf("%s", b)
}

// TestEachPieceIsMissed: each piece that is left out is called missing, with a
// reason, and the others are not.
func TestEachPieceIsMissed(t *testing.T) {
	for _, n := range []sandbox.Name{sandbox.Network, sandbox.Files, sandbox.TCP, sandbox.Signals, sandbox.AbstractUnix, sandbox.SystemCalls, sandbox.CoreLimit, sandbox.NotDumpable} {
		t.Run(string(n), func(t *testing.T) {
			j := household1(t)
			j.Without = with([]sandbox.Name{n})
			out := run(t, j, start(t, j.Without))
			if out.Confine != "" {
				t.Fatal(out.Confine)
			}
			if p := out.Statement.Piece(n); p.InForce || p.Reason == "" {
				t.Errorf("%+v", p)
			}
			for _, p := range out.Statement.Missing() {
				if !slices.Contains(j.Without, p.Name) {
					t.Errorf("%+v is missing too", p)
				}
			}
		})
	}
	t.Run("no_new_privs", func(t *testing.T) {
		// Landlock and seccomp set it themselves: nothing of theirs here.
		j := household1(t)
		j.Without = with(append([]sandbox.Name{sandbox.NoNewPrivs, sandbox.SystemCalls}, anyLandlock...))
		out := run(t, j, isolated(t))
		if p := out.Statement.Piece(sandbox.NoNewPrivs); p.InForce || out.Confine != "" {
			t.Errorf("%+v, %s", p, out.Confine)
		}
	})
	t.Run("capabilities", func(t *testing.T) {
		j := household1(t)
		j.Without = []sandbox.Name{sandbox.Capabilities}
		out := run(t, j, rootInside(t))
		if p := out.Statement.Piece(sandbox.Capabilities); p.InForce || out.Confine != "" {
			t.Errorf("%+v, %s", p, out.Confine)
		}
	})
}

// TestRefusesUnlessAllowed: a missing piece is an error that names it, unless
// the options allow that.
func TestRefusesUnlessAllowed(t *testing.T) {
	j := household1(t)
	j.Strict = true
	out := run(t, j, nil)
	if !strings.Contains(out.Confine, "network is missing (the network namespace has an interface") {
		t.Errorf("confined in the host's network: %q", out.Confine)
	}
	j.Options.AllowMissing = []sandbox.Name{sandbox.Network, sandbox.Capabilities}
	if out := run(t, j, nil); out.Confine != "" || out.Statement.Piece(sandbox.Network).InForce {
		t.Errorf("%s, %+v", out.Confine, out.Statement.Piece(sandbox.Network))
	}
}

// TestOlderKernels: what an older Landlock lacks is named, and the rest is in
// force.
func TestOlderKernels(t *testing.T) {
	for abi, missing := range map[int][]sandbox.Name{
		1: {sandbox.TCP, sandbox.Signals, sandbox.AbstractUnix},
		2: {sandbox.TCP, sandbox.Signals, sandbox.AbstractUnix},
		3: {sandbox.TCP, sandbox.Signals, sandbox.AbstractUnix},
		4: {sandbox.Signals, sandbox.AbstractUnix},
		5: {sandbox.Signals, sandbox.AbstractUnix},
		6: nil,
	} {
		j := household1(t)
		j.ABI = abi
		out := run(t, j, isolated(t))
		if out.Statement.LandlockABI != abi {
			notRun(t, fmt.Sprintf("the kernel's Landlock ABI is %d", out.Statement.LandlockABI))
		}
		var got []sandbox.Name
		for _, p := range out.Statement.Missing() {
			got = append(got, p.Name)
			if want := fmt.Sprintf("the kernel's Landlock ABI is %d, this needs ", abi); !strings.HasPrefix(p.Reason, want) {
				t.Errorf("ABI %d: %+v", abi, p)
			}
		}
		if !slices.Equal(got, missing) {
			t.Errorf("ABI %d: %v are missing, want %v", abi, got, missing)
		}
		if (out.Confine == "") != (missing == nil) {
			t.Errorf("ABI %d: %q", abi, out.Confine)
		}
	}
}

// TestVerifyNotices: a statement does not outlive what it says.
func TestVerifyNotices(t *testing.T) {
	j := household1(t)
	j.Verb, j.Without = "lose and verify", with([]sandbox.Name{sandbox.SystemCalls})
	if out := run(t, j, isolated(t)); out.Failed != "" || out.Confine != "" {
		t.Errorf("%s; confining: %s", out.Failed, out.Confine)
	}
	if err := sandbox.Unconfined("for a test").Verify(); err == nil {
		t.Error("an unconfined process verified itself")
	}
}

// TestOptions: what can't be meant is refused before anything is done.
func TestOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/", link); err != nil {
		t.Fatal(err)
	}
	for _, o := range []sandbox.Options{
		{ReadOnly: []string{"/"}},
		{ReadWrite: []string{link}},
		{ReadOnly: []string{"inbox"}},
		{ReadOnly: []string{file}},
		{Dial: []string{filepath.Join(t.TempDir(), "none")}},
		{ReadFiles: []string{filepath.Dir(file)}},
		{ReadFiles: []string{file + ".none"}},
		{ReadFiles: []string{"file"}},
		{Listen: []string{filepath.Dir(file)}, Outward: true},
		{Ports: []uint16{443}},
		{AllowMissing: []sandbox.Name{"swap"}},
	} {
		if s, err := sandbox.Confine(o); err == nil || s != nil {
			t.Fatalf("%+v was taken", o) // and this process is confined
		} else if missing := (*sandbox.MissingError)(nil); errors.As(err, &missing) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if b, err := exec.Command("/bin/true").CombinedOutput(); err != nil {
		t.Errorf("the refusals confined the test: %v %s", err, b)
	}
}
