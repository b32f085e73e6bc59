package relay

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// Limits of the enclave's side. What the relay does in time is less than each.
const (
	helloWithin  = 5 * time.Second
	openWithin   = 15 * time.Second // from asking for a channel to an open connection
	settleWithin = 11 * time.Minute // that a channel takes to be free again: more than a server's standstill
	acceptAgain  = 100 * time.Millisecond
	refusedAgain = time.Minute
)

// Options say what a pool is for.
type Options struct {
	// Addresses are those that the relay was started with, in that order.
	Addresses []string
	// Channels are the most that a relay may have.
	Channels int
	// Secret is what a relay shows. Without one whoever connects is the relay.
	Secret Secret
	Logger *slog.Logger // nil: discards

	open, hello, settle time.Duration // for tests; 0: as above
}

// Pool is the enclave's side: the channels that a relay has to it.
type Pool struct {
	o Options
	l net.Listener

	mu     sync.Mutex
	run    [idSize]byte // of the relay whose channels these are
	all    map[*channel]bool
	idle   []*channel
	freed  chan struct{} // is closed when one becomes idle
	closed bool

	refused time.Time // when it was last told that a channel was refused
}

// channel is a connection to the relay.
type channel struct {
	conn    net.Conn
	r       *bufio.Reader
	watched chan error // what ended the watch over an idle one
}

var (
	// ErrNoRelay is that no relay is there.
	ErrNoRelay = errors.New("the relay does not run: awase serve starts it, and again where it ended")
	// ErrBusy is that all channels are in use.
	ErrBusy = errors.New("all connections of the relay are in use")

	errAnswer = errors.New("the relay's answer is none")
	errSilent = errors.New("the relay does not answer")
	errClosed = errors.New("the pool of the relay's channels is closed")
	longAgo   = time.Unix(1, 0)
)

// Serve takes channels in at a listener, which lets in nobody but processes of this
// user, until Close.
func Serve(l net.Listener, o Options) *Pool {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for at, usual := range map[*time.Duration]time.Duration{&o.open: openWithin, &o.hello: helloWithin, &o.settle: settleWithin} {
		if *at == 0 {
			*at = usual
		}
	}
	p := &Pool{o: o, l: l, all: map[*channel]bool{}, freed: make(chan struct{})}
	go p.accept()
	return p
}

// Close ends every channel.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.retire()
	p.mu.Unlock()
	return p.l.Close()
}

// accept takes channels in, one after the other: what a killed relay left in the
// queue comes before its successor.
func (p *Pool) accept() {
	for {
		conn, err := p.l.Accept()
		if err == nil {
			p.greet(conn)
			continue
		}
		p.mu.Lock()
		closed := p.closed
		p.mu.Unlock()
		if closed || errors.Is(err, net.ErrClosed) {
			return
		}
		p.o.Logger.LogAttrs(context.Background(), slog.LevelWarn, "a channel of the relay could not be taken in", slog.String("error", err.Error()))
		time.Sleep(acceptAgain)
	}
}

// greet takes a channel in that says in time whose it is, and shows the secret: the
// front may connect here too. One that does not is closed, and changes nothing.
func (p *Pool) greet(conn net.Conn) {
	c := &channel{conn: conn, r: bufio.NewReaderSize(conn, readAhead)}
	_ = conn.SetDeadline(time.Now().Add(p.o.hello)) // one that can't be set is closed: nothing is read
	kind, _, err := readHead(c.r)
	var hello [helloSize]byte
	if err == nil && kind == kindHello {
		_, err = io.ReadFull(c.r, hello[:])
	}
	if err != nil || kind != kindHello || conn.SetDeadline(time.Time{}) != nil {
		_ = conn.Close()
		return
	}
	run := [idSize]byte(hello[:idSize])
	if !p.o.Secret.shownBy(hello[idSize:]) {
		_ = conn.Close()
		p.tellRefused()
		return
	}
	p.mu.Lock()
	if run != p.run {
		if len(p.all) > 0 {
			p.retire()
		}
		p.run = run
	}
	full := p.closed || len(p.all) >= p.o.Channels
	if !full {
		p.all[c] = true
	}
	p.mu.Unlock()
	if full {
		_ = conn.Close()
		return
	}
	p.rest(c)
}

// tellRefused says that something asked to be the relay that is none, no more often
// than the log can bear.
func (p *Pool) tellRefused() {
	if time.Since(p.refused) < refusedAgain {
		return
	}
	p.refused = time.Now()
	p.o.Logger.LogAttrs(context.Background(), slog.LevelWarn, "a process that is not the relay asked to be it, and was turned away")
}

// retire ends all channels. The caller holds the lock.
func (p *Pool) retire() {
	for c := range p.all {
		_ = c.conn.Close()
	}
	clear(p.all)
	p.idle = nil
}

// drop ends a channel.
func (p *Pool) drop(c *channel) {
	_ = c.conn.Close()
	p.mu.Lock()
	delete(p.all, c)
	p.mu.Unlock()
}

// rest makes a channel idle, and watches over it: one that ends, or says something
// that nobody asked, is no channel any more.
func (p *Pool) rest(c *channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.all[c] { // a new relay came meanwhile
		_ = c.conn.Close()
		return
	}
	c.watched = make(chan error, 1)
	p.idle = append(p.idle, c)
	close(p.freed)
	p.freed = make(chan struct{})
	go func() {
		_, err := c.r.Peek(1)
		p.mu.Lock()
		i := slices.Index(p.idle, c)
		if i >= 0 {
			p.idle = slices.Delete(p.idle, i, i+1)
			delete(p.all, c)
			_ = c.conn.Close()
		}
		p.mu.Unlock()
		c.watched <- err
	}()
}

// take gives a channel that is there and silent.
func (p *Pool) take(ctx context.Context) (*channel, error) {
	for {
		p.mu.Lock()
		var c *channel
		if n := len(p.idle); n > 0 {
			c, p.idle = p.idle[n-1], p.idle[:n-1]
		}
		there, freed, closed := len(p.all), p.freed, p.closed
		p.mu.Unlock()
		switch {
		case closed:
			return nil, errClosed
		case c == nil:
			select {
			case <-freed:
				continue
			case <-ctx.Done():
			}
			if there == 0 {
				return nil, ErrNoRelay
			}
			return nil, ErrBusy
		}
		_ = c.conn.SetReadDeadline(longAgo) // ends the watch
		if err := <-c.watched; errors.Is(err, os.ErrDeadlineExceeded) && c.conn.SetReadDeadline(time.Time{}) == nil {
			return c, nil
		}
		p.drop(c)
	}
}

// Dial opens a connection to one of the addresses. It takes no longer than openWithin.
// Its errors are a *net.OpError, as those of a network are that may come back, but
// those of ctx.
func (p *Pool) Dial(ctx context.Context, address string) (net.Conn, error) {
	c, err := p.dial(ctx, address)
	if err != nil && ctx.Err() == nil {
		err = &net.OpError{Op: "dial", Net: "relay", Addr: addr(address), Err: err}
	}
	return c, err
}

func (p *Pool) dial(ctx context.Context, address string) (net.Conn, error) {
	number := slices.Index(p.o.Addresses, address)
	if number < 0 {
		return nil, fmt.Errorf("%s is none of the relay's addresses", address)
	}
	limited, cancel := context.WithTimeout(ctx, p.o.open)
	defer cancel()
	for {
		c, err := p.take(limited)
		if err != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		conn, again, err := p.ask(limited, c, number)
		if again {
			continue // it had ended, and nobody saw it yet
		}
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		return conn, err
	}
}

// ask has the relay open a connection on a channel. again: it could not be asked.
func (p *Pool) ask(ctx context.Context, c *channel, number int) (_ net.Conn, again bool, err error) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.conn.SetDeadline(longAgo)
		close(ended)
	})
	n, werr := c.conn.Write(binary.BigEndian.AppendUint16(appendHead(nil, kindOpen, 2), uint16(number)))
	var kind byte
	err = werr
	if err == nil {
		kind, _, err = readHead(c.r)
	}
	var reason byte
	if err == nil && kind == kindFailed {
		reason, err = c.r.ReadByte()
	}
	if !stop() {
		<-ended
	}
	err = errors.Join(err, c.conn.SetDeadline(time.Time{}))
	switch {
	case werr != nil:
		p.drop(c)
		return nil, n == 0 && !errors.Is(werr, os.ErrDeadlineExceeded), fmt.Errorf("asking the relay: %w", werr)
	case errors.Is(err, os.ErrDeadlineExceeded), err == nil && kind == kindOpened && ctx.Err() != nil:
		go p.settle(c, 0, false, nil)
		return nil, false, errSilent
	case err != nil:
		p.drop(c)
		return nil, false, fmt.Errorf("the relay ended a channel: %w", err)
	case kind == kindOpened:
		return &conn{p: p, c: c, address: p.o.Addresses[number]}, false, nil
	case kind == kindFailed && Reason(reason) < reasons:
		p.rest(c)
		return nil, false, &DialError{p.o.Addresses[number], Reason(reason)}
	}
	p.drop(c)
	return nil, false, errAnswer
}

// settle ends what a channel carries, so that it is free for the next: both sides
// say that they are gone, and what was on its way is thrown away. left is what
// remains of a frame that is being read, unsent of one that was written; over: the
// relay said that it is gone.
func (p *Pool) settle(c *channel, left int, over bool, unsent []byte) {
	_ = c.conn.SetDeadline(time.Now().Add(p.o.settle)) // one that can't be set fails at once
	sent := make(chan error, 1)
	go func() {
		_, err := c.conn.Write(appendHead(unsent, kindGone, 0))
		sent <- err
	}()
	_, err := c.r.Discard(left)
	for err == nil && !over {
		var kind byte
		var size int
		if kind, size, err = readHead(c.r); err == nil {
			over = kind == kindGone
			_, err = c.r.Discard(size)
		}
	}
	if err != nil {
		_ = c.conn.Close()
	}
	if err = errors.Join(err, <-sent, c.conn.SetDeadline(time.Time{})); err != nil {
		p.drop(c)
		return
	}
	p.rest(c)
}
