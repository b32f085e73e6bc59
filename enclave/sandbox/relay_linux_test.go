package sandbox_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"awase/enclave/sandbox"
)

// relayAttacks are tried from inside a relay.
var relayAttacks = []attackOutward{
	{verb: "open", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "read the vault key", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "read the vault", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write beside the vault", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write outside", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "write where it may read", pieces: []sandbox.Name{sandbox.Files}},
	{verb: "truncate outside", pieces: []sandbox.Name{sandbox.Files, sandbox.SystemCalls}},
	{verb: "tcp", pieces: []sandbox.Name{sandbox.TCP}}, // a port that is not on its list
	{verb: "listen", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.TCP}},
	{verb: "listen by multipath TCP", pieces: []sandbox.Name{sandbox.SystemCalls}},
	// The socket at which the enclave is asked is such a one. Landlock sees them from
	// ABI 9 on.
	{verb: "pathname", pieces: []sandbox.Name{sandbox.SystemCalls}, also: []sandbox.Name{sandbox.Files, sandbox.UnixConnect}},
	{verb: "abstract", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.AbstractUnix}},
	{verb: "a datagram to a unix socket", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "a netlink socket", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "filter what comes in", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "exec", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Files}},
	{verb: "signal the parent", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.Signals}},
	{verb: "raise the core limit", pieces: []sandbox.Name{sandbox.SystemCalls, sandbox.CoreLimit}},
	{verb: "take a descriptor", pieces: []sandbox.Name{sandbox.SystemCalls}},
	{verb: "io_uring", pieces: []sandbox.Name{sandbox.SystemCalls}},
}

// TestRelayAttacks is TestAttacks for what awase relay keeps.
func TestRelayAttacks(t *testing.T) {
	attackEach(t, relayAttacks, func(t *testing.T, _ job) sandbox.Options { return asRelay(t, 1) })
	// What it is there for: it connects to the ports of its list, and looks names up.
	for _, verb := range []string{"tcp", "udp", "verify"} {
		j := household1(t)
		_, text, err := net.SplitHostPort(j.TCP)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		j.Options, j.Verb, j.Strict = asRelay(t, uint16(port)), verb, true
		out := run(t, j, inItsNetwork(t))
		if out.Confine != "" || out.Failed != "" {
			t.Errorf("%s: %s; %s", verb, out.Confine, out.Failed)
		}
		if p := out.Statement.Piece(sandbox.TCP); !p.InForce || !p.Tried || p.Reason != "but to the ports that it is there for" {
			t.Errorf("%+v", p)
		}
		for _, p := range out.Statement.Pieces {
			if p.InForce == (p.Name == sandbox.Network) || !p.Tried {
				t.Errorf("%+v", p)
			}
		}
	}
}

// asRelay is what awase relay keeps.
func asRelay(t *testing.T, port uint16) sandbox.Options {
	t.Helper()
	dir := t.TempDir()
	names, resolve := filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "resolve")
	if err := os.Mkdir(resolve, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(names, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return sandbox.ForRelay([]uint16{port}, []string{resolve}, names)
}
