//go:build !linux

package wire

import (
	"errors"
	"net"
	"os"
)

// An enclave is served where the kernel says who connects in the way that this
// package knows. Elsewhere it is a client alone.
var errServe = errors.New("an enclave is served on Linux alone")

func peer(*net.UnixConn) (int, error) { return 0, errServe }

func private(string) bool { return true }

func lockFile(string) (*os.File, error) { return nil, errServe }
