package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"

	"awase/api"
	"awase/sql/control"
)

const (
	maxConns   = 4096                   // at once; others wait to be accepted
	lameDuck   = 500 * time.Millisecond // that it answers on while it says that it is not ready
	lastAnswer = 30 * time.Second       // for requests under way, and jobs, when it is told to end
)

// serve answers until ctx ends, and then ends in order.
func (f *front) serve(ctx context.Context, out io.Writer) error {
	defer f.listener.Close()
	store, err := control.Open(ctx, filepath.Join(f.control, "control.db"))
	if err != nil {
		return &startError{err}
	}
	err = f.answer(ctx, store, out)
	return errors.Join(err, store.Close())
}

// answer makes the service and runs it.
func (f *front) answer(ctx context.Context, store *control.Store, out io.Writer) error {
	m := newMetrics(store, f.enclave)
	server, err := api.New(f.options(store, m))
	if err != nil {
		return &startError{err}
	}
	if err := f.welcome(ctx, store, out); err != nil {
		return err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go f.ceremony(life, out)
	if f.cert != nil {
		go f.cert.follow(life)
	}
	ending := &atomic.Bool{}
	srv := api.HTTP(f.border(server, ending))
	failed := make(chan error, 3)
	go func() { failed <- f.listenAnd(srv, f.listener) }()
	var shown *http.Server
	if f.metrics != nil {
		shown = api.HTTP(m)
		go func() { failed <- shown.Serve(f.metrics) }()
	}
	working, rest := context.WithCancel(life)
	defer rest()
	worked := make(chan error, 1)
	go func() { worked <- server.Run(working) }()

	select {
	case err = <-failed:
		err = fmt.Errorf("answering: %w", err)
	case err = <-worked: // it ends when it is told to
		worked <- nil
		err = errors.Join(err, errors.New("what the service does beside answering ended"))
	case <-ctx.Done():
		err = nil
		ending.Store(true)
		f.logger.LogAttrs(life, slog.LevelInfo, "it was told to end: requests under way have half a minute")
		time.Sleep(lameDuck)
	}
	rest() // jobs put themselves down, and streams of progress end
	last, cancel := context.WithTimeout(life, lastAnswer)
	defer cancel()
	if serr := srv.Shutdown(last); serr != nil {
		f.logger.LogAttrs(life, slog.LevelWarn, "requests under way were cut off")
		_ = srv.Close() // what it says was said
	}
	if shown != nil {
		_ = shown.Close()
	}
	select {
	case werr := <-worked:
		err = errors.Join(err, werr)
	case <-last.Done():
		// As after a kill: another front takes the job up where it stands.
		f.logger.LogAttrs(life, slog.LevelWarn, "a job did not put itself down")
	}
	return err
}

// listenAnd serves HTTP, or HTTPS where there is a certificate.
func (f *front) listenAnd(srv *http.Server, l net.Listener) error {
	l = netutil.LimitListener(l, maxConns)
	if f.cert == nil {
		return srv.Serve(l)
	}
	srv.TLSConfig = f.cert.config()
	return srv.ServeTLS(l, "", "")
}

// border is what every request passes first: it says that the service ends, and
// what browsers are to hold to.
func (f *front) border(next http.Handler, ending *atomic.Bool) http.Handler {
	secure := strings.HasPrefix(f.publicURL, "https://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if secure {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		if ending.Load() && r.URL.Path == "/readyz" {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, endingProblem) // who asked may be gone
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endingProblem is what /readyz says of a service that ends.
const endingProblem = `{"type":"urn:awase:refused","title":"Service Unavailable","status":503,"instance":"urn:awase:request:none","code":"E_INTERNAL","detail":"the service ends","mend":"ask again in a moment: it may be started again"}` + "\n"

// options is what the service is made of.
func (f *front) options(store *control.Store, m *metrics) api.Options {
	o := api.Options{
		Enclave: f.enclave, Store: store, Logger: f.logger, Version: version(), OperatorParty: f.Operator, PublicURL: f.publicURL, Metrics: m, TrustedProxies: f.TrustedProxies,
		Rate:    api.RateOptions{PerSecond: f.Rate.PerSecond, Burst: f.Rate.Burst, Strangers: f.Rate.Strangers},
		Reports: f.reports, Inbox: f.inbox, Outbox: f.outbox,
		Uploads: api.UploadOptions{Bytes: f.Uploads.Quota, Files: f.Uploads.Files, Max: f.Uploads.MaxSize, Expire: f.Uploads.Expire},
		Hooks:   api.HookOptions{Allow: f.Webhooks.Allow, Mail: f.mail, URL: f.publicURL},
	}
	o.Practice = f.Practice && onLoopback(f.listener.Addr())
	if f.OIDC.Issuer != "" {
		o.OIDC = &api.OIDCOptions{Issuer: f.OIDC.Issuer, ClientID: f.OIDC.ClientID, ClientSecret: f.oidc}
	}
	return o
}

// onLoopback tells whether who asks at an address sits at this machine.
func onLoopback(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// welcome prints what a person needs: where it answers and, until there is an admin,
// the code that makes the first one. The code stands in no address, which proxies
// and browsers keep.
func (f *front) welcome(ctx context.Context, store *control.Store, out io.Writer) error {
	text := f.scheme() + f.listener.Addr().String() + "\n"
	has, err := store.HasAdmin(ctx, f.Operator)
	if err != nil {
		return &startError{fmt.Errorf("looking for an admin: %w", err)}
	}
	if f.Practice {
		more, err := f.rehearse(ctx, store, has)
		if err != nil {
			return err
		}
		text += more
		first, err := practiceQuestions(f.Operator)
		if err == nil {
			err = api.AskOnce(ctx, store, first)
		}
		if err != nil {
			return &startError{err}
		}
	}
	code, needed, err := api.SetupCode(ctx, store, f.Operator)
	if err != nil {
		return &startError{fmt.Errorf("making the first admin's code: %w", err)}
	}
	if needed {
		text += fmt.Sprintf("There is no admin yet. The first one opens %s/setup and types, once, the code %s\n", f.publicURL, code)
	}
	_, err = io.WriteString(out, text)
	return err
}
