package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ours is the secret of the tests' pools.
var ours = NewSecret()

// listen gives a socket, and a pool at it.
func listen(t testing.TB, o Options) (*Pool, string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if o.Channels == 0 {
		o.Channels = 4
	}
	if o.Secret == (Secret{}) {
		o.Secret = ours
	}
	p := Serve(l, o)
	t.Cleanup(func() { _ = p.Close() })
	return p, socket
}

// started runs a relay; end ends it and waits.
func started(t testing.TB, socket string, channels int, r *Carrier) (end func()) {
	t.Helper()
	return startedWith(t, socket, ours, channels, r)
}

// startedWith is one that shows a secret of its own.
func startedWith(t testing.TB, socket string, secret Secret, channels int, r *Carrier) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conns, err := Connect(ctx, socket, secret, channels)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Carry(ctx, conns) }()
	var once sync.Once
	end = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(end)
	return end
}

// server listens at the loopback, and does the same with every connection.
func server(t testing.TB, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
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
				do(c)
			}()
		}
	}()
	return l.Addr().String()
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func dial(t testing.TB, p *Pool, address string) net.Conn {
	t.Helper()
	c, err := p.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// settled waits until n channels are idle: a minute, or the test failed.
func settled(t testing.TB, p *Pool, n int) {
	t.Helper()
	for range 6000 {
		p.mu.Lock()
		idle := len(p.idle)
		p.mu.Unlock()
		if idle == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d channels do not become idle", n)
}

// TestCarries: what is sent arrives, whatever its pieces are, half-closed both ways,
// over more connections than there are channels.
func TestCarries(t *testing.T) {
	at := server(t, echo)
	p, socket := listen(t, Options{Addresses: []string{"127.0.0.1:1", at}})
	started(t, socket, 4, &Carrier{Addresses: []string{"127.0.0.1:1", at}})
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 70_000), 0, 5).Draw(rt, "pieces")
		want := bytes.Join(pieces, nil)
		c := dial(t, p, at)
		go func() {
			for _, b := range pieces {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
		}
		if err := c.Close(); err != nil {
			rt.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			rt.Fatal(err)
		}
		if _, err := c.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
			rt.Fatal(err)
		}
	})
	settled(t, p, 4)
}

// TestCloses: a connection that is closed while much is under way both ways, while
// who reads waits, or after its server ended, leaves its channel to the next, which
// gets nothing of it.
func TestCloses(t *testing.T) {
	flood := server(t, func(c net.Conn) {
		b := bytes.Repeat([]byte("flood"), 10_000)
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	deaf := server(t, func(c net.Conn) { <-t.Context().Done() })
	brief := server(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 1))
		_ = c.(*net.TCPConn).SetLinger(0)
	})
	same := server(t, echo)
	all := []string{flood, deaf, brief, same}
	p, socket := listen(t, Options{Addresses: all, Channels: 1})
	started(t, socket, 1, &Carrier{Addresses: all, standstill: 50 * time.Millisecond})
	much := make([]byte, 8<<20)
	for range 5 {
		for _, at := range all[:3] {
			c := dial(t, p, at)
			var under sync.WaitGroup
			under.Add(2)
			go func() { defer under.Done(); _, _ = c.Write(much) }()
			go func() { defer under.Done(); _, _ = io.CopyN(io.Discard, c, 100_000) }()
			time.Sleep(time.Millisecond)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			under.Wait()
			c = dial(t, p, same)
			if _, err := c.Write([]byte("clean")); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 5)
			if _, err := io.ReadFull(c, got); err != nil || string(got) != "clean" {
				t.Fatalf("%s: %q, %v", at, got, err)
			}
			_ = c.Close()
		}
	}
}

// TestBackPressure: what a server does not read is not sent for ever, and a deadline
// says so.
func TestBackPressure(t *testing.T) {
	at := server(t, func(c net.Conn) { <-t.Context().Done() })
	p, socket := listen(t, Options{Addresses: []string{at}})
	started(t, socket, 4, &Carrier{Addresses: []string{at}})
	c := dial(t, p, at)
	_ = c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	n, err := c.Write(make([]byte, 512<<20))
	if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() || n >= 512<<20 {
		t.Errorf("%d bytes went, %v", n, err)
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write([]byte{1}); err == nil {
		t.Error("a frame is sent after half of one")
	}
	// A reading one goes on where it was.
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it read something")
	}
}

// TestDialFails: each reason is told, and costs no channel.
func TestDialFails(t *testing.T) {
	why := map[string]Reason{"gone:1": NoName, "127.0.0.1:1": Refused, "silent:1": TimedOut}
	all := []string{"gone:1", "127.0.0.1:1", "silent:1"}
	p, socket := listen(t, Options{Addresses: append(all, "another:1"), Channels: 1})
	started(t, socket, 1, &Carrier{Addresses: all, Dial: func(ctx context.Context, address string) (net.Conn, error) {
		switch address {
		case "gone:1":
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}
		case "silent:1":
			return nil, context.DeadlineExceeded
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}})
	for range 3 {
		for at, reason := range why {
			_, err := p.Dial(t.Context(), at)
			if _, ok := errors.AsType[net.Error](err); !ok {
				t.Errorf("%T", err)
			}
			if e, ok := errors.AsType[*DialError](err); !ok || e.Reason != reason || !strings.Contains(err.Error(), at) {
				t.Errorf("%s: %v", at, err)
			}
		}
		if _, err := p.Dial(t.Context(), "another:1"); err == nil || !strings.Contains(err.Error(), "started with other addresses") {
			t.Error(err)
		}
	}
	if _, err := p.Dial(t.Context(), "unknown:1"); err == nil || !strings.Contains(err.Error(), "none of the relay's") {
		t.Error(err)
	}
	settled(t, p, 1)
}

// TestCancelledDial: who does not wait any more gets an error at once, and the
// channel is used again when the relay has answered.
func TestCancelledDial(t *testing.T) {
	at := server(t, echo)
	for name, fails := range map[string]bool{"opened later": false, "failed later": true} {
		t.Run(name, func(t *testing.T) {
			p, socket := listen(t, Options{Addresses: []string{at}, Channels: 1})
			asked, go_ := make(chan struct{}, 10), make(chan struct{})
			started(t, socket, 1, &Carrier{Addresses: []string{at}, Dial: func(ctx context.Context, address string) (net.Conn, error) {
				asked <- struct{}{}
				<-go_
				if fails {
					return nil, errors.New("no")
				}
				return (&net.Dialer{}).DialContext(ctx, "tcp", address)
			}})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-asked; cancel() }()
			if _, err := p.Dial(ctx, at); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			close(go_)
			settled(t, p, 1)
			if c, err := p.Dial(t.Context(), at); (err != nil) != fails {
				t.Error(err)
			} else if c != nil {
				_ = c.Close()
			}
		})
	}
}

// TestRestart: connections of a relay that died end; one that is started then has
// all its channels, though nobody closed the connections of the one before.
func TestRestart(t *testing.T) {
	at := server(t, echo)
	p, socket := listen(t, Options{Addresses: []string{at}, Channels: 2})
	for range 5 {
		end := started(t, socket, 2, &Carrier{Addresses: []string{at}})
		for range 2 {
			c := dial(t, p, at)
			defer c.Close()
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if _, err := io.ReadAll(c); err == nil {
					t.Error("a connection of a relay that died ends as if its server had ended it")
				}
			}()
		}
		end()
	}
	started(t, socket, 2, &Carrier{Addresses: []string{at}})
	settled(t, p, 2)
}

// TestNoRelay: without one, and where all channels are in use, it says so.
func TestNoRelay(t *testing.T) {
	at := server(t, echo)
	p, socket := listen(t, Options{Addresses: []string{at}, Channels: 1, open: 50 * time.Millisecond})
	if _, err := p.Dial(t.Context(), at); !errors.Is(err, ErrNoRelay) {
		t.Error(err)
	}
	started(t, socket, 1, &Carrier{Addresses: []string{at}})
	settled(t, p, 1)
	p.o.open = time.Minute // it may be slow here
	c := dial(t, p, at)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Dial(ctx, at); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	_ = c.Close()
	c = dial(t, p, at) // it waits
	_ = c.Close()
	_ = p.Close()
	if _, err := p.Dial(t.Context(), at); err == nil {
		t.Error("a closed pool dials")
	}
}

// BenchmarkCarry carries to a server that throws it away.
func BenchmarkCarry(b *testing.B) {
	at := server(b, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	p, socket := listen(b, Options{Addresses: []string{at}})
	started(b, socket, 4, &Carrier{Addresses: []string{at}})
	c, err := p.Dial(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	piece := make([]byte, 1<<20)
	_, _ = rand.Read(piece)
	b.SetBytes(int64(len(piece)))
	for b.Loop() {
		if _, err := c.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
}
