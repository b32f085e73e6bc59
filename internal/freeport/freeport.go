// Package freeport finds addresses of this machine for tests: one that nobody listens
// at, and that a server can have again each time it is started.
package freeport

import (
	"fmt"
	"net"
	"testing"
)

// Find asks the kernel for a host and port of the loopback.
func Find() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
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
