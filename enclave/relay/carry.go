package relay

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// Limits of the relay's side.
const (
	dialWithin  = 5 * time.Second
	standstill  = 10 * time.Minute // that a server may read nothing: one that is at work may
	helloWrite  = 5 * time.Second
	connectWait = 50 * time.Millisecond
)

// Connect opens channels to the enclave, which may not be there yet, and shows that it
// may. It is called before the process is confined, and reads nothing.
func Connect(ctx context.Context, socket string, secret Secret, channels int) ([]net.Conn, error) {
	var run [idSize]byte
	_, _ = rand.Read(run[:]) // it never fails
	hello := slices.Concat(appendHead(nil, kindHello, helloSize), run[:], secret[:])
	defer clear(hello)
	var out []net.Conn
	for len(out) < channels {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err == nil {
			out = append(out, c)
			_ = c.SetWriteDeadline(time.Now().Add(helloWrite)) // a write without one fails with the channel
			if _, err = c.Write(hello); err == nil {
				err = c.SetWriteDeadline(time.Time{})
			}
		}
		if err == nil {
			continue
		}
		closeAll(out)
		out = nil
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connecting to the enclave: %w", err)
		case <-time.After(connectWait):
		}
	}
	return out, nil
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

// Carrier is the relay's side.
type Carrier struct {
	Addresses []string
	Dial      func(ctx context.Context, address string) (net.Conn, error) // nil: TCP
	Logger    *slog.Logger                                                // nil: discards

	standstill time.Duration // for tests; 0: as above
}

// Carry carries connections until ctx ends. It ends with an error where it is better
// started again: the enclave is gone, or half of the channels are.
func (r *Carrier) Carry(ctx context.Context, channels []net.Conn) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{}, len(channels))
	for _, c := range channels {
		go func() {
			r.serve(ctx, c)
			_ = c.Close()
			ended <- struct{}{}
		}()
	}
	left := len(channels)
	for told := ctx.Done(); left > 0; {
		select {
		case <-told:
			closeAll(channels)
			told = nil
		case <-ended:
			if left--; told != nil && left <= len(channels)/2 {
				closeAll(channels)
				told = nil
			}
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return errors.New("the enclave ended its channels")
}

// serve carries one connection after the other on a channel.
func (r *Carrier) serve(ctx context.Context, c net.Conn) {
	in := bufio.NewReaderSize(c, readAhead)
	for {
		kind, size, err := readHead(in)
		if err != nil {
			return
		}
		var answer []byte
		switch kind {
		case kindGone: // of one that could not be dialed
			answer = appendHead(nil, kindGone, 0)
		case kindOpen:
			var number [2]byte
			if _, err := io.ReadFull(in, number[:size]); err != nil {
				return
			}
			target, reason := r.dial(ctx, int(binary.BigEndian.Uint16(number[:])))
			if target != nil {
				if err := carry(c, in, target, cmp.Or(r.standstill, standstill)); err != nil {
					return
				}
				continue
			}
			answer = append(appendHead(nil, kindFailed, 1), byte(reason))
		default:
			return // the enclave says nothing else to an idle channel
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// dial dials an address of the list, by its name anew each time.
func (r *Carrier) dial(ctx context.Context, number int) (net.Conn, Reason) {
	if number >= len(r.Addresses) {
		return nil, NoNumber
	}
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	dial := r.Dial
	if dial == nil {
		dial = func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}
	}
	target, err := dial(ctx, r.Addresses[number])
	if err == nil {
		return target, 0
	}
	reason := reasonOf(err)
	if r.Logger != nil {
		r.Logger.LogAttrs(ctx, slog.LevelWarn, "a server can't be reached", slog.String("address", r.Addresses[number]), slog.String("why", reason.String()))
	}
	return nil, reason
}

func reasonOf(err error) Reason {
	if d, ok := errors.AsType[*net.DNSError](err); ok && d.IsNotFound {
		return NoName
	}
	for errno, reason := range map[error]Reason{
		syscall.ECONNREFUSED: Refused, syscall.ETIMEDOUT: TimedOut, syscall.EHOSTUNREACH: Unreachable, syscall.ENETUNREACH: Unreachable,
		syscall.EACCES: Forbidden, syscall.EPERM: Forbidden, os.ErrDeadlineExceeded: TimedOut, context.DeadlineExceeded: TimedOut,
	} {
		if errors.Is(err, errno) {
			return reason
		}
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return TimedOut
	}
	return Other
}

// carry carries one connection, until both sides have said that they are gone. An
// error is that the channel is of no use any more.
func carry(c net.Conn, in *bufio.Reader, target net.Conn, still time.Duration) error {
	ended := make(chan struct{}) // target is closed
	back := make(chan error, 1)
	go func() { back <- carryBack(c, target, ended) }()
	err := carryOut(in, target, still, func() {
		select {
		case <-ended:
		default:
			_ = target.Close()
			close(ended)
		}
	})
	if err != nil {
		_ = c.Close() // who carries back may be writing to it
	}
	return errors.Join(err, <-back)
}

// carryBack says that the connection is open, and then what the server sends.
func carryBack(c, target net.Conn, ended <-chan struct{}) error {
	buf := make([]byte, headSize+maxPayload)
	if _, err := c.Write(appendHead(nil, kindOpened, 0)); err != nil {
		return err
	}
	for {
		n, err := target.Read(buf[headSize:])
		if n > 0 {
			appendHead(buf[:0], kindData, n)
			if _, werr := c.Write(buf[:headSize+n]); werr != nil {
				_ = target.Close()
				return werr
			}
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			if _, werr := c.Write(appendHead(nil, kindEnd, 0)); werr != nil {
				_ = target.Close()
				return werr
			}
			<-ended
		}
		_, werr := c.Write(appendHead(nil, kindGone, 0))
		return werr
	}
}

// carryOut sends the server what comes, and ends the connection when the enclave
// does. What comes for a server that is gone is thrown away.
func carryOut(in *bufio.Reader, target net.Conn, still time.Duration, end func()) error {
	defer end()
	buf := make([]byte, maxPayload)
	for {
		kind, size, err := readHead(in)
		if err != nil {
			return err
		}
		switch kind {
		case kindGone:
			return nil
		case kindEnd:
			if half, ok := target.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite() // one that is gone needs none
			}
		case kindData:
			if _, err := io.ReadFull(in, buf[:size]); err != nil {
				return err
			}
			err := target.SetWriteDeadline(time.Now().Add(still))
			if err == nil {
				_, err = target.Write(buf[:size])
			}
			if err != nil {
				end()
			}
		default:
			return errFrame
		}
	}
}
