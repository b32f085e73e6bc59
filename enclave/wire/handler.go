package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"

	"awase/entrustment"
)

// Options says how an enclave is served.
type Options struct {
	Logger *slog.Logger // nil: discards. It gets who asked what and how it ended, nothing of what was asked

	maxUpload  int64         // 0: the constant; tests take less
	senderWait time.Duration // likewise
	drain      time.Duration // likewise
	conns      int           // likewise
}

// handler answers the wire.
type handler struct {
	Options
	enclave Enclave
	mux     *http.ServeMux
}

// Handler serves an enclave: one route for each of its methods.
func Handler(e Enclave, o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.maxUpload == 0 {
		o.maxUpload = maxUpload
	}
	if o.senderWait == 0 {
		o.senderWait = senderWait
	}
	h := &handler{o, e, http.NewServeMux()}
	h.mux.HandleFunc("GET "+helloPath, func(w http.ResponseWriter, _ *http.Request) { h.write(w, http.StatusOK, jsonType, "awase") })
	h.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		h.refuse(w, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "request", Detail: "the enclave has no such method",
			Mend: "use a command of the enclave's own version"})
	})
	on(h, addParty)
	on(h, setPolicies)
	on(h, setGate)
	on(h, gate)
	on(h, gateChanges)
	on(h, entrustments)
	on(h, entrust)
	on(h, terms)
	onUpload(h, loadBase)
	onUpload(h, loadList)
	onUpload(h, loadEvents)
	on(h, price)
	on(h, report)
	on(h, reserve)
	on(h, free)
	on(h, priceReserved)
	on(h, reportReserved)
	on(h, ledger)
	on(h, acceptClock)
	on(h, logKey)
	on(h, logProof)
	on(h, attestation)
	onOfficers(h)
	onVault(h)
	onCatalogue(h)
	onEvidence(h)
	onWork(h)
	onEngines(h)
	onSubjects(h)
	onDisclosures(h)
	onCampaigns(h)
	return h.mux
}

// on answers a route.
func on[Q, A any](h *handler, r route[Q, A]) {
	h.mux.HandleFunc("POST "+prefix+r.name, func(w http.ResponseWriter, req *http.Request) {
		h.answer(w, req, r.name, jsonType, func() (any, error) {
			q := new(Q)
			if err := h.readJSON(w, req, q); err != nil {
				return nil, err
			}
			return r.do(req.Context(), h.enclave, q)
		})
	})
}

// onUpload answers a route that takes a sealed file. The file is read at the
// enclave's pace and never held whole.
func onUpload[Q, A any](h *handler, r upload[Q, A]) {
	h.mux.HandleFunc("POST "+prefix+r.name, func(w http.ResponseWriter, req *http.Request) {
		control := http.NewResponseController(w)
		w.Header().Set("Connection", "close")
		in := &receiving{r: http.MaxBytesReader(nil, req.Body, h.maxUpload), wait: h.senderWait, limit: h.maxUpload, deadline: func(t time.Time) error { return orNot(control.SetReadDeadline(t)) }}
		h.answer(w, req, r.name, sealedType, func() (any, error) {
			// An answer may come before the file has ended: a refusal of its first
			// bytes does not wait for its last.
			if err := orNot(control.EnableFullDuplex()); err != nil {
				return nil, err
			}
			sealed := bufio.NewReaderSize(in, 256<<10)
			line, err := readLine(sealed)
			if err != nil {
				return nil, err
			}
			q := new(Q)
			if err := unmarshal(line, q); err != nil {
				return nil, errRequest
			}
			return r.do(req.Context(), h.enclave, q, sealed)
		})
		if in.ended {
			return
		}
		// The connection stays until the sender saw the answer and let go.
		if control.Flush() == nil && control.SetReadDeadline(time.Now().Add(refusalWait)) == nil {
			_, _ = io.Copy(io.Discard, req.Body) // what comes is of no interest, nor how it ends
		}
	})
}

// The refusals of requests that no client of ours makes. They repeat nothing of
// the request.
var (
	errRequest = &entrustment.Error{Code: entrustment.CodeDocument, Field: "request", Detail: "it is not a request of this version", Mend: "use a command of the enclave's own version"}
	errCaller  = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 7", Field: "request", Detail: "it does not say who asks by a name that may be logged",
		Mend: fmt.Sprintf("name who asks in the header %s, in at most %d ASCII characters, without @ and without %d digits in a row", callerField, maxCaller, maxDigits+1)}
	errLong = &entrustment.Error{Code: entrustment.CodeLimit, Field: "request", Detail: fmt.Sprintf("it has more than %d bytes", maxRequest), Mend: "documents have at most 1 MiB"}
	errSlow = &entrustment.Error{Code: entrustment.CodeLimit, Field: "request", Detail: "it did not come in time", Mend: "send it again"}
)

// errStopping is that the service ends before the answer was there.
var errStopping = &entrustment.Error{Code: entrustment.CodeInternal, Detail: "the enclave was stopped before it could answer",
	Mend: "what was acknowledged stands; run the same command again when it serves (a question that was charged is not charged twice)"}

// answer does what a request asks, and writes what came of it. A panic ends
// there: it is an internal error, and its text, which may hold anything, is not
// logged.
func (h *handler) answer(w http.ResponseWriter, req *http.Request, act, kind string, do func() (any, error)) {
	caller, start := Caller(req.Header.Get(callerField)), time.Now()
	var (
		got any
		err error
	)
	switch {
	case !caller.OK():
		caller, err = "", errCaller
	case !is(req.Header, kind) || req.URL.RawQuery != "":
		err = errRequest
	default:
		got, err = h.safely(req.Context(), act, do)
	}
	attrs := []slog.Attr{slog.String("act", act), slog.String("caller", string(caller)), slog.Duration("took", time.Since(start).Round(time.Millisecond))}
	if err == nil {
		h.Logger.LogAttrs(req.Context(), answered(act, caller), "answered", attrs...)
		h.write(w, http.StatusOK, jsonType, got)
		return
	}
	shown := entrustment.Public(err)
	switch {
	case errors.Is(context.Cause(req.Context()), errStopping):
		shown = errStopping
		h.Logger.LogAttrs(req.Context(), slog.LevelWarn, "stopped before an answer", attrs...)
	case req.Context().Err() != nil:
		h.Logger.LogAttrs(req.Context(), slog.LevelInfo, "the asker went away", attrs...)
	case shown.Code == entrustment.CodeInternal:
		h.Logger.LogAttrs(req.Context(), slog.LevelError, "internal error", append(attrs, slog.String("error", err.Error()))...)
	default:
		h.Logger.LogAttrs(req.Context(), slog.LevelInfo, "refused", append(attrs, slog.String("code", string(shown.Code)))...)
	}
	h.refuse(w, shown)
}

// answered gives the level at which an answer is logged. What the front asks all the
// time by itself would bury what people ask: how the room is, and how far work is
// whose start was logged.
func answered(act string, caller Caller) slog.Level {
	if act == pollWork.name || act == room.name && caller == Service {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

var errPanic = errors.New("a panic")

func (h *handler) safely(ctx context.Context, act string, do func() (any, error)) (got any, err error) {
	defer func() {
		if recover() != nil {
			h.Logger.LogAttrs(ctx, slog.LevelError, "a panic", slog.String("act", act), slog.Any("at", frames()))
			got, err = nil, errPanic
		}
	}()
	return do()
}

// frames gives the functions and lines of a panic. A stack as the runtime prints
// it has arguments in it.
func frames() (out []string) {
	pc := make([]uintptr, 32)
	fs := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	for {
		f, more := fs.Next()
		out = append(out, f.Function+":"+strconv.Itoa(f.Line))
		if !more {
			return out
		}
	}
}

func (h *handler) refuse(w http.ResponseWriter, e *entrustment.Error) {
	p := problemOf(e)
	h.write(w, p.Status, problemType, p)
}

// write writes an answer. Whoever asked may be gone; then it stays unread.
func (h *handler) write(w http.ResponseWriter, status int, kind string, answer any) {
	raw, err := marshal(answer)
	if err != nil {
		h.Logger.Error("an answer that is no JSON", "error", err)
		status, kind, raw = http.StatusInternalServerError, problemType, []byte(`{"type":"urn:awase:refused","status":500,"code":"E_INTERNAL","detail":"internal error"}`)
	}
	writeAnswer(w, status, kind, raw)
}

func writeAnswer(w http.ResponseWriter, status int, kind string, raw []byte) {
	// A reader that stops reading must not hold the answer's memory for ever.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWait)) // a recorder of a test has none
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

// orNot forgives a connection that has no deadlines: one in memory.
func orNot(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// readJSON reads a request to its end: from then on the server notices when the
// asker goes away.
func (h *handler) readJSON(w http.ResponseWriter, req *http.Request, q any) error {
	control := http.NewResponseController(w)
	if err := orNot(control.SetReadDeadline(time.Now().Add(bodyWait))); err != nil {
		return err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRequest))
	if err != nil {
		if _, long := errors.AsType[*http.MaxBytesError](err); long {
			return errLong
		}
		return errSlow
	}
	if err := orNot(control.SetReadDeadline(time.Time{})); err != nil {
		return err
	}
	if unmarshal(raw, q) != nil {
		return errRequest // what the decoder says repeats the request
	}
	return nil
}

// readLine reads the line that a sealed file follows.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxRequest {
			return nil, errLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, errRequest
		default:
			return nil, err
		}
	}
}

// receiving is a sealed file that comes in.
type receiving struct {
	r        io.Reader
	wait     time.Duration
	limit    int64
	deadline func(time.Time) error
	set      time.Time // when the deadline was set
	ended    bool
}

// Read reads on, and gives up on a sender that stopped. One that broke off is no
// refusal: it took the file back.
func (r *receiving) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(r.set) > r.wait/8 {
		r.set = now
		if err := r.deadline(now.Add(r.wait)); err != nil {
			return 0, err
		}
	}
	n, err := r.r.Read(p)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		r.ended = true
		if err := r.deadline(time.Time{}); err != nil {
			return n, err
		}
		return n, io.EOF
	}
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return n, &entrustment.Error{Code: entrustment.CodeLimit, Field: "sealed file", Detail: fmt.Sprintf("it has more than %d bytes", r.limit), Mend: "load it in parts"}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, &entrustment.Error{Code: entrustment.CodeLimit, Field: "sealed file", Detail: "its sender stopped in the middle of it", Mend: "load it again"}
	}
	return n, fmt.Errorf("the sender broke off: %w", context.Canceled)
}
