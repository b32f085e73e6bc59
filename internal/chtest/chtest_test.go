package chtest

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// A server that was killed comes back at its address.
func TestServer(t *testing.T) {
	s := Start(t, 1, Options{})[0]
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
}

// One that aborts is started again; one that is killed is not.
func TestRevive(t *testing.T) {
	s := Start(t, 1, Options{})[0]
	before := s.Pid()
	if err := syscall.Kill(before, syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			_ = c.Close()
			if s.Pid() != before {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("it is not revived")
		}
	}
	last := s.Pid()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // a revival is a process at once, long before it listens
	if s.Pid() != last {
		t.Fatal("it was revived after it was killed")
	}
}
