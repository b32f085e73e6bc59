package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/cmd/awase/config"
	"awase/enclave/relay"
	"awase/internal/chtest"
	"awase/sql/clickhouse"
)

const enginePassword = "a-password-of-the-test"

// heard is what a server was told before TLS, or in its place.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) holds(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Contains(h.b.Bytes(), []byte(text))
}

// listener writes down what comes off the wire; with c it speaks TLS, and writes down
// what comes inside.
func (h *heard) listener(t *testing.T, c *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil && c != nil {
		l = tls.NewListener(l, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
				if c == nil {
					_, _ = conn.Write([]byte("hello, who are you?\n"))
				}
				buf := make([]byte, 4096)
				for !h.holds(enginePassword) { // who told it waits for an answer that won't come
					n, err := conn.Read(buf)
					_, _ = h.Write(buf[:n])
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func engineAuthority(t *testing.T) (*chtest.Authority, *x509.CertPool) {
	t.Helper()
	a, err := chtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.PEM())
	return a, pool
}

func shows(t *testing.T, a *chtest.Authority, name string, until time.Duration) *tls.Config {
	t.Helper()
	c, err := a.Certificate(name, time.Now().Add(until))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{*c}}
}

// TestEngineTLS: a server that does not show, by a certificate of the configured
// authority, that it is who is wanted, is told nothing; and is told the password where
// that is not asked.
func TestEngineTLS(t *testing.T) {
	ours, trusted := engineAuthority(t)
	theirs, _ := engineAuthority(t)
	old := shows(t, ours, "shard.test", time.Hour)
	old.MaxVersion = tls.VersionTLS11
	for name, c := range map[string]struct {
		server  *tls.Config // nil: it speaks none
		trusted *x509.CertPool
		says    string // to the log; "": it is believed
	}{
		"good":               {shows(t, ours, "shard.test", time.Hour), trusted, ""},
		"another authority":  {shows(t, theirs, "shard.test", time.Hour), trusted, "signed by nobody of engine.ca_file"},
		"another name":       {shows(t, ours, "other.test", time.Hour), trusted, "for another name"},
		"expired":            {shows(t, ours, "shard.test", -time.Hour), trusted, "not valid at this time"},
		"an old protocol":    {old, trusted, "TLS failed"},
		"no TLS":             {nil, trusted, "does not speak TLS there"},
		"TLS is not wanted":  {nil, nil, ""},
		"nobody is believed": {shows(t, ours, "shard.test", time.Hour), x509.NewCertPool(), "signed by nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			var wire, log heard
			at := wire.listener(t, c.server)
			r := &remote{Engine: config.Engine{Shards: []string{at}, User: "awase", Database: "room", ServerName: "shard.test", Time: time.Minute}, trusted: c.trusted, password: enginePassword,
				logger: slog.New(slog.NewTextHandler(&log, nil))}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			e, err := clickhouse.Open(ctx, r.options(tcp))
			if err == nil {
				_ = e.Close()
				t.Fatal("what listens there is no ClickHouse")
			}
			for end := time.Now().Add(30 * time.Second); c.says == "" && !wire.holds(enginePassword) && time.Now().Before(end); time.Sleep(time.Millisecond) {
			} // what was sent is on its way
			if wire.holds(enginePassword) != (c.says == "") {
				t.Errorf("the server was told %q", wire.b.String())
			}
			if c.says != "" && !log.holds(c.says) {
				t.Errorf("no %q in the log: %s", c.says, log.b.String())
			}
			if log.holds(enginePassword) || strings.Contains(err.Error(), enginePassword) {
				t.Errorf("the password is told: %v; %s", err, log.b.String())
			}
		})
	}
}

// TestEngineThroughRelay: two real servers with a password, behind TLS, are reached
// through a relay; and again once it, and a server, were ended and started.
func TestEngineThroughRelay(t *testing.T) {
	ours, trusted := engineAuthority(t)
	servers := chtest.Start(t, 2, chtest.Options{User: "awase", Password: enginePassword})
	var shards []string
	for _, s := range servers {
		shards = append(shards, chtest.Secure(t, s.Addr, shows(t, ours, "shard.test", time.Hour)))
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var log heard
	r := &remote{Engine: config.Engine{Shards: shards, User: "awase", Database: "default", ServerName: "shard.test", Memory: 1 << 30, Time: time.Minute}, trusted: trusted, password: enginePassword,
		secret: relay.NewSecret(), listener: l, logger: slog.New(slog.NewTextHandler(&log, nil))}
	r.serve()
	defer r.pool.Close()
	carry := func() func() {
		ctx, cancel := context.WithCancel(t.Context())
		channels, err := relay.Connect(ctx, socket, r.secret, relayChannels(&r.Engine))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- (&relay.Carrier{Addresses: r.Shards}).Carry(ctx, channels) }()
		return func() { cancel(); <-ended }
	}
	end := carry()
	e, err := clickhouse.Open(t.Context(), r.options(r.pool.Dial))
	if err != nil {
		t.Fatalf("%v; %s", err, log.b.String())
	}
	defer e.Close()
	holds := func() {
		t.Helper()
		if _, err := e.Holds(t.Context()); err != nil {
			t.Errorf("%v; %s", err, log.b.String())
		}
	}
	holds()
	end()
	end = carry()
	defer func() { end() }()
	holds()
	if err := servers[1].Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := e.Holds(ctx); err == nil {
		t.Error("a killed server holds something")
	}
	if err := servers[1].Restart(); err != nil {
		t.Fatal(err)
	}
	holds()
	wrong := *r
	wrong.password = "another"
	if e, err := clickhouse.Open(t.Context(), wrong.options(r.pool.Dial)); err == nil {
		_ = e.Close()
		t.Error("another password is taken")
	} else if strings.Contains(err.Error(), "another") {
		t.Error(err)
	}
}

// TestEngineArgs: what the supervisor writes for the enclave means the same there, and
// holds no secret.
func TestEngineArgs(t *testing.T) {
	dir := t.TempDir()
	a, _ := engineAuthority(t)
	secretAt, caAt := filepath.Join(dir, "secret"), filepath.Join(dir, "ca")
	for path, text := range map[string][]byte{secretAt: []byte(enginePassword + "\n"), caAt: a.PEM()} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := map[string][]string{"engine-shards": {"a.test:9440", "[::1]:3"}, "engine-user": {"awase"}, "engine-password-file": {secretAt}, "engine-ca-file": {caAt}, "engine-server-name": {"x"}, "engine-memory": {"3GiB"}, "engine-time": {"90m"}}
	e, err := config.Load(config.Given{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	args := engineArgs(&e.Engine)
	if strings.Contains(strings.Join(args, " "), enginePassword) {
		t.Error(args)
	}
	cmd := enclaveCommand()
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	again := map[string][]string{}
	given(cmd, again)
	f, err := config.Load(config.Given{Flags: again})
	if err != nil {
		t.Fatal(err)
	}
	if x, y := engineArgs(&f.Engine), args; !slices.Equal(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y))) || len(f.Engine.Shards) != 2 {
		t.Errorf("%v, want %v", x, y)
	}
	if n := relayChannels(&f.Engine); n < 2*clickhouse.Connections {
		t.Errorf("%d channels are fewer than the driver's connections", n)
	}
	r, err := openRemote(f)
	if err != nil || r.password != enginePassword || r.trusted == nil {
		t.Errorf("%+v, %v", r, err)
	}
	if none, err := config.Load(config.Given{}); err != nil || engineArgs(&none.Engine) != nil {
		t.Errorf("%v", err)
	} else if r, err := openRemote(none); r != nil || err != nil || (&serving{engine: &none.Engine}).relaySecret() != nil || (&serving{}).relay(nil) != nil {
		t.Error("a relay without an engine")
	}
	if got, err := portsOf([]string{"a.test:9440", "[::1]:3", "127.0.0.1:3"}); err != nil || !slices.Equal(got, []uint16{3, 53, 9440}) {
		t.Errorf("%v, %v", got, err)
	}
}
