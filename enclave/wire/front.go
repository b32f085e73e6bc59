package wire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"awase/entrustment"
)

// FrontOptions says how a front answers.
type FrontOptions struct {
	Token  string       // whoever asks anything but an attestation has to show it
	Logger *slog.Logger // nil: discards
}

// frontCaller is who asks, as the front says it: everybody who has its token.
const frontCaller Caller = "front"

// ServeFront answers HTTP at l until ctx ends, in place of the enclave that is
// served at socket. GET /attestation?nonce=… is open; requests of the wire are
// passed on for who shows the token. It parses nothing of what it passes on, and
// holds nothing but one JSON request at a time.
//
// The enclave decides what may leave, whoever runs the front.
func ServeFront(ctx context.Context, l net.Listener, socket string, o FrontOptions) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f := newFront(socket, o)
	srv := &http.Server{
		Handler: f, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true,
		ErrorLog: log.New(io.Discard, "", 0), // it repeats what strangers sent
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(&limited{Listener: l, free: make(chan struct{}, maxConns)}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the front: %w", err)
	case <-ctx.Done():
		drain, stop := context.WithTimeout(context.WithoutCancel(ctx), defaultDrain)
		defer stop()
		_ = srv.Shutdown(drain) // those that outlast it are cut off
		f.client.http.CloseIdleConnections()
		return srv.Close()
	}
}

type front struct {
	FrontOptions
	client *Client
	proxy  *httputil.ReverseProxy
	mux    *http.ServeMux
}

func newFront(socket string, o FrontOptions) *front {
	f := &front{FrontOptions: o, client: newClient(socket).As(frontCaller), mux: http.NewServeMux()}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.RawQuery, r.Out.Host = "http", "enclave", "", ""
			// Nothing of what came with it but what it is.
			r.Out.Header = http.Header{"Content-Type": r.In.Header["Content-Type"], callerField: {string(frontCaller)}}
		},
		Transport: f.client.http,
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			refusal, ok := errors.AsType[*entrustment.Error](err)
			if !ok {
				refusal = errAway
			}
			if !ok && r.Context().Err() == nil {
				o.Logger.LogAttrs(r.Context(), slog.LevelWarn, "the enclave did not answer")
			}
			refuse(w, refusal)
		},
	}
	f.mux.HandleFunc("GET /attestation", f.attestation)
	f.mux.HandleFunc("POST "+prefix+"{method}", f.pass)
	f.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, errNoPage) })
	return f
}

var (
	errAway = &entrustment.Error{Code: entrustment.CodeInternal, Detail: "the enclave does not answer",
		Mend: "ask again in a moment: it is started again. What was acknowledged stands (a question that was charged is not charged twice)"}
	errToken = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "request", Detail: "it does not show the front's token",
		Mend: "send it in the header Authorization, after Bearer; it stands in a file beside the enclave's socket"}
	errNoPage = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "request", Detail: "the front has no such page", Mend: "GET /attestation?nonce=…, or POST " + prefix + "METHOD"}
)

// ServeHTTP answers a request. Nothing that it answers is kept by anybody on the
// way.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	f.mux.ServeHTTP(&hurried{ResponseWriter: w}, r)
}

// hurried gives who asked so long to take the answer.
type hurried struct{ http.ResponseWriter }

// WriteHeader begins the answer.
func (h *hurried) WriteHeader(status int) {
	_ = http.NewResponseController(h.ResponseWriter).SetWriteDeadline(time.Now().Add(answerWait)) // a recorder of a test has none
	h.ResponseWriter.WriteHeader(status)
}

// Unwrap gives what is written to.
func (h *hurried) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func (f *front) attestation(w http.ResponseWriter, r *http.Request) {
	raw, err := f.client.Attestation(r.Context(), r.URL.Query().Get("nonce"))
	if err != nil {
		refusal, ok := errors.AsType[*entrustment.Error](err)
		if !ok || refusal.Field != "nonce" { // other texts name the socket
			refusal = errAway
		}
		refuse(w, refusal)
		return
	}
	writeAnswer(w, http.StatusOK, jsonType, raw)
}

// pass passes a request of the wire on. The enclave knows its methods.
func (f *front) pass(w http.ResponseWriter, r *http.Request) {
	if !f.shows(r) {
		refuse(w, errToken)
		return
	}
	control := http.NewResponseController(w)
	deadline := func(t time.Time) error { return orNot(control.SetReadDeadline(t)) }
	if is(r.Header, sealedType) {
		// A refusal of the first bytes does not wait for the last.
		if err := orNot(control.EnableFullDuplex()); err != nil {
			refuse(w, errAway)
			return
		}
		w.Header().Set("Connection", "close")
		r.Body = &passing{&receiving{r: http.MaxBytesReader(nil, r.Body, maxUpload), wait: senderWait, limit: maxUpload, deadline: deadline}, r.Body}
		f.proxy.ServeHTTP(w, r)
		return
	}
	// Read to its end: from then on it is noticed when the asker goes away.
	if err := deadline(time.Now().Add(bodyWait)); err != nil {
		refuse(w, errSlow)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		refuse(w, errLong)
		return
	} else if err != nil || deadline(time.Time{}) != nil {
		refuse(w, errSlow)
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	f.proxy.ServeHTTP(w, r)
}

// passing is a sealed file on its way through.
type passing struct {
	*receiving
	io.Closer
}

// shows tells whether a request shows the token, in a time that says nothing of
// how much of it was right.
func (f *front) shows(r *http.Request) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(f.Token))
	return ok && f.Token != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// refuse writes a refusal of the border's own.
func refuse(w http.ResponseWriter, e *entrustment.Error) {
	p := problemOf(e)
	raw, err := marshal(p)
	if err != nil {
		raw = nil
	}
	writeAnswer(w, p.Status, problemType, raw)
}
