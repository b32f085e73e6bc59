package api

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"awase/api/store"
	"awase/crypto/seal"
	"awase/entrustment"
)

// tusServer speaks tus 1.0 (creation, termination): tusd's handler over uploads
// and the inbox. The row of an upload is the one truth about it, so the data store
// is ours: tusd's own keeps another beside each file, and one that a crash left
// half written could not be resumed. Two PATCHes of an upload can't interleave:
// the later one, which is a sender that lost its connection, ends the earlier one.
type tusServer struct {
	*handler.UnroutedHandler
	locks *uploadLocks
}

// tusCall is one request on its way through tusd, in its context.
type tusCall struct {
	s       *Server
	c       *call
	body    *uploadBody
	refused error // why, in our words
}

type tusKey struct{}

func tusCallOf(ctx context.Context) *tusCall { return ctx.Value(tusKey{}).(*tusCall) }

// refuse keeps why a request is refused, and gives what ends it in tusd.
func (t *tusCall) refuse(err error) error {
	t.refused = err
	return handler.NewError("ERR_REFUSED", "refused", http.StatusBadRequest)
}

func (s *Server) newTus() (*tusServer, error) {
	t := &tusServer{locks: newUploadLocks()}
	composer := handler.NewStoreComposer()
	data := tusData{}
	composer.UseCore(data)
	composer.UseTerminater(data)
	composer.UseLocker(t.locks)
	var err error
	t.UnroutedHandler, err = handler.NewUnroutedHandler(handler.Config{
		StoreComposer:           composer,
		BasePath:                "/v1/uploads/",
		MaxSize:                 s.Uploads.Max,
		DisableDownload:         true,
		DisableConcatenation:    true,
		Cors:                    &handler.CorsConfig{Disable: true},
		Logger:                  slog.New(slog.NewTextHandler(io.Discard, nil)), // it would log what clients say; this server logs who asked what
		NetworkTimeout:          s.Uploads.Silence,
		PreUploadCreateCallback: reserveUpload,
	})
	return t, err
}

// discoverUploads says what of tus there is.
func (s *Server) discoverUploads(c *call) (*answer, error) {
	return s.viaTus(c, "", func(http.ResponseWriter, *http.Request) {}) // tusd answers OPTIONS before it
}

func (s *Server) createUpload(c *call) (*answer, error) {
	if c.ContentLength != 0 {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "body", Detail: "an upload is made without a body", Mend: "send its bytes with PATCH"}
	}
	return s.viaTus(c, "", s.tus.PostFile)
}

// tusOf serves an operation of an upload that is the asker's party's. That is
// known before tusd is asked: a lock that a stranger asks for would end the
// owner's PATCH.
func (s *Server) tusOf(do func(*tusServer, http.ResponseWriter, *http.Request)) func(*call) (*answer, error) {
	return func(c *call) (*answer, error) {
		u, err := s.upload(c.ctx(), c.who.Party, c.param("upload"))
		if err != nil {
			return nil, err
		}
		if !u.Ended.IsZero() {
			return nil, goneUpload(u)
		}
		return s.viaTus(c, u.ID, func(w http.ResponseWriter, r *http.Request) { do(s.tus, w, r) })
	}
}

// viaTus has tusd handle a request. What it refuses is a problem as any other.
func (s *Server) viaTus(c *call, id string, do http.HandlerFunc) (*answer, error) {
	t := &tusCall{s: s, c: c, body: &uploadBody{ReadCloser: c.Body, control: http.NewResponseController(c.gin.Writer)}}
	defer t.body.end()
	r := c.Request.WithContext(context.WithValue(c.ctx(), tusKey{}, t))
	url := *r.URL
	url.Path = id
	r.URL = &url
	r.Header, r.Body = maps.Clone(r.Header), t.body
	r.Header.Del("X-HTTP-Method-Override") // the operation was authorised by its method
	w := &tusWriter{ResponseWriter: c.gin.Writer, body: t.body, status: http.StatusOK}
	s.tus.Middleware(do).ServeHTTP(w, r)
	if w.status >= 400 {
		for k := range w.Header() {
			if strings.HasPrefix(k, "Upload-") {
				w.Header().Del(k)
			}
		}
		return nil, t.problem(w.status, w.text)
	}
	if at := w.Header().Get("Location"); at != "" {
		// tusd makes it of the request's Host, which is the client's word.
		w.Header().Set("Location", "/v1/uploads/"+at[strings.LastIndexByte(at, '/')+1:])
	}
	return &answer{serve: func(out http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(out).SetWriteDeadline(time.Time{}) // tusd's would end what the connection is used for next
		out.WriteHeader(w.status)
	}}, nil
}

// tusWriter holds back what tusd answers, which is headers, and a code in text
// where it refuses.
type tusWriter struct {
	http.ResponseWriter
	body   *uploadBody
	status int
	text   string
}

// WriteHeader keeps the status.
func (w *tusWriter) WriteHeader(status int) { w.status = status }

// Write keeps the text of a refusal.
func (w *tusWriter) Write(p []byte) (int, error) {
	if len(w.text) < 256 {
		w.text += string(p)
	}
	return len(p), nil
}

// SetReadDeadline sets until when the body is waited for.
func (w *tusWriter) SetReadDeadline(until time.Time) error { return w.body.wait(until) }

// Unwrap gives the writer whose other deadlines tusd sets.
func (w *tusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// problem gives a refusal of tusd in our words.
func (t *tusCall) problem(status int, text string) error {
	if t.refused != nil {
		return t.refused
	}
	code, _, _ := strings.Cut(text, ":")
	if t.c.Method == http.MethodHead && status >= 500 { // no text comes with these
		code = handler.ErrLockTimeout.ErrorCode
	}
	say := func(status int, code entrustment.Code, field, detail, mend string) error {
		return &withStatus{&entrustment.Error{Code: code, Field: field, Detail: detail, Mend: mend}, status}
	}
	const resume = "HEAD the upload, which says from where, and go on with PATCH"
	switch code {
	case handler.ErrUnsupportedVersion.ErrorCode:
		return say(status, entrustment.CodeSpec, "Tus-Resumable", "it is not 1.0.0", "speak tus 1.0 (https://tus.io), as docs/uploads.md shows")
	case handler.ErrMaxSizeExceeded.ErrorCode:
		return say(status, entrustment.CodeLimit, "Upload-Length", "a file may not be that long", "OPTIONS /v1/uploads says in Tus-Max-Size how long it may be; send it as several lists, with --change add")
	case handler.ErrSizeExceeded.ErrorCode:
		return say(status, entrustment.CodeLimit, "body", "it is more than the upload was said to be", resume)
	case handler.ErrInvalidUploadLength.ErrorCode, handler.ErrNotImplemented.ErrorCode, handler.ErrUploadLengthAndUploadDeferLength.ErrorCode, handler.ErrInvalidUploadDeferLength.ErrorCode:
		return say(http.StatusBadRequest, entrustment.CodeSpec, "Upload-Length", "it is not the length of a file", "say in bytes how long the sealed file is")
	case handler.ErrInvalidContentType.ErrorCode:
		return say(http.StatusUnsupportedMediaType, entrustment.CodeSpec, "Content-Type", "it is not application/offset+octet-stream", "send the bytes under that type")
	case handler.ErrInvalidOffset.ErrorCode:
		return say(status, entrustment.CodeSpec, "Upload-Offset", "it is not a number of bytes", resume)
	case handler.ErrMismatchOffset.ErrorCode:
		return say(status, CodeConflict, "Upload-Offset", "the upload stands elsewhere", resume)
	case handler.ErrFileLocked.ErrorCode, handler.ErrLockTimeout.ErrorCode:
		return &retryError{&entrustment.Error{Code: entrustment.CodeRate, Field: "upload", Detail: "another request to this upload did not end yet", Mend: "ask again in 5 s"}, 5}
	case handler.ErrUploadInterrupted.ErrorCode, handler.ErrUnexpectedEOF.ErrorCode, handler.ErrReadTimeout.ErrorCode, handler.ErrConnectionReset.ErrorCode:
		return say(http.StatusRequestTimeout, entrustment.CodeSpec, "body", "it did not come whole; what came is kept", resume)
	case handler.ErrNotFound.ErrorCode:
		return store.ErrNotFound
	}
	return errors.New("tusd, " + code)
}

// reserveUpload is the hook before an upload is made: it takes the upload's id,
// row and room in the inbox.
func reserveUpload(e handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
	t := tusCallOf(e.Context)
	id, err := t.reserve(e.Upload.Size)
	if err != nil {
		err = t.refuse(err)
	}
	return handler.HTTPResponse{}, handler.FileInfoChanges{ID: id, MetaData: handler.MetaData{}}, err
}

func (t *tusCall) reserve(size int64) (string, error) {
	what, name, err := uploadMetadata(t.c.Header.Values("Upload-Metadata"))
	if err != nil {
		return "", err
	}
	if size < int64(len(seal.Magic)) {
		return "", errNotSealed
	}
	if err := t.s.uploads(t.c, what, name == seal.EventsName); err != nil {
		return "", err
	}
	u := store.Upload{ID: newID("upl"), Party: t.c.who.Party, Person: t.c.who.Person, Entrustment: what, Name: name, Size: size, Created: t.s.Now()}
	o := t.s.Uploads
	err = t.s.Store.ReserveUpload(t.c.ctx(), u, store.UploadQuota{Bytes: o.Bytes, Files: o.Files})
	if errors.Is(err, store.ErrQuota) {
		err = &entrustment.Error{Code: entrustment.CodeLimit, Field: "Upload-Length", Detail: "the party has in the inbox what it may have, in bytes or in files",
			Mend: "load what waits there, or DELETE what is not wanted; GET /v1/uploads lists both"}
	}
	return u.ID, err
}

// uploadMetadata reads what an upload is for. Nothing else may stand there: above
// all no name of a file, which may name a person.
func uploadMetadata(headers []string) (entrustmentID, name string, _ error) {
	refused := func(detail string) (string, string, error) {
		return "", "", &entrustment.Error{Code: entrustment.CodeSpec, Field: "Upload-Metadata", Detail: detail,
			Mend: "send entrustment and name, each once, in base64, and nothing else: a file's name may name a person"}
	}
	if len(headers) != 1 || len(headers[0]) > 512 {
		return refused("it is not there once, or too long")
	}
	got := map[string]string{}
	for pair := range strings.SplitSeq(headers[0], ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		raw, err := base64.StdEncoding.Strict().DecodeString(value)
		if _, twice := got[key]; err != nil || twice || key != "entrustment" && key != "name" {
			return refused("it has a key that is not taken, or twice, or a value that is no base64")
		}
		got[key] = string(raw)
	}
	entrustmentID, name = got["entrustment"], got["name"]
	own := entrustmentID == seal.BaseEntrustment
	switch {
	case !own && entrustment.CheckID("entrustment", entrustmentID) != nil:
		return refused("entrustment is neither an entrustment's id nor @base")
	case name == seal.EventsName || own && name == seal.BaseName:
	case own || entrustment.CheckID("name", name) != nil:
		return refused("name is neither a list's name (under an entrustment), nor @events, nor @base (with the entrustment @base)")
	}
	return entrustmentID, name, nil
}

// tusData is tusd's data store: rows and the inbox.
type tusData struct{}

// NewUpload makes nothing: the row is there, and the file comes with its first
// byte.
func (tusData) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	return &tusUpload{tusCallOf(ctx), info.ID, info}, nil
}

// GetUpload gives an upload of the asker's party.
func (tusData) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	t := tusCallOf(ctx)
	u, err := t.s.upload(ctx, t.c.who.Party, id)
	if err != nil {
		return nil, t.refuse(err)
	}
	if !u.Ended.IsZero() {
		return nil, t.refuse(goneUpload(u))
	}
	info := handler.FileInfo{ID: id, Size: u.Size, Offset: u.Size}
	if u.State == store.UploadOpen {
		if info.Offset, _, err = t.s.inbox.offset(id); err != nil {
			return nil, t.refuse(err)
		}
		if info.Offset == u.Size { // all of it came, and then the front ended
			if err := t.finish(ctx, id); err != nil {
				return nil, t.refuse(err)
			}
		}
	}
	return &tusUpload{t, id, info}, nil
}

// AsTerminatableUpload gives the upload.
func (tusData) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	return u.(*tusUpload)
}

// finish notes that an upload is whole, once its file is on disk.
func (t *tusCall) finish(ctx context.Context, id string) error {
	if err := t.s.inbox.finish(id); err != nil {
		return err
	}
	return t.s.Store.CompleteUpload(ctx, id, t.s.Now())
}

// tusUpload is one upload in one request.
type tusUpload struct {
	t    *tusCall
	id   string
	info handler.FileInfo
}

// GetInfo gives how it stands.
func (u *tusUpload) GetInfo(context.Context) (handler.FileInfo, error) { return u.info, nil }

// WriteChunk appends.
func (u *tusUpload) WriteChunk(_ context.Context, offset int64, src io.Reader) (int64, error) {
	n, err := u.t.s.inbox.add(u.id, offset, src)
	u.info.Offset += n
	if errors.Is(err, errOffset) {
		return n, handler.ErrMismatchOffset
	}
	if err != nil {
		err = u.t.refuse(err)
	}
	return n, err
}

// GetReader gives nothing: what was sent in is not given out.
func (u *tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// FinishUpload puts the file on disk.
func (u *tusUpload) FinishUpload(ctx context.Context) error {
	if err := u.t.finish(ctx, u.id); err != nil {
		return u.t.refuse(err)
	}
	return nil
}

// Terminate takes the upload back.
func (u *tusUpload) Terminate(ctx context.Context) error {
	if err := u.t.s.Store.DropUpload(ctx, u.t.c.who.Party, u.id); err != nil {
		return u.t.refuse(err)
	}
	if err := u.t.s.inbox.remove(u.id); err != nil {
		return u.t.refuse(err)
	}
	return nil
}
