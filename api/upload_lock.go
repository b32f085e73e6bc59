package api

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// uploadLocks lets one request at a time at an upload. The later one, which is a
// sender that lost its connection, ends the earlier one: else it would wait until
// the silence of the lost connection is noticed.
//
// tusd has a way of its own to end a request. It is not used: the goroutine that does
// it reads the request's body while the handler sets it, and sets deadlines on the
// connection when the handler has returned and another request has it.
type uploadLocks struct {
	mu   sync.Mutex
	held map[string]*uploadLock
}

func newUploadLocks() *uploadLocks { return &uploadLocks{held: map[string]*uploadLock{}} }

// NewLock gives a lock of an upload, which is not taken yet.
func (l *uploadLocks) NewLock(id string) (handler.Lock, error) {
	return &uploadLock{locks: l, id: id, free: make(chan struct{})}, nil
}

type uploadLock struct {
	locks *uploadLocks
	id    string
	free  chan struct{} // closed when it is given back
	body  *uploadBody   // of who holds it; nil: there is none to end
}

// Lock takes the lock, and ends who holds it.
func (l *uploadLock) Lock(ctx context.Context, _ func()) error {
	if t, ok := ctx.Value(tusKey{}).(*tusCall); ok {
		l.body = t.body
	}
	for {
		l.locks.mu.Lock()
		before := l.locks.held[l.id]
		if before == nil {
			l.locks.held[l.id] = l
			l.locks.mu.Unlock()
			return nil
		}
		l.locks.mu.Unlock()
		before.body.interrupt()
		select {
		case <-before.free:
		case <-ctx.Done():
			return handler.ErrLockTimeout
		}
	}
}

// Unlock gives the lock back.
func (l *uploadLock) Unlock() error {
	l.locks.mu.Lock()
	delete(l.locks.held, l.id)
	l.locks.mu.Unlock()
	close(l.free)
	return nil
}

// uploadBody is the body of a request at an upload, which another one may end.
type uploadBody struct {
	io.ReadCloser
	control *http.ResponseController

	mu    sync.Mutex
	ended bool // the handler returned: the connection is another request's
	cut   bool // another request came
}

// long ago: a read that waits ends at once.
var longAgo = time.Unix(1, 0)

// interrupt ends the body, also while it is waited for.
func (b *uploadBody) interrupt() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	b.cut = true
	_ = b.control.SetReadDeadline(longAgo) // a recorder of a test has none
}

// isCut tells whether the body was ended.
func (b *uploadBody) isCut() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cut
}

// Read reads until the body is ended.
func (b *uploadBody) Read(p []byte) (int, error) {
	if b.isCut() {
		return 0, handler.ErrUploadInterrupted
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.isCut() {
		err = handler.ErrUploadInterrupted
	}
	return n, err
}

// wait sets until when a read waits, unless the body was ended.
func (b *uploadBody) wait(until time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.cut {
		return nil
	}
	return b.control.SetReadDeadline(until)
}

// end is that the handler returns.
func (b *uploadBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}
