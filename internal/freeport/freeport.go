// Package freeport finds addresses of this machine for tests: one that nobody listens
// at, and that a server can have again each time it is started.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
)

// The ports are below those that the kernel gives out by itself (32768 and up on Linux),
// so that nobody who asks it for any port gets one while its server is not up yet, and
// above 10080, the last low one that browsers refuse.
const lowest, many = 11_000, 21_000

// next is where this process goes on; others go on elsewhere.
var next atomic.Uint32

func init() { next.Store(rand.Uint32N(many)) }

// Find gives a host and port of the loopback at which nobody listens.
func Find() (string, error) {
	for range many {
		at := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+int(next.Add(1)%many)))
		l, err := net.Listen("tcp", at)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("finding a port: %w", err)
		}
		return at, l.Close()
	}
	return "", errors.New("finding a port: all are taken")
}

// Address is Find for a test.
func Address(t testing.TB) string {
	t.Helper()
	at, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	return at
}
