package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// liar is a relay that does as it likes.
type liar struct {
	net.Conn
	in *bufio.Reader
}

func lie(t *testing.T, socket string) *liar {
	t.Helper()
	conns, err := Connect(t.Context(), socket, ours, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conns[0].Close() })
	return &liar{conns[0], bufio.NewReader(conns[0])}
}

// asked waits for what opens a connection.
func (l *liar) asked(t *testing.T) {
	t.Helper()
	kind, size, err := readHead(l.in)
	if err == nil {
		_, err = l.in.Discard(size)
	}
	if err != nil || kind != kindOpen {
		t.Errorf("%c, %v", kind, err)
	}
}

// TestLies: whatever a relay says, dialing or a connection fails, in time; and an
// honest one that comes afterwards is used.
func TestLies(t *testing.T) {
	at := server(t, echo)
	for name, c := range map[string]struct {
		say  string // to what opens a connection
		ends bool
		open bool // Dial succeeds
	}{
		"silence":                   {},
		"ends":                      {ends: true},
		"garbage":                   {say: "GET / HTTP/1.1\r\n\r\n"},
		"an unknown kind":           {say: "Z\x00\x00"},
		"an answer to nothing":      {say: "D\x00\x01x"},
		"a reason that there isn't": {say: "F\x00\x01\xff"},
		"half an answer":            {say: "Y\x00"},
		"an answer that is long":    {say: "Y\xff\xff"},
		"gone":                      {say: "X\x00\x00"},
		"hello":                     {say: "H\x00\x300123456789abcdef0123456789abcdef0123456789abcdef"},
		"opened, then garbage":      {say: "Y\x00\x00Z\x00\x00", open: true},
		"opened, then too much":     {say: "Y\x00\x00D\xff\xff", open: true},
		"opened, then nothing":      {say: "Y\x00\x00D\x00\x00", open: true},
		"opened, then opened":       {say: "Y\x00\x00Y\x00\x00", open: true},
		"opened, then gone":         {say: "Y\x00\x00X\x00\x00", open: true},
		"opened, then ends":         {say: "Y\x00\x00", ends: true, open: true},
		"opened, then half":         {say: "Y\x00\x00D\x00\x05he", ends: true, open: true},
	} {
		t.Run(name, func(t *testing.T) {
			open := 200 * time.Millisecond
			if c.open {
				open = time.Minute
			}
			p, socket := listen(t, Options{Addresses: []string{at}, Channels: 2, open: open, settle: 200 * time.Millisecond})
			l := lie(t, socket)
			settled(t, p, 1)
			go func() {
				l.asked(t)
				_, _ = l.Write([]byte(c.say))
				if c.ends {
					_ = l.Close()
				}
			}()
			conn, err := p.Dial(t.Context(), at)
			if (err == nil) != c.open {
				t.Fatalf("%v", err)
			}
			if err == nil {
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				if got, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) || len(got) > 2 {
					t.Errorf("%q, %v", got, err)
				}
				_ = conn.Close()
			}
			// The liar loses its channel, unless it was said to be free in due form.
			if name != "opened, then gone" {
				_ = l.SetReadDeadline(time.Now().Add(time.Minute))
				if _, err := io.Copy(io.Discard, l.in); err != nil && strings.Contains(err.Error(), "deadline") {
					t.Error("its channel is kept")
				}
			}
			p.o.open = time.Minute
			started(t, socket, 2, &Carrier{Addresses: []string{at}})
			settled(t, p, 2)
			conn = dial(t, p, at)
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
				t.Error(err)
			}
			_ = conn.Close()
		})
	}
}

// TestFlood: channels without number, without a hello, or that speak unasked, are
// ended; those that there may be stay.
func TestFlood(t *testing.T) {
	at := server(t, echo)
	_, socket := listen(t, Options{Addresses: []string{at}, Channels: 3, hello: 50 * time.Millisecond})
	ended := func(c net.Conn) {
		t.Helper()
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%d, %v", n, err)
		}
	}
	mute, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ended(mute)
	strange, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer strange.Close()
	if _, err := strange.Write([]byte("O\x00\x02\x00\x00")); err != nil {
		t.Fatal(err)
	}
	ended(strange)
	p, socket := listen(t, Options{Addresses: []string{at}, Channels: 3})
	many, err := Connect(t.Context(), socket, ours, 20)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(many)
	for _, c := range many[3:] {
		ended(c)
	}
	settled(t, p, 3)
	if _, err := many[0].Write([]byte("Y\x00\x00")); err != nil {
		t.Fatal(err)
	}
	ended(many[0])
	settled(t, p, 2)
}

// TestHalfLost: a relay that lost half of its channels, or whose enclave is gone,
// ends, so that it is started again.
func TestHalfLost(t *testing.T) {
	at := server(t, echo)
	for _, all := range []bool{false, true} {
		p, socket := listen(t, Options{Addresses: []string{at}})
		conns, err := Connect(t.Context(), socket, ours, 4)
		if err != nil {
			t.Fatal(err)
		}
		settled(t, p, 4)
		ended := make(chan error, 1)
		go func() { ended <- (&Carrier{Addresses: []string{at}}).Carry(t.Context(), conns) }()
		if all {
			_ = p.Close()
		} else {
			for range 2 {
				c, err := p.take(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				p.drop(c)
			}
		}
		if err := <-ended; err == nil {
			t.Error("no error")
		}
	}
}

// TestEnclaveLies: the relay carries nothing that is no frame, and dials nothing that
// is not on its list.
func TestEnclaveLies(t *testing.T) {
	var dialed atomic.Int32
	at := server(t, func(c net.Conn) { dialed.Add(1); echo(c) })
	for name, say := range map[string]string{
		"garbage": "GET / HTTP/1.1\r\n\r\n", "data for nobody": "D\x00\x01x", "a long number": "O\x00\x03\x00\x00\x00", "hello": "H\x00\x300123456789abcdef0123456789abcdef0123456789abcdef", "an end of nothing": "E\x00\x00",
	} {
		here, there := net.Pipe()
		done := make(chan struct{})
		go func() {
			(&Carrier{Addresses: []string{at}}).serve(t.Context(), there)
			_ = there.Close()
			close(done)
		}()
		_ = here.SetDeadline(time.Now().Add(time.Minute))
		go func() { _, _ = here.Write([]byte(say)) }()
		if got, err := io.ReadAll(here); len(got) > 0 || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		<-done
	}
	if dialed.Load() != 0 {
		t.Error("it dialed")
	}
}

// FuzzAnswer: no relay makes the enclave panic, hang, or read what was not framed.
func FuzzAnswer(f *testing.F) {
	seeds := []string{"", "Y\x00\x00", "Y\x00\x00D\x00\x02hiE\x00\x00X\x00\x00", "F\x00\x01\x02", "Y\x00\x00D\xff\xff", "YYYYYY", "X\x00\x00"}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, say []byte) {
		here, there := net.Pipe()
		p := &Pool{o: Options{Addresses: []string{"a:1"}, open: time.Second, settle: time.Second}, all: map[*channel]bool{}, freed: make(chan struct{})}
		c := &channel{conn: here, r: bufio.NewReaderSize(here, readAhead)}
		p.all[c] = true
		p.rest(c)
		go func() {
			defer there.Close()
			if _, err := io.ReadFull(there, make([]byte, 5)); err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, there) }()
			_, _ = there.Write(say)
		}()
		conn, err := p.Dial(t.Context(), "a:1")
		if err != nil {
			return
		}
		got, err := io.ReadAll(conn)
		if !framed(say, got, err == nil) {
			t.Errorf("%q came out of %q, %v", got, say, err)
		}
		_ = conn.Close()
	})
}

// framed reads frames in another way: what they hold, one after the other.
func framed(say, got []byte, whole bool) bool {
	say = say[3:] // opened
	var want []byte
	for len(say) >= 3 {
		kind, size := say[0], int(say[1])<<8|int(say[2])
		if kind == 'E' && size == 0 {
			return bytes.Equal(got, want)
		}
		if kind != 'D' || size == 0 || size > 32768 {
			break
		}
		want = append(want, say[3:min(len(say), 3+size)]...)
		say = say[min(len(say), 3+size):]
	}
	return !whole && bytes.Equal(got, want)
}
