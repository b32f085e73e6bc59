package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve answers what comes in at l until ctx ends. Then it takes nothing new,
// lets the answers under way end, and cancels those that take longer than half a
// minute: what they wrote stands. It returns when no answer is under way any
// more, so that the enclave may be closed; an error may mean that one still is.
func Serve(ctx context.Context, l net.Listener, e Enclave, o Options) error {
	if o.drain == 0 {
		o.drain = defaultDrain
	}
	if o.conns == 0 {
		o.conns = maxConns
	}
	base, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	answers := &underWay{handler: Handler(e, o)}
	srv := &http.Server{
		Handler: answers, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    log.New(io.Discard, "", 0), // it repeats what strangers sent
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(&limited{Listener: l, free: make(chan struct{}, o.conns)}) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serving the enclave: %w", err)
	case <-ctx.Done():
		drain, stop := context.WithTimeout(base, o.drain)
		_ = srv.Shutdown(drain) // those that outlast it are cancelled
		stop()
	}
	cancel(errStopping)
	if !answers.wait(o.drain) {
		err = errors.Join(err, errors.New("serving the enclave: an answer under way did not end"))
	}
	return errors.Join(err, srv.Close())
}

// underWay counts the answers under way.
type underWay struct {
	handler http.Handler
	answers sync.WaitGroup
}

// ServeHTTP answers a request.
func (u *underWay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.answers.Add(1)
	defer u.answers.Done()
	u.handler.ServeHTTP(w, r)
	_ = http.NewResponseController(w).Flush() // an answer that is counted as ended is on its way
}

// wait tells whether all answers ended within d.
func (u *underWay) wait(d time.Duration) bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.answers.Wait()
	}()
	select {
	case <-ended:
		return true
	case <-time.After(d):
		return false
	}
}

// limited lets so many connections in at once; others wait to be accepted.
type limited struct {
	net.Listener
	free chan struct{}
}

// Accept waits for a connection.
func (l *limited) Accept() (net.Conn, error) {
	l.free <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &limitedConn{Conn: c, free: sync.OnceFunc(func() { <-l.free })}, nil
}

type limitedConn struct {
	net.Conn
	free func()
}

// Close ends the connection and lets the next one in.
func (c *limitedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
