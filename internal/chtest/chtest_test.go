package chtest

import (
	"errors"
	"net"
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

// greeting is what a client says first, of a version that has nothing to add after the
// server's answer.
var greeting = []byte("\x00\x05probe\x1a\x07\xb0\xa9\x03\x07default\x07default\x00")

// Clients that end with an answer unread, which resets their connection, take no server
// with them: the library, with libc's recv, aborts within a few of them.
func TestReset(t *testing.T) {
	s := Start(t, 1, Options{})[0]
	for range 300 {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		_, said := c.Write(greeting)
		_, heard := c.Read(make([]byte, 1))
		if err := errors.Join(said, heard, c.Close()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond) // the last of them
	select {
	case <-s.done:
		t.Fatal("the server ended")
	default:
	}
}
