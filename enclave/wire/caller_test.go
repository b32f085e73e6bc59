package wire_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestCallers: a name that may hold a person's address or phone number gets into no
// log line; the request is refused.
func TestCallers(t *testing.T) {
	var logged bytes.Buffer
	h := wire.Handler(&deaf{errReached}, wire.Options{Logger: textLogger(&logged)})
	for who, taken := range map[string]bool{
		"awase/root": true, "front": true, "uid 123456": true, "client 7, 2026-04": true, "a1b2c3d4e5f6a7b8": true, "127.0.0.1": true, string(wire.OfUser(4_294_967_294)): true,
		"awase/taro@example.jp": false, "@": false, "uid 1234567": false, "09012345678": false, "tel 090-1234-5678": false, "+81 90 1234 5678": false,
		"(03)1234-5678": false, "03.1234.5678": false, "山田": false, "": false, strings.Repeat("a", 129): false, "a\tb": false,
	} {
		logged.Reset()
		_, e := post(h, "log-key", wire.JSONType, who, strings.NewReader(`{}`))
		if reached := e.Code == entrustment.CodeGone; reached != taken || wire.Caller(who).OK() != taken {
			t.Errorf("%q: %+v", who, e)
		}
		if !taken && who != "" && strings.Contains(logged.String(), who) {
			t.Errorf("%q is logged", who)
		}
	}
}

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestSweep: a socket that nobody serves goes, one that is served and any other file
// stay.
func TestSweep(t *testing.T) {
	dir, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	l, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	there := func() bool { _, err := os.Lstat(socket); return err == nil }
	if err := wire.Sweep(socket); err != nil || !there() {
		t.Errorf("a served socket: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	if err := wire.Sweep(socket); err != nil || there() {
		t.Errorf("a socket that was left: %v", err)
	}
	if err := wire.Sweep(filepath.Join(dir, "nowhere", "s")); err != nil {
		t.Errorf("no directory: %v", err)
	}
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := wire.Sweep(socket); err != nil || !there() {
		t.Errorf("a file: %v", err)
	}
}

// TestCallerOfContext: who asks is said by the context where it says so, whatever
// the client is; and any id of a person is taken, in a form that is no phone number.
func TestCallerOfContext(t *testing.T) {
	var logged lines
	c, _ := serve(t, &fake{gate: func(context.Context) (*wire.Gate, error) { return &wire.Gate{}, nil }}, wire.Options{Logger: textLogger(&logged)})
	for _, id := range []string{"person-02r34n8mszj3c7ck2dqbxnqfpx", "person-0123456789bcdf0901234567", "0", strings.Repeat("9", 90)} {
		who := wire.OfPerson(id)
		if !who.OK() || strings.ReplaceAll(string(who), "'", "") != "person "+id {
			t.Errorf("%s is %q", id, who)
		}
		if _, err := c.As("another").Gate(wire.WithCaller(t.Context(), who)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if got := logged.String(); !strings.Contains(got, string(who)) || strings.Contains(got, "another") {
			t.Errorf("logged: %s", got)
		}
	}
}

// TestLater: a client of an enclave that is not there yet is away, and then not.
func TestLater(t *testing.T) {
	dir, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := wire.Later(filepath.Join(dir, "s", "s"))
	if _, away := errors.AsType[*wire.Away](c.Hello(t.Context())); !away {
		t.Error("it answers though nobody serves")
	}
	l, err := wire.Listen(filepath.Join(dir, "s", "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- wire.Serve(ctx, l, &fake{}, wire.Options{}) }()
	if err := c.Hello(t.Context()); err != nil {
		t.Error(err)
	}
	_ = c.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
