package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// server is a ClickHouse that listens on loopback until it is stopped.
type server struct {
	driver.Conn
	cmd  *exec.Cmd
	done chan error
}

// keepListening makes libchdb listen and then wait: over a month, or until it
// is ended.
const keepListening = "SYSTEM START LISTEN TCP; SELECT sleepEachRow(3) FROM numbers(1000000) " +
	"SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 1000000000 FORMAT Null"

// startClickHouse starts a server with its data below dir. It dies with this
// process's main thread.
func startClickHouse(ctx context.Context, lib, listen, dir string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(listen, lib, "--path="+filepath.Join(dir, "clickhouse"), "--listen_host=127.0.0.1", "--tcp_port="+strconv.Itoa(port), "--query", keepListening)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting ClickHouse: %w", err)
	}
	s := &server{cmd: cmd, done: make(chan error, 1)}
	go func() { s.done <- cmd.Wait() }()
	s.Conn, err = clickhouse.Open(&clickhouse.Options{
		Addr:        []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))},
		Auth:        clickhouse.Auth{Database: "default"},
		DialTimeout: time.Second,
		ReadTimeout: time.Hour,
	})
	if err == nil {
		err = s.wait(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// wait waits until the server answers.
func (s *server) wait(ctx context.Context) error {
	last := errors.New("no answer")
	for range 300 {
		select {
		case err := <-s.done:
			s.done <- err
			return fmt.Errorf("ClickHouse ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if last = s.Ping(ctx); last == nil {
			return nil
		}
	}
	return fmt.Errorf("ClickHouse does not answer: %w", last)
}

// stop ends the server by its pid and waits until it is gone.
func (s *server) stop() error {
	if s.Conn != nil {
		_ = s.Close() // the server goes anyway
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending ClickHouse: %w", err)
	}
	<-s.done
	return nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// freePort asks the kernel for a port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
