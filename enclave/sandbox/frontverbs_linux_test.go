package sandbox_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"awase/enclave/sandbox"
)

func init() {
	verbs["a front's work"] = frontsWork
	verbs["a datagram to a unix socket"] = func(j job, _ *sandbox.Statement, _ *prepared) error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	verbs["a netlink socket"] = func(job, *sandbox.Statement, *prepared) error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	verbs["filter what comes in"] = func(job, *sandbox.Statement, *prepared) error {
		_, _, e := unix.Syscall6(unix.SYS_SETSOCKOPT, ^uintptr(0), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, 0, 0, 0)
		if e == unix.EPERM {
			return e
		}
		return nil // the kernel looked at the socket, which is none
	}
}

// frontsWork is what a front does all day: a store with a log that is written
// ahead, files of uploads, reading what was handed out, looking a name up.
func frontsWork(j job, s *sandbox.Statement, _ *prepared) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(j.Options.ReadWrite[0], "control.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=temp_store(MEMORY)")
	if err != nil {
		return err
	}
	for _, statement := range []string{"CREATE TABLE t (n INTEGER)", "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 50000) SELECT n FROM c", "CREATE INDEX i ON t (n)", "PRAGMA wal_checkpoint(TRUNCATE)", "DELETE FROM t WHERE n % 2", "VACUUM"} {
		if _, err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := writeDurably(filepath.Join(j.Options.ReadWrite[1], "upload")); err != nil {
		return err
	}
	for _, path := range []string{filepath.Join(j.Options.ReadOnly[0], "table"), j.Options.ReadFiles[0]} {
		if raw, err := os.ReadFile(path); err != nil || string(raw) != "handed out" {
			return fmt.Errorf("%q, %w", raw, err)
		}
	}
	if _, err := os.ReadFile(filepath.Join(filepath.Dir(j.Options.ReadFiles[0]), "control", "none")); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// What a connection is tuned with is not refused.
	c, err := net.Dial("tcp", j.TCP)
	if err != nil {
		return err
	}
	defer c.Close()
	t := c.(*net.TCPConn)
	return errors.Join(t.SetNoDelay(false), t.SetKeepAlive(true), t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30e9, Interval: 10e9, Count: 3}), s.Verify())
}
