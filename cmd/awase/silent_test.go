package main

import (
	"net"
	"strings"
	"testing"
)

// A command whose room is not there says so at once, in place of two silent minutes.
func TestRoomNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(tokenEnv, "awase_"+strings.Repeat("x", 43))
	for _, args := range [][]string{{"room"}, {"jobs"}} {
		code, _, errOut := command(t, append(args, "--server", "http://"+host)...)
		if code != 1 || !strings.Contains(errOut, host) || !strings.Contains(errOut, "connection refused") || !strings.Contains(errOut, "does the room run?") {
			t.Errorf("awase %s: status %d\n%s", strings.Join(args, " "), code, errOut)
		}
	}
}
