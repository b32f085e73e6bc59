package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// pageWire stands between a browser and the room, at a port of its own, and keeps
// every byte that went over it, as it went: addresses, headers, bodies and what a
// worker or a stream sends too, which no tool inside the browser shows whole. It is
// also where a line is cut.
type pageWire struct {
	address string // http://127.0.0.1:port
	control string // where a day cuts and mends the line

	to string
	mu sync.Mutex
	// Below mu.
	sent  []*bytes.Buffer // one a connection, from the browser
	came  []*bytes.Buffer // what the room answered
	open  map[net.Conn]bool
	after int  // cut the line after so many bytes of an upload; 0: don't
	down  bool // the line is cut
	cuts  int
	hooks int // what came for the receiver of webhooks
}

// newPageWire leads to a room, whose address is as it prints it.
func newPageWire(t *testing.T, room string) *pageWire {
	t.Helper()
	w := &pageWire{to: strings.TrimPrefix(room, "http://"), open: map[net.Conn]bool{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address, w.control = "http://"+l.Addr().String(), "http://"+c.Addr().String()
	server := &http.Server{Handler: w}
	var all sync.WaitGroup
	all.Go(func() { _ = server.Serve(c) }) // until it is closed
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.carry(conn, &all) })
		}
	})
	t.Cleanup(func() {
		_, _ = l.Close(), server.Close()
		w.hangUp()
		all.Wait()
	})
	return w
}

// ServeHTTP is for the day: POST /cut?after=N, POST /mend, GET /cuts; and a receiver of
// webhooks: POST /hook, GET /hooks.
func (w *pageWire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "POST /cut":
		n, err := strconv.Atoi(r.URL.Query().Get("after"))
		if err != nil || n < 1 {
			http.Error(rw, "after how many bytes?", http.StatusBadRequest)
			return
		}
		w.after = n
	case "POST /mend":
		w.down = false
	case "POST /hook":
		w.hooks++
	case "GET /hooks":
		fmt.Fprint(rw, w.hooks)
	case "GET /cuts":
		fmt.Fprint(rw, w.cuts)
	default:
		http.NotFound(rw, r)
	}
}

// hangUp ends every connection.
func (w *pageWire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
}

// carry carries one connection of the browser, both ways.
func (w *pageWire) carry(browser net.Conn, all *sync.WaitGroup) {
	defer browser.Close()
	w.mu.Lock()
	if w.down {
		w.mu.Unlock()
		return
	}
	room, err := net.Dial("tcp", w.to)
	if err != nil {
		w.mu.Unlock()
		return // the room has ended
	}
	sent, came := &bytes.Buffer{}, &bytes.Buffer{}
	w.sent, w.came = append(w.sent, sent), append(w.came, came)
	w.open[browser], w.open[room] = true, true
	w.mu.Unlock()
	defer func() {
		_ = room.Close()
		w.mu.Lock()
		delete(w.open, browser)
		delete(w.open, room)
		w.mu.Unlock()
	}()
	all.Go(func() {
		w.copy(browser, room, came, func([]byte) bool { return false })
		_ = browser.Close()
	})
	w.copy(room, browser, sent, w.cutter())
}

// copy carries one direction, and keeps it. A read that follows a cut is not carried.
func (w *pageWire) copy(to, from net.Conn, kept *bytes.Buffer, cut func([]byte) bool) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			w.mu.Lock()
			kept.Write(buf[:n])
			down := cut(buf[:n])
			w.mu.Unlock()
			if down {
				w.hangUp()
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var patches = []byte("PATCH /v1/uploads/")

// cutter gives what tells, of each read of a connection, whether the line is cut at
// it: once the connection carries an upload, after as many bytes as were wished.
func (w *pageWire) cutter() func([]byte) bool {
	carries, carried := false, 0
	return func(read []byte) bool {
		carries = carries || bytes.Contains(read, patches)
		if !carries || w.after == 0 {
			return false
		}
		if carried += len(read); carried < w.after {
			return false
		}
		w.after, w.down = 0, true
		w.cuts++
		return true
	}
}

// log gives all that went over the line, a connection and direction each.
func (w *pageWire) log() (out [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range slices.Concat(w.sent, w.came) {
		out = append(out, bytes.Clone(b.Bytes()))
	}
	return out
}

// firstLine is that of a request: what stands before it is the body of another.
var firstLine = regexp.MustCompile(`(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+ HTTP/1\.1\r\n`)

// requests gives the first lines of what was asked.
func (w *pageWire) requests() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.sent {
		out = append(out, firstLine.FindAllString(b.String(), -1)...)
	}
	return out
}

var errFrames = errors.New("a connection became another protocol's, whose bytes are not as they were written")

// holds gives the first needle that something holds which went over the line, and what
// stands around it; "": nothing holds one.
func (w *pageWire) holds(needles canaries) (string, error) {
	for _, one := range w.log() {
		if bytes.Contains(lower(one), []byte("\r\nupgrade:")) {
			return "", errFrames
		}
		if found := needles.found(one); found != "" {
			return found, nil
		}
	}
	return "", nil
}
