package client

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"awase/internal/freeport"
)

// A room that is not there: an eager client fails at its first try, and any other says
// once what it waits for, and goes on.
func TestNobodyListens(t *testing.T) {
	host := freeport.Address(t)
	var told []string
	c, err := New("http://"+host, Options{Eager: true, Patience: time.Hour, Tell: func(s string) { told = append(told, s) }})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Get(t.Context(), "/v1/room", nil)
	if err == nil || !strings.Contains(err.Error(), "does not answer (connection refused)") || !Unreachable(err) || len(told) > 0 {
		t.Errorf("eager: %v, told %q", err, told)
	}
	c, err = New("http://"+host, Options{Pause: time.Second, Patience: 1600 * time.Millisecond, Tell: func(s string) { told = append(told, s) }})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Get(t.Context(), "/v1/room", nil); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("patient: %v", err)
		}
	}
	if want := host + " does not answer (connection refused); it is tried again for 1.6s"; len(told) != 1 || told[0] != want {
		t.Errorf("told %q, want once %q", told, want)
	}
}

// A room that answered once and is gone is one that starts again: nobody is sent away.
func TestRoomStartsAgain(t *testing.T) {
	l, err := net.Listen("tcp", freeport.Address(t)) // it is had again: no port that others are given
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	first := &http.Server{Handler: h}
	go first.Serve(l)
	c, err := New("http://"+host, Options{Eager: true, Pause: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "/v1/room", nil); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() { got <- c.Get(t.Context(), "/v1/room", nil) }()
	time.Sleep(100 * time.Millisecond) // some tries find nobody
	if l, err = net.Listen("tcp", host); err != nil {
		t.Fatal(err)
	}
	second := &http.Server{Handler: h}
	go second.Serve(l)
	defer second.Close()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
