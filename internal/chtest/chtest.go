// Package chtest starts real ClickHouse servers for tests: libchdb, a whole
// ClickHouse as a library, made to listen on loopback by bench/peers/chlisten.
// make deps installs both. A server's data is below its directory, so one that was
// killed and started again has what it had.
package chtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"awase/internal/freeport"
)

// Options say how a server is started. The zero value is a server without
// password and TLS.
type Options struct {
	Config string // the text of a configuration file; "": none
	// User is one with a password, beside the user default, who has none; "": there is
	// no such.
	User, Password string
	Profile        string   // settings of the profile default, as a configuration has them: <max_threads>1</max_threads>
	Args           []string // more arguments, such as --max_server_memory_usage=…
}

// Server is a ClickHouse that listens on loopback until it is stopped. Its methods are
// not safe for concurrent use.
type Server struct {
	Addr string // host:port of the native protocol
	Dir  string // its data

	o    Options
	cmd  *exec.Cmd
	done chan struct{}
}

// usersXML has the user that the library itself is, maybe others, and the profile of all.
const usersXML = `<clickhouse><users>
<default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default>
%s</users><profiles><default>%s</default></profiles><quotas><default/></quotas></clickhouse>`

const userXML = `<%[1]s><password>%[2]s</password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></%[1]s>
`

// keepListening makes libchdb listen and then wait until it is ended.
const keepListening = "SYSTEM START LISTEN TCP; SELECT sleepEachRow(3) FROM numbers(1000000) " +
	"SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 1000000000 FORMAT Null"

// Start starts n servers that end with the test. Where the library is not
// installed, the test is skipped; with CI=true it fails.
func Start(t testing.TB, n int, o Options) []*Server {
	t.Helper()
	if err := there(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	out := make([]*Server, n)
	for i := range out {
		s, err := New(t.TempDir(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Kill() }) // one that a test killed is gone already
		out[i] = s
	}
	return out
}

// There tells whether the library is installed.
func There() bool { return there() == nil }

func there() error {
	for _, p := range []string{lib(), listen()} {
		if _, err := os.Stat(p); err != nil {
			return errors.New("NOT RUN without ClickHouse's library: make deps installs it (Linux on amd64, 540 MB)")
		}
	}
	return nil
}

func bin(parts ...string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(append([]string{filepath.Dir(here), "..", "..", "bin", "peers"}, parts...)...)
}

func lib() string    { return bin("node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so") }
func listen() string { return bin("chlisten") }

// New starts a server with its data below dir; who calls it ends it.
func New(dir string, o Options) (*Server, error) {
	at, err := freeport.Find()
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: at, Dir: dir, o: o}
	return s, s.Restart()
}

// Restart starts a server that was ended, at the same address.
func (s *Server) Restart() error {
	if err := s.start(); err != nil {
		return fmt.Errorf("starting ClickHouse: %w", err)
	}
	return s.wait()
}

// start starts the process.
func (s *Server) start() error {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	args := []string{lib(), "--path=" + filepath.Join(s.Dir, "clickhouse"), "--listen_host=127.0.0.1", "--tcp_port=" + port}
	config := s.o.Config
	if s.o.User != "" || s.o.Profile != "" {
		users, more := filepath.Join(s.Dir, "users.xml"), ""
		if s.o.User != "" {
			more = fmt.Sprintf(userXML, s.o.User, s.o.Password)
		}
		if err := os.WriteFile(users, fmt.Appendf(nil, usersXML, more, s.o.Profile), 0o600); err != nil {
			return err
		}
		if config == "" {
			config = "<clickhouse></clickhouse>"
		}
		config = strings.Replace(config, "<clickhouse>", "<clickhouse><users_config>"+users+"</users_config>", 1)
	}
	if config != "" {
		path := filepath.Join(s.Dir, "config.xml")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			return err
		}
		args = append(args, "--config-file="+path)
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd, done := exec.Command(listen(), append(append(args, s.o.Args...), "--query", keepListening)...), make(chan struct{})
	cmd.Dir, cmd.Stderr, cmd.Stdout, cmd.SysProcAttr = s.Dir, log, log, diesWithParent()
	started := make(chan error)
	go func() {
		// The kernel ends it with the thread that started it.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // it is killed
		close(done)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.cmd, s.done = cmd, done
	return nil
}

// wait waits until the server listens.
func (s *Server) wait() error {
	for range 600 {
		select {
		case <-s.done:
			log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			return fmt.Errorf("ClickHouse ended: %s", log[max(0, len(log)-2000):])
		case <-time.After(50 * time.Millisecond):
		}
		if c, err := net.DialTimeout("tcp", s.Addr, time.Second); err == nil {
			return c.Close()
		}
	}
	return errors.Join(errors.New("ClickHouse does not listen"), s.Kill())
}

// Kill ends the server at once, by its pid, and waits until it is gone.
func (s *Server) Kill() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending ClickHouse: %w", err)
	}
	<-s.done
	return nil
}

// Pid is the process of the server.
func (s *Server) Pid() int {
	return s.cmd.Process.Pid
}
