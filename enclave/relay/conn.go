package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a connection that the relay carries. A write that was cut off by a
// deadline is the last: a part of its frame may have gone.
type conn struct {
	p       *Pool
	c       *channel
	address string

	reading sync.Mutex
	left    int   // of a frame of data
	over    bool  // the relay is gone
	readErr error // for good

	writing  sync.Mutex
	out      []byte
	writeErr error  // for good
	unsent   []byte // of a frame that was cut off

	limits sync.Mutex // keeps deadlines off a channel that is another's by now
	closed atomic.Bool
}

// errGone is one that may pass by itself, as a connection that a server reset.
var errGone = fmt.Errorf("the connection was ended by the server or the relay: %w", syscall.ECONNRESET)

// Read reads what the server sent.
func (c *conn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		switch {
		case c.closed.Load():
			return 0, net.ErrClosed
		case c.readErr != nil:
			return 0, c.readErr
		case len(b) == 0:
			return 0, nil
		case c.left > 0:
			n, err := c.c.r.Read(b[:min(len(b), c.left)])
			c.left -= n
			return n, c.readFailed(err)
		}
		kind, size, err := readHead(c.c.r)
		if err != nil {
			return 0, c.readFailed(err)
		}
		switch kind {
		case kindData:
			c.left = size
		case kindEnd:
			c.readErr = io.EOF
		case kindGone:
			c.over, c.readErr = true, errGone
		default:
			c.readErr = errors.Join(errFrame, errGone)
			_ = c.c.conn.Close() // it can't be believed to end a frame either
		}
	}
}

// readFailed keeps an error that is for good.
func (c *conn) readFailed(err error) error {
	switch {
	case err == nil:
		return nil
	case c.closed.Load():
		return net.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, io.EOF): // the relay ended, and not the server
		err = errGone
	case errors.Is(err, errFrame):
		_ = c.c.conn.Close()
		err = errors.Join(err, errGone)
	}
	c.readErr = err
	return err
}

// Write sends to the server. Where the server does not read it waits.
func (c *conn) Write(b []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for len(b) > 0 {
		size := min(len(b), maxPayload)
		if err := c.send(kindData, b[:size]); err != nil {
			return n, err
		}
		n, b = n+size, b[size:]
	}
	return n, nil
}

// CloseWrite says that no more comes.
func (c *conn) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.send(kindEnd, nil)
	if err == nil {
		c.writeErr = net.ErrClosed
	}
	return err
}

// send writes a frame.
func (c *conn) send(kind byte, payload []byte) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	if c.writeErr != nil {
		return c.writeErr
	}
	c.out = append(appendHead(c.out[:0], kind, len(payload)), payload...)
	n, err := c.c.conn.Write(c.out)
	if err == nil {
		return nil
	}
	if n > 0 { // its rest goes first, so that frames stay frames
		c.unsent = slices.Clone(c.out[n:])
	}
	c.writeErr = err
	if c.closed.Load() {
		return net.ErrClosed
	}
	return err
}

// Close ends the connection. Its channel is used again once the relay has ended it
// too.
func (c *conn) Close() error {
	c.limits.Lock()
	defer c.limits.Unlock()
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	_ = c.c.conn.SetDeadline(longAgo) // who reads or writes ends
	go func() {
		c.reading.Lock()
		left, over := c.left, c.over
		c.reading.Unlock()
		c.writing.Lock()
		unsent := c.unsent
		c.writing.Unlock()
		c.p.settle(c.c, left, over, unsent)
	}()
	return nil
}

// SetDeadline is that of reading and writing.
func (c *conn) SetDeadline(t time.Time) error { return c.limit(c.c.conn.SetDeadline, t) }

// SetReadDeadline is that of reading.
func (c *conn) SetReadDeadline(t time.Time) error { return c.limit(c.c.conn.SetReadDeadline, t) }

// SetWriteDeadline is that of writing.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.limit(c.c.conn.SetWriteDeadline, t) }

func (c *conn) limit(set func(time.Time) error, t time.Time) error {
	c.limits.Lock()
	defer c.limits.Unlock()
	if c.closed.Load() {
		return net.ErrClosed
	}
	return set(t)
}

// addr is an address of the relay's list.
type addr string

func (addr) Network() string  { return "relay" }
func (a addr) String() string { return string(a) }

// LocalAddr has no address of its own: the relay's is another's.
func (c *conn) LocalAddr() net.Addr { return addr("enclave") }

// RemoteAddr is the address that was dialed.
func (c *conn) RemoteAddr() net.Addr { return addr(c.address) }
